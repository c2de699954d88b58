//! Decisions by the graph: the same as the reference evaluator's, found without visiting rules that cannot matter.

use super::{
    bits::failing,
    prepared::Prepared,
    verdict::{Outcome, Verdict},
    wide,
};
use crate::{
    check::ir::RuleId,
    compile::{
        Graph,
        block::{Part, Section, fetch, is_few, parts, words},
        chunk::{Chunk, Row},
        graph::BlockRef,
        wide::Wide,
    },
};

/// Allow or deny, and by which rule.
#[must_use]
pub(crate) fn decide(graph: &Graph, request: &Prepared) -> Outcome {
    let plain = &request.plain;
    if plain.action == 0 {
        return Outcome::UnknownAction;
    }
    let of_resource = plain.of_resource;
    let mut first = if of_resource.is_empty() { First::NOTHING } else { scan(graph, request, of_resource) };
    // Most requests reach no other rules.
    if !plain.of_principal.is_empty() || !graph.everywhere.is_empty() || !request.found().is_empty() {
        reach_others(graph, request, |block| first = first.min(first_of_parts(graph, request, block)));
    }
    first.outcome()
}

/// Has the block fetched that a request most likely needs.
#[inline]
pub(crate) fn foresee(graph: &Graph, request: &Prepared) {
    fetch(&graph.blocks, request.plain.of_resource);
}

/// The first rule that fires, by its rank and number: a number, so that of two the first is the lesser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct First(u64);

/// The ranks of rules: prohibitions that hide, other prohibitions, allows.
const HIDING: u64 = 0;
const PROHIBITION: u64 = 1;
const ALLOW: u64 = 2;

impl First {
    /// None fires.
    const NOTHING: Self = Self(u64::MAX);

    /// A rule.
    #[inline]
    fn new(rank: u64, rule: u32) -> Self {
        Self(rank << 32 | u64::from(rule))
    }

    #[inline]
    fn outcome(self) -> Outcome {
        let rule = RuleId(self.0 as u32);
        match self.0 >> 32 {
            HIDING | PROHIBITION => Outcome::Deny(rule),
            ALLOW => Outcome::Allow(rule),
            _ => Outcome::NoRule,
        }
    }
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
        for part in parts(&graph.blocks, block) {
            match part {
                Part::Few(chunk) => {
                    let (first, rules) = chunk.section(section);
                    let failing = failing(graph, request, chunk, rules);
                    let failing = if section.is_certain() { failing.possibly } else { failing.certainly };
                    let fires = |[actions, needed]: &Row| request.is_spoken_of(*actions) && needed & failing == 0;
                    let firing = (first..).zip(rules).filter(|(_, rule)| fires(rule));
                    found.extend(firing.map(|(place, _)| RuleId(block.base.wrapping_add(chunk.number(place)))));
                }
                Part::Many(chunk) => {
                    let left = wide::left(graph, request, chunk);
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

/// Visits the blocks that a request reaches.
fn reach(graph: &Graph, request: &Prepared, mut visit: impl FnMut(BlockRef)) {
    visit(request.plain.of_resource);
    reach_others(graph, request, visit);
}

/// Visits the blocks that a request reaches otherwise than by the resource's name.
#[inline]
fn reach_others(graph: &Graph, request: &Prepared, mut visit: impl FnMut(BlockRef)) {
    for block in [request.plain.of_principal, graph.everywhere].iter().chain(request.found()) {
        if !block.is_empty() {
            visit(*block);
        }
    }
}

/// The first rule of a block that fires.
#[inline(always)]
fn scan(graph: &Graph, request: &Prepared, block: BlockRef) -> First {
    let Some(words) = words(&graph.blocks, block) else { return First::NOTHING };
    // Nearly all blocks are one chunk of few rules.
    match (words.first(), Chunk::read(words)) {
        (Some(head), Some(chunk)) if is_few(*head) => first_of_few(graph, request, chunk, block.base),
        _ => first_of_parts(graph, request, block),
    }
}

/// The first rule of a block that fires, whatever its chunks are.
#[inline(never)]
fn first_of_parts(graph: &Graph, request: &Prepared, block: BlockRef) -> First {
    let firsts = parts(&graph.blocks, block).map(|part| match part {
        Part::Few(chunk) => first_of_few(graph, request, chunk, block.base),
        Part::Many(chunk) => first_of_many(graph, request, chunk, block.base),
    });
    // Those of the chunks that follow come later.
    firsts.into_iter().find(|first| *first != First::NOTHING).unwrap_or(First::NOTHING)
}

/// The first rule of a chunk that fires.
#[inline(always)]
fn first_of_few(graph: &Graph, request: &Prepared, chunk: Chunk<'_>, base: u32) -> First {
    let rules = chunk.deciding();
    let failing = failing(graph, request, chunk, rules);
    let (prohibitions, allows) = rules.split_at_checked(chunk.prohibitions() as usize).unwrap_or_default();
    let fires = |[actions, needed]: &Row, failing: u32| needed & failing | request.plain.action & !actions == 0;
    let (rank, place) = match prohibitions.iter().position(|rule| fires(rule, failing.certainly)) {
        Some(place) => (if (place as u32) < chunk.hiding() { HIDING } else { PROHIBITION }, place),
        None => match allows.iter().position(|rule| fires(rule, failing.possibly)) {
            Some(place) => (ALLOW, place.wrapping_add(prohibitions.len())),
            None => return First::NOTHING,
        },
    };
    First::new(rank, base.wrapping_add(chunk.number(place as u32)))
}

/// The first rule of a chunk of many that fires.
#[inline(never)]
fn first_of_many(graph: &Graph, request: &Prepared, chunk: Wide<'_>, base: u32) -> First {
    let left = wide::left(graph, request, chunk);
    let mut first = First::NOTHING;
    wide::visit(graph, request, chunk, &left, Section::Prohibitions, |place, rule| {
        first = First::new(if place < chunk.hiding() { HIDING } else { PROHIBITION }, base.wrapping_add(rule));
        false
    });
    if first == First::NOTHING {
        wide::visit(graph, request, chunk, &left, Section::Allows, |_, rule| {
            first = First::new(ALLOW, base.wrapping_add(rule));
            false
        });
    }
    first
}
