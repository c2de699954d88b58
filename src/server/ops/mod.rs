//! What operators ask: whether the process lives, whether it is ready to decide.

mod openapi;

use super::app::App;
use axum::{Router, extract::State, routing::get};
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/openapi.json", get(openapi::openapi))
}

async fn ready(State(app): State<Arc<App>>) -> String {
    format!("ready, revision {}\n", app.policies.current().revision())
}
