//! Many requests at once come to what they come to one after the other.

use crate::{
    decide::{fresh, load},
    requests::{Choices, many, odd},
    sets::policy_set,
};
use policyc::request::Request;
use proptest::prelude::*;

/// A request, which at times has a value that does not fit.
fn request(choices: &Choices) -> Request {
    let request = choices.request();
    if choices.spare().is_multiple_of(8) { odd(&request, "ip", choices.spare() / 8) } else { request }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_batch_is_decided_as_one_after_the_other(choices in many(), set in policy_set(true)) {
        let engine = load(&set.text());
        let requests: Vec<Request> = choices.iter().map(request).collect();
        let one_by_one = fresh(&engine);
        let wanted: Vec<_> = requests.iter().map(|request| one_by_one.decide(request)).collect();
        prop_assert_eq!(fresh(&engine).decide_batch(&requests), wanted, "{:?}", set);
    }

    #[test]
    fn prepared_requests_are_evaluated_as_one_after_the_other(choices in many(), set in policy_set(true)) {
        let engine = load(&set.text());
        let mut session = engine.session();
        let texts = choices.iter().map(|choices| policyc::wire::request::text(&choices.request()));
        let prepared: Vec<_> = texts.filter_map(|text| session.ask_json(&text).ok().map(|ask| ask.prepare())).collect();
        let mut rulings = Vec::new();
        session.evaluate_many(&prepared, &mut rulings);
        let wanted: Vec<_> = prepared.iter().map(|request| session.evaluate(request)).collect();
        prop_assert_eq!(rulings, wanted);
    }
}
