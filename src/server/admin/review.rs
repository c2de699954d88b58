//! The review of access over HTTP: what `policyc review` finds in the running set, and what there is to say of API keys.
//!
//! The running set decides who may: the action `audit` on `policies "running"`.

use super::{Fault, caller, manager, unkept};
use crate::{
    engine::Engine,
    examine::review::{Asked, Review, json, review, table},
    query::Budget,
    server::{
        app::App,
        http,
        identity::{Entry, Held, Origin},
        managed::{Document, Kind},
        policy::running,
    },
};
use ::http::{HeaderMap, Uri, header::CONTENT_TYPE};
use axum::{
    Extension, Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/admin/review", get(show))
}

/// How soon an end is one to speak of, in days.
const SOON: i64 = 30;
/// Up to how many rules those that change nothing are looked for, which takes long for large sets.
const MOST_RULES: usize = 20_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// The instant of the review; now, where nothing is said.
    at: Option<DateTime<Utc>>,
    #[serde(default)]
    format: Form,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    #[default]
    Json,
    Csv,
}

/// What there is to say of a key.
#[derive(Debug, Serialize)]
struct OfKey {
    kind: &'static str,
    /// The key's id.
    key: String,
    /// Who made it, or changed it last.
    by: String,
    /// When it ends.
    date: Option<String>,
    message: String,
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = caller(&app, &headers, origin).await?;
    let Wanted { at, format } = http::query(&uri)?;
    app.may_manage(manager(&caller, "audit", running())).await?;
    let at = at.unwrap_or_else(|| app.clock.now());
    let engine = app.policies.current();
    let keys = app.policies.managed().list(Kind::ApiKey, None, usize::MAX);
    let made = tokio::task::spawn_blocking(move || {
        let of_keys: Vec<OfKey> = keys.iter().flat_map(|key| of_key(&engine, key, at)).collect();
        (of_set(&engine, at), of_keys)
    });
    let (found, of_keys) = made.await.map_err(|error| unkept(&error))?;
    Ok(match format {
        Form::Json => Json(as_json(&found, &of_keys)).into_response(),
        Form::Csv => {
            let kind = [(CONTENT_TYPE, "text/csv; charset=utf-8; header=present")];
            (kind, table::render(&found) + &of_keys.iter().map(as_line).collect::<String>()).into_response()
        }
    })
}

fn of_set(engine: &Engine, at: DateTime<Utc>) -> Review {
    let idle = engine.ir().rules.len() <= MOST_RULES;
    let asked = Asked { at, within: TimeDelta::days(SOON), budget: Budget::USUAL, idle };
    review(engine, asked, |_| ())
}

/// Whether a key has expired or expires soon, and whether the policies know its roles.
fn of_key(engine: &Engine, document: &Document, at: DateTime<Utc>) -> Vec<OfKey> {
    let Ok(entry) = serde_json::from_value::<Entry>(document.body.json()) else { return Vec::new() };
    let finding = |kind, message: String| OfKey {
        kind,
        key: entry.id.clone(),
        by: document.by.clone(),
        date: entry.expires.clone(),
        message,
    };
    let mut found = Vec::new();
    let soon = at.checked_add_signed(TimeDelta::days(SOON)).unwrap_or(at);
    match entry.expires.as_deref().and_then(|end| end.parse::<DateTime<Utc>>().ok()) {
        Some(end) if end <= at => found.push(finding("key-expired", "has expired: revoke it".to_owned())),
        Some(end) if end <= soon => found.push(finding("key-expiring", format!("expires within {SOON} days"))),
        Some(_) | None => {}
    }
    for held in &entry.roles {
        let (Held::Everywhere(role) | Held::Within { role, .. }) = held;
        if !engine.ir().vocabulary.role_ids.contains_key(role.as_str()) {
            found.push(finding("key-role", format!("has the role `{role}`, which the policies do not know any more")));
        }
    }
    found
}

fn as_json(found: &Review, of_keys: &[OfKey]) -> Value {
    let mut told: Value = serde_json::from_str(&json::render(found)).unwrap_or_default();
    if let Some(members) = told.as_object_mut() {
        members.insert("keys".to_owned(), serde_json::to_value(of_keys).unwrap_or_default());
        members.insert("inconclusive".to_owned(), found.inconclusive.iter().map(|rule| rule.to_string()).collect());
    }
    told
}

/// A line of the table: a key stands where rules have their names.
fn as_line(of_key: &OfKey) -> String {
    let OfKey { kind, key, by, date, message } = of_key;
    let cells = [(*kind).to_owned(), format!("key {key}"), String::new(), by.clone(), date.clone().unwrap_or_default()];
    let [kind, key, at, by, date] = cells;
    table::line(&[kind, key, at, by, date, message.clone()])
}
