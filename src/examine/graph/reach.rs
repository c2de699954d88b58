//! What requests about one resource can reach.

use super::{About, Card, Chart, Row, Step, Way, words::Words};
use crate::{
    check::{
        entity::Entity,
        ir::{Atom, Cond},
        vocabulary::{Owner, Vocabulary, builtin},
    },
    compile::view::{Entry, Known, condition},
    engine::Engine,
    eval::{facts::Facts, kleene::Kleene, reference::truth_of},
    request::{Principal, Properties, Request, Resource},
    value::Value,
};
use std::collections::{BTreeMap, BTreeSet};

/// The rules that requests about a resource can reach, step by step in the order in which they decide, each with the ways
/// that lead to it. What is known of the resource, its name and what its declaration fixes, is put into the tests; a rule
/// whose tests cannot hold then is told by name only.
#[must_use]
pub fn around(engine: &Engine, kind: &str, id: &str) -> Chart {
    let (ir, graph) = (engine.ir(), engine.graph());
    let declared = ir.vocabulary.resources.find(kind, id);
    let words = Words { vocabulary: &ir.vocabulary, resource: if kind == "model" { "model" } else { "resource" } };
    let facts = facts(&ir.vocabulary, kind, id);
    let known = |atom: &Atom| settled(atom, &ir.vocabulary, declared, facts.as_ref()?);
    let mut chart = Chart { about: Some(about(words, kind, id, declared)), ..Chart::default() };
    let mut blocks = BTreeSet::new();
    // A rule that is filed under several keys is one rule.
    let mut found = BTreeMap::new();
    for (entry, block) in graph.entries() {
        let reached = match entry {
            Entry::Resource(other, name) => (other, name) == (kind, id),
            Entry::Pattern(_, number) => graph.matches(number, id),
            Entry::Tag(_) | Entry::UnknownTags | Entry::ResourceOrg(_) | Entry::UnknownResourceOrg => {
                possible(entry, declared)
            }
            Entry::Everywhere
            | Entry::Principal(..)
            | Entry::PrincipalOrg(_)
            | Entry::UnknownPrincipal
            | Entry::UnknownPrincipalOrg => true,
        };
        if reached {
            blocks.insert(block.at);
            let way = chart.ways.len();
            chart.ways.push(Way::of(entry));
            for listed in graph.rules_in(block) {
                found.entry((Step::of(listed), listed.rule)).or_insert((listed, Vec::new())).1.push(way);
            }
        }
    }
    let mut seen = BTreeSet::new();
    for ((step, id_of), (listed, ways)) in found {
        let Some(rule) = ir.rules.find(id_of) else { continue };
        let shape = condition(rule, Known { resource: Some((kind, id)), ..Known::default() });
        let Some(tests) = words.conjuncts(&shape, &known) else {
            chart.never.push(rule.name());
            continue;
        };
        seen.extend(ways.iter().copied());
        let row = Row { ways, ..Row::new(ir, words, listed, rule, tests) };
        match chart.cards.last_mut() {
            Some(card) if card.step == Some(step) => card.rows.push(row),
            Some(_) | None => chart.cards.push(Card { step: Some(step), rows: vec![row], ..Card::default() }),
        }
    }
    keep(&mut chart, &seen);
    chart.rules = chart.cards.iter().map(|card| card.rows.len()).sum();
    chart.blocks = blocks.len();
    chart
}

/// Leaves out the ways that lead to no row.
fn keep(chart: &mut Chart, seen: &BTreeSet<usize>) {
    let numbers: BTreeMap<usize, usize> = seen.iter().enumerate().map(|(new, old)| (*old, new)).collect();
    let ways = std::mem::take(&mut chart.ways);
    chart.ways = ways.into_iter().enumerate().filter(|(way, _)| seen.contains(way)).map(|(_, way)| way).collect();
    for row in chart.cards.iter_mut().flat_map(|card| &mut card.rows) {
        row.ways = row.ways.iter().filter_map(|way| numbers.get(way).copied()).collect();
    }
}

fn about(words: Words<'_>, kind: &str, id: &str, declared: Option<&Entity>) -> About {
    // Without tiers nothing has one.
    let tiers = !words.vocabulary.tiers.is_empty();
    let values = declared.into_iter().flat_map(|entity| &entity.values);
    let values = values.filter(|(attr, _)| tiers || **attr != builtin::RESOURCE_TIER);
    About {
        words: format!("{kind} {}", super::super::text::quoted(id)),
        declared: declared.is_some(),
        values: values.map(|(attr, value)| (words.path(*attr), words.value(*attr, value))).collect(),
    }
}

/// Whether requests about a resource can come by a tag or an organisation: what its declaration fixes decides, and what
/// it leaves open, a request may say.
fn possible(entry: Entry<'_>, declared: Option<&Entity>) -> bool {
    let fixed = |attr| declared.and_then(|entity| entity.values.get(&attr));
    match entry {
        Entry::Tag(tag) => {
            fixed(builtin::RESOURCE_TAGS).is_none_or(|tags| tags.as_texts().is_some_and(|tags| tags.contains(tag)))
        }
        Entry::ResourceOrg(org) => {
            fixed(builtin::RESOURCE_ORG).is_none_or(|held| held.as_text().is_some_and(|held| **held == *org))
        }
        Entry::UnknownTags => fixed(builtin::RESOURCE_TAGS).is_none(),
        Entry::UnknownResourceOrg => fixed(builtin::RESOURCE_ORG).is_none(),
        Entry::Everywhere
        | Entry::Resource(..)
        | Entry::Pattern(..)
        | Entry::Principal(..)
        | Entry::PrincipalOrg(_)
        | Entry::UnknownPrincipal
        | Entry::UnknownPrincipalOrg => true,
    }
}

/// What is known of a resource, asked about by nobody in particular.
fn facts<'a>(vocabulary: &'a Vocabulary, kind: &str, id: &str) -> Option<Facts<'a>> {
    let nobody = Principal { kind: String::new(), id: None, properties: Properties::new() };
    Facts::new(vocabulary, &Request::new(nobody, "", Resource::new(kind, id)), false).ok()
}

/// What a test comes to, where it asks only for what the resource's declaration fixes.
fn settled(atom: &Atom, vocabulary: &Vocabulary, declared: Option<&Entity>, facts: &Facts<'_>) -> Option<bool> {
    let entity = declared?;
    let fixed = atom.attributes().into_iter().all(|attr| {
        let known: Option<&Value> = entity.values.get(&attr);
        vocabulary.attributes[attr].owner == Owner::Resource && known.is_some()
    });
    if !fixed {
        return None;
    }
    match truth_of(&Cond::atom(atom.clone()), facts) {
        Kleene::True => Some(true),
        Kleene::False => Some(false),
        Kleene::Unknown => None,
    }
}
