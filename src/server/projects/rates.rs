//! How much of a model the members of a project may use in a minute, all together.

use super::{Fault, Managing, Project, said, sent};
use crate::{
    check::vocabulary::Owner,
    server::{
        app::App,
        identity::Origin,
        managed::{Document, Rates, tagged},
    },
};
use ::http::{HeaderMap, Uri};
use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// How a limit is called: this, and the model's name behind it.
const PREFIX: &str = "rl-";
/// How many limits a page has, if nothing is said, and at most.
const PAGE: usize = 100;
/// What a limit can count.
const COUNTED: [&str; 2] = ["max_requests_per_1_minute", "max_tokens_per_1_minute"];

/// Which limits.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    /// Those behind this one.
    after: Option<String>,
    /// The last ones before this one.
    before: Option<String>,
    limit: Option<usize>,
}

/// The limits of a project, by the names of their models.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path(project): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let managing = Managing::of(app, origin, &headers, project).await?;
    let page = Query::<Page>::try_from_uri(&uri).map_err(|error| Fault::Malformed(error.body_text()))?.0;
    let most = page.limit.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&most) {
        return Err(Fault::bad("limit", format!("`limit` must be 1 to {PAGE}.")));
    }
    let after = page.after.as_deref().map(|id| model_of(id, "after")).transpose()?;
    let before = page.before.as_deref().map(|id| model_of(id, "before")).transpose()?;
    let document = managing.document();
    let limits = document.as_deref().map(said).unwrap_or_default().limits;
    let within = |model: &str| after.is_none_or(|after| model > after) && before.is_none_or(|before| model < before);
    let found: Vec<Value> =
        limits.iter().filter(|(model, _)| within(model)).map(|(model, rates)| told(model, *rates)).collect();
    let more = found.len().saturating_sub(most);
    // Backwards, the nearest ones are the last.
    let skipped = if before.is_some() && after.is_none() { more } else { 0 };
    let data: Vec<Value> = found.into_iter().skip(skipped).take(most).collect();
    let id = |limit: Option<&Value>| limit.and_then(|limit| limit.get("id")).cloned();
    let told = json!({
        "object": "list", "first_id": id(data.first()), "last_id": id(data.last()), "has_more": more > 0, "data": data,
    });
    Ok(answer(document.as_deref(), told))
}

/// Sets one limit. What is not said stays as it is; `null` takes it away.
pub(super) async fn set(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path((project, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let managing = Managing::of(app, origin, &headers, project).await?;
    let model = model_of(&id, "rate_limit_id")?;
    let wanted: Map<String, Value> = sent(&managing.app, &headers, body).await?;
    let [requests, tokens] = read(&wanted)?;
    let set = |project: &mut Project| {
        let mut rates = project.limits.remove(model).unwrap_or_default();
        rates.max_requests_per_1_minute = requests.unwrap_or(rates.max_requests_per_1_minute);
        rates.max_tokens_per_1_minute = tokens.unwrap_or(rates.max_tokens_per_1_minute);
        if !rates.is_empty() {
            // What is there can be taken away, also once its model is gone.
            managing.check_model(model, "rate_limit_id")?;
            project.limits.insert(model.to_owned(), rates);
        }
        Ok(())
    };
    if tokens.flatten().is_some() {
        managing.counts_tokens()?;
    }
    let document = managing.change(&headers, set).await?;
    let rates = document.as_deref().and_then(|document| said(document).limits.get(model).copied());
    let told = told(model, rates.unwrap_or_default());
    Ok(answer(document.as_deref(), told))
}

impl Managing {
    /// Limits of tokens can only be kept where the policies know what counts them.
    fn counts_tokens(&self) -> Result<(), Fault> {
        let attribute = &self.app.settings.gateway.tokens.attribute;
        match self.app.policies.current().ir().vocabulary.attribute(Owner::Context, attribute) {
            Some(_) => Ok(()),
            None => Err(Fault::bad(
                "max_tokens_per_1_minute",
                format!("The policies do not count tokens: they have no `attribute {attribute}: int = 0;`."),
            )),
        }
    }
}

/// What a body says of each of what can be counted; none: nothing.
fn read(wanted: &Map<String, Value>) -> Result<[Option<Option<u32>>; 2], Fault> {
    if let Some(other) = wanted.keys().find(|name| !COUNTED.contains(&name.as_str())) {
        return Err(Fault::unlimited(other));
    }
    let amount = |name: &'static str| match wanted.get(name) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(value) => {
            match value.as_u64().and_then(|amount| u32::try_from(amount).ok()).filter(|amount| *amount > 0) {
                Some(amount) => Ok(Some(Some(amount))),
                None => Err(Fault::bad(name, format!("`{name}` must be a whole number, 1 to {}.", u32::MAX))),
            }
        }
    };
    let [requests, tokens] = COUNTED.map(amount);
    Ok([requests?, tokens?])
}

/// The model that a limit is of.
fn model_of<'i>(id: &'i str, param: &'static str) -> Result<&'i str, Fault> {
    id.strip_prefix(PREFIX).filter(|model| !model.is_empty()).ok_or_else(|| {
        Fault::bad(param, format!("A rate limit is called `{PREFIX}` and its model's name: `{PREFIX}gpt-4o`."))
    })
}

/// An answer about a project of which something may be said.
fn answer(document: Option<&Document>, told: Value) -> Response {
    match document {
        Some(document) => tagged(document, told),
        None => Json(told).into_response(),
    }
}

fn told(model: &str, rates: Rates) -> Value {
    json!({
        "object": "project.rate_limit", "id": format!("{PREFIX}{model}"), "model": model,
        "max_requests_per_1_minute": rates.max_requests_per_1_minute,
        "max_tokens_per_1_minute": rates.max_tokens_per_1_minute,
    })
}
