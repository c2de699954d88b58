//! What one or two policy sets know, seen from the requests that all of them are asked about.

use super::names::{Names, pins};
use crate::{
    check::{
        Ir,
        entity::{Entities, Entity},
        ir::RuleId,
        vocabulary::{AttrId, Owner, Type, Vocabulary, builtin},
    },
    eval::facts::close_roles,
    ids::{IdVec, ids},
    value::{Tier, Value},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
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
    pub(in crate::query) ty: Type,
    /// Whether it is never negative.
    pub(in crate::query) is_unit: bool,
}

/// The policy sets that are asked about, and the attributes that one of them knows.
pub(in crate::query) struct Frame<'a> {
    pub(in crate::query) sides: IdVec<SideId, Side<'a>>,
    pub(in crate::query) attributes: IdVec<Key, Attribute>,
    /// The resources that rules or claims name.
    pub(in crate::query) names: Names,
    /// The kinds of resources that are declared or named with an id.
    pub(in crate::query) kinds: BTreeSet<Arc<str>>,
}

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
    /// The frame of some policy sets. Of an attribute that several know, the first one's type counts.
    pub(in crate::query) fn new(sets: &[&'a Ir]) -> Self {
        let mut frame =
            Self { sides: IdVec::new(), attributes: IdVec::new(), names: Names::default(), kinds: BTreeSet::new() };
        let mut places: HashMap<(Owner, Arc<str>), Key> = HashMap::new();
        for ir in sets {
            let rows = ir.vocabulary.attributes.iter();
            let keys: IdVec<AttrId, Key> = rows
                .map(|row| {
                    *places.entry((row.owner, row.name.clone())).or_insert_with(|| {
                        frame.attributes.push(Attribute {
                            owner: row.owner,
                            name: row.name.clone(),
                            ty: row.ty.clone(),
                            is_unit: row.is_unit,
                        })
                    })
                })
                .collect();
            ir.rules.iter().for_each(|rule| frame.names.add(&rule.parts));
            ir.claims.iter().for_each(|claim| frame.names.add(&claim.parts));
            let kinds = ir.vocabulary.resource_kinds.iter();
            frame.kinds.extend(kinds.filter(|kind| ir.vocabulary.resources.declares(kind)).cloned());
            frame.sides.push(Side::new(ir, keys));
        }
        frame.kinds.extend(frame.names.whole().map(|(kind, _)| kind.clone()));
        frame
    }

    /// Whether a request cannot give an attribute: there are no tiers to give.
    pub(in crate::query) fn cannot_be_given(&self, key: Key) -> bool {
        let no_tiers = |side: &Side<'_>| side.ir.vocabulary.tiers.is_empty();
        self.attributes[key].ty == Type::Tier && self.sides.iter().all(no_tiers)
    }
}

impl<'a> Side<'a> {
    fn new(ir: &'a Ir, keys: IdVec<AttrId, Key>) -> Self {
        let attrs = keys.pairs().map(|(attr, key)| (*key, attr)).collect();
        let mut side = Self { ir, keys, attrs, of_people: BTreeMap::new(), pinned: HashMap::new(), free: Vec::new() };
        for entity in ir.vocabulary.principals.iter() {
            for (key, value) in side.fixed(entity) {
                side.of_people.entry(key).or_default().insert(value);
            }
        }
        for (id, rule) in ir.rules.pairs() {
            match pins(&rule.parts) {
                None => side.free.push(id),
                Some(names) => {
                    for name in names {
                        side.pinned.entry(name).or_default().push(id);
                    }
                }
            }
        }
        side
    }

    pub(in crate::query) fn vocabulary(&self) -> &'a Vocabulary {
        &self.ir.vocabulary
    }

    /// An attribute of the set as an attribute of requests.
    pub(in crate::query) fn key(&self, attr: AttrId) -> Key {
        self.keys[attr]
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

    /// The rules that may speak of a resource, in source order; none for one that is not named.
    pub(in crate::query) fn rules_about(&self, id: Option<&str>) -> Vec<RuleId> {
        let pinned = id.and_then(|id| self.pinned.get(id)).map_or(&[][..], Vec::as_slice);
        let mut rules: Vec<RuleId> = self.free.iter().chain(pinned).copied().collect();
        rules.sort_unstable();
        rules
    }
}
