//! The answer to a request.

use crate::value::{GateMode, Value};
use chrono::{DateTime, Utc};
use std::{fmt, sync::Arc};

/// The answer to a request, with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// Allow or deny.
    pub effect: Effect,
    /// The deciding rule; none where no rule allowed, or the action is unknown.
    pub rule: Option<RuleRef>,
    /// What the caller must carry out, in source order.
    pub obligations: Vec<Obligation>,
    /// Other prohibitions that fired, in source order.
    pub others: Vec<Arc<str>>,
    /// Shadow rules that would have had a say, in source order.
    pub shadow: Vec<Arc<str>>,
    /// The limits that were charged, in source order; only on allow.
    pub limits: Vec<LimitState>,
    /// When they were charged, by the clock of the store that counts them; none where nothing was.
    pub charged: Option<DateTime<Utc>>,
    /// Attributes of the request that the vocabulary does not know, as JSON pointers.
    pub ignored: Vec<String>,
    /// The revision of the policy set: `sha256:…`.
    pub revision: Arc<str>,
}

impl Decision {
    /// Whether the request is allowed.
    #[must_use]
    pub const fn is_allow(&self) -> bool {
        matches!(self.effect, Effect::Allow)
    }

    /// The denial, if it is one.
    #[must_use]
    pub const fn denial(&self) -> Option<&Denial> {
        match &self.effect {
            Effect::Allow => None,
            Effect::Deny(denial) => Some(denial),
        }
    }
}

/// Allow or deny.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The request is allowed.
    Allow,
    /// The request is denied.
    Deny(Denial),
}

/// What a denial says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Denial {
    /// The code: `NO_RULE`, `DENIED`, `REQUIRED`, `GATED`, `RATE_LIMITED`, `UNKNOWN_ACTION`, or one from a rule's `else`.
    pub code: Arc<str>,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong, for the user.
    pub message: Option<String>,
    /// What to do about it, for the user.
    pub hint: Option<String>,
    /// The mode of the gate that decided.
    pub gate: Option<GateMode>,
    /// Whole seconds until a limit has room again, where it ever will.
    pub retry_after: Option<u64>,
    /// How the limit stands that decided.
    pub limit: Option<Box<LimitState>>,
}

/// A rule by name and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleRef {
    /// Its label, else its file relative to the argument, and its line: `tiers.policy:14`.
    pub name: Arc<str>,
    /// Its file as given, and its line: `policies/tiers.policy:14`.
    pub at: Arc<str>,
}

/// A duty with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Obligation {
    /// The duty.
    pub id: Arc<str>,
    /// Its arguments, in source order, with tiers by name; `None` where the value is not known.
    pub args: Vec<(Arc<str>, Option<Value>)>,
}

impl fmt::Display for Obligation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)?;
        for (index, (name, value)) in self.args.iter().enumerate() {
            f.write_str(if index == 0 { "(" } else { ", " })?;
            match value {
                None => write!(f, "{name} = unknown")?,
                Some(value) => write!(f, "{name} = {value}")?,
            }
        }
        if self.args.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

/// A limit after it was charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitState {
    /// The rule's name.
    pub name: Arc<str>,
    /// How much the limit admits.
    pub limit: u64,
    /// How much is left.
    pub remaining: u64,
    /// Whole seconds until all that is charged now has been given back.
    pub reset: u64,
    /// The attribute of the context that says what a request costs; without one each costs 1.
    pub unit: Option<Arc<str>>,
    /// How many seconds it counts; of a calendar period about, and none for what is held at once.
    pub window: Option<u64>,
}
