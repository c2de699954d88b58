//! Who asks: from the headers of a request to a principal that is proved, or to a refusal.
//!
//! A credential that is there and does not hold is a refusal, never `anonymous`. Who has none is `anonymous`. Where no way of
//! authentication is set up at all, the service listens on loopback only, and trusts whoever reaches it without a credential:
//! that is for development, and said at the start.
//!
//! One file for each way: tokens that prove themselves ([`jwt`]), tokens that their issuer is asked about ([`introspection`]),
//! API keys ([`keys`], and [`managed`] for those that are made while the service runs), tokens for trying things out ([`development`]). What they all need to know of HTTP is in
//! [`credential`] and [`refusal`]; what claims mean, in [`claims`].

mod cache;
mod claims;
mod credential;
mod development;
mod introspection;
mod jwt;
mod keys;
mod managed;
mod origin;
mod refusal;
mod secret;
mod settings;

#[cfg(test)]
mod tests;

pub(crate) use claims::Constant;
pub(crate) use keys::{Entry, Held, Named};
pub(crate) use managed::{Claim, Documents, ManagedKeys};
pub(crate) use origin::{Origin, RequestId};
pub(crate) use refusal::{Proofs, Unauthenticated};
pub(crate) use secret::Secret;
pub(super) use settings::Settings;

use super::{
    outbound::Outbound,
    settings::{Faulty, Settings as All},
};
use crate::{
    clock::{Clock, SystemClock},
    request::Principal,
};
use ::http::HeaderMap;
use cache::{Cache, Proof, Proved};
use chrono::{DateTime, TimeDelta, Utc};
use credential::Credential;
use development::Development;
use introspection::Introspection;
use jwt::Issuers;
use keys::Keys;
use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

/// Who asks, once that is proved, and from where.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Who it is to the policies.
    pub(crate) principal: Principal,
    /// Whether it is trusted to describe others, and when and where they are, without asking the policies: only where no
    /// way of authentication is set up.
    pub(crate) is_trusted: bool,
    /// Where the request came from.
    pub(crate) origin: Origin,
    /// What proves more, where the policies want it.
    pub(crate) proofs: Arc<Proofs>,
}

impl Caller {
    /// How it is called in the log, in histories and on pages.
    pub(crate) fn name(&self) -> String {
        match &self.principal.id {
            Some(id) => format!("{} {id:?}", self.principal.kind),
            None => self.principal.kind.clone(),
        }
    }
}

/// Tells who asks.
pub(crate) struct Identity {
    clock: Arc<dyn Clock>,
    ways: Ways,
    proofs: Arc<Proofs>,
    remarks: Vec<String>,
}

/// How it can be proved who asks.
#[derive(Debug)]
enum Ways {
    /// Not at all, but for tokens to try things out with.
    Open(Development),
    Set(Box<Set>),
}

/// The ways that the settings name.
#[derive(Debug)]
struct Set {
    issuers: Issuers,
    introspection: Option<Introspection>,
    keys: Option<KeyFile>,
    managed: Option<ManagedKeys>,
    cache: Cache,
    token_bytes: usize,
    cache_time: TimeDelta,
}

/// A file of API keys, as it was read last.
#[derive(Debug)]
struct KeyFile {
    file: PathBuf,
    secret: Secret,
    keys: RwLock<Arc<Keys>>,
}

impl Identity {
    /// Reads and fetches keys.
    ///
    /// # Errors
    /// A file cannot be used. An issuer out of reach is a remark only: it may come back.
    pub(super) async fn open(
        all: &All,
        outbound: &Outbound,
        clock: Arc<dyn Clock>,
        documents: Documents,
    ) -> Result<Self, Faulty> {
        let proofs = Arc::new(all.auth.step_up.clone());
        if all.auth.is_open() {
            let state = (!all.is_in_memory()).then_some(all.state.as_path());
            let remarks = vec![
                "nobody has to say who they are (no `[auth]` in the settings): for development, on this machine only; \
                 who shows a token of `policyc serve --dev-token` is whom it names"
                    .to_owned(),
            ];
            return Ok(Self { clock, ways: Ways::Open(Development::new(state)), proofs, remarks });
        }
        let set = Set::open(all, outbound, documents)?;
        let mut remarks = set.issuers.fetch(clock.now()).await;
        remarks.extend(set.introspection.as_ref().and_then(Introspection::remark));
        remarks.extend(all.auth.key_secret.as_ref().and_then(|secret| secret.remark(KEY_SECRET)));
        Ok(Self { clock, ways: Ways::Set(Box::new(set)), proofs, remarks })
    }

    /// What a person who starts the service should know.
    pub(super) fn remarks(&self) -> Vec<String> {
        self.remarks.clone()
    }

    /// Reads the files again: API keys, and keys of issuers. What cannot be used changes nothing.
    pub(super) fn reload(&self) {
        let reloaded = match &self.ways {
            Ways::Open(_) => Ok(()),
            Ways::Set(set) => set.reload(),
        };
        if let Err(wrong) = reloaded {
            tracing::warn!("the keys were not read again: {wrong}");
        }
    }

    /// The keys that are made while the service runs, if there can be any.
    pub(crate) const fn managed_keys(&self) -> Option<&ManagedKeys> {
        match &self.ways {
            Ways::Open(_) => None,
            Ways::Set(set) => set.managed.as_ref(),
        }
    }

    /// Whether a file has the key of an id.
    pub(crate) fn has_file_key(&self, id: &str) -> bool {
        match &self.ways {
            Ways::Open(_) => false,
            Ways::Set(set) => set.file_keys().is_some_and(|(keys, _)| keys.get(id).is_some()),
        }
    }

    /// The right to make the first key, where the credential is the token for that. It is good for nothing else.
    pub(crate) fn bootstrap(&self, headers: &HeaderMap) -> Option<Claim<'_>> {
        match Credential::of(headers) {
            Ok(Credential::Token(token)) => self.managed_keys()?.claim(token),
            Ok(Credential::Key(_) | Credential::None) | Err(_) => None,
        }
    }

    /// Who asks.
    ///
    /// # Errors
    /// A credential is there that does not hold, or of which nobody can tell at the moment.
    pub(crate) async fn caller(&self, headers: &HeaderMap, origin: Origin) -> Result<Caller, Unauthenticated> {
        let now = self.clock.now();
        let credential = Credential::of(headers)?;
        let proofs = self.proofs.clone();
        let principal = match (credential, &self.ways) {
            (Credential::None, ways) => {
                let is_trusted = matches!(ways, Ways::Open(_));
                return Ok(Caller { principal: Principal::anonymous(), is_trusted, origin, proofs });
            }
            (Credential::Token(text) | Credential::Key(text), Ways::Open(development)) => {
                development.prove(text, now)?
            }
            (Credential::Token(token), Ways::Set(set)) => set.token(token, now).await?,
            (Credential::Key(key), Ways::Set(set)) => set.key(key, origin.client, now)?,
        };
        Ok(Caller { principal, is_trusted: false, origin, proofs })
    }
}

/// What the settings call the secret of API keys' hashes.
const KEY_SECRET: &str = "auth.key_secret";

/// The secret that hashes of API keys are keyed with.
fn key_secret(all: &All) -> Result<Secret, Faulty> {
    match &all.auth.key_secret {
        Some(source) => source.read(KEY_SECRET, settings::LEAST_KEY_SECRET),
        // Nothing that such a hash is for outlives the process either.
        None if all.is_in_memory() => Secret::random(),
        None => Secret::kept(&all.state.join("key-secret")),
    }
}

impl Set {
    fn open(all: &All, outbound: &Outbound, documents: Documents) -> Result<Self, Faulty> {
        let settings = &all.auth;
        let keys = settings.keys.as_ref().map(|file| {
            let keys = RwLock::new(Arc::new(Keys::read(file)?));
            Ok(KeyFile { file: file.clone(), secret: key_secret(all)?, keys })
        });
        let managed = settings.managed_keys.then(|| Ok(ManagedKeys::new(documents, key_secret(all)?)));
        let introspection = settings.introspection.as_ref().map(|settings| Introspection::open(settings, outbound));
        Ok(Self {
            issuers: Issuers::open(&settings.jwt, outbound)?,
            introspection: introspection.transpose()?,
            keys: keys.transpose()?,
            managed: managed.transpose()?,
            cache: Cache::new(settings.cache_entries)?,
            token_bytes: settings.token_bytes,
            cache_time: TimeDelta::seconds(settings.cache_seconds.into()),
        })
    }

    fn reload(&self) -> Result<(), Faulty> {
        let keys = self.keys.as_ref().map(|keys| Ok((keys, Keys::read(&keys.file)?))).transpose()?;
        self.issuers.reload()?;
        if let Some((file, keys)) = keys {
            *file.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        }
        self.cache.clear();
        Ok(())
    }

    fn key(&self, key: &str, from: IpAddr, now: DateTime<Utc>) -> Result<Principal, Unauthenticated> {
        let file = self.file_keys();
        let known = file.as_ref().and_then(|(keys, secret)| Some((keys.get(keys::id(key)?)?, secret)));
        match (known, &self.managed) {
            (Some((known, secret)), _) => known.prove(key, secret, from, now),
            (None, Some(managed)) => managed.prove(key, from, now),
            (None, None) if file.is_some() => Err(keys::unknown()),
            (None, None) => Err(Unauthenticated::invalid("the service takes no API keys")),
        }
    }

    /// The keys of the file, as they were read last, and what their hashes are keyed with.
    fn file_keys(&self) -> Option<(Arc<Keys>, &Secret)> {
        let file = self.keys.as_ref()?;
        Some((file.keys.read().unwrap_or_else(PoisonError::into_inner).clone(), &file.secret))
    }

    /// For whom a token stands: as it was proved lately, or as it is now.
    async fn token(&self, token: &str, now: DateTime<Utc>) -> Result<Principal, Unauthenticated> {
        if token.len() > self.token_bytes {
            return Err(Unauthenticated::invalid(format!("the token is larger than {} bytes", self.token_bytes)));
        }
        let digest = self.cache.digest(token);
        if let Some(known) = self.cache.get(digest, now) {
            let holds = match known.by {
                Proof::Issuer(issuer, generation) => self.issuers.still_prove(issuer, generation, now).await,
                Proof::Introspection => true,
            };
            if holds {
                return Ok(known.principal);
            }
            self.cache.forget(digest);
        }
        let proved = self.prove(token, now).await?;
        let latest = now.checked_add_signed(self.cache_time).unwrap_or(now);
        let principal = proved.principal.clone();
        self.cache.put(digest, Proved { until: proved.until.min(latest), ..proved });
        Ok(principal)
    }

    async fn prove(&self, token: &str, now: DateTime<Utc>) -> Result<Proved, Unauthenticated> {
        match &self.introspection {
            Some(introspection) if self.issuers.is_empty() || !jwt::is_jwt(token) => {
                introspection.prove(token, now).await
            }
            _ if self.issuers.is_empty() => Err(Unauthenticated::invalid("the service takes no tokens but API keys")),
            _ => self.issuers.prove(token, now).await,
        }
    }
}

/// A token for trying things out: who shows it to a service without `[auth]` on the same state folder is the principal, which
/// is given in words such as `user alice roles=researcher tier=seed`.
///
/// # Errors
/// No service with these settings would take it; the words name nobody; the secret cannot be kept.
pub fn development_token(all: &All, principal: &str) -> Result<String, Faulty> {
    if !all.auth.is_open() {
        return Err(Faulty("`--dev-token` is for a service without `[auth]`".to_owned()));
    }
    if all.is_in_memory() {
        return Err(Faulty("`--dev-token` needs a state folder, the same as the service's".to_owned()));
    }
    development::make(&all.state, principal, SystemClock.now())
}

/// A new API key, and its entry for the file that `auth.keys` names. The key itself is nowhere but in the answer.
///
/// # Errors
/// The id cannot be one; the secret of the hashes cannot be read or kept.
pub fn new_key(all: &All, id: &str) -> Result<(String, String), Faulty> {
    if all.auth.key_secret.is_none() && all.is_in_memory() {
        return Err(Faulty(
            "`--new-key` needs `auth.key_secret`, or a state folder, the same as the service's".to_owned(),
        ));
    }
    keys::make(id, &key_secret(all)?)
}
