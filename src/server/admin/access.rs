//! The queue of access requests over HTTP: all that wait for an answer, over all resources.
//!
//! The running set decides which a caller sees: the action `approve` on the resource that access is asked for.

use super::{Fault, caller, query};
use crate::{
    request::Resource,
    server::{
        app::App,
        identity::Origin,
        managed::{Body, Document, Key, Kind, Status},
    },
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
use std::{collections::BTreeMap, sync::Arc};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/admin/access-requests", get(list))
}

const APPROVE: &str = "approve";
/// How many requests a page has, and at most.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;
/// How many documents are looked at in one go.
const LOOKED: usize = 1000;

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
    let asked: Asked = query(&uri)?;
    let most = asked.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let bad = |_| Fault::bad("`cursor` must be as the page before has it as `next`");
    let after = asked.cursor.as_deref().map(serde_json::from_str::<(String, String)>).transpose().map_err(bad)?;
    let mut after = after.map(|(of, part)| Key { kind: Kind::Access, of, part });
    let engine = app.policies.current();
    // Many ask for one resource.
    let mut known: BTreeMap<String, bool> = BTreeMap::new();
    let mut found: Vec<Value> = Vec::new();
    loop {
        let some = app.policies.managed().list(Kind::Access, after.as_ref(), LOOKED);
        for document in &some {
            if found.len() == most {
                let next = after.as_ref().map(|last| json!([last.of, last.part]).to_string());
                return Ok(Json(json!({ "data": found, "next": next })).into_response());
            }
            after = Some(document.key.clone());
            let may = |of: &String| {
                let (kind, id) = of.split_once(' ').unwrap_or(("", of));
                caller.is_trusted || app.would_allow(&engine, &caller, APPROVE, &Resource::new(kind, id))
            };
            let told = told(document, asked.status);
            if told.is_some() && *known.entry(document.key.of.clone()).or_insert_with_key(may) {
                found.extend(told);
            }
        }
        if some.len() < LOOKED {
            return Ok(Json(json!({ "data": found, "next": null })).into_response());
        }
    }
}

/// A request as it is told; none if it does not stand as is wanted.
fn told(document: &Document, status: Option<Status>) -> Option<Value> {
    let Body::Access(access) = &document.body else { return None };
    if status.is_some_and(|status| status != access.status) {
        return None;
    }
    let ((resource, id), (principal, who)) = (document.key.governs(), document.key.principal());
    let mut told = document.about();
    told.insert("resource".to_owned(), json!({ "type": resource, "id": id }));
    told.insert("principal".to_owned(), json!({ "type": principal, "id": who }));
    told.insert("request".to_owned(), document.body.told());
    Some(told.into())
}
