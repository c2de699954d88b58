//! What became of the tests, for people.
//!
//! ```text
//! policies/tiers
//!   ✓ limits_test.policy   7 tests  23 cases
//!   ✗ tiers_test.policy   11 tests  40 cases  1 failed
//!
//! FAILED  seeds may not paint
//!
//!   policies/tiers/tiers_test.policy:14
//!   asked     generate_image on "petal-image"
//!   expected  deny INSUFFICIENT_TIER 403 by tier_gate
//!   got       allow by everyone
//!   rule      everyone (policies/tiers/access.policy:8)
//!   why       expected decision `deny`, got `allow`
//!   request   user "sam", tier: seed; generate_image; model "petal-image"
//!
//! 18 tests in 2 files
//! 62 passed, 1 failed
//! ```

use super::{
    super::style::{Style, printable},
    outcome::{Case, File, Outcome, Set, Test},
    summary,
};
use crate::{
    request::{Input, Properties, Request},
    value::Value,
};
use textwrap::core::display_width;

/// The column at which what a label says begins.
const LABEL: usize = 12;
/// The widest that the names of files are set.
const NAMES: usize = 48;

pub(super) fn render(outcome: &Outcome, verbose: bool, style: Style, width: usize) -> String {
    let mut writer = Writer { style, width: width.clamp(40, 120), out: String::new() };
    let paths = outcome.sets.iter().flat_map(|set| set.files.iter().map(|file| set.path_of(file)));
    let columns = Columns {
        names: paths.map(display_width).max().unwrap_or_default().min(NAMES),
        tests: digits(outcome.all_files().map(|file| file.tests.len())),
        cases: digits(outcome.all_files().map(File::cases)),
    };
    for set in &outcome.sets {
        writer.set(set, columns, verbose);
    }
    for file in outcome.all_files() {
        for test in file.tests.iter().filter(|test| test.failures().next().is_some()) {
            writer.failure(file, test);
        }
    }
    let (tests, counts) = summary(outcome);
    let paint = if outcome.failed() > 0 { Style::bad } else { Style::good };
    writer.line(&tests);
    writer.line(&paint(style, &counts));
    writer.out
}

/// How wide the columns of the list of files are.
#[derive(Debug, Clone, Copy)]
struct Columns {
    names: usize,
    tests: usize,
    cases: usize,
}

fn digits(counts: impl Iterator<Item = usize>) -> usize {
    counts.max().unwrap_or_default().to_string().len()
}

struct Writer {
    style: Style,
    width: usize,
    out: String,
}

impl Writer {
    /// The files of a policy set, one a line.
    fn set(&mut self, set: &Set, columns: Columns, verbose: bool) {
        if !set.name.is_empty() {
            self.line(&self.style.bold(&set.name));
        }
        let indent = if set.name.is_empty() { "" } else { "  " };
        for file in &set.files {
            let path = set.path_of(file);
            let fill = columns.names.saturating_sub(display_width(path));
            let tests = number(file.tests.len(), columns.tests, "test");
            let counts = format!("{tests}  {}", number(file.cases(), columns.cases, "case"));
            let failed = match file.failed() {
                0 => String::new(),
                failed => self.style.bad(&format!("  {failed} failed")),
            };
            let mark = self.mark(file.failed() == 0);
            let counts = self.style.dim(&counts);
            self.line(&format!("{indent}{mark} {path}{:fill$}  {counts}{failed}", ""));
            if verbose {
                for test in &file.tests {
                    self.test(test, indent);
                }
            }
        }
        if set.files.is_empty() {
            self.line(&self.style.dim(&format!("{indent}no tests")));
        }
        self.line("");
    }

    /// A test and its cases, one a line.
    fn test(&mut self, test: &Test, indent: &str) {
        let mark = self.mark(test.failures().next().is_none());
        self.line(&format!("{indent}    {mark} {}", printable(&test.name)));
        for case in &test.cases {
            let mark = self.mark(case.report.pass);
            let line = self.style.dim(&format!("{:>4}", case.line));
            let got = self.style.dim(&format!("=> {}", printable(&case.report.got)));
            self.line(&format!("{indent}        {mark} {line}  {}  {got}", printable(&case.text)));
        }
    }

    /// A test that failed: the cases that did.
    fn failure(&mut self, file: &File, test: &Test) {
        self.line(&format!("{}  {}", self.style.error("FAILED"), self.style.bold(&printable(&test.name))));
        self.line("");
        for case in test.failures() {
            self.line(&format!("  {}:{}", file.name, case.line));
            self.case(case);
            self.line("");
        }
    }

    fn case(&mut self, case: &Case) {
        let report = &case.report;
        self.said("asked", &case.text, |_, text| text.to_owned());
        self.said("expected", &report.expected, Style::good);
        self.said("got", &report.got, Style::bad);
        if let (Some(rule), Some(at)) = (&report.rule, &report.rule_at) {
            let text = if rule == at { rule.to_string() } else { format!("{rule} ({at})") };
            self.said("rule", &text, |_, text| text.to_owned());
        }
        for (index, why) in report.why.iter().enumerate() {
            self.said(if index == 0 { "why" } else { "" }, why, |_, text| text.to_owned());
        }
        if let Some(request) = &report.request {
            self.said("request", &in_short(request), |_, text| text.to_owned());
        }
    }

    /// A label and what it says, wrapped beside it.
    fn said(&mut self, label: &str, text: &str, paint: fn(Style, &str) -> String) {
        let room = self.width.saturating_sub(LABEL);
        for (index, line) in textwrap::wrap(&printable(text), room).iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            let fill = LABEL.saturating_sub(2).saturating_sub(label.len()).max(1);
            self.line(&format!("  {}{:fill$}{}", self.style.dim(label), "", paint(self.style, line)));
        }
    }

    fn mark(&self, good: bool) -> String {
        if good { self.style.good("✓") } else { self.style.bad("✗") }
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }
}

/// `  7 tests`, `  1 test `.
fn number(count: usize, digits: usize, noun: &str) -> String {
    let ending = if count == 1 { ' ' } else { 's' };
    format!("{count:>digits$} {noun}{ending}")
}

/// A request as a person would tell it: `user ann, tier: seed; infer; model "qwen"; ip: 10.1.2.3`.
fn in_short(request: &Request) -> String {
    let principal = [request.principal.id.as_deref().map(|id| Value::text(id).to_string())];
    let principal =
        principal.into_iter().flatten().fold(request.principal.kind.clone(), |text, id| format!("{text} {id}"));
    let resource = format!("{} {}", request.resource.kind, Value::text(&request.resource.id));
    let parts = [
        with(principal, &request.principal.properties),
        request.action.clone(),
        with(resource, &request.resource.properties),
        with(String::new(), &request.context),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("; ")
}

fn with(start: String, properties: &Properties) -> String {
    let mut parts: Vec<String> = Some(start).into_iter().filter(|start| !start.is_empty()).collect();
    parts.extend(properties.iter().map(|(name, value)| format!("{name}: {}", value_in_short(value))));
    parts.join(", ")
}

fn value_in_short(value: &Input) -> String {
    match value {
        Input::Unknown => "unknown".to_owned(),
        Input::None => "none".to_owned(),
        Input::Bool(value) => value.to_string(),
        Input::Int(value) => value.to_string(),
        Input::Float(value) => value.to_string(),
        Input::Text(text) => text.clone(),
        Input::List(values) => {
            let values: Vec<String> = values.iter().map(value_in_short).collect();
            format!("[{}]", values.join(", "))
        }
        Input::Object(values) => {
            let values: Vec<String> =
                values.iter().map(|(name, value)| format!("{name}: {}", value_in_short(value))).collect();
            format!("{{{}}}", values.join(", "))
        }
    }
}
