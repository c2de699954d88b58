//! From paths to texts, and from texts to trees.

use super::Unreadable;
use crate::{
    ast::{self, Ast, Matchers},
    check::Parsed,
    report::{Diagnostic, codes},
    source::{FileId, Source, Sources, Span},
    wire::catalog,
};
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// A file that was found, and its path relative to its argument.
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) short: String,
}

/// What was read of one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) source: Source,
    pub(super) is_catalog: bool,
    pub(super) fault: Option<Fault>,
}

/// Why a file is not parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It has so many bytes.
    TooLarge(u64),
    /// From this byte on it is not UTF-8; the text is what stands before.
    NotUtf8(usize),
}

/// The files of one argument.
pub(super) fn find(argument: &Path, seen: &mut BTreeSet<PathBuf>, errors: &mut Vec<Unreadable>) -> Vec<Found> {
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

/// What a file says.
///
/// # Errors
/// It cannot be read.
pub(super) fn read_file(found: &Found, is_catalog: bool) -> Result<Read, Unreadable> {
    let name = found.path.to_string_lossy();
    let size = fs::metadata(&found.path).map(|data| data.len()).unwrap_or_default();
    if size > Source::MAX_BYTES as u64 {
        let source = Source::new(&name, &found.short, "");
        return Ok(Read { source, is_catalog, fault: Some(Fault::TooLarge(size)) });
    }
    let bytes = fs::read(&found.path).map_err(|error| Unreadable { path: found.path.clone(), error })?;
    let (text, fault) = match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let mut bytes = error.into_bytes();
            bytes.truncate(valid);
            (String::from_utf8(bytes).unwrap_or_default(), Some(Fault::NotUtf8(valid)))
        }
    };
    Ok(Read { source: Source::new(&name, &found.short, text), is_catalog, fault })
}

/// A file that is to be checked.
pub(super) fn parsed(file: FileId, read: &Read, sources: &Sources, matchers: &Matchers) -> Parsed {
    if read.fault.is_none() && !read.is_catalog {
        return Parsed::read(file, &read.source, sources, matchers);
    }
    let (ast, found) = parse(file, read);
    Parsed::new(ast, found, sources)
}

/// The tree of a file, and what is wrong with its text.
pub(super) fn parse(file: FileId, read: &Read) -> (Ast, Vec<Diagnostic>) {
    let source = &read.source;
    let diagnostic = match read.fault {
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
    if read.is_catalog {
        return catalog::decode(file, source, catalog::Format::of(source.name(), source.text()));
    }
    ast::parse(file, source)
}
