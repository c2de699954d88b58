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
    chain::unhex,
    key::{PublicKey, SecretKey},
};
use crate::{
    load::hex,
    store::audit::{Checkpoint, Place},
};
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

/// Signs a place.
pub(super) fn sign(kind: Kind, place: Place, now: DateTime<Utc>, key: &SecretKey) -> Checkpoint {
    let Place { seq, hash } = place;
    let time = now.to_rfc3339_opts(SecondsFormat::Secs, true);
    let signature = key.sign(&message(kind, seq, hash, &time));
    Checkpoint { seq, hash, time, signature }
}

pub(super) fn is_signed_by(point: &Checkpoint, kind: Kind, key: PublicKey) -> bool {
    key.has_signed(&message(kind, point.seq, point.hash, &point.time), &point.signature)
}

/// A checkpoint as a line of JSON.
pub(super) fn line(point: &Checkpoint, key: PublicKey) -> String {
    let line = Line {
        seq: point.seq,
        hash: hex(&point.hash),
        time: point.time.clone(),
        key: hex(&key.bytes()),
        signature: hex(&point.signature),
    };
    serde_json::to_string(&line).unwrap_or_default()
}

/// The checkpoint of such a line, with the bytes of the key that it names. Whose it is only the signature tells.
pub(super) fn parse(line: &str) -> Option<Kept> {
    let line: Line = serde_json::from_str(line).ok()?;
    let (hash, signature) = (unhex(&line.hash)?, unhex(&line.signature)?);
    Some(Kept { key: unhex(&line.key)?, point: Checkpoint { seq: line.seq, hash, time: line.time, signature } })
}

/// A checkpoint that was kept outside its log.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// Of which log it says to be.
    pub(super) key: [u8; 32],
    pub(super) point: Checkpoint,
}

fn message(kind: Kind, seq: i64, hash: [u8; 32], time: &str) -> String {
    let kind = match kind {
        Kind::Checkpoint => "checkpoint",
        Kind::Anchor => "anchor",
    };
    let hash = hex(&hash);
    format!("policyc audit {kind}, version 1\nseq {seq}\nhash {hash}\ntime {time}\n")
}
