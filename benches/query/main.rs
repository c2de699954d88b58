//! How long it takes to prove claims about all requests.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a bench that panics has failed, as it should"
)]

use criterion::{Criterion, criterion_group, criterion_main};
use policyc::{
    Claims, Engine,
    query::{Budget, Finding, prove},
};
use std::fmt::Write;

mod general;

/// The claims of the shipped policies.
fn shipped(criterion: &mut Criterion) {
    let sets = ["authzen-todo", "hub-gating", "model-acl", "studio-rbac", "tiers"];
    let engines = sets.map(|set| Engine::load([format!("policies/{set}")]).unwrap());
    criterion.bench_function("prove/policies", |bencher| {
        bencher.iter(|| engines.iter().map(|engine| prove(engine.ir(), Budget::USUAL).len()).sum::<usize>());
    });
}

/// One claim over many general rules, that holds and that does not.
fn general(criterion: &mut Criterion) {
    let rules = general::rules(3_000);
    for (name, claim, holds) in [
        ("holds", "never allow anyone to publish on tag secret unless ip in [10.0.0.0/8];", true),
        ("is-refuted", "never allow role role-3 to infer when tier < tier-3;", false),
    ] {
        let text = format!("{rules}\n{claim}\n");
        let engine = Engine::builder().text("general.policy", &text).claims(Claims::Unproved).load().unwrap();
        let found = prove(engine.ir(), Budget::USUAL);
        assert_eq!(matches!(found[0].finding, Finding::Holds), holds);
        criterion.bench_function(&format!("prove/general-3000/{name}"), |bencher| {
            bencher.iter(|| prove(engine.ir(), Budget::USUAL));
        });
    }
}

/// Many models with a few rules of their own, and a claim about all.
fn models(criterion: &mut Criterion) {
    let mut text = "actions view, infer, train;\ndeny anonymous to any;\n".to_owned();
    for model in 0..20_000 {
        let (user, team) = (model % 500, model % 50);
        writeln!(
            text,
            "model \"model-{model}\" {{ tags: [tag-{}]; org: \"org-{team}\"; }}\n\
             on \"model-{model}\" {{\n  allow user \"user-{user}@example.com\" to any;\n  allow org \"org-{team}\" to view;\n  \
             allow user \"user-{}@example.com\", user \"user-{}@example.com\" to infer until 2026-0{}-01;\n  \
             deny org \"org-{}\" to train;\n  allow user \"user-{}@example.com\" to train when ip in [10.{}.0.0/16];\n}}",
            model % 7,
            (user + 1) % 500,
            (user + 7) % 500,
            model % 9 + 1,
            (team + 1) % 50,
            (user + 3) % 500,
            model % 256,
        )
        .unwrap();
    }
    text.push_str("never allow anonymous to any;\n");
    let engine = Engine::builder().text("models.policy", &text).claims(Claims::Unproved).load().unwrap();
    assert!(matches!(prove(engine.ir(), Budget::USUAL)[0].finding, Finding::Holds));
    let mut group = criterion.benchmark_group("prove");
    group.sample_size(10);
    group.bench_function("models-20000", |bencher| bencher.iter(|| prove(engine.ir(), Budget::USUAL)));
    group.finish();
}

criterion_group!(benches, shipped, general, models);
criterion_main!(benches);
