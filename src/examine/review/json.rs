//! A review as one JSON document with a line break at its end.

use super::{Finding, Review};
use serde::Serialize;

#[derive(Serialize)]
struct Report<'a> {
    findings: Vec<Shape<'a>>,
}

/// All members are always there.
#[derive(Serialize)]
struct Shape<'a> {
    kind: &'static str,
    rule: &'a str,
    at: &'a str,
    owner: Option<&'a str>,
    date: Option<&'a str>,
    message: &'a str,
}

impl<'a> From<&'a Finding> for Shape<'a> {
    fn from(found: &'a Finding) -> Self {
        Self {
            kind: found.kind.name(),
            rule: &found.rule,
            at: &found.at,
            owner: found.owner.as_deref(),
            date: found.date.as_deref(),
            message: &found.message,
        }
    }
}

/// Renders a review.
#[must_use]
pub fn render(review: &Review) -> String {
    let findings = review.findings.iter().map(Shape::from).collect();
    let mut text = serde_json::to_string(&Report { findings }).unwrap_or_default();
    text.push('\n');
    text
}
