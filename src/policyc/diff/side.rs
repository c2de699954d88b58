//! The two sides of a comparison: paths, bundles, or revisions of a git repository.
//!
//! Revisions are read by the `git` command: it knows the repository's own settings and what a partial clone has to fetch,
//! which a library would have to be taught, and whoever compares revisions has it. It is called without a shell, and a
//! revision becomes an object's id before anything else is done with it.

use super::super::{Config, Exit, Io, set, style::failed};
use crate::engine::{Claims, Engine, EngineBuilder};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

/// How files of policies end.
const ENDING: &str = ".policy";

/// The policy set of one side.
///
/// # Errors
/// If it cannot be read or is not valid; what is wrong has been said.
pub(super) fn load(side: &str, catalogs: &[PathBuf], io: &mut Io<'_>) -> Result<Engine, Exit> {
    let path = Path::new(side);
    let revision = side.split_once(':').filter(|(revision, _)| !revision.is_empty() && side != "-" && !path.exists());
    let builder = match revision {
        Some((revision, path)) => {
            let builder = of_revision(revision, path).map_err(|message| failed(io, &message, None))?;
            catalogs.iter().fold(builder, EngineBuilder::catalog)
        }
        None => {
            let config = Config::find(Some(path)).map_err(|fault| failed(io, &fault.message, fault.help.as_deref()))?;
            set::one(&[path.to_owned()], catalogs, io, &config)?.builder()
        }
    };
    set::load(builder, io)
}

/// The policies of a path in a revision of the repository in the current folder.
fn of_revision(revision: &str, path: &str) -> Result<EngineBuilder, String> {
    let named = format!("{revision}:{path}");
    let object = git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &named], &[])
        .map_err(|error| no_object(&named, &error))?;
    let object = text(&named, object)?.trim().to_owned();
    let builder = Engine::builder().claims(Claims::Unproved);
    match text(&named, git(&["cat-file", "-t", &object], &[])?)?.trim() {
        "blob" => Ok(builder.text(&named, &text(&named, git(&["cat-file", "blob", &object], &[])?)?)),
        "tree" => {
            let base = if path.is_empty() || path.ends_with('/') { named } else { format!("{named}/") };
            let files = files(&object)?;
            let texts = contents(&base, &files)?;
            Ok(files
                .iter()
                .zip(texts)
                .fold(builder, |builder, ((_, name), text)| builder.text(&format!("{base}{name}"), &text)))
        }
        other => Err(format!("`{named}` is a {other}, and not a file or a folder")),
    }
}

fn no_object(named: &str, error: &str) -> String {
    let why = if error.is_empty() { "no such file or folder, and no such revision of a git repository" } else { error };
    format!("cannot read `{named}`: {why}")
}

/// The policy files of a folder: their objects, and their paths in it.
fn files(tree: &str) -> Result<Vec<(String, String)>, String> {
    let listing = git(&["ls-tree", "-r", "-z", "--full-tree", tree], &[])?;
    let listing = text(tree, listing)?;
    let entries = listing.split('\0').filter_map(|entry| entry.split_once('\t'));
    let files = entries.filter_map(|(about, name)| {
        let mut words = about.split(' ');
        let (mode, object) = (words.next()?, words.nth(1)?);
        // Links are not followed: what they lead to may be no part of the revision.
        (mode.starts_with("100") && name.ends_with(ENDING)).then(|| (object.to_owned(), name.to_owned()))
    });
    Ok(files.collect())
}

/// The texts of some files, in one call.
fn contents(base: &str, files: &[(String, String)]) -> Result<Vec<String>, String> {
    let wanted: String = files.iter().map(|(object, _)| format!("{object}\n")).collect();
    let answer = git(&["cat-file", "--batch"], wanted.as_bytes())?;
    let mut rest = answer.as_slice();
    let mut texts = Vec::new();
    for (_, name) in files {
        let damaged = || format!("cannot read `{base}{name}`: git does not know its text");
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(damaged)?;
        let (head, body) = rest.split_at(end);
        let size = std::str::from_utf8(head).ok().and_then(|head| head.rsplit(' ').next()?.parse::<usize>().ok());
        let content = size.and_then(|size| body.get(1..)?.split_at_checked(size)).ok_or_else(damaged)?;
        texts.push(text(&format!("{base}{name}"), content.0.to_vec())?);
        rest = content.1.get(1..).unwrap_or_default();
    }
    Ok(texts)
}

fn text(name: &str, bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|_| format!("`{name}` is not UTF-8"))
}

/// What `git` writes that is given this.
///
/// # Errors
/// What it says where it fails.
fn git(args: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
    let cannot = |error: std::io::Error| format!("cannot run `git`: {error}");
    let mut command = Command::new("git");
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(cannot)?;
    let stdin = child.stdin.take();
    let output = thread::scope(|scope| {
        // It may write before it has read everything.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
        child.wait_with_output()
    });
    let output = output.map_err(cannot)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
