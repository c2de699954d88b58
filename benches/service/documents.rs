//! The rows of managed documents: how long a change takes where there are many already, and how long the service starts on them.

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
