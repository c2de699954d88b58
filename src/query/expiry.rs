//! Rules that time ends: those that fired, and from some instant on cannot.
//!
//! Whether a rule can fire at an instant or later is asked of all requests, so that it does not matter how its end is
//! written: as `until`, as a comparison in a condition, within `or` or `not`, or by what is declared of a resource.

use super::{
    ask::{Answer, Asked},
    budget::Budget,
    prove::Progress,
    search::Lit,
    space::{Case, Frame, Sense, SideId, pins},
};
use crate::{
    check::{
        Ir,
        ir::{Atom, Cond, CondKind, Effect, Members, Part, PartKind, Rule, RuleId},
        vocabulary::builtin,
    },
    eval::{facts::Facts, kleene::Kleene, reference},
    request::Request,
    source::Span,
    value::{Cmp, Value},
};
use chrono::{DateTime, TimeDelta, Utc};
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};
use std::{collections::BTreeSet, sync::Arc};

/// A rule that time ends, or may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// The rule.
    pub rule: RuleId,
    /// What was found out.
    pub state: ExpiryState,
    /// The last instant at which it can fire, where its conditions alone say so.
    pub last: Option<DateTime<Utc>>,
}

/// Whether a rule has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryState {
    /// It cannot fire any more.
    Expired,
    /// It can fire, and soon it cannot any more.
    Expiring,
    /// It could not be found out within the budget.
    Inconclusive,
}

/// The set that is asked about is the only one.
const SIDE: SideId = SideId(0);
/// How many cases are looked at together.
const TOGETHER: usize = 16;

/// When a rule was found to be able to fire, or whether that is not known.
#[derive(Debug, Clone, Copy, Default)]
struct Fires {
    ever: bool,
    from_now_on: bool,
    later: bool,
    unsure: bool,
}

/// A rule that speaks of time.
struct Trial<'a> {
    id: RuleId,
    rule: &'a Rule,
    /// The only ids of resources that it speaks of.
    pins: Option<BTreeSet<Arc<str>>>,
    fires: Fires,
}

/// The allows and prohibitions that could fire once and cannot at `now` or later, or at `soon` or later; in source order. A
/// rule that no request makes fire is not among them. Each question about a rule has the whole budget.
#[must_use]
pub fn expiries(
    ir: &Ir,
    now: DateTime<Utc>,
    soon: DateTime<Utc>,
    budget: Budget,
    progress: impl Fn(Progress),
) -> Vec<Expiry> {
    let rules = ir.rules.pairs().filter(|(_, rule)| !rule.shadow && decides(rule) && speaks_of_time(rule));
    let mut trials: Vec<Trial<'_>> =
        rules.map(|(id, rule)| Trial { id, rule, pins: pins(&rule.parts), fires: Fires::default() }).collect();
    if trials.is_empty() {
        return Vec::new();
    }
    let frame = Frame::new(&[ir]);
    let cases = frame.cases();
    let mut done = 0_usize;
    for some in cases.chunks(TOGETHER) {
        let looked: Vec<Vec<Fires>> =
            some.par_iter().map(|case| look(ir, &frame, case, &trials, (now, soon), budget)).collect();
        for of_case in looked {
            for (trial, fires) in trials.iter_mut().zip(of_case) {
                trial.fires = fires.or(trial.fires);
            }
        }
        done = done.saturating_add(some.len());
        progress(Progress { done, all: cases.len() });
    }
    let state = |fires: Fires| match fires {
        Fires { later: true, .. } => None,
        Fires { unsure: true, .. } => Some(ExpiryState::Inconclusive),
        Fires { from_now_on: true, .. } => Some(ExpiryState::Expiring),
        Fires { ever: true, .. } => Some(ExpiryState::Expired),
        Fires { ever: false, .. } => None,
    };
    let expiry = |trial: &Trial<'_>| {
        let last = trial.rule.parts.iter().filter_map(|part| last(&part.cond, false)).min();
        Some(Expiry { rule: trial.id, state: state(trial.fires)?, last })
    };
    trials.iter().filter_map(expiry).collect()
}

impl Fires {
    const EVER: Self = Self { ever: true, from_now_on: false, later: false, unsure: false };
    const FROM_NOW_ON: Self = Self { from_now_on: true, ..Self::EVER };
    const LATER: Self = Self { later: true, ..Self::FROM_NOW_ON };

    const fn or(self, other: Self) -> Self {
        Self {
            ever: self.ever || other.ever,
            from_now_on: self.from_now_on || other.from_now_on,
            later: self.later || other.later,
            unsure: self.unsure || other.unsure,
        }
    }
}

const fn decides(rule: &Rule) -> bool {
    matches!(rule.effect, Effect::Allow | Effect::Deny(_) | Effect::Gate(..))
}

fn speaks_of_time(rule: &Rule) -> bool {
    let mut found = false;
    let mut visit = |atom: &Atom| found = found || atom.attributes().contains(&builtin::TIME);
    rule.parts.iter().for_each(|part| part.cond.atoms(&mut visit));
    found
}

/// When rules can fire in one case.
fn look(
    ir: &Ir,
    frame: &Frame<'_>,
    case: &Case<'_>,
    trials: &[Trial<'_>],
    (now, soon): (DateTime<Utc>, DateTime<Utc>),
    budget: Budget,
) -> Vec<Fires> {
    let is_open = |trial: &Trial<'_>| !trial.fires.later && case.is_among(trial.pins.as_ref());
    if !trials.iter().any(is_open) {
        return vec![Fires::default(); trials.len()];
    }
    let [now, soon] = [now, soon].map(|instant| {
        let cond = Cond::atom(Atom::Compare(builtin::TIME, Cmp::Ge, Value::Time(instant)));
        [Part { kind: PartKind::When, at: Span::default(), cond }]
    });
    let mut asked = Asked::new(frame, case.clone(), &[(SIDE, &now), (SIDE, &soon)]);
    let mut of = |trial: &Trial<'_>| {
        let mut fires = Fires::default();
        if !is_open(trial) {
            return fires;
        }
        let known = asked.scene.knows_action(SIDE);
        let firing = asked.scene.fires(SIDE, trial.rule);
        // What fires later fires from now on, and that is ever.
        for (found, times) in [(Fires::LATER, &soon[..]), (Fires::FROM_NOW_ON, &now), (Fires::EVER, &[])] {
            let then = asked.scene.parts(SIDE, times, Sense::Surely);
            let goal = asked.scene.search.all([known, firing, then]);
            match find(ir, &mut asked, trial.rule, times, goal, budget) {
                Answer::Witness(_) => return fires.or(found),
                Answer::Inconclusive => fires.unsure = true,
                Answer::Nothing => {}
            }
        }
        fires
    };
    trials.iter().map(&mut of).collect()
}

/// A request that makes a rule fire at some times, confirmed by the reference evaluator.
fn find(ir: &Ir, asked: &mut Asked<'_>, rule: &Rule, times: &[Part], goal: Lit, mut budget: Budget) -> Answer {
    if goal == Lit::FALSE {
        return Answer::Nothing;
    }
    let confirm = |request: &Request| {
        Facts::new(&ir.vocabulary, request, false).is_ok_and(|facts| {
            let then = times.iter().all(|part| reference::truth_of(&part.cond, &facts) == Kleene::True);
            then && reference::decides(rule, &facts)
        })
    };
    asked.find(goal, &mut budget, confirm)
}

/// The last instant at which a condition, or its opposite, can hold; none where there is no last one, or its form does not
/// tell. Its depth is bounded by the checker.
fn last(cond: &Cond, negated: bool) -> Option<DateTime<Utc>> {
    match (cond.kind(), negated) {
        (CondKind::Const(value), _) => (*value == negated).then_some(DateTime::<Utc>::MIN_UTC),
        (CondKind::Not(inner), _) => last(inner, !negated),
        (CondKind::All(inner), false) | (CondKind::Any(inner), true) => {
            inner.iter().filter_map(|cond| last(cond, negated)).min()
        }
        (CondKind::All(inner), true) | (CondKind::Any(inner), false) => {
            let each: Option<Vec<DateTime<Utc>>> = inner.iter().map(|cond| last(cond, negated)).collect();
            each?.into_iter().max()
        }
        (CondKind::Atom(Atom::Compare(builtin::TIME, op, Value::Time(at))), _) => match (op, negated) {
            (Cmp::Lt, false) | (Cmp::Ge, true) => Some(before(*at)),
            (Cmp::Le | Cmp::Eq, false) | (Cmp::Gt | Cmp::Ne, true) => Some(*at),
            (Cmp::Ne | Cmp::Gt | Cmp::Ge, false) | (Cmp::Lt | Cmp::Le | Cmp::Eq, true) => None,
        },
        (CondKind::Atom(Atom::In(builtin::TIME, members)), false) => match &**members {
            Members::Spans(spans) => spans.iter().map(|(_, end)| before(*end)).max(),
            Members::Texts(_) | Members::Ints(_) | Members::Tiers(_) | Members::Nets(_) => None,
        },
        (CondKind::Atom(_), _) => None,
    }
}

/// The instant just before another.
fn before(at: DateTime<Utc>) -> DateTime<Utc> {
    at.checked_sub_signed(TimeDelta::nanoseconds(1)).unwrap_or(at)
}
