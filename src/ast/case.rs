//! Tests.

use super::{Assigned, At, Duration, Duty, Int, Name, Path};

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
