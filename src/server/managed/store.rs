//! Where managed documents are kept: an SQLite database with all that they ever said.

use super::document::{Body, Document, Key, Kind};
use crate::server::settings::Faulty;
use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, types::Type};
use serde_json::{Value, json};
use std::{
    fs::{DirBuilder, OpenOptions},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    time::Duration,
};

/// The database, in the folder of the service's state.
const FILE: &str = "documents.sqlite";
/// The version of the tables, kept in `user_version`.
const VERSION: i64 = 1;
/// How long a write waits for others who hold the database.
const BUSY: Duration = Duration::from_secs(2);

/// `documents` is what holds now; `history` has every version, with no body where the document was deleted. `suspended` is 1
/// where a document's allows do not suit the policy files, whose revision `facts` knows as `base`.
const TABLES: &str = "
CREATE TABLE documents (
    kind TEXT NOT NULL, of TEXT NOT NULL, part TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
    by TEXT NOT NULL, at INTEGER NOT NULL, suspended INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (kind, of, part)
) STRICT, WITHOUT ROWID;
CREATE TABLE history (
    kind TEXT NOT NULL, of TEXT NOT NULL, part TEXT NOT NULL, version INTEGER NOT NULL, body TEXT,
    by TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (kind, of, part, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
";

/// A write: what a document says from now on; none: it is deleted.
#[derive(Debug)]
pub(super) struct Write<'a> {
    pub(super) key: &'a Key,
    pub(super) body: Option<&'a Body>,
}

/// One version of a document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Version {
    pub(crate) version: u32,
    /// What it said; none where it was deleted.
    pub(crate) body: Option<Body>,
    pub(crate) by: String,
    pub(crate) at: DateTime<Utc>,
}

impl Version {
    /// As JSON, for people and tools.
    pub(crate) fn json(&self) -> Value {
        json!({
            "version": self.version,
            "by": self.by,
            "at": self.at.to_rfc3339_opts(SecondsFormat::Millis, true),
            "document": self.body.as_ref().map(Body::told),
        })
    }
}

/// All that is kept.
#[derive(Debug)]
pub(super) struct Store(Connection);

impl Store {
    /// Opens the documents of a state folder, or begins some; without a folder, in memory.
    pub(super) fn open(state: Option<&Path>) -> Result<Self, Faulty> {
        match state {
            None => Self::prepare(Connection::open_in_memory()).map_err(|error| Faulty(format!("documents: {error}"))),
            Some(state) => {
                let path = state.join(FILE);
                let faulty = |error: &dyn std::fmt::Display| Faulty(format!("`{}`: {error}", path.display()));
                DirBuilder::new().recursive(true).mode(0o700).create(state).map_err(|error| faulty(&error))?;
                // It holds who may do what: it is for its owner alone.
                let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
                file.map_err(|error| faulty(&error))?;
                Self::prepare(Connection::open(&path)).map_err(|error| faulty(&error))
            }
        }
    }

    fn prepare(connection: rusqlite::Result<Connection>) -> Result<Self, String> {
        let fault = |error: rusqlite::Error| error.to_string();
        let mut connection = connection.map_err(fault)?;
        connection.busy_timeout(BUSY).map_err(fault)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(fault)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(fault)?;
        let version = |connection: &Connection| connection.pragma_query_value(None, "user_version", |row| row.get(0));
        if version(&connection).map_err(fault)? == 0_i64 {
            let change = connection.transaction().map_err(fault)?;
            change.execute_batch(TABLES).map_err(fault)?;
            change.pragma_update(None, "user_version", VERSION).map_err(fault)?;
            change.commit().map_err(fault)?;
        }
        match version(&connection).map_err(fault)? {
            VERSION => Ok(Self(connection)),
            other => Err(format!("it is of version {other}, and this program knows {VERSION}")),
        }
    }

    /// All documents, and which of them are suspended.
    pub(super) fn all(&self) -> rusqlite::Result<Vec<(Document, bool)>> {
        let select = "SELECT kind, of, part, version, body, by, at, suspended FROM documents";
        let mut select = self.0.prepare(select)?;
        let rows = select.query_map([], |row| {
            let key = key(row)?;
            let body = body(row, key.kind)?.ok_or(rusqlite::Error::InvalidQuery)?;
            let document = Document { key, version: row.get(3)?, body, by: row.get(5)?, at: at(row)? };
            Ok((document, row.get(7)?))
        })?;
        rows.collect()
    }

    /// All versions of a document, the last first.
    pub(super) fn history(&self, key: &Key) -> rusqlite::Result<Vec<Version>> {
        let select = "SELECT kind, of, part, version, body, by, at FROM history
                      WHERE kind = ?1 AND of = ?2 AND part = ?3 ORDER BY version DESC";
        let mut select = self.0.prepare_cached(select)?;
        let rows = select.query_map((key.kind.name(), &key.of, &key.part), |row| {
            let body = body(row, key.kind)?;
            Ok(Version { version: row.get(3)?, body, by: row.get(5)?, at: at(row)? })
        })?;
        rows.collect()
    }

    /// Writes documents, all or none; none may be suspended afterwards. Gives their versions.
    pub(super) fn write(&self, writes: &[Write<'_>], by: &str, now: DateTime<Utc>) -> rusqlite::Result<Vec<u32>> {
        let change = Transaction::new_unchecked(&self.0, TransactionBehavior::Immediate)?;
        let at = now.timestamp_micros();
        let mut versions = Vec::with_capacity(writes.len());
        for Write { key, body } in writes {
            let name = (key.kind.name(), key.of.as_str(), key.part.as_str());
            let last = "SELECT max(version) FROM history WHERE kind = ?1 AND of = ?2 AND part = ?3";
            let last: Option<u32> = change.prepare_cached(last)?.query_row(name, |row| row.get(0))?;
            let version = last.unwrap_or_default().saturating_add(1);
            let text = body.map(|body| body.json().to_string());
            let insert = "INSERT INTO history VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            change.prepare_cached(insert)?.execute((name.0, name.1, name.2, version, &text, by, at))?;
            match text {
                Some(text) => {
                    let replace = "INSERT OR REPLACE INTO documents VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)";
                    change.prepare_cached(replace)?.execute((name.0, name.1, name.2, version, text, by, at))?;
                }
                None => {
                    let delete = "DELETE FROM documents WHERE kind = ?1 AND of = ?2 AND part = ?3";
                    change.prepare_cached(delete)?.execute(name)?;
                }
            }
            versions.push(version);
        }
        change.commit()?;
        Ok(versions)
    }

    /// Whether a write would succeed, as far as can be told without one.
    pub(super) fn can_write(&self) -> bool {
        let change = Transaction::new_unchecked(&self.0, TransactionBehavior::Immediate);
        change
            .and_then(|change| change.execute("INSERT OR REPLACE INTO facts VALUES ('probe', '')", []).map(drop))
            .is_ok()
    }

    /// The revision of the policy files that the documents were held against last.
    pub(super) fn base(&self) -> rusqlite::Result<Option<String>> {
        self.0.query_row("SELECT value FROM facts WHERE name = 'base'", [], |row| row.get(0)).optional()
    }

    /// Keeps which documents do not suit the policy files of a revision.
    pub(super) fn suspend(&self, base: &str, suspended: &[&Key]) -> rusqlite::Result<()> {
        let change = Transaction::new_unchecked(&self.0, TransactionBehavior::Immediate)?;
        change.execute("UPDATE documents SET suspended = 0 WHERE suspended = 1", [])?;
        for key in suspended {
            let update = "UPDATE documents SET suspended = 1 WHERE kind = ?1 AND of = ?2 AND part = ?3";
            change.prepare_cached(update)?.execute((key.kind.name(), &key.of, &key.part))?;
        }
        change.execute("INSERT OR REPLACE INTO facts VALUES ('base', ?1)", [base])?;
        change.commit()
    }
}

fn key(row: &Row<'_>) -> rusqlite::Result<Key> {
    let kind: String = row.get(0)?;
    let unknown = || rusqlite::Error::FromSqlConversionFailure(0, Type::Text, format!("no kind `{kind}`").into());
    Ok(Key { kind: Kind::named(&kind).ok_or_else(unknown)?, of: row.get(1)?, part: row.get(2)? })
}

fn body(row: &Row<'_>, kind: Kind) -> rusqlite::Result<Option<Body>> {
    let text: Option<String> = row.get(4)?;
    let body = text.map(|text| Body::read(kind, &text)).transpose();
    body.map_err(|error| rusqlite::Error::FromSqlConversionFailure(4, Type::Text, error.into()))
}

fn at(row: &Row<'_>) -> rusqlite::Result<DateTime<Utc>> {
    let micros: i64 = row.get(6)?;
    DateTime::from_timestamp_micros(micros).ok_or(rusqlite::Error::IntegralValueOutOfRange(6, micros))
}
