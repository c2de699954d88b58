//! Access-control lists over HTTP, and what holds for all managed documents: they are in force at once or not at all, files win,
//! two who write at once do not overwrite each other, and a protected resource opens only by two.

use crate::{
    identity::policyc,
    service::{PATIENCE, Service, Setup},
};
use reqwest::blocking::{RequestBuilder, Response};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::Write,
    net::TcpStream,
    process::Command,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

const LAB: &str = r#"actions view, infer, train, download, manage, confirm;
role researcher;
role admin;
attribute resource.protected: bool = false;
attribute resource.proposer: text;
attribute confirmed: bool = false;

model "vault" { protected: true; }

admins: allow role admin to manage, confirm;
four_eyes: deny anyone to confirm when principal.id == resource.proposer;
embargo: deny anyone to infer on "secret" else EMBARGO;
no_strangers: never allow anonymous to any;
no_training_of_m: never allow user "mallory" to train on "m";
"#;

fn token(service: &Service, words: &str) -> String {
    policyc(service, &["--dev-token", words, "--config", "serve.toml"]).0.trim().to_owned()
}

struct Lab {
    service: Service,
    ann: String,
    ben: String,
    bob: String,
}

impl Lab {
    fn start(setup: Setup) -> Self {
        Self::of(setup.start())
    }

    fn of(service: Service) -> Self {
        let [ann, ben, bob] = ["user ann roles=admin", "user ben roles=admin", "user bob roles=researcher"]
            .map(|words| token(&service, words));
        Self { service, ann, ben, bob }
    }

    fn may(&self, who: &str, role: &str, action: &str, model: &str) -> bool {
        let request = json!({
            "subject": { "type": "user", "id": who, "properties": { "roles": [role] } },
            "action": { "name": action },
            "resource": { "type": "model", "id": model },
        });
        let answer = self.service.post("/access/v1/evaluation", &request.to_string()).send().unwrap();
        answer.json::<Value>().unwrap()["decision"] == true
    }

    fn put(&self, document: &Value) -> RequestBuilder {
        self.service.client.put(self.service.url("/v1/acl/model")).bearer_auth(&self.ann).body(document.to_string())
    }

    fn get(&self, path: &str) -> Response {
        self.service.get(path).bearer_auth(&self.ann).send().unwrap()
    }
}

fn told(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn sent(request: RequestBuilder) -> (u16, Value) {
    told(request.send().unwrap())
}

fn list(model: &str, kind: &str, value: &str, operations: &[&str]) -> Value {
    json!({ "model": model, "rules": [{ "principal": { "type": kind, "value": value }, "operations": operations }] })
}

#[test]
fn a_list_is_in_force_before_its_answer_and_survives_the_service() {
    let lab = Lab::start(Setup::new(LAB));
    assert!(!lab.may("bob", "researcher", "infer", "m"));
    let (status, answer) = sent(lab.put(&list("m", "role", "researcher", &["infer", "view"])));
    assert_eq!(status, 200, "{answer}");
    assert_eq!((&answer["model"], &answer["version"], &answer["by"]), (&json!("m"), &json!(1), &json!("user \"ann\"")));
    assert!(lab.may("bob", "researcher", "infer", "m") && !lab.may("bob", "researcher", "infer", "other"));

    let (status, _) = sent(lab.put(&list("m", "user", "bob*", &["infer"])));
    assert_eq!(status, 200);
    assert!(!lab.may("bob", "researcher", "infer", "m"), "the list is another one");
    assert!(!lab.may("bobby", "researcher", "infer", "m"), "a star is a star");
    assert!(lab.may("bob*", "researcher", "infer", "m"));

    let lab = Lab::of(lab.service.again(&["policies"]));
    assert!(lab.may("bob*", "researcher", "infer", "m") && !lab.may("bob", "researcher", "infer", "m"));
    let (status, history) = told(lab.get("/v1/acl/model/m?history=true"));
    assert_eq!((status, history["data"].as_array().unwrap().len()), (200, 2), "{history}");
    assert_eq!(history["data"][1]["document"]["rules"][0]["principal"]["type"], "role");

    let deleted = lab.service.client.delete(lab.service.url("/v1/acl/model/m")).bearer_auth(&lab.ann);
    assert_eq!(sent(deleted).0, 204);
    assert!(!lab.may("bob*", "researcher", "infer", "m"));
    assert_eq!(told(lab.get("/v1/acl/model/m")).0, 404);
    assert_eq!(sent(lab.put(&list("m", "user", "bob", &["infer"]))).1["version"], 4, "no version comes twice");
}

#[test]
fn what_cannot_be_changes_nothing() {
    let lab = Lab::start(Setup::new(LAB));
    let bad = |status: u16, wanted: &str, request: RequestBuilder| {
        let (got, answer) = sent(request);
        assert_eq!(got, status, "{answer}");
        assert!(answer["error"].as_str().is_some_and(|error| error.contains(wanted)), "{wanted}: {answer}");
    };
    let url = lab.service.url("/v1/acl/model");
    let plain = || lab.service.client.put(&url).bearer_auth(&lab.ann);
    bad(400, "expected", plain().body("{"));
    bad(
        400,
        "expected one document, found 2",
        plain().body("[{\"model\":\"a\",\"rules\":[]},{\"model\":\"b\",\"rules\":[]}]"),
    );
    bad(400, "unknown", plain().body(list("m", "user", "bob", &["fly"]).to_string()));
    bad(422, "`nobody`", plain().body(list("m", "role", "nobody", &["infer"]).to_string()));
    bad(422, "no_training_of_m", plain().body(list("m", "user", "mallory", &["train"]).to_string()));
    assert_eq!(sent(plain().body(list("n", "user", "mallory", &["train"]).to_string())).0, 200, "of another model");
    bad(
        403,
        "No rule allows",
        lab.service.client.put(&url).bearer_auth(&lab.bob).body(list("m", "user", "bob", &["infer"]).to_string()),
    );
    bad(401, "", lab.service.client.put(&url).bearer_auth("nonsense").body("{}"));
    assert_eq!(told(lab.get("/v1/acl/model/m")).0, 404, "nothing was kept");
}

/// A claim may be true of a list only because of what its model was registered as.
#[test]
fn what_a_model_was_registered_as_counts_in_proofs() {
    let policy = r#"actions infer, manage, create, delete;
role researcher;
role admin;
admins: allow role admin to manage, create, delete;
acme_only: never allow anyone to infer on any model unless model.org == "acme";
"#;
    let lab = Lab::start(Setup::new(policy));
    for organization in ["acme", "other"] {
        let named = json!({ "name": "r", "organization": organization });
        let create = lab.service.post("/api/repos/create", &named.to_string()).bearer_auth(&lab.ann);
        assert_eq!(sent(create).0, 200);
    }
    for (model, wanted) in [("acme/r", 200), ("other/r", 422), ("acme/not-registered", 422)] {
        let (status, answer) = sent(lab.put(&list(model, "role", "researcher", &["infer"])));
        assert_eq!(status, wanted, "{model}: {answer}");
        assert_eq!(lab.may("bob", "researcher", "infer", model), wanted == 200, "{model}");
    }
    let named = json!({ "name": "acme/r" }).to_string();
    let delete = lab.service.client.delete(lab.service.url("/api/repos/delete")).bearer_auth(&lab.ann).body(named);
    assert!(sent(delete).0 >= 400, "its list would be left without what makes the claim true");
    assert!(lab.may("bob", "researcher", "infer", "acme/r"));
}

#[test]
fn of_two_who_write_at_once_one_wins() {
    let lab = Lab::start(Setup::new(LAB));
    let (status, _) = sent(lab.put(&list("m", "user", "a", &["infer"])).header("if-none-match", "*"));
    assert_eq!(status, 200);
    let (status, answer) = sent(lab.put(&list("m", "user", "b", &["infer"])).header("if-none-match", "*"));
    assert_eq!((status, &answer["current"]["version"]), (412, &json!(1)), "{answer}");
    let tag = lab.get("/v1/acl/model/m").headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(sent(lab.put(&list("m", "user", "b", &["infer"])).header("if-match", &tag)).0, 200);
    let late = lab.put(&list("m", "user", "c", &["infer"])).header("if-match", &tag).send().unwrap();
    assert_eq!((late.status().as_u16(), late.headers()["etag"].to_str().unwrap()), (412, "\"2\""));
    assert!(lab.may("b", "researcher", "infer", "m") && !lab.may("c", "researcher", "infer", "m"));
}

#[test]
fn files_win_now_and_when_they_change() {
    let lab = Lab::start(Setup::new(LAB));
    assert_eq!(sent(lab.put(&list("secret", "user", "bob", &["infer", "view"]))).0, 200);
    assert!(!lab.may("bob", "researcher", "infer", "secret"), "a file's deny is stronger");
    assert!(lab.may("bob", "researcher", "view", "secret"));

    let path = lab.service.folder.path().join("policies/main.policy");
    let stricter = format!("{LAB}nobody_sees: never allow anyone to view on \"secret\";\n");
    std::fs::write(&path, stricter).unwrap();
    lab.service.signal("HUP");
    lab.service.says("what it allows is suspended");
    lab.service.says("another policy set decides");
    assert!(!lab.may("bob", "researcher", "view", "secret"));
    let lab = Lab::of(lab.service.again(&["policies"]));
    assert!(!lab.may("bob", "researcher", "view", "secret"), "that is known after a restart");
    std::fs::write(lab.service.folder.path().join("policies/main.policy"), LAB).unwrap();
    lab.service.signal("HUP");
    lab.service.says("another policy set decides");
    assert!(lab.may("bob", "researcher", "view", "secret"), "what was suspended comes back");
}

#[test]
fn a_protected_model_opens_only_by_two_and_closes_at_once() {
    let lab = Lab::start(Setup::new(LAB));
    let wide = list("vault", "user", "bob", &["infer"]);
    let response = lab.put(&wide).send().unwrap();
    assert_eq!(response.headers()["x-should-retry"], "false");
    let (status, answer) = told(response);
    assert_eq!((status, &answer["code"]), (409, &json!("CONFIRMATION_REQUIRED")), "{answer}");
    assert!(!lab.may("bob", "researcher", "infer", "vault"));
    let digest = answer["digest"].as_str().unwrap();
    let url = lab.service.url("/v1/acl/model");
    let unknown_role = list("vault", "role", "nobody", &["infer"]);
    let (status, told_bob) = sent(lab.service.client.put(url).bearer_auth(&lab.bob).body(unknown_role.to_string()));
    assert_eq!(status, 403, "who may not change it learns nothing of the policies: {told_bob}");
    let confirm = |who: &str| {
        let path = format!("/v1/admin/changes/{digest}/confirm");
        sent(lab.service.bare_post(&path).bearer_auth(who))
    };
    assert_eq!(told(lab.get("/v1/admin/changes")).1["data"][0]["digest"], digest);
    assert_eq!(confirm(&lab.ann).0, 403, "not by who proposed it");
    assert_eq!(confirm(&lab.bob).0, 403, "nor by anybody");
    let (status, answer) = confirm(&lab.ben);
    assert_eq!(status, 200, "{answer}");
    assert!(lab.may("bob", "researcher", "infer", "vault"));
    assert_eq!(confirm(&lab.ben).0, 404, "once");
    let (_, history) = told(lab.get("/v1/acl/model/vault?history=true"));
    assert_eq!(history["data"][0]["by"], "user \"ann\", confirmed by user \"ben\"");

    assert_eq!(sent(lab.put(&json!({ "model": "vault", "rules": [] }))).0, 200, "what only narrows needs nobody else");
    assert!(!lab.may("bob", "researcher", "infer", "vault"));
}

#[test]
fn many_lists_are_written_all_or_none() {
    let lab = Lab::start(Setup::new(LAB));
    let post =
        |lists: Vec<Value>| sent(lab.service.post("/v1/acl/model", &json!(lists).to_string()).bearer_auth(&lab.ann));
    let many = || (0..40).map(|number| list(&format!("m{number}"), "user", "bob", &["infer"]));
    let (status, answer) = post(many().chain([list("m", "user", "mallory", &["train"])]).collect());
    assert_eq!(status, 422, "{answer}");
    assert!(!lab.may("bob", "researcher", "infer", "m7"));
    let (status, answer) = post(many().chain([list("vault", "user", "bob", &["infer"])]).collect());
    assert_eq!((status, &answer["code"]), (409, &json!("CONFIRMATION_REQUIRED")), "{answer}");
    let (status, answer) = post(many().collect());
    assert_eq!((status, &answer["written"]), (200, &json!(40)), "{answer}");
    assert!(lab.may("bob", "researcher", "infer", "m7") && !lab.may("ann", "researcher", "infer", "m7"));
    let (_, page) = told(lab.get("/v1/acl/model?limit=30&after=m2"));
    assert_eq!((page["data"].as_array().unwrap().len(), &page["data"][0]["model"]), (27, &json!("m20")));
}

/// Where nobody has to say who they are, whoever reaches the service may write: but not a page that a browser shows.
#[test]
fn no_page_of_another_site_writes() {
    let lab = Lab::start(Setup::new(LAB));
    let simple = |path: &str, body: &Value| lab.service.bare_post(path).body(body.to_string());
    let lists = json!([list("m", "user", "bob", &["infer"])]);
    let repo = json!({ "name": "x", "organization": "acme" });
    for (path, body) in
        [("/v1/acl/model", &lists), ("/api/repos/create", &repo), ("/v1/admin/changes/x/confirm", &lists)]
    {
        let (status, answer) = sent(simple(path, body).header("origin", "https://evil.example"));
        assert_eq!(status, 403, "{path}: {answer}");
        assert_eq!(answer["error"], "the request comes from a page of another site", "{path}");
    }
    assert!(!lab.may("bob", "researcher", "infer", "m"));
    assert_eq!(sent(simple("/v1/acl/model", &lists)).0, 200);
}

/// Somebody else holds the database: nothing is changed, policies see that the service is degraded, and it comes back by itself.
#[test]
fn what_cannot_be_kept_is_not_changed() {
    let lab = Lab::start(Setup::new(&format!("{LAB}shut: deny anyone to view when degraded else DEGRADED;\n")));
    assert_eq!(sent(lab.put(&list("m", "user", "bob", &["infer", "view"]))).0, 200);
    assert!(lab.may("bob", "researcher", "view", "m"));
    let database =
        rusqlite::Connection::open(lab.service.folder.path().join("policyc-state/documents.sqlite")).unwrap();
    database.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let response = lab.put(&list("m", "user", "eve", &["infer"])).send().unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (503, "1"));
    assert!(lab.may("bob", "researcher", "infer", "m") && !lab.may("eve", "researcher", "infer", "m"));
    assert!(!lab.may("bob", "researcher", "view", "m"), "policies see it");
    database.execute_batch("ROLLBACK").unwrap();
    lab.service.says("is in order again");
    assert!(lab.may("bob", "researcher", "view", "m"));
    assert_eq!(told(lab.get("/v1/acl/model/m")).1["rules"][0]["principal"]["value"], "bob");
}

/// Whether the log has an event of a request.
fn is_recorded(service: &Service, event: &str, id: &str) -> bool {
    let bodies = crate::audit::bodies(&service.folder.path().join("policyc-state"));
    bodies.contains(&format!("\"event\":\"{event}\",\"id\":\"{id}\""))
}

/// Looks until something is so.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "{what}");
    }
}

/// Lets somebody put a list, and hang up while that waits for the database. Whether it was put: where the machine is too busy,
/// it has waited for too long.
fn hangs_up(lab: &Lab, id: &str) -> bool {
    let connections = || {
        let metrics = lab.get("/metrics").text().unwrap();
        metrics.lines().find(|line| line.starts_with("policyc_connections ")).unwrap().to_owned()
    };
    let database =
        rusqlite::Connection::open(lab.service.folder.path().join("policyc-state/documents.sqlite")).unwrap();
    let before = connections();
    database.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let (body, address) = (list(id, "user", "eve", &["infer"]).to_string(), lab.service.address());
    let mut caller = TcpStream::connect(address).unwrap();
    let head = format!("host: {address}\r\nauthorization: Bearer {}\r\nx-request-id: {id}", lab.ann);
    let length = body.len();
    write!(caller, "PUT /v1/acl/model HTTP/1.1\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    until("it is decided", || is_recorded(&lab.service, "decision", id));
    drop(caller);
    until("the service notices", || connections() == before);
    database.execute_batch("ROLLBACK").unwrap();
    // One change is made after the other.
    until("another change is made", || sent(lab.put(&list("m", "user", "bob", &["infer"]))).0 == 200);
    lab.get(&format!("/v1/acl/model/{id}")).status() == 200
}

/// Whoever hangs up in the middle of a change leaves no change without its record.
#[test]
fn a_change_is_recorded_also_if_nobody_waits_for_it() {
    let lab = Lab::start(Setup::new(LAB));
    let ids: Vec<String> = (0..50).map(|attempt| format!("gone-{attempt}")).collect();
    let id = ids.iter().find(|id| hangs_up(&lab, id)).unwrap();
    until("it is recorded", || is_recorded(&lab.service, "change", id));
}

/// A change that was made and cannot be recorded is not told as one that was not made.
#[test]
fn nobody_is_told_that_a_change_was_not_made_that_was() {
    let service = Setup::new(LAB).settings("[audit]\nqueue_bytes = 64").start();
    let put = service.client.put(service.url("/v1/acl/model")).body(list("m", "user", "bob", &["infer"]).to_string());
    let (status, told) = sent(put);
    assert_eq!(status, 503, "{told}");
    assert!(told["error"].as_str().unwrap().starts_with("nobody can tell at the moment"), "{told}");
    assert_eq!(service.json("/v1/acl/model/m")["rules"][0]["principal"]["value"], "bob");
}

#[test]
fn documents_leave_as_policy_files() {
    let lab = Lab::start(Setup::new(LAB));
    sent(lab.put(&list("m", "user", "bob", &["infer"])));
    let grants = lab.service.client.put(lab.service.url("/v1/acl/grants/cy")).bearer_auth(&lab.ann);
    let (status, answer) = sent(grants.body(json!({ "model_id": "m", "permissions": ["infer", "view"] }).to_string()));
    assert_eq!(status, 200, "{answer}");
    assert!(lab.may("cy", "researcher", "view", "m"));
    let (_, exported) = told(lab.get("/v1/admin/documents/export"));
    insta::assert_snapshot!(serde_json::to_string_pretty(&exported).unwrap().replace("\\n", "\n"));
}

/// A service that is killed at any moment has kept what it has answered, whole, and starts again.
#[test]
fn what_was_answered_survives_any_end() {
    let mut service = Setup::new(LAB).start();
    // The version of each model's list that was there last.
    let mut answered: BTreeMap<usize, u64> = BTreeMap::new();
    for round in 0..20_u64 {
        let (client, url, pid) = (service.client.clone(), service.url("/v1/acl/model"), service.id());
        let (answers, came) = mpsc::channel();
        let writing = thread::spawn(move || {
            let mut kept = Vec::new();
            for write in 0.. {
                let model = write % 4;
                let users: Vec<String> = (0..=write % 7).map(|user| format!("u{round}-{write}-{user}")).collect();
                let rules: Vec<Value> = users
                    .iter()
                    .map(|user| json!({ "principal": { "type": "user", "value": user }, "operations": ["infer"] }))
                    .collect();
                let document = json!({ "model": format!("m{model}"), "rules": rules });
                let Ok(response) = client.put(&url).body(document.to_string()).send() else { return kept };
                let Ok(answer) = response.json::<Value>() else { return kept };
                kept.push((model, answer["version"].as_u64().unwrap(), rules));
                // Nobody waits for the later ones.
                let _ = answers.send(());
            }
            kept
        });
        // After some answers, and never at the same moment of the next write.
        (0..round % 7).for_each(|_| came.recv().unwrap());
        thread::sleep(Duration::from_millis((round * 37) % 40));
        assert!(Command::new("kill").args(["-s", "KILL", &pid.to_string()]).status().unwrap().success());
        let kept = writing.join().unwrap();
        service = service.restarted(&["policies"]);
        for (model, version, rules) in kept {
            answered.insert(model, version);
            let history = service.json(&format!("/v1/acl/model/m{model}?history=true"));
            let at = history["data"].as_array().unwrap().iter().find(|one| one["version"] == version);
            assert_eq!(at.unwrap()["document"]["rules"], Value::Array(rules), "round {round}");
        }
        for (model, version) in &answered {
            let now = service.json(&format!("/v1/acl/model/m{model}?history=true"))["data"].clone();
            let last = now[0]["version"].as_u64().unwrap();
            assert!(*version <= last && last <= version + 1, "round {round}: at most one without an answer");
            let who = now[0]["document"]["rules"][0]["principal"]["value"].as_str().unwrap();
            let request = json!({ "subject": { "type": "user", "id": who }, "action": { "name": "infer" },
                                  "resource": { "type": "model", "id": format!("m{model}") } });
            let answer = service.post("/access/v1/evaluation", &request.to_string()).send().unwrap();
            assert_eq!(answer.json::<Value>().unwrap()["decision"], true, "and decides");
        }
        for (model, version) in &mut answered {
            *version =
                service.json(&format!("/v1/acl/model/m{model}?history=true"))["data"][0]["version"].as_u64().unwrap();
        }
    }
    assert_eq!(answered.len(), 4, "all were written");
}
