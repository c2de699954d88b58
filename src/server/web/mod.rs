//! Pages for people, at `/ui`: what the policies say, who may do what, why a request was denied, what was decided.
//!
//! A page comes whole from the service and can be read without scripts. Each page is a file: from a [`Visit`] (who looks, in
//! which language, with which fields) to HTML within the [`shell`] that all pages share. What a page shows is decided by the
//! running set as everything else; a [`fault`] is a page, too, and says which action is missing. Sessions are in [`session`],
//! forms in [`posted`]. `style.css`, `script.js` and the words of both languages are part of the program.

mod access;
mod assets;
mod attempt;
mod audit;
mod changes;
mod chart;
mod cookie;
mod difference;
mod fault;
mod fields;
mod graph;
mod index;
mod lists;
mod live;
mod look;
mod matrix;
mod parts;
mod policies;
mod posted;
mod rows;
mod sentence;
mod session;
mod shell;
mod sign_in;
mod visit;
mod waiting;
mod words;

use super::{app::App, http, settings::Faulty};
use ::http::{
    HeaderMap, HeaderValue, Method, Uri,
    header::{
        ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
        X_FRAME_OPTIONS,
    },
};
use axum::{
    Router,
    middleware::map_response,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use serde::Deserialize;
use std::sync::Arc;

/// How people use the service: `[web]`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// How many sessions there may be; the one that was used longest ago ends for a new one.
    pub sessions: usize,
    /// After how many seconds a session ends.
    pub session_seconds: u32,
    /// How many may watch decisions at once.
    pub watchers: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { sessions: 1_000, session_seconds: 8 * 60 * 60, watchers: 32 }
    }
}

/// What pages keep between requests.
pub(crate) struct Web {
    sessions: session::Sessions,
    pub(crate) live: live::Live,
    index: index::Indexes,
}

impl Web {
    pub(super) fn open(settings: &Settings) -> Result<Self, Faulty> {
        Ok(Self {
            sessions: session::Sessions::open(settings)?,
            live: live::Live::new(settings.watchers),
            index: index::Indexes::default(),
        })
    }
}

/// Nothing from elsewhere, nothing written into a page, no page within another's.
const CONTENT: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
                       form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/ui", get(|| async { Redirect::to("/ui/policies") }))
        .route("/ui/", get(|| async { Redirect::to("/ui/policies") }))
        .route("/ui/{*rest}", get(fault::nothing_here))
        .merge(assets::routes())
        .merge(sign_in::routes())
        .merge(look::routes())
        .merge(policies::routes())
        .merge(graph::routes())
        .merge(matrix::routes())
        .merge(attempt::routes())
        .merge(audit::routes())
        .merge(difference::routes())
        .merge(access::routes())
        .merge(lists::routes())
        .merge(waiting::routes())
        .merge(live::routes())
        .layer(map_response(guarded))
}

/// A browser that asks for the service itself is led to the pages. For all others there is nothing.
pub(super) async fn front_door(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let kinds = headers.get(ACCEPT).and_then(|kinds| kinds.to_str().ok()).unwrap_or_default();
    let is_browser = kinds.split(',').any(|kind| kind.split(';').next().unwrap_or_default().trim() == "text/html");
    if uri.path() == "/" && matches!(method, Method::GET | Method::HEAD) && is_browser {
        return ([(VARY, "Accept")], Redirect::to("/ui/")).into_response();
    }
    http::unknown_path().await
}

/// What every answer here says, unless it says otherwise itself.
async fn guarded(mut response: Response) -> Response {
    let usual = [
        (CONTENT_SECURITY_POLICY, CONTENT),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "same-origin"),
        (CACHE_CONTROL, "no-store"),
        (OPENER, "same-origin"),
        (RESOURCE, "same-origin"),
    ];
    let headers: &mut HeaderMap = response.headers_mut();
    for (name, value) in usual {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
