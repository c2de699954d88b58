//! From cells to requests: what dimensions cannot say.
//!
//! A cell tells what classes things are in: a text is none of those that are named, a number is in a range, this is less
//! than that, an instant is in this window and not in that one. Whether there are texts, numbers and instants like that is
//! for the theories to say: [`texts`] and [`numbers`]. Each gives values, or the facts that together cannot be.

mod numbers;
mod request;
mod texts;

use super::{
    budget::Budget,
    classes::Classes,
    search::{DimId, Fact, Look, Search, Theory},
    space::{Class, Key, Slot, Space, order},
};
use crate::{request::Request, value::Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Why there are no values.
enum No {
    /// Because of these facts.
    Because(Vec<Fact>),
    /// It takes too long to find out.
    Unsure,
}

/// The values that attributes are given.
#[derive(Debug, Default)]
struct Values {
    /// Of those that are texts, also kinds and ids.
    texts: BTreeMap<Key, Arc<str>>,
    /// Of those that have an order.
    numbers: BTreeMap<Key, Value>,
    /// Of those that are sets of texts.
    sets: BTreeMap<Key, BTreeSet<Arc<str>>>,
    /// The class of attributes that were left open.
    classes: BTreeMap<Key, usize>,
}

/// Makes requests of cells.
pub(super) struct Reader<'s, 'a, C> {
    space: &'s Space<'a>,
    /// Whether a request is what was asked for, as the reference evaluator sees it.
    confirm: C,
    budget: Budget,
    /// How many requests were not.
    pub(super) unconfirmed: usize,
}

impl<'s, 'a, C: FnMut(&Request) -> bool> Reader<'s, 'a, C> {
    pub(super) fn new(space: &'s Space<'a>, budget: Budget, confirm: C) -> Self {
        Self { space, confirm, budget, unconfirmed: 0 }
    }
}

impl<C: FnMut(&Request) -> bool> Theory for Reader<'_, '_, C> {
    type Point = Request;

    /// Narrows the attributes to one class each, the nicest first. Instants that are only tested by windows stay open, so
    /// that all of their ranges are looked at together.
    fn open(&mut self, search: &Search) -> Option<(DimId, Classes)> {
        let space = self.space;
        if search.only(space.person).is_none() {
            let nicest = search.cell(space.person).iter().min_by_key(|class| space.people.rank(*class))?;
            return Some((space.person, Classes::only(search.count(space.person), nicest)));
        }
        for (key, slot) in &space.slots {
            if search.only(slot.dim).is_none() && !space.is_left_to_windows(search, *key) {
                let class = Space::nicest(search, slot)?;
                return Some((slot.dim, Classes::only(slot.classes.len(), class)));
            }
        }
        // What is only not equal is less or greater.
        let mut different = Classes::none(order::COUNT);
        [order::LESS, order::GREATER].into_iter().for_each(|way| different.insert(way));
        let unequal = space.orders.values().find(|dim| *search.cell(**dim) == different)?;
        Some((*unequal, Classes::only(order::COUNT, order::LESS)))
    }

    fn look(&mut self, search: &Search) -> Look<Request> {
        let values = match self.values(search) {
            Ok(values) => values,
            Err(No::Because(facts)) => return Look::Nowhere(facts),
            Err(No::Unsure) => return Look::Unsure,
        };
        let request = self.space.request(search, &values);
        if (self.confirm)(&request) {
            return Look::Point(request);
        }
        self.unconfirmed = self.unconfirmed.saturating_add(1);
        Look::Unsure
    }
}

impl<C> Reader<'_, '_, C> {
    fn values(&mut self, search: &Search) -> Result<Values, No> {
        let mut values = Values::default();
        texts::choose(self.space, search, &mut values)?;
        numbers::choose(self.space, search, &mut self.budget, &mut values)?;
        Ok(values)
    }
}

impl Space<'_> {
    /// Whether an attribute is an instant that windows test and that nothing is compared with.
    fn is_left_to_windows(&self, search: &Search, key: Key) -> bool {
        self.calendars.get(&key).is_some_and(|(_, dim)| search.cell(*dim) != search.possible(*dim))
            && !self
                .orders
                .iter()
                .any(|((left, right, _), dim)| [*left, *right].contains(&key) && search.cell(*dim).len() < order::COUNT)
    }

    /// The class of an attribute that a person would choose: none where nothing was asked of it, else a value.
    fn nicest(search: &Search, slot: &Slot) -> Option<usize> {
        let cell = search.cell(slot.dim);
        let somebody = search.possible(slot.dim).without(&slot.those(|class| *class == Class::Nobody));
        let excluded = somebody.without(cell);
        let absent = slot.classes.iter().position(|class| *class == Class::Absent);
        if let Some(absent) = absent.filter(|absent| cell.contains(*absent) && excluded.is_empty()) {
            return Some(absent);
        }
        let rank = |class: &usize| match slot.classes.get(*class) {
            Some(Class::Range(first, last)) => (0, numbers::far(&numbers::nice(first, last))),
            Some(Class::At(_) | Class::Tier(_) | Class::Grant(_) | Class::Given) => (0, 0),
            Some(Class::Other) => (1, 0),
            Some(Class::None) => (2, 0),
            Some(Class::Absent | Class::Nobody) => (3, 0),
            Some(Class::Unknown) | None => (4, 0),
        };
        cell.iter().min_by_key(rank)
    }

    /// That an attribute is in the class that it is in.
    fn fact(&self, slot: &Slot, class: usize) -> Fact {
        Fact::Within(slot.dim, Classes::only(slot.classes.len(), class))
    }

    /// The class that is left of an attribute.
    fn class(&self, search: &Search, key: Key) -> Option<(&Slot, usize)> {
        let slot = self.slots.get(&key)?;
        Some((slot, search.only(slot.dim)?))
    }

    /// Whether every set takes an attribute of who asks from a declaration, whatever a request says.
    fn is_fixed(&self, search: &Search, key: Key) -> bool {
        let Some(person) = search.only(self.person) else { return false };
        self.ground.frame.sides.ids().all(|side| self.people.fixed(side, key).iter().any(|(class, _)| *class == person))
    }
}

/// What is decided about a dimension that is yes or no, as a fact, too.
fn answered(search: &Search, dim: DimId) -> Option<(bool, Fact)> {
    Space::answer(search, dim).map(|yes| (yes, Fact::Cell(dim)))
}
