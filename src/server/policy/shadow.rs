//! A candidate beside the running set: it sees what that has decided, and what it would have decided itself is compared. It
//! never answers anyone, charges no limit, and nobody waits for it: where it is too slow, decisions are passed over, and
//! counted.
//!
//! Whether limits have room is not compared: what they have counted is the running set's. So a decision that a limit has
//! denied counts as what the rules say without it.

use super::{difference::Last, instant};
use crate::{
    decision::{Decision, Effect},
    engine::Engine,
    request::{Input, Refusal, Request},
    server::ops::Metrics,
};
use arc_swap::ArcSwapOption;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::{
    fmt::{self, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
};

/// How many decisions may wait for the candidate.
const WAITING: usize = 4_096;

/// The place of a candidate.
pub(crate) struct Shadow {
    candidate: ArcSwapOption<Candidate>,
    queue: SyncSender<Asked>,
}

/// A set that decides beside the running one.
pub(in crate::server) struct Candidate {
    engine: Engine,
    /// The set that ran when it came.
    against: Arc<str>,
    since: DateTime<Utc>,
    compared: AtomicU64,
    passed_over: AtomicU64,
    /// How many differences are kept.
    most: usize,
    found: Mutex<Found>,
    /// What it would change.
    pub(super) difference: Last,
}

#[derive(Default)]
struct Found {
    counts: Counts,
    first: Vec<Difference>,
}

/// How many decisions would differ, and how.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(in crate::server) struct Counts {
    /// Denied so far, allowed by the candidate.
    pub(in crate::server) allowed: u64,
    /// Allowed so far, denied by the candidate.
    pub(in crate::server) denied: u64,
    /// Denied by both, with another code or status.
    pub(in crate::server) reasons: u64,
    /// Decided alike, with other duties.
    pub(in crate::server) duties: u64,
}

/// A decision that would differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::server) struct Difference {
    pub(in crate::server) request: String,
    pub(in crate::server) time: String,
    pub(in crate::server) principal: String,
    pub(in crate::server) action: String,
    pub(in crate::server) resource: String,
    pub(in crate::server) before: Answer,
    pub(in crate::server) after: Answer,
}

/// What a decision comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::server) struct Answer {
    decision: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    duties: Vec<String>,
}

/// A decision that the candidate is to be compared with.
struct Asked {
    candidate: Arc<Candidate>,
    running: Arc<Engine>,
    id: String,
    request: Request,
    decision: Decision,
}

impl Shadow {
    /// Without a candidate. Comparing is work for a thread of its own, which ends with the service.
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        let (queue, asked) = sync_channel(WAITING);
        thread::spawn(move || compare(&asked, &metrics));
        Self { candidate: ArcSwapOption::empty(), queue }
    }

    /// The candidate, if there is one.
    pub(in crate::server) fn candidate(&self) -> Option<Arc<Candidate>> {
        self.candidate.load_full()
    }

    pub(in crate::server) fn set(&self, candidate: Option<Candidate>) {
        self.candidate.store(candidate.map(Arc::new));
    }

    /// Whether decisions are compared: only then is there something to show.
    pub(crate) fn is_watching(&self) -> bool {
        self.candidate.load().is_some()
    }

    /// Shows the candidate a decision that the running set has made at an instant.
    pub(crate) fn show(
        &self,
        running: Arc<Engine>,
        id: &str,
        request: Request,
        decision: Decision,
        now: DateTime<Utc>,
    ) {
        let Some(candidate) = self.candidate() else { return };
        let request = if request.context.contains_key("time") { request } else { request.time(now) };
        let asked = Asked { candidate, running, id: id.to_owned(), request, decision };
        if let Err(error) = self.queue.try_send(asked) {
            let (TrySendError::Full(asked) | TrySendError::Disconnected(asked)) = error;
            asked.candidate.passed_over.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Compares what is asked, until nobody asks any more.
fn compare(asked: &Receiver<Asked>, metrics: &Metrics) {
    while let Ok(asked) = asked.recv() {
        match asked.before() {
            Some(before) => metrics.compared(asked.candidate.compare(&asked, before)),
            None => {
                asked.candidate.passed_over.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl Asked {
    /// What the running set says, whatever its limits have counted. None where it is another set by now.
    fn before(&self) -> Option<Answer> {
        let may_be_limited = !self.decision.is_allow() && self.decision.rule.is_some();
        if !may_be_limited {
            return Some(Answer::of(&self.decision));
        }
        let is_same = *self.running.revision() == *self.decision.revision;
        is_same.then(|| Answer::asked(self.running.unlimited(&self.request)))
    }
}

impl Answer {
    fn of(decision: &Decision) -> Self {
        let denial = decision.denial();
        Self {
            decision: matches!(decision.effect, Effect::Allow),
            code: denial.map(|denial| denial.code.clone()),
            status: denial.map(|denial| denial.status),
            rule: decision.rule.as_ref().map(|rule| rule.name.clone()),
            duties: decision.obligations.iter().map(ToString::to_string).collect(),
        }
    }

    fn asked(decision: Result<Decision, Refusal>) -> Self {
        decision.as_ref().map_or_else(|_| Self::refused(), Self::of)
    }

    /// The request does not fit the vocabulary.
    fn refused() -> Self {
        Self {
            decision: false,
            code: Some("INVALID_REQUEST".into()),
            status: Some(400),
            rule: None,
            duties: Vec::new(),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.decision { "allow" } else { "deny" })?;
        if let (Some(code), Some(status)) = (&self.code, self.status) {
            write!(f, " {code} {status}")?;
        }
        if let Some(rule) = &self.rule {
            write!(f, " by {rule}")?;
        }
        if self.duties.is_empty() { Ok(()) } else { write!(f, " obliges {}", self.duties.join(", ")) }
    }
}

impl Candidate {
    pub(super) fn new(engine: Engine, against: &str, since: DateTime<Utc>, most: usize) -> Self {
        Self {
            engine,
            against: against.into(),
            since,
            compared: AtomicU64::new(0),
            passed_over: AtomicU64::new(0),
            most,
            found: Mutex::default(),
            difference: Last::default(),
        }
    }

    pub(in crate::server) const fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(in crate::server) fn revision(&self) -> &str {
        self.engine.revision()
    }

    /// Whether this set would have decided otherwise. If so that is taken down.
    fn compare(&self, asked: &Asked, before: Answer) -> bool {
        let after = Answer::asked(self.engine.unlimited(&asked.request));
        self.compared.fetch_add(1, Ordering::Relaxed);
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let Found { counts, first } = &mut *found;
        let count = match (before.decision, after.decision) {
            (false, true) => &mut counts.allowed,
            (true, false) => &mut counts.denied,
            (false, false) if (&before.code, before.status) != (&after.code, after.status) => &mut counts.reasons,
            (true, true) | (false, false) if before.duties != after.duties => &mut counts.duties,
            (true, true) | (false, false) => return false,
        };
        *count = count.saturating_add(1);
        if first.len() < self.most {
            let Request { principal, action, resource, .. } = &asked.request;
            let time = match asked.request.context.get("time") {
                Some(Input::Text(time)) => {
                    DateTime::parse_from_rfc3339(time).map_or_else(|_| time.clone(), |time| instant(time.to_utc()))
                }
                _ => String::new(),
            };
            first.push(Difference {
                request: asked.id.clone(),
                time,
                principal: match &principal.id {
                    Some(id) => format!("{} {id:?}", principal.kind),
                    None => principal.kind.clone(),
                },
                action: action.clone(),
                resource: format!("{} {:?}", resource.kind, resource.id),
                before,
                after,
            });
        }
        true
    }

    /// What was found so far.
    pub(in crate::server) fn report(&self) -> Report {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let Counts { allowed, denied, reasons, duties } = found.counts;
        Report {
            revision: self.engine.revision().into(),
            against: self.against.clone(),
            since: instant(self.since),
            compared: self.compared.load(Ordering::Relaxed),
            passed_over: self.passed_over.load(Ordering::Relaxed),
            differing: [allowed, denied, reasons, duties].into_iter().fold(0, u64::saturating_add),
            counts: found.counts,
            differences: found.first.clone(),
        }
    }
}

/// What a candidate would have decided otherwise.
#[derive(Debug, Serialize)]
pub(in crate::server) struct Report {
    /// The candidate.
    pub(in crate::server) revision: Arc<str>,
    /// The set that ran when it came.
    pub(in crate::server) against: Arc<str>,
    pub(in crate::server) since: String,
    /// How many decisions it was compared with.
    pub(in crate::server) compared: u64,
    /// With how many it was not, as there were too many at once or the running set was exchanged.
    pub(in crate::server) passed_over: u64,
    /// How many would differ.
    pub(in crate::server) differing: u64,
    /// Of what kind they are.
    pub(in crate::server) counts: Counts,
    /// The first of them.
    pub(in crate::server) differences: Vec<Difference>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { allowed, denied, reasons, duties } = self.counts;
        writeln!(f, "candidate {}\nbeside    {}\nsince     {}\n", self.revision, self.against, self.since)?;
        writeln!(
            f,
            "{} of {} decisions would differ ({} not compared)",
            self.differing, self.compared, self.passed_over
        )?;
        writeln!(f, "  {allowed} allowed instead of denied\n  {denied} denied instead of allowed")?;
        writeln!(f, "  {reasons} denied for another reason\n  {duties} with other duties")?;
        for difference in &self.differences {
            let Difference { request, time, principal, action, resource, before, after } = difference;
            writeln!(f, "\n{principal} to {action} on {resource}  ({time}, request {request})")?;
            writeln!(f, "  before: {before}\n  after:  {after}")?;
        }
        f.write_char('\n')
    }
}
