//! The decision graph in numbers.

use super::{Way, classes::classes};
use crate::{check::vocabulary::AttrId, engine::Engine};
use std::collections::{BTreeMap, BTreeSet};

/// The upper bounds of the histogram's bars, but for the last, which has none.
const BARS: [usize; 6] = [1, 2, 4, 16, 64, 256];

/// A decision graph in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Stats {
    /// The rules of the set.
    pub rules: usize,
    /// What leads into the graph, by sort.
    pub ways: Vec<(String, usize)>,
    /// The blocks, each counted once.
    pub blocks: usize,
    /// The most ways that lead to one block.
    pub most_shared: usize,
    /// Rules as they stand in blocks, where one may stand in several.
    pub filed: usize,
    /// The rules of each block.
    pub per_block: Spread,
    /// The tests of these rules.
    pub tests: usize,
    /// The tests that blocks make for them: equal tests of a chunk are made once.
    pub made: usize,
    /// Those of them that are different.
    pub distinct: usize,
    /// The chunks that blocks are made of.
    pub chunks: usize,
    /// The attributes that tests read, in the order of the vocabulary.
    pub attributes: Vec<Read>,
    /// The bytes of each table.
    pub bytes: Vec<(&'static str, usize)>,
}

/// How a number is spread.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spread {
    /// The least.
    pub min: usize,
    /// The one in the middle.
    pub median: usize,
    /// The greatest.
    pub max: usize,
    /// How many there are from one number to another (none: without end), without empty ends.
    pub bars: Vec<(usize, Option<usize>, usize)>,
}

/// An attribute that tests read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Its path.
    pub path: String,
    /// How many different tests read it.
    pub tests: usize,
    /// Into how many classes their constants cut its values, where that can be counted.
    pub classes: Option<usize>,
}

impl Stats {
    /// What leads into the graph, in all.
    #[must_use]
    pub fn references(&self) -> usize {
        self.ways.iter().map(|(_, count)| count).sum()
    }

    /// The bytes of all tables.
    #[must_use]
    pub fn total(&self) -> usize {
        self.bytes.iter().map(|(_, bytes)| bytes).sum()
    }
}

/// The graph of a policy set, in numbers.
#[must_use]
pub fn stats(engine: &Engine) -> Stats {
    let (ir, graph) = (engine.ir(), engine.graph());
    let mut ways: Vec<(String, usize)> = Vec::new();
    let mut shared: BTreeMap<u32, usize> = BTreeMap::new();
    let mut sizes = Vec::new();
    let (mut tests, mut made, mut chunks) = (0_usize, 0_usize, 0_usize);
    let mut distinct: BTreeSet<(AttrId, Vec<u32>)> = BTreeSet::new();
    for (entry, block) in graph.entries() {
        let way = Way::of(entry);
        let sort = if way.sort.is_empty() { way.words } else { way.sort };
        match ways.last_mut() {
            Some((last, count)) if *last == sort => *count = count.saturating_add(1),
            Some(_) | None => ways.push((sort, 1)),
        }
        let references = shared.entry(block.at).or_default();
        *references = references.saturating_add(1);
        if *references > 1 {
            continue;
        }
        sizes.push(graph.rules_in(block).count());
        tests = graph.rules_in(block).fold(tests, |sum, listed| sum.saturating_add(listed.tests));
        for count in graph.chunks_in(block) {
            (chunks, made) = (chunks.saturating_add(1), made.saturating_add(count));
        }
        distinct.extend(graph.tests_in(block));
    }
    let mut read: BTreeMap<AttrId, usize> = BTreeMap::new();
    for (attr, _) in &distinct {
        let count = read.entry(*attr).or_default();
        *count = count.saturating_add(1);
    }
    let classes = classes(ir);
    let read = read.into_iter().map(|(attr, tests)| Read {
        path: ir.vocabulary.attributes[attr].path.to_string(),
        tests,
        classes: classes.get(&attr).copied().flatten(),
    });
    Stats {
        rules: ir.rules.len(),
        ways,
        blocks: shared.len(),
        most_shared: shared.values().copied().max().unwrap_or_default(),
        filed: sizes.iter().sum(),
        per_block: Spread::of(sizes),
        tests,
        made,
        distinct: distinct.len(),
        chunks,
        attributes: read.collect(),
        bytes: graph.sizes(),
    }
}

impl Spread {
    fn of(mut numbers: Vec<usize>) -> Self {
        numbers.sort_unstable();
        let at = |place: usize| numbers.get(place).copied().unwrap_or_default();
        let starts = std::iter::once(1).chain(BARS.map(|end| end.saturating_add(1)));
        let ends = BARS.into_iter().map(Some).chain([None]);
        let mut bars: Vec<(usize, Option<usize>, usize)> = starts
            .zip(ends)
            .map(|(start, end)| {
                let inside = |number: &&usize| **number >= start && end.is_none_or(|end| **number <= end);
                (start, end, numbers.iter().filter(inside).count())
            })
            .collect();
        while bars.last().is_some_and(|(_, _, count)| *count == 0) {
            bars.pop();
        }
        Self {
            min: at(0),
            median: at(numbers.len().div_euclid(2)),
            max: numbers.last().copied().unwrap_or_default(),
            bars,
        }
    }
}
