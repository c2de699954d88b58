//! Which signed bundle is followed, and how: `[policy.bundle]`.

use crate::{
    load::bundle::PublicKey,
    server::{
        outbound::{self, Address},
        settings::Faulty,
    },
};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use uuid::Uuid;

/// Which signed bundle is followed, and how: `[policy.bundle]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// The address that it is fetched from.
    pub url: Option<String>,
    /// The file that it is read from instead.
    pub file: Option<PathBuf>,
    /// The public key that it must be signed by: a file in PEM.
    pub key: Option<PathBuf>,
    /// The only revision that is taken; its first digits are enough.
    pub pin: Option<String>,
    /// After how many seconds the address is asked again.
    pub poll_seconds: u32,
    /// In how many seconds a bundle must have come whole.
    pub seconds: u32,
    /// How many bytes it may be.
    pub bytes: usize,
    /// Whether it may be fetched without TLS from another machine.
    pub insecure: bool,
    /// What some nodes take before the others.
    pub canary: Option<Canary>,
}

/// What some nodes take before the others: `[policy.bundle.canary]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Canary {
    /// The address that it is fetched from.
    pub url: String,
    /// How many of all nodes take it: between 0 and 1.
    pub share: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: None,
            file: None,
            key: None,
            pin: None,
            poll_seconds: 60,
            seconds: 60,
            bytes: 32 * 1024 * 1024,
            insecure: false,
            canary: None,
        }
    }
}

impl Settings {
    /// Whether a bundle is followed.
    #[must_use]
    pub const fn is_followed(&self) -> bool {
        self.url.is_some() || self.file.is_some()
    }

    /// Makes paths relative to the settings' folder.
    pub(in crate::server) fn paths(&mut self, below: impl Fn(&Path) -> PathBuf) {
        self.file = self.file.as_deref().map(&below);
        self.key = self.key.as_deref().map(&below);
    }

    pub(in crate::server) fn validate(&self, outbound: &outbound::Settings, node: Option<&str>) -> Result<(), Faulty> {
        let faulty = |text: &str| Err(Faulty(format!("`[policy.bundle]`: {text}")));
        if self.poll_seconds == 0 || self.seconds == 0 || self.bytes == 0 {
            return faulty("`poll_seconds`, `seconds` and `bytes` are at least 1");
        }
        if !self.is_followed() {
            let is_idle = self.key.is_none() && self.pin.is_none() && self.canary.is_none();
            return if is_idle { Ok(()) } else { faulty("there is neither `url` nor `file`: a key is for one bundle") };
        }
        if self.url.is_some() && self.file.is_some() {
            return faulty("a bundle has either `url` or `file`");
        }
        if self.key.is_none() {
            return faulty("`key` (`--bundle-key`) must say who signs it");
        }
        if self.pin.as_deref().is_some_and(|pin| digits(pin).is_empty()) {
            return faulty("`pin` names no revision");
        }
        if let Some(canary) = &self.canary {
            if self.url.is_none() {
                return faulty("a canary stands beside an `url`");
            }
            if !(0.0..=1.0).contains(&canary.share) {
                return faulty("`canary.share` is between 0 and 1");
            }
            if node.is_none() {
                return faulty("a canary needs a name of this node, and the machine has none: `node` says it");
            }
        }
        self.addresses(outbound).map(|_| ())
    }

    /// The address of the bundle, and that of the canary.
    pub(super) fn addresses(
        &self,
        outbound: &outbound::Settings,
    ) -> Result<(Option<Address>, Option<Address>), Faulty> {
        let address = |name: &str, text: &str| {
            let address = if self.insecure { outbound.address_without_tls(text) } else { outbound.address(text) };
            address.map_err(|wrong| Faulty(format!("`policy.bundle.{name}`: {wrong}")))
        };
        let canary = self.canary.as_ref().map(|canary| address("canary.url", &canary.url)).transpose()?;
        Ok((self.url.as_deref().map(|url| address("url", url)).transpose()?, canary))
    }

    /// The key that bundles are held against.
    pub(super) fn public_key(&self) -> Result<PublicKey, Faulty> {
        let file = self.key.as_deref().unwrap_or(Path::new(""));
        let faulty = |wrong: &str| Faulty(format!("`policy.bundle.key`: `{}`: {wrong}", file.display()));
        let text = fs::read_to_string(file).map_err(|error| faulty(&error.to_string()))?;
        PublicKey::from_pem(&text).map_err(|expected| faulty(&expected))
    }

    /// Whether a revision may be taken.
    pub(super) fn may_take(&self, revision: &str) -> bool {
        self.pin.as_deref().is_none_or(|pin| digits(revision).starts_with(digits(pin)))
    }

    /// Whether a node takes the canary.
    pub(super) fn is_canary(&self, node: Option<&str>) -> bool {
        self.canary.as_ref().zip(node).is_some_and(|(canary, node)| is_among(node, canary.share))
    }

    /// How long is waited until the address is asked again, after so many failures in a row: first a second, then twice as long
    /// each time, and never longer than usual. Many nodes that began together soon ask one by one.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        let seconds = match failures.checked_sub(1) {
            None => self.poll_seconds,
            Some(before) => 1_u32
                .checked_shl(before)
                .filter(|wait| *wait > 0)
                .map_or(self.poll_seconds, |wait| wait.min(self.poll_seconds)),
        };
        let spread = Uuid::new_v4().as_fields().0;
        Duration::from_secs(seconds.into()).mul_f64(0.8 + 0.4 * f64::from(spread) / f64::from(u32::MAX))
    }
}

/// A revision without its prefix.
fn digits(revision: &str) -> &str {
    revision.strip_prefix("sha256:").unwrap_or(revision)
}

/// Whether a node is among a share of all: always the same ones, and with a larger share only more of them.
fn is_among(node: &str, share: f64) -> bool {
    let digest = Sha256::new().chain_update("policyc canary\n").chain_update(node).finalize();
    let place = digest.first_chunk().map_or(u32::MAX, |first| u32::from_be_bytes(*first));
    f64::from(place) < share * 4_294_967_296.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn among(share: f64) -> Vec<u32> {
        (0..2_000).filter(|node| is_among(&format!("node-{node}.example"), share)).collect()
    }

    #[test]
    fn so_many_nodes_take_the_canary_and_always_the_same_ones() {
        assert!(among(0.0).is_empty());
        assert_eq!(among(1.0).len(), 2_000);
        let mut before = Vec::new();
        for (share, about) in [(0.05, 100), (0.1, 200), (0.5, 1_000), (0.9, 1_800)] {
            let among = among(share);
            assert!(among.len().abs_diff(about) < 60, "{share}: {}", among.len());
            assert!(before.iter().all(|node| among.contains(node)), "who takes it at less takes it at {share}");
            before = among;
        }
        // These must never change: it would send another part of a fleet ahead.
        let names: Vec<&str> =
            ["a", "b", "c", "d", "e", "f", "g", "h"].into_iter().filter(|node| is_among(node, 0.5)).collect();
        assert_eq!(names, ["a", "c", "g"]);
    }

    #[test]
    fn who_fails_asks_again_soon_and_then_as_usual() {
        let settings = Settings { poll_seconds: 20, ..Settings::default() };
        for (failures, seconds) in [(0, 20), (1, 1), (2, 2), (3, 4), (5, 16), (6, 20), (31, 20), (99, 20)] {
            let pause = settings.pause(failures).as_secs_f64();
            let usual = f64::from(seconds);
            assert!((0.79 * usual..1.21 * usual).contains(&pause), "{failures}: {pause}");
        }
    }

    #[test]
    fn a_pin_may_leave_out_what_is_clear() {
        let pinned = |pin: &str| Settings { pin: Some(pin.to_owned()), ..Settings::default() };
        for pin in ["sha256:12ab34", "sha256:12", "12ab"] {
            assert!(pinned(pin).may_take("sha256:12ab34"), "{pin}");
        }
        assert!(!pinned("sha256:ab").may_take("sha256:12ab34"));
        assert!(Settings::default().may_take("sha256:12ab34"));
    }
}
