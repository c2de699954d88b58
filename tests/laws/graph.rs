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

/// The pairs of a set and a request that are compared: sets, each with 128 requests on average.
const SETS: u32 = 400;
/// The same of sets with many rules.
const LARGE_SETS: u32 = 60;

/// Fails unless the graph and the reference evaluator agree.
fn agree(engine: &Engine, set: &PolicySet, request: &Request) -> Result<(), TestCaseError> {
    let by_graph = engine.verdict(request);
    let by_reference = Facts::new(&engine.ir().vocabulary, request, false).map(|facts| evaluate(engine.ir(), &facts));
    prop_assert_eq!(by_graph, by_reference, "graph and reference, {:?}{:?}", request, set);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(SETS))]

    #[test]
    fn the_graph_is_the_reference(choices in many(), set in policy_set(true)) {
        let engine = load(&set.text());
        for choices in &choices {
            agree(&engine, &set, &choices.request())?;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(LARGE_SETS))]

    #[test]
    fn many_rules_are_decided_alike(choices in many(), set in policy_set_of(30..=120, true)) {
        let engine = load(&set.text());
        for choices in &choices {
            agree(&engine, &set, &choices.request())?;
        }
    }
}
