//! The gateway, as the client of OpenAI in Python sees it.

use super::{DONE, bearer, before};
use crate::{
    python,
    upstream::{Exchange, Upstream},
};
use std::thread;

/// Plays an upstream of OpenAI's interface until it is dropped: one answer, or a stream.
fn speak(exchange: Exchange) {
    let json = "content-type: application/json\r\n";
    let head = r#""id":"c","created":1,"model":"m""#;
    let usage = r#"{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}"#;
    if String::from_utf8_lossy(&exchange.body).contains("\"stream\":true") {
        let mut exchange = exchange;
        exchange.begin("content-type: text/event-stream\r\n");
        for word in ["Hello", " there"] {
            let choice = format!(r#"{{"index":0,"delta":{{"content":"{word}"}},"finish_reason":null}}"#);
            exchange
                .piece(&format!("data: {{{head},\"object\":\"chat.completion.chunk\",\"choices\":[{choice}]}}\n\n"));
        }
        exchange.piece(&format!(
            "data: {{{head},\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{usage}}}\n\n"
        ));
        exchange.piece(DONE);
        exchange.end();
    } else {
        let message = r#"{"role":"assistant","content":"Hello there"}"#;
        let choice = format!(r#"{{"index":0,"message":{message},"finish_reason":"stop"}}"#);
        exchange.answer(
            "200 OK",
            json,
            &format!(r#"{{{head},"object":"chat.completion","choices":[{choice}],"usage":{usage}}}"#),
        );
    }
}

/// What people write with OpenAI's client in Python.
const CLIENT: &str = r#"
import openai, sys, time
client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key=sys.argv[2])
ask = lambda model, **more: client.chat.completions.create(
    model=model, messages=[{"role": "user", "content": "Hi"}], max_tokens=50, **more)
assert ask("acme/open").choices[0].message.content == "Hello there"
chunks = list(ask("acme/open", stream=True))
assert "".join(chunk.choices[0].delta.content for chunk in chunks) == "Hello there", chunks
try:
    ask("closed")
    raise SystemExit("not denied")
except openai.PermissionDeniedError as error:
    assert error.code == "NOT_YET" and "closed is not open yet. Ask in spring." in error.message, error
    assert error.request_id
try:
    client.with_options(api_key="wrong").models.list()
    raise SystemExit("a wrong key is taken")
except openai.AuthenticationError as error:
    assert error.code == "invalid_api_key", error
try:
    ask("hidden")
    raise SystemExit("not hidden")
except openai.NotFoundError as error:
    assert error.code == "model_not_found" and error.param == "model", error
ask("scarce")
start = time.monotonic()
try:
    ask("scarce")
    raise SystemExit("not limited")
except openai.RateLimitError as error:
    assert error.code == "rate_limit_exceeded" and error.type == "requests", error
    assert int(error.response.headers["retry-after"]) > 80_000
assert time.monotonic() - start < 0.5, "the client asked again"
names = [model.id for model in client.models.list()]
assert names == ["acme/open", "acme/other", "busy", "logged", "marked", "scarce"], names
assert client.models.retrieve("acme/open").id == "acme/open"
"#;

#[test]
fn the_client_of_openai_is_served() {
    let Some(mut python) = python::with("openai") else { return };
    let upstream = Upstream::start();
    let service = before(&upstream, "");
    let running = python
        .args(["-c", CLIENT, &service.url(""), bearer(&service, "alice").trim_start_matches("Bearer ")])
        .spawn()
        .unwrap();
    let ended = thread::spawn(move || running.wait_with_output().unwrap());
    for _ in 0..3 {
        speak(upstream.next());
    }
    assert!(ended.join().unwrap().status.success());
    assert_eq!(upstream.count(), 3);
}
