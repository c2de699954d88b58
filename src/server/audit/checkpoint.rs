//! Checkpoints: what the log's key has signed. Kept elsewhere, one shows that nothing up to it has been changed since.
//!
//! What is signed is a text of four lines:
//!
//! ```text
//! policyc audit checkpoint, version 1
//! seq 4711
//! hash 52fd…
//! time 2026-01-01T00:00:00Z
//! ```
//!
//! An anchor says `anchor` instead: up to there the log has removed its records itself, because they were old.

use super::{
    chain::{Hash, unhex},
    key::{PublicKey, SecretKey},
};
use crate::load::hex;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// What is said of a place in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The records up to here are these.
    Checkpoint,
    /// The records up to here were removed.
    Anchor,
}

/// A place in the chain, signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// The last record that is covered.
    pub(crate) seq: i64,
    pub(super) hash: Hash,
    /// When it was signed.
    pub(super) time: String,
    pub(super) signature: [u8; 64],
}

/// One line of a file of checkpoints.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    seq: i64,
    hash: String,
    time: String,
    key: String,
    signature: String,
}

impl Checkpoint {
    pub(super) fn sign(kind: Kind, seq: i64, hash: Hash, now: DateTime<Utc>, key: &SecretKey) -> Self {
        let time = now.to_rfc3339_opts(SecondsFormat::Secs, true);
        let signature = key.sign(&message(kind, seq, hash, &time));
        Self { seq, hash, time, signature }
    }

    pub(super) fn is_signed_by(&self, kind: Kind, key: PublicKey) -> bool {
        key.has_signed(&message(kind, self.seq, self.hash, &self.time), &self.signature)
    }

    /// As a line of JSON.
    pub(crate) fn line(&self, key: PublicKey) -> String {
        let line = Line {
            seq: self.seq,
            hash: self.hash.to_string(),
            time: self.time.clone(),
            key: hex(&key.bytes()),
            signature: hex(&self.signature),
        };
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// The checkpoint of such a line. Whose it is only the signature tells.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let line: Line = serde_json::from_str(line).ok()?;
        let (hash, signature) = (Hash(unhex(&line.hash)?), unhex(&line.signature)?);
        Some(Self { seq: line.seq, hash, time: line.time, signature })
    }
}

fn message(kind: Kind, seq: i64, hash: Hash, time: &str) -> String {
    let kind = match kind {
        Kind::Checkpoint => "checkpoint",
        Kind::Anchor => "anchor",
    };
    format!("policyc audit {kind}, version 1\nseq {seq}\nhash {hash}\ntime {time}\n")
}
