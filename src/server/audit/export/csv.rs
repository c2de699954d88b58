//! CSV (RFC 4180), safe to open in a spreadsheet: what would be taken for a formula has an apostrophe before it.

use super::Row;
use csv::WriterBuilder;

/// What a cell that is a formula begins with.
const FORMULA: &[char] = &['=', '+', '-', '@', '\t', '\r'];

const COLUMNS: [&str; 23] = [
    "seq",
    "time",
    "event",
    "id",
    "surface",
    "ip",
    "caller",
    "principal_type",
    "principal_id",
    "principal_org",
    "action",
    "resource_type",
    "resource_id",
    "decision",
    "code",
    "status",
    "rule",
    "at",
    "obligations",
    "shadow",
    "revision",
    "count",
    "message",
];

/// The last column, where there are several nodes.
const NODE: &str = "node";

pub(super) fn head(has_nodes: bool) -> String {
    record(COLUMNS.into_iter().chain(has_nodes.then_some(NODE)).map(str::to_owned))
}

pub(super) fn line(row: &Row) -> String {
    let text = |text: &Option<String>| text.as_deref().map(safe).unwrap_or_default();
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let cells = [
        row.seq.to_string(),
        row.time.clone(),
        row.event.clone(),
        text(&row.id),
        text(&row.surface),
        text(&row.ip),
        text(&row.caller),
        text(&row.principal_type),
        text(&row.principal_id),
        text(&row.principal_org),
        text(&row.action),
        text(&row.resource_type),
        text(&row.resource_id),
        row.decision.unwrap_or_default().to_owned(),
        text(&row.code),
        number(row.status.map(i64::from)),
        text(&row.rule),
        text(&row.at),
        text(&row.obligations),
        text(&row.shadow),
        text(&row.revision),
        number(row.count),
        text(&row.message),
    ];
    record(cells.into_iter().chain(row.node.as_deref().map(safe)))
}

fn safe(text: &str) -> String {
    if text.starts_with(FORMULA) { format!("'{text}") } else { text.to_owned() }
}

fn record(cells: impl Iterator<Item = String>) -> String {
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    // Nothing here can fail to be written to memory.
    let _ = writer.write_record(cells);
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}
