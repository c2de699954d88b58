//! Asking for access to a repository.

use super::{
    Fault, Repo,
    repos::{At, caller},
};
use crate::server::{
    app::App,
    decide::Surface,
    http,
    identity::{Caller, Origin},
    managed::{Access, Body as Says, Change, Expected, Gated, Key, Registered, Status},
};
use ::http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

/// How many things whoever asks may say of themselves, and how long each may be.
const MOST_FIELDS: usize = 32;
const LONGEST_FIELD: usize = 4096;

/// Asks for access.
pub(super) async fn ask(
    app: State<Arc<App>>,
    origin: Extension<Origin>,
    Path((kinds, namespace, name)): At,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let repo = Repo::at(&kinds, &namespace, &name)?;
    answer(app.0, origin.0, repo, &headers, body).await
}

/// The same at the repository's page, where a form is sent.
pub(super) async fn ask_at_page(
    kinds: &'static str,
    app: State<Arc<App>>,
    origin: Extension<Origin>,
    Path((namespace, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let repo = Repo::at(kinds, &namespace, &name)?;
    answer(app.0, origin.0, repo, &headers, body).await
}

async fn answer(app: Arc<App>, origin: Origin, repo: Repo, headers: &HeaderMap, body: Body) -> Result<Response, Fault> {
    let caller = caller(&app, headers, origin).await?;
    let id = caller.principal.id.as_deref().ok_or(Fault::SignIn)?;
    let engine = app.policies.current();
    let registered = app.repo_for(&engine, &caller, &repo).await?;
    let mode = app.gated(&engine, &repo.resource());
    let status = match mode {
        Gated::No => return Err(Fault::Bad("this repository is not gated".to_owned())),
        Gated::Auto => Status::Accepted,
        Gated::Manual => Status::Pending,
    };
    let fields = fields(&app, headers, body, &registered).await?;
    let key = Key::access((repo.kind, &repo.id), (&caller.principal.kind, id));
    if let Some(document) = app.policies.managed().get(&key)
        && let Says::Access(before) = &document.body
        && !(before.status == Status::Accepted && before.mode != mode)
    {
        // Who has asked need not ask again; who was refused is not let in by asking again.
        return Ok(told(before));
    }
    let access = Access { fields, ..Access::new(status, mode, app.clock.now(), false) };
    let answer = told(&access);
    let change = Change { key, body: Some(Says::Access(access)), expected: Expected::Any };
    app.change(&caller, Surface::Hub, vec![change], Caller::name(&caller)).await?;
    Ok(answer)
}

fn told(access: &Access) -> Response {
    Json(json!({ "requestId": access.id, "status": access.status, "rejectionReason": access.reason })).into_response()
}

/// What whoever asks says of themselves: a form, or an object in JSON. Every question must be answered.
async fn fields(
    app: &App,
    headers: &HeaderMap,
    body: Body,
    registered: &Registered,
) -> Result<BTreeMap<String, String>, Fault> {
    let bytes = http::read_body(body, app.settings.http.body_bytes, &app.settings.http).await?;
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let fields: BTreeMap<String, String> = if bytes.is_empty() {
        BTreeMap::new()
    } else if http::is_json(headers) {
        serde_json::from_slice(&bytes).map_err(|error| bad(&error.to_string()))?
    } else if kind.starts_with("application/x-www-form-urlencoded") {
        form_urlencoded::parse(&bytes).into_owned().collect()
    } else {
        let message = "send a form, or an object of texts as `application/json`";
        return Err(http::BadBody::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message).into());
    };
    let is_too_long = |(name, value): (&String, &String)| name.len().max(value.len()) > LONGEST_FIELD;
    if fields.len() > MOST_FIELDS || fields.iter().any(is_too_long) {
        return Err(bad(&format!("at most {MOST_FIELDS} fields of {LONGEST_FIELD} bytes each")));
    }
    let is_answered = |question: &&String| fields.get(*question).is_some_and(|answer| !answer.trim().is_empty());
    match registered.questions.iter().find(|question| !is_answered(question)) {
        Some(question) => Err(bad(&format!("`{question}` must be answered"))),
        None => Ok(fields),
    }
}

fn bad(message: &str) -> Fault {
    Fault::Bad(message.to_owned())
}
