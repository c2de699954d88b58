//! Several services that share managed documents, as those who ask them see it.

use crate::{
    postgres::{Server, until},
    service::{Service, Setup},
};
use reqwest::{
    Method,
    blocking::{RequestBuilder, Response},
};
use serde_json::{Value, json};
use std::thread;

const POLICY: &str = r#"
    actions view, infer, edit, manage;
    role admin;
    kinds keys;
    open: allow anyone to view, manage;
    allow anyone to edit;
    deny anyone to edit when degraded else READ_ONLY 503;
"#;

/// So long that nothing comes by looking for it within a test.
const SELDOM: &str = "sync_interval_ms = 600000";

/// A service that shares its documents, and has time for the store's answer where others keep the machine busy.
fn setup(policy: &str, database: &Server, more: &str) -> Setup {
    let settings = format!("[managed]\ntimeout_ms = 20000\n{more}");
    Setup::new(policy).args(&["--store", &database.url()]).settings(&settings)
}

fn request(service: &Service, method: Method, path: &str, body: &Value) -> RequestBuilder {
    service.client.request(method, service.url(path)).json(body)
}

fn send(service: &Service, method: Method, path: &str, body: &Value) -> Response {
    request(service, method, path, body).send().unwrap()
}

/// The answers to requests that are sent at the same time.
fn at_once(requests: [RequestBuilder; 2]) -> [Response; 2] {
    let sent = requests.map(|request| thread::spawn(move || request.send().unwrap()));
    sent.map(|sent| sent.join().unwrap())
}

/// Lets one user infer on a model.
fn list(model: &str, user: &str) -> Value {
    json!({ "model": model, "rules": [{ "principal": { "type": "user", "value": user }, "operations": ["infer"] }] })
}

fn put(service: &Service, path: &str, model: &str, user: &str) -> Response {
    send(service, Method::PUT, path, &list(model, user))
}

fn ask(service: &Service, user: &str, action: &str, model: &str) -> Response {
    let question = json!({
        "subject": { "type": "user", "id": user }, "action": { "name": action },
        "resource": { "type": "model", "id": model },
    });
    service.post("/access/v1/evaluation", &question.to_string()).send().unwrap()
}

fn decision(service: &Service, user: &str, action: &str, model: &str) -> Value {
    ask(service, user, action, model).json().unwrap()
}

fn may(service: &Service, user: &str, model: &str) -> bool {
    decision(service, user, "infer", model)["decision"] == true
}

fn ready(service: &Service) -> (u16, String) {
    let answer = service.get("/readyz").send().unwrap();
    (answer.status().as_u16(), answer.text().unwrap())
}

fn until_ready(service: &Service) {
    until("the service is in order", || ready(service).1.starts_with("ready").then_some(()));
}

fn metric(service: &Service, name: &str) -> f64 {
    let text = service.get("/metrics").send().unwrap().text().unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().parse().unwrap()
}

fn header<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

#[test]
fn a_change_at_one_service_decides_at_the_other() {
    let database = Server::start();
    let nodes = [(); 2].map(|()| setup(POLICY, &database, SELDOM).start());
    assert!(!may(&nodes[1], "bob", "m"));
    let answer = put(&nodes[0], "/v1/acl/model?wait=all", "m", "bob");
    assert_eq!((answer.status().as_u16(), header(&answer, "x-policy-applied")), (200, Some("all")));
    assert!(nodes.iter().all(|node| may(node, "bob", "m")), "as soon as it is answered");
    assert_eq!(metric(&nodes[1], "policyc_documents_mark"), 1.0);
    assert_eq!(metric(&nodes[1], "policyc_documents_behind"), 0.0);

    let answer = send(&nodes[1], Method::DELETE, "/v1/acl/model/m?wait=all", &Value::Null);
    assert_eq!((answer.status().as_u16(), header(&answer, "x-policy-applied")), (204, Some("all")));
    assert!(nodes.iter().all(|node| !may(node, "bob", "m")));
    assert_eq!(put(&nodes[0], "/v1/acl/model?wait=some", "m", "bob").status(), 400);
    assert_eq!(put(&nodes[0], "/v1/acl/model", "m", "cy").json::<Value>().unwrap()["version"], 3);
    until("the other hears of it", || may(&nodes[1], "cy", "m").then_some(()));
    let history = nodes[1].json("/v1/acl/model/m?history=true");
    assert_eq!(history["data"].as_array().unwrap().len(), 3);
}

#[test]
fn of_two_writes_at_once_one_is_told_the_conflict() {
    let database = Server::start();
    let nodes = [(); 2].map(|()| setup(POLICY, &database, SELDOM).start());
    let mut version = put(&nodes[0], "/v1/acl/model?wait=all", "m", "bob").json::<Value>().unwrap()["version"].clone();
    for _ in 0..10 {
        let write = |node: usize| {
            request(&nodes[node], Method::PUT, "/v1/acl/model", &list("m", ["ann", "ben"][node]))
                .header("if-match", format!("\"{version}\""))
        };
        let answers = at_once([write(0), write(1)]);
        let statuses = answers.each_ref().map(|answer| answer.status().as_u16());
        assert!(matches!(statuses, [200, 412] | [412, 200]), "{statuses:?}");
        let winner = ["ann", "ben"][usize::from(statuses[0] == 412)];
        for answer in answers {
            let is_conflict = answer.status() == 412;
            let told: Value = answer.json().unwrap();
            // Whoever lost is told what is there now.
            let told = if is_conflict { &told["current"] } else { &told };
            version = told["version"].clone();
        }
        for node in &nodes {
            until("both decide alike", || may(node, winner, "m").then_some(()));
        }
    }
    // Without a version, both are made, one after the other.
    let write = |(node, model)| request(&nodes[node], Method::PUT, "/v1/acl/model", &list(model, "bob"));
    let answers = at_once([(0, "x"), (1, "y")].map(write));
    assert_eq!(answers.map(|answer| answer.status().as_u16()), [200, 200]);
}

#[test]
fn a_database_that_is_killed_loses_nothing_that_was_answered() {
    let mut database = Server::start();
    let nodes = [(); 2].map(|()| setup(POLICY, &database, "").start());
    for number in 0..5 {
        assert_eq!(put(&nodes[number % 2], "/v1/acl/model", &format!("m{number}"), "bob").status(), 200);
    }
    for node in &nodes {
        until("both know it", || may(node, "bob", "m4").then_some(()));
    }
    database.kill();
    for node in &nodes {
        let refused = until("a change is refused", || {
            Some(put(node, "/v1/acl/model", "lost", "bob")).filter(|answer| answer.status() == 503)
        });
        assert_eq!(header(&refused, "retry-after"), Some("1"));
        assert!(may(node, "bob", "m0") && !may(node, "bob", "lost"), "decisions go on");
        until("it is known", || ready(node).1.starts_with("degraded: documents\nready, ").then_some(()));
        assert_eq!(decision(node, "bob", "edit", "m0")["context"]["code"], "READ_ONLY", "policies see it");
        let told = node.json("/v1/admin/degraded").to_string();
        assert!(told.contains(&database.name()) && !told.contains("s3cret"), "{told}");
        let said = node.says("the service is degraded");
        assert!(!said.contains("s3cret"), "{said}");
    }
    database.restart();
    for node in &nodes {
        until_ready(node);
        assert!((0..5).all(|number| may(node, "bob", &format!("m{number}"))));
    }
    assert_eq!(put(&nodes[0], "/v1/acl/model?wait=all", "m5", "bob").status(), 200);
    assert!(may(&nodes[1], "bob", "m5"));
    let third = setup(POLICY, &database, "").start();
    assert!((0..6).all(|number| may(&third, "bob", &format!("m{number}"))), "a new one reads them all");
}

#[test]
fn nothing_is_decided_before_documents_were_read() {
    let mut database = Server::start();
    assert_eq!(put(&setup(POLICY, &database, "").start(), "/v1/acl/model", "m", "bob").status(), 200);
    database.kill();
    let service = setup(POLICY, &database, "").start();
    assert_eq!(ready(&service).0, 503);
    for path in ["/v1/acl/model/m", "/v1/admin/degraded"] {
        assert_eq!(service.get(path).send().unwrap().status(), 503, "{path}");
    }
    let answer = ask(&service, "bob", "view", "m");
    assert_eq!(
        (answer.status().as_u16(), answer.json::<Value>().unwrap()["code"].clone()),
        (503, "DOCUMENTS_UNREAD".into())
    );
    assert_eq!(put(&service, "/v1/acl/model", "m", "bob").status(), 503);
    assert_eq!(service.get("/healthz").send().unwrap().status(), 200);
    database.restart();
    until_ready(&service);
    assert!(may(&service, "bob", "m"));

    // So it is with tables that a later program has made, and which this one leaves alone.
    database.ask("UPDATE policyc.state SET version = 9, needs = 9");
    let late = setup(POLICY, &database, "").start();
    let said = service.says("the service is degraded");
    assert!(said.contains("version 9") && said.contains(&database.name()) && !said.contains("s3cret"), "{said}");
    assert_eq!((ready(&late).0, ask(&late, "bob", "view", "m").status().as_u16()), (503, 503));
    assert_eq!(put(&service, "/v1/acl/model", "m", "eve").status(), 503, "nor does one that began before");
    assert_eq!(database.ask("SELECT mark, version FROM policyc.state"), "1|9");
    database.ask("UPDATE policyc.state SET version = 1, needs = 1");
    until_ready(&late);
    assert!(may(&late, "bob", "m"));
}

#[test]
fn what_documents_allow_is_not_believed_for_ever() {
    let mut database = Server::start();
    let settings = "max_stale_secs = 1\n[auth]\nmanaged_keys = true\nkey_secret = { file = \"key\" }";
    let secret = "0123456789abcdef0123456789abcdef";
    let service = setup(POLICY, &database, settings).file("key", secret).start();
    let token = service
        .says("bootstrap token: ")
        .split("bootstrap token: ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .to_owned();
    let key = json!({ "id": "ann", "principal": { "kind": "user", "id": "ann" }, "roles": ["admin"] });
    let made = service.client.post(service.url("/v1/admin/keys")).bearer_auth(&token).json(&key).send().unwrap();
    assert_eq!(made.status(), 201);
    let key = made.json::<Value>().unwrap()["key"].as_str().unwrap().to_owned();
    let other = setup(POLICY, &database, settings).file("key", secret).start();
    let keys = |service: &Service| {
        let answer = service.get("/v1/acl/model").bearer_auth(&key).send().unwrap();
        (answer.status().as_u16(), answer.json::<Value>().unwrap()["code"].clone())
    };
    assert_eq!(keys(&other).0, 200, "a key is for all");
    assert_eq!(put(&service, "/v1/acl/model?wait=all", "m", "anonymous").status(), 200);
    database.kill();
    until("it is stale", || (keys(&other) == (503, "DOCUMENTS_STALE".into())).then_some(()));
    database.restart();
    until("it is believed again", || (keys(&other).0 == 200).then_some(()));
}

#[test]
fn what_a_stale_document_allows_is_unavailable_and_what_files_allow_goes_on() {
    let mut database = Server::start();
    let service = setup(POLICY, &database, "max_stale_secs = 1").start();
    assert_eq!(put(&service, "/v1/acl/model", "m", "bob").status(), 200);
    assert!(may(&service, "bob", "m"));
    database.kill();
    let denied =
        until("it is stale", || Some(decision(&service, "bob", "infer", "m")).filter(|told| told["decision"] == false));
    assert_eq!((&denied["context"]["code"], &denied["context"]["status"]), (&"DOCUMENTS_STALE".into(), &503.into()));
    assert_eq!(decision(&service, "bob", "view", "m")["decision"], true, "what files allow");
    assert_eq!(decision(&service, "eve", "infer", "m")["context"]["code"], "NO_RULE", "what nothing allows");
    assert!(metric(&service, "policyc_documents_silence_seconds") > 1.0);
    database.restart();
    until("it is believed again", || may(&service, "bob", "m").then_some(()));
}

#[test]
fn what_does_not_go_with_the_files_of_a_service_is_suspended_there() {
    let database = Server::start();
    let strict = format!("{POLICY}no_bob: never allow user \"bob\" to infer on \"m\";\n");
    let [lax, strict] = [POLICY, &strict].map(|policy| setup(policy, &database, SELDOM).start());
    for (model, user) in [("m", "bob"), ("n", "bob"), ("m2", "cy")] {
        assert_eq!(put(&lax, "/v1/acl/model?wait=all", model, user).status(), 200);
    }
    assert!(may(&lax, "bob", "m") && may(&lax, "bob", "n"));
    assert!(!may(&strict, "bob", "m") && may(&strict, "bob", "n") && may(&strict, "cy", "m2"));
    strict.says("what it allows is suspended");
    assert_eq!(put(&strict, "/v1/acl/model", "m", "bob").status(), 422, "nobody can write it there");
    // What was found out is kept for each by itself, and believed by the next with the same files.
    assert_eq!(database.ask("SELECT count(*), min(mark), max(mark) FROM policyc.found"), "2|3|3");
    assert_eq!(database.ask("SELECT of FROM policyc.suspended"), "model m");
    let strict = strict.again(&["policies", "--store", &database.url()]);
    assert!(!may(&strict, "bob", "m") && may(&strict, "bob", "n"));
    assert_eq!(send(&lax, Method::DELETE, "/v1/acl/model/m?wait=all", &Value::Null).status(), 204);
    assert_eq!(put(&lax, "/v1/acl/model?wait=all", "m", "cy").status(), 200);
    assert!(may(&strict, "cy", "m"));
}

#[test]
fn a_service_that_is_behind_is_named() {
    let database = Server::start();
    let quick = Setup::new(POLICY)
        .args(&["--store", &database.url()])
        .settings("[managed]\ntimeout_ms = 5000\nsync_interval_ms = 600000")
        .start();
    let slow = setup(POLICY, &database, SELDOM).start();
    assert_eq!(header(&put(&quick, "/v1/acl/model?wait=all", "m", "bob"), "x-policy-applied"), Some("all"));
    slow.signal("STOP");
    let answer = put(&quick, "/v1/acl/model?wait=all", "m", "cy");
    slow.signal("CONT");
    assert_eq!((answer.status().as_u16(), header(&answer, "x-policy-applied")), (200, Some("some")));
    assert!(header(&answer, "x-policy-behind").unwrap().starts_with(&slow.url("")));
    until("it catches up", || may(&slow, "cy", "m").then_some(()));
    // One that has ended as it should is waited for no more; another takes its place.
    let again = slow.again(&["policies", "--store", &database.url()]);
    assert_eq!(header(&put(&quick, "/v1/acl/model?wait=all", "m", "dan"), "x-policy-applied"), Some("all"));
    assert_eq!(database.ask("SELECT count(*) FROM policyc.nodes"), "2");
    assert!(may(&again, "dan", "m"));
}
