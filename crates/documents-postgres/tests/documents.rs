//! The store against the suite that all stores pass, and in all that can go wrong between two machines.

#![cfg(test)]

#[expect(dead_code, reason = "also what only the tests of several services need")]
mod server;

use policyc::{
    conformance,
    store::{
        Address,
        documents::{DocumentStore, Key, Mark, Unwritten, Write, Writing, Written},
    },
};
use policyc_documents_postgres::PostgresDocuments;
use server::{Server, until};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

/// How long an answer may take: far longer than it does, where that is not what is tested.
const PATIENCE: Duration = Duration::from_secs(60);

fn store(url: &str, patience: Duration) -> PostgresDocuments {
    PostgresDocuments::new(&Address::from(url.to_owned()), patience).unwrap()
}

fn write(store: &PostgresDocuments, seen: Mark, of: &str, body: &str) -> Result<Written, Unwritten> {
    let key = Key { kind: "acl".to_owned(), of: of.to_owned(), part: String::new() };
    let writes = [Write { key, body: Some(body.to_owned()) }];
    store.write(&Writing {
        seen,
        revision: "r",
        writes: &writes,
        by: "ann",
        at: "2026-11-27T00:00:00Z".parse().unwrap(),
    })
}

#[test]
fn it_keeps_documents_as_every_store_does() {
    let server = Server::start();
    let (documents, stores) = (store(&server.url(), PATIENCE), AtomicU64::new(0));
    let fresh = || stores.fetch_add(1, Ordering::Relaxed).to_string();
    conformance::documents::run(&|| Box::new(documents.under_test(&fresh()).unwrap()), 24);
}

#[test]
fn many_that_start_at_once_make_the_tables_once() {
    let server = Server::start();
    let stores = [(); 8].map(|()| store(&server.url(), PATIENCE));
    thread::scope(|scope| {
        for store in &stores {
            scope.spawn(|| assert_eq!(store.all().unwrap().mark, 0));
        }
    });
    assert_eq!(server.ask("SELECT count(*), max(version), max(mark) FROM policyc.state"), "1|1|0");
}

#[test]
fn machines_that_write_at_once_lose_nothing() {
    let server = Server::start();
    let stores = [(); 4].map(|()| store(&server.url(), PATIENCE));
    thread::scope(|scope| {
        for store in &stores {
            scope.spawn(|| {
                let (mut made, mut mark) = (0, store.all().unwrap().mark);
                while made < 10 {
                    let all = store.since(mark).unwrap();
                    mark = all.mark;
                    let last = store.all().unwrap().documents.pop();
                    let number: u32 = last.map_or(0, |last| last.version.body.unwrap().parse().unwrap());
                    match write(store, mark, "n", &(number + 1).to_string()) {
                        Ok(_) => made += 1,
                        Err(Unwritten::Behind) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
            });
        }
    });
    assert_eq!(server.ask("SELECT body, version FROM policyc.documents"), "40|40");
}

#[test]
fn who_waits_is_woken_by_another_machine() {
    let server = Server::start();
    let [one, other] = [(); 2].map(|()| store(&server.url(), PATIENCE));
    let start = one.all().unwrap().mark;
    thread::scope(|scope| {
        // It would wait for an hour.
        let waiting = scope.spawn(|| {
            while one.since(start).unwrap().mark == start {
                one.wait(start, Duration::from_secs(3_600));
            }
        });
        write(&other, start, "a", "1").unwrap();
        waiting.join().unwrap();
    });
    // What anybody tells who may speak there is not believed for longer than it takes to look.
    server.ask("NOTIFY policyc, '99'");
    let told = one.since(1).unwrap();
    assert_eq!((told.mark, told.documents.len()), (1, 0));
}

#[test]
fn tables_of_a_later_version_are_left_alone() {
    let server = Server::start();
    let before = store(&server.url(), PATIENCE);
    assert_eq!(write(&before, 0, "a", "1").unwrap().mark, 1);
    server.ask("UPDATE policyc.state SET version = 9");
    assert_eq!(store(&server.url(), PATIENCE).all().unwrap().documents.len(), 1, "something was added only");
    server.ask("UPDATE policyc.state SET needs = 8");
    let kept = "SELECT version, needs, mark, (SELECT count(*) FROM policyc.history) FROM policyc.state";
    for store in [&before, &store(&server.url(), PATIENCE)] {
        let outage = store.all().unwrap_err().to_string();
        assert!(
            outage.starts_with(&server.name()) && outage.contains("version 8") && outage.contains("knows 1"),
            "{outage}"
        );
        let Err(Unwritten::Outage(_)) = write(store, 1, "a", "2") else { panic!("nothing is written") };
        assert!(store.can_write().is_err());
    }
    assert_eq!(server.ask(kept), "9|8|1|1");
    server.ask("UPDATE policyc.state SET version = 1, needs = 1");
    until("the store is there again", || write(&before, 1, "a", "2").ok());
}

#[test]
fn what_nobody_answers_is_an_outage_that_names_the_store_and_no_secret() {
    let mut server = Server::start();
    let documents = store(&server.url(), PATIENCE);
    documents.all().unwrap();
    server.kill();
    let outage = until("it is known", || documents.all().err()).to_string();
    assert!(outage.starts_with(&format!("{}: ", server.name())) && !outage.contains("s3cret"), "{outage}");
    assert!(!format!("{documents:?}").contains("s3cret"));
    let bad = PostgresDocuments::new(&Address::from("postgres://user:s3cret@[host".to_owned()), PATIENCE).unwrap_err();
    assert!(!bad.contains("s3cret"), "{bad}");
}

#[test]
fn a_wrong_password_is_an_outage_that_does_not_tell_it() {
    let server = Server::start();
    let outage = store(&server.url().replace("s3cret", "wr0ng"), PATIENCE).all().unwrap_err().to_string();
    assert!(outage.contains("password") && !outage.contains("wr0ng"), "{outage}");
}

#[test]
fn who_asks_for_tls_is_answered_by_nobody_without() {
    let server = Server::start();
    for mode in ["require", "verify-full"] {
        let outage = store(&format!("{}?sslmode={mode}", server.url()), PATIENCE).all().unwrap_err().to_string();
        assert!(outage.starts_with(&server.name()) && outage.contains("does not support TLS"), "{outage}");
    }
}

#[test]
fn a_server_that_was_killed_is_found_again_with_all_that_was_answered() {
    let mut server = Server::start();
    let documents = store(&server.url(), PATIENCE);
    for round in 0..3 {
        let mark = documents.all().unwrap().mark;
        write(&documents, mark, "a", &round.to_string()).unwrap();
        server.kill();
        until("nothing is written any more", || {
            write(&documents, mark + 1, "a", "9").err().filter(|e| *e != Unwritten::Behind)
        });
        server.restart();
        let all = until("the store is there again", || documents.all().ok());
        let body = all.documents[0].version.body.clone().unwrap();
        assert!(body == round.to_string() || body == "9", "{body}");
    }
}

#[test]
fn a_server_that_is_silent_is_an_outage() {
    let server = Server::start();
    let documents = store(&server.url(), Duration::from_millis(1_000));
    let mark = until("the store is there", || documents.all().ok()).mark;
    server.signal("STOP");
    let outage = documents.all().unwrap_err().to_string();
    assert!(outage.contains("1000 ms"), "{outage}");
    let Err(Unwritten::Outage(_)) = write(&documents, mark, "a", "1") else { panic!("nothing was sent") };
    server.signal("CONT");
    until("the store is there again", || write(&documents, documents.all().ok()?.mark, "a", "1").ok());
}

/// Somebody holds the row that every write must hold.
#[test]
fn a_writer_that_others_hold_up_gives_up() {
    let server = Server::start();
    let [one, other] = [Duration::from_millis(500), PATIENCE].map(|patience| store(&server.url(), patience));
    let mark = until("the store is there", || one.all().ok()).mark;
    other.all().unwrap();
    thread::scope(|scope| {
        let hold = "BEGIN; UPDATE policyc.state SET mark = mark; SELECT pg_sleep(3); ROLLBACK;";
        let holding = scope.spawn(|| server.ask(hold));
        until("it is held", || {
            let held = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND state = 'active'";
            (server.ask(held) == "2").then_some(())
        });
        let Err(Unwritten::Outage(_)) = write(&one, mark, "a", "1") else { panic!("it is held") };
        holding.join().unwrap();
    });
    assert_eq!(write(&other, mark, "a", "2").unwrap().versions, [1]);
}
