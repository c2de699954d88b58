//! What became of the tests, in the Test Anything Protocol, version 14: a test point is a test.

use super::outcome::{Case, File, Outcome, Test};
use serde_json::Value;

pub(super) fn render(outcome: &Outcome) -> String {
    let mut out = format!("TAP version 14\n1..{}\n", outcome.tests());
    let tests = outcome.all_files().flat_map(|file| file.tests.iter().map(move |test| (file, test)));
    for (number, (file, test)) in (1_usize..).zip(tests) {
        let failures: Vec<&Case> = test.failures().collect();
        let verdict = if failures.is_empty() { "ok" } else { "not ok" };
        out.push_str(&format!("{verdict} {number} - {}\n", description(&test.name)));
        if !failures.is_empty() {
            diagnostics(file, test, &failures, &mut out);
        }
    }
    out
}

/// A name, in which `#` would begin a directive.
fn description(name: &str) -> String {
    let one_line: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    one_line.replace('\\', "\\\\").replace('#', "\\#")
}

/// What failed, as the YAML block that may follow a test point. JSON texts are YAML texts.
fn diagnostics(file: &File, test: &Test, failures: &[&Case], out: &mut String) {
    let text = |text: &str| Value::from(text).to_string();
    out.push_str("  ---\n");
    out.push_str(&format!("  file: {}\n  line: {}\n  failures:\n", text(&file.name), test.line));
    for case in failures {
        let report = &case.report;
        out.push_str(&format!("    - line: {}\n      case: {}\n", case.line, text(&case.text)));
        out.push_str(&format!("      expected: {}\n      got: {}\n", text(&report.expected), text(&report.got)));
        out.push_str("      why:\n");
        for why in &report.why {
            out.push_str(&format!("        - {}\n", text(why)));
        }
    }
    out.push_str("  ...\n");
}
