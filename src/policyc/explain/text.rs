//! The story as text: wrapped to the terminal, in aligned columns, with what did not matter dimmed.

use super::super::{
    show::{self, Words},
    style::Style,
};
use crate::{
    decision::Decision,
    engine::Engine,
    eval::kleene::Kleene,
    examine::explain::{ClauseKind, ClauseStory, Explanation, Remedy, RuleStory, duration},
    request::{Input, Request},
};
use std::borrow::Cow;
use textwrap::{Options, WordSeparator, WordSplitter, core::display_width};

/// The widths that a terminal is taken to have, whatever it says.
const WIDTHS: (usize, usize) = (40, 120);
/// How far a clause is indented.
const INDENT: usize = 6;
/// The space between columns.
const GAP: usize = 2;

/// What a page is written for.
#[derive(Clone, Copy)]
pub(super) struct Page<'a> {
    pub(super) engine: &'a Engine,
    pub(super) request: &'a Request,
    pub(super) style: Style,
    /// The width of the terminal, in columns.
    pub(super) width: usize,
}

impl Page<'_> {
    pub(super) fn render(self, story: &Explanation) -> String {
        let mut out = String::new();
        self.paragraph(&mut out, "", &self.summary(), |text| self.style.bold(text));
        out.push('\n');
        self.decision(&mut out, &story.decision);
        if !story.rules.is_empty() {
            out.push_str("\nrules that speak of this:\n");
            self.rules(&mut out, story);
        }
        if !story.decision.is_allow() {
            out.push_str("\nwhat would permit it:\n");
            self.remedies(&mut out, &story.permit_by);
        }
        out
    }

    fn width(self) -> usize {
        self.width.clamp(WIDTHS.0, WIDTHS.1)
    }

    /// The request in one line.
    fn summary(self) -> String {
        let mut words = show::request(self.request);
        for (name, word) in [("ip", "from"), ("time", "at")] {
            if let Some(Input::Text(value)) = self.request.context.get(name) {
                words.push_str(&format!(" {word} {}", value.replace(char::is_control, "")));
            }
        }
        words
    }

    fn decision(self, out: &mut String, decision: &Decision) {
        out.push_str(&show::verdict(decision, self.style));
        if let Some(rule) = &decision.rule {
            out.push_str(&format!(" by {}, {}", self.style.bold(&rule.name), rule.at));
        }
        out.push('\n');
        for line in show::details(decision) {
            self.paragraph(out, "  ", &line, str::to_owned);
        }
        if let Some(note) = self.undeclared() {
            self.paragraph(out, "  ", &note, |text| self.style.warning(text));
        }
    }

    /// That nobody declared the resource, where others of its kind are.
    fn undeclared(self) -> Option<String> {
        let resources = &self.engine.ir().vocabulary.resources;
        let (kind, id) = (&self.request.resource.kind, &self.request.resource.id);
        if !resources.declares(kind) || resources.find(kind, id).is_some() {
            return None;
        }
        let near = resources.ids_of(kind).map(|other| (strsim::osa_distance(id, other), other));
        let near = near.filter(|(distance, other)| *distance <= other.len().div_ceil(4)).min();
        let hint = near.map(|(_, other)| format!("; did you mean {}?", show::quoted(other))).unwrap_or_default();
        Some(format!("note: the policies declare no {kind} {}{hint}", show::quoted(id)))
    }

    fn rules(self, out: &mut String, story: &Explanation) {
        let widest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or_default();
        let effects = widest(&mut story.rules.iter().map(|rule| effect(rule).len()));
        let names = widest(&mut story.rules.iter().map(|rule| display_width(&rule.rule)));
        let clauses = story.rules.iter().flat_map(|rule| rule.shown().map(|clause| display_width(&clause.text)));
        let room = self.width().saturating_sub(INDENT).saturating_sub(GAP).saturating_sub(GAP);
        let columns = Columns {
            effects,
            names: names.min(self.width().div_euclid(3)),
            clauses: clauses.max().unwrap_or_default().min(room.div_euclid(2)),
            room,
        };
        let before = std::iter::once(None).chain(story.rules.iter().map(Some));
        for (rule, before) in story.rules.iter().zip(before) {
            let matters = rule.matters(&story.decision);
            self.rule(out, rule, &columns, matters);
            // The limit of an `allow` with `at most` repeats its clauses.
            let again = before.is_some_and(|before| before.rule == rule.rule && before.at == rule.at);
            let clauses = rule.shown().filter(|clause| !again || clause.kind == ClauseKind::Counting);
            clauses.for_each(|clause| self.clause(out, clause, &columns, matters));
        }
    }

    fn rule(self, out: &mut String, rule: &RuleStory, columns: &Columns, matters: bool) {
        let paint = |text: &str| if matters { text.to_owned() } else { self.style.dim(text) };
        let arrow = if rule.decided { "→" } else { " " };
        let allows = matches!(rule.effect, "allow" | "oblige");
        let mark = match rule.fires {
            Kleene::True if !matters => self.style.dim("✓"),
            Kleene::True if allows => self.style.good("✓"),
            Kleene::True => self.style.bad("✓"),
            Kleene::False => paint("✗"),
            Kleene::Unknown if matters => self.style.warning("?"),
            Kleene::Unknown => self.style.dim("?"),
        };
        let name = pad(&rule.rule, columns.names);
        let name = if rule.decided { self.style.bold(&name) } else { paint(&name) };
        let effect = paint(&pad(&effect(rule), columns.effects));
        let before = columns.effects.saturating_add(columns.names.max(display_width(&rule.rule))).saturating_add(8);
        let fits = before.saturating_add(display_width(&rule.at)) <= self.width();
        let place = self.style.dim(&rule.at);
        // A long place stands on a line of its own.
        let gap = if fits { "  ".to_owned() } else { format!("\n{}", " ".repeat(INDENT)) };
        out.push_str(&format!("{arrow} {mark} {effect}  {name}{gap}{place}\n"));
    }

    fn clause(self, out: &mut String, clause: &ClauseStory, columns: &Columns, matters: bool) {
        let left = wrap(&clause.text, Options::new(columns.clauses));
        let right = wrap(&self.words().all(&clause.saw), Options::new(columns.seen()));
        let decisive = matters && clause.value != Kleene::True;
        let rows = left.len().max(right.len());
        for row in 0..rows {
            let mark = if row == 0 { mark(clause.value) } else { " " };
            let text = pad(left.get(row).map_or("", |line| line), columns.clauses);
            let seen = right.get(row).map_or("", |line| line);
            let line = format!("{mark} {text}  {seen}");
            let line = line.trim_end();
            let painted = match (matters, decisive && clause.value == Kleene::Unknown) {
                (false, _) => self.style.dim(line),
                (true, true) => self.style.warning(line),
                (true, false) => line.to_owned(),
            };
            out.push_str(&" ".repeat(INDENT));
            out.push_str(&painted);
            out.push('\n');
        }
    }

    fn remedies(self, out: &mut String, remedies: &[Remedy]) {
        if remedies.is_empty() {
            out.push_str("  none found\n");
        }
        for remedy in remedies {
            let line = match remedy {
                Remedy::Wait(seconds) => format!("wait {}", duration(*seconds)),
                Remedy::Set(change) => format!("set {}", self.words().all(change)),
            };
            self.paragraph(out, "  ", &line, |text| self.style.hint(text));
        }
    }

    fn words(&self) -> Words<'_> {
        Words::new(&self.engine.ir().vocabulary, self.request)
    }

    /// A text wrapped to the page, later lines indented two columns more.
    fn paragraph(self, out: &mut String, indent: &str, text: &str, paint: impl Fn(&str) -> String) {
        let more = format!("{indent}  ");
        let options = Options::new(self.width()).initial_indent(indent).subsequent_indent(&more);
        for line in wrap(text, options) {
            let start = line.len().saturating_sub(line.trim_start().len());
            let (space, words) = line.split_at_checked(start).unwrap_or(("", &line));
            out.push_str(space);
            out.push_str(&paint(words));
            out.push('\n');
        }
    }
}

/// The lines of a text, broken at spaces only. A no-break space, which keeps words together, becomes a space.
fn wrap<'a>(text: &'a str, options: Options<'a>) -> Vec<String> {
    let options = options.word_separator(WordSeparator::AsciiSpace).word_splitter(WordSplitter::NoHyphenation);
    let lines = textwrap::wrap(text, options);
    lines.into_iter().map(|line: Cow<'_, str>| line.replace('\u{a0}', " ")).collect()
}

/// How wide the columns are.
struct Columns {
    effects: usize,
    names: usize,
    clauses: usize,
    /// What clauses and the values they saw share.
    room: usize,
}

impl Columns {
    fn seen(&self) -> usize {
        self.room.saturating_sub(self.clauses).saturating_sub(GAP)
    }
}

fn effect(rule: &RuleStory) -> String {
    if rule.shadow { format!("shadow {}", rule.effect) } else { rule.effect.to_owned() }
}

const fn mark(value: Kleene) -> &'static str {
    match value {
        Kleene::True => "✓",
        Kleene::False => "✗",
        Kleene::Unknown => "?",
    }
}

/// A text with spaces up to a width.
fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(display_width(text));
    format!("{text}{}", " ".repeat(missing))
}
