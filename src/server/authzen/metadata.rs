//! `GET /.well-known/authzen-configuration`: where this decision point is asked what.

use crate::server::app::App;
use axum::{Json, extract::State};
use serde::Serialize;
use std::sync::Arc;

/// The decision point's own description. Its members are those of AuthZEN 1.0; what it has none of is left out.
#[derive(Serialize)]
pub(super) struct Metadata {
    policy_decision_point: String,
    access_evaluation_endpoint: String,
    access_evaluations_endpoint: String,
    search_subject_endpoint: String,
    search_resource_endpoint: String,
    search_action_endpoint: String,
}

pub(super) async fn metadata(State(app): State<Arc<App>>) -> Json<Metadata> {
    let base = app.url.as_str();
    let endpoint = |path: &str| format!("{base}{path}");
    Json(Metadata {
        policy_decision_point: base.to_owned(),
        access_evaluation_endpoint: endpoint("/access/v1/evaluation"),
        access_evaluations_endpoint: endpoint("/access/v1/evaluations"),
        search_subject_endpoint: endpoint("/access/v1/search/subject"),
        search_resource_endpoint: endpoint("/access/v1/search/resource"),
        search_action_endpoint: endpoint("/access/v1/search/action"),
    })
}
