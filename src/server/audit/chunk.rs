//! Chunks: records that were written together stand together, a line each, with the hash of each. So all of them share what a
//! row of the database costs.

use super::{chain::then, records::Records, verify::Tampered};
use crate::store::audit::{Chunk, Place};
use std::ops::RangeInclusive;

/// How many records stand together at most: whoever wants one of them reads all.
const MOST: usize = 128;

/// Some records, one behind the other.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bound<'a> {
    /// The first one's number.
    pub(super) first: i64,
    /// The last one's number.
    pub(super) last: i64,
    /// When the earliest of them was made, in microseconds since 1970.
    pub(super) earliest: i64,
    /// When the latest was: a clock may be set back in between.
    pub(super) latest: i64,
    /// As they are kept, with a line break between them; none has one inside.
    pub(super) bodies: &'a [u8],
    /// Their hashes, one behind the other.
    pub(super) hashes: Vec<u8>,
}

impl<'a> Bound<'a> {
    /// Puts records behind a place, and gives the last one's with them.
    pub(super) fn all_of(records: &'a Records, mut place: Place) -> (Vec<Self>, Place) {
        let mut chunks = Vec::with_capacity(records.len().div_ceil(MOST));
        for rows in records.rows().chunks(MOST) {
            let times = rows.iter().map(|row| row.kept.time);
            let mut chunk = Self {
                first: place.seq.saturating_add(1),
                last: 0,
                earliest: times.clone().min().unwrap_or_default(),
                latest: times.max().unwrap_or_default(),
                bodies: records.lines(rows),
                hashes: Vec::with_capacity(size_of::<[u8; 32]>().saturating_mul(rows.len())),
            };
            for row in rows {
                place = then(place, records.line(row));
                chunk.hashes.extend_from_slice(&place.hash);
            }
            chunk.last = place.seq;
            chunks.push(chunk);
        }
        (chunks, place)
    }

    /// As a store takes it.
    pub(super) fn lent(&self) -> Chunk<'_> {
        let Self { first, last, earliest, latest, bodies, hashes } = self;
        let (first, last, earliest, latest) = (*first, *last, *earliest, *latest);
        Chunk { first, last, earliest, latest, bodies, hashes }
    }
}

/// The records of bodies, each with its number, in their order.
pub(super) fn numbered(numbers: RangeInclusive<i64>, bodies: &[u8]) -> Vec<(i64, &str)> {
    numbers.zip(str::from_utf8(bodies).unwrap_or_default().split('\n')).collect()
}

/// Goes through the records of a chunk, which may be anything, behind a place, and gives the last one's.
///
/// # Errors
/// The first that is not what was recorded.
pub(super) fn walk(
    chunk: &Chunk<'_>,
    mut place: Place,
    mut each: impl FnMut(Place, &[u8]) -> Result<(), Tampered>,
) -> Result<Place, Tampered> {
    let (hashes, rest) = chunk.hashes.as_chunks::<32>();
    let mut bodies = chunk.bodies.split(|byte| *byte == b'\n');
    for hash in hashes {
        let body = bodies.next().unwrap_or_default();
        place = then(place, body);
        if *hash != place.hash {
            return Err(Tampered::changed(place.seq));
        }
        each(place, body)?;
    }
    let is_whole = place.seq == chunk.last && rest.is_empty() && bodies.next().is_none();
    if is_whole { Ok(place) } else { Err(Tampered::changed(place.seq)) }
}
