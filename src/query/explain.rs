//! The whole story of one decision.

use super::{permit, test::one_line};
use crate::{
    check::{
        ir::{Effect, Part, PartKind, Rule},
        vocabulary::{AttrId, builtin},
    },
    decision::Decision,
    engine::Engine,
    eval::{
        facts::Facts,
        kleene::Kleene,
        reference::{fires, opens, truth_of},
    },
    request::{Input, Refusal, Request},
    value::{HeldRole, Value},
};
use chrono::{DateTime, SecondsFormat, Utc};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The whole story of one decision.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The decision.
    pub decision: Decision,
    /// Every rule that speaks of the action and the resource, in source order.
    pub rules: Vec<RuleStory>,
    /// The smallest changes of the request that would permit it, each confirmed by deciding again; none of an allow.
    pub permit_by: Vec<Change>,
}

/// Attributes to change, with the values that they would need.
pub type Change = BTreeMap<Arc<str>, Input>;

/// What a rule made of the request.
#[derive(Debug, Clone)]
pub struct RuleStory {
    /// Its name.
    pub rule: Arc<str>,
    /// Its place.
    pub at: Arc<str>,
    /// The word it begins with.
    pub effect: &'static str,
    /// Whether it is a shadow rule.
    pub shadow: bool,
    /// Whether it decided.
    pub decided: bool,
    /// Whether it fires.
    pub fires: Kleene,
    /// What must hold for it.
    pub clauses: Vec<ClauseStory>,
}

/// What a clause made of the request.
#[derive(Debug, Clone)]
pub struct ClauseStory {
    /// The clause as it is written, on one line.
    pub text: String,
    /// Whether it holds.
    pub value: Kleene,
    /// What it looked at; [`Input::Unknown`] where that is not known.
    pub saw: BTreeMap<Arc<str>, Input>,
}

/// Explains the decision of a request as it is, at an instant, with limits as they stand in the engine's store; the
/// request is charged to them.
///
/// # Errors
/// If the request does not fit the vocabulary.
pub fn explain(engine: &Engine, request: &Request, now: DateTime<Utc>) -> Result<Explanation, Refusal> {
    let decision = engine.decide_at(request, now)?;
    let facts = Facts::new(&engine.ir().vocabulary, request, false)?;
    let decided = |rule: &Rule| {
        let same = decision.rule.as_ref().is_some_and(|by| by.name == rule.name && by.at == rule.place);
        same && decision.is_allow() == matches!(rule.effect, Effect::Allow)
    };
    let rules = engine
        .ir()
        .rules
        .iter()
        .filter(|rule| in_scope(rule, &facts))
        .map(|rule| story(engine, rule, &facts, decided(rule)))
        .collect();
    let permit_by = if decision.is_allow() { Vec::new() } else { permit::smallest(engine, request, now) };
    Ok(Explanation { decision, rules, permit_by })
}

/// Whether a rule may speak of the request's action and resource.
fn in_scope(rule: &Rule, facts: &Facts<'_>) -> bool {
    let scope = rule.parts.iter().filter(|part| matches!(part.kind, PartKind::To | PartKind::On));
    facts.action.is_some() && scope.fold(Kleene::True, |truth, part| truth.and(truth_of(&part.cond, facts))).possible()
}

fn story(engine: &Engine, rule: &Rule, facts: &Facts<'_>, decided: bool) -> RuleStory {
    let mut clauses: Vec<ClauseStory> = rule.parts.iter().map(|part| clause(engine, part, facts)).collect();
    if let Effect::Gate(mode, _) = &rule.effect {
        clauses.push(ClauseStory {
            text: format!("no {} grant", mode.name()),
            value: !opens(*mode, facts.grant),
            saw: saw(facts, [builtin::PRINCIPAL_GRANTED]),
        });
    }
    RuleStory {
        rule: rule.name.clone(),
        at: rule.place.clone(),
        effect: rule.word,
        shadow: rule.shadow,
        decided,
        fires: fires(rule, facts),
        clauses,
    }
}

fn clause(engine: &Engine, part: &Part, facts: &Facts<'_>) -> ClauseStory {
    let written = one_line(engine.sources().slice(part.at));
    let text = match part.kind {
        PartKind::Who => written,
        PartKind::Require => format!("not ({written})"),
        PartKind::To | PartKind::On | PartKind::When | PartKind::Unless => format!("{} {written}", part.kind.word()),
        // An instant's place includes nothing but itself.
        PartKind::From | PartKind::Until => format!("{} {written}", part.kind.word()),
    };
    let mut attrs = BTreeSet::new();
    part.cond.atoms(&mut |atom| attrs.extend(atom.attributes()));
    ClauseStory { text, value: truth_of(&part.cond, facts), saw: saw(facts, attrs) }
}

fn saw(facts: &Facts<'_>, attrs: impl IntoIterator<Item = AttrId>) -> BTreeMap<Arc<str>, Input> {
    let seen = |attr: AttrId| {
        let value = facts.get(attr).map_or(Input::Unknown, |value| as_input(facts, value));
        (facts.vocabulary.attributes[attr].path.clone(), value)
    };
    attrs.into_iter().map(seen).collect()
}

/// A value as a request would give it.
pub(super) fn as_input(facts: &Facts<'_>, value: &Value) -> Input {
    let text = |text: &Arc<str>| Input::Text(text.to_string());
    match value {
        Value::None => Input::None,
        Value::Bool(value) => Input::Bool(*value),
        Value::Int(value) => Input::Int(*value),
        Value::Text(value) => text(value),
        Value::Ip(ip) => Input::Text(ip.to_string()),
        Value::Time(time) => Input::Text(time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        Value::Tier(tier) => text(&facts.vocabulary.tier_name(*tier)),
        Value::Texts(texts) => Input::List(texts.iter().map(text).collect()),
        Value::Roles(roles) => Input::List(roles.iter().map(as_role).collect()),
    }
}

fn as_role(held: &HeldRole) -> Input {
    let role = Input::Text(held.role.to_string());
    match &held.org {
        None => role,
        Some(org) => {
            Input::Object(BTreeMap::from([("org".to_owned(), Input::Text(org.to_string())), ("role".to_owned(), role)]))
        }
    }
}
