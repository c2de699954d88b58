//! Texts with numbers: a table that is built once and then only asked.
//!
//! Open addressing with bounded probing: a text that finds no free slot within [`MAX_PROBES`] steps goes to a sorted
//! overflow, which is searched by halves. So a lookup costs at most that many steps, whatever texts the table holds and
//! whatever is asked: texts that were chosen to collide make it slower by a logarithm, never by their number. What is
//! found is always compared, so no two texts are taken for one another.

use std::{
    cmp::Ordering,
    hash::{BuildHasher, Hasher},
};

/// The most slots that a lookup visits.
const MAX_PROBES: usize = 8;

/// Why a set cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooLarge {
    /// What there is too much of, in words: `rules`.
    pub what: &'static str,
    /// How many there may be.
    pub most: u64,
}

impl std::fmt::Display for TooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the policy set has too many {}: a decision graph holds at most {}", self.what, self.most)
    }
}

impl std::error::Error for TooLarge {}

/// One text: where it stands, and the number that tells equal texts of different kinds apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    start: u32,
    end: u32,
    tag: u32,
}

/// Texts with numbers, from 0 up. Each is kept once for each tag.
#[derive(Debug, Clone)]
pub(crate) struct Names<S = foldhash::fast::FixedState> {
    text: String,
    rows: Vec<Row>,
    /// The upper half of a text's hash, then its number plus one; 0 is a free slot. Their count is a power of two.
    slots: Vec<u64>,
    /// The numbers of texts that found no slot, in the order of tags and texts.
    overflow: Vec<u32>,
    hasher: S,
}

impl Default for Names {
    fn default() -> Self {
        Self::new(foldhash::fast::FixedState::default())
    }
}

impl<S: BuildHasher> Names<S> {
    /// No names yet.
    pub(crate) fn new(hasher: S) -> Self {
        Self { text: String::new(), rows: Vec::new(), slots: vec![0; 16], overflow: Vec::new(), hasher }
    }

    /// How many there are.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many bytes they take.
    #[must_use]
    pub(crate) fn bytes(&self) -> usize {
        let tables = [size_of_val(&*self.rows), size_of_val(&*self.slots), size_of_val(&*self.overflow)];
        tables.into_iter().fold(self.text.len(), usize::saturating_add)
    }

    /// A text by its number.
    #[must_use]
    pub(crate) fn text(&self, id: u32) -> Option<&str> {
        let row = self.rows.get(id as usize)?;
        self.text.get(row.start as usize..row.end as usize)
    }

    /// The tag of a number.
    #[must_use]
    pub(crate) fn tag(&self, id: u32) -> Option<u32> {
        self.rows.get(id as usize).map(|row| row.tag)
    }

    /// The number of a text.
    #[must_use]
    #[inline]
    pub(crate) fn find(&self, tag: u32, text: &str) -> Option<u32> {
        let (mut slot, print) = self.start(tag, text);
        for _ in 0..MAX_PROBES {
            let held = *self.slots.get(slot)?;
            if held == 0 {
                return None;
            }
            let id = (held as u32).wrapping_sub(1);
            if held >> 32 == print && self.is(id, tag, text) {
                return Some(id);
            }
            slot = slot.wrapping_add(1) & self.slots.len().wrapping_sub(1);
        }
        let place = self.overflow.binary_search_by(|id| self.compare(*id, tag, text)).ok()?;
        self.overflow.get(place).copied()
    }

    /// The number of a text, which is added if it is new.
    ///
    /// # Errors
    /// Where there would be more than 2³² − 2 texts, or 4 GiB of them.
    pub(crate) fn add(&mut self, tag: u32, text: &str) -> Result<u32, TooLarge> {
        if let Some(id) = self.find(tag, text) {
            return Ok(id);
        }
        let too_many = TooLarge { what: "names", most: u64::from(u32::MAX).saturating_sub(2) };
        let too_long = TooLarge { what: "bytes of names", most: u64::from(u32::MAX) };
        let id = u32::try_from(self.rows.len()).ok().filter(|id| *id < u32::MAX - 1).ok_or(too_many)?;
        let start = u32::try_from(self.text.len()).map_err(|_| too_long.clone())?;
        self.text.push_str(text);
        let end = u32::try_from(self.text.len()).map_err(|_| too_long)?;
        self.rows.push(Row { start, end, tag });
        // At most half of the slots are taken, so that most lookups visit one or two.
        if self.rows.len().saturating_mul(2) > self.slots.len() {
            self.grow();
        } else {
            self.place(id);
        }
        Ok(id)
    }

    fn grow(&mut self) {
        let slots = self.slots.len().saturating_mul(2);
        self.slots.clear();
        self.slots.resize(slots, 0);
        self.overflow.clear();
        for index in 0..self.rows.len() {
            self.place(index as u32);
        }
    }

    fn place(&mut self, id: u32) {
        let (Some(text), Some(tag)) = (self.text(id), self.tag(id)) else { return };
        let (mut slot, print) = self.start(tag, text);
        let order = |other: &u32| self.compare(*other, tag, text).is_lt();
        let place = self.overflow.partition_point(order);
        for _ in 0..MAX_PROBES {
            if let Some(free) = self.slots.get_mut(slot).filter(|held| **held == 0) {
                *free = print << 32 | u64::from(id.wrapping_add(1));
                return;
            }
            slot = slot.wrapping_add(1) & self.slots.len().wrapping_sub(1);
        }
        self.overflow.insert(place, id);
    }

    /// The first slot to look at, and the half of the hash that slots keep.
    #[inline]
    fn start(&self, tag: u32, text: &str) -> (usize, u64) {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(text.as_bytes());
        hasher.write_u32(tag);
        let hash = hasher.finish();
        ((hash as usize) & self.slots.len().wrapping_sub(1), hash >> 32)
    }

    #[inline]
    fn is(&self, id: u32, tag: u32, text: &str) -> bool {
        self.rows.get(id as usize).is_some_and(|row| {
            row.tag == tag
                && self
                    .text
                    .as_bytes()
                    .get(row.start as usize..row.end as usize)
                    .is_some_and(|held| held == text.as_bytes())
        })
    }

    fn compare(&self, id: u32, tag: u32, text: &str) -> Ordering {
        (self.tag(id), self.text(id)).cmp(&(Some(tag), Some(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        cell::Cell,
        hash::{BuildHasherDefault, DefaultHasher},
        rc::Rc,
    };

    /// A hasher for which all texts collide, as an attacker would like them to.
    #[derive(Default)]
    struct Colliding;

    impl Hasher for Colliding {
        fn finish(&self) -> u64 {
            7
        }

        fn write(&mut self, _: &[u8]) {}
    }

    fn numbered(count: u32) -> impl Iterator<Item = (u32, String)> {
        (0..count).map(|number| (number % 3, format!("name-{}", number / 2)))
    }

    #[test]
    fn each_text_has_one_number_for_each_tag() {
        let mut names = Names::default();
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
    fn texts_that_collide_are_told_apart_in_few_steps() {
        let mut names = Names::new(BuildHasherDefault::<Colliding>::default());
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
    fn any_hasher_gives_the_same_numbers() {
        let mut sip = Names::new(BuildHasherDefault::<DefaultHasher>::default());
        let mut fast = Names::default();
        for (tag, text) in numbered(1_000) {
            assert_eq!(sip.add(tag, &text), fast.add(tag, &text));
        }
    }
}
