//! What operators see: health, metrics, logs, traces, and how the service ends.

use crate::service::{PATIENCE, Setup};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

const POLICY: &str = "actions view;\nallow user \"alice\" to view;\ngate manual to view on \"gated\";\n\
                      limit user \"alice\" to view on \"scarce\" at most 1 per hour by principal;\n";

fn asks(who: &str, what: &str) -> String {
    format!(
        r#"{{"subject": {{"type": "user", "id": "{who}"}}, "action": {{"name": "view"}}, "resource": {{"type": "model", "id": "{what}"}}}}"#
    )
}

#[test]
fn decisions_are_counted() {
    let service = Setup::new(POLICY).start();
    for (who, what) in
        [("alice", "m"), ("alice", "m"), ("bob", "m"), ("alice", "gated"), ("alice", "scarce"), ("alice", "scarce")]
    {
        service.post("/access/v1/evaluation", &asks(who, what)).send().unwrap();
    }
    service.post("/access/v1/evaluation", &asks("alice", "m").replace("user", "nobody")).send().unwrap();
    let metrics = service.get("/metrics").send().unwrap();
    assert!(metrics.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let metrics = metrics.text().unwrap();
    for line in [
        r#"policyc_decisions_total{surface="authzen",outcome="allow",rule="allow",code=""} 3"#,
        r#"policyc_decisions_total{surface="authzen",outcome="deny",rule="none",code="NO_RULE"} 2"#,
        r#"policyc_decisions_total{surface="authzen",outcome="deny",rule="gate",code="GATED"} 1"#,
        r#"policyc_decisions_total{surface="authzen",outcome="deny",rule="limit",code="RATE_LIMITED"} 1"#,
        r#"policyc_decision_seconds_count{surface="authzen"} 7"#,
        r#"policyc_http_responses_total{status="2xx"}"#,
        "policyc_audit_queue_bytes ",
        "policyc_connections ",
        "# HELP policyc_decisions_total",
    ] {
        assert!(metrics.contains(line), "`{line}` is not in\n{metrics}");
    }
}

/// A policy can say so many codes as it likes; there are not so many series.
#[test]
fn codes_are_counted_one_by_one_only_up_to_a_number() {
    let rules = (0..100).map(|number| format!("deny anyone to view on \"m{number}\" else CODE_{number};\n"));
    let service = Setup::new(&format!("actions view;\n{}", rules.collect::<String>())).start();
    for number in 0..100 {
        service.post("/access/v1/evaluation", &asks("alice", &format!("m{number}"))).send().unwrap();
    }
    let metrics = service.get("/metrics").send().unwrap().text().unwrap();
    assert_eq!(metrics.matches("code=\"CODE_").count(), 64);
    assert!(metrics.contains(r#"code="OTHER"} 36"#), "{metrics}");
}

#[test]
fn a_request_in_flight_is_finished_before_the_end() {
    let mut service = Setup::new(POLICY).settings("[http]\ndrain_delay_seconds = 1").start();
    let body = asks("alice", "m");
    let mut stream = TcpStream::connect(service.address()).unwrap();
    let head = format!(
        "POST /access/v1/evaluation HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body.as_bytes()[..10]).unwrap();
    stream.flush().unwrap();
    thread::sleep(Duration::from_millis(200));
    service.signal("TERM");
    service.says("told to end");
    let ready = service.get("/readyz").send().unwrap();
    assert_eq!((ready.status().as_u16(), &*ready.text().unwrap()), (503, "draining\n"));
    // Past the delay no connection is taken; the one that has begun is finished.
    thread::sleep(Duration::from_millis(1500));
    assert!(TcpStream::connect(service.address()).is_err(), "nobody listens any more");
    stream.write_all(&body.as_bytes()[10..]).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#""decision":true"#), "{answer}");
    assert!(service.wait().success());
}

#[test]
fn logs_are_json_where_that_is_wanted_and_never_say_a_secret() {
    let service = Setup::new(POLICY).settings("[log]\nformat = \"json\"\nlevel = \"debug\"\naccess = true").start();
    let request = service.post("/access/v1/evaluation?token=s3cr3t-query", &asks("s3cr3t-body", "m"));
    request.header("authorization", "Bearer s3cr3t-token").header("x-request-id", "r-7").send().unwrap();
    let mut line: Value = serde_json::from_str(&service.says("r-7")).unwrap();
    assert!(line["timestamp"].is_string() && line["micros"].is_u64() && line["client"] == "127.0.0.1", "{line}");
    assert_eq!((&line["level"], &line["path"]), (&"INFO".into(), &"/access/v1/evaluation".into()));
    assert!(line.as_object_mut().unwrap().values().all(|value| !value.to_string().contains("s3cr3t")), "{line}");
    service.signal("HUP");
    loop {
        let line = service.says("");
        assert!(!line.contains("s3cr3t"), "{line}");
        let line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        if line["message"] == "the policy set stays as it is" {
            break;
        }
    }
}

#[test]
fn traces_go_to_a_collector() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/v1/traces", collector.local_addr().unwrap());
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for stream in collector.incoming() {
            let (path, body) = read_request(&mut stream.unwrap());
            if tell.send((path, names(&body))).is_err() {
                return;
            }
        }
    });
    let mut service = Setup::new(POLICY).settings(&format!("[trace]\nendpoint = \"{endpoint}\"")).start();
    for who in ["alice", "bob", "alice"] {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        service.post("/access/v1/evaluation", &asks(who, "m")).header("traceparent", parent).send().unwrap();
    }
    service.signal("TERM");
    assert!(service.wait().success());
    let mut spans = Vec::new();
    while spans.len() < 6 {
        let (path, names) = told.recv_timeout(PATIENCE).expect("spans are sent, at the latest at the end");
        assert_eq!(path, "/v1/traces");
        spans.extend(names);
    }
    spans.sort();
    assert_eq!(spans, ["decide", "decide", "decide", "request", "request", "request"]);
}

/// Reads one request, answers it, and gives its path and body.
fn read_request(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut path, mut length) = (String::new(), 0);
    for line in reader.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("POST ") {
            path = rest.split(' ').next().unwrap().to_owned();
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
    (path, body)
}

/// The names of the spans in an `ExportTraceServiceRequest`: its resource spans (1), their scope spans (2), their spans (2),
/// their names (5).
fn names(request: &[u8]) -> Vec<String> {
    let mut messages = vec![request.to_vec()];
    for field in [1, 2, 2, 5] {
        messages = messages.iter().flat_map(|message| fields(message, field)).collect();
    }
    messages.into_iter().map(|name| String::from_utf8(name).unwrap()).collect()
}

/// The fields of a protobuf message that have a number and a length.
fn fields(mut message: &[u8], wanted: u64) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message);
        let length = match tag & 7 {
            0 => {
                varint(&mut message);
                0
            }
            1 => 8,
            2 => usize::try_from(varint(&mut message)).unwrap(),
            _ => 4,
        };
        let (value, rest) = message.split_at(length);
        if tag >> 3 == wanted && tag & 7 == 2 {
            found.push(value.to_vec());
        }
        message = rest;
    }
    found
}

fn varint(message: &mut &[u8]) -> u64 {
    let length = message.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let (bytes, rest) = message.split_at(length);
    *message = rest;
    bytes.iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f))
}

#[test]
fn settings_are_checked_with_the_files_that_they_name() {
    let check = |toml: &str| Setup::new(POLICY).settings(toml).args(&["--check-config"]).fails();
    let (code, said) = check("[tls]\ncert = \"none.pem\"\nkey = \"none.pem\"");
    assert_eq!(code, 1);
    assert!(said.contains("none.pem"), "{said}");
    assert!(check("[trace]\nendpoint = \"ftp://example.org\"").1.contains("trace.endpoint"));
    assert!(check("[log]\nformat = \"xml\"").1.contains("serve.toml:3:"));
    assert_eq!(check("").0, 0);
    let (code, said) = Setup::new(POLICY).args(&["--limits", "redis://user:s3cret@host"]).fails();
    assert!(code == 1 && said.contains("no networked stores") && said.contains("policyc-dist"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
    let (code, said) = Setup::new(POLICY).args(&["--store", "postgres://user:s3cret@host/db"]).fails();
    assert!(code == 1 && said.contains("managed.store") && said.contains("policyc-dist"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
    assert!(check("[managed]\nstore = \"here\"").1.contains("postgres://"));
    assert!(check("[managed]\nmax_stale_secs = 0").1.contains("managed.max_stale_secs"));
    let shared = "[managed]\nstore = \"postgres://host/db\"\n[auth]\nmanaged_keys = true";
    assert!(check(shared).1.contains("auth.key_secret"));
    assert!(check("[limits]\nstore = \"here\"").1.contains("limits.store"));
    assert!(check("[limits]\non_outage = \"guess\"").1.contains("serve.toml:3:"));
    assert!(check("[limits]\ntimeout_ms = 0").1.contains("limits.timeout_ms"));
    let (code, said) = Setup::new("allow everybody to view;").args(&["--check-config"]).fails();
    assert_eq!((code, said.contains("P0")), (3, true), "{said}");
    let setup = Setup::new(POLICY).settings("[http]\nconections = 3");
    assert!(fs::exists(setup.path()).unwrap());
    assert_eq!(setup.fails().0, 1);
}
