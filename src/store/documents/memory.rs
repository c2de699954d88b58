//! Documents in memory: shared by all threads of one process, forgotten when it ends.

use super::{
    DocumentStore, Key, Last, Mark, Node, Outage, Read, Shared, Suspended, Unwritten, Version, Writing, Written,
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Documents in memory.
#[derive(Debug, Default)]
pub struct MemoryDocuments {
    state: Mutex<State>,
    shared: Shared,
}

#[derive(Debug, Default)]
struct State {
    mark: Mark,
    /// All versions of each document, the first first, and the mark of the last.
    documents: BTreeMap<Key, (Mark, Vec<Version>)>,
    suspended: BTreeMap<String, Suspended>,
}

impl MemoryDocuments {
    /// A store without any documents.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The last version of each document that a filter takes, with the mark of that version.
    fn read(&self, takes: impl Fn(Mark, &Version) -> bool) -> Read {
        let last = |(key, (mark, versions)): (&Key, &(Mark, Vec<Version>))| {
            let version = versions.last().filter(|version| takes(*mark, version))?;
            Some(Last { key: key.clone(), version: version.clone() })
        };
        Read { mark: self.mark, documents: self.documents.iter().filter_map(last).collect() }
    }
}

impl DocumentStore for MemoryDocuments {
    fn all(&self) -> Result<Read, Outage> {
        Ok(self.lock().read(|_, version| version.body.is_some()))
    }

    fn since(&self, seen: Mark) -> Result<Read, Outage> {
        Ok(self.lock().read(|mark, _| mark > seen))
    }

    fn history(&self, key: &Key) -> Result<Vec<Version>, Outage> {
        let state = self.lock();
        let versions = state.documents.get(key).into_iter().flat_map(|(_, versions)| versions.iter().rev());
        Ok(versions.cloned().collect())
    }

    fn write(&self, writing: &Writing<'_>) -> Result<Written, Unwritten> {
        let mut state = self.lock();
        if state.mark != writing.seen {
            return Err(Unwritten::Behind);
        }
        if writing.writes.is_empty() {
            return Ok(Written { mark: state.mark, versions: Vec::new() });
        }
        let new = state.mark.saturating_add(1);
        state.mark = new;
        let mut numbers = Vec::with_capacity(writing.writes.len());
        for write in writing.writes {
            let (mark, versions) = state.documents.entry(write.key.clone()).or_default();
            let number = versions.last().map_or(0, |last| last.version).saturating_add(1);
            let (by, at) = (writing.by.to_owned(), writing.at);
            versions.push(Version { version: number, body: write.body.clone(), by, at });
            *mark = new;
            numbers.push(number);
        }
        if let Some(known) = state.suspended.get_mut(writing.revision)
            && known.mark == writing.seen
        {
            known.mark = new;
            known.keys.retain(|key| !writing.writes.iter().any(|write| write.key == *key));
        }
        drop(state);
        self.shared.ring(new);
        Ok(Written { mark: new, versions: numbers })
    }

    fn can_write(&self) -> Result<(), Outage> {
        Ok(())
    }

    fn suspended(&self, revision: &str) -> Result<Option<Suspended>, Outage> {
        Ok(self.lock().suspended.get(revision).cloned())
    }

    fn suspend(&self, revision: &str, suspended: &Suspended) -> Result<(), Outage> {
        let mut state = self.lock();
        if state.suspended.get(revision).is_none_or(|known| known.mark <= suspended.mark) {
            // Of the other revisions, what is known is of documents that are not these any more.
            let mark = state.mark;
            state.suspended.retain(|_, known| known.mark == mark);
            state.suspended.insert(revision.to_owned(), suspended.clone());
        }
        Ok(())
    }

    fn wait(&self, seen: Mark, most: Duration) {
        self.shared.wait(seen, most);
    }

    fn report(&self, node: &str, mark: Mark) -> Result<(), Outage> {
        self.shared.report(node, mark);
        Ok(())
    }

    fn leave(&self, node: &str) -> Result<(), Outage> {
        self.shared.leave(node);
        Ok(())
    }

    fn nodes(&self) -> Result<Vec<Node>, Outage> {
        Ok(self.shared.nodes())
    }
}
