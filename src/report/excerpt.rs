//! The parts of the texts that show the places of one finding: as much as is drawn, however long the files and their
//! lines are.

use super::Diagnostic;
use crate::source::{FileId, Source, Sources, Span};
use std::ops::Range;

/// How many bytes apart the places in one excerpt may be.
const NEAR: usize = 8 << 10;
/// How many bytes of a line are looked at on either side of a place: more than the widest terminal shows.
const CONTEXT: usize = 2 << 10;
/// How many columns the drawing may need for the dots and the air around what it shows of a line that is too wide.
const DOTS: usize = 12;

/// A place that is underlined.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    /// Which bytes of the whole text.
    pub(super) range: Range<usize>,
    /// What is said of it; may be empty.
    pub(super) text: String,
    /// Whether it is the finding's own place.
    pub(super) primary: bool,
}

/// Some lines of one file with the places in them.
#[derive(Debug, Clone)]
pub(super) struct Excerpt<'a> {
    source: &'a Source,
    file: FileId,
    /// Where it points to: the place that it was begun for.
    pub(super) span: Span,
    /// The places, at least one.
    pub(super) marks: Vec<Mark>,
    /// What is said of a place, but does not fit beside it.
    pub(super) note: Option<String>,
}

/// The excerpts that show a finding, its own place first. `room` is how many columns there are for the source.
pub(super) fn excerpts<'a>(diagnostic: &Diagnostic, sources: &'a Sources, room: usize) -> Vec<Excerpt<'a>> {
    let mut excerpts: Vec<Excerpt<'a>> = Vec::new();
    let own = (diagnostic.span(), diagnostic.primary_label(), true);
    let others = diagnostic.labels().iter().map(|(span, text)| (*span, &**text, false));
    for (span, text, primary) in std::iter::once(own).chain(others) {
        let Some(source) = sources.get(span.file) else { continue };
        let mark = Mark { range: range(source, span), text: one_line(text), primary };
        let home = excerpts.iter_mut().find_map(|excerpt| {
            let joined = excerpt.with(span.file, &mark, room)?;
            Some((excerpt, joined))
        });
        match home {
            Some((excerpt, joined)) => *excerpt = joined,
            None => excerpts.push(Excerpt::new(source, span, mark, room)),
        }
    }
    excerpts
}

impl<'a> Excerpt<'a> {
    /// An excerpt for one place. What is too long to be drawn is told apart, or cut.
    fn new(source: &'a Source, span: Span, mark: Mark, room: usize) -> Self {
        let mut excerpt = Self { source, file: span.file, span, marks: vec![mark], note: None };
        if excerpt.columns(room).is_none() {
            let texts = excerpt.marks.iter_mut().map(|mark| std::mem::take(&mut mark.text));
            excerpt.note = texts.last().filter(|text| !text.is_empty());
        }
        if excerpt.columns(room).is_none() {
            for mark in &mut excerpt.marks {
                mark.range = beginning(source, &mark.range, room.saturating_sub(DOTS));
            }
        }
        excerpt
    }

    /// With one more place, if it is near enough and can be drawn.
    fn with(&self, file: FileId, mark: &Mark, room: usize) -> Option<Self> {
        let all = self.bounds();
        let near = mark.range.start <= all.end.saturating_add(NEAR) && all.start <= mark.range.end.saturating_add(NEAR);
        if file != self.file || !near {
            return None;
        }
        let mut joined = self.clone();
        joined.marks.push(mark.clone());
        joined.columns(room).is_some().then_some(joined)
    }

    /// The first line that is shown.
    pub(super) fn first_line(&self) -> usize {
        self.line(self.bounds().start)
    }

    /// The last line that is shown.
    pub(super) fn last_line(&self) -> usize {
        self.line(self.bounds().end)
    }

    /// The bytes that are shown: lines, but of a very long one only what is around the places.
    pub(super) fn window(&self) -> Range<usize> {
        let (text, bounds) = (self.source.text(), self.bounds());
        let first = self.line_range(bounds.start).start;
        let last = self.line_range(bounds.end);
        let last = last.start..content(text, last).end;
        let start = text.floor_char_boundary(bounds.start.saturating_sub(CONTEXT));
        let end = text.ceil_char_boundary(bounds.end.saturating_add(CONTEXT));
        first.max(start)..last.end.min(end).max(bounds.end)
    }

    /// The text that is shown. Control characters of two bytes, which terminals may obey, are dots of two bytes in it;
    /// those of one byte are left to the drawing.
    pub(super) fn text(&self) -> String {
        let text = self.source.text().get(self.window()).unwrap_or_default();
        text.replace(|character| matches!(character, '\u{80}'..='\u{9f}'), "·")
    }

    /// How many places are longer than one line.
    pub(super) fn tall(&self) -> usize {
        self.marks.iter().filter(|mark| self.line(mark.range.start) != self.line(mark.range.end)).count()
    }

    /// How many columns the source must be drawn in, at most `room`, to show all places with what is said of them: fewer
    /// than `room` where a line has to be cut on its left to make room on its right. None if it cannot be done.
    pub(super) fn columns(&self, room: usize) -> Option<usize> {
        let tall = self.tall();
        let room = room.saturating_sub(tall.saturating_mul(2));
        let ends = self.marks.iter().flat_map(|mark| {
            let said = if mark.text.is_empty() { 0 } else { width(&mark.text).saturating_add(1) };
            let (start, end) = (self.column(mark.range.start), self.column(mark.range.end));
            // An empty place is drawn as one column.
            let end = if mark.range.is_empty() { start.saturating_add(1) } else { end };
            [start, end.saturating_sub(1), start.max(end).saturating_add(said)]
        });
        let (left, right) = ends.fold((usize::MAX, 0_usize), |(left, right), end| (left.min(end), right.max(end)));
        let lines = self.marks.iter().map(|mark| self.lines(mark));
        if lines.clone().flatten().map(width).fold(right, usize::max) <= room {
            return Some(room);
        }
        // The lines between the first and the last of a place may be left out of the drawing.
        let ends = lines.flat_map(|lines| [lines.clone().next(), lines.last()]).flatten();
        let widest = ends.map(width).max().unwrap_or_default();
        // With lines beside the source it is not certain when the drawing begins to cut, and how much.
        let cut = room.min(widest.saturating_sub(1)).saturating_sub(tall.saturating_mul(2));
        let certain = tall == 0 || (tall == 1 && widest > room);
        (certain && right.saturating_sub(left).saturating_add(DOTS) <= cut).then_some(cut)
    }

    /// The lines of a place, as much of them as is shown.
    fn lines(&self, mark: &Mark) -> std::str::Lines<'a> {
        let (text, window) = (self.source.text(), self.window());
        let start = self.line_range(mark.range.start).start.max(window.start);
        let end = content(text, self.line_range(mark.range.end)).end.clamp(mark.range.end, window.end);
        text.get(start..end).unwrap_or_default().lines()
    }

    /// The bytes from the first place to the last.
    fn bounds(&self) -> Range<usize> {
        let start = self.marks.iter().map(|mark| mark.range.start).min().unwrap_or_default();
        let end = self.marks.iter().map(|mark| mark.range.end).max().unwrap_or_default();
        start..end
    }

    fn line(&self, offset: usize) -> usize {
        self.source.line(u32::try_from(offset).unwrap_or(u32::MAX))
    }

    fn line_range(&self, offset: usize) -> Range<usize> {
        self.source.line_range(self.line(offset)).unwrap_or_default()
    }

    /// How many columns of what is shown are on the left of a byte.
    fn column(&self, offset: usize) -> usize {
        let start = self.line_range(offset).start.max(self.window().start);
        width(self.source.text().get(start..offset).unwrap_or_default())
    }
}

/// The bytes of a span, cut to the text, to whole characters, and before the line break that it ends with. Of a span that
/// is too long to be shown there remains the first line.
fn range(source: &Source, span: Span) -> Range<usize> {
    let text = source.text();
    let start = text.floor_char_boundary(span.range().start);
    let end = text.ceil_char_boundary(span.range().end).max(start);
    let range = content(text, start..end);
    if range.len() > NEAR { beginning(source, &range, NEAR) } else { range }
}

/// As much of a range as is in its first line and not wider than some columns.
fn beginning(source: &Source, range: &Range<usize>, columns: usize) -> Range<usize> {
    let text = source.text().get(range.clone()).unwrap_or_default();
    let mut left = columns;
    let fits = text.char_indices().find(|(_, character)| match left.checked_sub(character_width(*character)) {
        Some(rest) if *character != '\n' => {
            left = rest;
            false
        }
        _ => true,
    });
    let end = fits.map_or(range.end, |(length, _)| range.start.saturating_add(length));
    content(source.text(), range.start..end)
}

/// A range without the line breaks at its end.
fn content(text: &str, range: Range<usize>) -> Range<usize> {
    let inside = text.get(range.clone()).unwrap_or_default().trim_end_matches(['\r', '\n']);
    range.start..range.start.saturating_add(inside.len())
}

/// A text on one line, without characters that a terminal would obey.
pub(super) fn one_line(text: &str) -> String {
    printable(text).replace('\n', " ")
}

/// A text without characters that a terminal would obey, but for line breaks.
pub(super) fn printable(text: &str) -> String {
    let shown = |character: char| match character {
        '\n' => '\n',
        '\t' | '\r' => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
        other if other.is_control() => char::REPLACEMENT_CHARACTER,
        other => other,
    };
    text.chars().map(shown).collect()
}

/// How many columns a text takes on a terminal.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(character_width).sum()
}

/// As wide as terminals draw it, but for rare characters: an error costs a column, no more.
const fn character_width(character: char) -> usize {
    match character {
        '\t' => 4,
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{feff}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}
