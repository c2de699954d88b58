//! Reading statements one by one.

use super::{
    explain::{Fault, explain},
    grammar::{Mismatch, Rule},
    item::{inner_item, item, member},
    matcher::Matcher,
    node::{Nodes, Place, Read},
    split::{Chunk, Context, next_chunk, next_opening, significant},
    test::{Line, test_line},
    texts::Texts,
};
use crate::{
    ast::{
        Assigned, Ast, Item, Name,
        lex::{MAX_FINDINGS, Remark, Scan},
    },
    report::{self, Diagnostic, codes},
    source::{FileId, Span},
};
use std::ops::Range;

/// The largest statement that is read, in bytes.
pub(super) const MAX_STATEMENT: usize = 4 << 20;

/// So much of a statement is read at first, …
const WINDOW: usize = 1 << 12;

/// … then more, and when so much was read without finding an error, all of it.
const LARGE: usize = 1 << 17;

/// What a statement has become.
pub(super) enum Part {
    /// A statement of a file or a block.
    Item(Item),
    /// A line of a test.
    Line(Line),
    /// A line of a declaration.
    Member((Name, Assigned)),
}

/// What came out of a chunk: the statement, if it was good, and where in the chunk another one seems to begin.
pub(super) type Outcome = (Option<Part>, Option<usize>);

/// One file while it is read.
pub(super) struct Reader<'a> {
    pub(super) file: FileId,
    pub(super) text: &'a str,
    pub(super) scan: &'a Scan,
    /// The comments of what is read.
    pub(super) remarks: Vec<Remark>,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// How many of the scan's findings were dealt with.
    dealt: usize,
    /// How many more bytes may be read again after errors, so that no text takes more than linear time.
    budget: usize,
    /// Whether the statement before was bad: a `;` that is too many is then no news.
    bad: bool,
    pub(super) matcher: Matcher,
    /// What the file has said so far.
    pub(super) texts: Texts,
}

impl<'a> Reader<'a> {
    /// To read statements of a text, with these comments of it.
    pub(super) fn new(file: FileId, text: &'a str, scan: &'a Scan, remarks: &[Remark], matcher: Matcher) -> Self {
        let budget = text.len().saturating_mul(8).saturating_add(1 << 24);
        Self {
            file,
            text,
            scan,
            remarks: remarks.to_vec(),
            diagnostics: Vec::new(),
            dealt: 0,
            budget,
            bad: false,
            matcher,
            texts: Texts::new(),
        }
    }

    /// Reads the whole file.
    pub(super) fn file(mut self) -> (Ast, Vec<Diagnostic>) {
        let items = items(self.parts(0..self.scan.end, Context::File));
        self.report_findings(usize::MAX);
        let unread = self.is_over() || self.scan.end < self.text.len();
        let comments = self.comments();
        report::sort(&mut self.diagnostics);
        if unread {
            self.diagnostics.truncate(MAX_FINDINGS);
            let last = self.diagnostics.last().map_or(Span::new(self.file, 0, 0), Diagnostic::span);
            let message = "too many errors; the rest of the file was not read";
            self.diagnostics.push(Diagnostic::new(codes::SYNTAX, last.after(), message));
        }
        (Ast { file: self.file, items, comments, data: false }, self.diagnostics)
    }

    /// Reads the statements in a range.
    pub(super) fn parts(&mut self, range: Range<usize>, context: Context) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut at = range.start;
        while let Some(mut chunk) = next_chunk(self.text, at, range.end, self.scan) {
            self.report_findings(chunk.start);
            let mut documented = at;
            at = chunk.end;
            loop {
                let docs = self.docs(documented, chunk.start, context);
                let (part, resume) = self.chunk(chunk, context);
                self.bad = part.is_none();
                if let Some(part) = part {
                    parts.push(match part {
                        Part::Item(item) => Part::Item(self.documented(item, docs)),
                        Part::Line(_) | Part::Member(_) => part,
                    });
                }
                let Some(resume) = resume.filter(|resume| (chunk.start..chunk.end).contains(resume) && !self.is_over())
                else {
                    break;
                };
                documented = chunk.start;
                chunk.start = resume;
            }
            if self.is_over() {
                break;
            }
        }
        parts
    }

    /// Reads a statement.
    pub(super) fn chunk(&mut self, chunk: Chunk, context: Context) -> Outcome {
        if let Some(at) = self.report_finding(chunk.head()) {
            // What comes after the fault is worth a look, what is left of the statement is not.
            let resume = significant(self.text, at, chunk.head().end).nth(1);
            let resume = resume.and_then(|next| next_opening(self.text, next.start, chunk.head().end, context));
            self.drop_findings(resume.unwrap_or(chunk.head().end));
            return (None, resume);
        }
        if self.text.get(chunk.start..chunk.end) == Some(";") {
            if !self.bad {
                let stray =
                    Diagnostic::new(codes::SYNTAX, self.span(chunk.start, chunk.end), "`;` without a statement");
                self.diagnostics.push(stray.help("remove it"));
            }
            return (None, None);
        }
        if chunk.brace.is_some() { self.block(chunk, context) } else { self.statement(chunk, context) }
    }

    /// Reads a statement without a block. A long one is first tried in part: where its `;` is missing it may be all the
    /// rest of the file, and each mismatch costs as much time as the text is long.
    pub(super) fn statement(&mut self, chunk: Chunk, context: Context) -> Outcome {
        let mut length = WINDOW;
        loop {
            let end = self.text.ceil_char_boundary(chunk.start.saturating_add(length)).min(chunk.end);
            match self.matcher.read(context.rule(), self.slice(chunk.start, end)) {
                Ok(tree) => {
                    let built = context.build(&mut tree.nodes(self.place(chunk.start), &self.texts));
                    return (self.reported(built), None);
                }
                Err(mismatch) => {
                    self.budget = self.budget.saturating_sub(end.saturating_sub(chunk.start));
                    let fault = self.fault(chunk, context, None, &mismatch);
                    if end == chunk.end || fault.found.is_some_and(|found| found.end < end) {
                        return self.mismatched(chunk, context, &fault);
                    }
                    if length > LARGE && chunk.end.saturating_sub(chunk.start) > MAX_STATEMENT {
                        return self.too_large(chunk);
                    }
                    length = if length > LARGE { usize::MAX } else { length.saturating_mul(8) };
                }
            }
        }
    }

    fn too_large(&mut self, chunk: Chunk) -> Outcome {
        let length = chunk.end.saturating_sub(chunk.start);
        let message = format!("this statement has {length} bytes; at most {MAX_STATEMENT} are read");
        let span = self.span(chunk.start, chunk.start.saturating_add(1));
        self.diagnostics.push(Diagnostic::new(codes::TOO_LARGE, span, message).help("split it into several"));
        (None, None)
    }

    /// What to do with a statement that the grammar does not match.
    fn mismatched(&mut self, chunk: Chunk, context: Context, fault: &Fault<'_>) -> Outcome {
        if let Some(next) = self.missing_semicolon(chunk, context, fault) {
            return self.without_semicolon(chunk, context, next);
        }
        self.diagnostics.push(explain(fault));
        let from = match fault.found {
            Some(found) if found.start > chunk.start => found.start,
            Some(found) => found.end,
            None => chunk.end,
        };
        (None, next_opening(self.text, from, chunk.head().end, context))
    }

    /// What stands where the grammar gave up; `head` is the rule that the text before a block was read as.
    pub(super) fn fault(&self, chunk: Chunk, context: Context, head: Option<Rule>, mismatch: &Mismatch) -> Fault<'a> {
        let at = chunk.start.saturating_add(mismatch.at);
        let mut previous = None;
        let mut found = None;
        for token in significant(self.text, chunk.start, self.scan.end) {
            if token.end > at {
                found = Some(token);
                break;
            }
            previous = Some(token);
        }
        let (rule, range) = match head {
            Some(rule) => (rule, chunk.head()),
            None => (context.rule(), chunk.start..chunk.end),
        };
        let expected = mismatch.expected.clone();
        Fault { file: self.file, text: self.text, chunk, context, found, previous, expected, rule, range }
    }

    /// A statement, or else its problem among the diagnostics.
    pub(super) fn reported(&mut self, built: Read<Part>) -> Option<Part> {
        built.map_err(|problem| self.diagnostics.push(*problem)).ok()
    }

    /// Reports the first finding in a range, and says where it is.
    fn report_finding(&mut self, range: Range<usize>) -> Option<usize> {
        let finding = self.scan.findings.get(self.dealt).filter(|finding| range.contains(&finding.at))?;
        self.diagnostics.push(finding.diagnostic.clone());
        self.dealt = self.dealt.saturating_add(1);
        Some(finding.at)
    }

    /// Reports all findings before a place that belong to no statement.
    pub(super) fn report_findings(&mut self, before: usize) {
        while self.report_finding(0..before).is_some() {}
    }

    /// Forgets the findings before a place: they follow from one that was reported.
    fn drop_findings(&mut self, before: usize) {
        self.dealt = self.scan.findings.partition_point(|finding| finding.at < before).max(self.dealt);
    }

    /// Whether there were so many errors that reading has ended.
    pub(super) fn is_over(&self) -> bool {
        self.budget == 0 || self.diagnostics.len() >= MAX_FINDINGS
    }

    pub(super) fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        self.place(0).span(start, end)
    }

    pub(super) fn place(&self, base: usize) -> Place {
        Place { file: self.file, base, end: self.text.len() }
    }
}

impl Context {
    /// The grammar's rule for one statement.
    pub(super) fn rule(self) -> Rule {
        match self {
            Self::File | Self::Block => Rule::only_item,
            Self::Test => Rule::only_line,
            Self::Members => Rule::only_member,
        }
    }

    /// Builds the next statement that the grammar has matched.
    pub(super) fn build(self, nodes: &mut Nodes<'_>) -> Read<Part> {
        let node = nodes.any()?;
        match self {
            Self::File => item(node).map(Part::Item),
            Self::Block => inner_item(node).map(Part::Item),
            Self::Test => test_line(node).map(Part::Line),
            Self::Members => member(node).map(Part::Member),
        }
    }
}

impl Part {
    pub(super) fn item(self) -> Option<Item> {
        if let Self::Item(item) = self { Some(item) } else { None }
    }

    pub(super) fn line(self) -> Option<Line> {
        if let Self::Line(line) = self { Some(line) } else { None }
    }

    pub(super) fn member(self) -> Option<(Name, Assigned)> {
        if let Self::Member(member) = self { Some(member) } else { None }
    }
}

/// The statements among the parts, in no more room than they need.
pub(super) fn items(parts: Vec<Part>) -> Vec<Item> {
    let mut items: Vec<Item> = parts.into_iter().filter_map(Part::item).collect();
    items.shrink_to_fit();
    items
}

/// A token's text, cut where it gets long.
pub(super) fn shorten(text: &str) -> String {
    const LONGEST: usize = 40;
    let line = text.lines().next().unwrap_or_default();
    let cut = line.char_indices().nth(LONGEST).map_or(line.len(), |(at, _)| at);
    let ellipsis = if cut < text.len() { "…" } else { "" };
    format!("{}{ellipsis}", line.get(..cut).unwrap_or_default())
}
