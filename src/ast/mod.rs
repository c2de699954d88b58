//! The text of a policy as a tree.
//!
//! In goes one [`Source`](crate::source::Source), out come an [`Ast`] and what is wrong with the text. The tree mirrors the
//! text: it keeps order, comments and places, and knows nothing of names, types or other files; that is for
//! [`check`](crate::check).
//!
//! [`print`](print::print) writes a tree back in canonical layout: parsing what it wrote gives the same tree.

mod lex;
mod parse;
pub mod print;
pub mod visit;

pub use parse::{matches, parse};

use crate::{
    source::{FileId, Span},
    value::{Calendar, Cmp, GateMode, LimitKey, Weekday},
};
use chrono::{DateTime, FixedOffset, NaiveDate};
use ipnet::IpNet;
use std::{fmt, net::IpAddr, sync::Arc};

/// The deepest nesting of parentheses, brackets, braces and `not` that a text may have.
pub const MAX_NESTING: usize = 64;

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
        ty: Option<Type>,
        /// Its default, if given.
        default: Option<Assigned>,
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
        zone: Option<Name>,
    },
    /// `condition trusted = ip in intranet;`
    Condition {
        /// The condition's name.
        name: Name,
        /// What it says.
        cond: Cond,
    },
    /// `model "x" { tier: seed; }`
    Declaration(Declaration),
    /// `on tag risk { … }`; holds rules and invariants only.
    On {
        /// What the statements inside are about.
        selector: Selector,
        /// The statements inside.
        items: Vec<Item>,
    },
    /// A rule.
    Rule(Box<Rule>),
    /// `never allow …;` or `always allow …;`
    Invariant(Box<Invariant>),
    /// `test "…" { … }`
    Test(Test),
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

/// A whole number as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Int {
    /// The number.
    pub value: i64,
    /// Whether its digits were grouped by `_`.
    pub grouped: bool,
}

/// A constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// Which.
    pub kind: LiteralKind,
    /// Where it stands.
    pub at: At,
}

/// A constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiteralKind {
    /// `"text"`
    Text(Arc<str>),
    /// `1_000`
    Int(Int),
    /// `true`
    Bool(bool),
    /// `10.1.2.3`, as written (an IPv4 address in IPv6 form stays one here)
    Ip(IpAddr),
    /// `10.0.0.0/8`, as written (host bits are kept)
    Cidr(IpNet),
    /// `2025-12-31T23:59:59Z`, with its offset
    Instant(DateTime<FixedOffset>),
    /// `2025-12-31`
    Date(NaiveDate),
    /// `30s`
    Duration(Duration),
    /// `seed`: a constant of a tier, an enumeration, a role, a tag
    Ident(Arc<str>),
    /// `[a, "b"]`
    List(Vec<Literal>),
    /// `admin@"alpha"`
    Held {
        /// The role.
        role: Name,
        /// The organisation it is held in.
        org: Name,
    },
}

impl LiteralKind {
    /// The text or the bare name, if it is one.
    #[must_use]
    pub const fn as_word(&self) -> Option<&Arc<str>> {
        if let Self::Text(word) | Self::Ident(word) = self { Some(word) } else { None }
    }
}

/// A span of time as it was written: a whole number of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duration {
    /// How many of the unit.
    pub amount: u32,
    /// The unit.
    pub unit: DurationUnit,
}

impl Duration {
    /// Its length in seconds; a day is 86,400 s.
    #[must_use]
    pub fn seconds(self) -> u64 {
        u64::from(self.amount).saturating_mul(self.unit.seconds())
    }
}

/// A unit of durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DurationUnit {
    /// `s`
    Second,
    /// `m`
    Minute,
    /// `h`
    Hour,
    /// `d`
    Day,
}

impl DurationUnit {
    /// All units, shortest first.
    pub const ALL: [Self; 4] = [Self::Second, Self::Minute, Self::Hour, Self::Day];

    /// Its length in seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    /// How it is written: `s`.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "m",
            Self::Hour => "h",
            Self::Day => "d",
        }
    }
}

/// A value that an attribute is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assigned {
    /// A constant.
    Literal(Literal),
    /// `none`: known to have no value.
    None(At),
    /// `unknown`; in tests only.
    Unknown(At),
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

/// A time of day, in minutes after midnight: 0 to 1440 (`24:00`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clock(pub u16);

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
    pub at_most: Option<AtMost>,
    /// `else …`; never of an `oblige` or of an `allow` without `at most`.
    pub otherwise: Option<Else>,
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
    Require(Cond),
    /// `gate manual`
    Gate(GateMode),
    /// `oblige watermark(strength = 2) upon any`
    Oblige {
        /// The duties.
        duties: Vec<Duty>,
        /// `upon …`, if given.
        upon: Option<Upon>,
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
    pub on: Option<Selector>,
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

/// `test "…" { given …; … }`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// What it shows.
    pub name: Name,
    /// What all its cases have in common.
    pub given: Vec<Assign>,
    /// Its steps, in order.
    pub steps: Vec<Step>,
}

/// One line of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub kind: StepKind,
    /// Where it stands, with its `;`.
    pub at: At,
}

/// One line of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepKind {
    /// `after 1m, repeat 3 infer on "x" with ip = 10.0.0.1 => allow by a;`
    Case {
        /// `after 1m`
        after: Option<Duration>,
        /// `repeat 3`
        repeat: Option<Int>,
        /// The action.
        action: Name,
        /// The resource's kind, if given.
        kind: Option<Name>,
        /// The resource's id.
        id: Name,
        /// `with …`
        with: Vec<Assign>,
        /// What must come out.
        expect: Expect,
    },
    /// `release 2 infer on "x";`
    Release {
        /// How many leases; one if not given.
        count: Option<Int>,
        /// The action.
        action: Name,
        /// The resource's kind, if given.
        kind: Option<Name>,
        /// The resource's id.
        id: Name,
    },
}

/// `principal = user "bob"`, `roles = [editor]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assign {
    /// Which.
    pub kind: AssignKind,
    /// Where it stands.
    pub at: At,
}

/// `principal = user "bob"`, `roles = [editor]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssignKind {
    /// `principal = user "bob"`; without kind and id, `principal = anonymous`.
    Principal(Option<(Name, Name)>),
    /// `ip = 10.0.0.1`
    Attribute(Path, Assigned),
}

/// `=> deny CODE 403 by rule obliges nothing shadow other`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    /// Whether it must be allowed.
    pub allow: bool,
    /// The code of a denial.
    pub code: Option<Name>,
    /// The status of a denial.
    pub status: Option<(Int, At)>,
    /// The deciding rule's label, or its place.
    pub by: Option<Name>,
    /// The duties that must be there; empty for `obliges nothing`.
    pub obliges: Option<Vec<Duty>>,
    /// A shadow rule that must be reported.
    pub shadow: Option<Name>,
    /// Where it stands.
    pub at: At,
}
