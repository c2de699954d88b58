//! API keys over HTTP: made, listed, rotated and revoked.
//!
//! The running set decides who may: the action `manage` on `keys ID`. Beside that, a key never carries more than whoever makes
//! it, or gives it a new secret, holds themselves. The secret is told once, in the answer to whoever made it.

use super::{Fault, MANAGE, body, caller, held, manager, unkept};
use crate::{
    check::vocabulary::Vocabulary,
    request::{Principal, Resource},
    server::{
        app::App,
        decide::Surface,
        identity::{Caller, Constant, Entry, Held, ManagedKeys, Named, Origin},
        managed::{Body as Says, Change, Document, Expected, Key, Kind, Refused, Unchanged, tagged},
    },
};
use ::http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_LENGTH},
};
use axum::{
    Extension, Json, Router,
    body::Body,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};
use uuid::Uuid;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/admin/keys", get(list).post(create))
        .route("/v1/admin/keys/{id}", get(show).delete(revoke))
        .route("/v1/admin/keys/{id}/rotate", post(rotate))
}

const NO_KEY: &str = "there is no such key";
/// How long an old secret holds at most beside the new one: 30 days.
const LONGEST_OVERLAP: u32 = 30 * 24 * 60 * 60;
/// How long a description may be, in bytes.
const LONGEST_DESCRIPTION: usize = 1024;

/// A key that is wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    id: Option<String>,
    principal: Option<Named>,
    #[serde(default)]
    roles: Vec<Held>,
    org: Option<String>,
    tier: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, Constant>,
    #[serde(default)]
    networks: Vec<IpNet>,
    expires: Option<String>,
    description: Option<String>,
}

impl Wanted {
    /// As an entry of a file of keys, with the hash of its secret.
    fn entry(self, id: String, hash: String) -> Entry {
        let Self { id: _, principal, roles, org, tier, attributes, networks, expires, description } = self;
        Entry {
            id,
            hash,
            previous_hash: None,
            previous_until: None,
            principal,
            roles,
            org,
            tier,
            attributes,
            networks,
            expires,
            enabled: true,
            description,
        }
    }
}

/// The keys that are made here, where there can be any.
fn managed(app: &App) -> Result<&ManagedKeys, Fault> {
    app.identity.managed_keys().ok_or(Fault::Missing("the service manages no API keys (`auth.managed_keys`)"))
}

fn resource(id: &str) -> Resource {
    Resource::new("keys", id)
}

/// Makes a key, and tells its secret.
async fn create(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    sent: Body,
) -> Result<Response, Fault> {
    let first = app.identity.bootstrap(&headers).filter(|_| !app.has_managed_keys());
    let caller = match &first {
        Some(_) => Caller { principal: Principal::key("bootstrap"), is_trusted: false, origin, proofs: Arc::default() },
        None => caller(&app, &headers, origin).await?,
    };
    let keys = managed(&app)?;
    let wanted: Wanted = body(&app, &headers, sent).await?;
    if wanted.description.as_ref().is_some_and(|text| text.len() > LONGEST_DESCRIPTION) {
        return Err(Fault::bad(format!("the description is longer than {LONGEST_DESCRIPTION} bytes")));
    }
    let id = wanted.id.clone().unwrap_or_else(|| Uuid::now_v7().simple().to_string());
    let (secret, hash) = keys.make(&id).map_err(|error| unkept(&error))?;
    let entry = wanted.entry(id.clone(), hash);
    let principal = fitting(&app, &entry)?;
    if first.is_none() {
        app.may_manage(manager(&caller, MANAGE, resource(&id))).await?;
        within(&app, &caller, &id, &principal)?;
    }
    if app.identity.has_file_key(&id) {
        return Err(Fault::Exists("there is a key of that id in the file of keys"));
    }
    let document = write(&app, &caller, &entry, Expected::Version(0)).await?;
    match first {
        Some(claim) => claim.used(),
        None => keys.end(),
    }
    Ok(with_secret(StatusCode::CREATED, &app, &document, &secret))
}

/// For whom an entry stands, once all that it says fits the policies.
fn fitting(app: &App, entry: &Entry) -> Result<Principal, Fault> {
    let principal = entry.principal().map_err(|wrong| Fault::bad(format!("the key {wrong}")))?;
    let engine = app.policies.current();
    let vocabulary = &engine.ir().vocabulary;
    if let Some(unknown) = unknown(vocabulary, entry) {
        return Err(Fault::bad(format!("the policies do not know {unknown}")));
    }
    // Held against nobody: that each value fits its attribute.
    held::beyond(vocabulary, &principal, &Principal::anonymous()).map_err(Unchanged::Bad)?;
    Ok(principal)
}

/// What an entry names that a vocabulary does not know.
fn unknown(vocabulary: &Vocabulary, entry: &Entry) -> Option<String> {
    let name = |held: &Held| match held {
        Held::Everywhere(role) | Held::Within { role, .. } => role.clone(),
    };
    let role = entry.roles.iter().map(name).find(|role| !vocabulary.role_ids.contains_key(role.as_str()));
    let tier = entry.tier.as_ref().filter(|tier| vocabulary.tier(tier).is_none());
    let kind = entry.principal.as_ref().map(|principal| &principal.kind);
    let kind = kind.filter(|kind| !vocabulary.principal_kinds.contains(kind.as_str()));
    role.map(|role| format!("the role `{role}`"))
        .or_else(|| tier.map(|tier| format!("the tier `{tier}`")))
        .or_else(|| kind.map(|kind| format!("the kind `{kind}` of principals")))
}

/// Whether a key for a principal carries no more than the caller holds.
fn within(app: &App, caller: &Caller, id: &str, principal: &Principal) -> Result<(), Fault> {
    let engine = app.policies.current();
    let is_own = principal.kind == caller.principal.kind && principal.id == caller.principal.id;
    let is_itself = principal.kind == "key" && principal.id.as_deref() == Some(id);
    let mut beyond = Vec::new();
    if !is_own && !is_itself {
        beyond.push(format!("{} {}", principal.kind, principal.id.as_deref().unwrap_or_default()));
    }
    let held = held::beyond(&engine.ir().vocabulary, principal, &caller.principal);
    beyond.extend(held.map_err(Unchanged::Bad)?);
    if beyond.is_empty() { Ok(()) } else { Err(Fault::Beyond(beyond)) }
}

/// Keeps an entry; from then on it holds.
async fn write(app: &Arc<App>, caller: &Caller, entry: &Entry, expected: Expected) -> Result<Arc<Document>, Fault> {
    let says = serde_json::to_value(entry).map_err(|error| unkept(&error))?;
    let change = Change { key: Key::api_key(&entry.id), body: Some(Says::ApiKey(says)), expected };
    let changed = app.change(caller, Surface::Admin, vec![change], caller.name()).await;
    if let Err(Refused::Unchanged(Unchanged::Conflict(Some(_)))) = &changed
        && expected == Expected::Version(0)
    {
        return Err(Fault::Exists("there is a key of that id"));
    }
    changed?.into_iter().find_map(|changed| changed.after).ok_or(Fault::Missing(NO_KEY))
}

/// A key as it is told: all but its secret and the hashes of that.
fn told(document: &Document, now: DateTime<Utc>) -> Map<String, Value> {
    let mut told = document.about();
    if let Value::Object(body) = document.body.told() {
        told.extend(body);
    }
    let expires = told.get("expires").and_then(Value::as_str).and_then(|end| end.parse::<DateTime<Utc>>().ok());
    told.insert("expired".to_owned(), expires.is_some_and(|end| end <= now).into());
    told
}

/// A key with its secret: nobody in between may keep that.
fn with_secret(status: StatusCode, app: &App, document: &Document, secret: &str) -> Response {
    let mut told = told(document, app.clock.now());
    told.insert("key".to_owned(), secret.into());
    let mut response = tagged(document, told.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The keys that the caller manages.
async fn list(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = caller(&app, &headers, origin).await?;
    managed(&app)?;
    let engine = app.policies.current();
    let now = app.clock.now();
    let all = app.policies.managed().list(Kind::ApiKey, None, usize::MAX);
    let own = all.iter().filter(|key| app.would_allow(&engine, &caller, MANAGE, &resource(&key.key.of)));
    let data: Vec<Value> = own.map(|key| told(key, now).into()).collect();
    Ok(Json(json!({ "data": data })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    /// Every version instead of the last one.
    #[serde(default)]
    history: bool,
}

/// A key, or all that it ever was.
async fn show(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path(id): Path<String>,
    Query(Shown { history }): Query<Shown>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = caller(&app, &headers, origin).await?;
    managed(&app)?;
    app.may_manage(manager(&caller, MANAGE, resource(&id))).await?;
    if !history {
        let document = known(&app, &id)?;
        return Ok(tagged(&document, told(&document, app.clock.now()).into()));
    }
    let (reader, key) = (app.clone(), Key::api_key(&id));
    let versions = tokio::task::spawn_blocking(move || reader.policies.managed().history(&key)).await;
    let versions = versions.map_err(|error| unkept(&error))??;
    if versions.is_empty() {
        return Err(Fault::Missing(NO_KEY));
    }
    let data: Vec<Value> = versions.iter().map(|version| version.json()).collect();
    Ok(Json(json!({ "data": data })).into_response())
}

fn known(app: &App, id: &str) -> Result<Arc<Document>, Fault> {
    app.policies.managed().get(&Key::api_key(id)).ok_or(Fault::Missing(NO_KEY))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// How long the old secret holds beside the new one.
    #[serde(default)]
    overlap_seconds: u32,
}

/// Gives a key another secret, and tells it.
async fn rotate(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path(id): Path<String>,
    headers: HeaderMap,
    sent: Body,
) -> Result<Response, Fault> {
    let caller = caller(&app, &headers, origin).await?;
    let keys = managed(&app)?;
    let says_nothing = headers.get(CONTENT_LENGTH).is_none_or(|length| length == "0");
    let rotation: Rotation = if says_nothing { Rotation::default() } else { body(&app, &headers, sent).await? };
    if rotation.overlap_seconds > LONGEST_OVERLAP {
        return Err(Fault::bad(format!("`overlap_seconds` can be at most {LONGEST_OVERLAP}")));
    }
    app.may_manage(manager(&caller, MANAGE, resource(&id))).await?;
    let document = known(&app, &id)?;
    let mut entry: Entry = serde_json::from_value(document.body.json()).map_err(|error| unkept(&error))?;
    // Whoever has the new secret is whom the key stands for.
    within(&app, &caller, &id, &fitting(&app, &entry)?)?;
    let (secret, hash) = keys.make(&id).map_err(|error| unkept(&error))?;
    let old = std::mem::replace(&mut entry.hash, hash);
    let overlap = TimeDelta::seconds(rotation.overlap_seconds.into());
    let until = app.clock.now().checked_add_signed(overlap).filter(|_| !overlap.is_zero());
    entry.previous_hash = until.map(|_| old);
    entry.previous_until = until.map(|until| until.to_rfc3339_opts(SecondsFormat::Millis, true));
    let expected = match Expected::of(&headers)? {
        Expected::Any => Expected::Version(document.version),
        other => other,
    };
    let document = write(&app, &caller, &entry, expected).await?;
    Ok(with_secret(StatusCode::OK, &app, &document, &secret))
}

/// Revokes a key: it stops at once.
async fn revoke(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = caller(&app, &headers, origin).await?;
    managed(&app)?;
    app.may_manage(manager(&caller, MANAGE, resource(&id))).await?;
    let key = known(&app, &id)?.key.clone();
    let change = Change { key, body: None, expected: Expected::of(&headers)? };
    app.change(&caller, Surface::Admin, vec![change], caller.name()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
