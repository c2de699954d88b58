//! What names are only used inside a policy set is nobody else's business: other ones change no answer.

use crate::random::{Set, pair};
use policyc::{
    Claims, Engine, EngineBuilder,
    check::ir::RuleId,
    query::{Budget, Change, ChangeKind, RuleOf, Which, diff},
    request::{Principal, Request, Resource},
};
use proptest::prelude::*;
use std::{collections::BTreeMap, sync::Arc};

/// What may follow a condition.
const ENDS: [&str; 5] = [" when ", " unless ", " at most ", " else ", ";"];

/// The definitions that are taken out of rules.
struct Definitions {
    stem: &'static str,
    texts: Vec<String>,
}

impl Definitions {
    /// A name for a part of a rule.
    fn name(&mut self, word: &str, text: &str) -> String {
        let name = format!("{}-{}", self.stem, self.texts.len());
        self.texts.push(format!("{word} {name} = {text};"));
        name
    }

    /// A rule where lists of constants and conditions have names.
    fn take_from(&mut self, rule: &str) -> String {
        let (mut done, mut rest) = (String::new(), rule.to_owned());
        while let Some((before, list)) = rest.split_once(" in [") {
            let (list, after) = list.split_once(']').unwrap();
            done += &format!("{before} in {}", self.name("set", &format!("[{list}]")));
            rest = after.to_owned();
        }
        rest = done + &rest;
        done = String::new();
        while let Some((start, word)) = ENDS[..2].iter().filter_map(|word| Some((rest.find(word)?, *word))).min() {
            let (before, cond) = rest.split_at(start + word.len());
            let end = ENDS.iter().filter_map(|end| cond.find(end)).min().unwrap();
            let (cond, after) = cond.split_at(end);
            done += &format!("{before}{}", self.name("condition", cond));
            rest = after.to_owned();
        }
        done + &rest
    }
}

/// A set whose rules have labels, and parts of rules names, that begin with a stem; so do the names of its files.
fn renamed(set: &Set, stem: &'static str) -> Engine {
    let (vocabulary, rules) = set.statements.split_at(set.names);
    let mut definitions = Definitions { stem, texts: Vec::new() };
    let labelled = |(index, rule): (usize, &String)| format!("{stem}-rule-{index}: {}", definitions.take_from(rule));
    let rules: Vec<String> = rules.iter().enumerate().map(labelled).collect();
    EngineBuilder::default()
        .text(&format!("{stem}/vocabulary.policy"), &vocabulary.join("\n"))
        .text(&format!("{stem}/definitions.policy"), &definitions.texts.join("\n"))
        .text(&format!("{stem}/rules.policy"), &rules.join("\n"))
        .claims(Claims::Unproved)
        .load()
        .unwrap_or_else(|error| panic!("the set is not valid: {error}\n{:?}\n{rules:?}", definitions.texts))
}

fn as_written(set: &Set) -> Engine {
    EngineBuilder::default().text("set.policy", &set.text()).claims(Claims::Unproved).load().unwrap()
}

/// A rule of one of the sets, by its place among the rules of the set.
type Place = (Which, usize);

/// A change without the names of its rules.
#[derive(Debug, PartialEq)]
struct Nameless {
    kind: ChangeKind,
    rule: Option<Place>,
    except: Vec<Place>,
    more: bool,
    resources: Vec<(Arc<str>, Arc<str>)>,
    witness: Request,
}

fn changes([old, new]: [&Engine; 2]) -> Vec<Nameless> {
    let places = |engine: &Engine| -> BTreeMap<RuleId, usize> {
        engine.ir().rules.pairs().enumerate().map(|(place, (id, _))| (id, place)).collect()
    };
    let (before, after) = (places(old), places(new));
    let place = |(which, id): RuleOf| (which, if which == Which::Old { &before } else { &after }[&id]);
    let nameless = |change: Change| Nameless {
        kind: change.kind,
        rule: change.rule.map(place),
        except: change.except.into_iter().map(place).collect(),
        more: change.more,
        resources: change.resources,
        witness: change.witness,
    };
    let found = diff(old.ir(), new.ir(), &ChangeKind::ALL, Budget::USUAL, |_| {});
    assert!(found.inconclusive.is_empty(), "{:?}", found.inconclusive);
    found.changes.into_iter().map(nameless).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn names_that_are_used_inside_only_change_no_difference((old, new) in pair()) {
        let [one, two] = ["one", "two"].map(|stem| [renamed(&old, stem), renamed(&new, stem)]);
        let expected = changes([&one[0], &one[1]]);
        prop_assert_eq!(&changes([&two[0], &two[1]]), &expected);
        prop_assert_eq!(&changes([&one[0], &two[1]]), &expected);
        prop_assert!(changes([&one[0], &two[0]]).is_empty());
        // A condition without a name is put together otherwise, so that another request may show the same.
        let written = changes([&as_written(&old), &as_written(&new)]);
        let rest = |changes: Vec<Nameless>| -> Vec<Nameless> {
            let any = || Request::new(Principal::anonymous(), "view", Resource::model("any"));
            changes.into_iter().map(|change| Nameless { witness: any(), ..change }).collect()
        };
        prop_assert_eq!(rest(written), rest(expected));
    }
}
