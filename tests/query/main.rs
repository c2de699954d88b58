//! Questions about all requests.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that panics has failed, as it should"
)]

mod brute;
mod random;

use policyc::{
    Engine,
    query::{Budget, Finding, prove},
};
use std::time::Instant;

#[test]
fn shipped() {
    for set in ["tiers", "authzen-todo", "hub-gating", "model-acl", "studio-rbac"] {
        let engine = Engine::load([format!("policies/{set}")]).unwrap();
        let start = Instant::now();
        let proofs = prove(engine.ir(), Budget::USUAL);
        eprintln!("{set}: {} claims in {:?}", proofs.len(), start.elapsed());
        for proof in proofs {
            match proof.finding {
                Finding::Holds => {}
                Finding::Refuted(c) => eprintln!("{} REFUTED {:#?} {:?}", proof.name, c.request, c.verdict.outcome),
                Finding::Inconclusive => eprintln!("{} INCONCLUSIVE", proof.name),
            }
        }
    }
}
