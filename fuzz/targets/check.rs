//! Any text is checked without a panic, its findings can be shown, and a valid set decides requests: by its graph as the
//! reference evaluator does.
#![no_main]

use libfuzzer_sys::fuzz_target;
use policyc::{
    Claims, Engine, LoadError,
    eval::{facts::Facts, reference::evaluate},
    query::Budget,
    report::{json, terminal},
    request::{Principal, Request, Resource},
};
use std::{net::Ipv4Addr, sync::LazyLock};

/// Claims are looked at, but not for long.
const CLAIMS: Claims = Claims::NotRefuted(Budget::new(2_000));

/// Who asks for what; none depends on the text, so the same input always does the same.
static REQUESTS: LazyLock<Vec<Request>> = LazyLock::new(|| {
    let alice = Principal::user("alice@company.com").roles(["admin", "researcher", "editor"]).org("alpha").tier("seed");
    let context = |request: Request| request.ip(Ipv4Addr::new(10, 1, 2, 3).into()).with("time", "2025-03-28T10:00:00Z");
    let mut requests = Vec::new();
    for principal in
        [Principal::anonymous(), Principal::user("bob"), alice, Principal::key("sk-1").with("granted", "auto")]
    {
        for action in ["view", "infer", "x"] {
            for resource in [Resource::model("qwen3-7b-chat").with("org", "alpha"), Resource::new("dataset", "a/b/c")] {
                let request = Request::new(principal.clone(), action, resource);
                requests.push(context(request.clone()));
                requests.push(request.with("time", "2024-02-29T23:59:60Z"));
            }
        }
    }
    requests
});

fuzz_target!(|text: &str| {
    match Engine::builder().text("fuzz.policy", text).claims(CLAIMS).load() {
        Ok(engine) => {
            for request in REQUESTS.iter() {
                let _ = engine.decide(request);
                let vocabulary = &engine.ir().vocabulary;
                let by_reference = Facts::new(vocabulary, request, false).map(|facts| evaluate(engine.ir(), &facts));
                assert!(engine.verdict(request) == by_reference, "graph and reference differ: {request:?}");
            }
        }
        Err(LoadError::Invalid(invalid)) => {
            assert!(!invalid.diagnostics.is_empty(), "refused without a reason");
            let _ = terminal::render(&invalid.diagnostics, &invalid.sources, false, 80);
            let _ = json::render(&invalid.diagnostics, &invalid.sources);
        }
        Err(other) => panic!("a text that cannot be read: {other}"),
    }
});
