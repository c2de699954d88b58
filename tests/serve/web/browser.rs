//! Pages as people see them: in a browser, in both themes, in both languages, wide and narrow, with scripts and without.

use super::{
    access::gate,
    client::{LAB, candidate, token},
};
use crate::{
    hub::Hub,
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

/// A laboratory with a gated repository that some have asked for, and with an access list.
fn desk() -> Service {
    let policy = format!("{LAB}\nattribute resource.protected: bool = false;\nmodel \"vault\" {{ protected: true; }}");
    let service = Setup::new(&policy).settings("state = \"state\"").start();
    let put = |path: &str, body: &serde_json::Value| {
        let keeper = token(&service, "user alice roles=researcher,security");
        let request =
            service.client.put(service.url(path)).header("content-type", "application/json").bearer_auth(keeper);
        request.body(body.to_string()).send().unwrap().status().as_u16()
    };
    service.post("/api/repos/create", &json!({ "name": "sea-7b", "organization": "acme" }).to_string()).send().unwrap();
    let settings = json!({ "gated": "manual", "gatedFields": ["Affiliation", "Use"] });
    assert_eq!(put("/api/models/acme/sea-7b/settings", &settings), 200);
    for (who, affiliation, purpose) in
        [("ada", "University of Oslo", "Evaluation of <i>tides</i>"), ("grace", "Acme", "The red team's exercise")]
    {
        let said = json!({ "Affiliation": affiliation, "Use": purpose }).to_string();
        let asked = service.post("/acme/sea-7b/ask-access", &said).bearer_auth(token(&service, &format!("user {who}")));
        assert_eq!(asked.send().unwrap().status(), 200, "{who}");
    }
    let rules = json!([
        { "principal": { "type": "role", "value": "researcher" }, "operations": ["train"],
          "conditions": { "ip_range": ["10.0.0.0/8"], "rate_limit": "100req/hour" } },
        { "principal": { "type": "user", "value": "linus" }, "operations": ["infer", "view"],
          "conditions": { "valid_until": "2030-12-31T23:59:59Z" } },
    ]);
    assert_eq!(put("/v1/acl/model", &json!({ "model": "qwen3-8b", "rules": rules })), 200);
    assert_eq!(put("/v1/acl/model", &json!({ "model": "vault", "rules": rules })), 409, "somebody else confirms it");
    service
}

/// The pages of those who answer requests for access and keep access lists, as the others below.
#[test]
fn pages_of_a_desk_say_what_they_show() {
    let service = desk();
    let pictures = env::var_os("UPDATE_DOCS").map_or("", |_| PICTURES);
    let Some(said) = run("desk", &service, &[pictures]) else { return };
    insta::assert_snapshot!("desk", said);
}

/// From a request for access over an approval to a download; the reviewer has no scripts.
#[test]
fn an_approval_from_request_to_allowed_download() {
    let hub = Hub::start();
    gate(&hub);
    let file = "/acme/gate-a/resolve/main/config.json";
    assert_eq!(hub.get(&hub.bob, file).status(), 403);
    let asked = hub.post(&hub.bob, "/acme/gate-a/ask-access", &json!({ "Use": "study" })).send().unwrap();
    assert_eq!(asked.status(), 200);
    assert_eq!(hub.get(&hub.bob, file).status(), 403, "a reviewer has not answered yet");
    if run("approve", &hub.service, &[&hub.rita]).is_some() {
        assert_eq!(hub.get(&hub.bob, file).status(), 200);
    }
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

/// A set is uploaded, promoted and rolled back without scripts.
#[test]
fn a_set_comes_and_goes_without_scripts() {
    let service = Setup::new(LAB).settings("state = \"state\"").start();
    let first = service.revision();
    let file = service.folder.path().join("lab.policy");
    let sent: serde_json::Value = serde_json::from_str(&candidate()).unwrap();
    fs::write(&file, sent["files"]["lab.policy"].as_str().unwrap()).unwrap();
    if run("sets", &service, &[file.to_str().unwrap()]).is_some() {
        assert_eq!(service.revision(), first, "it has come back");
        let history = service.json("/v1/admin/policies")["history"].as_array().unwrap().len();
        assert_eq!(history, 3, "start, promotion, return");
    }
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
