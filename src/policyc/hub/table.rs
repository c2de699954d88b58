//! A file that wants something of repositories, as it is written: entries of keys and values, each with its place. What they
//! mean is for [`wanted`](super::wanted).

use crate::{
    request::Input,
    wire::json::{self, Fault as NotJson},
};
use std::{ops::Range, path::Path};
use toml::de::{DeTable, DeValue};

/// The member with the entries, in TOML and JSON.
pub(super) const ENTRIES: &str = "repository";
/// The member with what holds for every entry that does not say otherwise.
pub(super) const DEFAULTS: &str = "defaults";

/// The formats of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Toml,
    Json,
    Csv,
}

impl Format {
    /// By the name's ending; standard input is JSON.
    pub(super) fn of(file: &Path) -> Option<Self> {
        if file == Path::new("-") {
            return Some(Self::Json);
        }
        match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// Something wrong with a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The byte where it begins.
    pub(super) at: usize,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Fault {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), help: None }
    }

    pub(super) fn help(mut self, help: impl Into<Option<String>>) -> Self {
        self.help = help.into();
        self
    }
}

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) defaults: Option<Entry>,
    pub(super) entries: Vec<Entry>,
    /// What could not be read.
    pub(super) faults: Vec<Fault>,
}

/// What is said of one repository.
#[derive(Debug)]
pub(super) struct Entry {
    /// Where it begins.
    pub(super) at: usize,
    pub(super) members: Vec<Member>,
}

/// A key, and what it is given.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    /// Where the name is; where that is not known, the value.
    pub(super) named_at: usize,
    pub(super) at: usize,
    pub(super) value: Value,
}

/// A value, as far as one can be wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Bool(bool),
    /// Any other, by its kind.
    Other(&'static str),
}

/// Reads a text as far as it can be read.
pub(super) fn read(format: Format, text: &str) -> Table {
    let mut table = Table::default();
    match format {
        Format::Toml => table.toml(text),
        Format::Json => table.json(text),
        Format::Csv => table.csv(text),
    }
    table
}

impl Table {
    fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    fn toml(&mut self, text: &str) {
        let (document, errors) = DeTable::parse_recoverable(text);
        let is_whole = errors.is_empty();
        for error in errors {
            let at = error.span().unwrap_or_default().start;
            self.fault(Fault::new(at, error.message().replace('\n', "; ")));
        }
        for (key, value) in document.get_ref() {
            let at = key.span().start;
            match (key.get_ref().as_ref(), value.get_ref()) {
                (DEFAULTS, DeValue::Table(members)) => self.defaults = Some(toml_entry(at, members)),
                (ENTRIES, DeValue::Array(entries)) => {
                    for entry in entries {
                        match entry.get_ref().as_table() {
                            Some(members) => self.entries.push(toml_entry(entry.span().start, members)),
                            None => self.fault(Fault::new(entry.span().start, "an entry is a table")),
                        }
                    }
                }
                (DEFAULTS, _) => self.fault(Fault::new(at, format!("`{DEFAULTS}` is a table: `[{DEFAULTS}]`"))),
                (ENTRIES, _) => {
                    self.fault(Fault::new(at, format!("`{ENTRIES}` is a list of tables: `[[{ENTRIES}]]`")));
                }
                // Where a bracket is missing, what follows it stands in the wrong place.
                (unknown, _) if is_whole => self.unknown_part(at, unknown),
                _ => {}
            }
        }
    }

    fn unknown_part(&mut self, at: usize, name: &str) {
        let help = super::super::config::did_you_mean(name, [DEFAULTS, ENTRIES])
            .unwrap_or_else(|| format!("known are `{DEFAULTS}` and `{ENTRIES}`"));
        self.fault(Fault::new(at, format!("unknown key `{name}`")).help(help));
    }

    fn json(&mut self, text: &str) {
        let whole = 0..text.len();
        let entries = match json::members(text, whole.clone()) {
            Err(_) => json::elements(text, whole),
            Ok(parts) => {
                let mut entries = Ok(Vec::new());
                for (name, range) in parts {
                    match name.as_str() {
                        DEFAULTS => self.defaults = self.json_entry(text, &range),
                        ENTRIES => entries = json::elements(text, range),
                        unknown => self.unknown_part(range.start, unknown),
                    }
                }
                entries
            }
        };
        match entries {
            Ok(entries) => {
                for range in entries {
                    let entry = self.json_entry(text, &range);
                    self.entries.extend(entry);
                }
            }
            Err(fault) => {
                let help = format!("write a list of objects, or {{\"{DEFAULTS}\": {{…}}, \"{ENTRIES}\": [{{…}}]}}");
                self.fault(not_json(fault).help(help));
            }
        }
    }

    fn json_entry(&mut self, text: &str, range: &Range<usize>) -> Option<Entry> {
        let members = match json::members(text, range.clone()) {
            Ok(members) => members,
            Err(fault) => {
                self.fault(not_json(fault));
                return None;
            }
        };
        let mut entry = Entry { at: range.start, members: Vec::new() };
        for (name, range) in members {
            let value = match json::parse_range(text, range.clone()) {
                Ok(Input::Text(text)) => Value::Text(text),
                Ok(Input::Bool(value)) => Value::Bool(value),
                Ok(Input::None) => continue,
                Ok(Input::Int(_) | Input::Float(_)) => Value::Other("a number"),
                Ok(Input::List(_)) => Value::Other("a list"),
                Ok(Input::Object(_)) => Value::Other("an object"),
                Ok(Input::Unknown) => Value::Other("unknown"),
                Err(fault) => {
                    self.fault(not_json(fault));
                    continue;
                }
            };
            entry.members.push(Member { name, named_at: range.start, at: range.start, value });
        }
        Some(entry)
    }

    /// A line with the names of the columns, then an entry a line. What a cell leaves empty is not said.
    fn csv(&mut self, text: &str) {
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let mut names: Option<Vec<(usize, String)>> = None;
        let mut record = csv::StringRecord::new();
        loop {
            let line = reader.position().byte();
            match reader.read_record(&mut record) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.fault(Fault::new(place(line), format!("not CSV: {error}"))),
            }
            let at = record.position().map_or(0, |position| place(position.byte()));
            let at =
                at.saturating_add(text.get(at..).map_or(0, |rest| rest.len().saturating_sub(rest.trim_start().len())));
            let cells = cells(text, at, &record);
            let Some(names) = &names else {
                names = Some(self.columns(cells));
                continue;
            };
            if record.len() != names.len() {
                let message = format!("expected {} cells, found {}", names.len(), record.len());
                self.fault(Fault::new(at, message));
                continue;
            }
            let members = names.iter().zip(cells).filter(|(_, (_, cell))| !cell.is_empty());
            let members = members.map(|((named_at, name), (at, cell))| {
                let value = match cell {
                    "true" => Value::Bool(true),
                    "false" => Value::Bool(false),
                    text => Value::Text(text.to_owned()),
                };
                Member { name: name.clone(), named_at: *named_at, at, value }
            });
            self.entries.push(Entry { at, members: members.collect() });
        }
    }

    /// The names of columns. Of two that are called alike, it is not known which one counts.
    fn columns(&mut self, cells: Vec<(usize, &str)>) -> Vec<(usize, String)> {
        let mut names: Vec<(usize, String)> = Vec::new();
        for (at, name) in cells {
            if names.iter().any(|(_, other)| other == name) {
                self.fault(Fault::new(at, format!("two columns are called `{}`", name.escape_debug())));
            }
            names.push((at, name.to_owned()));
        }
        names
    }
}

/// The cells of a line, each with the place where it is; one that is not written as it is read stands where its line begins.
fn cells<'r>(text: &str, at: usize, record: &'r csv::StringRecord) -> Vec<(usize, &'r str)> {
    let mut from = at;
    let mut found = Vec::new();
    for cell in record {
        let rest = text.get(from..).unwrap_or_default();
        let start = rest.find(cell).map_or(from, |offset| from.saturating_add(offset));
        found.push((start, cell));
        let behind = start.saturating_add(cell.len());
        let comma = text.get(behind..).and_then(|rest| rest.find(','));
        from = comma.map_or(behind, |offset| behind.saturating_add(offset).saturating_add(1));
    }
    found
}

fn place(byte: u64) -> usize {
    usize::try_from(byte).unwrap_or(usize::MAX)
}

fn toml_entry(at: usize, members: &DeTable<'_>) -> Entry {
    let members = members.iter().map(|(key, value)| Member {
        name: key.get_ref().to_string(),
        named_at: key.span().start,
        at: value.span().start,
        value: match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Integer(_) | DeValue::Float(_) => Value::Other("a number"),
            DeValue::Datetime(_) => Value::Other("a date"),
            DeValue::Array(_) => Value::Other("a list"),
            DeValue::Table(_) => Value::Other("a table"),
        },
    });
    Entry { at, members: members.collect() }
}

fn not_json(fault: NotJson) -> Fault {
    let error = fault.refusal.error.to_string();
    // Where it is, the fault says itself.
    let what = error.split_once(" at line ").map_or(error.as_str(), |(what, _)| what);
    Fault::new(fault.offset, what)
}
