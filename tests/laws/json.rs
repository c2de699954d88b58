//! A session that is asked in JSON says just what the engine says of the request that the text is, and refuses what it
//! refuses, however the text is written.

use crate::{
    decide::load_files,
    requests::{choices, many, odd},
    sets::policy_set,
};
use policyc::{
    Engine, EngineBuilder,
    engine::Session,
    eval::verdict::Outcome,
    request::{Refusal, Request},
    wire,
};
use proptest::{collection, prelude::*};
use serde_json::Value;
use std::fmt::Write;

/// What the engine says of a text.
pub(crate) fn at_length(engine: &Engine, text: &str) -> Result<Outcome, Refusal> {
    let request = wire::request::decode(text)?.request;
    // Attributes that a strict engine does not know are refused only here.
    engine.unlimited(&request)?;
    engine.verdict(&request).map(|verdict| verdict.outcome)
}

/// What a session says of it.
pub(crate) fn in_session(session: &mut Session, text: &str) -> Result<Outcome, Refusal> {
    session.ask_json(text).map(|ask| ask.evaluate().outcome).map_err(|refusal| *refusal)
}

/// A text that is another way of writing a request, or one that is no longer a request: a choice for each thing that can
/// be different.
struct Writer<'a> {
    text: String,
    choices: std::iter::Cycle<std::slice::Iter<'a, u8>>,
}

impl Writer<'_> {
    /// Whether something happens that happens once in so many times.
    fn once_in(&mut self, times: u8) -> bool {
        *self.choices.next().unwrap() % times == times / 2
    }

    fn space(&mut self) {
        if self.once_in(7) {
            self.text.push_str([" ", "\n\t", "\r\n  ", ""][usize::from(*self.choices.next().unwrap()) % 4]);
        }
    }

    fn string(&mut self, text: &str) {
        let escaped = serde_json::to_string(text).unwrap();
        match text.chars().next() {
            Some(first) if self.once_in(60) => {
                write!(self.text, "\"\\u{:04x}{}", first as u32, &escaped[1 + first.len_utf8()..]).unwrap();
            }
            _ => self.text.push_str(&escaped),
        }
    }

    fn odd(&mut self) -> &'static str {
        let all = [
            "null",
            "{}",
            "[]",
            "[[]]",
            "\"\"",
            "0",
            "-0",
            "1.0",
            "2e3",
            "12345678901234567890",
            "9223372036854775807",
            "-9223372036854775808",
            "007",
            "1.5",
            "tru",
            "true",
            "\"\\n\"",
            "\"\n\"",
            "{\"a\": 1, \"a\": 1}",
            "\"é😀\"",
            "{\"a\": {\"b\": [1, null]}}",
            "[\"x\", 1]",
            "[{\"role\": \"admin\"}]",
            "\"10.1.2.3\"",
            "-",
            "\"",
            "",
            "[{\"org\": \"alpha\", \"role\": \"admin\"}, \"viewer\"]",
            "[{\"role\": \"admin\", \"org\": null}]",
            "{\"trusted\": true}",
            "{\"trusted\": {}}",
            "[\"a\",]",
        ];
        all[usize::from(*self.choices.next().unwrap()) % all.len()]
    }

    fn value(&mut self, value: &serde_json::Value) {
        if self.once_in(90) {
            let odd = self.odd();
            self.text.push_str(odd);
            return;
        }
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => write!(self.text, "{value}").unwrap(),
            Value::String(text) => self.string(text),
            Value::Array(values) => {
                self.text.push('[');
                for (place, value) in values.iter().enumerate() {
                    if place > 0 {
                        self.text.push(',');
                    }
                    self.space();
                    self.value(value);
                    self.space();
                }
                self.text.push(']');
            }
            Value::Object(members) => {
                let mut members: Vec<(&str, &Value)> = members.iter().map(|(name, value)| (&**name, value)).collect();
                if self.once_in(3) {
                    members.reverse();
                }
                if self.once_in(60) {
                    members.pop();
                }
                if let Some(member) = members.first().copied().filter(|_| self.once_in(60)) {
                    members.push(member);
                }
                const NULL: Value = Value::Null;
                if self.once_in(40) {
                    let names = ["id", "more", "type", "device.trusted", "kind", "properties", "role", "device", ""];
                    members.push((names[usize::from(*self.choices.next().unwrap()) % names.len()], &NULL));
                }
                self.text.push('{');
                for (place, (name, value)) in members.into_iter().enumerate() {
                    if place > 0 {
                        self.text.push(',');
                    }
                    self.space();
                    self.string(name);
                    self.space();
                    self.text.push(':');
                    self.space();
                    self.value(value);
                    self.space();
                }
                self.text.push('}');
            }
        }
    }
}

/// A request as a text.
fn written(request: &Request, choices: &[u8]) -> String {
    let mut writer = Writer { text: String::new(), choices: choices.iter().cycle() };
    writer.space();
    writer.value(&wire::request::encode(request));
    writer.space();
    if writer.once_in(80) {
        writer.text.pop();
    }
    if writer.once_in(80) {
        writer.text.push_str(["x", "\u{0}", "{}", ","][usize::from(choices[0]) % 4]);
    }
    writer.text
}

/// The engine of a set that refuses what it does not know, or ignores it.
fn engine(text: &str, strict: bool) -> Engine {
    EngineBuilder::default().text("set.policy", text).strict(strict).load().unwrap()
}

/// Fails unless a session and the engine agree.
fn agree(engine: &Engine, session: &mut Session, text: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(in_session(session, text), at_length(engine, text), "{}", text);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_session_takes_json_as_it_is_read_at_length(
        choices in many(),
        ways in collection::vec(any::<u8>(), 101..=997),
        set in policy_set(true),
        strict: bool,
    ) {
        let engine = engine(&set.text(), strict);
        let mut session = engine.session();
        for (place, choices) in choices.iter().enumerate() {
            let request = choices.request();
            agree(&engine, &mut session, &wire::request::text(&request))?;
            let mut ways = ways.clone();
            let middle = place % ways.len();
            ways.rotate_left(middle);
            agree(&engine, &mut session, &written(&request, &ways))?;
            agree(&engine, &mut session, &written(&request, &[choices.spare()]))?;
        }
    }

    #[test]
    fn values_that_do_not_fit_are_refused_alike(choices in choices(), kind: u8, set in policy_set(true), strict: bool) {
        let engine = engine(&set.text(), strict);
        let mut session = engine.session();
        for path in ["ip", "time", "tier", "principal.roles", "principal.granted", "principal.teams", "model.tags", "device.age"] {
            agree(&engine, &mut session, &wire::request::text(&odd(&choices.request(), path, kind)))?;
        }
    }
}

#[test]
fn a_principal_whose_request_is_refused_does_not_go_on_to_ask() {
    let engine = load_files([("set.policy", "actions view; allow anyone to view when org == \"alpha\";")]);
    let mut session = engine.session();
    let text = r#"{"subject": {"type": "user", "id": "bob", "properties": {"org": "alpha"}}, "action": {"name": "view"},
        "resource": {"id": "m"}}"#;
    assert!(session.ask_json(text).unwrap().evaluate().is_allow());
    assert!(session.ask("view", "model", "m").evaluate().is_allow(), "the principal stays");
    assert!(session.ask_json(&text.replace("\"view\"", "7")).is_err());
    assert!(!session.ask("view", "model", "m").evaluate().is_allow());
}
