//! Sessions: a credential that a browser showed once, held in memory under a name that nobody can guess.
//!
//! A session knows nothing of who somebody is: its credential is verified at each request, so that one that was revoked is
//! worth nothing here, either. Whoever looks at pages without a session has a name, too, which only ties forms to a browser.

use super::Settings;
use crate::server::{identity::Secret, settings::Faulty};
use ::http::HeaderValue;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac};
use lru::LruCache;
use sha2::Sha256;
use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};
use uuid::Uuid;

/// All sessions.
pub(super) struct Sessions {
    held: Mutex<LruCache<String, Session>>,
    /// What tokens of forms are made with, until the service ends.
    key: Hmac<Sha256>,
    time: TimeDelta,
    pub(super) seconds: u32,
}

struct Session {
    /// As `Authorization` says it.
    credential: HeaderValue,
    until: DateTime<Utc>,
}

impl Sessions {
    pub(super) fn open(settings: &Settings) -> Result<Self, Faulty> {
        let most = NonZeroUsize::new(settings.sessions)
            .ok_or_else(|| Faulty("`web.sessions` must be at least 1".to_owned()))?;
        Ok(Self {
            held: Mutex::new(LruCache::new(most)),
            key: Secret::random()?.keyed_hash(),
            time: TimeDelta::seconds(settings.session_seconds.into()),
            seconds: settings.session_seconds,
        })
    }

    /// A name that nobody can guess.
    pub(super) fn name() -> String {
        Uuid::new_v4().simple().to_string()
    }

    /// Begins a session, and gives its name.
    pub(super) fn begin(&self, credential: HeaderValue, now: DateTime<Utc>) -> String {
        let name = Self::name();
        let until = now.checked_add_signed(self.time).unwrap_or(now);
        self.lock().put(name.clone(), Session { credential, until });
        name
    }

    /// The credential of a session that has not ended.
    pub(super) fn credential(&self, name: &str, now: DateTime<Utc>) -> Option<HeaderValue> {
        let mut held = self.lock();
        let session = held.get(name)?;
        if session.until > now {
            return Some(session.credential.clone());
        }
        held.pop(name);
        None
    }

    pub(super) fn end(&self, name: &str) {
        self.lock().pop(name);
    }

    /// What forms say that were made for a session, or for a browser without one.
    pub(super) fn token(&self, name: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.keyed(name).finalize().into_bytes())
    }

    /// Whether a form was made for it.
    pub(super) fn is_token(&self, name: &str, token: &str) -> bool {
        URL_SAFE_NO_PAD.decode(token).is_ok_and(|token| self.keyed(name).verify_slice(&token).is_ok())
    }

    fn keyed(&self, name: &str) -> Hmac<Sha256> {
        let mut keyed = self.key.clone();
        keyed.update(name.as_bytes());
        keyed
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<String, Session>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(most: usize) -> Sessions {
        Sessions::open(&Settings { sessions: most, session_seconds: 60, ..Settings::default() }).unwrap()
    }

    #[test]
    fn a_session_ends() {
        let (sessions, now) = (sessions(2), DateTime::UNIX_EPOCH);
        let credential = || HeaderValue::from_static("Bearer a");
        let first = sessions.begin(credential(), now);
        assert!(sessions.credential(&first, now).is_some());
        assert!(sessions.credential(&first, now + TimeDelta::seconds(60)).is_none(), "by time");
        let second = sessions.begin(credential(), now);
        sessions.end(&second);
        assert!(sessions.credential(&second, now).is_none(), "by its owner");
        let old = sessions.begin(credential(), now);
        let new = [sessions.begin(credential(), now), sessions.begin(credential(), now)];
        assert!(sessions.credential(&old, now).is_none(), "by newer ones");
        assert!(new.iter().all(|name| sessions.credential(name, now).is_some()));
    }

    #[test]
    fn a_token_is_for_one_session() {
        let sessions = sessions(1);
        let token = sessions.token("a");
        assert!(sessions.is_token("a", &token));
        for (name, token) in [("b", token.as_str()), ("a", ""), ("a", "?"), ("a", "AAAA")] {
            assert!(!sessions.is_token(name, token));
        }
    }
}
