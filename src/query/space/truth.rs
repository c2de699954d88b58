//! What a test says of a value, and which end of its three truth values is meant.

use crate::{
    check::ir::Atom,
    eval::{
        kleene::Kleene,
        reference::{during, is_member},
    },
    value::{Cmp, Value},
};

/// Whether something is to be true for certain, or only possibly.
///
/// An `allow` must be true; a prohibition fires also where it is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::query) enum Sense {
    /// True.
    Surely,
    /// True or unknown.
    Perhaps,
}

impl Sense {
    /// Whether a truth value is meant.
    pub(in crate::query) fn takes(self, truth: Kleene) -> bool {
        match self {
            Self::Surely => truth == Kleene::True,
            Self::Perhaps => truth.possible(),
        }
    }

    /// What is meant of a condition's opposite where this is *not* meant of the condition: "not possibly x" is "certainly
    /// not x".
    pub(in crate::query) const fn opposite(self) -> Self {
        match self {
            Self::Surely => Self::Perhaps,
            Self::Perhaps => Self::Surely,
        }
    }
}

/// What a test of one attribute against constants says of a known value that is not a set.
///
/// The semantics are those of [`reference`](crate::eval::reference).
pub(super) fn truth(atom: &Atom, value: &Value) -> Kleene {
    match (atom, value) {
        (Atom::Has(_), value) => Kleene::from(*value != Value::None),
        (Atom::IsTrue(_), Value::Bool(value)) => Kleene::from(*value),
        (Atom::Compare(_, op, constant), value) => compare(value, *op, constant),
        (Atom::In(_, members), value) => Kleene::from(is_member(value, members)),
        (Atom::During(_, window), value) => Kleene::from(value.as_time().is_some_and(|at| during(window, at))),
        (Atom::Like(_, glob), Value::Text(text)) => Kleene::from(glob.is_match(text)),
        (
            Atom::IsTrue(_)
            | Atom::Like(..)
            | Atom::CompareResource { .. }
            | Atom::Contains(..)
            | Atom::ContainsValue(..)
            | Atom::Overlaps(..)
            | Atom::OverlapsResource(..)
            | Atom::Holds(_),
            _,
        ) => Kleene::Unknown,
    }
}

/// How two known values compare. With `none`, `==` is false, `!=` is true, every other comparison is unknown.
pub(super) fn compare(left: &Value, op: Cmp, right: &Value) -> Kleene {
    match (left, right, op) {
        (Value::None, _, Cmp::Eq) | (_, Value::None, Cmp::Eq) => Kleene::False,
        (Value::None, _, Cmp::Ne) | (_, Value::None, Cmp::Ne) => Kleene::True,
        (Value::None, ..) | (_, Value::None, _) => Kleene::Unknown,
        (left, right, op) => Kleene::from(op.holds(left.cmp(right))),
    }
}
