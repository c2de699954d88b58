//! Which managed documents do not go with policy files: the files win.

use super::{
    document::Key,
    layer::{Placed, Standing},
    policy::Text,
};
use crate::engine::{Claims, Engine};
use std::collections::BTreeMap;

/// All documents of one resource, and what the resource is like where the files do not say.
#[derive(Debug, Default)]
pub(super) struct Governed {
    pub(super) documents: Vec<(Key, Text)>,
    pub(super) declaration: Option<String>,
}

/// How much of a document is tried.
type Part = fn(&Text) -> &str;

const WHOLE: Part = |text| &text.whole;
const STRICT: Part = |text| &text.strict;

/// How each document stands on policy files. Where all of them go with the files, that is found out at once; else those that
/// do not are found by halves.
pub(super) fn standing(base: &Engine, governed: BTreeMap<String, Governed>) -> Vec<(Key, Placed)> {
    let all: Vec<&Governed> = governed.values().collect();
    let unfit_resources = unfit(base, &all, WHOLE, Claims::default());
    let mut standing: BTreeMap<Key, Standing> = BTreeMap::new();
    for resource in &unfit_resources {
        standing.extend(suspended(base, resource).map(|key| (key.clone(), Standing::Strict)));
    }
    for resource in unfit(base, &unfit_resources, STRICT, Claims::Unproved) {
        standing.extend(resource.documents.iter().map(|(key, _)| (key.clone(), Standing::Nothing)));
    }
    let documents = governed.into_values().flat_map(|resource| resource.documents);
    let placed = |(key, text)| {
        let standing = standing.get(&key).copied().unwrap_or(Standing::Whole);
        (key, Placed { text, standing })
    };
    documents.map(placed).collect()
}

/// Which documents of a resource must be suspended: those that do not go with the prohibitions of the others; all where each
/// alone does.
fn suspended<'a>(base: &Engine, resource: &'a Governed) -> impl Iterator<Item = &'a Key> {
    let fits_alone = |key: &Key| {
        let says = |(other, text): &(Key, Text)| if other == key { text.whole.clone() } else { text.strict.clone() };
        let text: String = resource.documents.iter().map(says).collect();
        fits(base, &text, resource.declaration.as_deref().unwrap_or_default(), Claims::default())
    };
    let alone: Vec<(&Key, bool)> = resource.documents.iter().map(|(key, _)| (key, fits_alone(key))).collect();
    let all = alone.iter().all(|(_, fits)| *fits);
    alone.into_iter().filter(move |(_, fits)| all || !fits).map(|(key, _)| key)
}

/// The resources whose documents do not go with the files.
fn unfit<'a>(base: &Engine, resources: &[&'a Governed], part: Part, claims: Claims) -> Vec<&'a Governed> {
    let documents = resources.iter().flat_map(|resource| &resource.documents);
    let text: String = documents.map(|(_, text)| part(text)).collect();
    let declarations: Vec<&str> = resources.iter().filter_map(|resource| resource.declaration.as_deref()).collect();
    if text.is_empty() || fits(base, &text, &declarations.join("\n"), claims) {
        return Vec::new();
    }
    if resources.len() == 1 {
        return resources.to_vec();
    }
    let (left, right) = resources.split_at(resources.len() / 2);
    [left, right].into_iter().flat_map(|half| unfit(base, half, part, claims)).collect()
}

fn fits(base: &Engine, text: &str, catalog: &str, claims: Claims) -> bool {
    let set = base.with_texts([("managed.policy", text)], [("managed.jsonl", catalog)]);
    set.claims(claims).load().is_ok()
}
