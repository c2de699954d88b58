//! Blocks: the rules that one key leads to, packed into chunks. Many rules are a [wide](super::wide) chunk; of few:
//!
//! Equal tests of a chunk's rules stand there once. All of them are made, whatever they come to, and a rule fires if those
//! that it needs hold: two operations on bits, with nothing to guess for the processor.
//!
//! ```text
//! block:  a chunk, or several wide ones
//! chunk:  tests, and how many of them are quick (from the lowest bits: 8, 8), words of tests (16)
//!         rules of each section: hiding prohibitions, other prohibitions, allows, limits (8 each)
//!         duties, shadows that allow, other shadows (8 each)
//!         the tests, the quick ones first
//!         the rules, in the order of sections and then in source order: actions, needed tests, number less the block's base
//! ```

use super::{
    code::{self, Test},
    graph::BlockRef,
    names::TooLarge,
    tables::{Tables, number, too_many},
    wide::{self, Wide},
};
use std::collections::HashMap;

/// What the rules of a section do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Section {
    /// They deny.
    Prohibitions = 0,
    /// They allow.
    Allows = 1,
    /// They limit.
    Limits = 2,
    /// They attach duties.
    Duties = 3,
    /// They would allow, and are only reported.
    ShadowAllows = 4,
    /// They would do something else, and are only reported.
    Shadows = 5,
}

impl Section {
    /// Its presence bit.
    #[inline]
    pub(crate) const fn bit(self) -> u32 {
        1 << (self as u32)
    }

    /// Whether its rules fire only where they are certainly true.
    #[inline]
    pub(crate) const fn is_certain(self) -> bool {
        matches!(self, Self::Allows | Self::ShadowAllows)
    }
}

/// The most tests of a chunk.
const MAX_TESTS: usize = 32;
/// The most rules of a chunk.
const MAX_RULES: usize = 32;
/// The words before a chunk's tests.
const HEADER: usize = 3;
/// The words of a rule.
const RULE: usize = 3;

/// The bit of an action in a rule's actions. The last one stands for all actions that have none of their own.
#[inline]
pub(crate) fn action_bit(action: u32) -> u32 {
    1 << action.min(31)
}

/// A rule before it is packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packed {
    /// Its number.
    pub(crate) rule: u32,
    pub(crate) section: Section,
    /// Whether it is a prohibition with status 404, which decides before others.
    pub(crate) hides: bool,
    /// The actions that it may speak of.
    pub(crate) actions: u32,
    /// Its tests, all of which must hold.
    pub(crate) code: Vec<u32>,
}

/// Some rules of a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk<'a> {
    head: [u32; HEADER],
    /// The tests.
    pub(crate) tests: &'a [u32],
    /// The rules.
    pub(crate) rules: &'a [[u32; RULE]],
}

impl<'a> Chunk<'a> {
    /// The first chunk of some words, which is not wide, and what comes after it.
    #[inline]
    fn split(words: &'a [u32]) -> Option<(Self, &'a [u32])> {
        let (head, rest) = words.split_first_chunk::<HEADER>()?;
        let [first, counts, more] = *head;
        let (tests, rest) = rest.split_at_checked((first >> 16) as usize)?;
        // The sum of four bytes, and of three, stands in the highest byte of the product: there are few rules.
        let sum = |word: u32| word.wrapping_mul(0x0101_0101) >> 24;
        let rules = sum(counts).wrapping_add(sum(more & 0x00ff_ffff)) as usize;
        let rules = rest.get(..rules.wrapping_mul(RULE))?;
        // It is the only one of its block.
        (!rules.is_empty()).then_some((Self { head: *head, tests, rules: rules.as_chunks().0 }, &[]))
    }

    /// How many of the tests are quick.
    #[inline]
    pub(crate) const fn quick(self) -> u32 {
        self.head[0] >> 8 & 0xff
    }

    /// How many of the prohibitions hide.
    #[inline]
    pub(crate) const fn hiding(self) -> u32 {
        self.head[1] & 0xff
    }

    /// How many prohibitions there are; they come first.
    #[inline]
    pub(crate) const fn prohibitions(self) -> u32 {
        (self.head[1] & 0xff).wrapping_add(self.head[1] >> 8 & 0xff)
    }

    /// How many allows there are; they come after the prohibitions.
    #[inline]
    pub(crate) const fn allows(self) -> u32 {
        self.head[1] >> 16 & 0xff
    }

    /// The rules of a section.
    pub(crate) fn section(self, section: Section) -> &'a [[u32; RULE]] {
        let [_, counts, more] = self.head;
        let sizes =
            [self.prohibitions(), self.allows(), counts >> 24, more & 0xff, more >> 8 & 0xff, more >> 16 & 0xff];
        let place = section as usize;
        let start = sizes.iter().take(place).fold(0_u32, |sum, size| sum.wrapping_add(*size)) as usize;
        let size = sizes.get(place).copied().unwrap_or_default() as usize;
        self.rules.get(start..start.wrapping_add(size)).unwrap_or_default()
    }
}

/// The chunks of a block.
#[inline]
pub(crate) fn chunks(blocks: &[u32], block: BlockRef) -> Chunks<'_> {
    Chunks(blocks.get(block.at as usize..).unwrap_or_default())
}

/// The chunks of a block, one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunks<'a>(&'a [u32]);

/// Some rules of a block.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part<'a> {
    /// Few.
    Small(Chunk<'a>),
    /// Many.
    Wide(Wide<'a>),
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Part<'a>;

    #[inline]
    fn next(&mut self) -> Option<Part<'a>> {
        if self.0.first().is_some_and(|word| word & 0xff == wide::WIDE) {
            let (chunk, rest) = Wide::split(self.0)?;
            self.0 = rest;
            return Some(Part::Wide(chunk));
        }
        let (chunk, rest) = Chunk::split(self.0)?;
        self.0 = rest;
        Some(Part::Small(chunk))
    }
}

/// Makes blocks, each kept once.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    pub(super) words: Vec<u32>,
    /// Where blocks with this content begin, and their lengths, by a digest of it.
    known: HashMap<u64, Vec<(u32, u32)>, foldhash::fast::FixedState>,
    /// The sections that any block has.
    pub(super) sections: u32,
}

impl Blocks {
    /// No blocks but the empty one.
    pub(super) fn new() -> Self {
        Self { words: vec![0; HEADER], ..Self::default() }
    }

    /// Goes on behind blocks with these sections.
    pub(super) fn behind(words: Vec<u32>, sections: u32) -> Self {
        Self { words, sections, ..Self::default() }
    }

    /// The block of some rules.
    pub(super) fn block(&mut self, rules: &mut [&Packed], tables: &Tables) -> Result<BlockRef, TooLarge> {
        rules.sort_by_key(|rule| (rule.section, !rule.hides, rule.rule));
        let Some(base) = rules.iter().map(|rule| rule.rule).min() else { return Ok(BlockRef::default()) };
        let mut words = Vec::new();
        self.sections = rules.iter().fold(self.sections, |sections, rule| sections | rule.section.bit());
        let mut draft = Draft::default();
        if rules.iter().all(|rule| draft.add(rule, base)) {
            draft.write(&mut words)?;
        } else {
            let mut chunks = rules.chunks(wide::MAX_RULES).peekable();
            while let Some(chunk) = chunks.next() {
                let start = words.len();
                wide::write(chunk, base, tables, &mut words)?;
                if let Some(head) = words.get_mut(start).filter(|_| chunks.peek().is_some()) {
                    *head |= wide::FOLLOWED;
                }
            }
        }
        Ok(BlockRef { at: self.keep(&words)?, base })
    }

    /// Where some words stand; they are added if they are new.
    fn keep(&mut self, words: &[u32]) -> Result<u32, TooLarge> {
        let digest = std::hash::BuildHasher::hash_one(self.known.hasher(), words);
        let same = self.known.entry(digest).or_default();
        for (at, length) in same.iter() {
            let start = *at as usize;
            if self.words.get(start..start.saturating_add(*length as usize)) == Some(words) {
                return Ok(*at);
            }
        }
        let at = number(self.words.len(), "words of blocks")?;
        same.push((at, number(words.len(), "words in one block")?));
        self.words.extend(words);
        number(self.words.len(), "words of blocks")?;
        Ok(at)
    }
}

/// A chunk that is being made.
#[derive(Debug, Default)]
struct Draft<'a> {
    /// The distinct tests, by their words.
    tests: Vec<&'a [u32]>,
    /// Actions, needed tests and number of each rule.
    rules: Vec<[u32; RULE]>,
    /// Hiding prohibitions, other prohibitions, then the other sections.
    counts: [u32; 7],
}

impl<'a> Draft<'a> {
    /// Adds a rule, if there is room.
    fn add(&mut self, rule: &'a Packed, base: u32) -> bool {
        let before = self.tests.len();
        let mut needed = 0_u32;
        for test in words(&rule.code) {
            let place = self.tests.iter().position(|held| *held == test).unwrap_or_else(|| {
                self.tests.push(test);
                self.tests.len().saturating_sub(1)
            });
            needed |= 1_u32.checked_shl(place as u32).unwrap_or_default();
        }
        if self.tests.len() > MAX_TESTS || self.rules.len() >= MAX_RULES {
            self.tests.truncate(before);
            return false;
        }
        self.rules.push([rule.actions, needed, rule.rule.wrapping_sub(base)]);
        let hiding = rule.section == Section::Prohibitions && rule.hides;
        let place = if hiding { 0 } else { (rule.section as usize).saturating_add(1) };
        if let Some(count) = self.counts.get_mut(place) {
            *count = count.saturating_add(1);
        }
        true
    }

    /// Writes the chunk: its quick tests first.
    fn write(&self, words: &mut Vec<u32>) -> Result<(), TooLarge> {
        if self.rules.is_empty() {
            return Ok(());
        }
        let slow =
            |test: &&[u32]| test.first().and_then(|word| code::Op::of(word & 0xff)).is_some_and(code::Op::is_slow);
        let mut order: Vec<usize> = (0..self.tests.len()).collect();
        order.sort_by_key(|place| self.tests.get(*place).is_some_and(slow));
        let quick = self.tests.iter().filter(|test| !slow(test)).count();
        let length: usize = self.tests.iter().map(|test| test.len()).sum();
        let length = u16::try_from(length).map_err(|_| too_many("tests in one rule", u64::from(u16::MAX)))?;
        let [hiding, prohibitions, allows, limits, duties, shadow_allows, shadows] = self.counts;
        words.push(self.tests.len() as u32 | (quick as u32) << 8 | u32::from(length) << 16);
        words.push(hiding | prohibitions << 8 | allows << 16 | limits << 24);
        words.push(duties | shadow_allows << 8 | shadows << 16);
        for place in &order {
            words.extend(self.tests.get(*place).copied().unwrap_or_default());
        }
        for [actions, needed, rule] in &self.rules {
            let moved = order.iter().zip(0_u32..).fold(0_u32, |bits, (place, new)| bits | (needed >> place & 1) << new);
            words.extend([*actions, moved, *rule]);
        }
        Ok(())
    }
}

/// The words of each test of a rule.
fn words(mut code: &[u32]) -> impl Iterator<Item = &[u32]> {
    std::iter::from_fn(move || {
        let test = Test::read(*code.first()?, *code.get(1)?)?;
        let (words, rest) = code.split_at_checked(test.operands.saturating_add(2))?;
        code = rest;
        Some(words)
    })
}

/// The tests of a rule, each with its operands.
pub(crate) fn tests(mut code: &[u32]) -> impl Iterator<Item = (Test, &[u32])> {
    std::iter::from_fn(move || {
        let [first, second, rest @ ..] = code else { return None };
        let test = Test::read(*first, *second)?;
        let (operands, rest) = rest.split_at_checked(test.operands)?;
        code = rest;
        Some((test, operands))
    })
}

/// Puts slots in place of attributes.
pub(crate) fn renumber(code: &mut [u32], slot_of: &[u16]) {
    let slot = |attr: u16| slot_of.get(usize::from(attr)).copied().unwrap_or(super::graph::UNREAD);
    let mut rest = code;
    while let [first, second, tail @ ..] = rest {
        let Some(mut test) = Test::read(*first, *second) else { return };
        let Some((operands, after)) = tail.split_at_mut_checked(test.operands) else { return };
        test.slot = slot(test.slot);
        if test.op.is_pair() {
            test.immediate = slot(test.immediate);
        }
        [*first, *second] = test.words();
        if test.op == code::Op::Code {
            // Code has no code inside.
            renumber(operands, slot_of);
        }
        rest = after;
    }
}
