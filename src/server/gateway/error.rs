//! Refusals as OpenAI's clients read them: `{"error": {"message", "type", "param", "code"}}`, with the headers that tell them
//! whether asking again helps.

use super::quota;
use crate::{
    decision::{Decision, Denial, LimitState},
    request::Refusal,
    server::{
        decide::NoDecision,
        http::{
            self, BadBody, openai,
            ratelimit::{self, SHOULD_RETRY},
        },
        identity::Unauthenticated,
    },
};
use ::http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE},
};
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::json;
use std::fmt;

/// The decision's own code, where the client's convention has another.
const POLICY_CODE: HeaderName = HeaderName::from_static("x-policy-code");

/// Why a request is not answered by an upstream.
#[derive(Debug)]
pub(super) enum Fault {
    /// It cannot be read, or may be read in two ways.
    Bad {
        message: String,
        param: Option<&'static str>,
    },
    UnknownPath {
        method: Method,
        path: String,
    },
    /// The path has another method only.
    WrongMethod(Method),
    Body(BadBody),
    Unauthenticated(Unauthenticated),
    /// There is no such model, or the caller is not to know.
    UnknownModel(String),
    Denied(Box<Denied>),
    /// It does not fit the vocabulary.
    Refused(Refusal),
    /// The decision cannot be recorded.
    Unavailable,
    Upstream {
        status: StatusCode,
        message: String,
    },
}

/// A denial with all that its answer tells.
#[derive(Debug)]
pub(super) struct Denied {
    pub(super) decision: Decision,
    /// How the limits of the request stand.
    pub(super) limits: Vec<LimitState>,
    /// The model as the caller named it.
    pub(super) model: String,
    pub(super) is_anonymous: bool,
    /// What proves more of who they are, where that would do.
    pub(super) challenge: Option<HeaderValue>,
}

impl From<BadBody> for Fault {
    fn from(bad: BadBody) -> Self {
        Self::Body(bad)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<NoDecision> for Fault {
    fn from(reason: NoDecision) -> Self {
        match reason {
            NoDecision::Unauthenticated(error) => Self::Unauthenticated(error),
            NoDecision::Refused(refusal) => Self::Refused(refusal),
            NoDecision::Unrecorded(_) => Self::Unavailable,
        }
    }
}

impl Fault {
    /// A request that cannot be read.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::Bad { message: message.into(), param: None }
    }

    /// A request with a member that cannot be read.
    pub(super) fn about(param: &'static str, message: impl Into<String>) -> Self {
        Self::Bad { message: message.into(), param: Some(param) }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Bad { .. } | Self::Refused(_) => StatusCode::BAD_REQUEST,
            Self::UnknownPath { .. } | Self::UnknownModel(_) => StatusCode::NOT_FOUND,
            Self::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Body(bad) => bad.status,
            Self::Unauthenticated(error) => error.status(),
            Self::Denied(denied) => denied.status(),
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Upstream { status, .. } => *status,
        }
    }

    /// The error's code, and the member of the request that it is about.
    fn code(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Self::Bad { param, .. } => (None, *param),
            Self::UnknownPath { .. } => (Some("unknown_url"), None),
            Self::WrongMethod(_) => (Some("method_not_supported"), None),
            Self::Body(_) => (None, None),
            Self::Unauthenticated(error) => (Some(error.code().unwrap_or("invalid_api_key")), None),
            Self::UnknownModel(_) => (Some("model_not_found"), Some("model")),
            Self::Denied(denied) => (Some(denied.code()), None),
            Self::Refused(_) => (Some("invalid_request"), None),
            Self::Unavailable => (Some("service_unavailable"), None),
            Self::Upstream { .. } => (Some("upstream_error"), None),
        }
    }

    /// The error's type, by its status.
    fn kind(&self) -> &'static str {
        match (self, self.status().as_u16()) {
            (Self::Denied(denied), 429) => denied.counts(),
            (_, 402) => "insufficient_quota",
            _ => openai::kind(self.status()),
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        match self {
            Self::WrongMethod(allowed) => {
                headers.extend(HeaderValue::from_str(allowed.as_str()).ok().map(|value| (ALLOW, value)));
            }
            Self::Unauthenticated(error) => {
                headers.extend(error.headers());
            }
            Self::Denied(denied) => denied.head(&mut headers),
            Self::Bad { .. }
            | Self::UnknownPath { .. }
            | Self::Body(_)
            | Self::UnknownModel(_)
            | Self::Refused(_)
            | Self::Unavailable
            | Self::Upstream { .. } => {}
        }
        headers
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bad { message, .. } | Self::Upstream { message, .. } => f.write_str(message),
            Self::UnknownPath { method, path } => write!(f, "Unknown request URL: {method} {path}."),
            Self::WrongMethod(allowed) => write!(f, "Only {allowed} is allowed here."),
            Self::Body(bad) => f.write_str(&bad.message),
            Self::Unauthenticated(error) => f.write_str(&error.message),
            Self::UnknownModel(model) => {
                write!(f, "The model `{model}` does not exist or you do not have access to it.")
            }
            Self::Denied(denied) => denied.fmt(f),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Unavailable => f.write_str("The decision cannot be recorded at the moment."),
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        // A model that is hidden is not there: the answer is the same, byte for byte.
        if let Self::Denied(denied) = &self
            && denied.status() == StatusCode::NOT_FOUND
        {
            return Self::UnknownModel(denied.model.clone()).into_response();
        }
        let (code, param) = self.code();
        let error = openai::error(&self.to_string(), self.kind(), param, code, []);
        (self.status(), self.headers(), Json(json!({ "error": error }))).into_response()
    }
}

impl Denied {
    fn denial(&self) -> Option<&Denial> {
        self.decision.denial()
    }

    /// The decision's own, which is never a success.
    fn status(&self) -> StatusCode {
        self.denial().map_or(StatusCode::FORBIDDEN, http::status)
    }

    /// What clients know of the codes that policies have by themselves; those that authors write stand.
    fn code(&self) -> &str {
        match self.denial().map_or("DENIED", |denial| &denial.code) {
            "RATE_LIMITED" => "rate_limit_exceeded",
            "NO_RULE" if self.is_anonymous => "invalid_api_key",
            code => code,
        }
    }

    /// What the limit that decided counts.
    fn counts(&self) -> &'static str {
        let name = self.decision.rule.as_ref().map(|rule| &rule.name);
        let unit = self.limits.iter().find(|limit| Some(&limit.name) == name).and_then(|limit| limit.unit.as_ref());
        if unit.is_some() { "tokens" } else { "requests" }
    }

    fn head(&self, headers: &mut HeaderMap) {
        let Some(denial) = self.denial() else { return };
        headers.extend(HeaderValue::from_str(&denial.code).ok().map(|code| (POLICY_CODE, code)));
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.extend(self.challenge.clone().map(|challenge| (WWW_AUTHENTICATE, challenge)));
        }
        if let Some(seconds) = denial.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if !ratelimit::passes(denial) {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        let decided = self.decision.rule.as_ref().map(|rule| (&*rule.name, denial.retry_after));
        quota::tell(headers, &self.limits, decided);
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(denial) = self.denial() else { return Ok(()) };
        match &denial.message {
            Some(message) => f.write_str(message)?,
            None => write!(f, "The policy does not allow this ({}).", denial.code)?,
        }
        denial.hint.as_ref().map_or(Ok(()), |hint| write!(f, " {hint}"))
    }
}
