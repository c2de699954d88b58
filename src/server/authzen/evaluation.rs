//! `POST /access/v1/evaluation`: one request, one decision; `POST /access/v1/evaluations`: many of them.

use super::Response as Detail;
use crate::{
    decision::Decision,
    engine::{Engine, Spend},
    request::{Refusal, Request},
    server::{
        app::App,
        audit::Unrecorded,
        decide::{NoDecision, Surface},
        http::{self, BadBody},
        identity::{Caller, Origin, Unauthenticated},
    },
    wire::{
        self,
        evaluations::{self, Asked},
    },
};
use ::http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use axum::{
    Extension,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use std::sync::Arc;

/// Decides one request.
pub(super) async fn one(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let (caller, text) = asked(&app, origin, &headers, body).await?;
    let request = evaluations::decode_one(&text)?;
    let engine = app.policies.current();
    let decision = evaluate(&app, &engine, &caller, request).await?;
    Ok(json(render(&decision, app.settings.authzen.response)))
}

/// Decides one request or many. Many are decided on one set, in their order; one that cannot be decided is denied in its place,
/// with what is wrong as its context.
pub(super) async fn many(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let (caller, text) = asked(&app, origin, &headers, body).await?;
    let engine = app.policies.current();
    let detail = app.settings.authzen.response;
    let (requests, semantic) = match evaluations::decode(&text)? {
        Asked::One(request) => {
            let decision = evaluate(&app, &engine, &caller, *request).await?;
            return Ok(json(render(&decision, detail)));
        }
        Asked::Many(requests, semantic) => (requests, semantic),
    };
    let mut answers = String::from(r#"{"evaluations":["#);
    for (index, request) in requests.into_iter().enumerate() {
        let answer = match request {
            Ok(request) => evaluate(&app, &engine, &caller, request).await,
            Err(refusal) => Err(Fault::Refused(refusal)),
        };
        if index > 0 {
            answers.push(',');
        }
        let is_allowed = answer.as_ref().is_ok_and(Decision::is_allow);
        match answer {
            Ok(decision) => answers.push_str(&render(&decision, detail)),
            // Without the log nothing is answered at all.
            Err(Fault::Unavailable) => return Err(Fault::Unavailable),
            Err(fault) => answers.push_str(&fault.denial(detail)),
        }
        if semantic.ends_with(is_allowed) {
            break;
        }
    }
    answers.push_str("]}");
    Ok(json(answers))
}

/// Who asks, and what.
pub(super) async fn asked(
    app: &App,
    origin: Origin,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Caller, String), Fault> {
    let caller = app.caller(headers, origin, Surface::AuthZen).await?;
    Ok((caller, http::json_body(headers, body, &app.settings.http).await?))
}

/// Decides a request that an enforcement point describes, if it may.
pub(super) async fn evaluate(
    app: &App,
    engine: &Engine,
    caller: &Caller,
    mut request: Request,
) -> Result<Decision, Fault> {
    if !caller.is_trusted
        && let Some(denial) = app.may(engine, caller, "evaluate", &request.resource, Surface::AuthZen).await?
    {
        return Err(Fault::NotAllowed(Box::new(denial)));
    }
    assertions(app, engine, caller, &mut request).await?;
    Ok(app.decide(engine, caller, request, Surface::AuthZen, Spend::Charge).await?)
}

/// Takes out of a request when and from where it is asked, unless the enforcement point may `assert` that.
pub(super) async fn assertions(
    app: &App,
    engine: &Engine,
    caller: &Caller,
    request: &mut Request,
) -> Result<(), Fault> {
    let asserts = ["time", "ip"].iter().any(|name| request.context.contains_key(*name));
    if asserts
        && !caller.is_trusted
        && app.may(engine, caller, "assert", &request.resource, Surface::AuthZen).await?.is_some()
    {
        request.context.remove("time");
        request.context.remove("ip");
    }
    Ok(())
}

/// A decision as the answer says it.
pub(super) fn render(decision: &Decision, detail: Detail) -> String {
    match detail {
        Detail::Full => wire::decision::encode(decision),
        Detail::Minimal => format!(r#"{{"decision":{}}}"#, decision.is_allow()),
    }
}

pub(super) fn json(text: String) -> Response {
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}

/// Why there is no answer but an error. The body is a JSON object with the message as `error`, and the place in the request
/// where there is one.
#[derive(Debug)]
pub(super) enum Fault {
    Unauthenticated(Unauthenticated),
    /// The enforcement point may not ask this.
    NotAllowed(Box<Decision>),
    Body(BadBody),
    Refused(Refusal),
    Unavailable,
}

impl From<BadBody> for Fault {
    fn from(error: BadBody) -> Self {
        Self::Body(error)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Unrecorded> for Fault {
    fn from(_: Unrecorded) -> Self {
        Self::Unavailable
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
    /// What stands in the place of a decision among many: a denial that says why there is none.
    fn denial(&self, detail: Detail) -> String {
        let (code, status, message, at) = match self {
            Self::Unauthenticated(error) => ("UNAUTHENTICATED", error.status(), error.message.clone(), None),
            Self::NotAllowed(decision) => ("EVALUATE_DENIED", StatusCode::FORBIDDEN, not_allowed(decision), None),
            Self::Body(bad) => (INVALID, bad.status, bad.message.clone(), None),
            Self::Refused(refusal) => (INVALID, StatusCode::BAD_REQUEST, refusal.error.clone(), Some(&refusal.at)),
            Self::Unavailable => ("UNAVAILABLE", StatusCode::SERVICE_UNAVAILABLE, Unrecorded::MESSAGE.to_owned(), None),
        };
        let mut context = serde_json::json!({ "code": code, "status": status.as_u16(), "error": message });
        if let (Some(at), Some(context)) = (at, context.as_object_mut()) {
            context.insert("at".to_owned(), at.as_str().into());
        }
        match detail {
            Detail::Full => serde_json::json!({ "decision": false, "context": context }).to_string(),
            Detail::Minimal => r#"{"decision":false}"#.to_owned(),
        }
    }
}

/// The code of what is no request.
const INVALID: &str = "INVALID_REQUEST";

/// What an enforcement point is told that may not ask.
fn not_allowed(decision: &Decision) -> String {
    let code = decision.denial().map_or("DENIED", |denial| &denial.code);
    format!("the caller may not `evaluate` this resource ({code})")
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        match self {
            Self::Unauthenticated(error) => error.into_response(),
            Self::NotAllowed(decision) => http::error(StatusCode::FORBIDDEN, &not_allowed(&decision)),
            Self::Body(bad) => http::error(bad.status, &bad.message),
            Self::Refused(refusal) => {
                (StatusCode::BAD_REQUEST, json(wire::decision::refusal(&refusal))).into_response()
            }
            Self::Unavailable => http::error(StatusCode::SERVICE_UNAVAILABLE, Unrecorded::MESSAGE),
        }
    }
}
