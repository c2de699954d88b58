//! Why a statement was not matched, in words.

use super::{
    constant::bad_constant,
    grammar::{Mismatch, Rule, read},
    misplaced::misplaced,
    node::Place,
    reader::shorten,
    reserved::reserved,
    slip,
    split::{Chunk, Context, VOCABULARY_WORDS},
    words,
};
use crate::{
    ast::lex::{Token, TokenKind},
    report::{Diagnostic, codes},
    source::{FileId, Span},
};
use std::ops::Range;

/// A place where the grammar gave up.
#[derive(Debug)]
pub(super) struct Fault<'a> {
    /// The file.
    pub(super) file: FileId,
    /// Its whole text.
    pub(super) text: &'a str,
    /// The statement.
    pub(super) chunk: Chunk,
    /// What kind of statement it should be.
    pub(super) context: Context,
    /// What stands there; it may be the first thing after the statement.
    pub(super) found: Option<Token>,
    /// What stands before it.
    pub(super) previous: Option<Token>,
    /// What would have fitted.
    pub(super) expected: Vec<Rule>,
    /// The rule that the statement, or what stands before its block, was read as.
    pub(super) rule: Rule,
    /// What was read.
    pub(super) range: Range<usize>,
}

/// Statements longer than this are not read a second time to find out more about them.
const LONG: usize = 1 << 16;

impl Fault<'_> {
    /// What stands there, if it belongs to the statement.
    pub(super) fn found_inside(&self) -> Option<Token> {
        self.found.filter(|found| found.start < self.chunk.end)
    }

    /// Whether any of these would have fitted.
    pub(super) fn expects(&self, rules: &[Rule]) -> bool {
        self.expected.iter().any(|rule| rules.contains(rule))
    }

    /// What was expected, without what nobody meant: `set` could also begin a label or a kind.
    fn likely(&self) -> Vec<Rule> {
        let first = self.previous.filter(|previous| previous.start == self.chunk.start);
        let keyword = first.map_or("", |first| first.of(self.text));
        let vocabulary = VOCABULARY_WORDS.contains(&keyword);
        let unlikely = |rule: &Rule| *rule == Rule::colon || *rule == Rule::string && keyword != "timezone";
        self.expected.iter().copied().filter(|rule| !(vocabulary && unlikely(rule))).collect()
    }

    /// Whether nothing but a text in quotes would have fitted.
    pub(super) fn expects_only_text(&self) -> bool {
        let likely = self.likely();
        !likely.is_empty() && likely.iter().all(|rule| *rule == Rule::string)
    }

    /// The statement's text, unless it is so long that reading it again would take too much time.
    pub(super) fn short_text(&self) -> Option<&str> {
        self.text.get(self.range.clone()).filter(|text| text.len() < LONG)
    }

    /// Reads the statement again with another text in place of a token.
    pub(super) fn read_with(&self, token: Token, text: &str) -> Option<Result<(), Mismatch>> {
        let before = self.short_text()?.get(..token.start.checked_sub(self.range.start)?)?;
        let after = self.text.get(token.end..self.range.end)?;
        Some(read(self.rule, &format!("{before}{text}{after}")).map(|_| ()))
    }

    /// What would have fitted in place of a token.
    pub(super) fn expected_at(&self, token: Token) -> Option<Vec<Rule>> {
        self.read_with(token, "?")?.err().map(|mismatch| mismatch.expected)
    }

    /// The span of a token.
    pub(super) fn span(&self, token: Token) -> Span {
        let place = Place { file: self.file, base: 0, end: self.text.len() };
        // Only what stands on the token's first line is underlined.
        let line = token.of(self.text).lines().next().map_or(0, str::len);
        place.span(token.start, token.start.saturating_add(line))
    }

    /// Where it is reported: at what stands there, or at the end of what stands before it.
    pub(super) fn place(&self) -> Span {
        match (self.found_inside(), self.previous) {
            (Some(found), _) => self.span(found),
            (None, Some(previous)) => self.span(previous).after(),
            (None, None) => Span::new(self.file, 0, 0),
        }
    }
}

/// Says what was expected and what was found.
pub(super) fn explain(fault: &Fault<'_>) -> Diagnostic {
    misplaced(fault)
        .or_else(|| reserved(fault))
        .or_else(|| slip::in_statement_word(fault))
        .or_else(|| slip::kind_without_id(fault))
        .or_else(|| bad_constant(fault))
        .or_else(|| foreign(fault))
        .unwrap_or_else(|| unexpected(fault).maybe_help(slip::help(fault)))
}

fn unexpected(fault: &Fault<'_>) -> Diagnostic {
    let found = found(fault);
    let expected = words::expected(&fault.likely());
    let message =
        if expected.is_empty() { format!("unexpected {found}") } else { format!("expected {expected}, found {found}") };
    Diagnostic::new(codes::SYNTAX, fault.place(), message)
}

/// What stands there, in words.
fn found(fault: &Fault<'_>) -> String {
    let Some(token) = fault.found_inside() else {
        return match fault.found {
            Some(after) if after.of(fault.text) == "}" => "`}`".to_owned(),
            Some(_) => "the end of the statement".to_owned(),
            None => "the end of the file".to_owned(),
        };
    };
    let text = token.of(fault.text);
    match token.kind {
        TokenKind::Word | TokenKind::Number | TokenKind::String { .. } | TokenKind::ForeignString => {
            format!("`{}`", shorten(text))
        }
        TokenKind::Open(_) | TokenKind::Close(_) | TokenKind::Semicolon | TokenKind::Mark => format!("`{text}`"),
        TokenKind::Comment { .. } => "a comment".to_owned(),
        TokenKind::Foreign | TokenKind::Control => {
            let c = text.chars().next().unwrap_or_default();
            format!("the character U+{:04X}", u32::from(c))
        }
    }
}

/// Characters that no statement has outside of strings.
fn foreign(fault: &Fault<'_>) -> Option<Diagnostic> {
    let token = fault.found_inside()?;
    let text = token.of(fault.text);
    if token.kind == TokenKind::Foreign {
        let c = text.chars().next()?;
        let shown = if c.is_whitespace() { String::new() } else { format!(" (`{c}`)") };
        let message = format!("the character U+{:04X}{shown} stands outside of a string", u32::from(c));
        let help = if c.is_whitespace() { "write an ordinary space" } else { "remove it, or write it in quotes" };
        return Some(Diagnostic::new(codes::SYNTAX, fault.span(token), message).help(help));
    }
    let foreign_word = token.kind == TokenKind::Word && !text.is_ascii();
    foreign_word.then(|| {
        let message = format!("`{}` has letters that a name without quotes cannot have", shorten(text));
        let help = format!("names are made of ASCII letters, digits, `_` and `-`; where a text fits, write \"{text}\"");
        Diagnostic::new(codes::SYNTAX, fault.span(token), message).help(help)
    })
}
