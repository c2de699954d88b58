//! What is written: records, chained, with a checkpoint now and then.

use super::{
    chain::Hash,
    checkpoint::{Checkpoint, Kind},
    chunk::Chunk,
    fault::Fault,
    key::SecretKey,
    record::Encoded,
    tables, tally,
    verify::{Place, Points, walk},
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

/// Checkpoints once more, one a line, for whoever carries them elsewhere.
pub(super) const CHECKPOINTS: &str = "checkpoints.jsonl";
/// Held as long as a process writes the log.
const LOCK: &str = "lock";
/// How long a write waits for others who hold the database.
const BUSY: Duration = Duration::from_millis(50);
/// About how many old records are removed at a time: others can write in between.
const REMOVED: i64 = 2_000;

/// A log that this process, and no other, writes.
#[derive(Debug)]
pub(super) struct Store {
    connection: Connection,
    folder: PathBuf,
    key: SecretKey,
    /// The last record.
    place: Place,
    /// The last record that a checkpoint covers.
    covered: i64,
    /// The lock is held as long as the file is open.
    _lock: File,
}

impl Store {
    /// Opens a log, or begins one. What no checkpoint covers yet is looked through first: nothing is signed that does not
    /// hold.
    ///
    /// # Errors
    /// If it cannot be opened, another process writes it, or it was changed.
    pub(super) fn open(state: &Path, durable: bool) -> Result<Self, Fault> {
        let folder = tables::folder(state);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|error| Fault::new(&folder, error))?;
        let lock = lock(&folder)?;
        let key = SecretKey::open(&folder)?;
        let connection = tables::create(&folder, durable)?;
        let (place, covered) = end(&connection, &key, &folder)?;
        connection.busy_timeout(BUSY).map_err(|error| Fault::new(&folder, error))?;
        Ok(Self { connection, folder, key, place, covered, _lock: lock })
    }

    /// How many records no checkpoint covers.
    pub(super) const fn uncovered(&self) -> i64 {
        self.place.seq.saturating_sub(self.covered)
    }

    /// Writes records, all or none; `sign` covers them, and all before, by a checkpoint.
    pub(super) fn write(&mut self, records: &[Encoded], sign: Option<DateTime<Utc>>) -> rusqlite::Result<()> {
        let change = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        let (chunks, place) = Chunk::all_of(records, self.place);
        append(&change, &chunks)?;
        tally::add(&change, records)?;
        let checkpoint = sign.map(|now| Checkpoint::sign(Kind::Checkpoint, place.seq, place.hash, now, &self.key));
        if let Some(checkpoint) = &checkpoint {
            insert(&change, "INSERT OR REPLACE INTO checkpoints VALUES (?1, ?2, ?3, ?4)", checkpoint)?;
        }
        change.commit()?;
        self.place = place;
        if let Some(checkpoint) = checkpoint {
            self.covered = checkpoint.seq;
            self.publish(&checkpoint);
        }
        Ok(())
    }

    /// Adds a checkpoint to the file of them.
    fn publish(&self, checkpoint: &Checkpoint) {
        let path = self.folder.join(CHECKPOINTS);
        let line = format!("{}\n", checkpoint.line(self.key.public()));
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
        if let Err(error) = file.and_then(|mut file| file.write_all(line.as_bytes())) {
            tracing::warn!("cannot write `{}`: {error}", path.display());
        }
    }

    /// Removes records that are older than an instant (microseconds since 1970), from the oldest on, up to the first chunk in
    /// which one is not. The last chunk stays. Says how many records there were, and up to which.
    pub(super) fn remove_before(&mut self, instant: i64, now: DateTime<Utc>) -> rusqlite::Result<Option<(i64, i64)>> {
        let mut removed: i64 = 0;
        let mut through = None;
        loop {
            let Some(Old { count, seq, hash }) = self.oldest(instant)? else {
                return Ok(through.map(|seq| (removed, seq)));
            };
            let anchor = Checkpoint::sign(Kind::Anchor, seq, hash, now, &self.key);
            let change = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
            change.execute("DELETE FROM anchor", [])?;
            insert(&change, "INSERT INTO anchor VALUES (?1, ?2, ?3, ?4)", &anchor)?;
            change.execute("DELETE FROM checkpoints WHERE seq < ?1", [seq])?;
            change.execute("DELETE FROM chunks WHERE last <= ?1", [seq])?;
            tally::remove_before(&change, instant)?;
            change.commit()?;
            removed = removed.saturating_add(count);
            through = Some(seq);
        }
    }

    /// The oldest records, as far as they are older than an instant and not of the last chunk; none if there are none.
    fn oldest(&self, instant: i64) -> rusqlite::Result<Option<Old>> {
        let select = "SELECT first, last, latest, hashes FROM chunks WHERE last < ?1 ORDER BY first";
        let mut select = self.connection.prepare_cached(select)?;
        let mut rows = select.query([self.place.seq])?;
        let mut old: Option<Old> = None;
        while let Some(row) = rows.next()? {
            let (first, seq): (i64, i64) = (row.get(0)?, row.get(1)?);
            let removed = old.as_ref().map_or(0, |old| old.count);
            if removed >= REMOVED || row.get::<_, i64>(2)? >= instant {
                break;
            }
            let Some(hash) = row.get_ref(3)?.as_blob()?.last_chunk() else { break };
            let count = removed.saturating_add(seq.saturating_sub(first)).saturating_add(1);
            old = Some(Old { count, seq, hash: Hash(*hash) });
        }
        Ok(old)
    }
}

/// So many records, up to this one.
struct Old {
    count: i64,
    seq: i64,
    hash: Hash,
}

/// Takes the log for this process.
fn lock(folder: &Path) -> Result<File, Fault> {
    let path = folder.join(LOCK);
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
    let file = file.map_err(|error| Fault::new(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => Err(Fault::new(&path, "another process keeps its log there; give each its own `state`")),
    }
}

/// The last record, and the last that a checkpoint covers.
fn end(connection: &Connection, key: &SecretKey, folder: &Path) -> Result<(Place, i64), Fault> {
    let fault = |error: rusqlite::Error| Fault::new(folder, error);
    let public = key.public();
    let beginning = Place { seq: 0, hash: Hash::beginning(&public) };
    let anchor = tables::anchor(connection).map_err(fault)?;
    let checkpoint = tables::last_checkpoint(connection).map_err(fault)?;
    let signed = [(anchor, Kind::Anchor), (checkpoint, Kind::Checkpoint)];
    let signed = signed.into_iter().filter_map(|(point, kind)| Some((point?, kind)));
    let known = match signed.max_by_key(|(point, _)| point.seq) {
        Some((point, kind)) if point.is_signed_by(kind, public) => Place { seq: point.seq, hash: point.hash },
        Some((point, _)) => {
            return Err(Fault::new(folder, format!("what is signed at record {} is not signed by its key", point.seq)));
        }
        None => beginning,
    };
    let last = tables::span(connection).map_err(fault)?.map_or(0, |(_, last)| last);
    if last < known.seq {
        return Err(Fault::new(
            folder,
            format!("the records after {last} are missing, and were signed up to {}", known.seq),
        ));
    }
    let last = walk(connection, known, &mut Points::none(), &mut |_| ()).map_err(|tampered| {
        let what = format!(
            "{}; `policyc audit verify` says more. Move the folder elsewhere to begin a new log",
            tampered.what
        );
        Fault::new(folder, what)
    })?;
    Ok((last, known.seq))
}

fn append(change: &Transaction<'_>, chunks: &[Chunk]) -> rusqlite::Result<()> {
    let mut insert = change.prepare_cached("INSERT INTO chunks VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for Chunk { first, last, earliest, latest, bodies, hashes } in chunks {
        insert.execute((first, last, earliest, latest, bodies, hashes))?;
    }
    Ok(())
}

fn insert(change: &Transaction<'_>, statement: &str, checkpoint: &Checkpoint) -> rusqlite::Result<()> {
    let Checkpoint { seq, hash, time, signature } = checkpoint;
    change.prepare_cached(statement)?.execute((seq, hash.0.as_slice(), time, signature.as_slice()))?;
    Ok(())
}
