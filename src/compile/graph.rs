//! The decision graph: what a decision point walks through.
//!
//! ```text
//!  request ──► keys: resource, principal, patterns, tags, organisations, everywhere
//!                 │            each leads to at most one
//!                 ▼
//!               block: prohibitions │ allows │ limits │ duties │ shadows     each in the order in which rules decide
//!                 │
//!                 ▼
//!               rule: actions, number, code ──► tests of the request's attributes
//! ```
//!
//! The decision over all blocks that a request reaches is the least rule that fires: first among prohibitions, then
//! among allows. No block depends on another, so a changed rule touches only its own.

use super::{names::Names, tables::Tables};
use crate::{glob::Glob, zone::Zone};
use std::sync::Arc;

/// Numbers of texts from here on are a request's own.
pub(crate) const LOCAL: u32 = 1 << 31;

/// No entry of a table.
pub(crate) const NONE: u32 = u32::MAX;

/// A block, and what to add to its rules' numbers. Blocks that differ in this only are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BlockRef {
    /// Where it begins among the blocks; 0 is the empty block.
    pub(crate) at: u32,
    /// The number of the rule that its numbers count from.
    pub(crate) base: u32,
}

impl BlockRef {
    /// Whether it has no rules.
    #[inline]
    pub(crate) const fn is_empty(self) -> bool {
        self.at == 0
    }
}

/// What is known of a principal or a resource by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Home {
    /// The rules that name it.
    pub(crate) block: BlockRef,
    /// Where its declaration's values stand, else [`NONE`].
    pub(crate) entity: u32,
    /// Where the blocks of the patterns that match it stand: how many, then each.
    pub(crate) patterns: u32,
}

impl Default for Home {
    fn default() -> Self {
        Self { block: BlockRef::default(), entity: NONE, patterns: 0 }
    }
}

/// The rules that are found through values of one attribute.
#[derive(Debug, Clone, Default)]
pub(crate) struct ByText {
    /// Those of a value, by its number, sorted.
    pub(crate) known: Vec<(u32, BlockRef)>,
    /// Those that fire where the value is not known.
    pub(crate) unknown: BlockRef,
}

impl ByText {
    /// The rules of a value.
    #[inline]
    pub(crate) fn get(&self, text: u32) -> Option<BlockRef> {
        let place = self.known.binary_search_by_key(&text, |(text, _)| *text).ok()?;
        self.known.get(place).map(|(_, block)| *block)
    }
}

/// How values of an attribute are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As they are: bools, whole numbers, tiers, addresses.
    Plain,
    /// By the number of a text.
    Text,
    /// As seconds and nanoseconds.
    Time,
    /// As numbers of texts.
    Set,
}

/// A policy set, compiled. Immutable.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// The constants.
    pub(crate) tables: Tables,
    /// By the number of a principal.
    pub(crate) principals: Vec<Home>,
    /// By the number of a resource.
    pub(crate) resources: Vec<Home>,
    /// Rules that name principals, where the principal is not known.
    pub(crate) unknown_principal: BlockRef,
    /// By the number of a pattern: the rules for resources that match it.
    pub(crate) patterns: Vec<BlockRef>,
    /// Rules for resources with a tag.
    pub(crate) tags: ByText,
    /// Rules for principals of an organisation.
    pub(crate) principal_orgs: ByText,
    /// Rules for resources of an organisation.
    pub(crate) resource_orgs: ByText,
    /// All other rules.
    pub(crate) everywhere: BlockRef,
    /// All blocks.
    pub(crate) blocks: Vec<u32>,
    /// Lists of block references, for [`Home::patterns`].
    pub(crate) lists: Vec<u32>,
    /// How values are kept, by attribute.
    pub(crate) attributes: Vec<Form>,
    /// The numbers of the roles' names, by role.
    pub(crate) roles: Vec<u32>,
    /// Whether tests read it, by attribute.
    pub(crate) read: Vec<bool>,
    /// What rules there are besides prohibitions and allows.
    pub(crate) sections: u32,
}

impl Graph {
    /// The patterns, by number.
    pub(crate) fn globs(&self) -> &[Arc<Glob>] {
        &self.tables.globs
    }

    /// The zones of windows, by number.
    pub(crate) fn zones(&self) -> &[Zone] {
        &self.tables.zones
    }

    /// The texts, by number.
    pub(crate) const fn texts(&self) -> &Names {
        &self.tables.texts
    }
}
