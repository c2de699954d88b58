//! What a policy set would be with other texts: asked, and never decided by.

use super::{Claims, EngineBuilder, LoadError, Meaning};
use crate::{load::Workspace, query::prove_about};

/// A policy set on which texts are tried, one change after the other. Nothing is compiled for it.
pub(crate) struct Trial {
    space: Workspace,
    claims: Claims,
}

impl EngineBuilder {
    /// Reads the set, to try other texts on.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(crate) fn trial(self) -> Result<Trial, LoadError> {
        Ok(Trial { space: self.loader.open().map_err(LoadError::Unreadable)?, claims: self.claims })
    }
}

impl Trial {
    /// Asks whether the set is valid with other texts in some files, and its claims are true of all requests about one resource:
    /// its kind and its id. Only what is different from the last trial is looked at.
    ///
    /// # Errors
    /// It is not, or they are not.
    pub(crate) fn prove(&mut self, texts: &[(&str, &str)], resource: (&str, &str)) -> Result<(), LoadError> {
        for (name, text) in texts {
            let Some(file) = self.space.file(name) else { continue };
            if self.space.text(file) != Some(*text) {
                self.space.change(file, text);
            }
        }
        let (mut meaning, _) = Meaning::of(self.space.set()).map_err(LoadError::Invalid)?;
        self.claims.hold_by(&mut meaning, |ir, budget| prove_about(ir, resource, budget))
    }
}
