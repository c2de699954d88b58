//! The store against the suite that all stores pass, and in all that can go wrong between two machines.

#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "a test that panics has failed, as it should")]

#[expect(dead_code, reason = "also what only the tests of several services need")]
mod server;

use chrono::{DateTime, TimeDelta, Utc};
use policyc::{
    conformance,
    store::{
        Address,
        limits::{Charge, LimitStore, Window},
    },
};
use policyc_limits_redis::RedisLimits;
use server::{PROGRAMS, Server, until};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

/// How long an answer may take: far longer than it does, where that is not what is tested.
const PATIENCE: Duration = Duration::from_secs(60);

fn store(url: &str, patience: Duration) -> RedisLimits {
    RedisLimits::new(&Address::from(url.to_owned()), patience).unwrap()
}

fn sliding(counter: &str, seconds: u64, limit: u64) -> Charge {
    Charge { counter: counter.to_owned(), window: Window::Sliding { seconds }, limit, cost: 1, binds: true }
}

/// By a caller's clock that differs by so many seconds from another's.
fn now(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_735_689_600 + seconds, 0).unwrap()
}

/// How many of so many charges fit.
fn admitted(store: &RedisLimits, now: DateTime<Utc>, charge: &Charge, tries: u32) -> usize {
    let fits = |_: &u32| store.charge(now, std::slice::from_ref(charge)).unwrap().rooms[0].fits;
    (0..tries).filter(fits).count()
}

#[test]
fn it_counts_as_every_store_does() {
    assert!(PROGRAMS.contains_key("redis-server"), "scripts/redis cannot install it; target/redis/redis.log says why");
    for program in PROGRAMS.values() {
        let server = Server::of(program, false);
        let (limits, stores) = (store(&server.url(), PATIENCE), AtomicU64::new(0));
        let fresh = || stores.fetch_add(1, Ordering::Relaxed).to_string();
        conformance::limits::run(&|| Box::new(limits.under_test(&fresh())), 64);
    }
}

#[test]
fn many_threads_of_two_machines_never_admit_more_than_the_limit() {
    let server = Server::start();
    let nodes = [store(&server.url(), PATIENCE), store(&server.url(), PATIENCE)];
    let charge = sliding("a", 3_600, 500);
    let total: usize = thread::scope(|scope| {
        // One machine's clock is five seconds ahead of the other's.
        let ask = |thread: usize| admitted(&nodes[thread % 2], now(thread as i64 % 2 * 5), &charge, 20);
        let threads: Vec<_> = (0..64).map(|thread| scope.spawn(move || ask(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(total, 500);
}

#[test]
fn clocks_that_differ_admit_no_more_in_a_calendar_period() {
    let server = Server::start();
    let limits = store(&server.url(), PATIENCE);
    let time = server.ask("EVAL \"return tonumber(redis.call('TIME')[1])\" 0");
    let time = DateTime::from_timestamp(time.trim_start_matches(':').parse().unwrap(), 0).unwrap();
    // Of one period, of the next by a clock that is ahead, and of one that is over by a clock that is behind.
    let period = |which: i64| {
        let start = time + TimeDelta::days(30 * which - 10);
        let window = Window::Calendar { start, end: start + TimeDelta::days(30) };
        Charge { window, ..sliding("month", 1, 30) }
    };
    let total: usize = [0, 1, -1, 0, 1].map(|which| admitted(&limits, now(which * 5), &period(which), 10)).iter().sum();
    assert_eq!(total, 30);
}

#[test]
fn what_a_charge_reserved_is_refunded_by_its_receipt() {
    let server = Server::start();
    let limits = store(&server.url(), PATIENCE);
    let charge = Charge { cost: 80, ..sliding("a", 600, 100) };
    let receipt = limits.charge(now(0), std::slice::from_ref(&charge)).unwrap();
    assert_eq!(limits.refund(now(9), now(0), &charge, 50), Ok(0), "by the caller's clock nothing was charged then");
    assert_eq!(limits.refund(now(9), receipt.at, &charge, 50), Ok(50));
    let lease = Charge { window: Window::AtOnce { lapse: 600 }, ..sliding("held", 1, 1) };
    assert_eq!(admitted(&limits, now(0), &lease, 2), 1);
    assert_eq!(limits.release(now(0), "held", 1), Ok(1));
    assert_eq!(admitted(&limits, now(0), &lease, 2), 1);
}

#[test]
fn keys_expire_by_themselves() {
    let server = Server::start();
    let limits = store(&server.url(), PATIENCE);
    limits.charge(now(0), &[sliding("a", 100, 5), sliding("b", 10_000, 5)]).unwrap();
    for (counter, seconds) in [("a", 100), ("b", 10_000)] {
        let left: u64 =
            server.ask(&format!("PTTL {{policyc}}:limit:{counter}")).trim_start_matches(':').parse().unwrap();
        // A minute longer than they hold something, less what the test itself took.
        assert!(left <= (seconds + 60) * 1_000 + 1 && left > (seconds + 1) * 1_000, "{counter}: {left} ms");
    }
}

#[test]
fn what_nobody_answers_is_an_outage_that_names_the_store_and_no_secret() {
    let server = Server::start();
    let port = server.url().rsplit_once(':').unwrap().1.to_owned();
    drop(server);
    let limits = store(&format!("redis://user:s3cret@127.0.0.1:{port}/2"), PATIENCE);
    let outage = limits.charge(now(0), &[sliding("a", 10, 5)]).unwrap_err().to_string();
    assert!(outage.starts_with(&format!("redis://127.0.0.1:{port}/2: ")) && !outage.contains("s3cret"), "{outage}");
    assert!(!format!("{limits:?}").contains("s3cret"));
    let bad = RedisLimits::new(&Address::from("redis://user:s3cret@[host".to_owned()), PATIENCE).unwrap_err();
    assert!(!bad.contains("s3cret"), "{bad}");
}

#[test]
fn a_wrong_password_is_an_outage_that_does_not_tell_it() {
    let server = Server::start();
    server.ask("CONFIG SET requirepass right");
    let limits = store(&server.url().replace("//", "//:wr0ng@"), PATIENCE);
    let outage = limits.charge(now(0), &[sliding("a", 10, 5)]).unwrap_err().to_string();
    assert!(!outage.contains("wr0ng"), "{outage}");
    let limits = store(&server.url().replace("//", "//:right@"), PATIENCE);
    assert_eq!(admitted(&limits, now(0), &sliding("a", 10, 5), 1), 1);
}

#[test]
fn a_server_that_was_killed_is_found_again() {
    let mut server = Server::start();
    let (limits, charge) = (store(&server.url(), PATIENCE), sliding("a", 3_600, 5));
    assert_eq!(admitted(&limits, now(0), &charge, 3), 3);
    server.kill();
    assert!(limits.charge(now(0), std::slice::from_ref(&charge)).is_err());
    server.restart();
    until("the store is there again", || limits.peek(now(0), &[]).ok());
    assert_eq!(admitted(&limits, now(0), &charge, 9), 2, "what was charged is kept on disk");
}

#[test]
fn a_server_that_is_silent_is_an_outage() {
    let server = Server::start();
    let (limits, charge) = (store(&server.url(), Duration::from_millis(500)), sliding("a", 3_600, 5));
    until("the store is there", || limits.charge(now(0), std::slice::from_ref(&charge)).ok());
    server.signal("STOP");
    let outage = limits.charge(now(0), std::slice::from_ref(&charge)).unwrap_err().to_string();
    server.signal("CONT");
    assert!(outage.contains("500 ms"), "{outage}");
    until("the store is there again", || limits.charge(now(0), std::slice::from_ref(&charge)).ok());
}

#[test]
fn what_is_no_counter_is_an_outage_of_that_counter_alone() {
    let server = Server::start();
    let limits = store(&server.url(), PATIENCE);
    for (counter, command) in [
        ("text", "SET {policyc}:limit:text 1"),
        ("list", "RPUSH {policyc}:limit:list H x y"),
        ("charges", "RPUSH {policyc}:limit:charges \"H 1 5\" \"C 9007199254740000 none\""),
        ("heads", "RPUSH {policyc}:limit:heads \"C 1 5\""),
    ] {
        server.ask(command);
        let outage = limits.charge(now(0), &[sliding("fine", 10, 5), sliding(counter, 10, 5)]).unwrap_err().to_string();
        assert!(outage.starts_with(&server.url()), "{outage}");
        assert_eq!(limits.peek(now(0), &[sliding("fine", 10, 5)]).unwrap()[0].remaining, 5, "all or none");
    }
    assert_eq!(admitted(&limits, now(0), &sliding("fine", 10, 5), 9), 5);
}

#[test]
fn a_server_that_forgot_the_script_is_told_it_again() {
    let server = Server::start();
    let limits = store(&server.url(), PATIENCE);
    for _ in 0..3 {
        assert_eq!(server.ask("SCRIPT FLUSH"), "+OK");
        assert_eq!(admitted(&limits, now(0), &sliding("a", 3_600, 9), 2), 2);
    }
}
