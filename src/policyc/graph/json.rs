//! A graph and its numbers as JSON.

use crate::examine::graph::{self, Chart, stats};
use serde::Serialize;
use std::collections::BTreeMap;

/// A graph as one JSON document with a line break at its end.
pub(super) fn chart(chart: &Chart) -> String {
    match &chart.about {
        None => written(&Whole { blocks: chart.cards.iter().map(|card| Block::of(chart, card)).collect() }),
        Some(about) => written(&Around {
            resource: &about.words,
            declared: about.declared,
            steps: chart.cards.iter().map(|card| Step::of(chart, card)).collect(),
            never: chart.never.iter().map(|name| &**name).collect(),
        }),
    }
}

#[derive(Serialize)]
struct Whole<'a> {
    blocks: Vec<Block<'a>>,
}

#[derive(Serialize)]
struct Block<'a> {
    from: Vec<&'a str>,
    rules: Vec<Rule<'a>>,
    /// Places whose block is the same but for the names of its rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shared: Vec<Twin<'a>>,
}

impl<'a> Block<'a> {
    fn of(chart: &'a Chart, card: &'a graph::Card) -> Self {
        let twin = |twin: &'a graph::Twin| Twin {
            from: way(chart, twin.way),
            rules: twin.rules.iter().map(|rule| &**rule).collect(),
        };
        Self { from: ways(chart, &card.ways), rules: rules(chart, card), shared: card.twins.iter().map(twin).collect() }
    }
}

#[derive(Serialize)]
struct Twin<'a> {
    from: &'a str,
    rules: Vec<&'a str>,
}

#[derive(Serialize)]
struct Around<'a> {
    resource: &'a str,
    declared: bool,
    steps: Vec<Step<'a>>,
    /// Rules that are reached and cannot fire.
    never: Vec<&'a str>,
}

#[derive(Serialize)]
struct Step<'a> {
    step: &'static str,
    rules: Vec<Rule<'a>>,
}

impl<'a> Step<'a> {
    fn of(chart: &'a Chart, card: &'a graph::Card) -> Self {
        Self { step: card.step.map_or("", graph::Step::title), rules: rules(chart, card) }
    }
}

#[derive(Serialize)]
struct Rule<'a> {
    rule: &'a str,
    at: &'a str,
    effect: &'a str,
    /// None for any.
    actions: Option<Vec<&'a str>>,
    /// All of these must hold.
    when: &'a [String],
    #[serde(skip_serializing_if = "str::is_empty")]
    says: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    from: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Finding<'a> {
    /// A warning's code, or `expired`.
    kind: &'a str,
    message: &'a str,
}

fn rules<'a>(chart: &'a Chart, card: &'a graph::Card) -> Vec<Rule<'a>> {
    let rule = |row: &'a graph::Row| Rule {
        rule: &row.name,
        at: &row.at,
        effect: &row.word,
        actions: row.actions.as_ref().map(|actions| actions.iter().map(|action| &**action).collect()),
        when: &row.tests,
        says: &row.says,
        from: ways(chart, &row.ways),
        findings: row.notes.iter().map(|note| Finding { kind: note.kind, message: &note.message }).collect(),
    };
    card.rows.iter().map(rule).collect()
}

fn way(chart: &Chart, way: usize) -> &str {
    chart.ways.get(way).map_or("", |way| &way.words)
}

fn ways<'a>(chart: &'a Chart, places: &[usize]) -> Vec<&'a str> {
    places.iter().map(|place| way(chart, *place)).collect()
}

/// Numbers as one JSON document with a line break at its end.
pub(super) fn numbers(stats: &stats::Stats) -> String {
    written(&Numbers {
        rules: stats.rules,
        places: stats.ways.iter().map(|(sort, count)| (&**sort, *count)).collect(),
        blocks: Blocks {
            count: stats.blocks,
            chunks: stats.chunks,
            references: stats.references(),
            most_shared: stats.most_shared,
            rules: stats.filed,
            min: stats.per_block.min,
            median: stats.per_block.median,
            max: stats.per_block.max,
            histogram: stats
                .per_block
                .bars
                .iter()
                .map(|(from, to, blocks)| Bar { from: *from, to: *to, blocks: *blocks })
                .collect(),
        },
        tests: Tests { count: stats.tests, made: stats.made, distinct: stats.distinct },
        attributes: stats
            .attributes
            .iter()
            .map(|read| Attribute { path: &read.path, tests: read.tests, classes: read.classes })
            .collect(),
        bytes: stats.bytes.iter().copied().chain([("total", stats.total())]).collect(),
    })
}

#[derive(Serialize)]
struct Numbers<'a> {
    rules: usize,
    places: BTreeMap<&'a str, usize>,
    blocks: Blocks,
    tests: Tests,
    attributes: Vec<Attribute<'a>>,
    bytes: BTreeMap<&'a str, usize>,
}

#[derive(Serialize)]
struct Blocks {
    count: usize,
    chunks: usize,
    references: usize,
    most_shared: usize,
    rules: usize,
    min: usize,
    median: usize,
    max: usize,
    histogram: Vec<Bar>,
}

#[derive(Serialize)]
struct Bar {
    from: usize,
    to: Option<usize>,
    blocks: usize,
}

#[derive(Serialize)]
struct Tests {
    count: usize,
    made: usize,
    distinct: usize,
}

#[derive(Serialize)]
struct Attribute<'a> {
    path: &'a str,
    tests: usize,
    classes: Option<usize>,
}

fn written(document: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}
