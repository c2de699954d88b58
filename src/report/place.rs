//! Lines and columns of many places, without reading a text again for each.

use super::Diagnostic;
use crate::source::{FileId, Source, Sources, Span};
use std::collections::BTreeMap;

/// How many bytes lie between two marks of [`Places`]: the most that one column costs to count.
const BLOCK: usize = 4096;

/// A span as people and tools write it: counted from 1, columns in characters, the end exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// The path as it was given.
    pub(super) file: &'a str,
    /// The line of the first character.
    pub(super) line: usize,
    /// The column of the first character.
    pub(super) column: usize,
    /// The line of the end.
    pub(super) end_line: usize,
    /// The column of the end.
    pub(super) end_column: usize,
}

/// Finds the [`Place`]s of spans. A hundred thousand findings in one line of fifty megabytes are no trouble.
#[derive(Debug)]
pub(super) struct Places<'a> {
    sources: &'a Sources,
    /// For each file asked for: how many characters stand before each block.
    marks: BTreeMap<FileId, Vec<usize>>,
}

impl<'a> Places<'a> {
    /// Of the spans of these files.
    pub(super) const fn new(sources: &'a Sources) -> Self {
        Self { sources, marks: BTreeMap::new() }
    }

    /// The place of a span, if its file is known.
    pub(super) fn of(&mut self, span: Span) -> Option<Place<'a>> {
        let source = self.sources.get(span.file)?;
        let marks = self.marks.entry(span.file).or_insert_with(|| marks(source.text()));
        let (line, column) = line_column(source, marks, span.start);
        let (end_line, end_column) = line_column(source, marks, span.end.max(span.start));
        Some(Place { file: source.name(), line, column, end_line, end_column })
    }
}

/// How many are errors, and how many are warnings.
pub(super) fn count(diagnostics: &[Diagnostic]) -> (usize, usize) {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
    (errors, diagnostics.len().saturating_sub(errors))
}

fn line_column(source: &Source, marks: &[usize], offset: u32) -> (usize, usize) {
    let line = source.line(offset);
    let start = source.line_range(line).map_or(0, |range| range.start);
    let before = |offset| characters_before(source.text(), marks, offset);
    (line, before(offset as usize).saturating_sub(before(start)).saturating_add(1))
}

fn marks(text: &str) -> Vec<usize> {
    let mut count = 0_usize;
    let mut marks = vec![count];
    for block in text.as_bytes().chunks(BLOCK) {
        count = count.saturating_add(characters(block));
        marks.push(count);
    }
    marks
}

fn characters_before(text: &str, marks: &[usize], offset: usize) -> usize {
    let offset = offset.min(text.len());
    let block = offset / BLOCK;
    let rest = text.as_bytes().get(block.saturating_mul(BLOCK)..offset).unwrap_or_default();
    marks.get(block).copied().unwrap_or_default().saturating_add(characters(rest))
}

/// How many characters begin in some bytes of UTF-8; they may be cut anywhere.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0b1100_0000 != 0b1000_0000).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_span_without_file_has_no_place() {
        assert_eq!(Places::new(&Sources::default()).of(Span::default()), None);
    }

    #[test]
    fn a_span_past_the_end_is_at_the_end() {
        let mut sources = Sources::default();
        let file = sources.push(Source::new("a.policy", "a.policy", "ab\nc"));
        let place = Places::new(&sources).of(Span::new(file, 100, 2)).unwrap();
        assert_eq!((place.line, place.column, place.end_line, place.end_column), (2, 2, 2, 2));
    }

    proptest! {
        /// The marks change the time it takes, never the answer.
        #[test]
        fn agrees_with_counting_from_the_line(text in "([a-c]{0,40}|[é漢😀]{0,2000}|\r?\n){0,12}", ends in (0..9000_u16, 0..9000_u16)) {
            let mut sources = Sources::default();
            let file = sources.push(Source::new("a.policy", "a.policy", &text));
            let at = |end: u16| text.floor_char_boundary(usize::from(end).min(text.len()));
            let (start, end) = (at(ends.0).min(at(ends.1)), at(ends.0).max(at(ends.1)));
            let span = Span::new(file, u32::try_from(start).unwrap(), u32::try_from(end).unwrap());
            let place = Places::new(&sources).of(span).unwrap();
            let source = sources.get(file).unwrap();
            prop_assert_eq!((place.line, place.column), source.line_column(span.start));
            prop_assert_eq!((place.end_line, place.end_column), source.line_column(span.end));
        }
    }
}
