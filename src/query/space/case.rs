//! Cases: every request is about one resource, and what is declared about that is put in before the search begins.

use super::frame::{Frame, SideId};
use crate::{
    check::{entity::Entity, vocabulary::Owner},
    glob::Glob,
    ids::IdVec,
};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};
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
    pub(in crate::query) declared: Declared<'a>,
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

/// What each set declares of a resource.
pub(in crate::query) type Declared<'a> = IdVec<SideId, Option<&'a Entity>>;

/// A declaration whose id is a pattern.
type Pattern<'a> = (&'a Glob, &'a Entity);

impl<'a> Frame<'a> {
    /// All cases, each request in one of them: first what is declared, in source order, then what is only named, then the
    /// rest.
    pub(in crate::query) fn cases(&self) -> Vec<Case<'a>> {
        self.cases_where(|_, _| true)
    }

    /// Those of all cases that are wanted for their id or for the declarations of it. Who wants an id that nothing declares
    /// wants it whatever declares it.
    pub(in crate::query) fn cases_where(
        &self,
        wanted: impl Fn(Option<&Arc<str>>, &Declared<'a>) -> bool + Sync,
    ) -> Vec<Case<'a>> {
        let mut cases = self.declared(&wanted);
        let place = |case: &Case<'a>| match (&case.kind, &case.id) {
            (Kind::Is(kind), Some(id)) => Some((kind.clone(), id.clone())),
            (Kind::Is(_) | Kind::IsNot(_), _) => None,
        };
        let mut seen: HashSet<(Arc<str>, Arc<str>)> = cases.iter().filter_map(place).collect();
        // Most ids that are named are not wanted, and need not be looked up among the declarations then.
        let has_patterns = self.sides.iter().any(|side| side.entities(Owner::Resource).patterns().next().is_some());
        let undeclared = self.undeclared();
        let may_be_wanted = |id: &Arc<str>| has_patterns || wanted(Some(id), &undeclared);
        let mut whole: Vec<_> = self.names.whole().filter(|(_, id)| may_be_wanted(id)).collect();
        whole.sort_unstable();
        for (kind, id) in whole {
            let declared = self.about(kind, id);
            if wanted(Some(id), &declared) && seen.insert((kind.clone(), id.clone())) {
                cases.push(Case::named(id, Kind::Is(kind.clone()), declared));
            }
        }
        let mut ids: Vec<_> = self.names.ids().filter(|id| may_be_wanted(id)).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            let mut apart = BTreeSet::new();
            for kind in &self.kinds {
                let entities = self.about(kind, id);
                let place = (kind.clone(), id.clone());
                if seen.contains(&place) || entities.iter().any(Option::is_some) {
                    apart.insert(kind.clone());
                    if wanted(Some(id), &entities) && seen.insert(place) {
                        cases.push(Case::named(id, Kind::Is(kind.clone()), entities));
                    }
                }
            }
            if wanted(Some(id), &undeclared) {
                cases.push(Case::named(id, Kind::IsNot(apart), undeclared.clone()));
            }
        }
        let mut patterned = BTreeSet::new();
        let mut rest = Vec::new();
        for kind in &self.kinds {
            let of_kind: IdVec<SideId, Vec<Pattern<'a>>> = self.sides.iter().map(|side| patterns(side, kind)).collect();
            if of_kind.iter().all(Vec::is_empty) {
                continue;
            }
            rest.extend(self.other_ids(kind, &of_kind));
            patterned.insert(kind.clone());
        }
        rest.push(Case::other(Kind::IsNot(patterned), self.undeclared()));
        cases.extend(rest.into_iter().filter(|case| wanted(None, &case.declared)));
        cases
    }

    /// The wanted ones of the cases that are declared by themselves: by the first set in source order, then what only the
    /// next one declares.
    fn declared(&self, wanted: &(impl Fn(Option<&Arc<str>>, &Declared<'a>) -> bool + Sync)) -> Vec<Case<'a>> {
        // Each set has its declarations sorted, so that nothing needs to be looked up that all of them declare.
        let rows = self.sides.iter().map(|side| side.entities(Owner::Resource).exact().peekable());
        let mut rows: Vec<_> = rows.collect();
        let mut places = Vec::new();
        let at = |(id, entity): &(&'a Arc<str>, &'a Entity)| (&entity.kind, *id);
        while let Some((side, first)) = rows
            .iter_mut()
            .map(|rows| rows.peek().copied())
            .enumerate()
            .filter_map(|(side, row)| Some((side, row?)))
            .min_by_key(|(_, row)| at(row))
        {
            let (id, entity) = first;
            let each = rows.iter_mut().zip(self.sides.iter()).map(|(rows, side)| {
                let own = rows.next_if(|row| at(row) == at(&first)).map(|(_, entity)| entity);
                own.or_else(|| side.entities(Owner::Resource).find(&entity.kind, id))
            });
            let declared: Declared<'a> = each.collect();
            places.push((side, id, entity, declared));
        }
        let mut places: Vec<_> =
            places.into_par_iter().filter(|(_, id, _, declared)| wanted(Some(id), declared)).collect();
        places.sort_by_key(|(side, _, entity, _)| (*side, entity.at.file, entity.at.start));
        let case = |(_, id, entity, declared): (usize, &Arc<str>, &Entity, Declared<'a>)| {
            Case::named(id, Kind::Is(entity.kind.clone()), declared)
        };
        places.into_iter().map(case).collect()
    }

    /// The requests about one resource.
    pub(in crate::query) fn case(&self, kind: &str, id: &str) -> Case<'a> {
        Case::named(&id.into(), Kind::Is(kind.into()), self.about(kind, id))
    }

    /// What each set declares of a resource.
    fn about(&self, kind: &str, id: &str) -> Declared<'a> {
        self.sides.iter().map(|side| side.entities(Owner::Resource).find(kind, id)).collect()
    }

    fn undeclared(&self) -> Declared<'a> {
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
