//! The audit log: what is in it, what shows that it was changed, and what a process leaves that is killed.

#![expect(clippy::arithmetic_side_effects, reason = "a test that panics has failed, as it should")]

use crate::service::{PATIENCE, Service, Setup};
use reqwest::blocking::Client;
use rusqlite::Connection;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use tempfile::TempDir;

const LAB: &str = "allow role researcher to infer;\n";

/// How often the service is killed.
const KILLS: usize = 50;
/// How many clients ask it meanwhile.
const CLIENTS: usize = 4;

fn ask(user: &str, model: &str) -> String {
    format!(
        r#"{{"subject": {{"type": "user", "id": "{user}", "properties": {{"roles": ["researcher"]}}}}, "action": {{"name": "infer"}}, "resource": {{"type": "model", "id": "{model}"}}}}"#
    )
}

/// A service that keeps its state in a folder which outlives it.
fn on(state: &Path, audit: &str) -> Service {
    Setup::new(LAB).settings(&format!("state = {state:?}\n[audit]\n{audit}")).start()
}

/// Asks under a name, and gives the status.
fn send(service: &Service, id: &str, user: &str) -> u16 {
    let request = service.post("/access/v1/evaluation", &ask(user, "qwen3")).header("x-request-id", id);
    request.send().unwrap().status().as_u16()
}

/// Runs `policyc audit`: the exit code and what it prints.
pub(crate) fn audit(state: &Path, args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_policyc"));
    let output = command.arg("audit").args(args).arg("--state").arg(state).output().unwrap();
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    (output.status.code().unwrap(), text)
}

/// The records of a log, as they are.
fn records(state: &Path) -> Vec<Value> {
    let (code, text) = audit(state, &["export", "--format", "jsonl"]);
    assert_eq!(code, 0, "{text}");
    text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["record"].take()).collect()
}

/// The records of a log, a line each, as they lie there: starting the program would take too long.
pub(crate) fn bodies(state: &Path) -> String {
    let log = Connection::open(state.join("audit/log.sqlite")).unwrap();
    let mut select = log.prepare("SELECT bodies, packed FROM chunks ORDER BY first").unwrap();
    let chunks = select.query_map([], |row| {
        let packed: Option<Vec<u8>> = row.get(1)?;
        let unpack = |packed: Vec<u8>| lz4_flex::block::decompress_size_prepended(&packed).unwrap();
        packed.map_or_else(|| row.get(0), |packed| Ok(String::from_utf8(unpack(packed)).unwrap()))
    });
    chunks.unwrap().map(|bodies| bodies.unwrap() + "\n").collect()
}

/// How often each request is in the log.
fn ids(state: &Path) -> BTreeMap<String, i64> {
    let mut ids = BTreeMap::new();
    for body in bodies(state).lines() {
        let record: Value = serde_json::from_str(body).unwrap();
        *ids.entry(record["id"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    ids
}

fn end(mut service: Service) {
    service.signal("TERM");
    assert!(service.wait().success());
}

#[test]
fn all_that_was_decided_is_there_after_the_end() {
    let state = TempDir::new().unwrap();
    let service = on(state.path(), "");
    for number in 0..100 {
        assert_eq!(send(&service, &format!("r-{number}"), "alice"), 200);
    }
    let odd = r#"{"subject": {"type": "user", "id": "bob", "properties": {"secret": "hunter2"}}, "action": {"name": "infer"}, "resource": {"type": "model", "id": "qwen3"}, "context": {"token": {"inner": "s3cret"}}}"#;
    service.post("/access/v1/evaluation", odd).header("x-request-id", "odd").send().unwrap();
    end(service);
    let found = ids(state.path());
    assert_eq!(found.len(), 101);
    assert!(found.values().all(|count| *count == 1));
    let records = records(state.path());
    let first = &records[0];
    assert_eq!(first["event"], "decision");
    assert!(first["time"].is_string());
    assert_eq!(first["surface"], "authzen");
    assert_eq!(first["ip"], "127.0.0.1");
    assert_eq!(first["caller"]["type"], "anonymous");
    assert_eq!(first["request"]["subject"]["id"], "alice");
    assert_eq!(first["request"]["action"]["name"], "infer");
    assert_eq!(first["request"]["resource"]["id"], "qwen3");
    assert_eq!(first["answer"]["decision"], true);
    assert!(first["answer"]["context"]["revision"].as_str().unwrap().starts_with("sha256:"));
    let odd = records.iter().find(|record| record["id"] == "odd").unwrap();
    assert_eq!(odd["answer"]["context"]["code"], "NO_RULE");
    assert_eq!(odd["answer"]["context"]["ignored"].as_array().unwrap().len(), 2);
    assert!(!odd.to_string().contains("hunter2") && !odd.to_string().contains("s3cret"), "{odd}");
    let (code, text) = audit(state.path(), &["verify"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("whole: 101 records\n  covered up to record 101 by"), "{text}");
    let mode = |name: &str| fs::metadata(state.path().join("audit").join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("key.pem"), mode("log.sqlite")), (0o700, 0o600, 0o600));
}

#[test]
fn the_log_can_be_read_while_it_is_written() {
    let state = TempDir::new().unwrap();
    let service = on(state.path(), "durability = \"sync\"");
    assert_eq!(send(&service, "r-1", "alice"), 200);
    assert_eq!(ids(state.path()), BTreeMap::from([("r-1".to_owned(), 1)]));
    let (code, text) = audit(state.path(), &["verify"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("1 record after the last checkpoint is not yet covered"), "{text}");
    let again = Setup::new(LAB).settings(&format!("state = {:?}", state.path())).fails();
    assert_eq!(again.0, 1);
    assert!(again.1.contains("another process keeps its log there"), "{}", again.1);
}

#[test]
fn nothing_is_kept_where_nothing_should_be() {
    let state = TempDir::new().unwrap();
    let service = on(state.path(), "durability = \"off\"");
    assert_eq!(send(&service, "r-1", "alice"), 200);
    end(service);
    assert!(!state.path().join("audit").exists());
    let service = Setup::new(LAB).settings("state = \"memory\"").start();
    assert_eq!(send(&service, "r-1", "alice"), 200);
    end(service);
}

/// A generator of numbers that are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// What clients saw before the service was killed.
#[derive(Default)]
struct Seen {
    asked: BTreeSet<String>,
    answered: BTreeSet<String>,
}

/// Asks a service from many sides, and kills it after so many answers.
fn load_and_kill(service: &mut Service, round: usize, answers: usize) -> Seen {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let count = Arc::new(AtomicUsize::new(0));
    let url = service.url("/access/v1/evaluation");
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (seen, count, url) = (seen.clone(), count.clone(), url.clone());
            thread::spawn(move || {
                let http = Client::builder().timeout(PATIENCE).build().unwrap();
                for number in 0.. {
                    let id = format!("{round}-{client}-{number}");
                    seen.lock().unwrap().asked.insert(id.clone());
                    let request =
                        http.post(&url).header("content-type", "application/json").header("x-request-id", &id);
                    match request.body(ask("alice", "qwen3")).send() {
                        Ok(response) if response.status() == 200 => {
                            seen.lock().unwrap().answered.insert(id);
                            count.fetch_add(1, Ordering::SeqCst);
                        }
                        Ok(response) => panic!("{}", response.status()),
                        // It was killed.
                        Err(_) => break,
                    }
                }
            })
        })
        .collect();
    while count.load(Ordering::SeqCst) < answers {
        thread::yield_now();
    }
    service.signal("KILL");
    service.wait();
    clients.into_iter().for_each(|client| client.join().unwrap());
    Arc::into_inner(seen).unwrap().into_inner().unwrap()
}

/// Whenever the service is killed, what it had answered is in the log, once, and the chain holds.
#[test]
fn a_kill_loses_nothing_that_was_answered() {
    let state = TempDir::new().unwrap();
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut all = Seen::default();
    for round in 0..KILLS {
        let mut service = on(state.path(), "durability = \"sync\"\ncheckpoint_records = 50");
        let answers = 1 + usize::try_from(numbers.below(150)).unwrap();
        let seen = load_and_kill(&mut service, round, answers);
        assert!(seen.answered.len() >= answers);
        all.asked.extend(seen.asked);
        all.answered.extend(seen.answered);
        let (code, text) = audit(state.path(), &["verify"]);
        assert_eq!(code, 0, "round {round}, after {answers} answers: {text}");
        let found = ids(state.path());
        for id in &all.answered {
            assert_eq!(found.get(id), Some(&1), "round {round}, after {answers} answers: {id}");
        }
        for (id, count) in &found {
            assert!(all.asked.contains(id) && *count == 1, "round {round}: {id} is there {count} times");
        }
    }
}

/// What is there after a kill in the other mode is whole, too; what is missing is the end.
#[test]
fn a_kill_leaves_a_log_that_holds() {
    let state = TempDir::new().unwrap();
    for round in 0..3 {
        let mut service = on(state.path(), "");
        load_and_kill(&mut service, round, 100);
        assert_eq!(audit(state.path(), &["verify"]).0, 0);
    }
}

/// A database that somebody else holds cannot be written: the queue fills, decisions are refused, and none is lost.
#[test]
fn a_full_queue_is_a_503() {
    let state = TempDir::new().unwrap();
    let service = on(state.path(), "queue_bytes = 4096");
    assert_eq!(send(&service, "before", "alice"), 200);
    let other = Connection::open(state.path().join("audit/log.sqlite")).unwrap();
    other.busy_timeout(PATIENCE).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut answered = vec!["before".to_owned()];
    let refused = (0..100).map(|number| format!("r-{number}")).find(|id| match send(&service, id, "alice") {
        200 => {
            answered.push(id.clone());
            false
        }
        status => {
            assert_eq!(status, 503);
            true
        }
    });
    let refused = refused.expect("the queue is full at some time");
    other.execute_batch("ROLLBACK").unwrap();
    end(service);
    let found = ids(state.path());
    assert!(!found.contains_key(&refused));
    assert_eq!(found.into_keys().collect::<BTreeSet<_>>(), answered.into_iter().collect());
    assert_eq!(audit(state.path(), &["verify"]).0, 0);
}

/// A copy of a log that was changed by SQL.
fn changed(state: &Path, sql: &str) -> TempDir {
    let copy = TempDir::new().unwrap();
    fs::create_dir(copy.path().join("audit")).unwrap();
    for name in ["log.sqlite", "public.pem", "key.pem"] {
        fs::copy(state.join("audit").join(name), copy.path().join("audit").join(name)).unwrap();
    }
    Connection::open(copy.path().join("audit/log.sqlite")).unwrap().execute_batch(sql).unwrap();
    copy
}

#[test]
fn what_was_changed_shows() {
    let state = TempDir::new().unwrap();
    // On the disk before each answer: so each record is a chunk.
    let service = on(state.path(), "durability = \"sync\"");
    (0..5).for_each(|number| assert_eq!(send(&service, &format!("a-{number}"), "alice"), 200));
    end(service);
    let kept = fs::read_to_string(state.path().join("audit/checkpoints.jsonl")).unwrap();
    let service = on(state.path(), "durability = \"sync\"");
    (0..5).for_each(|number| assert_eq!(send(&service, &format!("b-{number}"), "alice"), 200));
    end(service);
    assert_eq!(audit(state.path(), &["verify"]).0, 0);
    for (sql, wanted) in [
        (
            "UPDATE chunks SET bodies = replace(bodies, 'alice', 'mallory') WHERE first = 3",
            "record 3 is not what was recorded",
        ),
        ("UPDATE chunks SET latest = latest + 1 WHERE first = 4", "record 4 is found under other times than its own"),
        ("DELETE FROM chunks WHERE first = 2", "record 2 is missing"),
        ("DELETE FROM chunks WHERE first < 4", "records 1 to 3 are missing"),
        ("DELETE FROM chunks WHERE first > 7", "records 8 to 10 are missing: the checkpoint of"),
        (
            "UPDATE chunks SET first = 99, last = 99 WHERE first = 3; UPDATE chunks SET first = 3, last = 3 WHERE first = 4; UPDATE chunks SET first = 4, last = 4 WHERE first = 99",
            "record 3 is not what was recorded",
        ),
        ("UPDATE checkpoints SET seq = 4 WHERE seq = 5", "the checkpoint at record 4 is not signed by this key"),
        (
            "INSERT INTO anchor SELECT * FROM checkpoints WHERE seq = 5; DELETE FROM chunks WHERE last <= 5",
            "is not signed by this key",
        ),
    ] {
        let copy = changed(state.path(), sql);
        let (code, text) = audit(copy.path(), &["verify"]);
        assert_eq!(code, 2, "{sql}: {text}");
        assert!(text.contains(wanted), "{sql}: {text}");
    }
    // What was cut off with its checkpoint shows by one that was kept elsewhere, and by nothing else.
    let copy = changed(state.path(), "DELETE FROM chunks WHERE first > 3; DELETE FROM checkpoints");
    let (code, text) = audit(copy.path(), &["verify"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("3 records after the last checkpoint are not yet covered"), "{text}");
    let elsewhere = copy.path().join("kept.jsonl");
    fs::write(&elsewhere, &kept).unwrap();
    let (code, text) = audit(copy.path(), &["verify", "--checkpoint", elsewhere.to_str().unwrap()]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("records 4 to 5 are missing"), "{text}");
    // The service does not go on with a log that does not hold.
    let copy = changed(state.path(), "DELETE FROM chunks WHERE first > 3");
    let failed = Setup::new(LAB).settings(&format!("state = {:?}", copy.path())).fails();
    assert_eq!(failed.0, 1);
    assert!(failed.1.contains("the records after 3 are missing"), "{}", failed.1);
}

/// A log that was written anew with another key holds by itself, and not by the key that was kept.
#[test]
fn another_key_shows() {
    let (state, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    for state in [&state, &other] {
        let service = on(state.path(), "");
        assert_eq!(send(&service, "r-1", "alice"), 200);
        end(service);
    }
    let key = state.path().join("kept.pem");
    fs::write(&key, audit(state.path(), &["key"]).1).unwrap();
    assert_eq!(audit(state.path(), &["verify", "--key", key.to_str().unwrap()]).0, 0);
    let (code, text) = audit(other.path(), &["verify", "--key", key.to_str().unwrap()]);
    assert_eq!(code, 2, "{text}");
}

/// Takes one request over HTTP, answers it with 204, and gives its body.
pub(crate) fn receive(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim().split_once(": ") else {
            if line.trim().is_empty() { break } else { continue }
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").unwrap();
    String::from_utf8(body).unwrap()
}

#[test]
fn an_alert_is_recorded_and_reported() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let state = TempDir::new().unwrap();
    let alert = format!(
        "[[audit.alert]]\nname = \"denials\"\ndecision = \"deny\"\ncount = 3\nwindow = \"1d\"\nby = \"principal\"\nwebhook = \"http://{address}/hook\""
    );
    let service = on(state.path(), &alert);
    let denied = |user: &str| {
        let body = format!(
            r#"{{"subject": {{"type": "user", "id": "{user}"}}, "action": {{"name": "infer"}}, "resource": {{"type": "model", "id": "m"}}}}"#
        );
        assert_eq!(service.post("/access/v1/evaluation", &body).send().unwrap().status(), 200);
    };
    ["bob", "carol", "bob", "bob", "bob", "carol"].into_iter().for_each(denied);
    let report: Value = serde_json::from_str(&receive(&listener)).unwrap();
    assert_eq!((&report["alert"], &report["by"], &report["count"]), (&"denials".into(), &"bob".into(), &3.into()));
    end(service);
    let raised: Vec<Value> = records(state.path()).into_iter().filter(|record| record["event"] == "alert").collect();
    assert_eq!(raised.len(), 1, "{raised:?}");
    assert_eq!(raised[0]["raised"]["alert"], "denials");
    assert_eq!(audit(state.path(), &["verify"]).0, 0);
}

/// Many credentials that do not hold, in a short time and from one place, are reported.
#[test]
fn failed_sign_ins_raise_an_alert() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let state = TempDir::new().unwrap();
    let alert = format!(
        "[[audit.alert]]\nname = \"sign-ins\"\nevent = \"unauthenticated\"\ncount = 5\nwindow = \"1m\"\nby = \"ip\"\nwebhook = \"http://{}/\"",
        listener.local_addr().unwrap()
    );
    let service = on(state.path(), &alert);
    for number in 0..5 {
        let request = service.post("/access/v1/evaluation", &ask("bob", "m")).bearer_auth(format!("guess-{number}"));
        assert_eq!(request.send().unwrap().status(), 401);
    }
    let report: Value = serde_json::from_str(&receive(&listener)).unwrap();
    assert_eq!(
        (&report["alert"], &report["by"], &report["count"]),
        (&"sign-ins".into(), &"127.0.0.1".into(), &5.into())
    );
    assert_eq!(send(&service, "r-1", "alice"), 200);
    end(service);
    let events: Vec<Value> = records(state.path()).into_iter().map(|mut record| record["event"].take()).collect();
    let failed = |event: &&Value| **event == "unauthenticated";
    assert_eq!(
        (events.iter().filter(failed).count(), events.len()),
        (5, 7),
        "each attempt, the alert, and what came after"
    );
    let (_, log) = audit(state.path(), &["export", "--format", "access-log"]);
    let line = log.lines().last().unwrap();
    assert!(line.starts_with("[INFO] User alice accessed qwen3 at 20") && line.ends_with('Z'), "{log}");
}

/// A rule on trial blocks nobody, and the log says whom it would have blocked.
#[test]
fn a_rule_on_trial_is_recorded_and_blocks_nobody() {
    let state = TempDir::new().unwrap();
    let trial = format!("{LAB}trial: shadow deny user \"bob\" to infer else PAUSED;\n");
    let service = Setup::new(&trial).settings(&format!("state = {:?}", state.path())).start();
    for user in ["alice", "bob"] {
        let answer = service.post("/access/v1/evaluation", &ask(user, "m")).send().unwrap();
        assert_eq!(answer.json::<Value>().unwrap()["decision"], true);
    }
    end(service);
    let shadow: Vec<Value> =
        records(state.path()).iter().map(|record| record["answer"]["context"]["shadow"].clone()).collect();
    assert_eq!(shadow, [Value::Null, serde_json::json!(["trial"])]);
}

#[test]
fn settings_that_cannot_be() {
    let said = |audit: &str| Setup::new(LAB).settings(&format!("[audit]\n{audit}")).fails().1;
    for (audit, wanted) in [
        ("durability = \"maybe\"", "unknown variant `maybe`"),
        ("keep_days = 0", "`keep_days` is at least 1"),
        ("durability = \"off\"\n[[audit.alert]]\nname = \"a\"\ncount = 1\nwindow = \"1m\"", "alerts count records"),
        ("[[audit.alert]]\nname = \"a\"\ncount = 1\nwindow = \"soon\"", "expected a time such as `5m`"),
        (
            "[[audit.alert]]\nname = \"a\"\ncount = 1\nwindow = \"1m\"\nwebhook = \"http://example.com/\"",
            "must begin with `https://`",
        ),
    ] {
        let text = said(audit);
        assert!(text.contains(wanted), "{audit}: {text}");
    }
}
