//! Statements, and what the vocabulary is made of.

use super::{Assigned, At, Clock, Cond, Int, Invariant, Literal, Name, Path, Rule, Selector, Test};
use crate::value::Weekday;

/// A statement with its documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The lines of its `///`, without the mark and one space after it.
    pub docs: Vec<Name>,
    /// The statement.
    pub kind: ItemKind,
    /// From its first token to its `;` or `}`.
    pub at: At,
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemKind {
    /// `timezone "Europe/Berlin";`
    Timezone(Name),
    /// `tiers anonymous < seed < flower;`
    Tiers(Vec<Name>),
    /// `actions view, infer;`
    Actions(Vec<Name>),
    /// `actions write = edit, delete;`
    ActionGroup {
        /// The group.
        name: Name,
        /// Its actions and groups.
        members: Vec<Name>,
    },
    /// `kinds of principal robot;`
    Kinds {
        /// Whether they are kinds of principals (`of principal`), else of resources.
        of_principal: bool,
        /// The kinds.
        names: Vec<Name>,
    },
    /// `role admin includes editor;`
    Role {
        /// The role.
        name: Name,
        /// The roles it includes.
        includes: Vec<Name>,
    },
    /// `attribute country: text = none;`
    Attribute {
        /// The attribute.
        path: Path,
        /// Its type, if given.
        ty: Option<Box<Type>>,
        /// Its default, if given.
        default: Option<Box<Assigned>>,
    },
    /// `set intranet = [10.0.0.0/8];`
    Set {
        /// The set.
        name: Name,
        /// Its members.
        members: Vec<Literal>,
    },
    /// `window office = mon..fri 09:00..18:00 in "Europe/Berlin";`
    Window {
        /// The window.
        name: Name,
        /// Its spans.
        spans: Vec<WindowSpan>,
        /// Its zone, if given.
        zone: Option<Box<Name>>,
    },
    /// `condition trusted = ip in intranet;`
    Condition {
        /// The condition's name.
        name: Name,
        /// What it says.
        cond: Box<Cond>,
    },
    /// `model "x" { tier: seed; }`
    Declaration(Box<Declaration>),
    /// `on tag risk { … }`; holds rules and invariants only.
    On {
        /// What the statements inside are about.
        selector: Box<Selector>,
        /// The statements inside.
        items: Vec<Item>,
    },
    /// A rule.
    Rule(Box<Rule>),
    /// `never allow …;` or `always allow …;`
    Invariant(Box<Invariant>),
    /// `test "…" { … }`
    Test(Box<Test>),
}

/// An attribute's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Type {
    /// Which.
    pub kind: TypeKind,
    /// Where it stands.
    pub at: At,
}

/// An attribute's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeKind {
    /// `bool`
    Bool,
    /// `int`, `int 0..100` (both ends belong to it)
    Int(Option<(Int, Int)>),
    /// `text`
    Text,
    /// `ip`
    Ip,
    /// `time`
    Time,
    /// `tier`
    Tier,
    /// `set of text`
    SetOfText,
    /// `one of dev | stable`
    OneOf(Vec<Name>),
}

/// One span of a window: days, hours, or hours of days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowSpan {
    /// `mon..fri`, `(mon, wed)`; empty for every day.
    pub days: Vec<DayRange>,
    /// `09:00..18:00`
    pub clock: Option<(Clock, Clock)>,
    /// Where it stands.
    pub at: At,
}

/// `mon` or `mon..fri`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayRange {
    /// The first day.
    pub first: Weekday,
    /// The last day, if it is a range; `fri..mon` wraps.
    pub last: Option<Weekday>,
}

/// `model "x" { tier: seed; }`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// The kind.
    pub kind: Name,
    /// The id, or a pattern.
    pub id: Name,
    /// The attributes, in order.
    pub members: Vec<(Name, Assigned)>,
}
