//! The law: a store against a model that remembers every charge ever made, over random calls.

use super::{LARGEST, Open, at, calendar, leases, made, sliding};
use crate::store::limits::{Charge, LimitStore, Window};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::{
    prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof},
    test_runner::{Config, TestCaseError, TestRunner},
};

/// What is used is what the law says, for high limits at most a sixtieth of the window late.
pub(super) fn counts_as_the_law_says(open: Open<'_>, cases: u32) {
    check(cases, &steps(), |steps| plays_by_the_law(open, steps));
}

/// From nothing but what was admitted when.
pub(super) fn no_span_holds_more_than_the_limit(open: Open<'_>, cases: u32) {
    let pauses = prop::collection::vec((0..700_i64, 1..400_u64), 1..200);
    check(cases, &(pauses, any::<bool>()), |(pauses, high)| {
        let (store, limit) = (open(), if high { 1_500 } else { 900 });
        let (mut now, mut admitted) = (0_i64, Vec::new());
        for (pause, cost) in pauses {
            now += pause;
            if made(&*store, now, &[sliding("a", 9, limit, cost)])[0].fits {
                admitted.push((now, cost));
            }
        }
        for (end, _) in &admitted {
            let inside = admitted.iter().filter(|(at, _)| end - 9_000 < *at && at <= end);
            prop_assert!(inside.map(|(_, cost)| cost).sum::<u64>() <= limit);
        }
        Ok(())
    });
}

fn check<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    // Nothing is written beside the sources of whoever runs the suite.
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(strategy, test).unwrap_or_else(|failure| panic!("{failure}"));
}

fn plays_by_the_law(open: Open<'_>, steps: Vec<(i64, Step)>) -> Result<(), TestCaseError> {
    let (opened, mut model, mut now) = (open(), Model::default(), at(0));
    let store = &*opened;
    for (pause, step) in steps {
        now += TimeDelta::milliseconds(pause);
        match step {
            Step::Charge(batch) => {
                let rooms = store.charge(now, &charges(now, &batch)).unwrap().rooms;
                let made = rooms.iter().all(|room| room.fits);
                prop_assert!(!made || model.fits(now, &batch), "{now} {batch:?}");
                let exact = batch.iter().all(|(which, _)| ![2, 3].contains(which));
                prop_assert!(!exact || made == model.fits(now, &batch), "{now} {batch:?}");
                if made {
                    model.charge(now, &batch);
                }
                waits_are_exact(store, now, &batch)?;
            }
            Step::Refund(index, amount) => {
                if let Some(made) = model.settled(index) {
                    // Told when it was by the counter's clock, the store finds it wherever clocks have gone.
                    let charge = limit(made.which, made.at, 1);
                    made.cost -= store.refund(now, made.at, &charge, amount.min(made.cost)).unwrap();
                }
            }
            Step::Overdraw(which, cost) => {
                store.overdraw(now, &limit(which, now, cost)).unwrap();
                model.charge(now, &[(which, cost)]);
            }
            Step::Release(count) => {
                prop_assert_eq!(store.release(now, "leases", count).unwrap(), model.release(now, count));
            }
        }
        // An overdraft goes past the limit, and is seen by a higher one.
        let all: Vec<Charge> = (0..LIMITS).map(|which| Charge { limit: LARGEST, ..limit(which, now, 0) }).collect();
        for (which, room) in store.peek(now, &all).unwrap().into_iter().enumerate() {
            let used = LARGEST - room.remaining;
            let late = [(2, 7_000), (3, 1_000)].iter().find(|(high, _)| *high == which);
            let late = late.map_or(TimeDelta::zero(), |(_, window)| TimeDelta::milliseconds(*window) / 60);
            prop_assert!(used >= model.used(which, now, TimeDelta::zero()), "{now} {which}");
            prop_assert!(used <= model.used(which, now, late), "{now} {which}");
        }
    }
    Ok(())
}

/// The limits that the model knows, and what can be charged to them at a time.
fn limit(which: usize, now: DateTime<Utc>, cost: u64) -> Charge {
    match which {
        0 => sliding("few", 10, 5, cost),
        1 => sliding("short", 1, 3, cost),
        2 => sliding("many", 7, 2_000, cost * 150),
        3 => sliding("tiny parts", 1, 1_001, cost * 100),
        4 => calendar(now, 20, 6, cost),
        _ => leases(15, 4, cost),
    }
}

const LIMITS: usize = 6;

/// All charges ever made, and how far each counter's clock has come.
#[derive(Default)]
struct Model {
    made: Vec<Made>,
    latest: [Option<DateTime<Utc>>; LIMITS],
}

struct Made {
    which: usize,
    at: DateTime<Utc>,
    cost: u64,
}

impl Model {
    fn clock(&self, which: usize, now: DateTime<Utc>) -> DateTime<Utc> {
        self.latest[which].map_or(now, |latest| latest.max(now))
    }

    /// When a charge that was made at a time stops counting.
    fn until(which: usize, at: DateTime<Utc>) -> DateTime<Utc> {
        match limit(which, at, 1).window {
            Window::Sliding { seconds } | Window::AtOnce { lapse: seconds } => {
                at + TimeDelta::seconds(seconds.try_into().unwrap())
            }
            Window::Calendar { end, .. } => end,
        }
    }

    /// What is used by the law, if all charges count `longer` than it says.
    fn used(&self, which: usize, now: DateTime<Utc>, longer: TimeDelta) -> u64 {
        let now = self.clock(which, now);
        let counts = |made: &&Made| made.which == which && now < Self::until(which, made.at) + longer;
        self.made.iter().filter(counts).map(|made| made.cost).sum()
    }

    /// Whether all fit by the law.
    fn fits(&self, now: DateTime<Utc>, batch: &[(usize, u64)]) -> bool {
        (0..LIMITS).all(|which| {
            let costs = batch.iter().filter(|(other, _)| *other == which);
            let wanted: u64 = costs.map(|(_, cost)| limit(which, now, *cost).cost).sum();
            wanted == 0 || self.used(which, now, TimeDelta::zero()) + wanted <= limit(which, now, 1).limit
        })
    }

    fn charge(&mut self, now: DateTime<Utc>, batch: &[(usize, u64)]) {
        for (which, cost) in batch.iter().copied().filter(|(_, cost)| *cost > 0) {
            let at = self.clock(which, now);
            self.latest[which] = Some(at);
            self.made.push(Made { which, at, cost: limit(which, now, cost).cost });
        }
    }

    /// A charge that was made, and can be settled.
    fn settled(&mut self, index: usize) -> Option<&mut Made> {
        let place = index.checked_rem(self.made.len())?;
        Some(&mut self.made[place])
    }

    /// Gives back the oldest leases.
    fn release(&mut self, now: DateTime<Utc>, count: u64) -> u64 {
        let which = LIMITS - 1;
        let clock = self.clock(which, now);
        self.latest[which] = self.latest[which].map(|_| clock);
        let mut released = 0;
        self.made.retain(|made| {
            let gives = made.which == which && clock < Self::until(which, made.at) && released < count;
            released += u64::from(gives);
            !gives
        });
        released
    }
}

#[derive(Debug, Clone)]
enum Step {
    Charge(Vec<(usize, u64)>),
    /// A charge that was made costs so much less.
    Refund(usize, u64),
    /// So much was used, whether it fits or not.
    Overdraw(usize, u64),
    Release(u64),
}

/// Steps, each with the milliseconds that pass before it.
fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let batch = prop::collection::vec((0..LIMITS, 0..8_u64), 1..4).prop_map(Step::Charge);
    let single = (0..LIMITS, 0..4_u64).prop_map(|charge| Step::Charge(vec![charge]));
    let refund = (any::<usize>(), 0..700_u64).prop_map(|(index, amount)| Step::Refund(index, amount));
    let overdraw = (0..LIMITS, 0..4_u64).prop_map(|(which, cost)| Step::Overdraw(which, cost));
    let release = (0..4_u64).prop_map(Step::Release);
    let step = prop_oneof![2 => batch, 8 => single, 2 => refund, 1 => overdraw, 1 => release];
    let pause = prop_oneof![3 => Just(0), 8 => 0..900_i64, 4 => (0..20_i64).prop_map(|n| n * 500), 1 => -9_000..0_i64];
    prop::collection::vec((pause, step), 1..120)
}

fn charges(now: DateTime<Utc>, batch: &[(usize, u64)]) -> Vec<Charge> {
    batch.iter().map(|(which, cost)| limit(*which, now, *cost)).collect()
}

/// Checks what callers are told about waiting by asking again at that time, and a second before.
fn waits_are_exact(store: &dyn LimitStore, now: DateTime<Utc>, batch: &[(usize, u64)]) -> Result<(), TestCaseError> {
    let peek = |seconds: u64| {
        let now = now + TimeDelta::seconds(seconds.try_into().unwrap());
        store.peek(now, &charges(now, batch)).unwrap()
    };
    for (index, room) in peek(0).into_iter().enumerate() {
        if let Some(wait) = room.retry_after {
            prop_assert!(!room.fits && wait > 0 && peek(wait)[index].fits && !peek(wait - 1)[index].fits);
        }
        let limit = limit(batch[index].0, now, 1).limit;
        prop_assert_eq!(peek(room.reset)[index].remaining, limit);
        prop_assert!(room.reset == 0 || peek(room.reset - 1)[index].remaining < limit);
    }
    Ok(())
}
