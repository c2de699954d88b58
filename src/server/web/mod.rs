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
mod words;

use super::{app::App, settings::Faulty};
use ::http::{
    HeaderMap, HeaderValue,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};
use axum::{
    Router,
    middleware::map_response,
    response::{Redirect, Response},
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
    differences: difference::Differences,
}

impl Web {
    pub(super) fn open(settings: &Settings) -> Result<Self, Faulty> {
        Ok(Self {
            sessions: session::Sessions::open(settings)?,
            live: live::Live::new(settings.watchers),
            index: index::Indexes::default(),
            differences: difference::Differences::default(),
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
        .merge(live::routes())
        .layer(map_response(guarded))
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
