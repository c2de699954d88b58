//! What one or two policy sets know, seen from the requests that all of them are asked about.

use super::{
    calendar::Calendar,
    names::{Named, Names, pins},
};
use crate::{
    check::{
        Ir,
        entity::{Entities, Entity},
        ir::{Rule, RuleId, Window},
        vocabulary::{self, AttrId, Owner, Type, Vocabulary, builtin},
    },
    eval::facts::close_roles,
    ids::{IdVec, ids},
    value::{Tier, Value},
};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

ids! {
    pub(in crate::query),
    /// An attribute of a request, whatever policy sets know it.
    Key,
    /// One of the policy sets.
    SideId,
}

/// An attribute of a request.
#[derive(Debug, Clone)]
pub(in crate::query) struct Attribute {
    pub(in crate::query) owner: Owner,
    pub(in crate::query) name: Arc<str>,
    /// Its type: the values that fit it for every set that knows it.
    pub(in crate::query) ty: Type,
    /// Whether it is never negative.
    pub(in crate::query) is_unit: bool,
    /// Whether there are values that fit it for every set that knows it.
    pub(in crate::query) is_agreed: bool,
}

/// The policy sets that are asked about, and the attributes that one of them knows.
pub(in crate::query) struct Frame<'a> {
    pub(in crate::query) sides: IdVec<SideId, Side<'a>>,
    pub(in crate::query) attributes: IdVec<Key, Attribute>,
    /// The resources that rules or claims name.
    pub(in crate::query) names: Names,
    /// The kinds of resources that are declared or named with an id.
    pub(in crate::query) kinds: BTreeSet<Arc<str>>,
    /// The calendars of the windows that some cases had.
    calendars: Mutex<Vec<Arc<Calendar>>>,
}

/// How many calendars are kept: most cases have the windows of the rules that are about all resources.
const KEPT: usize = 16;

/// A policy set.
pub(in crate::query) struct Side<'a> {
    pub(in crate::query) ir: &'a Ir,
    /// By attribute of the set.
    keys: IdVec<AttrId, Key>,
    attrs: HashMap<Key, AttrId>,
    /// The values that declarations of principals fix.
    of_people: BTreeMap<Key, BTreeSet<Value>>,
    /// The rules that can only speak of resources with some ids, by id.
    pinned: HashMap<Arc<str>, Vec<RuleId>>,
    /// All others.
    free: Vec<RuleId>,
}

/// The key of a built-in attribute, which is the same for all sets.
pub(in crate::query) const fn key(attr: AttrId) -> Key {
    Key(attr.0)
}

impl<'a> Frame<'a> {
    /// The frame of some policy sets. Of an attribute that several know, the values that all of them take count.
    pub(in crate::query) fn new(sets: &[&'a Ir]) -> Self {
        let mut frame = Self {
            sides: IdVec::new(),
            attributes: IdVec::new(),
            names: Names::default(),
            kinds: BTreeSet::new(),
            calendars: Mutex::default(),
        };
        let mut places: HashMap<(Owner, Arc<str>), Key> = HashMap::new();
        let mut known: Vec<(&'a Ir, IdVec<AttrId, Key>)> = Vec::new();
        for ir in sets {
            let rows = ir.vocabulary.attributes.iter();
            let keys: IdVec<AttrId, Key> = rows
                .map(|row| {
                    let key = *places.entry((row.owner, row.name.clone())).or_insert_with(|| {
                        frame.attributes.push(Attribute {
                            owner: row.owner,
                            name: row.name.clone(),
                            ty: row.ty.clone(),
                            is_unit: row.is_unit,
                            is_agreed: true,
                        })
                    });
                    if let Some(attribute) = frame.attributes.get_mut(key) {
                        attribute.join(row);
                    }
                    key
                })
                .collect();
            let kinds = ir.vocabulary.resource_kinds.iter();
            frame.kinds.extend(kinds.filter(|kind| ir.vocabulary.resources.declares(kind)).cloned());
            known.push((*ir, keys));
        }
        let sides: Vec<(Side<'a>, Named)> = known.into_par_iter().map(|(ir, keys)| Side::new(ir, keys)).collect();
        for (side, named) in sides {
            frame.sides.push(side);
            frame.names.push(named);
        }
        frame.kinds.extend(frame.names.kinds().cloned());
        frame.no_nested_names();
        frame
    }

    /// What is a value for one set and has members for another cannot be given to both.
    fn no_nested_names(&mut self) {
        let all: Vec<(Owner, Arc<str>)> = self.attributes.iter().map(|row| (row.owner, row.name.clone())).collect();
        let within = |(owner, inner): &(Owner, Arc<str>), outer: &Attribute| {
            *owner == outer.owner && inner.strip_prefix(&*outer.name).is_some_and(|rest| rest.starts_with('.'))
        };
        for key in self.attributes.ids() {
            if let Some(row) = self.attributes.get_mut(key)
                && all.iter().any(|other| within(other, row))
            {
                row.is_agreed = false;
            }
        }
    }

    /// The calendar of some windows.
    pub(super) fn calendar(&self, windows: &[Arc<Window>]) -> Arc<Calendar> {
        let kept = || self.calendars.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept().iter().find(|calendar| calendar.windows() == windows) {
            return known.clone();
        }
        let calendar = Arc::new(Calendar::new(windows.to_vec()));
        let mut kept = kept();
        if kept.len() < KEPT {
            kept.push(calendar.clone());
        }
        calendar
    }

    /// Whether a request cannot give an attribute: no value fits it for all sets, or there are no tiers to give.
    pub(in crate::query) fn cannot_be_given(&self, key: Key) -> bool {
        let attribute = &self.attributes[key];
        !attribute.is_agreed || (attribute.ty == Type::Tier && self.tiers(key).is_empty())
    }

    /// The tiers that an attribute can be given. Of a principal's, every set takes any; of any other, only its own.
    pub(in crate::query) fn tiers(&self, at: Key) -> Vec<Arc<str>> {
        let knowing: Vec<&Side<'_>> = self.sides.iter().filter(|side| side.attrs.contains_key(&at)).collect();
        let any = at == key(builtin::PRINCIPAL_TIER);
        let mut names: Vec<Arc<str>> = Vec::new();
        for name in knowing.iter().flat_map(|side| &side.ir.vocabulary.tiers) {
            let by_all = || knowing.iter().all(|side| side.ir.vocabulary.tiers.contains(name));
            if !names.contains(name) && (any || by_all()) {
                names.push(name.clone());
            }
        }
        names
    }
}

impl Attribute {
    /// Takes in what one more set says of the attribute.
    fn join(&mut self, row: &vocabulary::Attribute) {
        self.is_unit |= row.is_unit;
        match common(&self.ty, &row.ty) {
            Some(ty) => self.ty = ty,
            None => self.is_agreed = false,
        }
    }
}

/// The type of the values that fit two types, if there are any.
fn common(one: &Type, other: &Type) -> Option<Type> {
    match (one, other) {
        (Type::Int(min, max), Type::Int(least, most)) => {
            let (min, max) = (*min.max(least), *max.min(most));
            (min <= max).then_some(Type::Int(min, max))
        }
        (Type::OneOf(names), Type::OneOf(others)) => {
            let both: Vec<Arc<str>> = names.iter().filter(|name| others.contains(name)).cloned().collect();
            (!both.is_empty()).then(|| Type::OneOf(both.into()))
        }
        (one, other) => (one == other).then(|| one.clone()),
    }
}

impl<'a> Side<'a> {
    /// A policy set, and the resources that its rules or claims name.
    fn new(ir: &'a Ir, keys: IdVec<AttrId, Key>) -> (Self, Named) {
        let attrs = keys.pairs().map(|(attr, key)| (*key, attr)).collect();
        let mut side = Self { ir, keys, attrs, of_people: BTreeMap::new(), pinned: HashMap::new(), free: Vec::new() };
        for entity in ir.vocabulary.principals.iter() {
            for (key, value) in side.fixed(entity) {
                side.of_people.entry(key).or_default().insert(value);
            }
        }
        let mut named = Named::default();
        // Rules that follow each other are often about the same resource.
        let (mut alike, mut about): (Vec<RuleId>, BTreeSet<Arc<str>>) = Default::default();
        for (id, rule) in ir.rules.pairs() {
            named.add(&rule.parts);
            match pins(&rule.parts) {
                None => side.free.push(id),
                Some(pins) => {
                    if pins != about {
                        side.pin(&std::mem::replace(&mut about, pins), &alike);
                        alike.clear();
                    }
                    alike.push(id);
                }
            }
        }
        side.pin(&about, &alike);
        ir.claims.iter().for_each(|claim| named.add(&claim.parts));
        (side, named)
    }

    /// Takes note of rules that can only speak of resources with some ids.
    fn pin(&mut self, ids: &BTreeSet<Arc<str>>, rules: &[RuleId]) {
        for id in ids {
            self.pinned.entry(id.clone()).or_default().extend(rules);
        }
    }

    pub(in crate::query) fn vocabulary(&self) -> &'a Vocabulary {
        &self.ir.vocabulary
    }

    /// Whether another set has the same numbers for the attributes, roles and tiers that both know. Conditions that are
    /// equal say the same then.
    pub(in crate::query) fn numbers_like(&self, other: &Self) -> bool {
        let [mine, theirs] = [self.vocabulary(), other.vocabulary()];
        let keys = self.keys.iter().zip(other.keys.iter()).all(|(one, other)| one == other);
        let roles = mine.roles.iter().zip(theirs.roles.iter()).all(|(one, other)| one.name == other.name);
        keys && roles && mine.tiers.iter().zip(&theirs.tiers).all(|(one, other)| one == other)
    }

    /// An attribute of the set as an attribute of requests.
    pub(in crate::query) fn key(&self, attr: AttrId) -> Key {
        self.keys[attr]
    }

    /// The type of an attribute, if the set knows it.
    pub(in crate::query) fn ty(&self, key: Key) -> Option<&'a Type> {
        let attr = self.attrs.get(&key)?;
        Some(&self.ir.vocabulary.attributes[*attr].ty)
    }

    /// Whether the set does not look at what a request says of an attribute: it has no tiers.
    pub(in crate::query) fn ignores(&self, key: Key) -> bool {
        self.ir.vocabulary.tiers.is_empty() && self.ty(key) == Some(&Type::Tier)
    }

    /// The value of an attribute where a request does not give it; unknown without one.
    pub(in crate::query) fn default(&self, key: Key) -> Option<Value> {
        let attr = self.attrs.get(&key)?;
        let default = self.ir.vocabulary.attributes[*attr].default.clone()?;
        Some(close_roles(&self.ir.vocabulary, default))
    }

    /// The value of an attribute of `anonymous`.
    pub(in crate::query) fn of_nobody(&self, key: Key) -> Option<Value> {
        match AttrId(key.0) {
            builtin::PRINCIPAL_ROLES => Some(Value::Roles(BTreeSet::new())),
            builtin::PRINCIPAL_ORG => Some(Value::None),
            builtin::PRINCIPAL_TIER => Some(Value::Tier(Tier(0))),
            builtin::PRINCIPAL_GRANTED => Some(Value::Bool(false)),
            _ => self.default(key),
        }
    }

    /// What a declaration fixes, by attribute of requests.
    pub(in crate::query) fn fixed(&self, entity: &Entity) -> BTreeMap<Key, Value> {
        let values = entity.values.iter();
        values.map(|(attr, value)| (self.key(*attr), close_roles(&self.ir.vocabulary, value.clone()))).collect()
    }

    /// The values of an attribute that declarations of principals fix.
    pub(in crate::query) fn of_people(&self, key: Key) -> impl Iterator<Item = &Value> {
        self.of_people.get(&key).into_iter().flatten()
    }

    pub(in crate::query) fn entities(&self, owner: Owner) -> &'a Entities {
        if owner == Owner::Principal { &self.ir.vocabulary.principals } else { &self.ir.vocabulary.resources }
    }

    /// The rules that can only speak of resources with some of these ids, and if so wanted those that can speak of any.
    pub(in crate::query) fn rules_with(&self, ids: &HashSet<Arc<str>>, free: bool) -> Vec<RuleId> {
        let pinned: HashSet<RuleId> = ids.iter().filter_map(|id| self.pinned.get(id)).flatten().copied().collect();
        let free = if free { &*self.free } else { &[] };
        pinned.into_iter().chain(free.iter().copied()).collect()
    }

    /// The rules that may speak of a resource, in source order; none for one that is not named.
    pub(in crate::query) fn rules_about(&self, id: Option<&str>) -> Vec<(RuleId, &'a Rule)> {
        let pinned = id.and_then(|id| self.pinned.get(id)).map_or(&[][..], Vec::as_slice);
        let mut rules: Vec<RuleId> = self.free.iter().chain(pinned).copied().collect();
        rules.sort_unstable();
        rules.into_iter().filter_map(|id| Some((id, self.ir.rules.find(id)?))).collect()
    }
}
