//! Small cases of what the laws, and reading the language reference beside the evaluator, have brought to light.

use crate::decide::{decide, load, noon};
use chrono::TimeDelta;
use policyc::{
    Engine, EngineBuilder,
    decision::Decision,
    request::{Input, Principal, Request, Resource},
};

fn bob() -> Request {
    Request::new(Principal::user("bob"), "infer", Resource::model("m"))
}

fn decided(text: &str, request: &Request) -> Decision {
    decide(&open(text), request).unwrap()
}

fn open(text: &str) -> Engine {
    load(&format!("actions infer;\n{text}"))
}

fn errors(text: &str) -> String {
    EngineBuilder::default().text("set.policy", text).load().map_or_else(|error| error.to_string(), |_| String::new())
}

#[test]
fn a_shadow_limit_refuses_no_request() {
    let text = "attribute tokens: int; allow anyone to any;";
    let request = bob().with("tokens", -1);
    assert!(decided(text, &request).is_allow());
    let shadow = decided(&format!("{text} x: shadow limit anyone to any at most 5 tokens per day;"), &request);
    assert!(shadow.is_allow());
    assert_eq!(shadow.shadow, ["x".into()]);
    let real = open(&format!("{text} limit anyone to any at most 5 tokens per day;"));
    assert_eq!(decide(&real, &request).unwrap_err().at, "/context/tokens");
}

#[test]
fn a_limit_that_is_written_twice_counts_once() {
    let limit = "limit anyone to any at most 2 at once;\n";
    let engine = open(&format!("allow anyone to any;\n{limit}{limit}"));
    let now = noon();
    let allowed = || engine.decide_at(&bob(), now).unwrap().is_allow();
    assert_eq!([allowed(), allowed(), allowed()], [true, true, false]);
    engine.release(&bob(), 1, now).unwrap();
    assert_eq!([allowed(), allowed()], [true, false]);
    let shadow = open(&format!("allow anyone to any;\nshadow {limit}shadow {limit}"));
    let reported = || shadow.decide_at(&bob(), now).unwrap().shadow.len();
    assert_eq!([reported(), reported(), reported()], [0, 0, 2]);
}

#[test]
fn shadow_duties_are_reported_with_the_decisions_they_come_with() {
    let allows = "allow anyone to any; x: shadow oblige log upon deny to any; y: shadow oblige log to any;";
    assert_eq!(decided(allows, &bob()).shadow, ["y".into()]);
    let denies = "x: shadow oblige log upon deny NO_RULE to any; y: shadow oblige log to any;";
    assert_eq!(decided(denies, &bob()).shadow, ["x".into()]);
}

#[test]
fn a_default_of_granted_opens_gates() {
    let text = "attribute principal.granted = true; allow anyone to any; gate manual to infer;";
    assert!(decided(text, &bob()).is_allow());
    let mut without = bob();
    without.principal = without.principal.with("granted", false);
    assert!(!decided(text, &without).is_allow());
    without.principal = without.principal.with("granted", Input::Unknown);
    assert!(!decided(text, &without).is_allow());
    let anonymous = Request { principal: Principal::anonymous(), ..bob() };
    assert!(!decided(text, &anonymous).is_allow());
}

#[test]
fn a_block_in_a_duty_is_the_ipv4_block() {
    let text = "allow anyone to any; oblige log(net = ::ffff:10.0.0.0/104) to any;";
    assert_eq!(decided(text, &bob()).obligations[0].to_string(), "log(net = \"10.0.0.0/8\")");
}

#[test]
fn names_of_built_in_attributes_stay_theirs() {
    assert_eq!(
        errors("condition degraded = ip in [10.0.0.0/8]; deny anyone to any when degraded else X;").lines().count(),
        1
    );
    for name in ["ip", "time", "tier", "org", "roles"] {
        let found = errors(&format!("set {name} = []; allow anyone to any;"));
        assert_eq!(found, format!("set.policy:1: error[P0208]: `{name}` is a built-in attribute\n"));
    }
    assert_eq!(errors("attribute ip = 10.0.0.1; attribute degraded = true; allow anyone to any;"), "");
}

#[test]
fn constants_are_not_spelt_like_built_in_attributes() {
    for name in ["ip", "time", "degraded", "tier", "org", "roles"] {
        let found = errors(&format!("attribute model.scope: one of {name} | public;\nallow anyone to infer;"));
        assert_eq!(
            found,
            format!("set.policy:1: error[P0211]: the constant `{name}` is spelt like a built-in attribute\n")
        );
    }
    let tiers = errors("tiers seed < time; allow anyone to infer;");
    assert_eq!(tiers, "set.policy:1: error[P0211]: the tier `time` is spelt like a built-in attribute\n");
}

#[test]
fn an_attribute_called_tier_is_known_without_tiers() {
    let text = "attribute context.tier: text; allow anyone to infer when context.tier == \"gold\";";
    let decision = decided(text, &bob().with("tier", "gold"));
    assert!(decision.is_allow() && decision.ignored.is_empty());
}

#[test]
fn a_limit_leaves_a_clock_that_passed_midnight_its_period() {
    let text = "allow anyone to any at most 1 per calendar day in \"Europe/Berlin\";";
    let engine = open(text);
    let midnight = chrono::DateTime::parse_from_rfc3339("2026-03-29T00:00:00+01:00").unwrap().to_utc();
    let allowed = |minutes| engine.decide_at(&bob(), midnight + TimeDelta::minutes(minutes)).unwrap().is_allow();
    // The day of the change has 23 hours.
    assert_eq!([allowed(-1), allowed(0), allowed(23 * 60 - 1), allowed(23 * 60)], [true, true, false, true]);
}
