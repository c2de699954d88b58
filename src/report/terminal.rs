//! Diagnostics as people read them: what is wrong, the source with the places underlined, what to do.
//!
//! ```text
//! error[P0204]: unknown attribute `contry`
//!  --> models.policy:3:34
//!   |
//! 3 | allow anyone to view on any when contry == "CN";
//!   |                                  ^^^^^^ not declared
//!   |
//!   = help: did you mean `country`?
//!
//! 1 error
//! ```

use super::{
    Diagnostic, Severity,
    excerpt::{Excerpt, excerpts, one_line, printable, width},
    place::{Places, count},
};
use crate::source::Sources;
use annotate_snippets::{
    AnnotationKind, Group, Level, Renderer, Snippet,
    renderer::{DEFAULT_ERROR_STYLE, DEFAULT_LINE_NUM_STYLE, DEFAULT_WARNING_STYLE, Style},
};
use std::{fmt::Write, iter::once};

/// The widths that a terminal is taken to have, whatever it says.
const WIDTHS: (usize, usize) = (40, 400);

/// The findings in the order given, each with a blank line after it, and how many there are; nothing if there are none.
/// `width` is how many columns the terminal has: prose is wrapped and source is cut to fit in them.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, color: bool, width: usize) -> String {
    let width = width.clamp(WIDTHS.0, WIDTHS.1);
    let mut terminal = Terminal { sources, places: Places::new(sources), color, width, out: String::new() };
    for diagnostic in diagnostics {
        terminal.finding(diagnostic);
        terminal.line("");
    }
    if !diagnostics.is_empty() {
        let (errors, warnings) = count(diagnostics);
        let style = if errors > 0 { DEFAULT_ERROR_STYLE } else { DEFAULT_WARNING_STYLE };
        let line = terminal.styled(style, &summary(errors, warnings));
        terminal.line(&line);
    }
    terminal.out
}

/// `2 errors, 1 warning`
#[must_use]
pub fn summary(errors: usize, warnings: usize) -> String {
    let counted = |count: usize, name: &str| format!("{count} {name}{}", if count == 1 { "" } else { "s" });
    match (errors, warnings) {
        (0, 0) => "no errors, no warnings".to_owned(),
        (_, 0) => counted(errors, "error"),
        (0, _) => counted(warnings, "warning"),
        _ => format!("{}, {}", counted(errors, "error"), counted(warnings, "warning")),
    }
}

struct Terminal<'a> {
    sources: &'a Sources,
    places: Places<'a>,
    color: bool,
    width: usize,
    out: String,
}

impl Terminal<'_> {
    fn finding(&mut self, diagnostic: &Diagnostic) {
        self.title(diagnostic);
        let room = self.width.saturating_sub(self.widest_number(diagnostic)).saturating_sub(3);
        let excerpts = excerpts(diagnostic, self.sources, room);
        let gutter = digits(excerpts.iter().map(Excerpt::last_line).max().unwrap_or_default());
        for (index, excerpt) in excerpts.iter().enumerate() {
            if index > 0 {
                self.bar(gutter);
            }
            self.pointer(excerpt, gutter, if index == 0 { "-->" } else { ":::" });
            self.source(excerpt, level(diagnostic.severity()), gutter, room);
        }
        let notes = excerpts.iter().filter_map(|excerpt| excerpt.note.as_deref());
        let notes: Vec<_> = notes.map(|note| (Level::NOTE, note)).collect();
        let help = diagnostic.help_text().map(|help| (Level::HELP, help));
        for (index, (level, text)) in notes.into_iter().chain(help).enumerate() {
            if index == 0 && !excerpts.is_empty() {
                self.bar(gutter);
            }
            self.advice(level, text, gutter);
        }
    }

    /// `error[P0204]: unknown attribute …`
    fn title(&mut self, diagnostic: &Diagnostic) {
        let level = level(diagnostic.severity());
        let code = diagnostic.code().id();
        let hanging = diagnostic.severity().name().len().saturating_add(code.len()).saturating_add(4);
        let message = wrap(diagnostic.message(), self.width.saturating_sub(hanging));
        let drawn = self.renderer().render(&[Group::with_title(level.primary_title(message).id(code))]);
        self.lines(&drawn, 0);
    }

    /// ` --> models.policy:3:34`
    fn pointer(&mut self, excerpt: &Excerpt<'_>, gutter: usize, arrow: &str) {
        if let Some(place) = self.places.of(excerpt.span) {
            let arrow = self.styled(DEFAULT_LINE_NUM_STYLE, &format!("{:gutter$}{arrow}", ""));
            self.line(&format!("{arrow} {}:{}:{}", one_line(place.file), place.line, place.column));
        }
    }

    /// The lines of source with what is underlined in them.
    fn source(&mut self, excerpt: &Excerpt<'_>, level: Level<'static>, gutter: usize, room: usize) {
        let window = excerpt.window();
        // The line break gives a last line that is empty a number, too.
        let text = format!("{}\n", excerpt.text());
        let end = text.len();
        let marks = excerpt.marks.iter().map(|mark| {
            let kind = if mark.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let range = mark.range.start.saturating_sub(window.start)..mark.range.end.saturating_sub(window.start);
            kind.span(range).label(Some(mark.text.as_str()).filter(|text| !text.is_empty()))
        });
        // All line numbers are drawn as wide as that of the last line, which this makes sure to be counted.
        let last = AnnotationKind::Visible.span(end..end);
        let snippet = Snippet::source(text).line_start(excerpt.first_line()).annotations(marks).annotation(last);
        let own_gutter = digits(excerpt.last_line());
        let columns = excerpt.columns(room).unwrap_or(room);
        let beside = excerpt.tall().saturating_mul(2).saturating_add(own_gutter).saturating_add(3);
        let renderer = self.renderer().term_width(columns.saturating_add(beside));
        let drawn = renderer.render(&[Group::with_level(level).element(snippet)]);
        self.lines(&drawn, gutter.saturating_sub(own_gutter));
    }

    /// `  = help: did you mean …`
    fn advice(&mut self, level: Level<'static>, text: &str, gutter: usize) {
        let hanging = gutter.saturating_add("   help: ".len());
        let message = level.message(wrap(text, self.width.saturating_sub(hanging)));
        let drawn = self.renderer().render(&[Group::with_level(Level::ERROR).element(message)]);
        self.lines(&drawn, gutter);
    }

    /// The line beside the source where there is none.
    fn bar(&mut self, gutter: usize) {
        let bar = self.styled(DEFAULT_LINE_NUM_STYLE, &format!("{:gutter$} |", ""));
        self.line(&bar);
    }

    /// How many digits the numbers of the lines have that a finding speaks of.
    fn widest_number(&self, diagnostic: &Diagnostic) -> usize {
        let spans = once(diagnostic.span()).chain(diagnostic.labels().iter().map(|(span, _)| *span));
        let lines = spans.filter_map(|span| self.sources.get(span.file).map(|source| source.line(span.end)));
        digits(lines.max().unwrap_or_default())
    }

    const fn renderer(&self) -> Renderer {
        if self.color { Renderer::styled() } else { Renderer::plain() }
    }

    fn styled(&self, style: Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn lines(&mut self, text: &str, indent: usize) {
        for line in text.lines() {
            self.line(&format!("{:indent$}{line}", ""));
        }
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{}", text.trim_end());
    }
}

const fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    }
}

fn digits(number: usize) -> usize {
    number.checked_ilog10().map_or(1, |log| (log as usize).saturating_add(1))
}

/// A text that a terminal may be given, broken at spaces, so that its lines are no wider than some columns where that can be done.
fn wrap(text: &str, columns: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, line) in printable(text).lines().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let mut used = 0_usize;
        for (index, word) in line.split(' ').enumerate() {
            let needed = width(word).saturating_add(1);
            if index > 0 {
                let breaks = used.saturating_add(needed) > columns;
                out.push(if breaks { '\n' } else { ' ' });
                used = if breaks { 0 } else { used.saturating_add(1) };
            }
            out.push_str(word);
            used = used.saturating_add(needed).saturating_sub(1);
        }
    }
    out
}
