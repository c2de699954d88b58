//! Administration over HTTP: `/v1/admin`, but for policy sets and managed documents, which have their routes with them.
//!
//! Whether a caller may do something here is itself decided by the running set, like any other request: the action `manage` on
//! `keys ID`, and so on. Nobody has a hidden way in; the first API key alone is made with a token that the service prints.

mod access;
mod audit;
mod held;
mod keys;
mod limits;
mod review;

use super::{
    app::App,
    decide::{NoDecision, Surface},
    http::{self, BadBody},
    identity::{Caller, Origin},
    managed::{Manager, Refused, Unchanged},
};
use crate::request::Resource;
use ::http::{HeaderMap, StatusCode};
use axum::{
    Json, Router,
    body::Body,
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;
use serde_json::json;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .merge(keys::routes())
        .merge(limits::routes())
        .merge(audit::routes())
        .merge(review::routes())
        .merge(access::routes())
}

/// The action of whoever changes something.
const MANAGE: &str = "manage";

async fn caller(app: &App, headers: &HeaderMap, origin: Origin) -> Result<Caller, NoDecision> {
    app.caller(headers, origin, Surface::Admin).await
}

fn manager<'a>(caller: &'a Caller, action: &'a str, resource: Resource) -> Manager<'a> {
    Manager { caller, surface: Surface::Admin, action, resource }
}

/// What a request asks for, in JSON.
async fn body<T: DeserializeOwned>(app: &App, headers: &HeaderMap, body: Body) -> Result<T, BadBody> {
    let text = http::json_body(headers, body, &app.settings.http).await?;
    serde_json::from_str(&text).map_err(|error| BadBody::new(StatusCode::BAD_REQUEST, error.to_string()))
}

/// Why a request is not answered as it was meant.
enum Fault {
    Body(BadBody),
    Refused(Refused),
    /// There is nothing of that name; what is missing.
    Missing(&'static str),
    /// Something is there that was not to be.
    Exists(&'static str),
    /// A key would carry more than the caller holds: what of it.
    Beyond(Vec<String>),
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
    fn bad(message: impl Into<String>) -> Self {
        Self::Body(BadBody::new(StatusCode::BAD_REQUEST, message))
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        match self {
            Self::Body(bad) => http::error(bad.status, &bad.message),
            Self::Refused(reason) => reason.into_response(),
            Self::Missing(what) => http::error(StatusCode::NOT_FOUND, what),
            Self::Exists(what) => http::error(StatusCode::CONFLICT, what),
            Self::Beyond(more) => {
                let error = "a key never carries more than whoever makes it holds";
                let body = json!({ "error": error, "code": "BEYOND_CREATOR", "beyond": more });
                (StatusCode::FORBIDDEN, Json(body)).into_response()
            }
        }
    }
}

/// What cannot be kept at the moment.
fn unkept(reason: &impl ToString) -> Refused {
    Refused::Unchanged(Unchanged::Unkept(reason.to_string()))
}
