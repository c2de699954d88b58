//! Many rules at once: the few that a request's values leave, and of these those that fire.

use super::{
    prepared::Prepared,
    truth::{all_hold, minute_of},
};
use crate::compile::{
    Graph,
    block::Section,
    chunk::Kind as Plain,
    code::ordered,
    graph::{State, UNREAD},
    wide::{Cut, Kind, QUADS, Wide},
};

/// The bits of rules, by quads.
pub(super) type Vector = [[u32; 4]; QUADS];

/// Visits the rules of a section that fire, in order, as long as `more` says so: it is given their places, and their numbers
/// less the block's base.
pub(super) fn visit(
    graph: &Graph,
    request: &Prepared,
    chunk: Wide<'_>,
    left: &Vector,
    section: Section,
    mut more: impl FnMut(u32, u32) -> bool,
) {
    let places = chunk.section(section);
    let words = left.as_flattened().as_chunks::<2>().0;
    let words = (0..).step_by(64).zip(words).skip((places.start >> 6) as usize);
    for (first, [low, high]) in words.take_while(|(first, _)| *first < places.end) {
        let mut word = u64::from(*low) | u64::from(*high) << 32;
        while word != 0 {
            let place = first | word.trailing_zeros();
            word &= word.wrapping_sub(1);
            if !places.contains(&place) {
                continue;
            }
            let Some(rule) = chunk.rule(place) else { return };
            if request.is_spoken_of(rule.actions)
                && (rule.open.is_empty() || all_hold(graph, request, rule.open, !section.is_certain()))
                && !more(place, rule.number)
            {
                return;
            }
        }
    }
}

/// The rules that a request's values leave.
pub(super) fn left(graph: &Graph, request: &Prepared, chunk: Wide<'_>) -> Vector {
    let mut left = [[0; 4]; QUADS];
    let quads = chunk.quads().min(QUADS);
    left.iter_mut().take(quads).for_each(|quad| *quad = [u32::MAX; 4]);
    let left_quads = left.get_mut(..quads).unwrap_or_default();
    for cut in chunk.cuts() {
        cut_by(graph, request, chunk, cut, left_quads);
    }
    left
}

/// Leaves what a cut leaves.
#[inline]
fn cut_by(graph: &Graph, request: &Prepared, chunk: Wide<'_>, cut: Cut<'_>, left: &mut [[u32; 4]]) {
    let plain = &request.plain;
    let vector = match cut.kind() {
        // Of an action that the vocabulary does not know all rules are looked at.
        Some(Kind::Actions) if plain.action == 0 => return,
        Some(Kind::Actions) => cut.at(plain.action.trailing_zeros()),
        Some(Kind::Roles) => return roles(request, chunk, cut, left),
        Some(Kind::Names) if !plain.doubts(Plain::Names.bit()) => return text(cut, plain.principal, left),
        Some(Kind::Tiers) if plain.has_no_tier() => cut.none(),
        Some(Kind::Tiers) if !plain.doubts(Plain::Tiers.bit()) => cut.class(u64::from(plain.tier)),
        Some(Kind::Instants) if !plain.doubts(Plain::Instants.bit()) => cut.class(plain.tick),
        Some(Kind::Addresses) if cut.slot() == UNREAD => {
            if plain.doubts(Plain::Addresses.bit()) {
                cut.unknown()
            } else {
                address(cut, plain.ipv4())
            }
        }
        Some(kind @ (Kind::Texts | Kind::Addresses | Kind::Minutes | Kind::Numbers)) => {
            let slot = request.slot(cut.slot());
            match (slot.state, kind) {
                (State::Unknown, _) => cut.unknown(),
                (State::None, _) => cut.none(),
                (State::Known, Kind::Texts) => return text(cut, slot.a as u32, left),
                (State::Known, Kind::Addresses) => address(cut, slot.ipv4()),
                (State::Known, Kind::Minutes) => {
                    cut.class(u64::from(minute_of(graph, request, cut.slot(), cut.zone()).unwrap_or(u32::MAX)))
                }
                (State::Known, _) => cut.class(ordered(slot.a.cast_signed())),
            }
        }
        Some(Kind::Names | Kind::Tiers | Kind::Instants) => cut.unknown(),
        // Read from a set that was checked; were it not, all would be left.
        None => return,
    };
    meet(left, vector);
}

/// The vector of an address; other ones than IPv4 addresses are in no range.
#[inline]
fn address(cut: Cut<'_>, ip: Option<u32>) -> &[u32] {
    ip.map_or_else(|| cut.none(), |ip| cut.class(u64::from(ip)))
}

/// Leaves what a vector leaves.
#[inline]
fn meet(left: &mut [[u32; 4]], vector: &[u32]) {
    for (left, quad) in left.iter_mut().zip(vector.as_chunks::<4>().0) {
        for (left, word) in left.iter_mut().zip(quad) {
            *left &= word;
        }
    }
}

/// Leaves rules that want no role, and those that want one which the principal holds; rules that do not want certainty, one
/// which it may hold.
fn roles(request: &Prepared, chunk: Wide<'_>, cut: Cut<'_>, left: &mut [[u32; 4]]) {
    let with = |may: bool, certain: Option<&[u32]>, left: &mut [[u32; 4]]| {
        let (none, of) = cut.roles();
        let mut union = [[0_u32; 4]; QUADS];
        join(&mut union, none);
        request.each_role(may, |role| join(&mut union, of(role)));
        if let Some(certain) = certain {
            let others = certain.as_chunks::<4>().0.iter().map(|quad| quad.map(|word| !word));
            for (union, others) in union.iter_mut().zip(others) {
                union.iter_mut().zip(others).for_each(|(word, others)| *word |= others);
            }
        }
        meet(left, union.as_flattened());
    };
    if request.plain.doubts(Plain::Roles.bit()) {
        with(true, None, left);
        with(false, Some(chunk.certain()), left);
    } else {
        with(false, None, left);
    }
}

/// Adds what a vector has.
#[inline]
fn join(union: &mut Vector, vector: &[u32]) {
    for (union, quad) in union.iter_mut().zip(vector.as_chunks::<4>().0) {
        for (union, word) in union.iter_mut().zip(quad) {
            *union |= word;
        }
    }
}

/// Leaves rules that want no text, and those that want this one.
fn text(cut: Cut<'_>, text: u32, left: &mut [[u32; 4]]) {
    let (others, list) = cut.text(text);
    let mut union = [[0_u32; 4]; QUADS];
    join(&mut union, others);
    for place in list {
        if let Some(word) = union.as_flattened_mut().get_mut((place >> 5) as usize) {
            *word |= 1_u32.wrapping_shl(*place);
        }
    }
    meet(left, union.as_flattened());
}
