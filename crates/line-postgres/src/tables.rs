//! The tables of a store, and how they come about: in a connection that was just made, before anything else is asked of it.
//!
//! They say themselves of which version they are, and which version a program must at least know to use them: `needs`. So a
//! program may find tables of a later version and go on, as long as that version only added something. To change tables so that
//! programs of before would do harm, `needs` is raised: each of their calls looks at it, and refuses from then on.
//!
//! Whoever makes tables holds a lock, so that of several programs which start together one does, and the others find it done.

use crate::Failed;
use tokio_postgres::Client;

/// What the lock is called: any number that nothing else is likely to lock.
const LOCK: i64 = 0x706f_6c69_6379_6300;

/// The tables of a store.
#[derive(Debug, Clone, Copy)]
pub struct Tables {
    /// The table that says which version they are of, in its one row: `version`, `needs`.
    pub state: &'static str,
    /// The version that this program makes, and knows.
    pub version: i32,
    /// What makes them.
    pub sql: &'static str,
}

impl Tables {
    /// Makes the tables where there are none, in a schema of a name that needs no quotes.
    ///
    /// # Errors
    /// They cannot be made, or are those of another version.
    pub async fn prepare(&self, client: &mut Client, schema: &str) -> Result<(), Failed> {
        if self.are_there(client, schema).await? {
            return Ok(());
        }
        let change = client.transaction().await?;
        change.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
        // Another program may have been first.
        let is_there = change.query_opt("SELECT 1 FROM pg_namespace WHERE nspname = $1", &[&schema]).await?.is_some();
        if !is_there {
            change.batch_execute(&format!("CREATE SCHEMA {schema}")).await?;
        }
        if change.query_one(STATE, &[&self.name(schema)]).await?.try_get::<_, Option<String>>(0)?.is_none() {
            change.batch_execute(self.sql).await?;
        }
        change.commit().await?;
        let made = self.are_there(client, schema).await?;
        made.then_some(()).ok_or_else(|| Failed::Refused("its tables are gone".to_owned()))
    }

    /// Whether there are tables, which this program can use.
    ///
    /// # Errors
    /// There are others.
    pub async fn are_there(&self, client: &Client, schema: &str) -> Result<bool, Failed> {
        let table: Option<String> = client.query_one(STATE, &[&self.name(schema)]).await?.try_get(0)?;
        if table.is_none() {
            return Ok(false);
        }
        let select = format!("SELECT version, needs FROM {}", self.name(schema));
        let row = client.query_one(&select, &[]).await?;
        let (version, needs): (i32, i32) = (row.try_get(0)?, row.try_get(1)?);
        // There was none before the first.
        if version < self.version || needs > self.version {
            return Err(self.unknown(version, needs));
        }
        Ok(true)
    }

    /// Refuses tables that this program must not use any more.
    ///
    /// # Errors
    /// They need another program.
    pub fn known(&self, needs: i32) -> Result<(), Failed> {
        if needs <= self.version { Ok(()) } else { Err(self.unknown(needs, needs)) }
    }

    fn name(&self, schema: &str) -> String {
        format!("{schema}.{}", self.state)
    }

    fn unknown(&self, version: i32, needs: i32) -> Failed {
        let known = self.version;
        Failed::Refused(format!(
            "its tables are of version {version} and want a program that knows version {needs}; this one knows {known}"
        ))
    }
}

const STATE: &str = "SELECT to_regclass($1)::text";
