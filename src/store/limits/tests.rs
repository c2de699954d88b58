//! The store against examples, against a model that remembers everything, and under many threads.

#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

use super::*;
use chrono::TimeDelta;
use proptest::prelude::*;

/// A time: milliseconds after the start of 2025, which is the start of all calendar periods too.
fn at(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_735_689_600_000 + milliseconds).unwrap()
}

fn sliding(counter: &str, seconds: u64, limit: u64, cost: u64) -> Charge {
    Charge { counter: counter.to_owned(), window: Window::Sliding { seconds }, limit, cost }
}

fn leases(lapse: u64, limit: u64, cost: u64) -> Charge {
    Charge { counter: "leases".to_owned(), window: Window::AtOnce { lapse }, limit, cost }
}

/// A charge to the period of `seconds` that `now` is in.
fn calendar(now: DateTime<Utc>, seconds: i64, limit: u64, cost: u64) -> Charge {
    let start = now.timestamp().div_euclid(seconds) * seconds;
    let instant = |second| DateTime::from_timestamp(second, 0).unwrap();
    let window = Window::Calendar { start: instant(start), end: instant(start + seconds) };
    Charge { counter: "calendar".to_owned(), window, limit, cost }
}

/// Charges one and says how it stands: `fits, 3 left, retry 2, reset 9`.
fn charge(store: &MemoryLimits, milliseconds: i64, charge: &Charge) -> String {
    show(store.charge(at(milliseconds), std::slice::from_ref(charge)).unwrap()[0])
}

fn show(room: Room) -> String {
    let Room { fits, remaining, retry_after, reset } = room;
    let fits = if fits { "fits" } else { "full" };
    let retry = retry_after.map_or(String::new(), |seconds| format!(", retry {seconds}"));
    format!("{fits}, {remaining} left{retry}, reset {reset}")
}

#[test]
fn a_sliding_window_gives_room_back_to_the_tick() {
    let (store, one) = (MemoryLimits::new(), sliding("a", 10, 2, 1));
    assert_eq!(charge(&store, 0, &one), "fits, 1 left, reset 10");
    assert_eq!(charge(&store, 4_500, &one), "fits, 0 left, reset 10");
    assert_eq!(charge(&store, 4_501, &one), "full, 0 left, retry 6, reset 10");
    assert_eq!(charge(&store, 9_999, &one), "full, 0 left, retry 1, reset 5");
    assert_eq!(charge(&store, 10_000, &one), "fits, 0 left, reset 10");
    assert_eq!(charge(&store, 14_000, &one), "full, 0 left, retry 1, reset 6");
}

#[test]
fn what_costs_too_much_never_fits() {
    let store = MemoryLimits::new();
    assert_eq!(charge(&store, 0, &sliding("a", 10, 5, 6)), "full, 5 left, reset 0");
    assert_eq!(charge(&store, 0, &sliding("a", 10, 5, 3)), "fits, 2 left, reset 10");
    assert_eq!(charge(&store, 1_000, &sliding("a", 10, 5, 3)), "full, 2 left, retry 9, reset 9");
    assert_eq!(charge(&store, 1_000, &sliding("a", 10, 5, 6)), "full, 2 left, reset 9");
}

#[test]
fn what_costs_nothing_always_fits_and_leaves_no_trace() {
    let store = MemoryLimits::new();
    assert_eq!(charge(&store, 0, &sliding("a", 10, 1, 0)), "fits, 1 left, reset 0");
    assert_eq!(store.counters(), 0);
    assert_eq!(charge(&store, 0, &sliding("a", 10, 1, 1)), "fits, 0 left, reset 10");
    assert_eq!(charge(&store, 1_000, &sliding("a", 10, 1, 0)), "fits, 0 left, reset 9");
}

#[test]
fn a_calendar_period_starts_anew() {
    let store = MemoryLimits::new();
    let one = |milliseconds| charge(&store, milliseconds, &calendar(at(milliseconds), 60, 2, 1));
    assert_eq!(one(58_000), "fits, 1 left, reset 2");
    assert_eq!(one(58_500), "fits, 0 left, reset 2");
    assert_eq!(one(59_999), "full, 0 left, retry 1, reset 1");
    assert_eq!(one(60_000), "fits, 1 left, reset 60");
    // The clock goes back over the boundary: the new period goes on.
    assert_eq!(one(59_000), "fits, 0 left, reset 61");
    assert_eq!(one(59_000), "full, 0 left, retry 61, reset 61");
    assert_eq!(one(119_999), "full, 0 left, retry 1, reset 1");
    assert_eq!(one(120_000), "fits, 1 left, reset 60");
}

#[test]
fn leases_are_given_back_or_lapse() {
    let (store, one) = (MemoryLimits::new(), leases(600, 2, 1));
    let release = |milliseconds, count| store.release(at(milliseconds), "leases", count).unwrap();
    assert_eq!(release(0, 1), 0);
    assert_eq!(charge(&store, 0, &one), "fits, 1 left, reset 600");
    assert_eq!(charge(&store, 1_000, &one), "fits, 0 left, reset 600");
    assert_eq!(charge(&store, 2_000, &one), "full, 0 left, retry 598, reset 599");
    assert_eq!(release(3_000, 1), 1);
    assert_eq!(charge(&store, 3_000, &one), "fits, 0 left, reset 600");
    assert_eq!(charge(&store, 3_000, &one), "full, 0 left, retry 598, reset 600");
    assert_eq!(release(601_000, u64::MAX), 1, "the other has lapsed");
    assert_eq!(charge(&store, 601_000, &leases(600, 2, 2)), "fits, 0 left, reset 600");
    assert_eq!(release(601_000, 5), 1, "one lease that cost two");
}

#[test]
fn only_leases_are_given_back() {
    let store = MemoryLimits::new();
    charge(&store, 0, &sliding("a", 10, 1, 1));
    assert_eq!(store.release(at(0), "a", 1), Ok(0));
    assert_eq!(charge(&store, 0, &sliding("a", 10, 1, 1)), "full, 0 left, retry 10, reset 10");
}

#[test]
fn what_was_reserved_too_much_is_refunded() {
    let (store, all) = (MemoryLimits::new(), sliding("a", 10, 100, 100));
    let refund = |now, made, charge: &Charge, amount| store.refund(at(now), at(made), charge, amount).unwrap();
    assert_eq!(refund(0, 0, &all, 5), 0, "nothing was reserved");
    assert_eq!(charge(&store, 0, &all), "fits, 0 left, reset 10");
    assert_eq!(refund(3_000, 0, &all, 70), 70);
    assert_eq!(charge(&store, 3_000, &sliding("a", 10, 100, 70)), "fits, 0 left, reset 10");
    assert_eq!(refund(4_000, 0, &all, 70), 30, "never more than it costs");
    assert_eq!(charge(&store, 4_000, &sliding("a", 10, 100, 0)), "fits, 30 left, reset 9");
    assert_eq!(refund(13_000, 3_000, &all, 70), 0, "its time is over");
    let month = calendar(at(0), 60, 100, 80);
    assert_eq!(charge(&store, 50_000, &month), "fits, 20 left, reset 10");
    assert_eq!(refund(59_999, 50_000, &month, 30), 30);
    assert_eq!(refund(60_000, 50_000, &month, 30), 0, "of a period that is over");
    assert_eq!(charge(&store, 60_000, &leases(600, 2, 1)), "fits, 1 left, reset 600");
    assert_eq!(refund(60_000, 60_000, &leases(600, 2, 1), 1), 0, "a lease is given back whole");
}

#[test]
fn what_was_used_beyond_a_reservation_is_overdrawn() {
    let (store, one) = (MemoryLimits::new(), sliding("a", 10, 100, 1));
    store.overdraw(at(0), &sliding("a", 10, 100, 60)).unwrap();
    store.overdraw(at(2_000), &sliding("a", 10, 100, 60)).unwrap();
    assert_eq!(charge(&store, 2_000, &one), "full, 0 left, retry 8, reset 10");
    assert_eq!(charge(&store, 10_000, &one), "fits, 39 left, reset 10");
    store.overdraw(at(10_000), &sliding("a", 10, 100, u64::MAX)).unwrap();
    assert_eq!(charge(&store, 10_000, &one), "full, 0 left, retry 10, reset 10");
}

#[test]
fn all_are_charged_or_none() {
    let store = MemoryLimits::new();
    let batch = [sliding("a", 10, 5, 1), sliding("b", 20, 1, 1)];
    let both = |rooms: Vec<Room>| rooms.into_iter().map(show).collect::<Vec<_>>();
    assert_eq!(both(store.charge(at(0), &batch).unwrap()), ["fits, 4 left, reset 10", "fits, 0 left, reset 20"]);
    let full = ["fits, 4 left, reset 9", "full, 0 left, retry 19, reset 19"];
    assert_eq!(both(store.peek(at(1_000), &batch).unwrap()), full);
    assert_eq!(both(store.charge(at(1_000), &batch).unwrap()), full);
    assert_eq!(both(store.peek(at(1_000), &batch).unwrap()), full, "nothing was charged");
    assert_eq!(store.charge(at(0), &[]), Ok(vec![]));
}

#[test]
fn charges_of_one_call_to_one_counter_count_together() {
    let store = MemoryLimits::new();
    let twice = |limit| [sliding("a", 10, limit, 2), sliding("a", 10, limit, 2)];
    let all = |rooms: Vec<Room>| rooms.into_iter().map(show).collect::<Vec<_>>();
    assert_eq!(all(store.charge(at(0), &twice(3)).unwrap()), ["fits, 3 left, reset 0", "full, 3 left, reset 0"]);
    assert_eq!(all(store.charge(at(0), &twice(5)).unwrap()), ["fits, 1 left, reset 10", "fits, 1 left, reset 10"]);
    let full = ["full, 1 left, retry 10, reset 10", "full, 1 left, retry 10, reset 10"];
    assert_eq!(all(store.charge(at(0), &twice(5)).unwrap()), full);
}

#[test]
fn the_largest_numbers_are_numbers_too() {
    let store = MemoryLimits::new();
    let huge = |cost| sliding("a", u64::MAX, u64::MAX, cost);
    assert_eq!(charge(&store, 0, &huge(u64::MAX)), format!("fits, 0 left, reset {}", u64::MAX));
    assert_eq!(charge(&store, 0, &huge(1)), format!("full, 0 left, retry {0}, reset {0}", u64::MAX));
    let twice = [leases(u64::MAX, u64::MAX, u64::MAX), leases(u64::MAX, u64::MAX, u64::MAX)];
    assert!(!store.charge(at(0), &twice).unwrap()[1].fits);
    let ends = [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC];
    for (now, counter) in ends.into_iter().zip(["first", "last"]) {
        assert!(store.charge(now, &[sliding(counter, u64::MAX, 5_000, 1)]).unwrap()[0].fits);
    }
}

#[test]
fn a_changed_limit_keeps_what_was_charged() {
    let store = MemoryLimits::new();
    assert_eq!(charge(&store, 0, &sliding("a", 100, 5_000, 4_000)), "fits, 1000 left, reset 100");
    assert_eq!(charge(&store, 0, &sliding("a", 10, 500, 1)), "full, 0 left, retry 100, reset 100");
    assert_eq!(charge(&store, 1_000, &sliding("a", 10, 6_000, 1)), "fits, 1999 left, reset 99");
    assert_eq!(charge(&store, 11_000, &sliding("a", 10, 6_000, 1)), "fits, 1999 left, reset 89");
}

#[test]
fn a_high_limit_takes_little_memory_and_gives_room_back_a_sixtieth_late() {
    let store = MemoryLimits::new();
    let cost = |cost| sliding("a", 60, 2_000, cost);
    // Parts of one second. The first two charges end in the same, so the first counts until the second does.
    assert_eq!(charge(&store, 100, &cost(500)), "fits, 1500 left, reset 60");
    assert_eq!(charge(&store, 900, &cost(500)), "fits, 1000 left, reset 60");
    assert_eq!(charge(&store, 1_000, &cost(1_000)), "fits, 0 left, reset 60");
    assert_eq!(charge(&store, 60_899, &cost(1)), "full, 0 left, retry 1, reset 1");
    assert_eq!(charge(&store, 60_900, &cost(1)), "fits, 999 left, reset 60");
    // However many charges there are, a counter keeps no more than 62 parts.
    for tenth in 1_000..3_000 {
        charge(&store, tenth * 100, &cost(1));
    }
    assert!(store.parts("a") <= 62);
}

#[test]
fn empty_counters_are_forgotten() {
    let store = MemoryLimits::new();
    for second in 0..20_000 {
        charge(&store, second * 1_000, &sliding(&format!("user {second}"), 10, 5, 1));
    }
    assert!(store.counters() < 16 * 300, "{}", store.counters());
    store.sweep(at(20_009_000));
    assert_eq!(store.counters(), 0);
}

#[test]
fn threads_never_admit_more_than_the_limit() {
    let store = MemoryLimits::new();
    let admitted = |counters: [&str; 2]| {
        let batch = counters.map(|counter| sliding(counter, 3_600, 100, 1));
        let all = |_: &i32| store.charge(at(0), &batch).unwrap().iter().all(|room| room.fits);
        (0..100).filter(all).count()
    };
    let total: usize = std::thread::scope(|scope| {
        // Half of the threads name the counters the other way round, which must not block the others.
        let names = |thread| if thread % 2 == 0 { ["a", "b"] } else { ["b", "a"] };
        let threads: Vec<_> = (0..8).map(|thread| scope.spawn(move || admitted(names(thread)))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(total, 100);
    for counter in ["a", "b"] {
        assert!(charge(&store, 0, &sliding(counter, 3_600, 100, 1)).starts_with("full, 0 left"));
    }
}

#[test]
fn threads_give_leases_back() {
    let store = MemoryLimits::new();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let [room] = store.charge(at(0), &[leases(600, 3, 1)]).unwrap()[..] else { panic!("one room") };
                    if room.fits {
                        assert_eq!(store.release(at(0), "leases", 1), Ok(1));
                    }
                }
            });
        }
    });
    assert_eq!(charge(&store, 0, &leases(600, 3, 3)), "fits, 0 left, reset 600");
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
    /// When the caller thought that it was.
    said: DateTime<Utc>,
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
            self.made.push(Made { which, at, cost: limit(which, now, cost).cost, said: now });
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

    /// A counter that may be forgotten has come as far as its last charge counted.
    fn sweep(&mut self, now: DateTime<Utc>) {
        for which in 0..LIMITS {
            let ends = self.made.iter().filter(|made| made.which == which).map(|made| Self::until(which, made.at));
            let gone_by = ends.max().max(self.latest[which]);
            if gone_by.is_some_and(|gone_by| gone_by <= now) {
                self.latest[which] = gone_by;
            }
        }
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
    Sweep,
}

/// Steps, each with the milliseconds that pass before it.
fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let batch = prop::collection::vec((0..LIMITS, 0..8_u64), 1..4).prop_map(Step::Charge);
    let single = (0..LIMITS, 0..4_u64).prop_map(|charge| Step::Charge(vec![charge]));
    let refund = (any::<usize>(), 0..700_u64).prop_map(|(index, amount)| Step::Refund(index, amount));
    let overdraw = (0..LIMITS, 0..4_u64).prop_map(|(which, cost)| Step::Overdraw(which, cost));
    let release = (0..4_u64).prop_map(Step::Release);
    let step = prop_oneof![2 => batch, 8 => single, 2 => refund, 1 => overdraw, 1 => release, 1 => Just(Step::Sweep)];
    let pause = prop_oneof![3 => Just(0), 8 => 0..900_i64, 4 => (0..20_i64).prop_map(|n| n * 500), 1 => -9_000..0_i64];
    prop::collection::vec((pause, step), 1..120)
}

fn charges(now: DateTime<Utc>, batch: &[(usize, u64)]) -> Vec<Charge> {
    batch.iter().map(|(which, cost)| limit(*which, now, *cost)).collect()
}

/// Checks what callers are told about waiting by asking again at that time, and a second before.
fn waits_are_exact(store: &MemoryLimits, now: DateTime<Utc>, batch: &[(usize, u64)]) -> Result<(), TestCaseError> {
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

proptest! {
    /// Without forgetting: what is used is what the law says, for high limits at most a sixtieth of the window late.
    #[test]
    fn the_store_counts_as_the_law_says(steps in steps()) {
        let (store, mut model, mut now) = (MemoryLimits::new(), Model::default(), at(0));
        for (pause, step) in steps {
            now += TimeDelta::milliseconds(pause);
            match step {
                Step::Charge(batch) => {
                    let rooms = store.charge(now, &charges(now, &batch)).unwrap();
                    let made = rooms.iter().all(|room| room.fits);
                    prop_assert!(!made || model.fits(now, &batch), "{now} {batch:?}");
                    let exact = batch.iter().all(|(which, _)| ![2, 3].contains(which));
                    prop_assert!(!exact || made == model.fits(now, &batch), "{now} {batch:?}");
                    if made {
                        model.charge(now, &batch);
                    }
                    waits_are_exact(&store, now, &batch)?;
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
                Step::Sweep => {}
            }
            for which in 0..LIMITS {
                // An overdraft goes past the limit, and is seen by a higher one.
                let charge = Charge { limit: u64::MAX, ..limit(which, now, 0) };
                let used = charge.limit - store.peek(now, &[charge]).unwrap()[0].remaining;
                let late = [(2, 7_000), (3, 1_000)].iter().find(|(high, _)| *high == which);
                let late = late.map_or(TimeDelta::zero(), |(_, window)| TimeDelta::milliseconds(*window) / 60);
                prop_assert!(used >= model.used(which, now, TimeDelta::zero()), "{now} {which}");
                prop_assert!(used <= model.used(which, now, late), "{now} {which}");
            }
        }
    }

    /// Whatever is forgotten when, and wherever the clock jumps: nothing is admitted that the law forbids.
    #[test]
    fn forgetting_admits_nothing_more(steps in steps()) {
        let (store, mut model, mut now) = (MemoryLimits::new(), Model::default(), at(0));
        for (pause, step) in steps {
            now += TimeDelta::milliseconds(pause);
            match step {
                Step::Charge(batch) => {
                    if store.charge(now, &charges(now, &batch)).unwrap().iter().all(|room| room.fits) {
                        prop_assert!(model.fits(now, &batch), "{now} {batch:?}");
                        model.charge(now, &batch);
                    }
                }
                Step::Refund(index, amount) => {
                    if let Some(made) = model.settled(index) {
                        let charge = limit(made.which, made.said, 1);
                        made.cost -= store.refund(now, made.said, &charge, amount.min(made.cost)).unwrap();
                    }
                }
                Step::Overdraw(..) | Step::Release(_) => {}
                Step::Sweep => {
                    store.sweep(now);
                    model.sweep(now);
                }
            }
        }
    }

    /// The law itself, from nothing but what was admitted when.
    #[test]
    fn no_span_holds_more_than_the_limit(
        pauses in prop::collection::vec((0..700_i64, 1..400_u64), 1..200), high in any::<bool>(),
    ) {
        let (store, limit) = (MemoryLimits::new(), if high { 1_500 } else { 900 });
        let (mut now, mut admitted) = (0_i64, Vec::new());
        for (pause, cost) in pauses {
            now += pause;
            if store.charge(at(now), &[sliding("a", 9, limit, cost)]).unwrap()[0].fits {
                admitted.push((now, cost));
            }
        }
        for (end, _) in &admitted {
            let inside = admitted.iter().filter(|(at, _)| end - 9_000 < *at && at <= end);
            prop_assert!(inside.map(|(_, cost)| cost).sum::<u64>() <= limit);
        }
    }
}

#[test]
fn counters_are_told_and_can_begin_anew() {
    let store = MemoryLimits::new();
    for (milliseconds, one) in
        [(0, sliding("b", 10, 9, 2)), (1_000, sliding("b", 10, 9, 3)), (0, sliding("a", 5, 9, 1))]
    {
        charge(&store, milliseconds, &one);
    }
    charge(&store, 0, &leases(60, 2, 1));
    let told = |now: i64, takes: &dyn Fn(&str) -> bool, most: usize| -> Vec<String> {
        let found = store.tallies(at(now), takes, most).unwrap();
        found.iter().map(|tally| format!("{} {} {}", tally.counter, tally.used, tally.reset)).collect()
    };
    assert_eq!(told(1_000, &|_| true, 9), ["a 1 4", "b 5 10", "leases 1 59"]);
    assert_eq!(told(6_000, &|_| true, 9), ["b 5 5", "leases 1 54"], "what holds nothing is not told");
    assert_eq!(told(1_000, &|name| name == "b", 9), ["b 5 10"]);
    assert_eq!(told(1_000, &|_| true, 2), ["a 1 4", "b 5 10"]);
    assert_eq!(
        ["b", "leases", "b", "other"].map(|name| store.reset(at(2_000), name)),
        [Ok(true), Ok(true), Ok(false), Ok(false)]
    );
    assert_eq!(charge(&store, 1_500, &sliding("b", 10, 9, 9)), "fits, 0 left, reset 11", "its clock does not go back");
    assert_eq!(store.release(at(2_000), "leases", 1), Ok(0));
}
