//! Whether what was read is a compiled set: every number that leads somewhere leads to what it should.

use super::Fault;
use crate::{
    check::vocabulary::Vocabulary,
    compile::{
        Graph,
        block::{self, Part, Section},
        code::{FAIL, Op, Test},
        declare::{FIXED, form},
        graph::{BlockRef, EntityPattern, Home, NONE, Slot, UNREAD},
        names::Names,
    },
};
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator, ParallelSliceMut};
use std::ops::Range;

/// Looks through a set, and notes what kinds of rules and tests its blocks have.
///
/// # Errors
/// What is wrong with it.
pub(super) fn validate(graph: &mut Graph, vocabulary: &Vocabulary) -> Result<(), Fault> {
    let need = |is_sound: Option<()>, what| is_sound.ok_or(Fault::Damaged(what));
    need(slots(graph, vocabulary), "its table of attributes is not one")?;
    need(declarations(graph, vocabulary), "its declarations are none")?;
    let (numbers, references) = rayon::join(|| graph.heads.check(vocabulary.attributes.len()), || references(graph));
    let numbers = numbers.ok_or(Fault::Damaged("what its rules say is not to be read"))?;
    let references = references.ok_or(Fault::Damaged("its index leads nowhere"))?;
    let blocks: Vec<&[BlockRef]> = references.chunk_by(|a, b| a.at == b.at).collect();
    let contents = |of: &&[BlockRef]| contents(graph, of, &numbers);
    let contents = blocks.par_iter().map(contents).try_reduce(Contents::default, |a, b| Some(a.and(b)));
    let contents = contents.ok_or(Fault::Damaged("its rules are not to be read"))?;
    (graph.sections, graph.kinds) = (contents.sections, contents.kinds);
    Ok(())
}

/// What blocks have.
#[derive(Debug, Clone, Copy, Default)]
struct Contents {
    /// The sections of rules, as bits.
    sections: u32,
    /// The kinds of plain tests, as bits.
    kinds: u32,
}

impl Contents {
    const fn and(self, other: Self) -> Self {
        Self { sections: self.sections | other.sections, kinds: self.kinds | other.kinds }
    }
}

/// Attributes, roles and defaults.
fn slots(graph: &Graph, vocabulary: &Vocabulary) -> Option<()> {
    let attributes = &vocabulary.attributes;
    let count = graph.slots.len();
    let mut sound = count < usize::from(UNREAD)
        && graph.blank.len() == count
        && graph.of_principal <= count
        && graph.slot_of.len() == attributes.len()
        && graph.roles.len() == vocabulary.roles.len()
        && graph.closures.len() == graph.roles.len().checked_mul(graph.role_words)?
        && graph.roles.iter().all(|text| graph.tables.texts.tag(*text).is_some());
    for (read, place) in graph.slots.iter().zip(0_u16..) {
        sound &= graph.slot_of.get(read.attr.0 as usize) == Some(&place);
        let row = (read.attr.0 as usize) < attributes.len();
        sound &= row && attributes[read.attr].owner == read.owner && form(&attributes[read.attr].ty) == read.form;
    }
    sound &= graph.slot_of.iter().all(|slot| *slot == UNREAD || usize::from(*slot) < count);
    let defaults = [graph.default_tier, graph.default_ip, graph.default_time, graph.default_org];
    let reads = graph.slots.iter().map(|read| read.default);
    sound &= reads.chain(graph.blank.iter().copied()).chain(defaults).all(|slot| is_pooled(graph, slot));
    sound &= held(graph, graph.default_roles);
    sound.then_some(())
}

/// Whether what a slot says of the pool is there.
fn is_pooled(graph: &Graph, slot: Slot) -> bool {
    let (start, count) = slot.members();
    !slot.is_static() || start.checked_add(count).is_some_and(|end| end <= graph.tables.pool.len())
}

/// Whether the roles of a slot are some.
fn held(graph: &Graph, slot: Slot) -> bool {
    let (start, count) = slot.members();
    let words = start.checked_add(count).and_then(|end| graph.tables.pool.get(start..end));
    let is_role = |[role, _]: &[u32; 2]| (*role as usize) < graph.roles.len();
    !slot.is_static() || words.is_some_and(|words| words.as_chunks().0.iter().all(is_role))
}

/// What is declared by name and by pattern.
fn declarations(graph: &Graph, vocabulary: &Vocabulary) -> Option<()> {
    let tables = &graph.tables;
    let is_row = |row: &[u32; FIXED]| ((row[0] & 0xffff) as usize) < vocabulary.attributes.len() && row[0] >> 16 <= 2;
    let is_entity = |at: u32| {
        let row = graph.entities.get(at as usize..).and_then(<[u32]>::split_first);
        let rows = row.and_then(|(count, rest)| rest.as_chunks::<FIXED>().0.get(..*count as usize));
        at == NONE || rows.is_some_and(|rows| rows.iter().all(is_row))
    };
    let is_pattern = |list: &[EntityPattern]| {
        list.iter().all(|pattern| {
            tables.texts.tag(pattern.kind).is_some()
                && (pattern.glob as usize) < tables.globs.len()
                && is_entity(pattern.entity)
        })
    };
    let homes = |names: &Names<Home>| names.homes().all(|home| is_entity(home.entity));
    let sound = is_pattern(&graph.principal_patterns)
        && is_pattern(&graph.resource_patterns)
        && graph.patterns.len() == tables.globs.len()
        && homes(&tables.principals)
        && homes(&tables.resources);
    sound.then_some(())
}

/// All that leads to blocks.
fn references(graph: &Graph) -> Option<Vec<BlockRef>> {
    let tables = &graph.tables;
    let mut references = vec![graph.everywhere, graph.unknown_principal];
    references.extend(&graph.patterns);
    for index in [&graph.tags, &graph.principal_orgs, &graph.resource_orgs] {
        index.known.iter().all(|(text, _)| tables.texts.tag(*text).is_some()).then_some(())?;
        references.extend(index.known.iter().map(|(_, block)| *block));
        references.push(index.unknown);
    }
    let mut lists: Vec<u32> = Vec::new();
    for home in tables.principals.homes().chain(tables.resources.homes()) {
        references.push(home.block);
        lists.push(home.patterns);
    }
    lists.sort_unstable();
    lists.dedup();
    for at in lists.into_iter().filter(|at| *at != 0) {
        let listed = graph.listed(at);
        (graph.lists.get(at as usize).copied()? as usize).checked_mul(2).filter(|words| *words == listed.len())?;
        references.extend(listed.as_chunks().0.iter().map(|[at, base]| BlockRef { at: *at, base: *base }));
    }
    references.retain(|block| !block.is_empty());
    references.par_sort_unstable();
    references.dedup();
    Some(references)
}

/// What a block has, which is spoken of with several numbers to count from; nothing if it is none, or its rules have numbers
/// that no rule has.
fn contents(graph: &Graph, of: &[BlockRef], all: &[Range<u32>]) -> Option<Contents> {
    let mut contents = Contents::default();
    for part in block::checked_parts(&graph.blocks, *of.first()?)? {
        let sound = match part? {
            Part::Few(chunk) => {
                contents = contents.and(Contents { sections: chunk.has(), kinds: chunk.kinds() });
                tests(graph, chunk.others(), Some(chunk.other_tests()), false) && are_rules(of, all, chunk.numbers())
            }
            Part::Many(chunk) => {
                let rules = (0..).map_while(|place| chunk.rule(place));
                let has = Section::ALL.into_iter().filter(|section| !chunk.section(*section).is_empty());
                contents.sections |= has.fold(0, |bits, section| bits | section.bit());
                rules.clone().all(|rule| tests(graph, rule.code, None, false))
                    && are_rules(of, all, rules.map(|rule| rule.number))
            }
        };
        sound.then_some(())?;
    }
    Some(contents)
}

/// Whether rules have these numbers, counted from wherever a block is spoken of.
fn are_rules(of: &[BlockRef], all: &[Range<u32>], numbers: impl Iterator<Item = u32> + Clone) -> bool {
    let (least, most) =
        numbers.clone().fold((u32::MAX, 0), |(least, most), number| (least.min(number), most.max(number)));
    of.iter().all(|block| {
        let number = |number: &u32| block.base.checked_add(*number);
        // Most blocks have rules of one file only.
        let file = number(&least).and_then(|least| file_of(all, least));
        let is_one = file.zip(number(&most)).is_some_and(|(file, most)| file.contains(&most));
        is_one || numbers.clone().all(|it| number(&it).and_then(|number| file_of(all, number)).is_some())
    })
}

/// The numbers of the file that a rule is in; files are in order.
fn file_of(all: &[Range<u32>], number: u32) -> Option<&Range<u32>> {
    let behind = all.partition_point(|range| range.start <= number);
    all.get(behind.checked_sub(1)?).filter(|range| range.contains(&number))
}

/// Whether words are tests: so many, or as many as there are words. Inside other code there is none with code of its own.
fn tests(graph: &Graph, mut words: &[u32], count: Option<u32>, is_inside: bool) -> bool {
    for place in 0_u32.. {
        if count.map_or(words.is_empty(), |count| place >= count) {
            return true;
        }
        let [head, tail, rest @ ..] = words else { return false };
        let Some(test) = Test::read(*head, *tail) else { return false };
        let Some((operands, rest)) = rest.split_at_checked(test.operands) else { return false };
        words = rest;
        let jumps = test.skip == FAIL || !is_inside || usize::from(test.skip) <= words.len();
        if !jumps || !test_is_sound(graph, test, operands, is_inside) {
            return false;
        }
    }
    false
}

/// Whether all that a test speaks of is there.
fn test_is_sound(graph: &Graph, test: Test, operands: &[u32], is_inside: bool) -> bool {
    let slot = |slot: u16| usize::from(slot) < graph.slots.len();
    let reads = !test.op.reads() || slot(test.slot);
    let pair = !test.op.is_pair() || slot(test.immediate);
    let first = operands.first().copied();
    let is_table = |at: &u32| {
        let row = graph.tables.pool.get(*at as usize..).and_then(<[u32]>::split_first);
        row.is_some_and(|(length, rest)| *length as usize <= rest.len())
    };
    let of_length = |length: usize| operands.len() == length;
    let sound = match test.op {
        Op::Holds => usize::from(test.immediate) < graph.roles.len(),
        Op::Principal | Op::Resource | Op::Is | Op::Contains => of_length(1),
        Op::IsTrue | Op::Has | Op::Tiers | Op::Opened | Op::ContainsValue | Op::OverlapsResource => of_length(0),
        Op::Within | Op::IsIp => of_length(4),
        Op::Until | Op::Before | Op::IsTime | Op::CompareResource => of_length(3),
        Op::NotAfter => of_length(2),
        Op::InRanges => of_length(usize::from(test.immediate).saturating_mul(2)),
        Op::InNets | Op::OneOf | Op::InSpans | Op::Overlaps | Op::InInts | Op::HoldsOne => {
            of_length(1) && first.as_ref().is_some_and(is_table)
        }
        Op::During => {
            of_length(1)
                && first.as_ref().is_some_and(is_table)
                && usize::from(test.immediate) < graph.tables.zones.len()
        }
        Op::Like => of_length(1) && first.is_some_and(|glob| (glob as usize) < graph.tables.globs.len()),
        Op::Code => !is_inside && tests(graph, operands, None, true),
    };
    reads && pair && sound
}
