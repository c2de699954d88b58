//! What a principal may use, against a decision for each declared resource.

use crate::{random::set, requests::requests};
use policyc::{Claims, EngineBuilder, engine::Usable};
use proptest::prelude::*;

/// How many principals and circumstances are asked about for each set.
const SOME: usize = 20;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn what_is_listed_is_what_is_allowed(set in set()) {
        let builder = EngineBuilder::default().text("set.policy", &set.text()).claims(Claims::Unproved);
        let engine = builder.load().unwrap_or_else(|error| panic!("the set is not valid: {error}{set:?}"));
        let declared: Vec<_> =
            engine.ir().vocabulary.resources.exact().map(|(id, entity)| (entity.kind.clone(), id.clone())).collect();
        let (requests, _) = requests(&set, SOME, SOME);
        for asked in requests {
            let mut allowed = Vec::new();
            for (kind, id) in &declared {
                let mut request = asked.clone();
                request.resource.kind = kind.to_string();
                request.resource.id = id.to_string();
                let decision = engine.unlimited(&request).unwrap();
                if decision.is_allow() {
                    let limits = engine.verdict(&request).unwrap().limits;
                    let (kind, id) = (kind.clone(), id.clone());
                    allowed.push(Usable { kind, id, limits, obligations: decision.obligations });
                }
            }
            prop_assert_eq!(engine.usable(&asked, None).unwrap(), allowed, "{:#?}", asked);
        }
    }
}
