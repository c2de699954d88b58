//! Pages as people see them: in a browser, in both themes, in both languages, wide and narrow, with scripts and without.

use super::client::{LAB, candidate, token};
use crate::{
    python,
    service::{Service, Setup},
};
use serde_json::json;
use std::{env, fmt::Write, fs, path::Path};

const SCRIPT: &str = include_str!("browser.py");
/// Where the pictures of the documentation are.
const PICTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/serve/web");

/// Runs a part of the script; false where there is no browser on this machine.
fn run(part: &str, service: &Service, more: &[&str]) -> Option<String> {
    if !Path::new("/usr/bin/chromium").exists() {
        eprintln!("not tried: there is no /usr/bin/chromium on this machine");
        return None;
    }
    let mut python = python::with("playwright")?;
    let output = python.args(["-c", SCRIPT, part, &service.url("")]).args(more).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    Some(said)
}

/// A laboratory in which some things were decided, with a candidate.
fn lab() -> Service {
    let service = Setup::new(LAB).settings("state = \"state\"").start();
    service.post("/v1/admin/policies/shadow", &candidate()).send().unwrap();
    let asked = [
        ("ada", "infer", "qwen3-8b"),
        ("ada", "download", "qwen3-72b"),
        ("grace", "download", "qwen3-72b"),
        ("grace", "infer", "medical-chat"),
        ("linus", "infer", "qwen3-8b"),
        ("linus", "infer", "qwen3-72b"),
        ("linus", "view", "draft-<b>bold</b>"),
        ("linus", "train", "qwen3-8b"),
    ];
    for (who, action, what) in asked {
        let question = json!({
            "subject": {"type": "user", "id": who}, "action": {"name": action}, "resource": {"type": "model", "id": what},
        });
        service.post("/access/v1/evaluation", &question.to_string()).send().unwrap();
    }
    service
}

/// What pages say to whoever listens to them, and how the documentation shows them. `UPDATE_DOCS=1` takes its pictures anew.
#[test]
fn pages_say_what_they_show() {
    let service = lab();
    let pictures = env::var_os("UPDATE_DOCS").map_or("", |_| PICTURES);
    let Some(said) = run("look", &service, &[pictures]) else { return };
    insta::assert_snapshot!("pages", said);
    let docs = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/serve/web.md")).unwrap();
    for picture in fs::read_dir(PICTURES).unwrap() {
        let name = picture.unwrap().file_name().into_string().unwrap();
        assert!(docs.contains(&format!("web/{name}")), "the documentation shows {name}");
    }
}

#[test]
fn every_form_does_what_it_says() {
    let service = lab();
    run("forms", &service, &[&token(&service, "user alice roles=security")]);
}

#[test]
fn pages_can_be_read_without_scripts() {
    run("plain", &lab(), &[]);
}

#[test]
fn decisions_are_seen_as_they_are_made() {
    run("live", &lab(), &[]);
}

/// How many records the log has; 100 000 are what the figure is about.
fn records() -> usize {
    env::var("POLICYC_RECORDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3_000)
}

#[test]
fn pages_are_there_at_once_however_much_there_is() {
    let mut catalog = String::new();
    for model in 0..10_000 {
        let tag = if model % 3 == 0 { "sensitive" } else { "open" };
        let _ = writeln!(
            catalog,
            r#"{{"type": "model", "id": "acme/model-{model:05}", "properties": {{"tags": ["{tag}"]}}}}"#
        );
    }
    let setup = Setup::new(LAB).settings("state = \"state\"").file("models.jsonl", &catalog);
    let service = setup.args(&["--catalog", "models.jsonl"]).start();
    let one = |record: usize| {
        json!({
            "subject": {"type": "user", "id": if record.is_multiple_of(7) { "ada" } else { "linus" }},
            "action": {"name": "infer"},
            "resource": {"type": "model", "id": format!("acme/model-{:05}", record * 13 % 10_000)},
        })
    };
    let all: Vec<usize> = (0..records()).collect();
    for some in all.chunks(1_000) {
        let questions: Vec<_> = some.iter().map(|record| one(*record)).collect();
        let answer =
            service.post("/access/v1/evaluations", &json!({ "evaluations": questions }).to_string()).send().unwrap();
        assert_eq!(answer.status(), 200);
    }
    run("fast", &service, &[]);
}
