//! The resources that conditions name.

use crate::check::{
    ir::{Atom, Cond, CondKind, Members, Part},
    vocabulary::builtin,
};
use crate::value::{Cmp, Value};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

/// Resources that conditions name. As long as a resource has another kind or another id than these, no test of its id can
/// tell it from the rest, but for patterns.
#[derive(Debug, Default)]
pub(in crate::query) struct Names {
    /// What each set names.
    sets: Vec<Named>,
}

/// The resources that a set names.
#[derive(Debug, Default)]
pub(in crate::query) struct Named {
    /// By kind and id: what is said of the id matters for the kind only.
    whole: BTreeMap<Arc<str>, HashSet<Arc<str>>>,
    /// By id alone.
    ids: HashSet<Arc<str>>,
    /// What named something last, and the kind that it did for: the rules of a block share what they say of the resource.
    last: Option<(Cond, Option<Arc<str>>)>,
}

impl Names {
    /// Takes note of what one more set names.
    pub(in crate::query) fn push(&mut self, named: Named) {
        self.sets.push(named);
    }

    /// The kinds of the resources that are named by kind and id, some of them several times.
    pub(in crate::query) fn kinds(&self) -> impl Iterator<Item = &Arc<str>> {
        self.sets.iter().flat_map(|set| set.whole.keys())
    }

    /// The resources that are named by kind and id, in no order and some of them several times.
    pub(in crate::query) fn whole(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        let all = self.sets.iter().flat_map(|set| &set.whole);
        all.flat_map(|(kind, ids)| ids.iter().map(move |id| (kind, id)))
    }

    /// The ids that are named alone, in no order and some of them several times.
    pub(in crate::query) fn ids(&self) -> impl Iterator<Item = &Arc<str>> {
        self.sets.iter().flat_map(|set| &set.ids)
    }

    /// The ids that are named for resources of a kind, in no order and some of them several times.
    pub(in crate::query) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Arc<str>> {
        self.sets.iter().filter_map(|set| set.whole.get(kind)).flatten().chain(self.ids())
    }

    /// Whether an id is named, alone or for resources of a kind.
    pub(in crate::query) fn has(&self, kind: Option<&Arc<str>>, id: &Arc<str>) -> bool {
        let of_kind = |set: &Named| kind.and_then(|kind| set.whole.get(kind)).is_some_and(|ids| ids.contains(id));
        self.sets.iter().any(|set| set.ids.contains(id) || of_kind(set))
    }
}

impl Named {
    /// Takes note of what some parts name, all of which must hold.
    pub(in crate::query) fn add(&mut self, parts: &[Part]) {
        let kind = parts.iter().find_map(|part| kind_of(&part.cond));
        for Part { cond, .. } in parts {
            if !self.last.as_ref().is_some_and(|(last, of)| last.is(cond) && of.as_ref() == kind)
                && self.walk(cond, kind)
            {
                self.last = Some((cond.clone(), kind.cloned()));
            }
        }
    }

    /// Takes note of what a condition names that can only matter for resources of a kind. Gives whether it names any.
    fn walk(&mut self, cond: &Cond, kind: Option<&Arc<str>>) -> bool {
        match cond.kind() {
            CondKind::Const(_) => false,
            CondKind::Not(inner) => self.walk(inner, kind),
            CondKind::Any(inner) => self.walk_all(inner, kind),
            CondKind::All(inner) => {
                let kind = inner.iter().find_map(kind_of).or(kind);
                self.walk_all(inner, kind)
            }
            CondKind::Atom(atom) => {
                let mut any = false;
                each_id(atom, &mut |id| {
                    let ids = kind.map_or(&mut self.ids, |kind| self.whole.entry(kind.clone()).or_default());
                    ids.insert(id.clone());
                    any = true;
                });
                any
            }
        }
    }

    /// As `walk`, for all of some: none is left out because another one names something.
    fn walk_all(&mut self, conds: &[Cond], kind: Option<&Arc<str>>) -> bool {
        conds.iter().filter(|cond| self.walk(cond, kind)).count() > 0
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

/// Visits the ids of resources that a test names.
fn each_id(atom: &Atom, visit: &mut impl FnMut(&Arc<str>)) {
    match atom {
        Atom::Compare(builtin::RESOURCE_ID, _, Value::Text(id)) => visit(id),
        Atom::In(builtin::RESOURCE_ID, members) => match &**members {
            Members::Texts(texts) => texts.iter().for_each(visit),
            Members::Ints(_) | Members::Tiers(_) | Members::Nets(_) | Members::Spans(_) => {}
        },
        Atom::Like(builtin::RESOURCE_ID, glob) => glob.literal().map(Arc::from).iter().for_each(visit),
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
        | Atom::Holds(_) => {}
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
        ) => {
            let mut ids = BTreeSet::new();
            each_id(atom, &mut |id| {
                ids.insert(id.clone());
            });
            Some(ids)
        }
        CondKind::Atom(_) | CondKind::Not(_) | CondKind::Const(_) => None,
    }
}
