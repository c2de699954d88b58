//! Whether there is a request that a rule decides, or on which a rule hangs on one of its conditions.
//!
//! Tests are asked for no more than can be: what no request does, no test can show.

use super::{
    ask::{Answer, Asked},
    budget::Budget,
    search::Lit,
    shrink::shrink,
    space::{Case, Frame, Sense, SideId, pins},
};
use crate::{
    check::{
        Ir,
        ir::{Cond, Effect, Part, PartKind, Rule, RuleId, Upon},
    },
    eval::{
        answer::{NO_RULE, UNKNOWN_ACTION},
        facts::Facts,
        kleene::Kleene,
        reference::{decides, evaluate, truth_of},
        verdict::{Outcome, Verdict, comes_upon},
    },
    request::Request,
    source::Span,
};
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

/// What a request is looked for that does it.
#[derive(Debug, Clone)]
pub enum Wish {
    /// The rule has a say in the decision.
    Decides(RuleId),
    /// A condition has a value, and whether the rule fires hangs on it.
    Hangs(Box<Hangs>),
}

/// A rule that hangs on a condition.
#[derive(Debug, Clone)]
pub struct Hangs {
    /// The rule.
    pub rule: RuleId,
    /// The rule's parts as if the condition were true.
    pub with: Vec<Part>,
    /// The rule's parts as if it were false.
    pub without: Vec<Part>,
    /// The condition.
    pub condition: Cond,
    /// Its value.
    pub value: Kleene,
}

/// What became of a [`Wish`].
#[derive(Debug, Clone, PartialEq)]
pub enum Reached {
    /// This request does it, confirmed by the reference evaluator, with no more than it needs.
    By(Box<Request>),
    /// No request does it.
    Never,
    /// It was not found out within the budget.
    Inconclusive,
}

/// The set that is asked about is the only one.
const SIDE: SideId = SideId(0);

/// Looks for requests; each wish has the whole budget.
#[must_use]
pub fn reach(ir: &Ir, wishes: &[Wish], budget: Budget) -> Vec<Reached> {
    if wishes.is_empty() {
        return Vec::new();
    }
    let frame = Frame::new(&[ir]);
    wishes.par_iter().map(|wish| one(ir, &frame, wish, budget)).collect()
}

/// Whether a rule has a say in what is decided: it allows or denies, its limit is charged, its duty comes with the
/// decision, or it is a shadow rule that is reported. `code` is the denial's, if it is one.
#[must_use]
pub fn has_a_say(id: RuleId, rule: &Rule, verdict: &Verdict, code: Option<&str>) -> bool {
    if rule.shadow {
        return verdict.shadow.contains(&id);
    }
    match &rule.effect {
        Effect::Allow | Effect::Deny(_) | Effect::Gate(..) => verdict.rule() == Some(id),
        Effect::Limit(..) => verdict.limits.contains(&id),
        Effect::Oblige(duties) => verdict.duties.contains(&id) && comes_upon(&duties.upon, code),
    }
}

/// What is asked about a rule, as it is and as if a condition were otherwise.
struct Question<'a> {
    ir: &'a Ir,
    id: RuleId,
    rule: &'a Rule,
    hangs: Option<(Rule, Rule, &'a Hangs)>,
}

fn one(ir: &Ir, frame: &Frame<'_>, wish: &Wish, budget: Budget) -> Reached {
    let id = match wish {
        Wish::Decides(id) => *id,
        Wish::Hangs(hangs) => hangs.rule,
    };
    let Some(rule) = ir.rules.find(id) else { return Reached::Never };
    let hangs = match wish {
        Wish::Decides(_) => None,
        Wish::Hangs(hangs) => {
            let as_if = |parts: &[Part]| Rule { parts: parts.into(), ..rule.clone() };
            Some((as_if(&hangs.with), as_if(&hangs.without), &**hangs))
        }
    };
    let question = Question { ir, id, rule, hangs };
    // A rule that hangs on which resource it is may do so at any.
    let pins = if question.hangs.is_some() { None } else { pins(&rule.parts) };
    let mut found = Reached::Never;
    let mut budget = budget;
    for case in frame.cases().into_iter().filter(|case| case.is_among(pins.as_ref())).rev() {
        match question.ask(frame, case, &mut budget) {
            Answer::Witness(request) => {
                return Reached::By(shrink(*request, |smaller| question.is_met(smaller)).into());
            }
            Answer::Nothing => {}
            Answer::Inconclusive => found = Reached::Inconclusive,
        }
    }
    found
}

impl<'a> Question<'a> {
    /// Looks for a request of a case.
    fn ask<'f>(&self, frame: &'f Frame<'f>, case: Case<'f>, budget: &mut Budget) -> Answer {
        let condition: Vec<Part> = self.hangs.iter().map(|(.., hangs)| hangs.part()).collect();
        let besides = self.hangs.iter().flat_map(|(with, without, _)| [&*with.parts, &*without.parts]);
        let parts: Vec<(SideId, &[Part])> = besides.chain([&*condition]).map(|parts| (SIDE, parts)).collect();
        let mut asked = Asked::new(frame, case, &parts);
        let goal = match &self.hangs {
            None => self.decides(&mut asked),
            Some((with, without, hangs)) => {
                let known = asked.scene.knows_action(SIDE);
                let [with, without] = [with, without].map(|rule| asked.scene.fires(SIDE, rule));
                let surely = asked.scene.parts(SIDE, &condition, Sense::Surely);
                let perhaps = asked.scene.parts(SIDE, &condition, Sense::Perhaps);
                let search = &mut asked.scene.search;
                let value = match hangs.value {
                    Kleene::True => surely,
                    Kleene::False => !perhaps,
                    Kleene::Unknown => search.all([perhaps, !surely]),
                };
                let either = [search.all([with, !without]), search.all([!with, without])];
                let differ = search.any(either);
                search.all([known, value, differ])
            }
        };
        if goal == Lit::FALSE {
            return Answer::Nothing;
        }
        asked.find(goal, budget, |request| self.is_met(request).is_some())
    }

    /// The rule has a say.
    fn decides(&self, asked: &mut Asked<'_>) -> Lit {
        let known = asked.scene.knows_action(SIDE);
        let fires = asked.scene.fires(SIDE, self.rule);
        let mut all = vec![fires];
        match &self.rule.effect {
            _ if self.rule.shadow => all.push(known),
            Effect::Allow => {
                all.push(asked.allowed(SIDE));
                all.extend(self.others(asked, |other| matches!(other.effect, Effect::Allow)));
            }
            Effect::Deny(_) | Effect::Gate(..) => {
                all.push(known);
                all.extend(self.others(asked, |other| matches!(other.effect, Effect::Deny(_) | Effect::Gate(..))));
            }
            Effect::Limit(..) => all.push(asked.allowed(SIDE)),
            Effect::Oblige(duties) => match duties.upon {
                Upon::Any => {}
                Upon::Allow => all.push(asked.allowed(SIDE)),
                Upon::Deny(_) => {
                    let allowed = asked.allowed(SIDE);
                    all.push(!allowed);
                }
            },
        }
        asked.scene.search.all(all)
    }

    /// None of the rules of a sort fires that decide before this one.
    fn others(&self, asked: &mut Asked<'_>, sort: impl Fn(&Rule) -> bool) -> Vec<Lit> {
        let rank = |id: RuleId, rule: &Rule| (!hides(rule), id);
        let own = rank(self.id, self.rule);
        let rules: Vec<&Rule> = asked.rules[SIDE]
            .iter()
            .filter(|(id, rule)| !rule.shadow && sort(rule) && rank(*id, rule) < own)
            .map(|(_, rule)| *rule)
            .collect();
        rules.into_iter().map(|rule| !asked.scene.fires(SIDE, rule)).collect()
    }

    /// Whether a request does it, as the reference evaluator sees it.
    fn is_met(&self, request: &Request) -> Option<()> {
        let facts = Facts::new(&self.ir.vocabulary, request, false).ok()?;
        let met = match &self.hangs {
            None => {
                let verdict = evaluate(self.ir, &facts);
                let code = match verdict.outcome {
                    Outcome::Allow(_) => None,
                    Outcome::Deny(by) => self.ir.rules.find(by).and_then(code_of),
                    Outcome::NoRule => Some(NO_RULE),
                    Outcome::UnknownAction => Some(UNKNOWN_ACTION),
                };
                has_a_say(self.id, self.rule, &verdict, code)
            }
            Some((with, without, hangs)) => {
                facts.action.is_some()
                    && truth_of(&hangs.condition, &facts) == hangs.value
                    && decides(with, &facts) != decides(without, &facts)
            }
        };
        met.then_some(())
    }
}

impl Hangs {
    /// The condition, as a part.
    fn part(&self) -> Part {
        Part { kind: PartKind::When, at: Span::default(), cond: self.condition.clone() }
    }
}

/// Whether a prohibition decides before all others.
fn hides(rule: &Rule) -> bool {
    matches!(&rule.effect, Effect::Deny(refusal) | Effect::Gate(_, refusal) if refusal.status == 404)
}

/// The code that a prohibition denies with.
fn code_of(rule: &Rule) -> Option<&str> {
    match &rule.effect {
        Effect::Deny(refusal) | Effect::Gate(_, refusal) => Some(&refusal.code),
        Effect::Allow | Effect::Limit(..) | Effect::Oblige(_) => None,
    }
}
