//! Whether a log is what was written: every hash, every number, every signature.
//!
//! What is found wrong is said with its place, from the oldest record on: what comes after the first fault cannot be vouched
//! for.

use super::{
    chain::Hash,
    checkpoint::{Checkpoint, Kind},
    chunk::Found,
    key::PublicKey,
    tables,
};
use chrono::DateTime;
use rusqlite::Connection;
use std::collections::BTreeMap;

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
    /// How many checkpoints speak of records that were removed since.
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

/// A place in the chain: a record's number and hash.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) seq: i64,
    pub(super) hash: Hash,
}

impl Place {
    /// That of a record behind it.
    pub(super) fn then(self, body: &[u8]) -> Self {
        let seq = self.seq.saturating_add(1);
        Self { seq, hash: self.hash.with(seq, body) }
    }
}

/// Goes through a whole log. `more` are checkpoints that were kept elsewhere; `progress` is told how far it is, now and then.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn verify(
    connection: &Connection,
    key: PublicKey,
    more: Vec<Checkpoint>,
    progress: &mut dyn FnMut(i64),
) -> Result<Verified, Tampered> {
    let unreadable = |error: rusqlite::Error| Tampered { seq: 0, what: format!("the log cannot be read: {error}") };
    let anchor = tables::anchor(connection).map_err(unreadable)?;
    if let Some(anchor) = anchor.as_ref().filter(|anchor| !anchor.is_signed_by(Kind::Anchor, key)) {
        let what = format!("that the records up to {} were removed is not signed by this key", anchor.seq);
        return Err(Tampered { seq: anchor.seq, what });
    }
    let start = match &anchor {
        Some(anchor) => Place { seq: anchor.seq, hash: anchor.hash },
        None => Place { seq: 0, hash: Hash::beginning(&key) },
    };
    let mut points = Points::of(tables::checkpoints(connection).map_err(unreadable)?.into_iter().chain(more), key)?;
    let outlived = points.drop_before(start.seq);
    let end = walk(connection, start, &mut points, progress)?;
    if let Some((seq, point)) = points.ahead.first_key_value() {
        let first = end.seq.saturating_add(1);
        let time = point.first().map_or("", |point| &point.time);
        let what = format!("{} missing: the checkpoint of {time} covers them", numbers(first, *seq));
        return Err(Tampered { seq: first, what });
    }
    let covered = points.last.map(|point| (point.seq, point.time));
    let from = covered.as_ref().map_or(start.seq, |(seq, _)| *seq);
    Ok(Verified {
        records: end.seq.saturating_sub(start.seq),
        removed: start.seq,
        covered,
        uncovered: end.seq.saturating_sub(from),
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
            if !point.is_signed_by(Kind::Checkpoint, key) {
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

/// Goes through the records after a place, and gives the last one's.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn walk(
    connection: &Connection,
    start: Place,
    points: &mut Points,
    progress: &mut dyn FnMut(i64),
) -> Result<Place, Tampered> {
    const STEP: i64 = 1_000;
    let mut place = start;
    points.pass(place)?;
    let unreadable =
        |seq: i64, error: rusqlite::Error| Tampered { seq, what: format!("it cannot be read from there on: {error}") };
    let select = "SELECT first, last, earliest, latest, bodies, hashes FROM chunks WHERE last > ?1 ORDER BY first";
    let mut select = connection.prepare(select).map_err(|error| unreadable(place.seq, error))?;
    let mut rows = select.query([start.seq]).map_err(|error| unreadable(place.seq, error))?;
    loop {
        let next = place.seq.saturating_add(1);
        let Some(row) = rows.next().map_err(|error| unreadable(next, error))? else { return Ok(place) };
        let number = |column| row.get::<_, i64>(column).map_err(|error| unreadable(next, error));
        let bytes = |column| row.get_ref(column).ok().and_then(|value| value.as_bytes().ok()).unwrap_or_default();
        let (first, last) = (number(0)?, number(1)?);
        let found = Found { last, bodies: bytes(4), hashes: bytes(5) };
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
        place = found.walk(place, passed)?;
        if times != Some((row.get(2).ok(), row.get(3).ok())) {
            let whose = if first == last { "its" } else { "their" };
            let what = format!("{} found under other times than {whose} own", numbers(first, last));
            return Err(Tampered { seq: first, what });
        }
    }
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
