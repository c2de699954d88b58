//! The suite of [`DocumentStore`]: whatever backend keeps documents, it keeps them alike.
//!
//! ```
//! use policyc::{conformance, store::documents::MemoryDocuments};
//!
//! conformance::documents::run(&|| Box::new(MemoryDocuments::new()), 16);
//! ```

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a store that keeps documents otherwise must not pass, so the suite ends in a panic"
)]

mod law;

use crate::store::documents::{DocumentStore, Key, Mark, Read, Suspended, Unwritten, Version, Write, Writing, Written};
use chrono::{DateTime, Utc};
use std::{thread, time::Duration};

/// Makes an empty store.
pub type Open<'a> = &'a dyn Fn() -> Box<dyn DocumentStore>;

/// Holds a store against the law and its examples. `open` makes an empty one, with patience for a busy machine. `cases` is how
/// many sequences of calls are tried by chance, each on a store of its own.
///
/// # Panics
/// If the store keeps documents otherwise.
pub fn run(open: Open<'_>, cases: u32) {
    for (name, example) in EXAMPLES {
        // Shown by the test that fails.
        eprintln!("conformance of documents: {name}");
        example(&*open());
    }
    law::keeps_what_was_written(open, cases);
}

type Example = fn(&dyn DocumentStore);

const EXAMPLES: &[(&str, Example)] = &[
    ("a_store_begins_empty", a_store_begins_empty),
    ("what_was_written_is_there", what_was_written_is_there),
    ("versions_rise_also_over_a_deletion", versions_rise_also_over_a_deletion),
    ("who_is_behind_writes_nothing", who_is_behind_writes_nothing),
    ("changes_are_told_once_and_as_they_stand", changes_are_told_once_and_as_they_stand),
    ("one_write_may_name_a_key_twice", one_write_may_name_a_key_twice),
    ("a_write_of_nothing_is_none", a_write_of_nothing_is_none),
    ("to_ask_whether_one_could_write_writes_nothing", to_ask_whether_one_could_write_writes_nothing),
    ("what_is_suspended_is_kept_for_each_revision", what_is_suspended_is_kept_for_each_revision),
    ("an_older_finding_takes_no_place", an_older_finding_takes_no_place),
    ("who_waits_is_woken_by_a_write", who_waits_is_woken_by_a_write),
    ("who_waits_for_nothing_waits_no_longer_than_is_said", who_waits_for_nothing_waits_no_longer_than_is_said),
    ("threads_lose_no_change", threads_lose_no_change),
    ("nodes_say_how_far_they_are", nodes_say_how_far_they_are),
    ("keys_and_bodies_are_any_texts", keys_and_bodies_are_any_texts),
    ("many_are_written_together", many_are_written_together),
];

/// How long somebody waits who is woken at once: far longer than that takes.
const LONG: Duration = Duration::from_secs(60);

/// A time: microseconds after the start of 2025.
fn at(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_735_689_600_000_000 + micros).unwrap()
}

fn key(of: &str) -> Key {
    Key { kind: "acl".to_owned(), of: of.to_owned(), part: String::new() }
}

fn says(of: &str, body: &str) -> Write {
    Write { key: key(of), body: Some(body.to_owned()) }
}

fn deleted(of: &str) -> Write {
    Write { key: key(of), body: None }
}

/// Writes as `ann`, under the revision `r`.
fn write(store: &dyn DocumentStore, seen: Mark, writes: &[Write]) -> Result<Written, Unwritten> {
    store.write(&Writing { seen, revision: "r", writes, by: "ann", at: at(i64::try_from(seen).unwrap()) })
}

/// What was read, in the order of the keys: `a 2 BODY`, `b 3 -`.
fn told(read: &Read) -> Vec<String> {
    let mut told: Vec<String> = read
        .documents
        .iter()
        .map(|last| format!("{} {} {}", last.key.of, last.version.version, last.version.body.as_deref().unwrap_or("-")))
        .collect();
    told.sort();
    told
}

fn a_store_begins_empty(store: &dyn DocumentStore) {
    let all = store.all().unwrap();
    assert_eq!(told(&all), [""; 0]);
    assert_eq!(store.since(all.mark), Ok(all.clone()));
    assert_eq!(store.history(&key("a")), Ok(vec![]));
    assert_eq!(store.suspended("r"), Ok(None));
    assert_eq!(store.nodes(), Ok(vec![]));
    assert_eq!(store.can_write(), Ok(()));
}

fn what_was_written_is_there(store: &dyn DocumentStore) {
    let start = store.all().unwrap().mark;
    let written = write(store, start, &[says("a", "1"), says("b", "2")]).unwrap();
    assert!(written.mark > start);
    assert_eq!(written.versions, [1, 1]);
    let all = store.all().unwrap();
    assert_eq!((all.mark, told(&all)), (written.mark, vec!["a 1 1".to_owned(), "b 1 2".to_owned()]));
    let first = all.documents.into_iter().find(|last| last.key == key("a")).unwrap().version;
    let wanted = Version { version: 1, body: Some("1".to_owned()), by: "ann".to_owned(), at: first.at };
    assert_eq!((first.clone(), first.at), (wanted, at(i64::try_from(start).unwrap())));
    assert_eq!(store.history(&key("a")), Ok(vec![first]));
}

fn versions_rise_also_over_a_deletion(store: &dyn DocumentStore) {
    let mut mark = store.all().unwrap().mark;
    for (one, version) in
        [(says("a", "1"), 1), (deleted("a"), 2), (deleted("a"), 3), (says("a", "2"), 4), (says("a", "2"), 5)]
    {
        let written = write(store, mark, &[one]).unwrap();
        assert_eq!(written.versions, [version]);
        mark = written.mark;
    }
    let history = store.history(&key("a")).unwrap();
    let bodies: Vec<_> = history.iter().map(|one| (one.version, one.body.as_deref())).collect();
    assert_eq!(bodies, [(5, Some("2")), (4, Some("2")), (3, None), (2, None), (1, Some("1"))]);
    assert_eq!(told(&store.all().unwrap()), ["a 5 2"]);
}

fn who_is_behind_writes_nothing(store: &dyn DocumentStore) {
    let start = store.all().unwrap().mark;
    let first = write(store, start, &[says("a", "1")]).unwrap();
    for seen in [start, first.mark + 1] {
        assert_eq!(write(store, seen, &[says("a", "2"), says("b", "2")]), Err(Unwritten::Behind));
        assert_eq!(write(store, seen, &[]), Err(Unwritten::Behind));
    }
    assert_eq!(told(&store.all().unwrap()), ["a 1 1"]);
    assert_eq!(store.history(&key("b")), Ok(vec![]));
    assert_eq!(write(store, first.mark, &[says("b", "2")]).unwrap().versions, [1]);
}

fn changes_are_told_once_and_as_they_stand(store: &dyn DocumentStore) {
    let mut marks = vec![store.all().unwrap().mark];
    for writes in [[says("a", "1"), says("b", "1")], [says("a", "2"), deleted("b")], [says("c", "1"), deleted("c")]] {
        let written = write(store, marks[marks.len() - 1], &writes).unwrap();
        marks.push(written.mark);
    }
    let since = |seen| {
        let read = store.since(seen).unwrap();
        assert_eq!(read.mark, marks[3]);
        told(&read)
    };
    assert_eq!(since(marks[0]), ["a 2 2", "b 2 -", "c 2 -"]);
    assert_eq!(since(marks[1]), ["a 2 2", "b 2 -", "c 2 -"]);
    assert_eq!(since(marks[2]), ["c 2 -"]);
    assert_eq!(since(marks[3]), [""; 0]);
}

fn one_write_may_name_a_key_twice(store: &dyn DocumentStore) {
    let start = store.all().unwrap().mark;
    let written = write(store, start, &[says("a", "1"), says("b", "1"), deleted("a"), says("b", "2")]).unwrap();
    assert_eq!(written.versions, [1, 1, 2, 2]);
    assert_eq!(told(&store.all().unwrap()), ["b 2 2"]);
    assert_eq!(told(&store.since(start).unwrap()), ["a 2 -", "b 2 2"]);
    assert_eq!(store.history(&key("a")).unwrap().len(), 2);
}

fn a_write_of_nothing_is_none(store: &dyn DocumentStore) {
    let start = store.all().unwrap().mark;
    assert_eq!(write(store, start, &[]), Ok(Written { mark: start, versions: vec![] }));
    assert_eq!(store.all().unwrap().mark, start);
}

fn to_ask_whether_one_could_write_writes_nothing(store: &dyn DocumentStore) {
    let written = write(store, store.all().unwrap().mark, &[says("a", "1")]).unwrap();
    assert_eq!(store.can_write(), Ok(()));
    assert_eq!((store.all().unwrap().mark, told(&store.all().unwrap())), (written.mark, vec!["a 1 1".to_owned()]));
}

/// What is kept, with its keys in order.
fn suspended(store: &dyn DocumentStore, revision: &str) -> Option<(Mark, Vec<String>)> {
    let found = store.suspended(revision).unwrap()?;
    let mut keys: Vec<String> = found.keys.into_iter().map(|key| key.of).collect();
    keys.sort();
    Some((found.mark, keys))
}

fn finding(mark: Mark, keys: &[&str]) -> Suspended {
    Suspended { mark, keys: keys.iter().map(|of| key(of)).collect() }
}

fn what_is_suspended_is_kept_for_each_revision(store: &dyn DocumentStore) {
    let start = store.all().unwrap().mark;
    let first = write(store, start, &[says("a", "1"), says("b", "1"), says("c", "1")]).unwrap().mark;
    store.suspend("r", &finding(first, &["a", "b"])).unwrap();
    store.suspend("s", &finding(first, &["b"])).unwrap();
    store.suspend("t", &finding(first, &[])).unwrap();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(suspended(store, "r"), Some((first, names(&["a", "b"]))));
    assert_eq!(suspended(store, "s"), Some((first, names(&["b"]))));
    assert_eq!(suspended(store, "t"), Some((first, names(&[]))));
    // What was proved under `r` goes with `r`; of the others it may be known only how they stood before.
    let second = write(store, first, &[says("b", "2"), says("d", "1")]).unwrap().mark;
    assert_eq!(suspended(store, "r"), Some((second, names(&["a"]))));
    assert!(suspended(store, "s").is_none_or(|(mark, _)| mark == first));
    store.suspend("s", &finding(second, &["d"])).unwrap();
    assert_eq!(suspended(store, "s"), Some((second, names(&["d"]))));
    assert_eq!(suspended(store, "r"), Some((second, names(&["a"]))));
    assert_eq!(store.all().unwrap().mark, second, "it is no change of documents");
}

fn an_older_finding_takes_no_place(store: &dyn DocumentStore) {
    let start = store.all().unwrap().mark;
    let first = write(store, start, &[says("a", "1")]).unwrap().mark;
    store.suspend("r", &finding(first, &["a"])).unwrap();
    store.suspend("r", &finding(start, &["b"])).unwrap();
    assert_eq!(suspended(store, "r"), Some((first, vec!["a".to_owned()])));
    store.suspend("r", &finding(first, &[])).unwrap();
    assert_eq!(suspended(store, "r"), Some((first, vec![])), "of one mark, what is found out last is kept");
}

fn who_waits_is_woken_by_a_write(store: &dyn DocumentStore) {
    let start = store.all().unwrap().mark;
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            // A store may wake whoever waits also without a reason.
            while store.all().unwrap().mark == start {
                store.wait(start, LONG);
            }
        });
        write(store, start, &[says("a", "1")]).unwrap();
        waiting.join().unwrap();
    });
}

fn who_waits_for_nothing_waits_no_longer_than_is_said(store: &dyn DocumentStore) {
    let start = store.all().unwrap().mark;
    store.wait(start, Duration::from_millis(1));
    store.wait(start, Duration::ZERO);
    assert_eq!(store.all().unwrap().mark, start);
}

fn threads_lose_no_change(store: &dyn DocumentStore) {
    const EACH: u32 = 10;
    let count = || {
        let mut made = 0;
        while made < EACH {
            let all = store.all().unwrap();
            let last = all.documents.iter().find(|last| last.key == key("n"));
            let number = last.map_or(0, |last| last.version.body.as_ref().unwrap().parse::<u32>().unwrap());
            match write(store, all.mark, &[says("n", &(number + 1).to_string())]) {
                Ok(_) => made += 1,
                Err(Unwritten::Behind) => {}
                Err(other) => panic!("{other}"),
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(count);
        }
    });
    assert_eq!(told(&store.all().unwrap()), [format!("n {0} {0}", 4 * EACH)]);
    assert_eq!(store.history(&key("n")).unwrap().len(), 40);
}

fn nodes_say_how_far_they_are(store: &dyn DocumentStore) {
    let nodes = || store.nodes().unwrap().into_iter().map(|node| (node.name, node.mark)).collect::<Vec<_>>();
    for (node, mark) in [("b", 3), ("a", 5), ("b", 4)] {
        store.report(node, mark).unwrap();
    }
    assert_eq!(nodes(), [("a".to_owned(), 5), ("b".to_owned(), 4)]);
    assert!(store.nodes().unwrap().iter().all(|node| node.age < LONG));
    store.leave("a").unwrap();
    store.leave("c").unwrap();
    assert_eq!(nodes(), [("b".to_owned(), 4)]);
}

fn keys_and_bodies_are_any_texts(store: &dyn DocumentStore) {
    let long = "x".repeat(10_000);
    let names = ["", " ", "'", "a\u{0}b", "a\\0b", "a\\", "%", "größer \u{1F600}", "a\nb", &long];
    let bodies = ["{}", r#""\u0000 \\ ' größer \ud83d\ude00""#, "{\"a\": [1, 2.50, null], \"a\": 1}", " 1 "];
    let mut mark = store.all().unwrap().mark;
    let mut wanted = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let key =
            Key { kind: (*name).to_owned(), of: names[(index + 1) % names.len()].to_owned(), part: "p".to_owned() };
        let swapped = Key { kind: key.kind.clone(), of: "p".to_owned(), part: key.of.clone() };
        let body = bodies[index % bodies.len()].to_owned();
        let writes = [key, swapped].map(|key| Write { key, body: Some(body.clone()) });
        let writing = Writing { seen: mark, revision: name, writes: &writes, by: name, at: at(0) };
        mark = store.write(&writing).unwrap().mark;
        let found = Suspended { mark, keys: vec![writes[0].key.clone()] };
        store.suspend(name, &found).unwrap();
        assert_eq!(store.suspended(name), Ok(Some(found)), "{name:?}");
        let history = store.history(&writes[1].key).unwrap();
        assert_eq!((history.len(), history[0].by.as_str()), (1, *name));
        wanted.extend(writes.map(|write| (write.key, write.body)));
    }
    let all = store.all().unwrap();
    let mut all: Vec<_> = all.documents.into_iter().map(|last| (last.key, last.version.body)).collect();
    all.sort();
    wanted.sort();
    assert_eq!(all, wanted, "no body is read as anything but a text");
    store.report("a\u{0}b", 1).unwrap();
    assert_eq!(store.nodes().unwrap()[0].name, "a\u{0}b");
}

fn many_are_written_together(store: &dyn DocumentStore) {
    let body = format!("\"{}\"", "y".repeat(1_000));
    let writes: Vec<Write> = (0..2_000).map(|number| says(&format!("{number:04}"), &body)).collect();
    let start = store.all().unwrap().mark;
    let written = write(store, start, &writes).unwrap();
    assert!(written.versions.len() == writes.len() && written.versions.iter().all(|version| *version == 1));
    assert_eq!(store.all().unwrap().documents.len(), writes.len());
    assert_eq!(store.since(start).unwrap().documents.len(), writes.len());
    let none: Vec<Write> = writes.into_iter().map(|write| Write { body: None, ..write }).collect();
    write(store, written.mark, &none).unwrap();
    assert_eq!(store.all().unwrap().documents, []);
}

#[cfg(test)]
mod tests {
    use crate::store::documents::MemoryDocuments;

    #[test]
    fn memory_keeps_documents_as_every_store_does() {
        super::run(&|| Box::new(MemoryDocuments::new()), 256);
    }
}
