//! A set that follows its files is the set that is loaded anew, and one that is read section by section is that of its trees.

use crate::{
    conditions::Text,
    sets::{Only, policy_set, rule},
};
use policyc::{
    load::{Loader, PolicySet},
    report::terminal,
};
use proptest::{collection, option, prelude::*, sample::select};
use std::{
    collections::BTreeMap,
    fmt::{Debug, Write},
};

/// How many sets are followed through their changes.
const SETS: u32 = 48;

/// Statements of which a change of one file can make a difference elsewhere: to names, to what tests want, to warnings.
const TELLING: [&str; 25] = [
    "one: allow anyone to view;",
    "two: deny anonymous to any else NO;",
    "never allow anonymous to view;",
    "two: never allow anonymous to infer;",
    "oblige log(level = 1) to any;",
    "oblige log(level = 2) to any;",
    "oblige log(level = 3) to view on \"m/1\";",
    "oblige mark, log(level = 1) to any upon deny;",
    "test \"label\" { given principal = anonymous; view on \"m/1\" => allow by one; }",
    "test \"place\" { view on \"m/1\" => deny by \"f1.policy:1\"; }",
    "test \"duty\" { view on \"m/1\" => allow obliges log(level = 1); }",
    "deny anyone to view; // policyc: allow P0109",
    "// policyc: allow P0109\ndeny anyone to view;",
    "allow anyone to view; // policyc: allow P0101",
    "allow role nobody to view;",
    "allow role novice to publish;",
    "role novice;",
    "role master includes novice;",
    "deny role novice to view else NO;",
    "actions publish;",
    "attribute tokens: int;\nlimit anyone to any at most 5 tokens per minute;",
    "shadow limit anyone to any at most 6 tokens per minute;",
    "condition calm = not degraded;\nallow anyone to view when calm and n\u{200b};",
    "model \"m/1\" { tags: [a]; }\nallow anyone to view on \"n/*\";",
    "allow to to;",
];

/// The statements of each file, by name.
type Files = BTreeMap<String, Vec<String>>;

fn statement() -> Text {
    let telling = select(TELLING.as_slice()).prop_map(str::to_owned);
    prop_oneof![2 => rule(Only::Any, true).prop_map(|rule| rule.text()), 3 => telling].boxed()
}

/// A file's statements, or none for no file.
fn change() -> impl Strategy<Value = (String, Option<Vec<String>>)> {
    let statements = option::weighted(0.85, collection::vec(statement(), 0..4));
    ((0..6usize).prop_map(|number| format!("f{number}.policy")), statements)
}

fn texts(files: &Files) -> impl Iterator<Item = (&str, String)> {
    files.iter().map(|(name, statements)| (name.as_str(), statements.join("\n")))
}

fn loader(files: &Files) -> Loader {
    let mut loader = Loader::default();
    texts(files).for_each(|(name, text)| loader.text(name, &text));
    loader
}

/// All that a set says, whatever ids its files and rules have.
fn outline(set: &PolicySet) -> String {
    let mut out = format!("{}\n{}", set.revision, terminal::render(&set.diagnostics, &set.sources, false, 100));
    let mut line = |what: &dyn Debug| writeln!(out, "{what:?}").unwrap();
    let Some(ir) = &set.ir else { return out };
    for rule in ir.rules.iter() {
        line(&(rule.name(), rule.place(), rule.word(), rule.shadow, &rule.effect, &rule.actions));
        rule.parts.iter().for_each(|part| line(&(part.kind, set.sources.slice(part.at), &part.cond)));
    }
    for claim in ir.claims.iter() {
        line(&(&claim.name, set.sources.slice(claim.at), claim.always, &claim.actions));
        claim.parts.iter().for_each(|part| line(&(part.kind, set.sources.slice(part.at), &part.cond)));
    }
    for test in ir.tests.iter() {
        line(&(&test.name, set.sources.slice(test.at), test.steps.len()));
    }
    let vocabulary = &ir.vocabulary;
    line(&(&vocabulary.tiers, &vocabulary.actions, &vocabulary.roles, &vocabulary.principal_kinds));
    for row in vocabulary.attributes.iter() {
        line(&(&row.path, &row.ty, &row.default, row.is_unit, row.at.map(|at| set.sources.place(at))));
    }
    vocabulary.resources.iter().for_each(|row| line(&(&row.id, &row.values, set.sources.place(row.at))));
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: SETS, ..ProptestConfig::default() })]

    #[test]
    fn a_set_that_follows_its_files_is_the_set_loaded_anew(
        vocabulary in option::weighted(0.7, policy_set(true)),
        start in collection::vec(change(), 0..8),
        changes in collection::vec((change(), any::<bool>()), 1..12),
    ) {
        let mut files = Files::new();
        if let Some(set) = vocabulary {
            files.insert("a.policy".to_owned(), set.vocabulary);
        }
        files.extend(start.into_iter().filter_map(|(name, statements)| Some((name, statements?))));
        let mut space = loader(&files).open().unwrap();
        for ((name, statements), by_file) in changes {
            let known = space.file(&name).filter(|_| by_file);
            match (known, statements) {
                (Some(file), Some(statements)) => {
                    space.change(file, &statements.join("\n"));
                    files.insert(name, statements);
                }
                (_, Some(statements)) => drop(files.insert(name, statements)),
                (_, None) => drop(files.remove(&name)),
            }
            space.update(loader(&files)).unwrap();
            let anew = loader(&files).load().unwrap();
            prop_assert_eq!(outline(&space.set()), outline(&anew), "{:#?}", files);
            prop_assert_eq!(outline(&anew), outline(&loader(&files).parse().unwrap().check()), "{:#?}", files);
        }
    }
}

/// A file of some sections: all kinds of statements, warnings of which some are silenced, names that are declared behind
/// the rules that use them.
fn large_file() -> Vec<String> {
    let rules = |number: usize| {
        format!(
            "/// Of model {number}.\non model \"m/{number}\" {{\n    allow user \"u{number}\" to view; // and no other\n    \
             deny role novice to infer when ip in [10.0.{}.0/24]; // policyc: allow P0109\n    \
             never allow anonymous to view;\n}}\nr{number}: limit anyone to infer at most {number} per minute;\n\
             oblige log(level = {}) to any on model \"m/{}\";\n// policyc: allow P0109\ndeny anonymous to publish;\n",
            number % 256,
            number % 3,
            number / 2,
        )
    };
    let mut statements: Vec<String> = (1..=400).map(rules).collect();
    statements.insert(150, "actions view, infer, publish; attribute country: text;".to_owned());
    statements.insert(250, "deny anyone to view when country == \"x\" else NO;".to_owned());
    statements.insert(350, "/// The only one.\nrole novice;\nmodel \"m/1\" { org: \"a\"; }".to_owned());
    statements.push("test \"t\" { view on \"m/1\" => deny by r7; infer on \"m/2\" => deny; }".to_owned());
    statements
}

fn loads_as_its_trees(statements: Vec<String>) -> bool {
    let files = Files::from([("a.policy".to_owned(), statements)]);
    let (loaded, trees) = (loader(&files).load().unwrap(), loader(&files).parse().unwrap().check());
    assert!(loaded.sources.iter().all(|(_, source)| source.text().len() > 2 << 16));
    assert_eq!(outline(&loaded), outline(&trees));
    loaded.ir.is_some()
}

#[test]
fn a_large_file_is_the_sum_of_its_sections() {
    let statements = large_file();
    assert!(loads_as_its_trees(statements.clone()));
    let without_actions = statements.iter().map(|text| text.replace("actions view, infer, publish; ", ""));
    assert!(loads_as_its_trees(without_actions.collect()));
    let faults = [
        (0, "/// Of nothing."),
        (100, "allow anyone to view\nrole expert;"),
        (200, "allow role expert to view;"),
        (300, "r7: deny anonymous to any else NO;"),
        (399, "alow anyone to view;"),
    ];
    for (place, fault) in faults {
        let mut statements = statements.clone();
        statements.insert(place, fault.to_owned());
        assert_eq!(loads_as_its_trees(statements), place == 0, "{fault}");
    }
}
