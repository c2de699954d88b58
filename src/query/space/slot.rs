//! What a request can say of an attribute, as a dimension.

use super::{
    frame::{Frame, Key, SideId, key},
    ground::{Ground, Shown},
    line::{self, Line},
    wanted::Wanted,
};
use crate::{
    check::{
        ir::Atom,
        vocabulary::{AttrId, Owner, Type, builtin},
    },
    eval::facts::Grant,
    query::{
        classes::Classes,
        search::{DimId, Search},
        space::case::Kind,
    },
    value::{Cmp, Value},
};
use std::{cmp::Ordering, collections::BTreeSet, sync::Arc};

/// An attribute of a request: a dimension, and what its classes are.
#[derive(Debug, Clone)]
pub(in crate::query) struct Slot {
    pub(in crate::query) dim: DimId,
    /// First the classes of requests that give a value.
    pub(in crate::query) classes: Vec<Class>,
    /// How many of them there are.
    pub(in crate::query) valued: usize,
    /// The line of which they are the ranges.
    line: Option<Line>,
}

/// A class of what requests say of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::query) enum Class {
    /// A value from the one to the other, both included.
    Range(Value, Value),
    /// This value.
    At(Value),
    /// The tier of this name.
    Tier(Arc<str>),
    /// An access grant.
    Grant(Grant),
    /// Some text that is not named.
    Other,
    /// Some set, whose members are dimensions of their own.
    Given,
    /// `none`
    None,
    /// Not known, even where there is a default.
    Unknown,
    /// Nothing.
    Absent,
    /// Nothing, since `anonymous` has no attributes of its own.
    Nobody,
}

impl Slot {
    /// The dimension of an attribute, and its classes.
    pub(super) fn new(ground: &Ground<'_>, wanted: &Wanted, search: &mut Search, at: Key) -> Self {
        let frame = ground.frame;
        let given = !frame.cannot_be_given(at);
        let line = line(frame, wanted, at).filter(|_| given);
        let mut classes = match &line {
            _ if !given => Vec::new(),
            Some(line) => line.ranges().map(|(first, last)| Class::Range(first, last)).collect(),
            None => points(frame, wanted, at),
        };
        let valued = classes.len();
        classes.extend(without_value(ground, at));
        let impossible = |class: &Class| match class {
            Class::Range(first, _) => *first == line::mapped()[0],
            Class::At(Value::Text(kind)) if at == key(builtin::RESOURCE_KIND) => {
                matches!(&ground.case.kind, Kind::IsNot(kinds) if kinds.contains(kind))
            }
            Class::At(_)
            | Class::Tier(_)
            | Class::Grant(_)
            | Class::Other
            | Class::Given
            | Class::None
            | Class::Unknown
            | Class::Absent
            | Class::Nobody => false,
        };
        let possible =
            Classes::filter(classes.len(), |class| classes.get(*class).is_some_and(|class| !impossible(class)));
        let dim = search.dimension(possible, classes.len());
        Self { dim, classes, valued, line }
    }

    /// No class.
    pub(in crate::query) fn none(&self) -> Classes {
        Classes::none(self.classes.len())
    }

    /// The classes of requests that give a value.
    pub(in crate::query) fn with_value(&self) -> Classes {
        let mut valued = self.none();
        valued.insert_range(0, self.valued);
        valued
    }

    /// Those of a kind.
    pub(in crate::query) fn those(&self, test: impl Fn(&Class) -> bool) -> Classes {
        Classes::filter(self.classes.len(), |class| self.classes.get(*class).is_some_and(&test))
    }

    /// The classes without a value, each with what a set takes it for.
    pub(in crate::query) fn without_value(
        &self,
        ground: &Ground<'_>,
        side: SideId,
        at: Key,
    ) -> impl Iterator<Item = (usize, Shown)> {
        self.classes.iter().enumerate().skip(self.valued).map(move |(class, of)| {
            let shown = match of {
                Class::Absent => ground.absent(side, at),
                Class::Unknown if ground.frame.sides[side].ignores(at) => ground.absent(side, at),
                Class::Nobody => Shown::of(ground.frame.sides[side].of_nobody(at)),
                Class::None => Shown::Known(Value::None),
                Class::Unknown
                | Class::Range(..)
                | Class::At(_)
                | Class::Tier(_)
                | Class::Grant(_)
                | Class::Other
                | Class::Given => Shown::Unknown,
            };
            (class, shown)
        })
    }

    /// The value that a set takes a class for that has a single one.
    pub(in crate::query) fn value(&self, frame: &Frame<'_>, side: SideId, at: Key, class: usize) -> Option<Value> {
        match self.classes.get(class)? {
            Class::At(value) => Some(value.clone()),
            Class::Tier(name) => {
                let tier = frame.sides[side].vocabulary().tier(name);
                // A principal's tier that is not in the order is the lowest.
                let lowest = (at == key(builtin::PRINCIPAL_TIER)).then(Default::default);
                tier.or(lowest).map(Value::Tier)
            }
            Class::Grant(grant) => Some(Value::Bool(*grant != Grant::No)),
            Class::None => Some(Value::None),
            Class::Range(..) | Class::Other | Class::Given | Class::Unknown | Class::Absent | Class::Nobody => None,
        }
    }

    /// The ranges in which a test of a number, an instant or an address is true, where the attribute has a line.
    pub(super) fn ranges(&self, atom: &Atom) -> Option<Classes> {
        let line = self.line.as_ref()?;
        let ranges = match atom {
            Atom::Compare(_, op, constant) => line.comparing(*op, constant),
            Atom::In(_, members) => line.among(members),
            Atom::Has(_) => vec![(0, self.valued)],
            Atom::IsTrue(_)
            | Atom::CompareResource { .. }
            | Atom::During(..)
            | Atom::Like(..)
            | Atom::Contains(..)
            | Atom::ContainsValue(..)
            | Atom::Overlaps(..)
            | Atom::OverlapsResource(..)
            | Atom::Holds(_) => return None,
        };
        let mut classes = self.none();
        ranges.into_iter().for_each(|(start, end)| classes.insert_range(start, end));
        Some(classes)
    }

    /// The class of a text.
    pub(super) fn find(&self, text: &str) -> Option<usize> {
        let points = self.classes.get(..self.valued)?;
        let same = |class: &Class| match class {
            Class::At(value) => value.as_text().map_or(Ordering::Greater, |point| (**point).cmp(text)),
            // Behind all texts.
            Class::Range(..)
            | Class::Tier(_)
            | Class::Grant(_)
            | Class::Other
            | Class::Given
            | Class::None
            | Class::Unknown
            | Class::Absent
            | Class::Nobody => Ordering::Greater,
        };
        points.binary_search_by(same).ok()
    }
}

/// The line of an attribute whose values have an order.
fn line(frame: &Frame<'_>, wanted: &Wanted, at: Key) -> Option<Line> {
    let attribute = &frame.attributes[at];
    let (first, last) = match attribute.ty {
        Type::Int(min, max) => {
            let min = if attribute.is_unit { min.max(0) } else { min };
            (Value::Int(min), Value::Int(max))
        }
        Type::Time => line::instants(),
        Type::Ip => line::addresses(),
        Type::Bool
        | Type::Text
        | Type::Tier
        | Type::Texts
        | Type::OneOf(_)
        | Type::Kind
        | Type::Action
        | Type::Roles => return None,
    };
    let mut cuts = wanted.cuts.get(&at).cloned().unwrap_or_default();
    if attribute.ty == Type::Ip {
        cuts.extend(line::mapped());
        cuts.extend(line::after(&Value::Ip(std::net::Ipv4Addr::BROADCAST.into())));
    }
    Some(Line::new(first, last, &cuts))
}

/// The values of an attribute without an order, texts sorted.
fn points(frame: &Frame<'_>, wanted: &Wanted, at: Key) -> Vec<Class> {
    let texts = |texts: BTreeSet<Arc<str>>| texts.into_iter().map(|text| Class::At(Value::Text(text)));
    match &frame.attributes[at].ty {
        Type::Bool if at == key(builtin::PRINCIPAL_GRANTED) => {
            [Grant::No, Grant::Auto, Grant::Manual].map(Class::Grant).into()
        }
        Type::Bool => [false, true].map(|value| Class::At(Value::Bool(value))).into(),
        Type::Tier => frame.tiers(at).into_iter().map(Class::Tier).collect(),
        Type::OneOf(constants) => texts(constants.iter().cloned().collect()).collect(),
        Type::Text | Type::Kind => {
            texts(wanted.texts.get(&at).cloned().unwrap_or_default()).chain([Class::Other]).collect()
        }
        Type::Action => {
            let actions = frame.sides.iter().flat_map(|side| side.vocabulary().actions.iter());
            texts(actions.cloned().collect()).chain([Class::Other]).collect()
        }
        Type::Texts | Type::Roles => vec![Class::Given],
        Type::Int(..) | Type::Ip | Type::Time => Vec::new(),
    }
}

/// The classes of requests that give no value.
fn without_value(ground: &Ground<'_>, at: Key) -> Vec<Class> {
    let frame = ground.frame;
    if builtin::ALWAYS_GIVEN.contains(&AttrId(at.0)) {
        return Vec::new();
    }
    let attribute = &frame.attributes[at];
    let has_none = ![builtin::PRINCIPAL_GRANTED, builtin::PRINCIPAL_TIER].contains(&AttrId(at.0))
        // Of a set it is the empty one.
        && !matches!(attribute.ty, Type::Texts | Type::Roles);
    let has_default = frame.sides.ids().any(|side| ground.absent(side, at) != Shown::Unknown);
    let given = !frame.cannot_be_given(at);
    let mut classes = Vec::new();
    classes.extend((given && has_none).then_some(Class::None));
    classes.push(Class::Absent);
    classes.extend((given && has_default).then_some(Class::Unknown));
    classes.extend((attribute.owner == Owner::Principal).then_some(Class::Nobody));
    classes
}

/// What a test of a text says of one that is not named; none if that is not the same for all.
pub(super) fn truth_of_other(atom: &Atom) -> Option<bool> {
    match atom {
        Atom::Has(_) | Atom::Compare(_, Cmp::Ne, _) => Some(true),
        Atom::Like(_, glob) if glob.literal().is_none() => None,
        Atom::Compare(..)
        | Atom::In(..)
        | Atom::Like(..)
        | Atom::IsTrue(_)
        | Atom::CompareResource { .. }
        | Atom::During(..)
        | Atom::Contains(..)
        | Atom::ContainsValue(..)
        | Atom::Overlaps(..)
        | Atom::OverlapsResource(..)
        | Atom::Holds(_) => Some(false),
    }
}
