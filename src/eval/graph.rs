//! Decisions by the graph: the same as the reference evaluator's, found without visiting rules that cannot matter.

use super::{
    bits::bits,
    prepared::Prepared,
    verdict::{Outcome, Verdict},
    wide,
};
use crate::{
    check::ir::RuleId,
    compile::{
        Graph,
        block::{Part, Section, chunks},
        graph::BlockRef,
    },
};

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
