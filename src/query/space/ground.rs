//! What is known of the requests of a case before anything is asked.

use super::{
    case::{Case, Kind},
    frame::{Frame, Key, SideId, key},
};
use crate::{
    check::vocabulary::{Owner, builtin},
    ids::IdVec,
    request::Properties,
    value::Value,
};
use std::{collections::BTreeMap, sync::Arc};

/// Some policy sets, and a case.
#[derive(Clone)]
pub(in crate::query) struct Ground<'a> {
    pub(in crate::query) frame: &'a Frame<'a>,
    pub(in crate::query) case: Case<'a>,
    /// What each set's declaration of the resource fixes; none where it has no declaration.
    declared: IdVec<SideId, Option<BTreeMap<Key, Value>>>,
    /// The circumstances that all requests have.
    pub(in crate::query) given: Given,
}

/// Circumstances that are given beforehand.
#[derive(Debug, Default, Clone)]
pub(in crate::query) struct Given {
    /// As a request gives them.
    pub(in crate::query) context: Properties,
    /// What they come to.
    pub(in crate::query) values: BTreeMap<Key, Shown>,
    /// Whether all declared principals are told apart.
    pub(in crate::query) apart: bool,
}

/// What a policy set takes an attribute for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::query) enum Shown {
    /// What a request says, if anything.
    Open,
    /// This value.
    Known(Value),
    /// Unknown.
    Unknown,
}

impl Shown {
    /// A value, if there is one.
    pub(in crate::query) fn of(value: Option<Value>) -> Self {
        value.map_or(Self::Unknown, Self::Known)
    }
}

impl<'a> Ground<'a> {
    pub(in crate::query) fn new(frame: &'a Frame<'a>, case: Case<'a>, given: Given) -> Self {
        let declared = case.declared.pairs().map(|(id, entity)| entity.map(|entity| frame.sides[id].fixed(entity)));
        Self { frame, declared: declared.collect(), case, given }
    }

    /// What a set takes an attribute for, whoever asks.
    pub(super) fn settled(&self, id: SideId, at: Key) -> Shown {
        match self.frame.attributes[at].owner {
            Owner::Resource => self.of_resource(id, at),
            Owner::Principal | Owner::Action | Owner::Context => {
                self.given.values.get(&at).cloned().unwrap_or(Shown::Open)
            }
        }
    }

    /// What a set takes an attribute of the resource for.
    pub(in crate::query) fn of_resource(&self, id: SideId, at: Key) -> Shown {
        if at == key(builtin::RESOURCE_ID) {
            return self.case.id.clone().map_or(Shown::Open, |id| Shown::Known(Value::Text(id)));
        }
        if at == key(builtin::RESOURCE_KIND) {
            return match &self.case.kind {
                Kind::Is(kind) => Shown::Known(Value::Text(kind.clone())),
                Kind::IsNot(_) => Shown::Open,
            };
        }
        match &self.declared[id] {
            Some(values) if values.contains_key(&at) => Shown::of(values.get(&at).cloned()),
            Some(_) | None if self.frame.cannot_be_given(at) => self.absent(id, at),
            Some(_) | None => Shown::Open,
        }
    }

    /// What a set takes an attribute for that a request does not give.
    pub(in crate::query) fn absent(&self, id: SideId, key: Key) -> Shown {
        // Of a resource that nobody declared, nothing is taken for granted.
        let undeclared = self.frame.attributes[key].owner == Owner::Resource && self.declared[id].is_none();
        Shown::of(self.frame.sides[id].default(key).filter(|_| !undeclared))
    }

    /// The organisations that sets take the resource's for without being told, where they do not agree about it.
    pub(super) fn organisations(&self) -> Option<Vec<Arc<str>>> {
        let at = key(builtin::RESOURCE_ORG);
        let each: Vec<[Shown; 2]> =
            self.frame.sides.ids().map(|side| [self.of_resource(side, at), self.absent(side, at)]).collect();
        if each.windows(2).all(|pair| matches!(pair, [one, other] if one == other)) {
            return None;
        }
        let mut known: Vec<Arc<str>> = Vec::new();
        for shown in each.iter().flatten() {
            if let Shown::Known(Value::Text(org)) = shown
                && !known.contains(org)
            {
                known.push(org.clone());
            }
        }
        Some(known)
    }

    /// The values that an attribute can have for a set without being given one.
    pub(in crate::query) fn known(&self, id: SideId, key: Key) -> Vec<Value> {
        let side = &self.frame.sides[id];
        let value = |shown| if let Shown::Known(value) = shown { Some(value) } else { None };
        let mut values: Vec<Value> = value(self.absent(id, key)).into_iter().collect();
        match self.frame.attributes[key].owner {
            Owner::Resource => values.extend(value(self.of_resource(id, key))),
            Owner::Principal => values.extend(side.of_people(key).cloned().chain(side.of_nobody(key))),
            Owner::Action | Owner::Context => values.extend(value(self.settled(id, key))),
        }
        values
    }
}
