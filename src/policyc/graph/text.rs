//! A graph as a tree of text, in aligned columns and wrapped to the terminal.

use super::super::style::Style;
use crate::examine::graph::{About, Card, Chart, Row, Step, Twin, Way};
use textwrap::{Options, WordSeparator, WordSplitter, core::display_width};

/// The widths that a terminal is taken to have, whatever it says.
const WIDTHS: (usize, usize) = (40, 120);
/// How many ways to a block are named.
const NAMED: usize = 3;

/// What stands before tests.
const WHEN: &str = "when ";

/// What a graph is written for.
#[derive(Clone, Copy)]
pub(super) struct Page {
    pub(super) style: Style,
    /// The width of the terminal, in columns.
    pub(super) width: usize,
}

/// How wide the columns are.
#[derive(Clone, Copy)]
struct Columns {
    words: usize,
    names: usize,
}

impl Page {
    pub(super) fn render(self, chart: &Chart) -> String {
        let mut out = String::new();
        let rows = || chart.cards.iter().flat_map(|card| &card.rows);
        let columns = Columns {
            words: rows().map(|row| display_width(&row.word)).max().unwrap_or_default(),
            names: rows().map(|row| display_width(&row.name)).max().unwrap_or_default().min(self.width().div_euclid(3)),
        };
        if let Some(about) = &chart.about {
            self.about(&mut out, about);
        }
        for card in &chart.cards {
            if !out.is_empty() {
                out.push('\n');
            }
            self.heading(&mut out, chart, card);
            let last = card.rows.len().saturating_sub(1);
            for (place, row) in card.rows.iter().enumerate() {
                self.row(&mut out, chart, row, columns, place == last && card.twins.is_empty());
            }
            self.twins(&mut out, chart, &card.twins);
        }
        if chart.cards.is_empty() {
            out.push_str(if chart.about.is_some() { "\nno rule can fire here\n" } else { "no rules\n" });
        }
        if !chart.never.is_empty() {
            let names: Vec<&str> = chart.never.iter().map(|name| &**name).collect();
            out.push('\n');
            let text = format!("reached, and never firing here: {}", names.join(", "));
            self.paragraph(&mut out, ("", "  "), &text, |line| self.style.dim(line));
        }
        out
    }

    fn width(self) -> usize {
        self.width.clamp(WIDTHS.0, WIDTHS.1)
    }

    fn about(self, out: &mut String, about: &About) {
        out.push_str(&self.style.bold(&about.words));
        out.push('\n');
        let known = match (about.declared, about.values.is_empty()) {
            (false, _) => "not declared: nothing is known but its name".to_owned(),
            (true, true) => "declared without attributes".to_owned(),
            (true, false) => {
                let values: Vec<String> =
                    about.values.iter().map(|(path, value)| format!("{path}\u{a0}=\u{a0}{value}")).collect();
                format!("declared: {}", values.join(", "))
            }
        };
        self.paragraph(out, ("  ", "    "), &known, |line| self.style.dim(line));
    }

    fn heading(self, out: &mut String, chart: &Chart, card: &Card) {
        if let Some(step) = card.step {
            out.push_str(&self.style.bold(step.title()));
            out.push_str(&self.style.dim(&format!(": {}", step.outcome())));
            out.push('\n');
            return;
        }
        let [first, others @ ..] = card.ways.as_slice() else { return };
        out.push_str(&self.style.bold(way(chart, *first)));
        out.push('\n');
        if !others.is_empty() {
            let names = others.iter().take(NAMED).map(|other| way(chart, *other).to_owned());
            let text = format!("the same block: {}", and_more(names.collect(), others.len()));
            self.paragraph(out, ("│  ", "│    "), &text, |line| self.style.dim(line));
        }
    }

    fn twins(self, out: &mut String, chart: &Chart, twins: &[Twin]) {
        if twins.is_empty() {
            return;
        }
        let name = |twin: &Twin| {
            let rules: Vec<&str> = twin.rules.iter().map(|rule| &**rule).collect();
            format!("{} ({})", way(chart, twin.way), rules.join(", "))
        };
        let named: Vec<String> = twins.iter().take(NAMED).map(name).collect();
        let text = format!("the same block, with other names: {}", and_more(named, twins.len()));
        self.paragraph(out, ("└─ ", "     "), &text, |line| self.style.dim(line));
    }

    fn row(self, out: &mut String, chart: &Chart, row: &Row, columns: Columns, last: bool) {
        let (branch, trunk) = if last { ("└─", "   ") } else { ("├─", "│  ") };
        let word = self.paint(row.step, &pad(&row.word, columns.words));
        let (name, says) = if row.says.is_empty() {
            (row.name.to_string(), String::new())
        } else {
            (pad(&row.name, columns.names), format!("  {}", self.style.dim(&row.says)))
        };
        out.push_str(&format!("{branch} {word}  {}{says}\n", self.style.bold(&name)));
        let indent = format!("{trunk}{}", " ".repeat(columns.words.saturating_add(2)));
        let more = format!("{indent}  ");
        let lines = self.sentence(row, display_width(&indent));
        lines.iter().for_each(|line| self.paragraph(out, (&indent, &more), line, str::to_owned));
        if !row.ways.is_empty() {
            let ways: Vec<String> = row.ways.iter().take(NAMED).map(|other| way(chart, *other).to_owned()).collect();
            let text = format!("from {}", and_more(ways, row.ways.len()));
            self.paragraph(out, (&indent, &more), &text, |line| self.style.dim(line));
        }
        for finding in row.findings() {
            self.paragraph(out, (&indent, &more), &finding, |line| self.style.warning(line));
        }
    }

    /// What a rule speaks of and when it fires: on one line if that fits, else on two, broken between tests.
    fn sentence(self, row: &Row, indent: usize) -> Vec<String> {
        let actions = format!("to {}", row.actions_in_words());
        if row.tests.is_empty() {
            return vec![actions];
        }
        let room = self.width().saturating_sub(indent).saturating_sub(2);
        let short = |test: &String| {
            let fits = display_width(test).saturating_add(WHEN.len()) <= room;
            if fits { test.replace(' ', "\u{a0}") } else { test.clone() }
        };
        let tests: Vec<String> = row.tests.iter().map(short).collect();
        let when = format!("{WHEN}{}", tests.join(" and\u{a0}"));
        let line = format!("{actions} {when}");
        if display_width(&line) <= room { vec![line] } else { vec![actions, when] }
    }

    fn paint(self, step: Step, text: &str) -> String {
        match step {
            Step::Hide | Step::Deny => self.style.bad(text),
            Step::Allow => self.style.good(text),
            Step::Limit => self.style.warning(text),
            Step::Duty => self.style.hint(text),
            Step::Shadow => self.style.dim(text),
        }
    }

    /// A text wrapped to the page behind what begins its first line and each later one. A no-break space, which keeps
    /// words together, becomes a space.
    fn paragraph(self, out: &mut String, indents: (&str, &str), text: &str, paint: impl Fn(&str) -> String) {
        let room = self.width().saturating_sub(display_width(indents.1)).max(WIDTHS.0.div_euclid(2));
        let options =
            Options::new(room).word_separator(WordSeparator::AsciiSpace).word_splitter(WordSplitter::NoHyphenation);
        for (place, line) in textwrap::wrap(text, options).into_iter().enumerate() {
            out.push_str(if place == 0 { indents.0 } else { indents.1 });
            out.push_str(&paint(&line.replace('\u{a0}', " ")));
            out.push('\n');
        }
    }
}

fn way(chart: &Chart, way: usize) -> &str {
    chart.ways.get(way).map_or("", |way: &Way| &way.words)
}

/// `a, b, c and 197 more`
fn and_more(named: Vec<String>, count: usize) -> String {
    let rest = count.saturating_sub(named.len());
    let named = named.join(", ");
    if rest == 0 { named } else { format!("{named} and {rest} more") }
}

/// A text with spaces up to a width.
fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(display_width(text));
    format!("{text}{}", " ".repeat(missing))
}
