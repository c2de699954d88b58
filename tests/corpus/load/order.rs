//! Which files there are, and in which order.

use super::{Folder, is_valid, snapshot};
use std::path::PathBuf;

const ALLOW: &str = "allow anyone to view;\n";

#[test]
fn folders_are_read_by_the_bytes_of_relative_paths() {
    let names =
        ["b.policy", "a.policy", "a/z.policy", "a-b.policy", "B.policy", "ä.policy", "a/b/c.policy", "10.policy"];
    let folder = Folder::with(names.map(|name| (name, ALLOW)));
    snapshot("folders_are_read_by_the_bytes_of_relative_paths", &folder.files([""]).join(" "));
}

#[test]
fn arguments_come_in_their_order() {
    let folder = Folder::with([("one/b.policy", ALLOW), ("one/a.policy", ALLOW), ("two/a.policy", ALLOW)]);
    assert_eq!(folder.files(["two", "one"]), ["two/a.policy", "one/a.policy", "one/b.policy"]);
}

#[test]
fn a_file_that_is_reached_twice_is_read_once() {
    let folder = Folder::with([("a.policy", ALLOW), ("sub/b.policy", ALLOW)]);
    assert_eq!(folder.files(["sub/b.policy", "", "a.policy", "sub/../a.policy"]), ["sub/b.policy", "a.policy"]);
    assert_eq!(folder.load(["a.policy", "a.policy"]).ir.unwrap().rules.len(), 1);
}

#[test]
fn only_policy_files_of_a_folder_count() {
    let folder = Folder::with([
        ("a.policy", ALLOW),
        ("b.POLICY", "not a policy"),
        ("c.policy.bak", "not a policy"),
        ("d.json", "{}"),
        ("policy", "not a policy"),
        (".policy", "not a policy"),
        (".hidden/e.policy", ALLOW),
        ("folder.policy/f.policy", ALLOW),
    ]);
    snapshot("only_policy_files_of_a_folder_count", &folder.files([""]).join(" "));
}

#[test]
fn a_file_that_is_named_counts_whatever_it_is_called() {
    let folder = Folder::with([("rules.txt", ALLOW)]);
    assert!(is_valid(&folder.load(["rules.txt"])));
}

#[test]
fn folders_in_folders_are_read_to_any_depth() {
    let deep = "d/".repeat(100);
    let name = format!("{deep}a.policy");
    let folder = Folder::with([(name.as_str(), ALLOW)]);
    assert_eq!(folder.files([""]), [name.as_str()]);
}

#[test]
fn rules_without_a_label_are_called_by_their_place_below_the_argument() {
    let folder = Folder::with([("sub/deep/a.policy", ALLOW), ("b.policy", ALLOW)]);
    let names = |argument| {
        let set = folder.load([argument]);
        set.ir.unwrap().rules.iter().map(|rule| rule.name().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(""), ["b.policy:1", "sub/deep/a.policy:1"]);
    assert_eq!(names("sub"), ["deep/a.policy:1"]);
    assert_eq!(names("sub/deep/a.policy"), ["a.policy:1"]);
}

#[test]
fn a_set_of_a_thousand_files() {
    let files: Vec<(String, String)> = (0..1_000)
        .map(|index| (format!("team-{}/{index:04}.policy", index % 10), format!("rule-{index}: {ALLOW}")))
        .collect();
    let folder = Folder::with(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let set = folder.load([""]);
    assert!(is_valid(&set));
    let names: Vec<String> = set.ir.unwrap().rules.iter().map(|rule| rule.name().to_string()).collect();
    assert_eq!(
        (names.len(), names.first().unwrap().as_str(), names.last().unwrap().as_str()),
        (1_000, "rule-0", "rule-999")
    );
    assert_eq!(names.get(1).unwrap(), "rule-10");
}

#[test]
fn what_does_not_exist_is_said_all_at_once() {
    let folder = Folder::with([("a.policy", "nonsense")]);
    snapshot(
        "what_does_not_exist_is_said_all_at_once",
        &folder.unreadable(["missing", "a.policy", "also/missing.policy"]),
    );
}

#[test]
fn a_missing_catalog_is_unreadable() {
    let folder = Folder::with([("a.policy", ALLOW)]);
    let mut loader = folder.loader(["a.policy"]);
    loader.catalog(&folder.path("missing.csv"));
    assert_eq!(loader.load().err().unwrap().len(), 1);
}

#[test]
fn a_folder_without_policies_is_a_set_that_allows_nothing() {
    let folder = Folder::with([("readme.md", "nothing here")]);
    let set = folder.load([""]);
    assert!(is_valid(&set));
    assert_eq!(set.sources.iter().count(), 0);
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_circles_of_links_reported() {
    let folder = Folder::with([("real/a.policy", ALLOW)]);
    let link = |target: &str, name: &str| std::os::unix::fs::symlink(folder.path(target), folder.path(name)).unwrap();
    link("real", "linked");
    link("real/a.policy", "again.policy");
    assert_eq!(folder.files([""]), ["again.policy"], "one file, by the first of its names");
    link("", "real/round");
    snapshot("links_are_followed_and_circles_of_links_reported", &folder.unreadable([""]));
}

#[cfg(unix)]
#[test]
fn a_link_to_nothing_is_unreadable() {
    let folder = Folder::with([("a.policy", ALLOW)]);
    std::os::unix::fs::symlink("nowhere", folder.path("dangling.policy")).unwrap();
    snapshot("a_link_to_nothing_is_unreadable", &folder.unreadable([""]));
}

#[test]
fn the_revision_knows_texts_and_names_but_not_where_the_folder_is() {
    let files = [("a.policy", ALLOW), ("sub/b.policy", ALLOW)];
    let revision = |files: &[(&'static str, &'static str)]| Folder::with(files.iter().copied()).load([""]).revision;
    assert_eq!(revision(&files), revision(&files));
    assert_ne!(revision(&files), revision(&[("a.policy", ALLOW), ("sub/c.policy", ALLOW)]));
    assert_ne!(revision(&files), revision(&[("a.policy", "allow anyone to  view;\n"), ("sub/b.policy", ALLOW)]));
    assert_ne!(revision(&files), revision(&files[..1]));
}

#[test]
fn paths_are_called_as_they_were_given() {
    let folder = Folder::with([("sub/a.policy", "allow anyone to view\n")]);
    let mut loader = folder.loader(["sub"]);
    loader.text("<stdin>", "allow anyone to infer;\n");
    let set = loader.load().unwrap();
    let names: Vec<PathBuf> = set.sources.iter().map(|(_, source)| source.name().into()).collect();
    assert_eq!(names, [folder.path("sub/a.policy"), "<stdin>".into()]);
}
