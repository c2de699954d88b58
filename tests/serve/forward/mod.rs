//! Forward auth, behind the proxies that ask for it, with the configurations that the documentation shows.

mod direct;
mod proxy;
mod studio;
mod wire;

use crate::service::{Service, Setup};
use proxy::{Ports, Proxy};
use std::process::Command;
use wire::{Message, Upstream, send};

const POLICY: &str = r#"allow anyone to infer;
secret: deny anyone to infer on model "secret" else SECRET 403 "{model.id} is for the few." hint "Ask the lab.";
members: deny anyone to infer on model "members" else SIGN_IN 401 "Sign in first.";
hidden: deny anyone to infer on model "hidden" else HIDDEN 404 "There is no such model.";
inside: deny anyone to infer on model "inside" unless ip in [203.0.113.0/24];
lab: deny anyone except role researcher to infer on model "lab" else LAB 403 "Only the lab may use this.";
few: limit anyone to infer on model "scarce" at most 1 per hour;
oblige watermark(text = "für alle") to infer;
"#;

/// The settings that the documentation shows, on free ports.
fn settings() -> String {
    let text = include_str!("../../../docs/deploy/serve.toml");
    text.replace("127.0.0.1:8181", "127.0.0.1:0").replace("127.0.0.1:8182", "127.0.0.1:0")
}

/// A token by which policyc knows its bearer.
fn token(service: &Service, principal: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_policyc"));
    command.args(["serve", "--config", "serve.toml", "--dev-token", principal]).current_dir(service.folder.path());
    format!("Bearer {}", String::from_utf8(command.output().unwrap().stdout).unwrap().trim())
}

fn start() -> (Service, Ports) {
    let service = Setup::new(POLICY).settings(&settings()).start();
    let port = |url: &str| url.rsplit(':').next().unwrap().parse().unwrap();
    let grpc = port(&service.says("listening for gRPC on"));
    let http = port(&service.url(""));
    (service, Ports { http, grpc })
}

/// What a client sends that wants to be somebody else.
const SPOOFED: [(&str, &str); 5] = [
    ("x-policy-user", "root"),
    ("x-policy-roles", "admin"),
    ("x-policy-obligation", "[]"),
    ("x-policy-charge", "none"),
    ("x-policy-explain", "x"),
];

/// What the client gets for each of these, and whether the request came through.
fn transcript(config: &str) -> String {
    let (service, ports) = start();
    let upstream = Upstream::start();
    let proxy = Proxy::start(config, &ports, &upstream);
    let mut text = String::new();
    let mut tell = |what: &str, answer: &Message, before: usize| {
        let came = if upstream.count() > before { "came through" } else { "stopped" };
        text.push_str(&format!("{what}: {came}\n{}\n----\n", show(answer)));
        assert_eq!(answer.status() == 200, came == "came through", "{text}");
    };
    let ask = |target: &str, headers: &[(&str, &str)], body: &str| {
        let before = upstream.count();
        (send(proxy.address, "POST", target, headers, body), before)
    };
    for model in ["qwen3", "Qwen/Qwen3-8B", "members", "secret", "hidden", "scarce", "scarce"] {
        let target = format!("/v1/models/{model}/infer?x=1");
        let mut headers = SPOOFED.to_vec();
        headers.push(("x-request-id", "r-1"));
        let (answer, before) = ask(&target, &headers, "");
        tell(&format!("POST {target}"), &answer, before);
    }
    let alice = token(&service, "user alice roles=researcher org=alpha");
    let bob = token(&service, "user bob");
    for (who, token, model) in [
        ("alice", alice.as_str(), "lab"),
        ("bob", bob.as_str(), "lab"),
        ("bob", bob.as_str(), "members"),
        ("nobody", "Bearer nonsense", "lab"),
    ] {
        let mut headers = SPOOFED.to_vec();
        headers.extend([("x-request-id", "r-1"), ("authorization", token)]);
        let (answer, before) = ask(&format!("/v1/models/{model}/infer"), &headers, "");
        tell(&format!("POST /v1/models/{model}/infer as {who}"), &answer, before);
    }
    let inside = [("x-forwarded-for", "203.0.113.7")];
    for headers in [&inside[..], &[]] {
        let (answer, before) = ask("/v1/models/inside/infer", headers, "");
        tell(&format!("POST /v1/models/inside/infer {headers:?}"), &answer, before);
    }
    // Cut off, it would be whole.
    let long = format!(r#"{{"model": "qwen3"}}{}, "model": "secret"}}"#, " ".repeat(1_200_000));
    for body in [r#"{"model": "qwen3"}"#, r#"{"model": "secret"}"#, r#"{"model": "qwen3", "model": "secret"}"#, &long] {
        let (answer, before) = ask("/v1/chat/completions", &[], body);
        tell(&format!("POST /v1/chat/completions {}", body.get(..60).unwrap_or(body)), &answer, before);
    }
    let (answer, before) = ask("/admin", &[], "");
    tell("POST /admin", &answer, before);
    tricks(&proxy, &upstream, &mut text);
    drop(service);
    let before = upstream.count();
    let answer = send(proxy.address, "POST", "/v1/models/qwen3/infer", &[], "");
    assert_eq!(upstream.count(), before, "nothing comes through while policyc is gone");
    text.push_str(&format!("policyc is gone: {}\n", answer.status()));
    text
}

/// Paths that two servers may read in two ways, and headers that say another request: nothing of that comes through.
fn tricks(proxy: &Proxy, upstream: &Upstream, text: &mut String) {
    let targets = [
        "/v1/models//qwen3/infer",
        "/v1/models/qwen3/../secret/infer",
        "/v1/models/./secret/infer",
        "/v1/models/qwen3%2f..%2fsecret/infer",
        "/v1/models/%2e%2e/models/secret/infer",
        "/v1/models/qwen3%5csecret/infer",
        "/v1/models/qwen3%00/infer",
        "/v1/models/%ff/infer",
        "/v1/models/qwen3;v=1/infer",
        "/v1/models/qwen3/infer/",
        "/v1/models/secr%65t/infer",
        "/explain?id=1",
    ];
    let before = upstream.count();
    for target in targets {
        let answer = send(proxy.address, "POST", target, &[], "");
        text.push_str(&format!("{target}: {}\n", answer.status()));
    }
    let spoofed = [
        ("x-original-uri", "/v1/models/qwen3/infer"),
        ("x-original-method", "POST"),
        ("x-forwarded-uri", "/v1/models/qwen3/infer"),
        ("x-forwarded-method", "POST"),
        ("x-envoy-original-path", "/v1/models/qwen3/infer"),
    ];
    let answer = send(proxy.address, "POST", "/v1/models/secret/infer", &spoofed, "");
    text.push_str(&format!("with a spoofed path: {}\n", answer.status()));
    assert_eq!(upstream.count(), before, "nothing of that comes through:\n{text}");
}

/// An answer with the headers that matter, and without what differs each time.
fn show(answer: &Message) -> String {
    let names = [
        "content-type",
        "www-authenticate",
        "retry-after",
        "x-should-retry",
        "ratelimit",
        "ratelimit-policy",
        "x-policy-explain",
    ];
    let mut text = format!("{}\n", answer.status());
    for name in names {
        for (_, value) in answer.headers.iter().filter(|(known, _)| known == name) {
            text.push_str(&format!("{name}: {value}\n"));
        }
    }
    if answer.header("server").is_some_and(|server| server.contains("nginx")) && answer.body.contains("<html>") {
        text.push_str("nginx's own page\n");
    } else {
        // Envoy names requests itself.
        let is_named_by_others = |line: &&str| !line.starts_with("x-policy-request-id: ") || line.ends_with(" r-1");
        text.push_str(&answer.body.lines().filter(is_named_by_others).collect::<Vec<_>>().join("\n"));
    }
    text
}

#[test]
fn nginx() {
    insta::assert_snapshot!(transcript("nginx.conf"));
}

#[test]
fn caddy() {
    insta::assert_snapshot!(transcript("Caddyfile"));
}

#[test]
fn envoy_over_http() {
    insta::assert_snapshot!(transcript("envoy-http.yaml"));
}

#[test]
fn envoy_over_grpc() {
    insta::assert_snapshot!(transcript("envoy-grpc.yaml"));
}
