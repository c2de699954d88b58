//! Limits that several machines share: counted by one script in Redis or Valkey, as `policyc::store::limits` says.
//!
//! In go the charges of one decision, out comes how each limit stands. All charges of a decision are one call of one script,
//! so they are made together or not at all; the server's clock dates them, so that machines whose clocks differ admit no
//! more than one would. What is sent at the same time from many threads goes over one connection in one piece (`line`).
//!
//! All keys have one hash tag, so that a cluster keeps them in one place, and expire a minute after the last charge does.
//! An answer that is late, or that the script cannot have given, is an [`Outage`] and never a grant.

mod answer;
mod line;

use answer::{count, is_set, receipt, tallies};
use chrono::{DateTime, Utc};
use line::Line;
use policyc::store::{
    Address,
    limits::{Charge, LimitStore, Outage, Receipt, Room, Tally, Window},
};
use redis::{Script, ScriptInvocation};
use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
    time::Duration,
};

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("limits.lua")));

/// What the names of keys begin with. What stands in braces decides where a cluster keeps them.
const KEYS: &str = "{policyc}:limit:";
/// The greatest amount that the script counts exactly.
const LARGEST: u64 = (1 << 53) - 1;
/// The longest window, in seconds: a hundred years.
const LONGEST: u64 = 100 * 366 * 86_400;
/// How many keys are asked for at once, where all are looked through.
const BATCH: usize = 500;

/// Limits counted in Redis or Valkey.
#[derive(Debug, Clone)]
pub struct RedisLimits {
    line: Arc<Line>,
    keys: String,
    /// Whether the server's clock counts, and not the caller's.
    has_clock: bool,
}

/// The store at an address, for [`Stores`](policyc::store::Stores).
///
/// # Errors
/// What is wrong with the address.
pub fn open(address: &Address, patience: Duration) -> Result<Arc<dyn LimitStore>, String> {
    Ok(Arc::new(RedisLimits::new(address, patience)?))
}

impl RedisLimits {
    /// The store at an address: `redis://[[USER]:SECRET@]HOST[:PORT][/DATABASE]`, `rediss://…` with TLS. It is connected to by
    /// itself, now and whenever the connection was lost; no call takes longer than `patience`.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn new(address: &Address, patience: Duration) -> Result<Self, String> {
        let line = Arc::new(Line::open(address, patience)?);
        Ok(Self { line, keys: KEYS.to_owned(), has_clock: true })
    }

    /// Counters of their own on the same server, by the clock of whoever calls: for `policyc::conformance`, which plays through
    /// hours.
    #[must_use]
    pub fn under_test(&self, name: &str) -> Self {
        Self { line: self.line.clone(), keys: format!("{{policyc test}}:{name}:"), has_clock: false }
    }

    /// The script with a verb, to be given keys and more arguments.
    fn script(&self, verb: &str, now: DateTime<Utc>) -> ScriptInvocation<'static> {
        let mut script = SCRIPT.prepare_invoke();
        script.arg(verb);
        if self.has_clock {
            script.arg("")
        } else {
            script.arg(ticks(now))
        };
        script
    }

    fn key(&self, counter: &str) -> String {
        format!("{}{counter}", self.keys)
    }

    fn with_charges(&self, verb: &str, now: DateTime<Utc>, charges: &[Charge]) -> ScriptInvocation<'static> {
        let mut script = self.script(verb, now);
        for charge in charges {
            script.key(self.key(&charge.counter));
            push(&mut script, charge);
        }
        script
    }

    fn rooms(&self, verb: &str, now: DateTime<Utc>, charges: &[Charge]) -> Result<Receipt, Outage> {
        let script = self.with_charges(verb, now, charges);
        let numbers = self.line.run(script)?;
        receipt(&numbers, charges).ok_or_else(|| self.line.nonsense())
    }

    /// The counters whose names a filter takes.
    fn counters(&self, takes: &dyn Fn(&str) -> bool) -> Result<BTreeSet<String>, Outage> {
        let mut found = BTreeSet::new();
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(format!("{}*", self.keys)).arg("COUNT").arg(BATCH);
            let (next, keys): (u64, Vec<Vec<u8>>) = self.line.query(scan)?;
            let names = keys.into_iter().filter_map(|key| String::from_utf8(key).ok());
            let names = names.filter_map(|name| name.strip_prefix(&self.keys).map(str::to_owned));
            found.extend(names.filter(|name| takes(name)));
            cursor = next;
            if cursor == 0 {
                return Ok(found);
            }
        }
    }
}

impl LimitStore for RedisLimits {
    fn charge(&self, now: DateTime<Utc>, charges: &[Charge]) -> Result<Receipt, Outage> {
        self.rooms("charge", now, charges)
    }

    fn peek(&self, now: DateTime<Utc>, charges: &[Charge]) -> Result<Vec<Room>, Outage> {
        self.rooms("peek", now, charges).map(|receipt| receipt.rooms)
    }

    fn release(&self, now: DateTime<Utc>, counter: &str, most: u64) -> Result<u64, Outage> {
        let mut script = self.script("release", now);
        script.key(self.key(counter)).arg(amount(most));
        let answer = self.line.run(script)?;
        count(&answer, most).ok_or_else(|| self.line.nonsense())
    }

    fn refund(&self, now: DateTime<Utc>, made: DateTime<Utc>, charge: &Charge, most: u64) -> Result<u64, Outage> {
        if matches!(charge.window, Window::AtOnce { .. }) {
            return Ok(0);
        }
        let mut script = self.with_charges("refund", now, std::slice::from_ref(charge));
        script.arg(ticks(made)).arg(amount(most));
        let answer = self.line.run(script)?;
        count(&answer, most).ok_or_else(|| self.line.nonsense())
    }

    fn tallies(&self, now: DateTime<Utc>, takes: &dyn Fn(&str) -> bool, most: usize) -> Result<Vec<Tally>, Outage> {
        let names: Vec<String> = self.counters(takes)?.into_iter().collect();
        let mut found = Vec::new();
        for names in names.chunks(BATCH) {
            let mut script = self.script("tally", now);
            for name in names {
                script.key(self.key(name));
            }
            let numbers = self.line.run(script)?;
            let all = tallies(&numbers, names).ok_or_else(|| self.line.nonsense())?;
            found.extend(all.into_iter().filter(|tally| tally.used > 0));
            if found.len() >= most {
                break;
            }
        }
        found.truncate(most);
        Ok(found)
    }

    fn reset(&self, now: DateTime<Utc>, counter: &str) -> Result<bool, Outage> {
        let mut script = self.script("reset", now);
        script.key(self.key(counter));
        let answer = self.line.run(script)?;
        is_set(&answer).ok_or_else(|| self.line.nonsense())
    }

    fn overdraw(&self, now: DateTime<Utc>, charge: &Charge) -> Result<(), Outage> {
        let script = self.with_charges("overdraw", now, std::slice::from_ref(charge));
        self.line.run(script).map(|_| ())
    }
}

/// A charge as the script takes it.
fn push(script: &mut ScriptInvocation<'static>, charge: &Charge) {
    match charge.window {
        Window::Sliding { seconds } => script.arg("sliding").arg(length(seconds)).arg(0),
        Window::Calendar { start, end } => script.arg("calendar").arg(ticks(start)).arg(ticks(end)),
        Window::AtOnce { lapse } => script.arg("at once").arg(length(lapse)).arg(0),
    };
    script.arg(amount(charge.limit)).arg(amount(charge.cost)).arg(u8::from(charge.binds));
}

/// An instant in microseconds.
fn ticks(at: DateTime<Utc>) -> u64 {
    amount(u64::try_from(at.timestamp_micros()).unwrap_or_default())
}

/// A length of time in microseconds.
fn length(seconds: u64) -> u64 {
    seconds.min(LONGEST).saturating_mul(1_000_000)
}

/// An amount that the script counts exactly.
fn amount(amount: u64) -> u64 {
    amount.min(LARGEST)
}
