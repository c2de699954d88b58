//! The engines, each behind one adapter: a file an engine.
//!
//! In goes a [`Workload`], out come rows of the table: ways of asking the engine, each with requests made ready as that way
//! has it. What is timed is [`Engine::decide`], or [`Engine::pass`] where many are asked at once, and nothing else.

pub mod casbin;
pub mod cedar;
pub mod cel;
pub mod floor;
pub mod policyc;
pub mod regorus;

use crate::work::{Answer, Request, Workload, ZONES};
use chrono::{Datelike, Timelike};
use std::{any::Any, hint::black_box, ops::Range};

/// One way of asking an engine.
pub trait Engine {
    /// The engine's own answer, in its own words.
    type Verdict;

    /// Decides the request of this index. This is what is timed.
    fn decide(&self, index: usize) -> Self::Verdict;

    /// Decides a run of requests: one after the other, unless the engine is asked for many at once.
    fn pass(&self, requests: Range<usize>) {
        for index in requests {
            drop(black_box(self.decide(black_box(index))));
        }
    }

    /// The engine's answer in common words. This is not timed.
    fn answer(&self, index: usize, verdict: &Self::Verdict) -> Answer;
}

/// An [`Engine`] whose answers are of whatever type.
pub trait Peer {
    /// Decides a run of requests.
    fn pass(&self, requests: Range<usize>);

    /// The answer to one request.
    fn answer(&self, index: usize) -> Answer;
}

impl<E: Engine> Peer for E {
    fn pass(&self, requests: Range<usize>) {
        Engine::pass(self, requests);
    }

    fn answer(&self, index: usize) -> Answer {
        Engine::answer(self, index, &self.decide(index))
    }
}

/// A row of the table.
pub struct Row<'w> {
    pub engine: &'static str,
    /// The way of asking.
    pub form: &'static str,
    pub peer: Box<dyn Peer + 'w>,
}

impl<'w> Row<'w> {
    pub fn new(engine: &'static str, form: &'static str, peer: impl Peer + 'w) -> Self {
        Self { engine, form, peer: Box::new(peer) }
    }
}

/// What is loaded, from text or from plain data that are at hand.
pub type Load<'w> = Box<dyn FnOnce() -> Box<dyn Any> + 'w>;

/// What there is to know of an engine.
pub struct About {
    pub name: &'static str,
    /// The crate whose version the results name.
    pub package: Option<&'static str>,
    /// Why it does not do a workload, if it does not.
    pub passes_on: fn(&Workload) -> Option<&'static str>,
    pub rows: for<'w> fn(&'w Workload) -> Vec<Row<'w>>,
    /// Loads the rules, for the measurement of time and memory; what comes before is not measured.
    pub load: for<'w> fn(&'w Workload) -> Load<'w>,
    /// Each form of its rows, explained.
    pub forms: &'static [(&'static str, &'static str)],
    /// What it cannot say, and how it is helped.
    pub limits: &'static str,
}

/// All engines, in the order of the table.
pub const ALL: &[About] = &[floor::ABOUT, policyc::ABOUT, cedar::ABOUT, regorus::ABOUT, cel::ABOUT, casbin::ABOUT];

/// The day of the week (Monday is 0) and the hour that clocks in a zone show, which is worked out for those engines that
/// know no zones.
fn local(request: &Request, zone: usize) -> (u32, u32) {
    let local = request.time.with_timezone(&ZONES[zone]);
    (local.weekday().num_days_from_monday(), local.hour())
}

/// The first second after a day, in UTC.
fn end_of(day: chrono::NaiveDate) -> i64 {
    day.and_hms_opt(23, 59, 59).expect("it is a time").and_utc().timestamp() + 1
}
