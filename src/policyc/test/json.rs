//! What became of the tests, as one JSON document.

use super::{
    coverage, mutation,
    outcome::{Case, File, Outcome, Test},
};
use serde::Serialize;

#[derive(Serialize)]
struct Report<'a> {
    tests: Vec<TestShape<'a>>,
    passed: usize,
    failed: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<Vec<coverage::json::SetShape<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mutation: Option<Vec<mutation::SetShape<'a>>>,
}

#[derive(Serialize)]
struct TestShape<'a> {
    name: &'a str,
    file: &'a str,
    line: usize,
    cases: Vec<CaseShape<'a>>,
}

#[derive(Serialize)]
struct CaseShape<'a> {
    line: usize,
    pass: bool,
    expected: &'a str,
    got: &'a str,
    /// `null` where no rule decided.
    rule: Option<&'a str>,
}

pub(super) fn render(outcome: &Outcome) -> serde_json::Result<String> {
    let tests = outcome.all_files().flat_map(|file| file.tests.iter().map(move |found| test(file, found))).collect();
    let coverage = (!outcome.covered.is_empty()).then(|| coverage::json::sets(&outcome.covered));
    let mutation = (!outcome.mutated.is_empty()).then(|| mutation::sets(&outcome.mutated));
    let report = Report { tests, passed: outcome.passed(), failed: outcome.failed(), coverage, mutation };
    Ok(format!("{}\n", serde_json::to_string(&report)?))
}

fn test<'a>(file: &'a File, test: &'a Test) -> TestShape<'a> {
    TestShape { name: &test.name, file: &file.name, line: test.line, cases: test.cases.iter().map(case).collect() }
}

fn case(case: &Case) -> CaseShape<'_> {
    let Case { line, report, .. } = case;
    CaseShape {
        line: *line,
        pass: report.pass,
        expected: &report.expected,
        got: &report.got,
        rule: report.rule.as_deref(),
    }
}
