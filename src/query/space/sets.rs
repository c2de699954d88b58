//! Tests of sets: the members of a set of texts, and the roles that a principal holds.

use super::{
    NO, Scene, Sense, Shown, SideId,
    frame::{Key, key},
    held,
};
use crate::{
    check::{ir::Atom, vocabulary::builtin},
    query::{
        classes::Classes,
        search::{DimId, Lit},
    },
    value::{Cmp, HeldRole, Value},
};
use std::{collections::BTreeSet, sync::Arc};

impl Scene<'_> {
    /// A set has a member, or a principal holds a role.
    pub(super) fn contains(&mut self, side: SideId, at: Key, text: &Arc<str>, sense: Sense) -> Lit {
        let mut options = Vec::new();
        for (option, shown) in self.readings(side, at) {
            let then = match shown {
                Shown::Unknown => Lit::constant(sense == Sense::Perhaps),
                Shown::Known(Value::Texts(texts)) => Lit::constant(texts.contains(text)),
                Shown::Known(Value::Roles(roles)) => self.among_held(side, &roles, text, sense),
                Shown::Known(_) => Lit::FALSE,
                Shown::Open if at == key(builtin::PRINCIPAL_ROLES) => self.holds(side, text, sense),
                Shown::Open => self.member(at, text),
            };
            options.push((option, then));
        }
        self.choose(options)
    }

    /// A set that is given has a member.
    pub(super) fn member(&mut self, at: Key, text: &Arc<str>) -> Lit {
        let known = self.space.members.get(&(at, text.clone())).copied();
        let dim = known.unwrap_or_else(|| {
            let dim = self.search.dimension(Classes::all(2), 2);
            self.space.members.insert((at, text.clone()), dim);
            if let Some(some) = self.space.some.get(&at).copied() {
                self.makes(dim, some);
            }
            dim
        });
        self.yes(dim)
    }

    /// What one dimension is yes for makes another yes.
    fn makes(&mut self, one: DimId, other: DimId) {
        let [one, other] = [one, other].map(|dim| self.yes(dim));
        self.search.require(&[!one, other]);
    }

    /// A set that is given is not empty.
    fn some(&mut self, at: Key) -> Lit {
        let known = self.space.some.get(&at).copied();
        let dim = known.unwrap_or_else(|| {
            let dim = self.search.dimension(Classes::all(2), 2);
            self.space.some.insert(at, dim);
            let Self { space, .. } = self;
            let members = space.members.iter().filter(|((of, _), _)| *of == at).map(|(_, dim)| *dim);
            let elements = space.elements.iter().filter(|((of, _), _)| *of == at).map(|(_, dim)| *dim);
            let overlaps = space.overlaps.iter().filter(|((one, other), _)| [*one, *other].contains(&at));
            let making: Vec<DimId> = members.chain(elements).chain(overlaps.map(|(_, dim)| *dim)).collect();
            for making in making {
                self.makes(making, dim);
            }
            dim
        });
        self.yes(dim)
    }

    /// Takes note that something is true of these sets only if they have a member.
    pub(super) fn needs_members(&mut self, dim: DimId, sets: &[Key]) {
        for set in sets {
            if let Some(some) = self.space.some.get(set).copied() {
                self.makes(dim, some);
            }
        }
    }

    /// A set is known to have a member: `has`.
    pub(super) fn has_members(&mut self, side: SideId, at: Key) -> Lit {
        let mut options = Vec::new();
        for (option, shown) in self.readings(side, at) {
            let then = match shown {
                Shown::Unknown => Lit::FALSE,
                Shown::Known(Value::Texts(texts)) => Lit::constant(!texts.is_empty()),
                Shown::Known(Value::Roles(roles)) => Lit::constant(!roles.is_empty()),
                Shown::Known(_) => Lit::FALSE,
                Shown::Open if at == key(builtin::PRINCIPAL_ROLES) => {
                    let mut held = Vec::new();
                    for name in self.role_names(side) {
                        held.push(!self.role(&name, &[held::NO]));
                    }
                    self.search.any(held)
                }
                Shown::Open => self.some(at),
            };
            options.push((option, then));
        }
        self.choose(options)
    }

    // ---- Roles -------------------------------------------------------------------------------------------------------

    /// The roles that a set knows.
    pub(super) fn role_names(&self, side: SideId) -> Vec<Arc<str>> {
        self.space.ground.frame.sides[side].vocabulary().roles.iter().map(|role| role.name.clone()).collect()
    }

    /// A role that is given is held in one of some ways.
    fn role(&mut self, name: &Arc<str>, ways: &[usize]) -> Lit {
        let Self { search, space } = self;
        let known = space.roles.get(name).copied();
        let count = space.organisations.as_ref().map_or(held::COUNT, |all| held::FIRST.saturating_add(all.len()));
        let dim = known.unwrap_or_else(|| {
            let dim = search.dimension(Classes::all(count), count);
            space.roles.insert(name.clone(), dim);
            dim
        });
        search.within(dim, &Classes::filter(count, |way| ways.contains(way)))
    }

    /// A principal whose roles are given holds one: that or one that includes it.
    fn holds(&mut self, side: SideId, name: &Arc<str>, sense: Sense) -> Lit {
        let vocabulary = self.space.ground.frame.sides[side].vocabulary();
        // A name that is not a role's is held by nobody.
        let Some(wanted) = vocabulary.role_ids.get(name) else { return Lit::FALSE };
        let including = vocabulary.roles.iter().filter(|role| role.closure.contains(wanted));
        let including: Vec<Arc<str>> = including.map(|role| role.name.clone()).collect();
        let mut everywhere = Vec::new();
        for name in &including {
            everywhere.push(self.role(name, &[held::EVERYWHERE]));
        }
        if sense == Sense::Perhaps {
            let unknown = self.unknown(side, key(builtin::RESOURCE_ORG));
            if unknown != Lit::FALSE {
                let mut elsewhere = Vec::new();
                for name in &including {
                    elsewhere.push(!self.role(name, &[held::NO, held::EVERYWHERE]));
                }
                let elsewhere = self.search.any(elsewhere);
                everywhere.push(self.search.all([unknown, elsewhere]));
            }
        }
        for (way, here) in self.ways_here(side) {
            for name in &including {
                let held = self.role(name, &[way]);
                everywhere.push(self.search.all([here, held]));
            }
        }
        self.search.any(everywhere)
    }

    /// Where sets disagree about the resource's organisation: the ways to hold a role in one, each with what makes that
    /// the resource's for a set.
    fn ways_here(&mut self, side: SideId) -> Vec<(usize, Lit)> {
        let Some(organisations) = self.space.organisations.clone() else { return Vec::new() };
        let at = key(builtin::RESOURCE_ORG);
        let is = |org: Arc<str>| Atom::Compare(builtin::RESOURCE_ORG, Cmp::Eq, Value::Text(org));
        let mut ways = Vec::new();
        let mut there = Vec::new();
        for (option, shown) in self.readings(side, at) {
            let same = match shown {
                Shown::Open => Lit::TRUE,
                Shown::Known(Value::Text(org)) => self.open(side, at, &is(org)),
                Shown::Known(_) | Shown::Unknown => Lit::FALSE,
            };
            there.push((option, same));
        }
        let there = self.choose(there);
        let slot = self.slot(at);
        let given = self.said(at, &slot.with_value());
        ways.push((held::THERE, self.search.all([given, there])));
        for (index, org) in organisations.into_iter().enumerate() {
            let here = self.test(side, at, &is(org), Sense::Surely);
            ways.push((held::FIRST.saturating_add(index), here));
        }
        ways
    }

    /// One of the roles that are fixed is of a name, and counts here.
    fn among_held(&mut self, side: SideId, roles: &BTreeSet<HeldRole>, name: &Arc<str>, sense: Sense) -> Lit {
        let mut each = Vec::new();
        for held in roles.iter().filter(|held| held.role == *name) {
            each.push(match &held.org {
                None => Lit::TRUE,
                Some(org) => {
                    let here = Atom::Compare(builtin::RESOURCE_ORG, Cmp::Eq, Value::Text(org.clone()));
                    self.test(side, key(builtin::RESOURCE_ORG), &here, sense)
                }
            });
        }
        self.search.any(each)
    }

    /// Whether a dimension that is yes or no is decided against.
    pub(super) fn no(&mut self, dim: DimId) -> Lit {
        self.search.within(dim, &Classes::only(2, NO))
    }
}
