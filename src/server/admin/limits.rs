//! Limits over HTTP: how counters stand, and letting one begin anew.
//!
//! The running set decides who may: the action `manage` on `limits COUNTER`.

use super::{Fault, MANAGE, caller, manager, unkept};
use crate::{
    check::ir::{Effect, Ir},
    request::Resource,
    server::{app::App, http, identity::Origin},
    store::limits::Tally,
};
use ::http::{HeaderMap, StatusCode, Uri};
use axum::{
    Extension, Json, Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{delete, get},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/admin/limits", get(list)).route("/v1/admin/limits/{counter}", delete(reset))
}

/// How many counters an answer has at most.
const MOST: usize = 1000;

fn resource(counter: &str) -> Resource {
    Resource::new("limits", counter)
}

/// Which counters; all where nothing is said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Those that count this principal alone: `KIND:ID`.
    principal: Option<String>,
    /// The one of this name.
    counter: Option<String>,
}

impl Asked {
    /// What the names of wanted counters have in them.
    fn part(&self) -> Result<String, Fault> {
        let Some(principal) = &self.principal else { return Ok(String::new()) };
        let (kind, id) = principal.split_once(':').ok_or_else(|| Fault::bad("`principal` must be `KIND:ID`"))?;
        Ok(format!(";principal:{}:{kind}:{}:{id}", kind.len(), id.len()))
    }
}

/// How the counters stand that the caller manages.
async fn list(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = caller(&app, &headers, origin).await?;
    let asked: Asked = http::query(&uri)?;
    let part = asked.part()?;
    let engine = app.policies.current();
    let now = app.clock.now();
    let (store, wanted) = (engine.clone(), asked.counter);
    let found = tokio::task::spawn_blocking(move || {
        let takes = |name: &str| wanted.as_ref().is_none_or(|wanted| wanted == name) && is_about(name, &part);
        store.counters().tallies(now, &takes, MOST)
    });
    let found = found.await.map_err(|error| unkept(&error))?.map_err(|outage| unkept(&outage))?;
    let is_whole = found.len() < MOST;
    let own = found
        .into_iter()
        .filter(|tally| caller.is_trusted || app.would_allow(&engine, &caller, MANAGE, &resource(&tally.counter)));
    let amounts = amounts(engine.ir());
    let data: Vec<Value> = own.map(|tally| told(&tally, &amounts)).collect();
    Ok(Json(json!({ "data": data, "complete": is_whole })).into_response())
}

/// Whether a counter's name has a part, and that ends where it seems to.
fn is_about(name: &str, part: &str) -> bool {
    let rest = name.split_once(part).map(|(_, rest)| rest);
    rest.is_some_and(|rest| part.is_empty() || rest.is_empty() || rest.starts_with(';'))
}

/// How much each limit allows, by what its counters belong to.
fn amounts(ir: &Ir) -> BTreeMap<&str, u64> {
    let limits = ir.rules.pairs().filter_map(|(_, rule)| match &rule.effect {
        Effect::Limit(limit, _) => Some(limit),
        Effect::Allow | Effect::Deny(_) | Effect::Gate(..) | Effect::Oblige(..) => None,
    });
    limits.map(|limit| (&*limit.identity, limit.amount)).collect()
}

/// What a counter belongs to, by its name: see `eval::charges`.
fn identity(counter: &str) -> Option<&str> {
    let (length, rest) = counter.split_once(':')?.1.split_once(':')?;
    rest.get(..length.parse().ok()?)
}

fn told(tally: &Tally, amounts: &BTreeMap<&str, u64>) -> Value {
    let rule = identity(&tally.counter);
    json!({
        "counter": tally.counter,
        "rule": rule,
        "used": tally.used,
        "limit": rule.and_then(|rule| amounts.get(rule)),
        "reset": tally.reset,
    })
}

/// Lets a counter begin anew: nothing is used of it then, and no lease is held.
async fn reset(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path(counter): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = caller(&app, &headers, origin).await?;
    app.may_manage(manager(&caller, MANAGE, resource(&counter))).await?;
    let engine = app.policies.current();
    let now = app.clock.now();
    let done = tokio::task::spawn_blocking(move || engine.counters().reset(now, &counter)).await;
    let held = done.map_err(|error| unkept(&error))?.map_err(|outage| unkept(&outage))?;
    if held { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(Fault::Missing("nothing of that name is used")) }
}

#[cfg(test)]
mod tests {
    use super::{identity, is_about};

    #[test]
    fn names_of_counters_are_read() {
        let name = "limit:5:daily;principal:4:user:5:alice;resource:5:model:1:m";
        assert_eq!(identity(name), Some("daily"));
        assert_eq!((identity("limit"), identity("limit:9:x"), identity("")), (None, None, None));
        assert!(is_about(name, ";principal:4:user:5:alice") && is_about(name, ""));
        assert!(!is_about("limit:5:daily;principal:4:user:5:alice2", ";principal:4:user:5:alice"));
    }
}
