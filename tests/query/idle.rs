//! Rules that change nothing, against all requests that can make a difference.

use crate::{
    random::{Set, set},
    requests::requests,
};
use policyc::{
    Claims, EngineBuilder,
    check::{
        Ir,
        ir::{Effect, RuleId},
    },
    eval::{
        facts::Facts,
        kleene::Kleene,
        reference::{evaluate, fires},
        verdict::Outcome,
    },
    query::{Budget, ChangeKind, Idle, diff, idle},
    request::Request,
};
use proptest::{
    prelude::*,
    test_runner::{TestCaseError, TestRunner},
};
use std::{cell::Cell, collections::BTreeSet};

/// How many sets are compared, unless `POLICYC_IDLE` says how many.
const SETS: usize = 30;
/// Of how many requests at most all are looked at, and where there are more, of how many.
const MOST: usize = 4_000;
const SOME: usize = 200;

/// The rules that allow a request, where no prohibition fires; else the one that denies it.
fn deciding(ir: &Ir, request: &Request) -> (Vec<RuleId>, Option<RuleId>) {
    let facts = Facts::new(&ir.vocabulary, request, false).unwrap();
    match evaluate(ir, &facts).outcome {
        Outcome::Deny(rule) => (Vec::new(), Some(rule)),
        Outcome::NoRule | Outcome::UnknownAction => (Vec::new(), None),
        Outcome::Allow(_) => {
            let allows = ir.rules.pairs().filter(|(_, rule)| {
                !rule.shadow && matches!(rule.effect, Effect::Allow) && fires(rule, &facts) == Kleene::True
            });
            (allows.map(|(id, _)| id).collect(), None)
        }
    }
}

/// Whether a set without the rules that change nothing says something else without one more: of a request that the reference
/// evaluator decides in both ways. For the tables cannot have every value that a set tells apart.
fn makes_a_difference(set: &Set, ir: &Ir, gone: &BTreeSet<RuleId>, rule: RuleId) -> bool {
    let line = |id: &RuleId| ir.rules[*id].name().rsplit(':').next().and_then(|line| line.parse::<usize>().ok());
    let without = |left_out: &BTreeSet<RuleId>| {
        // Whatever is left out, rules are called by the lines where they were.
        let lines: BTreeSet<Option<usize>> = left_out.iter().map(line).collect();
        let statements = set.statements.iter().zip(1..);
        let kept: Vec<&str> = statements.map(|(text, at)| if lines.contains(&Some(at)) { "" } else { text }).collect();
        EngineBuilder::default().text("set.policy", &kept.join("\n")).claims(Claims::Unproved).load()
    };
    let (Ok(old), Ok(new)) = (without(gone), without(&gone.iter().copied().chain([rule]).collect())) else {
        return false;
    };
    let said = |ir: &Ir, request: &Request| {
        let facts = Facts::new(&ir.vocabulary, request, false).unwrap();
        match evaluate(ir, &facts).outcome {
            Outcome::Deny(rule) => ir.rules[rule].name().to_string(),
            Outcome::NoRule | Outcome::UnknownAction => "no rule".to_owned(),
            Outcome::Allow(_) => "allow".to_owned(),
        }
    };
    let found = diff(old.ir(), new.ir(), &ChangeKind::ALL, Budget::USUAL, |_| {});
    found.changes.iter().any(|change| said(old.ir(), &change.witness) != said(new.ir(), &change.witness))
}

fn compare(set: &Set, whole: &Cell<usize>) -> Result<(), TestCaseError> {
    let builder = EngineBuilder::default().text("set.policy", &set.text()).claims(Claims::Unproved);
    let engine = builder.load().unwrap_or_else(|error| panic!("the set is not valid: {error}{set:?}"));
    let ir = engine.ir();
    let found = idle(ir);
    let gone: BTreeSet<RuleId> = found.iter().map(|idle| idle.rule).collect();
    let (requests, are_all) = requests(set, MOST, SOME);
    let mut needed = BTreeSet::new();
    for request in requests {
        let (allows, denied) = deciding(ir, &request);
        if let Some(denied) = denied {
            prop_assert!(!gone.contains(&denied), "{denied:?} decides {request:#?}");
            needed.insert(denied);
        }
        for idle in found.iter().filter(|idle| allows.contains(&idle.rule)) {
            prop_assert!(matches!(idle.why, Idle::Redundant(_)), "{idle:?} allows {request:#?}");
        }
        let left: Vec<RuleId> = allows.iter().copied().filter(|rule| !gone.contains(rule)).collect();
        prop_assert!(allows.is_empty() || !left.is_empty(), "only {allows:?} allow {request:#?}");
        if let [only] = left[..] {
            needed.insert(only);
        }
    }
    // Where an attribute has a default, requests do not say here that it is unknown.
    let has_defaults = set.statements.iter().any(|text| text.starts_with("attribute ") && text.contains(" = "));
    if are_all && !has_defaults {
        let decide = ir.rules.pairs().filter(|(_, rule)| {
            !rule.shadow && matches!(rule.effect, Effect::Allow | Effect::Deny(_) | Effect::Gate(..))
        });
        for (id, rule) in decide.filter(|(id, _)| !gone.contains(id)) {
            let is_needed = needed.contains(&id) || makes_a_difference(set, ir, &gone, id);
            prop_assert!(is_needed, "{} changes nothing", rule.name());
        }
        whole.set(whole.get() + 1);
    }
    Ok(())
}

#[test]
fn a_rule_is_idle_just_where_no_request_needs_it() {
    let sets = std::env::var("POLICYC_IDLE").ok().map_or(SETS, |sets| sets.parse().unwrap());
    let whole = Cell::new(0);
    while whole.get() < sets {
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(50) };
        TestRunner::new(config).run(&set(), |set| compare(&set, &whole)).unwrap_or_else(|error| panic!("{error}"));
    }
}
