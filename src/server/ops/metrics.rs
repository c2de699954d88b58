//! What is counted, as Prometheus reads it.
//!
//! Every series is found once and then only added to. The one label that policies have a say in is a denial's code: of those
//! there are so many, and the rest is `OTHER`.

use crate::{decision::Decision, server::managed::Told};
use metrics::{Counter, Gauge, Histogram, Label, counter, gauge, histogram, with_local_recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

/// How many codes of denials have a series of their own on one surface.
const MOST_CODES: usize = 64;
/// The code of all others.
const OTHER: &str = "OTHER";
/// The upper ends of the classes of durations, in seconds.
const SECONDS: [f64; 12] = [1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 5e-3, 2.5e-2, 0.1, 0.5, 2.5];

/// What kind of rule decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// No rule at all, or none for such an action.
    None,
    Allow,
    Prohibition,
    Gate,
    Limit,
}

impl Class {
    fn of(decision: &Decision) -> Self {
        let Some(denial) = decision.denial() else { return Self::Allow };
        if decision.rule.is_none() {
            Self::None
        } else if denial.gate.is_some() {
            Self::Gate
        } else if denial.retry_after.is_some() || &*denial.code == "RATE_LIMITED" {
            Self::Limit
        } else {
            Self::Prohibition
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Allow => "allow",
            Self::Prohibition => "prohibition",
            Self::Gate => "gate",
            Self::Limit => "limit",
        }
    }
}

/// What became of a change of the policy set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Another set decides.
    Changed,
    /// The set was what it is.
    Same,
    /// The set cannot be used, or may not be exchanged.
    Refused,
    /// No bundle came.
    Silent,
}

/// The series of one surface.
struct Surface {
    seconds: Histogram,
    allowed: Counter,
    invalid: Counter,
    denied: BTreeMap<Class, BTreeMap<Arc<str>, Counter>>,
    codes: usize,
}

/// What is counted.
pub(crate) struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    surfaces: RwLock<BTreeMap<&'static str, Surface>>,
    responses: [Counter; 5],
    connections: Gauge,
    audit_queue: Gauge,
    changes: [Counter; 4],
    loaded: Gauge,
    polled: Gauge,
    degraded: Gauge,
    documents: [Gauge; 3],
    compared: Counter,
    differing: Counter,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let builder = PrometheusBuilder::new();
        let matcher = Matcher::Full("policyc_decision_seconds".to_owned());
        // Only an empty list is refused.
        let builder = builder.set_buckets_for_metric(matcher, &SECONDS).unwrap_or_default();
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        with_local_recorder(&recorder, describe);
        let (responses, changes, gauges, documents, shadow) = with_local_recorder(&recorder, || {
            let status = |class| counter!("policyc_http_responses_total", "status" => class);
            let change = |result| counter!("policyc_policy_reloads_total", "result" => result);
            (
                ["1xx", "2xx", "3xx", "4xx", "5xx"].map(status),
                ["changed", "same", "refused", "silent"].map(change),
                [
                    "policyc_connections",
                    "policyc_audit_queue_bytes",
                    "policyc_policy_loaded_timestamp_seconds",
                    "policyc_policy_polled_timestamp_seconds",
                    "policyc_degraded",
                ]
                .map(|name| gauge!(name)),
                ["policyc_documents_mark", "policyc_documents_behind", "policyc_documents_silence_seconds"]
                    .map(|name| gauge!(name)),
                ["policyc_shadow_compared_total", "policyc_shadow_differing_total"].map(|name| counter!(name)),
            )
        });
        let ([connections, audit_queue, loaded, polled, degraded], [compared, differing]) = (gauges, shadow);
        let surfaces = RwLock::default();
        Self {
            recorder,
            handle,
            surfaces,
            responses,
            connections,
            audit_queue,
            changes,
            loaded,
            polled,
            degraded,
            documents,
            compared,
            differing,
        }
    }
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!("policyc_decisions_total", "Decisions, by surface, outcome, kind of rule and code.");
    describe_counter!("policyc_invalid_requests_total", "Requests that do not fit the vocabulary, by surface.");
    describe_histogram!(
        "policyc_decision_seconds",
        "From a request to its recorded decision, by surface; of many in one, what each took on average."
    );
    describe_counter!("policyc_http_responses_total", "Answers, by class of status.");
    describe_gauge!("policyc_connections", "Open connections.");
    describe_gauge!("policyc_audit_queue_bytes", "Bytes of records that wait to be written.");
    describe_counter!("policyc_policy_reloads_total", "Changes of the policy set that were asked for, by result.");
    describe_gauge!("policyc_policy_loaded_timestamp_seconds", "Since when the running set decides.");
    describe_gauge!("policyc_policy_polled_timestamp_seconds", "When a bundle's place has answered last.");
    describe_gauge!("policyc_degraded", "Whether the service does without something that it depends on.");
    describe_gauge!("policyc_documents_mark", "Up to which change managed documents are in force here.");
    describe_gauge!("policyc_documents_behind", "How many changes more the store is known to have.");
    describe_gauge!("policyc_documents_silence_seconds", "How long ago a store that several services share answered.");
    describe_counter!("policyc_shadow_compared_total", "Decisions that a candidate was compared with.");
    describe_counter!("policyc_shadow_differing_total", "Decisions that the candidate would have made otherwise.");
}

impl Metrics {
    /// The decisions of an answer took so much time together. One sample is kept of each answer, however many it decides: samples
    /// gather until they are [put into their classes](Self::tidy).
    pub(crate) fn took(&self, surface: &'static str, together: Duration, decisions: u32) {
        let Some(each) = together.checked_div(decisions) else { return };
        if let Some(series) = self.surfaces.read().unwrap_or_else(PoisonError::into_inner).get(surface) {
            series.seconds.record(each);
        }
    }

    /// A decision was made on a surface.
    pub(crate) fn decided(&self, surface: &'static str, decision: &Decision) {
        let class = Class::of(decision);
        let code = decision.denial().map_or("", |denial| &denial.code);
        let count = |series: &Surface| {
            let counter = match class {
                Class::Allow => Some(&series.allowed),
                Class::None | Class::Prohibition | Class::Gate | Class::Limit => {
                    series.denied.get(&class).and_then(|codes| codes.get(code))
                }
            };
            counter.map(|counter| counter.increment(1))
        };
        let known = self.surfaces.read().unwrap_or_else(PoisonError::into_inner).get(surface).and_then(count);
        if known.is_none() {
            self.with_surface(surface, |series| {
                let code = if series.codes < MOST_CODES { code } else { OTHER };
                if class != Class::Allow {
                    self.denial(series, surface, class, code).increment(1);
                } else {
                    series.allowed.increment(1);
                }
            });
        }
    }

    /// A request on a surface did not fit the vocabulary.
    pub(crate) fn invalid(&self, surface: &'static str) {
        self.with_surface(surface, |series| series.invalid.increment(1));
    }

    fn with_surface(&self, surface: &'static str, then: impl FnOnce(&mut Surface)) {
        let mut surfaces = self.surfaces.write().unwrap_or_else(PoisonError::into_inner);
        then(surfaces.entry(surface).or_insert_with(|| {
            with_local_recorder(&self.recorder, || Surface {
                seconds: histogram!("policyc_decision_seconds", "surface" => surface),
                allowed: counter!("policyc_decisions_total", series(surface, "allow", Class::Allow, "".into())),
                invalid: counter!("policyc_invalid_requests_total", "surface" => surface),
                denied: BTreeMap::new(),
                codes: 0,
            })
        }));
    }

    fn denial(&self, known: &mut Surface, surface: &'static str, class: Class, code: &str) -> Counter {
        let codes = known.denied.entry(class).or_default();
        if let Some(counter) = codes.get(code) {
            return counter.clone();
        }
        let code: Arc<str> = code.into();
        let counter = with_local_recorder(&self.recorder, || {
            counter!("policyc_decisions_total", series(surface, "deny", class, code.clone()))
        });
        known.codes = known.codes.saturating_add(1);
        codes.insert(code, counter.clone());
        counter
    }

    /// A request was answered with a status.
    pub(crate) fn responded(&self, status: ::http::StatusCode) {
        let class = usize::from(status.as_u16()).div_euclid(100).saturating_sub(1);
        if let Some(counter) = self.responses.get(class) {
            counter.increment(1);
        }
    }

    /// A connection is open as long as what is given is kept.
    pub(crate) fn connected(&self) -> Connected {
        self.connections.increment(1);
        Connected(self.connections.clone())
    }

    /// So many bytes wait for the audit log.
    pub(super) fn audit_queue(&self, waiting: u32) {
        self.audit_queue.set(waiting);
    }

    /// Whether something is out of order.
    pub(super) fn degraded(&self, is_degraded: bool) {
        self.degraded.set(if is_degraded { 1.0 } else { 0.0 });
    }

    /// How far the managed documents are.
    pub(super) fn documents(&self, told: Told) {
        let [mark, behind, silence] = &self.documents;
        mark.set(u32::try_from(told.mark).unwrap_or(u32::MAX));
        behind.set(u32::try_from(told.behind).unwrap_or(u32::MAX));
        silence.set(told.silence.as_secs_f64());
    }

    /// A change of the policy set was asked for.
    pub(crate) fn changed(&self, change: Change) {
        let [changed, same, refused, silent] = &self.changes;
        match change {
            Change::Changed => changed.increment(1),
            Change::Same => same.increment(1),
            Change::Refused => refused.increment(1),
            Change::Silent => silent.increment(1),
        }
    }

    /// Since this second the running set decides.
    pub(crate) fn loaded(&self, second: i64) {
        self.loaded.set(u32::try_from(second).unwrap_or_default());
    }

    /// In this second a bundle's place has answered.
    pub(crate) fn polled(&self, second: i64) {
        self.polled.set(u32::try_from(second).unwrap_or_default());
    }

    /// A candidate was compared with a decision.
    pub(crate) fn compared(&self, is_different: bool) {
        self.compared.increment(1);
        if is_different {
            self.differing.increment(1);
        }
    }

    /// All that was counted, in Prometheus' words.
    pub(super) fn render(&self) -> String {
        self.handle.render()
    }

    /// Puts durations that were taken down into their classes. Between two scrapes they would otherwise gather.
    pub(crate) fn tidy(&self) {
        self.handle.run_upkeep();
    }
}

fn series(surface: &'static str, outcome: &'static str, class: Class, code: Arc<str>) -> Vec<Label> {
    vec![
        Label::from_static_parts("surface", surface),
        Label::from_static_parts("outcome", outcome),
        Label::from_static_parts("rule", class.name()),
        Label::new("code", code),
    ]
}

/// Tells how long something took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// From now on.
    #[expect(clippy::disallowed_methods, reason = "how long an answer took is told, and decides nothing")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Until now.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connected(Gauge);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
