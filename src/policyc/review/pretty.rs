//! A review for people: a table for each kind of finding, and how many there are.

use super::super::style::{Style, counted, printable};
use crate::examine::review::{Finding, Kind, Review};
use std::fmt::Write;
use textwrap::core::display_width;

pub(super) fn render(review: &Review, style: Style) -> String {
    let mut out = String::new();
    let mut counts = Vec::new();
    for kind in Kind::ALL {
        let found: Vec<&Finding> = review.findings.iter().filter(|finding| finding.kind == kind).collect();
        if found.is_empty() {
            continue;
        }
        counts.push(format!("{} {}", found.len(), kind.name()));
        let _ = writeln!(out, "{} {}", style.bold(kind.title()), style.dim(&format!("({})", found.len())));
        table(&mut out, &found, style);
        out.push('\n');
    }
    let total = match review.findings.len() {
        0 => "no findings".to_owned(),
        count => format!("{}: {}", counted(count, "finding"), counts.join(", ")),
    };
    let _ = writeln!(out, "{total}");
    out
}

/// A line for each finding: rule, what there is to say, place and owner.
fn table(out: &mut String, found: &[&Finding], style: Style) {
    let widest = |texts: &mut dyn Iterator<Item = &str>| texts.map(display_width).max().unwrap_or_default();
    let rules = widest(&mut found.iter().map(|finding| &*finding.rule));
    let messages = widest(&mut found.iter().map(|finding| &*finding.message));
    let places = widest(&mut found.iter().map(|finding| &*finding.at));
    for finding in found {
        let [rule, message] = [pad(&finding.rule, rules), pad(&finding.message, messages)];
        let (place, owner) = match &finding.owner {
            Some(owner) => (pad(&finding.at, places), format!("  {}", printable(owner))),
            None => (printable(&finding.at).into_owned(), String::new()),
        };
        let _ = writeln!(out, "  {}  {message}  {}{owner}", style.bold(&rule), style.dim(&place));
    }
}

/// A text that a terminal may be given, with spaces up to a width.
fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(display_width(text));
    format!("{}{}", printable(text), " ".repeat(missing))
}
