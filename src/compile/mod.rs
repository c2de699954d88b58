//! The meaning of a policy set, ready to decide.
//!
//! In goes an [`Ir`], out comes a [`Graph`]. Pure and deterministic. The passes are files: `keys` finds what each rule is
//! filed under; `shape` puts in what is known then and pushes negations down to the tests; `encode` makes code of it, with
//! constants in `tables`; `declare` puts the vocabulary into numbers; `block` packs the rules of a key, and `wide` many of
//! them. Nothing here decides a request, and nothing here says how a decision is put into words; what shows or counts a
//! graph asks `view`.

pub(crate) mod block;
pub(crate) mod code;
pub(crate) mod declare;
mod encode;
mod flat;
pub(crate) mod graph;
pub(crate) mod heads;
mod keys;
mod names;
mod shape;
pub(crate) mod tables;
pub(crate) mod view;
pub(crate) mod wide;

pub use graph::Graph;
pub use names::TooLarge;

use crate::{
    check::{
        ir::{Cond, Effect, Ir, PartKind, Rule, RuleId},
        vocabulary::{AttrId, Vocabulary},
    },
    value::GateMode,
};
use block::{Blocks, Packed, Section};
use encode::Encoder;
use graph::{BlockRef, Home};
use heads::Heads;
use keys::Key;
use shape::{Known, Shape, shape};
use std::collections::BTreeMap;
use tables::{Tables, number};

/// What rules are filed under, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Place {
    Everywhere,
    Resource(u32),
    Principal(u32),
    Pattern(u32),
    Tag(u32),
    PrincipalOrg(u32),
    ResourceOrg(u32),
    UnknownPrincipal,
    UnknownTag,
    UnknownPrincipalOrg,
    UnknownResourceOrg,
}

/// Compiles a policy set.
///
/// # Errors
/// Where a table would grow beyond what its numbers hold.
pub fn compile(ir: &Ir) -> Result<Graph, TooLarge> {
    let mut tables = Tables::default();
    let mut filed: Vec<(Place, Packed)> = Vec::new();
    for (id, rule) in ir.rules.pairs() {
        file(&ir.vocabulary, id, rule, &mut tables, &mut filed)?;
    }
    let mut graph = Graph::default();
    let mut read = vec![false; ir.vocabulary.attributes.len()];
    for (_, rule) in &filed {
        reads(&rule.code, &mut read);
    }
    for rule in ir.rules.iter() {
        heads::told(rule, &mut |attr| note(&mut read, attr));
    }
    declare::slots(&ir.vocabulary, &read, &mut tables, &mut graph)?;
    for (_, rule) in &mut filed {
        block::renumber(&mut rule.code, &graph.slot_of);
    }
    declare::words(&ir.vocabulary, &mut tables, &mut graph)?;
    declare::entities(&ir.vocabulary, &mut tables, &mut graph)?;
    let mut places: BTreeMap<Place, Vec<&Packed>> = BTreeMap::new();
    for (place, rule) in &filed {
        places.entry(*place).or_default().push(rule);
    }
    let mut blocks = Blocks::new();
    let mut refs: BTreeMap<Place, BlockRef> = BTreeMap::new();
    for (place, mut rules) in places {
        refs.insert(place, blocks.block(&mut rules, &tables)?);
    }
    graph.blocks = blocks.words;
    graph.sections = blocks.sections;
    index(&refs, &tables, &mut graph)?;
    graph.tables = tables;
    graph.heads = Heads::new(&ir.rules)?;
    Ok(graph)
}

/// Files a rule under each of its keys.
fn file(
    vocabulary: &Vocabulary,
    id: RuleId,
    rule: &Rule,
    tables: &mut Tables,
    filed: &mut Vec<(Place, Packed)>,
) -> Result<(), TooLarge> {
    let (actions, exact) = actions(rule);
    let conds: Vec<&Cond> =
        rule.parts.iter().filter(|part| !(exact && part.kind == PartKind::To)).map(|part| &part.cond).collect();
    let possible = !matches!(rule.effect, Effect::Allow);
    let (section, hides, gate) = role(rule);
    let mut put = |place: Place, known: Known<'_>, tables: &mut Tables| -> Result<(), TooLarge> {
        let shape = shape(&conds, known);
        if matches!(shape, Shape::Const(false)) {
            return Ok(());
        }
        let code = Encoder::new(vocabulary, tables).encode(&shape, gate)?;
        filed.push((place, Packed { rule: id.0, section, hides, actions, code }));
        Ok(())
    };
    let keys = keys::keys(&conds);
    if keys.is_empty() {
        return put(Place::Everywhere, Known::default(), tables);
    }
    let mut unknown = BTreeMap::new();
    for key in keys {
        let none = Known::default();
        match key {
            Key::Resource(kind, name) => {
                let place = Place::Resource(tables.resource(kind, name)?);
                put(place, Known { resource: Some((kind, name)), ..none }, tables)?;
            }
            Key::Principal(kind, name) => {
                let place = Place::Principal(tables.principal(kind, name)?);
                put(place, Known { principal: Some((kind, name)), ..none }, tables)?;
                unknown.insert(Place::UnknownPrincipal, ());
            }
            Key::Pattern(glob) => put(Place::Pattern(tables.glob(glob)?), none, tables)?,
            Key::Tag(tag) => {
                put(Place::Tag(tables.text(tag)?), none, tables)?;
                unknown.insert(Place::UnknownTag, ());
            }
            Key::PrincipalOrg(org) => {
                put(Place::PrincipalOrg(tables.text(org)?), none, tables)?;
                unknown.insert(Place::UnknownPrincipalOrg, ());
            }
            Key::ResourceOrg(org) => {
                put(Place::ResourceOrg(tables.text(org)?), none, tables)?;
                unknown.insert(Place::UnknownResourceOrg, ());
            }
        }
    }
    // What fires on the unknown is found where the key is not known, too.
    for place in unknown.into_keys().filter(|_| possible) {
        put(place, Known::default(), tables)?;
    }
    Ok(())
}

/// The actions of a rule as bits, and whether they say all: actions beyond the bits share the last one.
fn actions(rule: &Rule) -> (u32, bool) {
    let Some(actions) = &rule.actions else { return (u32::MAX, true) };
    let bits = actions.iter().fold(0, |bits, action| bits | block::action_bit(action.0));
    (bits, actions.iter().all(|action| action.0 < 31))
}

/// The section of a rule, whether it is a prohibition that decides before others, and the gate that it is.
fn role(rule: &Rule) -> (Section, bool, Option<GateMode>) {
    let (section, hides, gate) = match &rule.effect {
        Effect::Allow if rule.shadow => (Section::ShadowAllows, false, None),
        Effect::Allow => (Section::Allows, false, None),
        Effect::Deny(refusal) => (Section::Prohibitions, refusal.status == 404, None),
        Effect::Gate(mode, refusal) => (Section::Prohibitions, refusal.status == 404, Some(*mode)),
        Effect::Limit(..) => (Section::Limits, false, None),
        Effect::Oblige(..) => (Section::Duties, false, None),
    };
    match (rule.shadow, section) {
        (true, Section::Prohibitions | Section::Limits | Section::Duties) => (Section::Shadows, false, gate),
        _ => (section, hides, gate),
    }
}

/// Notes the attributes that code reads.
fn reads(code: &[u32], read: &mut [bool]) {
    for (test, operands) in block::tests(code) {
        if test.op == code::Op::Code {
            reads(operands, read);
        }
        let own = test.op.reads().then_some(test.slot);
        for attr in [own, test.op.is_pair().then_some(test.immediate)].into_iter().flatten() {
            note(read, AttrId(u32::from(attr)));
        }
    }
}

fn note(read: &mut [bool], attr: AttrId) {
    if let Some(read) = read.get_mut(attr.0 as usize) {
        *read = true;
    }
}

/// Puts each place's block where requests find it.
fn index(refs: &BTreeMap<Place, BlockRef>, tables: &Tables, graph: &mut Graph) -> Result<(), TooLarge> {
    graph.patterns = vec![BlockRef::default(); tables.globs.len()];
    // Where no list is.
    graph.lists.push(0);
    for (place, block) in refs {
        let set = |homes: &mut [Home], id: u32| {
            if let Some(home) = homes.get_mut(id as usize) {
                home.block = *block;
            }
        };
        match place {
            Place::Everywhere => graph.everywhere = *block,
            Place::Resource(id) => set(&mut graph.resources, *id),
            Place::Principal(id) => set(&mut graph.principals, *id),
            Place::Pattern(id) => {
                if let Some(held) = graph.patterns.get_mut(*id as usize) {
                    *held = *block;
                }
            }
            Place::Tag(text) => graph.tags.known.push((*text, *block)),
            Place::PrincipalOrg(text) => graph.principal_orgs.known.push((*text, *block)),
            Place::ResourceOrg(text) => graph.resource_orgs.known.push((*text, *block)),
            Place::UnknownPrincipal => graph.unknown_principal = *block,
            Place::UnknownTag => graph.tags.unknown = *block,
            Place::UnknownPrincipalOrg => graph.principal_orgs.unknown = *block,
            Place::UnknownResourceOrg => graph.resource_orgs.unknown = *block,
        }
    }
    // The patterns that rules are filed under and that match a named resource are known beforehand.
    let used: Vec<(u32, BlockRef)> =
        (0_u32..).zip(&graph.patterns).filter(|(_, block)| !block.is_empty()).map(|(id, block)| (id, *block)).collect();
    graph.has_patterns = !used.is_empty() || !graph.resource_patterns.is_empty();
    for (home, id) in graph.resources.iter_mut().zip(0_u32..) {
        let Some(name) = tables.resources.text(id) else { continue };
        let glob = |id: u32| tables.globs.get(id as usize);
        let found: Vec<BlockRef> = used
            .iter()
            .filter(|(id, _)| glob(*id).is_some_and(|glob| glob.is_match(name)))
            .map(|(_, block)| *block)
            .collect();
        if !found.is_empty() {
            home.patterns = number(graph.lists.len(), "patterns")?;
            graph.lists.push(number(found.len(), "patterns")?);
            graph.lists.extend(found.iter().flat_map(|block| [block.at, block.base]));
        }
    }
    Ok(())
}
