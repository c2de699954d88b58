//! Who may change a managed document: what the policies say, asked like any other request.
//!
//! A change that widens access to a protected resource waits for somebody to confirm it ([`waiting`](super::waiting)). A change
//! that only narrows access is made at once.

use super::{Body, Change, Changed, Confirmation, Key, Managed, Registered, Unchanged};
use crate::{
    check::vocabulary::{Owner, Vocabulary},
    decision::Decision,
    engine::{Engine, Spend},
    query::{Budget, ChangeKind, diff},
    request::{Input, Request, Resource},
    server::{
        app::App,
        audit::{Record, Unrecorded},
        decide::{NoDecision, Surface},
        identity::Caller,
        ops::Dependency,
    },
    value::Value,
};
use std::sync::Arc;

/// Why a caller changed nothing.
#[derive(Debug)]
pub(crate) enum Refused {
    NoDecision(NoDecision),
    /// The policies do not let them.
    NotAllowed(Box<Decision>),
    /// The change must be confirmed first.
    Unconfirmed(Confirmation),
    /// This resource is protected, and can only be changed by itself.
    Protected(String),
    /// There is no such proposal, or it has lapsed.
    NoProposal,
    Unchanged(Unchanged),
}

impl From<NoDecision> for Refused {
    fn from(reason: NoDecision) -> Self {
        Self::NoDecision(reason)
    }
}

impl From<Unrecorded> for Refused {
    fn from(unrecorded: Unrecorded) -> Self {
        Self::NoDecision(unrecorded.into())
    }
}

impl From<Unchanged> for Refused {
    fn from(reason: Unchanged) -> Self {
        Self::Unchanged(reason)
    }
}

/// By whom, and for which action on which resource, documents are changed.
#[derive(Debug, Clone)]
pub(crate) struct Manager<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) surface: Surface,
    pub(crate) action: &'a str,
    pub(crate) resource: Resource,
}

impl App {
    /// Changes documents that govern a resource, if the policies let the caller take that action on it. Once this is over, the
    /// change is in force, or nothing was changed.
    pub(crate) async fn manage(
        self: &Arc<Self>,
        manager: Manager<'_>,
        changes: Vec<Change>,
    ) -> Result<Vec<Changed>, Refused> {
        if manager.caller.is_trusted {
            return self.change(manager.caller, manager.surface, changes, manager.caller.name()).await;
        }
        let engine = self.policies.current();
        let is_protected = self.policies.managed().is_protected(&engine.ir().vocabulary, &manager.resource);
        self.allow(&engine, &manager, is_protected, None).await?;
        if is_protected && self.widens(&changes).await? {
            return Err(Refused::Unconfirmed(self.propose(&manager, changes).await?));
        }
        self.change(manager.caller, manager.surface, changes, manager.caller.name()).await
    }

    /// Changes a document of each of many resources, all or none, if the policies let the caller take that action on all of
    /// them. A protected resource is not among them: it is changed by itself.
    pub(crate) async fn manage_all(
        self: &Arc<Self>,
        caller: &Caller,
        surface: Surface,
        action: &str,
        changes: Vec<(Resource, Change)>,
    ) -> Result<Vec<Changed>, Refused> {
        let engine = self.policies.current();
        for (resource, _) in changes.iter().filter(|_| !caller.is_trusted) {
            if self.policies.managed().is_protected(&engine.ir().vocabulary, resource) {
                return Err(Refused::Protected(resource.id.clone()));
            }
            let manager = Manager { caller, surface, action, resource: resource.clone() };
            self.allow(&engine, &manager, false, None).await?;
        }
        let changes = changes.into_iter().map(|(_, change)| change).collect();
        self.change(caller, surface, changes, caller.name()).await
    }

    /// Whether the policies let the caller take an action on a resource, of which nothing is changed.
    pub(crate) async fn may_manage(&self, manager: Manager<'_>) -> Result<(), Refused> {
        if manager.caller.is_trusted {
            return Ok(());
        }
        self.allow(&self.policies.current(), &manager, true, None).await
    }

    /// Asks the policies, as somebody who has `confirmed` the change if there is one, which somebody else proposed or not.
    pub(super) async fn allow(
        &self,
        engine: &Engine,
        manager: &Manager<'_>,
        confirmed: bool,
        proposer: Option<&str>,
    ) -> Result<(), Refused> {
        let request = manager.request(engine, confirmed, proposer);
        let decision = self.decide(engine, manager.caller, request, manager.surface, Spend::Charge).await?;
        if decision.is_allow() { Ok(()) } else { Err(Refused::NotAllowed(decision.into())) }
    }

    /// Changes documents, whoever may do so, and records that.
    pub(crate) async fn change(
        self: &Arc<Self>,
        caller: &Caller,
        surface: Surface,
        changes: Vec<Change>,
        by: String,
    ) -> Result<Vec<Changed>, Refused> {
        let app = self.clone();
        let changed = blocking(move || app.policies.managed().change(changes, &by)).await;
        match &changed {
            Err(Unchanged::Unkept(why)) => self.health.lose(Dependency::Documents, why),
            Ok(_) => self.health.regain(Dependency::Documents),
            Err(Unchanged::Conflict(_) | Unchanged::Bad(_) | Unchanged::Set(_)) => {}
        }
        let changed = changed?;
        for one in &changed {
            self.audit.put(Record::change(self.clock.now(), caller, surface, one)).await?;
        }
        Ok(changed)
    }

    /// Whether a change lets anybody do anything that they could not do before. The change must be one that can be made.
    async fn widens(self: &Arc<Self>, changes: &[Change]) -> Result<bool, Unchanged> {
        let (app, changes) = (self.clone(), changes.to_vec());
        blocking(move || {
            app.policies.managed().attempt(&changes)?;
            app.policies.managed().widens(&changes)
        })
        .await
    }
}

impl Manager<'_> {
    /// What the policies are asked. What the vocabulary does not know is left out.
    fn request(&self, engine: &Engine, confirmed: bool, proposer: Option<&str>) -> Request {
        let vocabulary = &engine.ir().vocabulary;
        let mut resource = self.resource.clone();
        if let Some(proposer) = proposer
            && vocabulary.attribute(Owner::Resource, "proposer").is_some()
        {
            resource = resource.with("proposer", proposer);
        }
        let mut request =
            Request::new(self.caller.principal.clone(), self.action, resource).ip(self.caller.origin.client);
        if vocabulary.attribute(Owner::Context, "confirmed").is_some() {
            request.context.insert("confirmed".to_owned(), Input::Bool(confirmed));
        }
        request
    }
}

impl Managed {
    /// Whether changes that widen access to a resource need somebody's confirmation: its declaration says so, or what it was
    /// registered with.
    fn is_protected(&self, vocabulary: &Vocabulary, resource: &Resource) -> bool {
        let Some(attribute) = vocabulary.attribute(Owner::Resource, "protected") else { return false };
        if let Some(entity) = vocabulary.resources.find(&resource.kind, &resource.id)
            && let Some(value) = entity.values.get(&attribute)
        {
            return *value == Value::Bool(true);
        }
        let document = self.get(&Key::resource(&resource.kind, &resource.id));
        let says = |registered: &Registered| registered.attributes.get("protected") == Some(&true.into());
        document.is_some_and(|document| document.body.registered().is_some_and(says))
    }

    /// Whether the set lets anybody do more once it is changed so. What cannot be found out is more.
    fn widens(&self, changes: &[Change]) -> Result<bool, Unchanged> {
        if changes.iter().any(|change| self.is_otherwise(change)) {
            return Ok(true);
        }
        let (old, new) = self.before_and_after(changes)?;
        let found = diff(old.ir(), new.ir(), &[ChangeKind::Gained], Budget::USUAL, |_| {});
        Ok(!found.changes.is_empty() || !found.inconclusive.is_empty())
    }

    /// Whether a change lets a resource be like something else: what that means for other policies is not asked.
    fn is_otherwise(&self, change: &Change) -> bool {
        let attributes = |body: &Body| body.registered().map(|registered| registered.attributes.clone());
        let before = self.get(&change.key).and_then(|document| attributes(&document.body));
        let after = change.body.as_ref().and_then(attributes);
        before.unwrap_or_default() != after.unwrap_or_default()
    }
}

/// Does what waits for a disk, or takes long, where no answer waits for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Unchanged> + Send + 'static,
) -> Result<T, Unchanged> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(Unchanged::Unkept(error.to_string())),
    }
}
