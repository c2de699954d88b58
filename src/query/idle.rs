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
        ir::{Effect, Rule, RuleId},
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
use std::collections::{BTreeMap, BTreeSet};

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
    let matters = look(ir, &frame, &cases);
    let mut idle = BTreeMap::new();
    let (mut undecided, mut doubled) = (Vec::new(), Vec::new());
    for (id, matters) in matters {
        match (matters.fires, matters.decides, matters.needed) {
            (false, ..) => drop(idle.insert(id, Idle::NeverFires)),
            (_, false, _) => undecided.push((id, Idle::NeverDecides as fn(Vec<RuleId>) -> Idle)),
            (_, _, false) => doubled.push(id),
            (true, true, true) => {}
        }
    }
    let gone = redundant(ir, &frame, &cases, &doubled).into_iter();
    let replaced = undecided.into_iter().chain(gone.map(|id| (id, Idle::Redundant as fn(Vec<RuleId>) -> Idle)));
    let replaced: Vec<_> = replaced.collect();
    let told = replaced.par_chunks(FEW).flat_map_iter(|some| {
        let mut trials = Trials::new(ir, &frame, &cases);
        some.iter().map(|(id, why)| (*id, why(stand_ins(&mut trials, *id)))).collect::<Vec<_>>()
    });
    idle.extend(told.collect::<Vec<_>>());
    idle.into_iter().map(|(rule, why)| IdleRule { rule, why }).collect()
}

/// Of allows whose work others do, those that can go: of two that do the same, either could, but not both. Rules are gone
/// through from the last on.
fn redundant<'a>(ir: &'a Ir, frame: &'a Frame<'a>, cases: &[Case<'a>], doubled: &[RuleId]) -> Vec<RuleId> {
    // Most are replaced by rules that stay in any case. Whether they are is asked of each for itself.
    let all: BTreeSet<RuleId> = doubled.iter().copied().collect();
    let replaced = doubled.par_chunks(FEW).flat_map_iter(|some| {
        let mut trials = Trials::new(ir, frame, cases);
        some.iter().copied().filter(|id| !is_needed(&mut trials, *id, &all)).collect::<Vec<_>>()
    });
    let mut gone: BTreeSet<RuleId> = replaced.collect::<Vec<_>>().into_iter().collect();
    let mut trials = Trials::new(ir, frame, cases);
    for id in doubled.iter().rev() {
        if !gone.contains(id) && !is_needed(&mut trials, *id, &gone) {
            gone.insert(*id);
        }
    }
    gone.into_iter().collect()
}

/// Whether an allow may be needed without some others.
fn is_needed(trials: &mut Trials<'_, '_>, id: RuleId, gone: &BTreeSet<RuleId>) -> bool {
    let Some(rule) = trials.ir.rules.find(id) else { return false };
    trials.places(rule).into_iter().any(|place| {
        let Some((trial, rules)) = trials.at(place) else { return false };
        let others = rules.allows.iter().filter(|(other, _)| *other != id && !gone.contains(other));
        let mut goal = trial.known_and_fires(id, rule);
        trial.seek(rule, &mut goal, rules.prohibitions.iter().chain(others)) != Answer::Nothing
    })
}

/// How many trials are held at a time.
const HELD: usize = 32;

/// The trials of the cases that were looked at last: most rules are about the same ones.
struct Trials<'a, 'c> {
    ir: &'a Ir,
    frame: &'a Frame<'a>,
    cases: &'c [Case<'a>],
    held: BTreeMap<usize, (Trial<'a>, Deciding<'a>)>,
}

impl<'a, 'c> Trials<'a, 'c> {
    const fn new(ir: &'a Ir, frame: &'a Frame<'a>, cases: &'c [Case<'a>]) -> Self {
        Self { ir, frame, cases, held: BTreeMap::new() }
    }

    /// The places of the cases that a rule can be about.
    fn places(&self, rule: &Rule) -> Vec<usize> {
        let pins = pins(&rule.parts);
        let about = self.cases.iter().enumerate().filter(|(_, case)| case.is_among(pins.as_ref()));
        about.map(|(place, _)| place).collect()
    }

    /// The trial of a case.
    fn at(&mut self, place: usize) -> Option<(&mut Trial<'a>, &Deciding<'a>)> {
        let case = self.cases.get(place)?;
        if self.held.len() > HELD {
            self.held.clear();
        }
        let (ir, frame) = (self.ir, self.frame);
        let make = || (Trial::new(ir, frame, case), Deciding::new(frame, case));
        let (trial, rules) = self.held.entry(place).or_insert_with(make);
        Some((trial, rules))
    }
}

/// A rule of a case.
type Known<'a> = (RuleId, &'a Rule);

/// The rules of a case that decide, those with the fewest conditions first: they fire most often.
struct Deciding<'a> {
    prohibitions: Vec<Known<'a>>,
    allows: Vec<Known<'a>>,
}

impl<'a> Deciding<'a> {
    fn new(frame: &Frame<'a>, case: &Case<'_>) -> Self {
        let mut rules = deciding(frame, case);
        rules.sort_by_key(|(_, rule)| rule.parts.len());
        let (allows, prohibitions) = rules.into_iter().partition(|(_, rule)| matches!(rule.effect, Effect::Allow));
        Self { prohibitions, allows }
    }

    /// The prohibitions that decide before a rule.
    fn before(&self, id: RuleId, rule: &Rule) -> impl Iterator<Item = &Known<'a>> + Clone {
        let order = |id: RuleId, rule: &Rule| (matches!(rule.effect, Effect::Allow), !hides(rule), id);
        let own = order(id, rule);
        self.prohibitions.iter().filter(move |(other, rule)| order(*other, rule) < own)
    }
}

/// Questions to the requests of a case on which some rule fires and others do not.
///
/// Few of the others are ever in the way. So examples are looked for as if there were none, and what fires on an example
/// is excluded from the next one: only those rules are put into literals.
struct Trial<'a> {
    ir: &'a Ir,
    asked: Asked<'a>,
    /// Where rules fire.
    fires: BTreeMap<RuleId, Lit>,
}

impl<'a> Trial<'a> {
    fn new(ir: &'a Ir, frame: &'a Frame<'a>, case: &Case<'a>) -> Self {
        Self { ir, asked: Asked::new(frame, case.clone(), &[]), fires: BTreeMap::new() }
    }

    fn fires(&mut self, id: RuleId, rule: &Rule) -> Lit {
        *self.fires.entry(id).or_insert_with(|| self.asked.scene.fires(SIDE, rule))
    }

    /// The set knows the action, and a rule fires.
    fn known_and_fires(&mut self, id: RuleId, rule: &Rule) -> Lit {
        let fires = self.fires(id, rule);
        let known = self.asked.scene.knows_action(SIDE);
        self.asked.scene.search.all([known, fires])
    }

    /// Narrows a goal to where a rule does not fire.
    fn exclude(&mut self, goal: Lit, id: RuleId, rule: &Rule) -> Lit {
        let fires = self.fires(id, rule);
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
    /// were in the way.
    fn seek<'r>(&mut self, rule: &Rule, goal: &mut Lit, others: impl Iterator<Item = &'r Known<'a>> + Clone) -> Answer
    where
        'a: 'r,
    {
        loop {
            let request = match self.find(rule, *goal) {
                Answer::Witness(request) => request,
                answer @ (Answer::Nothing | Answer::Inconclusive) => return answer,
            };
            let Ok(facts) = Facts::new(&self.ir.vocabulary, &request, false) else { return Answer::Inconclusive };
            let firing: Vec<&Known<'a>> =
                others.clone().filter(|(_, other)| decides(other, &facts)).take(AT_ONCE).collect();
            if firing.is_empty() {
                return Answer::Witness(request);
            }
            let before = *goal;
            for (id, other) in firing {
                *goal = self.exclude(*goal, *id, other);
            }
            // What is excluded does not come back; should it, this comes to an end all the same.
            if *goal == before {
                return Answer::Inconclusive;
            }
        }
    }

    /// On what requests of the case a rule matters.
    fn look(&mut self, rules: &Deciding<'a>, id: RuleId, rule: &Rule) -> Matters {
        let start = self.known_and_fires(id, rule);
        let mut goal = start;
        match self.seek(rule, &mut goal, rules.before(id, rule)) {
            Answer::Nothing => {
                let fires = self.find(rule, start) != Answer::Nothing;
                return Matters { fires, ..Matters::default() };
            }
            Answer::Inconclusive => return Matters::YES,
            Answer::Witness(_) if !matches!(rule.effect, Effect::Allow) => return Matters::YES,
            Answer::Witness(_) => {}
        }
        let others = rules.allows.iter().filter(|(other, _)| *other != id);
        let needed = self.seek(rule, &mut goal, rules.prohibitions.iter().chain(others)) != Answer::Nothing;
        Matters { needed, ..Matters::YES }
    }
}

/// Looks for requests on which rules matter.
fn look<'a>(ir: &'a Ir, frame: &'a Frame<'a>, cases: &[Case<'a>]) -> BTreeMap<RuleId, Matters> {
    let mut matters: BTreeMap<RuleId, Matters> = BTreeMap::new();
    for some in cases.chunks(TOGETHER) {
        let tasks: Vec<(&Case<'a>, Vec<RuleId>)> =
            some.iter().flat_map(|case| tasks(frame, case, &mut matters)).collect();
        let looked: Vec<Vec<(RuleId, Matters)>> =
            tasks.into_par_iter().map(|(case, rules)| look_at(ir, frame, case, &rules)).collect();
        for (id, found) in looked.into_iter().flatten() {
            let held = matters.entry(id).or_default();
            *held = held.or(found);
        }
    }
    matters
}

/// The rules to ask about in a case: those that have not been found to matter yet.
fn tasks<'c, 'f>(
    frame: &Frame<'_>,
    case: &'c Case<'f>,
    matters: &mut BTreeMap<RuleId, Matters>,
) -> Vec<(&'c Case<'f>, Vec<RuleId>)> {
    let mut open: Vec<RuleId> = deciding(frame, case).into_iter().map(|(id, _)| id).collect();
    open.retain(|id| *matters.entry(*id).or_default() != Matters::YES);
    open.chunks(FEW).map(|rules| (case, rules.to_vec())).collect()
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
fn look_at<'a>(ir: &'a Ir, frame: &'a Frame<'a>, case: &Case<'a>, rules: &[RuleId]) -> Vec<(RuleId, Matters)> {
    let (mut trial, deciding) = (Trial::new(ir, frame, case), Deciding::new(frame, case));
    let known = rules.iter().filter_map(|id| Some((*id, ir.rules.find(*id)?)));
    known.map(|(id, rule)| (id, trial.look(&deciding, id, rule))).collect()
}

fn may_fire(ir: &Ir, rule: &Rule, request: &Request) -> bool {
    Facts::new(&ir.vocabulary, request, false).is_ok_and(|facts| fires(rule, &facts).possible())
}

/// Those of some rules that fire on a request.
fn firing<'r, 'a: 'r>(ir: &Ir, rules: impl Iterator<Item = &'r Known<'a>>, request: &Request) -> BTreeSet<RuleId> {
    let Ok(facts) = Facts::new(&ir.vocabulary, request, false) else { return BTreeSet::new() };
    rules.filter(|(_, rule)| decides(rule, &facts)).map(|(id, _)| *id).collect()
}

/// The rules that stand in for an idle one: one that does so alone, else some that do so together.
///
/// Only rules that fire on some request where the idle one does can stand in for it, and on all such requests if alone. So
/// requests are looked for on which none of those fires that have been found: each one leaves fewer to ask about.
fn stand_ins(trials: &mut Trials<'_, '_>, id: RuleId) -> Vec<RuleId> {
    let Some(rule) = trials.ir.rules.find(id) else { return Vec::new() };
    let mut alone: Option<BTreeSet<RuleId>> = None;
    let mut together = BTreeSet::new();
    for place in trials.places(rule) {
        let Some((trial, rules)) = trials.at(place) else { continue };
        let mut start = trial.known_and_fires(id, rule);
        if trial.find(rule, start) == Answer::Nothing {
            continue;
        }
        let mut decides = start;
        let never_decides = trial.seek(rule, &mut decides, rules.before(id, rule)) == Answer::Nothing;
        let (against, others): (&[Known<'_>], _) = if never_decides {
            (&[], &rules.prohibitions)
        } else {
            start = decides;
            (&rules.prohibitions, &rules.allows)
        };
        let others: BTreeMap<RuleId, Known<'_>> =
            others.iter().filter(|(other, _)| *other != id).map(|known| (known.0, *known)).collect();
        let mut left: BTreeSet<RuleId> = match &alone {
            Some(alone) => alone.iter().copied().filter(|other| others.contains_key(other)).collect(),
            None => others.keys().copied().collect(),
        };
        let mut open = start;
        let mut covering = BTreeSet::new();
        while together.len() < NAMED
            && let Answer::Witness(request) = trial.seek(rule, &mut open, against.iter())
        {
            let firing = firing(trial.ir, others.values(), &request);
            left.retain(|other| firing.contains(other));
            // Each is taken once, so that this comes to an end.
            let Some(next) = firing.into_iter().find(|other| covering.insert(*other)) else { break };
            together.insert(next);
            if let Some((_, other)) = others.get(&next) {
                open = trial.exclude(open, next, other);
            }
        }
        alone = Some(alone_of(trial, rule, start, against, left, &others));
    }
    match alone.and_then(|alone| alone.first().copied()) {
        Some(one) => vec![one],
        None => together.into_iter().collect(),
    }
}

/// Those of some rules that fire wherever a goal is true and none of those fires that are against it.
fn alone_of<'a>(
    trial: &mut Trial<'a>,
    rule: &Rule,
    start: Lit,
    against: &[Known<'a>],
    mut left: BTreeSet<RuleId>,
    others: &BTreeMap<RuleId, Known<'a>>,
) -> BTreeSet<RuleId> {
    let mut alone = BTreeSet::new();
    while let Some(id) = left.pop_first() {
        let Some((_, other)) = others.get(&id) else { continue };
        let mut without = trial.exclude(start, id, other);
        match trial.seek(rule, &mut without, against.iter()) {
            Answer::Witness(request) => {
                left = firing(trial.ir, left.iter().filter_map(|other| others.get(other)), &request);
            }
            Answer::Inconclusive => {}
            Answer::Nothing => drop(alone.insert(id)),
        }
    }
    alone
}
