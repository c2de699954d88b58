//! The log of one node in its state folder: an SQLite database that this process writes, and anybody may read.
//!
//! In go groups of records, out come the same chunks; how their bodies lie in the file is a matter of `pack`.

mod pack;
mod tables;
mod tally;

use super::{fault::Fault, key::PublicKey};
use crate::store::audit::{
    AuditLog, AuditStore, AuditWriter, Checkpoint, Chunk, Counted, Group, Node, Order, Outage, Place, Unreadable,
};
use pack::{Packer, unpack};
use rusqlite::{
    Connection, ToSql, Transaction, TransactionBehavior,
    types::{ToSqlOutput, ValueRef},
};
use std::{
    error::Error,
    fmt,
    fs::{DirBuilder, File, OpenOptions},
    ops::{ControlFlow, Range, RangeInclusive},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

/// Held as long as a process writes the log.
const LOCK: &str = "lock";
/// How long a write waits for others who hold the database.
const BUSY: Duration = Duration::from_millis(50);
/// About how many old records are removed at a time: others can write in between.
const REMOVED: i64 = 2_000;

/// A folder with the log of one node, which has no name.
#[derive(Debug, Clone)]
pub(super) struct SqliteAudit {
    folder: PathBuf,
    is_durable: bool,
}

impl SqliteAudit {
    pub(super) const fn new(folder: PathBuf, is_durable: bool) -> Self {
        Self { folder, is_durable }
    }

    /// Whether a folder has a log of its own.
    pub(super) fn is_in(folder: &Path) -> bool {
        folder.join(tables::FILE).exists()
    }

    fn try_take(&self, node: &Node) -> Result<SqliteWriter, Fault> {
        let folder = &self.folder;
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| Fault::new(folder, error))?;
        let lock = lock(folder)?;
        match PublicKey::of(folder) {
            Ok(key) if key.bytes() == node.key => {}
            Ok(_) => return Err(Fault::new(folder, "the log there is that of another key")),
            Err(_) => {
                PublicKey::from_bytes(&node.key).ok_or_else(|| Fault::new(folder, "that is no key"))?.put(folder)?
            }
        }
        let connection = tables::create(folder, self.is_durable)?;
        connection.busy_timeout(BUSY).map_err(|error| Fault::new(folder, error))?;
        Ok(SqliteWriter { connection, folder: folder.clone(), end: None, packer: Packer::default(), _lock: lock })
    }
}

impl AuditStore for SqliteAudit {
    fn nodes(&self) -> Result<Vec<Node>, Unreadable> {
        if !Self::is_in(&self.folder) {
            return Ok(Vec::new());
        }
        let key = PublicKey::of(&self.folder).map_err(|fault| Unreadable::Spoilt(fault.what().to_owned()))?;
        Ok(vec![Node { name: String::new(), key: key.bytes() }])
    }

    fn log(&self, _: &str) -> Result<Box<dyn AuditLog>, Unreadable> {
        let connection = tables::open(&self.folder).map_err(|fault| Unreadable::Spoilt(fault.what().to_owned()))?;
        Ok(Box::new(SqliteLog { connection, folder: self.folder.clone() }))
    }

    fn take(&self, node: &Node) -> Result<Box<dyn AuditWriter>, Outage> {
        match self.try_take(node) {
            Ok(writer) => Ok(Box::new(writer)),
            Err(fault) => Err(Outage(fault.what().to_owned())),
        }
    }
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

/// A log that is open for reading.
struct SqliteLog {
    connection: Connection,
    folder: PathBuf,
}

impl SqliteLog {
    /// Nothing has to be asked for that is not in the file: what cannot be read of it is spoilt.
    fn spoilt(&self, error: impl fmt::Display) -> Unreadable {
        Unreadable::Spoilt(format!("`{}`: {error}", self.folder.display()))
    }

    fn try_span(&self, times: Range<i64>) -> rusqlite::Result<Option<(i64, i64)>> {
        if times == (i64::MIN..i64::MAX) {
            return tables::span(&self.connection);
        }
        let select = "SELECT min(first), max(last) FROM chunks WHERE latest >= ?1 AND earliest < ?2";
        self.connection.query_row(select, [times.start, times.end], |row| {
            Ok(row.get::<_, Option<i64>>(0)?.zip(row.get::<_, Option<i64>>(1)?))
        })
    }

    fn try_read(
        &self,
        numbers: RangeInclusive<i64>,
        order: Order,
        each: &mut dyn FnMut(Chunk<'_>) -> ControlFlow<()>,
    ) -> Result<(), Box<dyn Error>> {
        let mut select = self.connection.prepare(&format!(
            "SELECT first, last, earliest, latest, bodies, hashes, packed FROM chunks
            WHERE first BETWEEN coalesce((SELECT max(first) FROM chunks WHERE first <= ?1), ?1) AND ?2 AND last >= ?1
            ORDER BY first {}",
            match order {
                Order::Oldest => "ASC",
                Order::Newest => "DESC",
            }
        ))?;
        let mut rows = select.query([numbers.start(), numbers.end()])?;
        while let Some(row) = rows.next()? {
            let (first, last) = (row.get(0)?, row.get(1)?);
            let unpack = |packed| unpack(packed).ok_or_else(|| format!("records {first} to {last} cannot be unpacked"));
            let unpacked = row.get_ref(6)?.as_blob_or_null()?.map(unpack).transpose()?;
            let bodies = match &unpacked {
                Some(bodies) => bodies,
                None => row.get_ref(4)?.as_bytes()?,
            };
            let chunk = Chunk {
                first,
                last,
                earliest: row.get(2)?,
                latest: row.get(3)?,
                bodies,
                hashes: row.get_ref(5)?.as_bytes()?,
            };
            if each(chunk).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl AuditLog for SqliteLog {
    fn span(&self, times: Range<i64>) -> Result<Option<(i64, i64)>, Unreadable> {
        self.try_span(times).map_err(|error| self.spoilt(error))
    }

    fn read(
        &self,
        numbers: RangeInclusive<i64>,
        order: Order,
        each: &mut dyn FnMut(Chunk<'_>) -> ControlFlow<()>,
    ) -> Result<(), Unreadable> {
        self.try_read(numbers, order, each).map_err(|error| self.spoilt(error))
    }

    fn checkpoints(&self) -> Result<Vec<Checkpoint>, Unreadable> {
        tables::checkpoints(&self.connection).map_err(|error| self.spoilt(error))
    }

    fn anchor(&self) -> Result<Option<Checkpoint>, Unreadable> {
        tables::anchor(&self.connection).map_err(|error| self.spoilt(error))
    }

    fn counted(&self, since: i64) -> Result<Vec<Counted>, Unreadable> {
        tally::since(&self.connection, since).map_err(|error| self.spoilt(error))
    }
}

/// A log that this process, and no other, writes.
struct SqliteWriter {
    connection: Connection,
    folder: PathBuf,
    /// What is last, where that is known: nobody else writes.
    end: Option<Place>,
    packer: Packer,
    /// The lock is held as long as the file is open.
    _lock: File,
}

/// Why a group is not written.
enum Failed {
    Sqlite(rusqlite::Error),
    Elsewhere,
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl SqliteWriter {
    fn outage(&self, error: impl fmt::Display) -> Outage {
        Outage(format!("`{}`: {error}", self.folder.display()))
    }

    /// What is last. Before the first record any hash is as good as another.
    fn end(&self, beginning: Place) -> rusqlite::Result<Place> {
        let last = tables::last(&self.connection)?;
        let last = match last {
            Some(place) => Some(place),
            None => tables::anchor(&self.connection)?.map(|anchor| Place { seq: anchor.seq, hash: anchor.hash }),
        };
        Ok(last.unwrap_or(Place { seq: 0, ..beginning }))
    }

    fn try_append(&mut self, group: &Group<'_>) -> Result<(), Failed> {
        let end = match self.end.take() {
            Some(end) => end,
            None => self.end(group.after)?,
        };
        let is_written = end == group.end && !group.chunks.is_empty();
        if !is_written && end != group.after {
            self.end = Some(end);
            return Err(Failed::Elsewhere);
        }
        if !is_written && (!group.chunks.is_empty() || group.checkpoint.is_some()) {
            let change = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
            append(&change, group.chunks, &mut self.packer)?;
            tally::add(&change, group.tally)?;
            if let Some(checkpoint) = group.checkpoint {
                insert(&change, "INSERT OR REPLACE INTO checkpoints VALUES (?1, ?2, ?3, ?4)", checkpoint)?;
            }
            change.commit()?;
        }
        self.end = Some(group.end);
        Ok(())
    }

    /// The oldest chunks, as far as they are older than an instant and not the last.
    fn try_removable(&self, before: i64) -> rusqlite::Result<Option<Place>> {
        let Some((start, last)) = tables::span(&self.connection)? else { return Ok(None) };
        let select = "SELECT last, latest, hashes FROM chunks WHERE last < ?1 ORDER BY first";
        let mut select = self.connection.prepare_cached(select)?;
        let mut rows = select.query([last])?;
        let mut old: Option<Place> = None;
        while let Some(row) = rows.next()? {
            let seq: i64 = row.get(0)?;
            let count = old.map_or(0, |old| old.seq.saturating_sub(start).saturating_add(1));
            if count >= REMOVED || row.get::<_, i64>(1)? >= before {
                break;
            }
            let Some(hash) = row.get_ref(2)?.as_blob()?.last_chunk() else { break };
            old = Some(Place { seq, hash: *hash });
        }
        Ok(old)
    }

    fn try_remove(&self, anchor: &Checkpoint, before: i64) -> rusqlite::Result<()> {
        let change = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        change.execute("DELETE FROM anchor", [])?;
        insert(&change, "INSERT INTO anchor VALUES (?1, ?2, ?3, ?4)", anchor)?;
        change.execute("DELETE FROM checkpoints WHERE seq < ?1", [anchor.seq])?;
        change.execute("DELETE FROM chunks WHERE last <= ?1", [anchor.seq])?;
        tally::remove_before(&change, before)?;
        change.commit()
    }
}

impl AuditWriter for SqliteWriter {
    fn node(&self) -> &str {
        ""
    }

    fn append(&mut self, group: &Group<'_>) -> Result<(), Outage> {
        self.try_append(group).map_err(|failed| match failed {
            Failed::Sqlite(error) => self.outage(error),
            Failed::Elsewhere => self.outage("it does not end where it was left"),
        })
    }

    fn removable(&mut self, before: i64) -> Result<Option<Place>, Outage> {
        self.try_removable(before).map_err(|error| self.outage(error))
    }

    fn remove(&mut self, anchor: &Checkpoint, before: i64) -> Result<(), Outage> {
        self.try_remove(anchor, before).map_err(|error| self.outage(error))
    }
}

/// Text as it stands in memory.
struct Text<'a>(&'a [u8]);

impl ToSql for Text<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}

fn append(change: &Transaction<'_>, chunks: &[Chunk<'_>], packer: &mut Packer) -> rusqlite::Result<()> {
    let mut insert = change.prepare_cached("INSERT INTO chunks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for Chunk { first, last, earliest, latest, bodies, hashes } in chunks {
        let packed = packer.pack(bodies);
        let bodies = Text(if packed.is_some() { b"" } else { bodies });
        insert.execute((first, last, earliest, latest, bodies, hashes, packed))?;
    }
    Ok(())
}

fn insert(change: &Transaction<'_>, statement: &str, checkpoint: &Checkpoint) -> rusqlite::Result<()> {
    let Checkpoint { seq, hash, time, signature } = checkpoint;
    change.prepare_cached(statement)?.execute((seq, hash.as_slice(), time, signature.as_slice()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::SqliteAudit;
    use std::{
        path::PathBuf,
        sync::atomic::{AtomicU64, Ordering},
    };
    use tempfile::TempDir;

    #[test]
    fn a_folder_keeps_a_log_as_every_store_does() {
        let (folder, number) = (TempDir::new().unwrap(), AtomicU64::new(0));
        let next = || -> PathBuf { folder.path().join(number.fetch_add(1, Ordering::Relaxed).to_string()) };
        crate::conformance::audit::run(&|| Box::new(SqliteAudit::new(next(), false)));
    }
}
