//! The command line: each `tests/cli/*.toml` is a case, with what it prints beside it.
//!
//! A case has `files` (by path), `bytes` (for files that are no text), `links`, `databases`, and `[[run]]`s: commands that are run one
//! after the other in one folder, without a process. `INSTA_UPDATE=always cargo test --test cli` writes the expectations
//! anew; read the difference before committing it. What only a process can show is in [`process`].

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that panics has failed, as it should")]

#[path = "cli/junit.rs"]
mod junit;
#[path = "cli/parquet.rs"]
mod parquet;
#[path = "cli/process.rs"]
mod process;

use policyc::Io;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default)]
    files: BTreeMap<PathBuf, String>,
    #[serde(default)]
    bytes: BTreeMap<PathBuf, Vec<u8>>,
    #[serde(default)]
    links: BTreeMap<PathBuf, PathBuf>,
    #[serde(default)]
    folders: Vec<PathBuf>,
    /// Databases (SQLite): a file of SQL in `tests/cli/`, and more SQL to run after it.
    #[serde(default)]
    databases: BTreeMap<PathBuf, Vec<String>>,
    run: Vec<Run>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    /// What follows `policyc`.
    args: Vec<String>,
    #[serde(default)]
    stdin: String,
    #[serde(default)]
    color: bool,
    #[serde(default = "usual_width")]
    width: usize,
    /// The folder it is run in.
    #[serde(default)]
    inside: PathBuf,
    /// Files to look at afterwards.
    #[serde(default)]
    show: Vec<PathBuf>,
}

const fn usual_width() -> usize {
    80
}

impl Case {
    /// Makes the files of a case in a folder of its own.
    fn make(&self) -> TempDir {
        let folder = TempDir::new().unwrap();
        let place = |path: &Path| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            path
        };
        for (path, text) in &self.files {
            fs::write(place(path), text).unwrap();
        }
        for (path, bytes) in &self.bytes {
            fs::write(place(path), bytes).unwrap();
        }
        for (path, target) in &self.links {
            std::os::unix::fs::symlink(target, place(path)).unwrap();
        }
        for path in &self.folders {
            fs::create_dir_all(place(path)).unwrap();
        }
        for (path, sql) in &self.databases {
            let (file, more) = sql.split_first().unwrap();
            let database = rusqlite::Connection::open(place(path)).unwrap();
            let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
            database.execute_batch(&fs::read_to_string(cases.join(file)).unwrap()).unwrap();
            more.iter().for_each(|sql| database.execute_batch(sql).unwrap());
        }
        folder
    }
}

/// Runs a command in a folder, without a process, and tells all that can be seen of it.
fn run(folder: &Path, run: &Run) -> String {
    let args = std::iter::once("policyc").chain(run.args.iter().map(String::as_str)).map(OsString::from);
    let (mut out, mut err, mut input) = (Vec::new(), Vec::new(), run.stdin.as_bytes());
    let mut io = Io {
        input: &mut input,
        out: &mut out,
        err: &mut err,
        color_out: run.color,
        color_err: run.color,
        interactive: false,
        width: run.width,
    };
    env::set_current_dir(folder.join(&run.inside)).unwrap();
    let exit = policyc::run(args, &policyc::store::Stores::default(), &mut io);
    let mut seen = format!("$ policyc {}\n", run.args.join(" "));
    for (name, bytes) in [("stdout", out), ("stderr", err)] {
        section(&mut seen, name, &bytes);
    }
    writeln!(seen, "--- exit {}", exit.code()).unwrap();
    for path in &run.show {
        section(&mut seen, &path.to_string_lossy(), &fs::read(folder.join(path)).unwrap());
    }
    seen
}

/// A text under its name; what cannot be seen is made visible.
fn section(seen: &mut String, name: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).replace('\u{1b}', "␛").replace('\r', "␍").replace('\u{feff}', "(BOM)");
    let text = without_revisions(&text);
    if !text.is_empty() {
        let end = if text.ends_with('\n') { "" } else { "(no line break)\n" };
        write!(seen, "--- {name}\n{text}{end}").unwrap();
    }
}

/// Revisions change with the time-zone rules, and with every word of a case.
fn without_revisions(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        write!(plain, "sha256:…{}", part.trim_start_matches(|digit: char| digit.is_ascii_hexdigit())).unwrap();
    }
    plain
}

/// All cases, one after the other: the current folder is the process's. No other test of this file may depend on it.
#[test]
fn cases() {
    let home = env::current_dir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let mut cases: Vec<PathBuf> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    cases.sort();
    let mut seen = Vec::new();
    for path in cases {
        let text = fs::read_to_string(&path).unwrap();
        let case: Case = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let folder = case.make();
        let runs: Vec<String> = case.run.iter().map(|command| run(folder.path(), command)).collect();
        seen.push((path.file_name().unwrap().to_string_lossy().into_owned(), runs.join("\n")));
    }
    env::set_current_dir(home).unwrap();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, seen) in seen {
            insta::assert_snapshot!(name, seen);
        }
    });
}
