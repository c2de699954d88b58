//! The tables, with the mark in the one row of `state`, and what is done with a connection to them.

use policyc::store::documents::Mark;
use policyc_line_postgres::{Failed, Session, Tables};
use tokio::sync::watch;
use tokio_postgres::Client;

/// `documents` is what holds now; `history` has every version, with no body where the document was deleted, and the mark of
/// its change. `found` says about which mark it was found out which documents are `suspended` under a revision of the policy
/// files. `nodes` are those that share all this. Instants are microseconds since 1970. A row's `id` is a digest of its key.
pub(crate) const TABLES: Tables = Tables { state: "state", version: 1, sql: SQL };

const SQL: &str = "
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

/// Listens to the channel that is called as the schema; what somebody wrote is kept as a mark.
#[derive(Clone)]
pub(crate) struct Listening(pub(crate) watch::Sender<Mark>);

impl Session for Listening {
    async fn begin(&self, client: &mut Client, schema: &str) -> Result<(), Failed> {
        TABLES.prepare(client, schema).await?;
        let now: i64 = client.query_one("SELECT mark FROM state", &[]).await?.try_get(0)?;
        client.batch_execute(&format!("LISTEN {schema}")).await?;
        // What was written before that is read by whoever waits, at the latest when they have waited long enough.
        self.0.send_replace(now.try_into().unwrap_or_default());
        Ok(())
    }

    fn told(&self, text: &str) {
        if let Ok(told) = text.parse() {
            self.0.send_replace(told);
        }
    }
}
