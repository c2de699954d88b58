//! Policy sets from files: which files there are, in which order, and what their texts come to.

use crate::{
    ast::{self, Ast},
    check::{self, Ir},
    report::{Diagnostic, codes},
    source::{FileId, Source, Sources, Span},
    wire::catalog,
    zone,
};
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeSet,
    fmt, fs, io,
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
    /// Their trees, by file.
    pub asts: Vec<Ast>,
    /// Its meaning, if it is valid.
    pub ir: Option<Ir>,
    /// Every error and warning, in source order.
    pub diagnostics: Vec<Diagnostic>,
    /// A digest of the texts and the version of the time-zone rules: `sha256:…`.
    pub revision: Arc<str>,
}

#[derive(Debug)]
enum Input {
    Path(PathBuf),
    Text { name: String, text: String },
    Catalog(PathBuf),
}

/// Collects what a policy set is made of.
#[derive(Debug, Default)]
pub struct Loader {
    inputs: Vec<Input>,
}

/// A file that was found, and its path relative to its argument.
struct Found {
    path: PathBuf,
    short: String,
}

/// What was read of one input.
struct Read {
    source: Source,
    is_catalog: bool,
    fault: Option<Fault>,
}

/// Why a file is not parsed.
#[derive(Clone, Copy)]
enum Fault {
    /// It has so many bytes.
    TooLarge(u64),
    /// From this byte on it is not UTF-8; the text is what stands before.
    NotUtf8(usize),
}

impl Loader {
    /// Adds a file, or all `*.policy` files of a folder.
    pub fn path(&mut self, path: &Path) {
        self.inputs.push(Input::Path(path.to_owned()));
    }

    /// Adds a text that stands for a file.
    pub fn text(&mut self, name: &str, text: &str) {
        self.inputs.push(Input::Text { name: name.to_owned(), text: text.to_owned() });
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
                Input::Text { .. } => {}
            }
        }
        if errors.is_empty() { Ok(files) } else { Err(errors) }
    }

    /// Reads, parses and checks the set.
    ///
    /// # Errors
    /// Every file that cannot be read.
    pub fn load(self) -> Result<PolicySet, Vec<Unreadable>> {
        let reads = self.read()?;
        let mut sources = Sources::default();
        let mut kinds = Vec::new();
        for read in reads {
            let file = sources.push(read.source);
            kinds.push((file, read.is_catalog, read.fault));
        }
        let parsed: Vec<(Ast, Vec<Diagnostic>)> =
            kinds.par_iter().map(|(file, is_catalog, fault)| parse(&sources, *file, *is_catalog, *fault)).collect();
        let (asts, found): (Vec<Ast>, Vec<Vec<Diagnostic>>) = parsed.into_iter().unzip();
        let (ir, diagnostics) = check::check(&asts, &sources, found.into_iter().flatten().collect());
        let revision = revision(&sources);
        Ok(PolicySet { sources, asts, ir, diagnostics, revision })
    }

    fn read(self) -> Result<Vec<Read>, Vec<Unreadable>> {
        let mut errors = Vec::new();
        let mut seen = BTreeSet::new();
        let (mut policies, mut catalogs) = (Vec::new(), Vec::new());
        for input in self.inputs {
            match input {
                Input::Text { name, text } => {
                    policies.push(Read { source: Source::new(&name, &name, &text), is_catalog: false, fault: None })
                }
                Input::Path(path) => {
                    for found in find(&path, &mut seen, &mut errors) {
                        policies.extend(read_file(&found, false, &mut errors));
                    }
                }
                Input::Catalog(path) => {
                    let short = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    catalogs.extend(read_file(&Found { path, short }, true, &mut errors));
                }
            }
        }
        policies.extend(catalogs);
        if errors.is_empty() { Ok(policies) } else { Err(errors) }
    }
}

/// The files of one argument.
fn find(argument: &Path, seen: &mut BTreeSet<PathBuf>, errors: &mut Vec<Unreadable>) -> Vec<Found> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(argument).follow_links(true) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let path = error.path().unwrap_or(argument).to_owned();
                // The path is said already; what is no error of the machine is a circle of links.
                let circle = error.to_string();
                let error = error.into_io_error().unwrap_or_else(|| io::Error::other(circle));
                errors.push(Unreadable { path, error });
                continue;
            }
        };
        let named = entry.depth() == 0 || entry.path().extension().is_some_and(|extension| extension == "policy");
        if entry.file_type().is_dir() || !named {
            continue;
        }
        let below = entry.path().strip_prefix(argument).unwrap_or(entry.path());
        let relative = if below.as_os_str().is_empty() { Path::new(entry.file_name()) } else { below };
        let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        found.push(Found { path: entry.path().to_owned(), short: parts.join("/") });
    }
    found.sort_by(|a, b| a.short.as_bytes().cmp(b.short.as_bytes()));
    found.retain(|file| seen.insert(file.path.canonicalize().unwrap_or_else(|_| file.path.clone())));
    found
}

fn read_file(found: &Found, is_catalog: bool, errors: &mut Vec<Unreadable>) -> Option<Read> {
    let name = found.path.to_string_lossy();
    let size = fs::metadata(&found.path).map(|data| data.len()).unwrap_or_default();
    if size > Source::MAX_BYTES as u64 {
        let source = Source::new(&name, &found.short, "");
        return Some(Read { source, is_catalog, fault: Some(Fault::TooLarge(size)) });
    }
    let bytes = match fs::read(&found.path) {
        Ok(bytes) => bytes,
        Err(error) => {
            errors.push(Unreadable { path: found.path.clone(), error });
            return None;
        }
    };
    let (text, fault) = match std::str::from_utf8(&bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            (std::str::from_utf8(valid).unwrap_or_default(), Some(Fault::NotUtf8(error.valid_up_to())))
        }
    };
    Some(Read { source: Source::new(&name, &found.short, text), is_catalog, fault })
}

fn parse(sources: &Sources, file: FileId, is_catalog: bool, fault: Option<Fault>) -> (Ast, Vec<Diagnostic>) {
    let Some(source) = sources.get(file) else { return (Ast::default(), Vec::new()) };
    let diagnostic = match fault {
        None => None,
        Some(Fault::TooLarge(bytes)) => Some(ast::too_large(file, bytes)),
        Some(Fault::NotUtf8(offset)) => {
            let end = u32::try_from(source.text().len()).unwrap_or(u32::MAX);
            let message = format!("the file is not UTF-8: the byte at offset {offset} belongs to no character");
            let help = "save the file as UTF-8; a binary file is no policy";
            Some(Diagnostic::new(codes::NOT_UTF8, Span::new(file, end, end), message).help(help))
        }
    };
    if let Some(diagnostic) = diagnostic {
        return (Ast { file, ..Ast::default() }, vec![diagnostic]);
    }
    if is_catalog {
        return catalog::decode(file, source, catalog::Format::of(source.name(), source.text()));
    }
    ast::parse(file, source)
}

/// A digest of the texts, by their names relative to their arguments, and of the version of the time-zone rules.
fn revision(sources: &Sources) -> Arc<str> {
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    };
    add(zone::tzdb_version());
    for (_, source) in sources.iter() {
        add(source.short());
        add(source.text());
    }
    let mut text = String::from("sha256:");
    for byte in hash.finalize() {
        text.push_str(&format!("{byte:02x}"));
    }
    text.into()
}
