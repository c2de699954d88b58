//! What the settings say of managed documents: `[managed]`.

use super::sqlite::SqliteDocuments;
use crate::{
    server::settings::{Faulty, Settings as All},
    store::{
        Address, Stores,
        documents::{DocumentStore, MemoryDocuments},
    },
};
use serde::{Deserialize, Deserializer};
use std::{sync::Arc, time::Duration};

/// The database, in the folder of the service's state.
const FILE: &str = "documents.sqlite";
/// How long a write waits for others who hold that database.
const BUSY: Duration = Duration::from_secs(2);

/// What comes through the service's interfaces: `[managed]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// The roles that need no grant where a resource is gated through the hub, as far as the policies know them.
    pub passing_roles: Vec<String>,
    /// How many hours a change waits for its confirmation.
    pub confirm_hours: u32,
    /// The store that several services share; none: the state of this one.
    #[serde(deserialize_with = "address")]
    pub store: Option<Address>,
    /// How many milliseconds a store on another machine has for an answer.
    pub timeout_ms: u64,
    /// After how many milliseconds a change is in force on the other services at the latest.
    pub sync_interval_ms: u64,
    /// For how many seconds what is known is believed while the store cannot be asked.
    pub max_stale_secs: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            passing_roles: vec!["maintainer".to_owned()],
            confirm_hours: 24,
            store: None,
            timeout_ms: 5_000,
            sync_interval_ms: 1_000,
            max_stale_secs: 300,
        }
    }
}

fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Address>, D::Error> {
    String::deserialize(from).map(|text| Some(Address::from(text)))
}

impl Settings {
    pub(in crate::server) fn validate(&self, all: &All) -> Result<(), Faulty> {
        for (name, value, most) in [
            ("timeout_ms", self.timeout_ms, 60_000),
            ("sync_interval_ms", self.sync_interval_ms, 600_000),
            ("max_stale_secs", self.max_stale_secs, 86_400),
        ] {
            if !(1..=most).contains(&value) {
                return Err(Faulty(format!("`managed.{name}` must be from 1 to {most}")));
            }
        }
        if self.store.is_some() && all.auth.managed_keys && all.auth.key_secret.is_none() {
            return Err(Faulty(
                "`managed.store` with `auth.managed_keys` needs `auth.key_secret`: a key that one service makes is for all"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// The store that several services share, if they do.
    pub(in crate::server) fn shared(&self, stores: &Stores) -> Result<Option<Arc<dyn DocumentStore>>, Faulty> {
        let open = |address| stores.open_documents(address, self.patience());
        let opened = self.store.as_ref().map(open).transpose();
        opened.map_err(|error| Faulty(format!("`managed.store`: {error}")))
    }

    pub(super) const fn patience(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    pub(super) const fn interval(&self) -> Duration {
        Duration::from_millis(self.sync_interval_ms)
    }

    pub(super) const fn max_stale(&self) -> Duration {
        Duration::from_secs(self.max_stale_secs)
    }

    /// After how long a service that says nothing is held to be gone.
    pub(super) const fn gone(&self) -> Duration {
        self.interval().saturating_mul(3).saturating_add(self.patience())
    }
}

/// The store of a service that shares its documents with nobody: in its state folder, or in memory.
pub(in crate::server) fn own(all: &All) -> Result<Arc<dyn DocumentStore>, Faulty> {
    if all.is_in_memory() {
        return Ok(Arc::new(MemoryDocuments::new()));
    }
    let file = all.state.join(FILE);
    let opened = SqliteDocuments::open(&file, BUSY);
    Ok(Arc::new(opened.map_err(|error| Faulty(format!("`{}`: {error}", file.display())))?))
}
