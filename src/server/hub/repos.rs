//! Repositories: who asks, what there is, making, gating and deleting them.

use super::{Fault, KINDS, Repo, files::Listing};
use crate::{
    check::vocabulary::Owner,
    engine::Engine,
    request::Input,
    server::{
        app::App,
        decide::Surface,
        http::{self, BadBody},
        identity::{Caller, Origin},
        managed::{Body as Says, Change, Document, Expected, Gated, Kind, Manager, Registered, tagged},
    },
    value,
};
use ::http::{HeaderMap, StatusCode};
use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};

/// A repository in a path.
pub(super) type At = Path<(String, String, String)>;

/// Who asks.
pub(super) async fn caller(app: &App, headers: &HeaderMap, origin: Origin) -> Result<Caller, Fault> {
    Ok(app.caller(headers, origin, Surface::Hub).await?)
}

/// What was sent as JSON.
pub(super) async fn sent<T: DeserializeOwned>(app: &App, body: Body) -> Result<T, Fault> {
    let bytes = http::read_body(body, app.settings.http.body_bytes, &app.settings.http).await?;
    let read = serde_json::from_slice(&bytes);
    Ok(read.map_err(|error| BadBody::new(StatusCode::BAD_REQUEST, error.to_string()))?)
}

/// Who the caller is. Nobody is not told who they are.
pub(super) async fn whoami(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = caller(&app, &headers, origin).await?;
    let id = caller.principal.id.as_deref().ok_or(Fault::SignIn)?;
    let engine = app.policies.current();
    let orgs: Vec<Value> = orgs(&engine, &caller)
        .into_iter()
        .map(|org| json!({ "name": org, "fullname": org, "roleInOrg": "write" }))
        .collect();
    let token = json!({ "type": "access_token", "accessToken": { "displayName": "policyc", "role": "write" } });
    let told = json!({ "type": "user", "id": id, "name": id, "fullname": id, "orgs": orgs, "auth": token });
    Ok(Json(told).into_response())
}

/// The organisations that a caller is in, or holds a role in: as the credential says, or the policies.
fn orgs(engine: &Engine, caller: &Caller) -> BTreeSet<String> {
    let properties = &caller.principal.properties;
    let own = properties.get("org").and_then(Input::as_text);
    let roles = match properties.get("roles") {
        Some(Input::List(roles)) => roles.as_slice(),
        Some(_) | None => &[],
    };
    let held = roles.iter().filter_map(|role| role.as_object()?.get("org")?.as_text());
    let told = own.into_iter().chain(held).map(str::to_owned);
    told.chain(declared_orgs(engine, caller)).collect()
}

/// Those that the policies declare a caller to be in.
fn declared_orgs(engine: &Engine, caller: &Caller) -> BTreeSet<String> {
    let vocabulary = &engine.ir().vocabulary;
    let id = caller.principal.id.as_deref().unwrap_or_default();
    let Some(entity) = vocabulary.principals.find(&caller.principal.kind, id) else { return BTreeSet::new() };
    let said = |name| entity.values.get(&vocabulary.attribute(Owner::Principal, name)?);
    let own = match said("org") {
        Some(value::Value::Text(org)) => Some(org.to_string()),
        Some(_) | None => None,
    };
    let held = match said("roles") {
        Some(value::Value::Roles(roles)) => {
            roles.iter().filter_map(|role| role.org.as_deref().map(str::to_owned)).collect()
        }
        Some(_) | None => Vec::new(),
    };
    own.into_iter().chain(held).collect()
}

/// A repository, as whoever makes or deletes one names it.
#[derive(Deserialize)]
pub(super) struct Named {
    name: String,
    organization: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    private: bool,
    visibility: Option<String>,
}

impl Named {
    fn repo(&self, caller: &Caller) -> Result<Repo, Fault> {
        let wanted = self.kind.as_deref().unwrap_or("model");
        let known = KINDS.iter().find(|(kind, _)| *kind == wanted);
        let (kind, _) = known.ok_or_else(|| Fault::Bad(format!("`{wanted}` is no type of repository")))?;
        let (namespace, name) = match (&self.organization, self.name.split_once('/')) {
            (Some(organization), _) => (organization.as_str(), self.name.as_str()),
            (None, Some(parts)) => parts,
            (None, None) => (caller.principal.id.as_deref().ok_or(Fault::SignIn)?, self.name.as_str()),
        };
        let no_name = || Fault::Bad(format!("`{namespace}/{name}` is not the name of a repository"));
        Repo::new(kind, namespace, name).ok_or_else(no_name)
    }
}

/// Makes a repository.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let caller = caller(&app, &headers, origin).await?;
    let named: Named = sent(&app, body).await?;
    let repo = named.repo(&caller)?;
    let url = format!("{}{}", app.url, repo.page());
    let engine = app.policies.current();
    if app.registered(&engine, &repo).is_some() {
        app.repo_for(&engine, &caller, &repo).await?;
        return Err(Fault::Exists(url));
    }
    let registered = Registered {
        private: is_private(named.visibility.as_deref(), Some(named.private)).unwrap_or_default(),
        attributes: [("org".to_owned(), repo.namespace().into())].into(),
        created: Some(app.clock.now()),
        ..Registered::default()
    };
    let change = Change { key: repo.key(), body: Some(Says::Resource(registered)), expected: Expected::Version(0) };
    app.manage(manager(&caller, "create", &repo), vec![change]).await?;
    Ok(Json(json!({ "url": url, "name": repo.id, "id": repo.id })).into_response())
}

pub(super) fn manager<'a>(caller: &'a Caller, action: &'a str, repo: &Repo) -> Manager<'a> {
    Manager { caller, surface: Surface::Hub, action, resource: repo.resource() }
}

/// Whether a repository is to be private; none where nothing is said.
fn is_private(visibility: Option<&str>, private: Option<bool>) -> Option<bool> {
    visibility.map(|visibility| visibility != "public").or(private)
}

/// Deletes a repository, and every request for access to it.
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let caller = caller(&app, &headers, origin).await?;
    let named: Named = sent(&app, body).await?;
    let repo = named.repo(&caller)?;
    app.repo_for(&app.policies.current(), &caller, &repo).await?;
    let managed = app.policies.managed();
    let Some(document) = managed.get(&repo.key()) else {
        return Err(Fault::Bad("the policy files declare this repository: it is deleted there".to_owned()));
    };
    let accesses = managed.about(Kind::Access, &document.key.of);
    let gone = [document].into_iter().chain(accesses);
    let changes = gone.map(|document| Change {
        key: document.key.clone(),
        body: None,
        expected: Expected::Version(document.version),
    });
    app.manage(manager(&caller, "delete", &repo), changes.collect()).await?;
    Ok(Json(json!({})).into_response())
}

/// The settings of a repository, as far as they are known here.
#[derive(Deserialize)]
pub(super) struct Configured {
    gated: Option<Gated>,
    private: Option<bool>,
    visibility: Option<String>,
    /// What whoever asks for access must say of themselves.
    #[serde(rename = "gatedFields")]
    questions: Option<Vec<String>>,
}

/// Gates a repository, or opens it; makes it private, or public.
pub(super) async fn configure(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path((kinds, namespace, name)): At,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let caller = caller(&app, &headers, origin).await?;
    let repo = Repo::at(&kinds, &namespace, &name)?;
    let configured: Configured = sent(&app, body).await?;
    let engine = app.policies.current();
    app.repo_for(&engine, &caller, &repo).await?;
    let private = is_private(configured.visibility.as_deref(), configured.private);
    // What is not said stays as it is, also as somebody else has just said.
    let next = |current: Option<&Document>| {
        let registered = match current {
            Some(document) => document.body.registered().cloned(),
            None => app.registered(&engine, &repo),
        };
        let mut registered = registered.ok_or(Fault::NoRepo { is_known: caller.principal.id.is_some() })?;
        registered.gated = configured.gated.unwrap_or(registered.gated);
        registered.private = private.unwrap_or(registered.private);
        if let Some(questions) = &configured.questions {
            registered.questions.clone_from(questions);
        }
        Ok::<_, Fault>(Some(Says::Resource(registered)))
    };
    let document = app.amend(manager(&caller, "manage", &repo), &repo.key(), Expected::of(&headers)?, next).await?;
    // A change of settings leaves settings.
    Ok(document.map_or_else(|| Json(json!({})).into_response(), |document| tagged(&document, document.body.json())))
}

/// What there is to know of a repository.
pub(super) async fn info(
    app: State<Arc<App>>,
    origin: Extension<Origin>,
    Path((kinds, namespace, name)): At,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    describe(&app, origin.0, &headers, &Repo::at(&kinds, &namespace, &name)?, None).await
}

/// The same of a revision.
pub(super) async fn info_at(
    app: State<Arc<App>>,
    origin: Extension<Origin>,
    Path((kinds, namespace, name, revision)): Path<(String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    describe(&app, origin.0, &headers, &Repo::at(&kinds, &namespace, &name)?, Some(&revision)).await
}

async fn describe(
    app: &App,
    origin: Origin,
    headers: &HeaderMap,
    repo: &Repo,
    revision: Option<&str>,
) -> Result<Response, Fault> {
    let caller = caller(app, headers, origin).await?;
    let engine = app.policies.current();
    let registered = app.repo_for(&engine, &caller, repo).await?;
    let listing = Listing::read(app.settings.hub.files.as_deref(), repo).await?;
    if let Some(revision) = revision {
        listing.at(revision)?;
    }
    let mut told = card(repo, &registered, app.gated(&engine, &repo.resource()));
    if let Some(members) = told.as_object_mut() {
        let siblings: Vec<Value> = listing.files.iter().map(|file| json!({ "rfilename": file.path })).collect();
        members.insert("siblings".to_owned(), siblings.into());
        members.insert("sha".to_owned(), listing.commit.into());
    }
    Ok(Json(told).into_response())
}

/// What lists and pages say of a repository.
pub(super) fn card(repo: &Repo, registered: &Registered, gated: Gated) -> Value {
    let created = registered.created.map(|created| created.to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
    json!({
        "id": repo.id, "modelId": repo.id, "author": repo.namespace(),
        "private": registered.private, "gated": gated, "disabled": false,
        "createdAt": created, "lastModified": created, "tags": [], "downloads": 0, "likes": 0,
    })
}

/// Whether the caller may read the files of a repository.
pub(super) async fn may_read(
    app: State<Arc<App>>,
    origin: Extension<Origin>,
    Path((kinds, namespace, name)): At,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    check(&app, origin.0, &headers, &Repo::at(&kinds, &namespace, &name)?, "download").await
}

/// Whether the caller may change them.
pub(super) async fn may_write(
    app: State<Arc<App>>,
    origin: Extension<Origin>,
    Path((kinds, namespace, name)): At,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    check(&app, origin.0, &headers, &Repo::at(&kinds, &namespace, &name)?, "upload").await
}

async fn check(app: &App, origin: Origin, headers: &HeaderMap, repo: &Repo, action: &str) -> Result<Response, Fault> {
    let caller = caller(app, headers, origin).await?;
    let engine = app.policies.current();
    app.repo_for(&engine, &caller, repo).await?;
    app.may_take_files(&engine, &caller, action, repo).await?;
    Ok(Json(json!({})).into_response())
}

impl App {
    /// Whether a caller may take or bring files. Who may not is told where to ask for access.
    pub(super) async fn may_take_files(
        &self,
        engine: &Engine,
        caller: &Caller,
        action: &str,
        repo: &Repo,
    ) -> Result<(), Fault> {
        let may = self.may_in_hub(engine, caller, action, repo).await;
        if let Err(Fault::Denied(decision)) = may {
            return Err(Fault::Gated { decision, repo: repo.clone(), is_known: caller.principal.id.is_some() });
        }
        may
    }
}
