//! The suite of [`LimitStore`]: whatever backend counts, it counts alike.
//!
//! ```
//! use policyc::{conformance, store::limits::MemoryLimits};
//!
//! conformance::limits::run(&|| Box::new(MemoryLimits::new()), 16);
//! ```

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a store that counts otherwise must not pass, so the suite ends in a panic"
)]

mod law;

use crate::store::limits::{Charge, LimitStore, Room, Window};
use chrono::{DateTime, Utc};

/// Makes an empty store.
pub type Open<'a> = &'a dyn Fn() -> Box<dyn LimitStore>;

/// Holds a store against the law and its examples. `open` makes an empty one, which must go by the time that each call names
/// even if it has a clock of its own otherwise: the suite plays through hours, and lets clocks go back. `cases` is how many
/// sequences of calls are tried by chance, each on a store of its own; a few hundred find nearly all that can be found.
///
/// # Panics
/// If the store counts otherwise.
pub fn run(open: Open<'_>, cases: u32) {
    for (name, example) in EXAMPLES {
        // Shown by the test that fails.
        eprintln!("conformance of limits: {name}");
        example(&*open());
    }
    law::counts_as_the_law_says(open, cases);
    law::no_span_holds_more_than_the_limit(open, cases);
}

type Example = fn(&dyn LimitStore);

const EXAMPLES: &[(&str, Example)] = &[
    ("a_sliding_window_gives_room_back_to_the_tick", a_sliding_window_gives_room_back_to_the_tick),
    ("what_costs_too_much_never_fits", what_costs_too_much_never_fits),
    ("what_costs_nothing_always_fits_and_leaves_no_trace", what_costs_nothing_always_fits_and_leaves_no_trace),
    ("a_calendar_period_starts_anew", a_calendar_period_starts_anew),
    ("leases_are_given_back_or_lapse", leases_are_given_back_or_lapse),
    ("only_leases_are_given_back", only_leases_are_given_back),
    ("what_was_reserved_too_much_is_refunded", what_was_reserved_too_much_is_refunded),
    ("what_was_used_beyond_a_reservation_is_overdrawn", what_was_used_beyond_a_reservation_is_overdrawn),
    ("all_are_charged_or_none", all_are_charged_or_none),
    ("charges_of_one_call_to_one_counter_count_together", charges_of_one_call_to_one_counter_count_together),
    ("a_changed_limit_keeps_what_was_charged", a_changed_limit_keeps_what_was_charged),
    ("a_high_limit_gives_room_back_a_sixtieth_late", a_high_limit_gives_room_back_a_sixtieth_late),
    ("threads_never_admit_more_than_the_limit", threads_never_admit_more_than_the_limit),
    ("threads_give_leases_back", threads_give_leases_back),
    ("counters_are_told_and_can_begin_anew", counters_are_told_and_can_begin_anew),
    ("what_does_not_bind_holds_up_nothing", what_does_not_bind_holds_up_nothing),
    ("a_receipt_says_when_it_was", a_receipt_says_when_it_was),
    ("large_numbers_are_numbers_too", large_numbers_are_numbers_too),
    ("names_are_any_texts", names_are_any_texts),
];

/// The greatest amount that every store counts exactly.
const LARGEST: u64 = (1 << 53) - 1;

/// A time: milliseconds after the start of 2025, which is the start of all calendar periods too.
fn at(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_735_689_600_000 + milliseconds).unwrap()
}

fn sliding(counter: &str, seconds: u64, limit: u64, cost: u64) -> Charge {
    Charge { counter: counter.to_owned(), window: Window::Sliding { seconds }, limit, cost, binds: true }
}

fn leases(lapse: u64, limit: u64, cost: u64) -> Charge {
    Charge { counter: "leases".to_owned(), window: Window::AtOnce { lapse }, limit, cost, binds: true }
}

/// A charge to the period of `seconds` that `now` is in.
fn calendar(now: DateTime<Utc>, seconds: i64, limit: u64, cost: u64) -> Charge {
    let start = now.timestamp().div_euclid(seconds) * seconds;
    let instant = |second| DateTime::from_timestamp(second, 0).unwrap();
    let window = Window::Calendar { start: instant(start), end: instant(start + seconds) };
    Charge { counter: "calendar".to_owned(), window, limit, cost, binds: true }
}

/// Charges one and says how it stands: `fits, 3 left, retry 2, reset 9`.
fn charge(store: &dyn LimitStore, milliseconds: i64, charge: &Charge) -> String {
    show(made(store, milliseconds, std::slice::from_ref(charge))[0])
}

/// Charges some and gives how they stand.
fn made(store: &dyn LimitStore, milliseconds: i64, charges: &[Charge]) -> Vec<Room> {
    store.charge(at(milliseconds), charges).unwrap().rooms
}

fn show(room: Room) -> String {
    let Room { fits, remaining, retry_after, reset } = room;
    let fits = if fits { "fits" } else { "full" };
    let retry = retry_after.map_or(String::new(), |seconds| format!(", retry {seconds}"));
    format!("{fits}, {remaining} left{retry}, reset {reset}")
}

fn a_sliding_window_gives_room_back_to_the_tick(store: &dyn LimitStore) {
    let one = sliding("a", 10, 2, 1);
    assert_eq!(charge(store, 0, &one), "fits, 1 left, reset 10");
    assert_eq!(charge(store, 4_500, &one), "fits, 0 left, reset 10");
    assert_eq!(charge(store, 4_501, &one), "full, 0 left, retry 6, reset 10");
    assert_eq!(charge(store, 9_999, &one), "full, 0 left, retry 1, reset 5");
    assert_eq!(charge(store, 10_000, &one), "fits, 0 left, reset 10");
    assert_eq!(charge(store, 14_000, &one), "full, 0 left, retry 1, reset 6");
}

fn what_costs_too_much_never_fits(store: &dyn LimitStore) {
    assert_eq!(charge(store, 0, &sliding("a", 10, 5, 6)), "full, 5 left, reset 0");
    assert_eq!(charge(store, 0, &sliding("a", 10, 5, 3)), "fits, 2 left, reset 10");
    assert_eq!(charge(store, 1_000, &sliding("a", 10, 5, 3)), "full, 2 left, retry 9, reset 9");
    assert_eq!(charge(store, 1_000, &sliding("a", 10, 5, 6)), "full, 2 left, reset 9");
}

fn what_costs_nothing_always_fits_and_leaves_no_trace(store: &dyn LimitStore) {
    assert_eq!(charge(store, 0, &sliding("a", 10, 1, 0)), "fits, 1 left, reset 0");
    assert_eq!(store.tallies(at(0), &|_| true, 9), Ok(Vec::new()));
    assert_eq!(charge(store, 0, &sliding("a", 10, 1, 1)), "fits, 0 left, reset 10");
    assert_eq!(charge(store, 1_000, &sliding("a", 10, 1, 0)), "fits, 0 left, reset 9");
}

fn a_calendar_period_starts_anew(store: &dyn LimitStore) {
    let one = |milliseconds| charge(store, milliseconds, &calendar(at(milliseconds), 60, 2, 1));
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

fn leases_are_given_back_or_lapse(store: &dyn LimitStore) {
    let one = leases(600, 2, 1);
    let release = |milliseconds, count| store.release(at(milliseconds), "leases", count).unwrap();
    assert_eq!(release(0, 1), 0);
    assert_eq!(charge(store, 0, &one), "fits, 1 left, reset 600");
    assert_eq!(charge(store, 1_000, &one), "fits, 0 left, reset 600");
    assert_eq!(charge(store, 2_000, &one), "full, 0 left, retry 598, reset 599");
    assert_eq!(release(3_000, 1), 1);
    assert_eq!(charge(store, 3_000, &one), "fits, 0 left, reset 600");
    assert_eq!(charge(store, 3_000, &one), "full, 0 left, retry 598, reset 600");
    assert_eq!(release(601_000, u64::MAX), 1, "the other has lapsed");
    assert_eq!(charge(store, 601_000, &leases(600, 2, 2)), "fits, 0 left, reset 600");
    assert_eq!(release(601_000, 5), 1, "one lease that cost two");
}

fn only_leases_are_given_back(store: &dyn LimitStore) {
    charge(store, 0, &sliding("a", 10, 1, 1));
    assert_eq!(store.release(at(0), "a", 1), Ok(0));
    assert_eq!(charge(store, 0, &sliding("a", 10, 1, 1)), "full, 0 left, retry 10, reset 10");
}

fn what_was_reserved_too_much_is_refunded(store: &dyn LimitStore) {
    let all = sliding("a", 10, 100, 100);
    let refund = |now, made, charge: &Charge, amount| store.refund(at(now), at(made), charge, amount).unwrap();
    assert_eq!(refund(0, 0, &all, 5), 0, "nothing was reserved");
    assert_eq!(charge(store, 0, &all), "fits, 0 left, reset 10");
    assert_eq!(refund(3_000, 0, &all, 70), 70);
    assert_eq!(charge(store, 3_000, &sliding("a", 10, 100, 70)), "fits, 0 left, reset 10");
    assert_eq!(refund(4_000, 0, &all, 70), 30, "never more than it costs");
    assert_eq!(charge(store, 4_000, &sliding("a", 10, 100, 0)), "fits, 30 left, reset 9");
    assert_eq!(refund(13_000, 3_000, &all, 70), 0, "its time is over");
    let month = calendar(at(0), 60, 100, 80);
    assert_eq!(charge(store, 50_000, &month), "fits, 20 left, reset 10");
    assert_eq!(refund(59_999, 50_000, &month, 30), 30);
    assert_eq!(refund(60_000, 50_000, &month, 30), 0, "of a period that is over");
    assert_eq!(charge(store, 60_000, &leases(600, 2, 1)), "fits, 1 left, reset 600");
    assert_eq!(refund(60_000, 60_000, &leases(600, 2, 1), 1), 0, "a lease is given back whole");
}

fn what_was_used_beyond_a_reservation_is_overdrawn(store: &dyn LimitStore) {
    let one = sliding("a", 10, 100, 1);
    store.overdraw(at(0), &sliding("a", 10, 100, 60)).unwrap();
    store.overdraw(at(2_000), &sliding("a", 10, 100, 60)).unwrap();
    assert_eq!(charge(store, 2_000, &one), "full, 0 left, retry 8, reset 10");
    assert_eq!(charge(store, 10_000, &one), "fits, 39 left, reset 10");
    store.overdraw(at(10_000), &sliding("a", 10, 100, LARGEST)).unwrap();
    assert_eq!(charge(store, 10_000, &one), "full, 0 left, retry 10, reset 10");
}

fn all_are_charged_or_none(store: &dyn LimitStore) {
    let batch = [sliding("a", 10, 5, 1), sliding("b", 20, 1, 1)];
    let both = |rooms: Vec<Room>| rooms.into_iter().map(show).collect::<Vec<_>>();
    assert_eq!(both(made(store, 0, &batch)), ["fits, 4 left, reset 10", "fits, 0 left, reset 20"]);
    let full = ["fits, 4 left, reset 9", "full, 0 left, retry 19, reset 19"];
    assert_eq!(both(store.peek(at(1_000), &batch).unwrap()), full);
    assert_eq!(both(made(store, 1_000, &batch)), full);
    assert_eq!(both(store.peek(at(1_000), &batch).unwrap()), full, "nothing was charged");
    assert_eq!(made(store, 0, &[]), []);
    assert_eq!(store.peek(at(0), &[]), Ok(vec![]));
}

fn charges_of_one_call_to_one_counter_count_together(store: &dyn LimitStore) {
    let twice = |limit| [sliding("a", 10, limit, 2), sliding("a", 10, limit, 2)];
    let all = |rooms: Vec<Room>| rooms.into_iter().map(show).collect::<Vec<_>>();
    assert_eq!(all(made(store, 0, &twice(3))), ["fits, 3 left, reset 0", "full, 3 left, reset 0"]);
    assert_eq!(all(made(store, 0, &twice(5))), ["fits, 1 left, reset 10", "fits, 1 left, reset 10"]);
    let full = ["full, 1 left, retry 10, reset 10", "full, 1 left, retry 10, reset 10"];
    assert_eq!(all(made(store, 0, &twice(5))), full);
}

fn a_changed_limit_keeps_what_was_charged(store: &dyn LimitStore) {
    assert_eq!(charge(store, 0, &sliding("a", 100, 5_000, 4_000)), "fits, 1000 left, reset 100");
    assert_eq!(charge(store, 0, &sliding("a", 10, 500, 1)), "full, 0 left, retry 100, reset 100");
    assert_eq!(charge(store, 1_000, &sliding("a", 10, 6_000, 1)), "fits, 1999 left, reset 99");
    assert_eq!(charge(store, 11_000, &sliding("a", 10, 6_000, 1)), "fits, 1999 left, reset 89");
}

fn a_high_limit_gives_room_back_a_sixtieth_late(store: &dyn LimitStore) {
    let cost = |cost| sliding("a", 60, 2_000, cost);
    // Parts of one second. The first two charges end in the same, so the first counts until the second does.
    assert_eq!(charge(store, 100, &cost(500)), "fits, 1500 left, reset 60");
    assert_eq!(charge(store, 900, &cost(500)), "fits, 1000 left, reset 60");
    assert_eq!(charge(store, 1_000, &cost(1_000)), "fits, 0 left, reset 60");
    assert_eq!(charge(store, 60_899, &cost(1)), "full, 0 left, retry 1, reset 1");
    assert_eq!(charge(store, 60_900, &cost(1)), "fits, 999 left, reset 60");
}

fn threads_never_admit_more_than_the_limit(store: &dyn LimitStore) {
    let admitted = |counters: [&str; 2]| {
        let batch = counters.map(|counter| sliding(counter, 3_600, 100, 1));
        let all = |_: &i32| made(store, 0, &batch).iter().all(|room| room.fits);
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
        assert!(charge(store, 0, &sliding(counter, 3_600, 100, 1)).starts_with("full, 0 left"));
    }
}

fn threads_give_leases_back(store: &dyn LimitStore) {
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let [room] = made(store, 0, &[leases(600, 3, 1)])[..] else { panic!("one room") };
                    if room.fits {
                        assert_eq!(store.release(at(0), "leases", 1), Ok(1));
                    }
                }
            });
        }
    });
    assert_eq!(charge(store, 0, &leases(600, 3, 3)), "fits, 0 left, reset 600");
}

fn counters_are_told_and_can_begin_anew(store: &dyn LimitStore) {
    for (milliseconds, one) in
        [(0, sliding("b", 10, 9, 2)), (1_000, sliding("b", 10, 9, 3)), (0, sliding("a", 5, 9, 1))]
    {
        charge(store, milliseconds, &one);
    }
    charge(store, 0, &leases(60, 2, 1));
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
    assert_eq!(charge(store, 1_500, &sliding("b", 10, 9, 9)), "fits, 0 left, reset 11", "its clock does not go back");
    assert_eq!(store.release(at(2_000), "leases", 1), Ok(0));
}

fn what_does_not_bind_holds_up_nothing(store: &dyn LimitStore) {
    let free = |counter, limit| Charge { binds: false, ..sliding(counter, 10, limit, 1) };
    let batch = [sliding("a", 10, 2, 1), free("b", 1), free("c", 5)];
    let told = |rooms: Vec<Room>| rooms.into_iter().map(show).collect::<Vec<_>>();
    assert_eq!(
        told(made(store, 0, &batch)),
        ["fits, 1 left, reset 10", "fits, 0 left, reset 10", "fits, 4 left, reset 10"]
    );
    let full = "full, 0 left, retry 9, reset 9";
    assert_eq!(told(made(store, 1_000, &batch)), ["fits, 0 left, reset 10", full, "fits, 3 left, reset 10"]);
    assert_eq!(
        told(made(store, 2_000, &batch)),
        ["full, 0 left, retry 8, reset 9", "full, 0 left, retry 8, reset 8", "fits, 3 left, reset 9"],
        "nothing is made where what binds does not fit"
    );
    let twice = [free("d", 1), free("d", 1), sliding("d", 10, 2, 1)];
    assert_eq!(made(store, 0, &twice).iter().map(|room| room.fits).collect::<Vec<_>>(), [true, false, true]);
}

fn a_receipt_says_when_it_was(store: &dyn LimitStore) {
    let all = sliding("a", 10, 100, 100);
    let receipt = store.charge(at(1_234), std::slice::from_ref(&all)).unwrap();
    assert_eq!(receipt.at, at(1_234), "the store under test goes by the caller's clock");
    assert_eq!(store.refund(at(2_000), receipt.at, &all, 30), Ok(30));
}

fn large_numbers_are_numbers_too(store: &dyn LimitStore) {
    const CENTURY: u64 = 100 * 365 * 86_400;
    let huge = |cost| sliding("a", CENTURY, LARGEST, cost);
    assert_eq!(charge(store, 0, &huge(LARGEST - 1)), format!("fits, 1 left, reset {CENTURY}"));
    assert_eq!(charge(store, 0, &huge(2)), format!("full, 1 left, retry {CENTURY}, reset {CENTURY}"));
    assert_eq!(charge(store, 0, &huge(1)), format!("fits, 0 left, reset {CENTURY}"));
    let beyond = |counter| sliding(counter, u64::MAX, u64::MAX, u64::MAX);
    assert!(charge(store, 0, &beyond("a")).starts_with("full"));
    assert!(charge(store, 0, &beyond("b")).starts_with("fits, 0 left"));
    assert!(charge(store, 0, &sliding("b", u64::MAX, u64::MAX, 1)).starts_with("full, 0 left"));
    let twice = [leases(u64::MAX, u64::MAX, u64::MAX), leases(u64::MAX, u64::MAX, u64::MAX)];
    assert!(!made(store, 0, &twice)[1].fits);
}

fn names_are_any_texts(store: &dyn LimitStore) {
    let names = ["", " ", "*", "[a]", "a\u{0}b", "{x}:y\n", "größer \u{1F600}", "H 0 0"];
    for name in names {
        assert_eq!(charge(store, 0, &sliding(name, 10, 1, 1)), "fits, 0 left, reset 10", "{name:?}");
    }
    let told = store.tallies(at(0), &|_| true, 99).unwrap();
    let mut sorted = names;
    sorted.sort_unstable();
    assert_eq!(told.iter().map(|tally| &*tally.counter).collect::<Vec<_>>(), sorted);
    assert_eq!(store.reset(at(0), "*"), Ok(true));
    assert_eq!(store.tallies(at(0), &|_| true, 99).unwrap().len(), names.len() - 1);
}

#[cfg(test)]
mod tests {
    use crate::store::limits::MemoryLimits;

    #[test]
    fn memory_counts_as_every_store_does() {
        super::run(&|| Box::new(MemoryLimits::new()), 256);
    }
}
