//! What a proxy is told, before it is put into the words of HTTP or of gRPC.

use crate::{
    decision::{Decision, Denial},
    request::{Input, Principal},
    server::{
        audit::Unrecorded,
        decide::NoDecision,
        http::{self, openai, ratelimit},
        identity::{Caller, Unauthenticated},
    },
    wire,
};
use ::http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, WWW_AUTHENTICATE},
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;

/// Headers about the caller and the decision, for the server behind the proxy. All of them are always set, so that whatever
/// a client sends by these names is replaced.
pub(super) mod name {
    use ::http::HeaderName;

    pub(in super::super) const USER: HeaderName = HeaderName::from_static("x-policy-user");
    pub(in super::super) const KIND: HeaderName = HeaderName::from_static("x-policy-kind");
    pub(in super::super) const ORG: HeaderName = HeaderName::from_static("x-policy-org");
    pub(in super::super) const TIER: HeaderName = HeaderName::from_static("x-policy-tier");
    pub(in super::super) const ROLES: HeaderName = HeaderName::from_static("x-policy-roles");
    pub(in super::super) const RULE: HeaderName = HeaderName::from_static("x-policy-rule");
    pub(in super::super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-policy-request-id");
    pub(in super::super) const OBLIGATION: HeaderName = HeaderName::from_static("x-policy-obligation");
    /// Whether a request is charged.
    pub(in super::super) const CHARGE: HeaderName = HeaderName::from_static("x-policy-charge");
    /// By which id a denial can be asked for again.
    pub(in super::super) const EXPLAIN: HeaderName = HeaderName::from_static("x-policy-explain");
    /// Those that are between the proxy and the service alone: from a client they mean nothing.
    pub(in super::super) const OF_REQUESTS: [&str; 2] = ["x-policy-charge", "x-policy-explain"];
}

/// What a proxy is told.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    Allowed(Allowed),
    Denied(Denied),
}

/// The request goes on.
#[derive(Debug, Clone)]
pub(super) struct Allowed {
    /// For the server behind the proxy.
    pub(super) upstream: HeaderMap,
    /// For the client.
    pub(super) client: HeaderMap,
    pub(super) grounds: Grounds,
}

/// The request ends here, with this answer.
#[derive(Debug, Clone)]
pub(super) struct Denied {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) grounds: Grounds,
    words: Words,
    errors: Errors,
}

/// In which form a denial's body is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Errors {
    /// As clients of OpenAI's API read it: `{"error": {"code", "message", "param", "type"}}`.
    #[default]
    Openai,
    /// One text: `{"error": "…"}`.
    Plain,
}

/// What a denial's body says.
#[derive(Debug, Clone)]
struct Words {
    code: String,
    message: String,
    hint: Option<String>,
    /// All that a plain error says.
    plain: String,
}

/// What a decision rests on; nothing, where there is none.
#[derive(Debug, Clone, Default)]
pub(super) struct Grounds {
    pub(super) rule: String,
    pub(super) revision: String,
}

/// Why there is no decision, and the request is denied.
#[derive(Debug, Clone)]
pub(super) enum Refused {
    Unauthenticated(Unauthenticated),
    Undecided { status: StatusCode, code: &'static str, message: String },
}

impl Refused {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self::Undecided { status, code, message: message.into() }
    }
}

impl From<NoDecision> for Refused {
    fn from(reason: NoDecision) -> Self {
        match reason {
            NoDecision::Unauthenticated(error) => Self::Unauthenticated(error),
            NoDecision::Refused(refusal) => {
                let message = format!("The request cannot be decided: {refusal}");
                Self::new(StatusCode::BAD_REQUEST, "INVALID_REQUEST", message)
            }
            NoDecision::Unrecorded(unrecorded) => unrecorded.into(),
        }
    }
}

impl From<Unrecorded> for Refused {
    fn from(_: Unrecorded) -> Self {
        let message = "The decision cannot be recorded at the moment.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message)
    }
}

impl From<Refused> for Answer {
    fn from(refused: Refused) -> Self {
        let (status, headers, code, message, plain) = match refused {
            Refused::Unauthenticated(error) => {
                let plain = match error.status() {
                    StatusCode::UNAUTHORIZED if error.is_expired() => EXPIRED.to_owned(),
                    StatusCode::UNAUTHORIZED => INVALID.to_owned(),
                    _ => error.message.clone(),
                };
                let code = error.code().unwrap_or("UNAUTHENTICATED");
                (error.status(), error.headers(), code, error.message, plain)
            }
            Refused::Undecided { status, code, message } => (status, HeaderMap::new(), code, message.clone(), message),
        };
        let words = Words { code: code.to_owned(), message, hint: None, plain };
        Self::Denied(Denied::new(status, headers, words, Grounds::default()))
    }
}

impl Answer {
    pub(super) fn of(decision: &Decision, caller: &Caller) -> Self {
        let rule = decision.rule.as_ref().map(|rule| rule.name.to_string()).unwrap_or_default();
        let grounds = Grounds { rule, revision: decision.revision.to_string() };
        let limits = ratelimit::headers(decision);
        match decision.denial() {
            None => {
                let upstream = identity(decision, caller, &grounds.rule);
                Self::Allowed(Allowed { upstream, client: limits, grounds })
            }
            Some(denial) => Self::Denied(denied(denial, caller, limits, grounds)),
        }
    }

    /// With its body in a form, if it has one.
    pub(super) fn told_as(self, errors: Errors) -> Self {
        match self {
            Self::Allowed(_) => self,
            Self::Denied(denied) => Self::Denied(Denied { errors, ..denied }),
        }
    }
}

fn denied(denial: &Denial, caller: &Caller, mut headers: HeaderMap, grounds: Grounds) -> Denied {
    let status = http::status(denial);
    let is_known = caller.principal.id.is_some();
    let message = denial.message.as_deref().unwrap_or("The policy does not allow this.");
    let own = denial.message.as_deref().filter(|_| &*denial.code != "NO_RULE");
    let short = if status == StatusCode::UNAUTHORIZED && !is_known { MISSING } else { INSUFFICIENT };
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, caller.challenge(&denial.code, message));
    }
    let words = Words {
        code: denial.code.to_string(),
        message: message.to_owned(),
        hint: denial.hint.as_deref().map(str::to_owned),
        plain: own.unwrap_or(short).to_owned(),
    };
    Denied::new(status, headers, words, grounds)
}

/// What plain errors say where a policy has no words of its own.
const MISSING: &str = "Missing authorization token";
const EXPIRED: &str = "Token expired";
const INVALID: &str = "Invalid token";
const INSUFFICIENT: &str = "Insufficient permissions";

impl Denied {
    fn new(status: StatusCode, mut headers: HeaderMap, words: Words, grounds: Grounds) -> Self {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { status, headers, grounds, words, errors: Errors::default() }
    }

    pub(super) fn body(&self) -> String {
        let Words { code, message, hint, plain } = &self.words;
        let error = match self.errors {
            Errors::Plain => plain.as_str().into(),
            Errors::Openai => {
                let hint = hint.as_ref().map(|hint| ("hint".to_owned(), hint.as_str().into()));
                openai::error(message, kind(self.status), None, Some(code), hint)
            }
        };
        serde_json::json!({ "error": error }).to_string()
    }
}

/// What sort of error a status is, in the words of such APIs.
fn kind(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "authentication_error",
        StatusCode::FORBIDDEN => "permission_error",
        StatusCode::NOT_FOUND => "not_found_error",
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
        _ if status.is_server_error() => "server_error",
        _ => "invalid_request_error",
    }
}

/// The headers about the caller and the decision. What there is none of is empty.
fn identity(decision: &Decision, caller: &Caller, rule: &str) -> HeaderMap {
    let Principal { kind, id, properties } = &caller.principal;
    let text = |name: &str| properties.get(name).and_then(Input::as_text).map(encode).unwrap_or_default();
    let values = [
        (name::USER, id.as_deref().map(encode).unwrap_or_default()),
        (name::KIND, encode(kind)),
        (name::ORG, text("org")),
        (name::TIER, text("tier")),
        (name::ROLES, roles(properties.get("roles"))),
        (name::RULE, encode(rule)),
        (name::REQUEST_ID, caller.origin.id.to_string()),
        (name::OBLIGATION, obligations(decision)),
    ];
    values.into_iter().map(|(name, value)| (name, header(value))).collect()
}

/// All that is written into headers here is ASCII.
fn header(value: String) -> HeaderValue {
    HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static(""))
}

/// What stands between values, and what begins an escape.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b',').add(b'%');

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// Roles, as the language writes them: `reader, editor@alpha`.
fn roles(roles: Option<&Input>) -> String {
    let Some(Input::List(roles)) = roles else { return String::new() };
    let text = |input: Option<&Input>| input.and_then(Input::as_text).map(encode);
    let one = |role: &Input| match role {
        Input::Object(held) => Some(format!("{}@{}", text(held.get("role"))?, text(held.get("org"))?)),
        Input::Text(role) => Some(encode(role)),
        Input::Unknown | Input::None | Input::Bool(_) | Input::Int(_) | Input::Float(_) | Input::List(_) => None,
    };
    roles.iter().filter_map(one).collect::<Vec<_>>().join(",")
}

/// Duties as a JSON array, in ASCII; the form is that of a decision's `context.obligations`.
fn obligations(decision: &Decision) -> String {
    if decision.obligations.is_empty() {
        return String::new();
    }
    let decision = wire::decision::to_value(decision);
    let list = decision.pointer("/context/obligations").map(ToString::to_string).unwrap_or_default();
    let mut ascii = String::with_capacity(list.len());
    for char in list.chars() {
        if char.is_ascii() {
            ascii.push(char);
        } else {
            let mut units = [0; 2];
            for unit in char.encode_utf16(&mut units) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use super::{Answer, Denied, identity};
    use crate::{
        decision::{Decision, Effect},
        engine::{EngineBuilder, Spend},
        request::{Principal, Request, Resource},
        server::identity::{Caller, Origin},
    };
    use ::http::{HeaderMap, StatusCode, header::WWW_AUTHENTICATE};
    use std::net::{Ipv4Addr, SocketAddr};

    const POLICY: &str = "allow anyone to infer;\n\
        deny anyone to infer on model \"members\" else SIGN_IN 401 \"Sign in.\";\n\
        deny anyone to infer on model \"moved\" else MOVED 409;\n\
        oblige watermark(text = \"\u{1d11e} für\") to infer;\n";

    fn decide(principal: Principal, model: &str) -> (Decision, Caller) {
        let engine = EngineBuilder::default().text("a.policy", POLICY).load().unwrap();
        let request = Request::new(principal.clone(), "infer", Resource::model(model));
        let now = "2026-06-01T12:00:00Z".parse().unwrap();
        let decision = engine.decide_dated(&request, now, Spend::Charge).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", "r-1".parse().unwrap());
        let origin = Origin::of(&headers, SocketAddr::from((Ipv4Addr::LOCALHOST, 1)), &[]);
        (decision, Caller { principal, is_trusted: false, origin, proofs: std::sync::Arc::default() })
    }

    fn denied(answer: Answer) -> Denied {
        match answer {
            Answer::Denied(denied) => denied,
            Answer::Allowed(_) => panic!("it is denied"),
        }
    }

    fn show(headers: &HeaderMap) -> String {
        headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap())).collect()
    }

    #[test]
    fn headers_say_who_asks() {
        let held = crate::request::Input::Object(
            [("role", "editor"), ("org", "alpha")].map(|(name, value)| (name.to_owned(), value.into())).into(),
        );
        let alice = Principal::user("zoë, the 1%").org("alpha").tier("paid").with("roles", vec!["reader".into(), held]);
        let (decision, caller) = decide(alice, "qwen3");
        insta::assert_snapshot!(show(&identity(&decision, &caller, "a.policy:1")), @r#"
        x-policy-user: zo%C3%AB%2C%20the%201%25
        x-policy-kind: user
        x-policy-org: alpha
        x-policy-tier: paid
        x-policy-roles: reader,editor@alpha
        x-policy-rule: a.policy:1
        x-policy-request-id: r-1
        x-policy-obligation: [{"args":{"text":"\ud834\udd1e f\u00fcr"},"id":"watermark"}]
        "#);
    }

    #[test]
    fn who_is_known_must_prove_it_better() {
        let challenge = |principal| {
            let (decision, caller) = decide(principal, "members");
            let denied = denied(Answer::of(&decision, &caller));
            assert_eq!(denied.status, StatusCode::UNAUTHORIZED);
            denied.headers[WWW_AUTHENTICATE].to_str().unwrap().to_owned()
        };
        assert_eq!(challenge(Principal::anonymous()), "Bearer");
        let better = challenge(Principal::user("alice"));
        assert_eq!(better, r#"Bearer error="insufficient_user_authentication", error_description="Sign in.""#);
    }

    #[test]
    fn no_denial_looks_like_a_permission() {
        let (mut decision, caller) = decide(Principal::anonymous(), "moved");
        assert_eq!(denied(Answer::of(&decision, &caller)).headers["x-should-retry"], "false");
        for status in [0, 100, 200, 204, 302, 999] {
            if let Effect::Deny(denial) = &mut decision.effect {
                denial.status = status;
            }
            assert_eq!(denied(Answer::of(&decision, &caller)).status, StatusCode::FORBIDDEN, "{status}");
        }
    }
}
