//! Blocks: the rules that one key leads to, packed into chunks: [few](super::chunk) or [many](super::wide) to one.
//!
//! ```text
//! block:  a chunk, or SEVERAL and how many, where each begins from here (one word each), and then those
//! ```
//!
//! Rules stand in the order in which they decide, also from chunk to chunk.

use super::{
    chunk::{self, Chunk},
    code::{Op, Test},
    graph::BlockRef,
    names::TooLarge,
    tables::{Tables, number},
    wide::{self, Wide},
};
use prefetch_index::prefetch_index;
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
    /// All, in the order in which they stand.
    pub(super) const ALL: [Self; 6] =
        [Self::Prohibitions, Self::Allows, Self::Limits, Self::Duties, Self::ShadowAllows, Self::Shadows];

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

/// What a block of several chunks begins with, besides their number: no chunk does.
const SEVERAL: u32 = 1 << 31;
/// The most chunks of few rules that a block has; beyond that many rules to one are faster.
const MAX_FEW: usize = 2;

/// The words of a line of the processor's cache.
const LINE: usize = 16;

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

/// A chunk of a block.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part<'a> {
    /// Few.
    Few(Chunk<'a>),
    /// Many.
    Many(Wide<'a>),
}

/// The words from a block on.
#[inline]
pub(crate) fn words(blocks: &[u32], block: BlockRef) -> Option<&[u32]> {
    blocks.get(block.at as usize..)
}

/// Has the words fetched that a block begins with: two lines of the processor's cache.
#[inline]
pub(crate) fn fetch(blocks: &[u32], block: BlockRef) {
    prefetch_index(blocks, block.at as usize);
    prefetch_index(blocks, (block.at as usize).wrapping_add(LINE));
}

/// Whether a block or a chunk that begins with this word is a chunk of few rules.
#[inline]
pub(crate) const fn is_few(head: u32) -> bool {
    head & (SEVERAL | wide::WIDE) == 0
}

/// The chunks of a block.
pub(crate) fn parts(blocks: &[u32], block: BlockRef) -> Parts<'_> {
    let words = words(blocks, block).unwrap_or_default();
    match words.first() {
        Some(head) if head & SEVERAL != 0 => Parts { words, next: 1, end: (head & !SEVERAL).wrapping_add(1) },
        _ => Parts { words, next: 0, end: 1 },
    }
}

/// The chunks of a block that has as many as it says; nothing in the place of one that is not whole.
pub(super) fn checked_parts(blocks: &[u32], block: BlockRef) -> Option<impl Iterator<Item = Option<Part<'_>>>> {
    let mut all = parts(blocks, block);
    let count = all.end.checked_sub(all.next).filter(|count| (*count as usize) <= blocks.len())?;
    Some((0..count).map(move |_| {
        all.next().filter(|part| match part {
            Part::Few(chunk) => chunk.is_whole(),
            Part::Many(chunk) => chunk.is_whole(),
        })
    }))
}

/// The chunks of a block, one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    words: &'a [u32],
    /// Where it stands where the next chunk begins; 0 where there is only one.
    next: u32,
    end: u32,
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        if self.next >= self.end {
            return None;
        }
        let start = if self.next == 0 { 0 } else { *self.words.get(self.next as usize)? };
        self.next = self.next.wrapping_add(1);
        let words = self.words.get(start as usize..)?;
        if is_few(*words.first()?) { Chunk::read(words).map(Part::Few) } else { Wide::read(words).map(Part::Many) }
    }
}

/// Makes blocks, each kept once.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    pub(super) words: Vec<u32>,
    /// Where blocks with this content begin, and their lengths, by a digest of it.
    known: HashMap<u64, Vec<(u32, u32)>>,
    /// The sections that any block has.
    pub(super) sections: u32,
    /// The kinds of plain tests that any block has.
    pub(super) kinds: u32,
}

impl Blocks {
    /// No blocks but the empty one.
    pub(super) fn new() -> Self {
        Self { words: vec![0; chunk::HEAD], ..Self::default() }
    }

    /// Goes on behind blocks with these sections and kinds of plain tests.
    pub(super) fn behind(words: Vec<u32>, sections: u32, kinds: u32) -> Self {
        Self { words, sections, kinds, ..Self::default() }
    }

    /// Where a block stands that was made.
    pub(super) fn add(&mut self, made: &Made) -> Result<BlockRef, TooLarge> {
        self.sections |= made.sections;
        self.kinds |= made.kinds;
        Ok(BlockRef { at: self.keep(&made.words)?, base: made.base })
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

/// A block before it has its place.
#[derive(Debug)]
pub(super) struct Made {
    words: Vec<u32>,
    base: u32,
    sections: u32,
    kinds: u32,
}

/// Makes the block of some rules.
pub(super) fn make(mut rules: Vec<&Packed>, tables: &Tables) -> Result<Made, TooLarge> {
    rules.sort_by_key(|rule| (rule.section, !rule.hides, rule.rule));
    let base = rules.iter().map(|rule| rule.rule).min().unwrap_or_default();
    let sections = rules.iter().fold(0, |sections, rule| sections | rule.section.bit());
    let (kinds, chunks) = match few(&rules) {
        Some(chunks) => {
            let kinds = chunks.iter().fold(0, |kinds, chunk| kinds | chunk.kinds());
            (kinds, chunks.iter().map(|chunk| chunk.words(base)).collect())
        }
        None => {
            let many = rules.chunks(wide::MAX_RULES).map(|rules| wide::write(rules, base, tables));
            (0, many.collect::<Result<_, _>>()?)
        }
    };
    Ok(Made { words: joined(chunks)?, base, sections, kinds })
}

/// Chunks of few rules each; none where it takes too many.
fn few<'a>(rules: &[&'a Packed]) -> Option<Vec<chunk::Draft<'a>>> {
    let mut chunks = vec![chunk::Draft::default()];
    for rule in rules {
        if chunks.last_mut().is_some_and(|chunk| chunk.add(rule)) {
            continue;
        }
        let mut chunk = chunk::Draft::default();
        if chunks.len() >= MAX_FEW || !chunk.add(rule) {
            return None;
        }
        chunks.push(chunk);
    }
    Some(chunks)
}

/// The block of some chunks.
fn joined(mut chunks: Vec<Vec<u32>>) -> Result<Vec<u32>, TooLarge> {
    if chunks.len() == 1 {
        return Ok(chunks.pop().unwrap_or_default());
    }
    let mut words = vec![SEVERAL | number(chunks.len(), "chunks of one block")?];
    let mut start = chunks.len().saturating_add(1);
    for chunk in &chunks {
        words.push(number(start, "words in one block")?);
        start = start.saturating_add(chunk.len());
    }
    words.extend(chunks.iter().flatten());
    Ok(words)
}

/// The words of each test of a rule.
pub(super) fn words_of_tests(mut code: &[u32]) -> impl Iterator<Item = &[u32]> {
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
        if test.op == Op::Code {
            // Code has no code inside.
            renumber(operands, slot_of);
        }
        rest = after;
    }
}
