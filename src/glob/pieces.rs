//! A pattern as a sequence of steps.

use std::fmt;

/// The longest pattern, in characters.
pub(super) const MAX_CHARACTERS: usize = 1_024;
/// The most runs (`*`, `**`) in one pattern.
const MAX_RUNS: usize = 64;

/// What a pattern is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Texts, principal ids: `/` is nothing special.
    Text,
    /// Ids of resources: `/` separates.
    Resource,
}

/// One step of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// This character.
    Literal(char),
    /// One character of a class.
    One(Class),
    /// Any number of characters of a class, also none.
    Run(Class),
}

/// Which characters a wildcard stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// All but `/`.
    Segment,
    /// All.
    Any,
}

/// Why a pattern is not one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlobError {
    offset: usize,
    message: &'static str,
}

impl GlobError {
    /// Where in the pattern, in bytes.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// What is wrong there.
    #[must_use]
    pub const fn message(&self) -> &str {
        self.message
    }
}

impl fmt::Display for GlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl std::error::Error for GlobError {}

impl Piece {
    /// The character that it is, if it is no wildcard.
    pub(super) const fn literal(self) -> Option<char> {
        match self {
            Self::Literal(c) => Some(c),
            Self::One(_) | Self::Run(_) => None,
        }
    }

    /// Whether some character may stand at both.
    pub(super) fn meets(self, other: Self) -> bool {
        match (self, other) {
            (Self::Literal(a), Self::Literal(b)) => a == b,
            (Self::Literal(c), Self::One(class) | Self::Run(class))
            | (Self::One(class) | Self::Run(class), Self::Literal(c)) => class == Class::Any || c != '/',
            (Self::One(_) | Self::Run(_), Self::One(_) | Self::Run(_)) => true,
        }
    }
}

/// The steps of a pattern; no two runs stand side by side.
pub(super) fn parse(pattern: &str, scope: Scope) -> Result<Vec<Piece>, GlobError> {
    let refused = |offset, message| Err(GlobError { offset, message });
    if let Some((offset, _)) = pattern.char_indices().nth(MAX_CHARACTERS) {
        return refused(offset, "a pattern has at most 1,024 characters");
    }
    let one = match scope {
        Scope::Text => Class::Any,
        Scope::Resource => Class::Segment,
    };
    let mut pieces = Vec::new();
    let mut runs = 0_usize;
    let mut rest = pattern.char_indices().peekable();
    while let Some((offset, c)) = rest.next() {
        pieces.push(match c {
            '\\' => match rest.next() {
                Some((_, c @ ('*' | '?' | '\\'))) => Piece::Literal(c),
                Some(_) | None => return refused(offset, "a backslash must be followed by `*`, `?` or `\\`"),
            },
            '?' => Piece::One(one),
            '*' => {
                runs = runs.saturating_add(1);
                if runs > MAX_RUNS {
                    return refused(offset, "a pattern has at most 64 runs (`*` or `**`)");
                }
                let mut class = one;
                while rest.next_if(|(_, c)| *c == '*').is_some() {
                    class = Class::Any;
                }
                Piece::Run(class)
            }
            c => Piece::Literal(c),
        });
    }
    Ok(pieces)
}
