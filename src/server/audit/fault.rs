//! Why a log cannot be used.

use std::{fmt, path::Path};

/// Why a log cannot be used: which file, and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Fault(String);

impl Fault {
    pub(super) fn new(path: &Path, error: impl fmt::Display) -> Self {
        Self(format!("audit log: `{}`: {error}", path.display()))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
