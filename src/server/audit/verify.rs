//! Whether a log is what was written: every hash, every number, every signature.
//!
//! What is found wrong is said with its place, from the oldest record on: what comes after the first fault cannot be vouched
//! for.

use super::{
    chain::beginning,
    checkpoint::{Kind, is_signed_by},
    chunk,
    key::PublicKey,
};
use crate::store::audit::{AuditLog, Checkpoint, Chunk, Order, Place, Unreadable};
use chrono::DateTime;
use std::{collections::BTreeMap, ops::ControlFlow};

/// A log that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    /// How many records there are.
    pub(crate) records: i64,
    /// The last record that was removed because it was old; 0 where none was.
    pub(crate) removed: i64,
    /// The last record that a checkpoint covers, and when that was signed.
    pub(crate) covered: Option<(i64, String)>,
    /// How many records come after it.
    pub(crate) uncovered: i64,
    /// How many checkpoints were held against the records.
    pub(crate) checkpoints: usize,
    /// How many speak of records that were removed since.
    pub(crate) outlived: usize,
}

/// A log that is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tampered {
    /// The first record that is not what it was.
    pub(crate) seq: i64,
    pub(crate) what: String,
}

impl Tampered {
    pub(super) fn changed(seq: i64) -> Self {
        let what = format!("record {seq} is not what was recorded: it was changed, or stands in another's place");
        Self { seq, what }
    }
}

/// Why a log is not held to be whole.
#[derive(Debug)]
pub(super) enum Unverified {
    Tampered(Tampered),
    Unreadable(Unreadable),
}

impl Unverified {
    pub(super) const fn at(seq: i64, what: String) -> Self {
        Self::Tampered(Tampered { seq, what })
    }

    /// With more words about what was tampered with.
    pub(super) fn and(self, more: impl FnOnce(&str) -> String) -> Self {
        match self {
            Self::Tampered(Tampered { seq, what }) => Self::at(seq, more(&what)),
            Self::Unreadable(_) => self,
        }
    }

    /// What is spoilt was tampered with, from a record on.
    fn read(unreadable: Unreadable, seq: i64) -> Self {
        match unreadable {
            Unreadable::Outage(_) => Self::Unreadable(unreadable),
            Unreadable::Spoilt(what) => Self::at(seq, format!("it cannot be read from there on: {what}")),
        }
    }
}

impl From<Tampered> for Unverified {
    fn from(tampered: Tampered) -> Self {
        Self::Tampered(tampered)
    }
}

impl From<Unreadable> for Unverified {
    fn from(unreadable: Unreadable) -> Self {
        Self::read(unreadable, 0)
    }
}

/// Goes through a whole log. `more` are checkpoints that were kept elsewhere; `progress` is told how far it is, now and then.
/// The log may be written meanwhile; where old records were removed from it, it is gone through again.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn verify(
    log: &dyn AuditLog,
    key: PublicKey,
    more: &[Checkpoint],
    progress: &mut dyn FnMut(i64),
) -> Result<Verified, Unverified> {
    loop {
        let anchor = log.anchor()?;
        let outcome = verify_behind(log, anchor.as_ref(), key, more, progress);
        if outcome.is_ok() || log.anchor()? == anchor {
            return outcome;
        }
    }
}

/// Goes through the records behind an anchor.
fn verify_behind(
    log: &dyn AuditLog,
    anchor: Option<&Checkpoint>,
    key: PublicKey,
    more: &[Checkpoint],
    progress: &mut dyn FnMut(i64),
) -> Result<Verified, Unverified> {
    if let Some(anchor) = anchor.filter(|anchor| !is_signed_by(anchor, Kind::Anchor, key)) {
        let what = format!("that the records up to {} were removed is not signed by this key", anchor.seq);
        return Err(Unverified::at(anchor.seq, what));
    }
    let start = anchor.map_or_else(|| beginning(key), |anchor| Place { seq: anchor.seq, hash: anchor.hash });
    let mut points = Points::of(log.checkpoints()?.into_iter().chain(more.iter().cloned()), key)?;
    let outlived = points.drop_before(start.seq);
    let checkpoints = points.count();
    let end = walk(log, start, i64::MIN, &mut points, progress)?;
    if let Some((seq, point)) = points.ahead.first_key_value() {
        let first = end.seq.saturating_add(1);
        let time = point.first().map_or("", |point| &point.time);
        let what = format!("{} missing: the checkpoint of {time} covers them", numbers(first, *seq));
        return Err(Unverified::at(first, what));
    }
    let covered = points.last.map(|point| (point.seq, point.time));
    let from = covered.as_ref().map_or(start.seq, |(seq, _)| *seq);
    Ok(Verified {
        records: end.seq.saturating_sub(start.seq),
        removed: start.seq,
        covered,
        uncovered: end.seq.saturating_sub(from),
        checkpoints,
        outlived,
    })
}

/// Checkpoints that a walk has not come to yet, and the last that it has.
pub(super) struct Points {
    ahead: BTreeMap<i64, Vec<Checkpoint>>,
    last: Option<Checkpoint>,
}

impl Points {
    /// None.
    pub(super) const fn none() -> Self {
        Self { ahead: BTreeMap::new(), last: None }
    }

    /// Checkpoints that a key has signed, each once.
    fn of(points: impl Iterator<Item = Checkpoint>, key: PublicKey) -> Result<Self, Tampered> {
        let mut ahead: BTreeMap<i64, Vec<Checkpoint>> = BTreeMap::new();
        for point in points {
            let same = ahead.entry(point.seq).or_default();
            if same.contains(&point) {
                continue;
            }
            if !is_signed_by(&point, Kind::Checkpoint, key) {
                let what = format!("the checkpoint at record {} is not signed by this key", point.seq);
                return Err(Tampered { seq: point.seq, what });
            }
            same.push(point);
        }
        Ok(Self { ahead, last: None })
    }

    /// Leaves out those that speak of what was removed, and counts them.
    fn drop_before(&mut self, seq: i64) -> usize {
        let ahead = self.ahead.split_off(&seq);
        std::mem::replace(&mut self.ahead, ahead).len()
    }

    fn count(&self) -> usize {
        self.ahead.values().map(Vec::len).sum()
    }

    /// Holds a place against what was signed of it.
    fn pass(&mut self, place: Place) -> Result<(), Tampered> {
        for point in self.ahead.remove(&place.seq).unwrap_or_default() {
            if point.hash != place.hash {
                let first = self.last.as_ref().map_or(0, |last| last.seq).saturating_add(1);
                let what = format!(
                    "{} not what was recorded: the checkpoint of {} covers something else",
                    numbers(first, place.seq),
                    point.time
                );
                return Err(Tampered { seq: first, what });
            }
            self.last = Some(point);
        }
        Ok(())
    }
}

/// Goes through the records after a place, reading from a number on, and gives the last one's.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn walk(
    log: &dyn AuditLog,
    start: Place,
    from: i64,
    points: &mut Points,
    progress: &mut dyn FnMut(i64),
) -> Result<Place, Unverified> {
    points.pass(start)?;
    let mut place = start;
    let mut wrong = None;
    let mut each = |chunk: Chunk<'_>| match pass(&chunk, place, points, progress) {
        Ok(end) => {
            place = end;
            ControlFlow::Continue(())
        }
        Err(tampered) => {
            wrong = Some(tampered);
            ControlFlow::Break(())
        }
    };
    let read = log.read(from..=i64::MAX, Order::Oldest, &mut each);
    if let Some(tampered) = wrong {
        return Err(tampered.into());
    }
    read.map_err(|unreadable| Unverified::read(unreadable, place.seq.saturating_add(1)))?;
    Ok(place)
}

/// Goes through the records of a chunk that comes after a place, and gives the last one's.
fn pass(
    chunk: &Chunk<'_>,
    place: Place,
    points: &mut Points,
    progress: &mut dyn FnMut(i64),
) -> Result<Place, Tampered> {
    const STEP: i64 = 1_000;
    let (next, first, last) = (place.seq.saturating_add(1), chunk.first, chunk.last);
    if first > next {
        let what = format!("{} missing", numbers(next, first.saturating_sub(1)));
        return Err(Tampered { seq: next, what });
    }
    if first < next {
        return Err(Tampered::changed(next));
    }
    let mut times = None;
    let passed = |place: Place, body: &[u8]| {
        let time = time(body);
        times = Some(times.map_or((time, time), |(earliest, latest)| (time.min(earliest), time.max(latest))));
        if place.seq.checked_rem(STEP) == Some(0) {
            progress(place.seq);
        }
        points.pass(place)
    };
    let end = chunk::walk(chunk, place, passed)?;
    if times != Some((Some(chunk.earliest), Some(chunk.latest))) {
        let whose = if first == last { "its" } else { "their" };
        let what = format!("{} found under other times than {whose} own", numbers(first, last));
        return Err(Tampered { seq: first, what });
    }
    Ok(end)
}

/// When a record says that it was made, in microseconds since 1970: its first member.
fn time(body: &[u8]) -> Option<i64> {
    let rest = str::from_utf8(body).ok()?.strip_prefix(r#"{"time":""#)?;
    let (text, _) = rest.split_once('"')?;
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_micros())
}

/// `record 7 is`, `records 7 to 9 are`.
fn numbers(first: i64, last: i64) -> String {
    if first == last { format!("record {first} is") } else { format!("records {first} to {last} are") }
}
