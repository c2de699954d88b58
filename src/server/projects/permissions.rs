//! Which models the members of a project may use: a list of those, or of those that they may not.

use super::{Fault, Managing, Project, said, sent};
use crate::server::{
    app::App,
    identity::Origin,
    managed::{Document, Permissions, tagged},
};
use ::http::HeaderMap;
use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use serde_json::json;
use std::{collections::BTreeSet, sync::Arc};

/// The list of a project.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path(project): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let managing = Managing::of(app, origin, &headers, project).await?;
    managing.document().as_deref().and_then(told).ok_or(Fault::NoPermissions)
}

/// Replaces the list of a project.
pub(super) async fn set(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path(project): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let managing = Managing::of(app, origin, &headers, project).await?;
    let mut permissions: Permissions = sent(&managing.app, &headers, body).await?;
    let mut seen = BTreeSet::new();
    permissions.model_ids.retain(|model| seen.insert(model.clone()));
    permissions.model_ids.iter().try_for_each(|model| managing.check_model(model, "model_ids"))?;
    let set = |project: &mut Project| {
        project.permissions = Some(permissions.clone());
        Ok(())
    };
    let document = managing.change(&headers, set).await?;
    document.as_deref().and_then(told).ok_or(Fault::NoPermissions)
}

/// Takes the list of a project away.
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path(project): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let managing = Managing::of(app, origin, &headers, project).await?;
    let take = |project: &mut Project| project.permissions.take().map(drop).ok_or(Fault::NoPermissions);
    managing.change(&headers, take).await?;
    Ok(Json(json!({ "object": "project.model_permissions.deleted", "deleted": true })).into_response())
}

fn told(document: &Document) -> Option<Response> {
    let Permissions { mode, model_ids } = said(document).permissions?;
    let told = json!({ "object": "project.model_permissions", "mode": mode, "model_ids": model_ids });
    Some(tagged(document, told))
}
