//! Policies from a signed bundle: at an address, and in a file.

use crate::service::{PATIENCE, Service, Setup};
use policyc::{Claims, Engine, load::bundle::SecretKey};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{Arc, Condvar, Mutex},
    thread,
};

/// Two sets that decide every request differently.
const FIRST: &str = "actions view;\nallow user \"alice\" to view;\n";
const SECOND: &str = "actions view;\nallow user \"bob\" to view;\n";
/// It says itself what is not true of it.
const VIOLATING: &str = "actions view;\nallow anyone to view;\nnobody: never allow user \"alice\" to view;\n";

/// The keys of RFC 8032's first two tests.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----";
const OTHER_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7
-----END PRIVATE KEY-----";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----";

fn bundle_by(policy: &str, counter: u64, key: Option<&str>) -> Vec<u8> {
    let engine = Engine::builder().text("main.policy", policy).claims(Claims::Unproved).load().unwrap();
    let key = key.map(|key| SecretKey::from_pem(key).unwrap());
    let mut bytes = Vec::new();
    engine.counted_bundle(counter, key.as_ref(), &mut bytes).unwrap();
    bytes
}

fn bundle(policy: &str, counter: u64) -> Vec<u8> {
    bundle_by(policy, counter, Some(KEY))
}

fn revision(policy: &str) -> String {
    Engine::builder().text("main.policy", policy).load().unwrap().revision().to_owned()
}

/// A server of files with `ETag`s.
struct Shelf {
    url: String,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    is_down: bool,
    /// What was answered.
    answered: Vec<(String, u16)>,
}

impl Shelf {
    fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let state: Arc<(Mutex<State>, Condvar)> = Arc::default();
        let shared = state.clone();
        thread::spawn(move || socket.incoming().flatten().for_each(|stream| serve(&stream, &shared)));
        Self { url, state }
    }

    fn with(name: &str, bytes: Vec<u8>) -> Self {
        let shelf = Self::start();
        shelf.put(name, bytes);
        shelf
    }

    fn put(&self, name: &str, bytes: Vec<u8>) {
        self.state.0.lock().unwrap().files.insert(name.to_owned(), bytes);
    }

    fn remove(&self, name: &str) {
        self.state.0.lock().unwrap().files.remove(name);
    }

    fn down(&self, is_down: bool) {
        self.state.0.lock().unwrap().is_down = is_down;
    }

    /// The address of a file.
    fn at(&self, name: &str) -> String {
        format!("{}{name}", self.url)
    }

    /// Waits until a file was answered with a status for the given time.
    fn answers(&self, name: &str, status: u16, times: usize) {
        let count = |state: &mut State| {
            state.answered.iter().filter(|(path, answered)| path == name && *answered == status).count() < times
        };
        let (state, changed) = &*self.state;
        let (_state, timeout) = changed.wait_timeout_while(state.lock().unwrap(), PATIENCE, count).unwrap();
        assert!(!timeout.timed_out(), "{name} is answered with {status}");
    }
}

/// Answers one request.
fn serve(mut stream: &TcpStream, (state, changed): &(Mutex<State>, Condvar)) {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let Some(path) = head.first().and_then(|line| line.split(' ').nth(1)) else { return };
    let known = head.iter().find_map(|line| line.strip_prefix("if-none-match: "));
    let mut state = state.lock().unwrap();
    let name = path.split('?').next().unwrap();
    let (status, more, body) = match state.files.get(name) {
        _ if state.is_down => (503, String::new(), Vec::new()),
        None if name == "/moved" => (302, "Location: /hub.bundle\r\n".to_owned(), Vec::new()),
        None => (404, String::new(), Vec::new()),
        Some(bytes) => {
            let mut hasher = DefaultHasher::new();
            bytes.hash(&mut hasher);
            let mark = format!("\"{:x}\"", hasher.finish());
            let is_known = known == Some(&*mark);
            (
                if is_known { 304 } else { 200 },
                format!("ETag: {mark}\r\n"),
                if is_known { Vec::new() } else { bytes.clone() },
            )
        }
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status} So\r\n{more}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
    state.answered.push((name.to_owned(), status));
    changed.notify_all();
}

/// A service that follows a bundle at an address, and asks by itself only at its start.
fn following(url: &str, more: &str) -> Setup {
    Setup::new("")
        .settings(&format!("[policy.bundle]\npoll_seconds = 100000\n{more}"))
        .file("public.pem", PUBLIC)
        .only_args(&[url, "--bundle-key", "public.pem"])
}

impl Service {
    fn sees(&self, who: &str) -> bool {
        let asks = json!({ "subject": { "type": "user", "id": who }, "action": { "name": "view" }, "resource": { "type": "model", "id": "m" } });
        let answer = self.post("/access/v1/evaluation", &asks.to_string()).send().unwrap();
        assert_eq!(answer.status(), 200);
        answer.json::<Value>().unwrap()["decision"] == true
    }

    fn reload(&self) -> (u16, String) {
        self.does("reload")
    }

    fn does(&self, what: &str) -> (u16, String) {
        let answer = self.post(&format!("/v1/admin/policies/{what}"), "{}").send().unwrap();
        let status = answer.status().as_u16();
        let told: Value = answer.json().unwrap();
        (status, told["error"].as_str().unwrap_or_default().to_owned())
    }

    fn text(&self, path: &str) -> String {
        self.get(path).send().unwrap().text().unwrap()
    }

    fn bundle(&self) -> Value {
        self.json("/v1/admin/policies")["bundle"].clone()
    }
}

#[test]
fn a_bundle_is_taken_from_its_address_and_asked_for_anew_only_where_it_changed() {
    let shelf = Shelf::with("/hub.bundle", bundle(FIRST, 5));
    let url = shelf.at("/hub.bundle?secret=42");
    let service = following(&url, "").start();
    assert!(service.sees("alice") && !service.sees("bob"));
    assert_eq!(service.revision(), revision(FIRST));
    shelf.answers("/hub.bundle", 304, 1);
    assert!(service.text("/readyz").starts_with("bundle: 5\nready"), "{}", service.text("/readyz"));
    let metrics = service.text("/metrics");
    let info = format!("policyc_policy_info{{revision=\"{}\",counter=\"5\"}} 1", revision(FIRST));
    assert!(metrics.contains(&info), "{metrics}");
    assert!(!metrics.contains("policyc_policy_polled_timestamp_seconds 0\n"), "{metrics}");
    let told = service.bundle();
    assert_eq!((&told["counter"], &told["taken"], &told["canary"]), (&json!(5), &json!(5), &json!(false)), "{told}");
    let history = service.json("/v1/admin/policies")["history"][0].clone();
    assert_eq!(history["how"], "bundle", "{history}");

    shelf.put("/hub.bundle", bundle(SECOND, 6));
    assert_eq!(service.reload(), (200, String::new()));
    assert!(service.sees("bob") && !service.sees("alice"));
    let line = service.says("another policy set decides");
    assert!(!line.contains("secret"), "{line}");
    assert!(service.text("/readyz").starts_with("bundle: 6\n"));
    let _ = fs::read(service.folder.path().join("policyc-state/taken.bundle")).unwrap();
}

#[test]
fn a_bundle_is_polled() {
    let shelf = Shelf::with("/hub.bundle", bundle(FIRST, 5));
    let setup = Setup::new("").file("public.pem", PUBLIC);
    let setup = setup.settings("[policy.bundle]\npoll_seconds = 1\nkey = \"public.pem\"");
    let service = setup.only_args(&[&shelf.at("/hub.bundle")]).start();
    shelf.answers("/hub.bundle", 304, 1);
    shelf.put("/hub.bundle", bundle(SECOND, 6));
    service.says("another policy set decides");
    assert!(service.sees("bob"));
    shelf.down(true);
    service.says("the policy set is not exchanged");
    shelf.answers("/hub.bundle", 503, 3);
    assert!(service.sees("bob"));
    assert!(service.text("/readyz").contains("is not taken, or none comes"));
    shelf.down(false);
    shelf.put("/hub.bundle", bundle(FIRST, 7));
    service.says("another policy set decides");
    assert!(service.sees("alice"));
}

#[test]
fn what_may_not_be_taken_changes_nothing() {
    let shelf = Shelf::with("/hub.bundle", bundle(FIRST, 5));
    let service = following(&shelf.at("/hub.bundle"), "bytes = 100000").start();
    let mut damaged = bundle(SECOND, 6);
    *damaged.last_mut().unwrap() ^= 1;
    let mut forged = bundle(SECOND, 4);
    forged[56] = 9; // the counter
    let cases = [
        (bundle(SECOND, 4), 409, "the bundle's counter is 4, and one with 5 was taken before"),
        (bundle(SECOND, 5), 409, "and its counter 5, which is that of"),
        (bundle(SECOND, 0), 409, "the bundle has no counter"),
        (bundle_by(SECOND, 6, Some(OTHER_KEY)), 422, "another key signed the bundle"),
        (bundle_by(SECOND, 6, None), 422, "nobody signed the bundle"),
        (damaged, 422, "the bundle is damaged: a section has changed"),
        (forged, 422, "the bundle is damaged: its head has changed"),
        (bundle(SECOND, 6)[..200].to_vec(), 422, "the bundle is damaged: it ends too early"),
        (b"<html>please sign in</html>".to_vec(), 422, "it does not begin as a bundle does"),
        (Vec::new(), 422, "it does not begin as a bundle does"),
        (bundle(VIOLATING, 6), 422, "error[P0401]"),
        (vec![b'x'; 100_001], 502, "larger than 100000 bytes"),
    ];
    let count = cases.len() - 1;
    for (bytes, wanted, why) in cases {
        shelf.put("/hub.bundle", bytes);
        let (status, error) = service.reload();
        assert_eq!(status, wanted, "{error}");
        assert!(error.contains(why), "{error}");
        let line = service.says("the policy set is not exchanged");
        assert!(line.contains("ERROR") && line.contains(why), "{line}");
        assert!(service.sees("alice") && !service.sees("bob"));
        let faults = service.bundle()["faults"].clone();
        let last = faults.as_array().unwrap().last().unwrap();
        assert!(last.as_str().unwrap().contains(why), "{faults}");
        assert!(service.text("/readyz").contains("is not taken, or none comes"));
    }
    shelf.remove("/hub.bundle");
    assert!(service.reload().1.ends_with("the answer is 404"));
    let metrics = service.text("/metrics");
    assert!(metrics.contains(&format!("policyc_policy_reloads_total{{result=\"refused\"}} {count}")), "{metrics}");
    assert!(metrics.contains("policyc_policy_reloads_total{result=\"silent\"} 2"), "{metrics}");
    shelf.put("/hub.bundle", bundle(SECOND, 6));
    assert_eq!(service.reload().0, 200);
    assert!(service.sees("bob"));
    assert_eq!(service.bundle()["faults"], json!([]));
    assert!(service.text("/readyz").starts_with("bundle: 6\nready"));
}

#[test]
fn a_restart_forgets_neither_the_set_nor_its_counter() {
    let shelf = Shelf::with("/hub.bundle", bundle(FIRST, 5));
    let url = shelf.at("/hub.bundle");
    let args = [&*url, "--bundle-key", "public.pem"];
    let service = following(&url, "").start();
    shelf.down(true);
    let service = service.again(&args);
    service.says("the policy set is not exchanged");
    assert!(service.sees("alice"));
    assert!(service.text("/readyz").starts_with("bundle: 5\n"));
    shelf.down(false);
    shelf.put("/hub.bundle", bundle(SECOND, 4));
    let service = service.killed(&args);
    let line = service.says("the policy set is not exchanged");
    assert!(line.contains("counter is 4, and one with 5"), "{line}");
    assert!(service.sees("alice"));
    // With another key, its counters begin anew.
    fs::write(service.folder.path().join("public.pem"), "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n-----END PUBLIC KEY-----\n").unwrap();
    shelf.put("/hub.bundle", bundle_by(SECOND, 1, Some(OTHER_KEY)));
    let service = service.again(&args);
    assert!(service.sees("bob"));
    // What was kept, and is not what was written, is no reason to begin anew.
    let state = service.folder.path().join("policyc-state/taken.bundle");
    let mut kept = fs::read(&state).unwrap();
    *kept.last_mut().unwrap() ^= 1;
    fs::write(&state, kept).unwrap();
    let mut command = Command::new(crate::PROGRAM);
    command.args(["serve", "--config", "serve.toml"]).args(args).current_dir(service.folder.path());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("the bundle that was taken last"), "{said}");
}

#[test]
fn nothing_is_decided_before_the_first_bundle() {
    let shelf = Shelf::start();
    shelf.down(true);
    let url = shelf.at("/hub.bundle");
    let service = following(&url, "").start();
    let ask = || service.post("/access/v1/evaluation", "{}").send().unwrap().status();
    assert_eq!(ask(), 503);
    let ready = service.get("/readyz").send().unwrap();
    assert_eq!((ready.status().as_u16(), &*ready.text().unwrap()), (503, "waiting for a policy bundle\n"));
    assert_eq!(service.get("/healthz").send().unwrap().status(), 200);
    assert_eq!(service.get("/ui").send().unwrap().status(), 503);
    assert!(!service.text("/metrics").contains("policyc_policy_info{"));
    // A set that does not do is none, either.
    shelf.put("/hub.bundle", bundle(VIOLATING, 5));
    shelf.down(false);
    let line = service.says("P0401");
    assert!(line.contains("the policy set is not exchanged"), "{line}");
    assert_eq!(ask(), 503);
    shelf.put("/hub.bundle", bundle(FIRST, 5));
    service.signal("HUP");
    service.says("another policy set decides");
    assert!(service.sees("alice"));
    assert_eq!(service.get("/readyz").send().unwrap().status(), 200);
}

#[test]
fn a_redirect_is_not_followed() {
    let shelf = Shelf::with("/hub.bundle", bundle(FIRST, 5));
    let service = following(&shelf.at("/moved"), "").start();
    assert_eq!(service.get("/readyz").send().unwrap().status(), 503);
    shelf.answers("/moved", 302, 2);
    shelf.put("/moved", bundle(FIRST, 5));
    service.says("another policy set decides");
}

#[test]
fn only_what_is_pinned_is_taken() {
    let shelf = Shelf::with("/hub.bundle", bundle(FIRST, 5));
    let url = shelf.at("/hub.bundle");
    let pin = &revision(FIRST)[..20];
    let args = [&*url, "--bundle-key", "public.pem", "--pin", pin];
    let service = following(&url, "").args(&["--pin", pin]).start();
    assert!(service.sees("alice"));
    shelf.put("/hub.bundle", bundle(SECOND, 6));
    let (status, error) = service.reload();
    assert!(status == 409 && error.contains(&revision(SECOND)) && error.contains(pin), "{error}");
    service.says("the policy set is not exchanged");
    assert!(service.sees("alice"));
    // Without the pin the newer one is taken, with it again the one before, which has decided here.
    let service = service.again(&args[..3]);
    service.says("another policy set decides");
    assert!(service.sees("bob"));
    let service = service.again(&args);
    assert!(service.sees("alice"));
    assert_eq!(service.bundle()["counter"], Value::Null);
    assert_eq!(service.bundle()["taken"], 6);
}

#[test]
fn what_an_administrator_chose_stays_until_it_is_unpinned() {
    let shelf = Shelf::with("/hub.bundle", bundle(FIRST, 5));
    let service = following(&shelf.at("/hub.bundle"), "").start();
    shelf.put("/hub.bundle", bundle(SECOND, 6));
    assert_eq!(service.reload().0, 200);
    let back = json!({ "revision": revision(FIRST) }).to_string();
    assert_eq!(service.post("/v1/admin/policies/rollback", &back).send().unwrap().status(), 200);
    assert!(service.sees("alice"));
    assert!(service.text("/metrics").contains("counter=\"\"} 1"), "it is none of a bundle");
    assert_eq!(service.reload().0, 409);
    assert_eq!(service.does("unpin").0, 200);
    assert_eq!(service.reload().0, 200, "the same bundle decides again");
    assert!(service.sees("bob"));
    assert_eq!(service.bundle()["counter"], 6);
}

#[test]
fn some_nodes_take_the_canary_before_the_others() {
    let shelf = Shelf::with("/hub.bundle", bundle(FIRST, 5));
    shelf.put("/next.bundle", bundle(SECOND, 6));
    let url = shelf.at("/hub.bundle");
    let canary =
        |share: &str| format!("[policy.bundle.canary]\nurl = \"{}\"\nshare = {share}", shelf.at("/next.bundle"));
    let plain = following(&url, &canary("0.0")).args(&["--node", "a"]).start();
    let ahead = following(&url, &canary("1.0")).args(&["--node", "a"]).start();
    assert!(plain.sees("alice") && ahead.sees("bob"));
    assert_eq!(plain.bundle()["canary"], false);
    assert_eq!((&ahead.bundle()["canary"], &ahead.bundle()["counter"]), (&json!(true), &json!(6)));
    assert_eq!(ahead.bundle()["faults"], json!([]), "that the others are behind is no fault");
    // Withdrawn: who took it stays until something newer is there for all.
    shelf.remove("/next.bundle");
    assert_eq!(ahead.reload().0, 200);
    assert!(ahead.sees("bob"));
    shelf.put("/hub.bundle", bundle(FIRST, 7));
    assert_eq!((plain.reload().0, ahead.reload().0), (200, 200));
    assert!(plain.sees("alice") && ahead.sees("alice"));
    // A canary that all have overtaken is none, and one that may not be taken stops nobody.
    shelf.put("/next.bundle", bundle(SECOND, 6));
    assert_eq!(ahead.reload().0, 200);
    assert!(ahead.sees("alice"));
    shelf.put("/next.bundle", bundle(VIOLATING, 9));
    shelf.put("/hub.bundle", bundle(SECOND, 8));
    assert_eq!(ahead.reload().0, 422);
    assert!(ahead.sees("bob"));
    assert!(ahead.bundle()["faults"][0].as_str().unwrap().contains("P0401"));
    shelf.remove("/next.bundle");
    assert_eq!(ahead.reload().0, 200);
    assert_eq!(ahead.bundle()["faults"], json!([]), "what is withdrawn is forgotten");
}

#[test]
fn a_file_is_held_to_its_key_and_its_counter_too() {
    let setup = Setup::new("").file("public.pem", PUBLIC);
    let file = setup.path().join("hub.bundle");
    fs::write(&file, bundle(FIRST, 5)).unwrap();
    let args = ["hub.bundle", "--bundle-key", "public.pem"];
    let service = setup.only_args(&args).start();
    assert!(service.sees("alice"));
    for (bytes, why) in [
        (bundle(SECOND, 4), "counter is 4, and one with 5"),
        (bundle_by(SECOND, 6, None), "nobody signed the bundle"),
        (SECOND.into(), "it does not begin as a bundle does"),
    ] {
        fs::write(&file, bytes).unwrap();
        service.signal("HUP");
        let line = service.says("the policy set is not exchanged");
        assert!(line.contains(why), "{line}");
        assert!(service.sees("alice"));
    }
    fs::remove_file(&file).unwrap();
    let service = service.again(&args);
    assert!(service.sees("alice"), "what was taken last decides");
    fs::write(&file, bundle(SECOND, 6)).unwrap();
    assert_eq!(service.reload().0, 200);
    assert!(service.sees("bob"));
    fs::write(&file, bundle(FIRST, 7)).unwrap();
    let service = service.again(&args);
    assert!(service.sees("alice"), "a start looks at the file");
    fs::write(&file, bundle(SECOND, 6)).unwrap();
    let service = service.again(&args);
    assert!(service.sees("alice") && service.bundle()["faults"][0].as_str().unwrap().contains("counter is 6"));
}

#[test]
fn settings_that_cannot_be_are_named() {
    let fails = |settings: &str, args: &[&str]| {
        let setup = Setup::new(FIRST).settings(settings).file("public.pem", PUBLIC).only_args(args);
        let (code, said) = setup.fails();
        assert_eq!(code, 1, "{said}");
        said
    };
    let key = ["--bundle-key", "public.pem"];
    let with = |path: &'static str| [&[path][..], &key].concat();
    assert!(fails("", &["https://policies.example/hub.bundle"]).contains("`--bundle-key`"));
    assert!(fails("", &with("http://192.0.2.1/hub.bundle")).contains("`http://` is for loopback alone"));
    assert!(fails("", &with("policies")).contains("a key is for one bundle"));
    assert!(fails("", &with("nowhere.bundle")).contains("nowhere.bundle"));
    assert!(fails("", &[&with("nowhere.bundle")[..], &["--check-config"]].concat()).contains("nowhere.bundle"));
    assert!(fails("", &[&with("https://a.example/b")[..], &["policies"]].concat()).contains("nothing goes with it"));
    let canary = "[policy.bundle.canary]\nurl = \"https://a.example/b\"\nshare = 2.0";
    assert!(fails(canary, &with("https://a.example/b")).contains("between 0 and 1"));
    let named = "[policy.bundle]\nurl = \"https://a.example/b\"";
    assert!(fails(named, &with("policies")).contains("names others"));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("public.pem"), PUBLIC).unwrap();
    let settings = "[policy.bundle]\nkey = \"public.pem\"\ninsecure = true\n[outbound]\nallow = [\"192.0.2.0/24\"]\n";
    fs::write(folder.path().join("serve.toml"), settings).unwrap();
    let mut command = Command::new(crate::PROGRAM);
    command.args(["serve", "http://192.0.2.1/hub.bundle", "--check-config", "--config", "serve.toml"]);
    let output = command.current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("the settings are fine"), "{said}");
}
