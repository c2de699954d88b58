//! Who may change a managed document: what the policies say, asked like any other request.
//!
//! A change that widens access to a protected resource waits for somebody to confirm it ([`waiting`](super::waiting)). A change
//! that only narrows access is made at once.

use super::{
    Body, Change, Changed, Confirmation, Document, Expected, Key, Kind, Managed, Registered, Unchanged, project::Opened,
};
use crate::{
    check::{
        entity::Entity,
        vocabulary::{Owner, Vocabulary},
    },
    decision::Decision,
    engine::{Engine, Spend},
    query::{Budget, ChangeKind, diff},
    request::{Input, Request, Resource},
    server::{
        app::App,
        audit::Record,
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
        let (managed, vocabulary) = (self.policies.managed(), &engine.ir().vocabulary);
        let is_protected = managed.is_protected(vocabulary, &manager.resource)
            || changes.iter().any(|change| change.key.kind.is_wide() && managed.opens_protected(vocabulary, change));
        self.allow(&engine, &manager, is_protected, None).await?;
        if is_protected && self.widens(&changes).await? {
            return Err(Refused::Unconfirmed(self.propose(&manager, changes).await?));
        }
        self.change(manager.caller, manager.surface, changes, manager.caller.name()).await
    }

    /// Changes one document that governs a resource to what `next` makes of it, as [`manage`](Self::manage) does. Where no version
    /// is expected, what somebody else has written meanwhile is not overwritten: it is looked at anew. Gives the document as it is
    /// then.
    pub(crate) async fn amend<E: From<Refused>>(
        self: &Arc<Self>,
        manager: Manager<'_>,
        key: &Key,
        expected: Expected,
        next: impl Fn(Option<&Document>) -> Result<Option<Body>, E>,
    ) -> Result<Option<Arc<Document>>, E> {
        let mut tries = TRIES;
        loop {
            let current = self.policies.managed().get(key);
            let version = match expected {
                Expected::Any => Expected::Version(current.as_ref().map_or(0, |document| document.version)),
                Expected::Version(_) => expected,
            };
            let change = Change { key: key.clone(), body: next(current.as_deref())?, expected: version };
            match self.manage(manager.clone(), vec![change]).await {
                Err(Refused::Unchanged(Unchanged::Conflict(_))) if expected == Expected::Any && tries > 0 => {
                    tries = tries.saturating_sub(1);
                }
                changed => return Ok(changed?.into_iter().find_map(|changed| changed.after)),
            }
        }
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

    /// Changes documents, whoever may do so, and records that: also where whoever asked hangs up in the middle of it.
    pub(crate) async fn change(
        self: &Arc<Self>,
        caller: &Caller,
        surface: Surface,
        changes: Vec<Change>,
        by: String,
    ) -> Result<Vec<Changed>, Refused> {
        let (app, caller) = (self.clone(), caller.clone());
        let changing = tokio::spawn(async move { app.change_to_the_end(&caller, surface, changes, by).await });
        let changed = changing.await.unwrap_or_else(|error| Err(Unchanged::InDoubt(error.to_string())));
        Ok(changed?)
    }

    async fn change_to_the_end(
        self: &Arc<Self>,
        caller: &Caller,
        surface: Surface,
        changes: Vec<Change>,
        by: String,
    ) -> Result<Vec<Changed>, Unchanged> {
        let app = self.clone();
        let changed = blocking(move || app.policies.managed().change(changes, &by)).await;
        match &changed {
            Err(Unchanged::Unkept(why) | Unchanged::InDoubt(why)) => self.health.lose(Dependency::Documents, why),
            Ok(_) => self.health.regain(Dependency::Documents),
            Err(Unchanged::Conflict(_) | Unchanged::Bad(_) | Unchanged::Set(_)) => {}
        }
        let changed = changed?;
        let mut is_recorded = true;
        for one in &changed {
            is_recorded &= self.audit.put(Record::change(self.clock.now(), caller, surface, one)).await.is_ok();
        }
        // It is made: nobody is told that nothing was changed.
        if is_recorded { Ok(changed) } else { Err(Unchanged::InDoubt("its record cannot be kept yet".to_owned())) }
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

/// The attribute of resources that are opened by two only.
const PROTECTED: &str = "protected";
/// How often a document is looked at anew that others change at the same time.
const TRIES: u32 = 100;

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

/// Whether a declaration says that a resource is protected, or is not.
fn says_protected(vocabulary: &Vocabulary, entity: &Entity) -> Option<bool> {
    let attribute = vocabulary.attribute(Owner::Resource, PROTECTED)?;
    entity.values.get(&attribute).map(|value| *value == Value::Bool(true))
}

impl Managed {
    /// Whether changes that widen access to a resource need somebody's confirmation: its declaration says so, or what it was
    /// registered with.
    fn is_protected(&self, vocabulary: &Vocabulary, resource: &Resource) -> bool {
        if vocabulary.attribute(Owner::Resource, PROTECTED).is_none() {
            return false;
        }
        let declared = vocabulary.resources.find(&resource.kind, &resource.id);
        if let Some(is_protected) = declared.and_then(|entity| says_protected(vocabulary, entity)) {
            return is_protected;
        }
        let document = self.get(&Key::resource(&resource.kind, &resource.id));
        let says = |registered: &Registered| registered.attributes.get(PROTECTED) == Some(&true.into());
        document.is_some_and(|document| document.body.registered().is_some_and(says))
    }

    /// Whether a change of a project opens a model that is protected.
    fn opens_protected(&self, vocabulary: &Vocabulary, change: &Change) -> bool {
        let is_protected = |id: &str| self.is_protected(vocabulary, &Resource::model(id));
        self.opened(change, |opened| {
            if let Some(named) = opened.named() {
                return named.into_iter().any(|model| opened.has(model) && is_protected(model));
            }
            let declared = vocabulary.resources.ids_of("model").any(|id| opened.has(id) && is_protected(id));
            // Of what a pattern declares, something could be opened.
            declared
                || vocabulary.resources.patterns().any(|(_, entity)| says_protected(vocabulary, entity) == Some(true))
                || self.list(Kind::Resource, None, usize::MAX).iter().any(|document| {
                    let (kind, id) = document.key.governs();
                    kind == "model" && opened.has(id) && is_protected(id)
                })
        })
    }

    /// Asks something of what a change opens that a document of a project has closed.
    fn opened<T>(&self, change: &Change, ask: impl FnOnce(&Opened<'_>) -> T) -> T {
        let before = self.get(&change.key);
        let project = |body: Option<&Body>| body.and_then(Body::project).cloned().unwrap_or_default();
        let (before, after) = (project(before.as_ref().map(|document| &document.body)), project(change.body.as_ref()));
        ask(&before.opened_by(&after, &self.terms))
    }

    /// Whether the set lets anybody do more once it is changed so. What cannot be found out is more.
    fn widens(&self, changes: &[Change]) -> Result<bool, Unchanged> {
        if changes.iter().any(|change| self.is_otherwise(change)) {
            return Ok(true);
        }
        if changes.iter().any(|change| change.key.kind.is_wide()) {
            return Ok(changes.iter().any(|change| self.opened(change, |opened| !opened.is_empty())));
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
