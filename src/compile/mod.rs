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
pub(crate) mod paths;
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
use block::{Blocks, Made, Packed};
use filing::{Place, file, note, read_by};
use heads::Heads;
use rayon::prelude::{IntoParallelRefIterator, IntoParallelRefMutIterator, ParallelIterator, ParallelSliceMut};
use tables::Interner;

/// So many blocks are made before they are put into their places: enough for all cores, and little memory.
const AT_ONCE: usize = 8_192;

/// Compiles a policy set.
///
/// # Errors
/// Where a table would grow beyond what its numbers hold.
pub fn compile(ir: &Ir) -> Result<Graph, TooLarge> {
    let (heads, filed) = rayon::join(|| Heads::new(&ir.rules), || file_all(ir));
    let Filed { mut constants, rules, read } = filed?;
    let mut graph = Graph { heads: heads?, ..Graph::default() };
    declare::slots(&ir.vocabulary, &read, &mut constants, &mut graph)?;
    declare::words(&ir.vocabulary, &mut constants, &mut graph)?;
    declare::entities(&ir.vocabulary, &mut constants, &mut graph)?;
    graph.tables = constants.tables;
    graph.settle(0, 0);
    pack(rules, Blocks::new(), &mut graph)?;
    graph.list_patterns()?;
    graph.tables.fit();
    graph.compact = graph.flexible();
    Ok(graph)
}

/// Rules under what they are filed under.
struct Filed {
    constants: Interner,
    rules: Vec<(Place, Packed)>,
    /// By attribute, whether it is read.
    read: Vec<bool>,
}

/// Files all rules.
fn file_all(ir: &Ir) -> Result<Filed, TooLarge> {
    let mut constants = Interner::default();
    let mut rules = Vec::new();
    let mut read = vec![false; ir.vocabulary.attributes.len()];
    for (id, rule) in ir.rules.pairs() {
        file(&ir.vocabulary, id, rule, &mut constants, &mut rules)?;
        heads::told(rule, &mut |attr| note(&mut read, attr));
    }
    read_by(&rules, &mut read);
    Ok(Filed { constants, rules, read })
}

/// Packs the rules of each place, and puts them there. Blocks are made side by side, and stand in the order of their places.
fn pack(mut filed: Vec<(Place, Packed)>, mut blocks: Blocks, graph: &mut Graph) -> Result<(), TooLarge> {
    filed.par_iter_mut().for_each(|(_, rule)| block::renumber(&mut rule.code, &graph.slot_of));
    filed.par_sort_by_key(|(place, _)| *place);
    let places: Vec<&[(Place, Packed)]> = filed.chunk_by(|(a, _), (b, _)| a == b).collect();
    for places in places.chunks(AT_ONCE) {
        let made =
            |rules: &&[(Place, Packed)]| block::make(rules.iter().map(|(_, rule)| rule).collect(), &graph.tables);
        let made: Vec<Result<Made, TooLarge>> = places.par_iter().map(made).collect();
        for (rules, made) in places.iter().zip(made) {
            let block = blocks.add(&made?)?;
            if let [(place, _), ..] = rules {
                graph.put(*place, block);
            }
        }
    }
    graph.blocks = blocks.words;
    graph.sections = blocks.sections;
    graph.kinds = blocks.kinds;
    graph.note_indexes();
    Ok(())
}
