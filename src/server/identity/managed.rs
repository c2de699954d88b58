//! API keys that are made and revoked while the service runs.
//!
//! What is known of one is its managed document, an entry as a file of keys has it: it is looked up whenever the key is shown,
//! so that a key that was revoked holds no more. The first one is made with a token that the service prints at its start and
//! forgets once it was used.

use super::{
    keys::{self, Entry},
    refusal::Unauthenticated,
    secret::Secret,
};
use crate::{request::Principal, server::settings::Faulty};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use hmac::Mac;
use serde_json::Value;
use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Tells what the managed document of a key says, by the key's id; or why nobody can tell.
pub(crate) type Documents = Arc<dyn Fn(&str) -> Result<Option<Value>, Unauthenticated> + Send + Sync>;

/// How the token begins that the first key is made with.
const BOOTSTRAP_PREFIX: &str = "pb_";

/// The keys in managed documents.
pub(crate) struct ManagedKeys {
    documents: Documents,
    secret: Secret,
    /// The hash of the token that the first key can be made with; none: it was used, or is not needed.
    bootstrap: Mutex<Option<Vec<u8>>>,
}

impl fmt::Debug for ManagedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ManagedKeys(…)")
    }
}

impl ManagedKeys {
    pub(super) fn new(documents: Documents, secret: Secret) -> Self {
        Self { documents, secret, bootstrap: Mutex::new(None) }
    }

    /// For whom a key stands that is shown from an address.
    ///
    /// # Errors
    /// It is none of these, or may not be used so.
    pub(super) fn prove(&self, text: &str, from: IpAddr, now: DateTime<Utc>) -> Result<Principal, Unauthenticated> {
        let id = keys::id(text).ok_or_else(keys::unknown)?;
        let said = (self.documents)(id)?.ok_or_else(keys::unknown)?;
        let entry: Entry = serde_json::from_value(said).map_err(|_| keys::unknown())?;
        entry.key().map_err(|_| keys::unknown())?.prove(text, &self.secret, from, now)
    }

    /// A new secret for the key of an id: the text that is shown once, and its hash.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(crate) fn make(&self, id: &str) -> Result<(String, String), Faulty> {
        keys::text(id, &self.secret)
    }

    /// A token that one key can be made with; the token before it holds no more. Only its hash is kept.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(in crate::server) fn begin(&self) -> Result<String, Faulty> {
        let token = format!("{BOOTSTRAP_PREFIX}{}", URL_SAFE_NO_PAD.encode(Secret::random()?.expose()));
        *self.lock() = Some(self.secret.keyed_hash().chain_update(&token).finalize().into_bytes().to_vec());
        Ok(token)
    }

    /// Takes the token out of force, if this is the one: whoever has it now may make one key.
    pub(super) fn claim(&self, token: &str) -> Option<Claim<'_>> {
        let mut held = self.lock();
        let is_token = |hash: &Vec<u8>| self.secret.keyed_hash().chain_update(token).verify_slice(hash).is_ok();
        let hash = held.take_if(|hash| is_token(hash))?;
        Some(Claim { keys: self, hash: Some(hash) })
    }

    /// There is a key: the token is not needed any more.
    pub(crate) fn end(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<u8>>> {
        self.bootstrap.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to make the first key. Where none was made with it, the token holds again.
#[derive(Debug)]
pub(crate) struct Claim<'k> {
    keys: &'k ManagedKeys,
    hash: Option<Vec<u8>>,
}

impl Claim<'_> {
    /// The key was made: the token holds no more.
    pub(crate) fn used(mut self) {
        self.hash = None;
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(hash) = self.hash.take() {
            *self.keys.lock() = Some(hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_token_makes_one_key() {
        let keys = ManagedKeys::new(Arc::new(|_| Ok(None)), Secret::new(vec![7; 32]));
        assert!(keys.claim("pb_").is_none());
        let old = keys.begin().unwrap();
        let token = keys.begin().unwrap();
        assert!(keys.claim(&old).is_none(), "a new one takes the place of the old one");
        let claim = keys.claim(&token).unwrap();
        assert!(keys.claim(&token).is_none(), "one at a time");
        drop(claim);
        keys.claim(&token).unwrap().used();
        assert!(keys.claim(&token).is_none(), "once");
    }

    #[test]
    fn two_secrets_hold_while_one_takes_the_place_of_the_other() {
        let secret = Secret::new(vec![7; 32]);
        let [(old, old_hash), (new, new_hash)] =
            [keys::text("ci", &secret).unwrap(), keys::text("ci", &secret).unwrap()];
        let said = json!({ "id": "ci", "hash": new_hash, "previous_hash": old_hash, "previous_until": "2027-01-01T00:00:00Z" });
        let keys = ManagedKeys::new(Arc::new(move |id| Ok((id == "ci").then(|| said.clone()))), secret);
        let from = IpAddr::from([127, 0, 0, 1]);
        let holds = |key: &str, at: &str| keys.prove(key, from, at.parse().unwrap()).is_ok();
        assert!(holds(&new, "2026-12-31T00:00:00Z") && holds(&old, "2026-12-31T23:59:59Z"));
        assert!(holds(&new, "2027-01-01T00:00:00Z") && !holds(&old, "2027-01-01T00:00:00Z"));
        assert!(!holds("pk_cd_x", "2026-12-31T00:00:00Z"));
    }
}
