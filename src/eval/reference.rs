//! The semantics of the language in code, to be read next to the language reference.
//!
//! Nothing here is fast, and nothing is clever: a walk over all rules with Kleene's three truth values.

use super::{
    facts::{Facts, Grant},
    kleene::Kleene,
    verdict::{Outcome, Verdict},
};
use crate::{
    check::{
        ir::{Atom, Cond, CondKind, Effect, Ir, Members, Rule, RuleId, Window},
        shift,
        vocabulary::{AttrId, builtin},
    },
    value::{Cmp, GateMode, HeldRole, Value, Weekday},
};
use chrono::{DateTime, Utc};
use std::{collections::BTreeSet, sync::Arc};

/// What the rules say of a request.
#[must_use]
pub fn evaluate(ir: &Ir, facts: &Facts<'_>) -> Verdict {
    evaluate_among(ir, ir.rules.pairs(), facts)
}

/// What the rules say of a request, where all others are known not to speak of it; they are in source order.
#[must_use]
pub fn evaluate_among<'r>(ir: &Ir, rules: impl Iterator<Item = (RuleId, &'r Rule)>, facts: &Facts<'_>) -> Verdict {
    let mut verdict = Verdict::new(Outcome::UnknownAction);
    // An undeclared action is denied before any rule; what such a denial obliges to is a rule's to say.
    if facts.action.is_none() {
        let duties = rules.filter(|(_, rule)| is_duty(rule) && decides(rule, facts));
        verdict.duties = duties.map(|(id, _)| id).collect();
        return verdict;
    }
    let mut allow = None;
    for (id, rule) in rules {
        if !decides(rule, facts) {
            continue;
        }
        if rule.shadow {
            verdict.shadow.push(id);
            continue;
        }
        match &rule.effect {
            Effect::Allow => allow = allow.or(Some(id)),
            Effect::Deny(_) | Effect::Gate(..) => verdict.prohibitions.push(id),
            Effect::Limit(..) => verdict.limits.push(id),
            Effect::Oblige(..) => verdict.duties.push(id),
        }
    }
    verdict.outcome = match (deciding(ir, &verdict.prohibitions), allow) {
        (Some(prohibition), _) => Outcome::Deny(prohibition),
        (None, None) => Outcome::NoRule,
        (None, Some(allow)) => Outcome::Allow(allow),
    };
    if !matches!(verdict.outcome, Outcome::Allow(_)) {
        verdict.limits.clear();
    }
    verdict
}

fn is_duty(rule: &Rule) -> bool {
    matches!(rule.effect, Effect::Oblige(..)) && !rule.shadow
}

/// A firing rule with status 404 decides first, else the first in source order.
fn deciding(ir: &Ir, prohibitions: &[RuleId]) -> Option<RuleId> {
    let hides = |id: &RuleId| status(&ir.rules[*id]) == Some(404);
    prohibitions.iter().copied().find(hides).or_else(|| prohibitions.first().copied())
}

fn status(rule: &Rule) -> Option<u16> {
    match &rule.effect {
        Effect::Deny(refusal) | Effect::Gate(_, refusal) | Effect::Limit(_, refusal) => Some(refusal.status),
        Effect::Allow | Effect::Oblige(..) => None,
    }
}

/// `allow` fires only if true; everything else fires if true or unknown.
#[must_use]
pub fn decides(rule: &Rule, facts: &Facts<'_>) -> bool {
    let truth = fires(rule, facts);
    if matches!(rule.effect, Effect::Allow) { truth == Kleene::True } else { truth.possible() }
}

/// Whether a rule's scope and clauses hold, and for a gate that there is no grant that opens it.
#[must_use]
pub fn fires(rule: &Rule, facts: &Facts<'_>) -> Kleene {
    let holds = all(rule.parts.iter().map(|part| truth_of(&part.cond, facts)));
    match &rule.effect {
        Effect::Gate(mode, _) => holds.and(!opens(*mode, facts.grant)),
        Effect::Allow | Effect::Deny(_) | Effect::Limit(..) | Effect::Oblige(..) => holds,
    }
}

/// Whether a grant opens a gate: one that was given automatically does not open a manual gate.
#[must_use]
pub fn opens(mode: GateMode, grant: Grant) -> Kleene {
    match (mode, grant) {
        (_, Grant::Unknown) => Kleene::Unknown,
        (_, Grant::Manual) | (GateMode::Auto, Grant::Auto) => Kleene::True,
        (_, Grant::No) | (GateMode::Manual, Grant::Auto) => Kleene::False,
    }
}

/// The truth of a condition.
#[must_use]
pub fn truth_of(cond: &Cond, facts: &Facts<'_>) -> Kleene {
    match cond.kind() {
        CondKind::Const(value) => Kleene::from(*value),
        CondKind::Not(inner) => !truth_of(inner, facts),
        CondKind::All(inner) => all(inner.iter().map(|cond| truth_of(cond, facts))),
        CondKind::Any(inner) => inner.iter().fold(Kleene::False, |truth, cond| truth.or(truth_of(cond, facts))),
        CondKind::Atom(atom) => truth(atom, facts),
    }
}

/// All of these. Where one is false, the others need no look.
fn all(truths: impl Iterator<Item = Kleene>) -> Kleene {
    let mut all = Kleene::True;
    for truth in truths {
        all = all.and(truth);
        if all == Kleene::False {
            break;
        }
    }
    all
}

/// The truth of a test. Any test with an unknown operand is unknown, but for `has`.
fn truth(atom: &Atom, facts: &Facts<'_>) -> Kleene {
    match atom {
        Atom::Has(attr) => Kleene::from(facts.get(*attr).is_some_and(has_value)),
        Atom::IsTrue(attr) => {
            known(
                facts,
                *attr,
                |value| {
                    if let Value::Bool(value) = value { Kleene::from(*value) } else { Kleene::Unknown }
                },
            )
        }
        Atom::Compare(attr, op, constant) => known(facts, *attr, |value| compare(value, *op, constant)),
        Atom::CompareResource { left, op, right, offset } => known(facts, *left, |left| {
            known(facts, *right, |right| match right.as_time() {
                Some(instant) => compare(left, *op, &Value::Time(shift(instant, *offset))),
                None => compare(left, *op, right),
            })
        }),
        Atom::In(attr, members) => known(facts, *attr, |value| Kleene::from(is_member(value, members))),
        Atom::During(attr, window) => {
            known(facts, *attr, |value| Kleene::from(value.as_time().is_some_and(|instant| during(window, instant))))
        }
        Atom::Like(attr, glob) => known(facts, *attr, |value| {
            value.as_text().map_or(Kleene::Unknown, |text| Kleene::from(glob.is_match(text)))
        }),
        Atom::Contains(attr, text) => known(facts, *attr, |set| contains(set, text, facts)),
        Atom::ContainsValue(set, element) => known(facts, *set, |set| {
            known(facts, *element, |element| element.as_text().map_or(Kleene::False, |text| contains(set, text, facts)))
        }),
        Atom::Overlaps(attr, texts) => known(facts, *attr, |set| overlaps(set, texts, facts)),
        Atom::OverlapsResource(left, right) => known(facts, *left, |left| {
            known(facts, *right, |right| right.as_texts().map_or(Kleene::False, |texts| overlaps(left, texts, facts)))
        }),
        Atom::Holds(role) => {
            known(facts, builtin::PRINCIPAL_ROLES, |held| contains(held, &facts.vocabulary.roles[*role].name, facts))
        }
    }
}

/// The truth of a test of a known value; unknown without one.
fn known(facts: &Facts<'_>, attr: AttrId, test: impl FnOnce(&Value) -> Kleene) -> Kleene {
    facts.get(attr).map_or(Kleene::Unknown, test)
}

/// Whether there is a value: not `none`, and of a set at least one member.
fn has_value(value: &Value) -> bool {
    match value {
        Value::None => false,
        Value::Texts(texts) => !texts.is_empty(),
        Value::Roles(roles) => !roles.is_empty(),
        Value::Bool(_) | Value::Int(_) | Value::Text(_) | Value::Ip(_) | Value::Time(_) | Value::Tier(_) => true,
    }
}

/// A comparison of known values. With `none`, `==` is false, `!=` is true, every other is unknown.
fn compare(left: &Value, op: Cmp, right: &Value) -> Kleene {
    let order = match (left, right) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Ip(a), Value::Ip(b)) => a.cmp(b),
        (Value::Time(a), Value::Time(b)) => a.cmp(b),
        (Value::Tier(a), Value::Tier(b)) => a.cmp(b),
        _ => {
            return match op {
                Cmp::Eq => Kleene::False,
                Cmp::Ne => Kleene::True,
                Cmp::Lt | Cmp::Le | Cmp::Gt | Cmp::Ge => Kleene::Unknown,
            };
        }
    };
    Kleene::from(op.holds(order))
}

/// Whether a known value is one of some constants; `none` never is.
pub(crate) fn is_member(value: &Value, members: &Members) -> bool {
    match (value, members) {
        (Value::Text(text), Members::Texts(texts)) => texts.contains(text),
        (Value::Int(int), Members::Ints(ints)) => ints.contains(int),
        (Value::Tier(tier), Members::Tiers(tiers)) => tiers.contains(tier),
        (Value::Ip(ip), Members::Nets(nets)) => nets.iter().any(|net| net.contains(ip)),
        (Value::Time(time), Members::Spans(spans)) => spans.iter().any(|(start, end)| start <= time && time < end),
        _ => false,
    }
}

/// Whether an instant is in a window of local wall-clock times.
pub(crate) fn during(window: &Window, instant: DateTime<Utc>) -> bool {
    let local = window.zone.local(instant);
    let yesterday = day_before(local.weekday);
    window.spans.iter().any(|span| {
        let on = |day: Weekday| span.days & 1u8.checked_shl(u32::from(day.index())).unwrap_or_default() != 0;
        if span.start < span.end {
            return on(local.weekday) && (span.start..span.end).contains(&local.second);
        }
        // A span that passes midnight belongs to the day it starts on.
        (on(local.weekday) && local.second >= span.start) || (on(yesterday) && local.second < span.end)
    })
}

fn day_before(day: Weekday) -> Weekday {
    let mut earlier = Weekday::Sun;
    for next in Weekday::ALL {
        if next == day {
            break;
        }
        earlier = next;
    }
    earlier
}

/// Whether a known set has a member.
fn contains(set: &Value, text: &Arc<str>, facts: &Facts<'_>) -> Kleene {
    if let Value::Roles(held) = set {
        let same = held.iter().filter(|held| held.role == *text);
        return same.fold(Kleene::False, |truth, held| truth.or(counts(held, facts)));
    }
    Kleene::from(set.as_texts().is_some_and(|texts| texts.contains(text)))
}

/// Whether a known set has one of some members.
fn overlaps(set: &Value, texts: &BTreeSet<Arc<str>>, facts: &Facts<'_>) -> Kleene {
    texts.iter().fold(Kleene::False, |truth, text| truth.or(contains(set, text, facts)))
}

/// Whether a held role counts here: one that is held in an organisation, only for that organisation's resources.
fn counts(held: &HeldRole, facts: &Facts<'_>) -> Kleene {
    let Some(org) = &held.org else { return Kleene::True };
    known(facts, builtin::RESOURCE_ORG, |value| compare(value, Cmp::Eq, &Value::Text(org.clone())))
}

/// Whether a claim's scope and clauses hold.
#[must_use]
pub fn claim_truth(claim: &crate::check::ir::Claim, facts: &Facts<'_>) -> Kleene {
    claim.parts.iter().fold(Kleene::True, |truth, part| truth.and(truth_of(&part.cond, facts)))
}
