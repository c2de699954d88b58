//! What only the store in memory does, which is to forget; what all stores do is in `conformance`.

#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

use super::*;
use proptest::prelude::*;

/// A time: milliseconds after the start of 2025, which is the start of all calendar periods too.
fn at(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_735_689_600_000 + milliseconds).unwrap()
}

fn sliding(counter: &str, seconds: u64, limit: u64, cost: u64) -> Charge {
    Charge { counter: counter.to_owned(), window: Window::Sliding { seconds }, limit, cost, binds: true }
}

/// Charges one and says how it stands.
fn charge(store: &MemoryLimits, milliseconds: i64, charge: &Charge) -> Room {
    store.charge(at(milliseconds), std::slice::from_ref(charge)).unwrap().rooms[0]
}

#[test]
fn the_largest_numbers_are_numbers_too() {
    let store = MemoryLimits::new();
    let huge = |cost| sliding("a", u64::MAX, u64::MAX, cost);
    let full = Room { fits: true, remaining: 0, retry_after: None, reset: u64::MAX };
    assert_eq!(charge(&store, 0, &huge(u64::MAX)), full);
    assert_eq!(charge(&store, 0, &huge(1)), Room { fits: false, retry_after: Some(u64::MAX), ..full });
    let ends = [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC];
    for (now, counter) in ends.into_iter().zip(["first", "last"]) {
        assert!(store.charge(now, &[sliding(counter, u64::MAX, 5_000, 1)]).unwrap().rooms[0].fits);
    }
}

#[test]
fn a_high_limit_takes_little_memory() {
    let store = MemoryLimits::new();
    for tenth in 0..2_000 {
        charge(&store, tenth * 100, &sliding("a", 60, 2_000, 1));
    }
    assert!(store.parts("a") <= 62, "however many charges there are");
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

/// Whatever is forgotten when, and wherever the clock jumps: nothing is admitted that the law forbids.
#[derive(Debug, Clone)]
enum Step {
    Charge(u64),
    Refund(usize, u64),
    Sweep,
}

/// Steps, each with the milliseconds that pass before it.
fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let charge = (0..8_u64).prop_map(Step::Charge);
    let refund = (any::<usize>(), 0..8_u64).prop_map(|(index, amount)| Step::Refund(index, amount));
    let pause = prop_oneof![3 => Just(0), 8 => 0..900_i64, 4 => (0..20_i64).prop_map(|n| n * 500), 1 => -9_000..0_i64];
    prop::collection::vec((pause, prop_oneof![8 => charge, 2 => refund, 1 => Just(Step::Sweep)]), 1..120)
}

proptest! {
    #[test]
    fn forgetting_admits_nothing_more(steps in steps(), seconds in 1..12_u64) {
        const LIMIT: u64 = 9;
        let (store, mut now) = (MemoryLimits::new(), 0_i64);
        // What was charged: when by the counter's clock, when by the caller's, and how much; and how far that clock has come.
        let (mut made, mut latest) = (Vec::<(i64, i64, u64)>::new(), i64::MIN);
        let span = i64::try_from(seconds).unwrap() * 1_000;
        for (pause, step) in steps {
            now += pause;
            match step {
                Step::Charge(cost) => {
                    if charge(&store, now, &sliding("a", seconds, LIMIT, cost)).fits && cost > 0 {
                        latest = latest.max(now);
                        let used: u64 = made.iter().filter(|(at, ..)| latest < at + span).map(|(.., cost)| cost).sum();
                        prop_assert!(used + cost <= LIMIT);
                        made.push((latest, now, cost));
                    }
                }
                Step::Refund(index, amount) => {
                    if let Some(place) = index.checked_rem(made.len()) {
                        let (_, said, cost) = made[place];
                        let one = sliding("a", seconds, LIMIT, 1);
                        let mut taken = store.refund(at(now), at(said), &one, amount.min(cost)).unwrap();
                        // If the caller's clock had gone back, it is taken from what was charged when that clock was right.
                        for (_, _, cost) in made.iter_mut().filter(|(at, ..)| *at == said) {
                            let part = taken.min(*cost);
                            (*cost, taken) = (*cost - part, taken - part);
                        }
                        prop_assert_eq!(taken, 0);
                        made.retain(|(.., cost)| *cost > 0);
                    }
                }
                Step::Sweep => {
                    store.sweep(at(now));
                    // A counter that may be forgotten has come as far as its last charge counted.
                    let gone_by = made.iter().map(|(at, ..)| at + span).max().map(|ends| ends.max(latest));
                    if let Some(gone_by) = gone_by.filter(|gone_by| *gone_by <= now) {
                        latest = gone_by;
                    }
                }
            }
        }
    }
}
