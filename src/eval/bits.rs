//! What the tests of a chunk of few rules come to, a bit for each: what decisions spend their time with.

use super::{
    prepared::{Plain, Prepared},
    truth::holds_both_ways,
};
use crate::compile::{
    Graph,
    chunk::{Chunk, Kind, MAX, Row, low},
    code::{Test, joined},
};

/// The tests of a chunk that fail, a bit for each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failing {
    /// Those that are false.
    pub(super) certainly: u32,
    /// Those that are false or unknown.
    pub(super) possibly: u32,
}

impl Failing {
    /// With some tests negated: what certainly fails does not possibly hold.
    const fn negated(self, tests: u32) -> Self {
        let Self { certainly, possibly } = self;
        Self { certainly: certainly & !tests | !possibly & tests, possibly: possibly & !tests | !certainly & tests }
    }
}

/// Makes the tests of a chunk that some of these rules need.
#[inline(always)]
pub(super) fn failing(graph: &Graph, request: &Prepared, chunk: Chunk<'_>, rules: &[Row]) -> Failing {
    match chunk.simple() {
        Some((who, place)) if !request.plain.doubts(graph.kinds) => {
            let failing = simple(&request.plain, who, place) ^ chunk.negated();
            Failing { certainly: failing, possibly: failing }
        }
        _ => any(graph, request, chunk, rules),
    }
}

/// Makes the tests of a simple chunk as if all were known, without their negations.
#[inline(always)]
fn simple(plain: &Plain, who: &[u32; 4], place: Option<&[u32; 14]>) -> u32 {
    let [four_roles, two_tiers, a, b] = who;
    let bits = roles(!plain.held, *four_roles) | tiers(plain, *two_tiers) << 4 | names(plain, &[*a, *b]) << 6;
    let Some(place) = place else { return bits };
    let [a, b, c, d, four_ranges @ ..] = place;
    bits | instants(plain, &[*a, *b, *c, *d]) << 8 | addresses(plain, four_ranges) << 10
}

#[inline(always)]
fn roles(lacked: u64, group: u32) -> u32 {
    let lacks = |role: u32| (lacked >> (role & 63)) as u32 & 1;
    lacks(group) | lacks(group >> 8) << 1 | lacks(group >> 16) << 2 | lacks(group >> 24) << 3
}

#[inline(always)]
fn tiers(plain: &Plain, group: u32) -> u32 {
    let is_out = |tier: u32| u32::from(tier >> 8 & 0x7f < plain.tier.wrapping_sub(tier & 0xff));
    is_out(group) | is_out(group >> 16) << 1
}

#[inline(always)]
fn names(plain: &Plain, [a, b]: &[u32; 2]) -> u32 {
    u32::from(*a != plain.principal) | u32::from(*b != plain.principal) << 1
}

#[inline(always)]
fn instants(plain: &Plain, [a, b, c, d]: &[u32; 4]) -> u32 {
    u32::from(joined(*a, *b) < plain.tick) | u32::from(joined(*c, *d) < plain.tick) << 1
}

#[inline(always)]
fn addresses(plain: &Plain, group: &[u32; 10]) -> u32 {
    let [a, b, c, d, e, f, g, h, low, high] = group;
    let is_out = |first: &u32, distance: &u32| u32::from(*distance < plain.ip.wrapping_sub(*first));
    let out = is_out(a, e) | is_out(b, f) << 1 | is_out(c, g) << 2 | is_out(d, h) << 3 | plain.out;
    (joined(*low, *high) >> (out << 2)) as u32 & 15
}

/// Makes the tests of any chunk, whatever is not known.
#[inline(never)]
fn any(graph: &Graph, request: &Prepared, chunk: Chunk<'_>, rules: &[Row]) -> Failing {
    let plain = &request.plain;
    let failing = all(plain, chunk, !plain.held);
    let made = if plain.doubts(graph.kinds) {
        let unknown = unknown(plain, chunk);
        Failing { certainly: all(plain, chunk, !plain.may) & !unknown, possibly: failing | unknown }
    } else {
        Failing { certainly: failing, possibly: failing }
    };
    let made = made.negated(chunk.negated());
    if chunk.other_tests() == 0 { made } else { others(graph, request, chunk, rules, made) }
}

/// Makes the plain tests as if all were known, without their negations.
fn all(plain: &Plain, chunk: Chunk<'_>, lacked: u64) -> u32 {
    let groups = chunk.all_groups();
    let (mut bits, mut place) = (0_u32, 0_u32);
    let mut put = |group: u32, places: u32| {
        bits |= group.wrapping_shl(place);
        place = place.wrapping_add(places);
    };
    groups.roles.iter().for_each(|group| put(roles(lacked, *group), 4));
    groups.tiers.iter().for_each(|group| put(tiers(plain, *group), 2));
    groups.names.iter().for_each(|group| put(names(plain, group), 2));
    groups.instants.iter().for_each(|group| put(instants(plain, group), 2));
    groups.addresses.iter().for_each(|group| put(addresses(plain, group), 4));
    bits
}

/// The plain tests that ask for something which is not known; those of roles tell themselves.
fn unknown(plain: &Plain, chunk: Chunk<'_>) -> u32 {
    let kinds = [Kind::Names, Kind::Instants, Kind::Addresses].into_iter().filter(|kind| plain.doubts(kind.bit()));
    let tiers = match (plain.doubts(Kind::Tiers.bit()), plain.has_no_tier()) {
        (true, true) => chunk.tiers_that_want_one(),
        (true, false) => chunk.bits_of(Kind::Tiers),
        (false, _) => 0,
    };
    kinds.fold(tiers, |bits, kind| bits | chunk.bits_of(kind))
}

/// Makes the tests that are not plain and that some rule depends on.
fn others(graph: &Graph, request: &Prepared, chunk: Chunk<'_>, rules: &[Row], mut failing: Failing) -> Failing {
    let may_fire = |[actions, needed]: &&Row| {
        request.is_spoken_of(*actions) && needed & failing.certainly & low(chunk.plain_bits()) == 0
    };
    let wanted = rules.iter().filter(may_fire).fold(0, |wanted, [_, needed]| wanted | needed);
    let mut words = chunk.others();
    for place in chunk.plain_bits()..MAX {
        let [head, tail, rest @ ..] = words else { break };
        // Code is read from a set that was checked.
        let Some(test) = Test::read(*head, *tail) else { break };
        let Some((operands, rest)) = rest.split_at_checked(test.operands) else { break };
        words = rest;
        let bit = 1 << place;
        if wanted & bit != 0 {
            let (certainly, possibly) = holds_both_ways(graph, request, test, operands);
            failing.certainly |= if possibly { 0 } else { bit };
            failing.possibly |= if certainly { 0 } else { bit };
        }
    }
    failing
}
