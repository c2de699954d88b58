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

/// How many rules are asked about together: what rules say is put into literals once for all of them.
const TOGETHER: usize = 512;
/// How many idle rules are asked about together.
const FEW: usize = 128;
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
        let mut held = BTreeMap::new();
        let of =
            |(id, why): &(RuleId, fn(Vec<RuleId>) -> Idle)| (*id, why(stand_ins(ir, &frame, &cases, *id, &mut held)));
        some.iter().map(of).collect::<Vec<_>>()
    });
    idle.extend(told.collect::<Vec<_>>());
    idle.into_iter().map(|(rule, why)| IdleRule { rule, why }).collect()
}

/// Of allows whose work others do, those that can go: of two that do the same, either could, but not both. Rules are gone
/// through from the last on.
fn redundant<'a>(ir: &Ir, frame: &'a Frame<'a>, cases: &[Case<'a>], doubled: &[RuleId]) -> Vec<RuleId> {
    let mut gone = BTreeSet::new();
    // The scenes of the cases that were looked at last: most rules are about the same ones.
    let mut held: BTreeMap<usize, Thinned<'a>> = BTreeMap::new();
    for id in doubled.iter().rev() {
        let Some(rule) = ir.rules.find(*id) else { continue };
        let pins = pins(&rule.parts);
        let mut about = cases.iter().enumerate().filter(|(_, case)| case.is_among(pins.as_ref()));
        let is_needed = about.any(|(place, case)| {
            if held.len() > HELD {
                held.clear();
            }
            let thinned = held.entry(place).or_insert_with(|| Thinned::new(frame, case));
            let goal = thinned.needed(*id, &gone);
            goal.is_some_and(|goal| may_be(ir, &mut thinned.asked, rule, goal))
        });
        if !is_needed {
            gone.insert(*id);
        }
    }
    gone.into_iter().collect()
}

/// How many scenes are held at a time.
const HELD: usize = 32;

/// The requests of a case, and what its allows come to without those that are gone.
struct Thinned<'a> {
    asked: Asked<'a>,
    literals: Literals,
    /// The allows before this place have not been gone through yet.
    place: usize,
    /// None of the allows behind it fires that are not gone.
    behind: Lit,
    /// For each allow, that none before it fires.
    before: Vec<Lit>,
}

impl<'a> Thinned<'a> {
    fn new(frame: &'a Frame<'a>, case: &Case<'a>) -> Self {
        let mut asked = Asked::new(frame, case.clone(), &[]);
        let literals = Literals::new(&mut asked, &deciding(frame, case));
        let (mut before, mut none) = (Vec::new(), Lit::TRUE);
        for (_, fires, _) in &literals.allows {
            before.push(none);
            none = asked.scene.search.all([none, !*fires]);
        }
        Self { place: literals.allows.len(), behind: Lit::TRUE, asked, literals, before }
    }

    /// Where an allow is needed, though those before it are there. Rules must be asked about from the last on.
    fn needed(&mut self, id: RuleId, gone: &BTreeSet<RuleId>) -> Option<Lit> {
        let search = &mut self.asked.scene.search;
        loop {
            let place = self.place.checked_sub(1)?;
            let (other, fires, _) = *self.literals.allows.get(place)?;
            if other == id {
                let before = *self.before.get(place)?;
                let Literals { known, permitted, .. } = self.literals;
                return Some(search.all([known, fires, permitted, before, self.behind]));
            }
            self.place = place;
            if !gone.contains(&other) {
                self.behind = search.all([self.behind, !fires]);
            }
        }
    }
}

/// Looks for requests on which rules matter.
fn look(ir: &Ir, frame: &Frame<'_>, cases: &[Case<'_>]) -> BTreeMap<RuleId, Matters> {
    let mut matters: BTreeMap<RuleId, Matters> = BTreeMap::new();
    for some in cases.chunks(TOGETHER) {
        let tasks: Vec<(&Case<'_>, Vec<RuleId>)> =
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
    open.chunks(TOGETHER).map(|rules| (case, rules.to_vec())).collect()
}

const fn is_deciding(rule: &Rule) -> bool {
    matches!(rule.effect, Effect::Allow | Effect::Deny(_) | Effect::Gate(..))
}

/// Whether a prohibition decides before all others.
fn hides(rule: &Rule) -> bool {
    matches!(&rule.effect, Effect::Deny(refusal) | Effect::Gate(_, refusal) if refusal.status == 404)
}

/// What the rules of a case come to, as literals.
struct Literals {
    /// The set knows the action.
    known: Lit,
    /// The prohibitions in the order in which they decide, each with what is true where it fires, and where none before it
    /// does.
    prohibitions: Vec<(RuleId, Lit, Lit)>,
    /// No prohibition fires.
    permitted: Lit,
    /// The allows, each with what is true where it fires, and where no other does.
    allows: Vec<(RuleId, Lit, Lit)>,
}

impl Literals {
    fn new(asked: &mut Asked<'_>, rules: &[(RuleId, &Rule)]) -> Self {
        let known = asked.scene.knows_action(SIDE);
        let of = |rule: &Rule| matches!(rule.effect, Effect::Allow);
        let mut denies: Vec<&(RuleId, &Rule)> = rules.iter().filter(|(_, rule)| !of(rule)).collect();
        denies.sort_by_key(|(id, rule)| (!hides(rule), *id));
        let mut prohibitions = Vec::new();
        let mut permitted = Lit::TRUE;
        for (id, rule) in denies {
            let fires = asked.scene.fires(SIDE, rule);
            prohibitions.push((*id, fires, permitted));
            permitted = asked.scene.search.all([permitted, !fires]);
        }
        let present = rules.iter().filter(|(_, rule)| of(rule));
        let firing: Vec<(RuleId, Lit)> = present.map(|(id, rule)| (*id, asked.scene.fires(SIDE, rule))).collect();
        // That no other fires is that none before and none behind does.
        let mut behind = vec![Lit::TRUE];
        for (_, fires) in firing.iter().rev() {
            let last = behind.last().copied().unwrap_or(Lit::TRUE);
            behind.push(asked.scene.search.all([last, !*fires]));
        }
        behind.pop();
        let mut before = Lit::TRUE;
        let mut allows = Vec::new();
        for ((id, fires), behind) in firing.into_iter().zip(behind.into_iter().rev()) {
            allows.push((id, fires, asked.scene.search.all([before, behind])));
            before = asked.scene.search.all([before, !fires]);
        }
        Self { known, prohibitions, permitted, allows }
    }

    /// What is true where a rule fires, where it decides, and where it is needed.
    fn of(&self, asked: &mut Asked<'_>, id: RuleId) -> Option<[Lit; 3]> {
        let all = |asked: &mut Asked<'_>, lits: &[Lit]| asked.scene.search.all(lits.iter().copied());
        if let Some((_, fires, before)) = self.prohibitions.iter().find(|(of, ..)| *of == id) {
            let decides = all(asked, &[self.known, *fires, *before]);
            return Some([all(asked, &[self.known, *fires]), decides, decides]);
        }
        let (_, fires, alone) = self.allows.iter().find(|(of, ..)| *of == id)?;
        let decides = [self.known, *fires, self.permitted];
        let needed = [self.known, *fires, self.permitted, *alone];
        Some([all(asked, &[self.known, *fires]), all(asked, &decides), all(asked, &needed)])
    }
}

/// The rules of a case that decide.
fn deciding<'a>(frame: &Frame<'a>, case: &Case<'_>) -> Vec<(RuleId, &'a Rule)> {
    let about = frame.sides[SIDE].rules_about(case.id.as_deref());
    about.into_iter().filter(|(_, rule)| !rule.shadow && is_deciding(rule)).collect()
}

/// Looks for requests of a case on which some rules matter.
fn look_at(ir: &Ir, frame: &Frame<'_>, case: &Case<'_>, rules: &[RuleId]) -> Vec<(RuleId, Matters)> {
    let mut asked = Asked::new(frame, case.clone(), &[]);
    let literals = Literals::new(&mut asked, &deciding(frame, case));
    let mut found = Vec::new();
    for id in rules {
        let (Some(rule), Some([fires, decides, needed])) = (ir.rules.find(*id), literals.of(&mut asked, *id)) else {
            continue;
        };
        // Where it is needed it decides, and where it decides it fires.
        let mut matters = Matters::YES;
        for (goal, least) in [
            (needed, Matters { needed: false, ..Matters::YES }),
            (decides, Matters { fires: true, ..Matters::default() }),
            (fires, Matters::default()),
        ] {
            if may_be(ir, &mut asked, rule, goal) {
                break;
            }
            matters = least;
        }
        found.push((*id, matters));
    }
    found
}

/// Whether there is a request where a goal is true, or it could not be found out. That a request is one is not looked at
/// any closer than that the rule fires: a rule that matters is not spoken of.
fn may_be(ir: &Ir, asked: &mut Asked<'_>, rule: &Rule, goal: Lit) -> bool {
    if goal == Lit::FALSE {
        return false;
    }
    asked.find(goal, &mut EACH.clone(), |request: &Request| may_fire(ir, rule, request)) != Answer::Nothing
}

/// A request where a goal is true and a rule fires; none if there is none or it could not be found out.
fn example(ir: &Ir, asked: &mut Asked<'_>, rule: &Rule, goal: Lit) -> Option<Box<Request>> {
    let confirm = |request: &Request| may_fire(ir, rule, request);
    match asked.find(goal, &mut EACH.clone(), confirm) {
        Answer::Witness(request) => Some(request),
        Answer::Nothing | Answer::Inconclusive => None,
    }
}

fn may_fire(ir: &Ir, rule: &Rule, request: &Request) -> bool {
    Facts::new(&ir.vocabulary, request, false).is_ok_and(|facts| fires(rule, &facts).possible())
}

/// Those of some rules that fire on a request.
fn firing(ir: &Ir, rules: impl Iterator<Item = RuleId>, request: &Request) -> BTreeSet<RuleId> {
    let Ok(facts) = Facts::new(&ir.vocabulary, request, false) else { return BTreeSet::new() };
    rules.filter(|id| ir.rules.find(*id).is_some_and(|rule| decides(rule, &facts))).collect()
}

/// The rules that stand in for an idle one: one that does so alone, else some that do so together.
///
/// Only rules that fire on some request where the idle one does can stand in for it, and on all such requests if alone. So
/// requests are looked for on which none of those fires that have been found: each one leaves fewer to ask about.
fn stand_ins<'a>(
    ir: &Ir,
    frame: &'a Frame<'a>,
    cases: &[Case<'a>],
    id: RuleId,
    held: &mut BTreeMap<usize, (Asked<'a>, Literals)>,
) -> Vec<RuleId> {
    let Some(rule) = ir.rules.find(id) else { return Vec::new() };
    let mut alone: Option<BTreeSet<RuleId>> = None;
    let mut together = BTreeSet::new();
    let pins = pins(&rule.parts);
    for (place, case) in cases.iter().enumerate().filter(|(_, case)| case.is_among(pins.as_ref())) {
        if held.len() > HELD {
            held.clear();
        }
        let (asked, literals) = held.entry(place).or_insert_with(|| {
            let mut asked = Asked::new(frame, case.clone(), &[]);
            let literals = Literals::new(&mut asked, &deciding(frame, case));
            (asked, literals)
        });
        let Some([fires, decides, _]) = literals.of(asked, id) else { continue };
        if !may_be(ir, asked, rule, fires) {
            continue;
        }
        let never_decides = !may_be(ir, asked, rule, decides);
        let (start, others) = if never_decides { (fires, &literals.prohibitions) } else { (decides, &literals.allows) };
        let others: BTreeMap<RuleId, Lit> =
            others.iter().map(|(other, lit, _)| (*other, *lit)).filter(|(other, _)| *other != id).collect();
        let mut left: BTreeSet<RuleId> = match &alone {
            Some(alone) => alone.iter().copied().filter(|other| others.contains_key(other)).collect(),
            None => others.keys().copied().collect(),
        };
        let mut open = start;
        let mut covering = BTreeSet::new();
        while together.len() < NAMED
            && let Some(request) = example(ir, asked, rule, open)
        {
            let firing = firing(ir, others.keys().copied(), &request);
            left.retain(|other| firing.contains(other));
            // Each is taken once, so that this comes to an end.
            let Some(next) = firing.into_iter().find(|other| covering.insert(*other)) else { break };
            together.insert(next);
            let excluded = others.get(&next).map(|lit| !*lit);
            open = asked.scene.search.all(excluded.into_iter().chain([open]));
        }
        let mut alone_here = BTreeSet::new();
        while let Some(other) = left.pop_first() {
            let Some(lit) = others.get(&other) else { continue };
            let without = asked.scene.search.all([start, !*lit]);
            match example(ir, asked, rule, without) {
                Some(request) => left = firing(ir, left.into_iter(), &request),
                None if may_be(ir, asked, rule, without) => {}
                None => drop(alone_here.insert(other)),
            }
        }
        alone = Some(alone_here);
    }
    match alone.and_then(|alone| alone.first().copied()) {
        Some(one) => vec![one],
        None => together.into_iter().collect(),
    }
}
