//! Rules that change nothing: that never fire, that never decide, or whose work others do.
//!
//! Whether there is a request on which a rule matters is asked of all requests. A rule is called idle only where it is
//! certain that there is none: what could not be found out within the budget is left alone.

use super::{
    ask::{Answer, Asked},
    budget::Budget,
    search::Lit,
    space::{Case, Frame, SideId, pins},
};
use crate::{
    check::{
        Ir,
        ir::{Atom, CondKind, Effect, Members, Rule, RuleId},
        vocabulary::builtin,
    },
    eval::{
        facts::Facts,
        reference::{decides, fires},
    },
    request::Request,
};
use rayon::{
    prelude::{IntoParallelIterator, ParallelIterator},
    slice::ParallelSlice,
};
use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

/// A rule that changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleRule {
    /// The rule.
    pub rule: RuleId,
    /// Why it changes nothing.
    pub why: Idle,
}

/// Why a rule changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Idle {
    /// No request makes it fire.
    NeverFires,
    /// Wherever it fires, one of these decides.
    NeverDecides(Vec<RuleId>),
    /// Whatever it allows, one of these allows, too.
    Redundant(Vec<RuleId>),
}

/// How many cases are asked about together.
const TOGETHER: usize = 512;
/// How many rules share a trial: what one of them met is often in the way of the next, but every rule that is put into
/// literals makes all questions longer.
const FEW: usize = 32;
/// How many rules are excluded at once that are in the way of an example.
const AT_ONCE: usize = 4;
/// How many rules are named at most that stand in for an idle one.
const NAMED: usize = 4;
/// What one question may cost; a rule that needs more is left alone.
const EACH: Budget = Budget::new(20_000);
/// The set that is asked about is the only one.
const SIDE: SideId = SideId(0);

/// On what requests a rule was found to matter, or may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Matters {
    /// It fires.
    fires: bool,
    /// It fires, and no prohibition decides before it.
    decides: bool,
    /// It decides, and no other rule would allow the request.
    needed: bool,
}

impl Matters {
    const YES: Self = Self { fires: true, decides: true, needed: true };

    const fn or(self, other: Self) -> Self {
        Self {
            fires: self.fires || other.fires,
            decides: self.decides || other.decides,
            needed: self.needed || other.needed,
        }
    }
}

/// The rules of a set that change nothing, in source order. Prohibitions are called idle only if they never decide: one
/// that denies what nothing allows says why. Of rules that do each other's work the last ones are idle.
#[must_use]
pub fn idle(ir: &Ir) -> Vec<IdleRule> {
    let frame = Frame::new(&[ir]);
    let cases = frame.cases();
    let fresh = Fresh::new(ir, &frame, &cases);
    let matters = look(&fresh);
    let mut idle = BTreeMap::new();
    let (mut undecided, mut doubled) = (Vec::new(), Vec::new());
    for (id, matters) in matters {
        match (matters.fires, matters.decides, matters.needed) {
            (false, ..) => drop(idle.insert(id, Idle::NeverFires)),
            (_, false, _) => undecided.push(id),
            (_, _, false) => doubled.push(id),
            (true, true, true) => {}
        }
    }
    let gone = redundant(&fresh, &doubled).into_iter();
    let replaced: Vec<(RuleId, bool)> =
        undecided.into_iter().map(|id| (id, false)).chain(gone.map(|id| (id, true))).collect();
    let told = replaced.par_chunks(FEW).flat_map_iter(|some| {
        let mut trials = Trials::new(&fresh);
        let tell = |(id, decides): &(RuleId, bool)| {
            let others = stand_ins(&mut trials, *id, *decides);
            (*id, if *decides { Idle::Redundant(others) } else { Idle::NeverDecides(others) })
        };
        some.iter().map(tell).collect::<Vec<_>>()
    });
    idle.extend(told.collect::<Vec<_>>());
    idle.into_iter().map(|(rule, why)| IdleRule { rule, why }).collect()
}

/// Of allows whose work others do, those that can go: of two that do the same, either could, but not both. Rules are gone
/// through from the last on.
fn redundant(fresh: &Fresh<'_, '_>, doubled: &[RuleId]) -> Vec<RuleId> {
    // Most are replaced by rules that stay in any case. Whether they are is asked of each for itself.
    let all: BTreeSet<RuleId> = doubled.iter().copied().collect();
    let replaced = doubled.par_chunks(FEW).flat_map_iter(|some| {
        let mut trials = Trials::new(fresh);
        some.iter().copied().filter(|id| !is_needed(&mut trials, *id, &all)).collect::<Vec<_>>()
    });
    let mut gone: BTreeSet<RuleId> = replaced.collect::<Vec<_>>().into_iter().collect();
    let mut trials = Trials::new(fresh);
    for id in doubled.iter().rev() {
        if !gone.contains(id) && !is_needed(&mut trials, *id, &gone) {
            gone.insert(*id);
        }
    }
    gone.into_iter().collect()
}

/// Whether an allow may be needed without some others.
fn is_needed(trials: &mut Trials<'_, '_>, id: RuleId, gone: &BTreeSet<RuleId>) -> bool {
    let Some(rule) = trials.fresh.ir.rules.find(id) else { return false };
    trials.places(rule).into_iter().any(|place| {
        let Some(trial) = trials.at(place) else { return false };
        let mut goal = trial.known_and_fires(id);
        let stays = |other: &Known<'_>| !other.is_allow() || (other.id != id && !gone.contains(&other.id));
        trial.seek(rule, &mut goal, stays) != Answer::Nothing
    })
}

/// Trials that nothing has been asked in yet. Many begin with the same one, and it is cheaper to copy than to make.
struct Fresh<'a, 'c> {
    ir: &'a Ir,
    frame: &'a Frame<'a>,
    cases: &'c [Case<'a>],
    kept: Mutex<BTreeMap<usize, Arc<Trial<'a>>>>,
}

impl<'a, 'c> Fresh<'a, 'c> {
    const fn new(ir: &'a Ir, frame: &'a Frame<'a>, cases: &'c [Case<'a>]) -> Self {
        Self { ir, frame, cases, kept: Mutex::new(BTreeMap::new()) }
    }

    /// A trial of a case.
    fn trial(&self, place: usize) -> Option<Trial<'a>> {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept().get(&place).cloned();
        let trial = match known {
            Some(trial) => trial,
            None => {
                let new = Arc::new(Trial::new(self.ir, self.frame, self.cases.get(place)?));
                let mut kept = kept();
                if kept.len() > HELD {
                    kept.clear();
                }
                kept.insert(place, new.clone());
                new
            }
        };
        Some((*trial).clone())
    }
}

/// How many trials are held at a time.
const HELD: usize = 32;

/// The trials of the cases that were looked at last: most rules are about the same ones.
struct Trials<'a, 'c> {
    fresh: &'c Fresh<'a, 'c>,
    held: BTreeMap<usize, Trial<'a>>,
}

impl<'a, 'c> Trials<'a, 'c> {
    const fn new(fresh: &'c Fresh<'a, 'c>) -> Self {
        Self { fresh, held: BTreeMap::new() }
    }

    /// The places of the cases that a rule can be about.
    fn places(&self, rule: &Rule) -> Vec<usize> {
        let pins = pins(&rule.parts);
        let about = self.fresh.cases.iter().enumerate().filter(|(_, case)| case.is_among(pins.as_ref()));
        about.map(|(place, _)| place).collect()
    }

    /// The trial of a case.
    fn at(&mut self, place: usize) -> Option<&mut Trial<'a>> {
        if self.held.len() > HELD {
            self.held.clear();
        }
        match self.held.entry(place) {
            Entry::Occupied(held) => Some(held.into_mut()),
            Entry::Vacant(empty) => Some(empty.insert(self.fresh.trial(place)?)),
        }
    }
}

/// A rule of a case.
#[derive(Clone, Copy)]
struct Known<'a> {
    id: RuleId,
    rule: &'a Rule,
    /// The actions that it can be about.
    actions: Actions,
    /// Where it fires, as soon as that was asked.
    fires: Option<Lit>,
}

impl Known<'_> {
    const fn is_allow(&self) -> bool {
        matches!(self.rule.effect, Effect::Allow)
    }

    /// Whether it is a prohibition that decides before a rule.
    fn decides_before(&self, id: RuleId, rule: &Rule) -> bool {
        let goes_first = matches!(rule.effect, Effect::Allow) || (!hides(self.rule), self.id) < (!hides(rule), id);
        !self.is_allow() && goes_first
    }
}

/// Some actions, a bit for each. Where there are many, several share one: what has no bit in common has no action in common.
#[derive(Debug, Clone, Copy)]
struct Actions(u64);

impl Actions {
    fn one(ir: &Ir, name: &str) -> Self {
        let place = ir.vocabulary.action_ids.get(name).map_or(0, |id| id.0 % u64::BITS);
        Self(1_u64.rotate_left(place))
    }

    /// The actions that a rule can be about.
    fn of(ir: &Ir, rule: &Rule) -> Self {
        let named = rule.parts.iter().find_map(|part| match part.cond.kind() {
            CondKind::Atom(Atom::In(builtin::ACTION_NAME, members)) => match &**members {
                Members::Texts(names) => Some(names),
                Members::Ints(_) | Members::Tiers(_) | Members::Nets(_) | Members::Spans(_) => None,
            },
            CondKind::Atom(_) | CondKind::All(_) | CondKind::Any(_) | CondKind::Not(_) | CondKind::Const(_) => None,
        });
        let of = |names: &BTreeSet<Arc<str>>| names.iter().fold(0, |bits, name| bits | Self::one(ir, name).0);
        Self(named.map_or(u64::MAX, of))
    }

    const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Questions to the requests of a case on which some rule fires and others do not.
///
/// Few of the others are ever in the way. So examples are looked for as if there were none, and what fires on an example
/// is excluded from the next one: only those rules are put into literals.
#[derive(Clone)]
struct Trial<'a> {
    ir: &'a Ir,
    asked: Asked<'a>,
    /// The rules of the case that decide, those with the fewest conditions first: they fire most often.
    rules: Vec<Known<'a>>,
}

impl<'a> Trial<'a> {
    fn new(ir: &'a Ir, frame: &'a Frame<'a>, case: &Case<'a>) -> Self {
        let known = |(id, rule)| Known { id, rule, actions: Actions::of(ir, rule), fires: None };
        let mut rules: Vec<Known<'a>> = deciding(frame, case).into_iter().map(known).collect();
        rules.sort_by_key(|known| known.rule.parts.len());
        Self { ir, asked: Asked::new(frame, case.clone(), &[]), rules }
    }

    /// Where a rule fires; nowhere if it is none of the case.
    fn fires(&mut self, id: RuleId) -> Lit {
        let Some(known) = self.rules.iter_mut().find(|known| known.id == id) else { return Lit::FALSE };
        *known.fires.get_or_insert_with(|| self.asked.scene.fires(SIDE, known.rule))
    }

    /// The set knows the action, and a rule fires.
    fn known_and_fires(&mut self, id: RuleId) -> Lit {
        let fires = self.fires(id);
        let known = self.asked.scene.knows_action(SIDE);
        self.asked.scene.search.all([known, fires])
    }

    /// Where a goal is true and a rule does not fire.
    fn without(&mut self, goal: Lit, id: RuleId) -> Lit {
        let fires = self.fires(id);
        self.asked.scene.search.all([goal, !fires])
    }

    /// A request where a goal is true. That it is one is not looked at any closer than that a rule may fire on it: a rule
    /// that matters is not spoken of.
    fn find(&mut self, rule: &Rule, goal: Lit) -> Answer {
        if goal == Lit::FALSE {
            return Answer::Nothing;
        }
        let ir = self.ir;
        self.asked.find(goal, &mut EACH.clone(), |request: &Request| may_fire(ir, rule, request))
    }

    /// A request where a goal is true and none of some other rules fires. The goal is narrowed to where those do not that
    /// were in the way, of this question or of those before.
    fn seek(&mut self, rule: &Rule, goal: &mut Lit, others: impl Fn(&Known<'a>) -> bool) -> Answer {
        let actions = Actions::of(self.ir, rule);
        let met = self.rules.iter().filter(|known| known.actions.meets(actions) && others(known));
        let excluded: Vec<Lit> = met.filter_map(|known| Some(!known.fires?)).collect();
        *goal = self.asked.scene.search.all(excluded.into_iter().chain([*goal]));
        loop {
            let request = match self.find(rule, *goal) {
                Answer::Witness(request) => request,
                answer @ (Answer::Nothing | Answer::Inconclusive) => return answer,
            };
            let Ok(facts) = Facts::new(&self.ir.vocabulary, &request, false) else { return Answer::Inconclusive };
            let action = Actions::one(self.ir, &request.action);
            // What is in literals is excluded already.
            let open = self.rules.iter().filter(|known| known.fires.is_none() && known.actions.meets(action));
            let on_it = open.filter(|known| others(known) && decides(known.rule, &facts));
            let firing: Vec<RuleId> = on_it.take(AT_ONCE).map(|known| known.id).collect();
            if firing.is_empty() {
                return Answer::Witness(request);
            }
            let before = *goal;
            for id in firing {
                *goal = self.without(*goal, id);
            }
            // What is excluded does not come back; should it, this comes to an end all the same.
            if *goal == before {
                return Answer::Inconclusive;
            }
        }
    }

    /// On what requests of the case a rule matters.
    fn look(&mut self, id: RuleId, rule: &Rule) -> Matters {
        let start = self.known_and_fires(id);
        let mut goal = start;
        match self.seek(rule, &mut goal, |other| other.decides_before(id, rule)) {
            Answer::Nothing => {
                let fires = self.find(rule, start) != Answer::Nothing;
                return Matters { fires, ..Matters::default() };
            }
            Answer::Inconclusive => return Matters::YES,
            Answer::Witness(_) if !matches!(rule.effect, Effect::Allow) => return Matters::YES,
            Answer::Witness(_) => {}
        }
        let needed = self.seek(rule, &mut goal, |other| other.id != id) != Answer::Nothing;
        Matters { needed, ..Matters::YES }
    }

    /// Those of some rules that fire on a request.
    fn firing(&self, request: &Request, rules: impl Fn(&Known<'a>) -> bool) -> BTreeSet<RuleId> {
        let Ok(facts) = Facts::new(&self.ir.vocabulary, request, false) else { return BTreeSet::new() };
        let action = Actions::one(self.ir, &request.action);
        let about = self.rules.iter().filter(|known| known.actions.meets(action) && rules(known));
        about.filter(|known| decides(known.rule, &facts)).map(|known| known.id).collect()
    }
}

/// Looks for requests on which rules matter.
fn look(fresh: &Fresh<'_, '_>) -> BTreeMap<RuleId, Matters> {
    let mut matters: BTreeMap<RuleId, Matters> = BTreeMap::new();
    let places: Vec<(usize, &Case<'_>)> = fresh.cases.iter().enumerate().collect();
    for some in places.chunks(TOGETHER) {
        let tasks: Vec<(usize, Vec<RuleId>)> =
            some.iter().flat_map(|(place, case)| tasks(fresh.frame, *place, case, &mut matters)).collect();
        let looked: Vec<Vec<(RuleId, Matters)>> =
            tasks.into_par_iter().map(|(place, rules)| look_at(fresh, place, &rules)).collect();
        for (id, found) in looked.into_iter().flatten() {
            let held = matters.entry(id).or_default();
            *held = held.or(found);
        }
    }
    matters
}

/// The rules to ask about in a case: those that have not been found to matter yet.
fn tasks(
    frame: &Frame<'_>,
    place: usize,
    case: &Case<'_>,
    matters: &mut BTreeMap<RuleId, Matters>,
) -> Vec<(usize, Vec<RuleId>)> {
    let mut open: Vec<RuleId> = deciding(frame, case).into_iter().map(|(id, _)| id).collect();
    open.retain(|id| *matters.entry(*id).or_default() != Matters::YES);
    open.chunks(FEW).map(|rules| (place, rules.to_vec())).collect()
}

const fn is_deciding(rule: &Rule) -> bool {
    matches!(rule.effect, Effect::Allow | Effect::Deny(_) | Effect::Gate(..))
}

/// Whether a prohibition decides before all others.
fn hides(rule: &Rule) -> bool {
    matches!(&rule.effect, Effect::Deny(refusal) | Effect::Gate(_, refusal) if refusal.status == 404)
}

/// The rules of a case that decide.
fn deciding<'a>(frame: &Frame<'a>, case: &Case<'_>) -> Vec<(RuleId, &'a Rule)> {
    let about = frame.sides[SIDE].rules_about(case.id.as_deref());
    about.into_iter().filter(|(_, rule)| !rule.shadow && is_deciding(rule)).collect()
}

/// Looks for requests of a case on which some rules matter.
fn look_at(fresh: &Fresh<'_, '_>, place: usize, rules: &[RuleId]) -> Vec<(RuleId, Matters)> {
    let Some(mut trial) = fresh.trial(place) else { return Vec::new() };
    let known = rules.iter().filter_map(|id| Some((*id, fresh.ir.rules.find(*id)?)));
    known.map(|(id, rule)| (id, trial.look(id, rule))).collect()
}

fn may_fire(ir: &Ir, rule: &Rule, request: &Request) -> bool {
    Facts::new(&ir.vocabulary, request, false).is_ok_and(|facts| fires(rule, &facts).possible())
}

/// The rules that stand in for an idle one: one that does so alone, else some that do so together.
///
/// Only rules that fire on some request where the idle one does can stand in for it, and on all such requests if alone. So
/// requests are looked for on which none of those fires that have been found: each one leaves fewer to ask about.
///
/// A rule that decides nowhere has others that decide before it; one that does, others that allow the same.
fn stand_ins(trials: &mut Trials<'_, '_>, id: RuleId, decides: bool) -> Vec<RuleId> {
    let Some(rule) = trials.fresh.ir.rules.find(id) else { return Vec::new() };
    let mut alone: Option<BTreeSet<RuleId>> = None;
    let mut together = BTreeSet::new();
    let places = trials.places(rule);
    for place in &places {
        let Some(trial) = trials.at(*place) else { continue };
        let mut start = trial.known_and_fires(id);
        if trial.find(rule, start) == Answer::Nothing {
            continue;
        }
        let mut where_it_decides = start;
        let never_decides = !decides
            || trial.seek(rule, &mut where_it_decides, |other| other.decides_before(id, rule)) == Answer::Nothing;
        if !never_decides {
            start = where_it_decides;
        }
        let against = |other: &Known<'_>| !never_decides && !other.is_allow();
        let can_be = |other: &Known<'_>| other.id != id && other.is_allow() != never_decides;
        let all = trial.rules.iter().filter(|other| can_be(other)).map(|other| other.id);
        let mut left: BTreeSet<RuleId> = match &alone {
            Some(alone) => all.filter(|other| alone.contains(other)).collect(),
            None => all.collect(),
        };
        let mut open = start;
        let mut covering = BTreeSet::new();
        while together.len() < NAMED
            && let Answer::Witness(request) = trial.seek(rule, &mut open, against)
        {
            let firing = trial.firing(&request, can_be);
            left.retain(|other| firing.contains(other));
            // Each is taken once, so that this comes to an end.
            let Some(next) = firing.into_iter().find(|other| covering.insert(*other)) else { break };
            together.insert(next);
            open = trial.without(open, next);
        }
        let mut alone_here = BTreeSet::new();
        while let Some(other) = left.pop_first() {
            let mut without = trial.without(start, other);
            match trial.seek(rule, &mut without, against) {
                Answer::Witness(request) => left = trial.firing(&request, |known| left.contains(&known.id)),
                Answer::Inconclusive => {}
                Answer::Nothing => {
                    alone_here.insert(other);
                    // One is enough where there is no other case that may exclude it.
                    if places.last() == Some(place) {
                        break;
                    }
                }
            }
        }
        alone = Some(alone_here);
    }
    match alone.and_then(|alone| alone.first().copied()) {
        Some(one) => vec![one],
        None => together.into_iter().collect(),
    }
}
