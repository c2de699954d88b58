//! A small cluster on this machine: services that share limits in Redis and documents in PostgreSQL, each with a proxy of its own
//! before either store, and with an audit log that is on the disk before anything is answered.

use crate::{
    postgres,
    proxy::{Proxy, Way},
    redis,
    roll::Dice,
};
use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};
use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_policyc-dist");
/// How many services there are.
pub(crate) const NODES: usize = 3;
/// How long a client waits: longer than a service that cannot record a decision.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many are admitted by the limits of the policy.
pub(crate) const PACE: usize = 15;
pub(crate) const TOTAL: usize = 60;

const POLICY: &str = r#"
    actions view, infer, manage, evaluate;
    role admin;
    kinds keys;
    admins: allow role admin to manage, evaluate;
    open: allow anyone to view;
    pace: limit anyone to view on "paced" at most 15 per second by everyone;
    total: limit anyone to view on "counted" at most 60 per week;
"#;

const SETTINGS: &str = r#"
    [auth]
    keys = "keys.toml"
    managed_keys = true
    key_secret = { file = "key" }
    [audit]
    durability = "sync"
    [limits]
    timeout_ms = 500
    [managed]
    timeout_ms = 2000
    sync_interval_ms = 200
    max_stale_secs = 2
"#;

/// All of it. Whatever runs is killed when it is dropped.
pub(crate) struct Cluster {
    pub(crate) redis: redis::Server,
    pub(crate) postgres: postgres::Server,
    pub(crate) nodes: Vec<Node>,
}

/// A service and the proxies before it.
pub(crate) struct Node {
    pub(crate) limits: Proxy,
    pub(crate) documents: Proxy,
    port: u16,
    /// The key of the administrator, who is also the enforcement point.
    key: String,
    child: Child,
    folder: TempDir,
    /// Whether its state is on a disk of its own, which can be filled.
    pub(crate) has_disk: bool,
    /// Up to which record its log has been read.
    pub(crate) read: u64,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let (redis, postgres) = (redis::Server::start(), postgres::Server::start());
        let key = new_key();
        let nodes = (0..NODES).map(|_| Node::start(&key, redis.port(), postgres.port())).collect();
        let cluster = Self { redis, postgres, nodes };
        cluster.nodes.iter().for_each(Node::until_ready);
        cluster
    }

    /// Any of the services, by its number.
    pub(crate) fn any(&self, dice: &mut Dice) -> usize {
        dice.below(NODES)
    }

    /// Lets something go another way: at one service or all, to one store or both.
    pub(crate) fn let_some_go(&self, dice: &mut Dice, way: Way) {
        let (node, of_all, which) = (self.any(dice), dice.below(3) == 0, dice.below(3));
        for (number, other) in self.nodes.iter().enumerate() {
            let proxies = [&other.limits, &other.documents];
            for (store, proxy) in proxies.into_iter().enumerate() {
                // The third choice is both.
                if (of_all || number == node) && (which == 2 || which == store) {
                    proxy.goes(way);
                }
            }
        }
    }

    pub(crate) fn let_all_go(&self, way: Way) {
        for node in &self.nodes {
            node.limits.goes(way);
            node.documents.goes(way);
        }
    }
}

/// A key and the entry of the file that it is known by.
#[derive(Clone)]
struct Key {
    key: String,
    entry: String,
}

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn new_key() -> Key {
    let folder = TempDir::new().unwrap();
    write_settings(folder.path(), "", 0);
    let made = Command::new(PROGRAM)
        .args(["serve", "policies", "--config", "serve.toml", "--new-key", "ann"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let [entry, said] = [made.stdout, made.stderr].map(|text| String::from_utf8(text).unwrap());
    let key = said.split_whitespace().find(|word| word.starts_with("pk_")).unwrap();
    Key { key: key.to_owned(), entry: format!("{entry}roles = [\"admin\"]\n") }
}

fn write_settings(folder: &Path, keys: &str, port: u16) {
    fs::create_dir(folder.join("policies")).unwrap();
    fs::write(folder.join("policies/main.policy"), POLICY).unwrap();
    fs::write(folder.join("keys.toml"), keys).unwrap();
    fs::write(folder.join("key"), SECRET).unwrap();
    fs::write(folder.join("serve.toml"), format!("listen = \"127.0.0.1:{port}\"\n{SETTINGS}")).unwrap();
}

impl Node {
    fn start(key: &Key, redis: u16, postgres: u16) -> Self {
        let folder = TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        write_settings(folder.path(), &key.entry, port);
        let state = folder.path().join("policyc-state");
        fs::create_dir(&state).unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=96m,mode=700", "tmpfs"]).arg(&state).output();
        let has_disk = mount.is_ok_and(|mount| mount.status.success());
        let (limits, documents) = (Proxy::to(redis), Proxy::to(postgres));
        let child = spawn(folder.path(), [limits.port(), documents.port()], &[]);
        Self { limits, documents, port, key: key.key.clone(), child, folder, has_disk, read: 0 }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The folder of its state.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("policyc-state")
    }

    /// A file beside its state.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, once it was killed, and waits until it listens.
    pub(crate) fn restart(&mut self, variables: &[(&str, &str)]) {
        self.child = spawn(self.folder.path(), [self.limits.port(), self.documents.port()], variables);
        let caller = self.caller();
        postgres::until("a service listens again", || caller.text("/healthz").filter(|(status, _)| *status == 200));
    }

    /// Whoever asks it as the administrator.
    pub(crate) fn caller(&self) -> Caller {
        Caller { http: Client::builder().timeout(PATIENCE).build().unwrap(), url: self.url(), key: self.key.clone() }
    }

    /// Waits until all is well by itself.
    pub(crate) fn until_ready(&self) {
        let caller = self.caller();
        let is_ready = || caller.text("/readyz").filter(|(_, text)| text.starts_with("ready"));
        postgres::until("a service is in order", is_ready);
    }

    /// Runs `policyc audit …` on its log.
    pub(crate) fn audit(&self, args: &[&str]) -> String {
        let output = Command::new(PROGRAM).arg("audit").args(args).arg("--state").arg(self.state()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "audit {args:?}: {}\n{said}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let said = fs::read_to_string(self.file("said")).unwrap_or_default();
            let first = said.lines().count().saturating_sub(50);
            let lines: Vec<&str> = said.lines().skip(first).collect();
            eprintln!("--- {} said last:\n{}", self.url(), lines.join("\n"));
        }
        if self.has_disk {
            let _ = Command::new("umount").arg(self.state()).status();
        }
    }
}

fn spawn(folder: &Path, [redis, postgres]: [u16; 2], variables: &[(&str, &str)]) -> Child {
    let said = fs::OpenOptions::new().append(true).create(true).open(folder.join("said")).unwrap();
    Command::new(PROGRAM)
        .args(["serve", "policies", "--config", "serve.toml"])
        .args(["--limits", &format!("redis://127.0.0.1:{redis}"), "--store", &postgres::url(postgres)])
        .envs(variables.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said)
        .spawn()
        .unwrap()
}

/// Somebody who asks one service over one connection that is kept.
pub(crate) struct Caller {
    http: Client,
    url: String,
    key: String,
}

impl Caller {
    /// Sends a request with an id. Nothing if there is no answer.
    pub(crate) fn send(&self, id: &str, method: &str, path: &str, body: &Value) -> Option<Response> {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.url)).bearer_auth(&self.key);
        request.header("x-request-id", id).json(body).send().ok()
    }

    pub(crate) fn text(&self, path: &str) -> Option<(u16, String)> {
        let answer = self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.key).send().ok()?;
        Some((answer.status().as_u16(), answer.text().ok()?))
    }

    /// What it decides; nothing if it does not.
    pub(crate) fn decides(&self, id: &str, user: &str, action: &str, model: &str) -> Option<bool> {
        let question = json!({
            "subject": { "type": "user", "id": user }, "action": { "name": action },
            "resource": { "type": "model", "id": model },
        });
        let answer = self.send(id, "POST", "/access/v1/evaluation", &question)?;
        let is_answer = answer.status() == 200;
        let told: Value = answer.json().ok()?;
        if is_answer { told["decision"].as_bool() } else { None }
    }

    /// Asks so much at once that the log grows by a good deal. Whether all of it was answered.
    pub(crate) fn asks_much(&self) -> bool {
        let one = json!({ "resource": { "type": "model", "id": "free" } });
        let questions = json!({
            "subject": { "type": "user", "id": "many" }, "action": { "name": "view" },
            "evaluations": vec![one; 200],
        });
        let answer = self.send("many", "POST", "/access/v1/evaluations", &questions);
        let text = answer.and_then(|answer| answer.text().ok()).unwrap_or_default();
        text.matches("\"decision\":true").count() == 200
    }

    /// The same service, asked with another key.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self { http: self.http.clone(), url: self.url.clone(), key: key.to_owned() }
    }
}

/// Lets one user infer on a model.
pub(crate) fn list(model: &str, user: &str) -> Value {
    json!({ "model": model, "rules": [{ "principal": { "type": "user", "value": user }, "operations": ["infer"] }] })
}
