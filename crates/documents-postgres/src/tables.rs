//! The tables, and how they come about: in a connection that was just made, before anything else is asked of it.
//!
//! They say themselves of which version they are, and which version a program must at least know to use them: `needs`. So a
//! program may find tables of a later version and go on, as long as that version only added something. To change tables so that
//! programs of before would do harm, `needs` is raised: each of their calls looks at it, and refuses from then on.
//!
//! Whoever changes tables holds a lock, so that of several programs which start together one does, and the others find it done.

use crate::line::Failed;
use tokio_postgres::Client;

/// The version of the tables that this program makes, and knows.
pub(crate) const VERSION: i32 = 1;
/// What the lock is called: any number that nothing else is likely to lock.
const LOCK: i64 = 0x706f_6c69_6379_6300;

/// `documents` is what holds now; `history` has every version, with no body where the document was deleted, and the mark of
/// its change. `found` says about which mark it was found out which documents are `suspended` under a revision of the policy
/// files. `nodes` are those that share all this. Instants are microseconds since 1970. A row's `id` is a digest of its key.
const TABLES: &str = "
CREATE TABLE state (
    one boolean PRIMARY KEY DEFAULT true CHECK (one), version integer NOT NULL, needs integer NOT NULL, mark bigint NOT NULL
);
CREATE TABLE documents (
    id bytea PRIMARY KEY, kind text NOT NULL, of text NOT NULL, part text NOT NULL, version bigint NOT NULL,
    body text NOT NULL, by text NOT NULL, at bigint NOT NULL
);
CREATE TABLE history (
    id bytea NOT NULL, kind text NOT NULL, of text NOT NULL, part text NOT NULL, version bigint NOT NULL,
    body text, by text NOT NULL, at bigint NOT NULL, mark bigint NOT NULL, PRIMARY KEY (id, version)
);
CREATE INDEX changes ON history (mark);
CREATE TABLE found (revision text PRIMARY KEY, mark bigint NOT NULL);
CREATE TABLE suspended (
    revision text NOT NULL REFERENCES found ON DELETE CASCADE, id bytea NOT NULL,
    kind text NOT NULL, of text NOT NULL, part text NOT NULL, PRIMARY KEY (revision, id)
);
CREATE TABLE nodes (name text PRIMARY KEY, mark bigint NOT NULL, at timestamptz NOT NULL);
INSERT INTO state VALUES (true, 1, 1, 0);
";

/// Makes the tables where there are none, in a schema of a name that needs no quotes. Gives the mark.
pub(crate) async fn prepare(client: &mut Client, schema: &str) -> Result<i64, Failed> {
    if let Some(mark) = look(client, schema).await? {
        return Ok(mark);
    }
    let change = client.transaction().await?;
    change.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    // Another program may have been first.
    let is_there = change.query_opt("SELECT 1 FROM pg_namespace WHERE nspname = $1", &[&schema]).await?.is_some();
    if !is_there {
        change.batch_execute(&format!("CREATE SCHEMA {schema}")).await?;
    }
    if change.query_one(STATE, &[&format!("{schema}.state")]).await?.get::<_, Option<String>>(0).is_none() {
        change.batch_execute(TABLES).await?;
    }
    change.commit().await?;
    look(client, schema).await?.ok_or_else(|| Failed::Refused("its tables are gone".to_owned()))
}

const STATE: &str = "SELECT to_regclass($1)::text";

/// The mark, where there are tables that this program can use; none where there are no tables.
async fn look(client: &Client, schema: &str) -> Result<Option<i64>, Failed> {
    let table = client.query_one(STATE, &[&format!("{schema}.state")]).await?.get::<_, Option<String>>(0);
    if table.is_none() {
        return Ok(None);
    }
    let row = client.query_one("SELECT version, needs, mark FROM state", &[]).await?;
    let (version, needs): (i32, i32) = (row.try_get(0)?, row.try_get(1)?);
    // There was none before the first.
    if version < VERSION || needs > VERSION {
        return Err(unknown(version, needs));
    }
    Ok(Some(row.try_get(2)?))
}

/// Refuses tables that this program must not use any more.
pub(crate) fn known(needs: i32) -> Result<(), Failed> {
    if needs <= VERSION { Ok(()) } else { Err(unknown(needs, needs)) }
}

fn unknown(version: i32, needs: i32) -> Failed {
    Failed::Refused(format!(
        "its tables are of version {version} and want a program that knows version {needs}; this one knows {VERSION}"
    ))
}
