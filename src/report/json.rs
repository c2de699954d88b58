//! Diagnostics as one JSON document, for tools.
//!
//! Lines and columns count from 1, columns in characters, ends are exclusive; `help` is left out where there is none.
//! `labels` are the other places that matter.

use super::{
    Diagnostic,
    place::{Place, Places, count},
};
use crate::source::{Sources, Span};
use serde::Serialize;

#[derive(Serialize)]
struct Report<'a> {
    diagnostics: Vec<Finding<'a>>,
    errors: usize,
    warnings: usize,
}

#[derive(Serialize)]
struct Finding<'a> {
    code: &'static str,
    severity: &'static str,
    message: &'a str,
    #[serde(flatten)]
    range: Range<'a>,
    labels: Vec<Label<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

#[derive(Serialize)]
struct Label<'a> {
    #[serde(flatten)]
    range: Range<'a>,
    text: &'a str,
}

#[derive(Serialize)]
struct Range<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

impl<'a> Range<'a> {
    fn of(places: &mut Places<'a>, span: Span) -> Self {
        let nowhere = Place { file: "", line: 1, column: 1, end_line: 1, end_column: 1 };
        let Place { file, line, column, end_line, end_column } = places.of(span).unwrap_or(nowhere);
        Self { file, line, column, end_line, end_column }
    }
}

/// The findings in the order given, and how many there are, on one line.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let mut places = Places::new(sources);
    let (errors, warnings) = count(diagnostics);
    let diagnostics = diagnostics.iter().map(|diagnostic| finding(diagnostic, &mut places)).collect();
    document(&Report { diagnostics, errors, warnings })
}

fn finding<'a>(diagnostic: &'a Diagnostic, places: &mut Places<'a>) -> Finding<'a> {
    let labels = diagnostic.labels().iter();
    Finding {
        code: diagnostic.code().id(),
        severity: diagnostic.severity().name(),
        message: diagnostic.message(),
        range: Range::of(places, diagnostic.span()),
        labels: labels.map(|(span, text)| Label { range: Range::of(places, *span), text }).collect(),
        help: diagnostic.help_text(),
    }
}

/// A value as one compact JSON document and a newline.
#[expect(clippy::expect_used, reason = "a value of strings, numbers and lists is always JSON")]
pub(super) fn document(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string(value).expect("strings, numbers and lists");
    text.push('\n');
    text
}
