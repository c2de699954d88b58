//! The gateway: a reverse proxy before servers that speak OpenAI's interface. In goes a request that names a model; it is
//! decided, and only if it is allowed an upstream hears of it. The answer passes through, and what it used is settled.
//!
//! What is not understood is not forwarded: a path is one of a few ([`route`]), a body names its model once and plainly
//! ([`asked`], [`form`]). What is forwarded is what was read, byte for byte, but for the few places that [`forward`] tells.

mod asked;
mod error;
mod form;
mod forward;
mod headers;
mod measure;
mod meter;
mod models;
mod passage;
mod quota;
mod route;
mod settings;
mod upstream;

pub(super) use settings::Settings;

use super::{app::App, decide::Surface, identity::Origin, settings::Faulty};
use crate::check::vocabulary::Vocabulary;
use ::http::Request;
use axum::{
    Extension, Router,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
    routing::any,
};
use error::Fault;
use route::Route;
use std::{sync::Arc, time::Duration};
use upstream::Upstream;

/// What the gateway holds while it runs.
#[derive(Debug)]
pub(crate) struct Gateway {
    upstreams: Vec<Upstream>,
    client: reqwest::Client,
    /// Since when it runs, in seconds from 1970: what models are said to be created at.
    since: i64,
}

impl Gateway {
    /// Reads the keys of upstreams. Without an upstream there is no gateway.
    pub(super) fn open(settings: &Settings, since: i64) -> Result<Option<Self>, Faulty> {
        if settings.upstreams.is_empty() {
            return Ok(None);
        }
        let upstreams = settings.upstreams.iter().map(Upstream::open).collect::<Result<_, _>>()?;
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(Duration::from_secs(settings.connect_seconds))
            .read_timeout(Duration::from_secs(settings.wait_seconds))
            .build()
            .map_err(|error| Faulty(format!("the gateway cannot speak TLS: {error}")))?;
        Ok(Some(Self { upstreams, client, since }))
    }

    /// The upstream that serves a model.
    fn serving(&self, model: &str) -> Option<&Upstream> {
        self.upstreams.iter().find(|upstream| upstream.serves(model))
    }
}

/// Whether there is a model of a name, which may be an alias, before the gateway.
pub(super) fn has(app: &App, vocabulary: &Vocabulary, name: &str) -> bool {
    let model = app.settings.gateway.aliases.get(name).map_or(name, String::as_str);
    app.gateway.as_ref().is_some_and(|gateway| forward::find(app, gateway, vocabulary, model).is_some())
}

/// The gateway's paths, if there is one. What else is below `/v1` and nobody serves is told as its clients read it.
pub(super) fn routes(app: &App) -> Router<Arc<App>> {
    if app.gateway.is_none() {
        return Router::new();
    }
    Router::new().route("/v1/{*path}", any(ask)).route("/infer/", any(ask))
}

async fn ask(State(app): State<Arc<App>>, Extension(origin): Extension<Origin>, request: Request<Body>) -> Response {
    answer(app, origin, request).await.unwrap_or_else(Fault::into_response)
}

async fn answer(app: Arc<App>, origin: Origin, request: Request<Body>) -> Result<Response, Fault> {
    let (head, body) = request.into_parts();
    let route = Route::of(&head.method, &head.uri)?;
    if let Some(twice) = headers::ONCE.iter().find(|name| head.headers.get_all(*name).iter().nth(1).is_some()) {
        return Err(Fault::bad(format!("the request has two headers `{twice}`")));
    }
    let caller = app.caller(&head.headers, origin, Surface::Gateway).await?;
    match route {
        Route::Models => models::list(&app, &caller).await,
        Route::Model(model) => models::one(&app, &caller, &model),
        Route::Forward(kind, named) => forward::forward(&app, caller, &head, kind, named, body).await,
    }
}
