//! What the settings say of an issuer of tokens: `[[auth.jwt]]`.

use super::super::{claims::Mapping, secret::SecretSource};
use crate::server::outbound;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// An issuer of tokens.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// What its tokens say in `iss`. Only the one issuer of a service may leave it out.
    pub issuer: Option<String>,
    /// Whom its tokens may be meant for (`aud`).
    pub audience: Vec<String>,
    /// Whether they may be meant for anybody.
    pub any_audience: bool,
    /// The secret that it signs with (HS256).
    pub secret: Option<SecretSource>,
    /// Its public key, in PEM.
    pub pem: Option<PathBuf>,
    /// Its public keys, as a key set in a file.
    pub jwks: Option<PathBuf>,
    /// Its public keys, as a key set at an address.
    pub jwks_url: Option<String>,
    /// Whether it says itself where its keys are, below `issuer`.
    pub discover: bool,
    /// By how much its clock and the service's may differ.
    pub leeway_seconds: u32,
    /// When its keys are fetched again.
    pub refresh_seconds: u32,
    /// How long they are not fetched after an attempt, whatever tokens say.
    pub refetch_seconds: u32,
    /// How long they are used while they cannot be fetched.
    pub stale_seconds: u32,
    /// What its claims mean.
    pub claims: Mapping,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            issuer: None,
            audience: Vec::new(),
            any_audience: false,
            secret: None,
            pem: None,
            jwks: None,
            jwks_url: None,
            discover: false,
            leeway_seconds: 30,
            refresh_seconds: 300,
            refetch_seconds: 30,
            stale_seconds: 3_600,
            claims: Mapping::default(),
        }
    }
}

/// The most that clocks may differ.
const MOST_LEEWAY: u32 = 600;
/// The longest that keys are used which cannot be fetched.
const MOST_STALE: u32 = 86_400;

impl Settings {
    /// Makes paths relative to the settings' folder.
    pub(in crate::server::identity) fn paths(&mut self, below: &impl Fn(&Path) -> PathBuf) {
        if let Some(secret) = &mut self.secret {
            secret.paths(below);
        }
        for file in [&mut self.pem, &mut self.jwks].into_iter().flatten() {
            *file = below(file);
        }
    }

    /// Says what cannot be; `key` is what the settings call this table.
    pub(in crate::server::identity) fn validate(&self, key: &str, outbound: &outbound::Settings) -> Result<(), String> {
        let places =
            [self.secret.is_some(), self.pem.is_some(), self.jwks.is_some(), self.jwks_url.is_some(), self.discover];
        if places.iter().filter(|is_set| **is_set).count() != 1 {
            return Err(format!("`{key}` needs one of `secret`, `pem`, `jwks`, `jwks_url` and `discover`"));
        }
        if self.audience.is_empty() != self.any_audience {
            return Err(format!(
                "`{key}` needs `audience`, the names of this service to the issuer, or `any_audience = true` instead"
            ));
        }
        if self.issuer.as_deref() == Some("") || self.audience.iter().any(String::is_empty) {
            return Err(format!("`{key}`: `issuer` and `audience` cannot be empty texts"));
        }
        let address = match (&self.jwks_url, self.discover, &self.issuer) {
            (Some(url), _, _) => Some(("jwks_url", url)),
            (None, true, Some(issuer)) => Some(("issuer", issuer)),
            (None, true, None) => return Err(format!("`{key}.discover` needs `issuer`, the address to ask")),
            (None, false, _) => None,
        };
        if let Some((name, address)) = address {
            outbound.address(address).map_err(|wrong| format!("`{key}.{name}`: {wrong}"))?;
        }
        if self.leeway_seconds > MOST_LEEWAY {
            return Err(format!("`{key}.leeway_seconds` can be at most {MOST_LEEWAY}"));
        }
        if self.refresh_seconds == 0 {
            return Err(format!("`{key}.refresh_seconds` must be more than 0"));
        }
        if self.stale_seconds < self.refresh_seconds || self.stale_seconds > MOST_STALE {
            return Err(format!("`{key}.stale_seconds` must be between `refresh_seconds` and {MOST_STALE}"));
        }
        self.claims.validate(&format!("{key}.claims"))
    }
}
