//! Cases that are sets of files: written into a folder of their own and read from there as any policy set is.

use policyc::{
    Claims, Engine, LoadError,
    load::{Loader, PolicySet},
    source::{Source, Sources},
};
use std::{fs, path::Path};

/// The line that begins another file of a case.
const SEPARATOR: &str = "// file: ";

/// The files of a case.
pub(crate) struct Set {
    /// Their names and texts, in the order of the case.
    files: Vec<(String, String)>,
}

impl Set {
    /// The files of a case; what stands before the first separator is called like the case itself.
    pub(crate) fn of(name: &str, text: &str) -> Self {
        let own = Path::new(name).file_name().unwrap().to_string_lossy().into_owned();
        let mut files = vec![(own, String::new())];
        for line in text.split_inclusive('\n') {
            match line.strip_prefix(SEPARATOR) {
                Some(file) => files.push((file.trim().to_owned(), String::new())),
                None => files.last_mut().unwrap().1.push_str(line),
            }
        }
        files.retain(|(_, text)| !text.is_empty());
        Self { files }
    }

    /// The set as far as it can be understood.
    pub(crate) fn load(&self) -> PolicySet {
        let mut loader = Loader::default();
        let folder = self.write();
        self.policies().for_each(|(name, text)| loader.text(name, text));
        self.catalogs().for_each(|(name, _)| loader.catalog(&folder.path().join(name)));
        let mut set = loader.load().unwrap();
        set.sources = named_as_in(set.sources, folder.path());
        set
    }

    /// The set ready to decide; its claims are not looked at.
    pub(crate) fn engine(&self) -> Result<Engine, LoadError> {
        let folder = self.write();
        let builder = self
            .policies()
            .fold(Engine::builder().claims(Claims::Unproved), |builder, (name, text)| builder.text(name, text));
        self.catalogs().fold(builder, |builder, (name, _)| builder.catalog(folder.path().join(name))).load()
    }

    fn policies(&self) -> impl Iterator<Item = &(String, String)> {
        self.files.iter().filter(|(name, _)| name.ends_with(".policy"))
    }

    fn catalogs(&self) -> impl Iterator<Item = &(String, String)> {
        self.files.iter().filter(|(name, _)| !name.ends_with(".policy"))
    }

    /// Catalogs are read from disk only.
    fn write(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in self.catalogs() {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }
}

/// The same texts, called by their paths in a folder.
pub(crate) fn named_as_in(sources: Sources, folder: &Path) -> Sources {
    let mut named = Sources::default();
    for (_, source) in sources.iter() {
        let name = Path::new(source.name());
        let name = name.strip_prefix(folder).unwrap_or(name).to_string_lossy().replace('\\', "/");
        named.push(Source::new(&name, source.short(), source.text()));
    }
    named
}
