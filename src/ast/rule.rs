//! Rules and claims: whom and what they speak of, under which conditions, with which effect.

use super::{At, Cond, Duration, Int, Literal, Name, Path};
use crate::value::{Calendar, Cmp, GateMode, LimitKey};
use chrono::{DateTime, FixedOffset, NaiveDate};

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its label, if it has one.
    pub label: Option<Name>,
    /// Whether it is only evaluated and reported.
    pub shadow: bool,
    /// What it does.
    pub effect: Effect,
    /// Whom and what it speaks of.
    pub scope: Scope,
    /// Its conditions, in order.
    pub clauses: Vec<Clause>,
    /// `at most …`; of an `allow` or a `limit` only.
    pub at_most: Option<Box<AtMost>>,
    /// `else …`; never of an `oblige` or of an `allow` without `at most`.
    pub otherwise: Option<Box<Else>>,
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// `allow`
    Allow,
    /// `deny`
    Deny,
    /// `limit`
    Limit,
    /// `require c`
    Require(Box<Cond>),
    /// `gate manual`
    Gate(GateMode),
    /// `oblige watermark(strength = 2) upon any`
    Oblige {
        /// The duties.
        duties: Vec<Duty>,
        /// `upon …`, if given.
        upon: Option<Box<Upon>>,
    },
}

/// The decisions that duties come with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upon {
    /// `upon allow`
    Allow,
    /// `upon deny`, `upon deny CODE`
    Deny(Option<Name>),
    /// `upon any`
    Any,
}

/// Whom and what a statement speaks of. `allow WHO to ACTIONS on SELECTOR`, and `to ACTIONS on SELECTOR of WHO`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Who; absent only where `of` was left out.
    pub who: Option<Who>,
    /// The actions.
    pub actions: Actions,
    /// The resources; absent where `on` was left out.
    pub on: Option<Box<Selector>>,
}

/// `role a and tier >= seed, user "bob" except anonymous`: any of these, none of those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// Alternatives, each of terms that must all hold.
    pub any: Vec<Vec<WhoTerm>>,
    /// After `except`; empty where there is none.
    pub except: Vec<Vec<WhoTerm>>,
    /// Where it stands.
    pub at: At,
}

/// One test of a principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhoTerm {
    /// Which.
    pub kind: WhoKind,
    /// Where it stands.
    pub at: At,
}

/// One test of a principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhoKind {
    /// `anyone`
    Anyone,
    /// `anonymous`
    Anonymous,
    /// `role admin`
    Role(Name),
    /// `org "alpha"`
    Org(Name),
    /// `tier >= seed`
    Tier(Cmp, Name),
    /// `user "*@partner.com"`
    Principal {
        /// The kind.
        kind: Name,
        /// The id, or a pattern.
        id: Name,
    },
}

/// `any`, or names of actions and groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actions {
    /// The names; empty for `any`.
    pub names: Vec<Name>,
    /// Where they stand.
    pub at: At,
}

/// `tag risk and org "alpha", model "x/*" except "x/y"`: any of these, none of those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// Alternatives, each of terms that must all hold.
    pub any: Vec<Vec<SelectorTerm>>,
    /// After `except`; empty where there is none.
    pub except: Vec<Vec<SelectorTerm>>,
    /// Where it stands.
    pub at: At,
}

/// One test of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectorTerm {
    /// Which.
    pub kind: SelectorKind,
    /// Where it stands.
    pub at: At,
}

/// One test of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelectorKind {
    /// `any`, `any dataset`
    Any(Option<Name>),
    /// `"x"`, `dataset "x/*"`
    Resource {
        /// The kind, if given; else `model`.
        kind: Option<Name>,
        /// The id, or a pattern.
        id: Name,
    },
    /// `tag risk`
    Tag(Name),
    /// `org "alpha"`
    Org(Name),
}

/// A condition of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Which.
    pub kind: ClauseKind,
    /// Where it stands, its keyword included.
    pub at: At,
}

/// A condition of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClauseKind {
    /// `when c`
    When(Cond),
    /// `unless c`
    Unless(Cond),
    /// `from 2025-01-01`
    From(Instant),
    /// `until 2025-12-31`
    Until(Instant),
}

/// A point in time of a `from` or `until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instant {
    /// Which.
    pub kind: InstantKind,
    /// Where it stands.
    pub at: At,
}

/// A point in time of a `from` or `until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstantKind {
    /// `2025-12-31T23:59:59Z`
    Instant(DateTime<FixedOffset>),
    /// `2025-12-31 in "Asia/Shanghai"`
    Date(NaiveDate, Option<Name>),
    /// `model.released + 7d`
    Path(Path, Option<Offset>),
}

/// `+ 7d` or `- 7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    /// Whether it is subtracted.
    pub minus: bool,
    /// How much.
    pub duration: Duration,
}

/// `at most 100 tokens per minute by principal, ip`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtMost {
    /// How many.
    pub amount: Int,
    /// Where the amount stands.
    pub amount_at: At,
    /// The context attribute that says what a request costs.
    pub unit: Option<Name>,
    /// In which time.
    pub per: Per,
    /// What is counted by; empty where `by` was left out.
    pub by: Vec<LimitKey>,
    /// Where it stands.
    pub at: At,
}

/// The time that a limit counts in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Per {
    /// `per 5m`
    Duration(Duration),
    /// `per minute`
    Unit(PerUnit),
    /// `per calendar day in "Asia/Shanghai"`
    Calendar(Calendar, Option<Name>),
    /// `at once`, `at once for 2h`
    AtOnce(Option<Duration>),
}

/// A period with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PerUnit {
    /// `second`
    Second,
    /// `minute`
    Minute,
    /// `hour`
    Hour,
    /// `day`: 86,400 s
    Day,
    /// `week`: seven days
    Week,
}

impl PerUnit {
    /// All, shortest first.
    pub const ALL: [Self; 5] = [Self::Second, Self::Minute, Self::Hour, Self::Day, Self::Week];

    /// How it is written: `second`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    /// Its length in seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
            Self::Week => 604_800,
        }
    }
}

/// `else CODE 403 "message" hint "what to do"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Else {
    /// The code.
    pub code: Name,
    /// The HTTP status.
    pub status: Option<(Int, At)>,
    /// The message.
    pub message: Option<Name>,
    /// The hint.
    pub hint: Option<Name>,
    /// Where it stands.
    pub at: At,
}

/// `watermark(user = principal.id, strength = 2)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty {
    /// The duty's name.
    pub name: Name,
    /// Its arguments, in order.
    pub args: Vec<(Name, Arg)>,
    /// Where it stands.
    pub at: At,
}

/// A duty's argument. A bare name is a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arg {
    /// A constant.
    Literal(Literal),
    /// An attribute.
    Path(Path),
}

/// `never allow …;`, `always allow …;`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invariant {
    /// Its label, if it has one.
    pub label: Option<Name>,
    /// Whether it is `always`, else `never`.
    pub always: bool,
    /// Whom and what it speaks of.
    pub scope: Scope,
    /// Its conditions.
    pub clauses: Vec<Clause>,
}
