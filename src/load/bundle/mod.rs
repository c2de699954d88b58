//! Bundles: a compiled policy set as one file, which loads without parsing.
//!
//! In goes what `compile::bundle` makes of a set, out comes a file, and the other way round. What
//! its sections mean is not known here; that they are what was written is.
//!
//! All numbers are little-endian:
//!
//! ```text
//! magic (16 bytes), version (u32), sections (u32), revision of the set (32), counter (u64)
//! table: for each section where it begins (u64), how long it is (u64), its digest (32)
//! digest of all that stands before (32)
//! the key that signed all that stands before (32), the signature (64); zeros where nobody signed
//! sections, each at a multiple of 64
//! ```
//!
//! Digests are BLAKE3's: of a section that of the digests of its pieces of 256 KiB, so that these can be read and digested
//! side by side. Signatures are Ed25519 (RFC 8032). One speaks for the whole file, since it covers all digests.
//!
//! The counter rises from one release of a set to the next, so that who takes bundles from elsewhere can tell an older one.

mod read;
mod sign;
mod texts;
mod write;

pub(crate) use read::{Head, open};
#[cfg_attr(
    not(feature = "server"),
    expect(unused_imports, reason = "only the service takes bundles from elsewhere")
)]
pub(crate) use read::{Offer, read};
pub use sign::{PublicKey, SecretKey, Unsigned};
pub(crate) use texts::pack;
pub(crate) use write::write;

use super::{Unreadable, read::Read};
use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

/// What a bundle begins with.
pub(super) const MAGIC: &[u8; 16] = b"policyc bundle\r\n";
/// The version of the format.
const VERSION: u32 = 3;
/// The bytes before the table.
const HEAD: usize = 64;
/// The bytes of a row of the table.
const ROW: usize = 48;
/// The bytes of a digest.
const DIGEST: usize = 32;
/// The bytes of a key and of a signature.
const KEY: usize = 32;
const SIGNATURE: usize = 64;
/// The bytes of a piece of a section.
const PIECE: usize = 1 << 18;
/// Where sections begin: at multiples of this.
const ALIGNED: u64 = 64;

/// Why a bundle is not taken.
#[derive(Debug)]
#[non_exhaustive]
pub enum BundleError {
    /// It cannot be read.
    Unreadable(io::Error),
    /// It is not a bundle, or not whole any more: what is wrong.
    Damaged(String),
    /// Another version of this program made it: what is different.
    Foreign(String),
    /// It is not signed by the key that was asked for.
    Unsigned(Unsigned),
}

/// Why a bundle is not taken, and which.
#[derive(Debug)]
pub struct BadBundle {
    /// Its path.
    pub path: PathBuf,
    /// Why.
    pub error: BundleError,
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => error.fmt(f),
            Self::Damaged(what) => write!(f, "the bundle is damaged: {what}"),
            Self::Foreign(what) => write!(f, "{what}: build the bundle anew"),
            Self::Unsigned(why) => why.fmt(f),
        }
    }
}

impl fmt::Display for BadBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read `{}`: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for BadBundle {}

/// Whether a file begins as a bundle does.
#[must_use]
pub fn is_bundle(path: &Path) -> bool {
    let mut first = [0; MAGIC.len()];
    path.is_file() && File::open(path).and_then(|mut file| file.read_exact(&mut first)).is_ok() && first == *MAGIC
}

/// The texts that a bundle was built from.
pub(super) fn texts(path: &Path) -> Result<Vec<Read>, Unreadable> {
    let unreadable = |error: BundleError| {
        let error = match error {
            BundleError::Unreadable(error) => error,
            BundleError::Damaged(_) | BundleError::Foreign(_) | BundleError::Unsigned(_) => {
                io::Error::new(io::ErrorKind::InvalidData, error.to_string())
            }
        };
        Unreadable { path: path.to_owned(), error }
    };
    let packed = open(path, None).and_then(|opened| opened.read_last()).map_err(|bad| unreadable(bad.error))?;
    texts::unpack(&packed).map_err(unreadable)
}

/// The texts that were packed for a bundle.
pub(crate) fn unpack(packed: &[u8]) -> Option<super::Loader> {
    let mut loader = super::Loader::default();
    loader.known(texts::unpack(packed).ok()?);
    Some(loader)
}

/// The digest of a section whose pieces have these.
fn whole(pieces: impl IntoIterator<Item = blake3::Hash>) -> [u8; DIGEST] {
    let mut hasher = blake3::Hasher::new();
    for piece in pieces {
        hasher.update(piece.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// The first multiple of the alignment that is not before a place.
const fn aligned(place: u64) -> u64 {
    place.saturating_add(ALIGNED - 1) & !(ALIGNED - 1)
}

/// The bytes before so many sections.
const fn header(sections: usize) -> usize {
    HEAD.saturating_add(sections.saturating_mul(ROW)).saturating_add(DIGEST + KEY + SIGNATURE)
}
