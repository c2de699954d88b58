//! The requests of a case, looked at for what has changed.

use super::{
    Change, ChangeKind, Findings, NEW, OLD, RuleOf, Which,
    both::Both,
    changed::Changed,
    content::Decided,
    except::exceptions,
    goals::{self, Anchor, Goal, Otherwise},
};
use crate::{
    eval::{
        facts::Facts,
        reference::{decides, evaluate_among},
        verdict::Verdict,
    },
    query::{
        ask::Answer,
        budget::Budget,
        search::Lit,
        shrink::shrink,
        space::{Case, Frame, SideId},
    },
    request::Request,
};
use std::sync::Arc;

/// Looks for changes.
pub(super) struct Looker<'l, 'a> {
    pub(super) frame: &'a Frame<'a>,
    pub(super) changed: &'l Changed<'a>,
    pub(super) found: &'l Findings,
    pub(super) kinds: &'l [ChangeKind],
    /// Whether the sets may differ about the resource besides in what is general.
    pub(super) touched: bool,
}

/// What was found out about an anchor in one case, and what that has cost.
pub(super) struct Looked {
    pub(super) anchor: Anchor,
    pub(super) outcome: Outcome,
    pub(super) steps: u64,
}

/// What was found out about an anchor.
pub(super) enum Outcome {
    Nothing,
    Found(Box<Change>),
    Inconclusive,
}

/// A request, and what each set says of it.
struct Seen {
    request: Request,
    before: Verdict,
    after: Verdict,
}

impl<'a> Looker<'_, 'a> {
    pub(super) fn look(&self, case: &Case<'a>) -> Vec<Looked> {
        let mut both = Both::new(self.frame, case.clone());
        let mut looked = Vec::new();
        for kind in ChangeKind::ALL.into_iter().filter(|kind| self.kinds.contains(kind)) {
            let goals = match kind {
                ChangeKind::Gained => goals::access(&mut both, kind, OLD, NEW),
                ChangeKind::Lost => goals::access(&mut both, kind, NEW, OLD),
                ChangeKind::Limit => goals::limits(&mut both),
                ChangeKind::Duty => goals::duties(&mut both),
                ChangeKind::Gate | ChangeKind::Reason => continue,
            };
            for goal in goals.into_iter().filter(|goal| self.is_open(&goal.anchor)) {
                looked.push(self.ask(&mut both, case, goal));
            }
        }
        let wanted: Vec<ChangeKind> =
            [ChangeKind::Gate, ChangeKind::Reason].into_iter().filter(|kind| self.kinds.contains(kind)).collect();
        if !wanted.is_empty() {
            for (kind, otherwise) in goals::reasons(&mut both) {
                if wanted.contains(&kind) {
                    self.ask_otherwise(&mut both, case, kind, &otherwise, &mut looked);
                }
            }
        }
        looked
    }

    /// Whether there is still something to find at an anchor. One that has changed is shown once; one that has not, for
    /// each resource that it makes a difference for.
    fn is_open(&self, anchor: &Anchor) -> bool {
        !self.found.is_found(anchor) || (self.touched && !self.is_changed(anchor))
    }

    fn is_changed(&self, anchor: &Anchor) -> bool {
        match anchor.rule {
            Some(rule) => self.changed.has(anchor.side, rule),
            None => true,
        }
    }

    /// Looks for a request where an anchor makes a difference.
    fn ask(&self, both: &mut Both<'a>, case: &Case<'a>, goal: Goal) -> Looked {
        let Goal { anchor, fires, lit } = goal;
        let (answer, steps) = self.find(both, case, &anchor, lit);
        let outcome = match answer {
            Answer::Nothing => Outcome::Nothing,
            Answer::Inconclusive => Outcome::Inconclusive,
            Answer::Witness(request) => match self.smallest(case, &anchor, *request) {
                Some(seen) => {
                    let except = exceptions(both, &anchor, fires);
                    Outcome::Found(self.change(&anchor, seen, except))
                }
                None => Outcome::Inconclusive,
            },
        };
        Looked { anchor, outcome, steps }
    }

    /// Looks for requests that are denied otherwise: one for each rule that decides.
    fn ask_otherwise(
        &self,
        both: &mut Both<'a>,
        case: &Case<'a>,
        kind: ChangeKind,
        otherwise: &Otherwise,
        looked: &mut Vec<Looked>,
    ) {
        let rest = Anchor { kind, side: NEW, rule: None };
        let mut excluded: Vec<Lit> = Vec::new();
        for (side, rule, lit) in &otherwise.deciding {
            if !self.is_open(&Anchor { kind, side: *side, rule: *rule }) {
                excluded.push(!*lit);
            }
        }
        loop {
            let lit = both.all([otherwise.lit].into_iter().chain(excluded.iter().copied()));
            if lit == Lit::FALSE {
                return;
            }
            let (answer, steps) = self.find(both, case, &rest, lit);
            let seen = match answer {
                Answer::Nothing => return,
                Answer::Inconclusive => None,
                Answer::Witness(request) => self.smallest_of_decider(case, kind, *request),
            };
            let Some((anchor, seen)) = seen else {
                looked.push(Looked { anchor: rest, outcome: Outcome::Inconclusive, steps });
                return;
            };
            let here = otherwise.deciding.iter().filter(|(side, rule, _)| (*side, *rule) == (anchor.side, anchor.rule));
            excluded.extend(here.map(|(.., lit)| !*lit));
            let outcome = Outcome::Found(self.change(&anchor, seen, (Vec::new(), false)));
            looked.push(Looked { anchor, outcome, steps });
        }
    }

    /// The rule that makes a denial another one: of those that decide, one that has changed.
    fn decider(&self, kind: ChangeKind, before: &Verdict, after: &Verdict) -> Anchor {
        let both = [(NEW, after), (OLD, before)];
        let deciding = both.map(|(side, verdict)| Anchor { kind, side, rule: verdict.rule() });
        let changed = deciding.iter().find(|anchor| anchor.rule.is_some() && self.is_changed(anchor));
        let first = || deciding.iter().find(|anchor| anchor.rule.is_some());
        changed.or_else(first).copied().unwrap_or(Anchor { kind, side: NEW, rule: None })
    }

    // ---- Witnesses ---------------------------------------------------------------------------------------------------

    /// A confirmed request where a literal is true, and how many steps that took.
    fn find(&self, both: &mut Both<'a>, case: &Case<'a>, anchor: &Anchor, lit: Lit) -> (Answer, u64) {
        let given = self.found.left(anchor);
        let mut budget: Budget = given;
        let confirm = |request: &Request| self.seen(case, anchor, request).is_some();
        let answer = both.asked.find(lit, &mut budget, confirm);
        (answer, given.left().saturating_sub(budget.left()))
    }

    /// The request without what it does not need.
    fn smallest(&self, case: &Case<'a>, anchor: &Anchor, request: Request) -> Option<Seen> {
        let request = shrink(request, |smaller| self.seen(case, anchor, smaller).map(|_| ()));
        let (before, after) = self.seen(case, anchor, &request)?;
        Some(Seen { request, before, after })
    }

    /// The same for a denial, where the rule that makes it another one stays the same.
    fn smallest_of_decider(&self, case: &Case<'a>, kind: ChangeKind, request: Request) -> Option<(Anchor, Seen)> {
        let rest = Anchor { kind, side: NEW, rule: None };
        let decider = |request: &Request| {
            let (before, after) = self.seen(case, &rest, request)?;
            Some((self.decider(kind, &before, &after), before, after))
        };
        let (anchor, ..) = decider(&request)?;
        let request = shrink(request, |smaller| decider(smaller).filter(|(of, ..)| *of == anchor).map(|_| ()));
        let (_, before, after) = decider(&request)?;
        Some((anchor, Seen { request, before, after }))
    }

    /// What both sets say of a request, as the reference evaluator sees it, if it shows what an anchor is about.
    fn seen(&self, case: &Case<'a>, anchor: &Anchor, request: &Request) -> Option<(Verdict, Verdict)> {
        let fires = |side: SideId| {
            let ir = self.frame.sides[side].ir;
            let facts = Facts::new(&ir.vocabulary, request, false).ok()?;
            let rules = self.frame.sides[side].rules_about(case.id.as_deref());
            let rule = anchor.rule.filter(|_| anchor.side == side).and_then(|id| ir.rules.find(id));
            let fires = rule.is_none_or(|rule| decides(rule, &facts));
            fires.then(|| evaluate_among(ir, rules.into_iter(), &facts))
        };
        let (before, after) = (fires(OLD)?, fires(NEW)?);
        let old = Decided::new(self.frame.sides[OLD].ir, &before);
        let new = Decided::new(self.frame.sides[NEW].ir, &after);
        old.changes(&new, anchor.kind).then_some((before, after))
    }

    fn change(&self, anchor: &Anchor, seen: Seen, (except, more): (Vec<RuleOf>, bool)) -> Box<Change> {
        let mut resources = Vec::new();
        if self.touched && !self.is_changed(anchor) {
            resources.push((Arc::from(&*seen.request.resource.kind), Arc::from(&*seen.request.resource.id)));
        }
        Change {
            kind: anchor.kind,
            rule: anchor.rule.map(|rule| (Which::of(anchor.side), rule)),
            except,
            more,
            resources,
            witness: seen.request,
            before: seen.before,
            after: seen.after,
        }
        .into()
    }
}
