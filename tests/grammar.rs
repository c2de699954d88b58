//! Every rule of the grammar accepts and rejects what its samples say.
//!
//! `grammar/samples/*.txt` hold the samples: a rule's name in brackets, then a line for each text, `+` before those that
//! the rule matches from beginning to end, `-` before those that it does not.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

use policyc::{
    ast::{matches, parse},
    source::{FileId, Source},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const GRAMMAR: &str = include_str!("../grammar/policy.pest");

/// What is known of one rule.
#[derive(Default)]
struct Samples {
    accepted: Vec<String>,
    rejected: Vec<String>,
}

fn samples() -> BTreeMap<String, Samples> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("grammar/samples");
    let mut all: BTreeMap<String, Samples> = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let mut rule = String::new();
        for line in fs::read_to_string(entry.unwrap().path()).unwrap().lines() {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                name.clone_into(&mut rule);
                assert!(all.insert(rule.clone(), Samples::default()).is_none(), "{rule} has samples twice");
            } else if let Some(text) = line.strip_prefix("+ ") {
                all.get_mut(&rule).unwrap().accepted.push(text.to_owned());
            } else if let Some(text) = line.strip_prefix("- ") {
                all.get_mut(&rule).unwrap().rejected.push(text.to_owned());
            } else {
                assert!(line.is_empty() || line.starts_with('#'), "neither `+` nor `-`: {line}");
            }
        }
    }
    all
}

/// The rules that make nodes, without keywords and marks.
fn rules() -> BTreeSet<&'static str> {
    let (rules, _) = GRAMMAR.split_once("// ---- Marks and keywords").unwrap();
    rules
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(name, body)| !name.starts_with([' ', '/']) && !body.trim_start().starts_with('_'))
        .map(|(name, _)| name.trim())
        .collect()
}

#[test]
fn samples_are_told_apart() {
    let mut wrong = Vec::new();
    for (rule, samples) in samples() {
        for (texts, expected) in [(&samples.accepted, true), (&samples.rejected, false)] {
            for text in texts {
                match matches(&rule, text) {
                    None => wrong.push(format!("there is no rule {rule}")),
                    Some(matched) if matched != expected => wrong.push(format!("{rule} matches is {matched}: {text}")),
                    Some(_) => {}
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_samples() {
    let samples = samples();
    let lacking: Vec<_> = rules()
        .into_iter()
        .filter(|rule| samples.get(*rule).is_none_or(|of| of.accepted.is_empty() || of.rejected.is_empty()))
        .collect();
    assert!(lacking.is_empty(), "rules without samples to accept and to reject: {}", lacking.join(", "));
}

#[test]
fn every_reserved_word_is_a_keyword_and_no_name() {
    let list = GRAMMAR.split_once("reserved = _{").unwrap().1.split_once('}').unwrap().0;
    let words: Vec<&str> = list.split('"').filter(|part| part.chars().all(|c| c.is_ascii_lowercase())).collect();
    assert_eq!(words.len(), 34);
    for word in words {
        assert_eq!(matches(&format!("kw_{word}"), word), Some(true), "{word}");
        assert_eq!(matches("ident", word), Some(false), "{word}");
        assert_eq!(matches("ident", &format!("{word}-x")), Some(true), "{word}");
        assert_eq!(matches("path", &format!("a.{word}")), Some(true), "{word}");
    }
    for word in ["tier", "model", "view", "test", "open", "key", "release", "repeat", "given", "set", "role", "any"] {
        assert_eq!(matches("ident", word), Some(true), "{word}");
    }
}

#[test]
fn the_examples_of_the_reference_parse() {
    let reference = include_str!("../grammar/README.md");
    let mut count = 0;
    for (index, fence) in reference.split("\n```").enumerate().filter(|(index, _)| index % 2 == 1) {
        let (tag, text) = fence.split_once('\n').unwrap();
        if tag == "policy" || tag == "policy,fragment" {
            let source = Source::new("README.md", "README.md", text);
            let (_, diagnostics) = parse(FileId(0), &source);
            let problems: Vec<_> =
                diagnostics.iter().map(|diagnostic| (source.slice(diagnostic.span()), diagnostic.message())).collect();
            assert!(problems.is_empty(), "fence {index}:\n{text}\n{problems:?}");
            count += 1;
        }
    }
    assert!(count > 20, "only {count} examples");
}
