//! Several services that keep their audit logs in one database.

use crate::{
    PROGRAM,
    postgres::{Server, until},
    service::{Service, Setup},
};
use reqwest::blocking::Client;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};
use tempfile::TempDir;

const POLICY: &str = r#"
    actions infer, audit, manage;
    kinds audit;
    allow user "alice" to infer;
    allow anyone to audit, manage;
"#;

/// A service of a name that keeps its log in a database, and answers once a record is there.
fn setup(database: &Server, node: &str) -> Setup {
    Setup::new(POLICY)
        .args(&["--audit", &database.url(), "--node", node])
        .settings("[audit]\ndurability = \"sync\"\ntimeout_ms = 20000\ncheckpoint_records = 20")
}

/// Asks under a name, and gives the status.
fn ask(service: &Service, id: &str, user: &str) -> u16 {
    send(&service.client, &service.url("/access/v1/evaluation"), id, user)
}

fn send(http: &Client, url: &str, id: &str, user: &str) -> u16 {
    let body = format!(
        r#"{{"subject": {{"type": "user", "id": "{user}"}}, "action": {{"name": "infer"}}, "resource": {{"type": "model", "id": "m"}}}}"#
    );
    let request = http.post(url).header("content-type", "application/json").header("x-request-id", id);
    request.body(body).send().unwrap().status().as_u16()
}

/// Runs `policyc audit` on a database: the exit code and what it prints.
fn audit(database: &Server, args: &[&str]) -> (i32, String) {
    let output = Command::new(PROGRAM).arg("audit").args(args).args(["--store", &database.url()]).output().unwrap();
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    assert!(!text.contains("s3cret"), "{text}");
    (output.status.code().unwrap(), text)
}

fn fine(database: &Server, args: &[&str]) -> String {
    let (code, text) = audit(database, args);
    assert_eq!(code, 0, "{args:?}: {text}");
    text
}

/// All records of all nodes, in the order of time.
fn records(database: &Server, args: &[&str]) -> Vec<Value> {
    let text = fine(database, &[&["export", "--format", "jsonl"], args].concat());
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How often each request is there.
fn ids(database: &Server) -> BTreeMap<String, usize> {
    let mut ids = BTreeMap::new();
    for entry in records(database, &[]) {
        if let Some(id) = entry["record"]["id"].as_str() {
            *ids.entry(id.to_owned()).or_default() += 1;
        }
    }
    ids
}

fn end(mut service: Service) -> TempDir {
    service.signal("TERM");
    assert!(service.wait().success());
    std::mem::replace(&mut service.folder, TempDir::new().unwrap())
}

#[test]
fn two_services_write_and_all_is_read_together() {
    let database = Server::start();
    let nodes = ["a", "b"].map(|node| setup(&database, node).start());
    for number in 0..60 {
        let user = if number % 3 == 0 { "bob" } else { "alice" };
        assert_eq!(ask(&nodes[number % 2], &format!("r-{number}"), user), 200);
    }
    // Each answered decision is there before its answer.
    let entries = records(&database, &[]);
    let order: Vec<&str> = entries.iter().map(|entry| entry["record"]["id"].as_str().unwrap()).collect();
    assert!(order.iter().enumerate().all(|(number, id)| **id == format!("r-{number}")), "{order:?}");
    assert!(entries.iter().enumerate().all(|(number, entry)| entry["node"] == ["a", "b"][number % 2]));
    assert_eq!(entries[59]["seq"], 30);

    let found = fine(&database, &["search", "--principal", "bob", "--limit", "3", "--format", "json"]);
    let found: Value = serde_json::from_str(&found).unwrap();
    let found: Vec<&Value> = found["records"].as_array().unwrap().iter().map(|entry| &entry["record"]["id"]).collect();
    assert_eq!(found, ["r-57", "r-54", "r-51"], "the newest first");
    assert_eq!(records(&database, &["--node", "b", "--decision", "deny"]).len(), 10);
    let shown = fine(&database, &["search", "--limit", "1"]);
    assert!(shown.contains("[r-59]  at b 30"), "{shown}");
    let table = fine(&database, &["export", "--format", "csv"]);
    assert!(table.lines().next().unwrap().ends_with(",message,node") && table.lines().nth(2).unwrap().ends_with(",b"));
    let (code, said) = audit(&database, &["search", "--node", "c"]);
    assert!(code == 1 && said.contains("no log of a node `c`"), "{said}");

    let policy = TempDir::new().unwrap();
    fs::write(policy.path().join("next.policy"), POLICY.replace("user \"alice\"", "anyone")).unwrap();
    let (code, said) = audit(&database, &["replay", policy.path().to_str().unwrap()]);
    assert_eq!(code, 2, "{said}");
    assert!(said.starts_with("deny NO_RULE → allow  20 requests\n  user bob infer model m  (20 times)\n"), "{said}");

    // A service reads its own.
    let told = nodes[1].json("/v1/admin/audit?principal=bob&limit=2");
    assert_eq!((&told["data"][0]["record"]["id"], told["data"].as_array().unwrap().len()), (&"r-57".into(), 2));
    let page = nodes[0].get("/ui/audit?principal=bob").send().unwrap().text().unwrap();
    assert!(page.contains("/ui/audit/28") && page.contains("NO_RULE"), "{page}");
    let text = nodes[0].get("/v1/admin/audit/export?format=jsonl&pseudonymise=true").send().unwrap().text().unwrap();
    assert!(text.lines().count() >= 30 && !text.contains("alice"));
    nodes.into_iter().for_each(|node| drop(end(node)));
    let whole = fine(&database, &["verify"]);
    assert!(
        whole.contains("a: whole: 3") && whole.contains("b: whole: 3") && whole.contains("2 checkpoints"),
        "{whole}"
    );
    let whole: Value = serde_json::from_str(&fine(&database, &["verify", "--format", "json"])).unwrap();
    assert_eq!(
        (&whole["whole"], &whole["nodes"][1]["node"], &whole["nodes"][1]["uncovered"]),
        (&true.into(), &"b".into(), &0.into())
    );
}

#[test]
fn what_was_changed_is_found_and_its_node_named() {
    let database = Server::start();
    let folders = ["a", "b"].map(|node| {
        let service = setup(&database, node).start();
        (0..5).for_each(|number| assert_eq!(ask(&service, &format!("{node}-{number}"), "alice"), 200));
        end(service)
    });
    let kept = |node: usize, name: &str| folders[node].path().join("policyc-state/audit").join(name);
    let (points, key) = (kept(1, "checkpoints.jsonl"), kept(1, "public.pem"));
    let (points, key, other) = (points.to_str().unwrap(), key.to_str().unwrap(), kept(0, "public.pem"));
    fine(&database, &["verify", "--checkpoint", points]);
    fine(&database, &["verify", "--key", key, "--key", other.to_str().unwrap()]);
    assert_eq!(fine(&database, &["key", "--node", "b"]), format!("node b\n{}", fs::read_to_string(key).unwrap()));
    let (code, said) = audit(&database, &["verify", "--key", key]);
    assert!(code == 2 && said.contains("of node `a`") && said.contains("key is another"), "{said}");

    for (sql, undo, wanted) in [
        (
            "UPDATE policyc.audit_chunks SET bodies = replace(bodies, 'alice', 'mallory') WHERE node = 'b' AND first = 3",
            "UPDATE policyc.audit_chunks SET bodies = replace(bodies, 'mallory', 'alice')",
            "the log of node `b` was tampered with: record 3 is not what was recorded",
        ),
        (
            "UPDATE policyc.audit_chunks SET earliest = earliest + 1 WHERE node = 'b' AND first = 2",
            "UPDATE policyc.audit_chunks SET earliest = earliest - 1 WHERE node = 'b' AND first = 2",
            "of node `b` was tampered with: record 2 is found under other times",
        ),
        (
            "UPDATE policyc.audit_checkpoints SET seq = seq - 1 WHERE node = 'a'",
            "UPDATE policyc.audit_checkpoints SET seq = seq + 1 WHERE node = 'a'",
            "the log of node `a` was tampered with: the checkpoint at record 4",
        ),
    ] {
        database.ask(sql);
        let (code, said) = audit(&database, &["verify"]);
        assert!(code == 2 && said.contains(wanted), "{sql}: {said}");
        assert!(said.contains(": whole: 5 records, 1 checkpoint"), "the other one is: {said}");
        database.ask(undo);
    }
    fine(&database, &["verify"]);
    // Who takes a whole log away leaves no trace but what was kept elsewhere.
    database.ask("DELETE FROM policyc.audit_chunks WHERE node = 'b'; DELETE FROM policyc.audit_nodes WHERE name = 'b'");
    fine(&database, &["verify"]);
    let (code, said) = audit(&database, &["verify", "--checkpoint", points]);
    assert!(code == 2 && said.contains("there is no log with the key"), "{said}");
    // What was cut off is not written on.
    database.ask("DELETE FROM policyc.audit_chunks WHERE node = 'a' AND first > 3");
    let state = format!("state = {:?}", folders[0].path().join("policyc-state"));
    let fails = || Setup::new(POLICY).args(&["--audit", &database.url(), "--node", "a"]).settings(&state).fails();
    let (code, said) = fails();
    assert!(code == 1 && said.contains("node `a`: the records after 3 are missing, and were signed"), "{said}");
    // Nor where the database is older than what was signed.
    database.ask("DELETE FROM policyc.audit_checkpoints WHERE node = 'a'");
    let end = "SELECT hashes FROM policyc.audit_chunks WHERE node = 'a' AND first = 3";
    database.ask(&format!("UPDATE policyc.audit_nodes SET last = 3, hash = ({end}) WHERE name = 'a'"));
    let (code, said) = fails();
    assert!(code == 1 && said.contains("missing, and `checkpoints.jsonl` covers them up to 5"), "{said}");
}

/// Clients ask two services while their database is killed and comes back.
#[test]
fn a_database_that_is_killed_loses_nothing_that_was_answered() {
    let mut database = Server::start();
    let nodes = ["a", "b"].map(|node| setup(&database, node).start());
    let (ends, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (asked, answered) = (Mutex::new(BTreeSet::new()), Mutex::new(BTreeSet::new()));
    thread::scope(|scope| {
        for client in 0..8 {
            let (ends, count, asked, answered) = (&ends, &count, &asked, &answered);
            let node = &nodes[client % 2];
            let (http, url) = (node.client.clone(), node.url("/access/v1/evaluation"));
            scope.spawn(move || {
                for number in (0..).take_while(|_| !ends.load(Ordering::SeqCst)) {
                    let id = format!("{client}-{number}");
                    asked.lock().unwrap().insert(id.clone());
                    match send(&http, &url, &id, "alice") {
                        200 => {
                            answered.lock().unwrap().insert(id);
                            count.fetch_add(1, Ordering::SeqCst);
                        }
                        status => assert_eq!(status, 503),
                    }
                }
            });
        }
        for _ in 0..3 {
            let before = count.load(Ordering::SeqCst);
            until("some are answered", || (count.load(Ordering::SeqCst) > before + 100).then_some(()));
            database.kill();
            for node in &nodes {
                let ready = || node.get("/readyz").send().unwrap().text().unwrap();
                until("it is known", || ready().starts_with("degraded: audit\n").then_some(()));
            }
            database.restart();
        }
        let before = count.load(Ordering::SeqCst);
        until("some are answered", || (count.load(Ordering::SeqCst) > before + 100).then_some(()));
        ends.store(true, Ordering::SeqCst);
    });
    for node in &nodes {
        let told = node.json("/v1/admin/degraded");
        assert_eq!(told["degraded"], false, "{told}");
    }
    nodes.into_iter().for_each(|node| drop(end(node)));
    fine(&database, &["verify"]);
    let (found, asked, answered) = (ids(&database), asked.into_inner().unwrap(), answered.into_inner().unwrap());
    for id in &answered {
        assert_eq!(found.get(id), Some(&1), "{id}");
    }
    let twice: Vec<_> = found.iter().filter(|(id, count)| asked.contains(*id) && **count != 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn what_cannot_be_recorded_is_not_decided_until_the_database_is_back() {
    let mut database = Server::start();
    let service = setup(&database, "a").start();
    assert_eq!(ask(&service, "before", "alice"), 200);
    database.kill();
    assert_eq!(ask(&service, "meanwhile", "alice"), 503);
    database.restart();
    until("it is recorded again", || (ask(&service, "after", "alice") == 200).then_some(()));
    drop(end(service));
    let found = ids(&database);
    assert_eq!(
        (found["before"], found["meanwhile"], found["after"]),
        (1, 1, 1),
        "who was refused had asked all the same"
    );
    fine(&database, &["verify"]);
}

#[test]
fn a_log_goes_on_after_any_end_of_its_service() {
    let database = Server::start();
    let args = ["policies", "--audit", &database.url(), "--node", "a"];
    let mut service = setup(&database, "a").start();
    for number in 0..3 {
        assert_eq!(ask(&service, &format!("r-{number}"), "alice"), 200);
        service = service.killed(&args);
    }
    let service = service.again(&["policies", "--audit", &database.url(), "--node", "called otherwise by now"]);
    assert_eq!(ask(&service, "r-3", "alice"), 200);
    drop(end(service));
    assert_eq!(ids(&database).values().copied().collect::<Vec<_>>(), [1; 4]);
    let whole = fine(&database, &["verify"]);
    assert!(whole.starts_with("a: whole: 4 records"), "{whole}");
}

/// In the other mode an answer waits for nobody; what the service had when it was told to end is written, once the database is
/// there.
#[test]
fn what_waits_is_written_when_the_database_is_back() {
    let mut database = Server::start();
    let service = Setup::new(POLICY).args(&["--audit", &database.url(), "--node", "a"]).start();
    assert_eq!(ask(&service, "before", "alice"), 200);
    database.kill();
    let told = until("it is known", || {
        let told = service.json("/v1/admin/degraded");
        (told["degraded"] == true).then_some(told)
    });
    let why = told["reasons"]["audit"].as_str().unwrap();
    assert!(why.starts_with(&database.name()) && !told.to_string().contains("s3cret"), "{told}");
    for number in 0..50 {
        assert_eq!(ask(&service, &format!("r-{number}"), "alice"), 200);
    }
    database.restart();
    drop(end(service));
    let found = ids(&database);
    assert!((0..50).all(|number| found.get(&format!("r-{number}")) == Some(&1)), "{found:?}");
    assert_eq!(found["before"], 1);
    fine(&database, &["verify"]);
}

/// Copies a folder of few files.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap).filter(|entry| entry.file_type().unwrap().is_file()) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn what_cannot_be_is_told_at_the_start() {
    let database = Server::start();
    let service = setup(&database, "a").start();
    assert_eq!(ask(&service, "r-1", "alice"), 200);
    let fails = |setup: Setup, wanted: &str| {
        let (code, said) = setup.fails();
        assert!(code == 1 && said.contains(wanted) && !said.contains("s3cret"), "{wanted}: {said}");
    };
    fails(setup(&database, "a"), "the log of node `a` there is that of another key");
    let state = TempDir::new().unwrap();
    copy(&service.folder.path().join("policyc-state/audit"), &state.path().join("audit"));
    let on = |setup: Setup| setup.args(&["--state", state.path().to_str().unwrap()]);
    fails(on(setup(&database, "b")), "another process writes the log of this key");
    fs::write(state.path().join("audit/log.sqlite"), "").unwrap();
    fails(on(setup(&database, "b")), "it has a log of its own");
    fails(setup(&database, "b").args(&["--state", "memory"]), "`store` needs a folder for `state`");
    let bare = |address: &str| Setup::new(POLICY).args(&["--audit", address, "--check-config"]);
    fails(bare("postgres://user:s3cret@[x"), "`audit.store`: postgres://");
    fails(bare("etcd://host"), "postgres, postgresql");
    fails(bare("policyc-audit"), "`audit.store`: it must be an address such as");
    let mut check = Command::new(PROGRAM);
    check.args(["serve", "policies", "--check-config", "--audit", &database.url()]).current_dir(service.folder.path());
    let checked = check.output().unwrap();
    assert!(checked.status.success() && checked.stderr.is_empty());

    database.ask("UPDATE policyc.audit SET version = 9, needs = 9");
    fails(
        setup(&database, "c"),
        "its tables are of version 9 and want a program that knows version 9; this one knows 1",
    );
    let (code, said) = audit(&database, &["verify"]);
    assert!(code == 1 && said.contains("version 9"), "{said}");
    assert_eq!(database.ask("SELECT count(*) FROM policyc.audit_nodes"), "1");
    let empty = Server::start();
    let (code, said) = audit(&empty, &["verify"]);
    assert!(code == 1 && said.contains("no audit log"), "{said}");
}
