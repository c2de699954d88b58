//! Where a rule is filed: under what every request that it speaks of must have.
//!
//! A rule is found through the most specific of its keys. What a request does not say cannot be looked up, so a rule that
//! fires on the unknown is found through the missing key too; a resource's kind and id are never missing.

use super::shape::{flatten, wants};
use crate::{
    check::{
        ir::{Atom, Cond, CondKind, Members},
        vocabulary::builtin,
    },
    glob::Glob,
    value::{Cmp, Value},
};
use std::{collections::BTreeSet, sync::Arc};

/// The most keys that one rule is filed under; with more it is filed less specifically.
const MAX_KEYS: usize = 4_096;

/// What a request must have. In the order of preference, the best first.
#[derive(Debug, Clone)]
pub(super) enum Key<'a> {
    /// The resource of this kind and id.
    Resource(&'a str, &'a str),
    /// The principal of this kind and id.
    Principal(&'a str, &'a str),
    /// A resource whose id matches.
    Pattern(&'a Arc<Glob>),
    /// A resource with this tag.
    Tag(&'a str),
    /// A principal of this organisation.
    PrincipalOrg(&'a str),
    /// A resource of this organisation.
    ResourceOrg(&'a str),
}

impl Key<'_> {
    /// Its place in the order of preference.
    const fn rank(&self) -> u8 {
        match self {
            Self::Resource(..) => 0,
            Self::Principal(..) => 1,
            Self::Pattern(_) => 2,
            Self::Tag(_) => 3,
            Self::PrincipalOrg(_) => 4,
            Self::ResourceOrg(_) => 5,
        }
    }
}

/// The keys of a rule: every request that it speaks of has one of them. Of none, any request.
pub(super) fn keys<'a>(conds: &[&'a Cond]) -> Vec<Key<'a>> {
    let mut items = Vec::new();
    conds.iter().for_each(|cond| flatten(cond, &mut items));
    best(&items).unwrap_or_default()
}

/// The best keys of conditions that must all hold. The worst of several keys counts.
fn best<'a>(items: &[&'a Cond]) -> Option<Vec<Key<'a>>> {
    let worst = |keys: &[Key<'_>]| keys.iter().map(Key::rank).max();
    let mut found: Option<Vec<Key<'a>>> = None;
    let mut offer = |keys: Vec<Key<'a>>| {
        let better = found.as_ref().is_none_or(|held| (worst(&keys), keys.len()) < (worst(held), held.len()));
        if better && (1..=MAX_KEYS).contains(&keys.len()) {
            found = Some(keys);
        }
    };
    if let Some(kind) = wants(items, builtin::RESOURCE_KIND) {
        offer(ids(items, builtin::RESOURCE_ID).into_iter().map(|id| Key::Resource(kind, id)).collect());
    }
    if let Some(kind) = wants(items, builtin::PRINCIPAL_KIND) {
        offer(ids(items, builtin::PRINCIPAL_ID).into_iter().map(|id| Key::Principal(kind, id)).collect());
    }
    for item in items {
        match item.kind() {
            CondKind::Atom(atom) => offer(single(atom)),
            CondKind::Any(sides) => {
                let sides: Option<Vec<Vec<Key<'a>>>> = sides
                    .iter()
                    .map(|side| {
                        let mut items = Vec::new();
                        flatten(side, &mut items);
                        best(&items)
                    })
                    .collect();
                offer(sides.unwrap_or_default().into_iter().flatten().collect());
            }
            CondKind::Const(_) | CondKind::Not(_) | CondKind::All(_) => {}
        }
    }
    found
}

/// The constants that an id must be one of.
fn ids<'a>(items: &[&'a Cond], id: crate::check::vocabulary::AttrId) -> Vec<&'a str> {
    if let Some(text) = wants(items, id) {
        return vec![text];
    }
    let members = items.iter().find_map(|cond| match cond.kind() {
        CondKind::Atom(Atom::In(attr, members)) if *attr == id => Some(&**members),
        CondKind::Const(_) | CondKind::Not(_) | CondKind::All(_) | CondKind::Any(_) | CondKind::Atom(_) => None,
    });
    if let Some(Members::Texts(texts)) = members { all(texts) } else { Vec::new() }
}

fn all(texts: &BTreeSet<Arc<str>>) -> Vec<&str> {
    texts.iter().map(|text| &**text).collect()
}

/// The keys of one test.
fn single(atom: &Atom) -> Vec<Key<'_>> {
    match atom {
        Atom::Like(builtin::RESOURCE_ID, glob) => vec![Key::Pattern(glob)],
        Atom::Contains(builtin::RESOURCE_TAGS, tag) => vec![Key::Tag(tag)],
        Atom::Overlaps(builtin::RESOURCE_TAGS, tags) => all(tags).into_iter().map(Key::Tag).collect(),
        Atom::Compare(builtin::PRINCIPAL_ORG, Cmp::Eq, Value::Text(org)) => vec![Key::PrincipalOrg(org)],
        Atom::Compare(builtin::RESOURCE_ORG, Cmp::Eq, Value::Text(org)) => vec![Key::ResourceOrg(org)],
        Atom::In(attr @ (builtin::PRINCIPAL_ORG | builtin::RESOURCE_ORG), members) => {
            let key = if *attr == builtin::PRINCIPAL_ORG { Key::PrincipalOrg } else { Key::ResourceOrg };
            if let Members::Texts(orgs) = &**members { all(orgs).into_iter().map(key).collect() } else { Vec::new() }
        }
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
