//! Who may do something, against all requests that can make a difference.

use crate::{
    random::{Set, set},
    requests::requests,
};
use policyc::{
    Claims, EngineBuilder,
    eval::{facts::Facts, reference::evaluate, verdict::Outcome},
    query::{Budget, who},
    request::{Input, Principal, Request, Resource},
};
use proptest::{prelude::*, test_runner::TestCaseError};
use std::collections::BTreeMap;

/// How many requests are looked at for each set: some of all, evenly spread.
const SOME: usize = 300;

fn compare(set: &Set, context: &[(&str, Input)]) -> Result<(), TestCaseError> {
    let builder = EngineBuilder::default().text("set.policy", &set.text()).claims(Claims::Unproved);
    let engine = builder.load().unwrap_or_else(|error| panic!("the set is not valid: {error}{set:?}"));
    let ir = engine.ir();
    let mut known: BTreeMap<(String, String, String), _> = BTreeMap::new();
    let (requests, _) = requests(set, SOME, SOME);
    for mut request in requests {
        for (name, input) in context {
            request.context.insert((*name).to_owned(), input.clone());
        }
        let Request { action, resource, .. } = &request;
        let place = (action.clone(), resource.kind.clone(), resource.id.clone());
        let found = known.entry(place).or_insert_with(|| {
            let resource = Resource::new(&*resource.kind, &*resource.id);
            let mut asked = Request::new(Principal::anonymous(), action.as_str(), resource);
            asked.context = context.iter().map(|(name, input)| ((*name).to_owned(), input.clone())).collect();
            let found = who(ir, &asked, Budget::USUAL).unwrap();
            assert!(found.inconclusive.is_empty(), "{:?}", found.inconclusive);
            for case in &found.cases {
                let verdict = engine.verdict(&case.witness).unwrap();
                assert_eq!(verdict.outcome, Outcome::Allow(case.rule), "{case:#?}");
                assert!(
                    context.iter().all(|(name, input)| case.witness.context.get(*name) == Some(input)),
                    "{case:#?}"
                );
            }
            found
        });
        let facts = Facts::new(&ir.vocabulary, &request, false).unwrap();
        if let Outcome::Allow(rule) = evaluate(ir, &facts).outcome {
            let case = found.cases.iter().find(|case| case.rule == rule);
            prop_assert!(case.is_some(), "{request:#?} is allowed by {rule:?}, and {found:#?}");
            let id = request.principal.id.as_deref().unwrap_or_default();
            let is_declared = ir.vocabulary.principals.ids_of(&request.principal.kind).any(|known| **known == *id);
            let is_named = |(kind, known): &(_, _)| {
                let (kind, known): (&std::sync::Arc<str>, &std::sync::Arc<str>) = (kind, known);
                **kind == *request.principal.kind && **known == *id
            };
            prop_assert!(!is_declared || case.unwrap().principals.iter().any(is_named), "{request:#?} {case:#?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(25) })]

    #[test]
    fn whoever_is_allowed_something_is_in_a_case(set in set()) {
        compare(&set, &[])?;
    }

    #[test]
    fn circumstances_can_be_given(set in set(), at in 0..96_i64, ip in 0..2_u8) {
        let time = chrono::DateTime::from_timestamp(1_774_569_600 + at * 1_800, 0).unwrap();
        compare(&set, &[("time", time.into()), ("ip", format!("10.0.0.{ip}").into())])?;
    }
}
