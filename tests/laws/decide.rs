//! Sets loaded, and requests decided in several ways.

use chrono::{DateTime, TimeDelta, Utc};
use policyc::{
    Engine, EngineBuilder,
    check::ir::Effect as RuleEffect,
    clock::ManualClock,
    decision::{Decision, Denial, Effect, Obligation},
    request::{Refusal, Request},
    store::limits::MemoryLimits,
};
use std::{collections::BTreeMap, sync::Arc};

/// When requests are decided that care for no time but their own.
pub(crate) fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_009_600, 0).unwrap()
}

/// A valid set, loaded.
pub(crate) fn load(text: &str) -> Engine {
    load_files([("set.policy", text)])
}

/// A valid set of several files, loaded.
pub(crate) fn load_files<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Engine {
    let files: Vec<(&str, &str)> = files.into_iter().collect();
    let builder = files.iter().fold(EngineBuilder::default(), |builder, (name, text)| builder.text(name, text));
    builder.load().unwrap_or_else(|error| panic!("the set is not valid: {error}\n{files:?}"))
}

/// The same set, with nothing charged yet.
pub(crate) fn fresh(engine: &Engine) -> Engine {
    engine.with_state(Arc::new(ManualClock::new(noon())), Arc::new(MemoryLimits::default()))
}

/// What a request comes to where nothing was charged before.
pub(crate) fn decide(engine: &Engine, request: &Request) -> Result<Decision, Refusal> {
    fresh(engine).decide_at(request, noon())
}

/// Whether a request is allowed where nothing was charged before; a refusal denies.
pub(crate) fn allows(engine: &Engine, request: &Request) -> bool {
    decide(engine, request).is_ok_and(|decision| decision.is_allow())
}

/// A decision without the names of rules.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Essence {
    effect: Effect,
    obligations: Vec<Obligation>,
}

pub(crate) fn essence(decision: Decision) -> Essence {
    let mut effect = decision.effect;
    if let Effect::Deny(Denial { limit: Some(limit), .. }) = &mut effect {
        limit.name = "".into();
    }
    Essence { effect, obligations: decision.obligations }
}

/// A decision with the places of rules among all rules in place of their names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outline {
    essence: Essence,
    rule: Option<usize>,
    others: Vec<usize>,
    pub(crate) shadow: Vec<usize>,
    limits: Vec<(usize, u64, u64, u64)>,
    ignored: Vec<String>,
}

pub(crate) fn outline(engine: &Engine, decision: Decision) -> Outline {
    let mut places: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    for (place, rule) in engine.ir().rules.iter().enumerate() {
        places.entry(rule.name()).or_insert(place);
    }
    let all = |names: &[Arc<str>]| names.iter().map(|name| places[name]).collect();
    Outline {
        rule: decision.rule.as_ref().map(|rule| places[&rule.name]),
        others: all(&decision.others),
        shadow: all(&decision.shadow),
        limits: decision
            .limits
            .iter()
            .map(|state| (places[&state.name], state.limit, state.remaining, state.reset))
            .collect(),
        ignored: decision.ignored.clone(),
        essence: essence(decision),
    }
}

/// What requests come to one after the other, each some seconds later, with what was charged before.
pub(crate) fn in_turn<T>(
    engine: &Engine,
    requests: &[(u8, Request)],
    mut what: impl FnMut(Decision) -> T,
) -> Vec<Result<T, Refusal>> {
    let engine = fresh(engine);
    let mut now = noon();
    requests
        .iter()
        .map(|(seconds, request)| {
            now += TimeDelta::seconds(i64::from(*seconds));
            engine.decide_at(request, now).map(&mut what)
        })
        .collect()
}

/// What the counters of the limits belong to, in order.
pub(crate) fn identities(engine: &Engine) -> Vec<Arc<str>> {
    let limit = |effect: &RuleEffect| match effect {
        RuleEffect::Limit(limit, _) => Some(limit.identity.clone()),
        _ => None,
    };
    engine.ir().rules.iter().filter_map(|rule| limit(&rule.effect)).collect()
}
