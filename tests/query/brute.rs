//! Proofs against all requests that can make a difference.

use crate::random::{requests, set};
use policyc::{
    EngineBuilder,
    check::ir::Claim,
    eval::{
        facts::Facts,
        kleene::Kleene,
        reference::{claim_truth, evaluate},
        verdict::Outcome,
    },
    query::{Budget, Finding, prove},
    request::Request,
};
use proptest::prelude::*;

/// How many sets are looked at, unless `POLICYC_PROOFS` says how many.
const SETS: u32 = 250;
/// Of how many requests it is seen for each set that they refute nothing that was proved.
const MOST: usize = 3_000;

fn config() -> ProptestConfig {
    let sets = std::env::var("POLICYC_PROOFS").ok().map_or(SETS, |sets| sets.parse().unwrap());
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(sets) }
}

/// Whether a claim is not true of a request.
fn refuted(ir: &policyc::check::Ir, claim: &Claim, request: &Request) -> bool {
    let facts = Facts::new(&ir.vocabulary, request, false).unwrap();
    let (truth, outcome) = (claim_truth(claim, &facts), evaluate(ir, &facts).outcome);
    if claim.always {
        truth == Kleene::True && matches!(outcome, Outcome::Deny(_) | Outcome::NoRule)
    } else {
        truth.possible() && matches!(outcome, Outcome::Allow(_))
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_claim_is_proved_just_where_no_request_refutes_it(set in set()) {
        let engine = EngineBuilder::default().text("set.policy", &set.text()).load()
            .unwrap_or_else(|error| panic!("the set is not valid: {error}{set:?}"));
        let ir = engine.ir();
        let proofs = prove(ir, Budget::USUAL);
        let mut holding = Vec::new();
        for (proof, claim) in proofs.iter().zip(ir.claims.iter()) {
            match &proof.finding {
                Finding::Holds => holding.push(claim),
                Finding::Refuted(example) => prop_assert!(refuted(ir, claim, &example.request), "{} {:#?}", proof.name, example),
                Finding::Inconclusive => prop_assert!(false, "{} is inconclusive", proof.name),
            }
        }
        use std::sync::atomic::{AtomicUsize, Ordering};
        static N: [AtomicUsize; 4] = [const { AtomicUsize::new(0) }; 4];
        let add = |i: usize, n: usize| { N[i].fetch_add(n, Ordering::Relaxed) };
        add(0, 1); add(1, proofs.len()); add(2, holding.len());
        if N[0].load(Ordering::Relaxed) % 1000 == 0 { eprintln!("{N:?}"); }
        if !holding.is_empty() {
            for request in requests(&set, MOST) {
                for claim in &holding {
                    prop_assert!(!refuted(ir, claim, &request), "{} {:#?}", claim.name, request);
                }
            }
        }
    }
}
