//! Decisions: OpenID AuthZEN evaluation responses, with the reasons as their `context`.
//!
//! ```json
//! {"decision": false, "context": {"code": "DENIED", "status": 403, "rule": "no_export", "at": "a.policy:3", "revision": "sha256:…"}}
//! ```
//!
//! Members that say nothing (absent, or empty lists) are left out.

mod plain;

use crate::{
    decision::{Decision, LimitState, Obligation},
    request::Refusal,
    value::{HeldRole, Value},
};
use chrono::SecondsFormat;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::sync::Arc;

/// A decision as one line of JSON.
#[must_use]
pub fn encode(decision: &Decision) -> String {
    // Nothing here can fail to be written; should it ever, the answer is no.
    serde_json::to_string(&view(decision)).unwrap_or_else(|_| r#"{"decision":false}"#.to_owned())
}

/// A decision as one line of JSON, behind what is written already.
pub fn write(decision: &Decision, out: &mut Vec<u8>) {
    if plain::can_write(decision) {
        plain::write(decision, out);
    } else {
        // Nothing here can fail to be written to memory.
        let _ = serde_json::to_writer(out, &view(decision));
    }
}

/// A decision as JSON, its members sorted by name.
#[must_use]
pub fn to_value(decision: &Decision) -> serde_json::Value {
    serde_json::to_value(view(decision)).unwrap_or_else(|_| serde_json::json!({ "decision": false }))
}

/// Duties as JSON, as they stand in a decision.
#[must_use]
pub fn obligations(obligations: &[Obligation]) -> serde_json::Value {
    obligations.iter().filter_map(|obligation| serde_json::to_value(ObligationView::of(obligation)).ok()).collect()
}

/// A decision as a part of a larger JSON text, with its members in their order.
pub fn view(decision: &Decision) -> impl Serialize {
    let denial = decision.denial();
    DecisionView {
        decision: decision.is_allow(),
        context: ContextView {
            code: denial.map(|denial| &*denial.code),
            status: denial.map(|denial| denial.status),
            message: denial.and_then(|denial| denial.message.as_deref()),
            hint: denial.and_then(|denial| denial.hint.as_deref()),
            rule: decision.rule.as_ref().map(|rule| &*rule.name),
            at: decision.rule.as_ref().map(|rule| &*rule.at),
            obligations: decision.obligations.iter().map(ObligationView::of).collect(),
            others: texts(&decision.others),
            shadow: texts(&decision.shadow),
            gate: denial.and_then(|denial| denial.gate).map(|mode| mode.name()),
            retry_after: denial.and_then(|denial| denial.retry_after),
            limits: decision.limits.iter().map(LimitView::of).collect(),
            ignored: &decision.ignored,
            revision: &decision.revision,
        },
    }
}

/// What stands in the place of a decision where a request was refused.
#[must_use]
pub fn refusal(refusal: &Refusal) -> String {
    let view = RefusalView { error: &refusal.error, at: &refusal.at };
    serde_json::to_string(&view).unwrap_or_else(|_| r#"{"error":"refused","at":""}"#.to_owned())
}

#[derive(serde::Serialize)]
struct RefusalView<'a> {
    error: &'a str,
    at: &'a str,
}

#[derive(serde::Serialize)]
struct DecisionView<'a> {
    decision: bool,
    context: ContextView<'a>,
}

#[derive(serde::Serialize)]
struct ContextView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    obligations: Vec<ObligationView<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shadow: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    limits: Vec<LimitView<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    ignored: &'a [String],
    #[serde(skip_serializing_if = "str::is_empty")]
    revision: &'a str,
}

fn texts(texts: &[Arc<str>]) -> Vec<&str> {
    texts.iter().map(|text| &**text).collect()
}

#[derive(serde::Serialize)]
struct LimitView<'a> {
    name: &'a str,
    limit: u64,
    remaining: u64,
    reset: u64,
}

impl<'a> LimitView<'a> {
    fn of(state: &'a LimitState) -> Self {
        Self { name: &state.name, limit: state.limit, remaining: state.remaining, reset: state.reset }
    }
}

#[derive(serde::Serialize)]
struct ObligationView<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Arguments::is_empty")]
    args: Arguments<'a>,
}

impl<'a> ObligationView<'a> {
    fn of(obligation: &'a Obligation) -> Self {
        Self { id: &obligation.id, args: Arguments(&obligation.args) }
    }
}

/// A duty's arguments in source order.
struct Arguments<'a>(&'a [(Arc<str>, Option<Value>)]);

impl Arguments<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Arguments<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(&**name, &value.as_ref().map(ValueView))?;
        }
        map.end()
    }
}

/// A value in the form that a request would give it in.
struct ValueView<'a>(&'a Value);

impl Serialize for ValueView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::None => serializer.serialize_none(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Ip(ip) => serializer.collect_str(ip),
            Value::Time(time) => serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            // Decisions name tiers; a bare place in their order is all that is known here.
            Value::Tier(tier) => serializer.serialize_u16(tier.0),
            Value::Texts(texts) => serializer.collect_seq(texts.iter().map(|text| &**text)),
            Value::Roles(roles) => serializer.collect_seq(roles.iter().map(RoleView::of)),
        }
    }
}

/// A role: its name, or with the organisation that it is held in.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum RoleView<'a> {
    Everywhere(&'a str),
    Within { role: &'a str, org: &'a str },
}

impl<'a> RoleView<'a> {
    fn of(held: &'a HeldRole) -> Self {
        match &held.org {
            None => Self::Everywhere(&held.role),
            Some(org) => Self::Within { role: &held.role, org },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{encode, refusal, to_value};
    use crate::{
        decision::{Decision, Denial, Effect, LimitState, Obligation, RuleRef},
        request::Refusal,
        value::{GateMode, HeldRole, Value},
    };
    use chrono::DateTime;

    fn empty(effect: Effect) -> Decision {
        Decision {
            effect,
            rule: None,
            obligations: Vec::new(),
            others: Vec::new(),
            shadow: Vec::new(),
            limits: Vec::new(),
            charged: None,
            ignored: Vec::new(),
            revision: "sha256:0".into(),
        }
    }

    #[test]
    fn a_denial_with_everything() {
        let denial = Denial {
            code: "GATED".into(),
            status: 403,
            message: Some("ask \"us\"".to_owned()),
            hint: Some("…".to_owned()),
            gate: Some(GateMode::Manual),
            retry_after: Some(12),
            limit: None,
        };
        let watermark = Obligation { id: "watermark".into(), args: vec![("strength".into(), Some(Value::Int(2)))] };
        let decision = Decision {
            rule: Some(RuleRef { name: "gate".into(), at: "p/a.policy:14".into() }),
            obligations: vec![watermark, Obligation { id: "log".into(), args: Vec::new() }],
            others: vec!["other".into()],
            shadow: vec!["a.policy:3".into()],
            ignored: vec!["/context/x".to_owned()],
            ..empty(Effect::Deny(denial))
        };
        insta::assert_snapshot!(encode(&decision), @r#"{"decision":false,"context":{"code":"GATED","status":403,"message":"ask \"us\"","hint":"…","rule":"gate","at":"p/a.policy:14","obligations":[{"id":"watermark","args":{"strength":2}},{"id":"log"}],"others":["other"],"shadow":["a.policy:3"],"gate":"manual","retry_after":12,"ignored":["/context/x"],"revision":"sha256:0"}}"#);
        assert_eq!(to_value(&decision).to_string().len(), encode(&decision).len());
    }

    /// Those that are written without much ado say the same as the others.
    #[test]
    fn a_plain_decision() {
        let denial = Denial {
            code: "NO_RULE".into(),
            status: 403,
            message: Some("say \"please\"\n\u{1f}\\ 请".to_owned()),
            hint: None,
            gate: Some(GateMode::Auto),
            retry_after: Some(u64::MAX),
            limit: None,
        };
        let rule = RuleRef { name: "r".into(), at: "a \"b\".policy:1".into() };
        let bare =
            Denial { message: None, gate: None, retry_after: None, hint: Some("h".to_owned()), ..denial.clone() };
        for decision in [
            empty(Effect::Allow),
            Decision { rule: Some(rule.clone()), ..empty(Effect::Allow) },
            Decision { rule: Some(rule), ..empty(Effect::Deny(denial)) },
            Decision { revision: "".into(), ..empty(Effect::Deny(bare)) },
            Decision { revision: "".into(), ..empty(Effect::Allow) },
        ] {
            let mut written = b"before".to_vec();
            super::write(&decision, &mut written);
            assert_eq!(str::from_utf8(&written).unwrap(), format!("before{}", encode(&decision)));
        }
    }

    #[test]
    fn an_allow() {
        let limit = LimitState { name: "l".into(), limit: 10, remaining: 9, reset: 60, unit: None, window: None };
        let decision = Decision {
            rule: Some(RuleRef { name: "r".into(), at: "a.policy:1".into() }),
            limits: vec![limit],
            ..empty(Effect::Allow)
        };
        insta::assert_snapshot!(encode(&decision), @r#"{"decision":true,"context":{"rule":"r","at":"a.policy:1","limits":[{"name":"l","limit":10,"remaining":9,"reset":60}],"revision":"sha256:0"}}"#);
        insta::assert_snapshot!(encode(&empty(Effect::Allow)), @r#"{"decision":true,"context":{"revision":"sha256:0"}}"#);
    }

    #[test]
    fn arguments_keep_their_order() {
        let held = |org: Option<&str>| HeldRole { role: "admin".into(), org: org.map(Into::into) };
        let args = [
            ("z", None),
            ("none", Some(Value::None)),
            ("bool", Some(Value::Bool(true))),
            ("text", Some(Value::text("t"))),
            ("ip", Some(Value::Ip([10, 0, 0, 1].into()))),
            ("time", DateTime::from_timestamp(1_767_225_599, 0).map(Value::Time)),
            ("texts", Some(Value::Texts(["b".into(), "a".into()].into()))),
            ("roles", Some(Value::Roles([held(None), held(Some("alpha"))].into()))),
        ];
        let args = args.into_iter().map(|(name, value)| (name.into(), value)).collect();
        let decision = Decision { obligations: vec![Obligation { id: "d".into(), args }], ..empty(Effect::Allow) };
        insta::assert_snapshot!(encode(&decision), @r#"{"decision":true,"context":{"obligations":[{"id":"d","args":{"z":null,"none":null,"bool":true,"text":"t","ip":"10.0.0.1","time":"2025-12-31T23:59:59Z","texts":["a","b"],"roles":["admin",{"role":"admin","org":"alpha"}]}}],"revision":"sha256:0"}}"#);
    }

    #[test]
    fn refusals_always_have_a_place() {
        let whole = Refusal { error: "not JSON".to_owned(), at: String::new() };
        insta::assert_snapshot!(refusal(&whole), @r#"{"error":"not JSON","at":""}"#);
    }
}
