//! AuthZEN 1.0.

use crate::service::{Setup, show};

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

#[test]
fn it_ends_when_it_is_told_to() {
    let mut service = Setup::new(LAB).start();
    assert_eq!(service.get("/healthz").send().unwrap().status(), 200);
    service.signal("TERM");
    assert!(service.wait().success());
}
