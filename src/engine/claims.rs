//! What a policy set must show of its claims before it takes effect.

use super::{Invalid, LoadError, Meaning};
use crate::{
    check::Ir,
    query::{Budget, Proof, findings, prove},
    report::{self, Diagnostic, Severity, codes},
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
    /// Whether a set may be taken. Of claims that need not be proved and are not, its warnings then tell.
    pub(super) fn hold(self, meaning: &mut Meaning) -> Result<(), LoadError> {
        self.hold_by(meaning, prove)
    }

    /// The same with claims that are proved of some requests only.
    pub(super) fn hold_by(
        self,
        meaning: &mut Meaning,
        prove: impl FnOnce(&Ir, Budget) -> Vec<Proof>,
    ) -> Result<(), LoadError> {
        let (budget, open) = match self {
            Self::Proved(budget) => (budget, Severity::Error),
            Self::NotRefuted(budget) => (budget, Severity::Warning),
            Self::Unproved => return Ok(()),
        };
        let Meaning { ir, sources, warnings, .. } = meaning;
        let found = findings(ir, &prove(ir, budget))
            .into_iter()
            .map(|found| if found.code() == codes::INCONCLUSIVE { found.with_severity(open) } else { found });
        warnings.extend(found);
        report::sort(warnings);
        if warnings.iter().any(Diagnostic::is_error) {
            let diagnostics = std::mem::take(warnings);
            return Err(LoadError::Invalid(Invalid { diagnostics, sources: sources.clone() }));
        }
        Ok(())
    }
}
