//! Where an issuer's keys come from, and when they are fetched again.
//!
//! Keys that are fetched are used for a while, then fetched again; also when a token names a key that is not among them, but
//! only so often, or anybody could have them fetched without end. While the issuer is out of reach the old ones are used, for a
//! while. Of requests that come together, one fetches.

use super::{Generation, keys::Keys};
use crate::{
    request::Input,
    server::{
        outbound::{Address, Outbound},
        settings::Faulty,
    },
    wire::json,
};
use ::http::StatusCode;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::Mutex;

/// Keys, and which these are.
#[derive(Debug, Clone)]
pub(super) struct Current {
    pub(super) keys: Arc<Keys>,
    pub(super) generation: Generation,
}

/// There are no keys that may be used, and their place is out of reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoKeys;

/// Where keys are fetched from.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// A key set.
    Set(Address),
    /// The description of an issuer, which says where its key set is (OpenID Connect Discovery).
    Discovery { issuer: String, address: Address },
}

/// How long fetched keys are used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// When they are fetched again.
    pub(super) refresh: TimeDelta,
    /// How long they are not fetched after an attempt.
    pub(super) refetch: TimeDelta,
    /// How long they are used while they cannot be fetched.
    pub(super) stale: TimeDelta,
}

/// Keys that are fetched.
#[derive(Debug)]
pub(super) struct Remote {
    place: Place,
    times: Times,
    outbound: Outbound,
    known: RwLock<Known>,
    /// Held by who fetches.
    turn: Mutex<()>,
}

/// What is known of the keys.
#[derive(Debug, Clone, Default)]
struct Known {
    keys: Arc<Keys>,
    /// The text that the keys were read from: the same text, the same keys.
    text: Bytes,
    generation: Generation,
    fetched: Option<DateTime<Utc>>,
    tried: Option<DateTime<Utc>>,
}

impl Remote {
    pub(super) fn new(place: Place, times: Times, outbound: Outbound) -> Self {
        Self { place, times, outbound, known: RwLock::default(), turn: Mutex::new(()) }
    }

    /// The keys to use now.
    ///
    /// # Errors
    /// There are none, or they are too old.
    pub(super) async fn current(&self, now: DateTime<Utc>) -> Result<Current, NoKeys> {
        let is_due = |known: &Known| known.fetched.is_none_or(|at| is_past(at, self.times.refresh, now));
        let known = self.known();
        if !is_due(&known) {
            return Ok(known.current());
        }
        let is_usable = |known: &Known| known.fetched.is_some_and(|at| !is_past(at, self.times.stale, now));
        // Who has keys that will do does not wait for another's turn.
        let turn = if is_usable(&known) { self.turn.try_lock().ok() } else { Some(self.turn.lock().await) };
        if turn.is_some() && is_due(&self.known()) {
            self.fetch(now).await;
        }
        let known = self.known();
        if is_usable(&known) { Ok(known.current()) } else { Err(NoKeys) }
    }

    /// Other keys than those of a generation, if there are any: a token names one that is not among these.
    pub(super) async fn after(&self, generation: Generation, now: DateTime<Utc>) -> Option<Current> {
        let _turn = self.turn.lock().await;
        if self.known().generation == generation {
            self.fetch(now).await;
        }
        let known = self.known();
        (known.generation != generation).then(|| known.current())
    }

    /// Fetches the keys, unless that was tried just now. What cannot be read changes nothing.
    async fn fetch(&self, now: DateTime<Utc>) {
        if self.known().tried.is_some_and(|at| !is_past(at, self.times.refetch, now)) {
            return;
        }
        self.change(|known| known.tried = Some(now));
        match self.ask().await {
            Ok((text, keys)) => self.change(|known| {
                known.fetched = Some(now);
                if known.text != text {
                    known.generation = known.generation.next();
                    known.text = text;
                    known.keys = Arc::new(keys);
                }
            }),
            Err(wrong) => tracing::warn!("the keys of an issuer were not fetched: {wrong}"),
        }
    }

    async fn ask(&self) -> Result<(Bytes, Keys), String> {
        let text = match &self.place {
            Place::Set(address) => self.get(address).await?,
            Place::Discovery { issuer, address } => {
                let set = key_set_of(&self.get(address).await?, issuer)?;
                self.get(&self.outbound.address(&set)?).await?
            }
        };
        let keys = Keys::of_set(&text)?;
        Ok((text, keys))
    }

    async fn get(&self, address: &Address) -> Result<Bytes, String> {
        let answer = self.outbound.send(self.outbound.get(address)).await.map_err(|error| error.to_string())?;
        if answer.status == StatusCode::OK { Ok(answer.body) } else { Err(format!("the status is {}", answer.status)) }
    }

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Known {
    fn current(&self) -> Current {
        Current { keys: self.keys.clone(), generation: self.generation }
    }
}

/// Whether a time has passed since an instant. A clock that was put back has not passed it.
fn is_past(at: DateTime<Utc>, time: TimeDelta, now: DateTime<Utc>) -> bool {
    now.signed_duration_since(at) >= time
}

/// Where the description of an issuer says that its keys are.
fn key_set_of(description: &[u8], issuer: &str) -> Result<String, String> {
    let Ok(Input::Object(mut description)) = json::read(description) else {
        return Err("the issuer's description is no object in JSON".to_owned());
    };
    if description.get("issuer") != Some(&Input::Text(issuer.to_owned())) {
        return Err("the description is of another issuer".to_owned());
    }
    match description.remove("jwks_uri") {
        Some(Input::Text(set)) => Ok(set),
        Some(_) | None => Err("the issuer's description has no `jwks_uri`".to_owned()),
    }
}

impl Place {
    /// Where an issuer describes itself.
    pub(super) fn discovery(issuer: &str, address: impl Fn(&str) -> Result<Address, String>) -> Result<Self, Faulty> {
        let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let address = address(&place).map_err(Faulty)?;
        Ok(Self::Discovery { issuer: issuer.to_owned(), address })
    }
}
