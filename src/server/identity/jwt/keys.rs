//! Keys that tokens are signed with (RFC 7517).
//!
//! A key is of one kind, and each kind signs with one algorithm: whatever a token says, a public key never verifies a keyed
//! hash, and a secret no signature.

use super::super::secret::Secret;
use crate::{
    request::{Input, Properties},
    wire::json,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};

/// One key.
#[derive(Debug, Clone)]
struct Key {
    /// What tokens call it; none: whatever they say.
    id: Option<String>,
    /// What it signs with.
    algorithm: Algorithm,
    key: DecodingKey,
}

/// The keys of an issuer.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys(Vec<Key>);

/// Why no key verifies a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unverified {
    /// The issuer has no key of that name.
    UnknownKey,
    /// The key is for another algorithm.
    WrongAlgorithm,
    /// The key did not sign this.
    BadSignature,
}

/// How many keys an issuer may have.
const MOST_KEYS: usize = 100;
/// The least a modulus of RSA may have, in bytes.
const LEAST_RSA: usize = 256;
/// A coordinate of P-256, and a point of Ed25519, in bytes.
const POINT: usize = 32;
/// A point of P-256 as it stands in a file: a mark and two coordinates.
const EC_POINT: usize = 65;

impl Keys {
    /// A secret that the issuer shares with the service.
    pub(super) fn of_secret(secret: &Secret) -> Self {
        let key = DecodingKey::from_secret(secret.expose());
        Self(vec![Key { id: None, algorithm: Algorithm::HS256, key }])
    }

    /// A public key in PEM. Of which kind it is, it says itself.
    pub(super) fn of_pem(pem: &[u8]) -> Result<Self, &'static str> {
        if String::from_utf8_lossy(pem).contains("PRIVATE KEY") {
            return Err("the file has a private key, which is nobody's but the issuer's; the public one is enough");
        }
        let (algorithm, key) = if let Ok(key) = DecodingKey::from_rsa_pem(pem) {
            (Algorithm::RS256, key)
        } else if let Ok(key) = DecodingKey::from_ed_pem(pem) {
            (Algorithm::EdDSA, key)
        } else if let Ok(key) = DecodingKey::from_ec_pem(pem) {
            if key.try_get_as_bytes().map(<[u8]>::len) != Ok(EC_POINT) {
                return Err("the key is of another curve than P-256");
            }
            (Algorithm::ES256, key)
        } else {
            return Err("there is no public key of RSA, P-256 or Ed25519 in PEM");
        };
        Ok(Self(vec![Key { id: None, algorithm, key }]))
    }

    /// A set of public keys in JSON. Keys of other kinds, or for something else than signatures, are left out.
    pub(super) fn of_set(text: &[u8]) -> Result<Self, String> {
        let set = json::read(text).map_err(|refusal| format!("the key set is no JSON: {}", refusal.error))?;
        let Input::Object(mut set) = set else { return Err("the key set is no object".to_owned()) };
        let Some(Input::List(keys)) = set.remove("keys") else {
            return Err("the key set has no list `keys`".to_owned());
        };
        if keys.len() > MOST_KEYS {
            return Err(format!("the key set has more than {MOST_KEYS} keys"));
        }
        Ok(Self(keys.iter().filter_map(Key::of_jwk).collect()))
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of these keys signed a message. `id` is what the token says of which.
    pub(super) fn verify(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        message: &str,
        signature: &str,
    ) -> Result<(), Unverified> {
        let is_meant = |key: &&Key| id.is_none() || key.id.is_none() || key.id.as_deref() == id;
        let mut meant = self.0.iter().filter(is_meant).peekable();
        if meant.peek().is_none() {
            return Err(Unverified::UnknownKey);
        }
        let mut fits = meant.filter(|key| key.algorithm == algorithm).peekable();
        if fits.peek().is_none() {
            return Err(Unverified::WrongAlgorithm);
        }
        let signed = |key: &Key| {
            crypto::verify(signature, message.as_bytes(), &key.key, key.algorithm).is_ok_and(|signed| signed)
        };
        if fits.any(signed) { Ok(()) } else { Err(Unverified::BadSignature) }
    }
}

impl Key {
    /// A public key for signatures, if this is one.
    fn of_jwk(jwk: &Input) -> Option<Self> {
        let Input::Object(jwk) = jwk else { return None };
        if text(jwk, "use").is_some_and(|uses| uses != "sig") {
            return None;
        }
        if let Some(Input::List(operations)) = jwk.get("key_ops")
            && !operations.contains(&Input::Text("verify".to_owned()))
        {
            return None;
        }
        let (algorithm, names, key) = match (text(jwk, "kty")?, text(jwk, "crv")) {
            ("RSA", _) => {
                let (modulus, exponent) = (bytes(jwk, "n")?, bytes(jwk, "e")?);
                let length = modulus.iter().skip_while(|byte| **byte == 0).count();
                let key = (length >= LEAST_RSA).then(|| DecodingKey::from_rsa_raw_components(&modulus, &exponent))?;
                (Algorithm::RS256, &["RS256"][..], key)
            }
            ("EC", Some("P-256")) => {
                if bytes(jwk, "x")?.len() != POINT || bytes(jwk, "y")?.len() != POINT {
                    return None;
                }
                let key = DecodingKey::from_ec_components(text(jwk, "x")?, text(jwk, "y")?).ok()?;
                (Algorithm::ES256, &["ES256"][..], key)
            }
            ("OKP", Some("Ed25519")) => {
                let point = bytes(jwk, "x").filter(|point| point.len() == POINT)?;
                (Algorithm::EdDSA, &["EdDSA", "Ed25519"][..], DecodingKey::from_ed_der(&point))
            }
            _ => return None,
        };
        if text(jwk, "alg").is_some_and(|name| !names.contains(&name)) {
            return None;
        }
        Some(Self { id: text(jwk, "kid").map(str::to_owned), algorithm, key })
    }
}

fn text<'j>(jwk: &'j Properties, member: &str) -> Option<&'j str> {
    match jwk.get(member) {
        Some(Input::Text(text)) => Some(text),
        Some(_) | None => None,
    }
}

fn bytes(jwk: &Properties, member: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text(jwk, member)?).ok()
}
