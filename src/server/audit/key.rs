//! The key that vouches for the log: Ed25519 (RFC 8032), kept in PEM files beside it, and made when the log is begun.

use super::fault::Fault;
use ed25519_dalek::{
    Signature, Signer, SigningKey, VerifyingKey,
    pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, spki::der::pem::LineEnding},
};
use sha2::{Digest, Sha256};
use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// The key itself. Who can read it can forge the log.
const SECRET: &str = "key.pem";
/// What others hold the log against.
const PUBLIC: &str = "public.pem";

/// A key that vouches for a log.
pub(super) struct SecretKey(SigningKey);

/// A key that a log is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PublicKey(VerifyingKey);

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SecretKey").finish_non_exhaustive()
    }
}

impl SecretKey {
    /// The key in a log's folder; a new one where there is none.
    pub(super) fn open(folder: &Path) -> Result<Self, Fault> {
        let path = folder.join(SECRET);
        let key = match fs::read_to_string(&path) {
            Ok(text) => SigningKey::from_pkcs8_pem(text.trim())
                .map_err(|_| Fault::new(&path, "it is no Ed25519 key in PEM form"))?,
            Err(error) if error.kind() == ErrorKind::NotFound => Self::make(&path)?,
            Err(error) => return Err(Fault::new(&path, error)),
        };
        let key = Self(key);
        key.public().put(folder)?;
        Ok(key)
    }

    fn make(path: &Path) -> Result<SigningKey, Fault> {
        let fault = |error: &dyn fmt::Display| Fault::new(path, error);
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| fault(&error))?;
        let key = SigningKey::from_bytes(&bytes);
        let text = key.to_pkcs8_pem(LineEnding::LF).map_err(|error| fault(&error))?;
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|error| fault(&error))?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| fault(&error))?;
        Ok(key)
    }

    pub(super) fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    pub(super) fn sign(&self, message: &str) -> [u8; 64] {
        self.0.sign(message.as_bytes()).to_bytes()
    }

    /// A key of 32 bytes for another purpose.
    pub(super) fn derive(&self, purpose: &str) -> [u8; 32] {
        Sha256::new().chain_update(purpose).chain_update(self.0.to_bytes()).finalize().into()
    }
}

impl PublicKey {
    /// The key of a log.
    ///
    /// # Errors
    /// If its folder has none.
    pub(super) fn of(folder: &Path) -> Result<Self, Fault> {
        Self::read(&folder.join(PUBLIC))
    }

    /// The key in a PEM file.
    ///
    /// # Errors
    /// If it cannot be read, or is none.
    pub(crate) fn read(path: &Path) -> Result<Self, Fault> {
        let text = fs::read_to_string(path).map_err(|error| Fault::new(path, error))?;
        let key = VerifyingKey::from_public_key_pem(text.trim());
        key.map(Self).map_err(|_| Fault::new(path, "it is no public Ed25519 key in PEM form"))
    }

    /// The key of 32 bytes; not all are one.
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        VerifyingKey::from_bytes(bytes).ok().map(Self)
    }

    /// Puts it beside a log.
    pub(super) fn put(self, folder: &Path) -> Result<(), Fault> {
        fs::write(folder.join(PUBLIC), self.to_pem()).map_err(|error| Fault::new(folder, error))
    }

    /// As others are given it.
    pub(crate) fn to_pem(self) -> String {
        self.0.to_public_key_pem(LineEnding::LF).unwrap_or_default()
    }

    pub(super) fn bytes(self) -> [u8; 32] {
        self.0.to_bytes()
    }

    pub(super) fn has_signed(self, message: &str, signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message.as_bytes(), &Signature::from_bytes(signature)).is_ok()
    }
}

/// A key of 32 bytes that only who can read the log's own key can make.
///
/// # Errors
/// If that cannot be read.
pub(super) fn derived(folder: &Path, purpose: &str) -> Result<[u8; 32], Fault> {
    let path = folder.join(SECRET);
    let text = fs::read_to_string(&path).map_err(|error| Fault::new(&path, error))?;
    let key = SigningKey::from_pkcs8_pem(text.trim());
    key.map(|key| SecretKey(key).derive(purpose)).map_err(|_| Fault::new(&path, "it is no Ed25519 key in PEM form"))
}
