//! Who asks, as one dimension: the kind and the id of a principal, and with them what is declared about it.

use super::{
    frame::{Frame, Key, SideId, key},
    wanted::Wanted,
};
use crate::{
    check::{
        entity::Entity,
        vocabulary::{Owner, builtin},
    },
    glob::Glob,
    ids::IdVec,
    value::Value,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// The kind of principals that have no id.
const ANONYMOUS: &str = "anonymous";

/// A class of principals.
#[derive(Debug, Clone)]
pub(in crate::query) struct Person<'a> {
    /// The kind; none for any other than those that are named.
    pub(in crate::query) kind: Option<Arc<str>>,
    pub(in crate::query) id: PersonId,
    /// The declaration of each set that speaks of it.
    pub(in crate::query) declared: IdVec<SideId, Option<&'a Entity>>,
    /// The patterns that an id which is not named must match, since these are the declarations of it, and those that it
    /// must not match.
    pub(in crate::query) inside: Vec<Glob>,
    pub(in crate::query) outside: Vec<Glob>,
}

/// The id of a class of principals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::query) enum PersonId {
    /// This one.
    Is(Arc<str>),
    /// Any other than those that are named.
    Other,
    /// Only `anonymous` has none.
    Missing,
}

/// The classes of principals.
#[derive(Clone)]
pub(in crate::query) struct People<'a> {
    pub(in crate::query) classes: Vec<Person<'a>>,
    /// What declarations fix, for each set and attribute: the classes and their values.
    fixed: HashMap<(SideId, Key), Vec<(usize, Value)>>,
}

impl Person<'_> {
    pub(in crate::query) fn is_anonymous(&self) -> bool {
        self.id == PersonId::Missing
    }

    /// The value of the kind or the id of the class; none if it has several.
    pub(in crate::query) fn value(&self, at: Key) -> Option<Value> {
        if at == key(builtin::PRINCIPAL_KIND) {
            return self.kind.clone().map(Value::Text);
        }
        match &self.id {
            PersonId::Is(id) => Some(Value::Text(id.clone())),
            PersonId::Other => None,
            PersonId::Missing => Some(Value::None),
        }
    }
}

impl<'a> People<'a> {
    pub(super) fn new(frame: &Frame<'a>, wanted: &Wanted) -> Self {
        let mut people = Self { classes: Vec::new(), fixed: HashMap::new() };
        let named = |attr| wanted.texts.get(&key(attr)).into_iter().flatten().cloned();
        let ids: BTreeSet<Arc<str>> = named(builtin::PRINCIPAL_ID).collect();
        let declared = frame.sides.iter().flat_map(|side| side.entities(Owner::Principal).iter());
        let declared = declared.map(|entity| entity.kind.clone());
        let kinds: BTreeSet<Arc<str>> = named(builtin::PRINCIPAL_KIND).chain(declared).collect();
        for kind in kinds.iter().filter(|kind| &***kind != ANONYMOUS) {
            people.of_kind(frame, kind, &ids, wanted.identities);
        }
        let none = || frame.sides.iter().map(|_| None).collect();
        for id in ids.into_iter().map(PersonId::Is).chain([PersonId::Other]) {
            people.add(Person { kind: None, id, declared: none(), inside: Vec::new(), outside: Vec::new() });
        }
        people.add(Person {
            kind: Some(ANONYMOUS.into()),
            id: PersonId::Missing,
            declared: none(),
            inside: Vec::new(),
            outside: Vec::new(),
        });
        people.fix(frame);
        people
    }

    fn add(&mut self, person: Person<'a>) {
        self.classes.push(person);
    }

    /// The classes of a kind: those whose ids are named, those that are declared, and the rest.
    fn of_kind(&mut self, frame: &Frame<'a>, kind: &Arc<str>, ids: &BTreeSet<Arc<str>>, identities: bool) {
        let about = |id: &str| -> IdVec<SideId, Option<&'a Entity>> {
            frame.sides.iter().map(|side| side.entities(Owner::Principal).find(kind, id)).collect()
        };
        let person = |id: &Arc<str>| Person {
            kind: Some(kind.clone()),
            id: PersonId::Is(id.clone()),
            declared: about(id),
            inside: Vec::new(),
            outside: Vec::new(),
        };
        let declared: BTreeSet<&Arc<str>> =
            frame.sides.iter().flat_map(|side| side.entities(Owner::Principal).ids_of(kind)).collect();
        ids.iter().for_each(|id| self.add(person(id)));
        // Where nothing tells ids apart that are not named, one of all those with the same attributes stands for all.
        let mut seen = BTreeSet::new();
        for id in declared.into_iter().filter(|id| !ids.contains(*id)) {
            let person = person(id);
            let values: Vec<Option<&BTreeMap<_, _>>> =
                person.declared.iter().map(|entity| entity.map(|entity| &entity.values)).collect();
            if identities || seen.insert(values) {
                self.add(person);
            }
        }
        let rest = Person {
            kind: Some(kind.clone()),
            id: PersonId::Other,
            declared: IdVec::new(),
            inside: Vec::new(),
            outside: Vec::new(),
        };
        let mut others = vec![rest];
        for side in frame.sides.iter() {
            let patterns: Vec<(&Glob, &'a Entity)> =
                side.entities(Owner::Principal).patterns().filter(|(_, entity)| entity.kind == *kind).collect();
            others = others
                .into_iter()
                .flat_map(|person| {
                    let one = patterns.iter().map(Some).chain([None]);
                    one.map(|chosen| person.clone().with(chosen, &patterns)).collect::<Vec<_>>()
                })
                .collect();
        }
        others.into_iter().for_each(|person| self.add(person));
    }

    fn fix(&mut self, frame: &Frame<'_>) {
        for (class, person) in self.classes.iter().enumerate() {
            for (id, entity) in person.declared.pairs() {
                for (key, value) in entity.map(|entity| frame.sides[id].fixed(entity)).unwrap_or_default() {
                    self.fixed.entry((id, key)).or_default().push((class, value));
                }
            }
        }
    }

    /// How far a class is from one that a person would choose for an example.
    pub(in crate::query) fn rank(&self, class: usize) -> (bool, bool, bool, bool) {
        let Some(person) = self.classes.get(class) else { return (true, true, true, true) };
        let is_user = person.kind.as_deref() == Some("user");
        let is_declared = person.declared.iter().any(Option::is_some);
        (person.is_anonymous(), !is_user, is_declared, person.id != PersonId::Other)
    }

    /// The classes for which a set's declarations fix an attribute, with its values.
    pub(in crate::query) fn fixed(&self, side: SideId, key: Key) -> &[(usize, Value)] {
        self.fixed.get(&(side, key)).map_or(&[], Vec::as_slice)
    }
}

impl<'a> Person<'a> {
    /// The class where one of a set's patterns declares the principal, or none of them.
    fn with(mut self, chosen: Option<&(&Glob, &'a Entity)>, all: &[(&Glob, &'a Entity)]) -> Self {
        self.declared.push(chosen.map(|(_, entity)| *entity));
        match chosen {
            Some((glob, _)) => self.inside.push((*glob).clone()),
            None => self.outside.extend(all.iter().map(|(glob, _)| (*glob).clone())),
        }
        self
    }
}
