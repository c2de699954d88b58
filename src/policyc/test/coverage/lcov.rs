//! What the tests decide, in the text format of LCOV: a function is a rule, a branch a value of a condition.
//!
//! A line that rules begin on counts how often the least of them has a say. What no request can show has no branch.

use super::{Covered, File};
use std::{collections::BTreeMap, fmt::Write};

pub(super) fn render(covered: &[Covered]) -> String {
    let mut out = String::new();
    for file in covered.iter().flat_map(|set| &set.files) {
        record(file, &mut out);
    }
    out
}

fn record(file: &File, out: &mut String) {
    let mut put = |line: std::fmt::Arguments<'_>| {
        let _ = writeln!(out, "{line}");
    };
    put(format_args!("TN:"));
    put(format_args!("SF:{}", file.source.name()));
    let mut lines: BTreeMap<usize, u64> = BTreeMap::new();
    let mut branches = Vec::new();
    let rules: Vec<_> = file.rules.iter().filter(|rule| rule.decides.is_asked_for()).collect();
    let name = |rule: &crate::examine::coverage::RuleCoverage| format!("{} {}", rule.word, rule.name);
    for rule in &rules {
        put(format_args!("FN:{},{}", file.source.line(rule.at.start), name(rule)));
    }
    for rule in &rules {
        put(format_args!("FNDA:{},{}", rule.decides.times, name(rule)));
        let least = lines.entry(file.source.line(rule.at.start)).or_insert(rule.decides.times);
        *least = rule.decides.times.min(*least);
    }
    let shown = |shown: usize, all: usize, letter: &str| format!("{letter}F:{all}\n{letter}H:{shown}");
    put(format_args!("{}", shown(rules.iter().filter(|rule| rule.decides.is_shown()).count(), rules.len(), "FN")));
    let conditions = file.rules.iter().flat_map(|rule| &rule.conditions);
    for (block, condition) in conditions.enumerate() {
        let sides = condition.sides.iter().filter(|(_, side)| side.is_asked_for());
        for (branch, (_, side)) in sides.enumerate() {
            branches.push((file.source.line(condition.at.start), block, branch, side.times));
        }
    }
    branches.sort_unstable();
    for (line, block, branch, times) in &branches {
        put(format_args!("BRDA:{line},{block},{branch},{times}"));
    }
    let taken = branches.iter().filter(|(.., times)| *times > 0).count();
    put(format_args!("{}", shown(taken, branches.len(), "BR")));
    for (line, times) in &lines {
        put(format_args!("DA:{line},{times}"));
    }
    let hit = lines.values().filter(|times| **times > 0).count();
    put(format_args!("{}", shown(hit, lines.len(), "L")));
    put(format_args!("end_of_record"));
}
