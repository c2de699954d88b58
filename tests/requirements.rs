//! The table of requirements: what it names exists, and what no policy's own test can show is shown here.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed, as it should")]

use chrono::{TimeDelta, TimeZone, Utc};
use policyc::{
    Engine,
    examine::review::{Asked, Kind, review},
    query::Budget,
    request::{Principal, Request, Resource},
};
use std::{collections::BTreeMap, fs, path::Path};

/// The rows of the table: id, kind, and what shows them.
fn rows() -> Vec<(String, String, String)> {
    let text = fs::read_to_string("docs/requirements.md").unwrap();
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    text.lines()
        .filter(|line| line.starts_with("| S"))
        .map(cells)
        .map(|row| (row[0].clone(), row[2].clone(), row[3].clone()))
        .collect()
}

#[test]
fn every_promise_has_a_row() {
    let mut count = BTreeMap::new();
    for (id, ..) in rows() {
        *count.entry(id.split('-').next().unwrap().to_owned()).or_insert(0) += 1;
    }
    let count: Vec<(String, i32)> = count.into_iter().collect();
    let wanted = [("S0", 23), ("S1", 30), ("S2", 76), ("S3", 80)].map(|(system, rows)| (system.to_owned(), rows));
    assert_eq!(count, wanted);
}

/// Whether a text of Rust has a test of a name.
fn is_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    let place = lines.iter().position(|line| line.contains(&format!("fn {name}()")));
    let above = lines[..place.unwrap_or(0)].iter().rev().take_while(|line| line.starts_with("#["));
    above.into_iter().any(|line| line.contains("test"))
}

#[test]
fn every_test_that_is_named_exists() {
    for (id, _, shown) in rows() {
        let claims = shown.strip_prefix('`').map(|claims| claims.split("; `"));
        for claim in claims.into_iter().flatten() {
            let (file, names) = claim.split_once('`').unwrap();
            assert!(Path::new(file).exists(), "{id}: `{file}` does not exist");
            for name in names.split('"').skip(1).step_by(2) {
                let text = fs::read_to_string(file).unwrap();
                assert!(text.contains(&format!("test \"{name}\"")), "{id}: `{file}` has no test \"{name}\"");
            }
            let functions: Vec<&str> = names.split('`').skip(1).step_by(2).collect();
            let is_rust = file.ends_with(".rs");
            assert!(!is_rust || file.starts_with("benches/") || !functions.is_empty(), "{id}: which test of `{file}`?");
            for name in functions.into_iter().filter(|_| is_rust) {
                let text = fs::read_to_string(file).unwrap();
                assert!(is_test(&text, name), "{id}: `{file}` has no test `{name}`");
            }
        }
    }
}

#[test]
fn every_row_about_the_language_is_shown() {
    for (id, kind, shown) in rows() {
        let language = kind.split(',').any(|part| part == "L");
        assert!(!language || shown.starts_with('`'), "{id} is about the language, but nothing shows it: {shown}");
    }
}

#[test]
fn a_tier_outside_the_order_is_the_lowest() {
    let engine = Engine::load(["policies/tiers"]).unwrap();
    let ask = |model: &str| {
        let principal = Principal::user("pat").tier("platinum").with("paying", true);
        engine.decide(&Request::new(principal, "generate_text", Resource::model(model)).with("ip", "192.0.2.1"))
    };
    assert!(ask("sprout-text").is_allow());
    assert_eq!(&*ask("seedling-text").denial().unwrap().code, "INSUFFICIENT_TIER");
}

#[test]
fn a_tier_can_be_inserted() {
    let mut builder = Engine::builder();
    for entry in fs::read_dir("policies/tiers").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        if name.ends_with(".policy") {
            // One word more in the vocabulary, and no rule touched.
            builder = builder.text(name, &text.replace("anonymous < seed", "anonymous < spore < seed"));
        }
    }
    let engine = builder.load().unwrap();
    let reports = policyc::examine::test::run(&engine, |_| true, |_| {});
    assert!(reports.iter().all(policyc::examine::test::TestReport::passed));
    let ask = |tier: &str, model: &str| {
        engine.decide(&Request::new(Principal::user("pat").tier(tier), "view", Resource::model(model)))
    };
    assert!(ask("spore", "sprout-text").is_allow());
    assert!(!ask("spore", "seedling-text").is_allow());
}

#[test]
fn one_engine_serves_every_caller() {
    let engine = Engine::load(["policies/tiers"]).unwrap();
    let decide = |action: &'static str| {
        let engine = &engine;
        move || {
            let request = Request::new(Principal::user("flo").tier("flower"), action, Resource::model("orchard-text"));
            engine.decide(&request).denial().map(|denial| denial.code.clone())
        }
    };
    let codes = std::thread::scope(|scope| {
        ["generate_text", "generate_image", "generate_audio"]
            .map(|action| scope.spawn(decide(action)))
            .map(|thread| thread.join().unwrap())
    });
    assert!(codes.iter().all(|code| code.as_deref() == Some("INSUFFICIENT_TIER")), "{codes:?}");
}

/// The rules that a review in December 2026 finds of a kind.
fn reviewed(set: &str, kind: Kind) -> Vec<String> {
    let engine = Engine::load([format!("policies/{set}")]).unwrap();
    let at = Utc.with_ymd_and_hms(2026, 12, 1, 0, 0, 0).unwrap();
    let asked = Asked { at, within: TimeDelta::days(30), budget: Budget::USUAL, idle: false };
    let found = review(&engine, asked, |_| {});
    found.findings.iter().filter(|found| found.kind == kind).map(|found| found.rule.to_string()).collect()
}

#[test]
fn a_review_finds_expired_grants() {
    assert_eq!(reviewed("model-acl", Kind::Expired), ["alice", "acme_week", "march_trials"]);
}

#[test]
fn a_review_finds_broad_grants() {
    let broad = reviewed("model-acl", Kind::Broad);
    assert_eq!(broad, ["catalogue", "teams_ship_their_own", "auditors_read_cards"]);
}
