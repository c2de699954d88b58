//! What only one of two policy sets knows.

use super::Which;
use crate::check::{
    Ir,
    vocabulary::{Type, Vocabulary},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A name that only one of two policy sets knows, or that not all of its values fit both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnlyOne {
    /// An action.
    Action(Which, Arc<str>),
    /// A role.
    Role(Which, Arc<str>),
    /// A tier.
    Tier(Which, Arc<str>),
    /// An attribute, by its path.
    Attribute(Which, Arc<str>),
    /// An attribute whose values are not the same for both: requests are compared that give one which fits both, or none.
    Values(Arc<str>),
}

/// The names of one sort that a set knows, and what one is that the other set does not.
type Names = fn(&Vocabulary) -> BTreeSet<Arc<str>>;
type Only = fn(Which, Arc<str>) -> OnlyOne;

/// What only one of two policy sets knows, sorted by sort and name.
#[must_use]
pub fn only_one_knows(old: &Ir, new: &Ir) -> Vec<OnlyOne> {
    let mut found = Vec::new();
    let sorts: [(Names, Only); 4] = [
        (|known| known.actions.iter().cloned().collect(), OnlyOne::Action),
        (|known| known.roles.iter().map(|role| role.name.clone()).collect(), OnlyOne::Role),
        (|known| known.tiers.iter().cloned().collect(), OnlyOne::Tier),
        (|known| known.attributes.iter().map(|row| row.path.clone()).collect(), OnlyOne::Attribute),
    ];
    for (names, only) in sorts {
        let (before, after) = (names(&old.vocabulary), names(&new.vocabulary));
        found.extend(before.difference(&after).map(|name| only(Which::Old, name.clone())));
        found.extend(after.difference(&before).map(|name| only(Which::New, name.clone())));
    }
    let types: BTreeMap<&Arc<str>, &Type> = new.vocabulary.attributes.iter().map(|row| (&row.path, &row.ty)).collect();
    for row in old.vocabulary.attributes.iter() {
        if let Some(other) = types.get(&row.path)
            && row.ty != **other
        {
            found.push(OnlyOne::Values(row.path.clone()));
        }
    }
    found
}
