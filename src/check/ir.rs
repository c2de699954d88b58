//! The meaning of a policy set: names resolved, types checked, sugar gone.
//!
//! Named conditions, sets and dates are folded in; an `on` block's selector stands in each of its rules; `require c` is a
//! prohibition with the part "not c"; `at most` on an `allow` is a limit of its own. What is left of a rule is an effect and
//! parts that must all hold.

pub use super::{
    chunks::Chunks,
    cond::{Atom, Cond, CondKind, Members, Window, WindowSpan},
    rules::{OfFile, RuleId, Rules, TooManyRules},
    suppress::Silenced,
};

use super::vocabulary::{ActionId, AttrId, Vocabulary};
use crate::{
    request::Request,
    source::Span,
    value::{Calendar, GateMode, LimitKey, Value},
    zone::Zone,
};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// A policy set's meaning.
#[derive(Debug, Clone, Default)]
pub struct Ir {
    /// What its names stand for.
    pub vocabulary: Arc<Vocabulary>,
    /// Its rules, in source order.
    pub rules: Rules,
    /// Its claims, in source order.
    pub claims: Chunks<Claim>,
    /// Its tests, in source order.
    pub tests: Chunks<Test>,
    /// The warnings that its comments silence, of those that only questions about all requests give.
    pub silenced: Arc<[Silenced]>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its label, if it has one.
    pub label: Option<Arc<str>>,
    /// The file that it stands in.
    pub file: Arc<FileNames>,
    /// The line that it begins on, from 1.
    pub line: u32,
    /// Where it stands.
    pub at: Span,
    /// Whether it is only evaluated and reported.
    pub shadow: bool,
    /// What it does.
    pub effect: Effect,
    /// The actions it speaks of, sorted; none for `any`.
    pub actions: Option<Arc<[ActionId]>>,
    /// What must hold, all of it.
    pub parts: Box<[Part]>,
}

/// What a file is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileNames {
    /// Its path as given.
    pub given: Box<str>,
    /// Its path relative to the argument that it was found under.
    pub short: Box<str>,
}

impl Rule {
    /// Its label, else its place: its file relative to the argument, and its line.
    #[must_use]
    pub fn name(&self) -> Arc<str> {
        let place = || format!("{}:{}", self.file.short, self.line).into();
        self.label.clone().unwrap_or_else(place)
    }

    /// Its file as given, and its line.
    #[must_use]
    pub fn place(&self) -> Arc<str> {
        format!("{}:{}", self.file.given, self.line).into()
    }

    /// The word it begins with: `allow`, `require`, …
    #[must_use]
    pub fn word(&self) -> &'static str {
        match &self.effect {
            Effect::Allow => "allow",
            Effect::Deny(_) if self.parts.iter().any(|part| part.kind == PartKind::Require) => "require",
            Effect::Deny(_) => "deny",
            Effect::Gate(..) => "gate",
            Effect::Limit(..) => "limit",
            Effect::Oblige(_) => "oblige",
        }
    }
}

/// What a rule does. What can be large is shared by rules that say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Allows.
    Allow,
    /// Denies.
    Deny(Arc<Refusal>),
    /// Denies to those without an accepted grant.
    Gate(GateMode, Arc<Refusal>),
    /// Denies when too much has been allowed.
    Limit(Arc<Limit>, Arc<Refusal>),
    /// Attaches duties.
    Oblige(Arc<Duties>),
}

/// Duties, and the decisions that they come with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duties {
    /// The duties, in order.
    pub duties: Box<[Duty]>,
    /// The decisions.
    pub upon: Upon,
}

/// What a denial says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code.
    pub code: Arc<str>,
    /// The HTTP status.
    pub status: u16,
    /// The message.
    pub message: Option<Template>,
    /// The hint.
    pub hint: Option<Template>,
}

/// A text with places to fill in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Its pieces, in order.
    pub pieces: Box<[Piece]>,
}

/// A piece of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it is.
    Text(Arc<str>),
    /// An attribute's value.
    Attribute(AttrId),
    /// The seconds until a limit has room.
    RetryAfter,
}

/// How much of something is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// How much; at least 1.
    pub amount: u64,
    /// The context attribute that says what a request costs; without it, 1.
    pub unit: Option<AttrId>,
    /// In which time.
    pub window: LimitWindow,
    /// What is counted by.
    pub by: Box<[LimitKey]>,
    /// What its counters belong to: the rule's label, else its canonical text.
    pub identity: Arc<str>,
}

/// The time a limit counts in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitWindow {
    /// Any span of so many seconds.
    Sliding(u64),
    /// A period of the calendar of a zone.
    Calendar(Calendar, Zone),
    /// Now; a lease lapses after so many seconds.
    AtOnce(u64),
}

/// A duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty {
    /// Its name.
    pub name: Arc<str>,
    /// Its arguments.
    pub args: Box<[(Arc<str>, Arg)]>,
}

/// A duty's argument.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arg {
    /// A constant.
    Value(Value),
    /// An attribute's value.
    Attribute(AttrId),
}

/// The decisions that duties come with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upon {
    /// Every allow.
    Allow,
    /// Every deny, or those with a code.
    Deny(Option<Arc<str>>),
    /// Every decision.
    Any,
}

/// One of the things that must hold for a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Which clause of the rule it is.
    pub kind: PartKind,
    /// The text it comes from.
    pub at: Span,
    /// What must hold.
    pub cond: Cond,
}

/// A clause of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartKind {
    /// Who.
    Who,
    /// `to` which actions.
    To,
    /// `on` which resources.
    On,
    /// `when`
    When,
    /// `unless`
    Unless,
    /// `from`
    From,
    /// `until`
    Until,
    /// The condition of a `require`; holds where the condition does not.
    Require,
}

impl PartKind {
    /// The word it begins with; empty for who.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Who => "",
            Self::To => "to",
            Self::On => "on",
            Self::When => "when",
            Self::Unless => "unless",
            Self::From => "from",
            Self::Until => "until",
            Self::Require => "require",
        }
    }
}

/// A claim about all requests.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Its label, else its place.
    pub name: Arc<str>,
    /// Where it stands.
    pub at: Span,
    /// Whether it is `always`, else `never`.
    pub always: bool,
    /// The actions it speaks of, sorted; none for `any`.
    pub actions: Option<Arc<[ActionId]>>,
    /// What it speaks of: all of this.
    pub parts: Box<[Part]>,
}

/// A test of the policy set.
#[derive(Debug, Clone)]
pub struct Test {
    /// What it shows.
    pub name: Arc<str>,
    /// Where it stands.
    pub at: Span,
    /// What the test clock shows at its start.
    pub start: DateTime<Utc>,
    /// Whether `time` is given, and so follows the clock.
    pub time_given: bool,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// One line of a test.
#[derive(Debug, Clone)]
pub struct Step {
    /// Where it stands.
    pub at: Span,
    /// What it does.
    pub kind: StepKind,
}

/// One line of a test.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// Requests and what must come out.
    Case {
        /// Seconds that the clock moves first.
        after: u64,
        /// How many requests.
        repeat: u64,
        /// The request, without `time` where that follows the clock.
        request: Box<Request>,
        /// Whether this request has a `time` of its own.
        own_time: bool,
        /// What must come out.
        expect: Expect,
    },
    /// Leases are given back.
    Release {
        /// How many.
        count: u64,
        /// The request whose leases they are.
        request: Box<Request>,
    },
}

/// What must come out of a request.
#[derive(Debug, Clone)]
pub struct Expect {
    /// Whether it must be allowed.
    pub allow: bool,
    /// The code of a denial.
    pub code: Option<Arc<str>>,
    /// The status of a denial.
    pub status: Option<u16>,
    /// The deciding rule's name.
    pub by: Option<Arc<str>>,
    /// Duties that must be there; empty: there must be none.
    pub obliges: Option<Vec<Duty>>,
    /// A shadow rule that must be reported.
    pub shadow: Option<Arc<str>>,
    /// Where it stands.
    pub at: Span,
}
