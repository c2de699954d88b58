//! Where everything stands in a picture: three columns, what leads in, the rules, and what becomes of a decision.
//!
//! Widths of texts are reckoned for fonts whose characters are all as wide; titles stand where there is room enough.

use super::super::{Card, Chart, Row, Step};
use std::collections::BTreeMap;

/// The base line of the title.
pub(super) const TITLE: f64 = 44.0;
/// The height of what leads in.
pub(super) const PILL: f64 = 28.0;
/// The space between a box and its text.
pub(super) const INSET: f64 = 14.0;
/// From one line of a rule's text to the next.
pub(super) const TEXT_LINE: f64 = 18.0;
/// The width and height of what becomes of a decision.
pub(super) const OUTCOME: (f64, f64) = (232.0, 52.0);

/// The space around the picture, between columns, and between boxes of a column.
const MARGIN: f64 = 28.0;
const GUTTER: f64 = 96.0;
const GAP: f64 = 18.0;
const PILL_GAP: f64 = 8.0;
/// Where the columns begin.
pub(super) const TOP: f64 = 112.0;
/// The least width of the left column: that of its caption.
const CAPTION: f64 = 132.0;
/// How wide a character is.
pub(super) const CHARACTER: f64 = 7.3;
/// The heights of a rule's first line with the space around it, of a card's heading, and of its last note.
const ROW: f64 = 34.0;
const HEADING: f64 = 50.0;
const NOTE: f64 = 30.0;
/// The least and the greatest number of characters in a line of a card.
const COLUMNS: (usize, usize) = (44, 72);
/// The most characters of what leads in.
const PILL_COLUMNS: usize = 40;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// A picture, measured.
pub(super) struct Plan<'c> {
    pub(super) width: f64,
    pub(super) height: f64,
    /// Where the left column begins and ends, and where the two others begin.
    pub(super) columns: [f64; 4],
    pub(super) pills: Vec<Pill>,
    pub(super) cards: Vec<CardPlan<'c>>,
    pub(super) outcomes: Vec<Outcome>,
    /// From what leads in to cards or rules.
    pub(super) leads: Vec<(Point, Point)>,
    /// From rules to what becomes of a decision.
    pub(super) edges: Vec<(Point, Point, Step)>,
    /// From what is asked first to what is asked then.
    pub(super) thens: Vec<(Point, Point)>,
}

/// What leads in.
pub(super) struct Pill {
    pub(super) at: Point,
    pub(super) width: f64,
    pub(super) text: String,
    /// Whether it only counts those that are not named.
    pub(super) counts: bool,
    /// Where it leads: to cards, and in those to rows.
    targets: Vec<(usize, Option<usize>)>,
}

/// Some rules that stand together.
pub(super) struct CardPlan<'c> {
    pub(super) at: Point,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) heading: Option<(&'static str, &'static str)>,
    pub(super) rows: Vec<RowPlan<'c>>,
    /// What it says of what it does not show, and where.
    pub(super) notes: Vec<(f64, String)>,
}

/// A rule.
pub(super) struct RowPlan<'c> {
    pub(super) y: f64,
    pub(super) height: f64,
    pub(super) row: &'c Row,
    /// How far from the left its name begins.
    pub(super) name: f64,
    /// Its name, cut to what there is room for.
    pub(super) shown: String,
    /// Whether what it says stands beside its name, not among its lines.
    pub(super) beside: bool,
    /// What it speaks of and when it fires.
    pub(super) lines: Vec<String>,
}

/// What becomes of a decision.
pub(super) struct Outcome {
    pub(super) at: Point,
    pub(super) step: Step,
    /// Whether it is what is left where nothing allows.
    otherwise: bool,
}

impl Outcome {
    /// What it is, and when it comes.
    pub(super) const fn words(&self) -> (&'static str, &'static str) {
        match (self.step, self.otherwise) {
            (_, true) => ("deny NO_RULE", "if nothing allows"),
            (Step::Hide, false) => ("deny 404", "first, if one of them fires"),
            (Step::Deny, false) => ("deny", "if one of them fires"),
            (Step::Allow, false) => ("allow", "else, if one of them fires"),
            (Step::Limit, false) => ("limit", "an allow, by all that fire"),
            (Step::Duty, false) => ("oblige", "by all that fire"),
            (Step::Shadow, false) => ("report", "those that fire, no more"),
        }
    }
}

impl<'c> Plan<'c> {
    pub(super) fn of(chart: &'c Chart) -> Self {
        let columns = columns(chart);
        let mut pills = pills(chart);
        let widest = pills.iter().map(|pill| pill.width).fold(CAPTION, f64::max);
        let (left, middle) = (MARGIN, MARGIN + widest + GUTTER);
        let card_width = columns as f64 * CHARACTER + INSET * 2.0 + 6.0;
        let words = chart.cards.iter().flat_map(|card| &card.rows).map(|row| wide(&row.word)).max().unwrap_or_default();
        let mut y = TOP;
        let mut cards = Vec::new();
        for card in &chart.cards {
            let ways = pills.iter().filter(|pill| pill.targets == [(cards.len(), None)]).count();
            let mut plan = CardPlan::of(card, Point { x: middle, y }, card_width, (columns, words));
            // Beside many ways a card stands in the middle.
            let room = plan.height.max(ways as f64 * (PILL + PILL_GAP) - PILL_GAP);
            plan.lower((room - plan.height) / 2.0);
            y += room + GAP;
            cards.push(plan);
        }
        let mut bottom = y - GAP;
        // The longer the way up or down, the wider the space that lines take for it.
        let right = middle + card_width + (bottom / 12.0).clamp(GUTTER, GUTTER * 2.0);
        for pill in &mut pills {
            pill.at.x = left + widest - pill.width;
            let ys: Vec<f64> = pill.targets.iter().filter_map(|target| aim(&cards, *target)).collect();
            pill.at.y = mean(&ys) - PILL / 2.0;
        }
        pills.sort_by(|a, b| a.at.y.total_cmp(&b.at.y));
        let mut wanted: Vec<f64> = pills.iter().map(|pill| pill.at.y).collect();
        spread(&mut wanted, PILL + PILL_GAP, TOP);
        for (pill, y) in pills.iter_mut().zip(wanted) {
            pill.at.y = y;
            bottom = bottom.max(y + PILL);
        }
        let leads = leads(&pills, &cards);
        let outcomes = outcomes(&cards, right, bottom);
        bottom = outcomes.iter().map(|it| it.at.y + OUTCOME.1).fold(bottom, f64::max);
        let (edges, thens) = (edges(&cards, &outcomes), thens(&outcomes));
        Self {
            width: right + OUTCOME.0 + MARGIN,
            height: bottom + MARGIN,
            columns: [left, left + widest, middle, right],
            pills,
            cards,
            outcomes,
            leads,
            edges,
            thens,
        }
    }
}

impl<'c> CardPlan<'c> {
    /// A card of some width, whose lines have so many characters; so many of them are for the words that rules begin with.
    fn of(card: &'c Card, at: Point, width: f64, (columns, words): (usize, usize)) -> Self {
        let heading = card.step.map(|step| (step.title(), step.outcome()));
        let mut y = at.y + if heading.is_some() { HEADING } else { 0.0 };
        let mut rows = Vec::new();
        for row in &card.rows {
            let before = words.saturating_add(2);
            let room = columns.saturating_sub(before);
            let mut lines = sentence(row, columns);
            // What it says stands beside its name where there is room for both.
            let beside = wide(&row.name).saturating_add(3).saturating_add(wide(&row.says)) <= room;
            if !beside {
                lines.splice(0..0, wrapped(&row.says, columns));
            }
            let height = ROW + lines.len() as f64 * TEXT_LINE + 2.0;
            let (name, shown) = (before as f64 * CHARACTER, cut(&row.name, room));
            rows.push(RowPlan { y, height, row, name, shown, beside, lines });
            y += height;
        }
        let mut notes = Vec::new();
        for note in card.notes() {
            notes.push((y, note));
            y += NOTE;
        }
        Self { at, width, height: y - at.y, heading, rows, notes }
    }
}

impl CardPlan<'_> {
    /// Moves it down.
    fn lower(&mut self, by: f64) {
        self.at.y += by;
        self.rows.iter_mut().for_each(|row| row.y += by);
        self.notes.iter_mut().for_each(|(y, _)| *y += by);
    }
}

/// How many characters a line of a card has.
fn columns(chart: &Chart) -> usize {
    let rows = || chart.cards.iter().flat_map(|card| &card.rows);
    let (least, most) = COLUMNS;
    let words = rows().map(|row| wide(&row.word)).max().unwrap_or_default();
    let widths = rows().map(|row| {
        let head = [wide("  "), wide(&row.name), wide("   "), wide(&row.says)]
            .iter()
            .fold(words, |sum, it| sum.saturating_add(*it));
        head.max(sentence(row, most).iter().map(|line| wide(line)).max().unwrap_or_default())
    });
    let title = chart.about.as_ref().map_or(0, |about| wide(&about.words));
    widths.max().unwrap_or_default().max(title).clamp(least, most)
}

/// What a rule speaks of and when it fires, in lines.
fn sentence(row: &Row, columns: usize) -> Vec<String> {
    let actions = format!("to {}", row.actions_in_words());
    if row.tests.is_empty() {
        return wrapped(&actions, columns);
    }
    let when = format!("when {}", row.tests.join("\u{1f}and "));
    let line = format!("{actions} {}", when.replace('\u{1f}', " "));
    if wide(&line) <= columns {
        return vec![line];
    }
    let mut lines = wrapped(&actions, columns);
    // Between tests first; a test that is longer than a line is broken at spaces.
    let mut held = String::new();
    for test in when.split('\u{1f}') {
        let longer = if held.is_empty() { test.to_owned() } else { format!("{held} {test}") };
        if wide(&longer) <= columns {
            held = longer;
        } else {
            lines.extend(wrapped(&held, columns));
            held = format!("  {test}");
        }
    }
    lines.extend(wrapped(&held, columns));
    lines
}

/// A text in lines, broken at spaces, or where there is none, anywhere.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let indent: String = text.chars().take_while(|character| *character == ' ').collect();
    let mut held = indent.clone();
    for word in text.split_whitespace() {
        let longer = if held.trim().is_empty() { format!("{held}{word}") } else { format!("{held} {word}") };
        if wide(&longer) <= columns {
            held = longer;
            continue;
        }
        if !held.trim().is_empty() {
            lines.push(std::mem::take(&mut held));
        }
        held = format!("{indent}  {word}");
        while wide(&held) > columns {
            let head: String = head_of(&held, columns);
            let rest = held.get(head.len()..).unwrap_or_default();
            held = format!("{indent}  {rest}");
            lines.push(head);
        }
    }
    if !held.trim().is_empty() {
        lines.push(held);
    }
    lines
}

/// What leads to cards or rows, not placed yet.
fn pills(chart: &Chart) -> Vec<Pill> {
    let pill = |text: &str, counts: bool, targets: Vec<(usize, Option<usize>)>| {
        let text = cut(text, PILL_COLUMNS);
        let width = wide(&text) as f64 * CHARACTER + INSET * 2.0;
        Pill { at: Point { x: 0.0, y: 0.0 }, width, text, counts, targets }
    };
    let mut pills = Vec::new();
    for (place, card) in chart.cards.iter().enumerate() {
        for way in card.ways.iter().filter_map(|way| chart.ways.get(*way)) {
            pills.push(pill(&way.words, false, vec![(place, None)]));
        }
        for words in card.counted_ways(chart) {
            pills.push(pill(&words, true, vec![(place, None)]));
        }
    }
    let mut targets: BTreeMap<usize, Vec<(usize, Option<usize>)>> = BTreeMap::new();
    for (place, card) in chart.cards.iter().enumerate() {
        for (row, way) in card.rows.iter().enumerate().flat_map(|(row, it)| it.ways.iter().map(move |way| (row, way))) {
            targets.entry(*way).or_default().push((place, Some(row)));
        }
    }
    for (way, targets) in targets {
        if let Some(way) = chart.ways.get(way) {
            pills.push(pill(&way.words, false, targets));
        }
    }
    pills
}

/// The height at which a line meets a card or a row.
fn aim(cards: &[CardPlan<'_>], (card, row): (usize, Option<usize>)) -> Option<f64> {
    let card = cards.get(card)?;
    match row {
        None => Some(card.at.y + card.height / 2.0),
        Some(row) => card.rows.get(row).map(RowPlan::middle),
    }
}

impl RowPlan<'_> {
    fn middle(&self) -> f64 {
        self.y + self.height / 2.0
    }
}

fn leads(pills: &[Pill], cards: &[CardPlan<'_>]) -> Vec<(Point, Point)> {
    let mut leads = Vec::new();
    for pill in pills {
        let from = Point { x: pill.at.x + pill.width, y: pill.at.y + PILL / 2.0 };
        for target in &pill.targets {
            if let (Some(y), Some(card)) = (aim(cards, *target), cards.get(target.0)) {
                leads.push((from, Point { x: card.at.x, y }));
            }
        }
    }
    leads
}

/// What becomes of a decision, each beside the rules that lead there, in the order in which it is asked.
fn outcomes(cards: &[CardPlan<'_>], x: f64, bottom: f64) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut wanted = Vec::new();
    for step in Step::ALL {
        let rows = cards.iter().flat_map(|card| &card.rows).filter(|plan| plan.row.step == step);
        let ys: Vec<f64> = rows.map(RowPlan::middle).collect();
        if !ys.is_empty() {
            wanted.push(mean(&ys) - OUTCOME.1 / 2.0);
            outcomes.push(Outcome { at: Point { x, y: 0.0 }, step, otherwise: false });
        }
        if step == Step::Allow {
            wanted.push(wanted.last().map_or(TOP, |last| last + OUTCOME.1 + GAP));
            outcomes.push(Outcome { at: Point { x, y: 0.0 }, step: Step::Deny, otherwise: true });
        }
    }
    // Together they stay as far from the bottom as they can.
    let step = OUTCOME.1 + GAP;
    spread(&mut wanted, step, TOP);
    let mut limit = bottom - OUTCOME.1;
    for y in wanted.iter_mut().rev() {
        *y = y.min(limit).max(TOP);
        limit = *y - step;
    }
    spread(&mut wanted, step, TOP);
    for (outcome, y) in outcomes.iter_mut().zip(wanted) {
        outcome.at.y = y;
    }
    outcomes
}

/// From each rule to what becomes of a decision where it fires; lines to one box meet it one below the other.
fn edges(cards: &[CardPlan<'_>], outcomes: &[Outcome]) -> Vec<(Point, Point, Step)> {
    let mut edges = Vec::new();
    for outcome in outcomes.iter().filter(|outcome| !outcome.otherwise) {
        let rows = || {
            let rows = cards.iter().flat_map(|card| card.rows.iter().map(move |row| (card, row)));
            rows.filter(|(_, plan)| plan.row.step == outcome.step)
        };
        let count = rows().count();
        for (place, (card, plan)) in rows().enumerate() {
            let share = (place as f64 + 1.0) / (count as f64 + 1.0);
            let from = Point { x: card.at.x + card.width, y: plan.middle() };
            let to = Point { x: outcome.at.x, y: outcome.at.y + OUTCOME.1 * share };
            edges.push((from, to, outcome.step));
        }
    }
    edges
}

/// The order in which denials and allows are asked for.
fn thens(outcomes: &[Outcome]) -> Vec<(Point, Point)> {
    let asked: Vec<&Outcome> = outcomes.iter().filter(|it| it.otherwise || it.step <= Step::Allow).collect();
    let pairs = asked.iter().zip(asked.iter().skip(1));
    let x = |outcome: &Outcome| outcome.at.x + OUTCOME.0 / 2.0;
    let then = |(above, below): (&&Outcome, &&Outcome)| {
        (Point { x: x(above), y: above.at.y + OUTCOME.1 }, Point { x: x(below), y: below.at.y })
    };
    pairs.map(then).collect()
}

/// Moves heights apart that are in order, so that each is a step below the one before, as near as can be to where it was:
/// heights that are too close make a group around their middle.
fn spread(wanted: &mut [f64], step: f64, top: f64) {
    // Groups: where the first of it is wanted on average, and how many it has.
    let mut groups: Vec<(f64, usize)> = Vec::new();
    for y in wanted.iter() {
        groups.push((*y, 1));
        while let [.., (above, many), (below, few)] = groups.as_mut_slice() {
            if *above + step * *many as f64 <= *below {
                break;
            }
            let (a, b) = (*many as f64, *few as f64);
            *above = (*above * a + (*below - step * a) * b) / (a + b);
            *many = many.saturating_add(*few);
            groups.pop();
        }
    }
    let mut heights = wanted.iter_mut();
    let mut least = top;
    for (start, count) in groups {
        let mut y = start.max(least);
        for height in heights.by_ref().take(count) {
            *height = y;
            y += step;
        }
        least = y;
    }
}

fn mean(numbers: &[f64]) -> f64 {
    if numbers.is_empty() { TOP } else { numbers.iter().sum::<f64>() / numbers.len() as f64 }
}

/// How many characters wide a text is at most: those beyond Latin, Greek and Cyrillic may be two wide.
fn wide(text: &str) -> usize {
    text.chars().map(width).sum()
}

const fn width(character: char) -> usize {
    match character {
        // Punctuation that is used here: dashes, dots, quotes.
        '\u{2010}'..='\u{2027}' => 1,
        '\0'..='\u{10ff}' => 1,
        _ => 2,
    }
}

/// A text with an ellipsis where it is cut.
fn cut(text: &str, columns: usize) -> String {
    if wide(text) <= columns { text.to_owned() } else { format!("{}…", head_of(text, columns.saturating_sub(1))) }
}

/// As much of a text as there is room for.
fn head_of(text: &str, columns: usize) -> String {
    let mut used = 0_usize;
    let fits = |character: &char| {
        used = used.saturating_add(width(*character));
        used <= columns
    };
    text.chars().take_while(fits).collect()
}
