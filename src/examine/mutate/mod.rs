//! Whether the tests of a set would notice a slip of the pen.
//!
//! Each *mutant* is the set with one small change (`operators`), checked as usual. It is killed if a test fails on it. Of
//! those that live, the two sets are compared exactly: if they decide alike there is nothing to notice, and the mutant does
//! not count; else there is a request on which they differ, and a test that notices is proposed (`propose`).

mod operators;
mod propose;

use super::test::run_one;
use crate::{
    check::ir::Test,
    engine::{Engine, LoadError},
    query::{Budget, ChangeKind, diff},
    source::{FileId, Span},
};
use operators::{Mutant, mutants};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};
use std::fmt;

/// What became of the mutants of a set: in source order.
#[derive(Debug, Clone, Default)]
pub struct Mutation {
    /// Those that were checked without an error.
    pub mutants: Vec<MutantReport>,
}

/// A small change of a set, and what became of it.
#[derive(Debug, Clone)]
pub struct MutantReport {
    /// What is changed.
    pub at: Span,
    /// What is different: `another operator`.
    pub what: &'static str,
    /// The line that it begins on, from 1.
    pub line: usize,
    /// The lines that are changed, as they are.
    pub before: Vec<String>,
    /// The same lines, changed.
    pub after: Vec<String>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a mutant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// A test fails.
    Killed,
    /// No test fails, though there is a request that is decided otherwise. With a test that notices, which passes as the
    /// set is and fails on the mutant; without one where no request of its own shows it.
    Survived(Option<String>),
    /// Every request is decided alike, but perhaps for the gate that a denial reports, which no test can name: there is
    /// nothing to notice.
    Equivalent,
    /// No test fails, and it was not found out within the budget whether there is anything to notice.
    Inconclusive,
}

/// Why there are no mutants.
#[derive(Debug)]
#[non_exhaustive]
pub enum NotMutated {
    /// This test fails as the set is.
    Fails(String),
}

impl fmt::Display for NotMutated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fails(test) => write!(f, "the test `{test}` fails: mutants are shown by tests that pass"),
        }
    }
}

impl std::error::Error for NotMutated {}

impl Mutation {
    /// How many mutants met this fate.
    #[must_use]
    pub fn count(&self, fate: impl Fn(&Fate) -> bool) -> usize {
        self.mutants.iter().filter(|mutant| fate(&mutant.fate)).count()
    }

    /// How many were killed.
    #[must_use]
    pub fn killed(&self) -> usize {
        self.count(|fate| *fate == Fate::Killed)
    }

    /// How many survived.
    #[must_use]
    pub fn survived(&self) -> usize {
        self.count(|fate| matches!(fate, Fate::Survived(_)))
    }
}

/// Tries the mutants of a set against the tests that a filter lets through, in parallel. `done` is called after each, from
/// any thread, with how many there are.
///
/// # Errors
/// If a test fails as the set is.
pub fn mutate(
    engine: &Engine,
    filter: impl Fn(&str) -> bool + Sync,
    budget: Budget,
    done: impl Fn(usize) + Sync,
) -> Result<Mutation, NotMutated> {
    let trial = Trial { engine, filter: &filter, budget };
    if let Some(test) = trial.failing(engine) {
        return Err(NotMutated::Fails(test.name.to_string()));
    }
    let all = mutants(engine);
    let count = all.len();
    let tried: Vec<Option<MutantReport>> = all
        .into_par_iter()
        .map(|mutant| {
            let report = trial.report(&mutant);
            done(count);
            report
        })
        .collect();
    Ok(Mutation { mutants: tried.into_iter().flatten().collect() })
}

/// What mutants are tried with.
struct Trial<'a, F> {
    engine: &'a Engine,
    filter: &'a F,
    budget: Budget,
}

impl<F: Fn(&str) -> bool + Sync> Trial<'_, F> {
    /// The first test that fails.
    fn failing<'e>(&self, engine: &'e Engine) -> Option<&'e Test> {
        let mut tests = engine.ir().tests.iter().filter(|test| (self.filter)(&test.name));
        tests.find(|test| !run_one(engine, test).passed())
    }

    /// What becomes of a mutant; none if it is not a valid set.
    fn report(&self, mutant: &Mutant) -> Option<MutantReport> {
        let changed = changed(self.engine, mutant, &[]).ok()?;
        let fate = if self.failing(&changed).is_some() { Fate::Killed } else { self.fate(mutant, &changed) };
        let source = self.engine.sources().get(mutant.at.file)?;
        let (line, before, after) = mutant.lines(source);
        Some(MutantReport { at: mutant.at, what: mutant.what, line, before, after, fate })
    }

    /// What becomes of a mutant that no test notices. What is allowed is asked for first: that is noticed best.
    fn fate(&self, mutant: &Mutant, changed: &Engine) -> Fate {
        let mut differs = false;
        let mut inconclusive = false;
        for kinds in [
            &[ChangeKind::Gained, ChangeKind::Lost][..],
            &[ChangeKind::Limit, ChangeKind::Duty, ChangeKind::Gate, ChangeKind::Reason],
        ] {
            let found = diff(self.engine.ir(), changed.ir(), kinds, self.budget, |_| {});
            inconclusive |= !found.inconclusive.is_empty();
            differs |= found.changes.iter().any(|change| change.kind != ChangeKind::Gate);
            let tests = found.changes.iter().flat_map(|change| propose::tests(self.engine, changed, mutant, change));
            if let Some(test) = tests.into_iter().find(|test| notices(self.engine, mutant, test)) {
                return Fate::Survived(Some(test));
            }
        }
        match (differs, inconclusive) {
            (true, _) => Fate::Survived(None),
            (false, true) => Fate::Inconclusive,
            (false, false) => Fate::Equivalent,
        }
    }
}

/// What stands for the file of a proposed test.
const FILE: &str = "proposed_test.policy";

/// The set with a mutant's change, and other files besides.
fn changed(engine: &Engine, mutant: &Mutant, added: &[(&str, &str)]) -> Result<Engine, LoadError> {
    let change = |file: FileId, source: &crate::source::Source| (file == mutant.at.file).then(|| mutant.text(source));
    engine.variant(change, added)
}

/// Whether a test passes as the set is and fails on a mutant.
fn notices(engine: &Engine, mutant: &Mutant, test: &str) -> bool {
    let added = [(FILE, test)];
    let passes = |engine: &Engine| {
        let is_added = |test: &&Test| engine.sources().get(test.at.file).is_some_and(|source| source.name() == FILE);
        let mut added = engine.ir().tests.iter().filter(is_added).peekable();
        added.peek().is_some().then(|| added.all(|test| run_one(engine, test).passed()))
    };
    let as_it_is = engine.variant(|_, _| None, &added).ok();
    let mutated = changed(engine, mutant, &added).ok();
    as_it_is.as_ref().and_then(passes) == Some(true) && mutated.as_ref().and_then(passes) == Some(false)
}
