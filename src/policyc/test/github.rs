//! Cases that failed, as workflow commands of GitHub Actions, which shows them beside the changed lines of a pull request.

use super::{
    super::style::printable,
    outcome::{Case, File, Outcome, Test},
    summary,
};

pub(super) fn render(outcome: &Outcome) -> String {
    let mut out = String::new();
    for file in outcome.all_files() {
        for test in &file.tests {
            for case in test.failures() {
                out.push_str(&command(file, test, case));
            }
        }
    }
    let (tests, counts) = summary(outcome);
    out.push_str(&format!("{tests}\n{counts}\n"));
    out
}

/// `::error file=…,line=…,col=…,title=…::expected … got …`
fn command(file: &File, test: &Test, case: &Case) -> String {
    let report = &case.report;
    let mut text = format!("expected {}, got {}", report.expected, report.got);
    for why in &report.why {
        text.push_str(&format!("\n{why}"));
    }
    let (file, title) = (property(&file.name), property(&format!("test failed: {}", printable(&test.name))));
    format!("::error file={file},line={},col={},title={title}::{}\n", case.line, case.column, data(&text))
}

/// Escaped as what stands after the `::`.
fn data(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(printable).collect();
    lines.join("\n").replace('%', "%25").replace('\n', "%0A")
}

/// Escaped as the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
