//! Managed documents over HTTP, for administrators: changes that wait for their confirmation, and all documents as policy files.

use super::{Document, Kind, Manager, Refused, policy};
use crate::{
    server::{app::App, decide::Surface, identity::Origin, policy::running},
    wire::acl::identifier,
};
use ::http::{HeaderMap, StatusCode};
use axum::{
    Extension, Json, Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

pub(in crate::server) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/admin/changes", get(proposals))
        .route("/v1/admin/changes/{digest}/confirm", post(confirm))
        .route("/v1/admin/changes/{digest}/reject", post(reject))
        .route("/v1/admin/documents/export", get(export))
}

/// The changes that wait for somebody to confirm them, as far as the caller may make or confirm such changes.
async fn proposals(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let caller = app.caller(&headers, origin, Surface::Admin).await?;
    let told = |document: Arc<Document>| {
        let mut told = document.about();
        told.insert("digest".to_owned(), document.key.of.clone().into());
        told.insert("change".to_owned(), document.body.json());
        Value::Object(told)
    };
    let data: Vec<Value> = app.waiting(&caller).into_iter().map(told).collect();
    Ok(Json(json!({ "data": data })).into_response())
}

/// Makes exactly the change that was proposed.
async fn confirm(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path(digest): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let caller = app.caller(&headers, origin, Surface::Admin).await?;
    let changed = app.confirm(&caller, Surface::Admin, &digest).await?;
    let told = changed.iter().map(|one| {
        json!({ "document": one.key.to_string(), "version": one.after.as_ref().map(|document| document.version) })
    });
    Ok(Json(json!({ "data": told.collect::<Vec<Value>>() })).into_response())
}

/// Lets a change that was proposed never be made.
async fn reject(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path(digest): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let caller = app.caller(&headers, origin, Surface::Admin).await?;
    app.reject(&caller, Surface::Admin, &digest).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// All documents that are policy, each as a policy file.
async fn export(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let caller = app.caller(&headers, origin, Surface::Admin).await?;
    app.may_manage(Manager { caller: &caller, surface: Surface::Admin, action: "manage", resource: running() }).await?;
    let managed = app.policies.managed();
    let base = managed.base();
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for kind in [Kind::Resource, Kind::Acl, Kind::Grant, Kind::Project] {
        for document in managed.list(kind, None, usize::MAX) {
            let text = policy::text(&document.key, &document.body, &managed.terms, &base.ir().vocabulary);
            let text = text.unwrap_or_default();
            if !text.whole.is_empty() {
                files.insert(file(&document), text.whole);
            }
        }
    }
    Ok(Json(json!({ "files": files })).into_response())
}

/// What the file of a document is called.
fn file(document: &Document) -> String {
    let (kind, id) = document.key.governs();
    let part = match document.key.principal() {
        ("", "") => String::new(),
        (kind, id) => format!("-{kind}-{}", identifier(id)),
    };
    format!("managed/{}/{kind}-{}{part}.policy", document.key.kind.name(), identifier(id))
}
