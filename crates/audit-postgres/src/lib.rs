//! Audit logs of several machines, kept in PostgreSQL as `policyc::store::audit` says.
//!
//! In go groups of records, out come the logs of all nodes. Each node has a chain of its own, and a connection that holds a lock
//! as long as it writes; others may read at any time. A group is one statement, so it is there wholly or not at all, and it names
//! what is last, so it is there once. How the tables come about is said where [`Tables`](policyc_line_postgres::Tables) are.

mod log;
mod month;
mod tables;
mod writer;

use log::PostgresLog;
use policyc::store::{
    Address,
    audit::{AuditLog, AuditStore, AuditWriter, Node, Outage, Unreadable},
};
use policyc_line_postgres::{Failed, Held, Line};
use std::{collections::BTreeSet, sync::Arc, thread, time::Duration};
use tables::{Reading, TABLES, Writing};
use writer::PostgresWriter;

/// The schema of the tables.
const SCHEMA: &str = "policyc";
/// How often a log is tried to be taken, and how long is waited in between: whoever had it may have ended a moment ago.
const TRIES: u32 = 30;
const PAUSE: Duration = Duration::from_millis(100);

/// Audit logs kept in PostgreSQL.
#[derive(Debug)]
pub struct PostgresAudit {
    /// Whoever reads.
    line: Arc<Line>,
}

/// The store at an address, for [`Stores`](policyc::store::Stores).
///
/// # Errors
/// What is wrong with the address.
pub fn open(address: &Address, patience: Duration) -> Result<Arc<dyn AuditStore>, String> {
    Ok(Arc::new(PostgresAudit::new(address, patience)?))
}

impl PostgresAudit {
    /// The store at an address: `postgres://[USER[:SECRET]@]HOST[:PORT]/DATABASE`, with `?sslmode=require` for TLS. It is connected
    /// to by itself, now and whenever the connection was lost; no question takes longer than `patience`.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn new(address: &Address, patience: Duration) -> Result<Self, String> {
        Ok(Self { line: Arc::new(Line::open(address, patience, SCHEMA, Reading)?) })
    }

    /// Logs of their own in the same database, for `policyc::conformance`. The name has small letters, digits and `_`.
    ///
    /// # Errors
    /// There are no threads.
    pub fn under_test(&self, name: &str) -> Result<Self, String> {
        Ok(Self { line: Arc::new(self.line.beside(&format!("policyc_test_{name}"), Reading)?) })
    }
}

impl AuditStore for PostgresAudit {
    fn nodes(&self) -> Result<Vec<Node>, Unreadable> {
        let schema = self.line.schema().to_owned();
        Ok(self.line.ask(move |client| async move {
            if !TABLES.are_there(&client, &schema).await? {
                return Ok(Vec::new());
            }
            let mut nodes = Vec::new();
            for row in client.query("SELECT name, key FROM audit_nodes ORDER BY name COLLATE \"C\"", &[]).await? {
                let (name, key): (String, &[u8]) = (row.try_get(0)?, row.try_get(1)?);
                let key = key.try_into().map_err(|_| Failed::Refused(format!("the key of node `{name}` is none")))?;
                nodes.push(Node { name, key });
            }
            Ok(nodes)
        })?)
    }

    fn log(&self, node: &str) -> Result<Box<dyn AuditLog>, Unreadable> {
        Ok(Box::new(PostgresLog { line: self.line.clone(), node: node.to_owned() }))
    }

    fn take(&self, node: &Node) -> Result<Box<dyn AuditWriter>, Outage> {
        if node.name.is_empty() || node.name.chars().any(char::is_control) {
            return Err(self.line.outage("the name of a node is a text that shows"));
        }
        let lock = node.key.first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes));
        let line = self.line.beside(self.line.schema(), Writing { lock }).map_err(Outage)?;
        let mut tries = 1;
        let found = loop {
            let asked = node.clone();
            match line.ask(move |client| begin(client, asked)) {
                Ok(found) => break found,
                Err(outage) if tries >= TRIES => return Err(outage),
                Err(_) => thread::sleep(PAUSE),
            }
            tries = tries.saturating_add(1);
        };
        let Some((name, table)) = found else {
            let what = format!(
                "the log of node `{}` there is that of another key: bring back the folder with that key, or name this node \
                otherwise",
                node.name
            );
            return Err(line.outage(&what));
        };
        Ok(Box::new(PostgresWriter { line, node: name, table, months: BTreeSet::new() }))
    }
}

/// The name and the table of the log of a key, made where there is none yet; nothing where another key has that name.
async fn begin(mut client: Held, node: Node) -> Result<Option<(String, String)>, Failed> {
    let change = client.transaction().await?;
    let key = node.key.as_slice();
    let insert = "INSERT INTO audit_nodes (name, key) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    let is_new = change.execute(insert, &[&node.name, &key]).await? == 1;
    let Some(row) = change.query_opt("SELECT name, number FROM audit_nodes WHERE key = $1", &[&key]).await? else {
        return Ok(None);
    };
    let (name, number): (String, i32) = (row.try_get(0)?, row.try_get(1)?);
    let table = format!("audit_chunks_{number}");
    if is_new {
        let name = name.replace('\'', "''");
        let make = format!(
            "CREATE TABLE {table} PARTITION OF audit_chunks FOR VALUES IN ('{name}') PARTITION BY RANGE (latest)"
        );
        change.batch_execute(&make).await?;
    }
    change.commit().await?;
    Ok(Some((name, table)))
}
