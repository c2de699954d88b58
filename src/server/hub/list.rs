//! Lists of repositories, as far as a caller may view them, page by page.

use super::{
    Fault, KINDS, Repo,
    repos::{caller, card},
};
use crate::{
    engine::Engine,
    request::Request,
    server::{
        app::App,
        decide::Surface,
        identity::{Caller, Origin},
        managed::{Gated, Key, Kind},
    },
};
use ::http::{HeaderMap, header::LINK};
use axum::{
    Extension, Json,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::sync::Arc;

/// How many repositories a page has, and at most.
const PAGE: usize = 1000;
/// How many documents are looked at in one go.
const CHUNK: usize = 1000;

/// What is wanted of a list.
#[derive(Debug, Default)]
struct Wanted {
    author: Option<String>,
    search: Option<String>,
    gated: Option<bool>,
    /// What no repository here has is wanted, such as a tag.
    is_of_others: bool,
    limit: usize,
    /// The id that the page before ended with.
    cursor: String,
    /// All else that was asked, for the next page.
    others: Vec<(String, String)>,
}

impl Wanted {
    fn read(asked: Vec<(String, String)>) -> Result<Self, Fault> {
        let mut wanted = Self { limit: PAGE, ..Self::default() };
        for (name, value) in asked {
            match name.as_str() {
                "cursor" => wanted.cursor = value,
                "limit" => {
                    let limit: usize = value.parse().map_err(|_| Fault::Bad(format!("`{value}` is no limit")))?;
                    wanted.limit = limit.clamp(1, PAGE);
                }
                _ => {
                    match name.as_str() {
                        "author" => wanted.author = Some(value.clone()),
                        "search" => wanted.search = Some(value.to_lowercase()),
                        // Older clients write `True`.
                        "gated" => wanted.gated = Some(value.eq_ignore_ascii_case("true")),
                        "filter" | "pipeline_tag" | "apps" | "num_parameters" | "inference_provider"
                        | "trained_dataset" => {
                            wanted.is_of_others = true;
                        }
                        _ => {}
                    }
                    wanted.others.push((name, value));
                }
            }
        }
        Ok(wanted)
    }

    fn suits(&self, id: &str) -> bool {
        !self.is_of_others && self.search.as_deref().is_none_or(|search| id.to_lowercase().contains(search))
    }

    /// The id behind which the page begins: repositories of one author stand together.
    fn start(&self) -> String {
        let first = self.author.as_deref().map(|author| format!("{author}/"));
        first.filter(|first| *first > self.cursor).unwrap_or_else(|| self.cursor.clone())
    }

    /// Whether an id stands behind all those of the author.
    fn is_behind(&self, id: &str) -> bool {
        self.author.as_deref().is_some_and(|author| id.split_once('/').is_none_or(|(namespace, _)| namespace != author))
    }

    /// The address of the page behind one that ends with an id.
    fn next(&self, app: &App, kinds: &str, last: &str) -> String {
        let own = [("limit".to_owned(), self.limit.to_string()), ("cursor".to_owned(), last.to_owned())];
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let all = self.others.iter().chain(&own).map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        format!("<{}/api/{kinds}?{}>; rel=\"next\"", app.url, all.collect::<Vec<_>>().join("&"))
    }
}

/// A page of the repositories of a kind.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path(kinds): Path<String>,
    Query(asked): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let (kind, _) = KINDS.iter().find(|(_, plural)| *plural == kinds).ok_or(Fault::NoPath)?;
    let caller = caller(&app, &headers, origin).await?;
    let wanted = Wanted::read(asked)?;
    let engine = app.policies.current();
    let (found, is_last) = page(&app, &engine, &caller, kind, &wanted);
    let ids: Vec<String> = found.iter().map(|(repo, _)| repo.id.clone()).collect();
    let asked = Request::new(caller.principal.clone(), "view", crate::request::Resource::new(*kind, ""));
    app.record_list(&engine, &caller, &asked, Surface::Hub, &ids).await?;
    let next = ids.last().filter(|_| !is_last).map(|last| wanted.next(&app, &kinds, last));
    let cards: Vec<Value> = found.into_iter().map(|(_, card)| card).collect();
    let mut response = Json(cards).into_response();
    if let Some(next) = next.and_then(|next| next.parse().ok()) {
        response.headers_mut().insert(LINK, next);
    }
    Ok(response)
}

/// The repositories of a page, and whether there are none behind it.
fn page(
    app: &App,
    engine: &Engine,
    caller: &Caller,
    kind: &'static str,
    wanted: &Wanted,
) -> (Vec<(Repo, Value)>, bool) {
    let mut found = Vec::new();
    let mut last = wanted.start();
    loop {
        let some = ids_behind(app, engine, kind, &last);
        let is_last = some.len() < CHUNK;
        for id in some {
            if wanted.is_behind(&id) {
                return (found, true);
            }
            last.clone_from(&id);
            let repo = Repo { kind, id };
            if wanted.suits(&repo.id)
                && let Some(card) = shown(app, engine, caller, &repo, wanted)
            {
                if found.len() == wanted.limit {
                    return (found, false);
                }
                found.push((repo, card));
            }
        }
        if is_last {
            return (found, true);
        }
    }
}

/// What a list says of a repository; none where the caller may not view it, or wants others.
fn shown(app: &App, engine: &Engine, caller: &Caller, repo: &Repo, wanted: &Wanted) -> Option<Value> {
    if !app.would_allow(engine, caller, "view", &repo.resource()) {
        return None;
    }
    let gated = app.gated(engine, &repo.resource());
    if wanted.gated.is_some_and(|wanted| wanted != (gated != Gated::No)) {
        return None;
    }
    Some(card(repo, &app.registered(engine, repo)?, gated))
}

/// Some ids of repositories that come behind one: those that were made here and those that the files declare, in order.
fn ids_behind(app: &App, engine: &Engine, kind: &str, last: &str) -> Vec<String> {
    let made = app.policies.managed().list(Kind::Resource, Some(&Key::resource(kind, last)), CHUNK);
    let made = made.iter().map(|document| document.key.governs()).take_while(|(other, _)| *other == kind);
    let made = made.map(|(_, id)| id.to_owned());
    let declared = engine.ir().vocabulary.resources.ids_behind(kind, last);
    // Only what has a namespace can be a repository.
    let declared = declared.filter(|id| id.contains('/')).take(CHUNK).map(|id| id.to_string());
    let mut all: Vec<String> = made.chain(declared).collect();
    all.sort_unstable();
    all.dedup();
    all.truncate(CHUNK);
    all
}
