//! Proofs against all requests that can make a difference.

use crate::{
    random::{Set, set},
    requests::requests,
};
use policyc::{
    Claims, EngineBuilder,
    check::{Ir, ir::Claim},
    eval::{
        facts::Facts,
        kleene::Kleene,
        reference::{claim_truth, evaluate},
        verdict::Outcome,
    },
    query::{Budget, Finding, prove},
    request::Request,
};
use proptest::{
    prelude::*,
    test_runner::{TestCaseError, TestRunner},
};
use std::cell::RefCell;

/// How many pairs of a set and a claim of it are compared, unless `POLICYC_PROOFS` says how many.
const PAIRS: usize = 300;
/// Of how many requests at most it is seen for each set that they refute nothing that was proved.
const MOST: usize = 3_000;
/// Where there are more: of how many then. Such a pair does not count.
const SOME: usize = 200;

/// What has been compared.
#[derive(Debug, Default)]
struct Tally {
    /// How many claims were refuted; each counterexample is one.
    refuted: usize,
    /// How many were proved, and *all* requests that can make a difference were looked at.
    proved: usize,
    /// How many were proved, and only some requests were looked at.
    proved_besides: usize,
    requests: usize,
}

impl Tally {
    /// How many pairs were compared.
    fn pairs(&self) -> usize {
        self.refuted + self.proved
    }
}

/// Whether a claim is not true of a request.
fn refuted(ir: &Ir, claim: &Claim, request: &Request) -> bool {
    let facts = Facts::new(&ir.vocabulary, request, false).unwrap();
    let (truth, outcome) = (claim_truth(claim, &facts), evaluate(ir, &facts).outcome);
    if claim.always {
        truth == Kleene::True && matches!(outcome, Outcome::Deny(_) | Outcome::NoRule)
    } else {
        truth.possible() && matches!(outcome, Outcome::Allow(_))
    }
}

/// Proves the claims of a set, and looks at the requests one by one.
fn compare(set: &Set, tally: &mut Tally) -> Result<(), TestCaseError> {
    let engine = EngineBuilder::default()
        .text("set.policy", &set.text())
        .claims(Claims::Unproved)
        .load()
        .unwrap_or_else(|error| panic!("the set is not valid: {error}{set:?}"));
    let ir = engine.ir();
    let mut holding = Vec::new();
    for (proof, claim) in prove(ir, Budget::USUAL).iter().zip(ir.claims.iter()) {
        match &proof.finding {
            Finding::Holds => holding.push(claim),
            Finding::Refuted(example) => {
                prop_assert!(refuted(ir, claim, &example.request), "{} {example:#?}", proof.name);
                tally.refuted += 1;
            }
            Finding::Inconclusive => prop_assert!(false, "{} is inconclusive", proof.name),
        }
    }
    if holding.is_empty() {
        return Ok(());
    }
    let (requests, are_all) = requests(set, MOST, SOME);
    for request in requests {
        tally.requests += 1;
        for claim in &holding {
            prop_assert!(!refuted(ir, claim, &request), "{} {request:#?}", claim.name);
        }
    }
    *if are_all { &mut tally.proved } else { &mut tally.proved_besides } += holding.len();
    Ok(())
}

#[test]
fn a_claim_is_proved_just_where_no_request_refutes_it() {
    let pairs = std::env::var("POLICYC_PROOFS").ok().map_or(PAIRS, |pairs| pairs.parse().unwrap());
    let tally = RefCell::new(Tally::default());
    while tally.borrow().pairs() < pairs {
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(50) };
        let compared = TestRunner::new(config).run(&set(), |set| compare(&set, &mut tally.borrow_mut()));
        compared.unwrap_or_else(|error| panic!("{error}"));
    }
    println!("{:?}", tally.into_inner());
}
