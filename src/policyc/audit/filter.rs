//! Which records a command is about.

use super::super::requests;
use crate::server::audit::Filter;
use chrono::{DateTime, Utc};
use clap::ValueEnum;

/// Which records.
#[derive(Debug, clap::Args)]
pub(super) struct Filters {
    /// Records of the principal with this id; `anonymous` for those without one
    #[arg(long, env = "POLICYC_AUDIT_PRINCIPAL", value_name = "ID")]
    principal: Option<String>,
    /// Records about the model, or other resource, with this id
    #[arg(long, env = "POLICYC_AUDIT_MODEL", value_name = "ID")]
    model: Option<String>,
    /// Records of this action
    #[arg(long, env = "POLICYC_AUDIT_ACTION", value_name = "ACTION")]
    action: Option<String>,
    /// Records of this instant and later
    #[arg(long, env = "POLICYC_AUDIT_SINCE", value_name = "INSTANT", value_parser = requests::at)]
    since: Option<DateTime<Utc>>,
    /// Records before this instant
    #[arg(long, env = "POLICYC_AUDIT_UNTIL", value_name = "INSTANT", value_parser = requests::at)]
    until: Option<DateTime<Utc>>,
    /// Denials with this code
    #[arg(long, env = "POLICYC_AUDIT_CODE", value_name = "CODE")]
    code: Option<String>,
    /// Decisions that came out so
    #[arg(long, env = "POLICYC_AUDIT_DECISION", value_enum)]
    decision: Option<Verdict>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Verdict {
    Allow,
    Deny,
}

impl Filters {
    pub(super) fn filter(&self) -> Filter {
        Filter {
            principal: self.principal.clone(),
            resource: self.model.clone(),
            action: self.action.clone(),
            code: self.code.clone(),
            is_allow: self.decision.map(|verdict| verdict == Verdict::Allow),
            since: self.since,
            until: self.until,
            from: None,
            before: None,
        }
    }
}
