//! Chunks of many rules: for each attribute, the rules that each of its values leaves.
//!
//! The constants that a chunk's rules compare an attribute with cut its values into classes. Each class has a vector of
//! bits, one for each rule: those that the attribute does not rule out. The vectors of a request's classes, one for each
//! attribute, leave few rules; these are looked at one by one. So vectors may leave too many rules, never too few, and
//! what they do not know how to cut (windows, patterns, alternatives) they leave.
//!
//! ```text
//! head:    WIDE and whether another chunk follows, length in words, rules, where the rules of each section end (7)
//!          how many cuts there are, where the rules begin
//! cuts:    kind and slot, where its table begins, how many values there are, the vector where the value is not known
//! tables:  sorted values, then for each class its vector; vectors are kept once
//! rules:   actions, where the code begins, how long it is, number less the block's base; then all code
//! ```

use super::{
    block::{Packed, Section, tests},
    code::{NEGATED, Op, Test, joined},
    names::TooLarge,
    tables::{Tables, number},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a wide chunk begins with: no other has as many tests.
pub(crate) const WIDE: u32 = 0xff;
/// The flag of a chunk that another follows.
pub(super) const FOLLOWED: u32 = 1 << 31;
/// The most rules of a chunk.
pub(crate) const MAX_RULES: usize = 1_024;
/// The words of a vector of that many rules.
pub(crate) const MAX_WORDS: usize = MAX_RULES / 32;
/// The words before the cuts.
pub(crate) const HEAD: usize = 12;
/// The words of a cut.
pub(crate) const CUT: usize = 4;
/// The words of a rule.
pub(crate) const RULE: usize = 4;
/// The most classes of one attribute; more are put together.
const MAX_CLASSES: usize = 256;

/// By what a vector is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Cut {
    /// The action's bit.
    Actions = 0,
    /// The roles that the principal may hold: the vector of none, then of each.
    Roles = 1,
    /// A text: the vector of all others, then lists of rules.
    Texts = 2,
    /// A whole number or a tier: classes between values.
    Numbers = 3,
    /// An IPv4 address: classes between values.
    Addresses = 4,
}

impl Cut {
    /// The cut of a number, if there is one.
    #[inline]
    pub(crate) const fn of(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Actions),
            1 => Some(Self::Roles),
            2 => Some(Self::Texts),
            3 => Some(Self::Numbers),
            4 => Some(Self::Addresses),
            _ => None,
        }
    }
}

/// A whole number as one without a sign, in the same order.
#[inline]
pub(crate) const fn ordered(number: i64) -> u64 {
    number.cast_unsigned() ^ (1 << 63)
}

/// A chunk, seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wide<'a>(&'a [u32]);

impl<'a> Wide<'a> {
    /// The first chunk of some words, and what comes after it in the same block.
    pub(super) fn split(words: &'a [u32]) -> Option<(Self, &'a [u32])> {
        let [head, length, ..] = words else { return None };
        let (chunk, rest) = words.split_at_checked(*length as usize)?;
        (chunk.len() >= HEAD).then_some((Self(chunk), if head & FOLLOWED == 0 { &[] } else { rest }))
    }

    /// One of the words before the cuts.
    fn head(self, place: usize) -> usize {
        self.0.get(place).copied().unwrap_or_default() as usize
    }

    /// The words of a vector.
    pub(crate) fn words(self) -> usize {
        self.head(2).div_ceil(32).min(MAX_WORDS)
    }

    /// How many prohibitions hide; they come first.
    pub(crate) fn hiding(self) -> u32 {
        self.head(3) as u32
    }

    /// The places of a section's rules.
    pub(crate) fn section(self, section: Section) -> std::ops::Range<usize> {
        let end = |place: usize| self.head(place.wrapping_add(4));
        let place = section as usize;
        place.checked_sub(1).map_or(0, end)..end(place)
    }

    /// The cuts: kind and slot, where the table begins, how many values there are, the vector of the unknown.
    pub(crate) fn cuts(self) -> &'a [[u32; CUT]] {
        let words = self.0.get(HEAD..).unwrap_or_default();
        words.as_chunks::<CUT>().0.get(..self.head(10)).unwrap_or_default()
    }

    /// Words from a place on.
    #[inline]
    pub(crate) fn from(self, at: u32) -> &'a [u32] {
        self.0.get(at as usize..).unwrap_or_default()
    }

    /// A rule's actions, its code, and its number less the block's base.
    pub(crate) fn rule(self, place: usize) -> Option<(u32, &'a [u32], u32)> {
        let start = self.head(11).wrapping_add(place.wrapping_mul(RULE));
        let [actions, code, length, rule] = self.0.get(start..)?.first_chunk::<RULE>()?;
        let start = *code as usize;
        Some((*actions, self.0.get(start..start.wrapping_add(*length as usize))?, *rule))
    }
}

/// Values from a least to a greatest.
type Range = (u64, u64);

/// What rules, by their places, want a value to be one of.
type Wanted<T> = Vec<(usize, Vec<T>)>;

/// The tests of a chunk's rules that values can be cut by, by slot.
#[derive(Default)]
struct Cutting {
    texts: BTreeMap<u16, Wanted<u32>>,
    ranges: BTreeMap<(Cut, u16), Wanted<Range>>,
}

/// Writes a chunk of rules, which are in the order in which they decide.
pub(super) fn write(rules: &[&Packed], base: u32, tables: &Tables, words: &mut Vec<u32>) -> Result<(), TooLarge> {
    let mut writer =
        Writer { rules, words: rules.len().div_ceil(32), body: Vec::new(), vectors: HashMap::new(), cuts: Vec::new() };
    writer.actions()?;
    writer.roles()?;
    let mut cutting = Cutting::default();
    for (place, rule) in rules.iter().enumerate() {
        for (test, operands) in tests(&rule.code).filter(|(test, _)| test.flags & NEGATED == 0) {
            cutting.add(place, test, operands, tables);
        }
    }
    for (slot, wanted) in cutting.texts {
        writer.texts(slot, &wanted)?;
    }
    for ((cut, slot), wanted) in cutting.ranges {
        writer.ranges(cut, slot, &wanted)?;
    }
    writer.finish(base, words)
}

impl Cutting {
    /// Takes a test of a rule, if values can be cut by it.
    fn add(&mut self, place: usize, test: Test, operands: &[u32], tables: &Tables) {
        let first = operands.first().copied().unwrap_or_default();
        let pairs = |words: &[u32]| -> Vec<Range> {
            words.as_chunks::<2>().0.iter().map(|[first, last]| (u64::from(*first), u64::from(*last))).collect()
        };
        let (cut, ranges) = match test.op {
            Op::Is => return self.texts.entry(test.slot).or_default().push((place, vec![first])),
            Op::OneOf => {
                let texts = tables.listed(first).to_vec();
                return self.texts.entry(test.slot).or_default().push((place, texts));
            }
            Op::Tiers => {
                let bounds = i64::from(test.immediate);
                (Cut::Numbers, vec![(ordered(bounds & 0xff), ordered(bounds >> 8))])
            }
            Op::Within => {
                let numbers: Vec<i64> =
                    operands.as_chunks::<2>().0.iter().map(|[low, high]| joined(*low, *high).cast_signed()).collect();
                let [least, most] = numbers.as_slice() else { return };
                (Cut::Numbers, vec![(ordered(*least), ordered(*most))])
            }
            Op::InRanges => (Cut::Addresses, pairs(operands)),
            Op::InNets => {
                let (count, rest) = tables.listed(first).split_first().unwrap_or((&0, &[]));
                let words = (*count as usize).saturating_mul(2);
                (Cut::Addresses, pairs(rest.get(..words).unwrap_or_default()))
            }
            Op::Holds
            | Op::Principal
            | Op::Resource
            | Op::IsTrue
            | Op::Has
            | Op::IsIp
            | Op::Until
            | Op::Before
            | Op::IsTime
            | Op::InSpans
            | Op::During
            | Op::Like
            | Op::Contains
            | Op::Overlaps
            | Op::InInts
            | Op::CompareResource
            | Op::ContainsValue
            | Op::OverlapsResource
            | Op::Opened
            | Op::HoldsOne
            | Op::Code => return,
        };
        self.ranges.entry((cut, test.slot)).or_default().push((place, ranges));
    }
}

struct Writer<'a> {
    rules: &'a [&'a Packed],
    /// The words of a vector.
    words: usize,
    /// Tables and vectors, after the head.
    body: Vec<u32>,
    /// Where vectors stand in the body.
    vectors: HashMap<Vec<u32>, u32>,
    /// Kind and slot, table, values, vector of the unknown. Places count from the body's start.
    cuts: Vec<[u32; CUT]>,
}

impl Writer<'_> {
    /// The rules for which something holds, as bits.
    fn vector(&self, of: impl Fn(usize, &Packed) -> bool) -> Vec<u32> {
        let mut bits = vec![0_u32; self.words];
        for (place, _) in self.rules.iter().enumerate().filter(|(place, rule)| of(*place, rule)) {
            if let Some(word) = bits.get_mut(place >> 5) {
                *word |= 1 << (place & 31);
            }
        }
        bits
    }

    /// Where a vector stands.
    fn place(&mut self, vector: Vec<u32>) -> Result<u32, TooLarge> {
        if let Some(at) = self.vectors.get(&vector) {
            return Ok(*at);
        }
        let at = number(self.body.len(), "words in one block")?;
        self.body.extend(&vector);
        self.vectors.insert(vector, at);
        Ok(at)
    }

    fn cut(&mut self, cut: Cut, slot: u16, table: &[u32], values: usize, unknown: u32) -> Result<(), TooLarge> {
        let at = number(self.body.len(), "words in one block")?;
        self.body.extend(table);
        self.cuts.push([cut as u32 | u32::from(slot) << 16, at, number(values, "values in one block")?, unknown]);
        Ok(())
    }

    /// For each bit of an action, the rules that may speak of it.
    fn actions(&mut self) -> Result<(), TooLarge> {
        let mut table = Vec::new();
        for bit in 0..32 {
            let vector = self.vector(|_, rule| rule.actions >> bit & 1 == 1);
            table.push(self.place(vector)?);
        }
        self.cut(Cut::Actions, 0, &table, 32, 0)
    }

    /// For each role, the rules that want it besides those that want none.
    fn roles(&mut self) -> Result<(), TooLarge> {
        let mut wanted: BTreeMap<u32, BTreeSet<usize>> = BTreeMap::new();
        for (place, rule) in self.rules.iter().enumerate() {
            for (test, _) in tests(&rule.code).filter(|(test, _)| test.op == Op::Holds && test.flags & NEGATED == 0) {
                wanted.entry(u32::from(test.immediate)).or_default().insert(place);
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let none = self.vector(|place, _| !wanted.values().any(|places| places.contains(&place)));
        let unknown = self.vector(|_, _| true);
        let unknown = self.place(unknown)?;
        let mut table = vec![self.place(none)?];
        for (role, places) in &wanted {
            let vector = self.vector(|place, _| places.contains(&place));
            table.extend([*role, self.place(vector)?]);
        }
        self.cut(Cut::Roles, 0, &table, wanted.len(), unknown)
    }

    /// What fires on the unknown is left where a value is not known, and so are rules that do not ask for it.
    fn unknown(&mut self, asking: &BTreeSet<usize>) -> Result<u32, TooLarge> {
        let vector = self.vector(|place, rule| !rule.section.is_certain() || !asking.contains(&place));
        self.place(vector)
    }

    /// For each text, the rules that want it, as a list.
    fn texts(&mut self, slot: u16, tests: &Wanted<u32>) -> Result<(), TooLarge> {
        let asking: BTreeSet<usize> = tests.iter().map(|(place, _)| *place).collect();
        let mut lists: BTreeMap<u32, BTreeSet<usize>> = BTreeMap::new();
        for (place, texts) in tests {
            for text in texts {
                lists.entry(*text).or_default().insert(*place);
            }
        }
        let others = self.vector(|place, _| !asking.contains(&place));
        let mut table = vec![self.place(others)?];
        let unknown = self.unknown(&asking)?;
        table.extend(lists.keys());
        let mut end = 0_u32;
        table.push(end);
        for places in lists.values() {
            end = end.saturating_add(places.len() as u32);
            table.push(end);
        }
        table.extend(lists.values().flatten().map(|place| *place as u32));
        self.cut(Cut::Texts, slot, &table, lists.len(), unknown)
    }

    /// For each class between the ends of ranges, the rules that it leaves.
    fn ranges(&mut self, cut: Cut, slot: u16, tests: &Wanted<Range>) -> Result<(), TooLarge> {
        let asking: BTreeSet<usize> = tests.iter().map(|(place, _)| *place).collect();
        let mut starts: BTreeSet<u64> = BTreeSet::new();
        for (first, last) in tests.iter().flat_map(|(_, ranges)| ranges) {
            starts.insert(*first);
            starts.extend(last.checked_add(1));
        }
        starts.remove(&0);
        if cut == Cut::Addresses {
            starts.remove(&(1 << 32));
        }
        let starts: Vec<u64> = starts.into_iter().collect();
        // Each class is left what any of its values is left.
        let step = starts.len().div_ceil(MAX_CLASSES).max(1);
        let kept: Vec<u64> = starts.iter().copied().step_by(step).collect();
        let mut table: Vec<u32> = match cut {
            Cut::Addresses => kept.iter().map(|start| *start as u32).collect(),
            Cut::Actions | Cut::Roles | Cut::Texts | Cut::Numbers => {
                kept.iter().flat_map(|start| super::code::halves(*start)).collect()
            }
        };
        let unknown = self.unknown(&asking)?;
        for class in 0..=kept.len() {
            let least = class.checked_sub(1).and_then(|before| kept.get(before)).copied().unwrap_or_default();
            let most = kept.get(class).map_or(u64::MAX, |next| next.saturating_sub(1));
            // A rule may test one attribute more than once; it is left if no test rules out the whole class.
            let meets = |ranges: &[Range]| ranges.iter().any(|(first, last)| *first <= most && least <= *last);
            let out: BTreeSet<usize> =
                tests.iter().filter(|(_, ranges)| !meets(ranges)).map(|(place, _)| *place).collect();
            let vector = self.vector(|place, _| !out.contains(&place));
            let at = self.place(vector)?;
            table.push(at);
        }
        self.cut(cut, slot, &table, kept.len(), unknown)
    }

    fn finish(self, base: u32, words: &mut Vec<u32>) -> Result<(), TooLarge> {
        let start = HEAD.saturating_add(self.cuts.len().saturating_mul(CUT));
        let rules = start.saturating_add(self.body.len());
        let code: usize = self.rules.iter().map(|rule| rule.code.len()).sum();
        let length = rules.saturating_add(self.rules.len().saturating_mul(RULE)).saturating_add(code);
        let end = |section: usize| self.rules.iter().filter(|rule| rule.section as usize <= section).count() as u32;
        let hiding = self.rules.iter().filter(|rule| rule.section == Section::Prohibitions && rule.hides).count();
        words.extend([WIDE, number(length, "words in one block")?, self.rules.len() as u32, hiding as u32]);
        words.extend((0..6).map(end));
        words.extend([self.cuts.len() as u32, rules as u32]);
        let moved = |place: u32| place.saturating_add(start as u32);
        for [head, at, values, unknown] in &self.cuts {
            words.extend([*head, moved(*at), *values, moved(*unknown)]);
        }
        // The places of vectors count from the chunk's start.
        words.extend(self.relocated(start as u32));
        let mut place = rules.saturating_add(self.rules.len().saturating_mul(RULE));
        for rule in self.rules {
            words.extend([rule.actions, place as u32, rule.code.len() as u32, rule.rule.wrapping_sub(base)]);
            place = place.saturating_add(rule.code.len());
        }
        words.extend(self.rules.iter().flat_map(|rule| &rule.code));
        Ok(())
    }

    /// The body with the places of vectors moved by the head's length.
    fn relocated(&self, start: u32) -> Vec<u32> {
        let mut body = self.body.clone();
        for [head, at, values, _] in &self.cuts {
            let (at, values) = (*at as usize, *values as usize);
            let vectors: Vec<usize> = match Cut::of(head & 0xff) {
                Some(Cut::Actions) => (at..at.saturating_add(values)).collect(),
                Some(Cut::Roles) => {
                    let each = (0..values).map(|role| at.saturating_add(2).saturating_add(role.saturating_mul(2)));
                    std::iter::once(at).chain(each).collect()
                }
                Some(Cut::Texts) | None => vec![at],
                Some(Cut::Numbers) => {
                    let first = at.saturating_add(values.saturating_mul(2));
                    (first..=first.saturating_add(values)).collect()
                }
                Some(Cut::Addresses) => {
                    let first = at.saturating_add(values);
                    (first..=first.saturating_add(values)).collect()
                }
            };
            for place in vectors {
                if let Some(word) = body.get_mut(place) {
                    *word = word.saturating_add(start);
                }
            }
        }
        body
    }
}
