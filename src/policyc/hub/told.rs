//! What was found or done, for people, for programs and for a pull request.

use super::{
    super::{
        Exit, Io,
        style::{Style, failed, printable},
    },
    Format,
    wanted::Wanted,
};
use crate::examine::diff::markdown::code;
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Write;

/// What is said of a repository.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    r#type: &'a str,
    id: &'a str,
    /// What differs, or what `apply` has changed.
    pub(super) changes: Vec<Change>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

/// A setting that is, or was, another than is wanted; `null` is what a repository is that is not there.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Change {
    pub(super) setting: &'static str,
    pub(super) before: Value,
    pub(super) after: Value,
}

/// Whether changes were only looked for, or made.
#[derive(Debug, Clone, Copy)]
pub(super) enum Done {
    Planned,
    Applied,
}

impl Done {
    const fn verb(self) -> &'static str {
        match self {
            Self::Planned => "differ",
            Self::Applied => "changed",
        }
    }

    const fn columns(self) -> [&'static str; 2] {
        match self {
            Self::Planned => ["now", "wanted"],
            Self::Applied => ["before", "now"],
        }
    }
}

impl<'a> Row<'a> {
    /// The same, with a reason why not all of it was done.
    pub(super) fn but(mut self, error: Option<String>) -> Self {
        self.error = error;
        self
    }

    pub(super) fn of(wanted: &'a Wanted, outcome: Result<Vec<Change>, String>) -> Self {
        let (changes, error) = match outcome {
            Ok(changes) => (changes, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        Self { r#type: wanted.repo.kind, id: &wanted.repo.id, changes, error }
    }
}

/// Shows what was found or done. Fails, if a repository could not be read or changed.
pub(super) fn tell(rows: &[Row<'_>], format: Format, done: Done, io: &mut Io<'_>) -> Result<(), Exit> {
    let differing = rows.iter().filter(|row| !row.changes.is_empty()).count();
    let wrong = rows.iter().filter(|row| row.error.is_some()).count();
    let total = format!("{differing} of {} {}", rows.len(), done.verb());
    let text = match format {
        Format::Pretty => pretty(rows, &total, Style::new(io.color_out)),
        Format::Json => {
            let shown: Vec<&Row<'_>> =
                rows.iter().filter(|row| !row.changes.is_empty() || row.error.is_some()).collect();
            let report = json!({ "repositories": shown, "all": rows.len(), "differing": differing, "failed": wrong });
            format!("{report}\n")
        }
        Format::Markdown => markdown(rows, &total, done),
    };
    let _ = io.out.write_all(text.as_bytes());
    if let Format::Pretty | Format::Markdown = format {
        let style = Style::new(io.color_err);
        for (row, error) in rows.iter().filter_map(|row| Some((row, row.error.as_deref()?))) {
            let (kind, id) = (row.r#type, row.id);
            let _ = writeln!(io.err, "{} {kind} {id}: {}", style.error("error:"), printable(error));
        }
    }
    if wrong == 0 { Ok(()) } else { Err(failed(io, &format!("{wrong} of {} failed", rows.len()), None)) }
}

fn pretty(rows: &[Row<'_>], total: &str, style: Style) -> String {
    let mut text = String::new();
    for row in rows.iter().filter(|row| !row.changes.is_empty()) {
        let changes = row.changes.iter().map(|change| {
            let (before, after) = (word(&change.before), word(&change.after));
            format!("{} {before} → {after}", change.setting)
        });
        let changes = changes.collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "{} {}: {changes}", row.r#type, style.bold(row.id));
    }
    let _ = writeln!(text, "{total}");
    text
}

fn markdown(rows: &[Row<'_>], total: &str, done: Done) -> String {
    let mut text = format!("## Repositories: {total}\n");
    let changes: Vec<(&Row<'_>, &Change)> =
        rows.iter().flat_map(|row| row.changes.iter().map(move |change| (row, change))).collect();
    if !changes.is_empty() {
        let [before, after] = done.columns();
        let _ = writeln!(text, "\n| repository | setting | {before} | {after} |\n| --- | --- | --- | --- |");
    }
    for (row, change) in changes {
        let [before, after] = [&change.before, &change.after].map(|value| code(&word(value)));
        let _ = writeln!(text, "| {} {} | {} | {before} | {after} |", row.r#type, code(row.id), change.setting);
    }
    let wrong: Vec<(&Row<'_>, &str)> = rows.iter().filter_map(|row| Some((row, row.error.as_deref()?))).collect();
    if !wrong.is_empty() {
        let _ = writeln!(text, "\n### Failed\n");
    }
    for (row, error) in wrong {
        let _ = writeln!(text, "- {} {}: {}", row.r#type, code(row.id), code(&printable(error)));
    }
    text
}

/// A setting as people write it.
pub(super) fn word(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
