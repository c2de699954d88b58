//! The tests of a policy set, run.

use super::text::one_line;
use crate::{
    check::ir::{Expect, Step, StepKind, Test},
    clock::ManualClock,
    decision::{Decision, Effect},
    engine::Engine,
    eval::{answer::obligation, facts::Facts},
    request::{Input, Request},
    source::Span,
    store::limits::MemoryLimits,
};
use chrono::{DateTime, TimeDelta, Utc};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};
use std::sync::Arc;

/// What became of a test.
#[derive(Debug, Clone)]
pub struct TestReport {
    /// Its name.
    pub name: Arc<str>,
    /// Where it stands.
    pub at: Span,
    /// Its cases, in order.
    pub cases: Vec<CaseReport>,
}

impl TestReport {
    /// Whether every case came out as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.cases.iter().all(|case| case.pass)
    }
}

/// What became of one line of a test.
#[derive(Debug, Clone)]
pub struct CaseReport {
    /// Where it stands.
    pub at: Span,
    /// Whether it came out as expected.
    pub pass: bool,
    /// What was expected, as it was written.
    pub expected: String,
    /// What came out, in the same words.
    pub got: String,
    /// The deciding rule's name.
    pub rule: Option<Arc<str>>,
    /// The deciding rule's place.
    pub rule_at: Option<Arc<str>>,
    /// What is different, one line each; empty where the case passed.
    pub why: Vec<String>,
    /// The request that came out otherwise, the first of a `repeat`.
    pub request: Option<Request>,
}

/// Runs the tests that a filter lets through, in parallel; the reports are in source order. `done` is called after each
/// test, from any thread.
pub fn run(engine: &Engine, filter: impl Fn(&str) -> bool, done: impl Fn(&TestReport) + Sync) -> Vec<TestReport> {
    let tests: Vec<&Test> = engine.ir().tests.iter().filter(|test| filter(&test.name)).collect();
    tests
        .into_par_iter()
        .map(|test| {
            let report = run_one(engine, test);
            done(&report);
            report
        })
        .collect()
}

/// Runs one test: its cases share limits and a clock that starts where the test says.
#[must_use]
pub fn run_one(engine: &Engine, test: &Test) -> TestReport {
    run_watched(engine, test, &mut |_, _| {})
}

/// Runs one test; `watch` sees each request that was decided, and its decision.
pub(super) fn run_watched(engine: &Engine, test: &Test, watch: &mut impl FnMut(&Request, &Decision)) -> TestReport {
    let engine = engine.with_state(Arc::new(ManualClock::new(test.start)), Arc::new(MemoryLimits::default()));
    let mut now = test.start;
    let mut cases = Vec::new();
    for step in &test.steps {
        match &step.kind {
            StepKind::Release { count, request } => {
                let request = at_time(request, test.time_given.then_some(now));
                // A request that is refused holds no leases.
                let _ = engine.release(&request, *count, now);
            }
            StepKind::Case { after, repeat, request, own_time, expect } => {
                now = later(now, *after);
                let request = at_time(request, (test.time_given && !own_time).then_some(now));
                cases.push(case(&engine, step, (&request, now), (*repeat, expect), watch));
            }
        }
    }
    TestReport { name: test.name.clone(), at: test.at, cases }
}

fn later(now: DateTime<Utc>, seconds: u64) -> DateTime<Utc> {
    let delta = i64::try_from(seconds).ok().and_then(TimeDelta::try_seconds);
    delta.and_then(|delta| now.checked_add_signed(delta)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The request at the test clock's time, where it follows that.
pub(super) fn at_time(request: &Request, time: Option<DateTime<Utc>>) -> Request {
    let mut request = request.clone();
    if let Some(time) = time {
        request.context.insert("time".to_owned(), Input::from(time));
    }
    request
}

fn case(
    engine: &Engine,
    step: &Step,
    (request, now): (&Request, DateTime<Utc>),
    (repeat, expect): (u64, &Expect),
    watch: &mut impl FnMut(&Request, &Decision),
) -> CaseReport {
    let expected = one_line(engine.sources().slice(expect.at));
    let mut report = CaseReport {
        at: step.at,
        pass: true,
        expected,
        got: String::new(),
        rule: None,
        rule_at: None,
        why: Vec::new(),
        request: None,
    };
    for turn in 1..=repeat {
        let why = match engine.decide_at(request, now) {
            Err(refusal) => {
                report.got = format!("refused ({refusal})");
                vec![format!("the request is refused: {refusal}")]
            }
            Ok(decision) => {
                watch(request, &decision);
                report.got = words(&decision);
                report.rule = decision.rule.as_ref().map(|rule| rule.name.clone());
                report.rule_at = decision.rule.as_ref().map(|rule| rule.at.clone());
                differences(engine, request, expect, &decision)
            }
        };
        if !why.is_empty() {
            report.pass = false;
            report.why = why;
            if repeat > 1 {
                report.why.push(format!("this is request {turn} of {repeat}"));
            }
            report.request = Some(request.clone());
            break;
        }
    }
    report
}

/// A decision in the words of an expectation.
#[must_use]
pub fn words(decision: &Decision) -> String {
    let mut words = match &decision.effect {
        Effect::Allow => "allow".to_owned(),
        Effect::Deny(denial) => format!("deny {} {}", denial.code, denial.status),
    };
    if let Some(rule) = &decision.rule {
        words.push_str(&format!(" by {}", rule.name));
    }
    words
}

/// What is other than expected.
fn differences(engine: &Engine, request: &Request, expect: &Expect, decision: &Decision) -> Vec<String> {
    let mut why = Vec::new();
    let mut differ = |what: &str, expected: &str, got: &str| {
        if expected != got {
            why.push(format!("expected {what} `{expected}`, got `{got}`"));
        }
    };
    let effect = |allow: bool| if allow { "allow" } else { "deny" };
    differ("decision", effect(expect.allow), effect(decision.is_allow()));
    let denial = decision.denial();
    if let (Some(code), Some(denial)) = (&expect.code, denial) {
        differ("code", code, &denial.code);
    }
    if let (Some(status), Some(denial)) = (expect.status, denial) {
        differ("status", &status.to_string(), &denial.status.to_string());
    }
    if let Some(by) = &expect.by {
        differ("rule", by, decision.rule.as_ref().map_or("no rule", |rule| &rule.name));
    }
    if let Some(shadow) = &expect.shadow
        && !decision.shadow.contains(shadow)
    {
        let got = if decision.shadow.is_empty() { "none".to_owned() } else { decision.shadow.join(", ") };
        why.push(format!("expected shadow rule `{shadow}`, got {got}"));
    }
    if let Some(wanted) = &expect.obliges {
        let got: Vec<String> = decision.obligations.iter().map(|duty| duty.to_string()).collect();
        let listed = if got.is_empty() { "none".to_owned() } else { got.join(", ") };
        if wanted.is_empty() && !got.is_empty() {
            why.push(format!("expected no duties, got {listed}"));
        }
        if let Ok(facts) = Facts::new(&engine.ir().vocabulary, request, false) {
            for duty in wanted.iter().map(|duty| obligation(duty, &facts)) {
                // Without arguments, any will do.
                let same_name = |other: &&crate::decision::Obligation| other.id == duty.id;
                let found = decision.obligations.iter().filter(same_name);
                let present =
                    if duty.args.is_empty() { found.count() > 0 } else { found.into_iter().any(|o| *o == duty) };
                if !present {
                    why.push(format!("expected duty `{duty}`, got {listed}"));
                }
            }
        }
    }
    why
}
