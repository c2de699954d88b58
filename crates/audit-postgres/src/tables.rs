//! The tables, and what is done with a connection before anything is asked of them.
//!
//! `audit_nodes` says of each log under which key it goes and where it ends: its row is what a writer must have seen. The chunks
//! of each node are partitions of `audit_chunks`, `audit_chunks_1` and so on, and each of those has a partition for each month,
//! `audit_chunks_1_2026_11`: so a node makes and drops its own, and holds up nobody else. Instants are microseconds since 1970;
//! a chunk is of the month of its latest record.

use policyc_line_postgres::{Failed, Session, Tables};
use tokio_postgres::Client;

pub(crate) const TABLES: Tables = Tables { state: "audit", version: 1, sql: SQL };

const SQL: &str = "
CREATE TABLE audit (one boolean PRIMARY KEY DEFAULT true CHECK (one), version integer NOT NULL, needs integer NOT NULL);
CREATE TABLE audit_nodes (
    name text PRIMARY KEY, key bytea NOT NULL UNIQUE, number integer GENERATED ALWAYS AS IDENTITY,
    last bigint NOT NULL DEFAULT 0, hash bytea NOT NULL DEFAULT ''
);
CREATE TABLE audit_chunks (
    node text NOT NULL, first bigint NOT NULL, last bigint NOT NULL, earliest bigint NOT NULL, latest bigint NOT NULL,
    bodies text NOT NULL, hashes bytea NOT NULL, PRIMARY KEY (node, first, latest)
) PARTITION BY LIST (node);
CREATE INDEX audit_chunks_by_time ON audit_chunks (node, latest);
CREATE TABLE audit_checkpoints (
    node text NOT NULL, seq bigint NOT NULL, hash bytea NOT NULL, time text NOT NULL, signature bytea NOT NULL,
    PRIMARY KEY (node, seq)
);
CREATE TABLE audit_anchors (
    node text PRIMARY KEY, seq bigint NOT NULL, hash bytea NOT NULL, time text NOT NULL, signature bytea NOT NULL
);
CREATE TABLE audit_tally (
    node text NOT NULL, hour bigint NOT NULL, code text NOT NULL, count bigint NOT NULL, PRIMARY KEY (node, hour, code)
);
INSERT INTO audit VALUES (true, 1, 1);
";

/// After how long of saying nothing a writer is held to be gone, so that another can go on. It says something each second.
const GONE: &str = "SET idle_session_timeout = '30s'";

/// Who only reads: tables may be made later.
#[derive(Debug, Clone)]
pub(crate) struct Reading;

impl Session for Reading {
    async fn begin(&self, client: &mut Client, schema: &str) -> Result<(), Failed> {
        TABLES.are_there(client, schema).await.map(drop)
    }

    fn told(&self, _: &str) {}
}

/// Who writes the log of a key: nobody else does as long as the connection lasts.
#[derive(Debug, Clone)]
pub(crate) struct Writing {
    /// What is locked: a number that nothing else is likely to lock.
    pub(crate) lock: i64,
}

impl Session for Writing {
    async fn begin(&self, client: &mut Client, schema: &str) -> Result<(), Failed> {
        TABLES.prepare(client, schema).await?;
        client.batch_execute(GONE).await?;
        let is_free: bool = client.query_one("SELECT pg_try_advisory_lock($1)", &[&self.lock]).await?.try_get(0)?;
        let taken = "another process writes the log of this key; give each service its own `state`";
        is_free.then_some(()).ok_or_else(|| Failed::Refused(taken.to_owned()))
    }

    fn told(&self, _: &str) {}
}
