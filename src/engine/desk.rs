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
    request::Given,
    wire::plain::{
        Object, Plain, Span,
        places::{Placed, Seen},
    },
};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// Requests of one text, decided by one set, one after the other.
pub(crate) struct Desk<'t> {
    engine: Arc<Engine>,
    text: &'t str,
    draft: Draft,
    json: Json,
    /// Where the principal stands whom the draft knows, if several requests share it.
    shared: Option<Span>,
}

impl<'t> Desk<'t> {
    pub(crate) fn new(engine: Arc<Engine>, text: &'t str) -> Self {
        let (draft, json) = (Draft::default(), Json::default());
        Self { engine, text, draft, json, shared: None }
    }

    /// The set that decides.
    pub(crate) const fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    pub(crate) const fn text(&self) -> &'t str {
        self.text
    }

    /// The request that was taken last, as it stands in the text.
    pub(crate) const fn said(&self) -> &Plain {
        &self.json.said
    }

    /// Decides a request as it stands in the text, as [`decide_dated`](Engine::decide_dated) does. Nothing is decided if it
    /// does not fit the vocabulary, or has more than that knows: reading it at length has words for it. `see` is told the kind
    /// and id of principal and resource; it sees nothing of a request that is to be read at length. What it saw
    /// comes with the decision.
    pub(crate) fn decide(
        &mut self,
        placed: Placed,
        see: impl FnOnce(Option<(&str, &str)>, (&str, &str)) -> Option<Seen>,
        now: DateTime<Utc>,
    ) -> Option<(Decision, Seen)> {
        self.take(placed)?;
        let Self { engine, text, draft, json, .. } = self;
        let set = engine.set.set();
        let [action, kind, id] =
            [json.said.action, json.said.resource.0, json.said.resource.1].map(|span| span.of(text));
        // Here a resource says of which type it is.
        if kind.is_empty() {
            return None;
        }
        let principal = json.said.subject(text);
        let seen = see(principal.1.map(|id| (principal.0, id)), (kind, id))?;
        draft.ask(set, action, kind, id, |_| None);
        if !draft.is_anonymous() {
            let granted = seen.granted.map_or(Given::Bool(false), Given::Text);
            draft.give(set, builtin::PRINCIPAL_GRANTED, granted).ok()?;
        }
        if !says_time(&json.said, text) {
            draft.time(set, now);
        }
        json.give_members(set, draft, text, |owner| owner != Owner::Principal)?;
        draft.give(set, builtin::DEGRADED, Given::Bool(seen.degraded)).ok()?;
        let verdict = survey(set.graph, draft.settle(set));
        let names = Names { principal, action, resource: (kind, id) };
        let decision = engine.answer_told(&Told { set, draft, names }, &verdict, Vec::new(), now, Spend::Charge);
        Some((decision, seen))
    }

    /// Takes a request, and its principal, unless it shares that with the one before.
    fn take(&mut self, placed: Placed) -> Option<()> {
        let Self { engine, text, draft, json, shared } = self;
        let set = engine.set.set();
        let subject = placed.shares().then_some(placed.parts.subject);
        if subject.is_some() && subject == *shared {
            json.said.take_other_parts(text, placed.parts)?;
            return json.find_places(set, text, true);
        }
        *shared = None;
        json.said.take(text, placed)?;
        json.give_principal(set, draft, text, true)?;
        draft.end_of_principal();
        *shared = subject;
        Some(())
    }
}

/// Whether a request says when it is asked.
pub(super) fn says_time(said: &Plain, text: &str) -> bool {
    said.members.iter().any(|member| member.object == Object::CONTEXT && member.name.of(text) == "time")
}
