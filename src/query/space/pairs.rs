//! Comparisons of two attributes, one of them the resource's.
//!
//! Where one side is fixed, by a declaration or by default, they are tests against a constant. Where both vary, how they
//! stand to each other is a dimension of its own, and a theory sees to it that it fits what both sides say.

use super::{
    Scene, Sense, Shown, SideId,
    frame::{Key, key},
    order,
    truth::compare,
    wanted::moved,
};
use crate::{
    check::{
        ir::Atom,
        vocabulary::{AttrId, Type, builtin},
    },
    query::{classes::Classes, search::Lit},
    value::{Cmp, Value},
};
use std::{cmp::Ordering, collections::BTreeSet, sync::Arc};

/// What a policy set takes an attribute for that is not unknown to it.
#[derive(Clone, Copy)]
enum Said<'a> {
    /// What a request says.
    Open,
    /// This value.
    Known(&'a Value),
}

impl<'a> Said<'a> {
    fn of(shown: &'a Shown) -> Option<Self> {
        match shown {
            Shown::Open => Some(Self::Open),
            Shown::Known(value) => Some(Self::Known(value)),
            Shown::Unknown => None,
        }
    }
}

impl Scene<'_> {
    /// How two attributes compare, the second moved by some seconds.
    pub(super) fn compare(
        &mut self,
        side: SideId,
        (left, op, right, offset): (Key, Cmp, Key, i64),
        sense: Sense,
    ) -> Lit {
        self.both(side, (left, right), sense, |scene, one, two| match (one, two) {
            (Said::Known(one), Said::Known(two)) => Lit::constant(sense.takes(compare(one, op, &moved(two, offset)))),
            (Said::Open, Said::Known(Value::None)) | (Said::Known(Value::None), Said::Open) => {
                Lit::constant(sense.takes(compare(&Value::None, op, &Value::None)))
            }
            (Said::Open, Said::Known(two)) => scene.constant(side, left, op, moved(two, offset)),
            (Said::Known(one), Said::Open) => {
                scene.constant(side, right, op.mirrored(), moved(one, offset.saturating_neg()))
            }
            (Said::Open, Said::Open) => scene.both_vary(side, (left, op, right, offset)),
        })
    }

    /// What is true of two values that both must be known, for each pair of what a set may take the two attributes for.
    fn both(
        &mut self,
        side: SideId,
        (left, right): (Key, Key),
        sense: Sense,
        mut then: impl FnMut(&mut Self, Said<'_>, Said<'_>) -> Lit,
    ) -> Lit {
        let unknown = Lit::constant(sense == Sense::Perhaps);
        let mut options = Vec::new();
        let rights = self.readings(side, right);
        for (here, one) in self.readings(side, left) {
            for (there, two) in &rights {
                let option = self.search.all([here, *there]);
                if option != Lit::FALSE {
                    let said = Said::of(&one).zip(Said::of(two));
                    options.push((option, said.map_or(unknown, |(one, two)| then(self, one, two))));
                }
            }
        }
        self.choose(options)
    }

    /// A value that varies compares so with a constant.
    fn constant(&mut self, side: SideId, at: Key, op: Cmp, value: Value) -> Lit {
        self.open(side, at, &Atom::Compare(AttrId(at.0), op, value))
    }

    fn both_vary(&mut self, side: SideId, (left, op, right, offset): (Key, Cmp, Key, i64)) -> Lit {
        match self.space.ground.frame.attributes[left].ty {
            Type::Bool | Type::OneOf(_) | Type::Tier => self.each_value(side, left, op, right),
            Type::Text | Type::Kind | Type::Action => {
                let known = self.space.equals.get(&(left, right)).copied();
                let dim = known.unwrap_or_else(|| {
                    let dim = self.search.dimension(Classes::all(2), 2);
                    self.space.equals.insert((left, right), dim);
                    dim
                });
                if op == Cmp::Ne { self.no(dim) } else { self.yes(dim) }
            }
            Type::Int(..) | Type::Time | Type::Ip | Type::Texts | Type::Roles => {
                // Both are told apart, and the theory that compares them knows their ranges.
                self.slot(left);
                self.slot(right);
                let known = self.space.orders.get(&(left, right, offset)).copied();
                let dim = known.unwrap_or_else(|| {
                    let dim = self.search.dimension(Classes::all(order::COUNT), order::COUNT);
                    self.space.orders.insert((left, right, offset), dim);
                    dim
                });
                let ways = [(order::LESS, Ordering::Less), (order::EQUAL, Ordering::Equal)];
                let ways = ways.into_iter().chain([(order::GREATER, Ordering::Greater)]);
                let mut classes = Classes::none(order::COUNT);
                ways.filter(|(_, way)| op.holds(*way)).for_each(|(class, _)| classes.insert(class));
                self.search.within(dim, &classes)
            }
        }
    }

    /// Attributes of a few values: each value of the one with those of the other.
    fn each_value(&mut self, side: SideId, left: Key, op: Cmp, right: Key) -> Lit {
        let (one, two) = (self.slot(left), self.slot(right));
        let frame = self.space.ground.frame;
        let mut options = Vec::new();
        for class in 0..one.valued {
            let Some(value) = one.value(frame, side, left, class) else { continue };
            let fits = |class: &usize| {
                let other = two.value(frame, side, right, *class).filter(|_| *class < two.valued);
                other.is_some_and(|other| op.holds(value.cmp(&other)))
            };
            let others = Classes::filter(two.classes.len(), fits);
            let here = self.said(left, &Classes::only(one.classes.len(), class));
            options.push((here, self.search.within(two.dim, &others)));
        }
        self.choose(options)
    }

    /// A set has the value of another attribute as a member.
    pub(super) fn contains_value(&mut self, side: SideId, set: Key, element: Key, sense: Sense) -> Lit {
        if set == key(builtin::PRINCIPAL_ROLES) {
            return self.role_named_by(side, element, sense);
        }
        self.both(side, (set, element), sense, |scene, holder, value| match (holder, value) {
            (Said::Known(holder), Said::Known(value)) => {
                let texts = holder.as_texts();
                let is_in = value.as_text().is_some_and(|text| texts.is_some_and(|texts| texts.contains(text)));
                Lit::constant(is_in)
            }
            (Said::Known(holder), Said::Open) => scene.one_of(side, element, holder.as_texts()),
            (Said::Open, Said::Known(value)) => value.as_text().map_or(Lit::FALSE, |text| scene.member(set, text)),
            (Said::Open, Said::Open) => scene.element(set, element),
        })
    }

    /// A text that varies is one of some.
    fn one_of(&mut self, side: SideId, at: Key, texts: Option<&BTreeSet<Arc<str>>>) -> Lit {
        let mut each = Vec::new();
        for text in texts.into_iter().flatten() {
            each.push(self.constant(side, at, Cmp::Eq, Value::Text(text.clone())));
        }
        self.search.any(each)
    }

    /// A set that is given has a text that varies.
    fn element(&mut self, set: Key, element: Key) -> Lit {
        let known = self.space.elements.get(&(set, element)).copied();
        let dim = known.unwrap_or_else(|| {
            let dim = self.search.dimension(Classes::all(2), 2);
            self.space.elements.insert((set, element), dim);
            self.needs_members(dim, &[set]);
            dim
        });
        self.yes(dim)
    }

    /// The principal holds the role that an attribute names.
    fn role_named_by(&mut self, side: SideId, element: Key, sense: Sense) -> Lit {
        let roles = key(builtin::PRINCIPAL_ROLES);
        let unknown = self.unknown(side, roles);
        let names = self.role_names(side);
        let mut options = Vec::new();
        for (option, shown) in self.readings(side, element) {
            let then = match shown {
                Shown::Unknown => Lit::constant(sense == Sense::Perhaps),
                Shown::Known(value) => match value.as_text() {
                    Some(name) => self.contains(side, roles, name, sense),
                    None => Lit::FALSE,
                },
                Shown::Open => {
                    let mut each = Vec::new();
                    for name in &names {
                        let named = self.constant(side, element, Cmp::Eq, Value::Text(name.clone()));
                        let held = self.contains(side, roles, name, sense);
                        each.push(self.search.all([named, held]));
                    }
                    self.search.any(each)
                }
            };
            options.push((option, then));
        }
        let known = self.choose(options);
        match sense {
            Sense::Surely => self.search.all([!unknown, known]),
            Sense::Perhaps => self.search.any([unknown, known]),
        }
    }

    /// Two sets have a member in common; the second is the resource's.
    pub(super) fn overlaps(&mut self, side: SideId, left: Key, right: Key, sense: Sense) -> Lit {
        self.both(side, (left, right), sense, |scene, one, two| match (one, two) {
            (_, Said::Known(two)) => {
                let each = two.as_texts().into_iter().flatten();
                let each: Vec<Lit> = each.map(|text| scene.contains(side, left, text, sense)).collect();
                scene.search.any(each)
            }
            (Said::Known(Value::Roles(roles)), Said::Open) => {
                let names: BTreeSet<Arc<str>> = roles.iter().map(|held| held.role.clone()).collect();
                scene.role_in(side, right, names, sense)
            }
            (Said::Known(one), Said::Open) => {
                let each = one.as_texts().into_iter().flatten();
                let each: Vec<Lit> = each.map(|text| scene.member(right, text)).collect();
                scene.search.any(each)
            }
            (Said::Open, Said::Open) if left == key(builtin::PRINCIPAL_ROLES) => {
                let names = scene.role_names(side).into_iter().collect();
                scene.role_in(side, right, names, sense)
            }
            (Said::Open, Said::Open) => scene.overlap(left, right),
        })
    }

    /// The principal holds a role, of some names, that is in a set.
    fn role_in(&mut self, side: SideId, set: Key, names: BTreeSet<Arc<str>>, sense: Sense) -> Lit {
        let mut each = Vec::new();
        for name in names {
            let held = self.contains(side, key(builtin::PRINCIPAL_ROLES), &name, sense);
            let member = self.member(set, &name);
            each.push(self.search.all([held, member]));
        }
        self.search.any(each)
    }

    /// Two sets that are given have a member in common.
    fn overlap(&mut self, left: Key, right: Key) -> Lit {
        let known = self.space.overlaps.get(&(left, right)).copied();
        let dim = known.unwrap_or_else(|| {
            let dim = self.search.dimension(Classes::all(2), 2);
            self.space.overlaps.insert((left, right), dim);
            self.needs_members(dim, &[left, right]);
            dim
        });
        self.yes(dim)
    }
}
