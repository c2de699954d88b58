//! Where statements begin and end.

use crate::ast::lex::{BoundaryKind, Scan, Token, TokenKind, next_token, tokens};

/// What kind of statements stand in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    /// A file's statements.
    File,
    /// What stands inside `on … { }`: rules and invariants.
    Block,
    /// What stands inside `test … { }`: `given` and cases.
    Test,
    /// What stands inside a declaration: `tier: seed;`.
    Members,
}

/// The text of a statement: up to its `;`, or up to the `}` of its block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    /// Its first byte.
    pub(super) start: usize,
    /// One past its last byte; its `;` or `}` belongs to it.
    pub(super) end: usize,
    /// Where the `{` of its block stands.
    pub(super) brace: Option<usize>,
    /// Whether the block has its `}`.
    pub(super) closed: bool,
}

impl Chunk {
    /// What stands before its block, or else all of it.
    pub(super) fn head(&self) -> std::ops::Range<usize> {
        self.start..self.brace.unwrap_or(self.end)
    }

    /// What stands inside its block.
    pub(super) fn body(&self) -> std::ops::Range<usize> {
        let start = self.brace.map_or(self.end, |brace| brace.saturating_add(1));
        start..if self.closed { self.end.saturating_sub(1) } else { self.end }.max(start)
    }
}

/// The next statement that begins at or after `from` and before `to`. A closing bracket where a statement should begin
/// comes alone.
pub(super) fn next_chunk(text: &str, from: usize, to: usize, scan: &Scan) -> Option<Chunk> {
    let first = significant(text, from, to).next()?;
    let mut chunk = Chunk { start: first.start, end: first.end, brace: None, closed: false };
    if let TokenKind::Close(_) = first.kind {
        return Some(chunk);
    }
    let mut depth = 0_usize;
    let next = scan.boundaries.partition_point(|boundary| boundary.start() < first.start);
    for boundary in scan.boundaries.iter().skip(next).take_while(|boundary| boundary.start() < to) {
        chunk.end = boundary.end();
        match boundary.kind {
            BoundaryKind::Open => {
                depth = depth.saturating_add(1);
                chunk.brace = chunk.brace.or(Some(boundary.start()));
                if scan.unclosed.binary_search(&boundary.start()).is_ok() {
                    chunk.end = next_in_first_column(text, boundary.end(), to);
                    return Some(chunk);
                }
            }
            BoundaryKind::Close => {
                chunk.closed = depth == 1;
                depth = depth.saturating_sub(1);
                if chunk.closed {
                    return Some(chunk);
                }
            }
            BoundaryKind::Semicolon if depth == 0 => return Some(chunk),
            BoundaryKind::Semicolon => {}
        }
    }
    // Nothing ends it but its surroundings.
    chunk.end = significant(text, chunk.end, to).last().map_or(chunk.end, |last| last.end);
    Some(chunk)
}

/// A block without its `}` is taken to end where a statement begins a line, or else with its surroundings.
fn next_in_first_column(text: &str, from: usize, to: usize) -> usize {
    let first_column = |token: &Token| text.get(..token.start).is_some_and(|before| before.ends_with('\n'));
    let opens = |token: &Token| opens(text, *token, Context::File) || token.of(text) == "on";
    significant(text, from, to).find(|token| first_column(token) && opens(token)).map_or(to, |token| token.start)
}

/// All tokens that begin in a range, without comments.
pub(super) fn significant(text: &str, from: usize, to: usize) -> impl Iterator<Item = Token> {
    tokens(text, from)
        .take_while(move |token| token.start < to)
        .filter(|token| !matches!(token.kind, TokenKind::Comment { .. }))
}

/// The first place at or after `from` where a line begins like a statement; white space before `from` counts.
pub(super) fn next_opening(text: &str, from: usize, to: usize, context: Context) -> Option<usize> {
    significant(text, from, to)
        .find(|token| starts_line(text, *token) && opens(text, *token, context))
        .map(|token| token.start)
}

/// Whether only white space stands before a token on its line.
pub(super) fn starts_line(text: &str, token: Token) -> bool {
    let before = text.get(..token.start).unwrap_or_default();
    let blank = before.trim_end_matches([' ', '\t', '\r']);
    blank.is_empty() || blank.ends_with('\n')
}

/// Words that only a rule or an invariant begins with.
pub(super) const RULE_WORDS: [&str; 9] =
    ["allow", "always", "deny", "gate", "limit", "never", "oblige", "require", "shadow"];

/// Words that the statements of the vocabulary begin with.
pub(super) const VOCABULARY_WORDS: [&str; 9] =
    ["actions", "attribute", "condition", "kinds", "role", "set", "tiers", "timezone", "window"];

/// Whether a token and those after it look like the beginning of a statement. `on` does not: it also continues one.
pub(super) fn opens(text: &str, token: Token, context: Context) -> bool {
    let word = token.of(text);
    let next = after(text, token);
    let next_is = |kinds: fn(TokenKind) -> bool| next.is_some_and(|next| kinds(next.kind));
    let next_says = |word: &str| next.is_some_and(|next| next.of(text) == word);
    let third = || next.and_then(|next| after(text, next)).map_or("", |third| third.of(text));
    let is_word = token.kind == TokenKind::Word;
    match context {
        Context::File | Context::Block => {
            is_word
                && (RULE_WORDS.contains(&word)
                    || VOCABULARY_WORDS.contains(&word) && next_is(is_name)
                    || next_says(":") && RULE_WORDS.contains(&third())
                    || word == "test" && next_is(is_string)
                    || next_is(is_string) && third() == "{")
        }
        Context::Test => match word {
            "given" | "release" if next_is(|kind| kind == TokenKind::Word) && !next_says("on") => true,
            "repeat" | "release" | "after" if next_is(|kind| kind == TokenKind::Number) => true,
            _ => is_name(token.kind) && next_says("on"),
        },
        Context::Members => is_word && next_says(":"),
    }
}

fn after(text: &str, token: Token) -> Option<Token> {
    next_token(text, token.end)
}

fn is_string(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::String { .. })
}

fn is_name(kind: TokenKind) -> bool {
    kind == TokenKind::Word || is_string(kind)
}
