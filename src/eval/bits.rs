//! What the tests of a chunk come to, a bit for each: the loop that decisions spend their time in.

use super::{prepared::Prepared, truth::truth};
use crate::compile::{
    Graph,
    block::Chunk,
    code::{FAIL, JUMP, NEGATED, Op, Test, joined},
    graph::{NONE, Slot, State},
};

/// What the tests of a chunk come to, a bit for each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bits {
    /// Those that are true.
    pub(super) certain: u32,
    /// Those that are true or unknown.
    pub(super) possible: u32,
}

const HOLDS: u32 = Op::Holds as u32;
const PRINCIPAL: u32 = Op::Principal as u32;
const TIERS: u32 = Op::Tiers as u32;
const IN_RANGES: u32 = Op::InRanges as u32;
const IS: u32 = Op::Is as u32;
const IS_TRUE: u32 = Op::IsTrue as u32;
const UNTIL: u32 = Op::Until as u32;
const BEFORE: u32 = Op::Before as u32;
const WITHIN: u32 = Op::Within as u32;

/// Makes the tests of a chunk.
#[inline]
pub(super) fn bits(graph: &Graph, request: &Prepared, chunk: Chunk<'_>) -> Bits {
    let slots = request.slots.as_slice();
    let mut bits = Bits { certain: 0, possible: 0 };
    let mut words = chunk.tests;
    for place in 0..chunk.quick() {
        let [head, tail, rest @ ..] = words else { break };
        let Some((operands, rest)) = rest.split_at_checked((head >> 12 & 15) as usize) else { break };
        words = rest;
        let (certain, possible) = quick(graph, request, slots, *head, *tail, operands);
        bits.certain |= certain.wrapping_shl(place);
        bits.possible |= possible.wrapping_shl(place);
    }
    if words.is_empty() { bits } else { slow(graph, request, chunk, words, bits) }
}

/// Whether a test is certainly true, and whether it is possibly: as 0 or 1.
#[inline]
fn quick(graph: &Graph, request: &Prepared, slots: &[Slot], head: u32, tail: u32, operands: &[u32]) -> (u32, u32) {
    let negated = head >> 8 & 1;
    let value = match (head & 0xff, slots.get((head >> 16) as usize)) {
        (HOLDS, _) => {
            let (certain, possible) = request.role(tail >> 16);
            // What is certainly so is not possibly otherwise.
            return if negated == 0 { (certain, possible) } else { (possible ^ 1, certain ^ 1) };
        }
        (PRINCIPAL, _) if !request.nobody => request.principal != NONE && operands.first() == Some(&request.principal),
        (TIERS, Some(Slot { state: State::Known, a, .. })) => {
            let bounds = u64::from(tail >> 16);
            (*a >= bounds & 0xff) & (*a <= bounds >> 8)
        }
        (IN_RANGES, Some(Slot { state: State::Known, a: 0, b })) if b >> 32 == 0xffff => {
            let ip = *b as u32;
            let (ranges, _) = operands.as_chunks::<2>();
            ranges.iter().fold(false, |inside, [first, last]| inside | (*first <= ip) & (ip <= *last))
        }
        (IS, Some(Slot { state: State::Known, a, .. })) => operands.first().is_some_and(|text| *a == u64::from(*text)),
        (IS_TRUE, Some(Slot { state: State::Known, a, .. })) => *a == 1,
        (WITHIN, Some(Slot { state: State::Known, a, .. })) => {
            let [b, c, d, e] = operands else { return (0, 1) };
            let number = a.cast_signed();
            (joined(*b, *c).cast_signed() <= number) & (number <= joined(*d, *e).cast_signed())
        }
        (op @ (UNTIL | BEFORE), Some(Slot { state: State::Known, a, b })) => {
            let [low, high, nanos] = operands else { return (0, 1) };
            let (seconds, limit) = (a.cast_signed(), joined(*low, *high).cast_signed());
            let nanos = u64::from(*nanos);
            let same = seconds == limit;
            (seconds < limit) | same & if op == UNTIL { *b <= nanos } else { *b < nanos }
        }
        _ => return other(graph, request, slots, head, tail, operands),
    };
    let value = u32::from(value) ^ negated;
    (value, value)
}

/// Any test.
#[inline(never)]
fn other(graph: &Graph, request: &Prepared, slots: &[Slot], head: u32, tail: u32, operands: &[u32]) -> (u32, u32) {
    // Code is read from a set that was checked; were it not, nothing would be certain and all possible.
    let Some(test) = Test::read(head, tail) else { return (0, 1) };
    let negated = test.flags & NEGATED != 0;
    let truth = truth(graph, request, slots, test, operands);
    (u32::from(truth == Some(!negated)), u32::from(truth != Some(negated)))
}

/// Makes the slow tests that some rule depends on.
#[inline(never)]
fn slow(graph: &Graph, request: &Prepared, chunk: Chunk<'_>, mut words: &[u32], mut bits: Bits) -> Bits {
    let slots = request.slots.as_slice();
    let made = 1_u32.wrapping_shl(chunk.quick()).wrapping_sub(1);
    let may_fire =
        |[actions, needed, _]: &&[u32; 3]| request.is_spoken_of(*actions) && needed & made & !bits.possible == 0;
    let wanted = chunk.rules.iter().filter(may_fire).fold(0, |wanted, [_, needed, _]| wanted | needed);
    for place in chunk.quick()..32 {
        let [head, tail, rest @ ..] = words else { break };
        let Some(test) = Test::read(*head, *tail) else { break };
        let Some((operands, rest)) = rest.split_at_checked(test.operands) else { break };
        words = rest;
        if wanted >> place & 1 == 0 {
            continue;
        }
        let (certain, possible) = if test.op == Op::Code {
            let holds = |possible| u32::from(holds(graph, request, slots, operands, possible));
            (holds(false), holds(true))
        } else {
            other(graph, request, slots, *head, *tail, operands)
        };
        bits.certain |= certain << place;
        bits.possible |= possible << place;
    }
    bits
}

/// Whether all tests of a rule hold: certainly, or possibly.
pub(super) fn fires(graph: &Graph, request: &Prepared, mut code: &[u32], possible: bool) -> bool {
    let slots = request.slots.as_slice();
    while let [head, tail, rest @ ..] = code {
        let Some(test) = Test::read(*head, *tail) else { return possible };
        let Some((operands, rest)) = rest.split_at_checked(test.operands) else { return possible };
        code = rest;
        let holds = if test.op == Op::Code {
            holds(graph, request, slots, operands, possible)
        } else {
            let (certain, maybe) = quick(graph, request, slots, *head, *tail, operands);
            if possible { maybe == 1 } else { certain == 1 }
        };
        if !holds {
            return false;
        }
    }
    true
}

/// Whether code holds: certainly, or possibly.
fn holds(graph: &Graph, request: &Prepared, slots: &[Slot], mut code: &[u32], possible: bool) -> bool {
    while let [head, tail, rest @ ..] = code {
        let Some(test) = Test::read(*head, *tail) else { return possible };
        let Some((operands, rest)) = rest.split_at_checked(test.operands) else { return possible };
        code = rest;
        let (certain, maybe) = other(graph, request, slots, *head, *tail, operands);
        let result = if possible { maybe == 1 } else { certain == 1 };
        if result == (test.flags & JUMP != 0) {
            if test.skip == FAIL {
                return false;
            }
            let Some(target) = code.get(usize::from(test.skip)..) else { return possible };
            code = target;
        }
    }
    true
}
