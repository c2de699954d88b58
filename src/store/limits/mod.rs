//! Limits: how much of each has been used, and when it comes back.
//!
//! In go the charges of one decision, out comes how each limit stands, and whether the charges were made: all or none.
//! A store knows counters by name only. Which rule a counter belongs to, whom it counts and what a calendar period is,
//! the caller has worked out.
//!
//! # The arithmetic
//!
//! Every store must count alike, so here is how, once for all; `policyc::conformance` (with the feature of that name) holds
//! a store against it. Time is counted in ticks, the finest unit that the store's clock tells (nanoseconds in memory); all
//! numbers are whole, and divisions round down. Amounts are counted exactly up to 2^53 − 1 and lengths of time up to a
//! hundred years: what is greater a store may take for that.
//!
//! The time of a call is the caller's `now`, or, in a store that several machines share, the store's own: their clocks
//! differ, and what one of them says must admit nothing that another forbids. Which instant a charge was made at is said by
//! its [`Receipt`].
//!
//! A counter is a list of charges `(until, cost)` in the order of `until`, and `latest`, the time of its last charge.
//! The counter's clock never goes back: at a time `now` it is `t = max(now, latest)`. A charge counts while `t < until`;
//! what a counter has **used** is the sum of the costs that count. A cost fits if `used + cost ≤ limit`, and a cost of 0
//! always. A charge that is made sets `latest = t` and adds its cost with `until` according to the window:
//!
//! | window | `until` | added to an earlier charge if |
//! | --- | --- | --- |
//! | sliding by `P`, limit up to 1,000 | `t + P` | that ends at the same tick |
//! | sliding by `P`, limit above 1,000 | `t + P` | both ends fall into the same `P / 60`: `until / w` is equal for `w = max(P / 60, 1)` |
//! | calendar | the period's end | that ends at the same tick |
//! | at once | `t + lapse` | never: each is a lease and can be given back alone |
//!
//! A charge added to an earlier one moves that one's `until` to its own. So a charge made at `s` always counts throughout
//! `[s, s + P)`, and no span `(t − P, t]` ever holds more than the limit; up to a limit of 1,000 it counts no longer, and
//! above it less than `P / 60` longer, with at most 62 entries for each counter.
//!
//! If a clock jumps back over the end of a calendar period, the period that the caller names is already over by the
//! counter's clock. The charge then counts as long as the newest one there is, or, without one, for a period's length.
//! A store that forgets an empty counter must remember how far that counter's time had come: a counter that starts
//! again takes its `latest` from there.
//!
//! What a request costs may be known only when it is over: it reserves what it may cost, and settles afterwards. What it
//! reserved too much is **refunded**: with `until` as it would be for a charge at `made`, it is taken from the first charge,
//! no lease, that ends then or later in the same part, as the table adds charges; at most what that charge costs, and
//! nothing if `until ≤ t`. That charge is the reservation itself, or what it was added to. If a clock has gone back it may be
//! another, which ends no later; or there is none: then less is given back than was reserved, never more. What a request
//! used beyond its reservation is **overdrawn**: a charge at `now` like any other, but made whether it fits or not, since it
//! has been used. So only an overdraft takes a counter past its limit, and then nothing fits until enough has come back.
//!
//! Times that callers are told are whole seconds, rounded up, and are measured from the time of the call.

mod memory;
#[cfg(test)]
mod tests;
mod window;

pub use super::Outage;
pub use memory::MemoryLimits;

use chrono::{DateTime, Utc};

/// How a limit counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Window {
    /// What was charged in the last so many seconds.
    Sliding {
        /// The length of the window.
        seconds: u64,
    },
    /// What was charged in a calendar period.
    Calendar {
        /// The period's first instant.
        start: DateTime<Utc>,
        /// The first instant after it.
        end: DateTime<Utc>,
    },
    /// What is held now: given back by the caller, or lapsed.
    AtOnce {
        /// After how many seconds a lease lapses.
        lapse: u64,
    },
}

/// One limit that a decision wants to charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The counter's name: what the limit is called and whom it counts. Equal names are one counter.
    pub counter: String,
    /// How it counts.
    pub window: Window,
    /// How much fits.
    pub limit: u64,
    /// How much this request costs.
    pub cost: u64,
    /// Whether the others are made only together with it. All that bind are made or none; one that does not is made if they
    /// are and it fits.
    pub binds: bool,
}

/// What came of a call that charges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// When it was, by the clock that the store goes by.
    pub at: DateTime<Utc>,
    /// How each limit stands, in the order of the charges.
    pub rooms: Vec<Room>,
}

/// How one limit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Whether the charge fits, together with the charges to the same counter before it in the call; of those that do not
    /// bind, with those that fit.
    pub fits: bool,
    /// How much is left.
    pub remaining: u64,
    /// In how many whole seconds the charge will fit, at least 1; none if it fits now or never will.
    pub retry_after: Option<u64>,
    /// In how many whole seconds all that is charged now will have been given back; 0 if nothing is.
    pub reset: u64,
}

/// What one counter holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The counter's name.
    pub counter: String,
    /// How much is used.
    pub used: u64,
    /// In how many whole seconds all of that will have been given back.
    pub reset: u64,
}

/// Where limits are counted.
pub trait LimitStore: Send + Sync {
    /// Makes all charges that bind, and those of the others that fit; or, if one that binds does not fit, none at all. Gives
    /// one [`Room`] for each charge, in order: as the limit stands after the charges if it was made, else as it stood before.
    ///
    /// # Errors
    ///
    /// The store cannot be asked; nothing is known to have been charged.
    fn charge(&self, now: DateTime<Utc>, charges: &[Charge]) -> Result<Receipt, Outage>;

    /// How the limits stand, and whether the charges would fit, without making them. Without charges, whether the store can
    /// be asked.
    ///
    /// # Errors
    ///
    /// The store cannot be asked.
    fn peek(&self, now: DateTime<Utc>, charges: &[Charge]) -> Result<Vec<Room>, Outage>;

    /// Gives back up to `count` leases of a counter, those that lapse first; returns how many there were.
    /// What was charged by another window than [`Window::AtOnce`] is [refunded](Self::refund) instead.
    ///
    /// # Errors
    ///
    /// The store cannot be asked.
    fn release(&self, now: DateTime<Utc>, counter: &str, count: u64) -> Result<u64, Outage>;

    /// Gives back up to `amount` of a charge that was made at `made`, by its [receipt](Receipt), to a window that counts what
    /// was charged; returns how much. A lease is given back whole, by [`release`](Self::release).
    ///
    /// # Errors
    ///
    /// The store cannot be asked.
    fn refund(&self, now: DateTime<Utc>, made: DateTime<Utc>, charge: &Charge, amount: u64) -> Result<u64, Outage>;

    /// The counters that hold something and whose names a filter takes, in the order of their names, at most so many.
    ///
    /// # Errors
    ///
    /// The store cannot be asked.
    fn tallies(&self, now: DateTime<Utc>, takes: &dyn Fn(&str) -> bool, most: usize) -> Result<Vec<Tally>, Outage>;

    /// Forgets all that a counter holds; returns whether it held anything.
    ///
    /// # Errors
    ///
    /// The store cannot be asked; the counter may hold what it held.
    fn reset(&self, now: DateTime<Utc>, counter: &str) -> Result<bool, Outage>;

    /// Makes a charge whether it fits or not: what it is for has been used already.
    ///
    /// # Errors
    ///
    /// The store cannot be asked; the charge may not have been made.
    fn overdraw(&self, now: DateTime<Utc>, charge: &Charge) -> Result<(), Outage>;

    /// Whether a request goes on, uncounted, while the store cannot be asked; else it is denied then.
    fn fails_open(&self) -> bool {
        false
    }
}
