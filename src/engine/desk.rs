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
        Object, Plain,
        places::{Placed, Seen},
    },
};
use chrono::{DateTime, Utc};

/// Working memory for requests that are decided one after the other.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    draft: Draft,
    json: Json,
}

impl Desk {
    /// The request that was taken last, as it stands in the text.
    pub(crate) const fn said(&self) -> &Plain {
        &self.json.said
    }
}

impl Engine {
    /// Decides a request as it stands in a text, as [`decide_dated`](Self::decide_dated) does. Nothing is decided if it
    /// does not fit the vocabulary, or has more than that knows: reading it at length has words for it. `see` is told the kind
    /// and id of principal and resource; it sees nothing of a request that is to be read at length. What it saw
    /// comes with the decision.
    pub(crate) fn decide_placed(
        &self,
        desk: &mut Desk,
        text: &str,
        placed: Placed,
        see: impl FnOnce(Option<(&str, &str)>, (&str, &str)) -> Option<Seen>,
        now: DateTime<Utc>,
    ) -> Option<(Decision, Seen)> {
        let Desk { draft, json } = desk;
        let set = self.set.set();
        json.said.take(text, placed)?;
        json.give_principal(set, draft, text, true)?;
        let [action, kind, id] =
            [json.said.action, json.said.resource.0, json.said.resource.1].map(|span| span.of(text));
        // Here a resource says of which type it is.
        if kind.is_empty() {
            return None;
        }
        let principal = json.said.subject(text);
        let seen = see(principal.1.map(|id| (principal.0, id)), (kind, id))?;
        if !draft.is_anonymous() {
            let granted = seen.granted.map_or(Given::Bool(false), Given::Text);
            draft.give(set, builtin::PRINCIPAL_GRANTED, granted).ok()?;
        }
        draft.end_of_principal();
        draft.ask(set, action, kind, id, |_| None);
        if !says_time(&json.said, text) {
            draft.time(set, now);
        }
        json.give_members(set, draft, text, |owner| owner != Owner::Principal)?;
        draft.give(set, builtin::DEGRADED, Given::Bool(seen.degraded)).ok()?;
        let verdict = survey(set.graph, draft.settle(set));
        let names = Names { principal, action, resource: (kind, id) };
        let decision = self.answer_told(&Told { set, draft, names }, &verdict, Vec::new(), now, Spend::Charge);
        Some((decision, seen))
    }
}

/// Whether a request says when it is asked.
fn says_time(said: &Plain, text: &str) -> bool {
    said.members.iter().any(|member| member.object == Object::CONTEXT && member.name.of(text) == "time")
}
