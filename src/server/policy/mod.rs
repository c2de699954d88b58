//! The running policy set, and how another takes its place.

use crate::engine::{Engine, EngineBuilder, LiveEngine, LoadError};
use std::sync::Arc;

/// Where the policy set comes from.
#[non_exhaustive]
pub struct Origin {
    /// How it is loaded.
    pub builder: EngineBuilder,
}

impl Origin {
    /// A set that is loaded so.
    #[must_use]
    pub const fn new(builder: EngineBuilder) -> Self {
        Self { builder }
    }
}

/// The running set.
#[derive(Debug)]
pub(crate) struct Policies {
    live: LiveEngine,
}

impl Policies {
    pub(super) fn load(origin: Origin) -> Result<Self, LoadError> {
        Ok(Self { live: origin.builder.live()? })
    }

    /// The set as it is now: take it once for each answer.
    pub(crate) fn current(&self) -> Arc<Engine> {
        self.live.engine()
    }

    /// Reads the files again. A set that cannot be used is refused, and the running one stays.
    #[expect(clippy::unused_async, reason = "checking and proving is handed to another thread")]
    pub(super) async fn reload(&self) {
        let _ = self.live.reload();
    }
}
