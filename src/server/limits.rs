//! Where limits are counted: `[limits]`, and a store on another machine as the service sees it.
//!
//! The store itself comes from outside, by [`Stores`]. Here its answers are waited for without holding up others, and whether
//! it can be asked is known to all: see `ops::degraded`.

use super::{
    ops::{Dependency, Health},
    settings::Faulty,
};
use crate::store::{
    Address, Stores,
    limits::{Charge, LimitStore, Outage, Receipt, Room, Tally},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use std::{sync::Arc, time::Duration};

/// Where limits are counted: `[limits]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// The store; `memory` is this process.
    #[serde(deserialize_with = "address")]
    pub store: Address,
    /// What becomes of a request that a limit concerns while the store cannot be asked.
    pub on_outage: OnOutage,
    /// How many milliseconds a store on another machine has for an answer.
    pub timeout_ms: u64,
}

/// What becomes of a request that a limit concerns while the store cannot be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnOutage {
    /// It is denied, as if the limit had no room.
    #[default]
    Deny,
    /// It goes on uncounted.
    Allow,
}

impl Default for Settings {
    fn default() -> Self {
        Self { store: Address::memory(), on_outage: OnOutage::default(), timeout_ms: 250 }
    }
}

fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Address, D::Error> {
    String::deserialize(from).map(Address::from)
}

impl Settings {
    pub(super) fn validate(&self) -> Result<(), Faulty> {
        let fits = (1..=60_000).contains(&self.timeout_ms);
        if fits { Ok(()) } else { Err(Faulty("`limits.timeout_ms` must be from 1 to 60000".to_owned())) }
    }

    /// The store on another machine, if it is on one.
    pub(super) fn open(&self, stores: &Stores) -> Result<Option<Arc<dyn LimitStore>>, Faulty> {
        if self.store.is_memory() {
            return Ok(None);
        }
        let opened = stores.open_limits(&self.store, Duration::from_millis(self.timeout_ms));
        opened.map(Some).map_err(|error| Faulty(format!("`limits.store`: {error}")))
    }
}

/// A store on another machine. Whoever waits for it keeps no other request from being answered.
pub(super) struct Shared {
    pub(super) store: Arc<dyn LimitStore>,
    pub(super) health: Arc<Health>,
    pub(super) on_outage: OnOutage,
}

impl Shared {
    /// Asks the store, and takes note of whether it can be asked.
    fn ask<T>(&self, ask: impl FnOnce(&dyn LimitStore) -> Result<T, Outage>) -> Result<T, Outage> {
        let answer = tokio::task::block_in_place(|| ask(&*self.store));
        match &answer {
            Ok(_) => self.health.regain(Dependency::Limits),
            Err(outage) => self.health.lose(Dependency::Limits, &outage.0),
        }
        answer
    }
}

impl LimitStore for Shared {
    fn charge(&self, now: DateTime<Utc>, charges: &[Charge]) -> Result<Receipt, Outage> {
        self.ask(|store| store.charge(now, charges))
    }

    fn peek(&self, now: DateTime<Utc>, charges: &[Charge]) -> Result<Vec<Room>, Outage> {
        self.ask(|store| store.peek(now, charges))
    }

    fn release(&self, now: DateTime<Utc>, counter: &str, count: u64) -> Result<u64, Outage> {
        self.ask(|store| store.release(now, counter, count))
    }

    fn refund(&self, now: DateTime<Utc>, made: DateTime<Utc>, charge: &Charge, amount: u64) -> Result<u64, Outage> {
        self.ask(|store| store.refund(now, made, charge, amount))
    }

    fn tallies(&self, now: DateTime<Utc>, takes: &dyn Fn(&str) -> bool, most: usize) -> Result<Vec<Tally>, Outage> {
        self.ask(|store| store.tallies(now, takes, most))
    }

    fn reset(&self, now: DateTime<Utc>, counter: &str) -> Result<bool, Outage> {
        self.ask(|store| store.reset(now, counter))
    }

    fn overdraw(&self, now: DateTime<Utc>, charge: &Charge) -> Result<(), Outage> {
        self.ask(|store| store.overdraw(now, charge))
    }

    fn fails_open(&self) -> bool {
        self.on_outage == OnOutage::Allow
    }
}
