//! Heads as tables of a bundle, and back.

use super::{
    File, Heads,
    read::{duties, from, limit, refusal},
};
use crate::{
    check::vocabulary::AttrId,
    compile::{flat::Texts, graph::NONE},
    zone::Zone,
};
use std::ops::Range;
/// The words of a file's row.
const FILE: usize = 6;

/// The tables of heads.
pub(in crate::compile) struct Tables<'a> {
    pub(in crate::compile) files: Vec<u32>,
    pub(in crate::compile) rows: &'a [u32],
    pub(in crate::compile) words: &'a [u32],
    pub(in crate::compile) texts: &'a Texts,
}

impl Heads {
    /// What stands in a bundle, but for zones.
    pub(in crate::compile) fn tables(&self) -> Tables<'_> {
        let file = |file: &File| [file.first, file.count, file.rows, file.each, file.given, file.short];
        Tables {
            files: self.files.iter().flat_map(file).collect(),
            rows: &self.rows,
            words: &self.words,
            texts: &self.texts,
        }
    }

    /// The heads of some tables; nothing if these are not as long as they should be.
    pub(in crate::compile) fn of_tables(files: &[u32], rows: Vec<u32>, words: Vec<u32>, texts: Texts) -> Option<Self> {
        let (files, more_files) = files.as_chunks::<FILE>();
        let file = |[first, count, rows, each, given, short]: &[u32; FILE]| File {
            first: *first,
            count: *count,
            rows: *rows,
            each: *each,
            given: *given,
            short: *short,
        };
        more_files.is_empty().then(|| Self {
            files: files.iter().map(file).collect(),
            rows,
            words,
            texts,
            zones: Vec::new(),
        })
    }

    /// The zones of calendar limits.
    pub(in crate::compile) const fn zones(&self) -> &Vec<Zone> {
        &self.zones
    }

    pub(in crate::compile) fn set_zones(&mut self, zones: Vec<Zone>) {
        self.zones = zones;
    }

    /// The numbers of the rules of each file, where every rule has a head that can be read and speaks of no other attributes
    /// than there are; else nothing.
    pub(in crate::compile) fn check(&self, attributes: usize) -> Option<Vec<Range<u32>>> {
        let is_known = |attr: AttrId| (attr.0 as usize) < attributes;
        self.texts.is_whole().then_some(())?;
        let mut numbers: Vec<Range<u32>> = Vec::new();
        for file in &self.files {
            (numbers.last().is_none_or(|last| last.end <= file.first)).then_some(())?;
            numbers.push(file.first..file.first.checked_add(file.count)?);
            file.count.checked_sub(1).map_or(Some(()), |last| self.row(file, last).map(|_| ()))?;
            self.texts.get(file.given).and(self.texts.get(file.short))?;
        }
        // Heads share what they say; each passage is read once.
        let [mut refusals, mut limits, mut duty_lists] = [(); 3].map(|()| Seen(vec![0; self.words.len().div_ceil(64)]));
        let places = self.files.iter().flat_map(|file| (0..file.count).filter_map(|place| self.row(file, place)));
        for (_, at) in places {
            let [first, label, refused, more] = *self.words.get(at as usize..)?.first_chunk()?;
            if label != NONE {
                self.texts.get(label)?;
            }
            let does = first & 0xff;
            if matches!(does, 1..=4) && refusals.is_new(refused) {
                refusal(from(self, refused)?).filter(|it| super::filled_in(it).all(is_known))?;
            }
            match does {
                0..=3 => {}
                4 if limits.is_new(more) => {
                    limit(self, from(self, more)?).filter(|it| it.unit.is_none_or(is_known))?;
                }
                5 if duty_lists.is_new(more) => {
                    duties(from(self, more)?).filter(|it| super::told_by(it).all(is_known))?;
                }
                4 | 5 => {}
                _ => return None,
            }
        }
        Some(numbers)
    }
}

/// Places that were seen, as bits.
struct Seen(Vec<u64>);

impl Seen {
    /// Whether a place was not seen before.
    fn is_new(&mut self, at: u32) -> bool {
        let Some(word) = self.0.get_mut((at >> 6) as usize) else { return true };
        let bit = 1 << (at & 63);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}
