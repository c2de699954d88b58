//! The gateway before models, with upstreams that a test plays itself: each request that reaches one comes to the test, which
//! answers it piece by piece.

mod client;
mod cluster;
mod tiers;

use crate::{
    identity::policyc,
    service::{PATIENCE, Service, Setup},
    upstream::{Exchange, Upstream},
};
use reqwest::blocking::Response;
use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

/// A model for everybody, one for nobody, one that nobody may know of, and what a day and a moment hold.
const POLICY: &str = r#"
    actions infer, paint;
    attribute tokens: int = 0;
    model "acme/open" {}
    model "acme/other" {}
    model "closed" {}
    model "hidden" {}
    model "marked" {}
    model "logged" {}
    model "scarce" {}
    model "busy" {}
    open: allow anyone to infer on "acme/*", "marked", "logged", "scarce", "busy";
    deny anyone to infer on "closed" else NOT_YET 403 "{model.id} is not open yet." hint "Ask in spring.";
    deny anyone to infer on "hidden" else HIDDEN 404;
    oblige watermark(user = principal.kind, strength = 2) to infer on "marked";
    oblige log to infer on "logged";
    day: limit anyone to infer on "acme/open" at most 1000 tokens per day;
    held: limit anyone to infer on "busy" at most 1 at once;
    once: limit anyone to infer on "scarce" at most 1 per day;
"#;

/// A service with this policy before an upstream.
fn before(upstream: &Upstream, settings: &str) -> Service {
    Setup::new(POLICY).settings(settings).args(&["--upstream", &format!("gpu={}", upstream.url())]).start()
}

/// A credential of a user.
fn bearer(service: &Service, who: &str) -> String {
    let (token, _) = policyc(service, &["--config", "serve.toml", "--dev-token", &format!("user {who}")]);
    format!("Bearer {}", token.trim())
}

fn chat(model: &str) -> String {
    format!(r#"{{"model": "{model}", "messages": [], "max_tokens": 100}}"#)
}

const CHAT: &str = "/v1/chat/completions";

/// Asks in another thread, so that the test can be the upstream meanwhile.
fn ask(service: &Service, path: &str, body: &str) -> thread::JoinHandle<Response> {
    let request = service.post(path, body);
    thread::spawn(move || request.send().unwrap())
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// Status, `code` and `type` of an error.
fn error(response: Response) -> (u16, String, String) {
    let status = response.status().as_u16();
    let body: serde_json::Value = response.json().unwrap();
    let text = |name: &str| body["error"][name].as_str().unwrap_or("null").to_owned();
    assert!(body["error"]["message"].is_string(), "{body}");
    (status, text("code"), text("type"))
}

#[test]
fn what_is_allowed_is_forwarded_as_it_came() {
    let upstream = Upstream::start();
    let service = before(&upstream, "");
    let body = "{ \"messages\":[],\t\"model\" : \"acme/\\u006fther\"}\n";
    let request = service
        .post(CHAT, body)
        .header("authorization", bearer(&service, "alice"))
        .header("x-policy-principal", "user:root")
        .header("x_policy_tier", "gold")
        .header("x-request-id", "r-1")
        .header("x-note", "kept");
    let asked = thread::spawn(move || request.send().unwrap());
    let exchange = upstream.next();
    assert_eq!((exchange.path(), exchange.body.as_slice()), ("/v1/chat/completions", body.as_bytes()));
    assert_eq!(exchange.header("authorization"), None);
    assert_eq!(exchange.header("x-policy-principal"), Some("user:alice"));
    assert_eq!(exchange.header("x_policy_tier"), None);
    assert_eq!(exchange.header("x-policy-rule"), Some("open"));
    assert_eq!(exchange.header("x-request-id"), Some("r-1"));
    assert_eq!(exchange.header("x-note"), Some("kept"));
    exchange.answer("201 Created", "content-type: text/x-any\r\nset-cookie: a=b\r\nx-own: 1\r\n", "as it is");
    let response = asked.join().unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "content-type")), (201, "text/x-any"));
    assert_eq!((header(&response, "x-own"), header(&response, "set-cookie")), ("1", ""));
    assert_eq!(response.text().unwrap(), "as it is");
}

#[test]
fn what_the_gateway_decides_is_counted_and_shown_to_a_candidate() {
    let upstream = Upstream::start();
    let candidate = POLICY.replace("NOT_YET", "NEVER");
    let service = Setup::new(POLICY)
        .file("candidate.policy", &candidate)
        .args(&["--shadow", "candidate.policy", "--upstream", &format!("gpu={}", upstream.url())])
        .start();
    assert_eq!(service.post(CHAT, &chat("closed")).send().unwrap().status(), 403);
    let counted = r#"policyc_decisions_total{surface="gateway",outcome="deny",rule="prohibition",code="NOT_YET"} 1"#;
    assert!(service.get("/metrics").send().unwrap().text().unwrap().contains(counted));
    // It is compared behind the answer's back.
    let is_compared = || {
        let report = service.get("/v1/admin/policies/shadow").send().unwrap().text().unwrap();
        report.contains("NOT_YET") && report.contains("NEVER")
    };
    let began = Instant::now();
    while !is_compared() {
        assert!(began.elapsed() < PATIENCE, "not compared");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_is_denied_never_reaches_the_upstream() {
    let upstream = Upstream::start();
    let service = before(&upstream, "");
    let post = |path: &str, body: &str| service.post(path, body).send().unwrap();
    let words = |code: &str, kind: &str| (code.to_owned(), kind.to_owned());
    let bad = "invalid_request_error";

    let response = post(CHAT, &chat("closed"));
    assert_eq!(header(&response, "x-policy-code"), "NOT_YET");
    let (status, code, kind) = error(response);
    assert_eq!((status, (code, kind)), (403, words("NOT_YET", "request_forbidden")));
    for model in ["hidden", "no such model"] {
        let (status, code, kind) = error(post(CHAT, &chat(model)));
        assert_eq!((status, (code, kind)), (404, words("model_not_found", bad)), "{model}");
    }
    for (path, body, status) in [
        (CHAT, r#"{"messages": []}"#, 400),
        (CHAT, r#"{"model": "acme/other", "model": "closed"}"#, 400),
        (CHAT, "{\"model\": \"acme/other\", \"mod\\u0065l\": \"closed\"}", 400),
        (CHAT, r#"{"model": "acme/other", "MODEL": "closed"}"#, 400),
        (CHAT, "{", 400),
        ("/v1/models/closed/infer", r#"{"model": "acme/other"}"#, 400),
        ("/v1/models/closed/infer", "{}", 403),
        ("/v1//chat/completions", &chat("acme/other"), 400),
        ("/v1/models/acme%2fother/infer", "{}", 400),
        ("/v1/models/acme%00/infer", "{}", 400),
        ("/v1/chat/completions?model=closed", &chat("acme/other"), 400),
        ("/v1/files", &chat("acme/other"), 404),
        ("/v1/models", "{}", 405),
    ] {
        assert_eq!(error(post(path, body)).0, status, "{path} {body}");
    }
    let typed = service.post(CHAT, &chat("acme/other")).header("content-type", "text/plain");
    assert_eq!(error(typed.send().unwrap()).0, 400, "two types");
    let encoded = service.post(CHAT, &chat("acme/other")).header("content-encoding", "gzip");
    assert_eq!(error(encoded.send().unwrap()).0, 400);
    assert_eq!(upstream.count(), 0);
}

/// What is answered to bytes that no client would send.
fn raw(service: &Service, bytes: &str) -> String {
    let mut stream = TcpStream::connect(service.url("").trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_request_with_two_readings_is_refused() {
    let upstream = Upstream::start();
    let service = before(&upstream, "");
    let body = chat("acme/other");
    let length = body.len();
    let post = |path: &str, head: &str| {
        let rest =
            format!("host: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n{head}\r\n{body}");
        raw(&service, &format!("POST {path} HTTP/1.1\r\n{rest}"))
    };
    let sized = format!("content-length: {length}\r\n");
    for (path, head) in [
        ("/v1/./chat/completions", sized.clone()),
        ("/v1/x/../chat/completions", sized.clone()),
        ("/v1/chat\\completions", sized.clone()),
        (CHAT, format!("{sized}host: other.example\r\n")),
        (CHAT, format!("{sized}content-length: 2\r\n")),
        (CHAT, format!("{sized}content-type: application/json\r\n")),
        (CHAT, format!("{sized}authorization: a\r\nauthorization: b\r\n")),
        (CHAT, "transfer-encoding: gzip\r\n".to_owned()),
    ] {
        let answer = post(path, &head);
        assert!(answer.starts_with("HTTP/1.1 4"), "{path} {head}: {answer}");
    }
    // Of both lengths the chunks count, and this is none.
    assert!(post(CHAT, &format!("{sized}transfer-encoding: chunked\r\n")).starts_with("HTTP/1.1 4"));
    assert_eq!(upstream.count(), 0);
}

#[test]
fn aliases_are_renamed_in_place() {
    let upstream = Upstream::start();
    let settings = "[gateway.aliases]\nbig = \"acme/other\"\nshut = \"closed\"";
    let service = before(&upstream, settings);
    let asked = ask(&service, CHAT, r#"{"n": 1, "model":"big" , "x": "big"}"#);
    let exchange = upstream.next();
    assert_eq!(exchange.body, br#"{"n": 1, "model":"acme/other" , "x": "big"}"#);
    exchange.answer("200 OK", "", "");
    asked.join().unwrap();
    let asked = ask(&service, "/v1/models/big/infer?a=1", "{}");
    let exchange = upstream.next();
    assert_eq!((exchange.path(), exchange.body.as_slice()), ("/v1/models/acme/other/infer?a=1", &b"{}"[..]));
    exchange.answer("200 OK", "", "");
    asked.join().unwrap();
    let form = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nbig\r\n--b--\r\n";
    let request = reqwest::blocking::Client::new().post(service.url("/v1/audio/transcriptions"));
    let request = request.header("content-type", "multipart/form-data; boundary=b").body(form);
    let asked = thread::spawn(move || request.send().unwrap());
    let exchange = upstream.next();
    assert_eq!(String::from_utf8_lossy(&exchange.body), form.replace("big", "acme/other"));
    exchange.answer("200 OK", "", "");
    asked.join().unwrap();
    assert_eq!(error(service.post(CHAT, &chat("shut")).send().unwrap()).0, 403);
}

#[test]
fn each_upstream_has_its_models_and_its_key() {
    let (first, second) = (Upstream::start(), Upstream::start());
    let settings = format!(
        "[[gateway.upstream]]\nname = \"first\"\nurl = \"{}/v1/\"\nmodels = [\"acme/open\", \"busy\"]\nkey_file = \"key\"\n\
         [[gateway.upstream]]\nname = \"second\"\nurl = \"{}/base\"\nmodels = [\"acme/*\"]\npass_authorization = true\n",
        first.url(),
        second.url()
    );
    let service = Setup::new(POLICY).settings(&settings).file("key", "of-the-service\n").start();
    let asked = ask(&service, CHAT, &chat("acme/open"));
    let exchange = first.next();
    assert_eq!(exchange.header("authorization"), Some("Bearer of-the-service"));
    exchange.answer("200 OK", "", "");
    asked.join().unwrap();
    let own = bearer(&service, "bob");
    let request = service.post("/v1/embeddings", r#"{"model": "acme/other"}"#).header("authorization", &own);
    let asked = thread::spawn(move || request.send().unwrap());
    let exchange = second.next();
    assert_eq!((exchange.path(), exchange.header("authorization")), ("/base/v1/embeddings", Some(&*own)));
    exchange.answer("200 OK", "", "");
    asked.join().unwrap();
    assert_eq!(error(service.post(CHAT, &chat("marked")).send().unwrap()).1, "model_not_found", "nobody serves it");
    let asked = ask(&service, CHAT, &chat("busy"));
    first.next().answer("401 Unauthorized", "", "who are you");
    assert_eq!(error(asked.join().unwrap()).0, 502, "the service's key is not the client's business");
    let asked = ask(&service, CHAT, &chat("busy"));
    first.next().answer("302 Found", "location: http://elsewhere/\r\n", "");
    assert_eq!(error(asked.join().unwrap()).0, 502);
}

#[test]
fn duties_are_handed_on_or_carried_out_or_the_request_is_refused() {
    let upstream = Upstream::start();
    let service = before(&upstream, "");
    let (status, code, _) = error(service.post(CHAT, &chat("marked")).send().unwrap());
    assert_eq!((status, code.as_str()), (403, "OBLIGATION_UNSUPPORTED"));
    let asked = ask(&service, CHAT, &chat("logged"));
    let exchange = upstream.next();
    assert_eq!(exchange.header("x-policy-obligation"), None, "the record of the decision is the log");
    exchange.answer("200 OK", "", "");
    asked.join().unwrap();

    let settings = format!(
        "[[gateway.upstream]]\nname = \"a\"\nurl = \"{}\"\nobligations = [\"watermark\"]\n[gateway.headers]\nobligation = \"X-Duty\"",
        upstream.url()
    );
    let service = Setup::new(POLICY).settings(&settings).start();
    let asked = ask(&service, CHAT, &chat("marked"));
    let exchange = upstream.next();
    assert_eq!(exchange.header("x-duty"), Some("watermark; user=\"anonymous\"; strength=2"));
    exchange.answer("200 OK", "", "");
    asked.join().unwrap();
    assert_eq!(upstream.count(), 2);
}

/// Begins a stream, and gives the client's end of it once it has its head.
fn stream(service: &Service, upstream: &Upstream, body: &str) -> (Response, Exchange) {
    let asked = ask(service, CHAT, body);
    let mut exchange = upstream.next();
    exchange.begin("content-type: text/event-stream\r\n");
    (asked.join().unwrap(), exchange)
}

/// Reads as much as a text has, and compares.
fn comes(response: &mut Response, text: &str) {
    let mut read = vec![0; text.len()];
    response.read_exact(&mut read).unwrap();
    assert_eq!(String::from_utf8_lossy(&read), text);
}

/// Reads to the end, where nothing more is to come.
fn ends(mut response: Response) {
    let mut rest = String::new();
    response.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

const ONE: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
const TWO: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\n";
const USED: &str = "data: {\"choices\":[],\"usage\":{\"total_tokens\":42}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

fn streamed(model: &str, more: &str) -> String {
    format!(r#"{{"model": "{model}", "stream": true, "max_tokens": 100{more}}}"#)
}

#[test]
fn each_piece_of_a_stream_reaches_the_client_before_the_next_is_sent() {
    let upstream = Upstream::start();
    let service = before(&upstream, "");
    let (mut response, mut exchange) = stream(&service, &upstream, &streamed("acme/other", ""));
    assert_eq!(header(&response, "content-type"), "text/event-stream");
    for piece in [ONE, TWO, DONE] {
        exchange.piece(piece);
        comes(&mut response, piece);
    }
    exchange.end();
    ends(response);
}

#[test]
fn a_lease_ends_with_its_stream_or_with_its_client() {
    let upstream = Upstream::start();
    let service = before(&upstream, "");
    let busy = || {
        let response = service.post(CHAT, &chat("busy")).send().unwrap();
        assert_ne!(header(&response, "retry-after"), "");
        error(response).1
    };
    let (mut response, mut exchange) = stream(&service, &upstream, &streamed("busy", ""));
    exchange.piece(ONE);
    comes(&mut response, ONE);
    assert_eq!(busy(), "rate_limit_exceeded", "held as long as the stream lasts");
    exchange.end();
    ends(response);

    let (mut response, mut exchange) = stream(&service, &upstream, &streamed("busy", ""));
    exchange.piece(ONE);
    comes(&mut response, ONE);
    assert_eq!(busy(), "rate_limit_exceeded");
    drop(response);
    exchange.wait_until_left();
    let (response, exchange) = stream(&service, &upstream, &streamed("busy", ""));
    drop(response);
    exchange.wait_until_left();

    // It goes before anything has come back.
    let mut client = TcpStream::connect(service.url("").trim_start_matches("http://")).unwrap();
    let body = chat("busy");
    let length = body.len();
    write!(client, "POST {CHAT} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let exchange = upstream.next();
    drop(client);
    exchange.wait_until_left();
    let asked = ask(&service, CHAT, &chat("busy"));
    upstream.next().answer("200 OK", "", "");
    assert_eq!(asked.join().unwrap().status(), 200);
}

#[test]
fn tokens_are_reserved_and_settled_from_what_was_used() {
    let upstream = Upstream::start();
    let service = before(&upstream, "");
    let body = chat("acme/open");
    // 60 bytes are 15 tokens, and 100 may be answered.
    assert_eq!(body.len().div_ceil(4), 15);
    let remaining = |response: &Response| header(response, "x-ratelimit-remaining-tokens").parse::<u64>().unwrap();

    let asked = ask(&service, CHAT, &body);
    upstream.next().answer(
        "200 OK",
        "content-type: application/json\r\nx-ratelimit-remaining-tokens: 7\r\n",
        r#"{"usage": {"total_tokens": 30}}"#,
    );
    let response = asked.join().unwrap();
    assert_eq!(remaining(&response), 1000 - 115, "reserved");
    assert_eq!(header(&response, "ratelimit"), "\"day\";r=885;t=86400");
    assert_eq!(header(&response, "ratelimit-policy"), "\"day\";q=1000;w=86400");
    response.text().unwrap();

    let asked = ask(&service, CHAT, &body);
    upstream.next().answer(
        "200 OK",
        "content-type: application/json\r\n",
        r#"{"usage": {"prompt_tokens": 300, "completion_tokens": 100}}"#,
    );
    let response = asked.join().unwrap();
    assert_eq!(remaining(&response), 970 - 115, "30 were used, not 115");
    response.text().unwrap();

    // A stream is asked to tell, and what it tells to the gateway alone the client does not get.
    let (mut response, mut exchange) = stream(&service, &upstream, &streamed("acme/open", ""));
    let sent = String::from_utf8(exchange.body.clone()).unwrap();
    assert_eq!(sent, streamed("acme/open", "").replacen('{', "{\"stream_options\":{\"include_usage\":true},", 1));
    assert_eq!(remaining(&response), 570 - 115, "400 were used, more than was reserved");
    [ONE, USED, DONE].iter().for_each(|piece| exchange.piece(piece));
    comes(&mut response, &format!("{ONE}{DONE}"));
    exchange.end();
    ends(response);

    let more = r#", "stream_options": {"include_usage": true}"#;
    let (mut response, mut exchange) = stream(&service, &upstream, &streamed("acme/open", more));
    assert_eq!(String::from_utf8(exchange.body.clone()).unwrap(), streamed("acme/open", more));
    assert_eq!(remaining(&response), 528 - 125, "42 were used");
    exchange.piece(USED);
    comes(&mut response, USED);
    exchange.end();
    ends(response);

    let asked = ask(&service, CHAT, &body);
    upstream.next().answer("200 OK", "content-type: application/json\r\n", "{}");
    asked.join().unwrap().text().unwrap();
    let asked = ask(&service, CHAT, &body);
    upstream.next().answer("200 OK", "content-type: application/json\r\n", "{}");
    assert_eq!(remaining(&asked.join().unwrap()), 486 - 115 - 115, "what is not told stands");

    let large = r#"{"model": "acme/open", "max_tokens": 900}"#;
    let response = service.post(CHAT, large).send().unwrap();
    assert_eq!(header(&response, "x-should-retry"), "false", "that takes a day");
    assert_eq!(error(response), (429, "rate_limit_exceeded".to_owned(), "tokens".to_owned()));
}

#[test]
fn models_are_listed_as_the_caller_may_use_them() {
    let upstream = Upstream::start();
    let settings = "[gateway.aliases]\nbig = \"acme/other\"\nshut = \"closed\"";
    let service = before(&upstream, settings);
    let ids = || {
        let list: serde_json::Value = service.get("/v1/models").send().unwrap().json().unwrap();
        assert_eq!(list["object"], "list");
        let ids = list["data"].as_array().unwrap().iter();
        ids.map(|model| model["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    let all = "acme/open acme/other big busy logged marked scarce";
    assert_eq!(ids(), all);
    let asked = ask(&service, CHAT, &chat("scarce"));
    upstream.next().answer("200 OK", "", "");
    asked.join().unwrap();
    assert_eq!(ids(), all, "a limit without room hides nothing, and looking charges nothing");
    let one = |id: &str| service.get(&format!("/v1/models/{id}")).send().unwrap();
    let model: serde_json::Value = one("acme%2Fopen").json().unwrap();
    assert_eq!(
        (&model["id"], &model["object"], &model["owned_by"]),
        (&"acme/open".into(), &"model".into(), &"gpu".into())
    );
    assert_eq!(one("big").status(), 200);
    let [closed, missing] = ["closed", "missing"].map(|id| one(id).text().unwrap().replace(id, "…"));
    assert_eq!(closed, missing);
    assert_eq!(error(one("shut")).1, "model_not_found");
    assert_eq!(upstream.count(), 1);
}

#[test]
fn an_upstream_that_fails_is_told_as_such() {
    let upstream = Upstream::start();
    let service = before(&upstream, "[gateway]\nwait_seconds = 1");
    let asked = ask(&service, CHAT, &chat("acme/other"));
    drop(upstream.next());
    assert_eq!(error(asked.join().unwrap()), (502, "upstream_error".to_owned(), "server_error".to_owned()));
    let asked = ask(&service, CHAT, &chat("acme/other"));
    let silent = upstream.next();
    assert_eq!(error(asked.join().unwrap()).0, 504);
    silent.wait_until_left();
    let gone = upstream.stop();
    let service = Setup::new(POLICY).args(&["--upstream", &format!("gone={gone}")]).start();
    assert_eq!(error(service.post(CHAT, &chat("acme/open")).send().unwrap()).0, 502);
    let response = service.post(CHAT, r#"{"model": "acme/open", "max_tokens": 980}"#).send().unwrap();
    assert_eq!(error(response).0, 502, "what never left costs nothing");
}

#[test]
fn a_body_has_a_limit() {
    let upstream = Upstream::start();
    let service = before(&upstream, "[gateway]\nbody_bytes = 1000");
    let long = format!(r#"{{"model": "acme/other", "x": "{}"}}"#, "x".repeat(1000));
    assert_eq!(error(service.post(CHAT, &long).send().unwrap()).0, 413);
    assert_eq!(upstream.count(), 0);
}

#[test]
fn undeclared_models_are_decided_where_the_settings_say_so() {
    let upstream = Upstream::start();
    let policy = "allow anyone to infer; deny anyone to infer on \"bad/*\";";
    let settings = format!(
        "[gateway]\nundeclared = \"decide\"\n[[gateway.upstream]]\nname = \"a\"\nurl = \"{}\"\nmodels = [\"good\", \"bad/one\", \"many/*\"]",
        upstream.url()
    );
    let service = Setup::new(policy).settings(&settings).start();
    let list = service.get("/v1/models").send().unwrap().text().unwrap();
    assert!(list.contains("good") && !list.contains("bad") && !list.contains("many"), "{list}");
    let asked = ask(&service, CHAT, &chat("many/x"));
    upstream.next().answer("200 OK", "", "");
    assert_eq!(asked.join().unwrap().status(), 200);
    assert_eq!(error(service.post(CHAT, &chat("bad/one")).send().unwrap()).0, 403);
}

#[test]
fn settings_that_do_not_fit_are_told_at_the_start() {
    let fails =
        |settings: &str| Setup::new(POLICY).settings(settings).args(&["--upstream", "a=http://127.0.0.1:1"]).fails();
    let (exit, said) = fails("[gateway.actions]\nimages = \"draw\"");
    assert_eq!((exit, said.contains("knows no such action")), (1, true), "{said}");
    let (exit, said) = fails("[[gateway.upstream]]\nname = \"b\"\nurl = \"http://10.0.0.7\"");
    assert_eq!((exit, said.contains("in the clear")), (1, true), "{said}");
    let (exit, said) = fails("[[gateway.upstream]]\nname = \"b\"\nurl = \"https://x\"\nkey_file = \"none\"");
    assert_eq!((exit, said.contains("cannot read")), (1, true), "{said}");
}
