//! Projects: which models their members may not use, and how much of the rest.
//!
//! A project is an organisation, its members are the principals whose `org` it is. What a document says of it are prohibitions
//! and limits alone, for the actions that the gateway asks for: so it never opens anything.

use super::policy::{Terms, literal};
use crate::{
    ast::print,
    check::vocabulary::{Owner, Vocabulary},
    wire::acl::identifier,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is said of a project.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Project {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) permissions: Option<Permissions>,
    /// How much of a model its members may use together, by the model's name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) limits: BTreeMap<String, Rates>,
}

/// Which models the members may use, as far as the policies let them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Permissions {
    pub(crate) mode: Mode,
    /// In the order in which they were sent, each once.
    pub(crate) model_ids: Vec<String>,
}

/// What a list of models means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// No others.
    AllowList,
    /// All others.
    DenyList,
}

/// How much of a model may be used; none: as much as the policies let.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Rates {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_requests_per_1_minute: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_tokens_per_1_minute: Option<u32>,
}

impl Project {
    /// Whether nothing is said.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is prohibited or limited by this, and no more by what takes its place.
    pub(super) fn opened_by<'p>(&'p self, next: &'p Self, terms: &'p Terms) -> Opened<'p> {
        let limits = self.limits.iter().filter(|(model, rates)| {
            let next = next.limits.get(*model).copied().unwrap_or_default();
            !rates.hold_within(next)
        });
        let limits = limits.map(|(model, _)| terms.model(model)).collect();
        Opened { limits, before: self.prohibited(terms), after: next.prohibited(terms) }
    }

    fn prohibited<'p>(&'p self, terms: &'p Terms) -> Prohibited<'p> {
        let Some(Permissions { mode, model_ids }) = &self.permissions else { return Prohibited::Only(BTreeSet::new()) };
        let models = model_ids.iter().map(|model| terms.model(model)).collect();
        match mode {
            Mode::AllowList => Prohibited::AllBut(models),
            Mode::DenyList => Prohibited::Only(models),
        }
    }

    /// What is said, in the policy language. A limit of tokens is left out where the vocabulary does not know what counts them.
    pub(super) fn rules(&self, id: &str, terms: &Terms, vocabulary: &Vocabulary) -> String {
        let label = format!("project_{}", identifier(id));
        let members = format!("org {}", print::string(id));
        let known = terms.uses.iter().filter(|action| vocabulary.action_ids.contains_key(action.as_str()));
        let actions: Vec<String> = known.map(|action| print::string(action)).collect();
        if actions.is_empty() {
            return String::new();
        }
        let to = actions.join(", ");
        let mut rules = String::new();
        if let Some(on) = self.permissions.as_ref().and_then(|permissions| permissions.scope(terms)) {
            rules.push_str(&format!(
                "{label}_models: deny {members} to {to} on {on} else MODEL_NOT_ALLOWED 403 \
                 \"The project does not have access to the model `{{model.id}}`.\";\n"
            ));
        }
        for (model, rates) in &self.limits {
            let name = identifier(model);
            let on = literal(terms.model(model));
            // Who may be a member counts as one, and all of them together.
            let mut limit = |kind: &str, amount: String| {
                rules.push_str(&format!(
                    "{label}_{kind}_{name}: limit {members} to {to} on {on} at most {amount} per minute by everyone;\n"
                ));
            };
            if let Some(most) = rates.max_requests_per_1_minute {
                limit("requests", most.to_string());
            }
            if let Some(most) = rates.max_tokens_per_1_minute
                && vocabulary.attribute(Owner::Context, &terms.tokens).is_some()
            {
                limit("tokens", format!("{most} {}", terms.tokens));
            }
        }
        rules
    }
}

impl Permissions {
    /// The resources that are prohibited, if there are any.
    fn scope(&self, terms: &Terms) -> Option<String> {
        let models: BTreeSet<&str> = self.model_ids.iter().map(|model| terms.model(model)).collect();
        let models = models.into_iter().map(literal).collect::<Vec<_>>().join(", ");
        match (self.mode, models.is_empty()) {
            (Mode::DenyList, true) => None,
            (Mode::DenyList, false) => Some(models),
            (Mode::AllowList, true) => Some("any model".to_owned()),
            (Mode::AllowList, false) => Some(format!("any model except {models}")),
        }
    }
}

impl Rates {
    /// Whether nothing is limited.
    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Whether others let no more.
    fn hold_within(self, others: Self) -> bool {
        let holds =
            |most: Option<u32>, other: Option<u32>| most.is_none_or(|most| other.is_some_and(|other| other <= most));
        holds(self.max_requests_per_1_minute, others.max_requests_per_1_minute)
            && holds(self.max_tokens_per_1_minute, others.max_tokens_per_1_minute)
    }
}

/// The models that a list prohibits, by their own names.
#[derive(Debug)]
enum Prohibited<'p> {
    Only(BTreeSet<&'p str>),
    AllBut(BTreeSet<&'p str>),
}

impl Prohibited<'_> {
    fn has(&self, model: &str) -> bool {
        match self {
            Self::Only(models) => models.contains(model),
            Self::AllBut(models) => !models.contains(model),
        }
    }
}

/// What a change opens for a project.
#[derive(Debug)]
pub(super) struct Opened<'p> {
    /// The models whose limits are wider, or gone.
    limits: BTreeSet<&'p str>,
    before: Prohibited<'p>,
    after: Prohibited<'p>,
}

impl Opened<'_> {
    /// Whether a model is.
    pub(super) fn has(&self, model: &str) -> bool {
        self.limits.contains(model) || self.before.has(model) && !self.after.has(model)
    }

    /// Whether nothing is.
    pub(super) fn is_empty(&self) -> bool {
        let is_covered = match (&self.before, &self.after) {
            (Prohibited::Only(before), after) => before.iter().all(|model| after.has(model)),
            (Prohibited::AllBut(before), Prohibited::AllBut(after)) => after.is_subset(before),
            (Prohibited::AllBut(_), Prohibited::Only(_)) => false,
        };
        self.limits.is_empty() && is_covered
    }

    /// The models that could be, if these are few: those that are named.
    pub(super) fn named(&self) -> Option<BTreeSet<&str>> {
        let named = match (&self.before, &self.after) {
            (Prohibited::Only(named), _) | (Prohibited::AllBut(_), Prohibited::AllBut(named)) => named,
            (Prohibited::AllBut(_), Prohibited::Only(_)) => return None,
        };
        Some(named.union(&self.limits).copied().collect())
    }
}
