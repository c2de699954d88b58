//! Projects, as OpenAI's interface for administrators has them: `/v1/organization/projects`.
//!
//! A project is an organisation of the policies. Which models its members may not use, and how much of the rest, is a managed
//! document ([`managed`](super::managed)) that prohibits and limits, and opens nothing. Whether a caller may write or read it is
//! decided by the running set: the action `manage` on `project ID`. Answers and errors are in the form of OpenAI's clients.

mod fault;
mod permissions;
mod rates;

use super::{
    app::App,
    decide::Surface,
    gateway, http,
    identity::{Caller, Origin},
    managed::{Body as Says, Document, Expected, Key, Manager, Project},
};
use crate::request::Resource;
use ::http::HeaderMap;
use axum::{
    Router,
    body::Body,
    routing::{get, post},
};
use fault::Fault;
use serde::de::DeserializeOwned;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(
            "/v1/organization/projects/{project}/model_permissions",
            get(permissions::show).post(permissions::set).delete(permissions::remove),
        )
        .route("/v1/organization/projects/{project}/rate_limits", get(rates::list))
        .route("/v1/organization/projects/{project}/rate_limits/{*id}", post(rates::set))
}

/// The action of whoever writes or reads what is said of a project.
const MANAGE: &str = "manage";
/// How long the name of a project may be, in bytes.
const LONGEST_NAME: usize = 256;

/// A project, and who manages it.
struct Managing {
    app: Arc<App>,
    caller: Caller,
    project: String,
}

impl Managing {
    /// Whoever may manage a project.
    async fn of(app: Arc<App>, origin: Origin, headers: &HeaderMap, project: String) -> Result<Self, Fault> {
        let caller = app.caller(headers, origin, Surface::Admin).await?;
        if project.is_empty() || project.len() > LONGEST_NAME || project.chars().any(char::is_control) {
            let message = format!("The name of a project has 1 to {LONGEST_NAME} bytes and no control characters.");
            return Err(Fault::bad("project_id", message));
        }
        let managing = Self { app, caller, project };
        managing.app.may_manage(managing.manager()).await?;
        Ok(managing)
    }

    fn manager(&self) -> Manager<'_> {
        let resource = Resource::new("project", &self.project).with("org", self.project.as_str());
        Manager { caller: &self.caller, surface: Surface::Admin, action: MANAGE, resource }
    }

    /// What is said of the project, if anything.
    fn document(&self) -> Option<Arc<Document>> {
        self.app.policies.managed().get(&Key::project(&self.project))
    }

    /// Lets something else be said of the project. Gives the document as it is then.
    async fn change(
        &self,
        headers: &HeaderMap,
        change: impl Fn(&mut Project) -> Result<(), Fault>,
    ) -> Result<Option<Arc<Document>>, Fault> {
        let expected = Expected::of(headers)?;
        let next = |current: Option<&Document>| {
            let mut project = current.map(said).unwrap_or_default();
            change(&mut project)?;
            Ok((!project.is_empty()).then_some(Says::Project(project)))
        };
        self.app.amend(self.manager(), &Key::project(&self.project), expected, next).await
    }

    /// A model that is there: declared, registered, or served by an upstream whatever is declared.
    fn check_model(&self, name: &str, param: &'static str) -> Result<(), Fault> {
        let engine = self.app.policies.current();
        let vocabulary = &engine.ir().vocabulary;
        let is_there = vocabulary.resources.has("model", name)
            || self.app.policies.managed().is_registered("model", name)
            || gateway::has(&self.app, vocabulary, name);
        if is_there { Ok(()) } else { Err(Fault::UnknownModel { name: name.to_owned(), param }) }
    }
}

/// What a document says of a project.
fn said(document: &Document) -> Project {
    document.body.project().cloned().unwrap_or_default()
}

/// What a request asks for, in JSON.
async fn sent<T: DeserializeOwned>(app: &App, headers: &HeaderMap, body: Body) -> Result<T, Fault> {
    let text = http::json_body(headers, body, &app.settings.http).await?;
    serde_json::from_str(&text).map_err(|error| Fault::Malformed(format!("The body is not as it must be: {error}")))
}
