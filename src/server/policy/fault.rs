//! Why a set was not taken, in words and for tools.

use super::Unchanged;
use crate::{engine::LoadError, report::json};
use ::http::StatusCode;
use serde_json::Value;
use std::fmt;

/// How many errors a line of the log names.
const NAMED: usize = 3;

/// The first errors of a set, on one line.
pub(in crate::server) fn first_errors(error: &LoadError) -> String {
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let shown = lines.get(..NAMED.min(lines.len())).unwrap_or_default().join("; ");
    match lines.len().checked_sub(NAMED).filter(|more| *more > 0) {
        Some(more) => format!("{shown}; and {more} more"),
        None => shown,
    }
}

impl fmt::Display for Unchanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(error) => f.write_str(&first_errors(error)),
            Self::Pinned(revision) => write!(f, "revision {revision} was chosen; `unpin` lets files take its place"),
            Self::NoCandidate => f.write_str("there is no candidate"),
            Self::OtherCandidate => f.write_str("the candidate has been exchanged meanwhile"),
            Self::NoRevision => f.write_str("no such revision is kept"),
            Self::NotPinned => f.write_str("no revision was chosen"),
            Self::Bundle(refused) => refused.fmt(f),
            Self::Unkept(error) => write!(f, "the policy set cannot be kept: {error}"),
        }
    }
}

impl Unchanged {
    pub(in crate::server) const fn status(&self) -> StatusCode {
        match self {
            Self::Set(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Pinned(_) | Self::NoCandidate | Self::OtherCandidate | Self::NotPinned => StatusCode::CONFLICT,
            Self::Bundle(refused) => refused.status(),
            Self::NoRevision => StatusCode::NOT_FOUND,
            Self::Unkept(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What is told: the message as `error`, and beside it what `policyc check --format json` says of the set.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Set(error) => diagnostics(error),
            Self::Pinned(_)
            | Self::NoCandidate
            | Self::OtherCandidate
            | Self::NoRevision
            | Self::NotPinned
            | Self::Bundle(_)
            | Self::Unkept(_) => serde_json::json!({ "error": self.to_string() }),
        }
    }
}

/// What is told of a set that cannot be used: the first errors as `error`, and beside it what `policyc check --format json` says.
pub(in crate::server) fn diagnostics(error: &LoadError) -> Value {
    let text = match error {
        LoadError::Invalid(invalid) => json::render(&invalid.diagnostics, &invalid.sources),
        LoadError::Unreadable(_) | LoadError::TooLarge(_) | LoadError::Bundle(_) => {
            json::render(&[], &crate::source::Sources::default())
        }
    };
    let mut told: Value = serde_json::from_str(&text).unwrap_or_default();
    if let Some(members) = told.as_object_mut() {
        members.insert("error".to_owned(), first_errors(error).into());
    }
    told
}
