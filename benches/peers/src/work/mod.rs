//! What is decided: rules and requests as plain data, which each engine puts into its own words.
//!
//! Everything is drawn from seeds, so that every run, on every machine, has the same rules and the same requests.

pub mod acl;
mod draw;
pub mod general;

use chrono::{DateTime, NaiveDate, Utc};
pub use draw::REQUESTS;
use std::net::Ipv4Addr;

/// The zones that windows are in; an index into it is a zone.
pub const ZONES: [chrono_tz::Tz; 2] = [chrono_tz::Europe::Berlin, chrono_tz::America::New_York];

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Allow,
    Deny,
}

/// Whom a rule is for. Roles, tiers and organisations are indices into the [`Vocabulary`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    Anyone,
    Role(usize),
    User(String),
    /// This tier and those above.
    Tier(usize),
}

/// A block of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Net {
    pub base: Ipv4Addr,
    pub prefix: u8,
}

impl std::fmt::Display for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

impl Net {
    /// Its first and its last address.
    pub fn bounds(self) -> (u32, u32) {
        let hosts = u32::MAX.checked_shr(u32::from(self.prefix)).unwrap_or(0);
        let first = u32::from(self.base) & !hosts;
        (first, first | hosts)
    }
}

/// Local wall-clock times, from a day to a later one (Monday is 0) and from an hour to a later one, the last excluded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    pub days: (u32, u32),
    pub hours: (u32, u32),
    pub zone: usize,
}

/// A rule: all that is there must hold. An empty list of actions is any action, an empty list of nets any address.
#[derive(Debug, Clone)]
pub struct Rule {
    pub effect: Effect,
    pub who: Who,
    pub actions: Vec<usize>,
    pub nets: Vec<Net>,
    /// The principal's organisation.
    pub org: Option<usize>,
    /// The principal's tier or a higher one.
    pub tier: Option<usize>,
    pub window: Option<usize>,
    /// The last day on which it holds, whole, in UTC.
    pub until: Option<NaiveDate>,
}

impl Rule {
    /// A rule without conditions.
    pub fn new(effect: Effect, who: Who, actions: Vec<usize>) -> Self {
        Self { effect, who, actions, nets: Vec::new(), org: None, tier: None, window: None, until: None }
    }
}

/// Names, which rules and requests refer to by index.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    /// Lowest first.
    pub tiers: Vec<String>,
    pub actions: Vec<String>,
    pub roles: Vec<String>,
    pub orgs: Vec<String>,
    pub windows: Vec<Window>,
    pub models: Vec<String>,
}

/// Who asks to do what with which model, from where and when.
#[derive(Debug, Clone)]
pub struct Request {
    pub user: String,
    pub roles: Vec<usize>,
    pub tier: usize,
    pub org: Option<usize>,
    pub action: usize,
    pub model: usize,
    pub ip: Ipv4Addr,
    /// A whole second.
    pub time: DateTime<Utc>,
}

/// Rules, and what they are for.
#[derive(Debug, Clone)]
pub enum Rules {
    /// The rules of each model.
    PerModel(Vec<Vec<Rule>>),
    /// Rules for all models.
    General(Vec<Rule>),
}

impl Rules {
    /// Those that can apply to a model, with the number of the first; rules are numbered in source order.
    pub fn of(&self, model: usize) -> (usize, &[Rule]) {
        match self {
            Self::PerModel(models) => (model * acl::RULES_PER_MODEL, &models[model]),
            Self::General(rules) => (0, rules),
        }
    }

    /// Their number.
    pub fn count(&self) -> usize {
        match self {
            Self::PerModel(models) => models.len() * acl::RULES_PER_MODEL,
            Self::General(rules) => rules.len(),
        }
    }
}

/// Rules, and requests to decide by them.
#[derive(Debug, Clone)]
pub struct Workload {
    pub name: String,
    pub vocabulary: Vocabulary,
    pub rules: Rules,
    pub requests: Vec<Request>,
}

/// The answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    pub effect: Effect,
    pub rule: Deciding,
}

/// The rule that decided, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deciding {
    /// The engine does not tell.
    Untold,
    /// No rule fired.
    NoRule,
    Rule(usize),
}

impl Answer {
    /// The answer of rule `number`, or the refusal where none fired.
    pub fn by(fired: Option<(Effect, usize)>) -> Self {
        match fired {
            Some((effect, number)) => Self { effect, rule: Deciding::Rule(number) },
            None => Self { effect: Effect::Deny, rule: Deciding::NoRule },
        }
    }

    /// Whether this is the right answer, as far as it is told.
    pub fn agrees_with(self, right: Self) -> bool {
        self.effect == right.effect && (self.rule == Deciding::Untold || self.rule == right.rule)
    }
}
