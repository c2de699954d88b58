//! The constants that conditions name: where the values of an attribute must be told apart.

use super::{
    frame::{Frame, Key, SideId, key},
    ground::Ground,
    line,
};
use crate::{
    check::{
        ir::{Atom, Members, Window},
        shift,
        vocabulary::{Type, builtin},
    },
    value::Value,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What conditions name, by attribute.
#[derive(Debug, Default, Clone)]
pub(super) struct Wanted {
    /// Where the lines of numbers, instants and addresses are cut.
    pub(super) cuts: BTreeMap<Key, BTreeSet<Value>>,
    /// Texts.
    pub(super) texts: BTreeMap<Key, BTreeSet<Arc<str>>>,
    /// The windows that instants are told apart by.
    pub(super) windows: BTreeMap<Key, Vec<Arc<Window>>>,
    /// Whether principals are told apart by more than the ids that are named: by patterns, or by comparing them.
    pub(super) identities: bool,
}

impl Wanted {
    /// Takes note of what a test names.
    pub(super) fn add(&mut self, ground: &Ground<'_>, id: SideId, atom: &Atom) {
        let (frame, side) = (ground.frame, &ground.frame.sides[id]);
        match atom {
            Atom::Compare(attr, _, value) => self.constant(frame, side.key(*attr), value),
            Atom::In(attr, members) => self.members(side.key(*attr), members),
            Atom::During(attr, window) => {
                let windows = self.windows.entry(side.key(*attr)).or_default();
                if !windows.iter().any(|known| Arc::ptr_eq(known, window) || known == window) {
                    windows.push(window.clone());
                }
            }
            Atom::Like(attr, glob) => {
                self.identities |= *attr == builtin::PRINCIPAL_ID;
                if let Some(text) = glob.literal() {
                    self.constant(frame, side.key(*attr), &Value::text(text));
                }
            }
            Atom::CompareResource { left, right, offset, .. } => {
                let (left, right) = (side.key(*left), side.key(*right));
                self.identities |= left == key(builtin::PRINCIPAL_ID);
                for value in ground.known(id, left) {
                    self.constant(frame, right, &moved(&value, offset.saturating_neg()));
                }
                for value in ground.known(id, right) {
                    self.constant(frame, left, &moved(&value, *offset));
                }
            }
            Atom::ContainsValue(set, element) => {
                let (set, element) = (side.key(*set), side.key(*element));
                self.identities |= element == key(builtin::PRINCIPAL_ID);
                if set == key(builtin::PRINCIPAL_ROLES) {
                    for role in side.vocabulary().roles.iter() {
                        self.constant(frame, element, &Value::Text(role.name.clone()));
                    }
                }
                for value in ground.known(id, set) {
                    for text in value.as_texts().into_iter().flatten() {
                        self.constant(frame, element, &Value::Text(text.clone()));
                    }
                }
            }
            Atom::IsTrue(_)
            | Atom::Has(_)
            | Atom::Contains(..)
            | Atom::Overlaps(..)
            | Atom::OverlapsResource(..)
            | Atom::Holds(_) => {}
        }
        // A role that is held in an organisation counts there.
        if atom.attributes().contains(&builtin::PRINCIPAL_ROLES) {
            for value in ground.known(id, key(builtin::PRINCIPAL_ROLES)) {
                for org in value.as_roles().into_iter().flatten().filter_map(|held| held.org.clone()) {
                    self.constant(frame, key(builtin::RESOURCE_ORG), &Value::Text(org));
                }
            }
        }
    }

    fn constant(&mut self, frame: &Frame<'_>, key: Key, value: &Value) {
        match (&frame.attributes[key].ty, value) {
            (Type::Text | Type::Kind, Value::Text(text)) => {
                self.texts.entry(key).or_default().insert(text.clone());
            }
            (Type::Int(..) | Type::Time | Type::Ip, value) if *value != Value::None => {
                self.cuts.entry(key).or_default().extend(line::cuts_of(value));
            }
            // The values of all others are told apart anyway.
            _ => {}
        }
    }

    fn members(&mut self, key: Key, members: &Members) {
        match members {
            Members::Texts(texts) => self.texts.entry(key).or_default().extend(texts.iter().cloned()),
            Members::Ints(_) | Members::Nets(_) | Members::Spans(_) => {
                self.cuts.entry(key).or_default().extend(line::cuts_among(members));
            }
            Members::Tiers(_) => {}
        }
    }
}

/// An instant moved by some seconds; any other value as it is.
pub(super) fn moved(value: &Value, seconds: i64) -> Value {
    value.as_time().map_or_else(|| value.clone(), |time| Value::Time(shift(time, seconds)))
}
