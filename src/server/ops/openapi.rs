//! `GET /openapi.json`: the service's own interfaces, for people and for generators of clients.

use ::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

/// Written by hand, beside the routes; a test holds the two together.
const DOCUMENT: &str = include_str!("openapi.json");

pub(super) async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
