//! The law: a store against a model that remembers every write, over random calls of two writers.

use super::{Open, at, key};
use crate::store::documents::{DocumentStore, Key, Last, Mark, Suspended, Unwritten, Version, Write, Writing};
use proptest::{
    prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof},
    test_runner::{Config, TestCaseError, TestRunner},
};
use std::collections::{BTreeMap, BTreeSet};

/// What a store says is what was written to it, and a write that was not put upon what its writer has seen is none.
pub(super) fn keeps_what_was_written(open: Open<'_>, cases: u32) {
    // Nothing is written beside the sources of whoever runs the suite.
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let run = TestRunner::new(config).run(&steps(), |steps| plays_by_the_law(&*open(), steps));
    run.unwrap_or_else(|failure| panic!("{failure}"));
}

const KEYS: [&str; 3] = ["a", "b", "c"];
const REVISIONS: [&str; 2] = ["r", "s"];

#[derive(Debug, Clone)]
enum Step {
    /// One of two writers writes under a revision, each key with a body or none.
    Write(usize, usize, Vec<(usize, Option<u8>)>),
    /// One of them catches up.
    CatchUp(usize),
    /// It is found out under a revision which are suspended.
    Suspend(usize, Vec<usize>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let write = prop::collection::vec((0..KEYS.len(), any::<Option<u8>>()), 0..4);
    let step = prop_oneof![
        4 => (0..2_usize, 0..REVISIONS.len(), write).prop_map(|(who, revision, writes)| Step::Write(who, revision, writes)),
        3 => (0..2_usize).prop_map(Step::CatchUp),
        1 => (0..REVISIONS.len(), prop::collection::vec(0..KEYS.len(), 0..3)).prop_map(|(of, keys)| Step::Suspend(of, keys)),
        1 => Just(Step::CatchUp(0)),
    ];
    prop::collection::vec(step, 1..20)
}

/// Every version of every key, with its mark.
#[derive(Default)]
struct Model {
    mark: Mark,
    written: BTreeMap<Key, Vec<(Mark, Version)>>,
    suspended: BTreeMap<&'static str, (Mark, BTreeSet<Key>)>,
}

impl Model {
    /// The last version of each key that a filter takes.
    fn last(&self, takes: impl Fn(Mark, &Version) -> bool) -> Vec<Last> {
        let last = self.written.iter().filter_map(|(key, versions)| Some((key, versions.last()?)));
        let taken = last.filter(|(_, (mark, version))| takes(*mark, version));
        taken.map(|(key, (_, version))| Last { key: key.clone(), version: version.clone() }).collect()
    }

    /// Gives the versions.
    fn write(&mut self, mark: Mark, writing: &Writing<'_>, revision: &'static str) -> Vec<u32> {
        let put = |write: &Write| {
            let versions = self.written.entry(write.key.clone()).or_default();
            let version = u32::try_from(versions.len()).unwrap() + 1;
            let (by, at) = (writing.by.to_owned(), writing.at);
            versions.push((mark, Version { version, body: write.body.clone(), by, at }));
            version
        };
        let versions = writing.writes.iter().map(put).collect();
        if let Some((known, keys)) = self.suspended.get_mut(revision).filter(|(known, _)| *known == writing.seen) {
            *known = mark;
            keys.retain(|key| !writing.writes.iter().any(|write| write.key == *key));
        }
        self.mark = mark;
        versions
    }
}

fn sorted(mut documents: Vec<Last>) -> Vec<Last> {
    documents.sort_by(|one, other| one.key.cmp(&other.key));
    documents
}

fn plays_by_the_law(store: &dyn DocumentStore, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut model = Model { mark: store.all().unwrap().mark, ..Model::default() };
    // What each writer has seen, and the documents that it knows by reading changes alone.
    let mut writers = [(); 2].map(|()| (model.mark, BTreeMap::<Key, Version>::new()));
    for (time, step) in (0_i64..).zip(steps) {
        match step {
            Step::Write(who, revision, writes) => {
                let write = |(which, body): (usize, Option<u8>)| Write {
                    key: key(KEYS[which]),
                    body: body.map(|body| body.to_string()),
                };
                let writes: Vec<Write> = writes.into_iter().map(write).collect();
                let (seen, revision, by) = (writers[who].0, REVISIONS[revision], ["ann", "bob"][who]);
                let writing = Writing { seen, revision, writes: &writes, by, at: at(time) };
                match store.write(&writing) {
                    Ok(written) => {
                        prop_assert_eq!(seen, model.mark);
                        prop_assert_eq!(written.mark > seen, !writes.is_empty());
                        if !writes.is_empty() {
                            prop_assert_eq!(written.versions, model.write(written.mark, &writing, revision));
                        }
                    }
                    Err(Unwritten::Behind) => prop_assert_eq!(seen == model.mark, false),
                    Err(other) => panic!("{other}"),
                }
            }
            Step::CatchUp(who) => catch_up(store, &model, &mut writers[who])?,
            Step::Suspend(revision, which) => {
                let keys: BTreeSet<Key> = which.into_iter().map(|which| key(KEYS[which])).collect();
                let found = Suspended { mark: model.mark, keys: keys.iter().cloned().collect() };
                store.suspend(REVISIONS[revision], &found).unwrap();
                model.suspended.insert(REVISIONS[revision], (model.mark, keys));
            }
        }
        agrees(store, &model)?;
    }
    for writer in &mut writers {
        catch_up(store, &model, writer)?;
    }
    Ok(())
}

/// Whoever applies all changes since what was seen has what there is.
fn catch_up(
    store: &dyn DocumentStore,
    model: &Model,
    (seen, known): &mut (Mark, BTreeMap<Key, Version>),
) -> Result<(), TestCaseError> {
    let changes = store.since(*seen).unwrap();
    prop_assert_eq!(changes.mark, model.mark);
    let before = *seen;
    prop_assert_eq!(sorted(changes.documents.clone()), model.last(|mark, _| mark > before));
    for Last { key, version } in changes.documents {
        if version.body.is_some() {
            known.insert(key, version)
        } else {
            known.remove(&key)
        };
    }
    *seen = changes.mark;
    let all: BTreeMap<Key, Version> =
        store.all().unwrap().documents.into_iter().map(|last| (last.key, last.version)).collect();
    prop_assert_eq!(&*known, &all);
    Ok(())
}

fn agrees(store: &dyn DocumentStore, model: &Model) -> Result<(), TestCaseError> {
    let all = store.all().unwrap();
    prop_assert_eq!(all.mark, model.mark);
    prop_assert_eq!(sorted(all.documents), model.last(|_, version| version.body.is_some()));
    for name in KEYS {
        let versions = model.written.get(&key(name)).into_iter().flatten().rev();
        prop_assert_eq!(
            store.history(&key(name)).unwrap(),
            versions.map(|(_, version)| version.clone()).collect::<Vec<_>>()
        );
    }
    for revision in REVISIONS {
        let found = store.suspended(revision).unwrap();
        let found = found.map(|found| (found.mark, found.keys.into_iter().collect::<BTreeSet<_>>()));
        let wanted = model.suspended.get(revision);
        // What is about an earlier mark is of no use, and may be forgotten.
        if found.is_some() || wanted.is_some_and(|(mark, _)| *mark == model.mark) {
            prop_assert_eq!(found.as_ref(), wanted);
        }
    }
    Ok(())
}
