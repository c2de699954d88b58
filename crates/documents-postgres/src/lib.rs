//! Managed documents that several machines share, kept in PostgreSQL as `policyc::store::documents` says.
//!
//! In go writes, out come the documents of all. A write is one transaction that holds the row with the mark, so writes come one
//! after the other, and none is put upon what its writer has not seen. Each tells all who listen of its mark; who listens to
//! nobody finds it by asking. How the tables come about, and what
//! becomes of those of another version, is said where [`Tables`](policyc_line_postgres::Tables) are.
//!
//! Texts of PostgreSQL have no NUL, so that stands as `\0` in keys and names, and a backslash as `\\`.

mod tables;

use chrono::DateTime;
use policyc::store::{
    Address, Outage,
    documents::{DocumentStore, Key, Last, Mark, Node, Read, Suspended, Unwritten, Version, Write, Writing, Written},
};
use policyc_line_postgres::{Failed, Held, Line};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tables::{Listening, TABLES};
use tokio::{sync::watch, time};
use tokio_postgres::{Row, Transaction};

/// The schema of the tables.
const SCHEMA: &str = "policyc";
/// For how many revisions it is kept which documents are suspended.
const REVISIONS: i64 = 16;

/// Documents kept in PostgreSQL.
#[derive(Debug)]
pub struct PostgresDocuments {
    line: Line,
    /// The last mark that the server has told of.
    mark: watch::Sender<Mark>,
}

/// The store at an address, for [`Stores`](policyc::store::Stores).
///
/// # Errors
/// What is wrong with the address.
pub fn open(address: &Address, patience: Duration) -> Result<Arc<dyn DocumentStore>, String> {
    Ok(Arc::new(PostgresDocuments::new(address, patience)?))
}

impl PostgresDocuments {
    /// The store at an address: `postgres://[USER[:SECRET]@]HOST[:PORT]/DATABASE`, with `?sslmode=require` for TLS. It is connected
    /// to by itself, now and whenever the connection was lost; no call takes longer than `patience`.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn new(address: &Address, patience: Duration) -> Result<Self, String> {
        let (mark, _) = watch::channel(0);
        let line = Line::open(address, patience, SCHEMA, Listening(mark.clone()))?;
        Ok(Self { line, mark })
    }

    /// Documents of their own in the same database, for `policyc::conformance`. The name has small letters, digits and `_`.
    ///
    /// # Errors
    /// There are no threads.
    pub fn under_test(&self, name: &str) -> Result<Self, String> {
        let (mark, _) = watch::channel(0);
        let line = self.line.beside(&format!("policyc_test_{name}"), Listening(mark.clone()))?;
        Ok(Self { line, mark })
    }

    /// The mark that was read, and what had been told of before. What nobody else has told of meanwhile is not true.
    fn is_at(&self, mark: Mark, before: Mark) {
        self.mark.send_if_modified(|told| {
            let is_wrong = *told == before && *told != mark;
            if is_wrong {
                *told = mark;
            }
            is_wrong
        });
    }

    /// What a query finds, with what the tables need and the mark of the same moment.
    fn read(&self, query: &'static str, seen: Mark) -> Result<Read, Outage> {
        let before = *self.mark.borrow();
        let read = self.line.ask(move |client| async move {
            let rows = client.query(query, &[&signed(seen)]).await?;
            let first = rows.first().ok_or_else(nonsense)?;
            TABLES.known(first.try_get(0)?)?;
            let mark = unsigned(first.try_get(1)?);
            let mut documents = Vec::with_capacity(rows.len());
            for row in &rows {
                // Where there are no documents, there is a row all the same.
                if row.try_get::<_, Option<i64>>(5)?.is_some() {
                    documents.push(Last { key: key(row, 2)?, version: version(row, 5)? });
                }
            }
            Ok(Read { mark, documents })
        })?;
        self.is_at(read.mark, before);
        Ok(read)
    }
}

const ALL: &str = "
SELECT needs, mark, kind, of, part, d.version, body, by, at
FROM state LEFT JOIN documents AS d ON true WHERE $1::bigint IS NOT NULL";

const SINCE: &str = "
SELECT needs, state.mark, kind, of, part, h.version, body, by, at
FROM state LEFT JOIN (
    SELECT DISTINCT ON (id) * FROM history WHERE mark > $1 ORDER BY id, version DESC
) AS h ON true";

impl DocumentStore for PostgresDocuments {
    fn all(&self) -> Result<Read, Outage> {
        self.read(ALL, 0)
    }

    fn since(&self, seen: Mark) -> Result<Read, Outage> {
        self.read(SINCE, seen)
    }

    fn history(&self, key: &Key) -> Result<Vec<Version>, Outage> {
        let id = id(key);
        self.line.ask(move |client| async move {
            let select = "SELECT version, body, by, at FROM history WHERE id = $1 ORDER BY version DESC";
            client.query(select, &[&id]).await?.iter().map(|row| version(row, 0)).collect()
        })
    }

    fn write(&self, writing: &Writing<'_>) -> Result<Written, Unwritten> {
        let is_committing = Arc::new(AtomicBool::new(false));
        let change = Change::of(writing, self.line.schema());
        let committing = is_committing.clone();
        match self.line.ask(move |client| write(client, change, committing)) {
            Ok(Some(written)) => Ok(written),
            Ok(None) => Err(Unwritten::Behind),
            Err(outage) if is_committing.load(Ordering::Acquire) => Err(Unwritten::InDoubt(outage)),
            Err(outage) => Err(outage.into()),
        }
    }

    fn can_write(&self) -> Result<(), Outage> {
        self.line.ask(|mut client| async move {
            let change = client.transaction().await?;
            TABLES.known(change.query_one("UPDATE state SET mark = mark RETURNING needs", &[]).await?.try_get(0)?)?;
            Ok(change.rollback().await?)
        })
    }

    fn suspended(&self, revision: &str) -> Result<Option<Suspended>, Outage> {
        let revision = escaped(revision);
        self.line.ask(move |client| async move {
            let select =
                "SELECT mark, kind, of, part FROM found LEFT JOIN suspended USING (revision) WHERE revision = $1";
            let rows = client.query(select, &[&revision]).await?;
            let Some(first) = rows.first() else { return Ok(None) };
            let mut keys = Vec::with_capacity(rows.len());
            for row in &rows {
                if row.try_get::<_, Option<&str>>(1)?.is_some() {
                    keys.push(key(row, 1)?);
                }
            }
            Ok(Some(Suspended { mark: unsigned(first.try_get(0)?), keys }))
        })
    }

    fn suspend(&self, revision: &str, suspended: &Suspended) -> Result<(), Outage> {
        let (revision, mark) = (escaped(revision), signed(suspended.mark));
        let names = Names::of(suspended.keys.iter());
        self.line.ask(move |client| suspend(client, revision, mark, names))
    }

    fn wait(&self, seen: Mark, most: Duration) {
        let mut mark = self.mark.subscribe();
        self.line.run(async move {
            let _ = time::timeout(most, mark.wait_for(|mark| *mark > seen)).await;
        });
    }

    fn report(&self, node: &str, mark: Mark) -> Result<(), Outage> {
        let (node, mark) = (escaped(node), signed(mark));
        self.line.ask(move |mut client| async move {
            let change = client.transaction().await?;
            // It is said again soon, so nobody waits for a disk.
            change.batch_execute("SET LOCAL synchronous_commit = off").await?;
            let report = "INSERT INTO nodes VALUES ($1, $2, clock_timestamp())
                ON CONFLICT (name) DO UPDATE SET mark = EXCLUDED.mark, at = EXCLUDED.at";
            change.execute(report, &[&node, &mark]).await?;
            change.execute("DELETE FROM nodes WHERE at < clock_timestamp() - interval '1 hour'", &[]).await?;
            Ok(change.commit().await?)
        })
    }

    fn leave(&self, node: &str) -> Result<(), Outage> {
        let node = escaped(node);
        self.line.ask(move |client| async move {
            Ok(client.execute("DELETE FROM nodes WHERE name = $1", &[&node]).await.map(drop)?)
        })
    }

    fn nodes(&self) -> Result<Vec<Node>, Outage> {
        self.line.ask(|client| async move {
            let age = "extract(epoch FROM clock_timestamp() - at)::float8";
            let select = format!("SELECT name, mark, {age} FROM nodes ORDER BY name COLLATE \"C\"");
            let node = |row: &Row| {
                let age = Duration::try_from_secs_f64(row.try_get(2)?).unwrap_or_default();
                Ok(Node { name: plain(row.try_get(0)?), mark: unsigned(row.try_get(1)?), age })
            };
            client.query(&select, &[]).await?.iter().map(node).collect()
        })
    }
}

/// A write, as rows.
struct Change {
    seen: i64,
    revision: String,
    by: String,
    at: i64,
    channel: String,
    names: Names,
    bodies: Vec<Option<String>>,
}

/// Keys, as columns.
#[derive(Default)]
struct Names {
    ids: Vec<Vec<u8>>,
    kinds: Vec<String>,
    ofs: Vec<String>,
    parts: Vec<String>,
}

impl Names {
    fn of<'a>(keys: impl Iterator<Item = &'a Key>) -> Self {
        let mut names = Self::default();
        for key in keys {
            names.ids.push(id(key));
            names.kinds.push(escaped(&key.kind));
            names.ofs.push(escaped(&key.of));
            names.parts.push(escaped(&key.part));
        }
        names
    }
}

impl Change {
    fn of(writing: &Writing<'_>, channel: &str) -> Self {
        Self {
            seen: signed(writing.seen),
            revision: escaped(writing.revision),
            by: escaped(writing.by),
            at: writing.at.timestamp_micros(),
            channel: channel.to_owned(),
            names: Names::of(writing.writes.iter().map(|write: &Write| &write.key)),
            bodies: writing.writes.iter().map(|write| write.body.clone()).collect(),
        }
    }
}

/// Writes, unless somebody else wrote since: then there is nothing to tell. Says when the end of it is in nobody's hands any more.
async fn write(mut client: Held, change: Change, committing: Arc<AtomicBool>) -> Result<Option<Written>, Failed> {
    let transaction = client.transaction().await?;
    let state = transaction.query_one("SELECT needs, mark FROM state FOR UPDATE", &[]).await?;
    TABLES.known(state.try_get(0)?)?;
    if state.try_get::<_, i64>(1)? != change.seen {
        transaction.rollback().await?;
        return Ok(None);
    }
    if change.bodies.is_empty() {
        transaction.rollback().await?;
        return Ok(Some(Written { mark: unsigned(change.seen), versions: Vec::new() }));
    }
    let mark = change.seen.saturating_add(1);
    let versions = put(&transaction, &change, mark).await?;
    let known = "
        WITH known AS (UPDATE found SET mark = $1 WHERE revision = $2 AND mark = $3 RETURNING revision)
        DELETE FROM suspended AS s USING known WHERE s.revision = known.revision AND s.id = ANY($4)";
    transaction.execute(known, &[&mark, &change.revision, &change.seen, &change.names.ids]).await?;
    transaction.execute("UPDATE state SET mark = $1", &[&mark]).await?;
    transaction.execute("SELECT pg_notify($1, $2)", &[&change.channel, &mark.to_string()]).await?;
    committing.store(true, Ordering::Release);
    match transaction.commit().await {
        Ok(()) => {}
        Err(error) => {
            // What the server itself says did not come about, did not.
            committing.store(error.as_db_error().is_none(), Ordering::Release);
            return Err(error.into());
        }
    }
    Ok(Some(Written { mark: unsigned(mark), versions }))
}

/// Writes documents; gives their versions.
async fn put(transaction: &Transaction<'_>, change: &Change, mark: i64) -> Result<Vec<u32>, Failed> {
    let Change { by, at, names, bodies, .. } = change;
    let Names { ids, kinds, ofs, parts } = names;
    let select = "SELECT id, max(version) FROM history WHERE id = ANY($1) GROUP BY id";
    let mut last: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
    for row in transaction.query(select, &[ids]).await? {
        last.insert(row.try_get(0)?, row.try_get(1)?);
    }
    let mut versions = Vec::with_capacity(ids.len());
    for id in ids {
        let version = last.entry(id.clone()).or_default();
        *version = version.saturating_add(1);
        versions.push(*version);
    }
    let insert = "
        INSERT INTO history (id, kind, of, part, version, body, by, at, mark)
        SELECT *, $7, $8, $9 FROM unnest($1::bytea[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])";
    transaction.execute(insert, &[ids, kinds, ofs, parts, &versions, bodies, by, at, &mark]).await?;
    transaction.execute("DELETE FROM documents WHERE id = ANY($1)", &[ids]).await?;
    // Of what one write says of a key, the last holds.
    let insert = "
        INSERT INTO documents (id, kind, of, part, version, body, by, at)
        SELECT id, kind, of, part, version, body, by, at FROM (
            SELECT DISTINCT ON (id) * FROM history WHERE id = ANY($1) ORDER BY id, version DESC
        ) AS last WHERE body IS NOT NULL";
    transaction.execute(insert, &[ids]).await?;
    versions.into_iter().map(|version| u32::try_from(version).map_err(|_| nonsense())).collect()
}

async fn suspend(mut client: Held, revision: String, mark: i64, names: Names) -> Result<(), Failed> {
    let Names { ids, kinds, ofs, parts } = &names;
    let change = client.transaction().await?;
    change.execute("DELETE FROM found WHERE revision = $1 AND mark <= $2", &[&revision, &mark]).await?;
    let insert = "INSERT INTO found VALUES ($1, $2) ON CONFLICT DO NOTHING";
    if change.execute(insert, &[&revision, &mark]).await? == 0 {
        // Something is known about a later mark.
        return Ok(change.rollback().await?);
    }
    let insert = "
        INSERT INTO suspended SELECT $1, * FROM unnest($2::bytea[], $3::text[], $4::text[], $5::text[])
        ON CONFLICT DO NOTHING";
    change.execute(insert, &[&revision, ids, kinds, ofs, parts]).await?;
    let old = "
        DELETE FROM found WHERE revision <> $1
        AND revision NOT IN (SELECT revision FROM found ORDER BY mark DESC LIMIT $2)";
    change.execute(old, &[&revision, &REVISIONS]).await?;
    Ok(change.commit().await?)
}

/// The name of a key's rows.
fn id(key: &Key) -> Vec<u8> {
    // What is escaped has no NUL in it.
    let name = [&key.kind, &key.of, &key.part].map(|text| escaped(text)).join("\0");
    Sha256::digest(name).to_vec()
}

/// The key that stands in three columns, from one on.
fn key(row: &Row, first: usize) -> Result<Key, Failed> {
    let text = |more: usize| Ok::<_, Failed>(plain(row.try_get(first.saturating_add(more))?));
    Ok(Key { kind: text(0)?, of: text(1)?, part: text(2)? })
}

/// The version that stands in four columns, from one on.
fn version(row: &Row, first: usize) -> Result<Version, Failed> {
    let column = |more: usize| first.saturating_add(more);
    let version = u32::try_from(row.try_get::<_, i64>(column(0))?).map_err(|_| nonsense())?;
    let at = DateTime::from_timestamp_micros(row.try_get(column(3))?).ok_or_else(nonsense)?;
    Ok(Version { version, body: row.try_get(column(1))?, by: plain(row.try_get(column(2))?), at })
}

/// The server has said what no program has written.
fn nonsense() -> Failed {
    Failed::Refused("its tables hold what cannot be".to_owned())
}

/// A text as PostgreSQL can keep it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\0', "\\0")
}

/// And back.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\\' {
            plain.extend(characters.next().map(|next| if next == '0' { '\0' } else { next }));
        } else {
            plain.push(character);
        }
    }
    plain
}

/// Marks are never less than 0, and never as large as they could be.
fn unsigned(mark: i64) -> Mark {
    mark.try_into().unwrap_or_default()
}

fn signed(mark: Mark) -> i64 {
    mark.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{escaped, plain};

    #[test]
    fn texts_come_back_as_they_were() {
        for text in ["", "a", "\0", "\\", "\\0", "a\\\0\\0b\\", "ä\\\\"] {
            assert!(!escaped(text).contains('\0'));
            assert_eq!(plain(&escaped(text)), text);
        }
    }
}
