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

/// How many pairs of a set and a claim of it are looked at, unless `POLICYC_PROOFS` says how many.
const PAIRS: usize = 300;
/// Of how many requests it is seen for each set that they refute nothing that was proved.
const MOST: usize = 2_000;

/// What has been compared.
#[derive(Debug, Default)]
struct Tally {
    pairs: usize,
    /// How many claims were proved.
    proved: usize,
    /// For how many of these *all* requests that can make a difference were looked at.
    all_seen: usize,
    requests: usize,
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
fn compare(set: &Set, most: usize, tally: &mut Tally) -> Result<(), TestCaseError> {
    let engine = EngineBuilder::default()
        .text("set.policy", &set.text())
        .claims(Claims::Unproved)
        .load()
        .unwrap_or_else(|error| panic!("the set is not valid: {error}{set:?}"));
    let ir = engine.ir();
    let mut holding = Vec::new();
    for (proof, claim) in prove(ir, Budget::USUAL).iter().zip(ir.claims.iter()) {
        tally.pairs += 1;
        match &proof.finding {
            Finding::Holds => holding.push(claim),
            Finding::Refuted(example) => {
                prop_assert!(refuted(ir, claim, &example.request), "{} {example:#?}", proof.name);
            }
            Finding::Inconclusive => prop_assert!(false, "{} is inconclusive", proof.name),
        }
    }
    tally.proved += holding.len();
    if holding.is_empty() {
        return Ok(());
    }
    let (requests, are_all) = requests(set, most);
    for request in requests {
        tally.requests += 1;
        for claim in &holding {
            prop_assert!(!refuted(ir, claim, &request), "{} {request:#?}", claim.name);
        }
    }
    tally.all_seen += if are_all { holding.len() } else { 0 };
    Ok(())
}

#[test]
fn a_claim_is_proved_just_where_no_request_refutes_it() {
    let wanted = std::env::var("POLICYC_PROOFS").ok().map(|pairs| pairs.parse().unwrap());
    let (pairs, most) = wanted.map_or((PAIRS, MOST), |pairs| (pairs, 20 * MOST));
    let tally = RefCell::new(Tally::default());
    while tally.borrow().pairs < pairs {
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(50) };
        let compared = TestRunner::new(config).run(&set(), |set| compare(&set, most, &mut tally.borrow_mut()));
        compared.unwrap_or_else(|error| panic!("{error}"));
    }
    println!("{:?}", tally.into_inner());
}
