//! AuthZEN 1.0.

use crate::{
    identity::policyc,
    python,
    service::{Setup, show},
};

const LAB: &str = r#"allow role researcher to infer;
deny anyone to infer on tag sensitive unless ip in [10.0.0.0/8]
    else OUTSIDE 403 "{model.id} can only be used from the intranet.";
"#;

/// Asks one request after the other: what is asked, and what is answered to it.
fn transcript(setup: Setup, path: &str, bodies: &[&str]) -> String {
    let service = setup.start();
    let mut text = String::new();
    for body in bodies {
        let response = service.post(path, body).header("x-request-id", "r-1").send().unwrap();
        let answer = show(response, &["content-type", "x-request-id", "www-authenticate"]);
        let answer = answer.replace(service.revision().as_str(), "sha256:…");
        text.push_str(&format!("POST {path}\n{body}\n\n{answer}\n\n----\n"));
    }
    text
}

#[test]
fn a_request_is_decided() {
    insta::assert_snapshot!(transcript(
        Setup::new(LAB),
        "/access/v1/evaluation",
        &[
            r#"{"subject": {"type": "user", "id": "alice", "properties": {"roles": ["researcher"]}}, "action": {"name": "infer"}, "resource": {"type": "model", "id": "qwen3"}, "context": {"ip": "10.1.2.3"}}"#,
            r#"{"subject": {"type": "user", "id": "bob"}, "action": {"name": "infer"}, "resource": {"type": "model", "id": "qwen3"}}"#,
            r#"{"subject": {"type": "user", "id": "bob"}, "action": {"name": "infer"}}"#,
            r#"{"subject": {"type": "user", "id": "bob"}, "action": {"name": "infer"}, "resource": {"type": "model", "id": "qwen3"}, "context": {"ip": "10.1.2"}}"#,
            r#"{"subject": "#,
        ]
    ));
}

/// What holds for one resource, or in some circumstances, holds for no other.
#[test]
fn an_enforcement_point_describes_only_what_it_may() {
    let policy = r#"actions infer, evaluate, assert;
allow service "point" to evaluate on tag open;
allow service "point" to assert on tag near;
allow anyone to infer when ip in [10.0.0.0/8];
model "near" { tags: [open, near]; }
model "far" { tags: [open]; }
model "other" { tags: []; }
"#;
    let service = Setup::new(policy).start();
    let (token, _) = policyc(&service, &["--config", "serve.toml", "--dev-token", "service point"]);
    let on = |model: &str, rest: &str| format!(r#"{{"resource": {{"type": "model", "id": "{model}"}}{rest}}}"#);
    let asserts = r#", "context": {"ip": "10.1.2.3"}"#;
    let items = [
        on("near", ""),
        on("near", asserts),
        on("near", asserts),
        on("far", asserts),
        on("far", asserts),
        on("far", ""),
        on("other", asserts),
        on("near", asserts),
        on("near", ""),
    ];
    // Written plainly, and so that every text has to be read at length.
    for subject in [r#"{"type": "user", "id": "alice"}"#, r#"{"type": "user", "id": "\u0061lice"}"#] {
        let body = format!(
            r#"{{"subject": {subject}, "action": {{"name": "infer"}}, "evaluations": [{}]}}"#,
            items.join(", ")
        );
        let request = service.post("/access/v1/evaluations", &body).bearer_auth(token.trim());
        let answer: serde_json::Value = request.send().unwrap().json().unwrap();
        let told = |item: &serde_json::Value| match item["context"]["code"].as_str() {
            Some(code) => code.to_owned(),
            None => item["decision"].to_string(),
        };
        let told: Vec<String> = answer["evaluations"].as_array().unwrap().iter().map(told).collect();
        assert_eq!(
            told,
            ["NO_RULE", "true", "true", "NO_RULE", "NO_RULE", "NO_RULE", "EVALUATE_DENIED", "true", "NO_RULE"],
            "{answer}"
        );
    }
}

/// Why, at length, is for whoever may `audit` the resource.
#[test]
fn the_whole_story_is_told_to_auditors_alone() {
    let policy = "actions infer, evaluate, audit;\nrole researcher;\nrole point;\nrole auditor includes point;\n\
                  allow role point to evaluate;\nallow role auditor to audit;\n\
                  lab: allow role researcher to infer when ip in [10.0.0.0/8];\n\
                  once: limit anyone to infer at most 1 per hour;\n";
    let service = Setup::new(policy).start();
    let question = |model: &str| {
        format!(
            r#"{{"subject": {{"type": "user", "id": "ivy", "properties": {{"roles": ["researcher"]}}}}, "action": {{"name": "infer"}}, "resource": {{"type": "model", "id": "{model}"}}, "context": {{"ip": "10.1.2.3"}}}}"#
        )
    };
    let ask = |role: &str, model: &str, debug: &str| {
        let (token, _) =
            policyc(&service, &["--config", "serve.toml", "--dev-token", &format!("service s roles={role}")]);
        let request = service.post("/access/v1/evaluation", &question(model)).bearer_auth(token.trim());
        let request = if debug.is_empty() { request } else { request.header("x-policy-debug", debug) };
        let response = request.send().unwrap();
        (response.status().as_u16(), response.json::<serde_json::Value>().unwrap())
    };
    let (status, told) = ask("auditor", "m", "1");
    assert_eq!((status, &told["decision"]), (200, &false.into()), "where from is not for it to assert");
    let rules = told["context"]["explanation"]["rules"].as_array().unwrap();
    let names: Vec<&str> = rules.iter().map(|rule| rule["rule"].as_str().unwrap()).collect();
    assert_eq!(names, ["lab", "once"]);
    assert_eq!(rules[0]["fires"], "unknown", "{told}");
    assert!(told["context"]["explanation"]["permit_by"][0]["set"]["ip"].is_string(), "{told}");
    let (status, told) = ask("auditor", "m", "");
    assert_eq!((status, &told["context"]["explanation"]), (200, &serde_json::Value::Null), "off unless asked for");
    let (status, told) = ask("point", "m", "1");
    assert_eq!(status, 403);
    assert!(told["error"].as_str().unwrap().contains("may not `audit`"), "{told}");
    assert!(!told.to_string().contains("lab"), "{told}");
    // Without authentication, on a machine for development, who asks is trusted; what is decided is charged as ever.
    let debug = || service.post("/access/v1/evaluation", &question("n")).header("x-policy-debug", "1").send().unwrap();
    let decisions = [debug(), debug()].map(|answer| answer.json::<serde_json::Value>().unwrap()["decision"].clone());
    assert_eq!(decisions, [true, false]);
}

#[test]
fn it_ends_when_it_is_told_to() {
    let mut service = Setup::new(LAB).start();
    assert_eq!(service.get("/healthz").send().unwrap().status(), 200);
    service.signal("TERM");
    assert!(service.wait().success());
}

/// What the AuthZEN client `decern` from PyPI makes of the service.
const CLIENT: &str = r#"
import sys
from decern import Client, DecernError

client = Client(sys.argv[1])
assert client.healthy()
alice = {"type": "user", "id": "alice", "properties": {"roles": ["researcher"]}}
model = {"type": "model", "id": "qwen3"}
allowed = client.evaluate(alice, "infer", model, {"ip": "10.1.2.3"})
assert allowed.allowed and allowed.context["rule"] == "main.policy:1", allowed
denied = client.evaluate(alice, {"name": "infer"}, model)
assert not denied.allowed and denied.context["code"] == "OUTSIDE", denied
try:
    client.evaluate(alice, "infer", model, {"ip": "nowhere"})
    raise SystemExit("not refused")
except DecernError as error:
    assert error.status_code == 400 and "/context/ip" in error.body, error
try:
    Client(sys.argv[1], token="nonsense").evaluate(alice, "infer", model)
    raise SystemExit("not refused")
except DecernError as error:
    assert error.status_code == 401, error
"#;

#[test]
fn a_client_of_others_is_served() {
    let Some(mut python) = python::with("decern") else { return };
    let service = Setup::new(LAB).start();
    let client = python.args(["-c", CLIENT, &service.url("")]).output().unwrap();
    assert!(client.status.success(), "{}", String::from_utf8_lossy(&client.stderr));
}
