//! Requests in JSON that the service decides: taken as they stand in the text, where they are plainly written.

use super::{Engine, charging::Spend, json::Json};
use crate::{
    check::{
        ir::RuleId,
        vocabulary::{Owner, builtin},
    },
    decision::Decision,
    eval::{
        draft::Draft,
        graph::survey,
        told::{Names, Told},
        verdict::Verdict,
    },
    request::Given,
    wire::plain::{
        Object, Plain, Span,
        places::{Places, Seen},
    },
};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// Decisions on requests that a rule allows are kept for so many rules: few have a say in requests of one text.
const KEPT: usize = 8;

/// Requests of one text, decided by one set, one after the other.
pub(crate) struct Desk<'t> {
    engine: Arc<Engine>,
    text: &'t str,
    places: Places,
    draft: Draft,
    json: Json,
    /// Where the principal stands whom the draft knows, if several requests share it.
    shared: Option<Span>,
    /// Decisions by rules that allowed a request of which nothing else was to be said: whoever asks, they are the same.
    kept: Vec<(RuleId, Arc<Decision>)>,
}

/// What was decided.
pub(crate) struct Decided {
    pub(crate) decision: Arc<Decision>,
    /// The number of this decision among those that were made for more than one request, from 0 up.
    pub(crate) kept: Option<usize>,
    /// What only the service knew of the request.
    pub(crate) seen: Seen,
}

impl<'t> Desk<'t> {
    pub(crate) fn new(engine: Arc<Engine>, text: &'t str, places: Places) -> Self {
        let (draft, json) = (Draft::default(), Json::default());
        Self { engine, text, places, draft, json, shared: None, kept: Vec::new() }
    }

    /// The set that decides.
    pub(crate) const fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    pub(crate) const fn text(&self) -> &'t str {
        self.text
    }

    /// Where requests stand in the text.
    pub(crate) const fn places(&self) -> &Places {
        &self.places
    }

    /// The request that was taken last, as it stands in the text.
    pub(crate) const fn said(&self) -> &Plain {
        &self.json.said
    }

    /// Decides one of the requests as it stands in the text, as [`decide_dated`](Engine::decide_dated) does. Nothing is
    /// decided if it does not fit the vocabulary, or has more than that knows: reading it at length has words for it. `see` is
    /// told the kind and id of principal and resource; it sees nothing of a request that is to be read at length.
    pub(crate) fn decide(
        &mut self,
        number: usize,
        see: impl FnOnce(Option<(&str, &str)>, (&str, &str)) -> Option<Seen>,
        now: DateTime<Utc>,
    ) -> Option<Decided> {
        self.take(number)?;
        let Self { engine, text, draft, json, .. } = self;
        let set = engine.set.set();
        let named = json.said.named;
        let [action, kind, id] = [named.action, named.resource.0, named.resource.1].map(|span| span.of(text));
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
        let (decision, kept) = keep(&mut self.kept, &verdict, || {
            engine.answer_told(&Told { set, draft, names }, &verdict, Vec::new(), now, Spend::Charge)
        });
        Some(Decided { decision, kept, seen })
    }

    /// Takes a request, and its principal, unless it shares that with the one before.
    fn take(&mut self, number: usize) -> Option<()> {
        let Self { engine, text, places, draft, json, shared, .. } = self;
        let set = engine.set.set();
        let parts = places.parts(number)?;
        let subject = places.shares(number).then_some(parts.subject);
        if subject.is_some() && subject == *shared {
            json.said.take_other_parts(text, parts)?;
            return json.find_places(set, text, true);
        }
        *shared = None;
        json.said.take(text, places, number)?;
        json.give_principal(set, draft, text, true)?;
        draft.end_of_principal();
        *shared = subject;
        Some(())
    }
}

/// The decision that a verdict comes to, and its number among those that are kept.
fn keep(
    kept: &mut Vec<(RuleId, Arc<Decision>)>,
    verdict: &Verdict,
    decide: impl FnOnce() -> Decision,
) -> (Arc<Decision>, Option<usize>) {
    let Some(rule) = verdict.only_allowed_by() else { return (Arc::new(decide()), None) };
    let held = kept.iter().enumerate().find(|(_, (by, _))| *by == rule);
    if let Some((place, (_, decision))) = held {
        return (decision.clone(), Some(place));
    }
    let decision = Arc::new(decide());
    let place = kept.len();
    if place == KEPT {
        return (decision, None);
    }
    kept.push((rule, decision.clone()));
    (decision, Some(place))
}

/// Whether a request says when it is asked.
pub(super) fn says_time(said: &Plain, text: &str) -> bool {
    said.members.iter().any(|member| member.object == Object::CONTEXT && member.name.of(text) == "time")
}
