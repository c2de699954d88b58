//! Several services that count the same limits, share their documents and keep their audit logs together, as those who ask them
//! see it.

#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "a test that panics has failed, as it should")]

mod audit;
mod documents;
#[path = "../../../documents-postgres/tests/server/mod.rs"]
#[expect(dead_code, reason = "also what only the store's own tests need")]
mod postgres;
#[path = "../../../limits-redis/tests/server/mod.rs"]
#[expect(dead_code, reason = "also what only the store's own tests need")]
mod server;
#[path = "../../../../tests/serve/service.rs"]
#[expect(dead_code, reason = "also what only other tests of the service need")]
mod service;
#[path = "../../../../tests/serve/upstream.rs"]
#[expect(dead_code, reason = "also what only other tests of the gateway need")]
mod upstream;

use reqwest::blocking::Response;
use serde_json::Value;
use server::{Server, until};
use service::{Service, Setup};
use std::{io::Read, thread};
use upstream::Upstream;

/// The program that `service.rs` starts.
const PROGRAM: &str = env!("CARGO_BIN_EXE_policyc-dist");

const POLICY: &str = r#"
    actions view, edit, infer, manage;
    model "m" {}
    allow anyone to view, edit, infer, manage;
    deny anyone to edit when degraded else READ_ONLY 503;
    shared: limit anyone to view on "m" at most 100 per hour;
    held: limit anyone to infer on "m" at most 1 at once;
"#;

/// A service that counts in a store, and has time for its answer where others keep the machine busy.
fn setup(redis: &Server) -> Setup {
    Setup::new(POLICY).args(&["--limits", &redis.url()]).settings("[limits]\ntimeout_ms = 20000")
}

/// Whoever asks a service, from any thread.
struct Client {
    http: reqwest::blocking::Client,
    url: String,
}

impl Client {
    fn of(service: &Service) -> Self {
        Self { http: service.client.clone(), url: service.url("") }
    }

    fn post(&self, path: &str, body: String) -> Response {
        let request = self.http.post(format!("{}{path}", self.url)).header("content-type", "application/json");
        request.body(body).send().unwrap()
    }

    /// What an enforcement point is told.
    fn ask(&self, action: &str, model: &str) -> Value {
        let subject = r#"{"type": "user", "id": "alice"}"#;
        let body = format!(
            r#"{{"subject": {subject}, "action": {{"name": "{action}"}}, "resource": {{"type": "model", "id": "{model}"}}}}"#
        );
        self.post("/access/v1/evaluation", body).json().unwrap()
    }
}

fn ask(service: &Service, action: &str, model: &str) -> Value {
    Client::of(service).ask(action, model)
}

fn is_allowed(service: &Service, action: &str, model: &str) -> bool {
    ask(service, action, model)["decision"] == true
}

/// How many of so many questions of each of 64 clients are allowed, half of them asked of each service.
fn allowed(nodes: &[Client; 2], each: usize) -> usize {
    thread::scope(|scope| {
        let client = |number: usize| {
            let asks = 0..each;
            asks.filter(|ask| nodes[(number + ask) % 2].ask("view", "m")["decision"] == true).count()
        };
        let clients: Vec<_> = (0..64).map(|number| scope.spawn(move || client(number))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    })
}

fn clients(nodes: &[Service; 2]) -> [Client; 2] {
    nodes.each_ref().map(Client::of)
}

fn ready(service: &Service) -> String {
    service.get("/readyz").send().unwrap().text().unwrap()
}

#[test]
fn two_services_together_admit_no_more_than_the_limit() {
    let redis = Server::start();
    let nodes = [setup(&redis).start(), setup(&redis).start()];
    assert_eq!(allowed(&clients(&nodes), 5), 100);
    let denied = ask(&nodes[0], "view", "m");
    assert_eq!((&denied["context"]["code"], &denied["context"]["rule"]), (&"RATE_LIMITED".into(), &"shared".into()));
    for node in &nodes {
        let told = node.json("/v1/admin/limits");
        assert_eq!((&told["data"][0]["used"], &told["data"][0]["limit"]), (&100.into(), &100.into()), "{told}");
    }
    let name = nodes[0].json("/v1/admin/limits")["data"][0]["counter"].as_str().unwrap().to_owned();
    let reset = nodes[0].client.delete(nodes[0].url(&format!("/v1/admin/limits/{name}"))).send().unwrap();
    assert_eq!(reset.status(), 204);
    assert!(is_allowed(&nodes[1], "view", "m"), "what one service resets, the other counts anew");
}

#[test]
fn a_store_that_was_killed_denies_what_it_counts_until_it_is_back() {
    let mut redis = Server::start();
    let nodes = [setup(&redis).start(), setup(&redis).start()];
    let before = (0..40).filter(|ask| is_allowed(&nodes[ask % 2], "view", "m")).count();
    assert_eq!(before, 40);

    redis.kill();
    assert_eq!(allowed(&clients(&nodes), 1), 0, "what cannot be counted is denied");
    let denied = ask(&nodes[0], "view", "m");
    assert_eq!((&denied["context"]["code"], &denied["context"]["retry_after"]), (&"RATE_LIMITED".into(), &1.into()));
    assert!(is_allowed(&nodes[0], "view", "other"), "what no limit concerns goes on");
    for node in &nodes {
        assert!(ready(node).starts_with("degraded: limits\nready, revision "), "{}", ready(node));
        assert!(node.get("/metrics").send().unwrap().text().unwrap().contains("policyc_degraded 1"));
        let told = node.json("/v1/admin/degraded");
        assert!(told["reasons"]["limits"].as_str().unwrap().starts_with(&redis.url()), "{told}");
        assert_eq!(ask(node, "edit", "m")["context"]["code"], "READ_ONLY", "policies see it");
    }

    redis.restart();
    for node in &nodes {
        until("the service is in order again", || ready(node).starts_with("ready").then_some(()));
        assert!(is_allowed(node, "edit", "m"));
    }
    assert_eq!(allowed(&clients(&nodes), 5), 60, "what was counted before is counted still");
}

/// Clients go on asking while the store ends and comes back.
#[test]
fn a_store_that_is_killed_in_the_middle_admits_nothing_twice() {
    let mut redis = Server::start();
    let nodes = [setup(&redis).start(), setup(&redis).start()];
    let askers = clients(&nodes);
    let total = thread::scope(|scope| {
        let clients = scope.spawn(|| allowed(&askers, 20));
        until("something is counted", || (redis.ask("DBSIZE") == ":1").then_some(()));
        redis.kill();
        redis.restart();
        clients.join().unwrap()
    });
    for node in &nodes {
        until("the service is in order again", || ready(node).starts_with("ready").then_some(()));
    }
    let total = total + allowed(&clients(&nodes), 3);
    // What was counted as the store ended may not have been told any more, and was denied then.
    assert!(total <= 100 && !is_allowed(&nodes[0], "view", "m"), "{total}");
}

#[test]
fn a_service_may_go_on_uncounted() {
    let mut redis = Server::start();
    redis.kill();
    let service = setup(&redis).settings("on_outage = \"allow\"").start();
    assert!(ready(&service).starts_with("degraded: limits\n"), "known before anybody asks");
    assert!((0..101).all(|_| is_allowed(&service, "view", "m")));
    redis.restart();
    until("the service is in order again", || ready(&service).starts_with("ready").then_some(()));
    assert_eq!((0..101).filter(|_| is_allowed(&service, "view", "m")).count(), 100);
}

#[test]
fn a_lease_is_given_back_when_its_client_goes() {
    let (redis, upstream) = (Server::start(), Upstream::start());
    let gateway = || setup(&redis).args(&["--upstream", &format!("gpu={}", upstream.url())]).start();
    let nodes = [gateway(), gateway()];
    let askers = clients(&nodes);
    let body = r#"{"model": "m", "messages": [], "stream": true}"#;
    let stream = |node: usize| -> Response { askers[node].post("/v1/chat/completions", body.to_owned()) };
    thread::scope(|scope| {
        for round in 0..3 {
            let asked = scope.spawn(move || stream(round % 2));
            let mut exchange = upstream.next();
            exchange.begin("content-type: text/event-stream\r\n");
            exchange.piece("data: {}\n\n");
            let mut response = asked.join().unwrap();
            response.read_exact(&mut [0; 6]).unwrap();
            assert_eq!(stream((round + 1) % 2).status(), 429, "held, whichever service is asked");
            drop(response);
            exchange.wait_until_left();
        }
    });
}

#[test]
fn secrets_of_an_address_are_told_to_nobody() {
    let mut redis = Server::start();
    assert_eq!(redis.ask("CONFIG SET requirepass s3cret"), "+OK");
    let address = redis.url().replace("//", "//:s3cret@");
    let service = Setup::new(POLICY).args(&["--limits", &address]).settings("[limits]\ntimeout_ms = 20000").start();
    assert!(is_allowed(&service, "view", "m"));
    redis.kill();
    assert!(!is_allowed(&service, "view", "m"));
    let told = service.json("/v1/admin/degraded").to_string();
    assert!(told.contains(&redis.url()) && !told.contains("s3cret"), "{told}");
    let said = service.says("the service is degraded");
    assert!(!said.contains("s3cret"), "{said}");
    let (code, said) = Setup::new(POLICY).args(&["--limits", "redis://user:s3cret@[x", "--check-config"]).fails();
    assert!(code == 1 && said.contains("limits.store") && !said.contains("s3cret"), "{said}");
    let (code, said) = Setup::new(POLICY).args(&["--limits", "etcd://host", "--check-config"]).fails();
    assert!(code == 1 && said.contains("redis, rediss"), "{said}");
}
