//! The meaning of a policy set: names resolved, types checked, sugar gone.
//!
//! Named conditions, sets and dates are folded in; an `on` block's selector stands in each of its rules; `require c` is a
//! prohibition with the part "not c"; `at most` on an `allow` is a limit of its own. What is left of a rule is an effect and
//! parts that must all hold.

pub use super::rules::{OfFile, RuleId, Rules, TooManyRules};

use super::vocabulary::{ActionId, AttrId, RoleId, Vocabulary};
use crate::{
    glob::Glob,
    request::Request,
    source::Span,
    value::{Calendar, Cmp, GateMode, LimitKey, Tier, Value},
    zone::Zone,
};
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use std::{collections::BTreeSet, sync::Arc};

/// A policy set's meaning.
#[derive(Debug, Clone, Default)]
pub struct Ir {
    /// What its names stand for.
    pub vocabulary: Vocabulary,
    /// Its rules, in source order.
    pub rules: Rules,
    /// Its claims, in source order.
    pub claims: Vec<Claim>,
    /// Its tests, in source order.
    pub tests: Vec<Test>,
}

/// A rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its label, else its place: its file relative to the argument, and its line.
    pub name: Arc<str>,
    /// Its file as given, and its line.
    pub place: Arc<str>,
    /// Where it stands.
    pub at: Span,
    /// Whether it is only evaluated and reported.
    pub shadow: bool,
    /// The word it begins with: `allow`, `require`, …
    pub word: &'static str,
    /// What it does.
    pub effect: Effect,
    /// The actions it speaks of; none for `any`.
    pub actions: Option<BTreeSet<ActionId>>,
    /// What must hold, all of it.
    pub parts: Vec<Part>,
}

/// What a rule does.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Allows.
    Allow,
    /// Denies.
    Deny(Refusal),
    /// Denies to those without an accepted grant.
    Gate(GateMode, Refusal),
    /// Denies when too much has been allowed.
    Limit(Limit, Refusal),
    /// Attaches duties.
    Oblige(Vec<Duty>, Upon),
}

/// What a denial says.
#[derive(Debug, Clone)]
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
    pub pieces: Vec<Piece>,
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
#[derive(Debug, Clone)]
pub struct Limit {
    /// How much; at least 1.
    pub amount: u64,
    /// The context attribute that says what a request costs; without it, 1.
    pub unit: Option<AttrId>,
    /// In which time.
    pub window: LimitWindow,
    /// What is counted by.
    pub by: Vec<LimitKey>,
    /// What its counters belong to: the rule's label, else its canonical text.
    pub identity: Arc<str>,
}

/// The time a limit counts in.
#[derive(Debug, Clone)]
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
    pub args: Vec<(Arc<str>, Arg)>,
}

/// A duty's argument.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone)]
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

/// A condition. Made by its constructors only, which keep it flat and free of constants inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cond(CondKind);

/// The shapes of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CondKind {
    /// Always true, or always false.
    Const(bool),
    /// The opposite; never of a constant or of another `Not`.
    Not(Box<Cond>),
    /// All hold; two or more, none of them a constant or an `All`.
    All(Vec<Cond>),
    /// One holds; two or more, none of them a constant or an `Any`.
    Any(Vec<Cond>),
    /// A test of attributes.
    Atom(Atom),
}

/// A test of one attribute against constants, or against an attribute of the resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Atom {
    /// The attribute is true.
    IsTrue(AttrId),
    /// The attribute is known and has a value.
    Has(AttrId),
    /// The attribute stands so to a constant.
    Compare(AttrId, Cmp, Value),
    /// The attribute stands so to an attribute of the resource, moved by some seconds.
    CompareResource {
        /// An attribute of the principal, the action or the context.
        left: AttrId,
        /// How they stand.
        op: Cmp,
        /// An attribute of the resource.
        right: AttrId,
        /// Seconds that are added to the right side, an instant.
        offset: i64,
    },
    /// The attribute is one of these.
    In(AttrId, Arc<Members>),
    /// The instant is within the window.
    During(AttrId, Arc<Window>),
    /// The text matches.
    Like(AttrId, Arc<Glob>),
    /// The set has this member.
    Contains(AttrId, Arc<str>),
    /// The set (first) has the value of the other attribute as a member; one of them is the resource's.
    ContainsValue(AttrId, AttrId),
    /// The set has one of these members.
    Overlaps(AttrId, Arc<BTreeSet<Arc<str>>>),
    /// The two sets have a member in common; the second is the resource's.
    OverlapsResource(AttrId, AttrId),
    /// The principal holds the role, everywhere or in the resource's organisation.
    Holds(RoleId),
}

/// The constants that an attribute can be one of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Members {
    /// Texts.
    Texts(BTreeSet<Arc<str>>),
    /// Whole numbers.
    Ints(BTreeSet<i64>),
    /// Tiers.
    Tiers(BTreeSet<Tier>),
    /// Address blocks, never of IPv4 addresses in IPv6 form.
    Nets(Vec<IpNet>),
    /// Spans of time, each from its first instant to before its second.
    Spans(Vec<(DateTime<Utc>, DateTime<Utc>)>),
}

impl Members {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Texts(texts) => texts.is_empty(),
            Self::Ints(ints) => ints.is_empty(),
            Self::Tiers(tiers) => tiers.is_empty(),
            Self::Nets(nets) => nets.is_empty(),
            Self::Spans(spans) => spans.is_empty(),
        }
    }
}

/// A set of local wall-clock times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The zone whose clocks count.
    pub zone: Zone,
    /// Its spans; a time is in the window if it is in one of them.
    pub spans: Vec<WindowSpan>,
}

/// Hours of some days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSpan {
    /// The days it starts on: bit 0 for Monday to bit 6 for Sunday.
    pub days: u8,
    /// Its first second of the day.
    pub start: u32,
    /// One past its last second; not after `start` if it passes midnight.
    pub end: u32,
}

impl Cond {
    /// Its shape.
    #[must_use]
    pub const fn kind(&self) -> &CondKind {
        &self.0
    }

    /// Always true, or always false.
    #[must_use]
    pub const fn constant(value: bool) -> Self {
        Self(CondKind::Const(value))
    }

    /// A test.
    #[must_use]
    pub const fn atom(atom: Atom) -> Self {
        Self(CondKind::Atom(atom))
    }

    /// The opposite.
    #[must_use]
    pub fn negated(self) -> Self {
        match self.0 {
            CondKind::Const(value) => Self::constant(!value),
            CondKind::Not(inner) => *inner,
            CondKind::All(_) | CondKind::Any(_) | CondKind::Atom(_) => Self(CondKind::Not(Box::new(self))),
        }
    }

    /// All of them.
    #[must_use]
    pub fn all(conds: impl IntoIterator<Item = Self>) -> Self {
        Self::join(conds, true)
    }

    /// One of them.
    #[must_use]
    pub fn any(conds: impl IntoIterator<Item = Self>) -> Self {
        Self::join(conds, false)
    }

    /// `All` where the neutral constant is true, `Any` where it is false; the other constant decides alone.
    fn join(conds: impl IntoIterator<Item = Self>, neutral: bool) -> Self {
        let mut flat = Vec::new();
        for cond in conds {
            match cond.0 {
                CondKind::Const(value) if value == neutral => {}
                CondKind::Const(_) => return Self::constant(!neutral),
                CondKind::All(inner) if neutral => flat.extend(inner),
                CondKind::Any(inner) if !neutral => flat.extend(inner),
                kind @ (CondKind::Not(_) | CondKind::All(_) | CondKind::Any(_) | CondKind::Atom(_)) => {
                    flat.push(Self(kind));
                }
            }
        }
        if flat.len() > 1 {
            return Self(if neutral { CondKind::All(flat) } else { CondKind::Any(flat) });
        }
        flat.pop().unwrap_or_else(|| Self::constant(neutral))
    }

    /// Its atoms, from left to right.
    pub fn atoms(&self, visit: &mut impl FnMut(&Atom)) {
        match &self.0 {
            CondKind::Const(_) => {}
            CondKind::Not(inner) => inner.atoms(visit),
            CondKind::All(inner) | CondKind::Any(inner) => inner.iter().for_each(|cond| cond.atoms(visit)),
            CondKind::Atom(atom) => visit(atom),
        }
    }
}

impl Atom {
    /// The attributes it names. A test of roles depends on the resource's organisation besides, where a role is held in one.
    #[must_use]
    pub fn attributes(&self) -> Vec<AttrId> {
        use super::vocabulary::builtin::PRINCIPAL_ROLES;
        match self {
            Self::IsTrue(attr)
            | Self::Has(attr)
            | Self::Compare(attr, ..)
            | Self::In(attr, _)
            | Self::During(attr, _)
            | Self::Like(attr, _)
            | Self::Contains(attr, _)
            | Self::Overlaps(attr, _) => vec![*attr],
            Self::CompareResource { left, right, .. }
            | Self::ContainsValue(left, right)
            | Self::OverlapsResource(left, right) => vec![*left, *right],
            Self::Holds(_) => vec![PRINCIPAL_ROLES],
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
    /// The actions it speaks of; none for `any`.
    pub actions: Option<BTreeSet<ActionId>>,
    /// What it speaks of: all of this.
    pub parts: Vec<Part>,
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
