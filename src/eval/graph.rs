//! Decisions by the graph: the same as the reference evaluator's, found without visiting rules that cannot matter.

use super::{
    bits::bits,
    facts::Grant,
    prepared::Prepared,
    verdict::{Outcome, Verdict},
    wide,
};
use crate::{
    check::{ir::RuleId, shift, vocabulary::builtin},
    compile::{
        Graph,
        block::{Part, Section, chunks},
        code::{NONE_IS_UNKNOWN, Op, Test, joined},
        graph::{BlockRef, Form, NONE, Slot, State},
        tables::minute,
    },
    value::Cmp,
};
use chrono::DateTime;
use std::cmp::Ordering;

/// Allow or deny, and by which rule.
#[must_use]
#[inline]
pub(crate) fn decide(graph: &Graph, request: &Prepared) -> Outcome {
    if request.action == 0 {
        return Outcome::UnknownAction;
    }
    let mut best = Best { prohibition: u64::MAX, allow: u32::MAX };
    reach(graph, request, |block| best = scan(graph, request, block, best));
    if best.prohibition != u64::MAX {
        return Outcome::Deny(RuleId(best.prohibition as u32));
    }
    if best.allow == u32::MAX { Outcome::NoRule } else { Outcome::Allow(RuleId(best.allow)) }
}

/// What all the rules say.
#[must_use]
pub(crate) fn survey(graph: &Graph, request: &Prepared) -> Verdict {
    let mut verdict = Verdict::new(decide(graph, request));
    verdict.duties = firing(graph, request, Section::Duties);
    match verdict.outcome {
        Outcome::UnknownAction => return verdict,
        Outcome::Deny(_) => verdict.prohibitions = firing(graph, request, Section::Prohibitions),
        Outcome::Allow(_) => verdict.limits = firing(graph, request, Section::Limits),
        Outcome::NoRule => {}
    }
    verdict.shadow = firing(graph, request, Section::ShadowAllows);
    verdict.shadow.extend(firing(graph, request, Section::Shadows));
    verdict.shadow.sort_unstable();
    verdict
}

/// The rules of a section that fire, in source order.
pub(crate) fn firing(graph: &Graph, request: &Prepared, section: Section) -> Vec<RuleId> {
    let mut found = Vec::new();
    if graph.sections & section.bit() == 0 {
        return found;
    }
    reach(graph, request, |block| {
        for part in chunks(&graph.blocks, block) {
            match part {
                Part::Small(chunk) => {
                    let rules = chunk.section(section);
                    if rules.is_empty() {
                        continue;
                    }
                    let bits = bits(graph, request, chunk);
                    let truths = if section.is_certain() { bits.certain } else { bits.possible };
                    let fires =
                        |[actions, needed, _]: &&[u32; 3]| request.is_spoken_of(*actions) && needed & !truths == 0;
                    let numbers = rules.iter().filter(fires).map(|[_, _, rule]| block.base.wrapping_add(*rule));
                    found.extend(numbers.map(RuleId));
                }
                Part::Wide(chunk) => {
                    let left = wide::left(request, chunk);
                    wide::visit(graph, request, chunk, &left, section, |_, rule| {
                        found.push(RuleId(block.base.wrapping_add(rule)));
                        true
                    });
                }
            }
        }
    });
    found.sort_unstable();
    // A rule that is filed under several keys may be reached by more than one.
    found.dedup();
    found
}

/// The first rules that fire, so far.
#[derive(Debug, Clone, Copy)]
struct Best {
    /// The number of a prohibition; those that do not hide have bit 32 set, and so come after those that do.
    prohibition: u64,
    allow: u32,
}

/// Visits the blocks that a request reaches.
#[inline]
fn reach(graph: &Graph, request: &Prepared, mut visit: impl FnMut(BlockRef)) {
    if let Some(home) = graph.resources.get(request.resource as usize) {
        visit(home.block);
    }
    match graph.principals.get(request.principal as usize) {
        Some(home) if !home.block.is_empty() => visit(home.block),
        Some(_) => {}
        None if request.nobody => visit(graph.unknown_principal),
        None => {}
    }
    if !graph.everywhere.is_empty() {
        visit(graph.everywhere);
    }
    for block in request.found() {
        visit(*block);
    }
}

/// The first rules that fire, with those of one more block.
#[inline(never)]
fn scan(graph: &Graph, request: &Prepared, block: BlockRef, mut best: Best) -> Best {
    for part in chunks(&graph.blocks, block) {
        let (hiding, prohibition, allow) = match part {
            Part::Small(chunk) => {
                let bits = bits(graph, request, chunk);
                let prohibitions = chunk.prohibitions() as usize;
                let (prohibitions, rest) = chunk.rules.split_at_checked(prohibitions).unwrap_or_default();
                let allows = rest.get(..chunk.allows() as usize).unwrap_or_default();
                let prohibition = least(prohibitions, request.action, bits.possible);
                (chunk.hiding(), prohibition, least(allows, request.action, bits.certain))
            }
            Part::Wide(chunk) => {
                let left = wide::left(request, chunk);
                let first = |section| wide::first(graph, request, chunk, &left, section);
                let prohibition = first(Section::Prohibitions);
                let allow = if prohibition.is_none() { first(Section::Allows) } else { None };
                (chunk.hiding(), prohibition, allow)
            }
        };
        if let Some((place, rule)) = prohibition {
            let rule = u64::from(block.base.wrapping_add(rule));
            best.prohibition = best.prohibition.min(u64::from(place >= hiding) << 32 | rule);
            // Those of the chunks that follow come later.
            return best;
        }
        if let Some((_, rule)) = allow {
            best.allow = best.allow.min(block.base.wrapping_add(rule));
            // Prohibitions stand before allows, so what follows has none.
            return best;
        }
    }
    best
}

/// The first of some rules that fires: its place and its number. Every rule is looked at, which is faster than to stop.
#[inline]
fn least(rules: &[[u32; 3]], action: u32, truths: u32) -> Option<(u32, u32)> {
    let mut firing = 0_u32;
    for (place, [actions, needed, _]) in (0_u32..).zip(rules) {
        let fires = (actions & action != 0) & (needed & !truths == 0);
        firing |= u32::from(fires) << (place & 31);
    }
    let place = firing.trailing_zeros();
    rules.get(place as usize).filter(|_| firing != 0).map(|[_, _, rule]| (place, *rule))
}

/// What a test comes to; none where that is not known.
pub(super) fn truth(graph: &Graph, request: &Prepared, slots: &[Slot], test: Test, operands: &[u32]) -> Option<bool> {
    let slot = slots.get(usize::from(test.slot)).copied().unwrap_or(Slot::UNKNOWN);
    let known = slot.state == State::Known;
    match test.op {
        Op::Holds => return request.holds(u32::from(test.immediate)),
        Op::Tiers if known => {
            let bounds = u64::from(test.immediate);
            return Some(slot.a >= bounds & 0xff && slot.a <= bounds >> 8);
        }
        Op::InRanges if known => {
            let ip = slot.b as u32;
            let (ranges, _) = operands.as_chunks::<2>();
            return Some(v4(slot) && ranges.iter().any(|[first, last]| *first <= ip && ip <= *last));
        }
        Op::Principal => return if request.nobody { None } else { Some(names(operands, request.principal)) },
        Op::Until if known => return Some(time(slot, operands).is_le()),
        Op::Before if known => return Some(time(slot, operands).is_lt()),
        Op::Is if known => return Some(operands.first().is_some_and(|text| slot.a == u64::from(*text))),
        Op::Resource => return Some(names(operands, request.resource)),
        Op::Opened => return opened(test.immediate, request.grant),
        // Of a set the immediate says that it is one: it has a value if it has a member.
        Op::Has => return Some(known && (test.immediate == 0 || slot.members().1 > 0)),
        Op::IsTrue
        | Op::Within
        | Op::Tiers
        | Op::InRanges
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
        | Op::HoldsOne
        | Op::Code => {}
    }
    match slot.state {
        State::Unknown => None,
        State::None => absent(graph, request, slot, test, operands),
        State::Known => rare(graph, request, slot, test, operands),
    }
}

/// What a test comes to where there is no value.
#[cold]
fn absent(graph: &Graph, request: &Prepared, slot: Slot, test: Test, operands: &[u32]) -> Option<bool> {
    if test.op == Op::CompareResource {
        return pair(graph, request, slot, test, operands);
    }
    if test.op.is_pair() {
        return (request.slot(test.immediate).state != State::Unknown).then_some(false);
    }
    (test.flags & NONE_IS_UNKNOWN == 0).then_some(false)
}

/// Whether the one operand is this number; [`NONE`] is no number.
#[inline]
fn names(operands: &[u32], number: u32) -> bool {
    number != NONE && operands.first() == Some(&number)
}

/// What one of the less frequent tests of a known value comes to.
fn rare(graph: &Graph, request: &Prepared, slot: Slot, test: Test, operands: &[u32]) -> Option<bool> {
    let first = operands.first().copied().unwrap_or_default();
    let number = slot.a.cast_signed();
    Some(match test.op {
        Op::IsTrue => slot.a == 1,
        Op::Within => {
            let [a, b, c, d] = operands else { return None };
            joined(*a, *b).cast_signed() <= number && number <= joined(*c, *d).cast_signed()
        }
        Op::InNets => in_nets(graph.tables.listed(first), slot),
        Op::OneOf => graph.tables.listed(first).binary_search(&(slot.a as u32)).is_ok(),
        Op::IsIp => {
            let [a, b, c, d] = operands else { return None };
            slot.a == joined(*b, *a) && slot.b == joined(*d, *c)
        }
        Op::IsTime => time(slot, operands).is_eq(),
        Op::InSpans => in_spans(graph.tables.listed(first), slot),
        Op::During => during(graph, request, slot, test, graph.tables.listed(first)),
        Op::Like => {
            let glob = graph.globs().get(first as usize)?;
            request.text(graph, slot.a as u32).is_some_and(|text| glob.is_match(text))
        }
        Op::Contains => request.set(graph, slot).contains(&first),
        Op::Overlaps => {
            let table = graph.tables.listed(first);
            request.set(graph, slot).iter().any(|member| table.binary_search(member).is_ok())
        }
        Op::HoldsOne => {
            return some(graph.tables.listed(first).iter().map(|role| request.holds(*role)));
        }
        Op::InInts => {
            let (pairs, _) = graph.tables.listed(first).as_chunks::<2>();
            pairs.binary_search_by_key(&number, |[low, high]| joined(*low, *high).cast_signed()).is_ok()
        }
        Op::CompareResource => return pair(graph, request, slot, test, operands),
        Op::ContainsValue => {
            let element = request.slot(test.immediate);
            match element.state {
                State::Unknown => return None,
                State::None => false,
                State::Known => return contains(graph, request, slot, test.slot, element.a as u32),
            }
        }
        Op::OverlapsResource => {
            let other = request.slot(test.immediate);
            match other.state {
                State::Unknown => return None,
                State::None => false,
                State::Known => return overlaps(graph, request, slot, test.slot, other),
            }
        }
        // These have been decided already.
        Op::Holds
        | Op::Principal
        | Op::Resource
        | Op::Opened
        | Op::Has
        | Op::Tiers
        | Op::InRanges
        | Op::Is
        | Op::Until
        | Op::Before
        | Op::Code => return None,
    })
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

/// A comparison of a known value with the resource's.
fn pair(graph: &Graph, request: &Prepared, left: Slot, test: Test, operands: &[u32]) -> Option<bool> {
    let right = request.slot(test.immediate);
    let [op, low, high] = operands else { return None };
    let op = *Cmp::ALL.get(*op as usize)?;
    if right.state == State::Unknown {
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

/// Whether two known sets have a member in common.
fn overlaps(graph: &Graph, request: &Prepared, set: Slot, attr: u16, other: Slot) -> Option<bool> {
    some(request.set(graph, other).iter().map(|text| contains(graph, request, set, attr, *text)))
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
