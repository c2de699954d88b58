//! What the rules say of a request, before limits are charged and the answer is put into words.

use crate::check::ir::{RuleId, Upon};

/// What the rules say of a request, before limits are charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Allow or deny, and by which rule.
    pub outcome: Outcome,
    /// Prohibitions that fire, in source order.
    pub prohibitions: Vec<RuleId>,
    /// Limits that fire, in source order, where the outcome is allow.
    pub limits: Vec<RuleId>,
    /// Rules whose duties fire, in source order, whichever decision they come with.
    pub duties: Vec<RuleId>,
    /// Shadow rules that fire, in source order; a shadow limit among them has a say only if it has no room.
    pub shadow: Vec<RuleId>,
}

impl Verdict {
    /// An outcome that no rule has a say in yet.
    #[must_use]
    pub const fn new(outcome: Outcome) -> Self {
        Self { outcome, prohibitions: Vec::new(), limits: Vec::new(), duties: Vec::new(), shadow: Vec::new() }
    }

    /// The rule that decides, if there is one.
    #[must_use]
    pub const fn rule(&self) -> Option<RuleId> {
        match self.outcome {
            Outcome::Allow(rule) | Outcome::Deny(rule) => Some(rule),
            Outcome::NoRule | Outcome::UnknownAction => None,
        }
    }

    /// The rule that allows the request, where nothing else is to be said of it.
    pub(crate) const fn only_allowed_by(&self) -> Option<RuleId> {
        let Self { outcome, prohibitions: _, limits, duties, shadow } = self;
        match outcome {
            Outcome::Allow(rule) if limits.is_empty() && duties.is_empty() && shadow.is_empty() => Some(*rule),
            Outcome::Allow(_) | Outcome::Deny(_) | Outcome::NoRule | Outcome::UnknownAction => None,
        }
    }
}

/// Allow or deny, and by which rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The first `allow` that fires.
    Allow(RuleId),
    /// The prohibition that decides.
    Deny(RuleId),
    /// Nothing denies, but nothing allows either.
    NoRule,
    /// The vocabulary does not know the action.
    UnknownAction,
}

/// Whether a duty comes with a decision; `code` is the denial's, if it is one.
#[must_use]
pub fn comes_upon(upon: &Upon, code: Option<&str>) -> bool {
    match (upon, code) {
        (Upon::Any, _) | (Upon::Allow, None) | (Upon::Deny(None), Some(_)) => true,
        (Upon::Deny(Some(wanted)), Some(code)) => **wanted == *code,
        (Upon::Allow, Some(_)) | (Upon::Deny(_), None) => false,
    }
}
