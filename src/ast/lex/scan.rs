//! One pass over a text: its comments, and what is never closed, never opened or nested too deeply.

use super::{Bracket, Token, TokenKind, tokens};
use crate::{
    ast::MAX_NESTING,
    report::{Code, Diagnostic, codes},
    source::{FileId, Span},
};
use std::ops::Range;

/// So many errors are reported of one file; what follows them is not read.
pub(in crate::ast) const MAX_FINDINGS: usize = 1_000;

/// What one pass over a text has found.
#[derive(Debug, Default)]
pub(in crate::ast) struct Scan {
    /// All comments, in order.
    pub(in crate::ast) remarks: Vec<Remark>,
    /// All errors, in order.
    pub(in crate::ast) findings: Vec<Finding>,
    /// Every `;`, `{` and `}`, in order.
    pub(in crate::ast) boundaries: Vec<Boundary>,
    /// Where the `{` stand that are never closed, in order.
    pub(in crate::ast) unclosed: Vec<usize>,
    /// Where reading stopped: the end of the text, unless there were too many errors.
    pub(in crate::ast) end: usize,
}

/// An error and where it begins.
#[derive(Debug)]
pub(in crate::ast) struct Finding {
    /// Where the text stops making sense.
    pub(in crate::ast) at: usize,
    /// What is wrong.
    pub(in crate::ast) diagnostic: Diagnostic,
}

/// A `;`, `{` or `}`. A large text has millions of them.
#[derive(Debug, Clone, Copy)]
pub(in crate::ast) struct Boundary {
    at: u32,
    /// Which it is.
    pub(in crate::ast) kind: BoundaryKind,
}

/// Which of the marks that statements end with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ast) enum BoundaryKind {
    /// `;`
    Semicolon,
    /// `{`
    Open,
    /// `}`
    Close,
}

/// A comment.
#[derive(Debug, Clone, Copy)]
pub(in crate::ast) struct Remark {
    /// Its first byte.
    pub(in crate::ast) start: usize,
    /// One past its last byte.
    pub(in crate::ast) end: usize,
    /// What it is for.
    pub(in crate::ast) usage: RemarkUse,
    /// Whether something other than white space stands before it on its line.
    pub(in crate::ast) trailing: bool,
}

/// What a comment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ast) enum RemarkUse {
    /// `//`, `/* */`: whatever its author likes
    Plain,
    /// `///`: documenting a statement, if it finds one
    Doc,
    /// `///` where nothing can be documented and nobody minds
    Quiet,
    /// `///` that has found its statement
    Attached,
}

impl Scan {
    /// The comments that begin in a range.
    pub(in crate::ast) fn remarks_in(&self, range: &Range<usize>) -> &[Remark] {
        let before = |at: usize| self.remarks.partition_point(|remark| remark.start < at);
        self.remarks.get(before(range.start)..before(range.end)).unwrap_or_default()
    }
}

impl Boundary {
    /// Where it stands.
    pub(in crate::ast) const fn start(self) -> usize {
        self.at as usize
    }

    /// One past it.
    pub(in crate::ast) const fn end(self) -> usize {
        (self.at as usize).saturating_add(1)
    }
}

/// Passes over a text once.
pub(in crate::ast) fn scan(file: FileId, text: &str) -> Scan {
    let mut scanner = Scanner { file, text, out: Scan::default(), open: Vec::new(), lost: 0, deep: false };
    let mut previous = 0;
    scanner.out.end = text.len();
    for token in tokens(text, 0) {
        if scanner.out.findings.len() >= MAX_FINDINGS {
            scanner.out.end = token.start;
            break;
        }
        scanner.token(token, previous);
        previous = token.end;
    }
    scanner.finish()
}

struct Scanner<'a> {
    file: FileId,
    text: &'a str,
    out: Scan,
    open: Vec<Level>,
    /// How many brackets beyond the deepest nesting are open.
    lost: usize,
    /// Whether this statement was found to be nested too deeply.
    deep: bool,
}

/// A bracket that is open, or (without one) a `not` whose operand is not over.
struct Level {
    bracket: Option<Bracket>,
    at: usize,
}

impl Scanner<'_> {
    /// Takes the next token; `previous` is where the one before it ended.
    fn token(&mut self, token: Token, previous: usize) {
        match token.kind {
            TokenKind::Comment { doc, closed } => {
                let gap = self.text.get(previous..token.start).unwrap_or_default();
                let trailing = previous > 0 && !gap.contains('\n');
                if !closed {
                    self.unterminated(token.start, 2, "this comment is never closed", "write `*/` where it ends");
                }
                let usage = if doc { RemarkUse::Doc } else { RemarkUse::Plain };
                self.out.remarks.push(Remark { start: token.start, end: token.end, usage, trailing });
            }
            TokenKind::Open(bracket) => {
                if bracket == Bracket::Curly {
                    self.boundary(BoundaryKind::Open, token);
                }
                self.push(Some(bracket), token);
            }
            TokenKind::Word if token.of(self.text) == "not" => self.push(None, token),
            TokenKind::Close(bracket) => {
                if bracket == Bracket::Curly {
                    self.boundary(BoundaryKind::Close, token);
                }
                self.close(bracket, token);
            }
            TokenKind::Semicolon => {
                self.boundary(BoundaryKind::Semicolon, token);
                self.semicolon();
            }
            TokenKind::String { closed } => {
                self.end_of_operand();
                if !closed {
                    self.open_string(token);
                }
            }
            TokenKind::Control => {
                let code = token.of(self.text).chars().next().map_or(0, u32::from);
                let message = format!("control character U+{code:04X}");
                self.report(codes::SYNTAX, token.start, token.end, message, Some("remove it".into()));
            }
            TokenKind::Word | TokenKind::Number | TokenKind::Mark | TokenKind::ForeignString | TokenKind::Foreign => {
                self.end_of_operand();
            }
        }
    }

    fn boundary(&mut self, kind: BoundaryKind, token: Token) {
        self.out.boundaries.push(Boundary { at: u32::try_from(token.start).unwrap_or(u32::MAX), kind });
    }

    fn push(&mut self, bracket: Option<Bracket>, token: Token) {
        if self.open.len() < MAX_NESTING && self.lost == 0 {
            self.open.push(Level { bracket, at: token.start });
            return;
        }
        if bracket.is_some() {
            self.lost = self.lost.saturating_add(1);
        }
        if !self.deep {
            self.deep = true;
            let message = format!("nested more than {MAX_NESTING} levels deep");
            let help = "name a part of it with `condition`, and use the name".to_owned();
            self.report(codes::NESTING, token.start, token.end, message, Some(help));
        }
    }

    /// Something that is neither `not` nor an opening bracket ends all `not` before it.
    fn end_of_operand(&mut self) {
        while self.open.last().is_some_and(|level| level.bracket.is_none()) {
            self.open.pop();
        }
    }

    fn close(&mut self, bracket: Bracket, token: Token) {
        if self.lost > 0 {
            self.lost = self.lost.saturating_sub(1);
            return;
        }
        self.end_of_operand();
        if !self.closes_something(bracket) {
            let message = format!("`{}` closes nothing", bracket.closing());
            self.report(codes::UNBALANCED, token.start, token.end, message, Some("remove it".into()));
            return;
        }
        while let Some(level) = self.open.pop() {
            match level.bracket {
                Some(open) if open == bracket => break,
                Some(open) => self.never_closed(open, level.at),
                None => {}
            }
        }
        if bracket == Bracket::Curly {
            self.deep = false;
        }
        self.end_of_operand();
    }

    /// Whether a closing bracket has its opening one; `}` closes what is open inside, `)` and `]` never close a `{`.
    fn closes_something(&self, bracket: Bracket) -> bool {
        let mut levels = self.open.iter().rev().filter_map(|level| level.bracket);
        levels.find(|open| *open == bracket || *open == Bracket::Curly) == Some(bracket)
    }

    /// No `(` or `[` reaches over a `;`.
    fn semicolon(&mut self) {
        self.lost = 0;
        while self.open.last().is_some_and(|level| level.bracket != Some(Bracket::Curly)) {
            if let Some(Level { bracket: Some(bracket), at }) = self.open.pop() {
                self.never_closed(bracket, at);
            }
        }
        self.deep = false;
    }

    fn finish(mut self) -> Scan {
        let complete = self.out.end == self.text.len();
        for Level { bracket, at } in std::mem::take(&mut self.open) {
            if bracket == Some(Bracket::Curly) {
                self.out.unclosed.push(at);
            }
            if let Some(bracket) = bracket.filter(|_| complete) {
                self.never_closed(bracket, at);
            }
        }
        self.out.findings.sort_by_key(|finding| finding.at);
        self.out.boundaries.shrink_to_fit();
        self.out
    }

    fn never_closed(&mut self, bracket: Bracket, at: usize) {
        // Of a statement that is nested too deeply that much is enough.
        if !self.deep || bracket == Bracket::Curly {
            let (open, close) = (bracket.opening(), bracket.closing());
            let message = format!("this `{open}` is never closed");
            self.unterminated(at, 1, &message, &format!("write `{close}` where it ends"));
        }
    }

    fn open_string(&mut self, token: Token) {
        let text = token.of(self.text);
        let (message, help) = if text.contains('\n') {
            ("a string ends on the line it starts on", "write `\\n` for a line break")
        } else {
            ("this string is never closed", "write `\"` where it ends")
        };
        self.unterminated(token.start, text.lines().next().map_or(1, str::len), message, help);
    }

    fn unterminated(&mut self, at: usize, length: usize, message: &str, help: &str) {
        let help = Some(help.to_owned());
        self.report(codes::UNTERMINATED, at, at.saturating_add(length), message.to_owned(), help);
    }

    fn report(&mut self, code: Code, start: usize, end: usize, message: String, help: Option<String>) {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let span = Span::new(self.file, offset(start), offset(end));
        let diagnostic = Diagnostic::new(code, span, message).maybe_help(help);
        self.out.findings.push(Finding { at: start, diagnostic });
    }
}
