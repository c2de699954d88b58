//! Catalogs in CSV.

use super::{Catalog, Constant, Value};
use crate::{report::codes, wire::fields::shown};
use csv::{ReaderBuilder, StringRecord, Trim};
use std::ops::Range;

/// Which column says what.
struct Columns {
    kind: Option<usize>,
    id: usize,
    names: Vec<String>,
}

/// A first line with the columns' names, then an entity a line.
pub(super) fn table(catalog: &mut Catalog, text: &str) {
    // Rows of a wrong length are reported here, each in its place.
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::All).from_reader(text.as_bytes());
    let mut columns = None;
    let mut record = StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => {
                let span = catalog.span(&(0..text.len()));
                return catalog.report(codes::SYNTAX, span, format!("not CSV: {error}"));
            }
        }
        let end = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
        let row = row(text, &record, end);
        match &columns {
            Some(columns) => entity(catalog, columns, &record, &row),
            None => match header(catalog, &record, &row) {
                Some(header) => columns = Some(header),
                None => return,
            },
        }
    }
}

/// Where a row is, without the end of its line.
fn row(text: &str, record: &StringRecord, end: usize) -> Range<usize> {
    let start = record.position().and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or_default();
    let part = text.get(start..end).unwrap_or_default();
    let blank = part.len().saturating_sub(part.trim_start_matches(['\r', '\n']).len());
    let start = start.saturating_add(blank);
    start..start.saturating_add(part.trim_matches(['\r', '\n']).len())
}

fn header(catalog: &mut Catalog, record: &StringRecord, row: &Range<usize>) -> Option<Columns> {
    let span = catalog.span(row);
    let names: Vec<String> = record.iter().map(str::to_owned).collect();
    let place = |wanted: &str| names.iter().position(|name| name == wanted);
    if names.iter().any(String::is_empty) {
        catalog.report(codes::BAD_DECLARATION, span, "a column without a name");
        return None;
    }
    let repeated = |(index, name): (usize, &String)| place(name) != Some(index);
    if let Some((_, name)) = names.iter().enumerate().find(|column| repeated(*column)) {
        catalog.report(codes::BAD_DECLARATION, span, format!("two columns are called `{}`", shown(name)));
        return None;
    }
    let Some(id) = place("id") else {
        catalog.report(codes::BAD_DECLARATION, span, "no column is called `id`");
        return None;
    };
    Some(Columns { kind: place("type"), id, names })
}

fn entity(catalog: &mut Catalog, columns: &Columns, record: &StringRecord, row: &Range<usize>) {
    let span = catalog.span(row);
    // A quote that is never closed would swallow the rows that follow.
    if record.iter().any(|cell| cell.contains(['\n', '\r'])) {
        return catalog.report(codes::SYNTAX, span, "a quoted cell does not end on its line");
    }
    if record.len() != columns.names.len() {
        let message = format!("expected {} cells, found {}", columns.names.len(), record.len());
        return catalog.report(codes::BAD_DECLARATION, span, message);
    }
    let kind = columns.kind.and_then(|column| record.get(column)).filter(|kind| !kind.is_empty()).unwrap_or("model");
    let id = record.get(columns.id).unwrap_or_default();
    if id.is_empty() {
        return catalog.report(codes::BAD_DECLARATION, span, "an entity without an `id`");
    }
    let mut members = Vec::new();
    for (index, (name, cell)) in columns.names.iter().zip(record).enumerate() {
        if index == columns.id || Some(index) == columns.kind || cell.is_empty() {
            continue;
        }
        match value(cell) {
            Some(value) => members.push((name.clone(), value)),
            None => {
                let message = format!("`{name}` has a set with an empty member: `{}`", shown(cell));
                return catalog.report(codes::BAD_LITERAL, span, message);
            }
        }
    }
    catalog.declare(span, kind, id, members);
}

/// `[a;b]` is a set, anything else a text.
fn value(cell: &str) -> Option<Value> {
    let Some(members) = cell.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        return Some(Value::One(Constant::Text(cell.to_owned())));
    };
    if members.trim().is_empty() {
        return Some(Value::Set(Vec::new()));
    }
    let member =
        |member: &str| Some(member.trim()).filter(|text| !text.is_empty()).map(|text| Constant::Text(text.to_owned()));
    members.split(';').map(member).collect::<Option<Vec<_>>>().map(Value::Set)
}
