//! Blocks: the rules that one key leads to, packed.
//!
//! ```text
//! block:    presence bits of the sections, then the words of each that is there, then those sections
//! section:  rules, in the order in which they decide
//! rule:     actions, number less the block's base, length and flags, code
//! ```

use super::{code, graph::BlockRef, names::TooLarge, tables::number};
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
    /// They are only reported.
    Shadows = 4,
}

impl Section {
    /// Its presence bit.
    #[inline]
    pub(crate) const fn bit(self) -> u32 {
        1 << (self as u32)
    }
}

/// The flag of a prohibition with status 404, which decides before others.
pub(crate) const HIDES: u32 = 1 << 31;
/// The flag of an automatic gate.
pub(crate) const GATE_AUTO: u32 = 1 << 30;
/// The flag of a manual gate.
pub(crate) const GATE_MANUAL: u32 = 1 << 29;
/// The words of a rule's code.
const LENGTH: u32 = 0x00ff_ffff;

/// The bit of an action in a rule's actions. The last one stands for all actions that have none of their own.
#[inline]
pub(crate) fn action_bit(action: u32) -> u32 {
    1 << action.min(31)
}

/// A rule, as blocks keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packed {
    /// Its number.
    pub(crate) rule: u32,
    pub(crate) section: Section,
    /// The actions that it may speak of.
    pub(crate) actions: u32,
    /// Among [`HIDES`], [`GATE_AUTO`], [`GATE_MANUAL`].
    pub(crate) flags: u32,
    pub(crate) code: Vec<u32>,
}

/// A rule of a block, seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) actions: u32,
    /// Its number, less the block's base.
    pub(crate) rule: u32,
    pub(crate) flags: u32,
    pub(crate) code: &'a [u32],
}

/// The rules of a section, in order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a>(pub(crate) &'a [u32]);

impl<'a> Iterator for Rows<'a> {
    type Item = Row<'a>;

    #[inline]
    fn next(&mut self) -> Option<Row<'a>> {
        let [actions, rule, head, rest @ ..] = self.0 else { return None };
        let (code, rest) = rest.split_at_checked((head & LENGTH) as usize)?;
        self.0 = rest;
        Some(Row { actions: *actions, rule: *rule, flags: head & !LENGTH, code })
    }
}

/// The rules of one section of a block.
#[inline]
pub(crate) fn rows(blocks: &[u32], block: BlockRef, section: Section) -> Rows<'_> {
    find(blocks, block, section).map_or(Rows(&[]), Rows)
}

#[inline]
fn find(blocks: &[u32], block: BlockRef, section: Section) -> Option<&[u32]> {
    let [presence, rest @ ..] = blocks.get(block.at as usize..)? else { return None };
    if presence & section.bit() == 0 {
        return None;
    }
    let before = (presence & section.bit().wrapping_sub(1)).count_ones() as usize;
    let sections = presence.count_ones() as usize;
    let (lengths, rest) = rest.split_at_checked(sections)?;
    let skipped = lengths.get(..before)?.iter().fold(0_usize, |sum, length| sum.wrapping_add(*length as usize));
    let length = *lengths.get(before)? as usize;
    rest.get(skipped..skipped.wrapping_add(length))
}

/// Makes blocks, each kept once.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    pub(super) words: Vec<u32>,
    /// Where blocks with this content begin, by a digest of it.
    known: HashMap<u64, Vec<u32>, foldhash::fast::FixedState>,
    /// The lengths of blocks, by where they begin.
    lengths: HashMap<u32, u32, foldhash::fast::FixedState>,
    /// The sections that any block has.
    pub(super) sections: u32,
}

impl Blocks {
    /// No blocks but the empty one.
    pub(super) fn new() -> Self {
        Self { words: vec![0], ..Self::default() }
    }

    /// The block of some rules.
    pub(super) fn block(&mut self, rules: &mut [&Packed]) -> Result<BlockRef, TooLarge> {
        rules.sort_by_key(|rule| (rule.section, rule.flags & HIDES == 0, rule.rule));
        let Some(base) = rules.iter().map(|rule| rule.rule).min() else { return Ok(BlockRef::default()) };
        let mut words = vec![0];
        let mut lengths = Vec::new();
        let mut body = Vec::new();
        for group in rules.chunk_by(|a, b| a.section == b.section) {
            let start = body.len();
            for rule in group {
                let length = number(rule.code.len(), "tests in one rule")?;
                body.extend([rule.actions, rule.rule.wrapping_sub(base), length & LENGTH | rule.flags]);
                body.extend(&rule.code);
                if let Some(presence) = words.first_mut() {
                    *presence |= rule.section.bit();
                }
            }
            lengths.push(number(body.len().saturating_sub(start), "words in one block")?);
        }
        self.sections |= words.first().copied().unwrap_or_default();
        words.extend(lengths);
        words.extend(body);
        Ok(BlockRef { at: self.keep(&words)?, base })
    }

    /// Where some words stand; they are added if they are new.
    fn keep(&mut self, words: &[u32]) -> Result<u32, TooLarge> {
        let digest = std::hash::BuildHasher::hash_one(self.known.hasher(), words);
        let same = self.known.entry(digest).or_default();
        for at in same.iter() {
            let start = *at as usize;
            let length = self.lengths.get(at).copied().unwrap_or_default() as usize;
            if self.words.get(start..start.saturating_add(length)) == Some(words) {
                return Ok(*at);
            }
        }
        let at = number(self.words.len(), "words of blocks")?;
        same.push(at);
        self.lengths.insert(at, number(words.len(), "words in one block")?);
        self.words.extend(words);
        number(self.words.len(), "words of blocks")?;
        Ok(at)
    }
}

/// The tests of a rule's code, each with its operands.
pub(crate) fn tests(mut code: &[u32]) -> impl Iterator<Item = (code::Test, &[u32])> {
    std::iter::from_fn(move || {
        let [first, second, rest @ ..] = code else { return None };
        let test = code::Test::read(*first, *second)?;
        let (operands, rest) = rest.split_at_checked(test.op.operands(test.immediate))?;
        code = rest;
        Some((test, operands))
    })
}
