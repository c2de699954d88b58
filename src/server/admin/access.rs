//! The queue of access requests over HTTP: all that wait for an answer, over all resources.
//!
//! The running set decides which a caller sees: the action `approve` on the resource that access is asked for.

use super::{Fault, caller};
use crate::server::{
    app::App,
    http,
    identity::Origin,
    managed::{Document, Status},
};
use ::http::{HeaderMap, Uri};
use axum::{
    Extension, Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/admin/access-requests", get(list))
}

/// How many requests a page has, and at most.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;

/// Which requests.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Those that stand so; none: all.
    status: Option<Status>,
    limit: Option<usize>,
    /// Where the page before ended: `[RESOURCE, PRINCIPAL]` in JSON, as that page has it.
    cursor: Option<String>,
}

async fn list(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = caller(&app, &headers, origin).await?;
    let asked: Asked = http::query(&uri)?;
    let most = asked.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let queue = app.access_queue(&caller, asked.status, asked.cursor.as_deref(), most);
    let queue = queue.map_err(|_| Fault::bad("`cursor` must be as the page before has it as `next`"))?;
    let data: Vec<Value> = queue.found.iter().map(|document| told(document)).collect();
    Ok(Json(json!({ "data": data, "next": queue.next })).into_response())
}

/// A request as it is told.
fn told(document: &Document) -> Value {
    let ((resource, id), (principal, who)) = (document.key.governs(), document.key.principal());
    let mut told = document.about();
    told.insert("resource".to_owned(), json!({ "type": resource, "id": id }));
    told.insert("principal".to_owned(), json!({ "type": principal, "id": who }));
    told.insert("request".to_owned(), document.body.told());
    told.into()
}
