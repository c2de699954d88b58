//! Comments that wait for the node they stand before.
//!
//! Nodes are printed in source order, and each takes what stands before it. That is all it needs to keep every comment
//! once and in order.

use crate::{
    ast::{Comment, Comments},
    source::{Source, Span},
};
use std::collections::VecDeque;

/// A comment, ready to be printed.
#[derive(Debug, Clone)]
pub(super) struct Note<'t> {
    /// Its first byte.
    pub(super) start: u32,
    /// One past its last byte.
    pub(super) end: u32,
    /// Its lines; those after the first without the indentation that the first has.
    pub(super) lines: Vec<&'t str>,
    /// Whether it is a `//`, which nothing can follow on its line.
    pub(super) rest_of_line: bool,
    /// Whether something stands before it on its line.
    pub(super) trailing: bool,
}

impl<'t> Note<'t> {
    fn new(comment: &'t Comment, source: Option<&Source>) -> Self {
        let Span { start, end, .. } = comment.at.0;
        let column = source.map_or(0, |source| source.line_column(start).1.saturating_sub(1));
        let lines = comment.text.lines().enumerate();
        Self {
            start,
            end,
            lines: lines.map(|(nth, line)| if nth == 0 { line } else { outdented(line, column) }).collect(),
            rest_of_line: comment.text.starts_with("//"),
            trailing: comment.trailing,
        }
    }

    /// Whether it has several lines: a block of its own.
    pub(super) fn is_block(&self) -> bool {
        self.lines.len() > 1
    }
}

/// A line of a comment without up to so many columns of white space before it.
fn outdented(line: &str, columns: usize) -> &str {
    let blank = line.char_indices().find(|(_, c)| !matches!(c, ' ' | '\t')).map_or(line.len(), |(offset, _)| offset);
    line.get(blank.min(columns)..).unwrap_or(line).trim_end()
}

/// The comments that have not been printed yet, in order.
#[derive(Debug, Default)]
pub(super) struct Pending<'t> {
    notes: VecDeque<Note<'t>>,
    /// Stretches of text that are printed elsewhere.
    moves: Vec<Move>,
}

/// The text from `start` to `end` reads as if it began at `new`.
#[derive(Debug)]
struct Move {
    start: u32,
    end: u32,
    new: u32,
}

impl<'t> Pending<'t> {
    /// The comments of a file.
    pub(super) fn new(comments: &'t Comments, source: Option<&Source>) -> Self {
        let notes = comments.0.iter().map(|comment| Note::new(comment, source)).collect();
        Self { notes, moves: Vec::new() }
    }

    /// The next comment, if it stands before a place.
    pub(super) fn next_before(&mut self, place: u32) -> Option<Note<'t>> {
        let place = self.moved(place);
        let start = self.moved(self.notes.front()?.start);
        if start < place { self.notes.pop_front() } else { None }
    }

    /// Takes all comments that stand before a place.
    pub(super) fn take_before(&mut self, place: u32) -> Self {
        let count = self.notes.partition_point(|note| note.start < place);
        Self { notes: self.notes.drain(..count).collect(), moves: Vec::new() }
    }

    /// The comments that no node of a statement took. They come to stand after it, where a `///` that documents nothing
    /// would document the next statement: it becomes the `//` that it always was.
    pub(super) fn left_over(mut self) -> VecDeque<Note<'t>> {
        for line in self.notes.iter_mut().filter_map(|note| note.lines.first_mut()) {
            if let Some(text) = line.strip_prefix('/').filter(|text| text.starts_with("//") && !text.starts_with("///"))
            {
                *line = text;
            }
        }
        self.notes
    }

    /// The comments themselves.
    pub(super) fn into_notes(self) -> VecDeque<Note<'t>> {
        self.notes
    }

    /// Has some parts of a statement read as if they stood behind all others, in this order, each with the comments before
    /// it and with the comment that ends its last line. The statement ends at `end`.
    pub(super) fn read_last(&mut self, last: &[Span], others: &[Span], end: u32) {
        let all = || others.iter().chain(last);
        if self.notes.is_empty() || all().is_sorted_by_key(|part| part.start) {
            return;
        }
        let next = |place: u32| all().map(|part| part.start).filter(|start| *start >= place).min().unwrap_or(end);
        let with_comment = |place: u32| self.end_of_line(place, next(place));
        let before = |place: u32| all().map(|part| part.end).filter(|end| *end <= place).max().unwrap_or(place);
        let parts = last.iter().map(|part| (with_comment(before(part.start)), with_comment(part.end)));
        let rest = (with_comment(before(end)), end);
        let mut new = end;
        let mut moves = Vec::new();
        for (start, end) in parts.chain([rest]) {
            moves.push(Move { start, end, new });
            new = new.saturating_add(end.saturating_sub(start));
        }
        self.notes.make_contiguous().sort_by_key(|note| read_at(&moves, note.start));
        self.moves = moves;
    }

    /// Where a stretch of text ends with the comment on its last line, if there is one before `next`.
    fn end_of_line(&self, end: u32, next: u32) -> u32 {
        let notes = self.notes.iter().filter(|note| (end..next).contains(&note.start));
        notes.take_while(|note| note.trailing).find(|note| note.rest_of_line).map_or(end, |note| note.end)
    }

    fn moved(&self, place: u32) -> u32 {
        read_at(&self.moves, place)
    }
}

/// Where a place is read.
fn read_at(moves: &[Move], place: u32) -> u32 {
    moves
        .iter()
        .find(|moved| (moved.start..moved.end).contains(&place))
        .map_or(place, |moved| moved.new.saturating_add(place.saturating_sub(moved.start)))
}
