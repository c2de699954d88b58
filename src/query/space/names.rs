//! The resources that conditions name.

use crate::check::{
    ir::{Atom, Cond, CondKind, Members, Part},
    vocabulary::builtin,
};
use crate::value::{Cmp, Value};
use std::{collections::BTreeSet, sync::Arc};

/// Resources that conditions name. As long as a resource has another kind or another id than these, no test of its id can
/// tell it from the rest, but for patterns.
#[derive(Debug, Clone, Default)]
pub(in crate::query) struct Names {
    /// By kind and id: what is said of the id matters for the kind only.
    whole: BTreeSet<(Arc<str>, Arc<str>)>,
    /// By id alone.
    ids: BTreeSet<Arc<str>>,
}

impl Names {
    /// What some lists of parts name, each of which must all hold.
    pub(in crate::query) fn of<'p>(lists: impl Iterator<Item = &'p [Part]>) -> Self {
        let mut found = Found::default();
        for parts in lists {
            let kind = parts.iter().find_map(|part| kind_of(&part.cond));
            parts.iter().for_each(|part| found.walk(&part.cond, kind));
        }
        Self { whole: found.whole.into_iter().collect(), ids: found.ids.into_iter().collect() }
    }

    /// Takes note of what is named elsewhere, too.
    pub(in crate::query) fn join(&mut self, mut others: Self) {
        self.whole.append(&mut others.whole);
        self.ids.append(&mut others.ids);
    }

    /// The resources that are named by kind and id.
    pub(in crate::query) fn whole(&self) -> impl Iterator<Item = &(Arc<str>, Arc<str>)> {
        self.whole.iter()
    }

    /// The ids that are named alone.
    pub(in crate::query) fn ids(&self) -> impl Iterator<Item = &Arc<str>> {
        self.ids.iter()
    }

    /// The ids that are named for resources of a kind.
    pub(in crate::query) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Arc<str>> {
        let whole = self.whole.range((Arc::from(kind), Arc::from(""))..).take_while(move |(of, _)| **of == *kind);
        whole.map(|(_, id)| id).chain(&self.ids)
    }

    /// Whether an id is named, alone or for resources of a kind.
    pub(in crate::query) fn has(&self, kind: Option<&Arc<str>>, id: &Arc<str>) -> bool {
        self.ids.contains(id) || kind.is_some_and(|kind| self.whole.contains(&(kind.clone(), id.clone())))
    }
}

/// What conditions name, in the order in which they do.
#[derive(Default)]
struct Found {
    whole: Vec<(Arc<str>, Arc<str>)>,
    ids: Vec<Arc<str>>,
}

impl Found {
    /// Takes note of what a condition names that can only matter for resources of a kind.
    fn walk(&mut self, cond: &Cond, kind: Option<&Arc<str>>) {
        match cond.kind() {
            CondKind::Const(_) => {}
            CondKind::Not(inner) => self.walk(inner, kind),
            CondKind::Any(inner) => inner.iter().for_each(|cond| self.walk(cond, kind)),
            CondKind::All(inner) => {
                let kind = inner.iter().find_map(kind_of).or(kind);
                inner.iter().for_each(|cond| self.walk(cond, kind));
            }
            CondKind::Atom(atom) => {
                for id in ids_of(atom) {
                    match kind {
                        Some(kind) => push(&mut self.whole, (kind.clone(), id)),
                        None => push(&mut self.ids, id),
                    }
                }
            }
        }
    }
}

/// Adds what is not the last already: rules about the same resource often follow each other.
fn push<T: PartialEq>(all: &mut Vec<T>, one: T) {
    if all.last() != Some(&one) {
        all.push(one);
    }
}

/// The kind that a condition demands.
fn kind_of(cond: &Cond) -> Option<&Arc<str>> {
    match cond.kind() {
        CondKind::Atom(Atom::Compare(builtin::RESOURCE_KIND, Cmp::Eq, Value::Text(kind))) => Some(kind),
        CondKind::All(inner) => inner.iter().find_map(kind_of),
        CondKind::Atom(_) | CondKind::Any(_) | CondKind::Not(_) | CondKind::Const(_) => None,
    }
}

/// The ids of resources that a test names.
fn ids_of(atom: &Atom) -> Vec<Arc<str>> {
    match atom {
        Atom::Compare(builtin::RESOURCE_ID, _, Value::Text(id)) => vec![id.clone()],
        Atom::In(builtin::RESOURCE_ID, members) => match &**members {
            Members::Texts(texts) => texts.iter().cloned().collect(),
            Members::Ints(_) | Members::Tiers(_) | Members::Nets(_) | Members::Spans(_) => Vec::new(),
        },
        Atom::Like(builtin::RESOURCE_ID, glob) => glob.literal().map(Arc::from).into_iter().collect(),
        Atom::IsTrue(_)
        | Atom::Has(_)
        | Atom::Compare(..)
        | Atom::CompareResource { .. }
        | Atom::In(..)
        | Atom::During(..)
        | Atom::Like(..)
        | Atom::Contains(..)
        | Atom::ContainsValue(..)
        | Atom::Overlaps(..)
        | Atom::OverlapsResource(..)
        | Atom::Holds(_) => Vec::new(),
    }
}

/// The only ids of resources for which parts can hold; none if these may be any.
pub(in crate::query) fn pins(parts: &[Part]) -> Option<BTreeSet<Arc<str>>> {
    parts.iter().filter_map(|part| pinned(&part.cond)).min_by_key(BTreeSet::len)
}

fn pinned(cond: &Cond) -> Option<BTreeSet<Arc<str>>> {
    match cond.kind() {
        CondKind::All(inner) => inner.iter().filter_map(pinned).min_by_key(BTreeSet::len),
        CondKind::Any(inner) => {
            let each: Option<Vec<_>> = inner.iter().map(pinned).collect();
            each.map(|each| each.into_iter().flatten().collect())
        }
        CondKind::Atom(
            atom @ (Atom::Compare(builtin::RESOURCE_ID, Cmp::Eq, _) | Atom::In(builtin::RESOURCE_ID, _)),
        ) => Some(ids_of(atom).into_iter().collect()),
        CondKind::Atom(_) | CondKind::Not(_) | CondKind::Const(_) => None,
    }
}
