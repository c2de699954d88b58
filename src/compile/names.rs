//! Texts with numbers: a table that is built once and then only asked.
//!
//! A hash leads to a bucket of four slots, which are looked at together and taken in order. A text that finds no free slot
//! within [`BUCKETS`] buckets goes to a sorted overflow, which is searched by halves. So a lookup costs at most that many
//! steps, whatever texts the table holds and whatever is asked: texts that were chosen to collide make it slower by a
//! logarithm, never by their number. What is found is always compared, so no two texts are taken for one another. Few
//! names are not hashed but looked through.
//!
//! What there is to know of a text stands in one record, together with the text itself if that is not long: in one line of
//! the processor's cache.
//!
//! ```text
//! buckets:  four slots each: a number plus one in the lower bits, as many as the count of slots needs; part of the hash in
//!           those above; or 0
//! records:  the text if it is short, its length, its tag, else where it stands, what is known of it
//! long:     the texts that are longer
//! overflow: numbers, in the order of tags and texts
//! few:      the keys of the first names
//! ```

use super::scatter::{Scatter, Spread, ends, is_same};
use crate::glob::GlobSetError;
use prefetch_index::prefetch_index;
use std::{cmp::Ordering, marker::PhantomData};

/// The slots of a bucket.
const SLOTS: usize = 4;
/// The most buckets that a lookup visits.
const BUCKETS: usize = 4;
/// So many names are looked through.
const FEW: usize = 8;
/// The bytes of a text that stands in its record.
const SHORT: usize = 36;
/// The words of what is known of a text, and of a record.
const HOME: usize = 4;
const RECORD: usize = SHORT / 4 + 3 + HOME;
/// There are fewer names than this.
const MAX_NAMES: u32 = 1 << 31;

/// Why a set cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TooLarge {
    /// There is too much of something.
    TooMany {
        /// What there is too much of, in words: `rules`.
        what: &'static str,
        /// How many there may be.
        most: u64,
    },
    /// A pattern is one too many.
    Patterns(GlobSetError),
}

impl std::fmt::Display for TooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooMany { what, most } => {
                write!(f, "the policy set has too many {what}: a decision graph holds at most {most}")
            }
            Self::Patterns(error) => write!(f, "the pattern {error}"),
        }
    }
}

impl std::error::Error for TooLarge {}

/// One text, and what is known of it.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Record<H> {
    /// The text, if it is short.
    short: [u8; SHORT],
    length: u32,
    /// The number that tells equal texts of different kinds apart.
    tag: u32,
    /// Where the text begins among the long ones.
    start: u32,
    home: H,
}

/// What is known of texts, as words of a bundle.
pub(crate) trait Kept: Default {
    /// Its words.
    fn words(&self) -> [u32; HOME];

    /// What words say.
    fn of(words: [u32; HOME]) -> Self;
}

/// Nothing.
impl Kept for () {
    fn words(&self) -> [u32; HOME] {
        [0; HOME]
    }

    fn of(_: [u32; HOME]) {}
}

/// Texts with numbers, from 0 up. Each is kept once for each tag.
#[derive(Debug, Clone)]
pub(crate) struct Names<H = (), S = Spread> {
    records: Vec<Record<H>>,
    long: String,
    buckets: Vec<[u32; SLOTS]>,
    overflow: Vec<u32>,
    /// The keys of the first [`FEW`] names.
    few: Vec<Key>,
    scatter: PhantomData<S>,
}

impl<H, S> Default for Names<H, S> {
    fn default() -> Self {
        Self {
            records: Vec::new(),
            long: String::new(),
            buckets: vec![[0; SLOTS]; SLOTS],
            overflow: Vec::new(),
            few: Vec::new(),
            scatter: PhantomData,
        }
    }
}

impl<H> Record<H> {
    /// The bytes of the text.
    #[inline]
    fn bytes<'a>(&'a self, long: &'a str) -> &'a [u8] {
        let (start, length) = (self.start as usize, self.length as usize);
        self.short
            .get(..length)
            .unwrap_or_else(|| long.as_bytes().get(start..start.saturating_add(length)).unwrap_or_default())
    }
}

/// What tells texts of at most sixteen bytes apart: what they begin and what they end with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    first: u64,
    last: u64,
    length: u32,
    tag: u32,
}

impl Key {
    /// The key of a text.
    #[inline]
    fn new(tag: u32, text: &str) -> Self {
        let bytes = text.as_bytes();
        let (first, last) = ends(bytes);
        Self { first, last, length: bytes.len() as u32, tag }
    }

    /// Whether no other text has this key.
    #[inline]
    const fn is_exact(self) -> bool {
        self.length <= 16
    }
}

impl<H: Default, S: Scatter> Names<H, S> {
    /// Whether there are none.
    #[must_use]
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many bytes they take.
    #[must_use]
    pub(crate) fn bytes(&self) -> usize {
        let tables = [
            size_of_val(&*self.records),
            size_of_val(&*self.buckets),
            size_of_val(&*self.overflow),
            size_of_val(&*self.few),
        ];
        tables.into_iter().fold(self.long.len(), usize::saturating_add)
    }

    /// A text by its number.
    #[must_use]
    pub(crate) fn text(&self, id: u32) -> Option<&str> {
        str::from_utf8(self.records.get(id as usize)?.bytes(&self.long)).ok()
    }

    /// The tag of a number.
    #[must_use]
    pub(crate) fn tag(&self, id: u32) -> Option<u32> {
        self.records.get(id as usize).map(|record| record.tag)
    }

    /// What is known of a text, by its number.
    #[must_use]
    #[inline]
    pub(crate) fn home(&self, id: u32) -> Option<&H> {
        self.records.get(id as usize).map(|record| &record.home)
    }

    /// What is known of each.
    pub(crate) fn homes(&self) -> impl Iterator<Item = &H> {
        self.records.iter().map(|record| &record.home)
    }

    /// What is known of a text, to be changed.
    pub(crate) fn home_mut(&mut self, id: u32) -> Option<&mut H> {
        self.records.get_mut(id as usize).map(|record| &mut record.home)
    }

    /// The numbers of all.
    pub(crate) fn ids(&self) -> std::ops::Range<u32> {
        0..self.records.len() as u32
    }

    /// The number of a text.
    #[must_use]
    #[inline]
    pub(crate) fn find(&self, tag: u32, text: &str) -> Option<u32> {
        if self.records.len() > FEW {
            return self.find_among_many(tag, text);
        }
        let key = Key::new(tag, text);
        if !key.is_exact() {
            return self.find_among_many(tag, text);
        }
        self.few.iter().position(|held| *held == key).map(|place| place as u32)
    }

    #[inline(never)]
    fn find_among_many(&self, tag: u32, text: &str) -> Option<u32> {
        let (place, print) = self.start(tag, text.as_bytes());
        let bucket = *self.buckets.get(place)?;
        let held = self.first_alike(bucket, print);
        // Most are found in the first bucket, or it has room for them.
        if self.is(held, tag, text) {
            return Some(self.number(held));
        }
        if held == 0 && bucket[SLOTS - 1] == 0 { None } else { self.search(tag, text) }
    }

    /// The first slot of a bucket with such bits of the hash; 0 if there is none.
    #[inline]
    fn first_alike(&self, [a, b, c, d]: [u32; SLOTS], print: u32) -> u32 {
        let mask = self.mask();
        let choose = |chosen, held| if held & !mask == print { held } else { chosen };
        choose(choose(choose(choose(0, d), c), b), a)
    }

    /// Has the bucket fetched where a text will be looked for.
    #[inline]
    pub(crate) fn fetch_bucket(&self, tag: u32, text: &str) {
        if self.records.len() > FEW {
            prefetch_index(&self.buckets, self.start(tag, text.as_bytes()).0);
        }
    }

    /// Has the record fetched that will be compared with a text; best some time after its bucket.
    #[inline]
    pub(crate) fn fetch_record(&self, tag: u32, text: &str) {
        if self.records.len() > FEW {
            let (place, print) = self.start(tag, text.as_bytes());
            let held = self.buckets.get(place).map_or(0, |bucket| self.first_alike(*bucket, print));
            prefetch_index(&self.records, self.number(held) as usize);
        }
    }

    /// The number of a text that is not the first of its first bucket with such a hash.
    #[inline(never)]
    fn search(&self, tag: u32, text: &str) -> Option<u32> {
        let (mut place, print) = self.start(tag, text.as_bytes());
        for _ in 0..BUCKETS {
            let bucket = self.buckets.get(place)?;
            let alike = bucket.iter().filter(|held| **held & !self.mask() == print);
            if let Some(held) = alike.into_iter().find(|held| self.is(**held, tag, text)) {
                return Some(self.number(*held));
            }
            if bucket.contains(&0) {
                return None;
            }
            place = self.following(place);
        }
        let place = self.overflow.binary_search_by(|id| self.compare(*id, tag, text)).ok()?;
        self.overflow.get(place).copied()
    }

    /// The number that a slot holds.
    #[inline]
    fn number(&self, held: u32) -> u32 {
        (held & self.mask()).wrapping_sub(1)
    }

    /// Whether a slot holds the number of just this text.
    #[inline(always)]
    fn is(&self, held: u32, tag: u32, text: &str) -> bool {
        let record = self.records.get(self.number(held) as usize);
        record.is_some_and(|record| record.tag == tag && is_same(record.bytes(&self.long), text.as_bytes()))
    }

    /// The number of a text, which is added if it is new.
    ///
    /// # Errors
    /// Where there would be 2³¹ texts, or 4 GiB of long ones.
    pub(crate) fn add(&mut self, tag: u32, text: &str) -> Result<u32, TooLarge> {
        if let Some(id) = self.find(tag, text) {
            return Ok(id);
        }
        let too_many = TooLarge::TooMany { what: "names", most: u64::from(MAX_NAMES).saturating_sub(1) };
        let too_long = || TooLarge::TooMany { what: "bytes of names", most: u64::from(u32::MAX) };
        let id = u32::try_from(self.records.len()).ok().filter(|id| *id < MAX_NAMES - 1).ok_or(too_many)?;
        let start = u32::try_from(self.long.len()).map_err(|_| too_long())?;
        let length = u32::try_from(text.len()).map_err(|_| too_long())?;
        let mut short = [0; SHORT];
        match short.get_mut(..text.len()) {
            Some(short) => short.copy_from_slice(text.as_bytes()),
            None => self.long.push_str(text),
        }
        if self.few.len() < FEW {
            self.few.push(Key::new(tag, text));
        }
        self.records.push(Record { short, length, tag, start, home: H::default() });
        // At most half of the slots are taken, so that hardly a bucket is full.
        if self.records.len().saturating_mul(2) > self.buckets.len().saturating_mul(SLOTS) {
            self.grow();
        } else {
            self.place(id);
        }
        Ok(id)
    }

    fn grow(&mut self) {
        self.spread(self.buckets.len().saturating_mul(2));
    }

    /// Takes no more buckets than are worth their memory, where hardly a name is still to come: five for nine names, so that
    /// three in a hundred are not in their first.
    pub(crate) fn fit(&mut self) {
        self.spread(self.records.len().saturating_mul(5).div_ceil(9).max(SLOTS));
    }

    /// Spreads the names over so many buckets.
    fn spread(&mut self, count: usize) {
        if count == self.buckets.len() {
            return;
        }
        self.buckets = vec![[0; SLOTS]; count];
        self.overflow.clear();
        for id in self.ids() {
            self.place(id);
        }
    }

    fn place(&mut self, id: u32) {
        let Some(record) = self.records.get(id as usize) else { return };
        let (mut place, print) = self.start(record.tag, record.bytes(&self.long));
        for _ in 0..BUCKETS {
            let slots = self.buckets.get_mut(place).into_iter().flatten();
            if let Some(free) = slots.into_iter().find(|held| **held == 0) {
                *free = print | id.wrapping_add(1);
                return;
            }
            place = self.following(place);
        }
        let key = |id: u32| (self.tag(id), self.text(id));
        let overflow = self.overflow.partition_point(|other| key(*other) < key(id));
        self.overflow.insert(overflow, id);
    }

    /// The bits of a slot that hold a number: enough for as many as there are slots.
    #[inline]
    fn mask(&self) -> u32 {
        let last = (self.buckets.len() as u32).wrapping_mul(SLOTS as u32).wrapping_sub(1);
        u32::MAX.wrapping_shr(last.leading_zeros())
    }

    /// The bucket after one.
    #[inline]
    fn following(&self, place: usize) -> usize {
        let next = place.wrapping_add(1);
        if next < self.buckets.len() { next } else { 0 }
    }

    /// The first bucket to look at, and the bits of the hash that slots keep.
    #[inline]
    fn start(&self, tag: u32, text: &[u8]) -> (usize, u32) {
        let hash = S::hash(tag, text);
        // The lower half as a fraction of the buckets: there may be any number of them.
        let place = u64::from(hash as u32).wrapping_mul(self.buckets.len() as u64) >> 32;
        (place as usize, (hash >> 32) as u32 & !self.mask())
    }

    fn compare(&self, id: u32, tag: u32, text: &str) -> Ordering {
        (self.tag(id), self.text(id)).cmp(&(Some(tag), Some(text)))
    }
}

impl<H: Kept> Names<H> {
    /// The records as words: the text if it is short, its length, its tag, where it stands, what is known of it.
    pub(crate) fn rows(&self) -> Vec<u32> {
        let row = |record: &Record<H>| {
            let short = record.short.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes));
            let own: Vec<u32> = short.chain([record.length, record.tag, record.start]).collect();
            own.into_iter().chain(record.home.words())
        };
        self.records.iter().flat_map(row).collect()
    }

    /// The texts that are longer than a record holds.
    pub(crate) fn long(&self) -> &str {
        &self.long
    }

    /// The names of some records; nothing if they are none.
    pub(crate) fn of_rows(rows: &[u32], long: String) -> Option<Self> {
        let (rows, rest) = rows.as_chunks::<RECORD>();
        if !rest.is_empty() || rows.len() >= MAX_NAMES as usize {
            return None;
        }
        let record = |row: &[u32; RECORD]| {
            let (text, own) = row.split_first_chunk::<{ SHORT / 4 }>()?;
            let [length, tag, start, home @ ..] = own.first_chunk::<{ 3 + HOME }>()?;
            let mut short = [0; SHORT];
            short.as_chunks_mut().0.iter_mut().zip(text).for_each(|(bytes, word)| *bytes = word.to_le_bytes());
            let record = Record { short, length: *length, tag: *tag, start: *start, home: H::of(*home) };
            let is_text = match short.get(..*length as usize) {
                Some(short) => str::from_utf8(short).is_ok(),
                None => long.get(*start as usize..(*start as usize).checked_add(*length as usize)?).is_some(),
            };
            is_text.then_some(record)
        };
        // Where a row may be none, collecting would not know how many there are.
        let mut records = Vec::with_capacity(rows.len());
        for row in rows {
            records.push(record(row)?);
        }
        let mut names = Self { records, long, buckets: Vec::new(), ..Self::default() };
        names.fit();
        let few = names.ids().take(FEW).filter_map(|id| Some(Key::new(names.tag(id)?, names.text(id)?)));
        names.few = few.collect();
        Some(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        cell::Cell,
        hash::{DefaultHasher, Hash, Hasher},
        rc::Rc,
    };

    /// All texts collide, as an attacker would like them to.
    struct Colliding;

    impl Scatter for Colliding {
        fn hash(_: u32, _: &[u8]) -> u64 {
            7
        }
    }

    /// As tables of the standard library do.
    struct Standard;

    impl Scatter for Standard {
        fn hash(tag: u32, text: &[u8]) -> u64 {
            let mut hasher = DefaultHasher::new();
            (tag, text).hash(&mut hasher);
            hasher.finish()
        }
    }

    fn numbered(count: u32) -> impl Iterator<Item = (u32, String)> {
        (0..count).map(|number| (number % 3, format!("name-{}", number / 2)))
    }

    #[test]
    fn each_text_has_one_number_for_each_tag() {
        let mut names: Names = Names::default();
        let ids: Vec<u32> = numbered(10_000).map(|(tag, text)| names.add(tag, &text).unwrap()).collect();
        for ((tag, text), id) in numbered(10_000).zip(ids) {
            assert_eq!(names.find(tag, &text), Some(id));
            assert_eq!((names.tag(id), names.text(id)), (Some(tag), Some(&*text)));
            assert_eq!(names.add(tag, &text), Ok(id));
        }
        assert_eq!(names.find(4, "name-1"), None);
        assert_eq!(names.find(0, ""), None);
    }

    #[test]
    fn texts_of_all_lengths_are_told_apart() {
        // Each differs from the one before in one byte.
        let texts = (0..100_usize).flat_map(|length| {
            let text = "a".repeat(length);
            (0..length).map(move |place| format!("{}b{}", &text[..place], &text[place + 1..]))
        });
        let texts: Vec<String> = texts.collect();
        for count in [5, 36, texts.len()] {
            let mut names: Names = Names::default();
            let ids: Vec<u32> = texts[..count].iter().map(|text| names.add(0, text).unwrap()).collect();
            assert_eq!(ids, names.ids().collect::<Vec<u32>>());
            assert!(texts[..count].iter().zip(ids).all(|(text, id)| names.find(0, text) == Some(id)));
            assert!(texts[count..].iter().all(|text| names.find(0, text).is_none()));
        }
    }

    #[test]
    fn hardly_a_name_is_not_in_its_first_bucket() {
        let mut names: Names = Names::default();
        for name in 0..100_000 {
            names.add(1, &format!("org-{:03}/model-{name:06}", name % 997)).unwrap();
        }
        let before = names.bytes();
        names.fit();
        assert!(names.bytes() < before);
        let first = |id: &u32| {
            let (place, _) = names.start(1, names.text(*id).unwrap().as_bytes());
            names.buckets[place].iter().any(|held| names.number(*held) == *id)
        };
        let count = names.ids().filter(first).count();
        assert!(count > 97_000 && names.overflow.len() < 50, "{count} and {}", names.overflow.len());
    }

    #[test]
    fn texts_that_collide_are_told_apart_in_few_steps() {
        let mut names: Names<(), Colliding> = Names::default();
        let count = 20_000;
        let ids: Vec<u32> = numbered(count).map(|(tag, text)| names.add(tag, &text).unwrap()).collect();
        assert!(names.overflow.len() > 9_000, "nearly all of them are in the overflow");
        for ((tag, text), id) in numbered(count).zip(ids) {
            assert_eq!(names.find(tag, &text), Some(id));
        }
        // The steps of a lookup are counted by the comparisons that the overflow's search makes.
        let steps = Rc::new(Cell::new(0));
        let found = names.overflow.binary_search_by(|id| {
            steps.set(steps.get() + 1);
            names.compare(*id, 1, "nobody")
        });
        assert!(found.is_err() && steps.get() <= 16, "{} steps", steps.get());
        assert_eq!(names.find(1, "nobody"), None);
    }

    #[test]
    fn any_hash_gives_the_same_numbers() {
        let mut standard: Names<(), Standard> = Names::default();
        let mut own: Names = Names::default();
        for (tag, text) in numbered(1_000) {
            assert_eq!(standard.add(tag, &text), own.add(tag, &text));
        }
    }
}
