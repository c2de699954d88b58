//! How documents come here that others have written, and how far what is known here can be believed.
//!
//! In go the changes since a mark, out comes the set that has them in force, as a start would have put them: what does not go
//! with the policy files of this service is suspended. Where several services share a store, a thread of each waits for
//! changes, and says how far it has come. A store that cannot be asked leaves what is known in force, for a while.

use super::{Change, Documents, Expected, Key, Managed, Unchanged, Version, policy::Text, store};
use crate::{
    engine::Engine,
    load::hex,
    server::{
        ops::{Dependency, Health, Stopwatch},
        policy::Policies,
    },
    store::{
        Outage,
        documents::{Mark, Read, Suspended},
    },
};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeSet,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// How far this service is.
#[derive(Debug)]
pub(super) struct Progress {
    /// What this service is called among those who share the store; none: nobody does.
    node: Option<String>,
    belief: AtomicU8,
    /// What is in force goes up to this mark.
    mark: AtomicU64,
    /// The store was at this one when it was heard of last.
    heard: AtomicU64,
    /// Since the store was asked last and answered.
    contact: Mutex<Stopwatch>,
    is_over: AtomicBool,
}

/// Nothing has been read yet.
const LOADING: u8 = 0;
/// What is known is believed.
const BELIEVED: u8 = 1;
/// The store was not heard of for too long.
const STALE: u8 = 2;

/// How often a store that was lost is looked for.
const RETRY: Duration = Duration::from_secs(1);

/// How far this service is, for people.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) mark: Mark,
    /// How many marks the store is ahead, as far as is known.
    pub(crate) behind: Mark,
    /// How long ago the store answered; nothing where nobody shares it.
    pub(crate) silence: Duration,
}

impl Progress {
    pub(super) fn new(node: Option<String>) -> Self {
        Self {
            node,
            belief: AtomicU8::new(LOADING),
            mark: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            contact: Mutex::new(Stopwatch::start()),
            is_over: AtomicBool::new(false),
        }
    }

    /// All up to a mark is in force.
    pub(super) fn reached(&self, mark: Mark) {
        self.heard.store(mark, Ordering::Relaxed);
        self.mark.store(mark, Ordering::Relaxed);
    }

    fn contact(&self) -> MutexGuard<'_, Stopwatch> {
        self.contact.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Managed {
    /// Whether documents have been read at all: before that, nothing is decided.
    pub(crate) fn is_loaded(&self) -> bool {
        self.progress.belief.load(Ordering::Acquire) != LOADING
    }

    /// Whether the store was not heard of for so long that what it allowed is not believed any more.
    pub(crate) fn is_stale(&self) -> bool {
        self.progress.belief.load(Ordering::Relaxed) == STALE
    }

    /// Whether others share the store.
    pub(crate) const fn is_shared(&self) -> bool {
        self.progress.node.is_some()
    }

    pub(crate) fn told(&self) -> Told {
        let [mark, heard] = [&self.progress.mark, &self.progress.heard].map(|mark| mark.load(Ordering::Relaxed));
        let silence = if self.is_shared() { self.progress.contact().elapsed() } else { Duration::ZERO };
        Told { mark, behind: heard.saturating_sub(mark), silence }
    }

    /// Those who share the store, have been heard of lately, and have not in force yet what is in force here.
    pub(super) fn those_behind(&self) -> Result<Vec<String>, Outage> {
        let mark = self.told().mark;
        let mut nodes = self.store.nodes()?;
        let is_other = |name: &str| self.progress.node.as_deref() != Some(name);
        nodes.retain(|node| node.mark < mark && node.age <= self.settings.gone() && is_other(&node.name));
        Ok(nodes.into_iter().map(|node| node.name).collect())
    }

    /// Reads everything, and puts it in force.
    ///
    /// # Errors
    /// It cannot be read, or the whole is larger than a set can be.
    pub(in crate::server) fn load(&self) -> Result<(), String> {
        self.read_all(&mut self.writing())
    }

    fn read_all(&self, seen: &mut Option<Mark>) -> Result<(), String> {
        let Read { mark, documents } = self.store.all().map_err(|outage| outage.to_string())?;
        let read = documents.into_iter().map(|last| {
            let (key, version) = store::read(last)?;
            Ok(version.of(key.clone()).map(|document| (key, Arc::new(document))))
        });
        let all = read.filter_map(Result::transpose).collect::<Result<Documents, String>>()?;
        if all.keys().any(|key| key.kind.is_fact()) {
            self.has_facts.store(true, Ordering::Release);
        }
        *self.documents.write().unwrap_or_else(PoisonError::into_inner) = all;
        self.settle(Some(mark), self.layer.base()).map_err(|error| error.to_string())?;
        *seen = Some(mark);
        self.progress.reached(mark);
        self.progress.belief.store(BELIEVED, Ordering::Release);
        Ok(())
    }

    /// Puts in force what others have written since.
    ///
    /// # Errors
    /// It cannot be read, or the whole is larger than a set can be.
    pub(super) fn catch_up(&self, seen: &mut Option<Mark>) -> Result<(), String> {
        let Some(before) = *seen else { return self.read_all(seen) };
        let Read { mark, documents } = self.store.since(before).map_err(|outage| outage.to_string())?;
        self.progress.heard.store(mark, Ordering::Relaxed);
        if mark < before {
            tracing::warn!(before, mark, "the store of documents is another one, and is read anew");
            return self.read_all(seen);
        }
        if mark > before {
            let arrived = documents.into_iter().map(store::read).collect::<Result<Vec<_>, _>>()?;
            self.arrive(mark, arrived)?;
            *seen = Some(mark);
            self.progress.reached(mark);
        }
        Ok(())
    }

    /// Puts versions in force that others have proved, under files which need not be these.
    fn arrive(&self, mark: Mark, arrived: Vec<(Key, Version)>) -> Result<(), String> {
        let change = |(key, version): &(Key, Version)| Change {
            key: key.clone(),
            body: version.body.clone(),
            expected: Expected::Any,
        };
        let changes: Vec<Change> = arrived.iter().map(change).collect();
        // As at a start: what says nothing in the words of these files, says nothing here.
        let policies = changes.iter().filter(|change| change.key.kind.is_policy());
        let texts: Vec<(Key, Option<Text>)> =
            policies.map(|change| (change.key.clone(), self.text(change).unwrap_or_default())).collect();
        let put = |()| if texts.is_empty() { Ok(()) } else { self.layer.put(texts.clone(), || Ok::<_, Unchanged>(())) };
        let goes = self.prove(&changes, &texts).and_then(put).is_ok();
        if changes.iter().any(|change| change.key.kind.is_fact()) {
            self.has_facts.store(true, Ordering::Release);
        }
        let mut documents = self.documents.write().unwrap_or_else(PoisonError::into_inner);
        for (key, version) in arrived {
            match version.of(key.clone()) {
                Some(document) => drop(documents.insert(key, Arc::new(document))),
                None => drop(documents.remove(&key)),
            }
        }
        drop(documents);
        if !goes {
            return self.settle(Some(mark), self.layer.base()).map_err(|error| error.to_string());
        }
        // Whoever wrote it under these files has kept what that means for them.
        if self.known(&self.layer.base(), mark).is_none() {
            self.find(&self.layer.base(), mark, &self.layer.suspended());
        }
        Ok(())
    }

    /// Under what it is found out which documents are suspended: the files, and what else makes policy of documents.
    pub(super) fn grounds(&self, base: &Engine) -> String {
        let terms = Sha256::digest(format!("{} {:?}", env!("CARGO_PKG_VERSION"), self.terms));
        format!("{} {}", base.revision(), hex(&terms))
    }

    /// Which documents are known to be suspended on some files, with all documents up to a mark.
    pub(super) fn known(&self, base: &Engine, mark: Mark) -> Option<BTreeSet<Key>> {
        let found = self.store.suspended(&self.grounds(base)).ok()??;
        let key = |key| store::key(key).ok();
        if found.mark == mark { found.keys.into_iter().map(key).collect() } else { None }
    }

    /// Keeps which documents are suspended on some files.
    pub(super) fn find(&self, base: &Engine, mark: Mark, suspended: &[Key]) {
        let found = Suspended { mark, keys: suspended.iter().map(store::name).collect() };
        if let Err(error) = self.store.suspend(&self.grounds(base), &found) {
            tracing::error!(%error, "which managed documents are suspended cannot be kept");
        }
    }

    /// Looks what others have written, and says how far this service is; what cannot be done now, the next look does. Gives the mark
    /// that was looked at, if the store could be asked.
    pub(in crate::server) fn look(&self, health: &Health) -> Option<Mark> {
        let mut seen = self.writing();
        let caught_up = self.catch_up(&mut seen);
        drop(seen);
        let progress = &self.progress;
        if let Err(why) = caught_up {
            health.lose(Dependency::Documents, &why);
            let is_late = progress.contact().elapsed() > self.settings.max_stale();
            if is_late && self.is_loaded() && progress.belief.swap(STALE, Ordering::Release) != STALE {
                tracing::error!("the managed documents are stale: what they allow is not believed any more");
            }
            return None;
        }
        *progress.contact() = Stopwatch::start();
        if progress.belief.swap(BELIEVED, Ordering::Release) == STALE {
            tracing::info!("the managed documents are believed again");
        }
        let Told { mark, behind, .. } = self.told();
        let report = |node: &String| self.store.report(node, mark);
        let node = progress.node.as_ref().filter(|_| !progress.is_over.load(Ordering::Relaxed));
        let said = node.map(report).transpose();
        let is_lost = health.has_lost(Dependency::Documents);
        match said.and_then(|_| if is_lost { self.store.can_write() } else { Ok(()) }) {
            Ok(()) if is_lost => health.regain(Dependency::Documents),
            Ok(()) => {}
            Err(outage) => health.lose(Dependency::Documents, &outage.0),
        }
        Some(mark.saturating_add(behind))
    }

    /// Waits until there may be something to look at: not so long that nobody would notice how long the store is silent.
    fn wait(&self, looked: Option<Mark>, health: &Health) {
        let most = self.settings.interval().min(self.settings.max_stale().checked_div(4).unwrap_or_default());
        let most = if health.has_lost(Dependency::Documents) { most.min(RETRY) } else { most };
        // What this service writes itself it hears of, too, and says then how far it is.
        self.store.wait(looked.unwrap_or(Mark::MAX), most);
    }

    /// Says that this service shares the documents no more.
    pub(in crate::server) fn leave(&self) {
        self.progress.is_over.store(true, Ordering::Relaxed);
        if let Some(node) = &self.progress.node {
            // Nobody waits long for one that says nothing.
            let _ = self.store.leave(node);
        }
    }
}

/// Follows what others write, on a thread of its own, until the service leaves.
///
/// # Errors
/// There are no threads.
pub(in crate::server) fn follow(policies: Arc<Policies>, health: Arc<Health>) -> io::Result<()> {
    let follow = move || {
        let managed = policies.managed();
        let mut looked = Some(managed.told().mark);
        while !managed.progress.is_over.load(Ordering::Relaxed) {
            managed.wait(looked, &health);
            looked = managed.look(&health);
        }
    };
    thread::Builder::new().name("policyc-documents".to_owned()).spawn(follow).map(drop)
}
