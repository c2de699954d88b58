//! A verdict put into words: the decision with its message, duties and reasons.

use super::{
    facts::Facts,
    verdict::{Outcome, Verdict, comes_upon},
};
use crate::{
    check::ir::{Arg, Duty, Effect as RuleEffect, Ir, Piece, Refusal, Rule, RuleId, Template},
    decision::{Decision, Denial, Effect, LimitState, Obligation, RuleRef},
    store::limits::Room,
    value::{GateMode, HeldRole, Value},
};
use chrono::SecondsFormat;
use std::{collections::BTreeSet, sync::Arc};

/// What became of the limits that fired.
#[derive(Debug, Clone, Default)]
pub struct Charged {
    /// How each firing limit stands, in source order; none where its key or cost is unknown.
    pub rooms: Vec<(RuleId, Option<Room>)>,
    /// The shadow limits without room.
    pub shadow: BTreeSet<RuleId>,
}

/// The decision that a verdict and its limits come to.
#[must_use]
pub fn answer(ir: &Ir, facts: &Facts<'_>, verdict: &Verdict, charged: &Charged, revision: &Arc<str>) -> Decision {
    let mut decision = Decision {
        effect: Effect::Allow,
        rule: None,
        obligations: Vec::new(),
        others: Vec::new(),
        shadow: Vec::new(),
        limits: Vec::new(),
        ignored: facts.ignored.clone(),
        revision: revision.clone(),
    };
    match verdict.outcome {
        Outcome::UnknownAction => decision.effect = Effect::Deny(unknown_action(facts)),
        Outcome::NoRule => decision.effect = Effect::Deny(no_rule(facts)),
        Outcome::Deny(id) => deny(ir, facts, id, None, verdict.prohibitions.iter().copied(), &mut decision),
        Outcome::Allow(id) => match without_room(charged) {
            Some((limit, retry_after)) => {
                let full = charged.rooms.iter().filter(|(_, room)| !has_room(room.as_ref())).map(|(id, _)| *id);
                deny(ir, facts, limit, Some(retry_after), full, &mut decision);
            }
            None => {
                decision.rule = Some(rule_ref(&ir.rules[id]));
                decision.limits =
                    charged.rooms.iter().filter_map(|(id, room)| state(ir, *id, room.as_ref()?)).collect();
            }
        },
    }
    if let Effect::Deny(denial) = &mut decision.effect
        && let (Outcome::Deny(id), Some(_)) = (verdict.outcome, denial.gate)
        && matches!(ir.rules[id].effect, RuleEffect::Gate(..))
    {
        // Manual outranks automatic, whichever of the gates decided.
        denial.gate = verdict.prohibitions.iter().filter_map(|id| mode(&ir.rules[*id])).max();
    }
    let code = decision.denial().map(|denial| denial.code.clone());
    decision.obligations = duties(ir, facts, &verdict.duties, code.as_deref());
    decision.shadow = shadow(ir, verdict, charged, code.as_deref());
    decision
}

/// The mode of a gate.
const fn mode(rule: &Rule) -> Option<GateMode> {
    match rule.effect {
        RuleEffect::Gate(mode, _) => Some(mode),
        RuleEffect::Allow | RuleEffect::Deny(_) | RuleEffect::Limit(..) | RuleEffect::Oblige(..) => None,
    }
}

fn unknown_action(facts: &Facts<'_>) -> Denial {
    let action = facts.get(crate::check::vocabulary::builtin::ACTION_NAME).map(|value| show(facts, value));
    Denial {
        code: "UNKNOWN_ACTION".into(),
        status: 400,
        message: Some(clean(&format!("The policy knows no action `{}`.", action.unwrap_or_default()))),
        hint: None,
        gate: None,
        retry_after: None,
    }
}

fn no_rule(facts: &Facts<'_>) -> Denial {
    Denial {
        code: "NO_RULE".into(),
        status: if facts.anonymous { 401 } else { 403 },
        message: Some("No rule allows this.".to_owned()),
        hint: facts.anonymous.then(|| "Sign in and try again.".to_owned()),
        gate: None,
        retry_after: None,
    }
}

/// Fills in a denial by a rule; `all` are the rules that would have denied, among them the one that decides.
fn deny(
    ir: &Ir,
    facts: &Facts<'_>,
    id: RuleId,
    retry_after: Option<Option<u64>>,
    all: impl Iterator<Item = RuleId>,
    decision: &mut Decision,
) {
    let rule = &ir.rules[id];
    let (refusal, gate) = match &rule.effect {
        RuleEffect::Deny(refusal) | RuleEffect::Limit(_, refusal) => (refusal, None),
        RuleEffect::Gate(mode, refusal) => (refusal, Some(*mode)),
        RuleEffect::Allow | RuleEffect::Oblige(..) => return,
    };
    let retry_after = retry_after.flatten();
    let Refusal { code, status, message, hint } = &**refusal;
    decision.effect = Effect::Deny(Denial {
        code: code.clone(),
        status: *status,
        message: message.as_ref().map(|template| fill(template, facts, retry_after)),
        hint: hint.as_ref().map(|template| fill(template, facts, retry_after)),
        gate,
        retry_after,
    });
    decision.rule = Some(rule_ref(rule));
    decision.others = all.filter(|other| *other != id).map(|other| ir.rules[other].name()).collect();
}

/// The limit that decides: of those that never will have room the first, else the one with the longest wait.
fn without_room(charged: &Charged) -> Option<(RuleId, Option<u64>)> {
    let full = charged.rooms.iter().filter(|(_, room)| !has_room(room.as_ref()));
    let mut longest: Option<(RuleId, Option<u64>)> = None;
    for (id, room) in full {
        let Some(wait) = room.as_ref().and_then(|room| room.retry_after) else { return first_never(charged) };
        if longest.is_none_or(|(_, most)| Some(wait) > most) {
            longest = Some((*id, Some(wait)));
        }
    }
    longest
}

fn first_never(charged: &Charged) -> Option<(RuleId, Option<u64>)> {
    let never = |room: Option<&Room>| room.is_none_or(|room| !room.fits && room.retry_after.is_none());
    charged.rooms.iter().find(|(_, room)| never(room.as_ref())).map(|(id, _)| (*id, None))
}

fn has_room(room: Option<&Room>) -> bool {
    room.is_some_and(|room| room.fits)
}

fn state(ir: &Ir, id: RuleId, room: &Room) -> Option<LimitState> {
    let rule = &ir.rules[id];
    let RuleEffect::Limit(limit, _) = &rule.effect else { return None };
    Some(LimitState { name: rule.name(), limit: limit.amount, remaining: room.remaining, reset: room.reset })
}

fn rule_ref(rule: &Rule) -> RuleRef {
    RuleRef { name: rule.name(), at: rule.place() }
}

/// Shadow rules that have a say: a limit only where it has no room, a duty only with the decisions that it comes with.
fn shadow(ir: &Ir, verdict: &Verdict, charged: &Charged, code: Option<&str>) -> Vec<Arc<str>> {
    let says = |id: &&RuleId| match &ir.rules[**id].effect {
        RuleEffect::Limit(..) => charged.shadow.contains(id),
        RuleEffect::Oblige(duties) => comes_upon(&duties.upon, code),
        RuleEffect::Allow | RuleEffect::Deny(_) | RuleEffect::Gate(..) => true,
    };
    verdict.shadow.iter().filter(says).map(|id| ir.rules[*id].name()).collect()
}

/// The duties that come with a decision, in source order, without exact duplicates.
fn duties(ir: &Ir, facts: &Facts<'_>, firing: &[RuleId], code: Option<&str>) -> Vec<Obligation> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for id in firing {
        let RuleEffect::Oblige(duties) = &ir.rules[*id].effect else { continue };
        if !comes_upon(&duties.upon, code) {
            continue;
        }
        for obligation in duties.duties.iter().map(|duty| obligation(duty, facts)) {
            if seen.insert(obligation.clone()) {
                found.push(obligation);
            }
        }
    }
    found
}

/// A duty with its arguments' values.
#[must_use]
pub fn obligation(duty: &Duty, facts: &Facts<'_>) -> Obligation {
    let value = |arg: &Arg| match arg {
        Arg::Value(value) => Some(value.clone()),
        Arg::Attribute(attr) => facts.get(*attr).map(|value| {
            let tier = if let Value::Tier(tier) = value { Some(facts.vocabulary.tier_name(*tier)) } else { None };
            tier.map_or_else(|| value.clone(), Value::Text)
        }),
    };
    Obligation { id: duty.name.clone(), args: duty.args.iter().map(|(name, arg)| (name.clone(), value(arg))).collect() }
}

/// A message with its places filled in, without control characters.
fn fill(template: &Template, facts: &Facts<'_>, retry_after: Option<u64>) -> String {
    let mut text = String::new();
    for piece in &template.pieces {
        match piece {
            Piece::Text(fixed) => text.push_str(fixed),
            Piece::Attribute(attr) => match facts.get(*attr) {
                Some(value) => text.push_str(&show(facts, value)),
                None => text.push_str("unknown"),
            },
            Piece::RetryAfter => match retry_after {
                Some(seconds) => text.push_str(&seconds.to_string()),
                None => text.push_str("unknown"),
            },
        }
    }
    clean(&text)
}

fn clean(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}

/// A value as messages and explanations show it.
#[must_use]
pub fn show(facts: &Facts<'_>, value: &Value) -> String {
    match value {
        Value::None => "none".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Text(text) => text.to_string(),
        Value::Ip(ip) => ip.to_string(),
        Value::Time(time) => time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        Value::Tier(tier) => facts.vocabulary.tier_name(*tier).to_string(),
        Value::Texts(texts) => texts.iter().map(|text| &**text).collect::<Vec<_>>().join(", "),
        Value::Roles(roles) => roles
            .iter()
            .map(|HeldRole { role, org }| match org {
                None => role.to_string(),
                Some(org) => format!("{role}@{org}"),
            })
            .collect::<Vec<_>>()
            .join(", "),
    }
}
