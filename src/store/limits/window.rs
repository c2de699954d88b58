//! One counter: what it holds, and until when. The arithmetic is that of the [parent module](super).

use super::{Charge, Window};
use chrono::{DateTime, Utc};
use std::collections::VecDeque;

/// An instant or a length of time in nanoseconds; instants are counted from 1970.
pub(super) type Nanos = i128;

const SECOND: Nanos = 1_000_000_000;

/// The highest limit that is counted charge by charge.
const EXACT: u64 = 1_000;
/// Into how many parts a window with a higher limit is cut.
const PARTS: Nanos = 60;

/// An instant in nanoseconds.
pub(super) fn nanos(at: DateTime<Utc>) -> Nanos {
    Nanos::from(at.timestamp()).saturating_mul(SECOND).saturating_add(at.timestamp_subsec_nanos().into())
}

/// The whole seconds from `now` until an instant, rounded up; 0 if it has passed.
pub(super) fn seconds_until(until: Nanos, now: Nanos) -> u64 {
    let wait = until.saturating_sub(now).max(0);
    u64::try_from(wait.saturating_add(SECOND.saturating_sub(1)).div_euclid(SECOND)).unwrap_or(u64::MAX)
}

/// What one counter holds.
#[derive(Debug)]
pub(super) struct Counter {
    /// The time of the last charge; the counter's clock never shows an earlier one.
    latest: Nanos,
    /// The sum of all costs in `charges`.
    total: u64,
    /// INVARIANT: in the order of `until`.
    charges: VecDeque<Held>,
}

/// A charge that was made, or several that end together.
#[derive(Debug)]
struct Held {
    /// It counts before this instant.
    until: Nanos,
    /// What it cost.
    cost: u64,
    /// Whether it can be given back.
    lease: bool,
}

impl Counter {
    /// A counter that holds nothing, whose clock has come as far as `latest`.
    pub(super) const fn new(latest: Nanos) -> Self {
        Self { latest, total: 0, charges: VecDeque::new() }
    }

    /// How much is used.
    pub(super) fn used(&self, now: Nanos) -> u64 {
        let lapsed = self.charges.range(..self.lapsed(now)).fold(0_u64, |sum, held| sum.saturating_add(held.cost));
        self.total.saturating_sub(lapsed)
    }

    /// When `amount` of what is used will have been given back; `now` if that is nothing.
    pub(super) fn given_back(&self, now: Nanos, amount: u128) -> Nanos {
        let mut back = 0_u128;
        let mut when = now;
        for held in self.charges.range(self.lapsed(now)..) {
            if back >= amount {
                break;
            }
            back = back.saturating_add(held.cost.into());
            when = held.until;
        }
        when
    }

    /// From when on the counter holds nothing and may be forgotten, if nobody charges it before.
    pub(super) fn gone_by(&self) -> Nanos {
        self.charges.back().map_or(self.latest, |last| self.latest.max(last.until))
    }

    /// Adds a charge that has been found to fit.
    pub(super) fn record(&mut self, now: Nanos, window: &Window, limit: u64, cost: u64) {
        let t = self.advance(now);
        self.total = self.total.saturating_add(cost);
        let newest = self.charges.back().map(|last| last.until);
        let (until, grain) = match *window {
            Window::Sliding { seconds } => {
                let span = seconds_long(seconds);
                (t.saturating_add(span), grain(span, limit))
            }
            Window::Calendar { start, end } => (end_of_period(t, nanos(start), nanos(end), newest), 1),
            Window::AtOnce { lapse } => {
                let until = t.saturating_add(seconds_long(lapse));
                self.insert(Held { until, cost, lease: true });
                return;
            }
        };
        let before = self.place(until).checked_sub(1).and_then(|place| self.charges.get_mut(place));
        match before.filter(|held| !held.lease && in_one(held.until, until, grain)) {
            Some(held) => {
                held.until = until;
                held.cost = held.cost.saturating_add(cost);
            }
            None => self.insert(Held { until, cost, lease: false }),
        }
    }

    /// Forgets all that it holds.
    pub(super) fn reset(&mut self, now: Nanos) {
        self.advance(now);
        self.total = 0;
        self.charges.clear();
    }

    /// Gives back up to `count` leases, those that lapse first; returns how many there were.
    pub(super) fn release(&mut self, now: Nanos, count: u64) -> u64 {
        self.advance(now);
        let mut released = 0_u64;
        while released < count {
            let lease = self.charges.iter().position(|held| held.lease);
            let Some(held) = lease.and_then(|place| self.charges.remove(place)) else { break };
            self.total = self.total.saturating_sub(held.cost);
            released = released.saturating_add(1);
        }
        released
    }

    /// Takes up to `amount` from a charge that was made at `made`, and returns how much there was to take.
    pub(super) fn refund(&mut self, now: Nanos, made: Nanos, charge: &Charge, amount: u64) -> u64 {
        let (until, grain) = match charge.window {
            Window::Sliding { seconds } => {
                let span = seconds_long(seconds);
                (made.saturating_add(span), grain(span, charge.limit))
            }
            Window::Calendar { end, .. } => (nanos(end), 1),
            Window::AtOnce { .. } => return 0,
        };
        if until <= now.max(self.latest) {
            return 0;
        }
        let first = self.charges.partition_point(|held| held.until < until);
        let mut behind = self.charges.iter_mut().enumerate().skip(first);
        let Some((place, held)) =
            behind.find(|(_, held)| !held.lease).filter(|(_, held)| in_one(held.until, until, grain))
        else {
            return 0;
        };
        let taken = held.cost.min(amount);
        held.cost = held.cost.saturating_sub(taken);
        // A calendar period has one, which tells when the period ends wherever clocks go.
        if held.cost == 0 && matches!(charge.window, Window::Sliding { .. }) {
            self.charges.remove(place);
        }
        self.total = self.total.saturating_sub(taken);
        taken
    }

    /// Moves the counter's clock, forgets what has lapsed, and returns the time it shows.
    fn advance(&mut self, now: Nanos) -> Nanos {
        self.latest = self.latest.max(now);
        self.total = self.used(now);
        self.charges.drain(..self.lapsed(now));
        self.latest
    }

    /// How many charges, from the first on, no longer count.
    fn lapsed(&self, now: Nanos) -> usize {
        self.place(now.max(self.latest))
    }

    /// How many charges end at an instant or before.
    fn place(&self, at: Nanos) -> usize {
        self.charges.partition_point(|held| held.until <= at)
    }

    fn insert(&mut self, held: Held) {
        // Nearly always at the end: only after a limit was given a shorter window do charges end before earlier ones.
        let place = self.place(held.until);
        self.charges.insert(place, held);
    }
}

/// So many seconds.
fn seconds_long(seconds: u64) -> Nanos {
    Nanos::from(seconds).saturating_mul(SECOND)
}

/// How long the parts are that a sliding window of a length is cut into.
fn grain(span: Nanos, limit: u64) -> Nanos {
    if limit <= EXACT { 1 } else { span.div_euclid(PARTS).max(1) }
}

/// Whether two charges end in the same part.
fn in_one(one: Nanos, other: Nanos, grain: Nanos) -> bool {
    one.checked_div_euclid(grain) == other.checked_div_euclid(grain)
}

/// Until when a charge to a calendar period counts that was made at `t`. `newest` is when the newest charge ends.
fn end_of_period(t: Nanos, start: Nanos, end: Nanos, newest: Option<Nanos>) -> Nanos {
    if end > t { end } else { newest.unwrap_or(t.saturating_add(end.saturating_sub(start))) }
}

#[cfg(test)]
impl Counter {
    /// Into how many parts it divides what it holds.
    pub(super) fn parts(&self) -> usize {
        self.charges.len()
    }
}
