//! The shipped rule books of models, before the servers that run them: keys of people and of a partner, and calls as the
//! cluster's clients send them.

use super::{error, header};
use crate::{
    identity::policyc,
    service::{PATIENCE, Service, Setup},
    upstream::Upstream,
};
use reqwest::blocking::{RequestBuilder, Response};
use serde_json::Value;
use std::{
    fs, thread,
    time::{Duration, Instant},
};

/// The shipped policies as one text. The partner's week is not over yet.
fn policy() -> String {
    let files = ["vocabulary", "registry", "house"].map(|name| format!("policies/model-acl/{name}.policy"));
    let books =
        fs::read_dir("policies/model-acl/models").unwrap().map(|entry| entry.unwrap().path().display().to_string());
    let text =
        files.into_iter().chain(books).map(|path| fs::read_to_string(path).unwrap()).collect::<Vec<_>>().join("\n");
    text.replace("until 2026-03-08", "until 2126-03-08")
}

/// The cluster, and the keys of Rita, a researcher; of Bob, who is none; and of the partner.
fn cluster(upstream: &Upstream) -> (Service, [String; 3]) {
    let settings = "state = \"state\"\ntrusted_proxies = [\"127.0.0.1/32\"]\n[auth]\nkeys = \"keys.toml\"";
    let service = Setup::new(&policy())
        .file("keys.toml", "")
        .settings(settings)
        .args(&["--upstream", &format!("vllm={}", upstream.url())])
        .start();
    let person = |name: &str, role: &str| {
        format!("principal = {{ kind = \"user\", id = \"{name}@company.com\" }}\nroles = [\"{role}\"]\norg = \"lab\"\n")
    };
    let mut file = String::new();
    let keys =
        [("rita", person("rita", "researcher")), ("bob", person("bob", "employee")), ("acme-vision", String::new())];
    let keys = keys.map(|(id, more)| {
        let (entry, said) = policyc(&service, &["--config", "serve.toml", "--new-key", id]);
        file.push_str(&format!("{entry}{more}"));
        said.trim().rsplit(' ').next().unwrap().to_owned()
    });
    fs::write(service.folder.path().join("keys.toml"), file).unwrap();
    service.signal("HUP");
    let began = Instant::now();
    while service.get("/v1/models").bearer_auth(&keys[2]).send().unwrap().status() != 200 {
        assert!(began.elapsed() < PATIENCE, "the keys are read");
        thread::sleep(Duration::from_millis(20));
    }
    (service, keys)
}

fn infer(service: &Service, model: &str, key: &str, from: &str) -> RequestBuilder {
    let request = service.post(&format!("/v1/models/{model}/infer"), r#"{"prompt": "Hi"}"#);
    request.bearer_auth(key).header("x-forwarded-for", from)
}

/// Sends what is allowed, plays the server of models, and gives what the client gets and whom the server was told of.
fn through(upstream: &Upstream, request: RequestBuilder) -> (Response, String) {
    let asked = thread::spawn(move || request.send().unwrap());
    let exchange = upstream.next();
    let principal = exchange.header("x-policy-principal").unwrap().to_owned();
    assert_eq!((exchange.header("authorization"), exchange.body.as_slice()), (None, &br#"{"prompt": "Hi"}"#[..]));
    exchange.answer("200 OK", "content-type: application/json\r\n", r#"{"text": "Hello"}"#);
    (asked.join().unwrap(), principal)
}

const INSIDE: &str = "10.1.2.3";

#[test]
fn a_call_that_is_allowed_is_answered_by_the_model_and_no_other_reaches_it() {
    let upstream = Upstream::start();
    let (service, [rita, bob, _]) = cluster(&upstream);
    let (response, principal) = through(&upstream, infer(&service, "qwen3-7b-chat", &rita, INSIDE));
    assert_eq!(principal, "user:rita@company.com", "the key stands for a person");
    assert_eq!((response.status().as_u16(), &*response.text().unwrap()), (200, r#"{"text": "Hello"}"#));

    let refused = |model: &str, key: &str, from: &str| infer(&service, model, key, from).send().unwrap();
    let response = refused("qwen3-7b-chat", &bob, INSIDE);
    assert_eq!(
        (response.status().as_u16(), header(&response, "x-policy-code")),
        (403, "NO_RULE"),
        "the name is no use"
    );
    assert_eq!(error(refused("qwen3-7b-chat", &rita, "203.0.113.7")).0, 403, "not from outside");
    assert_eq!(error(refused("qwen3-omni", &rita, INSIDE)).1, "EXPERIMENTAL");
    assert_eq!(error(refused("qwen3-7b-chat", "pk_rita_forged", INSIDE)).0, 401);
    let nobody = service.post("/v1/models/qwen3-7b-chat/infer", "{}").header("x-forwarded-for", INSIDE);
    assert_eq!(error(nobody.send().unwrap()).0, 401);
    assert_eq!(upstream.count(), 1, "only what was allowed");
}

#[test]
fn the_policy_is_asked_anew_for_every_call() {
    let upstream = Upstream::start();
    let (service, [rita, bob, _]) = cluster(&upstream);
    assert_eq!(infer(&service, "qwen3-7b-chat", &bob, INSIDE).send().unwrap().status(), 403);
    through(&upstream, infer(&service, "qwen3-7b-chat", &rita, INSIDE));
    let more = "deny user \"rita@company.com\" to infer else PAUSED;\nallow user \"bob@company.com\" to infer on \"qwen3-7b-chat\";\n";
    fs::write(service.folder.path().join("policies/main.policy"), format!("{}{more}", policy())).unwrap();
    service.signal("HUP");
    service.says("another policy set decides");
    through(&upstream, infer(&service, "qwen3-7b-chat", &bob, INSIDE));
    assert_eq!(error(infer(&service, "qwen3-7b-chat", &rita, INSIDE).send().unwrap()).1, "PAUSED");
    assert_eq!(upstream.count(), 2);
}

#[test]
fn a_partner_has_a_key_that_opens_the_demo_alone() {
    let upstream = Upstream::start();
    let (service, [rita, _, partner]) = cluster(&upstream);
    let (response, principal) = through(&upstream, infer(&service, "qwen3-vl-demo", &partner, "203.0.113.7"));
    assert_eq!((response.status().as_u16(), &*principal), (200, "key:acme-vision"));
    let list: Value = service.get("/v1/models").bearer_auth(&partner).send().unwrap().json().unwrap();
    let models: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(models, ["qwen3-vl-demo"]);
    let other =
        |model: &str| infer(&service, model, &partner, INSIDE).send().unwrap().text().unwrap().replace(model, "…");
    assert_eq!(other("qwen3-7b-chat"), other("no-such-model"));
    assert_eq!(other("qwen3-risk"), other("no-such-model"));
    assert_eq!(
        error(infer(&service, "qwen3-vl-demo", &rita, INSIDE).send().unwrap()).0,
        403,
        "and the demo is the partner's"
    );
}
