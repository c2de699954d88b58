//! What must hold for a rule, as code: tests of the request's attributes.
//!
//! Negations are pushed down to the tests, so over Kleene's three values a condition is a formula of `and` and `or` whose
//! tests are each *certainly* or *possibly* true: an `allow` wants the first, everything else the second, and either way
//! two values are enough.
//!
//! A rule's code is a row of tests that must all hold. Where it has alternatives, one of these is itself code, with jumps.
//!
//! A test is two words and its operands:
//!
//! ```text
//!  31          16 15  12 11   8 7         0
//! ┌──────────────┬──────┬──────┬───────────┐
//! │     slot     │ len  │ flags│    op     │   len: the words of operands
//! ├──────────────┼──────┴──────┴───────────┤
//! │  immediate   │          skip           │   skip: the words to jump over, or FAIL
//! ├──────────────┴─────────────────────────┤
//! │               operands                 │
//! └────────────────────────────────────────┘
//! ```
//!
//! Inside [`Op::Code`], where a test comes out as its flag `JUMP` says, the walk jumps; else it goes on with the next test.
//! At the end the whole holds; a jump to `FAIL` means that it does not.

/// A jump out of the code, which does not hold.
pub(crate) const FAIL: u16 = u16::MAX;

/// The negation of the test; what is unknown stays unknown.
pub(crate) const NEGATED: u32 = 1 << 8;
/// An operand that is `none` makes the test unknown, not false.
pub(crate) const NONE_IS_UNKNOWN: u32 = 1 << 10;
/// The result on which the walk jumps.
pub(crate) const JUMP: u32 = 1 << 11;
/// All flags.
const FLAGS: u32 = NEGATED | NONE_IS_UNKNOWN | JUMP;

/// A kind of test. Its number is part of the bundle's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Op {
    /// The principal holds the role with the immediate's number.
    Holds = 0,
    /// The principal is the one with this number. Operands: the number.
    Principal = 1,
    /// The resource is the one with this number. Operands: the number.
    Resource = 2,
    /// A bool that is true.
    IsTrue = 3,
    /// There is a value.
    Has = 4,
    /// A whole number or tier within bounds. Operands: the least and the greatest, two words each.
    Within = 5,
    /// The principal's tier within bounds, in the immediate: the least in its lower half, the greatest in its upper.
    Tiers = 6,
    /// The address that is asked from is an IPv4 address in one of as many ranges as the immediate says. Operands: first and
    /// last of each.
    InRanges = 7,
    /// An address in a table of ranges. Operands: where the table stands in the pool.
    InNets = 8,
    /// A text. Operands: its number.
    Is = 9,
    /// One of some texts. Operands: where the table of their numbers stands in the pool.
    OneOf = 10,
    /// An address. Operands: its four words.
    IsIp = 11,
    /// An instant not after another. Operands: seconds (two words) and nanoseconds.
    Until = 12,
    /// An instant before another. Operands: as for `Until`.
    Before = 13,
    /// Just this instant. Operands: as for `Until`.
    IsTime = 14,
    /// An instant in one of some spans. Operands: where the table stands in the pool.
    InSpans = 15,
    /// An instant in a window. Operands: where its minutes stand in the pool; the immediate is the zone's number.
    During = 16,
    /// A text that a pattern matches. Operands: the pattern's number.
    Like = 17,
    /// A set with a text. Operands: the text's number.
    Contains = 18,
    /// A set with one of some texts. Operands: where the table of their numbers stands in the pool.
    Overlaps = 19,
    /// One of some whole numbers or tiers. Operands: where the table stands in the pool.
    InInts = 20,
    /// A comparison with the resource's attribute of the immediate's number. Operands: the operator; the seconds of an
    /// offset (two words).
    CompareResource = 21,
    /// A set that has the value of the attribute of the immediate's number.
    ContainsValue = 22,
    /// Two sets with a member in common, the second the resource's attribute of the immediate's number.
    OverlapsResource = 23,
    /// An access grant that opens a gate of the immediate's mode: 0 for automatic, 1 for manual.
    Opened = 24,
    /// The principal holds one of some roles. Operands: where the table of their numbers stands in the pool.
    HoldsOne = 25,
    /// Some tests with jumps between them. Operands: those tests, as many words as the immediate says.
    Code = 26,
    /// The instant that is asked at is not after a full second. Operands: its [tick](ticks) (two words).
    NotAfter = 27,
}

impl Op {
    /// All, by number.
    pub(crate) const ALL: [Self; 28] = [
        Self::Holds,
        Self::Principal,
        Self::Resource,
        Self::IsTrue,
        Self::Has,
        Self::Within,
        Self::Tiers,
        Self::InRanges,
        Self::InNets,
        Self::Is,
        Self::OneOf,
        Self::IsIp,
        Self::Until,
        Self::Before,
        Self::IsTime,
        Self::InSpans,
        Self::During,
        Self::Like,
        Self::Contains,
        Self::Overlaps,
        Self::InInts,
        Self::CompareResource,
        Self::ContainsValue,
        Self::OverlapsResource,
        Self::Opened,
        Self::HoldsOne,
        Self::Code,
        Self::NotAfter,
    ];

    /// Whether it looks at its slot.
    pub(crate) const fn reads(self) -> bool {
        !matches!(
            self,
            Self::Holds
                | Self::Principal
                | Self::Resource
                | Self::Tiers
                | Self::InRanges
                | Self::Opened
                | Self::Code
                | Self::NotAfter
        )
    }

    /// Whether its immediate is an attribute of the resource.
    pub(crate) const fn is_pair(self) -> bool {
        matches!(self, Self::CompareResource | Self::ContainsValue | Self::OverlapsResource)
    }

    /// The op of a number, if there is one.
    #[inline]
    pub(crate) fn of(number: u32) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }
}

/// A test, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Test {
    pub(crate) op: Op,
    pub(crate) flags: u32,
    pub(crate) slot: u16,
    pub(crate) operands: usize,
    pub(crate) skip: u16,
    pub(crate) immediate: u16,
}

impl Test {
    /// Its two words.
    pub(crate) const fn words(self) -> [u32; 2] {
        [
            self.op as u32 | self.flags | ((self.operands & 15) as u32) << 12 | (self.slot as u32) << 16,
            self.skip as u32 | (self.immediate as u32) << 16,
        ]
    }

    /// The test of two words; none where there is no such op.
    #[inline]
    pub(crate) fn read(first: u32, second: u32) -> Option<Self> {
        let op = Op::of(first & 0xff)?;
        Some(Self {
            op,
            flags: first & FLAGS,
            slot: (first >> 16) as u16,
            operands: if matches!(op, Op::Code) { (second >> 16) as usize } else { (first >> 12 & 15) as usize },
            skip: second as u16,
            immediate: (second >> 16) as u16,
        })
    }

    /// The same question, wherever the walk goes from it.
    pub(crate) const fn asked(self) -> Self {
        let slot = if self.op.reads() { self.slot } else { 0 };
        Self { flags: self.flags & !(JUMP | NEGATED), slot, skip: 0, ..self }
    }
}

/// The two words of a 64-bit number, the lower one first.
pub(crate) const fn halves(number: u64) -> [u32; 2] {
    [number as u32, (number >> 32) as u32]
}

/// An instant as a number that is ordered as instants are, if only full seconds are told from what lies between them.
#[inline]
pub(crate) const fn ticks(seconds: i64, nanos: u64) -> u64 {
    // Instants end long before the numbers do.
    ordered(seconds.wrapping_mul(2)).wrapping_add((nanos > 0) as u64)
}

/// A whole number as one without a sign, in the same order.
#[inline]
pub(crate) const fn ordered(number: i64) -> u64 {
    number.cast_unsigned() ^ (1 << 63)
}

/// The number of two words.
#[inline]
pub(crate) const fn joined(low: u32, high: u32) -> u64 {
    low as u64 | (high as u64) << 32
}
