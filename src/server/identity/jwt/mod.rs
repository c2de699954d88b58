//! Tokens that prove themselves by a signature (RFC 7519, and RFC 8725 on how to take them).
//!
//! In goes a token, out comes what it claims and until when, or a refusal. Each issuer has its own keys, and each key its one
//! algorithm; a token's own word on where a key could be had is not heard.

mod keys;
mod settings;
mod source;
mod token;

pub(super) use settings::Settings;

use super::{
    cache::{Proof, Proved},
    refusal::Unauthenticated,
};
use crate::{
    request::{Input, Properties},
    server::{outbound::Outbound, settings::Faulty},
};
use chrono::{DateTime, TimeDelta, Utc};
use keys::{Keys, Unverified};
use source::{Current, NoKeys, Place, Remote, Times};
use std::{
    fs,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};
use token::Token;

pub(super) use token::is_jwt;

/// Which keys an issuer had at a time: another number, other keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Generation(u64);

impl Generation {
    const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// The least a secret of HS256 may have, in bytes (RFC 7518, section 3.2).
const LEAST_SECRET: usize = 32;

/// An issuer of tokens.
#[derive(Debug)]
struct Issuer {
    /// What the settings call it.
    key: String,
    settings: Settings,
    source: Source,
}

/// Where its keys are.
#[derive(Debug)]
enum Source {
    /// In files, read at the start and when the service is told to read again.
    Local(RwLock<Current>),
    Remote(Box<Remote>),
}

/// All issuers.
#[derive(Debug, Default)]
pub(super) struct Issuers(Vec<Issuer>);

impl Issuers {
    pub(super) fn open(settings: &[Settings], outbound: &Outbound) -> Result<Self, Faulty> {
        let open = |(index, settings)| Issuer::open(format!("auth.jwt[{index}]"), settings, outbound);
        settings.iter().enumerate().map(open).collect::<Result<_, _>>().map(Self)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Fetches keys; says of whom there are none.
    pub(super) async fn fetch(&self, now: DateTime<Utc>) -> Vec<String> {
        let mut remarks = Vec::new();
        for issuer in &self.0 {
            let key = &issuer.key;
            remarks.extend(issuer.settings.secret.as_ref().and_then(|secret| secret.remark(&format!("{key}.secret"))));
            match issuer.current(now).await {
                Ok(current) if current.keys.is_empty() => {
                    remarks.push(format!("warning: `{key}`: the issuer has no keys that can be used"));
                }
                Ok(_) => {}
                Err(NoKeys) => remarks.push(format!(
                    "warning: `{key}`: the issuer's keys cannot be fetched; its tokens are answered with 503 until they are"
                )),
            }
        }
        remarks
    }

    /// Reads files again. If one cannot be used, nothing changes.
    pub(super) fn reload(&self) -> Result<(), Faulty> {
        let mut read = Vec::new();
        for issuer in &self.0 {
            read.push(match &issuer.source {
                Source::Local(_) => issuer.settings.read(&issuer.key)?,
                Source::Remote(_) => None,
            });
        }
        for (issuer, keys) in self.0.iter().zip(read) {
            if let (Source::Local(current), Some(keys)) = (&issuer.source, keys) {
                let mut current = current.write().unwrap_or_else(PoisonError::into_inner);
                *current = Current { keys: Arc::new(keys), generation: current.generation.next() };
            }
        }
        Ok(())
    }

    /// Whether what was proved by an issuer's keys still is: they are the same.
    pub(super) async fn still_prove(&self, issuer: usize, generation: Generation, now: DateTime<Utc>) -> bool {
        match self.0.get(issuer) {
            Some(issuer) => issuer.current(now).await.is_ok_and(|current| current.generation == generation),
            None => false,
        }
    }

    /// Whom a token stands for, and until when.
    ///
    /// # Errors
    /// It does not hold; or it cannot be told, because an issuer's keys are out of reach.
    pub(super) async fn prove(&self, text: &str, now: DateTime<Utc>) -> Result<Proved, Unauthenticated> {
        let token = Token::read(text).map_err(Unauthenticated::invalid)?;
        let named = token.text("iss");
        let is_its = |issuer: &Issuer| issuer.settings.issuer.is_none() || issuer.settings.issuer.as_deref() == named;
        let (index, issuer) = self
            .0
            .iter()
            .enumerate()
            .find(|(_, issuer)| is_its(issuer))
            .ok_or_else(|| Unauthenticated::invalid("the token is of an issuer that is not known here"))?;
        let generation = issuer.verify(&token, now).await?;
        let settings = &issuer.settings;
        let until = within(&token.claims, TimeDelta::seconds(settings.leeway_seconds.into()), now)?;
        let until =
            until.ok_or_else(|| Unauthenticated::invalid("the token does not say when it ends: `exp` is missing"))?;
        if !settings.any_audience {
            meant_for(&token.claims, &settings.audience)?;
        }
        let principal = settings.claims.principal(&token.claims).map_err(Unauthenticated::invalid)?;
        Ok(Proved { principal, by: Proof::Issuer(index, generation), until })
    }
}

impl Issuer {
    fn open(key: String, settings: &Settings, outbound: &Outbound) -> Result<Self, Faulty> {
        let place = match (&settings.jwks_url, &settings.issuer) {
            (Some(url), _) => {
                let address = outbound.address(url).map_err(|wrong| Faulty(format!("`{key}.jwks_url`: {wrong}")))?;
                Some(Place::Set(address))
            }
            (None, Some(issuer)) if settings.discover => Some(Place::discovery(issuer, |text| outbound.address(text))?),
            (None, _) => None,
        };
        let source = if let Some(place) = place {
            Source::Remote(Box::new(Remote::new(place, settings.times(), outbound.clone())))
        } else {
            let keys = settings.read(&key)?.unwrap_or_default();
            Source::Local(RwLock::new(Current { keys: Arc::new(keys), generation: Generation::default() }))
        };
        Ok(Self { key, settings: settings.clone(), source })
    }

    async fn current(&self, now: DateTime<Utc>) -> Result<Current, NoKeys> {
        match &self.source {
            Source::Local(current) => Ok(current.read().unwrap_or_else(PoisonError::into_inner).clone()),
            Source::Remote(remote) => remote.current(now).await,
        }
    }

    /// Sees whether the issuer signed a token, and with which keys.
    async fn verify(&self, token: &Token<'_>, now: DateTime<Utc>) -> Result<Generation, Unauthenticated> {
        let current = self.current(now).await.map_err(|NoKeys| {
            Unauthenticated::unavailable(
                "the token cannot be verified at the moment: its issuer's keys are out of reach",
            )
        })?;
        let verify = |keys: &Keys| keys.verify(token.key.as_deref(), token.algorithm, token.message, token.signature);
        let (verified, generation) = match (verify(&current.keys), &self.source) {
            (Err(Unverified::UnknownKey), Source::Remote(remote)) => {
                match remote.after(current.generation, now).await {
                    Some(newer) => (verify(&newer.keys), newer.generation),
                    None => (Err(Unverified::UnknownKey), current.generation),
                }
            }
            (verified, Source::Local(_) | Source::Remote(_)) => (verified, current.generation),
        };
        match verified {
            Ok(()) => Ok(generation),
            Err(Unverified::UnknownKey) => {
                Err(Unauthenticated::invalid("the token is signed with a key that is not known here"))
            }
            Err(Unverified::WrongAlgorithm) => {
                Err(Unauthenticated::invalid("the token's algorithm is not that of its key"))
            }
            Err(Unverified::BadSignature) => Err(Unauthenticated::invalid("the token's signature does not hold")),
        }
    }
}

impl Settings {
    fn times(&self) -> Times {
        Times {
            refresh: TimeDelta::seconds(self.refresh_seconds.into()),
            refetch: TimeDelta::seconds(self.refetch_seconds.into()),
            stale: TimeDelta::seconds(self.stale_seconds.into()),
        }
    }

    /// Says what cannot be in the files that are named here.
    pub(super) fn check(&self, key: &str) -> Result<(), Faulty> {
        self.read(key).map(|_| ())
    }

    /// The keys in files, if that is where they are.
    fn read(&self, key: &str) -> Result<Option<Keys>, Faulty> {
        let file = |name: &str, file: &Path| {
            fs::read(file).map_err(|error| Faulty(format!("`{key}.{name}`: cannot read `{}`: {error}", file.display())))
        };
        if let Some(source) = &self.secret {
            return Ok(Some(Keys::of_secret(&source.read(&format!("{key}.secret"), LEAST_SECRET)?)));
        }
        if let Some(pem) = &self.pem {
            let keys = Keys::of_pem(&file("pem", pem)?).map_err(|wrong| Faulty(format!("`{key}.pem`: {wrong}")))?;
            return Ok(Some(keys));
        }
        if let Some(set) = &self.jwks {
            let keys = Keys::of_set(&file("jwks", set)?).map_err(|wrong| Faulty(format!("`{key}.jwks`: {wrong}")))?;
            if keys.is_empty() {
                return Err(Faulty(format!(
                    "`{key}.jwks`: there is no public key of RSA, P-256 or Ed25519 for signatures"
                )));
            }
            return Ok(Some(keys));
        }
        Ok(None)
    }
}

/// Until when claims hold, if they say so (`exp`), at an instant at which they do (`nbf`, `exp`).
pub(super) fn within(
    claims: &Properties,
    leeway: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, Unauthenticated> {
    let later = |at: DateTime<Utc>| at.checked_add_signed(leeway).unwrap_or(DateTime::<Utc>::MAX_UTC);
    if instant(claims, "nbf")?.is_some_and(|start| later(now) < start) {
        return Err(Unauthenticated::invalid("the token is not valid yet"));
    }
    let until = instant(claims, "exp")?.map(later);
    if until.is_some_and(|until| until <= now) {
        return Err(Unauthenticated::expired("the token has expired"));
    }
    Ok(until)
}

/// An instant as tokens write it: seconds, also parts of them, since 1970.
fn instant(claims: &Properties, claim: &str) -> Result<Option<DateTime<Utc>>, Unauthenticated> {
    #[expect(clippy::cast_possible_truncation, reason = "a second more or less; what is too large is no instant")]
    let seconds = match claims.get(claim) {
        None => return Ok(None),
        Some(Input::Int(seconds)) => Some(*seconds),
        Some(Input::Float(seconds)) => Some(*seconds as i64),
        Some(_) => None,
    };
    let instant = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    instant
        .map(Some)
        .ok_or_else(|| Unauthenticated::invalid(format!("the claim `{claim}` must be a number of seconds")))
}

/// Sees whether claims are meant for one of these.
pub(super) fn meant_for(claims: &Properties, audience: &[String]) -> Result<(), Unauthenticated> {
    let is_one = |value: &Input| value.as_text().is_some_and(|text| audience.iter().any(|name| name == text));
    let is_meant = match claims.get("aud") {
        Some(Input::List(audience)) => audience.iter().any(is_one),
        Some(one) => is_one(one),
        None => false,
    };
    if is_meant { Ok(()) } else { Err(Unauthenticated::invalid("the token is meant for somebody else: `aud`")) }
}
