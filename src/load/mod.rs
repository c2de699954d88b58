//! Policy sets from files: which files there are, in which order, and what their texts come to.

pub mod bundle;
mod hex;
mod read;
mod revision;
mod workspace;

pub use workspace::Workspace;

use crate::{
    ast::Ast,
    check::{self, Ir},
    report::Diagnostic,
    source::{FileId, Source, Sources},
};
pub(crate) use hex::hex;
use rayon::prelude::{IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};
use read::{Found, Read, find, read_file};
use revision::{Revision, digest};
use std::{
    collections::BTreeSet,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A file that cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    /// Its path as it was given or found.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read `{}`: {}", self.path.display(), self.error)
    }
}

/// A policy set as far as it could be understood.
pub struct PolicySet {
    /// Its texts, in source order; catalogs last.
    pub sources: Sources,
    /// How many of them are catalogs.
    pub catalogs: usize,
    /// Its meaning, if it is valid.
    pub ir: Option<Ir>,
    /// Every error and warning, in source order.
    pub diagnostics: Vec<Diagnostic>,
    /// A digest of the texts and the version of the time-zone rules: `sha256:…`.
    pub revision: Arc<str>,
}

#[derive(Debug, Clone)]
enum Input {
    /// A file that was read already.
    Known(Read),
    Path(PathBuf),
    Text {
        name: String,
        text: String,
    },
    Catalog(PathBuf),
}

/// The texts of a policy set as they were parsed.
pub struct Trees {
    /// Its texts, in source order; catalogs last.
    pub sources: Sources,
    /// How many of them are catalogs.
    pub catalogs: usize,
    /// Their trees, each with what is wrong with the text.
    pub files: Vec<(Ast, Vec<Diagnostic>)>,
}

/// Collects what a policy set is made of.
#[derive(Debug, Clone, Default)]
pub struct Loader {
    inputs: Vec<Input>,
}

impl Trees {
    /// Checks the set.
    #[must_use]
    pub fn check(self) -> PolicySet {
        let catalogs = self.catalogs;
        let (ir, diagnostics) = check::check(self.files, &self.sources);
        let mut revision = Revision::default();
        self.sources.iter().for_each(|(_, source)| revision.add(&digest(source)));
        let revision = revision.finish();
        PolicySet { sources: self.sources, catalogs, ir, diagnostics, revision }
    }
}

impl Loader {
    /// Adds a file, all `*.policy` files of a folder, or the texts that a bundle was built from.
    pub fn path(&mut self, path: &Path) {
        self.inputs.push(Input::Path(path.to_owned()));
    }

    /// Adds a text that stands for a file.
    pub fn text(&mut self, name: &str, text: &str) {
        self.inputs.push(Input::Text { name: name.to_owned(), text: text.to_owned() });
    }

    /// Adds a text that stands for a catalog; `name` says by its ending in which format.
    pub(crate) fn catalog_text(&mut self, name: &str, text: &str) {
        self.known(vec![Read { source: Source::new(name, name, text), is_catalog: true, fault: None }]);
    }

    /// The texts of a set that was loaded, each as it is or changed; the last `catalogs` of them are catalogs.
    pub(crate) fn changed(
        sources: &Sources,
        catalogs: usize,
        change: impl Fn(FileId, &Source) -> Option<String>,
    ) -> Self {
        let policies = sources.len().saturating_sub(catalogs);
        let mut loader = Self::default();
        loader.known(
            (0..)
                .zip(sources.iter())
                .map(|(place, (file, source))| Read {
                    source: match change(file, source) {
                        Some(text) => Source::new(source.name(), source.short(), text),
                        None => source.clone(),
                    },
                    is_catalog: place >= policies,
                    fault: None,
                })
                .collect(),
        );
        loader
    }

    /// Adds files that were read already.
    fn known(&mut self, reads: Vec<Read>) {
        self.inputs.extend(reads.into_iter().map(Input::Known));
    }

    /// Adds a catalog: JSON, JSON Lines or CSV.
    pub fn catalog(&mut self, path: &Path) {
        self.inputs.push(Input::Catalog(path.to_owned()));
    }

    /// The files that the arguments name, in source order: each folder's by their paths below it, bytewise; a file that
    /// is reached twice, once.
    ///
    /// # Errors
    /// Every path that does not exist or cannot be looked into.
    pub fn files(&self) -> Result<Vec<PathBuf>, Vec<Unreadable>> {
        let mut seen = BTreeSet::new();
        let mut errors = Vec::new();
        let mut files = Vec::new();
        for input in &self.inputs {
            match input {
                Input::Path(path) => {
                    files.extend(find(path, &mut seen, &mut errors).into_iter().map(|found| found.path));
                }
                Input::Catalog(path) => files.push(path.clone()),
                Input::Known(_) | Input::Text { .. } => {}
            }
        }
        if errors.is_empty() { Ok(files) } else { Err(errors) }
    }

    /// Reads, parses and checks the set.
    ///
    /// # Errors
    /// Every file that cannot be read.
    pub fn load(self) -> Result<PolicySet, Vec<Unreadable>> {
        Ok(Workspace::dense(self.read()?).set())
    }

    /// Reads, parses and checks the set, to load it again when files of it change.
    ///
    /// # Errors
    /// Every file that cannot be read.
    pub fn open(self) -> Result<Workspace, Vec<Unreadable>> {
        Ok(Workspace::spread(self.read()?))
    }

    /// Reads and parses the set, and leaves it at that.
    ///
    /// # Errors
    /// Every file that cannot be read.
    pub fn parse(self) -> Result<Trees, Vec<Unreadable>> {
        let mut sources = Sources::default();
        let reads: Vec<_> = self.read()?.into_iter().map(|read| (sources.push(read.source.clone()), read)).collect();
        let files = reads.par_iter().map(|(file, read)| read::parse(*file, read)).collect();
        let catalogs = reads.iter().filter(|(_, read)| read.is_catalog).count();
        Ok(Trees { sources, catalogs, files })
    }

    fn read(self) -> Result<Vec<Read>, Vec<Unreadable>> {
        let mut seen = BTreeSet::new();
        let (mut policies, mut catalogs) = (Vec::new(), Vec::new());
        for input in self.inputs {
            match input {
                Input::Known(read) if read.is_catalog => catalogs.push(Ok(To::Known(read))),
                Input::Known(read) => policies.push(Ok(To::Known(read))),
                Input::Text { name, text } => policies.push(Ok(To::Text { name, text })),
                Input::Path(path) if bundle::is_bundle(&path) => {
                    let (packed, others): (Vec<Read>, Vec<Read>) = bundle::texts(&path)
                        .map_err(|error| vec![error])?
                        .into_iter()
                        .partition(|read| read.is_catalog);
                    catalogs.extend(packed.into_iter().map(|read| Ok(To::Known(read))));
                    policies.extend(others.into_iter().map(|read| Ok(To::Known(read))));
                }
                Input::Path(path) => {
                    let mut errors = Vec::new();
                    let found = find(&path, &mut seen, &mut errors);
                    policies.extend(errors.into_iter().map(Err));
                    policies.extend(found.into_iter().map(|found| Ok(To::File(found))));
                }
                Input::Catalog(path) => {
                    let short = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    catalogs.push(Ok(To::Catalog(Found { path, short })));
                }
            }
        }
        policies.extend(catalogs);
        let read = |to: Result<To, Unreadable>| to.and_then(To::read);
        let reads: Vec<Result<Read, Unreadable>> = policies.into_par_iter().map(read).collect();
        let (reads, errors): (Vec<_>, Vec<_>) = reads.into_iter().partition(Result::is_ok);
        if errors.is_empty() {
            Ok(reads.into_iter().flatten().collect())
        } else {
            Err(errors.into_iter().filter_map(Result::err).collect())
        }
    }
}

/// What is to be read.
enum To {
    /// It was read already.
    Known(Read),
    Text {
        name: String,
        text: String,
    },
    File(Found),
    Catalog(Found),
}

impl To {
    fn read(self) -> Result<Read, Unreadable> {
        match self {
            Self::Text { name, text } => {
                Ok(Read { source: Source::new(&name, &name, text), is_catalog: false, fault: None })
            }
            Self::Known(read) => Ok(read),
            Self::File(found) => read_file(&found, false),
            Self::Catalog(found) => read_file(&found, true),
        }
    }
}
