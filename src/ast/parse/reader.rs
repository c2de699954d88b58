//! Reading statements one by one.

use super::{
    explain::{Fault, explain},
    grammar::{Mismatch, Rule, read},
    literal::{assigned, name},
    misplaced::{not_in_block, on_in_block},
    node::{Node, Nodes, Place, Read},
    rule::{invariant, rule},
    slip,
    split::{Chunk, Context, next_chunk, next_opening, opens, significant, starts_line},
    test::{Line, test_line},
    vocabulary,
};
use crate::{
    ast::{
        Assigned, Ast, At, Comment, Comments, Item, ItemKind, Name, Selector,
        lex::{MAX_FINDINGS, RemarkUse, Scan, Token, scan},
    },
    report::{self, Diagnostic, codes},
    source::{FileId, Span},
};
use std::ops::Range;

/// The largest statement that is read, in bytes.
pub(super) const MAX_STATEMENT: usize = 4 << 20;

/// So much of a statement is read at first.
const WINDOW: usize = 1 << 12;

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
    pub(super) scan: Scan,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// How many of the scan's findings were dealt with.
    dealt: usize,
    /// How many more bytes may be read again after errors, so that no text takes more than linear time.
    budget: usize,
    /// Whether the statement before was bad: a `;` that is too many is then no news.
    bad: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: FileId, text: &'a str) -> Self {
        let budget = text.len().saturating_mul(8).saturating_add(1 << 24);
        Self { file, text, scan: scan(file, text), diagnostics: Vec::new(), dealt: 0, budget, bad: false }
    }

    /// Reads the whole file.
    pub(super) fn file(mut self) -> (Ast, Vec<Diagnostic>) {
        let items = self.parts(0..self.scan.end, Context::File).into_iter().filter_map(Part::item).collect();
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
        while let Some(mut chunk) = next_chunk(self.text, at, range.end, &self.scan.unclosed) {
            self.report_findings(chunk.start);
            let mut documented = at;
            at = chunk.end;
            loop {
                let docs = self.docs(documented, chunk.start, context);
                let (part, resume) = self.chunk(chunk, context);
                self.bad = part.is_none();
                if let Some(part) = part {
                    parts.push(self.documented(part, docs));
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
    fn chunk(&mut self, chunk: Chunk, context: Context) -> Outcome {
        if let Some(at) = self.report_finding(chunk.head()) {
            // What comes after the fault is worth a look, what is left of the statement is not.
            let resume = significant(self.text, at, chunk.head().end).nth(1);
            let resume = resume.and_then(|next| next_opening(self.text, next.start, chunk.head().end, context));
            self.drop_findings(resume.unwrap_or(chunk.head().end));
            return (None, resume);
        }
        let length = chunk.end.saturating_sub(chunk.start);
        if chunk.brace.is_none() && length > MAX_STATEMENT {
            let message = format!("this statement has {length} bytes; at most {MAX_STATEMENT} are read");
            let span = self.span(chunk.start, chunk.start.saturating_add(1));
            self.diagnostics.push(Diagnostic::new(codes::TOO_LARGE, span, message).help("split it into several"));
            return (None, None);
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
            match read(context.rule(), self.slice(chunk.start, end)) {
                Ok(pairs) => return (self.build(Nodes::new(pairs, self.place(chunk.start)), context), None),
                Err(mismatch) => {
                    self.budget = self.budget.saturating_sub(end.saturating_sub(chunk.start));
                    let fault = self.fault(chunk, context, None, &mismatch);
                    if end == chunk.end || fault.found.is_some_and(|found| found.end < end) {
                        return self.mismatched(chunk, context, &fault);
                    }
                    length = length.saturating_mul(8);
                }
            }
        }
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

    /// Where the next statement begins, if all that is wrong is the `;` before it.
    fn missing_semicolon(&self, chunk: Chunk, context: Context, fault: &Fault<'_>) -> Option<Missing> {
        let expected = fault.expected.contains(&Rule::semicolon);
        let Some(found) = fault.found.filter(|found| found.start < chunk.end) else {
            return expected.then_some(Missing { after: fault.previous?, next: None });
        };
        let begins = opens(self.text, found, context)
            || starts_line(self.text, found) && slip::statement_word(found.of(self.text)).is_some();
        if expected && begins {
            return Some(Missing { after: fault.previous?, next: Some(found) });
        }
        // `allow anyone to view on any⏎ model "x" { }`: the grammar went on too far.
        let mut before: Option<Missing> = None;
        let mut after = None;
        for token in significant(self.text, chunk.start, found.end) {
            let on_block = Some(found.start) == chunk.brace && token.of(self.text) == "on";
            if let Some(after) = after.filter(|_| starts_line(self.text, token))
                && (on_block || opens(self.text, token, context))
            {
                before = Some(Missing { after, next: Some(token) });
            }
            after = Some(token);
        }
        before.filter(|missing| {
            let repaired = format!("{};", self.slice(chunk.start, missing.after.end));
            read(context.rule(), &repaired).is_ok()
        })
    }

    /// Reads a statement whose `;` is missing.
    fn without_semicolon(&mut self, chunk: Chunk, context: Context, missing: Missing) -> Outcome {
        let end = missing.after.end;
        let span = self.span(missing.after.start, end);
        let found = missing.next.map_or(String::new(), |next| format!(" before `{}`", shorten(next.of(self.text))));
        let diagnostic = Diagnostic::new(codes::MISSING_SEMICOLON, span.after(), format!("missing `;`{found}"));
        self.diagnostics.push(diagnostic.help("add `;` here"));
        let resume = missing.next.map(|next| next.start);
        let repaired = format!("{};", self.slice(chunk.start, end));
        let part = match read(context.rule(), &repaired) {
            Ok(pairs) => self.build(Nodes::new(pairs, self.place(chunk.start)), context),
            Err(_) => None,
        };
        (part, resume)
    }

    /// Builds what the grammar has matched.
    fn build(&mut self, mut nodes: Nodes<'_>, context: Context) -> Option<Part> {
        let built = nodes.any().and_then(|node| match context {
            Context::File => item(node).map(Part::Item),
            Context::Block => inner_item(node).map(Part::Item),
            Context::Test => test_line(node).map(Part::Line),
            Context::Members => member(node).map(Part::Member),
        });
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

    /// The `///` between two places. Where nothing can be documented they are ordinary comments.
    fn docs(&mut self, from: usize, to: usize, context: Context) -> Range<usize> {
        let place = |at: usize| move |remark: &crate::ast::lex::Remark| remark.start < at;
        let range = self.scan.remarks.partition_point(place(from))..self.scan.remarks.partition_point(place(to));
        if context != Context::Members {
            for remark in self.scan.remarks.get_mut(range.clone()).unwrap_or_default() {
                if remark.usage == RemarkUse::Doc && !remark.trailing {
                    remark.usage = RemarkUse::Quiet;
                }
            }
        }
        range
    }

    /// Gives a statement its documentation.
    fn documented(&mut self, part: Part, docs: Range<usize>) -> Part {
        let Part::Item(mut item) = part else {
            return part;
        };
        for index in docs {
            let Some(remark) = self.scan.remarks.get_mut(index) else { break };
            if remark.usage == RemarkUse::Quiet {
                remark.usage = RemarkUse::Attached;
                let (start, end) = (remark.start, remark.end);
                let line = self.slice(start, end).trim_end();
                let text = line.trim_start_matches('/');
                let at = At(self.span(start, start.saturating_add(line.len())));
                item.docs.push(Name { text: text.strip_prefix(' ').unwrap_or(text).into(), at });
            }
        }
        Part::Item(item)
    }

    /// All comments that document nothing.
    fn comments(&mut self) -> Comments {
        let mut comments = Vec::new();
        for remark in std::mem::take(&mut self.scan.remarks) {
            let text = self.slice(remark.start, remark.end).trim_end();
            let at = At(self.span(remark.start, remark.start.saturating_add(text.len())));
            if remark.usage == RemarkUse::Doc && self.diagnostics.len() < MAX_FINDINGS {
                let warning = Diagnostic::new(codes::DANGLING_DOC, at.0, "this `///` documents nothing");
                let help = "write it above a statement, or write `//`";
                self.diagnostics.push(warning.help(help));
            }
            if remark.usage != RemarkUse::Attached {
                comments.push(Comment { at, text: text.into(), trailing: remark.trailing });
            }
        }
        Comments(comments)
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

/// A `;` that is missing.
struct Missing {
    /// The token that it should follow.
    after: Token,
    /// The next statement's first token, if there is one.
    next: Option<Token>,
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

fn item(node: Node<'_>) -> Read<Item> {
    let at = node.at();
    let kind = node.only()?.read_as(&[
        (Rule::policy_rule, rule),
        (Rule::invariant, invariant),
        (Rule::timezone, vocabulary::timezone),
        (Rule::tiers, vocabulary::tiers),
        (Rule::action_list, vocabulary::action_list),
        (Rule::action_group, vocabulary::action_group),
        (Rule::kinds, vocabulary::kinds),
        (Rule::role, vocabulary::role),
        (Rule::attribute, vocabulary::attribute),
        (Rule::set, vocabulary::set),
        (Rule::window, vocabulary::window),
        (Rule::condition, vocabulary::condition),
    ])?;
    Ok(Item { docs: Vec::new(), kind, at })
}

/// A statement inside an `on` block.
fn inner_item(node: Node<'_>) -> Read<Item> {
    let statement = node.clone().only()?;
    if !matches!(statement.rule(), Rule::policy_rule | Rule::invariant) {
        let (keyword, word) = node.keyword();
        return Err(Box::new(not_in_block(keyword, word)));
    }
    let item = item(node)?;
    match on_part(&item.kind) {
        Some(on) => Err(Box::new(on_in_block(on.at.0))),
        None => Ok(item),
    }
}

fn on_part(kind: &ItemKind) -> Option<&Selector> {
    if let ItemKind::Rule(rule) = kind {
        rule.scope.on.as_ref()
    } else if let ItemKind::Invariant(invariant) = kind {
        invariant.scope.on.as_ref()
    } else {
        None
    }
}

fn member(node: Node<'_>) -> Read<(Name, Assigned)> {
    let mut parts = node.parts();
    Ok((name(parts.expect(Rule::ident)?)?, assigned(parts.any()?)?))
}

/// A token's text, cut where it gets long.
pub(super) fn shorten(text: &str) -> String {
    const LONGEST: usize = 40;
    let line = text.lines().next().unwrap_or_default();
    let cut = line.char_indices().nth(LONGEST).map_or(line.len(), |(at, _)| at);
    let ellipsis = if cut < text.len() { "…" } else { "" };
    format!("{}{ellipsis}", line.get(..cut).unwrap_or_default())
}
