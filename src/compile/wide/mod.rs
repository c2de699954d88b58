//! Chunks of many rules: for each attribute, the rules that each of its values leaves.
//!
//! The constants that a chunk's rules compare an attribute with cut its values into classes. Each class has a vector of
//! bits, one for each rule: those that the attribute does not rule out. The vectors of a request's classes, one for each
//! attribute, leave few rules; of these the first is the one that fires, if cuts can say all that it asks for. What they
//! cannot say (patterns, alternatives, what is put together from too many classes) is looked at rule by rule.
//!
//! ```text
//! head:    WIDE and the quads of a vector (four words each), how many rules there are, how many of them hide, cuts
//!          where the rules of each section end (6), where the rules begin, the vector of rules that want certainty
//! cuts:    kind, zone, slot (8, 8, 16), where its table begins, how many values it has
//!          the vector where the value is not known, the vector where there is none
//! tables:  of actions    for each bit of an action its vector
//!          of roles      the vector of no role, then for each role its own, to be put together
//!          of texts      the vector of other texts, sorted texts, where the list of each ends, lists of rules
//!          of ranges     the values that begin a class (one word each, or two), for each class its vector, one more
//! vectors: each kept once
//! rules:   actions, where the code begins, how much of it cuts do not say, how long it is (16, 16), number less the
//!          block's base; then all code, that which cuts do not say first
//! ```
//!
//! Places count from the chunk's start, those of lists from the lists'.

mod wants;
mod write;

pub(super) use write::write;

use super::block::Section;

/// The bit of what a chunk of many rules begins with: no other does.
pub(super) const WIDE: u32 = 1 << 30;
/// The most rules of a chunk.
pub(crate) const MAX_RULES: usize = QUADS * 128;
/// The most quads of a vector.
pub(crate) const QUADS: usize = 8;
/// The words before the cuts.
const HEAD: usize = 12;
/// The words of a cut.
const CUT: usize = 5;
/// The words of a rule.
const RULE: usize = 4;

/// By what a vector is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Kind {
    /// The action's bit.
    Actions = 0,
    /// The roles that the principal holds.
    Roles = 1,
    /// The principal's number, as a text.
    Names = 2,
    /// The text of a slot.
    Texts = 3,
    /// The principal's tier.
    Tiers = 4,
    /// The instant.
    Instants = 5,
    /// The IPv4 address of a slot, or without one that which is asked from.
    Addresses = 6,
    /// The minute of the week in a zone.
    Minutes = 7,
    /// The whole number, tier or bool of a slot.
    Numbers = 8,
}

impl Kind {
    /// All, by number.
    const ALL: [Self; 9] = [
        Self::Actions,
        Self::Roles,
        Self::Names,
        Self::Texts,
        Self::Tiers,
        Self::Instants,
        Self::Addresses,
        Self::Minutes,
        Self::Numbers,
    ];

    /// Whether a value that begins a class has two words.
    const fn is_long(self) -> bool {
        matches!(self, Self::Instants | Self::Numbers)
    }
}

/// What is asked for, and how it cuts a chunk's rules.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut<'a> {
    chunk: Wide<'a>,
    row: &'a [u32; CUT],
}

impl<'a> Cut<'a> {
    /// By what it is found; none in a chunk that was not checked.
    #[inline]
    pub(crate) fn kind(self) -> Option<Kind> {
        Kind::ALL.get((self.row[0] & 0xff) as usize).copied()
    }

    /// The zone that minutes are shown in.
    #[inline]
    pub(crate) const fn zone(self) -> u16 {
        (self.row[0] >> 8 & 0xff) as u16
    }

    /// The slot that values are in.
    #[inline]
    pub(crate) const fn slot(self) -> u16 {
        (self.row[0] >> 16) as u16
    }

    /// The rules that are left where the value is not known.
    #[inline]
    pub(crate) fn unknown(self) -> &'a [u32] {
        self.chunk.from(self.row[3])
    }

    /// The rules that are left where there is no value.
    #[inline]
    pub(crate) fn none(self) -> &'a [u32] {
        self.chunk.from(self.row[4])
    }

    #[inline]
    fn table(self) -> (&'a [u32], usize) {
        (self.chunk.from(self.row[1]), self.row[2] as usize)
    }

    /// Whether its table has all its parts.
    fn is_whole(self, is_vector: &dyn Fn(&u32) -> bool) -> bool {
        let [.., unknown, none] = *self.row;
        let (table, count) = self.table();
        let vectors = match self.kind() {
            None => return false,
            Some(Kind::Actions) => table.get(..32),
            Some(Kind::Roles) => table.get(..count.saturating_add(1)),
            Some(Kind::Names | Kind::Texts) => {
                let ends = table.get(count.saturating_add(1)..).and_then(|rest| rest.get(..count));
                let lists = table.get(count.saturating_mul(2).saturating_add(1)..).unwrap_or_default();
                let is_list =
                    |ends: &[u32]| ends.is_sorted() && ends.last().is_none_or(|end| *end as usize <= lists.len());
                table.get(..1).filter(|_| ends.is_some_and(is_list))
            }
            Some(kind @ (Kind::Tiers | Kind::Instants | Kind::Addresses | Kind::Minutes | Kind::Numbers)) => {
                let starts = if kind.is_long() { count.saturating_mul(2) } else { count };
                table.get(starts..).and_then(|rest| rest.get(..count.saturating_add(1)))
            }
        };
        vectors.is_some_and(|vectors| vectors.iter().chain([&unknown, &none]).all(is_vector))
    }

    /// The vector of a place in the table.
    #[inline]
    pub(crate) fn at(self, place: u32) -> &'a [u32] {
        self.table().0.get(place as usize).map_or(&[], |at| self.chunk.from(*at))
    }

    /// The vectors of no role, and of each.
    #[inline]
    pub(crate) fn roles(self) -> (&'a [u32], impl Fn(u32) -> &'a [u32]) {
        let (table, count) = self.table();
        let roles = table.get(1..count.wrapping_add(1)).unwrap_or_default();
        (self.at(0), move |role| roles.get(role as usize).map_or(&[], |at| self.chunk.from(*at)))
    }

    /// The vector of other texts, and the rules that want this one.
    #[inline]
    pub(crate) fn text(self, text: u32) -> (&'a [u32], &'a [u32]) {
        let (table, count) = self.table();
        let lists = || {
            let (texts, rest) = table.get(1..)?.split_at_checked(count)?;
            let place = texts.binary_search(&text).ok()?;
            let (ends, lists) = rest.split_at_checked(count)?;
            let start = place.checked_sub(1).map_or(Some(0), |before| ends.get(before).copied())?;
            lists.get(start as usize..*ends.get(place)? as usize)
        };
        (self.at(0), lists().unwrap_or_default())
    }

    /// The rules that the class of a value leaves.
    #[inline]
    pub(crate) fn class(self, value: u64) -> &'a [u32] {
        let (table, count) = self.table();
        let long = self.kind().is_some_and(Kind::is_long);
        let Some((starts, vectors)) = table.split_at_checked(if long { count.wrapping_mul(2) } else { count }) else {
            return &[];
        };
        let class = if long {
            let start = |[low, high]: &[u32; 2]| u64::from(*low) | u64::from(*high) << 32;
            starts.as_chunks().0.partition_point(|words| start(words) <= value)
        } else {
            starts.partition_point(|start| u64::from(*start) <= value)
        };
        vectors.get(class).map_or(&[], |at| self.chunk.from(*at))
    }
}

/// A chunk, seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wide<'a> {
    words: &'a [u32],
    head: &'a [u32; HEAD],
}

impl<'a> Wide<'a> {
    /// The chunk that words begin with.
    pub(super) fn read(words: &'a [u32]) -> Option<Self> {
        Some(Self { words, head: words.first_chunk()? })
    }

    /// The quads of a vector.
    #[inline]
    pub(crate) const fn quads(self) -> usize {
        (self.head[0] & 0xff) as usize
    }

    /// How many prohibitions hide; they come first.
    #[inline]
    pub(crate) const fn hiding(self) -> u32 {
        self.head[2]
    }

    /// The places of a section's rules.
    #[inline]
    pub(crate) fn section(self, section: Section) -> std::ops::Range<u32> {
        let end = |place: usize| self.head.get(place.wrapping_add(4)).copied().unwrap_or_default();
        let place = section as usize;
        place.checked_sub(1).map_or(0, end)..end(place)
    }

    /// The cuts.
    #[inline]
    pub(crate) fn cuts(self) -> impl ExactSizeIterator<Item = Cut<'a>> {
        let words = self.words.get(HEAD..).unwrap_or_default();
        let rows = words.as_chunks::<CUT>().0.get(..self.head[3] as usize).unwrap_or_default();
        rows.iter().map(move |row| Cut { chunk: self, row })
    }

    /// The rules that want certainty.
    #[inline]
    pub(crate) fn certain(self) -> &'a [u32] {
        self.from(self.head[11])
    }

    /// Whether all places in it are those of what should stand there; the code of rules is not looked at.
    pub(super) fn is_whole(self) -> bool {
        let vector = self.quads().saturating_mul(4);
        let is_vector = |at: &u32| self.from(*at).len() >= vector;
        let ends = self.head.get(4..10).unwrap_or_default();
        let rules = self.head[1];
        (1..=QUADS).contains(&self.quads())
            && rules as usize <= vector.saturating_mul(32)
            && ends.is_sorted()
            && ends.last() == Some(&rules)
            && self.hiding() <= ends.first().copied().unwrap_or_default()
            && is_vector(&self.head[11])
            && self.cuts().len() == self.head[3] as usize
            && self.cuts().all(|cut| cut.is_whole(&is_vector))
            && (0..rules).all(|place| self.rule(place).is_some())
    }

    /// Words from a place on.
    #[inline]
    fn from(self, at: u32) -> &'a [u32] {
        self.words.get(at as usize..).unwrap_or_default()
    }

    /// A rule.
    #[inline]
    pub(crate) fn rule(self, place: u32) -> Option<Rule<'a>> {
        let rules = self.words.get(self.head[10] as usize..)?.as_chunks::<RULE>().0;
        let [actions, at, lengths, number] = *rules.get(..self.head[1] as usize)?.get(place as usize)?;
        let code = self.from(at).get(..(lengths >> 16) as usize)?;
        Some(Rule { actions, open: code.get(..(lengths & 0xffff) as usize)?, code, number })
    }
}

/// A rule of a chunk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule<'a> {
    pub(crate) actions: u32,
    /// The tests that cuts do not say.
    pub(crate) open: &'a [u32],
    /// All tests.
    pub(crate) code: &'a [u32],
    /// Its number less the block's base.
    pub(crate) number: u32,
}
