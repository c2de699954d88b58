//! Limits counted in memory: exact, shared by all threads of one process, forgotten when it ends.

use super::{
    Charge, LimitStore, Outage, Receipt, Room, Tally,
    window::{Counter, Nanos, nanos, seconds_until},
};
use chrono::{DateTime, Utc};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Into how many parts the counters are divided, so that threads seldom wait for each other.
const SHARDS: u64 = 16;
/// How many charges a shard takes at least before it looks for counters to forget.
const SWEEP: usize = 256;

/// Limits counted in memory.
#[derive(Debug)]
pub struct MemoryLimits {
    shards: [Mutex<Shard>; SHARDS as usize],
    /// Keyed, so that nobody can choose names that all fall into one shard.
    hasher: RandomState,
}

#[derive(Debug)]
struct Shard {
    counters: HashMap<String, Counter>,
    /// How far the clocks of the counters had come that were forgotten.
    forgotten: Nanos,
    /// How many more charges are made before the next sweep.
    patience: usize,
}

impl MemoryLimits {
    /// A store without any charges.
    #[must_use]
    pub fn new() -> Self {
        let empty = |_| Mutex::new(Shard { counters: HashMap::new(), forgotten: Nanos::MIN, patience: SWEEP });
        Self { shards: std::array::from_fn(empty), hasher: RandomState::new() }
    }

    /// Which shard a counter is in.
    fn index(&self, counter: &str) -> usize {
        usize::try_from(self.hasher.hash_one(counter) % SHARDS).unwrap_or_default()
    }

    /// Locks all shards that some counters are in, before the first is read: what is done to them then is atomic.
    fn lock<'a>(&self, counters: impl Iterator<Item = &'a str>) -> Locked<'_> {
        let wanted: BTreeSet<usize> = counters.map(|counter| self.index(counter)).collect();
        // Always in the same order, so that no two calls wait for each other. Nothing panics while a counter changes, so
        // a poisoned lock still guards whole counters.
        let shards = self.shards.iter().enumerate().filter(|(index, _)| wanted.contains(index));
        let guards = shards.map(|(index, shard)| (index, shard.lock().unwrap_or_else(PoisonError::into_inner)));
        Locked { store: self, guards: guards.collect() }
    }
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self::new()
    }
}

impl LimitStore for MemoryLimits {
    fn charge(&self, at: DateTime<Utc>, charges: &[Charge]) -> Result<Receipt, Outage> {
        let now = nanos(at);
        let mut locked = self.lock(charges.iter().map(|charge| charge.counter.as_str()));
        let mut rooms = locked.rooms(now, charges);
        let bound = |(charge, room): (&Charge, &Room)| !charge.binds || room.fits;
        if charges.iter().zip(&rooms).all(bound) {
            // What binds fits, so what does not fit does not bind.
            for charge in charges.iter().zip(&rooms).filter(|(_, room)| room.fits).map(|(charge, _)| charge) {
                if let Some(shard) = locked.shard(&charge.counter) {
                    shard.record(now, charge);
                }
            }
            for (charge, made) in charges.iter().zip(&mut rooms).filter(|(_, room)| room.fits) {
                *made = room(locked.counter(&charge.counter), now, charge.limit, 0, 0);
            }
        }
        Ok(Receipt { at, rooms })
    }

    fn peek(&self, now: DateTime<Utc>, charges: &[Charge]) -> Result<Vec<Room>, Outage> {
        Ok(self.lock(charges.iter().map(|charge| charge.counter.as_str())).rooms(nanos(now), charges))
    }

    fn release(&self, now: DateTime<Utc>, counter: &str, count: u64) -> Result<u64, Outage> {
        let mut locked = self.lock(std::iter::once(counter));
        let counter = locked.shard(counter).and_then(|shard| shard.counters.get_mut(counter));
        Ok(counter.map_or(0, |counter| counter.release(nanos(now), count)))
    }

    fn refund(&self, now: DateTime<Utc>, made: DateTime<Utc>, charge: &Charge, amount: u64) -> Result<u64, Outage> {
        let mut locked = self.lock(std::iter::once(&*charge.counter));
        let counter = locked.shard(&charge.counter).and_then(|shard| shard.counters.get_mut(&charge.counter));
        Ok(counter.map_or(0, |counter| counter.refund(nanos(now), nanos(made), charge, amount)))
    }

    fn tallies(&self, now: DateTime<Utc>, takes: &dyn Fn(&str) -> bool, most: usize) -> Result<Vec<Tally>, Outage> {
        let now = nanos(now);
        let mut found = BTreeMap::new();
        // One part after the other: what is charged meanwhile in another waits for nobody.
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            for (name, counter) in shard.counters.iter().filter(|(name, _)| takes(name)) {
                let used = counter.used(now);
                if used > 0 {
                    let reset = seconds_until(counter.given_back(now, used.into()), now);
                    found.insert(name.clone(), Tally { counter: name.clone(), used, reset });
                    if found.len() > most {
                        found.pop_last();
                    }
                }
            }
        }
        Ok(found.into_values().collect())
    }

    fn reset(&self, now: DateTime<Utc>, counter: &str) -> Result<bool, Outage> {
        let mut locked = self.lock(std::iter::once(counter));
        let Some(shard) = locked.shard(counter) else { return Ok(false) };
        Ok(shard.reset(nanos(now), counter))
    }

    fn overdraw(&self, now: DateTime<Utc>, charge: &Charge) -> Result<(), Outage> {
        if let Some(shard) = self.lock(std::iter::once(&*charge.counter)).shard(&charge.counter) {
            shard.record(nanos(now), charge);
        }
        Ok(())
    }
}

/// The shards that one call needs.
struct Locked<'a> {
    store: &'a MemoryLimits,
    guards: BTreeMap<usize, MutexGuard<'a, Shard>>,
}

impl Locked<'_> {
    /// The shard that a counter is in.
    fn shard(&mut self, counter: &str) -> Option<&mut Shard> {
        self.guards.get_mut(&self.store.index(counter)).map(|guard| &mut **guard)
    }

    /// A counter, if it holds anything.
    fn counter(&self, counter: &str) -> Option<&Counter> {
        self.guards.get(&self.store.index(counter))?.counters.get(counter)
    }

    /// How the limits stand before the charges are made.
    fn rooms(&self, now: Nanos, charges: &[Charge]) -> Vec<Room> {
        // What the charges so far would add to each counter.
        let mut wanted: BTreeMap<&str, u128> = BTreeMap::new();
        let mut rooms = Vec::with_capacity(charges.len());
        for charge in charges {
            let wanted = wanted.entry(&charge.counter).or_default();
            let all = wanted.saturating_add(charge.cost.into());
            let room = room(self.counter(&charge.counter), now, charge.limit, charge.cost, all);
            // What does not fit and binds keeps the whole call from being made; what does not bind is left out alone.
            if room.fits || charge.binds {
                *wanted = all;
            }
            rooms.push(room);
        }
        rooms
    }
}

impl Shard {
    /// Makes a charge that fits.
    fn record(&mut self, now: Nanos, charge: &Charge) {
        if charge.cost == 0 {
            return;
        }
        if !self.counters.contains_key(&charge.counter) {
            self.counters.insert(charge.counter.clone(), Counter::new(self.forgotten));
        }
        if let Some(counter) = self.counters.get_mut(&charge.counter) {
            counter.record(now, &charge.window, charge.limit, charge.cost);
        }
        self.patience = self.patience.saturating_sub(1);
        if self.patience == 0 {
            self.sweep(now);
        }
    }

    /// Forgets what a counter holds, but not how far its clock had come.
    fn reset(&mut self, now: Nanos, counter: &str) -> bool {
        let Some(counter) = self.counters.get_mut(counter) else { return false };
        let held = counter.used(now) > 0;
        counter.reset(now);
        held
    }

    /// Forgets the counters that hold nothing any more. It looks at each counter, but then lets as many charges pass as
    /// it kept counters: the shard at most doubles meanwhile, and a charge looks at two counters on average.
    fn sweep(&mut self, now: Nanos) {
        let forgotten = &mut self.forgotten;
        self.counters.retain(|_, counter| {
            let gone_by = counter.gone_by();
            if gone_by <= now {
                *forgotten = gone_by.max(*forgotten);
            }
            gone_by > now
        });
        self.patience = self.counters.len().max(SWEEP);
        self.counters.shrink_to(self.counters.len().saturating_mul(2));
    }
}

/// How a limit stands for a charge of `cost`, where the call so far wants `wanted` of its counter, this cost included.
fn room(counter: Option<&Counter>, now: Nanos, limit: u64, cost: u64, wanted: u128) -> Room {
    let used = counter.map_or(0, |counter| counter.used(now));
    let given_back = |amount| counter.map_or(now, |counter| counter.given_back(now, amount));
    let excess = wanted.saturating_add(used.into()).saturating_sub(limit.into());
    let fits = cost == 0 || excess == 0;
    let ever = wanted <= u128::from(limit);
    Room {
        fits,
        remaining: limit.saturating_sub(used),
        retry_after: (!fits && ever).then(|| seconds_until(given_back(excess), now).max(1)),
        reset: seconds_until(given_back(used.into()), now),
    }
}

#[cfg(test)]
impl MemoryLimits {
    /// How many counters are remembered.
    pub(super) fn counters(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().counters.len()).sum()
    }

    /// Into how many parts a counter divides what it holds.
    pub(super) fn parts(&self, counter: &str) -> usize {
        self.lock(std::iter::once(counter)).counter(counter).map_or(0, Counter::parts)
    }

    /// Forgets what can be forgotten, without waiting for more charges.
    pub(super) fn sweep(&self, now: DateTime<Utc>) {
        self.shards.iter().for_each(|shard| shard.lock().unwrap().sweep(nanos(now)));
    }
}
