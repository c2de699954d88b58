//! Why something is not done, in the hub's words: a status, `X-Error-Code` and `X-Error-Message`, and an object with `error`.
//! A client never takes a bare 401 for what it is, so every refusal has a code or a message.

use super::Repo;
use crate::{
    decision::Decision,
    server::{
        audit::Unrecorded,
        decide::NoDecision,
        http::{self, BadBody, ratelimit},
        identity::Unauthenticated,
        managed::{Refused, Unchanged},
        policy::first_errors,
    },
};
use ::http::{HeaderName, HeaderValue, StatusCode};
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::json;

const CODE: HeaderName = HeaderName::from_static("x-error-code");
const MESSAGE: HeaderName = HeaderName::from_static("x-error-message");

/// Why something is not done.
#[derive(Debug)]
pub(super) enum Fault {
    /// There is nothing at such a path.
    NoPath,
    /// There is no such repository, as far as the caller may know; who says who they are may know more.
    NoRepo {
        is_known: bool,
    },
    /// The repository has no such file.
    NoEntry,
    /// The repository has no such revision.
    NoRevision,
    /// There is no such access request, or it stands so already.
    NoRequest(&'static str),
    /// It is there already; this is its address.
    Exists(String),
    /// The request cannot be.
    Bad(String),
    /// Who asks must say who they are.
    SignIn,
    Denied(Box<Decision>),
    /// As `Denied`, of files of a repository; who says who they are can ask for access.
    Gated {
        decision: Box<Decision>,
        repo: Repo,
        is_known: bool,
    },
    Body(BadBody),
    NoDecision(NoDecision),
    Refused(Refused),
}

impl From<NoDecision> for Fault {
    fn from(reason: NoDecision) -> Self {
        Self::NoDecision(reason)
    }
}

impl From<BadBody> for Fault {
    fn from(bad: BadBody) -> Self {
        Self::Body(bad)
    }
}

impl From<Refused> for Fault {
    fn from(reason: Refused) -> Self {
        match reason {
            Refused::NoDecision(reason) => Self::NoDecision(reason),
            Refused::NotAllowed(decision) => Self::Denied(decision),
            other @ (Refused::Unconfirmed(_) | Refused::Protected(_) | Refused::NoProposal | Refused::Unchanged(_)) => {
                Self::Refused(other)
            }
        }
    }
}

impl From<Unchanged> for Fault {
    fn from(reason: Unchanged) -> Self {
        Self::Refused(reason.into())
    }
}

impl From<Unrecorded> for Fault {
    fn from(unrecorded: Unrecorded) -> Self {
        Self::NoDecision(unrecorded.into())
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        match self {
            Self::NoPath => told(StatusCode::NOT_FOUND, None, "there is nothing here"),
            Self::NoRepo { is_known } => {
                let status = if is_known { StatusCode::NOT_FOUND } else { StatusCode::UNAUTHORIZED };
                told(status, Some("RepoNotFound"), "Repository not found")
            }
            Self::NoEntry => told(StatusCode::NOT_FOUND, Some("EntryNotFound"), "Entry not found"),
            Self::NoRevision => told(StatusCode::NOT_FOUND, Some("RevisionNotFound"), "Invalid rev id"),
            Self::NoRequest(what) => told(StatusCode::NOT_FOUND, None, what),
            Self::Exists(url) => {
                let message = "You already created this repository";
                (StatusCode::CONFLICT, [(MESSAGE, message)], Json(json!({ "error": message, "url": url })))
                    .into_response()
            }
            Self::Bad(message) => told(StatusCode::BAD_REQUEST, None, &message),
            Self::SignIn => told(StatusCode::UNAUTHORIZED, None, "Sign in first"),
            Self::Denied(decision) => denied(&decision),
            Self::Gated { decision, repo, is_known } => gated(&decision, &repo, is_known),
            Self::Body(bad) => told(bad.status, None, &bad.message),
            Self::NoDecision(NoDecision::Unauthenticated(error)) => unauthenticated(&error),
            Self::NoDecision(NoDecision::Refused(refusal)) => {
                told(StatusCode::FORBIDDEN, None, &format!("The policies know nothing of this: {refusal}"))
            }
            Self::NoDecision(NoDecision::Unrecorded(_)) => {
                told(StatusCode::SERVICE_UNAVAILABLE, None, Unrecorded::MESSAGE)
            }
            // The clients take `errors` for a list, which that of a policy set is not.
            Self::Refused(Refused::Unchanged(Unchanged::Set(error))) => {
                told(StatusCode::UNPROCESSABLE_ENTITY, None, &first_errors(&error))
            }
            Self::Refused(refused) => refused.into_response(),
        }
    }
}

fn told(status: StatusCode, code: Option<&'static str>, message: &str) -> Response {
    let mut response = http::error(status, message);
    let headers = response.headers_mut();
    headers.insert(MESSAGE, header(message));
    headers.extend(code.map(|code| (CODE, HeaderValue::from_static(code))));
    response
}

/// A text as a header says it. What may not stand there is a `?`.
fn header(text: &str) -> HeaderValue {
    let plain = |character: char| if character == ' ' || character.is_ascii_graphic() { character } else { '?' };
    HeaderValue::from_str(&text.chars().map(plain).collect::<String>()).unwrap_or(HeaderValue::from_static("refused"))
}

/// The clients know this text of a credential that does not hold.
fn unauthenticated(error: &Unauthenticated) -> Response {
    let is_credential = error.status() == StatusCode::UNAUTHORIZED;
    let message = if is_credential { "Invalid credentials in Authorization header" } else { error.message.as_str() };
    let mut response = told(error.status(), None, message);
    response.headers_mut().extend(error.headers());
    response
}

fn denied(decision: &Decision) -> Response {
    let Some(denial) = decision.denial() else { return told(StatusCode::FORBIDDEN, None, "Denied") };
    let message = match &*denial.code {
        // The clients know this text, too.
        "DISABLED" => "Access to this resource is disabled.".to_owned(),
        code => denial.message.clone().unwrap_or_else(|| format!("Denied: {code}")),
    };
    let status = http::status(denial);
    let code = (status == StatusCode::NOT_FOUND).then_some("RepoNotFound");
    let mut response = told(status, code, &message);
    response.headers_mut().extend(ratelimit::headers(decision));
    response
}

/// Of files that are gated, whoever asks is told where to ask for access.
fn gated(decision: &Decision, repo: &Repo, is_known: bool) -> Response {
    let Some(denial) = decision.denial().filter(|denial| denial.gate.is_some()) else { return denied(decision) };
    let message = format!(
        "Access to {} {} is restricted and you are not in the authorized list. Visit {} to ask for access.",
        repo.kind,
        repo.id,
        repo.page()
    );
    let status = if denial.status == 401 || !is_known { StatusCode::UNAUTHORIZED } else { StatusCode::FORBIDDEN };
    told(status, Some("GatedRepo"), &message)
}
