//! `POST /access/v1/search/{subject,resource,action}`: who may, on what, or what at all.
//!
//! Candidates are what the policy set declares: its principals, resources and actions. Each is asked as a request of its own,
//! nothing is charged, and a search is one record in the log. Results are in order of their names, so that pages meet.

use super::{
    evaluation::{self, Fault, json},
    page::{self, Cut},
};
use crate::{
    engine::Engine,
    request::{Refusal, Request, Resource},
    server::{
        app::App,
        decide::Surface,
        identity::{Caller, Origin},
    },
    wire::search::{Search, Wanted, decode},
};
use ::http::HeaderMap;
use axum::{Extension, body::Body, extract::State, response::Response};
use serde::Serialize;
use std::sync::Arc;

/// Answers a search, whose open part is what is wanted.
pub(super) async fn search(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    body: Body,
    wanted: Wanted,
) -> Result<Response, Fault> {
    let (caller, text) = evaluation::asked(&app, origin, &headers, body).await?;
    let mut search = decode(&text, wanted)?;
    let engine = app.policies.current();
    evaluation::assertions(&app, &engine, &caller, &mut search.request).await?;
    // Many candidates are a long work, and other answers must not wait for it.
    let found = {
        let (app, engine, caller) = (app.clone(), engine.clone(), caller.clone());
        tokio::task::spawn_blocking(move || found(&app, &engine, &caller, search, wanted)).await
    };
    let found = found.map_err(|_| Fault::Unavailable)??;
    app.record_list(&engine, &caller, &found.asked, Surface::AuthZen, &found.names).await?;
    Ok(json(found.answer))
}

/// What a search has found.
struct Found {
    answer: String,
    /// The request, with its open part as it was asked for.
    asked: Request,
    /// The names of what was found, for the record.
    names: Vec<String>,
}

#[derive(Serialize)]
struct Answer {
    results: Vec<Entity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<Paged>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Entity {
    Typed {
        #[serde(rename = "type")]
        kind: String,
        id: String,
    },
    Action {
        name: String,
    },
}

#[derive(Serialize)]
struct Paged {
    next_token: String,
    count: usize,
}

fn found(app: &App, engine: &Engine, caller: &Caller, search: Search, wanted: Wanted) -> Result<Found, Fault> {
    let Search { request, page, subject_of_token } = search;
    let Cut { after, limit, token_key } = page::cut(app, engine, caller, &page, &subject_of_token)?;
    let mut names = Vec::new();
    let mut next_token = None;
    let later = |name: &Arc<str>| after.as_deref().is_none_or(|after| **name > *after);
    for name in candidates(engine, &request, wanted).into_iter().filter(later) {
        if !is_allowed(app, engine, caller, &request, wanted, &name)? {
            continue;
        }
        if names.len() == limit {
            // There is at least one more: the page ends where the last of it was.
            let last = names.last().map(String::as_str).or(after.as_deref());
            next_token = Some(page::token(&token_key, last.unwrap_or_default()));
            break;
        }
        names.push(name.as_ref().to_owned());
    }
    let entity = |name: &String| match wanted {
        Wanted::Subject => Entity::Typed { kind: request.principal.kind.clone(), id: name.clone() },
        Wanted::Resource => Entity::Typed { kind: request.resource.kind.clone(), id: name.clone() },
        Wanted::Action => Entity::Action { name: name.clone() },
    };
    let results: Vec<Entity> = names.iter().map(entity).collect();
    let is_paged = page.token.is_some() || page.limit.is_some() || next_token.is_some();
    let page = is_paged.then(|| Paged { next_token: next_token.unwrap_or_default(), count: results.len() });
    let answer = serde_json::to_string(&Answer { results, page }).map_err(|_| Fault::Unavailable)?;
    Ok(Found { answer, asked: request, names })
}

/// What the set declares of what is looked for, in order of names. Nothing, where the set does not know a type that is asked
/// about: there is no such thing, and that is an answer.
fn candidates(engine: &Engine, request: &Request, wanted: Wanted) -> Vec<Arc<str>> {
    let vocabulary = &engine.ir().vocabulary;
    let (subject, resource) = (request.principal.kind.as_str(), request.resource.kind.as_str());
    if !vocabulary.principal_kinds.contains(subject) || !vocabulary.resource_kinds.contains(resource) {
        return Vec::new();
    }
    let mut names: Vec<Arc<str>> = match wanted {
        Wanted::Subject => vocabulary.principals.ids_of(subject).cloned().collect(),
        Wanted::Resource => vocabulary.resources.ids_of(resource).cloned().collect(),
        Wanted::Action => vocabulary.action_ids.keys().cloned().collect(),
    };
    names.sort();
    names
}

fn is_allowed(
    app: &App,
    engine: &Engine,
    caller: &Caller,
    open: &Request,
    wanted: Wanted,
    name: &str,
) -> Result<bool, Refusal> {
    let mut request = open.clone();
    match wanted {
        Wanted::Subject => request.principal.id = Some(name.to_owned()),
        Wanted::Resource => name.clone_into(&mut request.resource.id),
        Wanted::Action => name.clone_into(&mut request.action),
    }
    let may_ask = |resource: &Resource| caller.is_trusted || app.would_allow(engine, caller, "evaluate", resource);
    Ok(may_ask(&request.resource) && app.look(engine, request)?.is_allow())
}
