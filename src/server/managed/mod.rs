//! Policy that arrives while the service runs: documents through its interfaces, each with a version and a history.
//!
//! In go changes, out comes the set that decides: policy files with the documents behind them. A document is kept in the
//! [`store`], said in the policy language by [`policy`], put behind the files by [`layer`], and takes effect at once or not
//! at all. What documents say of a request that is no policy (who was granted access, what a registered resource is like) is
//! known to [`facts`]. Where files change and documents do not go with them any more, [`conflict`] finds which.
//! Whether somebody may change one at all is asked of the policies themselves, in [`guard`]; changes of protected resources wait
//! for somebody else in [`waiting`]; what surfaces in JSON say of it is in
//! [`answer`]. Requests for access are answered through [`access`].

mod access;
mod admin;
mod answer;
mod conflict;
mod document;
mod facts;
mod guard;
mod layer;
mod policy;
mod project;
mod store;
mod waiting;

pub(crate) use access::{APPROVE, Answer, Unanswered};
pub(super) use admin::routes;
pub(crate) use answer::tagged;
pub(crate) use document::{Access, Body, Document, Gated, Key, Kind, Proposal, Registered, Status};
pub(crate) use guard::{Manager, Refused};
pub(crate) use project::{Permissions, Project, Rates};
pub(crate) use store::Version;
pub(crate) use waiting::{CONFIRM, Confirmation};

use super::settings::{Faulty, Settings as All};
use crate::{
    clock::Clock,
    engine::{Engine, LoadError},
    request::Refusal,
};
use conflict::{Governed, standing};
use document::Proposed;
use layer::{Declarations, Layer, Placed, Standing};
use policy::{Terms, Text};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, Ordering},
    },
};
use store::{Store, Write};

/// What comes through the service's interfaces: `[managed]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// The roles that need no grant where a resource is gated through the hub, as far as the policies know them.
    pub passing_roles: Vec<String>,
    /// How many hours a change waits for its confirmation.
    pub confirm_hours: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { passing_roles: vec!["maintainer".to_owned()], confirm_hours: 24 }
    }
}

/// Of so many resources, each is looked at by itself: of more, all together.
const FEW: usize = 16;

/// What is wanted of one document.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) key: Key,
    /// What it says from now on; none: it is deleted.
    pub(crate) body: Option<Body>,
    pub(crate) expected: Expected,
}

/// What a change takes the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Whatever is there.
    Any,
    /// This version; 0: there must be none.
    Version(u32),
}

/// What a change did.
#[derive(Debug, Clone)]
pub(crate) struct Changed {
    pub(crate) key: Key,
    pub(crate) before: Option<Arc<Document>>,
    pub(crate) after: Option<Arc<Document>>,
}

/// Why nothing was changed.
#[derive(Debug)]
pub(crate) enum Unchanged {
    /// Something else is there than was expected: this, or nothing.
    Conflict(Option<Arc<Document>>),
    /// It says nothing that can be understood.
    Bad(Refusal),
    /// The set would not be valid, or a claim of it not true.
    Set(Box<LoadError>),
    /// It cannot be kept.
    Unkept(String),
}

impl From<LoadError> for Unchanged {
    fn from(error: LoadError) -> Self {
        Self::Set(Box::new(error))
    }
}

impl From<rusqlite::Error> for Unchanged {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unkept(error.to_string())
    }
}

/// All managed documents, and the set that they are part of.
pub(crate) struct Managed {
    settings: Settings,
    terms: Terms,
    clock: Arc<dyn Clock>,
    /// Held by whoever changes something, so that changes come one after the other.
    store: Mutex<Store>,
    documents: RwLock<Documents>,
    /// Whether anything was ever registered or granted.
    has_facts: AtomicBool,
    layer: Layer,
}

type Documents = BTreeMap<Key, Arc<Document>>;

impl Managed {
    /// Reads what is kept, and puts it behind the set of the files, unless that `is_missing`: then [`rebase`](Self::rebase) does.
    pub(super) fn open(all: &All, base: Engine, is_missing: bool, clock: Arc<dyn Clock>) -> Result<Self, Faulty> {
        let state = (!all.is_in_memory()).then_some(all.state.as_path());
        let store = Store::open(state)?;
        let unreadable = |error: rusqlite::Error| Faulty(format!("the managed documents cannot be read: {error}"));
        let kept = store.all().map_err(unreadable)?;
        let is_known = store.base().map_err(unreadable)?.is_some_and(|known| known == base.revision());
        let suspended = kept.iter().filter(|(_, suspended)| *suspended).map(|(document, _)| document.key.clone());
        let suspended: Option<BTreeSet<Key>> = is_known.then(|| suspended.collect());
        let documents: Documents =
            kept.into_iter().map(|(document, _)| (document.key.clone(), Arc::new(document))).collect();
        let has_facts = AtomicBool::new(documents.keys().any(|key| key.kind.is_fact()));
        let managed = Self {
            settings: all.managed.clone(),
            terms: Terms {
                passing: all.managed.passing_roles.clone(),
                uses: all.gateway.actions.names().map(str::to_owned).collect(),
                tokens: all.gateway.tokens.attribute.clone(),
                aliases: all.gateway.aliases.clone(),
            },
            clock,
            store: Mutex::new(store),
            documents: RwLock::new(documents),
            has_facts,
            layer: Layer::new(base.clone()),
        };
        if is_missing {
            return Ok(managed);
        }
        let store = managed.writing();
        managed.settle(&store, Arc::new(base), suspended).map_err(|error| Faulty(error.to_string()))?;
        drop(store);
        Ok(managed)
    }

    /// The set that decides.
    pub(crate) fn engine(&self) -> Arc<Engine> {
        self.layer.engine()
    }

    /// The set of the files alone.
    pub(crate) fn base(&self) -> Arc<Engine> {
        self.layer.base()
    }

    /// What would decide if other files were under the documents. Nothing is changed.
    ///
    /// # Errors
    /// The whole is larger than a set can be.
    pub(super) fn with_base(&self, base: &Engine) -> Result<Engine, LoadError> {
        let placed = standing(base, self.governed(base));
        if placed.is_empty() { Ok(base.clone()) } else { layer::over(base, placed) }
    }

    /// Puts other files under the documents. Those that do not go with them are suspended, as far as they allow anything.
    pub(super) fn rebase(&self, base: Arc<Engine>) -> Result<(), LoadError> {
        let store = self.writing();
        self.settle(&store, base, None)
    }

    /// As [`rebase`](Self::rebase); with what is known to be `suspended` on these files.
    fn settle(&self, store: &Store, base: Arc<Engine>, suspended: Option<BTreeSet<Key>>) -> Result<(), LoadError> {
        if let Some(suspended) = suspended {
            let documents = self.governed(&base).into_values().flat_map(|resource| resource.documents);
            let placed = |(key, text)| {
                let standing = if suspended.contains(&key) { Standing::Strict } else { Standing::Whole };
                (key, Placed { text, standing })
            };
            // What was found out about these files is believed as long as the set is valid.
            return match self.layer.rebase(base.clone(), documents.map(placed).collect()) {
                Ok(()) => Ok(()),
                Err(_) => self.settle(store, base, None),
            };
        }
        let placed = standing(&base, self.governed(&base));
        let strict: Vec<Key> = placed
            .iter()
            .filter(|(_, placed)| placed.standing != Standing::Whole)
            .map(|(key, _)| key.clone())
            .collect();
        let revision = base.revision().to_owned();
        self.layer.rebase(base, placed)?;
        for key in &strict {
            tracing::error!(document = %key, "does not go with the policy files: what it allows is suspended");
        }
        if let Err(error) = store.suspend(&revision, &strict.iter().collect::<Vec<_>>()) {
            tracing::error!(%error, "which managed documents are suspended cannot be kept");
        }
        Ok(())
    }

    /// All documents that are policy, by what they govern, in the words of a set of files.
    fn governed(&self, base: &Engine) -> BTreeMap<String, Governed> {
        let vocabulary = &base.ir().vocabulary;
        let mut governed: BTreeMap<String, Governed> = BTreeMap::new();
        for document in self.read().values().filter(|document| document.key.kind.is_policy()) {
            let resource = governed.entry(document.key.of.clone()).or_default();
            resource.declaration =
                resource.declaration.take().or_else(|| policy::declaration(&document.key, &document.body, vocabulary));
            // What was once understood still is, in the same version of the format.
            let text = policy::text(&document.key, &document.body, &self.terms, vocabulary);
            let text = text.unwrap_or_default();
            if text != Text::default() {
                resource.documents.push((document.key.clone(), text));
            }
        }
        governed.retain(|_, resource| !resource.documents.is_empty());
        governed
    }

    /// One document.
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Document>> {
        self.read().get(key).cloned()
    }

    /// Some documents of a kind, in the order of what they govern and of whom they are for, from behind a key on.
    pub(crate) fn list(&self, kind: Kind, after: Option<&Key>, most: usize) -> Vec<Arc<Document>> {
        let first = Key { kind, of: String::new(), part: String::new() };
        let from = after.map_or(Bound::Included(&first), Bound::Excluded);
        let documents = self.read();
        let some = documents.range((from, Bound::Unbounded)).take_while(|(key, _)| key.kind == kind);
        some.take(most).map(|(_, document)| document.clone()).collect()
    }

    /// All documents of a kind about one thing.
    pub(crate) fn about(&self, kind: Kind, of: &str) -> Vec<Arc<Document>> {
        let first = Key { kind, of: of.to_owned(), part: String::new() };
        let documents = self.read();
        let some = documents.range(first..).take_while(|(key, _)| key.kind == kind && key.of == of);
        some.map(|(_, document)| document.clone()).collect()
    }

    /// Whether something could be kept at the moment.
    pub(crate) fn can_keep(&self) -> bool {
        self.writing().can_write()
    }

    /// All that a document ever said, the last first.
    pub(crate) fn history(&self, key: &Key) -> Result<Vec<Version>, Unchanged> {
        Ok(self.writing().history(key)?)
    }

    /// Changes some documents, all or none. Once this is over, whatever is decided is decided by them. `by` is who wants it.
    ///
    /// This waits for a disk: call it where no answer waits for the thread.
    pub(crate) fn change(&self, changes: Vec<Change>, by: &str) -> Result<Vec<Changed>, Unchanged> {
        let store = self.writing();
        for change in &changes {
            self.expect(change)?;
        }
        let texts = self.texts(&changes)?;
        self.prove(&changes, &texts)?;
        let now = self.clock.now();
        let mut versions = Vec::new();
        let mut keep = || {
            let writes: Vec<_> =
                changes.iter().map(|change| Write { key: &change.key, body: change.body.as_ref() }).collect();
            versions = store.write(&writes, by, now)?;
            Ok::<(), Unchanged>(())
        };
        if texts.is_empty() {
            keep()?
        } else {
            self.layer.put(texts, keep)?
        }
        if changes.iter().any(|change| change.key.kind.is_fact()) {
            self.has_facts.store(true, Ordering::Release);
        }
        let mut documents = self.documents.write().unwrap_or_else(PoisonError::into_inner);
        let changed = changes.into_iter().zip(versions).map(|(Change { key, body, .. }, version)| {
            let after =
                body.map(|body| Arc::new(Document { key: key.clone(), version, body, by: by.to_owned(), at: now }));
            let before = match &after {
                Some(document) => documents.insert(key.clone(), document.clone()),
                None => documents.remove(&key),
            };
            Changed { key, before, after }
        });
        Ok(changed.collect())
    }

    /// Asks whether a change could be made, and makes none.
    pub(crate) fn attempt(&self, changes: &[Change]) -> Result<(), Unchanged> {
        changes.iter().try_for_each(|change| self.expect(change))?;
        let texts = self.texts(changes)?;
        self.prove(changes, &texts)
    }

    /// The files with all that governs what changes govern, as it is and as it would be.
    pub(crate) fn before_and_after(&self, changes: &[Change]) -> Result<(Engine, Engine), Unchanged> {
        let texts = self.texts(changes)?;
        Ok(self.layer.before_and_after(&texts, &self.declarations(changes, &texts))?)
    }

    fn expect(&self, change: &Change) -> Result<(), Unchanged> {
        let current = self.get(&change.key);
        let version = current.as_ref().map_or(0, |document| document.version);
        match change.expected {
            Expected::Version(expected) if expected != version => Err(Unchanged::Conflict(current)),
            Expected::Version(_) | Expected::Any => Ok(()),
        }
    }

    /// What changes come to as policy. A document that comes to nothing is none.
    fn texts(&self, changes: &[Change]) -> Result<Vec<(Key, Option<Text>)>, Unchanged> {
        let base = self.layer.base();
        let policies = changes.iter().filter(|change| change.key.kind.is_policy());
        let text = |change: &Change| {
            let vocabulary = &base.ir().vocabulary;
            let text = change.body.as_ref().map(|body| policy::text(&change.key, body, &self.terms, vocabulary));
            let text = text.transpose().map_err(Unchanged::Bad)?;
            Ok((change.key.clone(), text.filter(|text| *text != Text::default())))
        };
        policies.map(text).collect()
    }

    /// Asks whether the claims hold for each resource that changes govern.
    fn prove(&self, changes: &[Change], texts: &[(Key, Option<Text>)]) -> Result<(), Unchanged> {
        if texts.iter().any(|(key, _)| key.kind.is_wide()) {
            let base = self.layer.base();
            self.layer.prove_wide(texts, || self.registered(&base))?;
        }
        let declarations = self.declarations(changes, texts);
        if declarations.len() > FEW {
            return Ok(self.layer.prove_all(texts, &declarations)?);
        }
        for (of, declaration) in declarations {
            self.layer.prove(&of, texts, declaration.as_deref())?;
        }
        Ok(())
    }

    /// What all registered resources are like that files do not declare.
    fn registered(&self, base: &Engine) -> Declarations {
        let vocabulary = &base.ir().vocabulary;
        let documents = self.list(Kind::Resource, None, usize::MAX);
        let declaration = |document: &Arc<Document>| {
            (document.key.of.clone(), policy::declaration(&document.key, &document.body, vocabulary))
        };
        documents.iter().map(declaration).collect()
    }

    /// What each single resource that texts govern is like, once changes are made; none where files declare it, or nobody does.
    fn declarations(&self, changes: &[Change], texts: &[(Key, Option<Text>)]) -> Declarations {
        let base = self.layer.base();
        let vocabulary = &base.ir().vocabulary;
        let declaration = |of: &String| {
            let key = Key { kind: Kind::Resource, of: of.clone(), part: String::new() };
            match changes.iter().find(|change| change.key == key) {
                Some(change) => policy::declaration(&key, change.body.as_ref()?, vocabulary),
                None => policy::declaration(&key, &self.get(&key)?.body, vocabulary),
            }
        };
        let own = texts.iter().filter(|(key, _)| !key.kind.is_wide());
        own.map(|(key, _)| (key.of.clone(), declaration(&key.of))).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Documents> {
        self.documents.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
