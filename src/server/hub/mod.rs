//! The model hub: the interface of the Hugging Face Hub, as far as its clients need it to gate repositories.
//!
//! A repository is a resource: a model, a dataset or a space, whose `org` is its namespace. It is there if it was created
//! here, or if the policy files declare it. What a caller may do is asked of the running set: `view` for the card and lists,
//! `download` for files, `create`, `delete`, `manage` for settings, `approve` for answers to access requests. Settings and
//! requests are managed documents ([`managed`](super::managed)).
//!
//! The form is that of the clients, which the facts of `huggingface_hub` decide: errors are told by headers ([`fault`]),
//! pages by `Link`.

mod access;
mod asking;
mod fault;
mod files;
mod list;
mod repos;
mod settings;

pub(super) use settings::Settings;

use super::{
    app::App,
    decide::Surface,
    identity::Caller,
    managed::{Gated, Key, Registered},
};
use crate::{
    engine::{Engine, Spend},
    request::{Principal, Request, Resource},
};
use axum::{
    Router,
    routing::{delete, get, post, put},
};
use fault::Fault;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<App>> {
    let repo = "/api/{kinds}/{namespace}/{name}";
    let mut router = Router::new()
        .route("/api/whoami-v2", get(repos::whoami))
        // The `hf` program asks for it at its start.
        .route("/api/agent-harnesses", get(|| async { axum::Json(serde_json::json!({})) }))
        .route("/api/repos/create", post(repos::create))
        .route("/api/repos/delete", delete(repos::remove))
        .route("/api/{kinds}", get(list::list))
        .route(repo, get(repos::info))
        .route(&format!("{repo}/settings"), put(repos::configure))
        .route(&format!("{repo}/auth-check"), get(repos::may_read))
        .route(&format!("{repo}/auth-check/write"), get(repos::may_write))
        .route(&format!("{repo}/revision/{{revision}}"), get(repos::info_at))
        .route(&format!("{repo}/refs"), get(files::refs))
        .route(&format!("{repo}/tree/{{revision}}"), get(files::tree))
        .route(&format!("{repo}/tree/{{revision}}/{{*path}}"), get(files::tree))
        .route(&format!("{repo}/ask-access"), post(asking::ask))
        .route(&format!("{repo}/user-access-request/handle"), post(access::handle))
        .route(&format!("{repo}/user-access-request/grant"), post(access::grant))
        .route(&format!("{repo}/user-access-request/{{status}}"), get(access::list));
    for (prefix, kinds) in [("", "models"), ("/datasets", "datasets"), ("/spaces", "spaces")] {
        let page = format!("{prefix}/{{namespace}}/{{name}}");
        router = router
            .route(
                &format!("{page}/resolve/{{revision}}/{{*path}}"),
                get(move |app, origin, at, request| files::resolve(kinds, app, origin, at, request)),
            )
            .route(
                &format!("{page}/ask-access"),
                post(move |app, origin, at, headers, body| asking::ask_at_page(kinds, app, origin, at, headers, body)),
            );
    }
    router
}

/// A repository, by its kind and its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repo {
    pub(crate) kind: &'static str,
    /// `NAMESPACE/NAME`
    pub(crate) id: String,
}

/// The kinds of repositories, and what paths call them.
pub(crate) const KINDS: [(&str, &str); 3] = [("model", "models"), ("dataset", "datasets"), ("space", "spaces")];
/// The longest namespace or name.
const LONGEST_NAME: usize = 96;

impl Repo {
    /// None where this is no name.
    pub(crate) fn new(kind: &'static str, namespace: &str, name: &str) -> Option<Self> {
        (is_name(namespace) && is_name(name)).then(|| Self { kind, id: format!("{namespace}/{name}") })
    }

    /// The repository of a path. What cannot be a name is not there.
    fn at(kinds: &str, namespace: &str, name: &str) -> Result<Self, Fault> {
        let kind = KINDS.iter().find(|(_, plural)| *plural == kinds).ok_or(Fault::NoPath)?.0;
        Self::new(kind, namespace, name).ok_or(Fault::NoRepo { is_known: true })
    }

    fn namespace(&self) -> &str {
        self.id.split_once('/').map_or("", |(namespace, _)| namespace)
    }

    fn key(&self) -> Key {
        Key::resource(self.kind, &self.id)
    }

    /// What the policies are asked about. Of what nobody declares and is not there yet, the namespace is known.
    fn resource(&self) -> Resource {
        Resource::new(self.kind, &self.id).with("org", self.namespace())
    }

    /// The path of its page.
    fn page(&self) -> String {
        match self.kind {
            "model" => format!("/{}", self.id),
            kind => format!("/{kind}s/{}", self.id),
        }
    }
}

/// Whether a text can be a namespace or a name.
fn is_name(text: &str) -> bool {
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let has_ends = text.starts_with(|first: char| first.is_ascii_alphanumeric()) && !text.ends_with(['-', '.']);
    has_ends && text.len() <= LONGEST_NAME && text.chars().all(plain) && !text.contains("..") && !text.contains("--")
}

/// Somebody nobody knows: what they meet, every visitor meets.
const VISITOR: &str = "\u{1}visitor";

impl App {
    /// What a repository was registered with, if it is there at all.
    fn registered(&self, engine: &Engine, repo: &Repo) -> Option<Registered> {
        let document = self.policies.managed().get(&repo.key());
        let registered = document.and_then(|document| document.body.registered().cloned());
        let is_declared = || engine.ir().vocabulary.resources.has(repo.kind, &repo.id);
        registered.or_else(|| is_declared().then(Registered::default))
    }

    /// Whether a caller may do something to a repository, decided and recorded as anything else.
    async fn may_in_hub(&self, engine: &Engine, caller: &Caller, action: &str, repo: &Repo) -> Result<(), Fault> {
        let request = Request::new(caller.principal.clone(), action, repo.resource()).ip(caller.origin.client);
        let decision = self.decide(engine, caller, request, Surface::Hub, Spend::Charge).await?;
        if decision.is_allow() { Ok(()) } else { Err(Fault::Denied(Box::new(decision))) }
    }

    /// A repository that is there for a caller: what they may not view is not.
    async fn repo_for(&self, engine: &Engine, caller: &Caller, repo: &Repo) -> Result<Registered, Fault> {
        let missing = || Fault::NoRepo { is_known: caller.principal.id.is_some() };
        let registered = self.registered(engine, repo).ok_or_else(missing)?;
        match self.may_in_hub(engine, caller, "view", repo).await {
            Err(Fault::Denied(_)) => Err(missing()),
            Err(other) => Err(other),
            Ok(()) => Ok(registered),
        }
    }

    /// How a repository was gated through the hub.
    fn registered_gate(&self, repo: &Resource) -> Gated {
        let document = self.policies.managed().get(&Key::resource(&repo.kind, &repo.id));
        document.and_then(|document| document.body.registered().map(|registered| registered.gated)).unwrap_or_default()
    }

    /// How access to a repository is asked for, whether a document or a policy file says so.
    pub(in crate::server) fn gated(&self, engine: &Engine, repo: &Resource) -> Gated {
        let visitor = Principal::user(VISITOR).with("roles", Vec::<&str>::new());
        let request = Request::new(visitor, "download", repo.clone());
        let denied =
            self.look(engine, request).ok().and_then(|decision| decision.denial().and_then(|denial| denial.gate));
        match denied.map(|mode| mode.name()) {
            Some("auto") => Gated::Auto,
            Some(_) => Gated::Manual,
            // Of a private repository a visitor is told nothing, whatever its gate is.
            None => self.registered_gate(repo),
        }
    }
}
