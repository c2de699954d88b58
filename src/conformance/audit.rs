//! The suite of [`AuditStore`]: whatever backend keeps audit logs, it keeps them alike.
//!
//! In goes a way to make an empty store, out comes nothing. The suite knows neither keys nor digests: what it gives out as hashes
//! is made up, and has to come back.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a store that keeps logs otherwise must not pass, so the suite ends in a panic"
)]

use crate::store::audit::{
    AuditLog, AuditStore, AuditWriter, Checkpoint, Chunk, Counted, Group, HOUR, Node, Order, Place, hour,
};
use std::ops::{ControlFlow, Range, RangeInclusive};

/// Makes an empty store.
pub type Open<'a> = &'a dyn Fn() -> Box<dyn AuditStore>;

/// Holds a store against its examples. `open` makes an empty one, with patience for a busy machine; it may be a store for one
/// node only.
///
/// # Panics
/// If the store keeps logs otherwise.
pub fn run(open: Open<'_>) {
    for (name, example) in EXAMPLES {
        // Shown by the test that fails.
        eprintln!("conformance of audit logs: {name}");
        example(&*open());
    }
}

type Example = fn(&dyn AuditStore);

const EXAMPLES: &[(&str, Example)] = &[
    ("a_log_begins_empty", a_log_begins_empty),
    ("what_was_written_is_there_in_order", what_was_written_is_there_in_order),
    ("a_part_of_the_log_is_read_by_whole_chunks", a_part_of_the_log_is_read_by_whole_chunks),
    ("who_reads_can_break_off", who_reads_can_break_off),
    ("records_are_found_by_their_time", records_are_found_by_their_time),
    ("a_group_is_written_wholly_or_not_at_all", a_group_is_written_wholly_or_not_at_all),
    ("a_group_is_written_once", a_group_is_written_once),
    ("decisions_are_counted", decisions_are_counted),
    ("checkpoints_come_back_in_order", checkpoints_come_back_in_order),
    ("a_log_goes_on_once_it_is_opened_again", a_log_goes_on_once_it_is_opened_again),
    ("there_is_one_writer", there_is_one_writer),
    ("logs_of_other_keys_stand_apart", logs_of_other_keys_stand_apart),
    ("old_records_are_removed_behind_an_anchor", old_records_are_removed_behind_an_anchor),
    ("what_is_not_old_or_last_stays", what_is_not_old_or_last_stays),
    ("many_and_odd_records_are_written_together", many_and_odd_records_are_written_together),
];

/// Public keys that everybody knows (RFC 8032, tests 1 and 2).
const KEYS: [[u8; 32]; 2] = [
    [
        0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1,
        0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
    ],
    [
        0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a, 0x92, 0xb7, 0x0a, 0xa7, 0x4d, 0x1b, 0x7e, 0xbc, 0x9c, 0x98,
        0x2c, 0xcf, 0x2e, 0xc4, 0x96, 0x8c, 0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4, 0x66, 0x0c,
    ],
];

/// The start of 2026.
const START: i64 = 1_767_225_600_000_000;
/// Longer than any month.
const MONTH: i64 = 31 * 24 * HOUR;
/// All times.
const ALWAYS: Range<i64> = i64::MIN..i64::MAX;

fn node(number: usize) -> Node {
    Node { name: format!("node-{number}"), key: KEYS[number] }
}

/// Before the first record.
const BEGINNING: Place = Place { seq: 0, hash: [7; 32] };

/// A chunk that somebody else owns.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Owned {
    first: i64,
    last: i64,
    times: (i64, i64),
    bodies: String,
    hashes: Vec<u8>,
}

impl Owned {
    /// Records of some texts behind a place, made within some time.
    fn behind(place: Place, times: (i64, i64), bodies: &[&str]) -> Self {
        let first = place.seq + 1;
        let last = place.seq + i64::try_from(bodies.len()).unwrap();
        let hashes = (first..=last).flat_map(hash).collect();
        Self { first, last, times, bodies: bodies.join("\n"), hashes }
    }

    fn of(chunk: &Chunk<'_>) -> Self {
        let Chunk { first, last, earliest, latest, bodies, hashes } = *chunk;
        let bodies = str::from_utf8(bodies).unwrap().to_owned();
        Self { first, last, times: (earliest, latest), bodies, hashes: hashes.to_owned() }
    }

    fn lent(&self) -> Chunk<'_> {
        let Self { first, last, times: (earliest, latest), bodies, hashes } = self;
        let (first, last, earliest, latest) = (*first, *last, *earliest, *latest);
        Chunk { first, last, earliest, latest, bodies: bodies.as_bytes(), hashes }
    }

    fn end(&self) -> Place {
        Place { seq: self.last, hash: hash(self.last) }
    }
}

/// A hash that is made up.
fn hash(seq: i64) -> [u8; 32] {
    let mut hash = [1; 32];
    hash[..8].copy_from_slice(&seq.to_be_bytes());
    hash
}

fn point(seq: i64, time: &str) -> Checkpoint {
    Checkpoint { seq, hash: hash(seq), time: time.to_owned(), signature: [u8::try_from(seq).unwrap(); 64] }
}

/// A writer, and what it has written.
struct Written {
    writer: Box<dyn AuditWriter>,
    chunks: Vec<Owned>,
}

impl Written {
    fn begin(store: &dyn AuditStore) -> Self {
        Self { writer: store.take(&node(0)).unwrap(), chunks: Vec::new() }
    }

    fn end(&self) -> Place {
        self.chunks.last().map_or(BEGINNING, Owned::end)
    }

    /// Writes a record of its own for each time, in one chunk.
    fn write(&mut self, times: &[i64]) {
        let bodies: Vec<String> = times.iter().map(|time| format!("{{\"at\":{time}}}")).collect();
        let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
        let bounds = (*times.iter().min().unwrap(), *times.iter().max().unwrap());
        let chunk = Owned::behind(self.end(), bounds, &bodies);
        self.append(vec![chunk], None, &[]);
    }

    fn append(&mut self, chunks: Vec<Owned>, checkpoint: Option<&Checkpoint>, tally: &[Counted]) {
        let lent: Vec<Chunk<'_>> = chunks.iter().map(Owned::lent).collect();
        let end = chunks.last().map_or(self.end(), Owned::end);
        let group = Group { after: self.end(), chunks: &lent, end, checkpoint, tally };
        self.writer.append(&group).unwrap();
        self.chunks.extend(chunks);
    }
}

fn log(store: &dyn AuditStore, writer: &dyn AuditWriter) -> Box<dyn AuditLog> {
    store.log(writer.node()).unwrap()
}

fn read(log: &dyn AuditLog, numbers: RangeInclusive<i64>, order: Order) -> Vec<Owned> {
    let mut read = Vec::new();
    let mut each = |chunk: Chunk<'_>| {
        read.push(Owned::of(&chunk));
        ControlFlow::Continue(())
    };
    log.read(numbers, order, &mut each).unwrap();
    read
}

fn all(log: &dyn AuditLog) -> Vec<Owned> {
    read(log, i64::MIN..=i64::MAX, Order::Oldest)
}

fn a_log_begins_empty(store: &dyn AuditStore) {
    assert_eq!(store.nodes().unwrap(), []);
    let mut written = Written::begin(store);
    let log = log(store, &*written.writer);
    assert_eq!((all(&*log), log.span(ALWAYS).unwrap()), (vec![], None));
    assert_eq!((log.checkpoints().unwrap(), log.anchor().unwrap()), (vec![], None));
    assert_eq!(log.counted(i64::MIN).unwrap(), []);
    assert_eq!(written.writer.removable(i64::MAX).unwrap(), None);
    written.append(vec![], None, &[]);
    let nodes: Vec<[u8; 32]> = store.nodes().unwrap().into_iter().map(|node| node.key).collect();
    assert_eq!(nodes, [KEYS[0]]);
}

fn what_was_written_is_there_in_order(store: &dyn AuditStore) {
    let mut written = Written::begin(store);
    written.write(&[START]);
    written.write(&[START + 1, START + 3, START + 2]);
    let more = [START + 5, START + 4].map(|time| (time, time));
    let mut chunks: Vec<Owned> = Vec::new();
    for times in more {
        chunks.push(Owned::behind(chunks.last().map_or(written.end(), Owned::end), times, &["{}", "{ }"]));
    }
    written.append(chunks, None, &[]);
    let log = log(store, &*written.writer);
    assert_eq!(all(&*log), written.chunks);
    assert_eq!(log.span(ALWAYS).unwrap(), Some((1, 8)));
    let newest: Vec<Owned> = written.chunks.iter().rev().cloned().collect();
    assert_eq!(read(&*log, 1..=8, Order::Newest), newest);
}

fn a_part_of_the_log_is_read_by_whole_chunks(store: &dyn AuditStore) {
    let mut written = Written::begin(store);
    (0..20).for_each(|number| written.write(&[START + number * MONTH, START + number * MONTH, START + number * MONTH]));
    let log = log(store, &*written.writer);
    let firsts = |numbers, order| -> Vec<i64> { read(&*log, numbers, order).iter().map(|chunk| chunk.first).collect() };
    assert_eq!(firsts(5..=10, Order::Oldest), [4, 7, 10]);
    assert_eq!(firsts(5..=10, Order::Newest), [10, 7, 4]);
    assert_eq!(firsts(6..=6, Order::Oldest), [4]);
    assert_eq!(firsts(7..=7, Order::Newest), [7]);
    assert_eq!(firsts(61..=99, Order::Oldest), [0; 0]);
    assert_eq!(firsts(-5..=0, Order::Oldest), [0; 0]);
    assert_eq!(firsts(58..=i64::MAX, Order::Oldest), [58]);
}

fn who_reads_can_break_off(store: &dyn AuditStore) {
    let mut written = Written::begin(store);
    (0..100).for_each(|number| written.write(&[START + number]));
    let log = log(store, &*written.writer);
    for most in [1, 2, 99, 100] {
        let mut left = most;
        let mut each = |_: Chunk<'_>| {
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        log.read(1..=100, Order::Newest, &mut each).unwrap();
        assert_eq!(left, 0, "of {most}");
    }
}

fn records_are_found_by_their_time(store: &dyn AuditStore) {
    let mut written = Written::begin(store);
    // The clock is set back once.
    for times in [[0, 10], [20, 30], [15, 25], [40, 50]] {
        written.write(&times.map(|time| START + time));
    }
    let log = log(store, &*written.writer);
    let covers = |times: Range<i64>, wanted: RangeInclusive<i64>| {
        let span = log.span(START + times.start..START + times.end).unwrap();
        let (first, last) = span.unwrap();
        assert!(first <= *wanted.start() && last >= *wanted.end(), "{times:?}: {first} to {last}");
    };
    covers(0..1, 1..=1);
    covers(10..21, 2..=5);
    covers(16..17, 5..=5);
    covers(50..99, 8..=8);
    assert_eq!(log.span(START + 51..START + 99).unwrap(), None);
    assert_eq!(log.span(START - 9..START).unwrap(), None);
}

fn a_group_is_written_wholly_or_not_at_all(store: &dyn AuditStore) {
    let mut written = Written::begin(store);
    written.write(&[START]);
    let log = log(store, &*written.writer);
    let tally = [Counted { hour: START, code: String::new(), count: 1 }];
    let checkpoint = point(2, "t");
    // Its writer has not seen what is last.
    for after in [BEGINNING, Place { seq: 1, hash: [9; 32] }, Place { seq: 5, hash: hash(5) }] {
        let chunk = Owned::behind(after, (START, START), &["{\"not\":1}"]);
        let (chunks, end) = ([chunk.lent()], Place { seq: chunk.last, hash: [8; 32] });
        let group = Group { after, chunks: &chunks, end, checkpoint: Some(&checkpoint), tally: &tally };
        assert!(written.writer.append(&group).is_err());
        let nothing = Group { after, chunks: &[], end: after, checkpoint: Some(&checkpoint), tally: &[] };
        assert!(written.writer.append(&nothing).is_err());
    }
    assert_eq!(all(&*log), written.chunks);
    assert_eq!((log.checkpoints().unwrap(), log.counted(0).unwrap()), (vec![], vec![]));
    written.write(&[START]);
    assert_eq!(all(&*log), written.chunks);
}

fn a_group_is_written_once(store: &dyn AuditStore) {
    let mut written = Written::begin(store);
    written.write(&[START]);
    let after = written.end();
    let chunk = Owned::behind(after, (START, START), &["{}", "{}"]);
    let (chunks, tally) = ([chunk.lent()], [Counted { hour: START, code: String::new(), count: 2 }]);
    let checkpoint = point(3, "t");
    let group = Group { after, chunks: &chunks, end: chunk.end(), checkpoint: Some(&checkpoint), tally: &tally };
    (0..3).for_each(|_| written.writer.append(&group).unwrap());
    written.chunks.push(chunk.clone());
    let log = log(store, &*written.writer);
    assert_eq!(all(&*log), written.chunks);
    assert_eq!((log.checkpoints().unwrap(), log.counted(0).unwrap()), (vec![checkpoint], tally.to_vec()));
}

fn decisions_are_counted(store: &dyn AuditStore) {
    let mut written = Written::begin(store);
    let counted = |hours: i64, code: &str, count| Counted { hour: START + hours * HOUR, code: code.to_owned(), count };
    for tally in [
        vec![counted(0, "", 1), counted(0, "B", 2), counted(2, "A", 3)],
        vec![counted(0, "B", 5), counted(1, "größer ' \\", 7)],
    ] {
        let chunk = Owned::behind(written.end(), (START, START), &["{}"]);
        written.append(vec![chunk], None, &tally);
    }
    let all = [counted(0, "", 1), counted(0, "B", 7), counted(1, "größer ' \\", 7), counted(2, "A", 3)];
    let log = log(store, &*written.writer);
    assert_eq!(log.counted(i64::MIN).unwrap(), all);
    assert_eq!(log.counted(START + 2 * HOUR - 1).unwrap(), all[2..], "of the whole hour");
    assert_eq!(hour(START + 2 * HOUR - 1), START + HOUR);
}

fn checkpoints_come_back_in_order(store: &dyn AuditStore) {
    let mut written = Written::begin(store);
    let log = log(store, &*written.writer);
    for seq in 1..=3 {
        let chunk = Owned::behind(written.end(), (START, START), &["{}"]);
        written.append(vec![chunk], Some(&point(seq, "2026-01-01T00:00:00Z")), &[]);
    }
    written.write(&[START]);
    // One without records, and another in its place.
    written.append(vec![], Some(&point(4, "before")), &[]);
    written.append(vec![], Some(&point(4, "after")), &[]);
    let times: Vec<(i64, String)> =
        log.checkpoints().unwrap().into_iter().map(|point| (point.seq, point.time)).collect();
    let usual = |seq| (seq, "2026-01-01T00:00:00Z".to_owned());
    assert_eq!(times, [usual(1), usual(2), usual(3), (4, "after".to_owned())]);
    assert_eq!(log.checkpoints().unwrap()[3], point(4, "after"));
}

fn a_log_goes_on_once_it_is_opened_again(store: &dyn AuditStore) {
    let mut written = Written::begin(store);
    written.write(&[START, START + 1]);
    let name = written.writer.node().to_owned();
    let chunks = written.chunks.clone();
    drop(written);
    // What it is called by now is not what it was called when it began.
    let writer = store.take(&Node { name: "another".to_owned(), key: KEYS[0] }).unwrap();
    assert_eq!(writer.node(), name);
    let mut written = Written { writer, chunks };
    let early = Owned::behind(BEGINNING, (START, START), &["{}"]);
    let group = Group { after: BEGINNING, chunks: &[early.lent()], end: early.end(), checkpoint: None, tally: &[] };
    assert!(written.writer.append(&group).is_err(), "it does not begin anew");
    written.write(&[START + MONTH]);
    let log = log(store, &*written.writer);
    assert_eq!(all(&*log), written.chunks);
    assert_eq!(store.nodes().unwrap().len(), 1);
}

fn there_is_one_writer(store: &dyn AuditStore) {
    let mut written = Written::begin(store);
    assert!(store.take(&node(0)).is_err());
    written.write(&[START]);
    let chunks = written.chunks.clone();
    drop(written.writer);
    let mut written = Written { writer: store.take(&node(0)).unwrap(), chunks };
    written.write(&[START]);
    assert_eq!(all(&*log(store, &*written.writer)), written.chunks);
}

fn logs_of_other_keys_stand_apart(store: &dyn AuditStore) {
    let mut written = Written::begin(store);
    written.write(&[START]);
    let name = written.writer.node().to_owned();
    assert!(store.take(&Node { name: node(0).name, key: KEYS[1] }).is_err(), "the name is taken");
    // A store for one node has no place for another, whether that is there or not.
    if let Ok(mut other) = store.take(&node(1)) {
        let chunk = Owned::behind(BEGINNING, (START, START), &["{\"other\":1}"]);
        let group = Group { after: BEGINNING, chunks: &[chunk.lent()], end: chunk.end(), checkpoint: None, tally: &[] };
        other.append(&group).unwrap();
        assert_eq!(all(&*log(store, &*other)), [chunk]);
        assert_eq!(store.nodes().unwrap(), [node(0), node(1)]);
        let removable = written.writer.removable(i64::MAX).unwrap();
        assert_eq!(removable, None, "what is last is so in its own log");
    }
    written.write(&[START]);
    assert_eq!(all(&*store.log(&name).unwrap()), written.chunks);
}

/// Removes all that can be removed, and gives the numbers up to which that was.
fn remove(writer: &mut dyn AuditWriter, before: i64) -> Vec<i64> {
    let mut removed = Vec::new();
    while let Some(place) = writer.removable(before).unwrap() {
        assert_eq!(place.hash, hash(place.seq), "the chain goes on from there");
        writer.remove(&point(place.seq, "anchor"), before).unwrap();
        removed.push(place.seq);
        assert!(removed.is_sorted() && removed.len() < 100);
    }
    removed
}

fn old_records_are_removed_behind_an_anchor(store: &dyn AuditStore) {
    let mut written = Written::begin(store);
    for number in 0..6 {
        let time = START + number * MONTH;
        let chunk = Owned::behind(written.end(), (time, time + 1), &["{}", "{}"]);
        let tally = [Counted { hour: hour(time), code: String::new(), count: 2 }];
        let checkpoint = point(chunk.last, "t");
        written.append(vec![chunk], Some(&checkpoint), &tally);
    }
    // Long after the third: whatever a store keeps for the time being, that is over.
    let before = START + 4 * MONTH + MONTH / 2;
    let reached = *remove(&mut *written.writer, before).last().unwrap();
    assert!(reached == 6 || reached == 8 || reached == 10, "{reached}");
    let log = log(store, &*written.writer);
    assert_eq!(log.anchor().unwrap(), Some(point(reached, "anchor")));
    written.chunks.retain(|chunk| chunk.first > reached);
    assert_eq!(all(&*log), written.chunks);
    assert_eq!(log.span(ALWAYS).unwrap(), Some((reached + 1, 12)));
    let points: Vec<i64> = log.checkpoints().unwrap().iter().map(|point| point.seq).collect();
    assert!(points.iter().all(|seq| *seq >= reached) && points.ends_with(&[12]), "{points:?}");
    let hours = log.counted(i64::MIN).unwrap();
    assert!(hours.len() < 6 && hours.iter().all(|counted| counted.hour >= START + 2 * MONTH), "{hours:?}");
    // The chain goes on, also for a writer that comes later.
    written.write(&[START + 6 * MONTH]);
    let chunks = written.chunks.clone();
    drop(written.writer);
    let mut written = Written { writer: store.take(&node(0)).unwrap(), chunks };
    written.write(&[START + 6 * MONTH]);
    assert_eq!(all(&*log), written.chunks);
}

fn what_is_not_old_or_last_stays(store: &dyn AuditStore) {
    let mut written = Written::begin(store);
    assert_eq!(remove(&mut *written.writer, i64::MAX), [0; 0]);
    // Behind the second there is an older one.
    for months in [0, 6, 1, 2] {
        written.write(&[START + months * MONTH]);
    }
    let log = log(store, &*written.writer);
    assert_eq!(remove(&mut *written.writer, START - 1), [0; 0]);
    assert!(remove(&mut *written.writer, START + 4 * MONTH).iter().all(|seq| *seq == 1));
    let kept = all(&*log);
    assert!(written.chunks.ends_with(&kept) && kept.len() >= 3);
    remove(&mut *written.writer, START + 99 * MONTH);
    let kept = all(&*log);
    assert!(written.chunks.ends_with(&kept) && !kept.is_empty(), "the last one stays");
    written.chunks = kept;
    written.write(&[START + 9 * MONTH]);
    assert_eq!(all(&*log), written.chunks);
}

fn many_and_odd_records_are_written_together(store: &dyn AuditStore) {
    let long = format!("{{\"long\":\"{}\"}}", "x".repeat(1_000_000));
    let odd = ["{\"a\":\"größer \u{1F600} \u{7f} \\u0000 ' \\\\\"}", &long, "", " \t", "[1, 2.50]"];
    let mut written = Written::begin(store);
    let mut chunks = Vec::new();
    for number in 0..64 {
        let place = chunks.last().map_or(written.end(), Owned::end);
        let bodies = vec![if number == 0 { "{}" } else { "{\"usual\":\"as it is\"}" }; 128];
        chunks.push(Owned::behind(place, (START + number, START + number * HOUR), &bodies));
    }
    let place = chunks.last().map_or(written.end(), Owned::end);
    chunks.push(Owned::behind(place, (-1, -1), &odd));
    written.append(chunks, None, &[]);
    let log = log(store, &*written.writer);
    assert_eq!(all(&*log), written.chunks);
    assert_eq!(log.span(ALWAYS).unwrap(), Some((1, 64 * 128 + 5)));
}
