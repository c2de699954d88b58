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

use super::{
    heads::Heads,
    names::{Kept, Names},
    paths::Paths,
    tables::Tables,
};
use crate::{
    check::vocabulary::{AttrId, Owner},
    glob::{Glob, GlobSet},
    zone::Zone,
};
use std::sync::Arc;

/// Numbers of texts from here on are a request's own; the tables have fewer.
pub(crate) const LOCAL: u32 = 1 << 31;

/// No entry of a table.
pub(crate) const NONE: u32 = u32::MAX;

/// What is known of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub(crate) enum State {
    /// Nothing.
    #[default]
    Unknown = 0,
    /// That it has no value.
    None = 1,
    /// Its value.
    Known = 2,
}

/// An attribute's value.
///
/// | type | `a` | `b` |
/// | --- | --- | --- |
/// | bool, int, tier | the number | |
/// | text, enumeration, kind, action | the text's number | |
/// | address | upper half | lower half; IPv4 addresses in IPv6 form |
/// | instant | seconds | nanoseconds |
/// | set of texts | where its members begin | how many there are, and whether they stand in the graph's pool |
/// | roles | | how many there are |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Slot {
    pub(crate) state: State,
    pub(crate) a: u64,
    pub(crate) b: u64,
}

/// The members of a set stand in the graph's pool.
const STATIC: u64 = 1 << 63;

impl Slot {
    /// Nothing is known.
    pub(crate) const UNKNOWN: Self = Self { state: State::Unknown, a: 0, b: 0 };
    /// There is no value.
    pub(crate) const NONE: Self = Self { state: State::None, a: 0, b: 0 };

    /// A value.
    #[inline]
    pub(crate) const fn known(a: u64, b: u64) -> Self {
        Self { state: State::Known, a, b }
    }

    /// A set whose members stand in the graph's pool.
    pub(crate) const fn pooled(start: u32, count: u32) -> Self {
        Self::known(start as u64, count as u64 | STATIC)
    }

    /// The IPv4 address, if it is one.
    #[inline]
    pub(crate) fn ipv4(self) -> Option<u32> {
        (self.state == State::Known && self.a == 0 && self.b >> 32 == 0xffff).then_some(self.b as u32)
    }

    /// Where a set's members begin, and how many there are.
    #[inline]
    pub(crate) const fn members(self) -> (usize, usize) {
        (self.a as usize, (self.b & !STATIC) as usize)
    }

    /// Whether a set's members stand in the graph's pool.
    #[inline]
    pub(crate) const fn is_static(self) -> bool {
        self.b & STATIC != 0
    }
}

/// A block, and what to add to its rules' numbers. Blocks that differ in this only are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
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

impl Kept for Home {
    fn words(&self) -> [u32; 4] {
        [self.block.at, self.block.base, self.entity, self.patterns]
    }

    fn of([at, base, entity, patterns]: [u32; 4]) -> Self {
        Self { block: BlockRef { at, base }, entity, patterns }
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
    /// Whether there is nothing to find.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty() && self.unknown.is_empty()
    }

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
    /// As bits, beside the slots.
    Roles,
}

/// An attribute without a slot.
pub(crate) const UNREAD: u16 = u16::MAX;

/// An attribute that tests read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Read {
    /// The attribute.
    pub(crate) attr: AttrId,
    /// What it belongs to.
    pub(crate) owner: Owner,
    /// How its values are kept.
    pub(crate) form: Form,
    /// Its value where a request has none.
    pub(crate) default: Slot,
}

/// A declaration of all principals or resources whose ids match.
#[derive(Debug, Clone)]
pub(crate) struct EntityPattern {
    /// The number of the kind's text.
    pub(crate) kind: u32,
    /// The pattern's number.
    pub(crate) glob: u32,
    /// Where its values stand.
    pub(crate) entity: u32,
}

/// A policy set, compiled. Immutable.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// The constants.
    pub(crate) tables: Tables,
    /// Rules that name principals, where the principal is not known.
    pub(crate) unknown_principal: BlockRef,
    /// By the number of a pattern: the rules for resources that match it.
    pub(crate) patterns: Vec<BlockRef>,
    /// Finds those that a resource's id matches, if there are any.
    pub(crate) by_pattern: Option<Arc<GlobSet>>,
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
    /// The attributes that tests read, which requests have a slot for.
    pub(crate) slots: Vec<Read>,
    /// How many of them are the principal's; they come first.
    pub(crate) of_principal: usize,
    /// What slots hold before anything is said.
    pub(crate) blank: Vec<Slot>,
    /// By attribute: its slot, else [`UNREAD`].
    pub(crate) slot_of: Vec<u16>,
    /// The attributes by the names of members that requests give them under.
    pub(crate) paths: Paths,
    /// The numbers of the roles' names, by role.
    pub(crate) roles: Vec<u32>,
    /// By role, the bits of the roles that it includes, [`role_words`](Self::role_words) words each.
    pub(crate) closures: Vec<u64>,
    /// The words of a row of role bits.
    pub(crate) role_words: usize,
    /// The numbers of actions, by name.
    pub(crate) actions: Names,
    /// The numbers of roles, by name.
    pub(crate) role_names: Names,
    /// What declarations fix: how many values, then each.
    pub(crate) entities: Vec<u32>,
    /// Declarations of principals by pattern.
    pub(crate) principal_patterns: Vec<EntityPattern>,
    /// Declarations of resources by pattern.
    pub(crate) resource_patterns: Vec<EntityPattern>,
    /// The tier of a principal where nobody says so.
    pub(crate) default_tier: Slot,
    /// The numbers of tiers, by name: their ranks.
    pub(crate) tiers: Names,
    /// The address and the instant where nobody says so.
    pub(crate) default_ip: Slot,
    pub(crate) default_time: Slot,
    /// Whether there is anything to say of these two.
    pub(crate) has_default_circumstances: bool,
    /// The roles that a principal holds where nobody says so.
    pub(crate) default_roles: Slot,
    /// The organisation of a declared resource where nobody says so.
    pub(crate) default_org: Slot,
    /// Whether a principal holds an access grant where nobody says so.
    pub(crate) granted: bool,
    /// Whether tests read the names of principals, actions or resources as texts.
    pub(crate) reads_names: bool,
    /// Whether rules are found through tags or organisations.
    pub(crate) has_indexes: bool,
    /// Whether resources that have no number may be matched by a pattern.
    pub(crate) has_patterns: bool,
    /// What rules there are besides prohibitions and allows.
    pub(crate) sections: u32,
    /// The kinds of plain tests that blocks have, as bits.
    pub(crate) kinds: u32,
    /// What rules say when they decide.
    pub(crate) heads: Heads,
    /// The bytes of what grows with each update, before there was one.
    pub(super) compact: usize,
}

impl Graph {
    /// The patterns, by number.
    pub(crate) fn globs(&self) -> &[Arc<Glob>] {
        &self.tables.globs
    }

    /// The bytes of what grows with each update.
    pub(super) fn flexible(&self) -> usize {
        let tables = [size_of_val(&*self.blocks), size_of_val(&*self.tables.pool), self.heads.bytes()];
        tables.into_iter().fold(0, usize::saturating_add)
    }

    /// The roles that a role includes, as bits.
    #[inline]
    pub(crate) fn closure(&self, role: u32) -> &[u64] {
        let start = (role as usize).wrapping_mul(self.role_words);
        self.closures.get(start..start.wrapping_add(self.role_words)).unwrap_or_default()
    }

    /// The declaration of a name that has no number of its own, or that is not declared by its number.
    pub(crate) fn declared(patterns: &[EntityPattern], globs: &[Arc<Glob>], kind: u32, id: &str) -> u32 {
        let matching = |pattern: &&EntityPattern| {
            pattern.kind == kind && globs.get(pattern.glob as usize).is_some_and(|glob| glob.is_match(id))
        };
        patterns.iter().find(matching).map_or(NONE, |pattern| pattern.entity)
    }

    /// Where the values of the declaration stand that matches a resource which has no number.
    pub(crate) fn declared_resource(&self, kind: u32, id: &str) -> u32 {
        Self::declared(&self.resource_patterns, self.globs(), kind, id)
    }

    /// The block references of a list.
    pub(crate) fn listed(&self, at: u32) -> &[u32] {
        let [count, rest @ ..] = self.lists.get(at as usize..).unwrap_or_default() else { return &[] };
        rest.get(..(*count as usize).saturating_mul(2)).unwrap_or_default()
    }

    /// Adds the blocks of the patterns that match a resource's id. The numbers are working memory.
    pub(crate) fn matching(&self, id: &str, numbers: &mut Vec<u32>, found: &mut impl Extend<BlockRef>) {
        numbers.clear();
        if let Some(by_pattern) = &self.by_pattern {
            by_pattern.matches(id, numbers);
        }
        found.extend(numbers.iter().filter_map(|number| self.patterns.get(*number as usize)).copied());
    }

    /// The zones of windows, by number.
    pub(crate) fn zones(&self) -> &[Zone] {
        &self.tables.zones
    }
}
