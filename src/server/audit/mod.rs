//! What was decided, for whom, when and why: one record for each decision.

use super::{
    decide::Surface,
    identity::Caller,
    settings::{Faulty, Settings as All},
};
use crate::{decision::Decision, request::Request};
use chrono::{DateTime, Utc};
use serde::Deserialize;

/// What is recorded: `[audit]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {}

/// One decision, as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Record {}

impl Record {
    pub(crate) fn of(
        _now: DateTime<Utc>,
        _caller: &Caller,
        _surface: Surface,
        _request: &Request,
        _decision: &Decision,
    ) -> Self {
        Self {}
    }

    /// A list that was answered.
    pub(crate) fn list(
        _now: DateTime<Utc>,
        _caller: &Caller,
        _surface: Surface,
        _asked: &Request,
        _found: &[String],
        _revision: &str,
    ) -> Self {
        Self {}
    }
}

/// The log cannot take a record at the moment.
#[derive(Debug)]
pub(crate) struct Unrecorded;

/// Takes records.
#[derive(Debug)]
pub(crate) struct Audit {}

impl Audit {
    pub(super) fn open(_settings: &All) -> Result<Self, Faulty> {
        Ok(Self {})
    }

    /// Hands a record to the log, and waits as long as the settings say: until it is on its way, or on the disk.
    ///
    /// # Errors
    /// The log is full, and has been for as long as a decision waits.
    #[expect(clippy::unused_async, reason = "the log may be full")]
    pub(crate) async fn put(&self, _record: Record) -> Result<(), Unrecorded> {
        Ok(())
    }

    /// Writes what is still held in memory.
    #[expect(clippy::unused_async, reason = "the log may be slow")]
    pub(super) async fn close(&self) {}
}
