//! The log as a whole, without a service: what it writes, keeps, exports and counts.

#![expect(clippy::arithmetic_side_effects, reason = "a test that panics has failed, as it should")]

use super::{
    alert::{self, Watch},
    export::{Format, Pseudonyms, exporter},
    read::{Entry, Log},
    record::{Asked, Kept, Record},
    records::Records,
    sqlite::SqliteAudit,
    store::{Store, folder},
    told::{Filter, Told},
    verify::Verified,
};
use crate::{
    engine::{Engine, Spend},
    request::{Principal, Request, Resource},
    server::{
        decide::Surface,
        identity::{Caller, Origin, Unauthenticated},
    },
    store::audit::{Order, Outage},
};
use ::http::HeaderMap;
use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, types::Value};
use std::{env, fmt::Write, fs, ops::ControlFlow, path::Path};
use tempfile::TempDir;

/// A key that everybody knows (RFC 8032, test 1).
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";

/// What its signatures are held against.
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
";

const POLICY: &str = r#"actions infer, view;
role researcher;
researchers: allow role researcher to infer;
open: allow anyone to view;
closed: deny anyone to view on tag closed else CLOSED 403 "{model.id} is closed.";
"#;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 123_456_000).unwrap()
}

fn origin(id: &str) -> Origin {
    let headers = HeaderMap::from_iter([("x-request-id".parse().unwrap(), id.parse().unwrap())]);
    Origin::of(&headers, "192.0.2.7:4711".parse().unwrap(), &[])
}

fn caller(id: &str) -> Caller {
    Caller {
        principal: Principal::service("gateway"),
        is_trusted: false,
        origin: origin(id),
        proofs: std::sync::Arc::default(),
    }
}

/// A record as it is kept.
type Sample = (Kept, Vec<u8>);

fn kept(record: &Record<'_>) -> Sample {
    let mut line = Vec::new();
    (record.encode(&mut line), line)
}

/// A decision as it is kept, with a revision that does not change with the rules of time zones.
fn decided(at: DateTime<Utc>, id: &str, request: &Request) -> Sample {
    let engine = Engine::builder().text("lab.policy", POLICY).load().unwrap();
    let mut decision = engine.decide_dated(request, at, Spend::Charge).unwrap();
    decision.revision = "sha256:5eed".into();
    kept(&Record::of(at, &caller(id), Surface::AuthZen, Asked::AtLength(request), (&decision).into()))
}

/// One record of each kind.
fn samples() -> Vec<Sample> {
    let minute = |minutes: i64| now() + TimeDelta::minutes(minutes);
    let alice = Principal::user("alice@company.com").roles(["researcher"]).org("alpha");
    let bob = Principal::user("=bob|x");
    let model = |id: &str| Resource::model(id);
    let list = Request::new(alice.clone(), "infer", model(""));
    let listed = ["m-1".to_owned(), "m-2".to_owned()];
    let bad = Unauthenticated::invalid("the token has expired");
    let raised =
        super::record::Raised { alert: "denials".to_owned(), count: 3, seconds: 300, by: Some("=bob|x".to_owned()) };
    vec![
        decided(minute(0), "r-1", &Request::new(alice.clone(), "infer", model("qwen3")).ip([10, 1, 2, 3].into())),
        decided(minute(1), "r-2", &Request::new(bob.clone(), "infer", model("qwen3")).with("token", "s3cret")),
        decided(minute(2), "r-3", &Request::new(bob, "view", model("old\\new=1").with("tags", ["closed"]))),
        decided(
            minute(3),
            "r-4",
            &Request::new(Principal::anonymous(), "view", model("qwen3").with("tags", Vec::<&str>::new())),
        ),
        kept(&Record::list(minute(4), &caller("r-5"), Surface::AuthZen, &list, &listed, "sha256:5eed")),
        kept(&Record::unauthenticated(minute(5), &origin("r-6"), Surface::AuthZen, &bad)),
        kept(&Record::alert(minute(6), &raised)),
        kept(&Record::retention(minute(7), 12, 12)),
    ]
}

/// A state whose log has the known key.
fn state() -> TempDir {
    let state = TempDir::new().unwrap();
    fs::create_dir(state.path().join("audit")).unwrap();
    fs::write(state.path().join("audit/key.pem"), KEY).unwrap();
    state
}

fn open(state: &Path) -> Store {
    Store::open(&SqliteAudit::new(folder(state), false), state, "").unwrap()
}

fn write(store: &mut Store, records: &[Sample], sign: Option<DateTime<Utc>>) -> Result<(), Outage> {
    let mut all = Records::default();
    records.iter().for_each(|(kept, line)| all.put(kept.clone(), line));
    store.write(&store.prepare(&all, sign))
}

fn verify(state: &Path) -> Verified {
    let key = Log::key(state).unwrap();
    let mut outcomes = Log::open(state).unwrap().verify(&[key], Vec::new(), &mut |_| ()).unwrap();
    outcomes.pop().unwrap().found.unwrap()
}

fn entries(state: &Path, filter: &Filter, order: Order) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut each = |entry| {
        entries.push(entry);
        ControlFlow::Continue(())
    };
    Log::open(state).unwrap().read(filter, order, &mut each, &mut |_| ()).unwrap();
    entries
}

/// The database as SQL, without the tally, which is made anew where it is missing.
fn dump(path: &Path) -> String {
    let database = Connection::open(path).unwrap();
    let version: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    let mut text = format!("PRAGMA user_version = {version};\n");
    let mut select =
        database.prepare("SELECT sql FROM sqlite_schema WHERE tbl_name <> 'tally' ORDER BY rowid").unwrap();
    for sql in select.query_map([], |row| row.get::<_, String>(0)).unwrap() {
        writeln!(text, "{};", sql.unwrap()).unwrap();
    }
    for table in ["chunks", "checkpoints", "anchor"] {
        let mut select = database.prepare(&format!("SELECT * FROM {table} ORDER BY 1")).unwrap();
        let columns = select.column_count();
        let mut rows = select.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let value = |column| match row.get::<_, Value>(column).unwrap() {
                Value::Integer(number) => number.to_string(),
                Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
                Value::Blob(bytes) => format!("X'{}'", crate::load::hex(&bytes)),
                Value::Null => "NULL".to_owned(),
                Value::Real(_) => panic!("no column has such values"),
            };
            let values: Vec<String> = (0..columns).map(value).collect();
            writeln!(text, "INSERT INTO {table} VALUES ({});", values.join(", ")).unwrap();
        }
    }
    text
}

/// The bytes of the log are what they have been: logs that were written before can be verified for ever. The file is also the
/// log of `tests/cli/audit.toml`.
#[test]
fn the_log_is_written_as_before() {
    let state = state();
    let mut store = open(state.path());
    let samples = samples();
    write(&mut store, &samples[..4], None).unwrap();
    write(&mut store, &samples[4..6], Some(now() + TimeDelta::hours(1))).unwrap();
    write(&mut store, &samples[6..], None).unwrap();
    drop(store);
    let dumped = dump(&state.path().join("audit/log.sqlite"));
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/audit.sql");
    if env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&kept, &dumped).unwrap();
    }
    assert_eq!(fs::read_to_string(kept).unwrap(), dumped);
    let verified = verify(state.path());
    assert_eq!((verified.records, verified.uncovered), (8, 2));
    assert!(!dumped.contains("s3cret"));
}

#[test]
fn decisions_are_counted_by_hour_and_code() {
    let state = state();
    let counted = |since: DateTime<Utc>| {
        let counted = Log::open(state.path()).unwrap().counted(since).unwrap();
        counted.into_iter().map(|found| (found.hour, found.code, found.count)).collect::<Vec<_>>()
    };
    let hour = |hours: i64| (now() + TimeDelta::hours(hours)).timestamp_micros().div_euclid(super::HOUR) * super::HOUR;
    let first = |code: &str, count| (hour(0), code.to_owned(), count);
    let mut store = open(state.path());
    write(&mut store, &samples(), None).unwrap();
    let later = Request::new(Principal::user("bob"), "infer", Resource::model("qwen3"));
    write(&mut store, &[decided(now() + TimeDelta::hours(2), "r-9", &later)], None).unwrap();
    let second = (hour(2), "NO_RULE".to_owned(), 1);
    let all = [first("", 2), first("CLOSED", 1), first("NO_RULE", 1), second.clone()];
    assert_eq!(counted(now()), all);
    assert_eq!(counted(now() + TimeDelta::hours(2)), std::slice::from_ref(&second));
    drop(store);

    let mut store = open(state.path());
    store.remove_before((now() + TimeDelta::hours(1)).timestamp_micros(), now()).unwrap();
    assert_eq!(counted(now()), [second]);
}

/// A log of version 1, in which each record had a row of its own, or of version 2, in which no chunk was packed, is read as it
/// is, and written on in the form of now.
#[test]
fn a_log_of_before_goes_on() {
    for version in ["audit-version-1.sql", "audit-version-2.sql"] {
        let state = state();
        let database = Connection::open(state.path().join("audit/log.sqlite")).unwrap();
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli").join(version);
        database.execute_batch(&fs::read_to_string(kept).unwrap()).unwrap();
        drop(database);
        fs::write(state.path().join("audit/public.pem"), PUBLIC).unwrap();
        let (before, records) = (verify(state.path()), bodies(state.path()));
        assert_eq!((before.records, before.uncovered, records.len()), (8, 2, 8), "{version}");

        let mut store = open(state.path());
        assert_eq!((verify(state.path()), bodies(state.path())), (before, records));
        let counted = Log::open(state.path()).unwrap().counted(now()).unwrap();
        assert_eq!(counted.iter().map(|counted| counted.count).sum::<u64>(), 4);
        write(&mut store, &samples(), None).unwrap();
        assert_eq!(verify(state.path()).records, 16);
    }
}

fn bodies(state: &Path) -> Vec<String> {
    entries(state, &Filter::default(), Order::Oldest).into_iter().map(|entry| entry.body).collect()
}

/// Many records lie packed in the file, and are what they were.
#[test]
fn many_records_are_packed() {
    let state = state();
    let samples: Vec<Sample> = (0..30).flat_map(|_| samples()).collect();
    write(&mut open(state.path()), &samples, None).unwrap();
    assert_eq!(verify(state.path()).records, 240);
    let written: Vec<_> = samples.iter().map(|(_, line)| String::from_utf8(line.clone()).unwrap()).collect();
    assert_eq!(bodies(state.path()), written);

    let database = Connection::open(state.path().join("audit/log.sqlite")).unwrap();
    let select = "SELECT bodies, packed FROM chunks WHERE first = 129";
    let lying = || database.query_row(select, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)));
    let (text, packed) = lying().unwrap();
    let unpacked = String::from_utf8(lz4_flex::block::decompress_size_prepended(&packed).unwrap()).unwrap();
    assert_eq!((text.as_str(), unpacked.as_str()), ("", written[128..].join("\n").as_str()));
    assert!(packed.len() * 8 < unpacked.len(), "{} of {}", packed.len(), unpacked.len());

    let forged = lz4_flex::block::compress_prepend_size(unpacked.replace("alice", "mallory").as_bytes());
    for (packed, wanted) in [
        (forged.as_slice(), "record 129 is not what was recorded"),
        (&packed[..packed.len() / 2], "records 129 to 240 cannot be unpacked"),
        (&[], "records 129 to 240 cannot be unpacked"),
    ] {
        database.execute("UPDATE chunks SET packed = ?1 WHERE first = 129", [packed]).unwrap();
        let log = Log::open(state.path()).unwrap();
        let key = Log::key(state.path()).unwrap();
        let tampered = log.verify(&[key], Vec::new(), &mut |_| ()).unwrap().remove(0).found.unwrap_err();
        assert!(tampered.seq >= 128 && tampered.what.contains(wanted), "{tampered:?}");
    }
}

#[test]
fn old_records_are_removed_and_the_rest_still_holds() {
    let state = state();
    let mut store = open(state.path());
    for (number, record) in samples().iter().enumerate() {
        write(&mut store, std::slice::from_ref(record), (number == 7).then(now)).unwrap();
    }
    let before = (now() + TimeDelta::minutes(3)).timestamp_micros();
    assert_eq!(store.remove_before(before, now()).unwrap(), Some((3, 3)));
    assert_eq!(store.remove_before(before, now()).unwrap(), None);
    let verified = verify(state.path());
    assert_eq!((verified.records, verified.removed, verified.uncovered), (5, 3, 0));
    // The last one stays: the chain goes on from it.
    assert_eq!(store.remove_before(i64::MAX, now()).unwrap(), Some((4, 7)));
    assert_eq!(verify(state.path()).records, 1);
    write(&mut store, &samples(), None).unwrap();
    drop(store);
    // Whoever opens it again covers what is not covered yet.
    let mut store = open(state.path());
    assert_eq!(store.uncovered(), 8);
    write(&mut store, &[], Some(now())).unwrap();
    let verified = verify(state.path());
    assert_eq!((verified.records, verified.removed, verified.uncovered), (9, 7, 0));
    assert_eq!(verified.covered.unwrap().0, 16);
}

#[test]
fn records_are_found() {
    let state = state();
    write(&mut open(state.path()), &samples(), None).unwrap();
    let found = |filter: Filter| {
        entries(state.path(), &filter, Order::Newest).iter().map(|entry| entry.seq).collect::<Vec<_>>()
    };
    let all = Filter::default;
    let minute = |minutes: i64| Some(now() + TimeDelta::minutes(minutes));
    assert_eq!(found(all()), [8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(found(Filter { principal: Some("=bob|x".to_owned()), ..all() }), [3, 2]);
    assert_eq!(found(Filter { principal: Some("anonymous".to_owned()), ..all() }), [4]);
    assert_eq!(found(Filter { resource: Some("qwen3".to_owned()), ..all() }), [4, 2, 1]);
    assert_eq!(found(Filter { action: Some("view".to_owned()), ..all() }), [4, 3]);
    assert_eq!(found(Filter { code: Some("CLOSED".to_owned()), ..all() }), [3]);
    assert_eq!(found(Filter { is_allow: Some(false), ..all() }), [3, 2]);
    assert_eq!(found(Filter { since: minute(5), ..all() }), [8, 7, 6]);
    assert_eq!(found(Filter { since: minute(1), until: minute(3), ..all() }), [3, 2]);
    assert_eq!(found(Filter { until: minute(-1), ..all() }), [] as [i64; 0]);
}

#[test]
fn pseudonyms_are_the_same_for_the_same() {
    let state = state();
    write(&mut open(state.path()), &samples(), None).unwrap();
    let entries = entries(state.path(), &Filter::default(), Order::Oldest);
    let of_log = || Pseudonyms::of_log(state.path()).unwrap();
    for format in [Format::Csv, Format::Jsonl, Format::Cef, Format::Ocsf] {
        let text = |pseudonyms| {
            let exporter = exporter(format, Some(pseudonyms));
            entries.iter().map(|entry| exporter.line(entry)).collect::<String>()
        };
        let written = text(of_log());
        for name in ["alice", "=bob|x", "alpha", "192.0.2.7", "gateway", "10.1.2.3"] {
            assert!(!written.contains(name), "{format:?} names {name}: {written}");
        }
        assert_eq!(written, text(of_log()), "{format:?}");
        let key = state.path().join("pseudonyms.key");
        fs::write(&key, "a key that is long enough\n").unwrap();
        assert_ne!(written, text(Pseudonyms::of_file(&key).unwrap()), "{format:?}");
        fs::write(&key, "short").unwrap();
        assert!(Pseudonyms::of_file(&key).is_err());
    }
}

/// Raises of an alert, with the counts.
fn raised(settings: &str, records: &[(i64, &str)]) -> Vec<(usize, u32)> {
    let settings: alert::Settings = toml::from_str(settings).unwrap();
    let mut watch = Watch::new(settings);
    let mut raised = Vec::new();
    for (index, (seconds, id)) in records.iter().enumerate() {
        let body = format!(
            r#"{{"event":"decision","request":{{"subject":{{"type":"user","id":"{id}"}}}},"answer":{{"decision":false}}}}"#
        );
        let told = Told::of(&body).unwrap();
        raised.extend(watch.see(seconds * 1_000_000, &told).map(|alert| (index, alert.count)));
    }
    raised
}

#[test]
fn alerts_count_in_windows() {
    let settings = |by: &str| format!("name = \"a\"\ndecision = \"deny\"\ncount = 3\nwindow = \"16s\"\n{by}");
    let all = settings("");
    let each = settings("by = \"principal\"");
    assert_eq!(raised(&all, &[(100, "a"), (101, "b"), (102, "a")]), [(2, 3)]);
    assert_eq!(raised(&each, &[(100, "a"), (101, "b"), (102, "a"), (103, "a")]), [(3, 3)]);
    assert_eq!(raised(&all, &[(100, "a"), (101, "a"), (116, "a")]), [], "the first is too old");
    // Once in a window, then again.
    assert_eq!(
        raised(&all, &[(100, "a"), (100, "a"), (100, "a"), (101, "a"), (115, "a"), (116, "a")]),
        [(2, 3), (5, 3)]
    );
    let allowed = "name = \"a\"\ndecision = \"allow\"\ncount = 1\nwindow = \"1m\"";
    assert_eq!(raised(allowed, &[(100, "a")]), []);
    // Many principals take no more room than some.
    let many: Vec<(i64, String)> = (0..30_000).map(|number| (100, number.to_string())).collect();
    let many: Vec<(i64, &str)> = many.iter().map(|(time, id)| (*time, &**id)).collect();
    assert_eq!(raised(&each, &many), []);
}
