//! The house rules that no compiler checks: who may import what, where each dependency may be used, how long a file may
//! be, what each file must say and what none may.
//!
//! `tables.rs` holds the rules, `sources.rs` reads what they are about.

#![expect(clippy::arithmetic_side_effects, clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

mod sources;
mod tables;

use policyc::report::codes;
use sources::{crate_paths, dependencies, files_under, is_part, module_of, root, rust_files, uses_crate};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};
use tables::{ANYWHERE, BANNED, FOLDERS, IMPORTS, LONG_FILES, MAX_LINES, MAY_SAY, PLACES, UNFINISHED};

#[test]
fn every_import_is_allowed() {
    let mut wrong = Vec::new();
    for file in rust_files("src") {
        let Some(name) = file.path.strip_prefix("src/").filter(|name| *name != "lib.rs") else { continue };
        let module = module_of(name);
        let row = |wanted: &str| IMPORTS.iter().find(|(row, _)| *row == wanted).map(|(_, allowed)| *allowed);
        let Some(allowed) = row(module) else {
            wrong.push(format!(
                "{}: module `{module}` has no row in the table IMPORTS of tests/tidy/tables.rs: add one",
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
                     the stages themselves should change, change the table IMPORTS of tests/tidy/tables.rs with a reason",
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
    let declared: BTreeSet<String> =
        dependencies("Cargo.toml", "dependencies").into_iter().map(|(name, _)| name).collect();
    let listed: BTreeSet<String> = PLACES.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut wrong: Vec<String> = declared
        .symmetric_difference(&listed)
        .map(|name| {
            format!("`{name}` must stand in Cargo.toml and in the table PLACES of tests/tidy/tables.rs, or in neither")
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
                     PLACES of tests/tidy/tables.rs and the comment in Cargo.toml",
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
    let members = files_under("crates").into_iter().filter(|path| path.ends_with("/Cargo.toml"));
    for manifest in members.chain(["Cargo.toml".to_owned()]) {
        for section in ["dependencies", "dev-dependencies"] {
            for (name, explained) in dependencies(&manifest, section) {
                if !explained {
                    wrong
                        .push(format!("{manifest}: `{name}` in [{section}]: say in a comment above it what it is for"));
                }
            }
        }
    }
    report(&wrong);
}

#[test]
fn no_file_is_too_long() {
    let exceptions: BTreeMap<&str, &str> = LONG_FILES.iter().copied().collect();
    let mut wrong = Vec::new();
    for file in FOLDERS.iter().flat_map(|folder| rust_files(folder)) {
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
    let wrong: Vec<String> = FOLDERS
        .iter()
        .flat_map(|folder| rust_files(folder))
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
