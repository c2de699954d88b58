//! Rules that time ends, against requests at any time.

use crate::{
    random::{Set, set},
    requests::requests,
};
use chrono::{DateTime, TimeDelta, Utc};
use policyc::{
    Claims, EngineBuilder,
    check::vocabulary::builtin,
    eval::{facts::Facts, reference::decides},
    query::{Budget, ExpiryState, expiries},
    value::Value,
};
use proptest::{
    prelude::*,
    test_runner::{TestCaseError, TestRunner},
};
use std::cell::Cell;

/// How many rules that time ends are looked for.
const RULES: usize = 10;
/// Of how many requests at most all are looked at, and where there are more, of how many.
const MOST: usize = 2_000;
const SOME: usize = 300;
/// Days around those that the sets speak of.
const DAYS: [&str; 4] =
    ["2026-03-28T00:00:00Z", "2026-03-29T06:00:00Z", "2026-03-30T12:00:00Z", "2026-04-03T00:00:00Z"];

fn compare(set: &Set, day: usize, ended: &Cell<usize>) -> Result<(), TestCaseError> {
    let builder = EngineBuilder::default().text("set.policy", &set.text()).claims(Claims::Unproved);
    let engine = builder.load().unwrap_or_else(|error| panic!("the set is not valid: {error}{set:?}"));
    let ir = engine.ir();
    let now: DateTime<Utc> = DAYS[day].parse().unwrap();
    let soon = now + TimeDelta::days(1);
    let found = expiries(ir, now, soon, Budget::USUAL, |_| {});
    if found.is_empty() {
        return Ok(());
    }
    ended.set(ended.get() + found.len());
    for request in requests(set, MOST, SOME).0 {
        let facts = Facts::new(&ir.vocabulary, &request, false).unwrap();
        let Some(Value::Time(time)) = facts.get(builtin::TIME) else { continue };
        for expiry in &found {
            let last = match expiry.state {
                ExpiryState::Expired => now,
                ExpiryState::Expiring => soon,
                ExpiryState::Inconclusive => continue,
            };
            let over = *time >= last || expiry.last.is_some_and(|last| *time > last);
            let rule = &ir.rules[expiry.rule];
            prop_assert!(!over || !decides(rule, &facts), "{} fires: {expiry:?}, {request:#?}", rule.name());
        }
    }
    Ok(())
}

#[test]
fn a_rule_that_has_expired_never_fires() {
    let ended = Cell::new(0);
    while ended.get() < RULES {
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) };
        let sets = (set(), 0..DAYS.len());
        let run = TestRunner::new(config).run(&sets, |(set, day)| compare(&set, day, &ended));
        run.unwrap_or_else(|error| panic!("{error}"));
    }
}
