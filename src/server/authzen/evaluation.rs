//! `POST /access/v1/evaluation`: one request, one decision.

use super::Response as Detail;
use crate::{
    decision::Decision,
    engine::{Engine, Spend},
    request::{Refusal, Request},
    server::{
        app::App,
        decide::{NoDecision, Surface},
        http::{self, BadBody},
        identity::{Caller, Origin, Unauthenticated},
    },
    wire,
};
use ::http::{
    HeaderMap, StatusCode,
    header::{CONTENT_TYPE, WWW_AUTHENTICATE},
};
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
    let caller = app.identity.caller(&headers, origin).await?;
    let text = http::json_body(&headers, body, &app.settings.http).await?;
    let request = wire::request::decode(&text)?.request;
    let engine = app.policies.current();
    let decision = evaluate(&app, &engine, &caller, request).await?;
    Ok(json(render(&decision, app.settings.authzen.response)))
}

/// Decides a request that an enforcement point describes, if it may.
pub(super) async fn evaluate(
    app: &App,
    engine: &Engine,
    caller: &Caller,
    mut request: Request,
) -> Result<Decision, Fault> {
    if !caller.is_trusted {
        if let Some(denial) = app.may(engine, caller, "evaluate", &request.resource, Surface::AuthZen).await? {
            return Err(Fault::NotAllowed(denial));
        }
        let asserts = ["time", "ip"].iter().any(|name| request.context.contains_key(*name));
        if asserts && app.may(engine, caller, "assert", &request.resource, Surface::AuthZen).await?.is_some() {
            request.context.remove("time");
            request.context.remove("ip");
        }
    }
    Ok(app.decide(engine, caller, request, Surface::AuthZen, Spend::Charge).await?)
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
    NotAllowed(Decision),
    Body(BadBody),
    Refused(Refusal),
    Unavailable,
}

impl From<Unauthenticated> for Fault {
    fn from(error: Unauthenticated) -> Self {
        Self::Unauthenticated(error)
    }
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

impl From<NoDecision> for Fault {
    fn from(reason: NoDecision) -> Self {
        match reason {
            NoDecision::Refused(refusal) => Self::Refused(refusal),
            NoDecision::Unrecorded(_) => Self::Unavailable,
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        match self {
            Self::Unauthenticated(error) => {
                let mut response = http::error(StatusCode::UNAUTHORIZED, &error.message);
                response.headers_mut().insert(WWW_AUTHENTICATE, error.challenge());
                response
            }
            Self::NotAllowed(decision) => {
                let code = decision.denial().map_or("DENIED", |denial| &denial.code);
                http::error(StatusCode::FORBIDDEN, &format!("the caller may not `evaluate` this resource ({code})"))
            }
            Self::Body(bad) => http::error(bad.status, &bad.message),
            Self::Refused(refusal) => {
                (StatusCode::BAD_REQUEST, json(wire::decision::refusal(&refusal))).into_response()
            }
            Self::Unavailable => {
                http::error(StatusCode::SERVICE_UNAVAILABLE, "the decision cannot be recorded at the moment")
            }
        }
    }
}
