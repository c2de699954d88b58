//! What became of the tests, as JUnit XML: a suite is a file, a test case is a test.

use super::{
    super::style::counted,
    outcome::{Case, File, Outcome, Test},
};
use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

pub(super) fn render(outcome: &Outcome) -> Result<String, SerializeError> {
    let mut report = Report::new("policyc");
    for file in outcome.all_files() {
        let mut suite = TestSuite::new(file.name.as_str());
        suite.add_test_cases(file.tests.iter().map(|test| test_case(file, test)));
        report.add_test_suite(suite);
    }
    report.to_string()
}

fn test_case(file: &File, test: &Test) -> TestCase {
    let failures: Vec<&Case> = test.failures().collect();
    let mut status = TestCaseStatus::success();
    if !failures.is_empty() {
        status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(format!("{} of {} failed", failures.len(), counted(test.cases.len(), "case")));
        status.set_type("decision");
        let details: Vec<String> = failures.iter().map(|case| details(file, case)).collect();
        status.set_description(details.join("\n"));
    }
    let mut found = TestCase::new(test.name.as_str(), status);
    found.set_classname(file.name.as_str());
    found.set_assertions(test.cases.len());
    found.extra.insert("file".into(), file.name.as_str().into());
    found.extra.insert("line".into(), test.line.to_string().into());
    found
}

fn details(file: &File, case: &Case) -> String {
    let report = &case.report;
    let mut text = format!("{}:{}: {}\n", file.name, case.line, case.text);
    text.push_str(&format!("  expected {}\n  got {}\n", report.expected, report.got));
    for why in &report.why {
        text.push_str(&format!("  {why}\n"));
    }
    text
}
