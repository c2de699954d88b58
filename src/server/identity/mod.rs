//! Who asks: from the headers of a request to a principal that is proved, or to a refusal.
//!
//! A credential that is there and does not hold is a refusal, never `anonymous`. Who has none is `anonymous`. Where no way of
//! authentication is set up at all, the service listens on loopback only, and trusts whoever reaches it: that is for
//! development, and said at the start.

mod origin;

pub(crate) use origin::Origin;

use super::settings::{Faulty, Settings as All};
use crate::request::Principal;
use ::http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Who asks, and how that is proved: `[auth]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {}

impl Settings {
    /// Whether nobody can prove who they are.
    const fn is_open(&self) -> bool {
        true
    }

    /// Makes paths relative to the settings' folder.
    pub(super) fn paths(&mut self, _below: impl Fn(&Path) -> PathBuf) {}

    pub(super) fn validate(&self, is_loopback: bool) -> Result<(), Faulty> {
        if self.is_open() && !is_loopback {
            return Err(Faulty(
                "listening beyond loopback needs a way to tell who asks: add `[auth]` to the settings".to_owned(),
            ));
        }
        Ok(())
    }
}

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
}

/// A credential that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unauthenticated {
    /// What is wrong with it, without any of its own text.
    pub(crate) message: String,
}

impl Unauthenticated {
    /// What `WWW-Authenticate` says (RFC 6750).
    pub(crate) fn challenge(&self) -> HeaderValue {
        HeaderValue::from_static("Bearer error=\"invalid_token\"")
    }
}

/// Tells who asks.
#[derive(Debug)]
pub(crate) struct Identity {
    is_open: bool,
}

impl Identity {
    #[expect(clippy::unused_async, reason = "keys may have to be fetched")]
    pub(super) async fn open(settings: &All) -> Result<Self, Faulty> {
        Ok(Self { is_open: settings.auth.is_open() })
    }

    /// What a person who starts the service should know.
    pub(super) fn remarks(&self) -> Vec<String> {
        if self.is_open {
            vec![
                "nobody has to say who they are (no `[auth]` in the settings): for development, on this machine only"
                    .to_owned(),
            ]
        } else {
            Vec::new()
        }
    }

    /// Who asks.
    ///
    /// # Errors
    /// A credential is there that does not hold.
    #[expect(clippy::unused_async, reason = "keys may have to be fetched")]
    pub(crate) async fn caller(&self, _headers: &HeaderMap, origin: Origin) -> Result<Caller, Unauthenticated> {
        Ok(Caller { principal: Principal::anonymous(), is_trusted: self.is_open, origin })
    }
}
