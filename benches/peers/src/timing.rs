//! How long decisions take: every answer is checked first, then all engines take turns, so that noise hits all alike.

use crate::{
    engines::Row,
    oracle,
    work::{Answer, Workload, acl},
};
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};
use rustix::time::{ClockId, clock_gettime};
use std::ops::Range;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// How often each engine goes through its requests; the median counts.
    pub rounds: usize,
    /// How many seconds one such pass takes at most: a slow engine gets fewer requests, the first ones of the list.
    pub pass: f64,
    /// How many seconds checking the answers of a slow engine takes at most.
    pub check: f64,
}

/// What a row of the table says.
#[derive(Debug, Clone)]
pub struct Measured {
    pub engine: &'static str,
    pub form: &'static str,
    /// Nanoseconds of the thread's time for a decision: the median of all passes.
    pub mean: f64,
    /// Nanoseconds on the clock for a decision, of half and of 99 % of the samples.
    pub p50: f64,
    pub p99: f64,
    /// How many requests were timed, and how many answers were checked.
    pub timed: usize,
    pub checked: usize,
}

/// Checks and measures rows.
///
/// # Errors
/// If an engine gives a wrong answer.
pub fn measure(
    workload: &Workload,
    rows: &[Row<'_>],
    effort: Effort,
    step: &dyn Fn(&str),
) -> Result<Vec<Measured>, String> {
    let right: Vec<Answer> = workload.requests.par_iter().map(|request| oracle::answer(workload, request)).collect();
    let plans: Vec<Plan> = rows
        .iter()
        .map(|row| {
            step(&format!("{} {}: checking", row.engine, row.form));
            let plan = Plan::of(row, workload.requests.len(), effort);
            check(workload, row, &right[..plan.checked])?;
            Ok(plan)
        })
        .collect::<Result<_, String>>()?;
    let mut passes: Vec<Vec<f64>> = vec![Vec::new(); rows.len()];
    for round in 0..effort.rounds {
        for ((row, plan), passes) in rows.iter().zip(&plans).zip(&mut passes) {
            step(&format!("{} {}: pass {}", row.engine, row.form, round + 1));
            passes.push(clocked(ClockId::ThreadCPUTime, row, 0..plan.timed));
        }
    }
    let measured = rows.iter().zip(&plans).zip(passes).map(|((row, plan), mut passes)| {
        step(&format!("{} {}: percentiles", row.engine, row.form));
        let mut samples = plan.samples(row);
        Measured {
            engine: row.engine,
            form: row.form,
            mean: quantile(&mut passes, 0.5),
            p50: quantile(&mut samples, 0.5),
            p99: quantile(&mut samples, 0.99),
            timed: plan.timed,
            checked: plan.checked,
        }
    });
    Ok(measured.collect())
}

/// How much of a row is measured.
struct Plan {
    timed: usize,
    checked: usize,
    /// How many decisions are read off the clock at once: where one takes as long as reading the clock, several.
    batch: usize,
}

impl Plan {
    fn of(row: &Row<'_>, requests: usize, effort: Effort) -> Self {
        /// What is enough to tell how long a pass will take.
        const ENOUGH: f64 = 1e6;
        /// Below this many nanoseconds, the clock is too coarse for one decision.
        const COARSE: f64 = 2_000.0;
        let mut tried = 16;
        let estimate = loop {
            let mean = clocked(ClockId::ThreadCPUTime, row, 0..tried);
            if mean * tried as f64 > ENOUGH || tried * 2 > requests {
                break mean.max(1.0);
            }
            tried *= 2;
        };
        let in_seconds = |seconds: f64| ((seconds * 1e9 / estimate) as usize).clamp(64, requests);
        let timed = in_seconds(effort.pass);
        Self { timed, checked: in_seconds(effort.check).max(timed), batch: if estimate < COARSE { 16 } else { 1 } }
    }

    /// Nanoseconds on the clock for a decision, of many batches.
    fn samples(&self, row: &Row<'_>) -> Vec<f64> {
        const MOST: usize = 8_192;
        let batches = (self.timed / self.batch).min(MOST);
        (0..batches)
            .map(|batch| clocked(ClockId::Monotonic, row, batch * self.batch..(batch + 1) * self.batch))
            .collect()
    }
}

/// Holds the answers against the right ones.
fn check(workload: &Workload, row: &Row<'_>, right: &[Answer]) -> Result<(), String> {
    for (index, (right, request)) in right.iter().zip(&workload.requests).enumerate() {
        let got = row.peer.answer(index);
        if !got.agrees_with(*right) {
            let model = &workload.vocabulary.models[request.model];
            let (_, rules) = workload.rules.of(request.model);
            let rules: Vec<_> = rules.iter().take(acl::RULES_PER_MODEL).collect();
            return Err(format!(
                "{}: {} {} answers request {index} with {got:?}, and {right:?} is right\n{request:#?}\n{model} has {rules:#?}",
                workload.name, row.engine, row.form,
            ));
        }
    }
    Ok(())
}

/// Nanoseconds on some clock for one of some decisions.
fn clocked(clock: ClockId, row: &Row<'_>, requests: Range<usize>) -> f64 {
    let count = requests.len().max(1) as f64;
    let start = now(clock);
    row.peer.pass(requests);
    (now(clock) - start) * 1e9 / count
}

/// Seconds on some clock.
pub fn now(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1) as f64;
    values.get((last * share).round() as usize).copied().unwrap_or(f64::NAN)
}

/// Decides some requests by one row, for a profiler to count; it finds this function by its name.
#[inline(never)]
pub fn counted(row: &Row<'_>, requests: Range<usize>) {
    row.peer.pass(requests);
}
