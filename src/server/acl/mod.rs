//! Access-control lists of models over HTTP: `/v1/acl/model`, and what one user may do with one model: `/v1/acl/grants`.
//!
//! Documents in the shapes of [`wire::acl`](crate::wire::acl). Whether a caller may write or read one is itself decided by the
//! running set: the action `manage` on the model.

use super::{
    app::App,
    decide::Surface,
    http::{self, BadBody},
    identity::{Caller, Origin},
    managed::{Body as Says, Change, Document, Expected, Key, Kind, Manager, Refused, Unchanged, tagged},
};
use crate::{
    request::{Refusal, Resource},
    wire::{acl, json},
};
use ::http::{HeaderMap, StatusCode, header::LINK};
use axum::{
    Extension, Json, Router,
    body::Body,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The action of whoever writes or reads a list.
const MANAGE: &str = "manage";
/// How many documents a page has, and at most.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;
/// How many bytes documents may be: one of 3,000 rules has about 500 kB.
const DOCUMENT_BYTES: usize = 32 * 1024 * 1024;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/acl/model", get(list).put(put).post(put_many))
        .route("/v1/acl/model/{*model}", get(show).delete(delete))
        .route("/v1/acl/grants/{user}", get(grants).put(put_grant))
        .route("/v1/acl/grants/{user}/{*model}", axum::routing::delete(delete_grant))
}

/// Why a request is not answered as it was meant.
enum Fault {
    Body(BadBody),
    Refused(Refused),
    Missing,
}

impl From<BadBody> for Fault {
    fn from(bad: BadBody) -> Self {
        Self::Body(bad)
    }
}

impl<T: Into<Refused>> From<T> for Fault {
    fn from(reason: T) -> Self {
        Self::Refused(reason.into())
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        match self {
            Self::Body(bad) => http::error(bad.status, &bad.message),
            Self::Refused(reason) => reason.into_response(),
            Self::Missing => http::error(StatusCode::NOT_FOUND, "there is no such document"),
        }
    }
}

/// Who asks, and what they sent: JSON, whatever they call it.
async fn sent(app: &App, origin: Origin, headers: &HeaderMap, body: Body) -> Result<(Caller, String), Fault> {
    let caller = app.caller(headers, origin, Surface::Acl).await?;
    let bytes = http::read_body(body, DOCUMENT_BYTES, &app.settings.http).await?;
    let text = String::from_utf8(bytes.into());
    let text = text.map_err(|_| BadBody::new(StatusCode::BAD_REQUEST, "the body is not UTF-8"))?;
    Ok((caller, text))
}

fn manager<'a>(caller: &'a Caller, model: &str) -> Manager<'a> {
    Manager { caller, surface: Surface::Acl, action: MANAGE, resource: Resource::model(model) }
}

/// Replaces a model's list.
async fn put(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let (caller, text) = sent(&app, origin, &headers, body).await?;
    let (document, notes) = read(&text)?;
    let model = document.get("model").and_then(Value::as_str).unwrap_or_default().to_owned();
    let change = Change { key: Key::acl(&model), body: Some(Says::Acl(document)), expected: Expected::of(&headers)? };
    let document = written(&app, manager(&caller, &model), change).await?;
    let mut told = document.about();
    told.insert("model".to_owned(), model.into());
    told.insert("notes".to_owned(), notes.into());
    Ok(tagged(&document, told.into()))
}

/// Replaces the lists of many models, all or none.
async fn put_many(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let (caller, text) = sent(&app, origin, &headers, body).await?;
    let bad = |refusal| Fault::from(Unchanged::Bad(refusal));
    let imported = acl::import(&text).map_err(bad)?;
    let documents: Vec<Value> = serde_json::from_str(json::without_mark(&text)).map_err(|error| {
        bad(Refusal { error: format!("expected an array of documents: {error}"), at: String::new() })
    })?;
    let changes = documents.into_iter().map(|document| {
        let model = document.get("model").and_then(Value::as_str).unwrap_or_default().to_owned();
        let change = Change { key: Key::acl(&model), body: Some(Says::Acl(document)), expected: Expected::Any };
        (Resource::model(model), change)
    });
    let changed = app.manage_all(&caller, Surface::Acl, MANAGE, changes.collect()).await?;
    Ok(Json(json!({ "written": changed.len(), "notes": imported.notes })).into_response())
}

/// A list as it was sent, once it is understood, and what there is to note about it.
fn read(text: &str) -> Result<(Value, Vec<String>), Fault> {
    let bad = |refusal| Fault::from(Unchanged::Bad(refusal));
    let imported = acl::import(text).map_err(bad)?;
    if imported.items.len() != 1 {
        let error = format!("expected one document, found {}", imported.items.len());
        return Err(bad(Refusal { error, at: String::new() }));
    }
    let document = serde_json::from_str(json::without_mark(text));
    let document = document.map_err(|error| bad(Refusal { error: error.to_string(), at: String::new() }))?;
    Ok((document, imported.notes))
}

/// Makes one change, and gives what the document is then.
async fn written(app: &Arc<App>, manager: Manager<'_>, change: Change) -> Result<Arc<Document>, Fault> {
    let changed = app.manage(manager, vec![change]).await?;
    changed.into_iter().find_map(|changed| changed.after).ok_or(Fault::Missing)
}

/// Which documents: `after` is the model that the page before ended with.
#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    after: String,
    limit: Option<usize>,
    /// Every version instead of the last one.
    #[serde(default)]
    history: bool,
}

/// The lists of those models that the caller manages.
async fn list(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Query(page): Query<Page>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = app.caller(&headers, origin, Surface::Acl).await?;
    let engine = app.policies.current();
    let most = page.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let mut after = Key::acl(&page.after);
    let mut found: Vec<Value> = Vec::new();
    loop {
        let some = app.policies.managed().list(Kind::Acl, Some(&after), most);
        let is_last = some.len() < most;
        for document in some {
            let (kind, id) = document.key.governs();
            if caller.is_trusted || app.would_allow(&engine, &caller, MANAGE, &Resource::new(kind, id)) {
                found.push(told(&document));
            }
            after = document.key.clone();
            if found.len() == most {
                break;
            }
        }
        if is_last && found.len() < most {
            return Ok(Json(json!({ "data": found })).into_response());
        }
        if found.len() == most {
            let next = ::http::Uri::builder().path_and_query(format!(
                "/v1/acl/model?limit={most}&after={}",
                percent_encoding::utf8_percent_encode(after.governs().1, percent_encoding::NON_ALPHANUMERIC)
            ));
            let next = next.build().map(|uri| format!("<{}{uri}>; rel=\"next\"", app.url)).unwrap_or_default();
            return Ok(([(LINK, next)], Json(json!({ "data": found }))).into_response());
        }
    }
}

fn told(document: &Document) -> Value {
    let mut told = document.about();
    if let Value::Object(body) = document.body.json() {
        told.extend(body);
    }
    told.into()
}

/// A model's list, or all that it ever was.
async fn show(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path(model): Path<String>,
    Query(page): Query<Page>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = app.caller(&headers, origin, Surface::Acl).await?;
    app.may_manage(manager(&caller, &model)).await?;
    let key = Key::acl(&model);
    if page.history {
        let versions = app.policies.managed().history(&key)?;
        let versions: Vec<Value> = versions.iter().map(|version| version.json()).collect();
        return if versions.is_empty() {
            Err(Fault::Missing)
        } else {
            Ok(Json(json!({ "data": versions })).into_response())
        };
    }
    let document = app.policies.managed().get(&key).ok_or(Fault::Missing)?;
    Ok(tagged(&document, document.body.json()))
}

/// Takes a model's list away.
async fn delete(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path(model): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = app.caller(&headers, origin, Surface::Acl).await?;
    remove(&app, manager(&caller, &model), Key::acl(&model), &headers).await
}

/// Deletes a document that is there.
async fn remove(app: &Arc<App>, manager: Manager<'_>, key: Key, headers: &HeaderMap) -> Result<Response, Fault> {
    let is_there = app.policies.managed().get(&key).is_some();
    let change = Change { key, body: None, expected: Expected::of(headers)? };
    if !is_there {
        app.may_manage(manager).await?;
        return Err(Fault::Missing);
    }
    app.manage(manager, vec![change]).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Replaces what one user may do with one model.
async fn put_grant(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path(user): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let (caller, text) = sent(&app, origin, &headers, body).await?;
    let bad = |refusal| Fault::from(Unchanged::Bad(refusal));
    let imported = acl::import_grant(&text, &user).map_err(bad)?;
    let document: Value = serde_json::from_str(json::without_mark(&text)).unwrap_or_default();
    let model = document.get("model_id").and_then(Value::as_str).filter(|_| imported.items.len() == 1);
    let Some(model) = model.map(str::to_owned) else {
        return Err(bad(Refusal { error: "expected one document".to_owned(), at: String::new() }));
    };
    let key = Key::grant(&model, &user);
    let change = Change { key, body: Some(Says::Grant(document)), expected: Expected::of(&headers)? };
    let document = written(&app, manager(&caller, &model), change).await?;
    Ok(tagged(&document, told(&document)))
}

/// What one user may do by such documents, as far as the caller manages the models.
async fn grants(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = app.caller(&headers, origin, Surface::Acl).await?;
    let engine = app.policies.current();
    let of_user = Key::grant("", &user).part;
    let all = app.policies.managed().list(Kind::Grant, None, usize::MAX);
    let own = all.iter().filter(|document| document.key.part == of_user).filter(|document| {
        let (kind, id) = document.key.governs();
        caller.is_trusted || app.would_allow(&engine, &caller, MANAGE, &Resource::new(kind, id))
    });
    let data: Vec<Value> = own.map(|document| told(document)).collect();
    Ok(Json(json!({ "data": data })).into_response())
}

/// Takes away what one user may do with one model by such a document.
async fn delete_grant(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path((user, model)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = app.caller(&headers, origin, Surface::Acl).await?;
    remove(&app, manager(&caller, &model), Key::grant(&model, &user), &headers).await
}
