//! Globs: patterns for texts and for ids of resources.
//!
//! `*` stands for any run of characters and `?` for one; `\*`, `\?` and `\\` are the characters themselves. In a pattern
//! for resources `*` and `?` stop at `/` and `**` does not; in one for texts `/` is a character like any other. A
//! pattern is compiled to an automaton, so matching takes time in proportion to the text, whatever the pattern.

use regex_automata::{
    Anchored, Input,
    meta::{BuildError, Config, Regex},
};
use std::{fmt, fmt::Write};

/// The longest pattern, in characters.
const MAX_CHARACTERS: usize = 1_024;
/// The most runs (`*`, `**`) in one pattern.
const MAX_RUNS: usize = 64;
/// The most memory that one compiled pattern may take, in bytes. No pattern within the other limits needs as much.
const MAX_COMPILED: usize = 4 << 20;
/// The most memory that matching one pattern may take for each thread, in bytes, whatever texts are thrown at it. A
/// pattern that would need more is matched more slowly, still in proportion to the text.
const MAX_CACHED: usize = 64 << 10;

/// A compiled pattern. Two are the same if they are written the same, for the same use.
#[derive(Clone)]
pub struct Glob {
    pattern: String,
    scope: Scope,
    pieces: Vec<Piece>,
    matcher: Matcher,
}

/// What a pattern is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Texts, principal ids: `/` is nothing special.
    Text,
    /// Ids of resources: `/` separates.
    Resource,
}

/// One step of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// Exactly one character of a class.
    One(Class),
    /// Any number of characters of a class, also none.
    Run(Class),
}

/// Which characters may stand at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// This one only.
    Exactly(char),
    /// All but `/`.
    Segment,
    /// All.
    Any,
}

#[derive(Clone)]
enum Matcher {
    /// The pattern has no wildcard and stands for this text.
    Literal(String),
    /// The pattern as an automaton.
    Automaton(Regex),
}

/// Why a pattern is not one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlobError {
    offset: usize,
    message: String,
}

impl GlobError {
    fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, message: message.into() }
    }

    /// Where in the pattern, in bytes.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// What is wrong there.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for GlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for GlobError {}

impl Glob {
    /// A pattern for texts and principal ids: `*` and `?` cross `/`.
    ///
    /// # Errors
    ///
    /// A backslash that escapes nothing, or a pattern that exceeds a limit.
    pub fn text(pattern: &str) -> Result<Self, GlobError> {
        Self::new(pattern, Scope::Text)
    }

    /// A pattern for ids of resources: `*` and `?` stop at `/`, `**` does not.
    ///
    /// # Errors
    ///
    /// A backslash that escapes nothing, or a pattern that exceeds a limit.
    pub fn resource(pattern: &str) -> Result<Self, GlobError> {
        Self::new(pattern, Scope::Resource)
    }

    fn new(pattern: &str, scope: Scope) -> Result<Self, GlobError> {
        let pieces = parse(pattern, scope)?;
        let matcher = match literal(&pieces) {
            Some(text) => Matcher::Literal(text),
            None => Matcher::Automaton(compile(&pieces).map_err(|error| GlobError::new(0, error.to_string()))?),
        };
        Ok(Self { pattern: pattern.to_owned(), scope, pieces, matcher })
    }

    /// The pattern of exactly one text.
    #[must_use]
    pub fn escape(text: &str) -> String {
        text.chars().flat_map(|c| matches!(c, '*' | '?' | '\\').then_some('\\').into_iter().chain([c])).collect()
    }

    /// The pattern as it is written.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The one text that it stands for, if it has no wildcard.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        match &self.matcher {
            Matcher::Literal(text) => Some(text),
            Matcher::Automaton(_) => None,
        }
    }

    /// What every text that it stands for begins with: all before its first wildcard.
    #[must_use]
    pub fn prefix(&self) -> String {
        let exactly = |piece: &Piece| if let Piece::One(Class::Exactly(c)) = piece { Some(*c) } else { None };
        self.pieces.iter().map_while(exactly).collect()
    }

    /// Whether it stands for the whole of a text.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        match &self.matcher {
            Matcher::Literal(literal) => literal == text,
            Matcher::Automaton(regex) => regex.is_match(Input::new(text).anchored(Anchored::Yes)),
        }
    }

    /// Whether some text matches both.
    ///
    /// Both patterns are walked at once: a place is a piece of the one and a piece of the other, a step is a character
    /// that both allow, or leaving a run. Each place is visited once.
    #[must_use]
    pub fn intersects(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.pieces.as_slice(), other.pieces.as_slice());
        let width = theirs.len().saturating_add(1);
        let mut seen = vec![false; ours.len().saturating_add(1).saturating_mul(width)];
        let mut waiting = vec![(0_usize, 0_usize)];
        while let Some((i, j)) = waiting.pop() {
            let Some(seen) = seen.get_mut(i.saturating_mul(width).saturating_add(j)) else { continue };
            if std::mem::replace(seen, true) {
                continue;
            }
            let (next_i, next_j) = (i.saturating_add(1), j.saturating_add(1));
            match (ours.get(i), theirs.get(j)) {
                (None, None) => return true,
                (Some(Piece::One(a)), Some(Piece::One(b))) => {
                    waiting.extend(a.meets(*b).then_some((next_i, next_j)));
                }
                (Some(Piece::Run(a)), Some(Piece::One(b))) => {
                    waiting.push((next_i, j));
                    waiting.extend(a.meets(*b).then_some((i, next_j)));
                }
                (Some(Piece::One(a)), Some(Piece::Run(b))) => {
                    waiting.push((i, next_j));
                    waiting.extend(a.meets(*b).then_some((next_i, j)));
                }
                (Some(Piece::Run(_)), Some(Piece::Run(_))) => waiting.extend([(next_i, j), (i, next_j)]),
                (Some(Piece::Run(_)), None) => waiting.push((next_i, j)),
                (None, Some(Piece::Run(_))) => waiting.push((i, next_j)),
                (Some(Piece::One(_)), None) | (None, Some(Piece::One(_))) => {}
            }
        }
        false
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.scope == other.scope && self.pattern == other.pattern
    }
}

impl Eq for Glob {}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Glob::{:?}({:?})", self.scope, self.pattern)
    }
}

impl Class {
    /// Whether some character is in both.
    fn meets(self, other: Self) -> bool {
        match (self, other) {
            (Self::Exactly(a), Self::Exactly(b)) => a == b,
            (Self::Exactly(c), Self::Segment) | (Self::Segment, Self::Exactly(c)) => c != '/',
            (Self::Any, Self::Exactly(_) | Self::Segment | Self::Any)
            | (Self::Exactly(_) | Self::Segment, Self::Any)
            | (Self::Segment, Self::Segment) => true,
        }
    }
}

/// The steps of a pattern; no two runs stand side by side.
fn parse(pattern: &str, scope: Scope) -> Result<Vec<Piece>, GlobError> {
    if let Some((offset, _)) = pattern.char_indices().nth(MAX_CHARACTERS) {
        return Err(GlobError::new(offset, "a pattern has at most 1,024 characters"));
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
                Some((_, c @ ('*' | '?' | '\\'))) => Piece::One(Class::Exactly(c)),
                Some(_) | None => {
                    return Err(GlobError::new(offset, "a backslash must be followed by `*`, `?` or `\\`"));
                }
            },
            '?' => Piece::One(one),
            '*' => {
                runs = runs.saturating_add(1);
                if runs > MAX_RUNS {
                    return Err(GlobError::new(offset, "a pattern has at most 64 runs (`*` or `**`)"));
                }
                let mut class = one;
                while rest.next_if(|(_, c)| *c == '*').is_some() {
                    class = Class::Any;
                }
                Piece::Run(class)
            }
            c => Piece::One(Class::Exactly(c)),
        });
    }
    Ok(pieces)
}

/// The one text that the pieces stand for.
fn literal(pieces: &[Piece]) -> Option<String> {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::One(Class::Exactly(c)) => Some(*c),
            Piece::One(Class::Segment | Class::Any) | Piece::Run(_) => None,
        })
        .collect()
}

/// The pieces as an automaton. Characters are written as numbers, so none has a meaning of its own to the library.
fn compile(pieces: &[Piece]) -> Result<Regex, Box<BuildError>> {
    let mut expression = String::from("(?s)");
    for piece in pieces {
        let (class, repeat) = match piece {
            Piece::One(class) => (class, ""),
            Piece::Run(class) => (class, "*"),
        };
        // Writing to a string cannot fail.
        let _ = match class {
            Class::Exactly(c) => write!(expression, r"\x{{{:X}}}{repeat}", u32::from(*c)),
            Class::Segment => write!(expression, "[^/]{repeat}"),
            Class::Any => write!(expression, ".{repeat}"),
        };
    }
    expression.push_str(r"\z");
    let config =
        Config::new().nfa_size_limit(Some(MAX_COMPILED)).hybrid_cache_capacity(MAX_CACHED).onepass(false).dfa(false);
    Regex::builder().configure(config).build(&expression).map_err(Box::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(pattern: &str) -> Glob {
        Glob::text(pattern).unwrap()
    }

    fn resource(pattern: &str) -> Glob {
        Glob::resource(pattern).unwrap()
    }

    /// The meaning of a pattern, one character at a time.
    fn matches(scope: Scope, pattern: &[char], text: &[char]) -> bool {
        let crosses = |c: &char| scope == Scope::Text || *c != '/';
        match pattern {
            [] => text.is_empty(),
            ['*', '*', rest @ ..] if scope == Scope::Resource => {
                (0..=text.len()).any(|skipped| matches(scope, rest, &text[skipped..]))
            }
            ['*', rest @ ..] => (0..=text.len())
                .take_while(|skipped| text[..*skipped].iter().all(crosses))
                .any(|skipped| matches(scope, rest, &text[skipped..])),
            ['?', rest @ ..] => text.first().is_some_and(crosses) && matches(scope, rest, &text[1..]),
            ['\\', c, rest @ ..] | [c, rest @ ..] => text.first() == Some(c) && matches(scope, rest, &text[1..]),
        }
    }

    fn chars(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    /// All texts of up to `longest` characters of `alphabet`.
    fn texts(alphabet: &[char], longest: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..longest {
            last = last.iter().flat_map(|text| alphabet.iter().map(move |c| format!("{text}{c}"))).collect();
            all.extend(last.iter().cloned());
        }
        all
    }

    #[test]
    fn stars_and_question_marks_in_texts_cross_slashes() {
        assert!(text("*@partner.com").is_match("a/b@partner.com"));
        assert!(!text("*@partner.com").is_match("a@partner.com.evil"));
        assert!(!text("*@partner.com").is_match("a@partnerxcom"));
        assert!(text("a?c").is_match("a/c"));
        assert!(text("a?c").is_match("aüc") && text("a?c").is_match("a😀c"));
        assert!(!text("a?c").is_match("ac") && !text("a?c").is_match("AbC"));
        assert!(text("*").is_match("") && text("*").is_match("a\nb") && text("**").is_match("a/b"));
        assert!(!text("").is_match("a") && text("").is_match(""));
    }

    #[test]
    fn in_resources_only_two_stars_cross_slashes() {
        assert!(resource("acme/*").is_match("acme/chat") && resource("acme/*").is_match("acme/"));
        assert!(!resource("acme/*").is_match("acme/chat/v2") && !resource("acme/*").is_match("acmex/chat"));
        assert!(resource("acme/**").is_match("acme/chat/v2") && resource("**").is_match("a/b"));
        assert!(resource("***").is_match("a/b"));
        assert!(!resource("a?b").is_match("a/b") && resource("a?b").is_match("a\nb"));
        assert!(!resource("*").is_match("a/b"));
    }

    #[test]
    fn escaped_characters_stand_for_themselves() {
        let glob = text(r"50\*");
        assert_eq!(glob.literal(), Some("50*"));
        assert!(glob.is_match("50*") && !glob.is_match("500"));
        assert_eq!(text(r"\?\\").literal(), Some(r"?\"));
        assert_eq!(text("a*").literal(), None);
        assert!(text(r"*.[a-z]+(\*)^$|{2}").is_match("x.[a-z]+(*)^$|{2}"));
        assert_eq!(Glob::escape(r"a*b?c\d/e"), r"a\*b\?c\\d/e");
    }

    #[test]
    fn what_is_no_pattern_is_refused_where_it_goes_wrong() {
        let refused = |pattern: &str| {
            let error = Glob::resource(pattern).unwrap_err();
            format!("{} at {}", error.message(), error.offset())
        };
        assert_eq!(refused("ü\\"), r"a backslash must be followed by `*`, `?` or `\` at 2");
        assert_eq!(refused(r"ab\nc"), r"a backslash must be followed by `*`, `?` or `\` at 2");
        assert_eq!(refused(&"ü".repeat(1_025)), "a pattern has at most 1,024 characters at 2048");
        assert_eq!(refused(&"*a".repeat(65)), "a pattern has at most 64 runs (`*` or `**`) at 128");
    }

    #[test]
    fn the_largest_patterns_are_accepted() {
        for largest in ["?".repeat(1_024), "😀".repeat(1_024), "*?".repeat(64) + &"?".repeat(896), "*a".repeat(64)] {
            for glob in [text(&largest), resource(&largest)] {
                assert!(glob.intersects(&glob));
                assert!(!glob.is_match("b"));
            }
        }
        assert!(text(&"*a".repeat(64)).is_match(&"ba".repeat(5_000)));
        assert!(!text(&"*a".repeat(64)).is_match(&("ba".repeat(5_000) + "b")));
    }

    #[test]
    fn patterns_are_the_same_if_written_the_same_for_the_same_use() {
        assert_eq!(text("a*"), text("a*"));
        assert_ne!(text("a*"), resource("a*"));
        assert_ne!(text("a*"), text("a**"));
        assert_eq!(text("a*").pattern(), "a*");
        assert_eq!(format!("{:?}", text("a*")), r#"Glob::Text("a*")"#);
    }

    #[test]
    fn patterns_meet_where_some_text_matches_both() {
        assert!(resource("acme/*").intersects(&resource("*/chat")));
        assert!(!resource("acme/*").intersects(&resource("acme/*/v2")));
        assert!(resource("acme/**").intersects(&resource("acme/*/v2")));
        assert!(!resource("*").intersects(&resource("*/*")));
        assert!(text("*").intersects(&resource("*/*")));
        assert!(!resource("?").intersects(&resource("/")));
        assert!(!text("*.com").intersects(&text("*.org")));
    }

    proptest! {
        #[test]
        fn a_match_is_what_the_pattern_means(
            pattern in r"([ab/ü*?]|\\[*?\\]){0,8}",
            subject in r"[ab/ü*?\\]{0,8}",
        ) {
            for (glob, scope) in [(text(&pattern), Scope::Text), (resource(&pattern), Scope::Resource)] {
                let expected = matches(scope, &chars(&pattern), &chars(&subject));
                prop_assert_eq!(glob.is_match(&subject), expected, "{:?}", glob);
                if let Some(literal) = glob.literal() {
                    prop_assert!(glob.is_match(literal));
                    prop_assert_eq!(subject == literal, expected);
                }
            }
        }

        #[test]
        fn an_escaped_text_matches_itself_only(one in r"[ab*?\\/]{0,6}", other in r"[ab*?\\/]{0,6}") {
            let glob = resource(&Glob::escape(&one));
            prop_assert_eq!(glob.literal(), Some(one.as_str()));
            prop_assert_eq!(glob.is_match(&other), one == other);
        }

        #[test]
        fn patterns_meet_exactly_where_a_text_matches_both(
            one in "[ab/*?]{0,4}", other in "[ab/*?]{0,4}", scopes in any::<(bool, bool)>(),
        ) {
            let of = |pattern: &str, is_text| if is_text { text(pattern) } else { resource(pattern) };
            let (one, other) = (of(&one, scopes.0), of(&other, scopes.1));
            // Each character of a shortest common text is demanded by one of the two. Without a run a pattern of four
            // pieces demands the length four; with one each, the two demand at most six characters.
            let expected = texts(&['a', 'b', '/', 'c'], 6).iter().any(|t| one.is_match(t) && other.is_match(t));
            prop_assert_eq!(one.intersects(&other), expected, "{:?} {:?}", one, other);
            prop_assert_eq!(other.intersects(&one), expected);
        }
    }
}
