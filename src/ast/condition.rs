//! Conditions.

use super::{At, Literal, Name, Offset, Path};
use crate::value::Cmp;

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cond {
    /// Which.
    pub kind: CondKind,
    /// Where it stands, without parentheses around it.
    pub at: At,
}

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CondKind {
    /// `a or b or c`: two or more
    Or(Vec<Cond>),
    /// `a and b and c`: two or more
    And(Vec<Cond>),
    /// `not a`
    Not(Box<Cond>),
    /// `a == b`
    Compare {
        /// The left side.
        left: Operand,
        /// The operator.
        op: Cmp,
        /// The right side.
        right: Operand,
    },
    /// `a in b`, `a not in b`
    In {
        /// What is looked for.
        operand: Operand,
        /// Whether it is `not in`.
        negated: bool,
        /// Where it is looked for.
        set: SetExpr,
    },
    /// `a like "x*"`, `a not like "x*"`
    Like {
        /// What is matched.
        operand: Operand,
        /// Whether it is `not like`.
        negated: bool,
        /// The pattern.
        pattern: Name,
    },
    /// `a overlaps b`
    Overlaps {
        /// A set attribute.
        path: Path,
        /// The other set.
        set: SetExpr,
    },
    /// `has a`
    Has(Path),
    /// `a`: a bool attribute or a named condition
    Path(Path),
}

/// A side of a comparison. A bare name is a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// `principal.org`, `model.created + 7d`
    Path(Path, Option<Offset>),
    /// A constant; never a bare name.
    Literal(Literal),
}

/// The right side of `in` and `overlaps`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetExpr {
    /// `[a, b]`
    List(Vec<Literal>, At),
    /// A named set or window, or a set attribute.
    Path(Path),
}
