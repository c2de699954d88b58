//! Whole lines: statements, the comments between them, blank lines.

use super::{
    cases::aligned,
    comments::{Note, Pending},
    docs::{Doc, Docs, INDENT, WIDTH},
};
use crate::{
    ast::{Assign, Ast, Item, ItemKind, Step},
    source::{Source, Span},
};
use pretty::{Arena, DocAllocator};
use std::collections::VecDeque;

/// Writes lines one after the other.
pub(super) struct Lines<'t> {
    out: String,
    indent: usize,
    source: Option<&'t Source>,
    pending: Pending<'t>,
    /// Where the last thing written ends in the source; none where no blank line may follow it.
    last: Option<u32>,
    /// Whether a comment can stand at the end of the last line.
    open: bool,
}

impl<'t> Lines<'t> {
    /// The whole text of a file.
    pub(super) fn file(ast: &'t Ast, source: Option<&'t Source>) -> String {
        let pending = Pending::new(&ast.comments, source);
        let mut lines = Self { out: String::new(), indent: 0, source, pending, last: None, open: false };
        lines.items(&ast.items);
        lines.comments_before(u32::MAX);
        if !lines.out.is_empty() {
            lines.out.push('\n');
        }
        lines.out
    }

    fn items(&mut self, items: &'t [Item]) {
        let mut before: Option<&Item> = None;
        for item in items {
            let apart = self.source.is_none() && before.is_some_and(|before| stand_apart(before, item));
            self.item(item, apart);
            before = Some(item);
        }
    }

    /// A statement with its documentation, after a blank line if it stands apart.
    fn item(&mut self, item: &'t Item, mut apart: bool) {
        for line in &item.docs {
            self.comments_before(line.at.0.start);
            self.begin(line.at.0.start, apart);
            self.out.push_str(if line.text.is_empty() { "///" } else { "/// " });
            self.out.push_str(&line.text);
            (self.last, self.open, apart) = (None, false, false);
        }
        let Span { start, end, .. } = item.at.0;
        self.comments_before(start);
        if !item.docs.is_empty() {
            self.last = None;
        }
        self.begin(start, apart);
        match &item.kind {
            ItemKind::On { selector, items } => self.block(item, selector.at.0.end, |lines| lines.items(items)),
            ItemKind::Test(test) => self.block(item, test.name.at.0.end, |lines| {
                lines.given(&test.given);
                lines.steps(&test.steps);
            }),
            ItemKind::Timezone(_)
            | ItemKind::Tiers(_)
            | ItemKind::Actions(_)
            | ItemKind::ActionGroup { .. }
            | ItemKind::Kinds { .. }
            | ItemKind::Role { .. }
            | ItemKind::Attribute { .. }
            | ItemKind::Set { .. }
            | ItemKind::Window { .. }
            | ItemKind::Condition { .. }
            | ItemKind::Declaration(_)
            | ItemKind::Rule(_)
            | ItemKind::Invariant(_) => {
                let arena = Arena::new();
                let mut docs = Docs::new(&arena, self.pending.take_before(end));
                let doc = docs.statement(item);
                self.write(&doc);
                self.last = Some(end);
                self.notes(docs.rest().left_over());
            }
        }
    }

    /// A statement with others inside; its head ends at `head`.
    fn block(&mut self, item: &'t Item, head: u32, inside: impl FnOnce(&mut Self)) {
        let arena = Arena::new();
        let mut docs = Docs::new(&arena, self.pending.take_before(head));
        let doc = docs.statement(item);
        self.write(&doc);
        let empty = self.out.len();
        let outside = self.indent;
        self.indent = outside.saturating_add(INDENT.unsigned_abs());
        self.last = None;
        self.notes(docs.rest().left_over());
        inside(self);
        self.comments_before(item.at.0.end.saturating_sub(1));
        self.indent = outside;
        if self.out.len() > empty {
            self.last = None;
            self.begin(item.at.0.end, false);
        }
        self.out.push('}');
        (self.last, self.open) = (Some(item.at.0.end), true);
    }

    fn given(&mut self, given: &'t [Assign]) {
        let (Some(first), Some(last)) = (given.first(), given.last()) else { return };
        self.comments_before(first.at.0.start);
        self.begin(first.at.0.start, false);
        let arena = Arena::new();
        let mut docs = Docs::new(&arena, self.pending.take_before(last.at.0.end));
        let doc = docs.given(given);
        self.write(&doc);
        self.last = Some(last.at.0.end);
        self.notes(docs.rest().left_over());
    }

    /// The steps of a test. Those without a blank line between them are aligned.
    fn steps(&mut self, steps: &'t [Step]) {
        let arena = Arena::new();
        let mut last = self.last;
        let mut stretches: Vec<(Vec<_>, Vec<_>)> = Vec::new();
        for step in steps {
            let Span { start, end, .. } = step.at.0;
            let before = self.pending.take_before(start).into_notes();
            let mut docs = Docs::new(&arena, self.pending.take_before(end));
            let doc = docs.step(step);
            let after = docs.rest().left_over();
            let mut blank = false;
            for (start, end) in before.iter().map(|note| (note.start, note.end)).chain([(start, end)]) {
                blank |= last.is_some_and(|last| self.is_blank(last, start));
                last = Some(end);
            }
            last = after.back().map(|note| note.end).max(last);
            let line = StepLine { before, at: step.at.0, after };
            match stretches.last_mut() {
                Some((lines, docs)) if !blank => {
                    lines.push(line);
                    docs.push(doc);
                }
                Some(_) | None => stretches.push((vec![line], vec![doc])),
            }
        }
        let docs = Docs::new(&arena, Pending::default());
        for (lines, steps) in stretches {
            for (line, doc) in lines.into_iter().zip(aligned(&docs, steps, self.indent)) {
                self.notes(line.before);
                self.begin(line.at.start, false);
                self.write(&doc);
                self.last = Some(line.at.end);
                self.notes(line.after);
            }
        }
    }

    /// Starts a line for what stands at a place, after a blank line if there is one in the source or it stands apart.
    fn begin(&mut self, place: u32, apart: bool) {
        if !self.out.is_empty() {
            self.out.push('\n');
            if apart || self.last.is_some_and(|last| self.is_blank(last, place)) {
                self.out.push('\n');
            }
        }
        self.out.push_str(&" ".repeat(self.indent));
    }

    /// Whether the source has a blank line between two places.
    fn is_blank(&self, from: u32, to: u32) -> bool {
        let between = self.source.and_then(|source| source.text().get(from as usize..to as usize));
        between.is_some_and(|text| text.bytes().filter(|byte| *byte == b'\n').count() > 1)
    }

    /// Continues a line with a document.
    fn write(&mut self, doc: &Doc<'_>) {
        let nesting = isize::try_from(self.indent).unwrap_or_default();
        let indent = doc.0.text(" ".repeat(self.indent));
        let text = indent.append(doc.clone().nest(nesting)).pretty(WIDTH).to_string();
        for (nth, line) in text.split('\n').enumerate() {
            if nth > 0 {
                self.out.push('\n');
            }
            // The first line is indented already; an empty line of a comment need not be.
            let line = if nth > 0 { line.trim_end_matches(' ') } else { line.trim_start_matches(' ') };
            self.out.push_str(line);
        }
        self.open = true;
    }

    /// Writes the comments before a place.
    fn comments_before(&mut self, place: u32) {
        let notes = self.pending.take_before(place).into_notes();
        self.notes(notes);
    }

    /// Writes comments: on the line of what they follow, or on their own.
    fn notes<'n>(&mut self, notes: impl IntoIterator<Item = Note<'n>>) {
        for note in notes {
            if note.trailing && self.open && !note.is_block() {
                self.out.push(' ');
                self.out.push_str(&note.lines.concat());
                self.last = self.last.map(|last| last.max(note.end));
            } else {
                self.begin(note.start, false);
                let margin = format!("\n{}", " ".repeat(self.indent));
                for (nth, line) in note.lines.iter().enumerate() {
                    self.out.push_str(if nth == 0 {
                        ""
                    } else if line.is_empty() {
                        "\n"
                    } else {
                        &margin
                    });
                    self.out.push_str(line);
                }
                self.last = self.last.max(Some(note.end));
            }
            self.open = !note.rest_of_line;
        }
    }
}

/// A step between its comments.
struct StepLine<'s> {
    before: VecDeque<Note<'s>>,
    at: Span,
    after: VecDeque<Note<'s>>,
}

/// Whether a blank line stands between two statements where there is no source that says so.
fn stand_apart(before: &Item, after: &Item) -> bool {
    !after.docs.is_empty() || family(&after.kind).is_none() || family(&after.kind) != family(&before.kind)
}

/// Statements of one family stand on consecutive lines; those of none have lines of their own.
fn family(kind: &ItemKind) -> Option<u8> {
    match kind {
        ItemKind::Timezone(_)
        | ItemKind::Tiers(_)
        | ItemKind::Actions(_)
        | ItemKind::ActionGroup { .. }
        | ItemKind::Kinds { .. } => Some(0),
        ItemKind::Role { .. } => Some(1),
        ItemKind::Attribute { .. } => Some(2),
        ItemKind::Set { .. } | ItemKind::Window { .. } | ItemKind::Condition { .. } => Some(3),
        ItemKind::Declaration(_) => Some(4),
        ItemKind::Rule(_) => Some(5),
        ItemKind::Invariant(_) => Some(6),
        ItemKind::On { .. } | ItemKind::Test(_) => None,
    }
}
