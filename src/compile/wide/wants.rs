//! What tests want of a value, so that values can be cut by it.

use super::Kind;
use crate::compile::{
    code::{NEGATED, NONE_IS_UNKNOWN, Op, Test, joined, ordered},
    graph::UNREAD,
    tables::Tables,
};

/// Values from a least to a greatest.
pub(super) type Range = (u64, u64);

/// What is asked for: by what it is found, and the slot and zone that it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source {
    pub(super) kind: Kind,
    pub(super) zone: u16,
    pub(super) slot: u16,
}

/// What a test comes to where there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Holds,
    Fails,
    Unknown,
    /// That depends on more than what is cut by.
    Open,
}

/// What a test wants.
#[derive(Debug, Clone)]
pub(super) enum Wants {
    /// One of some texts.
    Texts(Vec<u32>),
    /// A value in one of some ranges, which are sorted and do not overlap.
    Ranges(Vec<Range>, Fate),
}

/// What a test wants of what, if values can be cut by it.
pub(super) fn wants(test: Test, operands: &[u32], tables: &Tables) -> Option<(Source, Wants)> {
    let negated = test.flags & NEGATED != 0;
    let source = |kind: Kind, slot: u16| Source { kind, zone: 0, slot };
    let first = operands.first().copied().unwrap_or_default();
    let none = match (test.flags & NONE_IS_UNKNOWN != 0, negated) {
        (true, _) => Fate::Unknown,
        (false, true) => Fate::Holds,
        (false, false) => Fate::Fails,
    };
    let (source, ranges, none) = match test.op {
        Op::Principal if !negated => return Some((source(Kind::Names, 0), Wants::Texts(vec![first]))),
        Op::Is if !negated => return Some((source(Kind::Texts, test.slot), Wants::Texts(vec![first]))),
        Op::OneOf if !negated => {
            return Some((source(Kind::Texts, test.slot), Wants::Texts(tables.listed(first).to_vec())));
        }
        Op::Tiers => {
            let bounds = u64::from(test.immediate);
            (source(Kind::Tiers, 0), vec![(bounds & 0xff, bounds >> 8)], none)
        }
        Op::NotAfter => (source(Kind::Instants, 0), vec![(0, whole(operands))], Fate::Unknown),
        Op::InRanges => (source(Kind::Addresses, UNREAD), pairs(operands), none),
        Op::InNets => {
            let (count, rest) = tables.listed(first).split_first()?;
            let (v4, v6) = rest.split_at_checked((*count as usize).saturating_mul(2))?;
            (source(Kind::Addresses, test.slot), pairs(v4), if v6.is_empty() { none } else { Fate::Open })
        }
        Op::During => {
            let zone = test.immediate;
            let source = Source { kind: Kind::Minutes, zone, slot: test.slot };
            (if zone < 256 { source } else { return None }, minutes(tables.listed(first)), none)
        }
        Op::IsTrue => (source(Kind::Numbers, test.slot), vec![(ordered(1), ordered(1))], none),
        Op::Within => {
            let (least, most) = operands.split_at_checked(2)?;
            let [least, most] = [least, most].map(|words| ordered(whole(words).cast_signed()));
            (source(Kind::Numbers, test.slot), if least <= most { vec![(least, most)] } else { Vec::new() }, none)
        }
        Op::InInts => {
            let numbers = tables.listed(first).as_chunks::<2>().0;
            let numbers = numbers.iter().map(|words| ordered(whole(words).cast_signed()));
            (source(Kind::Numbers, test.slot), numbers.map(|number| (number, number)).collect(), none)
        }
        Op::Principal
        | Op::Is
        | Op::OneOf
        | Op::Holds
        | Op::Resource
        | Op::Has
        | Op::IsIp
        | Op::Until
        | Op::Before
        | Op::IsTime
        | Op::InSpans
        | Op::Like
        | Op::Contains
        | Op::Overlaps
        | Op::CompareResource
        | Op::ContainsValue
        | Op::OverlapsResource
        | Op::Opened
        | Op::HoldsOne
        | Op::Code => return None,
    };
    Some((source, Wants::Ranges(if negated { complement(&ranges) } else { ranges }, none)))
}

/// The number of two words.
fn whole(words: &[u32]) -> u64 {
    if let [low, high] = words { joined(*low, *high) } else { 0 }
}

fn pairs(words: &[u32]) -> Vec<Range> {
    words.as_chunks::<2>().0.iter().map(|[first, last]| (u64::from(*first), u64::from(*last))).collect()
}

/// The ranges of a week's minutes that stand as bits.
fn minutes(bits: &[u32]) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    let minutes = bits.iter().flat_map(|word| (0..32).map(move |bit| word >> bit & 1 == 1));
    for (minute, _) in (0_u64..).zip(minutes).filter(|(_, is_in)| *is_in) {
        match ranges.last_mut() {
            Some((_, last)) if last.saturating_add(1) == minute => *last = minute,
            _ => ranges.push((minute, minute)),
        }
    }
    ranges
}

/// All other values.
fn complement(ranges: &[Range]) -> Vec<Range> {
    let mut others = Vec::new();
    let mut next = Some(0);
    for (first, last) in ranges {
        if let (Some(start), Some(end)) = (next, first.checked_sub(1))
            && start <= end
        {
            others.push((start, end));
        }
        next = last.checked_add(1);
    }
    others.extend(next.map(|start| (start, u64::MAX)));
    others
}
