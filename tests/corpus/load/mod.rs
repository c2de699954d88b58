//! Policy sets on disk: which files are read, in which order, and what becomes of those that are no policies.

mod order;
mod texts;

use crate::files::named_as_in;
use policyc::{
    load::{Loader, PolicySet},
    report::{Diagnostic, terminal},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A folder that is gone when the test is over.
struct Folder(tempfile::TempDir);

impl Folder {
    /// A folder with some files.
    fn with<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            folder.write(name, text.as_bytes());
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// The names, relative to the folder, of the files that some arguments mean.
    fn files<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let files = self.loader(arguments).files().unwrap();
        files.iter().map(|file| self.relative(file)).collect()
    }

    /// The set that some arguments mean.
    fn load<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> PolicySet {
        self.named(self.loader(arguments).load().unwrap())
    }

    /// The set of all policy files and a catalog.
    fn load_with_catalog(&self, catalog: &str) -> PolicySet {
        let mut loader = self.loader([""]);
        loader.catalog(&self.path(catalog));
        self.named(loader.load().unwrap())
    }

    /// What is wrong with the set of all policy files, as a terminal shows it.
    fn report(&self) -> String {
        report(&self.load([""]))
    }

    /// What documents the statements of all policy files.
    fn docs(&self) -> Vec<String> {
        let files = self.loader([""]).parse().unwrap().files;
        let docs = files.iter().flat_map(|(ast, _)| &ast.items).flat_map(|item| &item.docs);
        docs.map(|doc| doc.text.to_string()).collect()
    }

    /// Why some arguments cannot be read.
    fn unreadable<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> String {
        let errors = self.loader(arguments).load().err().unwrap();
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        lines.join("\n").replace(&*self.0.path().to_string_lossy(), "FOLDER")
    }

    fn loader<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Loader {
        let mut loader = Loader::default();
        arguments.into_iter().for_each(|argument| loader.path(&self.path(argument)));
        loader
    }

    fn relative(&self, file: &Path) -> String {
        file.strip_prefix(self.0.path()).unwrap().to_string_lossy().replace('\\', "/")
    }

    fn named(&self, mut set: PolicySet) -> PolicySet {
        set.sources = named_as_in(set.sources, self.0.path());
        set
    }
}

fn report(set: &PolicySet) -> String {
    terminal::render(&set.diagnostics, &set.sources, false, crate::WIDTH)
}

fn is_valid(set: &PolicySet) -> bool {
    !set.diagnostics.iter().any(Diagnostic::is_error) && set.ir.is_some()
}

/// Compares with what stands in a file of this folder.
fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/load"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
