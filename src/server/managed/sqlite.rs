//! Documents in an SQLite database: the store of a service that shares them with nobody.

use crate::store::documents::{
    DocumentStore, Key, Last, Mark, Node, Outage, Read, Shared, Suspended, Unwritten, Version, Writing, Written,
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use std::{
    fmt,
    fs::{DirBuilder, OpenOptions},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The version of the tables, kept in `user_version`.
const VERSION: i64 = 2;
/// For how many revisions it is kept which documents are suspended.
const REVISIONS: u32 = 16;

/// `documents` is what holds now; `history` has every version, with no body where the document was deleted. `found` says about
/// which mark it was found out which documents are `suspended` under a revision of the policy files. `facts` has the `mark`.
const TABLES: &str = "
CREATE TABLE documents (
    kind TEXT NOT NULL, of TEXT NOT NULL, part TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
    by TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (kind, of, part)
) STRICT, WITHOUT ROWID;
CREATE TABLE history (
    kind TEXT NOT NULL, of TEXT NOT NULL, part TEXT NOT NULL, version INTEGER NOT NULL, body TEXT,
    by TEXT NOT NULL, at INTEGER NOT NULL, mark INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (kind, of, part, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO facts VALUES ('mark', '0');
";

/// What both versions have after their difference is made up for.
const FINDINGS: &str = "
CREATE INDEX changes ON history (mark);
CREATE TABLE found (revision TEXT PRIMARY KEY, mark INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE suspended (
    revision TEXT NOT NULL REFERENCES found ON DELETE CASCADE, kind TEXT NOT NULL, of TEXT NOT NULL, part TEXT NOT NULL,
    PRIMARY KEY (revision, kind, of, part)
) STRICT, WITHOUT ROWID;
";

/// From version 1: it had no marks, and one revision, whose findings are found out again.
const FROM_1: &str = "
ALTER TABLE documents DROP COLUMN suspended;
ALTER TABLE history ADD COLUMN mark INTEGER NOT NULL DEFAULT 1;
DELETE FROM facts WHERE name = 'base';
INSERT INTO facts VALUES ('mark', '1');
";

/// Documents in an SQLite database.
pub(super) struct SqliteDocuments {
    connection: Mutex<Connection>,
    shared: Shared,
}

impl fmt::Debug for SqliteDocuments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqliteDocuments")
    }
}

impl From<rusqlite::Error> for Outage {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<rusqlite::Error> for Unwritten {
    fn from(error: rusqlite::Error) -> Self {
        Self::Outage(error.into())
    }
}

impl SqliteDocuments {
    /// Opens the documents in a file, or begins some; the file and its folder are for their owner alone. No write waits longer
    /// than `patience` for others who hold the database.
    ///
    /// # Errors
    /// Why they cannot be opened.
    pub(super) fn open(file: &Path, patience: Duration) -> Result<Self, String> {
        if let Some(folder) = file.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| error.to_string())?;
        }
        let made = OpenOptions::new().append(true).create(true).mode(0o600).open(file);
        made.map_err(|error| error.to_string())?;
        let opened = Connection::open(file).map_err(|error| error.to_string())?;
        let connection = prepare(opened, patience).map_err(|error| error.to_string())?;
        match version(&connection).map_err(|error| error.to_string())? {
            VERSION => Ok(Self { connection: Mutex::new(connection), shared: Shared::default() }),
            other => Err(format!("it is of version {other}, and this program knows {VERSION}")),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Makes the tables, or makes them what they are in this version; those of a later one stay as they are.
fn prepare(mut connection: Connection, patience: Duration) -> rusqlite::Result<Connection> {
    connection.busy_timeout(patience)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    if version(&connection)? < VERSION {
        let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have been first.
        let script = match version(&change)? {
            0 => Some(TABLES),
            1 => Some(FROM_1),
            _ => None,
        };
        if let Some(script) = script {
            change.execute_batch(script)?;
            change.execute_batch(FINDINGS)?;
            change.pragma_update(None, "user_version", VERSION)?;
        }
        change.commit()?;
    }
    Ok(connection)
}

/// The columns of a version and its key, of `documents` and of `history`.
const COLUMNS: &str = "kind, of, part, version, body, by, at";

impl DocumentStore for SqliteDocuments {
    fn all(&self) -> Result<Read, Outage> {
        self.read(&format!("SELECT {COLUMNS} FROM documents WHERE ?1 = ?1"), 0)
    }

    fn since(&self, seen: Mark) -> Result<Read, Outage> {
        let last = "SELECT max(version) FROM history WHERE kind = h.kind AND of = h.of AND part = h.part";
        self.read(&format!("SELECT {COLUMNS} FROM history AS h WHERE mark > ?1 AND version = ({last})"), seen)
    }

    fn history(&self, key: &Key) -> Result<Vec<Version>, Outage> {
        let connection = self.lock();
        let select =
            format!("SELECT {COLUMNS} FROM history WHERE kind = ?1 AND of = ?2 AND part = ?3 ORDER BY version DESC");
        let mut select = connection.prepare_cached(&select)?;
        let rows = select.query_map((&key.kind, &key.of, &key.part), |row| Ok(last(row)?.version))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn write(&self, writing: &Writing<'_>) -> Result<Written, Unwritten> {
        let connection = self.lock();
        let change = Transaction::new_unchecked(&connection, TransactionBehavior::Immediate)?;
        if mark(&change)? != writing.seen {
            return Err(Unwritten::Behind);
        }
        if writing.writes.is_empty() {
            return Ok(Written { mark: writing.seen, versions: Vec::new() });
        }
        let new = writing.seen.saturating_add(1);
        let versions = put(&change, writing, new)?;
        change.execute("UPDATE facts SET value = ?1 WHERE name = 'mark'", [new.to_string()])?;
        change.commit()?;
        self.shared.ring(new);
        Ok(Written { mark: new, versions })
    }

    fn can_write(&self) -> Result<(), Outage> {
        let connection = self.lock();
        let change = Transaction::new_unchecked(&connection, TransactionBehavior::Immediate)?;
        Ok(change.execute("UPDATE facts SET value = value", []).map(drop)?)
    }

    fn suspended(&self, revision: &str) -> Result<Option<Suspended>, Outage> {
        let connection = self.lock();
        let found = "SELECT mark FROM found WHERE revision = ?1";
        let Some(mark) = connection.query_row(found, [revision], |row| row.get(0)).optional()? else { return Ok(None) };
        let mut select = connection.prepare_cached("SELECT kind, of, part FROM suspended WHERE revision = ?1")?;
        let rows = select.query_map([revision], key)?;
        Ok(Some(Suspended { mark: unsigned(mark), keys: rows.collect::<Result<_, _>>()? }))
    }

    fn suspend(&self, revision: &str, suspended: &Suspended) -> Result<(), Outage> {
        let connection = self.lock();
        let change = Transaction::new_unchecked(&connection, TransactionBehavior::Immediate)?;
        let later = "SELECT 1 FROM found WHERE revision = ?1 AND mark > ?2";
        let mark = signed(suspended.mark);
        if change.query_row(later, params![revision, mark], |_| Ok(())).optional()?.is_some() {
            return Ok(());
        }
        change.execute("DELETE FROM found WHERE revision = ?1", [revision])?;
        let old =
            "DELETE FROM found WHERE revision IN (SELECT revision FROM found ORDER BY mark DESC LIMIT -1 OFFSET ?1)";
        change.execute(old, [REVISIONS.saturating_sub(1)])?;
        change.execute("INSERT INTO found VALUES (?1, ?2)", params![revision, mark])?;
        for key in &suspended.keys {
            let insert = "INSERT OR IGNORE INTO suspended VALUES (?1, ?2, ?3, ?4)";
            change.prepare_cached(insert)?.execute((revision, &key.kind, &key.of, &key.part))?;
        }
        Ok(change.commit()?)
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

impl SqliteDocuments {
    /// What a query finds, and the mark of the same moment.
    fn read(&self, select: &str, seen: Mark) -> Result<Read, Outage> {
        let connection = self.lock();
        let moment = Transaction::new_unchecked(&connection, TransactionBehavior::Deferred)?;
        let mark = mark(&moment)?;
        let mut select = moment.prepare_cached(select)?;
        let documents = select.query_map([signed(seen)], last)?.collect::<Result<_, _>>()?;
        Ok(Read { mark, documents })
    }
}

/// Writes documents one after the other; gives their versions.
fn put(change: &Transaction<'_>, writing: &Writing<'_>, mark: Mark) -> rusqlite::Result<Vec<u32>> {
    let (by, at, mark) = (writing.by, writing.at.timestamp_micros(), signed(mark));
    let known = "UPDATE found SET mark = ?1 WHERE revision = ?2 AND mark = ?3";
    let is_known = change.execute(known, params![mark, writing.revision, signed(writing.seen)])? > 0;
    let mut versions = Vec::with_capacity(writing.writes.len());
    for write in writing.writes {
        let name = (write.key.kind.as_str(), write.key.of.as_str(), write.key.part.as_str());
        let last = "SELECT max(version) FROM history WHERE kind = ?1 AND of = ?2 AND part = ?3";
        let last: Option<u32> = change.prepare_cached(last)?.query_row(name, |row| row.get(0))?;
        let version = last.unwrap_or_default().saturating_add(1);
        let insert = "INSERT INTO history VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        change.prepare_cached(insert)?.execute((name.0, name.1, name.2, version, &write.body, by, at, mark))?;
        if let Some(body) = &write.body {
            let replace = "INSERT OR REPLACE INTO documents VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            change.prepare_cached(replace)?.execute((name.0, name.1, name.2, version, body, by, at))?;
        } else {
            let delete = "DELETE FROM documents WHERE kind = ?1 AND of = ?2 AND part = ?3";
            change.prepare_cached(delete)?.execute(name)?;
        }
        if is_known {
            let suits = "DELETE FROM suspended WHERE revision = ?1 AND kind = ?2 AND of = ?3 AND part = ?4";
            change.prepare_cached(suits)?.execute((writing.revision, name.0, name.1, name.2))?;
        }
        versions.push(version);
    }
    Ok(versions)
}

fn mark(connection: &Connection) -> rusqlite::Result<Mark> {
    let mark = "SELECT CAST(value AS INTEGER) FROM facts WHERE name = 'mark'";
    connection.query_row(mark, [], |row| row.get(0)).map(unsigned)
}

/// Marks are never less than 0, and never as large as they could be.
fn unsigned(mark: i64) -> Mark {
    mark.try_into().unwrap_or_default()
}

fn signed(mark: Mark) -> i64 {
    mark.try_into().unwrap_or(i64::MAX)
}

fn key(row: &Row<'_>) -> rusqlite::Result<Key> {
    Ok(Key { kind: row.get(0)?, of: row.get(1)?, part: row.get(2)? })
}

/// A row of [`COLUMNS`].
fn last(row: &Row<'_>) -> rusqlite::Result<Last> {
    let micros: i64 = row.get(6)?;
    let at = DateTime::<Utc>::from_timestamp_micros(micros);
    let at = at.ok_or(rusqlite::Error::IntegralValueOutOfRange(6, micros))?;
    Ok(Last { key: key(row)?, version: Version { version: row.get(3)?, body: row.get(4)?, by: row.get(5)?, at } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{conformance, store::documents::Write};
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn it_keeps_documents_as_every_store_does() {
        let (folder, number) = (tempfile::TempDir::new().unwrap(), AtomicU32::new(0));
        let open = || {
            let file = format!("{}.sqlite", number.fetch_add(1, Ordering::Relaxed));
            Box::new(SqliteDocuments::open(&folder.path().join(file), Duration::from_secs(60)).unwrap()) as _
        };
        conformance::documents::run(&open, 32);
    }

    /// The tables as version 1 had them, with a document that was changed, and one that was deleted.
    const VERSION_1: &str = r#"
        CREATE TABLE documents (
            kind TEXT NOT NULL, of TEXT NOT NULL, part TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
            by TEXT NOT NULL, at INTEGER NOT NULL, suspended INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (kind, of, part)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE history (
            kind TEXT NOT NULL, of TEXT NOT NULL, part TEXT NOT NULL, version INTEGER NOT NULL, body TEXT,
            by TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (kind, of, part, version)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        INSERT INTO facts VALUES ('base', 'sha256:1'), ('probe', '');
        INSERT INTO documents VALUES ('acl', 'model m', '', 2, '{"b":2}', 'ann', 20, 1);
        INSERT INTO history VALUES ('acl', 'model m', '', 1, '{"a":1}', 'ann', 10),
            ('acl', 'model m', '', 2, '{"b":2}', 'ann', 20),
            ('grant', 'model m', 'user bob', 1, '{}', 'cy', 15), ('grant', 'model m', 'user bob', 2, NULL, 'cy', 30);
        PRAGMA user_version = 1;
    "#;

    #[test]
    fn version_1_is_carried_over_whole() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("documents.sqlite");
        Connection::open(&file).unwrap().execute_batch(VERSION_1).unwrap();
        for _ in 0..2 {
            let store = SqliteDocuments::open(&file, Duration::from_secs(60)).unwrap();
            let all = store.all().unwrap();
            assert_eq!((all.mark, all.documents.len()), (1, 1));
            let told = |last: &Last| (last.key.of.clone(), last.version.version, last.version.body.clone());
            assert_eq!(told(&all.documents[0]), ("model m".to_owned(), 2, Some(r#"{"b":2}"#.to_owned())));
            let history = store.history(&all.documents[0].key).unwrap();
            assert_eq!(history.iter().map(|one| one.at.timestamp_micros()).collect::<Vec<_>>(), [20, 10]);
            assert_eq!(store.since(0).unwrap().documents.len(), 2, "also what was deleted");
            assert_eq!(store.suspended("sha256:1"), Ok(None), "it is found out again");
        }
        let store = SqliteDocuments::open(&file, Duration::from_secs(60)).unwrap();
        let key = Key { kind: "grant".to_owned(), of: "model m".to_owned(), part: "user bob".to_owned() };
        let writes = [Write { key, body: Some("{}".to_owned()) }];
        let writing = Writing { seen: 1, revision: "", writes: &writes, by: "ann", at: DateTime::UNIX_EPOCH };
        assert_eq!(store.write(&writing), Ok(Written { mark: 2, versions: vec![3] }));
    }

    #[test]
    fn a_later_version_is_left_as_it_is() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("documents.sqlite");
        Connection::open(&file).unwrap().execute_batch("PRAGMA user_version = 3;").unwrap();
        let error = SqliteDocuments::open(&file, Duration::ZERO).unwrap_err();
        assert_eq!(error, "it is of version 3, and this program knows 2");
        assert_eq!(version(&Connection::open(&file).unwrap()), Ok(3));
    }
}
