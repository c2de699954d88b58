//! Cases: every request is about one resource, and what is declared about that is put in before the search begins.

use super::frame::{Frame, SideId};
use crate::{
    check::{entity::Entity, vocabulary::Owner},
    glob::Glob,
    ids::IdVec,
};
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};
use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

/// The requests about one resource, or about all those that no rule and no declaration names.
#[derive(Debug, Clone)]
pub(in crate::query) struct Case<'a> {
    /// The resource's id; none for any other than those that are named.
    pub(in crate::query) id: Option<Arc<str>>,
    /// The resource's kind.
    pub(in crate::query) kind: Kind,
    /// The declaration of each set that speaks of it.
    pub(in crate::query) declared: IdVec<SideId, Option<&'a Entity>>,
    /// The patterns that an id which is not named must match, since these are the declarations of it.
    pub(in crate::query) inside: Vec<Glob>,
    /// The patterns that it must not match.
    pub(in crate::query) outside: Vec<Glob>,
}

/// The kind of a case's resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::query) enum Kind {
    /// This one.
    Is(Arc<str>),
    /// Any but these.
    IsNot(BTreeSet<Arc<str>>),
}

/// A declaration whose id is a pattern.
type Pattern<'a> = (&'a Glob, &'a Entity);

impl<'a> Frame<'a> {
    /// All cases, each request in one of them: first what is declared, in source order, then what is only named, then the
    /// rest.
    pub(in crate::query) fn cases(&self) -> Vec<Case<'a>> {
        let mut places = Vec::new();
        let mut seen = HashSet::new();
        let about = |kind: &str, id: &str| -> IdVec<SideId, Option<&'a Entity>> {
            self.sides.iter().map(|side| side.entities(Owner::Resource).find(kind, id)).collect()
        };
        for side in self.sides.iter() {
            let mut exact: Vec<_> = side.entities(Owner::Resource).exact().collect();
            exact.sort_by_key(|(_, entity)| (entity.at.file, entity.at.start));
            for (id, Entity { kind, .. }) in exact {
                if seen.insert((kind.clone(), id.clone())) {
                    places.push((kind, id));
                }
            }
        }
        for (kind, id) in self.names.whole() {
            if seen.insert((kind.clone(), id.clone())) {
                places.push((kind, id));
            }
        }
        let case = |(kind, id): &(&Arc<str>, &Arc<str>)| Case::named(id, Kind::Is((*kind).clone()), about(kind, id));
        let mut cases: Vec<Case<'a>> = places.par_iter().map(case).collect();
        for id in self.names.ids() {
            let mut apart = BTreeSet::new();
            for kind in &self.kinds {
                let entities = about(kind, id);
                let place = (kind.clone(), id.clone());
                if seen.contains(&place) || entities.iter().any(Option::is_some) {
                    apart.insert(kind.clone());
                    if seen.insert(place) {
                        cases.push(Case::named(id, Kind::Is(kind.clone()), entities));
                    }
                }
            }
            cases.push(Case::named(id, Kind::IsNot(apart), self.undeclared()));
        }
        let mut patterned = BTreeSet::new();
        for kind in &self.kinds {
            let of_kind: IdVec<SideId, Vec<Pattern<'a>>> = self.sides.iter().map(|side| patterns(side, kind)).collect();
            if of_kind.iter().all(Vec::is_empty) {
                continue;
            }
            cases.extend(self.other_ids(kind, &of_kind));
            patterned.insert(kind.clone());
        }
        cases.push(Case::other(Kind::IsNot(patterned), self.undeclared()));
        cases
    }

    /// The requests about one resource.
    pub(in crate::query) fn case(&self, kind: &str, id: &str) -> Case<'a> {
        let about = self.sides.iter().map(|side| side.entities(Owner::Resource).find(kind, id));
        Case::named(&id.into(), Kind::Is(kind.into()), about.collect())
    }

    fn undeclared(&self) -> IdVec<SideId, Option<&'a Entity>> {
        self.sides.iter().map(|_| None).collect()
    }

    /// The cases of ids of a kind that are not named: for each set one of its patterns, or none of them.
    fn other_ids(&self, kind: &Arc<str>, patterns: &IdVec<SideId, Vec<Pattern<'a>>>) -> Vec<Case<'a>> {
        let mut cases = vec![Case { declared: IdVec::new(), ..Case::other(Kind::Is(kind.clone()), IdVec::new()) }];
        for of_side in patterns.iter() {
            cases = cases
                .into_iter()
                .flat_map(|case| {
                    let one = of_side.iter().map(Some).chain([None]);
                    one.map(move |chosen| case.clone().with(chosen, of_side)).collect::<Vec<_>>()
                })
                .collect();
        }
        cases
    }
}

/// The patterns of a set that declare resources of a kind.
fn patterns<'a>(side: &super::frame::Side<'a>, kind: &str) -> Vec<Pattern<'a>> {
    side.entities(Owner::Resource).patterns().filter(|(_, entity)| *entity.kind == *kind).collect()
}

impl<'a> Case<'a> {
    /// Whether what can speak only of resources with some ids, if it is pinned to any, can speak of these.
    pub(in crate::query) fn is_among(&self, pins: Option<&BTreeSet<Arc<str>>>) -> bool {
        pins.is_none_or(|pins| self.id.as_ref().is_some_and(|id| pins.contains(id)))
    }

    fn named(id: &Arc<str>, kind: Kind, declared: IdVec<SideId, Option<&'a Entity>>) -> Self {
        Self { id: Some(id.clone()), ..Self::other(kind, declared) }
    }

    fn other(kind: Kind, declared: IdVec<SideId, Option<&'a Entity>>) -> Self {
        Self { id: None, kind, declared, inside: Vec::new(), outside: Vec::new() }
    }

    /// The case where one of a set's patterns declares the resource, or none of them.
    fn with(mut self, chosen: Option<&Pattern<'a>>, all: &[Pattern<'a>]) -> Self {
        self.declared.push(chosen.map(|(_, entity)| *entity));
        match chosen {
            // The patterns of a set have no id in common.
            Some((glob, _)) => self.inside.push((*glob).clone()),
            None => self.outside.extend(all.iter().map(|(glob, _)| (*glob).clone())),
        }
        self
    }
}
