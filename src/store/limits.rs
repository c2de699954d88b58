//! Limits.
#![expect(missing_docs, reason = "stub")]
use chrono::{DateTime, Utc};
#[derive(Debug, Clone)]
pub enum Window {
    Sliding { seconds: u64 },
    Calendar { start: DateTime<Utc>, end: DateTime<Utc> },
    AtOnce { lapse: u64 },
}
#[derive(Debug, Clone)]
pub struct Charge {
    pub counter: String,
    pub window: Window,
    pub limit: u64,
    pub cost: u64,
}
#[derive(Debug, Clone)]
pub struct Room {
    pub fits: bool,
    pub remaining: u64,
    pub retry_after: Option<u64>,
    pub reset: u64,
}
#[derive(Debug)]
pub struct Outage(pub String);
pub trait LimitStore: Send + Sync {
    fn charge(&self, now: DateTime<Utc>, charges: &[Charge]) -> Result<Vec<Room>, Outage>;
    fn peek(&self, now: DateTime<Utc>, charges: &[Charge]) -> Result<Vec<Room>, Outage>;
    fn release(&self, now: DateTime<Utc>, counter: &str, count: u64) -> Result<u64, Outage>;
}
#[derive(Default)]
pub struct MemoryLimits;
impl LimitStore for MemoryLimits {
    fn charge(&self, _: DateTime<Utc>, charges: &[Charge]) -> Result<Vec<Room>, Outage> {
        Ok(charges.iter().map(|_| Room { fits: true, remaining: 1, retry_after: None, reset: 1 }).collect())
    }
    fn peek(&self, n: DateTime<Utc>, charges: &[Charge]) -> Result<Vec<Room>, Outage> {
        self.charge(n, charges)
    }
    fn release(&self, _: DateTime<Utc>, _: &str, _: u64) -> Result<u64, Outage> {
        Ok(0)
    }
}
