//! `X-Policy-Debug`: why, at length, for whoever may `audit` the resource. The rules of the set stand in it, so nobody else
//! sees it.

use super::evaluation::{Fault, described, json};
use crate::{
    engine::Spend,
    request::Request,
    server::{
        app::App,
        decide::{NoDecision, Surface},
        identity::Caller,
    },
    wire,
};
use ::http::HeaderName;
use axum::response::Response;
use serde_json::Value;

/// Asks for it, whatever its value.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-policy-debug");

/// Decides a request as without the header, and tells the whole story besides: `context.explanation`.
pub(super) async fn answer(app: &App, caller: &Caller, mut request: Request) -> Result<Response, Fault> {
    let engine = app.policies.current();
    if !caller.is_trusted
        && let Some(denial) = app.may(&engine, caller, "audit", &request.resource, Surface::AuthZen).await?
    {
        return Err(Fault::NotAllowed("audit", Box::new(denial)));
    }
    described(app, &engine, caller, &mut request).await?;
    let story = app.explain(&engine, request.clone()).map_err(NoDecision::from)?;
    let decision = app.decide(&engine, caller, request, Surface::AuthZen, Spend::Charge).await?;
    let mut told = wire::decision::to_value(&decision);
    let explanation = serde_json::to_value(wire::explanation::view(&story)).unwrap_or_default();
    if let Some(context) = told.get_mut("context").and_then(Value::as_object_mut) {
        context.insert("explanation".to_owned(), explanation);
    }
    Ok(json(told.to_string()))
}
