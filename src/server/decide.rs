//! One way from a request to an answer, for all surfaces: the running set decides, the decision is recorded, then told.

use super::{
    app::App,
    audit::{Answer, Asked, Record, Unrecorded},
    http,
    identity::{Caller, Origin, Unauthenticated},
    managed,
    ops::Stopwatch,
};
use crate::{
    decision::{Decision, Denial, Effect, Obligation},
    engine::{Decided, Desk, Engine, Spend, Used},
    examine::explain::{Explanation, explain},
    request::{Input, Refusal, Request, Resource},
    wire::plain::places::Seen,
};
use ::http::HeaderMap;
use chrono::{DateTime, Utc};
use std::sync::Arc;
use tracing::{Instrument, Span, field::Empty};

/// By which of the service's surfaces something was asked; also its name in the audit log and in metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    Admin,
    Acl,
    Hub,
    AuthZen,
    Gateway,
    Forward,
    Web,
}

impl Surface {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Acl => "acl",
            Self::Hub => "hub",
            Self::AuthZen => "authzen",
            Self::Gateway => "gateway",
            Self::Forward => "forward",
            Self::Web => "web",
        }
    }

    /// Whether it is for programs, and changes things: no page has a reason to ask it. What proxies and the gateway pass on may
    /// come from any page, and the service's own pages look after their forms themselves.
    const fn is_for_no_page(self) -> bool {
        match self {
            Self::Admin | Self::Acl | Self::Hub => true,
            Self::AuthZen | Self::Gateway | Self::Forward | Self::Web => false,
        }
    }
}

/// Why nothing is decided. Each surface tells it in its own words.
#[derive(Debug)]
pub(crate) enum NoDecision {
    /// A credential is there that does not hold.
    Unauthenticated(Unauthenticated),
    /// The request does not fit the vocabulary.
    Refused(Refusal),
    /// What was to be told could not be recorded.
    Unrecorded(Unrecorded),
}

/// The decisions of one answer, which are made at one instant.
pub(crate) struct Making<'a> {
    app: &'a App,
    surface: Surface,
    now: DateTime<Utc>,
    began: Stopwatch,
    /// How many were made.
    made: u32,
}

/// However an answer ends, what was decided for it took its time.
impl Drop for Making<'_> {
    fn drop(&mut self) {
        if self.made > 0 {
            self.app.metrics.took(self.surface.name(), self.began.elapsed(), self.made);
        }
    }
}

/// A decision on a request that is forwarded if it is allowed, and what that request holds meanwhile: leases, and a
/// reservation of tokens. However it ends, what it holds is given back then: when the answer is over, or when nobody waits
/// for it any more.
pub(crate) struct Held {
    app: Arc<App>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) decision: Decision,
    /// The request as it was decided.
    pub(crate) request: Request,
    /// When it was.
    pub(crate) at: DateTime<Utc>,
    /// How many tokens were used, where that is known: else what was reserved stands.
    pub(crate) used: Option<u64>,
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.decision.is_allow() {
            return;
        }
        let unit = &self.app.settings.gateway.tokens.attribute;
        let used = self.used.map(|amount| Used { unit, amount });
        // The request was decided, so it fits the vocabulary.
        let _ = self.engine.settle(&self.request, &self.decision, self.at, self.app.clock.now(), used);
    }
}

impl From<Refusal> for NoDecision {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Unrecorded> for NoDecision {
    fn from(unrecorded: Unrecorded) -> Self {
        Self::Unrecorded(unrecorded)
    }
}

impl App {
    /// Who asks. A credential that does not hold is recorded, and so is what a page of another site asks of a surface that is
    /// for no page.
    pub(crate) async fn caller(
        &self,
        headers: &HeaderMap,
        origin: Origin,
        surface: Surface,
    ) -> Result<Caller, NoDecision> {
        if !self.policies.managed().is_loaded() {
            return Err(NoDecision::Unauthenticated(Unauthenticated::unread()));
        }
        let error = if surface.is_for_no_page() && http::is_of_another_site(headers) {
            Unauthenticated::elsewhere()
        } else {
            match self.identity.caller(headers, origin.clone()).await {
                Ok(caller) => return Ok(caller),
                Err(error) => error,
            }
        };
        let record = Record::unauthenticated(self.clock.now(), &origin, surface, &error);
        self.audit.put(record).await?;
        Err(NoDecision::Unauthenticated(error))
    }

    /// Decides a request on a set, and records the decision. The set is taken once for each answer
    /// ([`current`](super::policy::Policies::current)), so that no answer mixes two.
    ///
    /// The request comes as its surface built it; what only the service knows is set here.
    pub(crate) async fn decide(
        &self,
        engine: &Engine,
        caller: &Caller,
        mut request: Request,
        surface: Surface,
        spend: Spend,
    ) -> Result<Decision, NoDecision> {
        self.settle(engine, &mut request);
        self.begin(surface).decide(engine, caller, &request, spend).await
    }

    /// Begins an answer.
    pub(crate) fn begin(&self, surface: Surface) -> Making<'_> {
        Making { app: self, surface, now: self.clock.now(), began: Stopwatch::start(), made: 0 }
    }

    /// Decides a request that will be forwarded if it is allowed, and records the decision. A duty that nobody `carries` out
    /// is a reason to deny it: then nothing is charged.
    pub(crate) async fn forward(
        self: &Arc<Self>,
        engine: Arc<Engine>,
        caller: &Caller,
        mut request: Request,
        surface: Surface,
        carries: impl Fn(&Obligation) -> bool,
    ) -> Result<Held, NoDecision> {
        let mut making = self.begin(surface);
        let (at, span) = (making.now, making.span());
        self.settle(&engine, &mut request);
        let request = request.time(at);
        // A duty that nobody carries out is a matter of rules alone, so limits are asked once.
        let unlimited = engine.unlimited(&request);
        let mut decision = unlimited.inspect_err(|_| self.metrics.invalid(surface.name()))?;
        if decision.is_allow() {
            match decision.obligations.iter().find(|duty| !carries(duty)) {
                Some(duty) => decision.effect = unsupported(duty),
                None => decision = making.ask(&engine, &request, Spend::Charge)?,
            }
        }
        // From here on what was charged is given back even if nobody waits for the record.
        let mut held = Held { app: self.clone(), engine, decision, request, at, used: Some(0) };
        making.conclude(caller, Asked::AtLength(&held.request), (&held.decision).into(), span).await?;
        held.used = None;
        Ok(held)
    }

    /// Whether a caller may do something to a resource itself, as in `evaluate`, `assert`, `manage`. Nothing is charged, and
    /// only a refusal is recorded.
    pub(crate) async fn may(
        &self,
        engine: &Engine,
        caller: &Caller,
        action: &str,
        resource: &Resource,
        surface: Surface,
    ) -> Result<Option<Decision>, NoDecision> {
        let now = self.clock.now();
        let mut request = Request::new(caller.principal.clone(), action, resource.clone()).ip(caller.origin.client);
        self.settle(engine, &mut request);
        let decision = match self.unbelieved(engine, &request)? {
            Some(denial) => denial,
            None => engine.decide_dated(&request, now, Spend::Look)?,
        };
        if decision.is_allow() {
            return Ok(None);
        }
        self.audit.put(Record::of(now, caller, surface, Asked::AtLength(&request), (&decision).into())).await?;
        Ok(Some(decision))
    }

    /// The whole story of what a decision would be, and nothing else: nothing is charged or recorded.
    pub(crate) fn explain(&self, engine: &Engine, mut request: Request) -> Result<Explanation, Refusal> {
        self.settle(engine, &mut request);
        let now = self.clock.now();
        let request = if request.context.contains_key("time") { request } else { request.time(now) };
        explain(engine, &request, now)
    }

    /// What a decision would be, and nothing else: nothing is recorded. For candidates of a list, which is one record.
    pub(crate) fn look(&self, engine: &Engine, mut request: Request) -> Result<Decision, Refusal> {
        self.settle(engine, &mut request);
        match self.unbelieved(engine, &request)? {
            Some(denial) => Ok(denial),
            None => engine.decide_dated(&request, self.clock.now(), Spend::Look),
        }
    }

    /// Whether a request would be allowed, wherever limits stand: for lists of what there is to use.
    pub(crate) fn would_allow_with_room(&self, engine: &Engine, request: Request) -> Result<bool, Refusal> {
        let mut request = request.time(self.clock.now());
        self.settle(engine, &mut request);
        Ok(self.unbelieved(engine, &request)?.is_none() && engine.unlimited(&request)?.is_allow())
    }

    /// Whether a caller may do something to a resource itself, for candidates of a list. A request that does not fit the
    /// vocabulary is not allowed.
    pub(crate) fn would_allow(&self, engine: &Engine, caller: &Caller, action: &str, resource: &Resource) -> bool {
        let request = Request::new(caller.principal.clone(), action, resource.clone()).ip(caller.origin.client);
        self.look(engine, request).is_ok_and(|decision| decision.is_allow())
    }

    /// Records a list that was answered: what was asked, how many were found, and a digest of their names.
    pub(crate) async fn record_list(
        &self,
        engine: &Engine,
        caller: &Caller,
        asked: &Request,
        surface: Surface,
        found: &[String],
    ) -> Result<(), Unrecorded> {
        self.audit.put(Record::list(self.clock.now(), caller, surface, asked, found, engine.revision())).await
    }

    /// What only the service knows of a request, whatever it says itself: nobody grants access to themselves, what a resource was
    /// registered with nobody else says, and whether something is out of order the service sees. When and where from, a
    /// surface lets stand or not.
    pub(crate) fn settle(&self, engine: &Engine, request: &mut Request) {
        self.policies.managed().complete(&engine.ir().vocabulary, request);
        request.context.insert("degraded".to_owned(), Input::Bool(self.health.is_degraded()));
    }

    /// The denial of a request that only documents allow of which nothing was heard for too long. Such documents may have been
    /// taken back meanwhile; what they prohibit stays.
    fn unbelieved(&self, engine: &Engine, request: &Request) -> Result<Option<Decision>, Refusal> {
        let managed = self.policies.managed();
        if !managed.is_stale() {
            return Ok(None);
        }
        let mut decision = engine.unlimited(request)?;
        let Request { principal, resource, .. } = request;
        let granted = |id: &String| managed.granted((&principal.kind, id), (&resource.kind, &resource.id));
        let is_granted = principal.id.as_ref().and_then(granted).is_some();
        let is_by_document = decision.rule.as_ref().is_some_and(|rule| managed::is_document(&rule.at));
        if decision.is_allow() && (is_granted || is_by_document) {
            decision.effect = stale();
            return Ok(Some(decision));
        }
        Ok(None)
    }

    /// As [`settle`](Self::settle), of a request that is taken as it stands; none if it cannot be, as its resource is registered.
    fn seen(&self, principal: Option<(&str, &str)>, resource: (&str, &str)) -> Option<Seen> {
        let managed = self.policies.managed();
        let granted = principal.and_then(|principal| managed.granted(principal, resource));
        let is_registered = managed.is_registered(resource.0, resource.1);
        (!is_registered).then(|| Seen { granted, degraded: self.health.is_degraded() })
    }
}

impl Making<'_> {
    /// Decides a request to which the service has added what it knows, and records the decision.
    pub(crate) async fn decide(
        &mut self,
        engine: &Engine,
        caller: &Caller,
        request: &Request,
        spend: Spend,
    ) -> Result<Decision, NoDecision> {
        let span = self.span();
        let decision = self.ask(engine, request, spend)?;
        self.conclude(caller, Asked::AtLength(request), (&decision).into(), span).await?;
        Ok(decision)
    }

    /// As [`decide`](Self::decide), of a request as it stands in a text, with what it charges. Nothing is decided where it
    /// cannot be taken as it stands. `write` writes the decision for the answer, and gives what is written if that is all of
    /// it.
    pub(crate) async fn decide_placed<'o>(
        &mut self,
        desk: &mut Desk<'_>,
        caller: &Caller,
        number: usize,
        write: impl FnOnce(&Decided) -> Option<&'o [u8]>,
    ) -> Result<Option<Arc<Decision>>, NoDecision> {
        let (app, span) = (self.app, self.span());
        if app.policies.managed().is_stale() {
            return Ok(None);
        }
        let see = |principal: Option<(&str, &str)>, resource: (&str, &str)| app.seen(principal, resource);
        let Some(decided) = desk.decide(number, see, self.now) else { return Ok(None) };
        let written = write(&decided);
        let Decided { decision, seen, .. } = decided;
        let answer = Answer { decision: &decision, written };
        if app.policies.shadow().is_watching() || app.web.live.is_watched() {
            let mut request = desk.said().request(desk.text());
            app.settle(desk.engine(), &mut request);
            self.conclude(caller, Asked::AtLength(&request), answer, span).await?;
        } else {
            self.conclude(caller, Asked::Plain(desk.said(), desk.text(), seen), answer, span).await?;
        }
        Ok(Some(decision))
    }

    fn span(&self) -> Span {
        tracing::info_span!("decide", surface = self.surface.name(), allowed = Empty, code = Empty)
    }

    /// What the set says. A request that does not fit it is counted.
    fn ask(&self, engine: &Engine, request: &Request, spend: Spend) -> Result<Decision, Refusal> {
        let unbelieved = self.app.unbelieved(engine, request);
        let decide =
            |denial: Option<Decision>| denial.map_or_else(|| engine.decide_dated(request, self.now, spend), Ok);
        unbelieved.and_then(decide).inspect_err(|_| self.app.metrics.invalid(self.surface.name()))
    }

    /// Records a decision, then shows it to all who watch: traces, metrics, and where the request is there at length, the
    /// candidate and people.
    async fn conclude(
        &mut self,
        caller: &Caller,
        asked: Asked<'_>,
        answer: Answer<'_>,
        span: Span,
    ) -> Result<(), Unrecorded> {
        let Self { app, surface, now, .. } = *self;
        let decision = answer.decision;
        span.record("allowed", decision.is_allow());
        if let Some(denial) = decision.denial() {
            span.record("code", &*denial.code);
        }
        app.audit.put(Record::of(now, caller, surface, asked, answer)).instrument(span).await?;
        app.metrics.decided(surface.name(), decision);
        self.made = self.made.saturating_add(1);
        let Asked::AtLength(request) = asked else { return Ok(()) };
        let shadow = app.policies.shadow();
        if shadow.is_watching() {
            shadow.show(app.policies.current(), caller.origin.id.as_str(), request.clone(), decision.clone(), now);
        }
        app.web.live.show(now, surface, request, decision);
        Ok(())
    }
}

/// The denial of a request whose duty nobody here carries out.
fn unsupported(duty: &Obligation) -> Effect {
    denial("OBLIGATION_UNSUPPORTED", 403, format!("The duty `{}` cannot be carried out here.", duty.id))
}

/// The denial of a request that only documents allow which are not believed any more.
fn stale() -> Effect {
    let message = "The store of managed documents cannot be asked, and what was granted is not believed any more.";
    denial("DOCUMENTS_STALE", 503, message.to_owned())
}

/// A denial by the service itself.
fn denial(code: &str, status: u16, message: String) -> Effect {
    Effect::Deny(Denial {
        code: code.into(),
        status,
        message: Some(message),
        hint: None,
        gate: None,
        retry_after: None,
        limit: None,
    })
}
