//! Requests in JSON that the service decides: taken as they stand in the text, where they are plainly written.

use super::{Engine, charging::Spend, json::Json};
use crate::{
    check::vocabulary::{Owner, builtin},
    decision::Decision,
    eval::{
        draft::Draft,
        graph::survey,
        told::{Names, Told},
    },
    request::{Given, Request},
    wire::plain::{Object, Parts, Plain},
};
use chrono::{DateTime, Utc};

/// Working memory for requests that are decided one after the other.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    draft: Draft,
    json: Json,
}

impl Desk {
    /// The request that was taken last.
    pub(crate) fn request(&self, text: &str) -> Request {
        self.json.said.request(text)
    }
}

/// What only the service sees of a request, whatever the request says itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// Whether the principal's wish for access was granted.
    pub(crate) granted: bool,
    /// Whether something is out of order.
    pub(crate) degraded: bool,
}

impl Engine {
    /// Decides the request that parts of a text are, as [`decide_dated`](Self::decide_dated) does. Nothing is decided if it
    /// does not fit the vocabulary, or has more than that knows: reading it at length has words for it.
    pub(crate) fn decide_parts(
        &self,
        desk: &mut Desk,
        text: &str,
        parts: Parts,
        seen: Seen,
        now: DateTime<Utc>,
    ) -> Option<Decision> {
        let Desk { draft, json } = desk;
        let set = self.set.set();
        json.said.read_parts(text, parts)?;
        json.give_principal(set, draft, text, true)?;
        if !draft.is_anonymous() {
            draft.give(set, builtin::PRINCIPAL_GRANTED, Given::Bool(seen.granted)).ok()?;
        }
        draft.end_of_principal();
        let [action, kind, id] =
            [json.said.action, json.said.resource.0, json.said.resource.1].map(|span| span.of(text));
        // Here a resource says of which type it is.
        if kind.is_empty() {
            return None;
        }
        draft.ask(set, action, kind, id, |_| None);
        if !says_time(&json.said, text) {
            draft.time(set, now);
        }
        json.give_members(set, draft, text, |owner| owner != Owner::Principal)?;
        draft.give(set, builtin::DEGRADED, Given::Bool(seen.degraded)).ok()?;
        let verdict = survey(set.graph, draft.settle(set));
        let principal = json.said.subject;
        let principal = (principal.0.of(text), Some(principal.1.of(text)).filter(|id| !id.is_empty()));
        let names = Names { principal, action, resource: (kind, id) };
        Some(self.answer_told(&Told { set, draft, names }, &verdict, Vec::new(), now, Spend::Charge))
    }
}

/// Whether a request says when it is asked.
fn says_time(said: &Plain, text: &str) -> bool {
    said.members.iter().any(|member| member.object == Object::CONTEXT && member.name.of(text) == "time")
}
