//! What a store says that cannot be asked.

use std::fmt;

/// A store cannot be asked at the moment; why, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage(pub String);

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Outage {}
