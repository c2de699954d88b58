//! The project's texts as the rules look at them: files, what in them is code, which paths and crates that names.

use std::{fs, path::Path};

/// A file of Rust: as it is, and without comments, strings and tests of names in them.
pub(crate) struct RustFile {
    /// Its path from the root of the repository, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) code: String,
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn rust_files(folder: &str) -> Vec<RustFile> {
    let paths = files_under(folder).into_iter().filter(|path| path.ends_with(".rs"));
    paths
        .map(|path| {
            let text = fs::read_to_string(root().join(&path)).unwrap();
            RustFile { code: code_of(&text), path, text }
        })
        .collect()
}

/// The files below a folder of the repository, in order, without what is built.
pub(crate) fn files_under(folder: &str) -> Vec<String> {
    const BUILT: &[&str] = &["target", ".git", "fuzz/target", "fuzz/corpus", "fuzz/artifacts", "benches/peers/target"];
    let relative = |path: &Path| path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
    walkdir::WalkDir::new(root().join(folder))
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| !BUILT.contains(&&*relative(entry.path())))
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| relative(entry.path()))
        .collect()
}

/// The top-level module that a file under `src/` belongs to.
pub(crate) fn module_of(name: &str) -> &str {
    name.split('/').next().unwrap().trim_end_matches(".rs")
}

/// Whether a path is another or something inside it.
pub(crate) fn is_part(path: &str, whole: &str) -> bool {
    !whole.is_empty() && path.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The paths after `crate::`, with those in braces one by one: `crate::{a::b, c::{d, self}}` has `a::b`, `c::d`, `c`.
pub(crate) fn crate_paths(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (start, found) in code.match_indices("crate::") {
        let before = code[..start].chars().next_back();
        if !before.is_some_and(|char| char.is_alphanumeric() || char == '_') {
            tree(&code[start + found.len()..], "", &mut paths);
        }
    }
    paths
}

/// Reads one tree of a `use`, as it may also stand in an expression; gives what comes after it.
fn tree<'c>(code: &'c str, prefix: &str, paths: &mut Vec<String>) -> &'c str {
    let mut path = prefix.to_owned();
    let mut rest = code.trim_start();
    loop {
        if let Some(mut inner) = rest.strip_prefix('{') {
            loop {
                inner = inner.trim_start().trim_start_matches(',').trim_start();
                if inner.is_empty() {
                    return inner;
                }
                if let Some(after) = inner.strip_prefix('}') {
                    return after;
                }
                inner = tree(inner, &path, paths);
                // `as name`, and whatever else a tree does not know.
                inner = &inner[inner.find([',', '}']).unwrap_or(inner.len())..];
            }
        }
        let end = rest.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if !name.is_empty() && name != "self" {
            path = if path.is_empty() { name.to_owned() } else { format!("{path}::{name}") };
        }
        match after.strip_prefix("::") {
            Some(next) if !name.is_empty() => rest = next,
            Some(_) | None => break paths.push(path),
        }
        if !rest.starts_with(|char: char| char.is_alphanumeric() || char == '_' || char == '{') {
            break paths.push(path);
        }
    }
    let end = rest.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(rest.len());
    &rest[end..]
}

/// Whether code names a crate: at the start of a path, or whole in a `use`. A module of that name hides the crate.
pub(crate) fn uses_crate(code: &str, krate: &str) -> bool {
    !code.contains(&format!("mod {krate};"))
        && code.match_indices(krate).any(|(start, _)| {
            let (before, after) = (&code[..start], &code[start + krate.len()..]);
            let starts = !before.ends_with(|char: char| char.is_alphanumeric() || matches!(char, '_' | '.'))
                && (!before.ends_with("::") || before.ends_with(" ::"));
            let whole = before.trim_end().ends_with("use") && after.trim_start().starts_with([';', 'a']);
            starts && (after.starts_with("::") || whole)
        })
}

/// The dependencies of a section of a Cargo.toml, and whether a comment stands above each, or above the one before it with
/// the same family name.
pub(crate) fn dependencies(manifest: &str, section: &str) -> Vec<(String, bool)> {
    const FAMILY: usize = 4;
    let text = fs::read_to_string(root().join(manifest)).unwrap();
    let heading = format!("[{section}]");
    let lines = text.lines().skip_while(|line| *line != heading).skip(1).take_while(|line| !line.starts_with('['));
    let mut found: Vec<(String, bool)> = Vec::new();
    let mut above = "";
    for line in lines {
        if let Some((name, _)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
            let name = name.trim().to_owned();
            let explained = match found.last() {
                Some((last, explained)) if above.starts_with(&**last) => {
                    *explained && last.get(..FAMILY) == name.get(..FAMILY)
                }
                Some(_) | None => above.starts_with('#'),
            };
            found.push((name, explained));
        }
        above = line;
    }
    found
}

/// A text of Rust with its comments and the insides of its strings taken out.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(raw) = raw_string(rest, &code) {
            raw
        } else if char == '"' {
            string(rest)
        } else if char == '\'' {
            character(rest)
        } else {
            0
        };
        if skipped > 0 {
            code.push(' ');
        } else {
            code.push(char);
        }
        rest = &rest[skipped.max(char.len_utf8())..];
    }
    code
}

/// The length of the block comment, with those inside it, that a text starts with.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match text.get(at..at + 2) {
            Some("/*") => (depth, at) = (depth + 1, at + 2),
            Some("*/") => (depth, at) = (depth - 1, at + 2),
            Some(_) | None => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The length of the string that a text starts with.
fn string(text: &str) -> usize {
    let mut escaped = true; // the quote itself ends nothing
    for (at, char) in text.char_indices() {
        match char {
            '"' if !escaped => return at + 1,
            '\\' if !escaped => escaped = true,
            _ => escaped = false,
        }
    }
    text.len()
}

/// The length of the raw string that a text starts with, if it does.
fn raw_string(text: &str, before: &str) -> Option<usize> {
    if before.ends_with(|char: char| char.is_alphanumeric() || char == '_') && !before.ends_with('b') {
        return None;
    }
    let hashes = text.strip_prefix('r')?.chars().take_while(|char| *char == '#').count();
    let body = text.get(1 + hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(body.find(&end).map_or(text.len(), |at| 2 + hashes + at + end.len()))
}

/// The length of the character that a text starts with; 0 for a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => text.get(3..).and_then(|rest| rest.find('\'')).map_or(0, |at| at + 4),
        Some(_) => chars.next().filter(|(_, char)| *char == '\'').map_or(0, |(at, _)| at + 1),
        None => 0,
    }
}

#[test]
fn what_is_code_and_which_paths_it_names() {
    let code = code_of(
        "use crate::{a::{b, self, c as d}, e}; // crate::f\nlet x: &'a str = \"crate::g\"; crate::h::i(r#\"\"crate::j\"#, '\"', '\\'');",
    );
    assert_eq!(crate_paths(&code), ["a::b", "a", "a::c", "e", "h::i"]);
    assert!(uses_crate("use pest;", "pest") && uses_crate("x = pest::Parser", "pest"));
    assert!(
        !uses_crate("a::pest::b", "pest")
            && !uses_crate("use pest_derive::Parser", "pest")
            && !uses_crate("pest", "pest")
    );
    assert!(is_part("check::ir::Rule", "check::ir") && !is_part("checker", "check") && !is_part("x", ""));
}
