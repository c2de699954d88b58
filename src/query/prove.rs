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
use std::sync::Arc;

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
        match self.verdict.outcome {
            Outcome::Allow(rule) | Outcome::Deny(rule) => Some(rule),
            Outcome::NoRule | Outcome::UnknownAction => None,
        }
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

/// Proves the claims of a policy set, or finds requests that they are not true of: in source order. Each claim has the
/// whole budget.
#[must_use]
pub fn prove(ir: &Ir, budget: Budget) -> Vec<Proof> {
    let claims: Vec<&Claim> = ir.claims.iter().collect();
    prove_some(ir, &claims, budget, |_| {})
}

/// Proves some claims. Tells how far it is, again and again.
#[must_use]
pub fn prove_some(ir: &Ir, claims: &[&Claim], budget: Budget, mut progress: impl FnMut(Progress)) -> Vec<Proof> {
    let mut trials: Vec<Trial<'_>> = claims.iter().map(|claim| Trial::new(claim, budget)).collect();
    if !trials.is_empty() {
        let frame = Frame::new(&[ir]);
        let cases = frame.cases();
        let all = cases.len();
        for (done, case) in cases.into_iter().enumerate() {
            look(ir, &frame, case, &mut trials);
            progress(Progress { done: done.saturating_add(1), all });
        }
    }
    trials.into_iter().map(Trial::proof).collect()
}

/// A claim while it is tried.
struct Trial<'a> {
    claim: &'a Claim,
    /// The only ids of resources that it speaks of.
    pins: Option<std::collections::BTreeSet<Arc<str>>>,
    budget: Budget,
    finding: Finding,
}

impl<'a> Trial<'a> {
    fn new(claim: &'a Claim, budget: Budget) -> Self {
        Self { claim, pins: pins(&claim.parts), budget, finding: Finding::Holds }
    }

    fn speaks_of(&self, case: &Case<'_>) -> bool {
        let named = |pins: &std::collections::BTreeSet<Arc<str>>| case.id.as_ref().is_some_and(|id| pins.contains(id));
        self.pins.as_ref().is_none_or(named)
    }

    fn proof(self) -> Proof {
        Proof { name: self.claim.name.clone(), at: self.claim.at, finding: self.finding }
    }
}

/// The set that is asked about is the only one.
const SIDE: SideId = SideId(0);

/// Tries claims on the requests of a case.
fn look(ir: &Ir, frame: &Frame<'_>, case: Case<'_>, trials: &mut [Trial<'_>]) {
    let mut open: Vec<&mut Trial<'_>> = trials
        .iter_mut()
        .filter(|trial| !matches!(trial.finding, Finding::Refuted(_)) && trial.speaks_of(&case))
        .collect();
    if open.is_empty() {
        return;
    }
    let parts: Vec<_> = open.iter().map(|trial| (SIDE, &*trial.claim.parts)).collect();
    let mut asked = Asked::new(frame, case, &parts);
    let (allowed, denied) = (asked.allowed(SIDE), asked.denied(SIDE));
    for trial in &mut open {
        let claim = trial.claim;
        let (sense, outcome) = if claim.always { (Sense::Surely, denied) } else { (Sense::Perhaps, allowed) };
        let speaks = asked.scene.parts(SIDE, &claim.parts, sense);
        let goal = asked.scene.search.all([speaks, outcome]);
        if goal == Lit::FALSE {
            continue;
        }
        match asked.find(goal, &mut trial.budget, |request| refutes(ir, claim, request).is_some()) {
            Answer::Nothing => {}
            Answer::Inconclusive => trial.finding = Finding::Inconclusive,
            Answer::Witness(request) => {
                let request = shrink(*request, |smaller| refutes(ir, claim, smaller));
                if let Ok(facts) = Facts::new(&ir.vocabulary, &request, false) {
                    let verdict = evaluate(ir, &facts);
                    trial.finding = Finding::Refuted(Box::new(Counterexample { request, verdict }));
                }
            }
        }
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
