//! How long one decision takes, from a typed request to the full answer, on the shipped policies.
#![expect(clippy::unwrap_used, reason = "a bench that panics has failed, as it should")]

use criterion::{Criterion, criterion_group, criterion_main};
use policyc::{
    Engine,
    request::{Principal, Request, Resource},
};
use std::hint::black_box;

fn decide(criterion: &mut Criterion) {
    let cases = [
        ("tiers", Principal::user("flo").tier("flower"), "view", "bloom-text"),
        ("model-acl", Principal::user("rin").roles(["researcher"]), "infer", "qwen3-7b-chat"),
    ];
    for (set, principal, action, model) in cases {
        let engine = Engine::load([format!("policies/{set}")]).unwrap();
        let request = Request::new(principal, action, Resource::model(model)).with("ip", "10.1.2.3");
        criterion.bench_function(&format!("decide/{set}"), |bencher| {
            bencher.iter(|| engine.decide(black_box(&request)));
        });
    }
}

fn load(criterion: &mut Criterion) {
    criterion.bench_function("load/model-acl", |bencher| bencher.iter(|| Engine::load(["policies/model-acl"])));
}

criterion_group!(benches, decide, load);
criterion_main!(benches);
