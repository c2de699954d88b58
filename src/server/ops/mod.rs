//! What operators ask: whether the process lives, whether it is ready to decide, and what it has counted; and what it says of
//! itself without being asked, as logs and traces.

mod degraded;
mod log;
mod metrics;
mod openapi;
mod trace;

pub(crate) use degraded::{Dependency, Health};
pub use log::{Format, Level, Log};
pub(super) use log::{announce, observe};
pub(crate) use metrics::{Change, Metrics, Stopwatch};
pub use trace::Trace;
pub(super) use trace::join;

use super::app::App;
use ::http::{StatusCode, header::CONTENT_TYPE};
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/openapi.json", get(openapi::openapi))
        .route("/metrics", get(scrape))
        .merge(degraded::routes())
}

/// Whether the service wants more to do. It does until it is told to end.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    is_draining: AtomicBool,
}

impl Readiness {
    /// Nothing new should be asked from now on.
    pub(super) fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// Whether it was told to end.
    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    if app.readiness.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    }
    if app.policies.is_waiting() {
        return (StatusCode::SERVICE_UNAVAILABLE, "waiting for a policy bundle\n").into_response();
    }
    if !app.policies.managed().is_loaded() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the managed documents have not been read yet\n").into_response();
    }
    let counter = app.policies.counter().map(|counter| format!("bundle: {counter}\n")).unwrap_or_default();
    let behind =
        if app.policies.is_behind() { "bundle: the last one offered is not taken, or none comes\n" } else { "" };
    let degraded: String = app.health.told().keys().map(|what| format!("degraded: {what}\n")).collect();
    format!("{degraded}{counter}{behind}ready, revision {}\n", app.policies.current().revision()).into_response()
}

async fn scrape(State(app): State<Arc<App>>) -> Response {
    app.metrics.audit_queue(app.audit.waiting());
    app.metrics.degraded(app.health.is_degraded());
    app.metrics.documents(app.policies.managed().told());
    let text = app.metrics.render() + &policy_info(&app);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// Which set decides: one series, which would otherwise be many, one for each that has decided. Managed documents are no part
/// of this revision, so that it is the same on all nodes that have the same policies.
fn policy_info(app: &App) -> String {
    if app.policies.is_waiting() {
        return String::new();
    }
    let base = app.policies.managed().base();
    let counter = app.policies.counter().map(|counter| counter.to_string()).unwrap_or_default();
    format!(
        "# HELP policyc_policy_info Which policies decide: their revision, and the counter of their bundle.\n\
         # TYPE policyc_policy_info gauge\n\
         policyc_policy_info{{revision=\"{}\",counter=\"{counter}\"}} 1\n",
        base.revision()
    )
}

/// Whether a path tells of the service itself, and nothing of what policies say.
pub(super) fn tells_of_itself(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/metrics" | "/openapi.json")
}
