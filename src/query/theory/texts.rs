//! Texts that are the same or not, match patterns or not, and are members of sets or not.

use super::{No, Values, answered};
use crate::{
    check::vocabulary::{AttrId, Owner, builtin},
    glob::{Glob, example::Wanted},
    query::{
        classes::Classes,
        search::{Fact, Search},
        space::{Class, Key, Kind, PersonId, Space, key},
    },
    value::Value,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// How many states of patterns are looked at for one text.
const MOST: usize = 20_000;

/// Attributes that have the same text.
struct Group {
    attributes: Vec<Attribute>,
    /// Why they are the same.
    joined: Vec<Fact>,
    text: Arc<str>,
    /// Whether it can be no other: it is one that is named, or the only one that matches what it must.
    is_certain: bool,
}

/// An attribute that has a text.
struct Attribute {
    key: Key,
    /// The text, where it is one that is named.
    named: Option<Arc<str>>,
    /// Why it is this one, or none of those that are named.
    because: Vec<Fact>,
}

/// Texts, and sets of them.
pub(super) fn choose(space: &Space<'_>, search: &Search, values: &mut Values) -> Result<(), No> {
    let mut groups = joined(space, search, attributes(space, search));
    let mut taken = taken(space);
    for group in &mut groups {
        group.settle(space, search)?;
    }
    // Those that are free keep away from the others, so that nothing is equal by accident.
    taken.extend(groups.iter().filter(|group| group.is_certain).map(|group| group.text.clone()));
    for group in groups.iter_mut().filter(|group| !group.is_certain) {
        group.text = group.fresh(space, search, &taken)?;
        taken.insert(group.text.clone());
    }
    let of = |key: Key| groups.iter().find(|group| group.attributes.iter().any(|attribute| attribute.key == key));
    for ((left, right), dim) in &space.equals {
        if let (Some((false, fact)), Some(one), Some(other)) = (answered(search, *dim), of(*left), of(*right))
            && one.text == other.text
        {
            return Err(No::Because([fact].into_iter().chain(one.because()).chain(other.because()).collect()));
        }
    }
    values.sets = sets(space, search, of, &taken)?;
    for group in &groups {
        values.texts.extend(group.attributes.iter().map(|attribute| (attribute.key, group.text.clone())));
    }
    Ok(())
}

// ---- Which texts there are -------------------------------------------------------------------------------------------

/// The attributes that have a text in a cell.
fn attributes(space: &Space<'_>, search: &Search) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    let mut add =
        |key: Key, named: Option<Arc<str>>, because: Vec<Fact>| attributes.push(Attribute { key, named, because });
    if let Some(person) = search.only(space.person).and_then(|class| space.people.classes.get(class)) {
        let alike = |test: &dyn Fn(&super::super::space::Person<'_>) -> bool| {
            let classes = &space.people.classes;
            let alike = Classes::filter(classes.len(), |class| classes.get(*class).is_some_and(test));
            vec![Fact::Within(space.person, alike)]
        };
        add(key(builtin::PRINCIPAL_KIND), person.kind.clone(), alike(&|other| other.kind == person.kind));
        match &person.id {
            PersonId::Is(id) => {
                add(key(builtin::PRINCIPAL_ID), Some(id.clone()), alike(&|other| other.id == person.id));
            }
            PersonId::Other => {
                // Which ids are named, and which patterns there are, is a matter of the kind.
                let same = |other: &super::super::space::Person<'_>| {
                    other.id == person.id
                        && other.kind == person.kind
                        && (&other.inside, &other.outside) == (&person.inside, &person.outside)
                };
                add(key(builtin::PRINCIPAL_ID), None, alike(&same));
            }
            PersonId::Missing => {}
        }
    }
    let mut because = Vec::new();
    match &space.ground.case.kind {
        Kind::Is(kind) => add(key(builtin::RESOURCE_KIND), Some(kind.clone()), Vec::new()),
        // Which ids are named is a matter of the kind, here too.
        Kind::IsNot(_) => {
            let kind = space.class(search, key(builtin::RESOURCE_KIND));
            because.extend(kind.map(|(slot, class)| space.fact(slot, class)));
        }
    }
    add(key(builtin::RESOURCE_ID), space.ground.case.id.clone(), because);
    for key in space.slots.keys().filter(|key| !space.is_fixed(search, **key)) {
        let Some((slot, class)) = space.class(search, *key) else { continue };
        match slot.classes.get(class) {
            Some(Class::At(Value::Text(text))) => add(*key, Some(text.clone()), vec![space.fact(slot, class)]),
            Some(Class::Other) => add(*key, None, vec![space.fact(slot, class)]),
            Some(_) | None => {}
        }
    }
    attributes
}

/// The attributes in groups of those that must have the same text.
fn joined(space: &Space<'_>, search: &Search, attributes: Vec<Attribute>) -> Vec<Group> {
    let alone =
        |attribute| Group { attributes: vec![attribute], joined: Vec::new(), text: Arc::default(), is_certain: false };
    let mut groups: Vec<Group> = attributes.into_iter().map(alone).collect();
    for ((left, right), dim) in &space.equals {
        let Some((true, fact)) = answered(search, *dim) else { continue };
        let place =
            |key: Key| groups.iter().position(|group| group.attributes.iter().any(|attribute| attribute.key == key));
        let (Some(one), Some(other)) = (place(*left), place(*right)) else { continue };
        if one == other {
            continue;
        }
        let moved = groups.swap_remove(one.max(other));
        if let Some(group) = groups.get_mut(one.min(other)) {
            group.attributes.extend(moved.attributes);
            group.joined.extend(moved.joined);
            group.joined.push(fact);
        }
    }
    groups
}

impl Group {
    /// Why the attributes have this text.
    fn because(&self) -> Vec<Fact> {
        let each = self.attributes.iter().flat_map(|attribute| &attribute.because);
        self.joined.iter().chain(each).cloned().collect()
    }

    /// Finds out whether there is a text for all of them, and which it is if there is only one.
    fn settle(&mut self, space: &Space<'_>, search: &Search) -> Result<(), No> {
        let mut named: Option<&Attribute> = None;
        for attribute in self.attributes.iter().filter(|attribute| attribute.named.is_some()) {
            match named {
                Some(other) if other.named != attribute.named => {
                    let facts = self.joined.iter().chain(&other.because).chain(&attribute.because);
                    return Err(No::Because(facts.cloned().collect()));
                }
                Some(_) | None => named = Some(attribute),
            }
        }
        if let Some(attribute) = named {
            let text = attribute.named.clone().unwrap_or_default();
            self.fits(space, search, attribute, &text)?;
            (self.text, self.is_certain) = (text, true);
            return Ok(());
        }
        let asked = self.asked(space, search);
        if asked.is_free() {
            return Ok(());
        }
        let Some(text) = asked.find(BTreeSet::new())? else {
            let facts = asked.blamed()?;
            return Err(No::Because(self.because().into_iter().chain(facts).collect()));
        };
        let text: Arc<str> = text.into();
        if asked.find([text.clone()].into())?.is_none() {
            self.joined.extend(asked.matched.into_iter().map(|(_, _, fact)| fact));
            (self.text, self.is_certain) = (text, true);
        }
        Ok(())
    }

    /// Whether a text that one attribute has can be that of the others, which are none of those that are named.
    fn fits(&self, space: &Space<'_>, search: &Search, named: &Attribute, text: &Arc<str>) -> Result<(), No> {
        for other in self.attributes.iter().filter(|attribute| attribute.named.is_none()) {
            let facts = self.joined.iter().chain(&named.because).chain(&other.because);
            let (inside, outside) = space.patterns(search, other.key);
            if space.is_named(search, other.key, text)
                || inside.iter().any(|glob| !glob.is_match(text))
                || outside.iter().any(|glob| glob.is_match(text))
            {
                return Err(No::Because(facts.cloned().collect()));
            }
            let wrong = space.matched(search, other.key).find(|(glob, yes, _)| glob.is_match(text) != *yes);
            if let Some((_, _, fact)) = wrong {
                return Err(No::Because(facts.cloned().chain([fact]).collect()));
            }
        }
        Ok(())
    }

    /// What is asked of a text that is not named.
    fn asked<'s>(&self, space: &'s Space<'_>, search: &'s Search) -> Asked<'s> {
        let mut asked = Asked::default();
        for attribute in &self.attributes {
            let (inside, outside) = space.patterns(search, attribute.key);
            asked.inside.extend(inside);
            asked.outside.extend(outside);
            asked.matched.extend(space.matched(search, attribute.key));
        }
        // There can be very many: where no pattern matters they are looked up one at a time.
        if !asked.is_free() {
            let named = self.attributes.iter().flat_map(|attribute| space.named(search, attribute.key));
            asked.named = named.collect();
        }
        asked
    }

    /// A text that is not named, and that nothing else has.
    fn fresh(&self, space: &Space<'_>, search: &Search, taken: &BTreeSet<Arc<str>>) -> Result<Arc<str>, No> {
        let asked = self.asked(space, search);
        if asked.is_free() {
            return Ok(self.plain(space, search, taken));
        }
        // There are several, but all of them are taken.
        asked.find(taken.clone())?.map(Arc::from).ok_or(No::Unsure)
    }

    /// A text that nothing else has, and that nothing more is asked of.
    fn plain(&self, space: &Space<'_>, search: &Search, taken: &BTreeSet<Arc<str>>) -> Arc<str> {
        let keys = || self.attributes.iter().map(|attribute| AttrId(attribute.key.0));
        let vocabularies = || space.ground.frame.sides.iter().map(|side| side.vocabulary());
        let kinds: Vec<Arc<str>> = if keys().any(|key| key == builtin::PRINCIPAL_KIND) {
            ["user".into()]
                .into_iter()
                .chain(vocabularies().flat_map(|known| known.principal_kinds.iter().cloned()))
                .collect()
        } else if keys().any(|key| key == builtin::RESOURCE_KIND) {
            ["model".into()]
                .into_iter()
                .chain(vocabularies().flat_map(|known| known.resource_kinds.iter().cloned()))
                .collect()
        } else {
            Vec::new()
        };
        let is_named =
            |text: &Arc<str>| self.attributes.iter().any(|attribute| space.is_named(search, attribute.key, text));
        let is_new = |text: &Arc<str>| !taken.contains(text) && !is_named(text);
        if let Some(kind) = kinds.into_iter().find(is_new) {
            return kind;
        }
        let stem = keys().find_map(|key| match key {
            builtin::PRINCIPAL_ID => Some("somebody"),
            builtin::RESOURCE_ID => Some("something"),
            _ => None,
        });
        let mut texts = numbered(stem.unwrap_or("other"));
        texts.find(is_new).unwrap_or_default()
    }
}

/// What is asked of a text that is not named.
#[derive(Default)]
struct Asked<'s> {
    /// The patterns that it matches, and those that it does not, since these decide about declarations.
    inside: Vec<&'s Glob>,
    outside: Vec<&'s Glob>,
    /// The patterns that tests ask for.
    matched: Vec<(&'s Glob, bool, Fact)>,
    /// The texts that are named, where there are patterns.
    named: BTreeSet<Arc<str>>,
}

impl Asked<'_> {
    /// Whether any text will do that is not named.
    fn is_free(&self) -> bool {
        self.inside.is_empty() && self.outside.is_empty() && self.matched.is_empty()
    }

    /// A text as it is asked for, that is none of some others.
    fn find(&self, others: BTreeSet<Arc<str>>) -> Result<Option<String>, No> {
        self.find_with(&self.matched.iter().collect::<Vec<_>>(), others)
    }

    fn find_with(&self, matched: &[&(&Glob, bool, Fact)], others: BTreeSet<Arc<str>>) -> Result<Option<String>, No> {
        let of = |wanted: bool| matched.iter().filter(move |(_, yes, _)| *yes == wanted).map(|(glob, ..)| *glob);
        let inside = self.inside.iter().copied().chain(of(true)).collect();
        let outside = self.outside.iter().copied().chain(of(false)).collect();
        let not = self.named.iter().cloned().chain(others).collect();
        Wanted { inside, outside, not }.find(MOST).map_err(|_| No::Unsure)
    }

    /// Why there is no such text: patterns without which there is none, either, are not to blame.
    fn blamed(&self) -> Result<Vec<Fact>, No> {
        let mut left: Vec<_> = self.matched.iter().collect();
        let mut index = 0;
        while index < left.len() {
            let without = left.remove(index);
            if self.find_with(&left, BTreeSet::new())?.is_some() {
                left.insert(index, without);
                index = index.saturating_add(1);
            }
        }
        Ok(left.into_iter().map(|(_, _, fact)| fact.clone()).collect())
    }
}

/// `other`, `other-2`, `other-3`, …
fn numbered(stem: &str) -> impl Iterator<Item = Arc<str>> {
    let more = (2..u32::MAX).map(move |number| format!("{stem}-{number}").into());
    [stem.into()].into_iter().chain(more)
}

/// All texts that something is compared with: what is none of them is compared with nothing by accident.
fn taken(space: &Space<'_>) -> BTreeSet<Arc<str>> {
    let points = space.slots.values().flat_map(|slot| &slot.classes);
    let points = points.filter_map(|class| if let Class::At(Value::Text(text)) = class { Some(text) } else { None });
    points.chain(space.members.keys().map(|(_, text)| text)).cloned().collect()
}

impl Space<'_> {
    /// The patterns that decide about declarations: those that a text which is not named matches, and those that it does
    /// not match.
    fn patterns(&self, search: &Search, at: Key) -> (Vec<&Glob>, Vec<&Glob>) {
        let person = search.only(self.person).and_then(|class| self.people.classes.get(class));
        let case = &self.ground.case;
        match (AttrId(at.0), person) {
            (builtin::PRINCIPAL_ID, Some(person)) => (person.inside.iter().collect(), person.outside.iter().collect()),
            (builtin::RESOURCE_ID, _) => (case.inside.iter().collect(), case.outside.iter().collect()),
            _ => (Vec::new(), Vec::new()),
        }
    }

    /// The texts of an attribute that are named, so that a text that is not is none of them.
    fn named(&self, search: &Search, at: Key) -> BTreeSet<Arc<str>> {
        let frame = self.ground.frame;
        let declared = |owner: Owner, kind: &Arc<str>| -> Vec<Arc<str>> {
            frame.sides.iter().flat_map(|side| side.entities(owner).ids_of(kind)).cloned().collect()
        };
        let person = search.only(self.person).and_then(|class| self.people.classes.get(class));
        match AttrId(at.0) {
            builtin::PRINCIPAL_KIND => self.people.classes.iter().filter_map(|person| person.kind.clone()).collect(),
            builtin::PRINCIPAL_ID => {
                let kind = person.and_then(|person| person.kind.clone());
                let alike = self.people.classes.iter().filter(|person| person.kind == kind);
                let named = alike.filter_map(|person| match &person.id {
                    PersonId::Is(id) => Some(id.clone()),
                    PersonId::Other | PersonId::Missing => None,
                });
                named.chain(kind.iter().flat_map(|kind| declared(Owner::Principal, kind))).collect()
            }
            builtin::RESOURCE_ID => match self.kind(search) {
                Some(kind) => {
                    let named = frame.names.of_kind(&kind).cloned();
                    named.chain(declared(Owner::Resource, &kind)).collect()
                }
                None => frame.names.ids().cloned().collect(),
            },
            id => {
                let slot = self.slots.get(&at).into_iter().flat_map(|slot| &slot.classes);
                let points =
                    slot.filter_map(|class| if let Class::At(Value::Text(text)) = class { Some(text) } else { None });
                let mut named: BTreeSet<Arc<str>> = points.cloned().collect();
                if let (builtin::RESOURCE_KIND, Kind::IsNot(kinds)) = (id, &self.ground.case.kind) {
                    named.extend(kinds.iter().cloned());
                }
                named
            }
        }
    }

    /// Whether a text is among those.
    fn is_named(&self, search: &Search, at: Key, text: &Arc<str>) -> bool {
        if AttrId(at.0) != builtin::RESOURCE_ID {
            return self.named(search, at).contains(text);
        }
        let frame = self.ground.frame;
        let declares = |kind: &str| frame.sides.iter().any(|side| side.entities(Owner::Resource).has(kind, text));
        match self.kind(search) {
            Some(kind) => frame.names.has(Some(&kind), text) || declares(&kind),
            None => frame.names.has(None, text),
        }
    }

    /// The kind of the resource, where it is one that is named.
    fn kind(&self, search: &Search) -> Option<Arc<str>> {
        if let Kind::Is(kind) = &self.ground.case.kind {
            return Some(kind.clone());
        }
        let (slot, class) = self.class(search, key(builtin::RESOURCE_KIND))?;
        match slot.classes.get(class) {
            Some(Class::At(Value::Text(kind))) => Some(kind.clone()),
            Some(_) | None => None,
        }
    }

    /// The patterns that it is decided that a text which is not named matches, or that it does not.
    fn matched<'s>(&'s self, search: &'s Search, at: Key) -> impl Iterator<Item = (&'s Glob, bool, Fact)> {
        let mut alike: Vec<_> = self.globs.iter().filter(|((of, _), _)| *of == at).collect();
        alike.sort_unstable_by_key(|(place, _)| *place);
        let globs = alike.into_iter().flat_map(|(_, globs)| globs);
        globs.filter_map(move |(glob, dim)| answered(search, *dim).map(|(yes, fact)| (glob, yes, fact)))
    }
}

// ---- Sets ------------------------------------------------------------------------------------------------------------

/// Which members a set must have and must not have, and why.
#[derive(Default)]
struct Members {
    inside: BTreeMap<Arc<str>, Vec<Fact>>,
    outside: BTreeMap<Arc<str>, Vec<Fact>>,
}

impl Members {
    fn add(&mut self, is_in: bool, text: Arc<str>, because: Vec<Fact>) -> Result<(), No> {
        let (own, other) = if is_in { (&mut self.inside, &self.outside) } else { (&mut self.outside, &self.inside) };
        if let Some(contrary) = other.get(&text) {
            return Err(No::Because(contrary.iter().cloned().chain(because).collect()));
        }
        own.entry(text).or_insert(because);
        Ok(())
    }
}

/// The sets of texts that a request gives.
fn sets<'g>(
    space: &Space<'_>,
    search: &Search,
    of: impl Fn(Key) -> Option<&'g Group>,
    taken: &BTreeSet<Arc<str>>,
) -> Result<BTreeMap<Key, BTreeSet<Arc<str>>>, No> {
    let mut sets: BTreeMap<Key, Members> = BTreeMap::new();
    for key in space.slots.keys().filter(|key| !space.is_fixed(search, **key)) {
        let given = space.class(search, *key).and_then(|(slot, class)| slot.classes.get(class));
        if given == Some(&Class::Given) {
            sets.insert(*key, Members::default());
        }
    }
    for ((key, text), dim) in &space.members {
        if let (Some(members), Some((is_in, fact))) = (sets.get_mut(key), answered(search, *dim)) {
            members.add(is_in, text.clone(), vec![fact])?;
        }
    }
    for ((key, element), dim) in &space.elements {
        if let (Some(members), Some((is_in, fact)), Some(group)) =
            (sets.get_mut(key), answered(search, *dim), of(*element))
        {
            members.add(is_in, group.text.clone(), [fact].into_iter().chain(group.because()).collect())?;
        }
    }
    // Members that only one set has, or only two.
    let mut others = numbered("member").filter(|text| !taken.contains(text));
    for wanted in [false, true] {
        for ((left, right), dim) in &space.overlaps {
            let Some((yes, fact)) = answered(search, *dim).filter(|(yes, _)| *yes == wanted) else { continue };
            let (Some(one), Some(other)) = (sets.get(left), sets.get(right)) else { continue };
            let common = one.inside.iter().find_map(|(text, why)| Some((why, other.inside.get(text)?)));
            match common {
                Some((one, other)) if !yes => {
                    return Err(No::Because(
                        [fact].into_iter().chain(one.iter().cloned()).chain(other.iter().cloned()).collect(),
                    ));
                }
                None if yes => {
                    let text = others.next().unwrap_or_default();
                    for key in [left, right] {
                        sets.entry(*key).or_default().inside.insert(text.clone(), vec![fact.clone()]);
                    }
                }
                Some(_) | None => {}
            }
        }
    }
    let mut found: BTreeMap<Key, BTreeSet<Arc<str>>> =
        sets.into_iter().map(|(key, members)| (key, members.inside.into_keys().collect())).collect();
    for (key, dim) in &space.some {
        if let (Some(members), Some((true, _))) = (found.get_mut(key), answered(search, *dim))
            && members.is_empty()
        {
            members.extend(others.next());
        }
    }
    Ok(found)
}
