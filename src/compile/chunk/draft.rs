//! Chunks as they are made, of rules whose tests are put into groups.

use super::{Kind, MAX, UNKNOWN_TIER, in_bits, low};
use crate::compile::{
    block::{Packed, Section, tests, words_of_tests},
    code::{NEGATED, NONE_IS_UNKNOWN, Test, halves},
};

/// A chunk that is being made.
#[derive(Debug, Default)]
pub(in crate::compile) struct Draft<'a> {
    /// The distinct plain tests of each kind, by their words.
    plain: [Vec<&'a [u32]>; 5],
    /// The other ones.
    others: Vec<&'a [u32]>,
    rules: Vec<&'a Packed>,
}

/// Tests that are made together.
type Group<'a> = Vec<&'a [u32]>;

impl<'a> Draft<'a> {
    /// Adds a rule, if there is room.
    pub(in crate::compile) fn add(&mut self, rule: &'a Packed) -> bool {
        let before = self.plain.each_ref().map(Vec::len);
        let others = self.others.len();
        for test in words_of_tests(&rule.code) {
            let kind = read(test).and_then(|(test, _)| Kind::of(test));
            let held = kind.and_then(|kind| self.plain.get_mut(kind as usize)).unwrap_or(&mut self.others);
            if !held.contains(&test) {
                held.push(test);
            }
        }
        let fits = self.rules.len() < MAX as usize && self.size() <= MAX;
        if fits {
            self.rules.push(rule);
        } else {
            self.plain.iter_mut().zip(before).for_each(|(tests, before)| tests.truncate(before));
            self.others.truncate(others);
        }
        fits
    }

    /// The kinds of its tests, as bits.
    pub(in crate::compile) fn kinds(&self) -> u32 {
        let kinds = Kind::ALL.into_iter().zip(&self.plain).filter(|(_, tests)| !tests.is_empty());
        kinds.fold(0, |bits, (kind, _)| bits | kind.bit())
    }

    /// The groups of a kind.
    fn groups(&self, kind: Kind) -> Vec<Group<'a>> {
        let tests = self.plain.get(kind as usize).map_or(&[][..], |tests| tests);
        if kind != Kind::Addresses {
            return tests.chunks(kind.places() as usize).map(<[_]>::to_vec).collect();
        }
        // Of addresses a group has room for so many ranges, whichever of its tests they belong to.
        let mut groups: Vec<(usize, Group<'a>)> = Vec::new();
        for test in tests {
            let ranges = read(test).map_or(0, |(test, _)| usize::from(test.immediate));
            let place = groups.iter().position(|(free, _)| *free >= ranges).unwrap_or_else(|| {
                groups.push((kind.places() as usize, Vec::new()));
                groups.len().saturating_sub(1)
            });
            if let Some((free, tests)) = groups.get_mut(place) {
                *free = free.saturating_sub(ranges);
                tests.push(test);
            }
        }
        groups.into_iter().map(|(_, tests)| tests).collect()
    }

    /// The groups of all kinds, with those that are added.
    fn all_groups(&self) -> [Vec<Group<'a>>; 5] {
        let mut groups = Kind::ALL.map(|kind| self.groups(kind));
        let (who, place) = groups.split_at_mut(Kind::Instants as usize);
        let is_empty = |groups: &Vec<Group<'_>>| groups.is_empty();
        let added = if place.iter().all(is_empty) { who } else { &mut groups };
        added.iter_mut().filter(|groups| groups.is_empty()).for_each(|groups| groups.push(Vec::new()));
        groups
    }

    /// The bits of all tests.
    fn size(&self) -> u32 {
        let groups = self.all_groups();
        let plain = Kind::ALL.iter().zip(&groups).map(|(kind, of)| kind.places().saturating_mul(of.len() as u32));
        plain.fold(self.others.len() as u32, u32::saturating_add)
    }

    /// The tests with their bits.
    fn bits(&self, groups: &[Vec<Group<'a>>; 5]) -> Vec<(&'a [u32], u32)> {
        let mut bits = Vec::new();
        let mut bit = 0_u32;
        for (kind, groups) in Kind::ALL.into_iter().zip(groups) {
            for group in groups {
                bits.extend(group.iter().copied().zip(bit..));
                bit = bit.saturating_add(kind.places());
            }
        }
        bits.extend(self.others.iter().copied().zip(bit..));
        bits
    }

    /// The chunk.
    pub(in crate::compile) fn words(&self, base: u32) -> Vec<u32> {
        let mut out = Vec::new();
        let groups = self.all_groups();
        let [roles, tiers, names, instants, addresses] = groups.each_ref().map(|groups| groups.len() as u32);
        let others = self.others.len() as u32;
        let words: usize = Kind::ALL.iter().zip(&groups).map(|(kind, of)| of.len().saturating_mul(kind.words())).sum();
        out.push(roles | tiers << 4 | names << 9 | instants << 14 | addresses << 19 | others << 23);
        let count = |section: Section, hides: bool| {
            let of = |rule: &&&Packed| rule.section == section && rule.hides == hides;
            self.rules.iter().filter(of).count() as u32
        };
        let each = |section: Section| count(section, false);
        let prohibitions = count(Section::Prohibitions, true) | each(Section::Prohibitions) << 8;
        out.push(prohibitions | each(Section::Allows) << 16 | each(Section::Limits) << 24);
        let numbers = || self.rules.iter().map(|rule| rule.rule.wrapping_sub(base));
        let width = width_for(numbers().max().unwrap_or_default());
        out.push(
            self.rules.len() as u32
                | width << 6
                | each(Section::ShadowAllows) << 8
                | each(Section::Shadows) << 16
                | (words as u32) << 24,
        );
        let bits = self.bits(&groups);
        // The other tests say so themselves.
        let is_negated =
            |test: &[u32]| read(test).is_some_and(|(test, _)| test.flags & NEGATED != 0 && Kind::of(test).is_some());
        let set = |of: &dyn Fn(&[u32]) -> bool| {
            bits.iter().filter(|(test, _)| of(test)).fold(0_u32, |set, (_, bit)| set | 1 << bit)
        };
        out.push(set(&is_negated));
        for (kind, groups) in Kind::ALL.into_iter().zip(&groups) {
            groups.iter().for_each(|group| write_group(kind, group, &mut out));
        }
        for rule in &self.rules {
            let needed = set(&|test| words_of_tests(&rule.code).any(|needed| needed == test));
            out.extend([rule.actions, needed]);
        }
        out.extend(packed(numbers(), in_bits(width)));
        out.extend(self.others.iter().copied().flatten());
        out
    }
}

/// Which of the widths that a chunk may name holds numbers up to this one.
fn width_for(most: u32) -> u32 {
    (0..3).find(|width| most <= low(in_bits(*width))).unwrap_or(3)
}

/// Numbers of so many bits as words.
fn packed(numbers: impl Iterator<Item = u32>, bits: u32) -> Vec<u32> {
    let mut words = Vec::new();
    for (number, place) in numbers.zip((0_u32..).step_by(bits as usize)) {
        match words.last_mut() {
            Some(word) if place % u32::BITS > 0 => *word |= number << (place % u32::BITS),
            _ => words.push(number),
        }
    }
    words
}

/// Writes a group.
fn write_group(kind: Kind, group: &[&[u32]], out: &mut Vec<u32>) {
    let immediates = || group.iter().filter_map(|test| read(test)).map(|(test, _)| u32::from(test.immediate));
    let joined = |numbers: &mut dyn Iterator<Item = u32>, bits: u32| {
        numbers.zip((0_u32..).step_by(bits as usize)).fold(0, |word, (number, place)| word | number << place)
    };
    let operands = || group.iter().filter_map(|test| read(test)).flat_map(|(_, operands)| operands.iter().copied());
    let end = |words: usize| out.len().saturating_add(words);
    match kind {
        Kind::Roles => out.push(joined(&mut immediates(), 8)),
        Kind::Tiers => {
            let flag = |test: &&&[u32]| read(test).is_some_and(|(test, _)| test.flags & NONE_IS_UNKNOWN != 0);
            let flags = group.iter().map(|test| if flag(&test) { UNKNOWN_TIER } else { 0 });
            let tiers = immediates().map(|bounds| (bounds & 0xff, bounds >> 8));
            let tiers = tiers.map(|(least, most)| least | most.saturating_sub(least) << 8);
            out.push(joined(&mut tiers.zip(flags).map(|(tier, flag)| tier | flag), 16));
        }
        Kind::Names | Kind::Instants => {
            let end = end(if kind == Kind::Names { 2 } else { 4 });
            out.extend(operands());
            out.resize(end, 0);
        }
        Kind::Addresses => {
            let mut ranges: Vec<(u32, u32, u32)> = Vec::new();
            for (test, (_, operands)) in (0_u32..).zip(group.iter().filter_map(|test| read(test))) {
                let (pairs, _) = operands.as_chunks::<2>();
                ranges.extend(pairs.iter().map(|[first, last]| (*first, last.wrapping_sub(*first), test)));
            }
            // What is no range of any test.
            ranges.resize(kind.places() as usize, (0, 0, kind.places()));
            out.extend(ranges.iter().map(|(first, _, _)| first));
            out.extend(ranges.iter().map(|(_, distance, _)| distance));
            let is_in = |outside: u32, test: u32| {
                let own = ranges.iter().zip(0..4).filter(|((_, _, of), _)| *of == test);
                own.fold(false, |is_in, (_, place)| is_in || outside >> place & 1 == 0)
            };
            let failing =
                |outside: u32| (0..4).rev().fold(0_u64, |bits, test| bits << 1 | u64::from(!is_in(outside, test)));
            out.extend(halves((0..16).rev().fold(0, |table, outside| table << 4 | failing(outside))));
        }
    }
}

/// A test with its operands.
fn read(words: &[u32]) -> Option<(Test, &[u32])> {
    tests(words).next()
}
