//! The models that a caller may use, as OpenAI's clients list them.

use super::{
    Gateway,
    error::Fault,
    forward::{MODEL, find},
    settings::Undeclared,
};
use crate::{
    engine::Engine,
    request::{Request, Resource},
    server::{
        app::App,
        decide::{NoDecision, Surface},
        identity::Caller,
    },
};
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// `GET /v1/models`: what the caller may use, with aliases, by name.
pub(super) async fn list(app: &App, caller: &Caller) -> Result<Response, Fault> {
    let Some(gateway) = &app.gateway else { return Err(Fault::Unavailable) };
    let settings = &app.settings.gateway;
    let engine = app.policies.current();
    let declared = engine.ir().vocabulary.resources.ids_of(MODEL).map(|id| &**id);
    // Those that only the settings name are decided on like the others, where they are at all.
    let named = gateway.upstreams.iter().flat_map(|upstream| upstream.named());
    let named = named.filter(|_| settings.undeclared == Undeclared::Decide);
    let own = declared.chain(named).map(|model| (model, model));
    let aliases = settings.aliases.iter().map(|(alias, model)| (alias.as_str(), model.as_str()));
    let mut found = BTreeMap::new();
    for (name, model) in own.chain(aliases) {
        if let Some(shown) = shown(app, gateway, &engine, caller, name, model)? {
            found.insert(name.to_owned(), shown);
        }
    }
    let (names, data): (Vec<String>, Vec<Value>) = found.into_iter().unzip();
    let asked = Request::new(caller.principal.clone(), &settings.actions.models, Resource::model("*"));
    let asked = asked.ip(caller.origin.client);
    app.record_list(&engine, caller, &asked, Surface::Gateway, &names).await.map_err(NoDecision::from)?;
    Ok(Json(json!({"object": "list", "data": data})).into_response())
}

/// `GET /v1/models/{model}`: one of them.
pub(super) fn one(app: &App, caller: &Caller, name: &str) -> Result<Response, Fault> {
    let Some(gateway) = &app.gateway else { return Err(Fault::Unavailable) };
    let model = app.settings.gateway.aliases.get(name).map_or(name, String::as_str);
    let shown = shown(app, gateway, &app.policies.current(), caller, name, model)?;
    shown.map(|model| Json(model).into_response()).ok_or_else(|| Fault::UnknownModel(name.to_owned()))
}

/// A model as it is listed, if the caller may use it. Nothing is charged.
fn shown(
    app: &App,
    gateway: &Gateway,
    engine: &Engine,
    caller: &Caller,
    name: &str,
    model: &str,
) -> Result<Option<Value>, Fault> {
    let Some(upstream) = find(app, gateway, &engine.ir().vocabulary, model) else { return Ok(None) };
    let action = &app.settings.gateway.actions.models;
    let request = Request::new(caller.principal.clone(), action, Resource::model(model)).ip(caller.origin.client);
    let shown = json!({"id": name, "object": "model", "created": gateway.since, "owned_by": upstream.name});
    Ok(app.would_allow_with_room(engine, request)?.then_some(shown))
}
