//! Policy that arrives while the service runs: documents through its interfaces, each with a version and a history.
//!
//! In go changes, out comes the set that decides: policy files with the documents behind them. A document is kept in a store
//! ([`store`] has the words for that), said in the policy language by [`policy`], put behind the files by [`layer`], and takes
//! effect at once or not at all. Several services may share one store: what others write comes here through [`sync`], and
//! [`mod@everywhere`] lets whoever changes something wait for all of them. What documents say of a request that is no policy (who
//! was granted access, what a registered resource is like) is known to [`facts`]. Where files change and documents do not go with them any more, [`conflict`] finds which.
//! Whether somebody may change one at all is asked of the policies themselves, in [`guard`]; changes of protected resources wait
//! for somebody else in [`waiting`]; what surfaces in JSON say of it is in
//! [`answer`]. Requests for access are answered through [`access`].

mod access;
mod admin;
mod answer;
mod conflict;
mod document;
mod everywhere;
mod facts;
mod guard;
mod layer;
mod policy;
mod project;
mod settings;
mod sqlite;
mod store;
mod sync;
mod waiting;

pub(crate) use access::{APPROVE, Answer, Unanswered};
pub(super) use admin::routes;
pub(crate) use answer::tagged;
pub(crate) use document::{Access, Body, Document, Gated, Key, Kind, Proposal, Registered, Status};
pub(super) use everywhere::everywhere;
pub(crate) use guard::{Manager, Refused};
pub(crate) use layer::is_document;
pub(crate) use project::{Permissions, Project, Rates};
pub(super) use settings::{Settings, own};
pub(crate) use store::Version;
pub(crate) use sync::Told;
pub(super) use sync::follow;
pub(crate) use waiting::{CONFIRM, Confirmation};

use super::settings::Settings as All;
use crate::{
    clock::Clock,
    engine::{Engine, LoadError},
    request::Refusal,
    store::{
        Outage,
        documents::{DocumentStore, Mark, Unwritten, Write, Writing},
    },
};
use conflict::{Governed, standing};
use document::Proposed;
use layer::{Declarations, Layer, Placed, Standing};
use policy::{Terms, Text};
use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, Ordering},
    },
};
use sync::Progress;

/// Of so many resources, each is looked at by itself: of more, all together.
const FEW: usize = 16;
/// How often a change is tried anew while others change documents.
const TRIES: u32 = 32;

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
    /// It was to be kept, and whether it is nobody can tell yet: then it will be in force, here as elsewhere.
    InDoubt(String),
}

impl From<LoadError> for Unchanged {
    fn from(error: LoadError) -> Self {
        Self::Set(Box::new(error))
    }
}

impl From<Outage> for Unchanged {
    fn from(outage: Outage) -> Self {
        Self::Unkept(outage.0)
    }
}

/// Why one attempt to change documents changed nothing.
enum Failed {
    /// Others have changed some meanwhile.
    Behind,
    Unchanged(Unchanged),
}

impl<T: Into<Unchanged>> From<T> for Failed {
    fn from(reason: T) -> Self {
        Self::Unchanged(reason.into())
    }
}

impl From<Unwritten> for Failed {
    fn from(reason: Unwritten) -> Self {
        match reason {
            Unwritten::Behind => Self::Behind,
            Unwritten::Outage(outage) => Self::Unchanged(outage.into()),
            Unwritten::InDoubt(outage) => Self::Unchanged(Unchanged::InDoubt(outage.0)),
        }
    }
}

/// All managed documents, and the set that they are part of.
pub(crate) struct Managed {
    settings: Settings,
    terms: Terms,
    clock: Arc<dyn Clock>,
    store: Arc<dyn DocumentStore>,
    /// Up to which mark documents are known here; none until they were read. Held by whoever changes something, so that changes
    /// come one after the other.
    seen: Mutex<Option<Mark>>,
    progress: Progress,
    documents: RwLock<Documents>,
    /// Whether anything was ever registered or granted.
    has_facts: AtomicBool,
    /// Whether there is a set to put them behind.
    has_base: AtomicBool,
    layer: Layer,
}

type Documents = BTreeMap<Key, Arc<Document>>;

impl Managed {
    /// Documents in a store, of which nothing is read yet. Where several services share it, `node` is what this one is called. Where
    /// the base `is_missing`, they are put behind that which comes by [`rebase`](Self::rebase).
    pub(super) fn new(
        all: &All,
        (base, is_missing): (Engine, bool),
        clock: Arc<dyn Clock>,
        store: Arc<dyn DocumentStore>,
        node: Option<String>,
    ) -> Self {
        Self {
            settings: all.managed.clone(),
            terms: Terms {
                passing: all.managed.passing_roles.clone(),
                uses: all.gateway.actions.names().map(str::to_owned).collect(),
                tokens: all.gateway.tokens.attribute.clone(),
                aliases: all.gateway.aliases.clone(),
            },
            clock,
            store,
            seen: Mutex::new(None),
            progress: Progress::new(node),
            documents: RwLock::default(),
            has_facts: AtomicBool::new(false),
            has_base: AtomicBool::new(!is_missing),
            layer: Layer::new(base),
        }
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
        let seen = self.writing();
        self.has_base.store(true, Ordering::Release);
        self.settle(*seen, base)
    }

    /// As [`rebase`](Self::rebase), of the documents up to a mark. What was found out about these files is believed as long as
    /// the set is valid.
    fn settle(&self, mark: Option<Mark>, base: Arc<Engine>) -> Result<(), LoadError> {
        if !self.has_base.load(Ordering::Acquire) {
            return Ok(());
        }
        if let Some(suspended) = mark.and_then(|mark| self.known(&base, mark)) {
            let documents = self.governed(&base).into_values().flat_map(|resource| resource.documents);
            let placed = |(key, text)| {
                let standing = if suspended.contains(&key) { Standing::Strict } else { Standing::Whole };
                (key, Placed { text, standing })
            };
            if self.layer.rebase(base.clone(), documents.map(placed).collect()).is_ok() {
                return Ok(());
            }
        }
        let placed = standing(&base, self.governed(&base));
        let strict = placed.iter().filter(|(_, placed)| placed.standing != Standing::Whole);
        let strict: Vec<Key> = strict.map(|(key, _)| key.clone()).collect();
        self.layer.rebase(base.clone(), placed)?;
        for key in &strict {
            tracing::error!(document = %key, "does not go with the policy files: what it allows is suspended");
        }
        if let Some(mark) = mark {
            self.find(&base, mark, &strict);
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
        self.store.can_write().is_ok()
    }

    /// All that a document ever said, the last first.
    pub(crate) fn history(&self, key: &Key) -> Result<Vec<Version>, Unchanged> {
        let versions = self.store.history(&store::name(key))?.into_iter().map(|kept| Version::read(key, kept));
        versions.collect::<Result<_, _>>().map_err(Unchanged::Unkept)
    }

    /// Changes some documents, all or none. Once this is over, whatever is decided is decided by them. `by` is who wants it. What
    /// others have changed meanwhile is looked at first, and everything is asked anew.
    ///
    /// This waits for a disk, or for another machine: call it where no answer waits for the thread.
    pub(crate) fn change(&self, changes: Vec<Change>, by: &str) -> Result<Vec<Changed>, Unchanged> {
        let mut seen = self.writing();
        for _ in 0..TRIES {
            match self.try_change(&mut seen, &changes, by) {
                Ok(changed) => return Ok(changed),
                Err(Failed::Unchanged(reason)) => return Err(reason),
                Err(Failed::Behind) => self.catch_up(&mut seen).map_err(Unchanged::Unkept)?,
            }
        }
        Err(Unchanged::Unkept("others change documents all the time".to_owned()))
    }

    fn try_change(&self, seen: &mut Option<Mark>, changes: &[Change], by: &str) -> Result<Vec<Changed>, Failed> {
        let unread = || Unchanged::Unkept("the documents have not been read yet".to_owned());
        let mark = seen.ok_or_else(unread)?;
        changes.iter().try_for_each(|change| self.expect(change))?;
        let texts = self.texts(changes)?;
        self.prove(changes, &texts)?;
        let (at, revision) = (self.clock.now(), self.grounds(&self.layer.base()));
        let mut versions = Vec::new();
        let mut keep = || {
            let writes: Vec<Write> = changes.iter().map(store::write).collect();
            let written = self.store.write(&Writing { seen: mark, revision: &revision, writes: &writes, by, at })?;
            *seen = Some(written.mark);
            versions = written.versions;
            Ok::<(), Failed>(())
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
        let changed = changes.iter().zip(versions).map(|(Change { key, body, .. }, version)| {
            let (key, by) = (key.clone(), by.to_owned());
            let after = body.clone().map(|body| Arc::new(Document { key: key.clone(), version, body, by, at }));
            let before = match &after {
                Some(document) => documents.insert(key.clone(), document.clone()),
                None => documents.remove(&key),
            };
            Changed { key, before, after }
        });
        let changed = changed.collect();
        self.progress.reached(seen.unwrap_or(mark));
        Ok(changed)
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
        let policies = changes.iter().filter(|change| change.key.kind.is_policy());
        policies.map(|change| Ok((change.key.clone(), self.text(change).map_err(Unchanged::Bad)?))).collect()
    }

    /// What one change comes to as policy.
    fn text(&self, change: &Change) -> Result<Option<Text>, Refusal> {
        let (base, terms) = (self.layer.base(), &self.terms);
        let text = |body| policy::text(&change.key, body, terms, &base.ir().vocabulary);
        let text = change.body.as_ref().map(text).transpose()?;
        Ok(text.filter(|text| *text != Text::default()))
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

    fn writing(&self) -> MutexGuard<'_, Option<Mark>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
