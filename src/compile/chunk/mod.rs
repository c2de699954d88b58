//! Chunks of few rules, each of which needs some tests to hold.
//!
//! Equal tests of a chunk's rules stand there once, and what they come to is a bit for each. Most rules are made of tests of
//! a few kinds: the principal's roles, its tier, its name, the instant and the IPv4 address. These are *plain*: they stand
//! in groups, one kind after the other, so that they are made without a look at what they are, and all of them, with
//! nothing to guess for the processor. The other tests are code, and are made only where a rule depends on them.
//!
//! ```text
//! head:    how many groups there are of each kind (4, 5, 5, 5, 4 bits), how many other tests (6), 0 (3)
//!          rules of each section: hiding prohibitions, other prohibitions, allows, limits (8 each)
//!          all rules (6), how wide numbers are (2), shadows that allow, other shadows, the words of all groups (8 each)
//!          the plain tests that are negated, a bit for each
//! groups:  roles        the numbers of four (8 each)
//!          tiers        of two the least, how far the greatest is from it, whether `none` is unknown (8, 7, 1)
//!          names        the numbers of two principals
//!          instants     two ticks, not after which (two words each)
//!          addresses    the first ones of four ranges, how far the last ones are from them, and for each combination of
//!                       ranges that the address is not in, those of the group's four tests that fail (16 times 4)
//! rules:   in the order of sections and then of the source: actions, needed tests
//! numbers: of each rule its number less the block's base: 4, 8, 16 or 32 bits, as many as the greatest needs
//! others:  the other tests, as code
//! ```
//!
//! A chunk has at most 32 rules and 32 bits of tests: in the order of groups, as many for each as it has places, and then
//! the other ones. What is left of a group means nothing: no rule needs it. Most chunks are *simple*: they have no other
//! tests and one group of each of the first three kinds, or of all kinds. Groups are added for that, even if they are empty.

mod draft;

pub(in crate::compile) use draft::Draft;

use super::{
    block::{Section, tests},
    code::{NEGATED, NONE_IS_UNKNOWN, Op, Test, joined},
};

/// The words before the groups.
pub(super) const HEAD: usize = 4;
/// The most bits of tests, and the most rules.
pub(crate) const MAX: u32 = 32;
/// The roles that plain tests may speak of: those with the lowest numbers.
const ROLES: u16 = 64;
/// The bit of a tier's test that says that `none` is unknown.
const UNKNOWN_TIER: u32 = 1 << 15;
/// The first word of a simple chunk: one group each of roles, tiers and names; or one of each kind.
const WHO: u32 = 1 | 1 << 4 | 1 << 9;
const WHO_AND_WHERE: u32 = WHO | 1 << 14 | 1 << 19;

/// A kind of plain tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Kind {
    Roles = 0,
    Tiers = 1,
    Names = 2,
    Instants = 3,
    Addresses = 4,
}

impl Kind {
    /// All, in the order of groups.
    pub(crate) const ALL: [Self; 5] = [Self::Roles, Self::Tiers, Self::Names, Self::Instants, Self::Addresses];

    /// Its bit in a set of kinds.
    pub(crate) const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// The places of a group.
    const fn places(self) -> u32 {
        match self {
            Self::Roles | Self::Addresses => 4,
            Self::Tiers | Self::Names | Self::Instants => 2,
        }
    }

    /// The words of a group.
    const fn words(self) -> usize {
        match self {
            Self::Roles | Self::Tiers => 1,
            Self::Names => 2,
            Self::Instants => 4,
            Self::Addresses => 10,
        }
    }

    /// The kind of a test, if it is plain.
    fn of(test: Test) -> Option<Self> {
        match test.op {
            Op::Holds if test.immediate < ROLES => Some(Self::Roles),
            Op::Tiers => Some(Self::Tiers),
            Op::Principal => Some(Self::Names),
            Op::NotAfter => Some(Self::Instants),
            Op::InRanges => Some(Self::Addresses),
            Op::Holds
            | Op::Resource
            | Op::IsTrue
            | Op::Has
            | Op::Within
            | Op::InNets
            | Op::Is
            | Op::OneOf
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
            | Op::Code => None,
        }
    }
}

/// Some rules of a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk<'a> {
    head: &'a [u32; HEAD],
    /// The groups, one kind after the other.
    groups: &'a [u32],
    /// The rules, their numbers, and what comes after them.
    rest: &'a [u32],
}

/// The groups of a chunk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Groups<'a> {
    pub(crate) roles: &'a [u32],
    pub(crate) tiers: &'a [u32],
    pub(crate) names: &'a [[u32; 2]],
    pub(crate) instants: &'a [[u32; 4]],
    pub(crate) addresses: &'a [[u32; 10]],
}

/// So many rows of words, and what comes after them.
#[inline]
fn rows<const N: usize>(words: &[u32], count: u32) -> (&[[u32; N]], &[u32]) {
    let (rows, rest) = words.split_at_checked((count as usize).wrapping_mul(N)).unwrap_or_default();
    (rows.as_chunks().0, rest)
}

/// A rule: actions, needed tests.
pub(crate) type Row = [u32; ROW];
const ROW: usize = 2;

impl<'a> Chunk<'a> {
    /// The chunk that words begin with.
    #[inline]
    pub(crate) fn read(words: &'a [u32]) -> Option<Self> {
        let (head, rest) = words.split_first_chunk::<HEAD>()?;
        let (groups, rest) = rest.split_at_checked((head[2] >> 24) as usize)?;
        Some(Self { head, groups, rest })
    }

    /// How many groups of a kind there are.
    const fn count(self, kind: Kind) -> u32 {
        let counts = self.head[0];
        match kind {
            Kind::Roles => counts & 15,
            Kind::Tiers => counts >> 4 & 31,
            Kind::Names => counts >> 9 & 31,
            Kind::Instants => counts >> 14 & 31,
            Kind::Addresses => counts >> 19 & 15,
        }
    }

    /// So many rules, the first ones.
    #[inline]
    fn rules(self, count: u32) -> &'a [Row] {
        self.rest.get(..(count as usize).wrapping_mul(ROW)).unwrap_or_default().as_chunks().0
    }

    /// How many rules there are.
    const fn count_of_rules(self) -> u32 {
        self.head[2] & 0x3f
    }

    /// How many bits the number of a rule has.
    const fn width(self) -> u32 {
        in_bits(self.head[2] >> 6 & 3)
    }

    /// The words of the numbers.
    fn words_of_numbers(self) -> usize {
        self.count_of_rules().wrapping_mul(self.width()).div_ceil(u32::BITS) as usize
    }

    /// The rules' numbers, and what comes after them.
    #[inline]
    fn behind_rules(self) -> &'a [u32] {
        self.rest.get((self.count_of_rules() as usize).wrapping_mul(ROW)..).unwrap_or_default()
    }

    /// The number of a rule less the block's base, by the rule's place.
    #[inline]
    pub(crate) fn number(self, place: u32) -> u32 {
        unpacked(self.behind_rules(), self.width(), place)
    }

    /// The numbers of all rules.
    pub(super) fn numbers(self) -> impl Iterator<Item = u32> + Clone {
        let (words, width) = (self.behind_rules(), self.width());
        (0..self.count_of_rules()).map(move |place| unpacked(words, width, place))
    }

    /// The rules that allow or deny.
    #[inline]
    pub(crate) fn deciding(self) -> &'a [Row] {
        self.rules(self.prohibitions().wrapping_add(self.allows()))
    }

    /// How many rules of each section there are.
    #[inline]
    fn sizes(self) -> [u32; 6] {
        let [_, counts, more, _] = *self.head;
        let [limits, allowing, others] = [counts >> 24, more >> 8 & 0xff, more >> 16 & 0xff];
        let told = self.prohibitions().wrapping_add(self.allows()).wrapping_add(limits);
        // Duties are what is left of them.
        let duties = self.count_of_rules().saturating_sub(told.wrapping_add(allowing).wrapping_add(others));
        [self.prohibitions(), self.allows(), limits, duties, allowing, others]
    }

    /// The tests that are not plain.
    pub(crate) fn others(self) -> &'a [u32] {
        self.behind_rules().get(self.words_of_numbers()..).unwrap_or_default()
    }

    /// Whether its words are as many as it says, and no rule needs a test that it has not.
    pub(super) fn is_whole(self) -> bool {
        let words = |kind: Kind| (self.count(kind) as usize).saturating_mul(kind.words());
        let bits = self.plain_bits().saturating_add(self.other_tests());
        let rules = self.sizes().into_iter().fold(0_u32, u32::wrapping_add);
        let missing = !low(bits);
        Kind::ALL.into_iter().map(words).fold(0, usize::saturating_add) == self.groups.len()
            && bits <= MAX
            && rules <= MAX
            && rules == self.count_of_rules()
            && self.rows().len() == rules as usize
            && self.words_of_numbers() <= self.behind_rules().len()
            && self.rows().iter().all(|[_, needed]| needed & missing == 0)
    }

    /// All rules.
    #[inline]
    pub(super) fn rows(self) -> &'a [Row] {
        self.rules(self.count_of_rules())
    }

    /// The sections that have rules, as bits.
    pub(super) fn has(self) -> u32 {
        let bit = |(size, bit): (u32, u32)| if size > 0 { 1 << bit } else { 0 };
        self.sizes().into_iter().zip(0..).map(bit).fold(0, |bits, bit| bits | bit)
    }

    /// The kinds of plain tests that rules need, as bits.
    pub(super) fn kinds(self) -> u32 {
        let needed = self.rows().iter().fold(0, |bits, [_, needed]| bits | needed);
        let mut before = 0_u32;
        Kind::ALL.into_iter().fold(0, |bits, kind| {
            let own = low(self.places(kind)).checked_shl(before).unwrap_or_default();
            before = before.wrapping_add(self.places(kind));
            if own & needed == 0 { bits } else { bits | kind.bit() }
        })
    }

    /// The plain tests that are negated.
    #[inline]
    pub(crate) const fn negated(self) -> u32 {
        self.head[3]
    }

    /// The groups of a simple chunk: of the first three kinds, and of the others.
    #[inline]
    pub(crate) fn simple(self) -> Option<(&'a [u32; 4], Option<&'a [u32; 14]>)> {
        match self.head[0] {
            WHO => Some((self.groups.first_chunk()?, None)),
            WHO_AND_WHERE => {
                let (who, rest) = self.groups.split_first_chunk()?;
                Some((who, Some(rest.first_chunk()?)))
            }
            _ => None,
        }
    }

    /// The groups of any chunk.
    #[inline]
    pub(crate) fn all_groups(self) -> Groups<'a> {
        let (roles, rest) = rows::<1>(self.groups, self.count(Kind::Roles));
        let (tiers, rest) = rows::<1>(rest, self.count(Kind::Tiers));
        let (names, rest) = rows(rest, self.count(Kind::Names));
        let (instants, rest) = rows(rest, self.count(Kind::Instants));
        let (addresses, _) = rows(rest, self.count(Kind::Addresses));
        Groups { roles: roles.as_flattened(), tiers: tiers.as_flattened(), names, instants, addresses }
    }

    /// How many tests are not plain.
    #[inline]
    pub(crate) const fn other_tests(self) -> u32 {
        self.head[0] >> 23 & 63
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

    /// The rules of a section, and the place of the first.
    pub(crate) fn section(self, section: Section) -> (u32, &'a [Row]) {
        let place = section as usize;
        let start = self.sizes().into_iter().take(place).fold(0_u32, u32::wrapping_add);
        let size = self.sizes().get(place).copied().unwrap_or_default();
        (start, self.rules(start.wrapping_add(size)).get(start as usize..).unwrap_or_default())
    }

    /// The words before the groups of a kind, and the bits before its tests.
    fn before(self, kind: Kind) -> (usize, u32) {
        Kind::ALL.into_iter().take(kind as usize).fold((0, 0), |(words, bits), kind| {
            let words_of = (self.count(kind) as usize).wrapping_mul(kind.words());
            (words_of.wrapping_add(words), self.places(kind).wrapping_add(bits))
        })
    }

    /// How many tests of a kind the groups have room for.
    const fn places(self, kind: Kind) -> u32 {
        self.count(kind).wrapping_mul(kind.places())
    }

    /// The bits of the tests of a kind.
    pub(crate) fn bits_of(self, kind: Kind) -> u32 {
        low(self.places(kind)).checked_shl(self.before(kind).1).unwrap_or_default()
    }

    /// The bits of the tests of the tier for which `none` is unknown.
    pub(crate) fn tiers_that_want_one(self) -> u32 {
        let tests = self.groups_of(Kind::Tiers).iter().flat_map(|word| [word & 0xffff, word >> 16]);
        let flags = tests.zip(0_u32..).filter(|(tier, _)| tier & UNKNOWN_TIER != 0);
        flags.fold(0_u32, |bits, (_, place)| bits | 1_u32.wrapping_shl(place)).wrapping_shl(self.before(Kind::Tiers).1)
    }

    /// How many bits the plain tests have.
    pub(crate) fn plain_bits(self) -> u32 {
        self.before(Kind::Addresses).1.wrapping_add(self.places(Kind::Addresses))
    }

    /// The words of the groups of a kind.
    pub(crate) fn groups_of(self, kind: Kind) -> &'a [u32] {
        let words = (self.count(kind) as usize).wrapping_mul(kind.words());
        self.groups.get(self.before(kind).0..).and_then(|words_from| words_from.get(..words)).unwrap_or_default()
    }

    /// The tests that some rule needs, each with its bit and its operands.
    pub(crate) fn tests(self) -> impl Iterator<Item = (u32, Test, Vec<u32>)> {
        let needed = self.rows().iter().fold(0_u32, |bits, [_, needed]| bits | needed);
        let plain = Kind::ALL.into_iter().flat_map(move |kind| self.plain(kind));
        let others = tests(self.others()).map(|(test, operands)| (test, operands.to_vec()));
        (0..MAX).zip(plain.chain(others)).filter(move |(place, _)| needed >> place & 1 == 1).map(
            move |(place, (test, operands))| {
                let is_negated = place < self.plain_bits() && self.negated() >> place & 1 == 1;
                (1 << place, Test { flags: test.flags | if is_negated { NEGATED } else { 0 }, ..test }, operands)
            },
        )
    }

    /// The tests of a kind, in the order of their bits.
    fn plain(self, kind: Kind) -> Vec<(Test, Vec<u32>)> {
        let test = |op, flags, immediate: u32, operands: Vec<u32>| {
            let immediate = immediate as u16;
            (Test { op, flags, slot: 0, operands: operands.len(), skip: 0, immediate }, operands)
        };
        let bytes = |word: &u32| word.to_le_bytes();
        let groups = self.groups_of(kind);
        match kind {
            Kind::Roles => {
                let roles = groups.iter().flat_map(bytes);
                roles.map(|role| test(Op::Holds, 0, u32::from(role), Vec::new())).collect()
            }
            Kind::Tiers => {
                let tiers = groups.iter().flat_map(|word| [word & 0xffff, word >> 16]);
                let bounds = |tier: u32| tier & 0xff | (tier & 0xff).wrapping_add(tier >> 8 & 0x7f) << 8;
                let flags = |tier: u32| if tier & UNKNOWN_TIER == 0 { 0 } else { NONE_IS_UNKNOWN };
                tiers.map(|tier| test(Op::Tiers, flags(tier), bounds(tier), Vec::new())).collect()
            }
            Kind::Names => groups.iter().map(|name| test(Op::Principal, 0, 0, vec![*name])).collect(),
            Kind::Instants => {
                let ticks = groups.as_chunks::<2>().0;
                ticks.iter().map(|words| test(Op::NotAfter, 0, 0, words.to_vec())).collect()
            }
            Kind::Addresses => {
                let groups = groups.as_chunks::<10>().0.iter().flat_map(|[a, b, c, d, e, f, g, h, low, high]| {
                    let ranges = [(a, e, 0b1110), (b, f, 0b1101), (c, g, 0b1011), (d, h, 0b0111)];
                    let fails = joined(*low, *high);
                    (0..4).map(move |place| {
                        // A range is one of the test if it is enough to be in this one alone.
                        let own = ranges.into_iter().filter(|(_, _, out)| fails >> (out << 2 | place) & 1 == 0);
                        own.flat_map(|(first, distance, _)| [*first, first.wrapping_add(*distance)]).collect()
                    })
                });
                groups.map(|operands: Vec<u32>| test(Op::InRanges, 0, operands.len() as u32 / 2, operands)).collect()
            }
        }
    }
}

/// So many of the lowest bits.
#[inline]
pub(crate) fn low(count: u32) -> u32 {
    1_u32.checked_shl(count).unwrap_or_default().wrapping_sub(1)
}

/// How many bits a number has, of the four widths that a chunk may name.
const fn in_bits(width: u32) -> u32 {
    4 << width
}

/// One of some numbers of so many bits.
#[inline]
fn unpacked(words: &[u32], bits: u32, place: u32) -> u32 {
    let bit = place.wrapping_mul(bits);
    let word = words.get((bit / u32::BITS) as usize).copied().unwrap_or_default();
    word >> (bit % u32::BITS) & (u32::MAX >> (u32::BITS.wrapping_sub(bits)))
}
