//! A verdict put into words: the decision with its message, duties and reasons.

use super::{
    told::Known,
    verdict::{Outcome, Verdict, comes_upon},
};
use crate::{
    check::{
        ir::{Arg, Duty, Effect as RuleEffect, LimitWindow, Piece, Refusal, RuleId, Template},
        vocabulary::builtin,
    },
    compile::heads::{Head, Heads},
    decision::{Decision, Denial, Effect, LimitState, Obligation, RuleRef},
    store::limits::Room,
    value::{GateMode, HeldRole, Value},
};
use chrono::{DateTime, SecondsFormat, Utc};
use std::{collections::BTreeSet, sync::Arc};

/// The code of a denial where no rule allows a request.
pub(crate) const NO_RULE: &str = "NO_RULE";
/// The code where the vocabulary does not know the action.
pub(crate) const UNKNOWN_ACTION: &str = "UNKNOWN_ACTION";
/// The code of a rule that says none.
const DENIED: &str = "DENIED";

/// What became of the limits that fired.
#[derive(Debug, Clone, Default)]
pub struct Charged {
    /// How each firing limit stands, in source order; none where its key or cost is unknown.
    pub rooms: Vec<(RuleId, Option<Room>)>,
    /// The shadow limits without room.
    pub shadow: BTreeSet<RuleId>,
    /// When they were charged, by the clock of their store; none where they were not.
    pub at: Option<DateTime<Utc>>,
}

/// The decision that a verdict and its limits come to. `ignored` are attributes that the vocabulary does not know.
#[must_use]
pub(crate) fn answer(
    heads: &Heads,
    known: &impl Known,
    verdict: &Verdict,
    charged: &Charged,
    ignored: Vec<String>,
    revision: &Arc<str>,
) -> Decision {
    let mut decision = Decision {
        effect: Effect::Allow,
        rule: None,
        obligations: Vec::new(),
        others: Vec::new(),
        shadow: Vec::new(),
        limits: Vec::new(),
        charged: charged.at,
        ignored,
        revision: revision.clone(),
    };
    match verdict.outcome {
        Outcome::UnknownAction => decision.effect = Effect::Deny(unknown_action(known)),
        Outcome::NoRule => decision.effect = Effect::Deny(no_rule(known)),
        Outcome::Deny(id) => deny(heads, known, id, None, &verdict.prohibitions, &mut decision),
        Outcome::Allow(id) => match without_room(charged) {
            Some((limit, retry_after)) => {
                let full = charged.rooms.iter().filter(|(_, room)| !has_room(room.as_ref())).map(|(id, _)| *id);
                deny(heads, known, limit, retry_after, &full.collect::<Vec<_>>(), &mut decision);
                if let Effect::Deny(denial) = &mut decision.effect {
                    let room = charged.rooms.iter().find(|(id, _)| *id == limit).and_then(|(_, room)| room.as_ref());
                    denial.limit = room.and_then(|room| state(heads, known, limit, room)).map(Box::new);
                }
            }
            None => {
                decision.rule = heads.find(id).map(|head| rule_ref(&head));
                decision.limits =
                    charged.rooms.iter().filter_map(|(id, room)| state(heads, known, *id, room.as_ref()?)).collect();
            }
        },
    }
    let code = decision.denial().map(|denial| denial.code.clone());
    decision.obligations = duties(heads, known, &verdict.duties, code.as_deref());
    decision.shadow = shadow(heads, verdict, charged, code.as_deref());
    decision
}

fn unknown_action(known: &impl Known) -> Denial {
    let action = known.value(builtin::ACTION_NAME).map(|value| show(known, &value));
    Denial {
        code: UNKNOWN_ACTION.into(),
        status: 400,
        message: Some(clean(&format!("The policy knows no action `{}`.", action.unwrap_or_default()))),
        hint: None,
        gate: None,
        retry_after: None,
        limit: None,
    }
}

fn no_rule(known: &impl Known) -> Denial {
    Denial {
        code: NO_RULE.into(),
        status: if known.is_anonymous() { 401 } else { 403 },
        message: Some("No rule allows this.".to_owned()),
        hint: known.is_anonymous().then(|| "Sign in and try again.".to_owned()),
        gate: None,
        retry_after: None,
        limit: None,
    }
}

/// Fills in a denial by a rule; `all` are the rules that would have denied, among them the one that decides.
fn deny(
    heads: &Heads,
    known: &impl Known,
    id: RuleId,
    retry_after: Option<u64>,
    all: &[RuleId],
    decision: &mut Decision,
) {
    let head = heads.find(id);
    let mut denial =
        Denial { code: DENIED.into(), status: 403, message: None, hint: None, gate: None, retry_after, limit: None };
    if let Some(Refusal { code, status, message, hint }) = head.as_ref().and_then(|head| refusal(&head.effect)) {
        let fill = |template: &Template| fill(template, known, retry_after);
        denial.code = code.clone();
        denial.status = *status;
        denial.message = message.as_ref().map(fill);
        denial.hint = hint.as_ref().map(fill);
    }
    if head.as_ref().and_then(mode).is_some() {
        // Manual outranks automatic, whichever of the gates decided.
        denial.gate = all.iter().filter_map(|id| heads.find(*id)).filter_map(|head| mode(&head)).max();
    }
    decision.effect = Effect::Deny(denial);
    decision.rule = head.as_ref().map(rule_ref);
    let others = all.iter().filter(|other| **other != id);
    decision.others = others.filter_map(|other| heads.find(*other)).map(|head| head.name).collect();
}

/// The code that a rule denies by.
pub(crate) fn code_of(heads: &Heads, id: RuleId) -> Arc<str> {
    let head = heads.find(id);
    let code = head.as_ref().and_then(|head| refusal(&head.effect)).map(|refusal| refusal.code.clone());
    code.unwrap_or_else(|| DENIED.into())
}

/// What a rule says when it denies.
fn refusal(effect: &RuleEffect) -> Option<&Refusal> {
    match effect {
        RuleEffect::Deny(refusal) | RuleEffect::Limit(_, refusal) | RuleEffect::Gate(_, refusal) => Some(refusal),
        RuleEffect::Allow | RuleEffect::Oblige(..) => None,
    }
}

/// The mode of a gate.
const fn mode(head: &Head) -> Option<GateMode> {
    match head.effect {
        RuleEffect::Gate(mode, _) => Some(mode),
        RuleEffect::Allow | RuleEffect::Deny(_) | RuleEffect::Limit(..) | RuleEffect::Oblige(..) => None,
    }
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

/// How a limit stands, in words.
pub(crate) fn state(heads: &Heads, known: &impl Known, id: RuleId, room: &Room) -> Option<LimitState> {
    let head = heads.find(id)?;
    let RuleEffect::Limit(limit, _) = &head.effect else { return None };
    let window = match &limit.window {
        LimitWindow::Sliding(seconds) => Some(*seconds),
        LimitWindow::Calendar(calendar, _) => Some(calendar.seconds()),
        LimitWindow::AtOnce(_) => None,
    };
    let Room { remaining, reset, .. } = *room;
    let unit = limit.unit.map(|unit| known.vocabulary().attributes[unit].path.clone());
    Some(LimitState { name: head.name, limit: limit.amount, remaining, reset, unit, window })
}

fn rule_ref(head: &Head) -> RuleRef {
    RuleRef { name: head.name.clone(), at: head.at.clone() }
}

/// Shadow rules that have a say: a limit only where it has no room, a duty only with the decisions that it comes with.
fn shadow(heads: &Heads, verdict: &Verdict, charged: &Charged, code: Option<&str>) -> Vec<Arc<str>> {
    let says = |id: RuleId| {
        let head = heads.find(id)?;
        let says = match &head.effect {
            RuleEffect::Limit(..) => charged.shadow.contains(&id),
            RuleEffect::Oblige(duties) => comes_upon(&duties.upon, code),
            RuleEffect::Allow | RuleEffect::Deny(_) | RuleEffect::Gate(..) => true,
        };
        says.then_some(head.name)
    };
    verdict.shadow.iter().filter_map(|id| says(*id)).collect()
}

/// The duties that come with a decision, in source order, without exact duplicates.
fn duties(heads: &Heads, known: &impl Known, firing: &[RuleId], code: Option<&str>) -> Vec<Obligation> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for head in firing.iter().filter_map(|id| heads.find(*id)) {
        let RuleEffect::Oblige(duties) = &head.effect else { continue };
        if !comes_upon(&duties.upon, code) {
            continue;
        }
        for obligation in duties.duties.iter().map(|duty| obligation(duty, known)) {
            if seen.insert(obligation.clone()) {
                found.push(obligation);
            }
        }
    }
    found
}

/// A duty with its arguments' values.
#[must_use]
pub fn obligation(duty: &Duty, known: &impl Known) -> Obligation {
    let value = |arg: &Arg| match arg {
        Arg::Value(value) => Some(value.clone()),
        Arg::Attribute(attr) => known.value(*attr).map(|value| {
            if let Value::Tier(tier) = *value {
                return Value::Text(known.vocabulary().tier_name(tier));
            }
            value.into_owned()
        }),
    };
    Obligation { id: duty.name.clone(), args: duty.args.iter().map(|(name, arg)| (name.clone(), value(arg))).collect() }
}

/// A message with its places filled in, without control characters.
fn fill(template: &Template, known: &impl Known, retry_after: Option<u64>) -> String {
    let mut text = String::new();
    for piece in &template.pieces {
        match piece {
            Piece::Text(fixed) => text.push_str(fixed),
            Piece::Attribute(attr) => match known.value(*attr) {
                Some(value) => text.push_str(&show(known, &value)),
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
pub fn show(known: &impl Known, value: &Value) -> String {
    match value {
        Value::None => "none".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Text(text) => text.to_string(),
        Value::Ip(ip) => ip.to_string(),
        Value::Time(time) => time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        Value::Tier(tier) => known.vocabulary().tier_name(*tier).to_string(),
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
