//! Tests that notice a mutant, made of a request that it decides otherwise.

use super::{
    super::written::{Asked, countable, expectation, test},
    Mutant,
};
use crate::{
    check::ir::{Effect, Limit, RuleId},
    engine::Engine,
    query::{Budget, Change, ChangeKind, Reached, Wish, reach},
    request::{Input, Request},
};
use std::sync::Arc;

/// The most requests that a proposed test makes for a limit.
const MANY: u64 = 10_000;

/// What it may cost to find a request that a limit counts.
const FILLED: Budget = Budget::new(20_000);

/// Tests that may notice a change, the plainest first; whether they do is for the caller to find out.
pub(super) fn tests(engine: &Engine, changed: &Engine, mutant: &Mutant, change: &Change) -> Vec<String> {
    let vocabulary = &engine.ir().vocabulary;
    let witness = countable(engine, &change.witness);
    let Some(asked) = Asked::new(vocabulary, &witness) else { return Vec::new() };
    let Ok(decision) = engine.unlimited(&witness) else { return Vec::new() };
    let name = name(engine, mutant);
    let case = &asked.case;
    let plain = |duties: bool| {
        let line = format!("{case} => {};", expectation(engine, &decision, duties));
        test(&name, &asked.given(), &[line])
    };
    let found: Vec<Option<String>> = match change.kind {
        ChangeKind::Gained | ChangeKind::Lost | ChangeKind::Gate | ChangeKind::Reason => vec![plain(false)],
        ChangeKind::Duty => vec![plain(true)],
        ChangeKind::Limit => {
            let own = limits(engine, &change.before.limits);
            let others = limits(changed, &change.after.limits);
            let allowed = expectation(engine, &decision, false);
            let own = own.into_iter().filter_map(|(limit, code)| {
                if limit.unit.is_some() {
                    costly(engine, &name, &witness, &limit, &code, &allowed)
                } else {
                    (limit.amount <= MANY).then(|| {
                        let full = format!("{}{case} => {allowed};", repeat(limit.amount));
                        test(&name, &asked.given(), &[full, format!("{case} => deny {code};")])
                    })?
                }
            });
            // The mutant limits what is not limited, or more.
            let few = |limit: &Limit| limit.unit.is_none() && limit.amount <= MANY;
            let more = others.iter().filter(|(limit, _)| few(limit)).filter_map(|(limit, _)| {
                let more = format!("{}{case} => {allowed};", repeat(limit.amount.saturating_add(1)));
                test(&name, &asked.given(), &[more])
            });
            let full = || filled(engine, &name, change, &asked, &allowed);
            own.chain(more).map(Some).chain(std::iter::once_with(full).flatten().map(Some)).collect()
        }
    };
    found.into_iter().flatten().collect()
}

/// What a test is called that notices a mutant: after the rule that it changes, and what it changes.
fn name(engine: &Engine, mutant: &Mutant) -> String {
    let inside =
        |at: crate::source::Span| at.file == mutant.at.file && at.start <= mutant.at.start && mutant.at.end <= at.end;
    let rule = engine.ir().rules.iter().find(|rule| inside(rule.at));
    let whole = rule.is_some_and(|rule| rule.at == mutant.at);
    let rule = rule.map_or_else(|| engine.sources().short_place(mutant.at), |rule| rule.name().to_string());
    let changed = super::super::text::one_line(engine.sources().slice(mutant.at));
    if whole || changed.len() > 60 { format!("{rule}: {}", mutant.what) } else { format!("{rule}: {changed}") }
}

/// The limits among some rules, each with the code that it denies with.
fn limits(engine: &Engine, rules: &[RuleId]) -> Vec<(Arc<Limit>, Arc<str>)> {
    let rules = rules.iter().filter_map(|id| engine.ir().rules.find(*id));
    rules
        .filter_map(|rule| match &rule.effect {
            Effect::Limit(limit, refusal) => Some((limit.clone(), refusal.code.clone())),
            Effect::Allow | Effect::Deny(_) | Effect::Gate(..) | Effect::Oblige(_) => None,
        })
        .collect()
}

/// `repeat 3 `, and nothing for once.
fn repeat(times: u64) -> String {
    if times == 1 { String::new() } else { format!("repeat {times} ") }
}

/// A limit that is used up by other requests of the same principal, and then the request that one of the sets counts
/// for it and the other does not: beside a stricter limit it shows in no other way.
fn filled(engine: &Engine, name: &str, change: &Change, asked: &Asked, allowed: &str) -> Vec<String> {
    let ir = engine.ir();
    let firing = |id: &RuleId| change.before.limits.contains(id);
    let mut found = Vec::new();
    for (id, rule) in ir.rules.pairs() {
        let Effect::Limit(limit, refusal) = &rule.effect else { continue };
        if rule.shadow || limit.unit.is_some() || limit.amount > MANY {
            continue;
        }
        let reached = reach(ir, &[Wish::Decides(id)], FILLED);
        let Some(Reached::By(mut other)) = reached.into_iter().next() else { continue };
        let witness = &change.witness.principal;
        (other.principal.kind, other.principal.id) = (witness.kind.clone(), witness.id.clone());
        let Some(other) = Asked::new(&ir.vocabulary, &countable(engine, &other)) else { continue };
        let expected = if firing(&id) { format!("deny {}", refusal.code) } else { allowed.to_owned() };
        let lines = [
            format!("{}{} => allow;", repeat(limit.amount), other.case_alone()),
            format!("{} => {expected};", asked.case_alone()),
        ];
        found.extend(test(name, "", &lines));
    }
    found
}

/// A request that costs all that a limit allows, after one that costs more.
fn costly(engine: &Engine, name: &str, witness: &Request, limit: &Limit, code: &str, allowed: &str) -> Option<String> {
    let vocabulary = &engine.ir().vocabulary;
    let unit = &vocabulary.attributes[limit.unit?].name;
    let amount = i64::try_from(limit.amount).ok()?;
    let costs = |cost: i64| {
        let mut request = witness.clone();
        crate::request::insert(&mut request.context, unit, Input::Int(cost));
        Asked::new(vocabulary, &request)
    };
    let (all, more) = (costs(amount)?, costs(amount.checked_add(1)?)?);
    let lines = [format!("{} => deny {code};", more.case_among(&all)?), format!("{} => {allowed};", all.case)];
    test(name, &all.given(), &lines)
}
