//! The revision of a policy set.

use super::hex;
use crate::{source::Source, zone};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The digest of a file: of its name relative to its argument, and of its text.
pub(super) fn digest(source: &Source) -> [u8; 32] {
    let mut hash = Sha256::new();
    part(&mut hash, source.short());
    part(&mut hash, source.text());
    hash.finalize().into()
}

/// A digest of the digests of all files, in source order, and of the version of the time-zone rules. So when one file has
/// changed, no other has to be read again.
pub(super) struct Revision(Sha256);

impl Default for Revision {
    fn default() -> Self {
        let mut hash = Sha256::new();
        part(&mut hash, zone::tzdb_version());
        Self(hash)
    }
}

impl Revision {
    /// Adds the digest of a file.
    pub(super) fn add(&mut self, digest: &[u8; 32]) {
        self.0.update(digest);
    }

    /// The revision: `sha256:…`.
    pub(super) fn finish(self) -> Arc<str> {
        text(&self.0.finalize().into())
    }
}

/// How a revision's digest is written, and [`bytes`] the other way round.
const PREFIX: &str = "sha256:";

/// The revision of a digest: `sha256:…`.
pub(super) fn text(digest: &[u8; 32]) -> Arc<str> {
    format!("{PREFIX}{}", hex(digest)).into()
}

/// The digest of a revision.
pub(super) fn bytes(revision: &str) -> [u8; 32] {
    let digits = revision.strip_prefix(PREFIX).unwrap_or_default().as_bytes().as_chunks::<2>().0;
    let mut digest = [0; 32];
    for (byte, digits) in digest.iter_mut().zip(digits) {
        *byte = str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or_default();
    }
    digest
}

/// Adds a text with its length, so that no two lists of texts are the same bytes.
fn part(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(text.as_bytes());
}
