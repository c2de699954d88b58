//! The log's file: an SQLite database, which others may read while it is written.

use super::{super::fault::Fault, tally};
use crate::store::audit::{Checkpoint, Place};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, types::Type};
use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt, path::Path};

/// The database.
pub(super) const FILE: &str = "log.sqlite";

/// The version of the tables, kept in `user_version`.
const VERSION: i64 = 3;
/// The version in which no chunk was packed.
const UNPACKED: i64 = 2;
/// The version in which each record had a row of its own, in a table `records`.
const ROWS: i64 = 1;

const TABLES: &str = "
CREATE TABLE checkpoints (seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, time TEXT NOT NULL, signature BLOB NOT NULL) STRICT;
CREATE TABLE anchor (seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, time TEXT NOT NULL, signature BLOB NOT NULL) STRICT;
";

/// Bodies and hashes are what the chain is made of: the times are only there to find records, and say what the bodies say.
/// Where bodies are packed, there is an empty text in their place.
const CHUNKS: &str = "
CREATE TABLE chunks (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, earliest INTEGER NOT NULL, latest INTEGER NOT NULL,
  bodies TEXT NOT NULL, hashes BLOB NOT NULL, packed BLOB) STRICT;
CREATE INDEX chunks_by_time ON chunks (latest);
";

/// Rows as chunks.
const ROWS_AS_CHUNKS: &str = "
SELECT seq AS first, seq AS last, time AS earliest, time AS latest, body AS bodies, hash AS hashes, NULL AS packed
FROM records";
/// Chunks of which none is packed, as they are now.
const UNPACKED_AS_CHUNKS: &str = "SELECT *, NULL AS packed FROM main.chunks";

/// Opens the log to write it; makes it where there is none.
///
/// # Errors
/// If it cannot be opened, or is of another version.
pub(super) fn create(folder: &Path, durable: bool) -> Result<Connection, Fault> {
    let path = folder.join(FILE);
    let fault = |error: rusqlite::Error| Fault::new(&path, error);
    // It holds who did what: it is for its owner alone. What SQLite puts beside it has the same permissions.
    OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(|error| Fault::new(&path, error))?;
    let mut connection = Connection::open(&path).map_err(fault)?;
    // Records are long: so more of them share what a page costs.
    connection.pragma_update(None, "page_size", 8192).map_err(fault)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(fault)?;
    connection.pragma_update(None, "synchronous", if durable { "FULL" } else { "NORMAL" }).map_err(fault)?;
    connection.pragma_update(None, "secure_delete", true).map_err(fault)?;
    begin(&mut connection).map_err(fault)?;
    check_version(&connection, &path, &[VERSION])?;
    Ok(connection)
}

/// Makes the tables where there are none, or of those of an earlier version.
fn begin(connection: &mut Connection) -> rusqlite::Result<()> {
    let version = version(connection)?;
    let change = connection.transaction()?;
    match version {
        0 => {
            change.execute_batch(CHUNKS)?;
            change.execute_batch(TABLES)?;
            tally::create(&change)?;
        }
        ROWS => {
            change.execute_batch(CHUNKS)?;
            tally::of_rows(&change)?;
            change.execute_batch(&format!("INSERT INTO chunks {ROWS_AS_CHUNKS} ORDER BY seq; DROP TABLE records;"))?;
        }
        UNPACKED => change.execute_batch("ALTER TABLE chunks ADD COLUMN packed BLOB")?,
        _ => return Ok(()),
    }
    change.pragma_update(None, "user_version", VERSION)?;
    change.commit()
}

/// Opens a log to read it. It may be written meanwhile.
///
/// # Errors
/// If there is none, or it is of another version.
pub(super) fn open(folder: &Path) -> Result<Connection, Fault> {
    let path = folder.join(FILE);
    if !path.is_file() {
        return Err(Fault::new(&path, "there is no audit log"));
    }
    let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let connection = connection.map_err(|error| Fault::new(&path, error))?;
    if version(&connection).is_ok() || folder.join(format!("{FILE}-wal")).exists() {
        return readable(connection, &path);
    }
    // In a folder that cannot be written, and where nobody else writes, the file alone is all there is.
    let uri = format!("file:{}?immutable=1", path.display().to_string().replace('%', "%25").replace('?', "%3f"));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri, flags).map_err(|error| Fault::new(&path, error))?;
    readable(connection, &path)
}

/// A log that can be read, of whichever version it is.
fn readable(connection: Connection, path: &Path) -> Result<Connection, Fault> {
    let fault = |error: rusqlite::Error| Fault::new(path, error);
    let as_chunks = match check_version(&connection, path, &[VERSION, UNPACKED, ROWS])? {
        ROWS => ROWS_AS_CHUNKS,
        UNPACKED => UNPACKED_AS_CHUNKS,
        _ => return Ok(connection),
    };
    connection.pragma_update(None, "temp_store", "MEMORY").map_err(fault)?;
    connection.execute_batch(&format!("CREATE TEMP VIEW chunks AS {as_chunks}")).map_err(fault)?;
    Ok(connection)
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn check_version(connection: &Connection, path: &Path, known: &[i64]) -> Result<i64, Fault> {
    match version(connection) {
        Ok(version) if known.contains(&version) => Ok(version),
        Ok(other) => Err(Fault::new(path, format!("it is of version {other}, and this program knows {VERSION}"))),
        Err(error) => Err(Fault::new(path, error)),
    }
}

/// The checkpoints in the log, in their order.
pub(super) fn checkpoints(connection: &Connection) -> rusqlite::Result<Vec<Checkpoint>> {
    let mut select = connection.prepare("SELECT seq, hash, time, signature FROM checkpoints ORDER BY seq")?;
    select.query_map([], checkpoint)?.collect()
}

/// Up to where records were removed because they were old.
pub(super) fn anchor(connection: &Connection) -> rusqlite::Result<Option<Checkpoint>> {
    let select = "SELECT seq, hash, time, signature FROM anchor ORDER BY seq DESC LIMIT 1";
    connection.query_row(select, [], checkpoint).optional()
}

fn checkpoint(row: &Row<'_>) -> rusqlite::Result<Checkpoint> {
    Ok(Checkpoint { seq: row.get(0)?, hash: exactly(row, 1)?, time: row.get(2)?, signature: exactly(row, 3)? })
}

fn exactly<const N: usize>(row: &Row<'_>, column: usize) -> rusqlite::Result<[u8; N]> {
    let bytes: Vec<u8> = row.get(column)?;
    let size = bytes.len();
    bytes.try_into().map_err(|_| {
        let error = format!("{size} bytes where {N} are wanted");
        rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, error.into())
    })
}

/// The last record.
pub(super) fn last(connection: &Connection) -> rusqlite::Result<Option<Place>> {
    let select = "SELECT last, hashes FROM chunks ORDER BY first DESC LIMIT 1";
    let last = connection.query_row(select, [], |row| {
        let hash = row.get_ref(1)?.as_blob()?.last_chunk().copied();
        Ok(Place { seq: row.get(0)?, hash: hash.unwrap_or_default() })
    });
    last.optional()
}

/// The numbers of the first and the last record; none where there is no record.
pub(super) fn span(connection: &Connection) -> rusqlite::Result<Option<(i64, i64)>> {
    let first = "SELECT first FROM chunks ORDER BY first LIMIT 1";
    let last = "SELECT last FROM chunks ORDER BY first DESC LIMIT 1";
    let one = |select: &str| connection.query_row(select, [], |row| row.get(0)).optional();
    Ok(one(first)?.zip(one(last)?))
}
