//! Why a log cannot be used.

use crate::store::audit::{Outage, Unreadable};
use std::{fmt, path::Path};

/// Why a log cannot be used: where it is, and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Fault(String);

/// What every fault begins with.
const LOG: &str = "audit log: ";

impl Fault {
    pub(super) fn new(path: &Path, error: impl fmt::Display) -> Self {
        Self::of(format_args!("`{}`: {error}", path.display()))
    }

    /// What is wrong, where that says itself where it is.
    pub(super) fn of(what: impl fmt::Display) -> Self {
        Self(format!("{LOG}{what}"))
    }

    /// What is wrong, without what every fault begins with.
    pub(super) fn what(&self) -> &str {
        self.0.strip_prefix(LOG).unwrap_or(&self.0)
    }
}

impl From<Outage> for Fault {
    fn from(outage: Outage) -> Self {
        Self::of(outage)
    }
}

impl From<Unreadable> for Fault {
    fn from(unreadable: Unreadable) -> Self {
        Self::of(unreadable)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
