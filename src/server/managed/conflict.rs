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

impl Governed {
    /// Whether it is many resources.
    fn is_wide(&self) -> bool {
        self.documents.iter().any(|(key, _)| key.kind.is_wide())
    }
}

/// How much of a document is tried.
type Part = fn(&Text) -> &str;

const WHOLE: Part = |text| &text.whole;
const STRICT: Part = |text| &text.strict;

/// How each document stands on policy files. Where all of them go with the files, that is found out at once; else those that
/// do not are found by halves. First those that govern many resources, of which none needs another; then the others, each
/// beside those that do go with the files.
pub(super) fn standing(base: &Engine, governed: BTreeMap<String, Governed>) -> Vec<(Key, Placed)> {
    let (wide, own): (Vec<_>, Vec<_>) = governed.values().partition(|governed| governed.is_wide());
    let mut standing: BTreeMap<Key, Standing> = BTreeMap::new();
    // What wide ones prohibit is asked of everything that there is.
    let registered = if wide.is_empty() { String::new() } else { declarations(&own) };
    let files = Files { base, wide: String::new(), registered };
    let unfit_wide = files.unfit(&wide, WHOLE, Claims::default());
    files.suspend(&unfit_wide, &mut standing);
    let goes = |key: &Key| !standing.contains_key(key);
    let whole = wide.iter().flat_map(|wide| &wide.documents).filter(|(key, _)| goes(key));
    let files = Files { wide: whole.map(|(_, text)| text.whole.as_str()).collect(), ..files };
    let unfit = files.unfit(&own, WHOLE, Claims::default());
    files.suspend(&unfit, &mut standing);
    let documents = governed.into_values().flat_map(|resource| resource.documents);
    let placed = |(key, text)| {
        let standing = standing.get(&key).copied().unwrap_or(Standing::Whole);
        (key, Placed { text, standing })
    };
    documents.map(placed).collect()
}

/// What resources are like, a line each.
fn declarations(resources: &[&Governed]) -> String {
    resources.iter().filter_map(|resource| resource.declaration.as_deref()).collect::<Vec<_>>().join("\n")
}

/// Policy files, with what governs many resources.
struct Files<'a> {
    base: &'a Engine,
    wide: String,
    /// What all registered resources are like, where something governs many of them.
    registered: String,
}

impl Files<'_> {
    /// Which documents must be suspended, of resources with some that do not go with the files, and which cannot say anything.
    fn suspend(&self, unfit: &[&Governed], standing: &mut BTreeMap<Key, Standing>) {
        for resource in unfit {
            standing.extend(self.suspended(resource).map(|key| (key.clone(), Standing::Strict)));
        }
        for resource in self.unfit(unfit, STRICT, Claims::Unproved) {
            standing.extend(resource.documents.iter().map(|(key, _)| (key.clone(), Standing::Nothing)));
        }
    }

    /// Which documents of a resource must be suspended: those that do not go with the prohibitions of the others; all where each
    /// alone does.
    fn suspended<'a>(&self, resource: &'a Governed) -> impl Iterator<Item = &'a Key> {
        let fits_alone = |key: &Key| {
            let says =
                |(other, text): &(Key, Text)| if other == key { text.whole.clone() } else { text.strict.clone() };
            let text: String = resource.documents.iter().map(says).collect();
            self.fits(&text, resource.declaration.as_deref().unwrap_or_default(), Claims::default())
        };
        let alone: Vec<(&Key, bool)> = resource.documents.iter().map(|(key, _)| (key, fits_alone(key))).collect();
        let all = alone.iter().all(|(_, fits)| *fits);
        alone.into_iter().filter(move |(_, fits)| all || !fits).map(|(key, _)| key)
    }

    /// The resources whose documents do not go with the files.
    fn unfit<'a>(&self, resources: &[&'a Governed], part: Part, claims: Claims) -> Vec<&'a Governed> {
        let documents = resources.iter().flat_map(|resource| &resource.documents);
        let text: String = documents.map(|(_, text)| part(text)).collect();
        if text.is_empty() || self.fits(&text, &declarations(resources), claims) {
            return Vec::new();
        }
        if resources.len() == 1 {
            return resources.to_vec();
        }
        let (left, right) = resources.split_at(resources.len() / 2);
        [left, right].into_iter().flat_map(|half| self.unfit(half, part, claims)).collect()
    }

    fn fits(&self, text: &str, declarations: &str, claims: Claims) -> bool {
        let catalog = if self.registered.is_empty() { declarations } else { &self.registered };
        let texts = [("managed.policy", text), ("managed-wide.policy", &self.wide)];
        let set = self.base.with_texts(texts, [("managed.jsonl", catalog)]);
        set.claims(claims).load().is_ok()
    }
}
