//! The meaning of a policy set, ready to decide.
//!
//! In goes an [`Ir`], out comes a [`Graph`]. Pure and deterministic. The passes are files: `keys` finds what each rule is
//! filed under; `shape` puts in what is known then and pushes negations down to the tests; `encode` makes code of it, with
//! constants in `tables`; `declare` puts the vocabulary into numbers; `block` packs the rules of a key into chunks, `chunk` a
//! few and `wide` many. Nothing here decides a request, and nothing here says how a decision is put into words; what shows or counts a
//! graph asks `view`.

pub(crate) mod block;
pub(crate) mod bundle;
pub(crate) mod chunk;
pub(crate) mod code;
pub(crate) mod declare;
mod encode;
mod filing;
mod flat;
pub(crate) mod graph;
pub(crate) mod heads;
mod index;
mod keys;
mod names;
pub(crate) mod scatter;
mod shape;
pub(crate) mod tables;
mod update;
pub(crate) mod view;
pub(crate) mod wide;

pub use graph::Graph;
pub use names::TooLarge;
pub use update::update;

use crate::check::ir::Ir;
use block::{Blocks, Packed};
use filing::{Place, file, note, read_by};
use heads::Heads;
use std::collections::BTreeMap;
use tables::Interner;

/// Compiles a policy set.
///
/// # Errors
/// Where a table would grow beyond what its numbers hold.
pub fn compile(ir: &Ir) -> Result<Graph, TooLarge> {
    let mut constants = Interner::default();
    let mut filed: Vec<(Place, Packed)> = Vec::new();
    let mut read = vec![false; ir.vocabulary.attributes.len()];
    for (id, rule) in ir.rules.pairs() {
        file(&ir.vocabulary, id, rule, &mut constants, &mut filed)?;
        heads::told(rule, &mut |attr| note(&mut read, attr));
    }
    read_by(&filed, &mut read);
    let mut graph = Graph { heads: Heads::new(&ir.rules)?, ..Graph::default() };
    declare::slots(&ir.vocabulary, &read, &mut constants, &mut graph)?;
    declare::words(&ir.vocabulary, &mut constants, &mut graph)?;
    declare::entities(&ir.vocabulary, &mut constants, &mut graph)?;
    graph.tables = constants.tables;
    graph.settle(0, 0);
    pack(filed, Blocks::new(), &mut graph)?;
    graph.list_patterns()?;
    graph.compact = graph.flexible();
    Ok(graph)
}

/// Packs the rules of each place, and puts them there.
fn pack(mut filed: Vec<(Place, Packed)>, mut blocks: Blocks, graph: &mut Graph) -> Result<(), TooLarge> {
    let mut places: BTreeMap<Place, Vec<&Packed>> = BTreeMap::new();
    for (place, rule) in &mut filed {
        block::renumber(&mut rule.code, &graph.slot_of);
        places.entry(*place).or_default().push(rule);
    }
    for (place, mut rules) in places {
        let block = blocks.block(&mut rules, &graph.tables)?;
        graph.put(place, block);
    }
    graph.blocks = blocks.words;
    graph.sections = blocks.sections;
    graph.kinds = blocks.kinds;
    graph.note_indexes();
    Ok(())
}
