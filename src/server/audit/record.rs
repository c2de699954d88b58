//! Records as they are written: one line of JSON each, made on the thread of the decision.
//!
//! A record holds the request and the decision in the shapes they have everywhere, so that the log can be decided anew. What a
//! request says that the vocabulary does not know had no say in the decision, and may be anything, a password among them: it
//! is left out, and only where it stood is kept (`ignored`).

use crate::{
    decision::Decision,
    load::hex,
    request::{Input, Principal, Properties, Request},
    server::{
        decide::Surface,
        identity::{Caller, Origin, Unauthenticated},
        managed::Changed,
    },
    wire,
};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{borrow::Cow, net::IpAddr, sync::Arc};

/// How much room a record usually needs.
const USUAL: usize = 1024;

/// What happened, and when and where.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    time: DateTime<Utc>,
    origin: Option<(&'a Origin, Surface)>,
    event: Event<'a>,
}

#[derive(Debug)]
enum Event<'a> {
    Decision { caller: &'a Principal, request: &'a Request, decision: &'a Decision },
    List { caller: &'a Principal, request: &'a Request, count: usize, digest: String, revision: &'a str },
    Change { caller: &'a Principal, changed: &'a Changed },
    Unauthenticated(&'a Unauthenticated),
    Alert(&'a Raised),
    Retention { count: i64, through: i64 },
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
        request: &'a Request,
        decision: &'a Decision,
    ) -> Self {
        let event = Event::Decision { caller: &caller.principal, request, decision };
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

    /// As it is kept.
    pub(super) fn encode(&self) -> Encoded {
        let mut body = Vec::with_capacity(USUAL);
        // Nothing here can fail to be written to memory.
        let _ = serde_json::to_writer(&mut body, &self.view());
        let outcome = match &self.event {
            Event::Decision { decision, .. } => {
                Some(decision.denial().map_or_else(Arc::default, |denial| denial.code.clone()))
            }
            Event::List { .. }
            | Event::Unauthenticated(_)
            | Event::Change { .. }
            | Event::Alert(_)
            | Event::Retention { .. } => None,
        };
        Encoded { time: self.time.timestamp_micros(), body: String::from_utf8(body).unwrap_or_default(), outcome }
    }

    fn view(&self) -> View<'_> {
        let mut view = View {
            time: Instant(self.time),
            event: self.event.name(),
            id: self.origin.map(|(origin, _)| origin.id.as_str()),
            surface: self.origin.map(|(_, surface)| surface.name()),
            ip: self.origin.map(|(origin, _)| origin.client),
            caller: None,
            request: None,
            answer: None,
            count: None,
            digest: None,
            revision: None,
            message: None,
            change: None,
            raised: None,
            through: None,
        };
        match &self.event {
            Event::Decision { caller, request, decision } => {
                view.caller = Who::other(caller, request);
                view.request = Some(Asked(known(request, &decision.ignored)));
                view.answer = Some(Answer(decision));
            }
            Event::List { caller, request, count, digest, revision } => {
                view.caller = Who::other(caller, request);
                view.request = Some(Asked(Cow::Borrowed(request)));
                view.count = Some(i64::try_from(*count).unwrap_or(i64::MAX));
                view.digest = Some(digest);
                view.revision = Some(revision);
            }
            Event::Change { caller, changed } => {
                view.caller = Some(Who::of(caller));
                view.change = Some(Written::of(changed));
            }
            Event::Unauthenticated(error) => view.message = Some(&error.message),
            Event::Alert(raised) => view.raised = Some(raised),
            Event::Retention { count, through } => (view.count, view.through) = (Some(*count), Some(*through)),
        }
        view
    }
}

/// A record in the form that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Encoded {
    /// When, in microseconds since 1970: what it says itself, too.
    pub(super) time: i64,
    pub(super) body: String,
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
}

/// A record's members in their order. What there is nothing to say of is left out.
#[derive(Serialize)]
struct View<'a> {
    time: Instant,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    surface: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<Who<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Asked<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Answer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Written<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raised: Option<&'a Raised>,
    #[serde(skip_serializing_if = "Option::is_none")]
    through: Option<i64>,
}

struct Instant(DateTime<Utc>);

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

/// Whoever asks on behalf of another.
#[derive(Serialize)]
struct Who<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
}

impl<'a> Who<'a> {
    fn other(caller: &'a Principal, request: &Request) -> Option<Self> {
        let subject = &request.principal;
        let is_same = caller.kind == subject.kind && caller.id == subject.id;
        (!is_same).then(|| Self::of(caller))
    }

    fn of(principal: &'a Principal) -> Self {
        Self { kind: &principal.kind, id: principal.id.as_deref() }
    }
}

/// A managed document, as it was and as it is.
#[derive(Serialize)]
struct Written<'a> {
    kind: &'static str,
    of: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    part: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    before: Option<Value>,
    after: Option<Value>,
}

impl<'a> Written<'a> {
    fn of(changed: &'a Changed) -> Self {
        let Changed { key, before, after } = changed;
        Self {
            kind: key.kind.name(),
            of: &key.of,
            part: &key.part,
            version: after.as_ref().map(|document| document.version),
            before: before.as_ref().map(|document| document.body.told()),
            after: after.as_ref().map(|document| document.body.told()),
        }
    }
}

struct Asked<'a>(Cow<'a, Request>);

impl Serialize for Asked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        wire::request::view(&self.0).serialize(serializer)
    }
}

struct Answer<'a>(&'a Decision);

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        wire::decision::view(self.0).serialize(serializer)
    }
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
