//! A policy set as an engine keeps it: compiled, and what it was compiled from.

use super::Invalid;
use crate::{
    check::{Ir, vocabulary::Vocabulary},
    compile::Graph,
    eval::draft::Set,
    load::{PolicySet, bundle},
    report::Diagnostic,
    source::Sources,
};
use std::sync::{Arc, OnceLock};

/// A policy set, compiled. Never changes.
pub(super) struct Compiled {
    pub(super) graph: Graph,
    pub(super) revision: Arc<str>,
    /// Whether it was compiled at once, not from a set before it: then the same texts give the same tables.
    pub(super) is_whole: bool,
    vocabulary: Arc<Vocabulary>,
    /// What it was compiled from: of a set from a bundle, once someone asks.
    meaning: OnceLock<Meaning>,
    /// The texts of a set from a bundle, compressed.
    packed: Vec<u8>,
}

/// What a policy set was compiled from.
#[derive(Default)]
pub(super) struct Meaning {
    pub(super) ir: Ir,
    pub(super) sources: Sources,
    pub(super) warnings: Vec<Diagnostic>,
    pub(super) catalogs: usize,
}

impl Compiled {
    /// A set from its texts.
    pub(super) fn new(graph: Graph, meaning: Meaning, revision: Arc<str>) -> Self {
        let vocabulary = meaning.ir.vocabulary.clone();
        Self { graph, revision, is_whole: true, vocabulary, meaning: meaning.into(), packed: Vec::new() }
    }

    /// A set from a bundle.
    pub(super) fn opened(graph: Graph, vocabulary: Vocabulary, revision: Arc<str>, packed: Vec<u8>) -> Self {
        Self { graph, revision, is_whole: true, vocabulary: Arc::new(vocabulary), meaning: OnceLock::new(), packed }
    }

    /// What decisions are made by.
    pub(super) fn set(&self) -> Set<'_> {
        Set { vocabulary: &self.vocabulary, graph: &self.graph }
    }

    /// What it was compiled from. A bundle whose texts are not those of its revision has no meaning.
    pub(super) fn meaning(&self) -> &Meaning {
        self.meaning.get_or_init(|| {
            let set = bundle::unpack(&self.packed).and_then(|loader| loader.load().ok());
            let set = set.filter(|set| set.revision == self.revision).map(Meaning::of);
            set.and_then(Result::ok).map(|(meaning, _)| meaning).unwrap_or_default()
        })
    }

    /// Its texts, compressed.
    pub(super) fn packed(&self) -> Vec<u8> {
        match self.meaning.get() {
            Some(meaning) if self.packed.is_empty() => bundle::pack(&meaning.sources, meaning.catalogs),
            Some(_) | None => self.packed.clone(),
        }
    }
}

impl Meaning {
    /// The meaning of a set that is valid, and its revision.
    pub(super) fn of(set: PolicySet) -> Result<(Self, Arc<str>), Invalid> {
        let PolicySet { sources, catalogs, ir, diagnostics, revision } = set;
        match ir {
            Some(ir) => Ok((Self { ir, sources, warnings: diagnostics, catalogs }, revision)),
            None => Err(Invalid { diagnostics, sources }),
        }
    }
}
