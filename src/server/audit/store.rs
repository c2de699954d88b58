//! What is written: records, chained, with a checkpoint now and then.

use super::{
    chain::beginning,
    checkpoint::{Kind, is_signed_by, line, sign},
    chunk::Bound,
    fault::Fault,
    key::SecretKey,
    read::{Unread, checkpoints},
    records::Records,
    tally::tally,
    verify::{Points, Unverified, walk},
};
use crate::store::audit::{AuditLog, AuditStore, AuditWriter, Checkpoint, Chunk, Counted, Group, Node, Outage, Place};
use chrono::{DateTime, Utc};
use std::{
    fs::{DirBuilder, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// The folder of the log, in that of the service's state: what is not in a store on another machine, and the key.
const FOLDER: &str = "audit";
/// Checkpoints once more, one a line, for whoever carries them elsewhere.
pub(super) const CHECKPOINTS: &str = "checkpoints.jsonl";

/// Where the log of a state is.
pub(super) fn folder(state: &Path) -> PathBuf {
    state.join(FOLDER)
}

/// A log that this process, and no other, writes.
pub(super) struct Store {
    writer: Box<dyn AuditWriter>,
    folder: PathBuf,
    key: SecretKey,
    /// The last record.
    place: Place,
    /// The last record that a checkpoint covers.
    covered: i64,
    /// The last record that was removed because it was old.
    removed: i64,
}

/// Records as they are written, all or none.
pub(super) struct Prepared<'a> {
    after: Place,
    chunks: Vec<Bound<'a>>,
    end: Place,
    checkpoint: Option<Checkpoint>,
    tally: Vec<Counted>,
}

impl Store {
    /// Opens the log of a state, or begins one, under a node's name. What no checkpoint covers yet is looked through first:
    /// nothing is signed that does not hold.
    ///
    /// # Errors
    /// If it cannot be opened, another process writes it, or it was changed.
    pub(super) fn open(store: &dyn AuditStore, state: &Path, name: &str) -> Result<Self, Fault> {
        let folder = folder(state);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|error| Fault::new(&folder, error))?;
        let key = SecretKey::open(&folder)?;
        let writer = store.take(&Node { name: name.to_owned(), key: key.public().bytes() })?;
        let log = store.log(writer.node())?;
        let (place, covered, removed) = end(&*log, &key).map_err(|unverified| match unverified {
            Unverified::Unreadable(unreadable) => Fault::from(unreadable),
            Unverified::Tampered(tampered) if writer.node().is_empty() => Fault::new(&folder, tampered.what),
            Unverified::Tampered(tampered) => Fault::of(format_args!("node `{}`: {}", writer.node(), tampered.what)),
        })?;
        if !writer.node().is_empty() {
            has_all_that_was_signed(&folder, &key, place, writer.node())?;
        }
        let mut store = Self { writer, folder, key, place, covered, removed };
        // That it ends there is for the store to say, too.
        store.look()?;
        Ok(store)
    }

    /// What the node is called in its store.
    pub(super) fn node(&self) -> &str {
        self.writer.node()
    }

    /// How many records no checkpoint covers.
    pub(super) const fn uncovered(&self) -> i64 {
        self.place.seq.saturating_sub(self.covered)
    }

    /// Chains records behind all that were written; `sign` covers them, and all before, by a checkpoint.
    pub(super) fn prepare<'a>(&self, records: &'a Records, sign_at: Option<DateTime<Utc>>) -> Prepared<'a> {
        let (chunks, end) = Bound::all_of(records, self.place);
        let checkpoint = sign_at.map(|now| sign(Kind::Checkpoint, end, now, &self.key));
        Prepared { after: self.place, chunks, end, checkpoint, tally: tally(records) }
    }

    /// Writes what was prepared, all or nothing, and once however often that is tried.
    pub(super) fn write(&mut self, prepared: &Prepared<'_>) -> Result<(), Outage> {
        let Prepared { after, chunks, end, checkpoint, tally } = prepared;
        let chunks: Vec<Chunk<'_>> = chunks.iter().map(Bound::lent).collect();
        let checkpoint = checkpoint.as_ref();
        self.writer.append(&Group { after: *after, chunks: &chunks, end: *end, checkpoint, tally })?;
        self.place = *end;
        if let Some(checkpoint) = checkpoint {
            self.covered = checkpoint.seq;
            self.publish(checkpoint);
        }
        Ok(())
    }

    /// Whether it could be written.
    pub(super) fn look(&mut self) -> Result<(), Outage> {
        self.write(&self.prepare(&Records::default(), None))
    }

    /// Adds a checkpoint to the file of them.
    fn publish(&self, checkpoint: &Checkpoint) {
        let path = self.folder.join(CHECKPOINTS);
        let line = format!("{}\n", line(checkpoint, self.key.public()));
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
        if let Err(error) = file.and_then(|mut file| file.write_all(line.as_bytes())) {
            tracing::warn!("cannot write `{}`: {error}", path.display());
        }
    }

    /// Removes records that are older than an instant (microseconds since 1970), from the oldest on, as far as the store does.
    /// Says how many records there were, and up to which.
    pub(super) fn remove_before(&mut self, instant: i64, now: DateTime<Utc>) -> Result<Option<(i64, i64)>, Outage> {
        let before = self.removed;
        while let Some(place) = self.writer.removable(instant)?.filter(|place| place.seq > self.removed) {
            let anchor = sign(Kind::Anchor, place, now, &self.key);
            self.writer.remove(&anchor, instant)?;
            self.removed = place.seq;
        }
        Ok((self.removed > before).then(|| (self.removed.saturating_sub(before), self.removed)))
    }
}

/// Finds out whether a store on another machine came back with an older log than was signed here.
fn has_all_that_was_signed(folder: &Path, key: &SecretKey, place: Place, node: &str) -> Result<(), Fault> {
    let kept = match checkpoints(&folder.join(CHECKPOINTS)) {
        Ok(kept) => kept,
        Err(Unread::Missing) => return Ok(()),
        Err(Unread::Fault(fault)) => return Err(fault),
    };
    let own = kept.iter().filter(|kept| kept.key == key.public().bytes());
    let signed = own.map(|kept| kept.point.seq).max().unwrap_or_default();
    if signed <= place.seq {
        return Ok(());
    }
    Err(Fault::of(format_args!(
        "node `{node}`: the records after {} are missing, and `{CHECKPOINTS}` covers them up to {signed}. Bring back a newer \
        copy, or move `{}` elsewhere and give the node another name to begin a new log",
        place.seq,
        folder.display()
    )))
}

/// The last record, the last that a checkpoint covers, and the last that was removed.
fn end(log: &dyn AuditLog, key: &SecretKey) -> Result<(Place, i64, i64), Unverified> {
    let public = key.public();
    let anchor = log.anchor()?;
    let removed = anchor.as_ref().map_or(0, |anchor| anchor.seq);
    let checkpoint = log.checkpoints()?.pop();
    let signed = [(anchor, Kind::Anchor), (checkpoint, Kind::Checkpoint)];
    let signed = signed.into_iter().filter_map(|(point, kind)| Some((point?, kind)));
    let known = match signed.max_by_key(|(point, _)| point.seq) {
        Some((point, kind)) if is_signed_by(&point, kind, public) => Place { seq: point.seq, hash: point.hash },
        Some((point, _)) => {
            let what = format!("what is signed at record {} is not signed by its key", point.seq);
            return Err(Unverified::at(point.seq, what));
        }
        None => beginning(public),
    };
    let last = log.span(i64::MIN..i64::MAX)?.map_or(0, |(_, last)| last);
    if last < known.seq {
        let what = format!("the records after {last} are missing, and were signed up to {}", known.seq);
        return Err(Unverified::at(last, what));
    }
    let from = known.seq.saturating_add(1);
    let place = walk(log, known, from, &mut Points::none(), &mut |_| ()).map_err(|unverified| {
        let more = "`policyc audit verify` says more. Move the folder elsewhere to begin a new log";
        unverified.and(|what| format!("{what}; {more}"))
    })?;
    Ok((place, known.seq, removed))
}
