//! The numbers of a graph as tables.

use super::super::style::{Style, counted};
use crate::examine::graph::stats::Stats;
use textwrap::core::display_width;

/// How long the longest bar of the histogram is.
const BAR: usize = 32;

/// Numbers for people.
pub(super) fn render(stats: &Stats, style: Style) -> String {
    let per = |sum: usize, count: usize| match count {
        0 => "–".to_owned(),
        _ => format!("{:.1}", sum as f64 / count as f64),
    };
    let mut out = String::new();
    let mut section = |title: &str, rows: Vec<[String; 3]>| {
        if !rows.is_empty() {
            let gap = if out.is_empty() { "" } else { "\n" };
            out.push_str(&format!("{gap}{}\n{}", style.bold(title), table(&rows)));
        }
    };
    section(
        "graph",
        vec![
            row("rules", stats.rules, ""),
            row("places", stats.references(), "what leads into the graph"),
            row(
                "blocks",
                stats.blocks,
                &format!("each for {} places, at most {}", per(stats.references(), stats.blocks), stats.most_shared),
            ),
            row("rules in blocks", stats.filed, "a rule stands under each of its keys"),
            row("tests of rules", stats.tests, &format!("{} a rule", per(stats.tests, stats.filed))),
            row("tests made", stats.made, &format!("in {}, equal ones once", counted(stats.chunks, "chunk"))),
            row("distinct tests", stats.distinct, ""),
        ],
    );
    section("places", stats.ways.iter().map(|(sort, count)| row(sort, *count, "")).collect());
    let most = stats.per_block.bars.iter().map(|(_, _, count)| *count).max().unwrap_or_default();
    let mut bars: Vec<[String; 3]> = vec![
        row("least", stats.per_block.min, ""),
        row("median", stats.per_block.median, ""),
        row("most", stats.per_block.max, ""),
    ];
    bars.extend(stats.per_block.bars.iter().map(|(from, to, count)| {
        let name = match to {
            Some(to) if from == to => format!("with {from}"),
            Some(to) => format!("with {from} to {to}"),
            None => format!("with {from} or more"),
        };
        let length = count.saturating_mul(BAR).div_ceil(most.max(1));
        row(&name, *count, &"█".repeat(length))
    }));
    section("rules of a block", bars);
    let classes = |classes: Option<usize>| classes.map_or_else(String::new, |count| format!("{count} classes"));
    let attributes = stats.attributes.iter();
    section("tests by attribute", attributes.map(|read| row(&read.path, read.tests, &classes(read.classes))).collect());
    let total = stats.total();
    let share = |bytes: usize| format!("{} %", bytes.saturating_mul(100).checked_div(total).unwrap_or_default());
    let mut bytes: Vec<[String; 3]> =
        stats.bytes.iter().map(|(name, bytes)| row(name, *bytes, &share(*bytes))).collect();
    bytes.push(row("total", total, &format!("{} a rule", per(total, stats.rules))));
    section("bytes", bytes);
    out
}

fn row(name: &str, count: usize, note: &str) -> [String; 3] {
    [name.to_owned(), grouped(count), note.to_owned()]
}

/// `1 234 567`, in groups that are easily read.
fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let (head, tail) = digits.split_at(digits.len() % 3);
    let groups = tail.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    let groups: Vec<String> = std::iter::once(head.to_owned()).filter(|head| !head.is_empty()).chain(groups).collect();
    groups.join(" ")
}

/// Names, numbers and notes in aligned columns.
fn table(rows: &[[String; 3]]) -> String {
    let widest =
        |texts: &mut dyn Iterator<Item = &String>| texts.map(|text| display_width(text)).max().unwrap_or_default();
    let names = widest(&mut rows.iter().map(|[name, ..]| name));
    let counts = widest(&mut rows.iter().map(|[_, count, _]| count));
    let mut out = String::new();
    for [name, count, note] in rows {
        let gap = " ".repeat(names.saturating_sub(display_width(name)));
        let line = format!("  {name}{gap}  {count:>counts$}  {note}");
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
