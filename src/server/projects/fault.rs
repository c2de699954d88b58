//! Refusals as OpenAI's clients read them: `{"error": {"message", "type", "param", "code"}}`.

use crate::server::{
    decide::NoDecision,
    http::{self, BadBody, openai, ratelimit::SHOULD_RETRY},
    managed::{Refused, Unchanged},
    policy::diagnostics,
};
use ::http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ETAG, RETRY_AFTER},
};
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use chrono::SecondsFormat;
use serde_json::{Value, json};

/// Why a request is not answered as it was meant.
pub(super) enum Fault {
    Body(BadBody),
    /// It cannot be read.
    Malformed(String),
    /// A member of it cannot be meant so.
    Bad {
        param: String,
        message: String,
    },
    UnknownModel {
        name: String,
        param: &'static str,
    },
    /// The project has no list of models.
    NoPermissions,
    Refused(Refused),
}

impl From<BadBody> for Fault {
    fn from(bad: BadBody) -> Self {
        Self::Body(bad)
    }
}

impl<T: Into<Refused>> From<T> for Fault {
    fn from(reason: T) -> Self {
        Self::Refused(reason.into())
    }
}

impl Fault {
    pub(super) fn bad(param: &str, message: String) -> Self {
        Self::Bad { param: param.to_owned(), message }
    }

    /// A member that nothing can be limited by.
    pub(super) fn unlimited(param: &str) -> Self {
        Self::bad(param, format!("Nothing is limited by `{param}` here."))
    }
}

/// An error, as it is told.
struct Told {
    status: StatusCode,
    message: String,
    param: Option<String>,
    code: Option<String>,
    headers: HeaderMap,
    /// What else there is to say, by its name.
    more: Vec<(&'static str, Value)>,
}

impl Told {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), param: None, code: None, headers: HeaderMap::new(), more: Vec::new() }
    }

    fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// It stays the same however often it is asked for.
    fn finally(mut self) -> Self {
        self.headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        self
    }
}

impl IntoResponse for Told {
    fn into_response(self) -> Response {
        let kind = match self.status {
            StatusCode::TOO_MANY_REQUESTS => "requests",
            status => openai::kind(status),
        };
        let more = self.more.into_iter().map(|(name, value)| (name.to_owned(), value));
        let error = openai::error(&self.message, kind, self.param.as_deref(), self.code.as_deref(), more);
        (self.status, self.headers, Json(json!({ "error": error }))).into_response()
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let told = match self {
            Self::Body(bad) => Told::new(bad.status, bad.message),
            Self::Malformed(message) => Told::new(StatusCode::BAD_REQUEST, message),
            Self::Bad { param, message } => Told::new(StatusCode::BAD_REQUEST, message).param(param),
            Self::UnknownModel { name, param } => {
                let message = format!("The model `{name}` does not exist.");
                Told::new(StatusCode::BAD_REQUEST, message).param(param).code("model_not_found")
            }
            Self::NoPermissions => {
                Told::new(StatusCode::NOT_FOUND, "The project has no model permissions.").code("not_found")
            }
            Self::Refused(reason) => refused(reason),
        };
        told.into_response()
    }
}

fn refused(reason: Refused) -> Told {
    match reason {
        Refused::NoDecision(NoDecision::Unauthenticated(error)) => {
            let headers = error.headers();
            let code = error.code().unwrap_or("invalid_api_key");
            Told { headers, ..Told::new(error.status(), error.message).code(code) }
        }
        Refused::NoDecision(NoDecision::Refused(refusal)) => {
            let message = format!("The policies know nothing of this ({refusal}).");
            Told::new(StatusCode::FORBIDDEN, message).finally()
        }
        Refused::NoDecision(NoDecision::Unrecorded(_)) => {
            Told::new(StatusCode::SERVICE_UNAVAILABLE, "The decision cannot be recorded at the moment.")
                .code("service_unavailable")
        }
        Refused::NotAllowed(decision) => {
            let Some(denial) = decision.denial() else { return Told::new(StatusCode::FORBIDDEN, "Denied.") };
            let message = denial.message.clone().unwrap_or_else(|| "The policies do not allow this.".to_owned());
            let hint = denial.hint.as_ref().map(|hint| format!(" {hint}")).unwrap_or_default();
            Told::new(http::status(denial), format!("{message}{hint}")).code(denial.code.to_string()).finally()
        }
        Refused::Unconfirmed(confirmation) => {
            let message = "This change opens something that is protected: somebody must confirm it first.";
            let more = vec![
                ("digest", confirmation.digest.into()),
                ("lapses", confirmation.lapses.to_rfc3339_opts(SecondsFormat::Secs, true).into()),
            ];
            Told { more, ..Told::new(StatusCode::CONFLICT, message).code("CONFIRMATION_REQUIRED").finally() }
        }
        Refused::Protected(id) => {
            let message = format!("`{id}` is protected: change it by itself, so that somebody can confirm it.");
            Told::new(StatusCode::CONFLICT, message).code("CONFIRMATION_REQUIRED").finally()
        }
        Refused::NoProposal => Told::new(StatusCode::NOT_FOUND, "No such change waits for its confirmation."),
        Refused::Unchanged(reason) => unchanged(reason),
    }
}

fn unchanged(reason: Unchanged) -> Told {
    match reason {
        Unchanged::Conflict(current) => {
            let message = "The project is another one by now: look at it, and try again.";
            let mut told = Told::new(StatusCode::PRECONDITION_FAILED, message).code("CONFLICT").finally();
            let tag = current.and_then(|document| HeaderValue::from_str(&document.etag()).ok());
            told.headers.extend(tag.map(|tag| (ETAG, tag)));
            told
        }
        Unchanged::Bad(refusal) => Told::new(StatusCode::BAD_REQUEST, refusal.error),
        Unchanged::Set(error) => {
            let message = "The policies would not be valid any more, or what they say is always so would not be.";
            let more = vec![("details", diagnostics(&error))];
            Told { more, ..Told::new(StatusCode::UNPROCESSABLE_ENTITY, message).code("policy_violation").finally() }
        }
        Unchanged::Unkept(reason) => unkept(&reason, "The change cannot be kept at the moment; nothing was changed."),
        Unchanged::InDoubt(reason) => unkept(&reason, "Nobody can tell at the moment whether the change was kept."),
    }
}

fn unkept(reason: &str, message: &str) -> Told {
    tracing::error!(%reason, "a managed document cannot be kept");
    let mut told = Told::new(StatusCode::SERVICE_UNAVAILABLE, message).code("service_unavailable");
    told.headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    told
}
