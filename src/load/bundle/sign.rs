//! Who made a bundle: Ed25519 signatures (RFC 8032), keys in PEM files (PKCS #8, and SPKI for public ones).

use super::{KEY, SIGNATURE};
use ed25519_dalek::{
    Signature, Signer, SigningKey, VerifyingKey,
    pkcs8::{DecodePrivateKey, DecodePublicKey},
};
use std::fmt;

/// What is signed besides the bundle's head, so that a signature for something else is none for a bundle. The head says itself
/// of which version of the format it is.
const CONTEXT: &[u8] = b"policyc bundle, version 1\n";

/// A key that signs bundles.
pub struct SecretKey(SigningKey);

/// A key that bundles are held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// Why a bundle's signature is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsigned {
    /// Nobody signed it.
    Nobody,
    /// Another key signed it.
    OtherKey,
    /// The signature is not that of the bundle.
    Wrong,
}

impl fmt::Display for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "nobody signed the bundle",
            Self::OtherKey => "another key signed the bundle",
            Self::Wrong => "the signature is not that of the bundle",
        })
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SecretKey").finish_non_exhaustive()
    }
}

impl SecretKey {
    /// The key in a PEM text: what `openssl genpkey -algorithm ed25519` writes.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn from_pem(text: &str) -> Result<Self, String> {
        let expected = "expected an Ed25519 key in PEM form, as `openssl genpkey -algorithm ed25519` writes it";
        SigningKey::from_pkcs8_pem(text.trim()).map(Self).map_err(|_| expected.to_owned())
    }

    /// The key that others hold bundles against.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// The key and the signature that stand behind a head.
    pub(crate) fn sign(&self, head: &[u8]) -> ([u8; KEY], [u8; SIGNATURE]) {
        (self.0.verifying_key().to_bytes(), self.0.sign(&signed(head)).to_bytes())
    }
}

impl PublicKey {
    /// The key in a PEM text: what `openssl pkey -pubout` writes.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn from_pem(text: &str) -> Result<Self, String> {
        let expected = "expected a public Ed25519 key in PEM form, as `openssl pkey -pubout` writes it";
        VerifyingKey::from_public_key_pem(text.trim()).map(Self).map_err(|_| expected.to_owned())
    }

    /// Its 32 bytes.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Holds a head against what stands behind it.
    pub(super) fn verify(&self, head: &[u8], key: &[u8; KEY], signature: &[u8; SIGNATURE]) -> Result<(), Unsigned> {
        if key.iter().all(|byte| *byte == 0) {
            return Err(Unsigned::Nobody);
        }
        if *key != self.bytes() {
            return Err(Unsigned::OtherKey);
        }
        self.0.verify_strict(&signed(head), &Signature::from_bytes(signature)).map_err(|_| Unsigned::Wrong)
    }
}

fn signed(head: &[u8]) -> Vec<u8> {
    [CONTEXT, head].concat()
}
