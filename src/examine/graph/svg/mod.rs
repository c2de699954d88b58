//! A chart as a picture: what leads in on the left, rules in their cards, what becomes of a decision on the right.
//!
//! `plan` says where everything stands, here it is drawn. The picture is one SVG document without scripts that needs
//! nothing outside of it; each rule links to its text. It follows the reader's light or dark colours. A large chart is folded first.

mod plan;

use super::{Chart, MARK, Row, Step};
use crate::examine::text::counted;
use plan::{CardPlan, Outcome, Pill, Plan, Point, RowPlan, TEXT_LINE};
use std::{collections::BTreeSet, fmt::Write};

/// Colours and fonts.
const STYLE: &str = include_str!("style.css");

/// A chart as an SVG document.
#[must_use]
pub fn render(chart: &Chart) -> String {
    let chart = chart.folded();
    let plan = Plan::of(&chart);
    let title = title(&chart);
    let [left, end, middle, right] = plan.columns;
    let mut out = String::new();
    let _ = writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img">"#,
        w = plan.width.ceil(),
        h = plan.height.ceil(),
    );
    let _ = writeln!(out, "<title>{}</title>\n<style>\n{STYLE}</style>", escaped(&title));
    let _ = writeln!(out, r#"<rect class="paper" width="100%" height="100%" rx="12"/>"#);
    text(&mut out, "title", Point { x: left, y: plan::TITLE }, &title);
    text(&mut out, "note", Point { x: left, y: plan::TITLE + 22.0 }, &subtitle(&chart));
    text(&mut out, "note end", Point { x: end, y: plan::TOP - 14.0 }, "what a request has");
    text(&mut out, "note", Point { x: middle, y: plan::TOP - 14.0 }, "leads to rules");
    text(&mut out, "note", Point { x: right, y: plan::TOP - 14.0 }, "that decide");
    for (from, to) in &plan.leads {
        curve(&mut out, "lead", *from, *to);
    }
    for (from, to, step) in &plan.edges {
        curve(&mut out, &format!("edge {}", class(*step)), *from, *to);
    }
    plan.pills.iter().for_each(|it| pill(&mut out, it));
    let mut ids = Ids::default();
    plan.cards.iter().for_each(|it| card(&mut out, it, &mut ids));
    for (from, to) in &plan.thens {
        let _ = writeln!(out, r#"<path class="then" d="M{} {}V{}"/>"#, number(from.x), number(from.y), number(to.y));
    }
    plan.outcomes.iter().for_each(|it| outcome(&mut out, it));
    out.push_str("</svg>\n");
    out
}

fn title(chart: &Chart) -> String {
    match &chart.about {
        None => "What decides".to_owned(),
        Some(about) => format!("What decides about {}", about.words),
    }
}

/// What there is to know about the whole.
fn subtitle(chart: &Chart) -> String {
    let mut notes = Vec::new();
    match &chart.about {
        Some(about) if about.declared => {
            notes.extend(about.values.iter().map(|(path, value)| format!("{path} = {value}")));
        }
        Some(_) => notes.push("not declared".to_owned()),
        None => notes.push(format!("{} in {}", counted(chart.rules, "rule"), counted(chart.blocks, "block"))),
    }
    if chart.left_out > 0 {
        notes.push(format!("{} not shown", counted(chart.left_out, "block")));
    }
    notes.join(", ")
}

const fn class(step: Step) -> &'static str {
    match step {
        Step::Hide => "hide",
        Step::Deny => "deny",
        Step::Allow => "allow",
        Step::Limit => "limit",
        Step::Duty => "duty",
        Step::Shadow => "shadow",
    }
}

fn pill(out: &mut String, pill: &Pill) {
    let _ = writeln!(
        out,
        r#"<rect class="pill" x="{}" y="{}" width="{}" height="{}" rx="{}"/>"#,
        number(pill.at.x),
        number(pill.at.y),
        number(pill.width),
        number(plan::PILL),
        number(plan::PILL / 2.0),
    );
    let class = if pill.counts { "muted" } else { "" };
    text(out, class, Point { x: pill.at.x + plan::INSET, y: pill.at.y + plan::PILL / 2.0 + 4.0 }, &pill.text);
}

fn card(out: &mut String, card: &CardPlan<'_>, ids: &mut Ids) {
    let _ = writeln!(
        out,
        r#"<rect class="card" x="{}" y="{}" width="{}" height="{}" rx="8"/>"#,
        number(card.at.x),
        number(card.at.y),
        number(card.width),
        number(card.height),
    );
    if let Some((head, note)) = card.heading {
        text(out, "head", Point { x: card.at.x + plan::INSET, y: card.at.y + 21.0 }, head);
        text(out, "note", Point { x: card.at.x + plan::INSET, y: card.at.y + 38.0 }, note);
    }
    for (place, row) in card.rows.iter().enumerate() {
        if place > 0 || card.heading.is_some() {
            line(out, card, row.y);
        }
        rule(out, card, row, ids);
    }
    for (y, note) in &card.notes {
        line(out, card, *y);
        text(out, "note", Point { x: card.at.x + plan::INSET, y: y + 19.0 }, note);
    }
}

/// The line between two rows.
fn line(out: &mut String, card: &CardPlan<'_>, y: f64) {
    let _ = writeln!(
        out,
        r#"<path class="line" d="M{} {}H{}"/>"#,
        number(card.at.x + 1.0),
        number(y),
        number(card.at.x + card.width - 1.0)
    );
}

fn rule(out: &mut String, card: &CardPlan<'_>, plan: &RowPlan<'_>, ids: &mut Ids) {
    let row: &Row = plan.row;
    let _ =
        writeln!(out, r#"<a id="{}" href="{}"><title>{}</title>"#, ids.of(&row.name), escaped(&row.link()), tip(row));
    let step = class(row.step);
    let _ = writeln!(
        out,
        r#"<rect class="{step}" x="{}" y="{}" width="3" height="{}" rx="1.5"/>"#,
        number(card.at.x + 8.0),
        number(plan.y + 9.0),
        number(plan.height - 18.0)
    );
    let (left, mut y) = (card.at.x + plan::INSET + 6.0, plan.y + 22.0);
    if !row.notes.is_empty() {
        text(out, "mark", Point { x: left + plan.name - plan::CHARACTER * 1.8, y }, MARK);
    }
    text(out, step, Point { x: left, y }, &row.word);
    text(out, "name", Point { x: left + plan.name, y }, &plan.shown);
    if plan.beside && !row.says.is_empty() {
        let right = card.at.x + card.width - plan::INSET;
        text(out, "muted end", Point { x: right, y }, &row.says);
    }
    for line in &plan.lines {
        y += TEXT_LINE;
        // White space in front would not be shown.
        let indent = line.len().saturating_sub(line.trim_start().len());
        text(out, "muted", Point { x: left + indent as f64 * plan::CHARACTER, y }, line.trim_start());
    }
    out.push_str("</a>\n");
}

/// The ids of elements: those of rules are named after them, and a rule that stands in several cards has several.
#[derive(Default)]
struct Ids(BTreeSet<String>);

impl Ids {
    fn of(&mut self, name: &str) -> String {
        let plain = |character: char| if character.is_alphanumeric() || character == '_' { character } else { '-' };
        let first = format!("rule-{}", name.chars().map(plain).collect::<String>());
        let mut id = first.clone();
        for number in 2.. {
            if self.0.insert(id.clone()) {
                break;
            }
            id = format!("{first}-{number}");
        }
        id
    }
}

/// What is shown of a rule where a reader points at it, as XML has it.
fn tip(row: &Row) -> String {
    let (word, name, at) = (row.word.as_str(), &row.name, &row.at);
    let what = format!("{word} {name}, {at}: to {} when {}", row.actions_in_words(), row.condition());
    let lines: Vec<String> = std::iter::once(what).chain(row.findings()).map(|line| escaped(&line)).collect();
    lines.join("\n")
}

fn outcome(out: &mut String, outcome: &Outcome) {
    let _ = writeln!(
        out,
        r#"<rect class="box" x="{}" y="{}" width="{}" height="{}" rx="8"/>"#,
        number(outcome.at.x),
        number(outcome.at.y),
        number(plan::OUTCOME.0),
        number(plan::OUTCOME.1),
    );
    let _ = writeln!(
        out,
        r#"<rect class="{}" x="{}" y="{}" width="4" height="{}" rx="2"/>"#,
        class(outcome.step),
        number(outcome.at.x + 8.0),
        number(outcome.at.y + 9.0),
        number(plan::OUTCOME.1 - 18.0)
    );
    let left = outcome.at.x + plan::INSET + 6.0;
    let (name, note) = outcome.words();
    text(out, &format!("name {}", class(outcome.step)), Point { x: left, y: outcome.at.y + 22.0 }, name);
    text(out, "note", Point { x: left, y: outcome.at.y + 40.0 }, note);
}

/// A line from left to right.
fn curve(out: &mut String, class: &str, from: Point, to: Point) {
    let bend = (to.x - from.x) / 2.0;
    let _ = writeln!(
        out,
        r#"<path class="{class}" d="M{} {}C{} {} {} {} {} {}"/>"#,
        number(from.x),
        number(from.y),
        number(from.x + bend),
        number(from.y),
        number(to.x - bend),
        number(to.y),
        number(to.x),
        number(to.y),
    );
}

fn text(out: &mut String, class: &str, at: Point, words: &str) {
    let class = if class.is_empty() { String::new() } else { format!(r#" class="{class}""#) };
    let _ = writeln!(out, r#"<text{class} x="{}" y="{}">{}</text>"#, number(at.x), number(at.y), escaped(words));
}

/// A number with at most one digit after its point.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// A text as XML has it. Characters that XML does not know are replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push(char::REPLACEMENT_CHARACTER),
            control if control.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            plain => escaped.push(plain),
        }
    }
    escaped
}
