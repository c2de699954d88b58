//! What all surfaces share of HTTP: connections, bodies, and the answers to what nobody serves.

mod body;
mod listen;
pub(super) mod openai;
mod preface;
pub(crate) mod ratelimit;
mod site;
mod tls;

pub(crate) use body::{BadBody, is_json, json_body, read_body};
pub(super) use listen::Listener;
pub(crate) use site::is_of_another_site;
pub use tls::Files as TlsFiles;
pub(crate) use tls::Tls;

use crate::decision::Denial;
use ::http::{StatusCode, Uri};
use axum::{
    Json,
    extract::Query,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, de::DeserializeOwned};
use std::time::Duration;

/// How much a connection may ask of the service: `[http]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// How many connections there may be; more wait.
    pub connections: usize,
    /// How many headers a request may have.
    pub headers: usize,
    /// How many bytes they may be together.
    pub header_bytes: usize,
    /// How many bytes the body of a decision's request may be.
    pub body_bytes: usize,
    /// In how many seconds a TLS handshake must be over.
    pub handshake_seconds: u64,
    /// In how many seconds headers must have come.
    pub header_seconds: u64,
    /// In how many seconds a body must have come.
    pub body_seconds: u64,
    /// How many seconds the service goes on when it is told to end, and says that it is not ready (`/readyz`): time for a load
    /// balancer to see it.
    pub drain_delay_seconds: u64,
    /// How many seconds requests under way then have to finish.
    pub drain_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            headers: 100,
            header_bytes: 64 * 1024,
            body_bytes: 1024 * 1024,
            handshake_seconds: 10,
            header_seconds: 10,
            body_seconds: 30,
            drain_delay_seconds: 0,
            drain_seconds: 30,
        }
    }
}

impl Limits {
    pub(crate) const fn body_time(&self) -> Duration {
        Duration::from_secs(self.body_seconds)
    }
}

/// What stands behind `?` in a request's address.
///
/// # Errors
/// It is not what is asked for.
pub(crate) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, BadBody> {
    let said = Query::try_from_uri(uri);
    said.map(|Query(said)| said).map_err(|error| BadBody::new(StatusCode::BAD_REQUEST, error.body_text()))
}

/// An error in the words that most surfaces use: `{"error": …}`.
pub(crate) fn error(status: StatusCode, message: &str) -> Response {
    (status, Json(serde_json::json!({ "error": message }))).into_response()
}

/// The status of a denial. It is an error in any case: a proxy takes what is none for a permission.
pub(crate) fn status(denial: &Denial) -> StatusCode {
    let own = StatusCode::from_u16(denial.status).ok();
    own.filter(|status| status.is_client_error() || status.is_server_error()).unwrap_or(StatusCode::FORBIDDEN)
}

pub(super) async fn unknown_path() -> Response {
    error(StatusCode::NOT_FOUND, "there is nothing here")
}

/// The routes add `Allow` themselves.
pub(super) async fn wrong_method() -> Response {
    error(StatusCode::METHOD_NOT_ALLOWED, "this path has no such method")
}
