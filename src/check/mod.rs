//! The meaning of a policy set.
//!
//! In go the trees of all files, out come an [`Ir`] and what is wrong: all errors at once, and warnings. The passes are
//! files: `parsed` has the statements of the vocabulary read; `resolve` collects names, `entities` types and declarations,
//! `define` named windows and conditions; then `parsed` has rules, claims and tests read, section by section, and `file`
//! (with `lower`, `conditions`, `infer`, `messages` and `cases`) gives each its meaning, in parallel, and `lint` warns;
//! `wanted`, `uses` and `duties` look at all files together; `suppress` silences. [`Checked`] puts it all together, and
//! knows what to do again when a file changes. Nothing here decides a request.

mod cases;
mod checked;
mod chunks;
mod cond;
mod conditions;
mod define;
mod duties;
mod entities;
pub mod entity;
mod file;
mod infer;
pub mod ir;
mod lint;
mod lower;
mod messages;
pub(crate) mod names;
mod parsed;
mod recent;
mod resolve;
mod rules;
mod suppress;
mod uses;
pub mod vocabulary;
mod wanted;

pub use checked::{AllAnew, Checked};
pub(crate) use conditions::shift;
pub use ir::Ir;
pub use parsed::Parsed;

use crate::{
    ast::{Ast, Item},
    ids::IdVec,
    report::Diagnostic,
    source::Sources,
};
use infer::{Defined, Used};
use rayon::prelude::{IntoParallelRefMutIterator, ParallelIterator};
use resolve::{Mentions, Names, is_open};
use std::sync::Arc;
use vocabulary::{RoleId, Vocabulary};

/// Checks a policy set. The trees are those of the files of `sources`, in source order, each with what was found when it
/// was read.
///
/// Gives the meaning if there is no error, and every error and warning in source order.
#[must_use]
pub fn check(files: Vec<(Ast, Vec<Diagnostic>)>, sources: &Sources) -> (Option<Ir>, Vec<Diagnostic>) {
    let parsed = files.into_iter().map(|(ast, found)| Parsed::new(ast, found, sources)).collect();
    Checked::new(parsed, sources).result()
}

/// What the vocabulary statements of all files mean.
struct Meaning {
    vocabulary: Arc<Vocabulary>,
    names: Names,
    defined: Defined,
    /// What the definitions make use of.
    used: Used,
    /// For each role, the others that include it.
    including: IdVec<RoleId, Vec<RoleId>>,
    found: Vec<Diagnostic>,
}

impl Meaning {
    /// The meaning of the vocabulary statements of files, and of what their rules name where they close no vocabulary.
    fn of_files(files: &mut [Parsed], sources: &Sources) -> Self {
        if is_open(files.iter().flat_map(|file| &file.vocabulary)) {
            files.par_iter_mut().for_each(|file| file.mention(sources));
        }
        Self::of(files.iter().map(|file| (&*file.vocabulary, file.data, &file.mentions)), sources)
    }

    /// The meaning of the vocabulary statements of some files, each with whether it is a catalog and what its rules name.
    fn of<'a>(files: impl Iterator<Item = (&'a [Item], bool, &'a Mentions)> + Clone, sources: &Sources) -> Self {
        let mut found = Vec::new();
        let statements = files.clone().flat_map(|(statements, ..)| statements);
        let mentions = files.clone().map(|(.., mentions)| mentions);
        let (mut vocabulary, mut names, declared) = resolve::resolve(statements, mentions, &mut found);
        entities::attributes(&mut vocabulary, &mut names, &declared, &mut found);
        entities::clashes(&vocabulary, &names, &mut found);
        entities::members_of_values(&vocabulary, &mut found);
        for (statements, data, _) in files {
            entities::declarations(&mut vocabulary, &names, statements, data, &mut found);
        }
        let (defined, used) = define::define(&vocabulary, &names, &declared, sources, &mut found);
        let including = including(&vocabulary);
        Self { vocabulary: Arc::new(vocabulary), names, defined, used, including, found }
    }
}

/// For each role, the others that include it.
fn including(vocabulary: &Vocabulary) -> IdVec<RoleId, Vec<RoleId>> {
    let mut including: IdVec<RoleId, Vec<RoleId>> = vocabulary.roles.iter().map(|_| Vec::new()).collect();
    for (id, role) in vocabulary.roles.pairs() {
        for included in role.closure.iter().filter(|included| **included != id) {
            if let Some(row) = including.get_mut(*included) {
                row.push(id);
            }
        }
    }
    including
}
