//! A policy set from a signed bundle, at an address that is asked again and again, or in a file.
//!
//! In go the bytes of bundles, out comes the set that decides. A bundle is taken only if the key signed it, its counter is
//! higher than that of every bundle before ([`taken`]), a pin allows its revision, and its texts pass as files must. Whatever
//! is refused changes nothing, and is said once. Some nodes take what stands at a second address, the canary, if it is newer.

mod follow;
mod settings;
mod source;
mod taken;

pub(in crate::server) use follow::follow;
pub(super) use settings::Settings;

use super::{proving, revisions::Revisions};
use crate::{
    engine::{Engine, LoadError},
    load::bundle::{self, BadBundle, BundleError, Offer, PublicKey},
    server::{Settings as All, app::Failure, gateway, outbound::Outbound, settings::Faulty},
};
use ::http::StatusCode;
use bytes::Bytes;
use source::Source;
use std::{
    fmt, fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use taken::Taken;

/// The bundle that is followed.
pub(super) struct Followed {
    settings: Settings,
    key: PublicKey,
    outbound: Outbound,
    /// What a set must know.
    gateway: gateway::Settings,
    /// What this node is called, and whether it takes the canary.
    node: Option<String>,
    is_canary: bool,
    /// Where it is. Held by whoever asks, so that there is one question at a time.
    sources: tokio::sync::Mutex<Vec<Source>>,
    taken: Mutex<Taken>,
    /// What is wrong with the sources.
    faults: Mutex<Vec<String>>,
}

/// A bundle that came.
pub(crate) struct Offered {
    /// From which source.
    from: usize,
    bytes: Bytes,
    read: Result<Offer, BadBundle>,
}

/// Why a bundle is not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Nothing came from a place: why.
    Silent(String, String),
    /// Nobody counted it.
    Uncounted,
    /// It is older than what was taken before.
    Older { offered: u64, last: u64 },
    /// It has the counter of another set.
    Twice { counter: u64, offered: Arc<str>, last: Arc<str> },
    /// Its revision is not the only one that may be taken.
    NotPinned { offered: Arc<str>, pin: Arc<str> },
    /// The settings do not go with it.
    Unsuited(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent(name, why) => write!(f, "no bundle came from `{name}`: {why}"),
            Self::Uncounted => f.write_str("the bundle has no counter: build it anew with `policyc build --counter`"),
            Self::Older { offered, last } => {
                write!(f, "the bundle's counter is {offered}, and one with {last} was taken before")
            }
            Self::Twice { counter, offered, last } => {
                write!(f, "the bundle is {offered} and its counter {counter}, which is that of {last}")
            }
            Self::NotPinned { offered, pin } => {
                write!(f, "revision {offered} is offered, and the settings pin {pin}")
            }
            Self::Unsuited(why) => f.write_str(why),
        }
    }
}

impl Refused {
    pub(in crate::server::policy) const fn status(&self) -> StatusCode {
        match self {
            Self::Silent(..) => StatusCode::BAD_GATEWAY,
            Self::Uncounted | Self::Older { .. } | Self::Twice { .. } | Self::NotPinned { .. } | Self::Unsuited(_) => {
                StatusCode::CONFLICT
            }
        }
    }
}

/// The set of a bundle in a file, as the service would take it at its first start; none where it is at an address.
///
/// # Errors
/// It would not be taken.
pub(in crate::server) fn checked(settings: &Settings) -> Result<Option<Engine>, Failure> {
    let key = settings.public_key().map_err(Failure::Settings)?;
    let Some(file) = &settings.file else { return Ok(None) };
    let unusable = |error| Failure::Policies(Box::new(error));
    let read = fs::read(file).map_err(BundleError::Unreadable).and_then(|bytes| bundle::read(&bytes, Some(&key)));
    let bad = |error| unusable(LoadError::Bundle(BadBundle { path: file.clone(), error }));
    let offer = read.map_err(bad)?;
    let judged = Taken::default().judge(&offer, settings);
    judged.map_err(|refused| Failure::Settings(Faulty(refused.to_string())))?;
    proving().of_loader(offer.loader).map(Some).map_err(unusable)
}

impl Followed {
    /// The bundle that the settings name, and what was taken of it before the last start.
    pub(super) fn open(all: &All, outbound: &Outbound) -> Result<Option<(Self, Option<Offer>)>, Faulty> {
        let settings = &all.policy.bundle;
        if !settings.is_followed() {
            return Ok(None);
        }
        let key = settings.public_key()?;
        let node = all.node();
        let (address, canary) = settings.addresses(&all.outbound)?;
        let file = settings.file.clone().map(Source::file);
        let is_canary = settings.is_canary(node.as_deref());
        let canary = canary.filter(|_| is_canary).map(|canary| Source::address(canary, true));
        let sources = address.map(|address| Source::address(address, false)).into_iter().chain(file).chain(canary);
        let state = (!all.is_in_memory()).then_some(all.state.as_path());
        let (taken, offer) = Taken::open(state, &key)?;
        let followed = Self {
            settings: settings.clone(),
            key,
            outbound: outbound.clone(),
            gateway: all.gateway.clone(),
            node,
            is_canary,
            sources: tokio::sync::Mutex::new(sources.collect()),
            taken: Mutex::new(taken),
            faults: Mutex::default(),
        };
        Ok(Some((followed, offer)))
    }

    /// The set that decides at the start, of what was taken before: none if the settings pin another, or it cannot be used.
    pub(super) fn first(&self, offer: Option<Offer>, revisions: &Revisions) -> Option<Engine> {
        let usable = |loaded: Result<Option<Engine>, LoadError>| {
            loaded.inspect_err(|error| tracing::error!(%error, "the bundle that was taken last cannot be used")).ok()
        };
        if let Some(offer) = offer.filter(|offer| self.settings.may_take(&offer.revision)) {
            let engine = usable(proving().of_loader(offer.loader).map(Some))??;
            self.taken().runs = true;
            return Some(engine);
        }
        // What is pinned has decided here before.
        let pinned = revisions.named(self.settings.pin.as_deref()?)?;
        usable(revisions.find(&pinned, proving()))?
    }

    /// It is not what decides any more.
    pub(super) fn set_aside(&self) {
        self.taken().runs = false;
    }

    /// The counter of what decides, if that is a bundle.
    fn counter(&self) -> Option<u64> {
        let taken = self.taken();
        taken.counter().filter(|_| taken.runs)
    }

    /// Takes what comes next for something new.
    pub(super) async fn forget(&self) {
        self.sources.lock().await.iter_mut().for_each(Source::forget);
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, Vec<String>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, from: usize, name: &str, bytes: Bytes) -> Offered {
        let read = bundle::read(&bytes, Some(&self.key));
        let read = read.map_err(|error| BadBundle { path: PathBuf::from(name), error });
        Offered { from, bytes, read }
    }
}

impl Offered {
    /// Its counter; a bundle that cannot be read is none, and is looked at first.
    fn counter(&self) -> u64 {
        self.read.as_ref().map_or(u64::MAX, |offer| offer.counter)
    }
}
