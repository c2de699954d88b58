//! AuthZEN 1.0: what any policy enforcement point asks (<https://openid.net/specs/authorization-api-1_0.html>).
//!
//! The credential of a request is the enforcement point's; the request itself says who wants what. A point needs the action
//! `evaluate` on the resource that it asks about, and `assert` to say when and from where the subject asks.

mod debug;
mod evaluation;
mod metadata;
mod page;
mod search;

use super::app::App;
use crate::wire::search::Wanted;
use axum::{
    Router,
    routing::{get, post},
};
use serde::Deserialize;
use std::sync::Arc;

/// What enforcement points ask over AuthZEN: `[authzen]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// How much an answer says.
    pub response: Response,
    /// How many results of a search are on one page at most.
    pub page: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { response: Response::default(), page: 1_000 }
    }
}

/// How much an answer says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Response {
    /// The decision, and as its context why.
    #[default]
    Full,
    /// The decision alone.
    Minimal,
}

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/access/v1/evaluation", post(evaluation::one))
        .route("/access/v1/evaluations", post(evaluation::many))
        .route(
            "/access/v1/search/subject",
            post(|app, origin, headers, body| search::search(app, origin, headers, body, Wanted::Subject)),
        )
        .route(
            "/access/v1/search/resource",
            post(|app, origin, headers, body| search::search(app, origin, headers, body, Wanted::Resource)),
        )
        .route(
            "/access/v1/search/action",
            post(|app, origin, headers, body| search::search(app, origin, headers, body, Wanted::Action)),
        )
        .route("/.well-known/authzen-configuration", get(metadata::metadata))
}
