//! The decision graph says of every request just what the reference evaluator says.

use crate::{
    decide::load,
    requests::many,
    sets::{PolicySet, policy_set, policy_set_of},
};
use policyc::{
    Engine,
    eval::{facts::Facts, reference::evaluate},
    request::Request,
};
use proptest::prelude::*;

/// The pairs of a set and a request that are compared, unless `POLICYC_PAIRS` says how many.
const PAIRS: u32 = 60_000;
/// The requests of a set, on average.
const REQUESTS: u32 = 128;

/// How many sets there are, if one in so many is.
fn sets(one_in: u32) -> ProptestConfig {
    let pairs = std::env::var("POLICYC_PAIRS").ok().map_or(PAIRS, |pairs| pairs.parse().unwrap());
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases((pairs / REQUESTS / one_in).max(1)) }
}

/// Fails unless the graph and the reference evaluator agree.
fn agree(engine: &Engine, set: &PolicySet, request: &Request) -> Result<(), TestCaseError> {
    let by_graph = engine.verdict(request);
    let by_reference = Facts::new(&engine.ir().vocabulary, request, false).map(|facts| evaluate(engine.ir(), &facts));
    prop_assert_eq!(by_graph, by_reference, "graph and reference, {:?}{:?}", request, set);
    Ok(())
}

proptest! {
    #![proptest_config(sets(1))]

    #[test]
    fn the_graph_is_the_reference(choices in many(), set in policy_set(true)) {
        let engine = load(&set.text());
        for choices in &choices {
            agree(&engine, &set, &choices.request())?;
        }
    }
}

proptest! {
    #![proptest_config(sets(8))]

    #[test]
    fn many_rules_are_decided_alike(choices in many(), set in policy_set_of(30..=120, true)) {
        let engine = load(&set.text());
        for choices in &choices {
            agree(&engine, &set, &choices.request())?;
        }
    }
}
