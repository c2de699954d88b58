//! What a test of the decision graph comes to: true, false, or not known.

use super::{facts::Grant, prepared::Prepared};
use crate::{
    check::{shift, vocabulary::builtin},
    compile::{
        Graph,
        code::{NONE_IS_UNKNOWN, Op, Test, joined},
        graph::{Form, NONE, Slot, State},
        tables::minute,
    },
    value::Cmp,
};
use chrono::DateTime;
use std::cmp::Ordering;

/// What a test comes to; none where that is not known.
pub(super) fn truth(graph: &Graph, request: &Prepared, slots: &[Slot], test: Test, operands: &[u32]) -> Option<bool> {
    let slot = slots.get(usize::from(test.slot)).copied().unwrap_or(Slot::UNKNOWN);
    let first = operands.first().copied().unwrap_or_default();
    let table = || graph.tables.listed(first);
    let number = slot.a.cast_signed();
    let value = |holds: &dyn Fn() -> bool| known(slot, test.flags, holds);
    match test.op {
        Op::Holds => request.holds(u32::from(test.immediate)),
        Op::HoldsOne if slot.state == State::Known => some(table().iter().map(|role| request.holds(*role))),
        Op::HoldsOne => value(&|| false),
        Op::Principal => (!request.nobody).then(|| names(operands, request.principal)),
        Op::Resource => Some(names(operands, request.resource)),
        Op::Opened => opened(test.immediate, request.grant),
        // Of a set the immediate says that it is one: it has a value if it has a member.
        Op::Has => Some(slot.state == State::Known && (test.immediate == 0 || slot.members().1 > 0)),
        Op::IsTrue => value(&|| slot.a == 1),
        Op::Within => {
            let [a, b, c, d] = operands else { return None };
            let (least, most) = (joined(*a, *b).cast_signed(), joined(*c, *d).cast_signed());
            value(&|| least <= number && number <= most)
        }
        Op::Tiers => {
            let bounds = u64::from(test.immediate);
            value(&|| slot.a >= bounds & 0xff && slot.a <= bounds >> 8)
        }
        Op::InRanges => value(&|| v4(slot) && in_ranges(operands, slot.b as u32)),
        Op::InNets => value(&|| in_nets(table(), slot)),
        Op::Is => value(&|| slot.a == u64::from(first)),
        Op::OneOf => value(&|| table().binary_search(&(slot.a as u32)).is_ok()),
        Op::IsIp => {
            let [a, b, c, d] = operands else { return None };
            value(&|| slot.a == joined(*b, *a) && slot.b == joined(*d, *c))
        }
        Op::Until => value(&|| time(slot, operands).is_le()),
        Op::Before => value(&|| time(slot, operands).is_lt()),
        Op::IsTime => value(&|| time(slot, operands).is_eq()),
        Op::InSpans => value(&|| in_spans(table(), slot)),
        Op::During => value(&|| during(graph, request, slot, test, table())),
        Op::Like => {
            let glob = graph.globs().get(first as usize)?;
            value(&|| request.text(graph, slot.a as u32).is_some_and(|text| glob.is_match(text)))
        }
        Op::Contains => value(&|| request.set(graph, slot).contains(&first)),
        Op::Overlaps => value(&|| request.set(graph, slot).iter().any(|member| table().binary_search(member).is_ok())),
        Op::InInts => value(&|| {
            let (pairs, _) = table().as_chunks::<2>();
            pairs.binary_search_by_key(&number, |[low, high]| joined(*low, *high).cast_signed()).is_ok()
        }),
        Op::CompareResource => compare(graph, request, slot, test, operands),
        Op::ContainsValue => both(slot, request.slot(test.immediate), |element| {
            contains(graph, request, slot, test.slot, element.a as u32)
        }),
        Op::OverlapsResource => both(slot, request.slot(test.immediate), |other| {
            some(request.set(graph, other).iter().map(|text| contains(graph, request, slot, test.slot, *text)))
        }),
        // Code is walked through, not made; were it, nothing would be known.
        Op::Code => None,
    }
}

/// What a test of a value comes to: unknown where that is not known, false or unknown where there is none.
fn known(slot: Slot, flags: u32, holds: &dyn Fn() -> bool) -> Option<bool> {
    match slot.state {
        State::Unknown => None,
        State::None => (flags & NONE_IS_UNKNOWN == 0).then_some(false),
        State::Known => Some(holds()),
    }
}

/// What a test of two values comes to, of which both must be known, and which is false where there is none.
fn both(left: Slot, right: Slot, holds: impl FnOnce(Slot) -> Option<bool>) -> Option<bool> {
    match (left.state, right.state) {
        (State::Unknown, _) | (_, State::Unknown) => None,
        (State::None, _) | (_, State::None) => Some(false),
        (State::Known, State::Known) => holds(right),
    }
}

/// Whether the one operand is this number; [`NONE`] is no number.
fn names(operands: &[u32], number: u32) -> bool {
    number != NONE && operands.first() == Some(&number)
}

fn in_ranges(operands: &[u32], ip: u32) -> bool {
    operands.as_chunks::<2>().0.iter().any(|[first, last]| *first <= ip && ip <= *last)
}

/// Whether an address is an IPv4 address.
#[inline]
const fn v4(slot: Slot) -> bool {
    slot.a == 0 && slot.b >> 32 == 0xffff
}

fn in_nets(table: &[u32], slot: Slot) -> bool {
    let [count, rest @ ..] = table else { return false };
    let Some((ranges, wide)) = rest.split_at_checked((*count as usize).saturating_mul(2)) else { return false };
    if v4(slot) {
        let ip = slot.b as u32;
        let (ranges, _) = ranges.as_chunks::<2>();
        let after = ranges.partition_point(|[first, _]| *first <= ip);
        return after.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|[_, last]| ip <= *last);
    }
    let ip = u128::from(slot.a) << 64 | u128::from(slot.b);
    let bits = |words: [u32; 4]| words.into_iter().fold(0_u128, |bits, word| bits << 32 | u128::from(word));
    let (ranges, _) = wide.as_chunks::<8>();
    let first = |[a, b, c, d, ..]: &[u32; 8]| bits([*a, *b, *c, *d]);
    let after = ranges.partition_point(|range| first(range) <= ip);
    let range = after.checked_sub(1).and_then(|at| ranges.get(at));
    range.is_some_and(|[_, _, _, _, a, b, c, d]| ip <= bits([*a, *b, *c, *d]))
}

/// How an instant stands to the constant of three words.
#[inline]
fn time(slot: Slot, operands: &[u32]) -> Ordering {
    let [low, high, nanos] = operands else { return Ordering::Greater };
    (slot.a.cast_signed(), slot.b).cmp(&(joined(*low, *high).cast_signed(), u64::from(*nanos)))
}

fn in_spans(table: &[u32], slot: Slot) -> bool {
    let (spans, _) = table.as_chunks::<6>();
    let after = spans.partition_point(|[low, high, nanos, ..]| time(slot, &[*low, *high, *nanos]).is_ge());
    let span = after.checked_sub(1).and_then(|at| spans.get(at));
    span.is_some_and(|[_, _, _, low, high, nanos]| time(slot, &[*low, *high, *nanos]).is_lt())
}

/// Whether an instant is in a window of local wall-clock times.
fn during(graph: &Graph, request: &Prepared, slot: Slot, test: Test, minutes: &[u32]) -> bool {
    let zone = usize::from(test.immediate);
    let minute = if graph.slots.get(usize::from(test.slot)).is_some_and(|read| read.attr == builtin::TIME) {
        request.minute(test.immediate)
    } else {
        graph.zones().get(zone).map(|zone| minute(zone, slot.a.cast_signed()))
    };
    minute.is_some_and(|minute| minutes.get((minute >> 5) as usize).is_some_and(|word| word >> (minute & 31) & 1 == 1))
}

/// A comparison of a value with the resource's.
fn compare(graph: &Graph, request: &Prepared, left: Slot, test: Test, operands: &[u32]) -> Option<bool> {
    let right = request.slot(test.immediate);
    let [op, low, high] = operands else { return None };
    let op = *Cmp::ALL.get(*op as usize)?;
    if left.state == State::Unknown || right.state == State::Unknown {
        return None;
    }
    if left.state == State::None || right.state == State::None {
        return match op {
            Cmp::Eq => Some(false),
            Cmp::Ne => Some(true),
            Cmp::Lt | Cmp::Le | Cmp::Gt | Cmp::Ge => None,
        };
    }
    let order = match graph.slots.get(usize::from(test.slot))?.form {
        Form::Time => (left.a.cast_signed(), left.b).cmp(&moved(right, joined(*low, *high).cast_signed())?),
        Form::Plain | Form::Text | Form::Set | Form::Roles => {
            (left.a.cast_signed(), left.b).cmp(&(right.a.cast_signed(), right.b))
        }
    };
    Some(op.holds(order))
}

/// Whether a known set has a text.
fn contains(graph: &Graph, request: &Prepared, set: Slot, attr: u16, text: u32) -> Option<bool> {
    if graph.slots.get(usize::from(attr))?.form != Form::Roles {
        return Some(request.set(graph, set).contains(&text));
    }
    match graph.roles.iter().position(|role| *role == text) {
        Some(role) => request.holds(role as u32),
        None => Some(false),
    }
}

/// Kleene's "or": true if one is, else unknown if one is.
fn some(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut found = Some(false);
    for truth in truths {
        match truth {
            Some(true) => return truth,
            Some(false) => {}
            None => found = None,
        }
    }
    found
}

/// The instant of a slot, moved by some seconds.
fn moved(slot: Slot, offset: i64) -> Option<(i64, u64)> {
    if offset == 0 {
        return Some((slot.a.cast_signed(), slot.b));
    }
    let moved = shift(DateTime::from_timestamp(slot.a.cast_signed(), slot.b as u32)?, offset);
    Some((moved.timestamp(), u64::from(moved.timestamp_subsec_nanos())))
}

/// Whether a grant opens a gate: one that was given automatically does not open a manual gate.
const fn opened(manual: u16, grant: Grant) -> Option<bool> {
    match grant {
        Grant::Unknown => None,
        Grant::Manual => Some(true),
        Grant::Auto => Some(manual == 0),
        Grant::No => Some(false),
    }
}
