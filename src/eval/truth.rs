//! What a test of the decision graph comes to: true, false, or not known.

use super::{facts::Grant, prepared::Prepared};
use crate::{
    check::{shift, vocabulary::builtin},
    compile::{
        Graph,
        chunk::Kind,
        code::{FAIL, JUMP, NEGATED, NONE_IS_UNKNOWN, Op, Test, joined},
        graph::{Form, NONE, Slot, State},
        tables::minute,
    },
    value::Cmp,
};
use chrono::DateTime;
use std::cmp::Ordering;

/// Whether all tests of some code hold: certainly, or possibly.
pub(super) fn all_hold(graph: &Graph, request: &Prepared, mut code: &[u32], possible: bool) -> bool {
    while let [head, tail, rest @ ..] = code {
        // Code is read from a set that was checked; were it not, nothing would be certain and all possible.
        let Some(test) = Test::read(*head, *tail) else { return possible };
        let Some((operands, rest)) = rest.split_at_checked(test.operands) else { return possible };
        code = rest;
        if !holds(graph, request, test, operands, possible) {
            return false;
        }
    }
    true
}

/// Whether a test holds certainly, and whether it holds possibly.
pub(super) fn holds_both_ways(graph: &Graph, request: &Prepared, test: Test, operands: &[u32]) -> (bool, bool) {
    if test.op == Op::Code {
        let holds = |possible| walk(graph, request, operands, possible);
        return (holds(false), holds(true));
    }
    let truth = truth(graph, request, test, operands);
    let negated = test.flags & NEGATED != 0;
    (truth == Some(!negated), truth != Some(negated))
}

/// Whether a test holds: certainly, or possibly.
fn holds(graph: &Graph, request: &Prepared, test: Test, operands: &[u32], possible: bool) -> bool {
    if test.op == Op::Code {
        return walk(graph, request, operands, possible);
    }
    let negated = test.flags & NEGATED != 0;
    truth(graph, request, test, operands).map_or(possible, |truth| truth != negated)
}

/// Walks through code with jumps, which has no code inside: whether it holds, certainly or possibly.
fn walk(graph: &Graph, request: &Prepared, mut code: &[u32], possible: bool) -> bool {
    while let [head, tail, rest @ ..] = code {
        let Some(test) = Test::read(*head, *tail).filter(|test| test.op != Op::Code) else { return possible };
        let Some((operands, rest)) = rest.split_at_checked(test.operands) else { return possible };
        code = rest;
        if holds(graph, request, test, operands, possible) == (test.flags & JUMP != 0) {
            if test.skip == FAIL {
                return false;
            }
            let Some(target) = code.get(usize::from(test.skip)..) else { return possible };
            code = target;
        }
    }
    true
}

/// What a test comes to; none where that is not known.
fn truth(graph: &Graph, request: &Prepared, test: Test, operands: &[u32]) -> Option<bool> {
    let slot = request.slot(test.slot);
    let plain = &request.plain;
    let doubts = |kind: Kind| plain.doubts(kind.bit());
    let first = operands.first().copied().unwrap_or_default();
    let table = || graph.tables.listed(first);
    let number = slot.a.cast_signed();
    let value = |holds: &dyn Fn() -> bool| known(slot, test.flags, holds);
    match test.op {
        Op::Holds => request.holds(u32::from(test.immediate)),
        Op::HoldsOne if slot.state == State::Known => some(table().iter().map(|role| request.holds(*role))),
        Op::HoldsOne => value(&|| false),
        Op::Principal => (!doubts(Kind::Names)).then(|| names(operands, plain.principal)),
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
        Op::Tiers if plain.has_no_tier() => (test.flags & NONE_IS_UNKNOWN == 0).then_some(false),
        Op::Tiers if doubts(Kind::Tiers) => None,
        Op::Tiers => {
            let bounds = u32::from(test.immediate);
            Some(plain.tier >= bounds & 0xff && plain.tier <= bounds >> 8)
        }
        Op::InRanges => (!doubts(Kind::Addresses)).then(|| plain.ipv4().is_some_and(|ip| in_ranges(operands, ip))),
        Op::NotAfter => {
            let [low, high] = operands else { return None };
            (!doubts(Kind::Instants)).then(|| plain.tick <= joined(*low, *high))
        }
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
        Op::During => value(&|| during(graph, request, test, table())),
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
    operands.as_chunks::<2>().0.iter().any(|[first, last]| (*first..=*last).contains(&ip))
}

fn in_nets(table: &[u32], slot: Slot) -> bool {
    let [count, rest @ ..] = table else { return false };
    let Some((ranges, wide)) = rest.split_at_checked((*count as usize).saturating_mul(2)) else { return false };
    if let Some(ip) = slot.ipv4() {
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
fn during(graph: &Graph, request: &Prepared, test: Test, minutes: &[u32]) -> bool {
    let minute = minute_of(graph, request, test.slot, test.immediate);
    minute.is_some_and(|minute| minutes.get((minute >> 5) as usize).is_some_and(|word| word >> (minute & 31) & 1 == 1))
}

/// The minute of the week that a clock in a zone shows at the instant of a slot.
pub(super) fn minute_of(graph: &Graph, request: &Prepared, slot: u16, zone: u16) -> Option<u32> {
    if graph.slots.get(usize::from(slot)).is_some_and(|read| read.attr == builtin::TIME) {
        return request.minute(zone);
    }
    graph.zones().get(usize::from(zone)).map(|zone| minute(zone, request.slot(slot).a.cast_signed()))
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
