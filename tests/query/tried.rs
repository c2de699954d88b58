//! Tests of random policy sets: what is proposed notices what it is proposed for, what is generated passes, and more tests
//! never cover less.

use crate::random::{Set, pair};
use policyc::{
    Claims, Engine, EngineBuilder,
    examine::{
        coverage::{Coverage, coverage},
        generate::generate,
        mutate::{Fate, MutantReport, mutate},
        test::run,
    },
    query::Budget,
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use std::cell::RefCell;

/// What a question about two sets may cost.
const BUDGET: Budget = Budget::new(20_000);

fn load(text: &str, tests: &[String]) -> Engine {
    let builder = EngineBuilder::default().text("set.policy", text).claims(Claims::Unproved);
    let builder = builder.text("set_test.policy", &tests.join("\n"));
    builder.load().unwrap_or_else(|error| panic!("the set is not valid: {error}\n{text}\n{tests:?}"))
}

/// Whether all tests pass.
fn passes(engine: &Engine) -> bool {
    run(engine, |_| true, |_| {}).iter().all(policyc::examine::test::TestReport::passed)
}

/// The text of a set whose statements have a line each, with a mutant's change.
fn mutated(set: &Set, mutant: &MutantReport) -> String {
    let text = set.text();
    let mut lines: Vec<&str> = text.lines().collect();
    let after = mutant.after.concat();
    assert!(mutant.before.len() == 1 && mutant.after.len() < 2, "{mutant:?}");
    lines[mutant.line - 1] = &after;
    lines.join("\n")
}

/// What is shown of a coverage.
fn shown(coverage: &Coverage) -> Vec<bool> {
    let of_rule = |rule: &policyc::examine::coverage::RuleCoverage| {
        let conditions = rule.conditions.iter().flat_map(|condition| condition.sides.map(|(_, side)| side.is_shown()));
        [rule.decides.is_shown()].into_iter().chain(conditions).collect::<Vec<_>>()
    };
    coverage.rules.iter().flat_map(of_rule).collect()
}

#[test]
fn a_proposed_test_passes_and_fails_on_its_mutant() {
    let proposed = RefCell::new((0, 0, 0));
    let mut runner = TestRunner::deterministic();
    for _ in 0..12 {
        let (set, _) = pair().new_tree(&mut runner).unwrap().current();
        let engine = load(&set.text(), &[]);
        let found = mutate(&engine, |_| true, BUDGET, |_| {}).unwrap();
        for mutant in &found.mutants {
            let mut counts = proposed.borrow_mut();
            match &mutant.fate {
                Fate::Survived(Some(test)) => {
                    counts.0 += 1;
                    let test = [test.clone()];
                    assert!(passes(&load(&set.text(), &test)), "{set:?}\n{mutant:?}");
                    assert!(!passes(&load(&mutated(&set, mutant), &test)), "{set:?}\n{mutant:?}");
                }
                Fate::Survived(None) => counts.1 += 1,
                Fate::Equivalent => counts.2 += 1,
                Fate::Inconclusive => {}
                Fate::Killed => panic!("there is no test that could fail: {mutant:?}"),
            }
        }
    }
    let (with, without, equivalent) = proposed.into_inner();
    println!("{with} with a test, {without} without, {equivalent} equivalent");
    assert!(with > 4 * without && equivalent > 0, "{with} with a test, {without} without, {equivalent} equivalent");
}

#[test]
fn generated_tests_pass_and_more_tests_never_cover_less() {
    let mut runner = TestRunner::deterministic();
    let mut all = 0;
    for _ in 0..12 {
        let (set, _) = pair().new_tree(&mut runner).unwrap().current();
        let mut tests = generate(&load(&set.text(), &[])).unwrap();
        assert!(passes(&load(&set.text(), &tests)), "{set:?}\n{tests:?}");
        tests.truncate(4);
        all += tests.len();
        let mut before: Option<Coverage> = None;
        for count in 0..=tests.len() {
            let now = coverage(&load(&set.text(), &tests[..count]), |_| true).unwrap();
            if let Some(before) = &before {
                assert!(now.share().percent() >= before.share().percent(), "{set:?}\n{tests:?}");
                assert!(shown(before).iter().zip(shown(&now)).all(|(before, now)| !before || now), "{set:?}");
            }
            before = Some(now);
        }
    }
    assert!(all > 10, "only {all} tests were generated");
}
