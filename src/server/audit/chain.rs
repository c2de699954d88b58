//! The chain: each record's hash covers the one before it.
//!
//! `hash(0) = SHA-256("policyc audit log, version 1\n" ‖ public key)`, and `hash(n) = SHA-256(hash(n-1) ‖ n ‖ body(n))` with `n`
//! as eight bytes, the greatest first, and the body as it stands in the log.

use super::key::PublicKey;
use crate::store::audit::Place;
use sha2::{Digest, Sha256};

/// What a chain begins with, besides the key that vouches for it.
const BEGINNING: &str = "policyc audit log, version 1\n";

/// Before the first record.
pub(super) fn beginning(key: PublicKey) -> Place {
    Place { seq: 0, hash: Sha256::new().chain_update(BEGINNING).chain_update(key.bytes()).finalize().into() }
}

/// With one more record.
pub(super) fn then(place: Place, body: &[u8]) -> Place {
    let seq = place.seq.saturating_add(1);
    let hash = Sha256::new().chain_update(place.hash).chain_update(seq.to_be_bytes()).chain_update(body);
    Place { seq, hash: hash.finalize().into() }
}

/// The bytes of hexadecimal digits; none where they are other than that, or not so many.
pub(super) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok().filter(|_| !digit.is_uppercase())).collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| (high << 4) | low).collect();
    if rest.is_empty() { bytes.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::unhex;
    use crate::load::hex;

    #[test]
    fn digits_and_back() {
        assert_eq!(hex(&[0, 1, 0xab, 0xff]), "0001abff");
        assert_eq!(unhex("0001abff"), Some([0, 1, 0xab, 0xff]));
        for wrong in ["", "0001abf", "0001ABff", "0001abff00", "0001abfg", "é001abff"] {
            assert_eq!(unhex::<4>(wrong), None, "{wrong}");
        }
    }
}
