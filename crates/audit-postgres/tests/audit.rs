//! The store against the suite that all stores pass, and in all that can go wrong between two machines.

#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "a test that panics has failed, as it should")]

#[path = "../../documents-postgres/tests/server/mod.rs"]
#[expect(dead_code, reason = "also what only the tests of several services need")]
mod server;

use policyc::{
    conformance,
    store::{
        Address,
        audit::{AuditStore, AuditWriter, Checkpoint, Chunk, Counted, Group, HOUR, Node, Order, Outage, Place, hour},
    },
};
use policyc_audit_postgres::PostgresAudit;
use server::{Server, until};
use std::{
    ops::ControlFlow,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

/// How long an answer may take: far longer than it does, where that is not what is tested.
const PATIENCE: Duration = Duration::from_secs(60);
/// The first of November of 2026.
const NOVEMBER: i64 = 1_793_491_200_000_000;
const DAY: i64 = 24 * HOUR;
const BEGINNING: Place = Place { seq: 0, hash: [0; 32] };

fn store(url: &str, patience: Duration) -> PostgresAudit {
    PostgresAudit::new(&Address::from(url.to_owned()), patience).unwrap()
}

fn node(name: &str, key: u8) -> Node {
    Node { name: name.to_owned(), key: [key; 32] }
}

fn take(store: &PostgresAudit, name: &str, key: u8) -> Box<dyn AuditWriter> {
    store.take(&node(name, key)).unwrap()
}

fn refused(store: &PostgresAudit, name: &str, key: u8) -> String {
    store.take(&node(name, key)).err().expect("it must not be taken").to_string()
}

/// Writes one record behind a place, and gives its own.
fn write(writer: &mut dyn AuditWriter, after: Place, time: i64, body: &str) -> Result<Place, Outage> {
    let seq = after.seq + 1;
    // As a digest would, the hash depends on all that comes before.
    let sum = body.bytes().chain(after.hash).fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    let end = Place { seq, hash: [sum; 32] };
    let chunk =
        Chunk { first: seq, last: seq, earliest: time, latest: time, bodies: body.as_bytes(), hashes: &end.hash };
    let tally = [Counted { hour: hour(time), code: String::new(), count: 1 }];
    writer.append(&Group { after, chunks: &[chunk], end, checkpoint: None, tally: &tally }).map(|()| end)
}

fn bodies(store: &PostgresAudit, node: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    let mut each = |chunk: Chunk<'_>| {
        bodies.push(String::from_utf8(chunk.bodies.to_owned()).unwrap());
        ControlFlow::Continue(())
    };
    store.log(node).unwrap().read(1..=i64::MAX, Order::Oldest, &mut each).unwrap();
    bodies
}

/// The partitions of a node's months.
fn months(server: &Server) -> String {
    let select = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relname ~ '^audit_chunks_\\d+_\\d+_\\d+$'";
    server.ask(select)
}

#[test]
fn it_keeps_logs_as_every_store_does() {
    let server = Server::start();
    let (logs, stores) = (store(&server.url(), PATIENCE), AtomicU64::new(0));
    let fresh = || stores.fetch_add(1, Ordering::Relaxed).to_string();
    conformance::audit::run(&|| Box::new(logs.under_test(&fresh()).unwrap()));
}

#[test]
fn many_that_start_at_once_make_the_tables_once() {
    let server = Server::start();
    let stores = [1, 2, 3, 4, 5, 6].map(|key| (key, store(&server.url(), PATIENCE)));
    thread::scope(|scope| {
        for (key, store) in &stores {
            scope.spawn(move || {
                let mut writer = take(store, &format!("n-{key}"), *key);
                write(&mut *writer, BEGINNING, NOVEMBER, "{}").unwrap();
            });
        }
    });
    assert_eq!(server.ask("SELECT count(*), max(version) FROM policyc.audit"), "1|1");
    assert_eq!(server.ask("SELECT count(*), count(DISTINCT node) FROM policyc.audit_chunks"), "6|6");
    let nodes = stores[0].1.nodes().unwrap();
    assert!(nodes.iter().map(|node| node.name.as_str()).eq(["n-1", "n-2", "n-3", "n-4", "n-5", "n-6"]));
}

#[test]
fn a_log_has_one_writer_and_a_name_one_key() {
    let server = Server::start();
    let [one, other] = [(); 2].map(|()| store(&server.url(), PATIENCE));
    let mut writer = take(&one, "it's \"n\"", 1);
    let place = write(&mut *writer, BEGINNING, NOVEMBER, "{}").unwrap();
    let said = refused(&other, "it's \"n\"", 1);
    assert!(said.starts_with(&server.name()) && said.contains("another process"), "{said}");
    let said = refused(&other, "it's \"n\"", 2);
    assert!(said.contains("that of another key"), "{said}");
    for name in ["", "a\0b", "a\nb"] {
        assert!(refused(&other, name, 3).contains("the name of a node"));
    }
    drop(writer);
    let mut writer = take(&other, "called otherwise by now", 1);
    assert_eq!(writer.node(), "it's \"n\"");
    write(&mut *writer, place, NOVEMBER, "[]").unwrap();
    assert_eq!(bodies(&one, "it's \"n\""), ["{}", "[]"]);
}

/// Whoever lost its connection and with it the lock writes nothing behind what another has written.
#[test]
fn who_was_replaced_writes_nothing() {
    let server = Server::start();
    let [one, other] = [(); 2].map(|()| store(&server.url(), PATIENCE));
    let mut replaced = take(&one, "n", 1);
    let place = write(&mut *replaced, BEGINNING, NOVEMBER, "{}").unwrap();
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory'";
    let mut writer = until("another has the lock", || {
        assert_eq!(server.ask(end), "1");
        other.take(&node("n", 1)).ok()
    });
    write(&mut *writer, place, NOVEMBER, "[2]").unwrap();
    assert!(write(&mut *replaced, place, NOVEMBER, "[3]").is_err());
    drop(writer);
    let said = until("it is connected again", || {
        let said = write(&mut *replaced, place, NOVEMBER, "[3]").unwrap_err().to_string();
        said.contains("does not end where it was left").then_some(said)
    });
    assert!(said.contains("node `n`"), "{said}");
    assert_eq!(bodies(&one, "n"), ["{}", "[2]"]);
}

#[test]
fn tables_of_a_later_version_are_left_alone() {
    let server = Server::start();
    let before = store(&server.url(), PATIENCE);
    let mut writer = take(&before, "n", 1);
    let place = write(&mut *writer, BEGINNING, NOVEMBER, "{}").unwrap();
    server.ask("UPDATE policyc.audit SET version = 9");
    assert_eq!(store(&server.url(), PATIENCE).nodes().unwrap().len(), 1, "something was added only");
    server.ask("UPDATE policyc.audit SET needs = 8");
    let is_told = |said: String| {
        assert!(said.starts_with(&server.name()) && said.contains("version 8") && said.contains("knows 1"), "{said}");
    };
    is_told(before.nodes().unwrap_err().to_string());
    is_told(store(&server.url(), PATIENCE).nodes().unwrap_err().to_string());
    is_told(write(&mut *writer, place, NOVEMBER, "{}").unwrap_err().to_string());
    is_told(refused(&store(&server.url(), PATIENCE), "m", 2));
    let kept =
        "SELECT version, needs, (SELECT count(*) FROM policyc.audit_chunks), (SELECT count(*) FROM policyc.audit_nodes)
        FROM policyc.audit";
    assert_eq!(server.ask(kept), "9|8|1|1");
    server.ask("UPDATE policyc.audit SET version = 1, needs = 1");
    write(&mut *writer, place, NOVEMBER, "{}").unwrap();
}

#[test]
fn months_are_made_ahead_and_dropped_whole() {
    let server = Server::start();
    let logs = store(&server.url(), PATIENCE);
    let (mut writer, mut other) = (take(&logs, "n", 1), take(&logs, "m", 2));
    let mut place = BEGINNING;
    for (day, body) in [(0, "1"), (29, "2"), (30, "3"), (61, "4")] {
        place = write(&mut *writer, place, NOVEMBER + day * DAY, body).unwrap();
        if day == 0 {
            assert_eq!(
                months(&server),
                "audit_chunks_1_2026_11 audit_chunks_1_2026_12",
                "before there is anything in it"
            );
        }
    }
    write(&mut *other, BEGINNING, NOVEMBER, "other").unwrap();
    assert!(months(&server).starts_with("audit_chunks_1_2026_11 audit_chunks_1_2026_12 audit_chunks_1_2027_01"));
    // A day is not enough, nor is most of a month.
    assert_eq!(writer.removable(NOVEMBER + 29 * DAY).unwrap(), None);
    let before = NOVEMBER + 40 * DAY;
    let old = writer.removable(before).unwrap().unwrap();
    assert_eq!(old.seq, 2);
    let anchor = Checkpoint { seq: 2, hash: old.hash, time: "t".to_owned(), signature: [9; 64] };
    let early = Checkpoint { seq: 1, ..anchor.clone() };
    assert!(writer.remove(&early, before).is_err(), "the second would be gone without an anchor");
    // Also where the answer was lost.
    (0..2).for_each(|_| writer.remove(&anchor, before).unwrap());
    assert_eq!(writer.removable(before).unwrap(), None);
    assert_eq!(bodies(&logs, "n"), ["3", "4"]);
    assert_eq!(bodies(&logs, "m"), ["other"], "each drops its own");
    assert!(months(&server).starts_with("audit_chunks_1_2026_12 audit_chunks_1_2027_01 audit_chunks_1_2027_02"));
    assert_eq!(server.ask("SELECT count(*), min(hour) FROM policyc.audit_tally WHERE node = 'n'"), {
        format!("2|{}", hour(NOVEMBER + 30 * DAY))
    });
    // A clock that was set far back finds its month again.
    place = write(&mut *writer, place, NOVEMBER, "5").unwrap();
    write(&mut *writer, place, NOVEMBER + 62 * DAY, "6").unwrap();
    assert_eq!(bodies(&logs, "n"), ["3", "4", "5", "6"]);
}

/// What is written while a server ends and comes back is there once, also where the answer was lost with it.
#[test]
fn a_server_that_is_killed_loses_nothing_and_has_nothing_twice() {
    let mut server = Server::start();
    let logs = store(&server.url(), PATIENCE);
    let mut writer = take(&logs, "n", 1);
    let (ends, count) = (AtomicBool::new(false), AtomicU64::new(0));
    let written = thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let (mut place, mut written) = (BEGINNING, Vec::new());
            while !ends.load(Ordering::SeqCst) {
                let body = format!("[{}]", place.seq);
                place = until("it is written", || write(&mut *writer, place, NOVEMBER, &body).ok());
                written.push(body);
                count.fetch_add(1, Ordering::SeqCst);
            }
            written
        });
        for _ in 0..5 {
            let before = count.load(Ordering::SeqCst);
            until("more is written", || (count.load(Ordering::SeqCst) > before + 20).then_some(()));
            server.kill();
            server.restart();
        }
        ends.store(true, Ordering::SeqCst);
        writing.join().unwrap()
    });
    let found = until("it can be read", || logs.nodes().ok().map(|_| bodies(&logs, "n")));
    assert_eq!(found, written);
    let counted = server.ask("SELECT sum(count) FROM policyc.audit_tally");
    assert_eq!(counted, written.len().to_string());
}

#[test]
fn what_nobody_answers_is_an_outage_that_names_the_store_and_no_secret() {
    let mut server = Server::start();
    let logs = store(&server.url(), PATIENCE);
    let mut writer = take(&logs, "n", 1);
    let place = write(&mut *writer, BEGINNING, NOVEMBER, "{}").unwrap();
    server.kill();
    for outage in [
        until("it is known", || logs.nodes().err()).to_string(),
        // Whoever the server talked to last may outlive it for a moment.
        until("it is known to who writes", || write(&mut *writer, place, NOVEMBER, "{}").err()).to_string(),
    ] {
        assert!(outage.starts_with(&format!("{}: ", server.name())) && !outage.contains("s3cret"), "{outage}");
    }
    assert!(!format!("{logs:?}").contains("s3cret"));
    let bad = PostgresAudit::new(&Address::from("postgres://user:s3cret@[host".to_owned()), PATIENCE).unwrap_err();
    assert!(!bad.contains("s3cret"), "{bad}");
}

#[test]
fn a_server_that_is_silent_is_an_outage() {
    let server = Server::start();
    let logs = store(&server.url(), Duration::from_millis(1_000));
    let mut writer = until("the store is there", || logs.take(&node("n", 1)).ok());
    let place = until("it is written", || write(&mut *writer, BEGINNING, NOVEMBER, "{}").ok());
    server.signal("STOP");
    let outage = write(&mut *writer, place, NOVEMBER, "[]").unwrap_err().to_string();
    assert!(outage.contains("1000 ms"), "{outage}");
    server.signal("CONT");
    until("the store is there again", || write(&mut *writer, place, NOVEMBER, "[]").ok());
    assert_eq!(until("it can be read", || logs.nodes().ok().map(|_| bodies(&logs, "n"))), ["{}", "[]"]);
}
