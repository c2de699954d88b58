//! A chart in the language of Graphviz.

use super::{Card, Chart, MARK, Row, Step};
use std::{collections::BTreeSet, fmt::Write};

/// What stands around the nodes.
const HEAD: &str = r##"digraph policy {
  rankdir=LR; ranksep=1.2; nodesep=0.2; bgcolor="transparent";
  node [shape=box, style="rounded,filled", fillcolor="#ffffff", color="#8c959f", fontname="monospace", fontsize=11];
  edge [color="#8c959f", arrowsize=0.6];
"##;

/// The colour of a mark.
const NOTED: &str = "#9a6700";

/// A chart as a graph that `dot` lays out: what leads in, a table of rules for each card, and what becomes of a decision.
/// A large chart is folded first.
#[must_use]
pub fn render(chart: &Chart) -> String {
    let chart = chart.folded();
    let mut out = HEAD.to_owned();
    if let Some(about) = &chart.about {
        let _ = writeln!(out, "  label={}; labelloc=t; fontname=\"monospace\";", quoted(&about.words));
    }
    let rows = chart.cards.iter().flat_map(|card| &card.rows);
    let led: BTreeSet<usize> =
        rows.flat_map(|row| &row.ways).chain(chart.cards.iter().flat_map(|card| &card.ways)).copied().collect();
    for (number, way) in led.into_iter().filter_map(|number| Some((number, chart.ways.get(number)?))) {
        let _ = writeln!(out, "  w{number} [label={}];", quoted(&way.words));
    }
    for (number, card) in chart.cards.iter().enumerate() {
        let _ = writeln!(out, "  b{number} [shape=plain, style=\"\", label=<{}>];", table(card));
        for way in &card.ways {
            let _ = writeln!(out, "  w{way} -> b{number};");
        }
        for (place, words) in card.counted_ways(&chart).iter().enumerate() {
            let _ = writeln!(out, "  m{number}_{place} [label={}, style=\"rounded,dashed\"];", quoted(words));
            let _ = writeln!(out, "  m{number}_{place} -> b{number};");
        }
        for (place, row) in card.rows.iter().enumerate() {
            for way in &row.ways {
                let _ = writeln!(out, "  w{way} -> b{number}:r{place}:w;");
            }
            let step = row.step;
            let _ = writeln!(out, "  b{number}:r{place}:e -> {} [color=\"{}\"];", name(step), color(step));
        }
    }
    for step in Step::ALL {
        if chart.cards.iter().flat_map(|card| &card.rows).any(|row| row.step == step) {
            let label = quoted(&format!("{}\n{}", name(step), step.outcome()));
            let _ = writeln!(out, "  {} [label={label}, color=\"{}\"];", name(step), color(step));
        }
    }
    if chart.left_out > 0 {
        let label = quoted(&format!("and {} more blocks", chart.left_out));
        let _ = writeln!(out, "  rest [shape=plaintext, style=\"\", label={label}];");
    }
    out.push_str("}\n");
    out
}

/// The rules of a card as a table, each with a port.
fn table(card: &Card) -> String {
    let mut table =
        "<table border=\"0\" cellborder=\"1\" cellspacing=\"0\" cellpadding=\"5\" color=\"#8c959f\">".to_owned();
    let note = |table: &mut String, text: &str| {
        let _ = write!(table, "<tr><td align=\"left\"><i>{}</i></td></tr>", escaped(text));
    };
    if let Some(step) = card.step {
        note(&mut table, step.title());
    }
    for (place, row) in card.rows.iter().enumerate() {
        let (link, tip) = (escaped(&row.link()), tip(row));
        let _ = write!(
            table,
            "<tr><td align=\"left\" balign=\"left\" port=\"r{place}\" href=\"{link}\" tooltip=\"{tip}\">{}</td></tr>",
            cell(row)
        );
    }
    card.notes().iter().for_each(|text| note(&mut table, text));
    table.push_str("</table>");
    table
}

/// What is shown of a rule where a reader points at it.
fn tip(row: &Row) -> String {
    let lines: Vec<String> = std::iter::once(row.at.to_string()).chain(row.findings()).collect();
    escaped(&lines.join("; "))
}

fn cell(row: &Row) -> String {
    let mark = if row.notes.is_empty() { String::new() } else { format!("<font color=\"{NOTED}\">{MARK}</font> ") };
    let mut cell =
        format!("{mark}<font color=\"{}\">{}</font> <b>{}</b>", color(row.step), row.word, escaped(&row.name));
    if !row.says.is_empty() {
        let _ = write!(cell, "  {}", escaped(&row.says));
    }
    let _ = write!(cell, "<br/>to {}", escaped(&row.actions_in_words()));
    for (place, test) in row.tests.iter().enumerate() {
        let _ = write!(cell, "<br/>{} {}", if place == 0 { "when" } else { " and" }, escaped(test));
    }
    cell
}

const fn name(step: Step) -> &'static str {
    match step {
        Step::Hide => "hide",
        Step::Deny => "deny",
        Step::Allow => "allow",
        Step::Limit => "limit",
        Step::Duty => "duty",
        Step::Shadow => "shadow",
    }
}

const fn color(step: Step) -> &'static str {
    match step {
        Step::Hide | Step::Deny => "#cf222e",
        Step::Allow => "#1a7f37",
        Step::Limit => "#9a6700",
        Step::Duty => "#0969da",
        Step::Shadow => "#6e7781",
    }
}

/// A text in quotes.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            control if control.is_control() => quoted.push(char::REPLACEMENT_CHARACTER),
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}

/// A text in a table.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            control if control.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            plain => escaped.push(plain),
        }
    }
    escaped
}
