//! Two policy sets compared, to be read: who may do more or less with one than with the other.
//!
//! In go two [`Engine`]s, out comes what [`diff`] finds between them, with what both decide about each request that shows
//! a change: in [`words`], as [`json`], and as [`markdown`].

pub mod json;
pub mod markdown;
pub mod words;

use crate::{
    decision::Decision,
    engine::Engine,
    query::{Budget, Change, ChangeKind, Comparison, Progress, RuleOf, Which, diff},
};

/// Two policy sets, and how they differ.
#[derive(Clone)]
pub struct Compared {
    old: Engine,
    new: Engine,
    found: Comparison,
}

impl Compared {
    /// Compares two sets as to some kinds of changes. Tells how far it is, again and again.
    #[must_use]
    pub fn new(
        old: Engine,
        new: Engine,
        kinds: &[ChangeKind],
        budget: Budget,
        progress: impl Fn(Progress) + Sync,
    ) -> Self {
        let found = diff(old.ir(), new.ir(), kinds, budget, progress);
        Self { old, new, found }
    }

    /// What was found.
    #[must_use]
    pub const fn found(&self) -> &Comparison {
        &self.found
    }

    /// Whether it is certain that nothing changes.
    #[must_use]
    pub const fn is_same(&self) -> bool {
        self.found.changes.is_empty() && self.found.inconclusive.is_empty()
    }

    /// What was found of one kind, as if only that had been looked for: the question about each kind has a budget of its own.
    #[must_use]
    pub fn only(mut self, kind: ChangeKind) -> Self {
        self.found.changes.retain(|change| change.kind == kind);
        self.found.inconclusive.retain(|(open, _)| *open == kind);
        self
    }

    /// One of the sets.
    #[must_use]
    pub const fn engine(&self, which: Which) -> &Engine {
        match which {
            Which::Old => &self.old,
            Which::New => &self.new,
        }
    }

    /// What both sets decide about the request of a change.
    #[must_use]
    pub fn decisions(&self, change: &Change) -> [Option<Decision>; 2] {
        [&self.old, &self.new].map(|engine| engine.unlimited(&change.witness).ok())
    }

    /// How many changes are of a kind.
    #[must_use]
    pub fn count(&self, kind: ChangeKind) -> usize {
        self.found.changes.iter().filter(|change| change.kind == kind).count()
    }

    /// The name of a rule.
    #[must_use]
    pub fn name(&self, (which, id): RuleOf) -> String {
        self.engine(which).ir().rules.find(id).map(|rule| rule.name().to_string()).unwrap_or_default()
    }
}
