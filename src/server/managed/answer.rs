//! What surfaces that speak plain JSON tell of documents and of changes that were not made.

use super::{Document, Expected, Refused, Unchanged};
use crate::{
    request::Refusal,
    server::{
        audit::Unrecorded,
        decide::NoDecision,
        http::{self, BadBody, ratelimit::SHOULD_RETRY},
        policy::diagnostics,
    },
};
use ::http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ETAG, IF_MATCH, IF_NONE_MATCH, RETRY_AFTER},
};
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use chrono::SecondsFormat;
use serde_json::{Map, Value, json};

impl Expected {
    /// What a request takes the place of, by its `If-Match` and `If-None-Match`.
    ///
    /// # Errors
    /// They name no version.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, BadBody> {
        let bad = || {
            BadBody::new(StatusCode::BAD_REQUEST, "`If-Match` must be one entity tag of this document, such as `\"3\"`")
        };
        if let Some(tag) = headers.get(IF_MATCH) {
            let version = tag.to_str().ok().and_then(|tag| tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok());
            return version.map(Self::Version).ok_or_else(bad);
        }
        match headers.get(IF_NONE_MATCH).map(HeaderValue::as_bytes) {
            None => Ok(Self::Any),
            Some(b"*") => Ok(Self::Version(0)),
            Some(_) => Err(BadBody::new(StatusCode::BAD_REQUEST, "`If-None-Match` can only be `*` here")),
        }
    }
}

impl Document {
    /// When it was written, and by whom: what an answer says beside the document itself.
    pub(crate) fn about(&self) -> Map<String, Value> {
        let at = self.at.to_rfc3339_opts(SecondsFormat::Millis, true);
        Map::from_iter([
            ("version".to_owned(), self.version.into()),
            ("by".to_owned(), self.by.clone().into()),
            ("at".to_owned(), at.into()),
        ])
    }
}

/// A document's answer: it has the document's version as its entity tag.
pub(crate) fn tagged(document: &Document, body: Value) -> Response {
    let mut response = Json(body).into_response();
    tag(&mut response, document);
    response
}

fn tag(response: &mut Response, document: &Document) {
    if let Ok(tag) = HeaderValue::from_str(&document.etag()) {
        response.headers_mut().insert(ETAG, tag);
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::NoDecision(reason) => reason.into_response(),
            Self::NotAllowed(decision) => {
                let Some(denial) = decision.denial() else { return http::error(StatusCode::FORBIDDEN, "denied") };
                let message = denial.message.clone().unwrap_or_else(|| "the policies do not allow this".to_owned());
                let body = json!({ "error": message, "code": denial.code, "hint": denial.hint });
                final_answer(http::status(denial), body)
            }
            Self::Unconfirmed(confirmation) => {
                let body = json!({
                    "error": "this change widens access to a protected resource: somebody must confirm it first",
                    "code": "CONFIRMATION_REQUIRED",
                    "digest": confirmation.digest,
                    "lapses": confirmation.lapses.to_rfc3339_opts(SecondsFormat::Secs, true),
                });
                final_answer(StatusCode::CONFLICT, body)
            }
            Self::Protected(id) => {
                let message = format!("`{id}` is protected: change it by itself, so that somebody can confirm it");
                final_answer(StatusCode::CONFLICT, json!({ "error": message, "code": "CONFIRMATION_REQUIRED" }))
            }
            Self::NoProposal => http::error(StatusCode::NOT_FOUND, "no such change waits for its confirmation"),
            Self::Unchanged(reason) => reason.into_response(),
        }
    }
}

/// An answer that stays the same however often it is asked for.
fn final_answer(status: StatusCode, body: Value) -> Response {
    (status, [(SHOULD_RETRY, "false")], Json(body)).into_response()
}

impl IntoResponse for Unchanged {
    fn into_response(self) -> Response {
        match self {
            Self::Conflict(current) => {
                let message = "the document is another one by now: look at it, and try again";
                let told = current.as_ref().map(|document| {
                    let mut told = document.about();
                    told.insert("document".to_owned(), document.body.told());
                    told
                });
                let body = json!({ "error": message, "code": "CONFLICT", "current": told });
                let mut response = final_answer(StatusCode::PRECONDITION_FAILED, body);
                if let Some(document) = current {
                    tag(&mut response, &document);
                }
                response
            }
            Self::Bad(Refusal { error, at }) => {
                (StatusCode::BAD_REQUEST, Json(json!({ "error": error, "at": at }))).into_response()
            }
            Self::Set(error) => (StatusCode::UNPROCESSABLE_ENTITY, Json(diagnostics(&error))).into_response(),
            Self::Unkept(reason) => unkept(&reason, "the change cannot be kept at the moment; nothing was changed"),
            Self::InDoubt(reason) => {
                unkept(&reason, "nobody can tell at the moment whether the change was kept; look before you try again")
            }
        }
    }
}

/// The answer to a change that the store does not take.
fn unkept(reason: &str, message: &str) -> Response {
    tracing::error!(%reason, "a managed document cannot be kept");
    let mut response = http::error(StatusCode::SERVICE_UNAVAILABLE, message);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

impl IntoResponse for NoDecision {
    fn into_response(self) -> Response {
        match self {
            Self::Unauthenticated(error) => error.into_response(),
            Self::Refused(refusal) => {
                http::error(StatusCode::FORBIDDEN, &format!("the policies know nothing of this ({refusal})"))
            }
            Self::Unrecorded(_) => http::error(StatusCode::SERVICE_UNAVAILABLE, Unrecorded::MESSAGE),
        }
    }
}
