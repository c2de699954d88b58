//! One policy set, many enforcement points: every surface of every copy decides alike.

use crate::{
    service::{Service, Setup},
    upstream::Upstream,
};
use serde_json::{Value, json};
use std::{fs, thread};

const POLICY: &str = r#"
actions infer;
model "open" {}
model "closed" {}
allow anyone to infer;
closed: deny anyone to infer on "closed" else NOT_YET 403 "Not yet." hint "Ask in spring.";
"#;

/// A copy that decides by a bundle.
fn copy(bundle: &[u8], upstream: &Upstream) -> Service {
    let route = "trusted_proxies = [\"127.0.0.1/32\"]\n[[forward.route]]\npath = \"/m/{model}\"\naction = \"infer\"\nresource = \"model\"";
    let setup = Setup::new("").settings(route);
    fs::write(setup.path().join("set.bundle"), bundle).unwrap();
    setup.only_args(&["set.bundle", "--upstream", &format!("gpu={}", upstream.url())]).start()
}

/// The status and the code that each surface answers with.
fn answers(service: &Service, upstream: &Upstream, model: &str) -> [(u16, String); 3] {
    let asked = json!({ "subject": { "type": "anonymous" }, "action": { "name": "infer" }, "resource": { "type": "model", "id": model } });
    let decision: Value = service.post("/access/v1/evaluation", &asked.to_string()).send().unwrap().json().unwrap();
    assert_eq!(decision["context"]["revision"], service.revision().as_str());
    let context = |name: &str| decision["context"][name].clone();
    let authzen = (
        context("status").as_u64().map_or(200, |status| u16::try_from(status).unwrap()),
        context("code").as_str().unwrap_or_default().to_owned(),
    );
    let told = |response: reqwest::blocking::Response| {
        let status = response.status().as_u16();
        let body: Value = response.json().unwrap_or_default();
        (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    let asked =
        service.get("/authz").header("x-forwarded-method", "POST").header("x-forwarded-uri", format!("/m/{model}"));
    let forward = told(asked.send().unwrap());
    let request = service.post("/v1/chat/completions", &json!({ "model": model }).to_string());
    let asked = thread::spawn(move || request.send().unwrap());
    if authzen.0 == 200 {
        upstream.next().answer("200 OK", "", "");
    }
    [authzen, forward, told(asked.join().unwrap())]
}

#[test]
fn every_surface_of_every_copy_decides_by_the_same_set() {
    let upstream = Upstream::start();
    let mut bundle = Vec::new();
    policyc::Engine::builder().text("main.policy", POLICY).load().unwrap().bundle(None, &mut bundle).unwrap();
    let copies = [copy(&bundle, &upstream), copy(&bundle, &upstream)];
    assert_eq!(copies[0].revision(), copies[1].revision());
    for service in &copies {
        for answer in answers(service, &upstream, "open") {
            assert_eq!(answer, (200, String::new()));
        }
        for answer in answers(service, &upstream, "closed") {
            assert_eq!(answer, (403, "NOT_YET".to_owned()));
        }
    }
    assert_eq!(upstream.count(), 2);
}
