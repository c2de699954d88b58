//! What the search decides: literals, each a variable or its opposite.

use crate::ids::{Id, ids};
use std::ops::Not;

ids! { pub(in crate::query),
    /// Something that is true or false of a point.
    Var,
    /// A dimension.
    DimId,
    /// A clause.
    ClauseId,
}

/// A variable or its opposite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::query) struct Lit(u32);

impl Lit {
    /// Always true: the first variable of each search.
    pub(in crate::query) const TRUE: Self = Self(0);
    /// Never true.
    pub(in crate::query) const FALSE: Self = Self(1);

    pub(super) const fn of(var: Var) -> Self {
        Self(var.0.wrapping_mul(2))
    }

    pub(in crate::query) const fn constant(value: bool) -> Self {
        if value { Self::TRUE } else { Self::FALSE }
    }

    pub(super) const fn var(self) -> Var {
        Var(self.0 / 2)
    }

    /// Whether it is the opposite of its variable.
    pub(super) const fn is_negative(self) -> bool {
        self.0 % 2 == 1
    }
}

impl Not for Lit {
    type Output = Self;

    fn not(self) -> Self {
        Self(self.0 ^ 1)
    }
}

impl Id for Lit {
    fn from_index(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }

    #[inline]
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// What is known of a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::query) enum Known {
    Open,
    True,
    False,
}
