//! What the settings say of who asks: `[auth]`.

use super::{Proofs, introspection, jwt, keys::Keys, secret::SecretSource};
use crate::server::settings::{Faulty, Settings as All};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Who asks, and how that is proved: `[auth]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Issuers of tokens that prove themselves.
    pub jwt: Vec<jwt::Settings>,
    /// Who is asked about other tokens.
    pub introspection: Option<introspection::Settings>,
    /// A file of API keys.
    pub keys: Option<PathBuf>,
    /// Whether API keys can be made and revoked while the service runs.
    pub managed_keys: bool,
    /// What the hashes of API keys are keyed with; none: a secret in the state folder.
    pub key_secret: Option<SecretSource>,
    /// What a known principal must prove who is denied by 401, by the code of the denial.
    pub(super) step_up: Proofs,
    /// How many bytes a token may have.
    pub token_bytes: usize,
    /// How long a token that was proved is believed.
    pub cache_seconds: u32,
    /// Of how many tokens that is known.
    pub cache_entries: usize,
}

/// The longest that a token is believed which was proved.
const MOST_CACHE: u32 = 300;
/// The most tokens that are known at once.
const MOST_ENTRIES: usize = 10_000_000;
/// The least that a secret for hashes may have, in bytes.
pub(super) const LEAST_KEY_SECRET: usize = 32;

impl Default for Settings {
    fn default() -> Self {
        Self {
            jwt: Vec::new(),
            introspection: None,
            keys: None,
            managed_keys: false,
            key_secret: None,
            step_up: Proofs::new(),
            token_bytes: 16 * 1024,
            cache_seconds: MOST_CACHE,
            cache_entries: 10_000,
        }
    }
}

impl Settings {
    /// Whether nobody can prove who they are.
    pub(super) const fn is_open(&self) -> bool {
        self.jwt.is_empty() && self.introspection.is_none() && !self.has_keys()
    }

    /// Whether there are API keys.
    pub(super) const fn has_keys(&self) -> bool {
        self.keys.is_some() || self.managed_keys
    }

    /// Makes paths relative to the settings' folder.
    pub(in crate::server) fn paths(&mut self, below: impl Fn(&Path) -> PathBuf) {
        for jwt in &mut self.jwt {
            jwt.paths(&below);
        }
        if let Some(introspection) = &mut self.introspection {
            introspection.paths(&below);
        }
        self.keys = self.keys.as_deref().map(&below);
        if let Some(secret) = &mut self.key_secret {
            secret.paths(&below);
        }
    }

    /// Says what cannot be.
    pub(in crate::server) fn validate(&self, all: &All) -> Result<(), Faulty> {
        if self.is_open() && all.beyond_loopback().is_some() {
            return Err(Faulty(
                "listening beyond loopback needs a way to tell who asks: add `[auth]` to the settings".to_owned(),
            ));
        }
        self.try_validate(all).map_err(Faulty)
    }

    fn try_validate(&self, all: &All) -> Result<(), String> {
        for (index, jwt) in self.jwt.iter().enumerate() {
            let key = format!("auth.jwt[{index}]");
            jwt.validate(&key, &all.outbound)?;
            if jwt.issuer.is_none() && self.jwt.len() > 1 {
                return Err(format!("`{key}` needs `issuer`: there are several issuers"));
            }
            if self.jwt.iter().take(index).any(|before| before.issuer == jwt.issuer) {
                return Err(format!("`{key}.issuer` is there twice"));
            }
        }
        if let Some(introspection) = &self.introspection {
            introspection.validate(&all.outbound)?;
        }
        if self.key_secret.is_some() && !self.has_keys() {
            return Err("`auth.key_secret` is for `auth.keys` and `auth.managed_keys`; neither is set".to_owned());
        }
        if self.keys.is_some() && self.key_secret.is_none() && all.is_in_memory() {
            return Err("`auth.keys` needs `auth.key_secret` where no state is kept".to_owned());
        }
        if self.token_bytes == 0 {
            return Err("`auth.token_bytes` must be more than 0".to_owned());
        }
        if self.cache_seconds > MOST_CACHE {
            return Err(format!("`auth.cache_seconds` can be at most {MOST_CACHE}"));
        }
        if self.cache_entries > MOST_ENTRIES {
            return Err(format!("`auth.cache_entries` can be at most {MOST_ENTRIES}"));
        }
        Ok(())
    }

    /// Says what cannot be in the files that are named here.
    pub(in crate::server) fn check(&self) -> Result<(), Faulty> {
        for (index, jwt) in self.jwt.iter().enumerate() {
            jwt.check(&format!("auth.jwt[{index}]"))?;
        }
        self.introspection.as_ref().map(introspection::Settings::read).transpose()?;
        self.keys.as_deref().map(Keys::read).transpose()?;
        self.key_secret.as_ref().map(|secret| secret.read("auth.key_secret", LEAST_KEY_SECRET)).transpose()?;
        Ok(())
    }
}
