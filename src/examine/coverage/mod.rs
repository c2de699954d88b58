//! Which rules and conditions the tests of a set decide.
//!
//! A rule counts where it has a say: it allows or denies, its limit is charged, its duty comes with the decision, or it is
//! a shadow rule that is reported. That it was looked at is not enough.
//!
//! A condition is one test that is written in a rule: a term of who or of `on`, a side of an `and` or an `or`, the instant
//! of a `from` or an `until`. It counts with a value, true, false or unknown, where the rule *hangs* on it: with the
//! condition true the rule would fire and with it false it would not, or the other way round. A named condition is one
//! condition where it is used.
//!
//! Asked for is only what can be. What the tests leave out is looked for among all requests; what none does, no test needs
//! to show. That an attribute with a default is unknown in spite of it, no request from outside can say, and so it is not
//! asked for either.

mod conditions;

use super::test::run_watched;
use crate::{
    check::{
        ir::{Cond, Effect, Rule, RuleId, Test},
        vocabulary::{AttrId, Owner, builtin},
    },
    decision::Decision,
    engine::{Engine, LoadError},
    eval::{facts::Facts, kleene::Kleene, reference::opens},
    query::{Budget, Hangs, Reached, Wish, has_a_say, reach},
    request::Request,
    source::Span,
};
pub(super) use conditions::{Conditions, Written, conditions};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};
use std::{collections::BTreeMap, sync::Arc};

/// What the tests of a policy set decide: its rules in source order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The rules. An `allow` with `at most` is two of them.
    pub rules: Vec<RuleCoverage>,
}

/// What tests decide by a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleCoverage {
    /// Its name.
    pub name: Arc<str>,
    /// The word it begins with.
    pub word: &'static str,
    /// Where it stands.
    pub at: Span,
    /// Where it has a say.
    pub decides: Side,
    /// Its conditions, in source order.
    pub conditions: Vec<ConditionCoverage>,
}

/// The values that a condition has where its rule hangs on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionCoverage {
    /// Where it stands.
    pub at: Span,
    /// True, false and unknown, in this order.
    pub sides: [(Kleene, Side); 3],
}

/// Something that a test can show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Side {
    /// How many requests of tests show it.
    pub times: u64,
    /// Whether there is no request that does.
    pub never: bool,
}

impl Side {
    /// Whether a test is to show it.
    #[must_use]
    pub const fn is_asked_for(self) -> bool {
        !self.never
    }

    /// Whether a test shows it.
    #[must_use]
    pub const fn is_shown(self) -> bool {
        self.times > 0
    }
}

/// How much of what is asked for the tests show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// What they show.
    pub shown: usize,
    /// What is asked for.
    pub all: usize,
}

impl Share {
    /// In percent, of nothing 100.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of what people have written are small")]
    pub fn percent(self) -> f64 {
        if self.all == 0 { 100.0 } else { self.shown as f64 * 100.0 / self.all as f64 }
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { shown: self.shown.saturating_add(other.shown), all: self.all.saturating_add(other.all) }
    }

    /// The share of some sides.
    fn of(sides: impl Iterator<Item = Side>) -> Self {
        sides
            .filter(|side| side.is_asked_for())
            .fold(Self::default(), |share, side| share.and(Self { shown: usize::from(side.is_shown()), all: 1 }))
    }
}

impl Coverage {
    /// How many of some rules decide.
    pub fn rules<'r>(rules: impl IntoIterator<Item = &'r RuleCoverage>) -> Share {
        Share::of(rules.into_iter().map(|rule| rule.decides))
    }

    /// How many of the values of their conditions count.
    pub fn conditions<'r>(rules: impl IntoIterator<Item = &'r RuleCoverage>) -> Share {
        let conditions = rules.into_iter().flat_map(|rule| &rule.conditions);
        Share::of(conditions.flat_map(|condition| condition.sides.map(|(_, side)| side)))
    }

    /// Rules and conditions together.
    #[must_use]
    pub fn share(&self) -> Share {
        Self::rules(&self.rules).and(Self::conditions(&self.rules))
    }
}

impl RuleCoverage {
    /// What is asked for and not shown, in source order: the rule itself and its conditions, each with what it never is.
    #[must_use]
    pub fn missing(&self) -> Vec<(Span, Vec<&'static str>)> {
        let is_missing = |side: Side| side.is_asked_for() && !side.is_shown();
        let mut missing = Vec::new();
        if is_missing(self.decides) {
            missing.push((self.at, vec!["decides"]));
        }
        for condition in &self.conditions {
            let values: Vec<&str> =
                condition.sides.iter().filter(|(_, side)| is_missing(*side)).map(|(value, _)| value.name()).collect();
            if !values.is_empty() {
                missing.push((condition.at, values));
            }
        }
        missing
    }
}

/// What the tests decide that a filter lets through, whether they pass or not.
///
/// # Errors
/// If the set cannot be loaded again.
pub fn coverage(engine: &Engine, filter: impl Fn(&str) -> bool) -> Result<Coverage, LoadError> {
    let conditions = conditions(engine)?;
    let tests: Vec<&Test> = engine.ir().tests.iter().filter(|test| filter(&test.name)).collect();
    let counts: Vec<Counts> = tests
        .into_par_iter()
        .map(|test| {
            let mut counts = Counts::default();
            run_watched(engine, test, &mut |request, decision| counts.take(engine, &conditions, request, decision));
            counts
        })
        .collect();
    let mut all = Counts::default();
    counts.into_iter().for_each(|counts| all.add(counts));
    Ok(all.coverage(engine, &conditions))
}

/// How often something was seen.
#[derive(Default)]
struct Counts {
    decides: BTreeMap<RuleId, u64>,
    /// By rule and the condition's place among its own.
    values: BTreeMap<(RuleId, usize), [u64; 3]>,
}

/// The values of a condition, in the order in which they are told.
const VALUES: [Kleene; 3] = [Kleene::True, Kleene::False, Kleene::Unknown];

impl Counts {
    /// Counts what a decision shows.
    fn take(&mut self, engine: &Engine, conditions: &Conditions, request: &Request, decision: &Decision) {
        let ir = engine.ir();
        let Ok(facts) = Facts::new(&ir.vocabulary, request, false) else { return };
        let Ok(verdict) = engine.verdict(request) else { return };
        let code = decision.denial().map(|denial| &*denial.code);
        for (id, rule) in ir.rules.pairs() {
            if has_a_say(id, rule, &verdict, code) && (!rule.shadow || decision.shadow.contains(&rule.name())) {
                let times = self.decides.entry(id).or_default();
                *times = times.saturating_add(1);
            }
        }
        if facts.action.is_none() {
            return;
        }
        for (id, written) in conditions {
            for (place, value) in hanging(engine, *id, written, &facts) {
                let times = self.values.entry((*id, place)).or_default();
                for (known, times) in VALUES.iter().zip(times) {
                    *times = times.saturating_add(u64::from(*known == value));
                }
            }
        }
    }

    fn add(&mut self, other: Self) {
        for (id, more) in other.decides {
            let times = self.decides.entry(id).or_default();
            *times = times.saturating_add(more);
        }
        for (place, more) in other.values {
            let times = self.values.entry(place).or_default();
            times.iter_mut().zip(more).for_each(|(times, more)| *times = times.saturating_add(more));
        }
    }

    /// What was seen, and of what was not, whether it can be.
    fn coverage(&self, engine: &Engine, conditions: &Conditions) -> Coverage {
        let ir = engine.ir();
        let mut rules = Vec::new();
        for (id, rule) in ir.rules.pairs() {
            let times = self.decides.get(&id).copied().unwrap_or_default();
            let of_rule = conditions.get(&id).map(|written| &*written.conditions).unwrap_or_default();
            let conditions = of_rule.iter().enumerate().map(|(place, (at, cond))| {
                let [yes, no, unknown] = self.values.get(&(id, place)).copied().unwrap_or_default();
                let seen = [(Kleene::True, yes), (Kleene::False, no), (Kleene::Unknown, unknown)];
                let sides = seen.map(|(value, times)| {
                    let never = times == 0 && value == Kleene::Unknown && !can_be_unknown(engine, cond);
                    (value, Side { times, never })
                });
                ConditionCoverage { at: *at, sides }
            });
            let decides = Side { times, never: false };
            let conditions = conditions.collect();
            rules.push((id, RuleCoverage { name: rule.name(), word: rule.word(), at: rule.at, decides, conditions }));
        }
        only_what_can_be(engine, conditions, &mut rules);
        Coverage { rules: rules.into_iter().map(|(_, rule)| rule).collect() }
    }
}

/// Looks for what the tests do not show among all requests.
fn only_what_can_be(engine: &Engine, conditions: &Conditions, rules: &mut [(RuleId, RuleCoverage)]) {
    let ir = engine.ir();
    let mut wishes = Vec::new();
    let mut places: Vec<(usize, Option<(usize, usize)>)> = Vec::new();
    let is_open = |side: &Side| !side.is_shown() && side.is_asked_for();
    for (row, (id, rule)) in rules.iter().enumerate() {
        if is_open(&rule.decides) {
            wishes.push(Wish::Decides(*id));
            places.push((row, None));
        }
        let Some(written) = conditions.get(id) else { continue };
        for (place, condition) in rule.conditions.iter().enumerate() {
            let open = condition.sides.iter().enumerate().filter(|(_, (_, side))| is_open(side));
            for (index, (value, _)) in open {
                if let Some(wish) = hangs(ir.rules.find(*id), *id, written, place, *value) {
                    wishes.push(wish);
                    places.push((row, Some((place, index))));
                }
            }
        }
    }
    for (reached, (row, place)) in reach(ir, &wishes, Budget::USUAL).into_iter().zip(places) {
        let Some((_, rule)) = rules.get_mut(row) else { continue };
        let side = match place {
            None => Some(&mut rule.decides),
            Some((place, index)) => {
                let condition = rule.conditions.get_mut(place);
                condition.and_then(|condition| condition.sides.get_mut(index)).map(|(_, side)| side)
            }
        };
        if let Some(side) = side {
            side.never = reached == Reached::Never;
        }
    }
}

/// The conditions that a rule hangs on, by their places among its own, each with its value.
pub(super) fn hanging(engine: &Engine, id: RuleId, written: &Written, facts: &Facts<'_>) -> Vec<(usize, Kleene)> {
    let Some(rule) = engine.ir().rules.find(id) else { return Vec::new() };
    written.hanging(rule, facts, closed(rule, facts))
}

/// The wish for a request where a rule hangs on one of its conditions.
pub(super) fn hangs(rule: Option<&Rule>, id: RuleId, written: &Written, place: usize, value: Kleene) -> Option<Wish> {
    let (rule, (_, condition)) = (rule?, written.conditions.get(place)?);
    let [with, without] = [true, false].map(|truth| written.parts(rule, place, truth));
    Some(Wish::Hangs(Box::new(Hangs { rule: id, with, without, condition: condition.clone(), value })))
}

/// Whether a gate is closed to a request; other rules have none.
fn closed(rule: &Rule, facts: &Facts<'_>) -> Kleene {
    match &rule.effect {
        Effect::Gate(mode, _) => !opens(*mode, facts.grant),
        Effect::Allow | Effect::Deny(_) | Effect::Limit(..) | Effect::Oblige(_) => Kleene::True,
    }
}

/// Whether a request from outside can leave a condition unknown.
fn can_be_unknown(engine: &Engine, cond: &Cond) -> bool {
    let vocabulary = &engine.ir().vocabulary;
    let mut open = false;
    cond.atoms(&mut |atom| {
        let can_miss = |attr: &AttrId| {
            let row = &vocabulary.attributes[*attr];
            let given = builtin::ALWAYS_GIVEN.contains(attr);
            !given && (row.default.is_none() || row.owner == Owner::Resource)
        };
        open |= atom.attributes().iter().any(can_miss);
    });
    open
}
