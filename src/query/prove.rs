//! Proofs of claims about all requests.

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
        ir::{Claim, RuleId},
    },
    eval::{
        facts::Facts,
        kleene::Kleene,
        reference::{claim_truth, evaluate},
        verdict::{Outcome, Verdict},
    },
    request::Request,
    source::Span,
};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};
use std::{collections::BTreeSet, sync::Arc};

/// What became of a claim.
#[derive(Debug, Clone)]
pub struct Proof {
    /// The claim's label, else its place.
    pub name: Arc<str>,
    /// Where it stands.
    pub at: Span,
    /// What was found out.
    pub finding: Finding,
}

/// What was found out about a claim.
#[derive(Debug, Clone)]
pub enum Finding {
    /// It is true of every request.
    Holds,
    /// It is not true of this one.
    Refuted(Box<Counterexample>),
    /// The budget was used up before one or the other was certain.
    Inconclusive,
}

/// A request that a claim is not true of, confirmed by the reference evaluator.
#[derive(Debug, Clone)]
pub struct Counterexample {
    /// The request, with no more than it needs.
    pub request: Request,
    /// What the rules say of it.
    pub verdict: Verdict,
}

impl Counterexample {
    /// The rule that decided, if there is one.
    #[must_use]
    pub const fn rule(&self) -> Option<RuleId> {
        self.verdict.rule()
    }
}

/// How far proofs have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How many cases have been looked at.
    pub done: usize,
    /// How many there are.
    pub all: usize,
}

/// How many cases are looked at together before it is seen how much of the budget is left.
const CASES: usize = 16;
/// From how many cases on all claims are looked at together: what rules say is put into literals once for all of them.
const MANY_CASES: usize = 4;
/// How many claims are looked at together where there are fewer.
const CLAIMS: usize = 4;

/// Proves the claims of a policy set, or finds requests that they are not true of: in source order. Each claim has the
/// whole budget.
#[must_use]
pub fn prove(ir: &Ir, budget: Budget) -> Vec<Proof> {
    let claims: Vec<&Claim> = ir.claims.iter().collect();
    prove_some(ir, &claims, budget, |_| {})
}

/// Proves the claims of a policy set of the requests about one resource.
#[must_use]
pub(crate) fn prove_about(ir: &Ir, (kind, id): (&str, &str), budget: Budget) -> Vec<Proof> {
    let claims: Vec<&Claim> = ir.claims.iter().collect();
    if claims.is_empty() {
        return Vec::new();
    }
    let frame = Frame::new(&[ir]);
    prove_in(ir, &frame, &[frame.case(kind, id)], &claims, budget, |_| {})
}

/// Proves some claims. Tells how far it is, again and again.
///
/// Cases and claims are looked at in parallel. What comes out does not depend on how many threads there are: of several
/// cases that refute a claim the first counts, and steps are counted as if one case came after the other.
#[must_use]
pub fn prove_some(ir: &Ir, claims: &[&Claim], budget: Budget, progress: impl Fn(Progress) + Sync) -> Vec<Proof> {
    if claims.is_empty() {
        return Vec::new();
    }
    let frame = Frame::new(&[ir]);
    prove_in(ir, &frame, &frame.cases(), claims, budget, progress)
}

/// Proves some claims of the requests of some cases.
fn prove_in<'a>(
    ir: &Ir,
    frame: &Frame<'a>,
    cases: &[Case<'a>],
    claims: &[&Claim],
    budget: Budget,
    progress: impl Fn(Progress) + Sync,
) -> Vec<Proof> {
    let mut trials: Vec<Trial<'_>> = claims.iter().map(|claim| Trial::new(claim, budget)).collect();
    let all = cases.len();
    let together = if all < MANY_CASES { CLAIMS } else { trials.len() };
    let mut done = 0_usize;
    for some in cases.chunks(CASES) {
        let pairs: Vec<(&Case<'_>, &[Trial<'_>])> =
            some.iter().flat_map(|case| trials.chunks(together).map(move |trials| (case, trials))).collect();
        let looked: Vec<Vec<Looked>> =
            pairs.into_par_iter().map(|(case, trials)| look(ir, frame, case, trials)).collect();
        let per_case = trials.len().div_ceil(together).max(1);
        for of_case in looked.chunks(per_case) {
            for (trial, looked) in trials.iter_mut().zip(of_case.iter().flatten()) {
                trial.take(looked);
            }
        }
        done = done.saturating_add(some.len());
        progress(Progress { done, all });
    }
    trials.into_iter().map(Trial::proof).collect()
}

/// A claim while it is tried.
struct Trial<'a> {
    claim: &'a Claim,
    /// The only ids of resources that it speaks of.
    pins: Option<BTreeSet<Arc<str>>>,
    /// What is left of it.
    budget: Budget,
    finding: Finding,
}

/// What was found out about a claim in one case, and what that has cost.
struct Looked {
    finding: Finding,
    steps: u64,
}

impl<'a> Trial<'a> {
    fn new(claim: &'a Claim, budget: Budget) -> Self {
        Self { claim, pins: pins(&claim.parts), budget, finding: Finding::Holds }
    }

    /// Whether a case can still change what has been found out.
    fn is_open(&self, case: &Case<'_>) -> bool {
        !matches!(self.finding, Finding::Refuted(_)) && case.is_among(self.pins.as_ref())
    }

    /// Takes in what was found out in the next case.
    fn take(&mut self, looked: &Looked) {
        let enough = self.budget.spend_all(looked.steps);
        match (&self.finding, &looked.finding) {
            (Finding::Refuted(_), _) | (Finding::Inconclusive, Finding::Holds | Finding::Inconclusive) => {}
            (Finding::Holds | Finding::Inconclusive, Finding::Refuted(_)) | (Finding::Holds, Finding::Inconclusive) => {
                self.finding = looked.finding.clone();
            }
            (Finding::Holds, Finding::Holds) if !enough => self.finding = Finding::Inconclusive,
            (Finding::Holds, Finding::Holds) => {}
        }
    }

    fn proof(self) -> Proof {
        Proof { name: self.claim.name.clone(), at: self.claim.at, finding: self.finding }
    }
}

/// The set that is asked about is the only one.
const SIDE: SideId = SideId(0);

/// Tries claims on the requests of a case.
fn look(ir: &Ir, frame: &Frame<'_>, case: &Case<'_>, trials: &[Trial<'_>]) -> Vec<Looked> {
    let nothing = || Looked { finding: Finding::Holds, steps: 0 };
    let open = trials.iter().filter(|trial| trial.is_open(case));
    let parts: Vec<_> = open.map(|trial| (SIDE, &*trial.claim.parts)).collect();
    if parts.is_empty() {
        return trials.iter().map(|_| nothing()).collect();
    }
    let mut asked = Asked::new(frame, case.clone(), &parts);
    let (allowed, denied) = (asked.allowed(SIDE), asked.denied(SIDE));
    let mut of = |trial: &Trial<'_>| {
        if !trial.is_open(case) {
            return nothing();
        }
        let claim = trial.claim;
        let (sense, outcome) = if claim.always { (Sense::Surely, denied) } else { (Sense::Perhaps, allowed) };
        let speaks = asked.scene.parts(SIDE, &claim.parts, sense);
        let goal = asked.scene.search.all([speaks, outcome]);
        if goal == Lit::FALSE {
            return nothing();
        }
        let mut budget = trial.budget;
        let finding = match asked.find(goal, &mut budget, |request| refutes(ir, claim, request).is_some()) {
            Answer::Nothing => Finding::Holds,
            Answer::Inconclusive => Finding::Inconclusive,
            Answer::Witness(request) => counterexample(ir, claim, *request),
        };
        Looked { finding, steps: trial.budget.left().saturating_sub(budget.left()) }
    };
    trials.iter().map(&mut of).collect()
}

/// A request that refutes a claim, without what it does not need, and what the rules say of it.
fn counterexample(ir: &Ir, claim: &Claim, request: Request) -> Finding {
    let request = shrink(request, |smaller| refutes(ir, claim, smaller));
    match Facts::new(&ir.vocabulary, &request, false) {
        Ok(facts) => {
            let verdict = evaluate(ir, &facts);
            Finding::Refuted(Box::new(Counterexample { request, verdict }))
        }
        // A request that was confirmed is not refused.
        Err(_) => Finding::Inconclusive,
    }
}

/// Whether a claim is not true of a request, and then what its scope and clauses are.
fn refutes(ir: &Ir, claim: &Claim, request: &Request) -> Option<Kleene> {
    let facts = Facts::new(&ir.vocabulary, request, false).ok()?;
    let truth = claim_truth(claim, &facts);
    let outcome = evaluate(ir, &facts).outcome;
    let refuted = if claim.always {
        truth == Kleene::True && matches!(outcome, Outcome::Deny(_) | Outcome::NoRule)
    } else {
        truth.possible() && matches!(outcome, Outcome::Allow(_))
    };
    refuted.then_some(truth)
}
