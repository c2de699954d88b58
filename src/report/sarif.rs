//! Diagnostics as a log in SARIF 2.1.0, which code scanning and editors read.
//!
//! Only the codes that occur are listed as rules, each with its page of explanation. Columns are counted in Unicode
//! code points; paths are relative references with `/`, or `file:` URIs where the path itself was absolute.

use super::{
    Code, Diagnostic, Severity, json,
    place::{Place, Places},
};
use crate::source::{Sources, Span};
use serde::Serialize;
use std::{
    collections::BTreeSet,
    fmt::Write,
    path::{MAIN_SEPARATOR, Path},
};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool,
    column_kind: &'static str,
    results: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
struct Driver {
    name: &'static str,
    version: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    short_description: Text<'static>,
    help: Help,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Serialize)]
struct Help {
    text: &'static str,
    markdown: &'static str,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding<'a> {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Message,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Location<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location<'a>>,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location<'a> {
    physical_location: Physical,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

/// The findings in the order given, as a log of one run.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let mut places = Places::new(sources);
    let codes: BTreeSet<Code> = diagnostics.iter().map(Diagnostic::code).collect();
    let codes: Vec<Code> = codes.into_iter().collect();
    let results = diagnostics.iter().map(|diagnostic| finding(diagnostic, &codes, &mut places)).collect();
    let rules = codes.iter().copied().map(rule).collect();
    let driver = Driver { name: "policyc", version: env!("CARGO_PKG_VERSION"), rules };
    let run = Run { tool: Tool { driver }, column_kind: "unicodeCodePoints", results };
    json::document(&Log { schema: SCHEMA, version: "2.1.0", runs: [run] })
}

fn rule(code: Code) -> Rule {
    Rule {
        id: code.id(),
        short_description: Text { text: code.title() },
        help: Help { text: code.page(), markdown: code.page() },
        default_configuration: Configuration { level: level(code.severity()) },
    }
}

fn finding<'a>(diagnostic: &'a Diagnostic, codes: &[Code], places: &mut Places<'a>) -> Finding<'a> {
    let label = Some(diagnostic.primary_label()).filter(|label| !label.is_empty());
    let others = diagnostic.labels().iter();
    Finding {
        rule_id: diagnostic.code().id(),
        rule_index: codes.partition_point(|code| *code < diagnostic.code()),
        level: level(diagnostic.severity()),
        message: message(diagnostic),
        locations: location(diagnostic.span(), label, places).into_iter().collect(),
        related_locations: others.filter_map(|(span, text)| location(*span, Some(text), places)).collect(),
    }
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn message(diagnostic: &Diagnostic) -> Message {
    let mut text = diagnostic.message().to_owned();
    if let Some(help) = diagnostic.help_text() {
        let _ = write!(text, "\nhelp: {help}");
    }
    Message { text }
}

fn location<'a>(span: Span, text: Option<&'a str>, places: &mut Places<'_>) -> Option<Location<'a>> {
    let Place { file, line, column, end_line, end_column } = places.of(span)?;
    let region = Region { start_line: line, start_column: column, end_line, end_column };
    let physical_location = Physical { artifact_location: Artifact { uri: uri(file) }, region };
    Some(Location { physical_location, message: text.map(|text| Text { text }) })
}

/// A path as a URI: relative, or with `file:` where it is absolute.
fn uri(path: &str) -> String {
    let absolute = Path::new(path).is_absolute();
    let path = path.replace(MAIN_SEPARATOR, "/");
    let mut uri = String::from(if absolute { "file:///" } else { "" });
    let segments = path.split('/').filter(|segment| !matches!(*segment, "" | "."));
    for (index, segment) in segments.enumerate() {
        if index > 0 {
            uri.push('/');
        }
        for byte in segment.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(byte)),
                other => {
                    let _ = write!(uri, "%{other:02X}");
                }
            }
        }
    }
    uri
}
