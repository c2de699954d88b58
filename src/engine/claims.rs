//! What a policy set must show of its claims before it takes effect.

use super::{Invalid, LoadError};
use crate::{
    check::Ir,
    query::{Budget, Finding, findings, prove},
    report::Diagnostic,
    source::Sources,
};

/// What is asked of a set's claims, `never` and `always`, before it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claims {
    /// Each is proved, within a budget of its own. A set is not valid if one is refuted, or if the budget was not enough.
    Proved(Budget),
    /// None is refuted within its budget.
    NotRefuted(Budget),
    /// Nothing: they are not looked at.
    Unproved,
}

impl Default for Claims {
    fn default() -> Self {
        Self::Proved(Budget::USUAL)
    }
}

impl Claims {
    /// Whether a set may be taken; with the findings that checking gave, those of its claims.
    pub(super) fn hold(self, ir: &Ir, sources: &Sources, warnings: &[Diagnostic]) -> Result<(), LoadError> {
        let (budget, strict) = match self {
            Self::Proved(budget) => (budget, true),
            Self::NotRefuted(budget) => (budget, false),
            Self::Unproved => return Ok(()),
        };
        let mut proofs = prove(ir, budget);
        proofs.retain(|proof| strict || !matches!(proof.finding, Finding::Inconclusive));
        let found = findings(ir, &proofs);
        if found.is_empty() {
            return Ok(());
        }
        let mut diagnostics: Vec<Diagnostic> = warnings.iter().cloned().chain(found).collect();
        crate::report::sort(&mut diagnostics);
        Err(LoadError::Invalid(Invalid { diagnostics, sources: sources.clone() }))
    }
}
