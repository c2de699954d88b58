//! The text of a policy as a tree.
//!
//! In goes one [`Source`](crate::source::Source), out come an [`Ast`] and what is wrong with the text. The tree mirrors the
//! text: it keeps order, comments and places, and knows nothing of names, types or other files; that is for
//! [`check`](crate::check).
//!
//! [`print`](print::print) writes a tree back in canonical layout: parsing what it wrote gives the same tree.

mod case;
mod condition;
mod item;
mod lex;
mod literal;
mod parse;
pub mod print;
mod rule;
pub mod visit;

pub use case::{Assign, AssignKind, Expect, Step, StepKind, Test};
pub use condition::{Cond, CondKind, Operand, SetExpr};
pub use item::{DayRange, Declaration, Item, ItemKind, Type, TypeKind, WindowSpan};
pub use literal::{Assigned, Clock, Duration, DurationUnit, Int, Literal, LiteralKind};
pub use parse::{Matchers, matches, parse};
pub(crate) use parse::{Outline, Section, Wanted, too_large};
pub use rule::{
    Actions, Arg, AtMost, Clause, ClauseKind, Duty, Effect, Else, Instant, InstantKind, Invariant, Offset, Per,
    PerUnit, Rule, Scope, Selector, SelectorKind, SelectorTerm, Upon, Who, WhoKind, WhoTerm,
};

use crate::source::{FileId, Span};
use std::{fmt, sync::Arc};

/// The deepest nesting of parentheses, brackets, braces and `not` that a text may have.
pub const MAX_NESTING: usize = 64;

/// Words that are never names.
pub(crate) const RESERVED: [&str; 34] = [
    "allow", "always", "and", "at", "by", "deny", "else", "except", "false", "from", "gate", "has", "hint", "in",
    "like", "limit", "never", "none", "not", "oblige", "of", "on", "or", "overlaps", "per", "require", "shadow", "to",
    "true", "unknown", "unless", "until", "when", "with",
];

/// Where a node stands. Trees compare by what they say, not by where they say it: two places are always equal.
#[derive(Clone, Copy, Default)]
pub struct At(pub Span);

impl PartialEq for At {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for At {}

impl fmt::Debug for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ast {
    /// The file.
    pub file: FileId,
    /// Its statements, in order.
    pub items: Vec<Item>,
    /// Its comments that document nothing (`//`, `/* */`), in order. Trees compare without them.
    pub comments: Comments,
    /// Whether it comes from a catalog, not from a policy file: then a text stands for a value of any type.
    pub data: bool,
}

/// Comments, which take no part in comparisons of trees.
#[derive(Debug, Clone, Default)]
pub struct Comments(pub Vec<Comment>);

impl PartialEq for Comments {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Comments {}

/// A comment with its `//` or `/* */`.
#[derive(Debug, Clone)]
pub struct Comment {
    /// Its place.
    pub at: At,
    /// Its text, with the marks, without white space at its end.
    pub text: Arc<str>,
    /// Whether something other than white space stands before it on its line.
    pub trailing: bool,
}

/// A name or a text: an identifier, or what a string says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// What it says.
    pub text: Arc<str>,
    /// Where it stands, quotes included.
    pub at: At,
}

/// A dotted path: `principal.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The whole path, joined by dots without spaces. Words have no dots, so this is unambiguous.
    pub text: Arc<str>,
    /// Where it stands.
    pub at: At,
}
