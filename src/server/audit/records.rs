//! Records in the form that is kept, a line each, one behind the other in one text: none takes memory of its own.

use super::record::{Kept, Record};
use std::ops::Range;

/// Some records.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// Their lines, each with a line break behind it.
    text: Vec<u8>,
    rows: Vec<Row>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) kept: Kept,
    /// Where its line stands.
    line: Range<usize>,
}

impl Records {
    /// Adds a record.
    pub(super) fn add(&mut self, record: &Record<'_>) {
        let start = self.text.len();
        let kept = record.encode(&mut self.text);
        self.end(kept, start);
    }

    /// Adds a record that was encoded.
    pub(super) fn put(&mut self, kept: Kept, line: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(line);
        self.end(kept, start);
    }

    fn end(&mut self, kept: Kept, start: usize) {
        let line = start..self.text.len();
        self.rows.push(Row { kept, line });
        self.text.push(b'\n');
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many bytes they take.
    pub(super) const fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Forgets all of them, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.rows.clear();
    }

    /// All, in their order.
    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The line of one.
    pub(super) fn line(&self, row: &Row) -> &[u8] {
        self.text.get(row.line.clone()).unwrap_or_default()
    }

    /// The lines of some, which stand one behind the other, with a line break between them.
    pub(super) fn lines(&self, rows: &[Row]) -> &[u8] {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return &[] };
        self.text.get(first.line.start..last.line.end).unwrap_or_default()
    }
}
