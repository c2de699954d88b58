//! How long it takes to prove claims about all requests, and to compare two sets.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a bench that panics has failed, as it should"
)]

use criterion::{Criterion, criterion_group, criterion_main};
use policyc::{
    Claims, Engine,
    query::{Budget, ChangeKind, Finding, diff, idle, prove, who},
    request::{Principal, Request, Resource},
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

/// Which of many general rules change nothing.
fn idle_rules(criterion: &mut Criterion) {
    let engine = Engine::builder().text("general.policy", &general::rules(3_000)).load().unwrap();
    let mut group = criterion.benchmark_group("idle");
    group.sample_size(10);
    group.bench_function("general-3000", |bencher| bencher.iter(|| idle(engine.ir()).len()));
    group.finish();
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

/// How many models there are where models are compared.
const MODELS: usize = 100_000;

/// Two sets of general rules: one in five edited, and one in five split in two that say the same.
fn differences(criterion: &mut Criterion) {
    let old = general::rules(1_000);
    let (mut edited, mut split) = (String::new(), String::new());
    for (line, text) in old.lines().enumerate() {
        let is_rule = line % 5 == 0 && (text.starts_with("allow") || text.starts_with("deny"));
        let narrower = text.replacen(';', " unless degraded;", 1);
        // `has` is never unknown, so that one of the two always says what the whole said.
        let half = |test: &str| text.replacen(';', &format!(" unless {test};"), 1);
        let halves = format!("{}\n{}\n", half("has degraded"), half("not has degraded"));
        writeln!(edited, "{}", if is_rule { &narrower } else { text }).unwrap();
        if is_rule { split.push_str(&halves) } else { writeln!(split, "{text}").unwrap() }
    }
    let mut group = criterion.benchmark_group("diff");
    group.sample_size(10);
    for (name, new, same) in [("general-1000/edited", &edited, false), ("general-1000/split", &split, true)] {
        compare(&mut group, name, [&old, new], same);
    }
    let old = models_of(MODELS, |_| false);
    let changed = models_of(MODELS, |model| model % (MODELS / 200) == 0);
    compare(&mut group, "models-100000/200-changed", [&old, &changed], false);
    let general = "allow role a to view;\nallow role a to train;\ndeny anyone to view when degraded;\n";
    let (before, after) = (format!("role a;\n{old}"), format!("role a;\n{old}{general}"));
    compare(&mut group, "models-100000/3-general-changed", [&before, &after], false);
    group.finish();
}

/// Models with some rules of their own, some of them otherwise.
fn models_of(count: usize, otherwise: impl Fn(usize) -> bool) -> String {
    let mut text = "actions view, infer, train;\ndeny anonymous to any;\n".to_owned();
    for model in 0..count {
        let (user, team) = (model % 500, model % 50);
        let until = if otherwise(model) { " until 2026-01-01" } else { "" };
        writeln!(
            text,
            "model \"model-{model}\" {{ tags: [tag-{}]; org: \"org-{team}\"; }}\n\
             on \"model-{model}\" {{\n  allow user \"user-{user}@example.com\" to any{until};\n  \
             allow org \"org-{team}\" to view;\n  deny org \"org-{}\" to train;\n}}",
            model % 7,
            (team + 1) % 50,
        )
        .unwrap();
    }
    text
}

/// What one principal may use of very many models, and who may use one of them; loading them does not count.
fn listed(criterion: &mut Criterion) {
    let engine = Engine::builder().text("set.policy", &models_of(200_000, |_| false)).load().unwrap();
    let asked = Request::new(Principal::user("user-7@example.com").org("org-7"), "view", Resource::model("any"));
    assert_eq!(engine.usable(&asked, None).unwrap().len(), 200_000 / 50);
    let mut group = criterion.benchmark_group("list");
    group.sample_size(10);
    group.bench_function("models-200000", |bencher| bencher.iter(|| engine.usable(&asked, None)));
    group.finish();
    let asked = Request::new(Principal::anonymous(), "view", Resource::model("model-7"));
    assert_eq!(who(engine.ir(), &asked, Budget::USUAL).unwrap().cases.len(), 2);
    let mut group = criterion.benchmark_group("who");
    group.sample_size(10);
    group.bench_function("models-200000", |bencher| bencher.iter(|| who(engine.ir(), &asked, Budget::USUAL)));
    group.finish();
}

fn compare(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    name: &str,
    texts: [&str; 2],
    same: bool,
) {
    let load = |text| Engine::builder().text("set.policy", text).claims(Claims::Unproved).load().unwrap();
    let [old, new] = texts.map(load);
    let found = || diff(old.ir(), new.ir(), &ChangeKind::ALL, Budget::USUAL, |_| {});
    let first = found();
    assert_eq!((first.changes.is_empty(), first.inconclusive.len()), (same, 0), "{name}");
    group.bench_function(name, |bencher| bencher.iter(found));
}

criterion_group!(benches, shipped, general, idle_rules, models, differences, listed);
criterion_main!(benches);
