//! What the tests decide, as a part of the JSON document.

use super::{Covered, File};
use crate::examine::coverage::{RuleCoverage, Share, Side};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
pub(in crate::policyc::test) struct SetShape<'a> {
    /// Absent where there is only one.
    #[serde(skip_serializing_if = "str::is_empty")]
    set: &'a str,
    percent: f64,
    files: Vec<FileShape<'a>>,
}

#[derive(Serialize)]
struct FileShape<'a> {
    file: &'a str,
    rules: ShareShape,
    conditions: ShareShape,
    percent: f64,
    details: Vec<RuleShape<'a>>,
}

#[derive(Serialize)]
struct ShareShape {
    covered: usize,
    all: usize,
}

#[derive(Serialize)]
struct RuleShape<'a> {
    rule: &'a str,
    line: usize,
    effect: &'a str,
    /// How many requests it has a say in; absent where there can be none.
    #[serde(skip_serializing_if = "Option::is_none")]
    decides: Option<u64>,
    conditions: Vec<ConditionShape<'a>>,
}

#[derive(Serialize)]
struct ConditionShape<'a> {
    line: usize,
    column: usize,
    text: &'a str,
    /// How many requests hang on it, by its value; those that there can be.
    values: BTreeMap<&'a str, u64>,
}

pub(in crate::policyc::test) fn sets(covered: &[Covered]) -> Vec<SetShape<'_>> {
    covered.iter().map(set).collect()
}

fn set(set: &Covered) -> SetShape<'_> {
    SetShape { set: &set.name, percent: rounded(set.share()), files: set.files.iter().map(file).collect() }
}

fn file(file: &File) -> FileShape<'_> {
    FileShape {
        file: file.source.name(),
        rules: share(file.deciding()),
        conditions: share(file.conditions()),
        percent: rounded(file.share()),
        details: file.rules.iter().map(|of| rule(file, of)).collect(),
    }
}

fn rule<'a>(file: &'a File, rule: &'a RuleCoverage) -> RuleShape<'a> {
    let times = |side: Side| side.is_asked_for().then_some(side.times);
    let conditions = rule.conditions.iter().map(|condition| {
        let (line, column) = file.source.line_column(condition.at.start);
        let values = condition.sides.iter().filter_map(|(value, side)| Some((value.name(), times(*side)?)));
        ConditionShape { line, column, text: file.source.slice(condition.at), values: values.collect() }
    });
    RuleShape {
        rule: &rule.name,
        line: file.source.line(rule.at.start),
        effect: rule.word,
        decides: times(rule.decides),
        conditions: conditions.collect(),
    }
}

const fn share(share: Share) -> ShareShape {
    ShareShape { covered: share.shown, all: share.all }
}

fn rounded(share: Share) -> f64 {
    (share.percent() * 100.0).round() / 100.0
}
