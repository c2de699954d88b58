//! The files that pages are made with: part of the program, and kept by browsers as long as they are the same.

use crate::{load::hex, server::app::App};
use ::http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
};
use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use sha2::{Digest, Sha256};
use std::sync::Arc;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
const ICON: &str = include_str!("icon.svg");

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/ui/style.css", get(async |headers| file(&headers, "text/css; charset=utf-8", STYLE)))
        .route("/ui/script.js", get(async |headers| file(&headers, "text/javascript; charset=utf-8", SCRIPT)))
        .route("/ui/icon.svg", get(async |headers| file(&headers, "image/svg+xml", ICON)))
}

fn file(headers: &HeaderMap, kind: &'static str, text: &'static str) -> Response {
    let digest = hex(&Sha256::digest(text));
    let tag = format!("\"{}\"", digest.get(..16).unwrap_or_default());
    let known = headers.get(IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let tag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
    let kept = [(ETAG, tag), (CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    if known {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    (kept, [(CONTENT_TYPE, kind)], text).into_response()
}
