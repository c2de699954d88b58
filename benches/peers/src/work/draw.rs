//! What both workloads draw.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use fastrand::Rng;
use std::net::Ipv4Addr;

use super::Net;

/// Requests of a workload.
pub const REQUESTS: usize = 65_536;

/// The share of requests that are allowed, in percent, is within these.
pub const ALLOWED: std::ops::RangeInclusive<usize> = 45..=55;

/// The first of January of the year that everything is in.
fn new_year() -> NaiveDate {
    NaiveDate::from_ymd_opt(2025, 1, 1).expect("it is a day")
}

/// A day of the year.
pub fn date(rng: &mut Rng, days: std::ops::Range<i64>) -> NaiveDate {
    new_year() + TimeDelta::days(rng.i64(days))
}

/// A second of the year.
pub fn time(rng: &mut Rng) -> DateTime<Utc> {
    let midnight = new_year().and_hms_opt(0, 0, 0).expect("it is a time").and_utc();
    midnight + TimeDelta::seconds(rng.i64(0..365 * 86_400))
}

/// One of some values.
pub fn one<'a, T>(rng: &mut Rng, values: &'a [T]) -> &'a T {
    &values[rng.usize(0..values.len())]
}

/// The index of one of some weights.
pub fn weighted(rng: &mut Rng, weights: &[u32]) -> usize {
    let mut left = rng.u32(0..weights.iter().sum());
    for (index, weight) in weights.iter().enumerate() {
        match left.checked_sub(*weight) {
            None => return index,
            Some(rest) => left = rest,
        }
    }
    weights.len() - 1
}

/// A block of private addresses (`10.…`).
pub fn net(rng: &mut Rng, prefixes: std::ops::RangeInclusive<u8>) -> Net {
    let prefix = rng.u8(prefixes);
    let net = Net { base: Ipv4Addr::from(0x0a00_0000 | rng.u32(0..1 << 24)), prefix };
    Net { base: Ipv4Addr::from(net.bounds().0), prefix }
}

/// An address in a block.
pub fn address(rng: &mut Rng, net: Net) -> Ipv4Addr {
    let (first, last) = net.bounds();
    Ipv4Addr::from(rng.u32(first..=last))
}

/// Draws numbers below `count`, the k-th likeliest with a chance that is proportional to 1/k; which number is the k-th
/// likeliest is drawn too.
pub struct Zipf {
    /// The sums of the chances, up to each rank.
    sums: Vec<f64>,
    ranks: Vec<usize>,
}

impl Zipf {
    pub fn new(rng: &mut Rng, count: usize) -> Self {
        let mut sum = 0.0;
        let sums = (1..=count)
            .map(|rank| {
                sum += 1.0 / rank as f64;
                sum
            })
            .collect();
        let mut ranks: Vec<usize> = (0..count).collect();
        rng.shuffle(&mut ranks);
        if ranks[0] == 0 && count > 1 {
            // What is asked for most must not stand first: a linear search would look fast.
            ranks.swap(0, count / 2);
        }
        Self { sums, ranks }
    }

    pub fn draw(&self, rng: &mut Rng) -> usize {
        let point = rng.f64() * self.sums.last().copied().unwrap_or(0.0);
        let rank = self.sums.partition_point(|sum| *sum <= point);
        self.ranks[rank.min(self.ranks.len() - 1)]
    }
}
