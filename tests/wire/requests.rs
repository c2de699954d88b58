//! Requests in, decisions and refusals out.

use policyc::{
    request::{Input, Principal, Refusal, Request, Resource},
    wire::{decision, request},
};
use proptest::prelude::*;

const EXAMPLE: &str = r#"{"subject":  {"type": "user", "id": "alice@company.com",
              "properties": {"roles": ["researcher"], "org": "alpha", "tier": "seed", "granted": false}},
 "action":   {"name": "infer"},
 "resource": {"type": "model", "id": "qwen3-7b-chat", "properties": {}},
 "context":  {"ip": "10.1.2.3", "time": "2025-03-28T10:00:00Z", "country": "CN"}}"#;

#[test]
fn the_example_of_the_contract() {
    let expected = Request::new(
        Principal::user("alice@company.com").roles(["researcher"]).org("alpha").tier("seed").with("granted", false),
        "infer",
        Resource::model("qwen3-7b-chat"),
    )
    .with("ip", "10.1.2.3")
    .with("time", "2025-03-28T10:00:00Z")
    .with("country", "CN");
    let decoded = request::decode(EXAMPLE).unwrap();
    assert_eq!(decoded.request, expected);
    assert!(decoded.ignored.is_empty());
}

#[test]
fn unknown_members_are_listed() {
    let decoded = request::decode(
        r#"{"subject": {"type": "anonymous", "properties": {}, "x/y": 1}, "action": {"name": "infer", "id": 2},
            "resource": {"id": "m", "Type": null}, "options": {}}"#,
    )
    .unwrap();
    assert_eq!(decoded.request, Request::new(Principal::anonymous(), "infer", Resource::model("m")));
    assert_eq!(decoded.ignored, ["/action/id", "/options", "/resource/Type", "/subject/x~1y"]);
}

/// A request with one part replaced.
fn refused(subject: &str, action: &str, resource: &str, rest: &str) -> String {
    let text = format!(r#"{{"subject": {subject}, "action": {action}, "resource": {resource}{rest}}}"#);
    decision::refusal(&request::decode(&text).unwrap_err())
}

#[test]
fn malformed_requests_are_refused() {
    let (user, infer, model) = (r#"{"type": "user", "id": "a"}"#, r#"{"name": "infer"}"#, r#"{"id": "m"}"#);
    let subject = |subject| refused(subject, infer, model, "");
    insta::assert_snapshot!(subject("null"), @r#"{"error":"expected an object, found null","at":"/subject"}"#);
    insta::assert_snapshot!(subject(r#"{"id": "a"}"#), @r#"{"error":"missing; expected a text","at":"/subject/type"}"#);
    insta::assert_snapshot!(subject(r#"{"type": "user"}"#), @r#"{"error":"missing; expected a text","at":"/subject/id"}"#);
    insta::assert_snapshot!(subject(r#"{"type": "user", "id": ""}"#), @r#"{"error":"expected a text, found an empty one","at":"/subject/id"}"#);
    insta::assert_snapshot!(subject(r#"{"type": "user", "id": 7}"#), @r#"{"error":"expected a text, found a number","at":"/subject/id"}"#);
    insta::assert_snapshot!(subject(r#"{"type": "user", "id": "a", "properties": []}"#), @r#"{"error":"expected an object, found a list","at":"/subject/properties"}"#);
    insta::assert_snapshot!(subject(r#"{"type": "anonymous", "id": "a"}"#), @r#"{"error":"`anonymous` has no id","at":"/subject/id"}"#);
    insta::assert_snapshot!(subject(r#"{"type": "anonymous", "properties": {"roles": ["admin"]}}"#), @r#"{"error":"`anonymous` has no properties","at":"/subject/properties"}"#);
    insta::assert_snapshot!(refused(user, "{}", model, ""), @r#"{"error":"missing; expected a text","at":"/action/name"}"#);
    insta::assert_snapshot!(refused(user, r#"{"name": null}"#, model, ""), @r#"{"error":"expected a text, found null","at":"/action/name"}"#);
    insta::assert_snapshot!(refused(user, infer, r#"{"type": null, "id": "m"}"#, ""), @r#"{"error":"expected a text, found null","at":"/resource/type"}"#);
    insta::assert_snapshot!(refused(user, infer, r#"{"type": "model"}"#, ""), @r#"{"error":"missing; expected a text","at":"/resource/id"}"#);
    insta::assert_snapshot!(refused(user, infer, model, r#", "context": null"#), @r#"{"error":"expected an object, found null","at":"/context"}"#);
    insta::assert_snapshot!(decision::refusal(&request::decode("[]").unwrap_err()), @r#"{"error":"expected an object, found a list","at":""}"#);
    insta::assert_snapshot!(decision::refusal(&request::decode("{}").unwrap_err()), @r#"{"error":"missing; expected an object","at":"/subject"}"#);
}

fn line(id: &str) -> String {
    format!(
        r#"{{"subject": {{"type": "user", "id": "{id}"}}, "action": {{"name": "infer"}}, "resource": {{"id": "m"}}}}"#
    )
}

/// What comes out of a text of several requests: the ids, or the refusals.
fn many(text: &str) -> Result<Vec<String>, Refusal> {
    let decoded = request::decode_many(text)?;
    let id = |decoded: request::Decoded| decoded.request.principal.id.unwrap_or_default();
    Ok(decoded.into_iter().map(|one| one.map_or_else(|refusal| refusal.to_string(), id)).collect())
}

#[test]
fn one_many_or_none() {
    assert_eq!(many("").unwrap(), [""; 0]);
    assert_eq!(many(" \n").unwrap(), [""; 0]);
    assert_eq!(many("[]").unwrap(), [""; 0]);
    assert_eq!(many(EXAMPLE).unwrap(), ["alice@company.com"]);
    assert_eq!(many(&format!("[{}]", line("a"))).unwrap(), ["a"]);
    assert_eq!(many(&format!("\u{feff}[{},\n {}]", line("a"), line("b"))).unwrap(), ["a", "b"]);
    assert_eq!(many(&format!("{}\r\n\r\n  {}\n\n", line("a"), line("b"))).unwrap(), ["a", "b"]);
}

#[test]
fn a_fault_stays_in_its_place() {
    let (a, b) = (line("a"), line("b"));
    insta::assert_debug_snapshot!(many(&format!("[{a}, 7, {{\"x\": 1, \"x\": 1}}, {b}]")), @r#"
    Ok(
        [
            "a",
            "expected an object, found a number",
            "/x: this member is there twice",
            "b",
        ],
    )
    "#);
    insta::assert_debug_snapshot!(many(&format!("{a}\n{{\"subject\": \n{b}\n")), @r#"
    Ok(
        [
            "a",
            "not JSON: unexpected end in a value at line 2 column 13",
            "b",
        ],
    )
    "#);
    insta::assert_debug_snapshot!(many(&format!("{{\"subject\": \n{a}\n{b}")), @r#"
    Ok(
        [
            "not JSON: unexpected end in a value at line 1 column 13",
            "a",
            "b",
        ],
    )
    "#);
    insta::assert_debug_snapshot!(many(&format!("garbage\n{b}")), @r#"
    Ok(
        [
            "not JSON: expected value at line 1 column 1",
            "b",
        ],
    )
    "#);
    insta::assert_debug_snapshot!(many(&format!("[{a}, {b}")), @r#"
    Err(
        Refusal {
            error: "not JSON: unexpected end in a list at line 1 column 192",
            at: "",
        },
    )
    "#);
    insta::assert_debug_snapshot!(many("{\n  \"subject\": {\"type\": \"user\"}\n  \"action\": {}\n}"), @r#"
    Ok(
        [
            "not JSON: expected `,` or `}` at line 3 column 3",
        ],
    )
    "#);
}

#[test]
fn requests_are_written_in_order() {
    let request = Request::new(
        Principal::user("a").with("unsure", Input::Unknown).with("team.name", "x").with("org", Input::None),
        "infer",
        Resource::model("m"),
    );
    let text = serde_json::to_string(&request::view(&request)).unwrap();
    insta::assert_snapshot!(text, @r#"{"subject":{"type":"user","id":"a","properties":{"org":null,"team":{"name":"x"}}},"action":{"name":"infer"},"resource":{"type":"model","id":"m"}}"#);
}

fn input() -> impl Strategy<Value = Input> {
    let leaf = prop_oneof![
        Just(Input::None),
        any::<bool>().prop_map(Input::Bool),
        any::<i64>().prop_map(Input::Int),
        Just(Input::Float(0.5)),
        ".{0,4}".prop_map(Input::Text),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Input::List),
            proptest::collection::btree_map(".{0,4}", inner, 0..3).prop_map(Input::Object),
        ]
    })
}

proptest! {
    #[test]
    fn requests_survive_the_wire(
        properties in proptest::collection::btree_map(".{0,4}", input(), 0..3),
        context in proptest::collection::btree_map(".{0,4}", input(), 0..3),
        id in ".{1,6}", action in ".{1,6}",
    ) {
        let mut request = Request::new(Principal::user(id.clone()), action, Resource::model(id));
        request.principal.properties = properties.clone();
        request.resource.properties = properties;
        request.context = context;
        prop_assert_eq!(request::text(&request), serde_json::to_string(&request::view(&request)).unwrap());
        let decoded = request::decode(&request::encode(&request).to_string()).unwrap();
        prop_assert_eq!(decoded.request, request);
        prop_assert!(decoded.ignored.is_empty());
    }
}
