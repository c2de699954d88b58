//! What the log is told at the start of the service: `[audit]`.

use super::alert;
use crate::server::{outbound, settings::Faulty};
use serde::Deserialize;

/// What is recorded: `[audit]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// When an answer may be given.
    pub durability: Durability,
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
            queue_bytes: 64 * 1024 * 1024,
            keep_days: None,
            checkpoint_records: 10_000,
            checkpoint_seconds: 60,
            alert: Vec::new(),
        }
    }
}

impl Settings {
    pub(in crate::server) fn validate(&self, outbound: &outbound::Settings) -> Result<(), Faulty> {
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
        self.alert.iter().try_for_each(|alert| alert.validate(outbound))
    }
}
