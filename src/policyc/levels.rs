//! What becomes of warnings: shown, denied or not shown.

use super::config::did_you_mean;
use crate::report::{Code, Diagnostic, Severity, codes};
use std::collections::BTreeSet;

/// The word for every warning.
const ALL_WARNINGS: &str = "warnings";

/// What `--deny` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// Every warning.
    Warnings,
    /// One kind.
    Code(Code),
}

/// Which warnings are errors, and which are not shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Levels {
    all: bool,
    denied: BTreeSet<Code>,
    allowed: BTreeSet<Code>,
}

impl Levels {
    pub(super) fn deny(&mut self, denied: Denied) {
        match denied {
            Denied::Warnings => self.all = true,
            Denied::Code(code) => {
                self.denied.insert(code);
            }
        }
    }

    pub(super) fn allow(&mut self, code: Code) {
        self.allowed.insert(code);
    }

    /// These levels over those of a project. What names a code counts before what names all warnings.
    pub(super) fn over(&self, project: &Self) -> Self {
        let mut levels = Self {
            all: self.all || project.all,
            denied: project.denied.difference(&self.allowed).copied().collect(),
            allowed: project.allowed.difference(&self.denied).copied().collect(),
        };
        levels.denied.extend(&self.denied);
        levels.allowed.extend(&self.allowed);
        levels
    }

    /// # Errors
    /// If a code is both denied and allowed.
    pub(super) fn consistent(&self) -> Result<(), String> {
        match self.denied.intersection(&self.allowed).next() {
            None => Ok(()),
            Some(code) => Err(format!("`{}` is both denied and allowed", code.id())),
        }
    }

    /// The findings as they count.
    pub(super) fn apply(&self, diagnostics: impl IntoIterator<Item = Diagnostic>) -> Vec<Diagnostic> {
        let shown = diagnostics.into_iter().filter(|found| found.is_error() || !self.allowed.contains(&found.code()));
        shown
            .map(|found| {
                let denied = self.all || self.denied.contains(&found.code());
                if denied { found.with_severity(Severity::Error) } else { found }
            })
            .collect()
    }
}

/// `warnings`, or the code of a warning.
///
/// # Errors
/// If there is no such code.
pub(super) fn denied(text: &str) -> Result<Denied, String> {
    if text == ALL_WARNINGS { Ok(Denied::Warnings) } else { find(text, Some(ALL_WARNINGS)).map(Denied::Code) }
}

/// The code of a warning.
///
/// # Errors
/// If there is no such code, or it is the code of an error.
pub(super) fn allowed(text: &str) -> Result<Code, String> {
    let code = known(text)?;
    match code.severity() {
        Severity::Warning => Ok(code),
        Severity::Error => Err(format!("`{}` is an error, and only warnings can be allowed", code.id())),
    }
}

/// A code of any kind.
///
/// # Errors
/// If there is no such code.
pub(super) fn known(text: &str) -> Result<Code, String> {
    find(text, None)
}

fn find(text: &str, other: Option<&str>) -> Result<Code, String> {
    Code::find(text).ok_or_else(|| {
        let help = did_you_mean(text, codes::ALL.iter().map(|code| code.id()).chain(other));
        let help = help.unwrap_or_else(|| "codes are like `P0101`".to_owned());
        format!("unknown code `{text}`; {help}")
    })
}
