//! Many rules at once: the few that a request's values leave, and of these those that fire.

use super::{bits::fires, prepared::Prepared};
use crate::compile::{
    Graph,
    block::Section,
    graph::{Slot, State},
    wide::{Cut, MAX_WORDS, Wide, ordered},
};

/// The rules that are left, a bit for each.
type Left = [u32; MAX_WORDS];

/// The first rule of a section that fires: its place, and its number less the block's base.
pub(super) fn first(
    graph: &Graph,
    request: &Prepared,
    chunk: Wide<'_>,
    left: &Left,
    section: Section,
) -> Option<(u32, u32)> {
    let mut found = None;
    visit(graph, request, chunk, left, section, |place, rule| {
        found = Some((place, rule));
        false
    });
    found
}

/// Visits the rules of a section that fire, in order, as long as `more` says so.
pub(super) fn visit(
    graph: &Graph,
    request: &Prepared,
    chunk: Wide<'_>,
    left: &Left,
    section: Section,
    mut more: impl FnMut(u32, u32) -> bool,
) {
    let places = chunk.section(section);
    let words = left.iter().take(chunk.words()).enumerate();
    for (index, word) in words.skip(places.start >> 5) {
        let first = index << 5;
        if first >= places.end {
            return;
        }
        let mut word = *word;
        while word != 0 {
            let place = first | word.trailing_zeros() as usize;
            word &= word.wrapping_sub(1);
            if place < places.start {
                continue;
            }
            if place >= places.end {
                return;
            }
            let Some((actions, code, rule)) = chunk.rule(place) else { return };
            if request.is_spoken_of(actions)
                && fires(graph, request, code, !section.is_certain())
                && !more(place as u32, rule)
            {
                return;
            }
        }
    }
}

/// The rules that a request's values leave.
#[inline(never)]
pub(super) fn left(request: &Prepared, chunk: Wide<'_>) -> Left {
    let mut left = [u32::MAX; MAX_WORDS];
    let words = chunk.words();
    for [head, at, values, unknown] in chunk.cuts() {
        let table = chunk.from(*at);
        let values = *values as usize;
        match Cut::of(head & 0xff) {
            // Of an action that the vocabulary does not know all rules are looked at.
            Some(Cut::Actions) => {
                if let Some(vector) =
                    table.get(request.action.trailing_zeros() as usize).filter(|_| request.action != 0)
                {
                    meet(&mut left, chunk, *vector, words);
                }
            }
            Some(Cut::Roles) => roles(&mut left, request, chunk, table, values, words),
            Some(cut @ (Cut::Texts | Cut::Numbers | Cut::Addresses)) => {
                let slot = request.slot((head >> 16) as u16);
                if slot.state != State::Known {
                    meet(&mut left, chunk, *unknown, words);
                } else if cut == Cut::Texts {
                    texts(&mut left, chunk, slot, table, values, words);
                } else if let Some(vector) = class(cut, slot, table, values) {
                    meet(&mut left, chunk, vector, words);
                }
            }
            // Read from a set that was checked; were it not, all would be left.
            None => {}
        }
    }
    left
}

/// Leaves what a vector leaves.
#[inline]
fn meet(left: &mut Left, chunk: Wide<'_>, vector: u32, words: usize) {
    for (left, word) in left.iter_mut().zip(chunk.from(vector)).take(words) {
        *left &= word;
    }
}

/// Leaves rules that want no role, and those that want one which the principal may hold.
#[inline]
fn roles(left: &mut Left, request: &Prepared, chunk: Wide<'_>, table: &[u32], values: usize, words: usize) {
    let [none, rest @ ..] = table else { return };
    let mut union = [0_u32; MAX_WORDS];
    for (word, bits) in union.iter_mut().zip(chunk.from(*none)).take(words) {
        *word = *bits;
    }
    for [role, vector] in rest.as_chunks::<2>().0.iter().take(values) {
        if request.role(*role).1 == 1 {
            for (word, bits) in union.iter_mut().zip(chunk.from(*vector)).take(words) {
                *word |= bits;
            }
        }
    }
    for (left, word) in left.iter_mut().zip(union).take(words) {
        *left &= word;
    }
}

/// Leaves rules that want no text, and those that want this one.
#[inline]
fn texts(left: &mut Left, chunk: Wide<'_>, slot: Slot, table: &[u32], values: usize, words: usize) {
    let [others, rest @ ..] = table else { return };
    let Some((keys, rest)) = rest.split_at_checked(values) else { return };
    let Some((ends, list)) = rest.split_at_checked(values.wrapping_add(1)) else { return };
    let mut union = [0_u32; MAX_WORDS];
    for (word, bits) in union.iter_mut().zip(chunk.from(*others)).take(words) {
        *word = *bits;
    }
    let text = u32::try_from(slot.a).unwrap_or(u32::MAX);
    if let Ok(key) = keys.binary_search(&text)
        && let Some([start, end]) = ends.get(key..).and_then(|ends| ends.first_chunk::<2>())
    {
        for place in list.get(*start as usize..*end as usize).unwrap_or_default() {
            if let Some(word) = union.get_mut((place >> 5) as usize) {
                *word |= 1_u32.wrapping_shl(*place);
            }
        }
    }
    for (left, word) in left.iter_mut().zip(union).take(words) {
        *left &= word;
    }
}

/// The vector of the class that a value is in.
#[inline]
fn class(cut: Cut, slot: Slot, table: &[u32], values: usize) -> Option<u32> {
    if cut == Cut::Addresses {
        // Of IPv6 addresses nothing is known here.
        let ip = (slot.a == 0 && slot.b >> 32 == 0xffff).then_some(slot.b as u32)?;
        let (starts, vectors) = table.split_at_checked(values)?;
        return vectors.get(starts.partition_point(|start| *start <= ip)).copied();
    }
    let number = ordered(slot.a.cast_signed());
    let (starts, vectors) = table.split_at_checked(values.wrapping_mul(2))?;
    let starts = starts.as_chunks::<2>().0;
    let start = |[low, high]: &[u32; 2]| u64::from(*low) | u64::from(*high) << 32;
    vectors.get(starts.partition_point(|words| start(words) <= number)).copied()
}
