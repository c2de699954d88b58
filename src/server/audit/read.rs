//! The log as it is read: by the service, by the command line, while it is written or not; the logs of all nodes of a store
//! together, in the order of time.

use super::{
    checkpoint::{Kept, parse},
    chunk::numbered,
    fault::Fault,
    key::PublicKey,
    merge::Queue,
    sqlite::SqliteAudit,
    store::{CHECKPOINTS, folder},
    told::{Filter, Told},
    verify::{Tampered, Unverified, Verified, verify},
};
use crate::{
    load::hex,
    store::audit::{AuditLog, AuditStore, Checkpoint, Chunk, Counted, Order, Unreadable},
};
use chrono::{DateTime, Utc};
use memchr::memmem::Finder;
use std::{
    fs,
    io::ErrorKind,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

/// How many records are read before it is said how far that is.
const STEP: i64 = 1_000;

/// Where a service reads its own log.
#[derive(Clone)]
pub(crate) struct Source {
    pub(super) store: Arc<dyn AuditStore>,
    pub(super) node: String,
    pub(super) state: PathBuf,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Source").field(&self.node).finish_non_exhaustive()
    }
}

impl Source {
    /// Opens the log.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn open(&self) -> Result<Log, Fault> {
        let part = Part { node: None, key: None, log: self.store.log(&self.node)? };
        Ok(Log { parts: vec![part], is_all: false, checkpoints: None })
    }

    /// The folder of the service's state, where its key is.
    pub(crate) fn state(&self) -> &Path {
        &self.state
    }
}

/// A log that is open for reading; or those of several nodes.
pub(crate) struct Log {
    parts: Vec<Part>,
    /// Whether they are all that there are in their store.
    is_all: bool,
    /// The file of checkpoints beside it.
    checkpoints: Option<PathBuf>,
}

/// The log of one node.
pub(super) struct Part {
    /// What the node is called among others.
    node: Option<Arc<str>>,
    /// The key that vouches for it, as it lies beside it.
    key: Option<PublicKey>,
    log: Box<dyn AuditLog>,
}

/// One record, as it was read.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Whose log it is from, where there are several.
    pub(crate) node: Option<Arc<str>>,
    pub(crate) seq: i64,
    /// As it stands in the log: one object of JSON.
    pub(crate) body: String,
    pub(crate) told: Told,
}

impl Entry {
    /// As a line of JSON, with the record's own bytes.
    pub(crate) fn line(&self) -> String {
        format!("{{{}\"seq\":{},\"record\":{}}}", self.of(), self.seq, self.body)
    }

    /// The member that says whose log it is from, where there are several.
    pub(crate) fn of(&self) -> String {
        self.node.as_deref().map_or_else(String::new, |node| format!("\"node\":{},", serde_json::json!(node)))
    }
}

/// What became of the log of one node.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Whose it is, where there are several.
    pub(crate) node: Option<Arc<str>>,
    pub(crate) found: Result<Verified, Tampered>,
}

/// How many records were looked at, for whoever is told now and then.
pub(super) struct Looked<'a> {
    count: i64,
    progress: &'a mut dyn FnMut(i64),
}

impl Looked<'_> {
    fn add(&mut self, chunk: &Chunk<'_>) {
        let before = self.count.checked_div(STEP);
        self.count = self.count.saturating_add(chunk.last.saturating_sub(chunk.first)).saturating_add(1);
        if self.count.checked_div(STEP) != before {
            (self.progress)(self.count);
        }
    }
}

impl Part {
    /// The numbers between which all records are that a filter can take.
    pub(super) fn range(&self, filter: &Filter) -> Result<Option<(i64, i64)>, Unreadable> {
        let (first, end) = filter.times();
        // The clock may have been set back in between.
        let Some((first, last)) = self.log.span(first..end)? else { return Ok(None) };
        let last = filter.before.map_or(last, |before| last.min(before.saturating_sub(1)));
        let first = filter.from.map_or(first, |from| first.max(from));
        let first = filter.most.map_or(first, |most| first.max(last.saturating_sub(most).saturating_add(1)));
        Ok(Some((first, last)))
    }

    /// Goes through the records of a range that a filter takes.
    pub(super) fn read(
        &self,
        (first, last): (i64, i64),
        filter: &Filter,
        order: Order,
        each: &mut dyn FnMut(Entry) -> ControlFlow<()>,
        looked: &mut Looked<'_>,
    ) -> Result<(), Unreadable> {
        let needles: Vec<String> = filter.needles();
        let needles: Vec<Finder<'_>> = needles.iter().map(Finder::new).collect();
        let is_there = |body: &[u8]| needles.iter().all(|needle| needle.find(body).is_some());
        let mut look = |chunk: Chunk<'_>| {
            looked.add(&chunk);
            if !is_there(chunk.bodies) {
                return ControlFlow::Continue(());
            }
            let mut records = numbered(chunk.first..=chunk.last, chunk.bodies);
            if order == Order::Newest {
                records.reverse();
            }
            for (seq, body) in records.into_iter().filter(|(seq, _)| (first..=last).contains(seq)) {
                let Some(told) = is_there(body.as_bytes()).then(|| Told::of(body)).flatten() else { continue };
                if filter.takes(&told) {
                    each(Entry { node: self.node.clone(), seq, body: body.to_owned(), told })?;
                }
            }
            ControlFlow::Continue(())
        };
        self.log.read(first..=last, order, &mut look)
    }
}

impl Log {
    /// Opens the log in the folder of a service's state.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub(crate) fn open(state: &Path) -> Result<Self, Fault> {
        let folder = folder(state);
        let log = SqliteAudit::new(folder.clone(), false).log("")?;
        let part = Part { node: None, key: None, log };
        Ok(Self { parts: vec![part], is_all: false, checkpoints: Some(folder.join(CHECKPOINTS)) })
    }

    /// Opens the logs of a store that several nodes share; or that of one.
    ///
    /// # Errors
    /// If there is no such node, or they cannot be read.
    pub(crate) fn shared(store: &dyn AuditStore, node: Option<&str>) -> Result<Self, Fault> {
        let mut parts = Vec::new();
        for found in store.nodes()?.into_iter().filter(|found| node.is_none_or(|node| node == found.name)) {
            let key = PublicKey::from_bytes(&found.key);
            let key = key.ok_or_else(|| Fault::of(format_args!("the key of node `{}` is none", found.name)))?;
            let log = store.log(&found.name)?;
            parts.push(Part { node: Some(found.name.into()), key: Some(key), log });
        }
        match node {
            Some(node) if parts.is_empty() => Err(Fault::of(format_args!("there is no log of a node `{node}`"))),
            None if parts.is_empty() => Err(Fault::of("there is no audit log in that store")),
            Some(_) | None => Ok(Self { parts, is_all: node.is_none(), checkpoints: None }),
        }
    }

    /// The key that vouches for the log, as it lies beside it.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn key(state: &Path) -> Result<PublicKey, Fault> {
        PublicKey::of(&folder(state))
    }

    /// The keys that vouch for the logs of nodes, as they lie beside them.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (&str, PublicKey)> {
        self.parts.iter().filter_map(|part| Some((part.node.as_deref()?, part.key?)))
    }

    /// Holds each log against its chain, its own checkpoints, and those of `kept` that were kept elsewhere. Of several logs each
    /// must have one of some keys, if there are any.
    ///
    /// # Errors
    /// If something cannot be read.
    pub(crate) fn verify(
        &self,
        keys: &[PublicKey],
        mut kept: Vec<Kept>,
        progress: &mut dyn FnMut(i64),
    ) -> Result<Vec<Outcome>, Fault> {
        // First the file: what it says then is in the tables already, while a service writes both.
        match self.checkpoints.as_deref().map(checkpoints) {
            Some(Ok(points)) => kept.extend(points),
            Some(Err(Unread::Missing)) | None => {}
            Some(Err(Unread::Fault(fault))) => return Err(fault),
        }
        let mut outcomes = Vec::with_capacity(self.parts.len());
        let mut before = 0_i64;
        for part in &self.parts {
            let mut progress = |records: i64| progress(before.saturating_add(records));
            let found = part.verify(keys, &kept, &mut progress)?;
            before = before.saturating_add(found.as_ref().map_or(0, |verified| verified.records));
            outcomes.push(Outcome { node: part.node.clone(), found });
        }
        if self.is_all {
            outcomes.extend(self.missing(keys, &kept).map(|tampered| Outcome { node: None, found: Err(tampered) }));
        }
        Ok(outcomes)
    }

    /// What should be there, and is no log at all.
    fn missing(&self, keys: &[PublicKey], kept: &[Kept]) -> Option<Tampered> {
        let is_there = |key: &[u8; 32]| self.keys().any(|(_, known)| known.bytes() == *key);
        let keys = keys.iter().map(|key| key.bytes()).chain(kept.iter().map(|kept| kept.key));
        let mut gone = keys.filter(|key| !is_there(key));
        let what = format!("there is no log with the key {}", hex(&gone.next()?));
        Some(Tampered { seq: 0, what })
    }

    /// The log of one node, where there is only one.
    fn only(&self) -> Result<&Part, Fault> {
        self.parts.first().ok_or_else(|| Fault::of("there is none"))
    }

    /// The numbers of the first and the last record of one node.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn span(&self) -> Result<Option<(i64, i64)>, Fault> {
        self.range(&Filter::default())
    }

    /// How many records there are.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn count(&self) -> Result<i64, Fault> {
        let mut count = 0_i64;
        for part in &self.parts {
            let span = part.range(&Filter::default())?;
            let more = span.map_or(0, |(first, last)| last.saturating_sub(first).saturating_add(1));
            count = count.saturating_add(more);
        }
        Ok(count)
    }

    /// Goes through the records that a filter takes, until `each` breaks off: those of several nodes in the order of time.
    /// `progress` is told now and then how many were looked at.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn read(
        &self,
        filter: &Filter,
        order: Order,
        each: &mut dyn FnMut(Entry) -> ControlFlow<()>,
        progress: &mut dyn FnMut(i64),
    ) -> Result<(), Fault> {
        let mut looked = Looked { count: 0, progress };
        if let [only] = self.parts.as_slice() {
            let Some(range) = only.range(filter)? else { return Ok(()) };
            return Ok(only.read(range, filter, order, each, &mut looked)?);
        }
        Ok(Queue::merge(&self.parts, filter, order, each, &mut looked)?)
    }

    /// The numbers between which all records are that a filter can take, of one node.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn range(&self, filter: &Filter) -> Result<Option<(i64, i64)>, Fault> {
        Ok(self.only()?.range(filter)?)
    }

    /// How many decisions of one node came out how, by hour and outcome: those of this instant's hour and later.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn counted(&self, since: DateTime<Utc>) -> Result<Vec<Counted>, Fault> {
        Ok(self.only()?.log.counted(since.timestamp_micros())?)
    }
}

impl Part {
    /// Holds the log against its chain and its checkpoints.
    fn verify(
        &self,
        keys: &[PublicKey],
        kept: &[Kept],
        progress: &mut dyn FnMut(i64),
    ) -> Result<Result<Verified, Tampered>, Fault> {
        let (key, kept): (_, Vec<Checkpoint>) = match self.key {
            Some(key) => {
                let own = kept.iter().filter(|kept| kept.key == key.bytes());
                (key, own.map(|kept| kept.point.clone()).collect())
            }
            None => {
                let key = keys.first().ok_or_else(|| Fault::of("it has no key"))?;
                (*key, kept.iter().map(|kept| kept.point.clone()).collect())
            }
        };
        if !keys.is_empty() && !keys.contains(&key) {
            return Ok(Err(Tampered { seq: 0, what: "its key is another one".to_owned() }));
        }
        match verify(&*self.log, key, &kept, progress) {
            Ok(verified) => Ok(Ok(verified)),
            Err(Unverified::Tampered(tampered)) => Ok(Err(tampered)),
            Err(Unverified::Unreadable(unreadable)) => Err(unreadable.into()),
        }
    }
}

/// Why a file of checkpoints was not read.
#[derive(Debug)]
pub(crate) enum Unread {
    Missing,
    Fault(Fault),
}

/// The checkpoints in a file, one a line.
///
/// # Errors
/// If there is none, or a line is no checkpoint.
pub(crate) fn checkpoints(path: &Path) -> Result<Vec<Kept>, Unread> {
    let text = fs::read_to_string(path).map_err(|error| {
        if error.kind() == ErrorKind::NotFound { Unread::Missing } else { Unread::Fault(Fault::new(path, error)) }
    })?;
    // A process that was killed may have left half a line; what ends with a line break is whole.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let parse = |(number, line): (usize, &str)| {
        let place = number.saturating_add(1);
        parse(line).ok_or_else(|| Unread::Fault(Fault::new(path, format!("line {place} is no checkpoint"))))
    };
    whole.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(parse).collect()
}
