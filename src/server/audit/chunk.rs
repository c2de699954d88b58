//! Chunks: records that were written together stand together, a line each, with the hash of each. So all of them share what a
//! row of the database costs.

use super::{
    record::Encoded,
    verify::{Place, Tampered},
};
use std::ops::RangeInclusive;

/// How many records stand together at most: whoever wants one of them reads all.
const MOST: usize = 128;

/// Some records, one behind the other.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    /// The first one's number.
    pub(super) first: i64,
    /// The last one's number.
    pub(super) last: i64,
    /// When the earliest of them was made, in microseconds since 1970.
    pub(super) earliest: i64,
    /// When the latest was: a clock may be set back in between.
    pub(super) latest: i64,
    /// As they are kept, with a line break between them; none has one inside.
    pub(super) bodies: String,
    /// Their hashes, one behind the other.
    pub(super) hashes: Vec<u8>,
}

impl Chunk {
    /// Puts records behind a place, and gives the last one's with them.
    pub(super) fn all_of(records: &[Encoded], mut place: Place) -> (Vec<Self>, Place) {
        let mut chunks = Vec::with_capacity(records.len().div_ceil(MOST));
        for records in records.chunks(MOST) {
            let times = records.iter().map(|record| record.time);
            let mut chunk = Self {
                first: place.seq.saturating_add(1),
                last: 0,
                earliest: times.clone().min().unwrap_or_default(),
                latest: times.max().unwrap_or_default(),
                bodies: String::with_capacity(room(records)),
                hashes: Vec::with_capacity(size_of::<[u8; 32]>().saturating_mul(records.len())),
            };
            for record in records {
                place = place.then(record.body.as_bytes());
                if !chunk.bodies.is_empty() {
                    chunk.bodies.push('\n');
                }
                chunk.bodies.push_str(&record.body);
                chunk.hashes.extend_from_slice(&place.hash.0);
            }
            chunk.last = place.seq;
            chunks.push(chunk);
        }
        (chunks, place)
    }
}

/// How many bytes records take, with a line break for each.
fn room(records: &[Encoded]) -> usize {
    records.iter().fold(records.len(), |room, record| room.saturating_add(record.body.len()))
}

/// The records of bodies, each with its number, in their order.
pub(super) fn numbered(numbers: RangeInclusive<i64>, bodies: &[u8]) -> Vec<(i64, &str)> {
    numbers.zip(str::from_utf8(bodies).unwrap_or_default().split('\n')).collect()
}

/// A chunk as it stands in the database, where it may be anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) last: i64,
    pub(super) bodies: &'a [u8],
    pub(super) hashes: &'a [u8],
}

impl Found<'_> {
    /// Goes through the records behind a place, and gives the last one's.
    ///
    /// # Errors
    /// The first that is not what was recorded.
    pub(super) fn walk(
        self,
        mut place: Place,
        mut each: impl FnMut(Place, &[u8]) -> Result<(), Tampered>,
    ) -> Result<Place, Tampered> {
        let (hashes, rest) = self.hashes.as_chunks::<32>();
        let mut bodies = self.bodies.split(|byte| *byte == b'\n');
        for hash in hashes {
            let body = bodies.next().unwrap_or_default();
            place = place.then(body);
            if *hash != place.hash.0 {
                return Err(Tampered::changed(place.seq));
            }
            each(place, body)?;
        }
        let is_whole = place.seq == self.last && rest.is_empty() && bodies.next().is_none();
        if is_whole { Ok(place) } else { Err(Tampered::changed(place.seq)) }
    }
}
