//! Blocks: the rules that one key leads to, packed.
//!
//! ```text
//! block:    the words of its prohibitions, of its allows, and of each section after them; then the sections
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

/// The words before a block's sections.
const HEADER: usize = 5;

/// The rules of one section of a block.
#[inline]
pub(crate) fn rows(blocks: &[u32], block: BlockRef, section: Section) -> Rows<'_> {
    Rows(find(blocks, block, section).unwrap_or_default())
}

#[inline]
fn find(blocks: &[u32], block: BlockRef, section: Section) -> Option<&[u32]> {
    let (lengths, rest) = blocks.get(block.at as usize..)?.split_first_chunk::<HEADER>()?;
    let [prohibitions, allows, limits, duties, shadows] = lengths.map(|length| length as usize);
    let (start, length) = match section {
        Section::Prohibitions => (0, prohibitions),
        Section::Allows => (prohibitions, allows),
        Section::Limits => (prohibitions.wrapping_add(allows), limits),
        Section::Duties => (prohibitions.wrapping_add(allows).wrapping_add(limits), duties),
        Section::Shadows => (prohibitions.wrapping_add(allows).wrapping_add(limits).wrapping_add(duties), shadows),
    };
    rest.get(start..start.wrapping_add(length))
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
        Self { words: vec![0; HEADER], ..Self::default() }
    }

    /// The block of some rules.
    pub(super) fn block(&mut self, rules: &mut [&Packed]) -> Result<BlockRef, TooLarge> {
        rules.sort_by_key(|rule| (rule.section, rule.flags & HIDES == 0, rule.rule));
        let Some(base) = rules.iter().map(|rule| rule.rule).min() else { return Ok(BlockRef::default()) };
        let mut words = vec![0; HEADER];
        for group in rules.chunk_by(|a, b| a.section == b.section) {
            let start = words.len();
            for rule in group {
                let length = number(rule.code.len(), "tests in one rule")?;
                words.extend([rule.actions, rule.rule.wrapping_sub(base), length & LENGTH | rule.flags]);
                words.extend(&rule.code);
            }
            let length = number(words.len().saturating_sub(start), "words in one block")?;
            let section = group.first().map_or(Section::Prohibitions, |rule| rule.section);
            if let Some(held) = words.get_mut(section as usize) {
                *held = length;
            }
            self.sections |= section.bit();
        }
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
        let Some(mut test) = code::Test::read(*first, *second) else { return };
        test.slot = slot(test.slot);
        if test.op.is_pair() {
            test.immediate = slot(test.immediate);
        }
        [*first, *second] = test.words();
        let Some((_, after)) = tail.split_at_mut_checked(test.operands) else { return };
        rest = after;
    }
}
