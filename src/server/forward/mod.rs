//! Forward auth: what a reverse proxy asks before it lets a request of its client through.
//!
//! A proxy tells which request it has ([`original`]), the settings say which action on which resource that is ([`settings`]),
//! and the credential among the client's own headers says who asks. What a proxy is told ([`answer`]) is then put into the
//! words of HTTP ([`http`]) or of Envoy's gRPC ([`grpc`]). Only trusted proxies are answered: the headers of anybody else
//! could say anything.

mod answer;
mod explain;
mod grpc;
mod http;
mod original;
mod path;
mod settings;

pub(super) use settings::Settings;

use super::{app::App, decide::Surface, identity::Origin};
use crate::{
    check::vocabulary::{Owner, Type, Vocabulary},
    engine::Spend,
    request::{Input, Request},
};
use ::http::{HeaderMap, StatusCode};
use answer::{Answer, Refused, name};
use axum::{
    Extension, Router,
    routing::{any, get},
};
use chrono::TimeDelta;
use explain::Explanations;
use original::Asked;
use std::sync::Arc;

pub(super) fn routes(settings: &Settings) -> Router<Arc<App>> {
    let lifetime = TimeDelta::seconds(settings.explain_seconds.into());
    let explanations = Arc::new(Explanations::new(settings.explain_kept, lifetime));
    Router::new()
        .route("/authz", any(http::authz))
        .route("/authz/explain", get(http::explain))
        .route("/authz/envoy/", any(http::envoy))
        .route("/authz/envoy/{*path}", any(http::envoy))
        .layer(Extension(explanations))
}

/// What is served where only gRPC is.
pub(super) fn grpc_routes(app: &Arc<App>) -> Router {
    Router::new().route_service(grpc::CHECK, grpc::service(app.clone())).fallback(super::http::unknown_path)
}

/// Whether a path is one of these, where a proxy may pass on its own name as the service's.
pub(super) fn is_asked_at(path: &str) -> bool {
    path == "/authz" || path.starts_with("/authz/") || path == grpc::CHECK
}

/// Asks the running set about a client's request. `headers` are the client's, as far as the proxy passes them on.
async fn ask(app: &App, headers: &HeaderMap, origin: Origin, asked: &Asked) -> Answer {
    let answer = try_ask(app, headers, origin, asked).await.unwrap_or_else(Answer::from);
    answer.told_as(app.settings.forward.errors)
}

async fn try_ask(app: &App, headers: &HeaderMap, origin: Origin, asked: &Asked) -> Result<Answer, Refused> {
    if !origin.is_proxied {
        return Err(stranger(&origin));
    }
    let client = origin.client;
    let caller = app.caller(headers, origin, Surface::Forward).await?;
    let settings = &app.settings.forward;
    let (action, resource) = settings.target(asked, headers)?;
    let is_free = headers.get(name::CHARGE).is_some_and(|value| value == "none");
    let spend = if settings.charge_header && is_free { Spend::Look } else { Spend::Charge };
    let request = Request::new(caller.principal.clone(), action, resource);
    let engine = app.policies.current();
    let vocabulary = &engine.ir().vocabulary;
    let told = settings.circumstances(headers);
    let request = told.fold(request, |request, (name, text)| request.with(name, read(vocabulary, name, text)));
    let request = request.ip(client);
    let decision = app.decide(&engine, &caller, request, Surface::Forward, spend).await?;
    Ok(Answer::of(&decision, &caller))
}

/// What a text says of a circumstance, by its type. What is not of that type is refused with the request.
fn read(vocabulary: &Vocabulary, name: &str, text: &str) -> Input {
    let attribute = vocabulary.attribute(Owner::Context, name).map(|id| &vocabulary.attributes[id].ty);
    let read = match attribute {
        Some(Type::Int(..)) => text.parse().ok().map(Input::Int),
        Some(Type::Bool) => text.parse().ok().map(Input::Bool),
        Some(
            Type::Text
            | Type::Kind
            | Type::Action
            | Type::Ip
            | Type::Time
            | Type::Tier
            | Type::OneOf(_)
            | Type::Texts
            | Type::Roles,
        )
        | None => None,
    };
    read.unwrap_or_else(|| Input::Text(text.to_owned()))
}

/// What is told to whom is no trusted proxy.
fn stranger(origin: &Origin) -> Refused {
    let message =
        format!("{} is not among `trusted_proxies`, so its word on others' requests is not taken", origin.peer);
    Refused::new(StatusCode::FORBIDDEN, "UNTRUSTED_PROXY", message)
}
