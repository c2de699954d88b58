//! Records as they are written: one line of JSON each, made on the thread of the decision.
//!
//! A record holds the request and the decision in the shapes they have everywhere, so that the log can be decided anew. What a
//! request says that the vocabulary does not know had no say in the decision, and may be anything, a password among them: it
//! is left out, and only where it stood is kept (`ignored`).

use super::digits::{address, instant};
use crate::{
    decision::Decision,
    load::hex,
    request::{Input, Principal, Properties, Request},
    server::{
        decide::Surface,
        identity::{Caller, Origin, Unauthenticated},
        managed::Changed,
    },
    wire::{
        self,
        plain::{Plain, places::Seen},
        write::{Members, other},
    },
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::{borrow::Cow, sync::Arc};

/// What happened, and when and where.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    time: DateTime<Utc>,
    origin: Option<(&'a Origin, Surface)>,
    event: Event<'a>,
}

#[derive(Debug)]
enum Event<'a> {
    Decision { caller: &'a Principal, asked: Asked<'a>, answer: Answer<'a> },
    List { caller: &'a Principal, request: &'a Request, count: usize, digest: String, revision: &'a str },
    Change { caller: &'a Principal, changed: &'a Changed },
    Unauthenticated(&'a Unauthenticated),
    Alert(&'a Raised),
    Retention { count: i64, through: i64 },
}

/// A request that was decided.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked<'a> {
    AtLength(&'a Request),
    /// As it stands in a text, and what the service sees of it.
    Plain(&'a Plain, &'a str, Seen),
}

/// What was decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) decision: &'a Decision,
    /// As [`wire::decision::write`] writes it, where that was done already.
    pub(crate) written: Option<&'a [u8]>,
}

impl<'a> From<&'a Decision> for Answer<'a> {
    fn from(decision: &'a Decision) -> Self {
        Self { decision, written: None }
    }
}

/// An alert that was raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Raised {
    /// The alert's name.
    pub(crate) alert: String,
    /// How many records there were in its window.
    pub(crate) count: u32,
    /// How long that is, in seconds.
    pub(crate) seconds: u32,
    /// Whose records were counted, where they are counted apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<String>,
}

/// A digest of what was listed: SHA-256 of the names, each with a line break behind it.
fn digest(names: &[String]) -> String {
    let hash = names.iter().fold(Sha256::new(), |hash, name| hash.chain_update(name).chain_update("\n"));
    format!("sha256:{}", hex(&hash.finalize()))
}

impl<'a> Record<'a> {
    /// A request that was decided.
    pub(crate) const fn of(
        now: DateTime<Utc>,
        caller: &'a Caller,
        surface: Surface,
        asked: Asked<'a>,
        answer: Answer<'a>,
    ) -> Self {
        let event = Event::Decision { caller: &caller.principal, asked, answer };
        Self { time: now, origin: Some((&caller.origin, surface)), event }
    }

    /// A list that was answered. The request is what was asked, with its open part as it was asked for.
    pub(crate) fn list(
        now: DateTime<Utc>,
        caller: &'a Caller,
        surface: Surface,
        asked: &'a Request,
        found: &[String],
        revision: &'a str,
    ) -> Self {
        let (count, digest) = (found.len(), digest(found));
        let event = Event::List { caller: &caller.principal, request: asked, count, digest, revision };
        Self { time: now, origin: Some((&caller.origin, surface)), event }
    }

    /// A managed document that was changed.
    pub(crate) const fn change(now: DateTime<Utc>, caller: &'a Caller, surface: Surface, changed: &'a Changed) -> Self {
        let event = Event::Change { caller: &caller.principal, changed };
        Self { time: now, origin: Some((&caller.origin, surface)), event }
    }

    /// A credential that does not hold.
    pub(crate) const fn unauthenticated(
        now: DateTime<Utc>,
        origin: &'a Origin,
        surface: Surface,
        error: &'a Unauthenticated,
    ) -> Self {
        Self { time: now, origin: Some((origin, surface)), event: Event::Unauthenticated(error) }
    }

    /// An alert that the log itself raised.
    pub(super) const fn alert(now: DateTime<Utc>, raised: &'a Raised) -> Self {
        Self { time: now, origin: None, event: Event::Alert(raised) }
    }

    /// So many records were removed because they were old, up to this one.
    pub(super) const fn retention(now: DateTime<Utc>, count: i64, through: i64) -> Self {
        Self { time: now, origin: None, event: Event::Retention { count, through } }
    }

    /// Writes it as it is kept: without a line break inside or behind it.
    pub(super) fn encode(&self, out: &mut Vec<u8>) -> Kept {
        let mut members = Members::open(out);
        instant(members.member("time"), self.time);
        members.quoted("event", self.event.name());
        if let Some((origin, surface)) = self.origin {
            members.text("id", origin.id.as_str());
            members.quoted("surface", surface.name());
            address(members.member("ip"), origin.client);
        }
        let outcome = self.event.write(&mut members);
        members.close();
        Kept { time: self.time.timestamp_micros(), outcome }
    }
}

/// What is known of a record that is kept without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// When, in microseconds since 1970: what it says itself, too.
    pub(super) time: i64,
    /// What it counts as in the tally: a denial by its code, an allow by an empty one; none of what decides nothing.
    pub(super) outcome: Option<Arc<str>>,
}

impl Event<'_> {
    const fn name(&self) -> &'static str {
        match self {
            Self::Decision { .. } => "decision",
            Self::List { .. } => "list",
            Self::Change { .. } => "change",
            Self::Unauthenticated(_) => "unauthenticated",
            Self::Alert(_) => "alert",
            Self::Retention { .. } => "retention",
        }
    }

    /// Writes what happened, and gives what it counts as.
    fn write(&self, members: &mut Members<'_>) -> Option<Arc<str>> {
        match self {
            Self::Decision { caller, asked, answer: Answer { decision, written } } => {
                asked.write(caller, decision, members);
                let out = members.member("answer");
                match written {
                    Some(written) => out.extend_from_slice(written),
                    None => wire::decision::write(decision, out),
                }
                return Some(decision.denial().map_or_else(Arc::default, |denial| denial.code.clone()));
            }
            Self::List { caller, request, count, digest, revision } => {
                write_caller(caller, (&request.principal.kind, request.principal.id.as_deref()), members);
                wire::request::write(request, members.member("request"));
                members.number("count", u64::try_from(*count).unwrap_or(u64::MAX));
                members.text("digest", &**digest);
                members.text("revision", *revision);
            }
            Self::Change { caller, changed } => {
                write_who((&caller.kind, caller.id.as_deref()), members);
                write_change(changed, members.object("change"));
            }
            Self::Unauthenticated(error) => members.text("message", &*error.message),
            Self::Alert(raised) => other(members.member("raised"), raised),
            Self::Retention { count, through } => {
                members.number("count", count.unsigned_abs());
                members.number("through", through.unsigned_abs());
            }
        }
        None
    }
}

impl Asked<'_> {
    /// Writes who asks, if it is on behalf of another, and what.
    fn write(&self, caller: &Principal, decision: &Decision, members: &mut Members<'_>) {
        match self {
            Self::AtLength(request) => {
                write_caller(caller, (&request.principal.kind, request.principal.id.as_deref()), members);
                wire::request::write(&known(request, &decision.ignored), members.member("request"));
            }
            Self::Plain(said, text, seen) => {
                write_caller(caller, said.subject(text), members);
                said.write(text, seen, members.member("request"));
            }
        }
    }
}

/// Writes who asks on behalf of another.
fn write_caller(caller: &Principal, subject: (&str, Option<&str>), members: &mut Members<'_>) {
    let caller = (&*caller.kind, caller.id.as_deref());
    if caller != subject {
        write_who(caller, members);
    }
}

fn write_who((kind, id): (&str, Option<&str>), members: &mut Members<'_>) {
    let mut who = members.object("caller");
    who.text("type", kind);
    who.text("id", id);
    who.close();
}

/// Writes a managed document, as it was and as it is.
fn write_change(changed: &Changed, mut change: Members<'_>) {
    let Changed { key, before, after } = changed;
    change.text("kind", key.kind.name());
    change.text("of", &*key.of);
    change.text("part", Some(&*key.part).filter(|part| !part.is_empty()));
    change.number("version", after.as_ref().map(|document| document.version.into()));
    for (name, document) in [("before", before), ("after", after)] {
        other(change.member(name), &document.as_ref().map(|document| document.body.told()));
    }
    change.close();
}

/// A request without what these pointers lead to.
fn known<'a>(request: &'a Request, ignored: &[String]) -> Cow<'a, Request> {
    if ignored.is_empty() {
        return Cow::Borrowed(request);
    }
    let mut request = request.clone();
    for pointer in ignored {
        let names: Vec<String> =
            pointer.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        match names.as_slice() {
            ["subject", "properties", rest @ ..] => remove(&mut request.principal.properties, rest),
            ["action", "properties", rest @ ..] => remove(&mut request.action_properties, rest),
            ["resource", "properties", rest @ ..] => remove(&mut request.resource.properties, rest),
            ["context", rest @ ..] => remove(&mut request.context, rest),
            _ => {}
        }
    }
    Cow::Owned(request)
}

/// Takes out what names lead to; a member may also be called by several names with dots between them.
fn remove(properties: &mut Properties, names: &[&str]) {
    properties.remove(&names.join("."));
    for split in 1..names.len() {
        let Some((first, rest)) = names.split_at_checked(split) else { return };
        if let Some(Input::Object(inner)) = properties.get_mut(&first.join(".")) {
            remove(inner, rest);
        }
    }
}
