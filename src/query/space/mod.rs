//! Requests as points: what a request can say, as dimensions, and what policy sets say of requests, as literals.
//!
//! Dimensions are made of what *requests* say, and not of what a policy set makes of it: defaults, declarations and the
//! inclusion of roles come in when a condition of a set is put into literals. So one space serves several sets.

mod calendar;
mod case;
mod frame;
mod ground;
mod line;
mod lower;
mod names;
mod pairs;
mod people;
mod sets;
mod slot;
mod truth;
mod wanted;

pub(super) use calendar::{Calendar, TooLong};
pub(super) use case::{Case, Declared, Kind};
pub(super) use frame::{Frame, Key, Side, SideId, key};
pub(super) use ground::{Given, Ground, Shown};
pub(super) use names::pins;
pub(super) use people::{People, Person, PersonId};
pub(super) use slot::{Class, Slot};
pub(super) use truth::Sense;

use super::{
    classes::Classes,
    search::{DimId, Lit, Search},
};
use crate::{
    check::{
        ir::{Cond, Window},
        vocabulary::{Owner, builtin},
    },
    glob::Glob,
    value::Value,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use wanted::Wanted;

/// The classes of a dimension that is yes or no.
pub(super) const NO: usize = 0;
pub(super) const YES: usize = 1;

/// The classes of a role.
pub(super) mod held {
    /// The principal does not hold it.
    pub(in crate::query) const NO: usize = 0;
    /// It holds it everywhere.
    pub(in crate::query) const EVERYWHERE: usize = 1;
    /// It holds it in some organisation: if the resource's is known, in another.
    pub(in crate::query) const ELSEWHERE: usize = 2;
    pub(in crate::query) const COUNT: usize = 3;
    /// Where sets disagree about the resource's organisation: it holds it in the one that the request gives.
    pub(in crate::query) const THERE: usize = 3;
    /// And from here on: in each of those that sets take it for.
    pub(in crate::query) const FIRST: usize = 4;
}

/// The classes of a comparison of two attributes that have an order.
pub(super) mod order {
    pub(in crate::query) const LESS: usize = 0;
    pub(in crate::query) const EQUAL: usize = 1;
    pub(in crate::query) const GREATER: usize = 2;
    pub(in crate::query) const COUNT: usize = 3;
}

/// The requests of a case as points, and questions about them.
#[derive(Clone)]
pub(super) struct Scene<'a> {
    pub(super) search: Search,
    pub(super) space: Space<'a>,
}

/// The dimensions of the requests of a case. All but the first few are made when a condition speaks of them.
#[derive(Clone)]
pub(super) struct Space<'a> {
    pub(super) ground: Ground<'a>,
    wanted: Wanted,
    pub(super) people: People<'a>,
    /// Who asks.
    pub(super) person: DimId,
    anonymous: Lit,
    /// What is said of an attribute.
    pub(super) slots: BTreeMap<Key, Arc<Slot>>,
    /// Whether a set that is given has a member.
    pub(super) members: BTreeMap<(Key, Arc<str>), DimId>,
    /// Whether it has any at all.
    pub(super) some: BTreeMap<Key, DimId>,
    /// Whether roles that are given have this one.
    pub(super) roles: BTreeMap<Arc<str>, DimId>,
    /// Where sets disagree about the resource's organisation: those that they take it for.
    pub(super) organisations: Option<Vec<Arc<str>>>,
    /// Whether a text that is not named matches a pattern.
    pub(super) globs: HashMap<(Key, String), Vec<(Glob, DimId)>>,
    /// What clocks show at an instant, as far as windows tell that apart.
    pub(super) calendars: BTreeMap<Key, (Arc<Calendar>, DimId)>,
    /// Whether two texts are the same.
    pub(super) equals: BTreeMap<(Key, Key), DimId>,
    /// How two values stand to each other, the second moved by some seconds.
    pub(super) orders: BTreeMap<(Key, Key, i64), DimId>,
    /// Whether a set has a text as a member.
    pub(super) elements: BTreeMap<(Key, Key), DimId>,
    /// Whether two sets have a member in common.
    pub(super) overlaps: BTreeMap<(Key, Key), DimId>,
}

impl<'a> Scene<'a> {
    /// The requests of a case, where what these conditions name is told apart: no others may be asked about.
    pub(super) fn new<'c>(ground: Ground<'a>, conds: impl IntoIterator<Item = (SideId, &'c Cond)>) -> Self {
        let mut wanted = Wanted::default();
        for (side, cond) in conds {
            cond.atoms(&mut |atom| wanted.add(&ground, side, atom));
        }
        // Whether an id is declared or named is a matter of the kind.
        wanted.texts.entry(key(builtin::RESOURCE_KIND)).or_default().extend(ground.frame.kinds.iter().cloned());
        wanted.identities |= ground.given.apart;
        let organisations = ground.organisations();
        wanted.texts.entry(key(builtin::RESOURCE_ORG)).or_default().extend(organisations.iter().flatten().cloned());
        let mut search = Search::new();
        let people = People::new(ground.frame, &wanted);
        let count = people.classes.len();
        let person = search.dimension(Classes::all(count), count);
        let nobody = Classes::filter(count, |class| people.classes.get(*class).is_some_and(Person::is_anonymous));
        let anonymous = search.within(person, &nobody);
        let space = Space {
            ground,
            wanted,
            people,
            person,
            anonymous,
            slots: BTreeMap::new(),
            members: BTreeMap::new(),
            some: BTreeMap::new(),
            roles: BTreeMap::new(),
            organisations,
            globs: HashMap::new(),
            calendars: BTreeMap::new(),
            equals: BTreeMap::new(),
            orders: BTreeMap::new(),
            elements: BTreeMap::new(),
            overlaps: BTreeMap::new(),
        };
        let mut scene = Self { search, space };
        for always in [builtin::ACTION_NAME, builtin::RESOURCE_KIND] {
            scene.slot(key(always));
        }
        scene
    }

    // ---- Dimensions --------------------------------------------------------------------------------------------------

    /// Makes sure that there is a dimension for what is said of an attribute.
    fn slot(&mut self, at: Key) -> Arc<Slot> {
        let Self { search, space } = self;
        let Space { ground, wanted, slots, anonymous, .. } = space;
        let slot = slots.entry(at).or_insert_with(|| {
            let slot = Slot::new(ground, wanted, search, at);
            if ground.frame.attributes[at].owner == Owner::Principal {
                // `anonymous` has no attributes of its own, and everybody else is somebody.
                let nobody = search.within(slot.dim, &slot.those(|class| *class == Class::Nobody));
                search.require(&[!*anonymous, nobody]);
                search.require(&[*anonymous, !nobody]);
            }
            slot.into()
        });
        slot.clone()
    }

    /// Some classes of what is said of an attribute.
    fn said(&mut self, at: Key, classes: &Classes) -> Lit {
        let dim = self.slot(at).dim;
        self.search.within(dim, classes)
    }

    /// An instant is in a window, given that there is one.
    fn window(&mut self, at: Key, window: &Arc<Window>) -> Lit {
        let Self { search, space } = self;
        let Space { ground, wanted, calendars, .. } = space;
        let (calendar, dim) = calendars.entry(at).or_insert_with(|| {
            let calendar = ground.frame.calendar(wanted.windows.get(&at).map_or(&[], Vec::as_slice));
            let count = calendar.count();
            (calendar, search.dimension(Classes::all(count), count))
        });
        search.within(*dim, &calendar.inside(window))
    }

    /// A text matches a pattern, given that there is one and it is not named.
    fn glob(&mut self, at: Key, glob: &Glob) -> Lit {
        let Self { search, space } = self;
        let alike = space.globs.entry((at, glob.pattern().to_owned())).or_default();
        let dim = match alike.iter().find(|(known, _)| known == glob) {
            Some((_, dim)) => *dim,
            None => {
                let dim = search.dimension(Classes::all(2), 2);
                alike.push((glob.clone(), dim));
                dim
            }
        };
        self.yes(dim)
    }

    /// It is true of a dimension that is yes or no.
    fn yes(&mut self, dim: DimId) -> Lit {
        self.search.within(dim, &Classes::only(2, YES))
    }

    /// Somebody of these classes asks.
    pub(super) fn person(&mut self, test: impl Fn(&Person<'a>) -> bool) -> Lit {
        let people = &self.space.people.classes;
        let classes = Classes::filter(people.len(), |class| people.get(*class).is_some_and(&test));
        self.search.within(self.space.person, &classes)
    }

    /// The options of which one is true, each with what is true where it is.
    fn choose(&mut self, options: Vec<(Lit, Lit)>) -> Lit {
        let each: Vec<Lit> = options.into_iter().map(|(option, then)| self.search.all([option, then])).collect();
        self.search.any(each)
    }

    /// The action is this one.
    pub(super) fn action(&mut self, name: &str) -> Lit {
        let at = key(builtin::ACTION_NAME);
        let slot = self.slot(at);
        let classes = slot.those(|class| matches!(class, Class::At(Value::Text(known)) if **known == *name));
        self.said(at, &classes)
    }

    /// The action is one that a set knows.
    pub(super) fn knows_action(&mut self, side: SideId) -> Lit {
        let at = key(builtin::ACTION_NAME);
        let known = &self.space.ground.frame.sides[side].vocabulary().action_ids;
        let slot = self.slot(at);
        let of = |class: &Class| matches!(class, Class::At(value) if value.as_text().is_some_and(|name| known.contains_key(name)));
        let classes = slot.those(of);
        self.said(at, &classes)
    }
}

impl Space<'_> {
    /// The only class that is left of a dimension that is yes or no.
    pub(super) fn answer(search: &Search, dim: DimId) -> Option<bool> {
        search.only(dim).map(|class| class == YES)
    }
}
