//! The rows of many models: how long a change of a managed document takes where there are many already, how long the service
//! starts on them, and how long a page of a list of models takes.

#![expect(clippy::disallowed_methods, reason = "a start and a change are measured against the clock on the wall")]

use crate::server::Server;
use reqwest::blocking::Client;
use serde_json::{Value, json};
use std::{
    fs,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How many models have a list.
const MODELS: usize = 100_000;
/// How many are sent in one request.
const SENT: usize = 10_000;
/// How many changes are measured.
const CHANGES: usize = 101;

const POLICY: &str = "actions view, infer, train, download, manage;
role researcher;
role admin;
admins: allow role admin to manage;
open: allow anyone to view;
embargo: deny anyone to infer on tag risk;
no_strangers: never allow anonymous to infer, train, download;
";

fn list(number: usize, user: usize) -> Value {
    let principal = json!({ "type": "user", "value": format!("user-{user}") });
    json!({ "model": format!("team-{}/model-{number}", number % 100),
            "rules": [{ "principal": principal, "operations": ["infer", "download"] }] })
}

/// The median of a change in milliseconds, and the seconds of a start.
pub(crate) fn measure() -> (f64, f64) {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("lab.policy"), POLICY).unwrap();
    fs::write(folder.path().join("documents.toml"), "state = \"state\"\n[audit]\ndurability = \"off\"\n").unwrap();
    let start = || Server::policyc(folder.path(), &["lab.policy", "--config", "documents.toml"]);
    let client = Client::builder().timeout(Duration::from_secs(600)).build().unwrap();
    let service = start();
    let url = |service: &Server| format!("http://{}/v1/acl/model", service.address);
    for first in (0..MODELS).step_by(SENT) {
        let lists: Vec<Value> = (first..first + SENT).map(|number| list(number, number % 1_000)).collect();
        let answer = client.post(url(&service)).json(&lists).send().unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().unwrap());
    }
    let mut changes: Vec<Duration> = (0..CHANGES)
        .map(|number| {
            let began = Instant::now();
            let answer = client.put(url(&service)).json(&list(number * 997, number + 7)).send().unwrap();
            assert!(answer.status().is_success(), "{}", answer.text().unwrap());
            began.elapsed()
        })
        .collect();
    changes.sort_unstable();
    let change = changes.get(CHANGES / 2).unwrap().as_secs_f64() * 1_000.0;
    drop(service);
    let began = Instant::now();
    drop(start());
    (change, began.elapsed().as_secs_f64())
}

/// The median of a page of 1,000 models for somebody who may see half of a hundred thousand, in milliseconds.
pub(crate) fn list_models() -> f64 {
    let folder = TempDir::new().unwrap();
    let policy = "actions view, infer;\nopen: allow anyone to view on tag open;\n";
    fs::write(folder.path().join("lab.policy"), policy).unwrap();
    let model = |number: usize| {
        let tag = if number.is_multiple_of(2) { "open" } else { "closed" };
        json!({ "type": "model", "id": format!("team-{}/model-{number}", number % 100), "properties": { "tags": [tag] } })
    };
    let catalog: Vec<String> = (0..MODELS).map(|number| model(number).to_string()).collect();
    fs::write(folder.path().join("models.jsonl"), catalog.join("\n")).unwrap();
    fs::write(folder.path().join("list.toml"), "state = \"memory\"\n[audit]\ndurability = \"off\"\n").unwrap();
    let service = Server::policyc(folder.path(), &["lab.policy", "--catalog", "models.jsonl", "--config", "list.toml"]);
    let client = Client::new();
    let page = || {
        let began = Instant::now();
        let answer = client.get(format!("http://{}/api/models?limit=1000", service.address)).send().unwrap();
        let models: Vec<Value> = answer.error_for_status().unwrap().json().unwrap();
        assert_eq!(models.len(), 1_000);
        began.elapsed()
    };
    let mut pages: Vec<Duration> = (0..CHANGES).map(|_| page()).collect();
    pages.sort_unstable();
    pages.get(CHANGES / 2).unwrap().as_secs_f64() * 1_000.0
}
