//! Alerts: so many records of a kind within a time, and somebody is told.
//!
//! Counts are kept in sixteenths of the window, and for the keys that were seen last: what is remembered does not grow with
//! the number of records, nor with that of principals.

use super::{record::Raised, told::Told};
use crate::server::{outbound, settings::Faulty};
use lru::LruCache;
use serde::{Deserialize, Deserializer, de::Error};
use std::{collections::VecDeque, num::NonZeroUsize};

/// Into how many parts a window is cut.
const PARTS: i64 = 16;
/// For how many keys an alert counts at a time.
const KEYS: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();
/// What records without the key are counted under.
const NOBODY: &str = "";

/// One alert: `[[audit.alert]]`. What it does not say, any record has.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// How it is called.
    pub name: String,
    /// Of which records it counts those: `decision`, `list`, `unauthenticated`.
    pub event: Option<String>,
    /// Those with this verdict.
    pub decision: Option<Verdict>,
    /// Those with this code.
    pub code: Option<String>,
    /// Those of this action.
    pub action: Option<String>,
    /// Those of this resource.
    pub resource: Option<String>,
    /// How many records raise it.
    pub count: u32,
    /// Within which time: `30s`, `5m`, `1h`, `1d`.
    pub window: Window,
    /// What is counted apart.
    pub by: Option<By>,
    /// Where it is reported, by `POST` of a JSON object.
    pub webhook: Option<String>,
}

/// Allow or deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The request was allowed.
    Allow,
    /// The request was denied.
    Deny,
}

/// What is counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Each principal.
    Principal,
    /// Each address.
    Ip,
    /// Each resource.
    Resource,
}

/// A length of time, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window(u32);

impl Window {
    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let unit: u32 = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        let seconds = number.parse::<u32>().ok()?.checked_mul(unit)?;
        (seconds > 0).then_some(Self(seconds))
    }

    /// One of its parts, in microseconds.
    fn part(self) -> i64 {
        i64::from(self.0).saturating_mul(1_000_000 / PARTS)
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("expected a time such as `5m`, found `{text}`")))
    }
}

impl Settings {
    pub(super) fn validate(&self, outbound: &outbound::Settings) -> Result<(), Faulty> {
        let faulty = |text: String| Err(Faulty(format!("`[[audit.alert]]` `{}`: {text}", self.name)));
        if self.count == 0 {
            return faulty("`count` is at least 1".to_owned());
        }
        if let Some(event) =
            self.event.as_ref().filter(|event| !["decision", "list", "unauthenticated"].contains(&&***event))
        {
            return faulty(format!("`event` is `decision`, `list` or `unauthenticated`, not `{event}`"));
        }
        match &self.webhook {
            Some(url) => outbound.address(url).map(drop).or_else(faulty),
            None => Ok(()),
        }
    }

    fn counts(&self, told: &Told) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
        let verdict = self.decision.is_none_or(|verdict| told.verdict() == Some(verdict == Verdict::Allow));
        verdict
            && is(&self.event, Some(&told.event))
            && is(&self.code, told.code())
            && is(&self.action, told.action())
            && is(&self.resource, told.resource())
    }

    fn key(&self, told: &Told) -> Option<String> {
        match self.by? {
            By::Principal => told.principal(),
            By::Ip => told.ip.clone(),
            By::Resource => told.resource().map(str::to_owned),
        }
    }
}

/// An alert, and what it has counted.
#[derive(Debug)]
pub(super) struct Watch {
    settings: Settings,
    counts: LruCache<String, Count>,
}

/// How many records there were lately.
#[derive(Debug, Default)]
struct Count {
    /// By parts of the window since 1970, in their order; only those that had some.
    parts: VecDeque<(i64, u32)>,
    /// Nothing is raised before this part: it was already.
    quiet: i64,
}

impl Watch {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, counts: LruCache::new(KEYS) }
    }

    /// Where it is reported.
    pub(super) fn webhook(&self) -> Option<&str> {
        self.settings.webhook.as_deref()
    }

    /// Looks at a record that was made at an instant (microseconds since 1970). Who has raised the alert raises it again after
    /// a whole window at the earliest.
    pub(super) fn see(&mut self, time: i64, told: &Told) -> Option<Raised> {
        if !self.settings.counts(told) {
            return None;
        }
        let part = time.checked_div(self.settings.window.part())?;
        let by = self.settings.key(told);
        let count = self.counts.get_or_insert_mut_ref(by.as_deref().unwrap_or(NOBODY), Count::default);
        let sum = count.add(part);
        if sum < self.settings.count || part < count.quiet {
            return None;
        }
        count.quiet = part.saturating_add(PARTS);
        Some(Raised { alert: self.settings.name.clone(), count: sum, seconds: self.settings.window.0, by })
    }
}

impl Count {
    /// Counts one more, and gives how many there are in the window that ends with it.
    fn add(&mut self, part: i64) -> u32 {
        match self.parts.back_mut() {
            // A clock that was set back counts on where it was.
            Some((last, count)) if *last >= part => *count = count.saturating_add(1),
            Some(_) | None => self.parts.push_back((part, 1)),
        }
        let first = part.saturating_sub(PARTS);
        while self.parts.front().is_some_and(|(old, _)| *old <= first) {
            self.parts.pop_front();
        }
        self.parts.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}
