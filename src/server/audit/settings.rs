//! What the log is told at the start of the service: `[audit]`.

use super::alert;
use crate::{
    server::settings::{Faulty, Settings as All},
    store::{Address, Stores, audit::AuditStore},
};
use serde::{Deserialize, Deserializer};
use std::{sync::Arc, time::Duration};

/// What is recorded: `[audit]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// When an answer may be given.
    pub durability: Durability,
    /// The store that several services share; none: the state of this one.
    #[serde(deserialize_with = "address")]
    pub store: Option<Address>,
    /// How many milliseconds a store on another machine has for an answer.
    pub timeout_ms: u64,
    /// How many bytes of records may wait to be written. When they are that many, decisions wait.
    pub queue_bytes: u32,
    /// For how many days records are kept; none: for ever.
    pub keep_days: Option<u32>,
    /// After how many records a checkpoint is signed.
    pub checkpoint_records: u32,
    /// After how many seconds a checkpoint is signed, if there are new records.
    pub checkpoint_seconds: u32,
    /// What somebody is told of at once.
    pub alert: Vec<alert::Settings>,
}

/// When an answer may be given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Once its record is on its way to the disk.
    #[default]
    Async,
    /// Once its record is on the disk.
    Sync,
    /// At once: nothing is recorded.
    Off,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            store: None,
            timeout_ms: 5_000,
            queue_bytes: 64 * 1024 * 1024,
            keep_days: None,
            checkpoint_records: 10_000,
            checkpoint_seconds: 60,
            alert: Vec::new(),
        }
    }
}

fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Address>, D::Error> {
    String::deserialize(from).map(|text| Some(Address::from(text)))
}

impl Settings {
    pub(in crate::server) fn validate(&self, all: &All) -> Result<(), Faulty> {
        let faulty = |text: &str| Err(Faulty(format!("`[audit]`: {text}")));
        if self.durability == Durability::Off && !self.alert.is_empty() {
            return faulty("alerts count records, and with `durability = \"off\"` there are none");
        }
        if self.queue_bytes == 0 || self.checkpoint_records == 0 || self.checkpoint_seconds == 0 {
            return faulty("`queue_bytes`, `checkpoint_records` and `checkpoint_seconds` are at least 1");
        }
        if self.keep_days == Some(0) {
            return faulty("`keep_days` is at least 1; leave it out to keep records for ever");
        }
        if !(1..=60_000).contains(&self.timeout_ms) {
            return faulty("`timeout_ms` must be from 1 to 60000");
        }
        if self.store.is_some() && all.is_in_memory() {
            return faulty("`store` needs a folder for `state`: the key that signs the log is kept there");
        }
        self.alert.iter().try_for_each(|alert| alert.validate(&all.outbound))
    }

    /// The store that several services share, if they do.
    pub(in crate::server) fn shared(&self, stores: &Stores) -> Result<Option<Arc<dyn AuditStore>>, Faulty> {
        let open = |address| stores.open_audit(address, Duration::from_millis(self.timeout_ms));
        let opened = self.store.as_ref().map(open).transpose();
        opened.map_err(|error| Faulty(format!("`audit.store`: {error}")))
    }
}
