//! What a policy set must show of its claims before it takes effect.

use super::{Invalid, LoadError};
use crate::{
    check::Ir,
    query::{Budget, findings, prove},
    report::{self, Diagnostic, Severity, codes},
    source::Sources,
};

/// What is asked of a set's claims, `never` and `always`, before it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claims {
    /// Each is proved, within a budget of its own. A set is not valid if one is refuted, or if the budget was not enough.
    Proved(Budget),
    /// None is refuted within its budget. Of those that are not proved, either, the set's warnings tell.
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
    /// Whether a set may be taken. Gives its warnings: those that checking gave, and where claims need not be proved those that
    /// are not.
    pub(super) fn hold(
        self,
        ir: &Ir,
        sources: &Sources,
        warnings: Vec<Diagnostic>,
    ) -> Result<Vec<Diagnostic>, LoadError> {
        let (budget, open) = match self {
            Self::Proved(budget) => (budget, Severity::Error),
            Self::NotRefuted(budget) => (budget, Severity::Warning),
            Self::Unproved => return Ok(warnings),
        };
        let found = findings(ir, &prove(ir, budget))
            .into_iter()
            .map(|found| if found.code() == codes::INCONCLUSIVE { found.with_severity(open) } else { found });
        let mut diagnostics = warnings;
        diagnostics.extend(found);
        report::sort(&mut diagnostics);
        if diagnostics.iter().any(Diagnostic::is_error) {
            return Err(LoadError::Invalid(Invalid { diagnostics, sources: sources.clone() }));
        }
        Ok(diagnostics)
    }
}
