//! Requests for access, as those see them who answer them.
//!
//! ```text
//! none → pending (manual) or accepted (auto); pending ⇄ accepted ⇄ rejected; a grant is accepted without having been asked
//! ```

use super::{
    Fault, Repo,
    repos::{At, caller, manager, sent},
};
use crate::{
    engine::Engine,
    server::{
        app::App,
        decide::Surface,
        identity::{Caller, Origin},
        managed::{
            APPROVE, Access, Answer as Given, Body as Says, Change, Document, Expected, Gated, Key, Status, Unanswered,
        },
    },
};
use ::http::HeaderMap;
use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use chrono::SecondsFormat;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

impl App {
    /// How a repository is gated, for somebody who answers requests for access to it.
    async fn gate_of(&self, engine: &Engine, caller: &Caller, repo: &Repo) -> Result<Gated, Fault> {
        self.repo_for(engine, caller, repo).await?;
        match self.gated(engine, &repo.resource()) {
            Gated::No => Err(Fault::Bad("this repository is not gated".to_owned())),
            mode @ (Gated::Auto | Gated::Manual) => Ok(mode),
        }
    }
}

/// The requests that stand so.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path((kinds, namespace, name, status)): Path<(String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = caller(&app, &headers, origin).await?;
    let repo = Repo::at(&kinds, &namespace, &name)?;
    let status: Status = serde_json::from_value(status.into()).map_err(|_| Fault::NoPath)?;
    let engine = app.policies.current();
    app.gate_of(&engine, &caller, &repo).await?;
    let all = app.access_requests(manager(&caller, APPROVE, &repo)).await?;
    let told = all.iter().filter_map(|document| Some((document, document.access()?)));
    let told: Vec<Value> =
        told.filter(|(_, access)| access.status == status).map(|(one, access)| view(one, access)).collect();
    Ok(Json(told).into_response())
}

fn view(document: &Document, access: &Access) -> Value {
    let name = name(document);
    let mut told = json!({
        "requestId": access.id,
        "user": { "user": name, "fullname": name },
        "status": access.status,
        "timestamp": access.asked.to_rfc3339_opts(SecondsFormat::Millis, true),
    });
    if let Some(members) = told.as_object_mut() {
        if !access.unasked {
            members.insert("fields".to_owned(), json!(access.fields));
        }
        members.extend(access.reason.clone().map(|reason| ("rejectionReason".to_owned(), reason.into())));
    }
    told
}

/// What the hub calls whoever asked: a user by the id, others with their kind.
fn name(document: &Document) -> String {
    match document.key.principal() {
        ("user", id) => id.to_owned(),
        (kind, id) => format!("{kind}:{id}"),
    }
}

/// How a request is answered.
#[derive(Deserialize)]
pub(super) struct Answer {
    user: Option<String>,
    #[serde(rename = "requestId")]
    request: Option<String>,
    status: Status,
    #[serde(rename = "rejectionReason")]
    reason: Option<String>,
}

/// Answers a request, or takes an answer back.
pub(super) async fn handle(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path((kinds, namespace, repo)): At,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let caller = caller(&app, &headers, origin).await?;
    let repo = Repo::at(&kinds, &namespace, &repo)?;
    let answer: Answer = sent(&app, body).await?;
    let engine = app.policies.current();
    let mode = app.gate_of(&engine, &caller, &repo).await?;
    let all = app.access_requests(manager(&caller, APPROVE, &repo)).await?;
    let is_meant = |document: &&Arc<Document>| match (&answer.request, &answer.user) {
        (Some(id), _) => document.access().is_some_and(|access| access.id == *id),
        (None, Some(user)) => name(document) == *user,
        (None, None) => false,
    };
    let missing = || Fault::NoRequest("There is no such access request");
    let document = all.iter().find(is_meant).ok_or_else(missing)?;
    let given = Given { status: answer.status, mode, reason: answer.reason };
    match app.answer_access(&caller, Surface::Hub, document, given).await {
        Ok(()) => Ok(Json(json!({})).into_response()),
        Err(Unanswered::Missing) => Err(missing()),
        Err(Unanswered::Same) => Err(Fault::NoRequest("The access request stands so already")),
        Err(Unanswered::Refused(reason)) => Err(reason.into()),
    }
}

/// Whom access is given.
#[derive(Deserialize)]
pub(super) struct Granted {
    user: String,
}

/// Gives access to somebody who has not asked.
pub(super) async fn grant(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path((kinds, namespace, name)): At,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let caller = caller(&app, &headers, origin).await?;
    let repo = Repo::at(&kinds, &namespace, &name)?;
    let granted: Granted = sent(&app, body).await?;
    if granted.user.trim().is_empty() {
        return Err(Fault::NoRequest("There is no such user"));
    }
    let engine = app.policies.current();
    let mode = app.gate_of(&engine, &caller, &repo).await?;
    app.may_manage(manager(&caller, APPROVE, &repo)).await?;
    let key = Key::access((repo.kind, &repo.id), ("user", &granted.user));
    let before = app.policies.managed().get(&key);
    let before = before.as_deref();
    let has_access = |access: &Access| access.status == Status::Accepted && access.mode == mode;
    if before.and_then(Document::access).is_some_and(has_access) {
        return Err(Fault::Bad("this user has access already".to_owned()));
    }
    let after = match before.and_then(Document::access) {
        Some(before) => Access { status: Status::Accepted, mode, reason: None, ..before.clone() },
        None => Access::new(Status::Accepted, mode, app.clock.now(), true),
    };
    let expected = Expected::Version(before.map_or(0, |document| document.version));
    let told = json!({ "requestId": after.id, "user": granted.user, "status": after.status });
    app.change(&caller, Surface::Hub, vec![Change { key, body: Some(Says::Access(after)), expected }], caller.name())
        .await?;
    Ok(Json(told).into_response())
}
