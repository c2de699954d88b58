//! Policy sets over HTTP: `/v1/admin/policies`.
//!
//! Whether a caller may do something here is itself decided by the running set: the action `manage` on `policies "running"`
//! for what changes or tells of the set that decides, and on `policies "candidate"` for what is tried beside it. There is no
//! other way in; where nobody has to say who they are, whoever reaches the service may.

use super::{Change, Unchanged, candidate, running, shadow::Candidate, upload::Upload};
use crate::{
    decision::Decision,
    engine::{Engine, Spend},
    examine::diff::{Compared, json, markdown},
    query::ChangeKind,
    report,
    request::{Request, Resource},
    server::{
        app::App,
        audit::Unrecorded,
        decide::{NoDecision, Surface},
        http::{self, BadBody},
        identity::{Caller, Origin},
    },
};
use ::http::{
    HeaderMap, StatusCode, Uri,
    header::{ACCEPT, CONTENT_TYPE},
};
use axum::{
    Extension, Json, Router,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(in crate::server) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/admin/policies", get(list))
        .route("/v1/admin/policies/validate", post(validate))
        .route("/v1/admin/policies/reload", post(reload))
        .route("/v1/admin/policies/shadow", get(report).post(stage).delete(withdraw))
        .route("/v1/admin/policies/shadow/diff", get(difference))
        .route("/v1/admin/policies/promote", post(promote))
        .route("/v1/admin/policies/rollback", post(rollback))
        .route("/v1/admin/policies/unpin", post(unpin))
}

/// What a caller wants to manage.
#[derive(Debug, Clone, Copy)]
enum About {
    Running,
    Candidate,
}

impl About {
    fn resource(self) -> Resource {
        match self {
            Self::Running => running(),
            Self::Candidate => candidate(),
        }
    }
}

/// Who asks, if they may manage what they ask about. That is a decision as any other, and recorded as one.
async fn manager(app: &App, headers: &HeaderMap, origin: Origin, about: About) -> Result<Caller, Fault> {
    let caller = app.caller(headers, origin, Surface::Admin).await?;
    if caller.is_trusted {
        return Ok(caller);
    }
    let request = Request::new(caller.principal.clone(), "manage", about.resource()).ip(caller.origin.client);
    let engine = app.policies.current();
    let decision = app.decide(&engine, &caller, request, Surface::Admin, Spend::Charge).await?;
    if decision.is_allow() { Ok(caller) } else { Err(Fault::NotAllowed(decision.into())) }
}

/// What runs, what ran before, and what decides beside it.
async fn list(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    manager(&app, &headers, origin, About::Running).await?;
    Ok(Json(state(&app)).into_response())
}

fn state(app: &App) -> Value {
    let revision = app.policies.current().revision().to_owned();
    let bundle = app.policies.followed_state();
    let shadow = app.policies.shadow().candidate().map(|candidate| candidate.revision().to_owned());
    app.policies.told(|revisions| {
        json!({
            "revision": revision,
            "pinned": revisions.pinned().is_some(),
            "shadow": shadow,
            "bundle": bundle,
            "history": revisions.history(),
        })
    })
}

/// What `policyc check` would say of a set. Nothing is changed.
async fn validate(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    manager(&app, &headers, origin, About::Candidate).await?;
    let told = match app.policies.load_upload(uploaded(&app, &headers, body).await?).await {
        Ok(engine) => valid(&engine),
        Err(reason @ Unchanged::Set(_)) => with(reason.json(), "valid", false.into()),
        Err(reason) => return Err(reason.into()),
    };
    Ok(Json(told).into_response())
}

/// A set that can decide, and what there is to warn of.
fn valid(engine: &Engine) -> Value {
    let told = serde_json::from_str(&report::json::render(engine.warnings(), engine.sources())).unwrap_or_default();
    with(with(told, "valid", true.into()), "revision", engine.revision().into())
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
    object
}

/// Whether a request asks for this kind of answer before all others.
fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    headers.get(ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|kinds| kinds.starts_with(kind))
}

async fn uploaded(app: &App, headers: &HeaderMap, body: Body) -> Result<Upload, BadBody> {
    let bytes = http::read_body(body, app.settings.policy.upload_bytes, &app.settings.http).await?;
    Upload::read(headers, bytes)
}

/// Makes a set that is sent the candidate.
async fn stage(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let caller = manager(&app, &headers, origin, About::Candidate).await?;
    let engine = app.policies.load_upload(uploaded(&app, &headers, body).await?).await?;
    let told = valid(&engine);
    app.policies.stage(engine, &caller.name());
    Ok(Json(told).into_response())
}

/// Lets no candidate decide any more.
async fn withdraw(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    manager(&app, &headers, origin, About::Candidate).await?;
    app.policies.shadow().set(None);
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What the candidate would have decided otherwise: JSON, or text where that is asked for.
async fn report(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    manager(&app, &headers, origin, About::Candidate).await?;
    let candidate: Arc<Candidate> = app.policies.shadow().candidate().ok_or(Unchanged::NoCandidate)?;
    let report = candidate.report();
    Ok(if accepts(&headers, "text/plain") {
        ([(CONTENT_TYPE, "text/plain; charset=utf-8")], report.to_string()).into_response()
    } else {
        Json(report).into_response()
    })
}

/// How a comparison is told.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    format: Option<Form>,
    /// Only what is gained or lost.
    only: Option<Only>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    Json,
    Markdown,
}

impl Form {
    /// What a request asks for by its headers.
    fn accepted(headers: &HeaderMap) -> Self {
        if accepts(headers, "text/markdown") { Self::Markdown } else { Self::Json }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Only {
    Gained,
    Lost,
}

impl Only {
    const fn kind(self) -> ChangeKind {
        match self {
            Self::Gained => ChangeKind::Gained,
            Self::Lost => ChangeKind::Lost,
        }
    }
}

/// What the candidate would change, over all requests: as `policyc diff` tells it.
async fn difference(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    manager(&app, &headers, origin, About::Candidate).await?;
    let Wanted { format, only } = http::query(&uri)?;
    let candidate = app.policies.shadow().candidate().ok_or(Unchanged::NoCandidate)?;
    let compared = app.policies.with_candidate(&candidate).await.map_err(Fault::Failed)?;
    let form = format.unwrap_or_else(|| Form::accepted(&headers));
    // Both sets decide about each change once more, which takes its time.
    let tell = move || {
        let compared = Compared::clone(&compared);
        let compared = only.map(Only::kind).into_iter().fold(compared, Compared::only);
        match form {
            Form::Json => ("application/json", json::render(&compared)),
            Form::Markdown => ("text/markdown; charset=utf-8", markdown::render(&compared)),
        }
    };
    let (kind, text) =
        tokio::task::spawn_blocking(tell).await.map_err(|error| Fault::Failed(error.to_string().into()))?;
    Ok(([(CONTENT_TYPE, kind)], text).into_response())
}

async fn reload(app: State<Arc<App>>, origin: Extension<Origin>, headers: HeaderMap) -> Result<Response, Fault> {
    change(app.0, origin.0, headers, Change::Reload).await
}

async fn promote(app: State<Arc<App>>, origin: Extension<Origin>, headers: HeaderMap) -> Result<Response, Fault> {
    change(app.0, origin.0, headers, Change::Promote(None)).await
}

async fn unpin(app: State<Arc<App>>, origin: Extension<Origin>, headers: HeaderMap) -> Result<Response, Fault> {
    change(app.0, origin.0, headers, Change::Unpin).await
}

/// To which revision; its first digits are enough.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rollback {
    revision: String,
}

async fn rollback(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let text = http::json_body(&headers, body, &app.settings.http).await?;
    let wanted: Rollback =
        serde_json::from_str(&text).map_err(|error| BadBody::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    change(app, origin, headers, Change::Rollback(wanted.revision)).await
}

async fn change(app: Arc<App>, origin: Origin, headers: HeaderMap, change: Change) -> Result<Response, Fault> {
    let caller = manager(&app, &headers, origin, About::Running).await?;
    app.policies.change(change, caller.name()).await?;
    Ok(Json(state(&app)).into_response())
}

/// Why something is not done.
enum Fault {
    NotAllowed(Box<Decision>),
    NoDecision(NoDecision),
    Body(BadBody),
    Unchanged(Unchanged),
    /// The sets cannot be compared: why.
    Failed(Arc<str>),
}

impl From<NoDecision> for Fault {
    fn from(reason: NoDecision) -> Self {
        Self::NoDecision(reason)
    }
}

impl From<BadBody> for Fault {
    fn from(bad: BadBody) -> Self {
        Self::Body(bad)
    }
}

impl From<Unchanged> for Fault {
    fn from(reason: Unchanged) -> Self {
        Self::Unchanged(reason)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        match self {
            Self::NoDecision(NoDecision::Unauthenticated(error)) => error.into_response(),
            Self::NotAllowed(decision) => {
                let code = decision.denial().map_or("DENIED", |denial| &denial.code);
                http::error(StatusCode::FORBIDDEN, &format!("the caller may not `manage` this ({code})"))
            }
            Self::NoDecision(NoDecision::Refused(refusal)) => {
                http::error(StatusCode::FORBIDDEN, &format!("the caller may not `manage` this ({refusal})"))
            }
            Self::NoDecision(NoDecision::Unrecorded(_)) => {
                http::error(StatusCode::SERVICE_UNAVAILABLE, Unrecorded::MESSAGE)
            }
            Self::Body(bad) => http::error(bad.status, &bad.message),
            Self::Failed(why) => {
                http::error(StatusCode::INTERNAL_SERVER_ERROR, &format!("the sets cannot be compared: {why}"))
            }
            Self::Unchanged(reason) => (reason.status(), Json(reason.json())).into_response(),
        }
    }
}
