//! Tokens that were found to hold, so that the next request with one need not prove it again.
//!
//! A token itself is not kept, only a keyed hash of it, whose key lives as long as the process.

use super::{jwt::Generation, secret::Secret};
use crate::{request::Principal, server::settings::Faulty};
use chrono::{DateTime, Utc};
use hmac::Mac;
use lru::LruCache;
use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A token that holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Proved {
    /// For whom it stands.
    pub(super) principal: Principal,
    /// By what that is proved.
    pub(super) by: Proof,
    /// Until when it may be believed.
    pub(super) until: DateTime<Utc>,
}

/// By what a token is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// The keys of an issuer, as they were then.
    Issuer(usize, Generation),
    /// The word of whoever issued it.
    Introspection,
}

/// The hash of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Digest([u8; 32]);

/// In how many parts the tokens are kept, each with its own lock.
const SHARDS: usize = 16;

#[derive(Debug)]
pub(super) struct Cache {
    key: Secret,
    shards: [Mutex<LruCache<Digest, Proved>>; SHARDS],
}

impl Cache {
    /// For so many tokens, about.
    pub(super) fn new(entries: usize) -> Result<Self, Faulty> {
        let each = NonZeroUsize::new(entries.div_ceil(SHARDS)).unwrap_or(NonZeroUsize::MIN);
        Ok(Self { key: Secret::random()?, shards: std::array::from_fn(|_| Mutex::new(LruCache::new(each))) })
    }

    pub(super) fn digest(&self, token: &str) -> Digest {
        Digest(self.key.keyed_hash().chain_update(token).finalize().into_bytes().into())
    }

    /// What is known of a token that may still be believed.
    pub(super) fn get(&self, digest: Digest, now: DateTime<Utc>) -> Option<Proved> {
        let mut shard = self.shard(digest)?;
        let proved = shard.get(&digest)?;
        if now < proved.until {
            return Some(proved.clone());
        }
        shard.pop(&digest);
        None
    }

    pub(super) fn put(&self, digest: Digest, proved: Proved) {
        if let Some(mut shard) = self.shard(digest) {
            shard.put(digest, proved);
        }
    }

    pub(super) fn forget(&self, digest: Digest) {
        if let Some(mut shard) = self.shard(digest) {
            shard.pop(&digest);
        }
    }

    pub(super) fn clear(&self) {
        for shard in &self.shards {
            lock(shard).clear();
        }
    }

    fn shard(&self, digest: Digest) -> Option<MutexGuard<'_, LruCache<Digest, Proved>>> {
        let [first, ..] = digest.0;
        self.shards.get(usize::from(first) % SHARDS).map(lock)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn a_token_is_known_until_its_time_and_not_by_its_text() {
        let cache = Cache::new(100).unwrap();
        let now = DateTime::UNIX_EPOCH;
        let digest = cache.digest("a token");
        assert_ne!(digest, Cache::new(1).unwrap().digest("a token"), "each process has its own key");
        let until = now + TimeDelta::seconds(10);
        let proved = Proved { principal: Principal::user("alice"), by: Proof::Introspection, until };
        cache.put(digest, proved.clone());
        assert_eq!(cache.get(digest, now), Some(proved.clone()));
        assert_eq!(cache.get(digest, until), None);
        assert_eq!(cache.get(digest, now), None, "it is forgotten then");
        cache.put(digest, proved);
        cache.clear();
        assert_eq!(cache.get(digest, now), None);
        assert!(!format!("{cache:?}").contains("a token"));
    }

    #[test]
    fn only_so_many_tokens_are_known() {
        let cache = Cache::new(SHARDS).unwrap();
        for number in 0..1_000 {
            let until = DateTime::<Utc>::MAX_UTC;
            let proved = Proved { principal: Principal::anonymous(), by: Proof::Introspection, until };
            cache.put(cache.digest(&number.to_string()), proved);
        }
        assert!(cache.shards.iter().map(|shard| lock(shard).len()).sum::<usize>() <= SHARDS);
    }
}
