//! How long a change takes that is made at one service, until it is answered there, and until another decides by it.

use crate::{
    SETTINGS,
    client::percentile,
    postgres::Server,
    service::{Service, Setup},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const POLICY: &str = "actions infer, manage; kinds keys; allow anyone to manage;";
const CHANGES: usize = 200;

pub(crate) fn table() {
    let database = Server::start();
    let nodes = [(); 2].map(|()| Setup::new(POLICY).settings(SETTINGS).args(&["--store", &database.url()]).start());
    let (mut answered, mut seen) = (Vec::new(), Vec::new());
    for number in 0..CHANGES {
        let user = format!("user-{number}");
        let start = Instant::now();
        put(&nodes[0], &user);
        answered.push(start.elapsed());
        while !may(&nodes[1], &user) {}
        seen.push(start.elapsed());
    }
    println!("| a change is | 50 % | 99 % |\n| --- | ---: | ---: |");
    for (what, mut times) in [("answered", answered), ("in force at the other service", seen)] {
        times.sort_unstable();
        let [half, most] = [50, 99].map(|percent| milliseconds(percentile(&times, percent)));
        println!("| {what} | {half:.1} ms | {most:.1} ms |");
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Lets one user infer on the model, and nobody else.
fn put(service: &Service, user: &str) {
    let rules = [json!({ "principal": { "type": "user", "value": user }, "operations": ["infer"] })];
    let list = json!({ "model": "m", "rules": rules });
    let answer = service.client.request(Method::PUT, service.url("/v1/acl/model")).json(&list).send().unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().unwrap());
}

fn may(service: &Service, user: &str) -> bool {
    let question = json!({
        "subject": { "type": "user", "id": user }, "action": { "name": "infer" },
        "resource": { "type": "model", "id": "m" },
    });
    let answer = service.post("/access/v1/evaluation", &question.to_string()).send().unwrap();
    answer.json::<Value>().unwrap()["decision"] == true
}
