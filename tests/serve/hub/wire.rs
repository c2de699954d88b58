//! What the hub answers, call by call.

use super::{Hub, sent, told};
use crate::identity::policyc;
use serde_json::{Value, json};
use std::{ops::Not, process::Command};

const GATE: &str = "/api/models/acme/gate-a";

fn named(name: &str) -> Value {
    json!({ "name": name, "organization": "acme" })
}

fn gate(hub: &Hub, mode: &Value) {
    sent(hub.post(&hub.alice, "/api/repos/create", &named("gate-a")));
    let (status, _, body) = sent(hub.put(&hub.alice, &format!("{GATE}/settings"), &json!({ "gated": mode })));
    assert_eq!(status, 200, "{body}");
}

#[test]
fn a_repository_is_made_gated_and_deleted() {
    let hub = Hub::start();
    let (status, _, body) = sent(hub.post(&hub.alice, "/api/repos/create", &named("gate-a")));
    assert_eq!((status, &body["url"]), (200, &json!(hub.service.url("/acme/gate-a"))), "{body}");
    let (status, _, body) = sent(hub.post(&hub.alice, "/api/repos/create", &named("gate-a")));
    assert_eq!((status, &body["url"]), (409, &json!(hub.service.url("/acme/gate-a"))));
    assert_eq!(told(hub.get(&hub.bob, GATE)).2["gated"], false);
    assert_eq!(hub.get(&hub.bob, "/acme/gate-a/resolve/main/config.json").status(), 200);

    for (mode, shown) in
        [(json!("manual"), json!("manual")), (json!("auto"), json!("auto")), (json!(false), json!(false))]
    {
        gate(&hub, &mode);
        assert_eq!(told(hub.get(&hub.bob, GATE)).2["gated"], shown);
        let status = hub.get(&hub.bob, "/acme/gate-a/resolve/main/config.json").status();
        assert_eq!(status, if mode == false { 200 } else { 403 }, "in force at once");
        assert_eq!(hub.get(&hub.alice, "/acme/gate-a/resolve/main/config.json").status(), 200, "maintainers pass");
    }
    let (status, _, _) = sent(hub.put(&hub.alice, &format!("{GATE}/settings"), &json!({ "gated": "sometimes" })));
    assert_eq!(status, 400);
    for who in [&hub.bob, &hub.rita] {
        let (status, _, body) = sent(hub.put(who, &format!("{GATE}/settings"), &json!({ "gated": false })));
        assert_eq!(status, 403, "{body}");
    }
    let anonymous = hub.service.client.put(hub.service.url(&format!("{GATE}/settings"))).body("{\"gated\": false}");
    assert!(anonymous.send().unwrap().status().is_success(), "without `[auth]` whoever reaches the service may");
    let other = hub.service.post(&format!("{GATE}/settings"), "{}").bearer_auth(&hub.alice).send().unwrap();
    assert_eq!((other.status().as_u16(), other.headers()["allow"].to_str().unwrap()), (405, "PUT"));

    assert_eq!(sent(hub.delete(&hub.bob, "/api/repos/delete", &named("gate-a"))).0, 403);
    assert_eq!(sent(hub.delete(&hub.alice, "/api/repos/delete", &named("gate-a"))).0, 200);
    let (status, code, _) = told(hub.get(&hub.bob, GATE));
    assert_eq!((status, code.as_str()), (404, "RepoNotFound"));
    let (status, code, _) = sent(hub.delete(&hub.alice, "/api/repos/delete", &named("gate-a")));
    assert_eq!((status, code.as_str()), (404, "RepoNotFound"));
}

#[test]
fn access_is_asked_for_given_refused_and_taken_back() {
    let hub = Hub::start();
    gate(&hub, &json!("manual"));
    let file = "/acme/gate-a/resolve/main/config.json";
    let list = |status: &str| told(hub.get(&hub.rita, &format!("{GATE}/user-access-request/{status}"))).2;
    let handle = |body: Value| sent(hub.post(&hub.rita, &format!("{GATE}/user-access-request/handle"), &body)).0;
    let (status, code, body) = told(hub.get(&hub.bob, file));
    assert_eq!((status, code.as_str()), (403, "GatedRepo"), "{body}");
    let anonymous = told(hub.service.get(file).send().unwrap());
    assert_eq!((anonymous.0, anonymous.1.as_str()), (401, "GatedRepo"));

    let form = hub.service.bare_post("/acme/gate-a/ask-access").bearer_auth(&hub.bob);
    let form =
        form.header("content-type", "application/x-www-form-urlencoded").body("Affiliation=%3Cb%3EAcme&Use=study");
    let (status, _, asked) = sent(form);
    assert_eq!((status, &asked["status"]), (200, &json!("pending")), "{asked}");
    assert_eq!(hub.get(&hub.bob, file).status(), 403, "a reviewer has not answered yet");
    let pending = list("pending");
    let entry = &pending[0];
    assert_eq!((&entry["user"]["user"], &entry["requestId"]), (&json!("bob"), &asked["requestId"]), "{pending}");
    assert_eq!(entry["fields"]["Affiliation"], "<b>Acme");
    assert!(entry["timestamp"].as_str().unwrap().ends_with('Z'));
    let (status, _, _) = told(hub.get(&hub.bob, &format!("{GATE}/user-access-request/pending")));
    assert_eq!(status, 403, "only reviewers see who has asked");

    assert_eq!(handle(json!({ "user": "bob", "status": "accepted" })), 200);
    assert_eq!(hub.get(&hub.bob, file).text().unwrap(), "{\"a\": 1}", "from the request to the file");
    assert_eq!(handle(json!({ "user": "bob", "status": "accepted" })), 404, "it stands so already");
    assert_eq!(handle(json!({ "user": "eve", "status": "accepted" })), 404);
    assert_eq!(handle(json!({ "requestId": asked["requestId"], "status": "rejected", "rejectionReason": "no" })), 200);
    assert_eq!(hub.get(&hub.bob, file).status(), 403);
    let (_, _, again) = sent(hub.post(&hub.bob, &format!("{GATE}/ask-access"), &json!({})));
    assert_eq!(
        (&again["status"], &again["rejectionReason"]),
        (&json!("rejected"), &json!("no")),
        "asking again is no way in"
    );
    assert_eq!(handle(json!({ "user": "bob", "status": "pending" })), 200);
    assert_eq!(list("pending").as_array().unwrap().len(), 1);

    let grant =
        |user: &str| sent(hub.post(&hub.rita, &format!("{GATE}/user-access-request/grant"), &json!({ "user": user })));
    assert_eq!(grant("dora").0, 200);
    assert_eq!(grant("dora").0, 400, "granted already");
    assert!(list("accepted")[0].get("fields").is_none());
    gate(&hub, &json!(false));
    assert_eq!(grant("eve").0, 400, "nothing is gated any more");
}

#[test]
fn what_is_given_by_asking_does_not_pass_a_reviewer() {
    let hub = Hub::start();
    gate(&hub, &json!("auto"));
    let file = "/acme/gate-a/resolve/main/config.json";
    assert_eq!(hub.get(&hub.bob, file).status(), 403);
    let (_, _, asked) = sent(hub.post(&hub.bob, &format!("{GATE}/ask-access"), &json!({})));
    assert_eq!(asked["status"], "accepted");
    assert_eq!(hub.get(&hub.bob, file).status(), 200);
    gate(&hub, &json!("manual"));
    assert_eq!(hub.get(&hub.bob, file).status(), 403, "the grant was another gate's");
    let (_, _, asked) = sent(hub.post(&hub.bob, &format!("{GATE}/ask-access"), &json!({})));
    assert_eq!(asked["status"], "pending");
}

#[test]
fn repositories_of_the_policy_files_and_datasets_are_gated_alike() {
    let hub = Hub::start();
    assert_eq!(told(hub.get(&hub.bob, "/api/models/acme/guard-7b")).2["gated"], "manual");
    assert_eq!(told(hub.get(&hub.bob, "/api/datasets/acme/dialogues")).2["gated"], "auto");
    let file = "/datasets/acme/dialogues/resolve/main/train.csv";
    assert_eq!(hub.get(&hub.bob, file).status(), 403);
    let asked = sent(hub.post(&hub.bob, "/datasets/acme/dialogues/ask-access", &json!({})));
    assert_eq!((asked.0, &asked.2["status"]), (200, &json!("accepted")), "{asked:?}");
    assert_eq!(hub.get(&hub.bob, file).status(), 200);
    let settings = sent(hub.put(&hub.alice, "/api/spaces/acme/demo/settings", &json!({ "gated": "auto" })));
    assert_eq!(settings.0, 200, "{settings:?}");
    assert_eq!(told(hub.get(&hub.bob, "/api/spaces/acme/demo")).2["gated"], "auto");
}

#[test]
fn a_private_repository_is_not_there_for_others() {
    let hub = Hub::start();
    let mut private = named("quiet");
    private["visibility"] = json!("private");
    assert_eq!(sent(hub.post(&hub.alice, "/api/repos/create", &private)).0, 200);
    let (status, code, _) = told(hub.get(&hub.bob, "/api/models/acme/quiet"));
    assert_eq!((status, code.as_str()), (404, "RepoNotFound"));
    let (status, code, _) = told(hub.service.get("/api/models/acme/quiet").send().unwrap());
    assert_eq!((status, code.as_str()), (401, "RepoNotFound"));
    assert_eq!(told(hub.get(&hub.alice, "/api/models/acme/quiet")).2["private"], true);
    let ids = |who: &str| -> Vec<String> {
        let list = told(hub.get(who, "/api/models?author=acme")).2;
        list.as_array().unwrap().iter().map(|repo| repo["id"].as_str().unwrap().to_owned()).collect()
    };
    assert!(ids(&hub.alice).contains(&"acme/quiet".to_owned()) && !ids(&hub.bob).contains(&"acme/quiet".to_owned()));
}

#[test]
fn lists_come_page_by_page() {
    let hub = Hub::start();
    let first = hub.get(&hub.bob, "/api/models?author=acme&limit=2&expand=gated&expand=author");
    let link = first.headers()["link"].to_str().unwrap().to_owned();
    let next = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap().to_owned();
    let mut ids: Vec<Value> = told(first).2.as_array().unwrap().iter().map(|repo| repo["id"].clone()).collect();
    assert_eq!(ids.len(), 2);
    let second = hub.service.client.get(next).bearer_auth(&hub.bob).send().unwrap();
    ids.extend(told(second).2.as_array().unwrap().iter().map(|repo| repo["id"].clone()));
    let all = told(hub.get(&hub.bob, "/api/models?author=acme")).2;
    let all: Vec<Value> = all.as_array().unwrap().iter().map(|repo| repo["id"].clone()).collect();
    assert_eq!(ids, all, "three in two pages");
    for yes in ["True", "true"] {
        let gated = told(hub.get(&hub.bob, &format!("/api/models?gated={yes}"))).2;
        assert!(gated.as_array().unwrap().iter().all(|repo| repo["gated"] != false), "{gated}");
    }
    assert_eq!(told(hub.get(&hub.bob, "/api/models?limit=many")).0, 400);
}

#[test]
fn a_protected_repository_is_changed_by_two() {
    let hub = Hub::start();
    let path = "/api/models/acme/flagship-70b/settings";
    let open = hub.put(&hub.alice, path, &json!({ "gated": "auto" })).send().unwrap();
    assert_eq!(open.status(), 200, "a gate more only narrows");
    let response = hub.put(&hub.alice, path, &json!({ "gated": false })).send().unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["x-should-retry"].to_str().unwrap()), (409, "false"));
    let (_, _, body) = told(response);
    let confirm = format!("/v1/admin/changes/{}/confirm", body["digest"].as_str().unwrap());
    let (status, _, answer) = sent(hub.service.bare_post(&confirm).bearer_auth(&hub.alice));
    assert_eq!((status, &answer["code"]), (403, &json!("SECOND_PERSON_REQUIRED")));
    assert_eq!(sent(hub.service.bare_post(&confirm).bearer_auth(&hub.carol)).0, 200);
}

#[test]
fn what_cannot_be_a_request_changes_nothing() {
    let hub = Hub::start();
    gate(&hub, &json!(false));
    for name in ["..", "a/b/c", "-x", "x--y", "a b", "x\n", "é", ""] {
        assert_eq!(sent(hub.post(&hub.alice, "/api/repos/create", &named(name))).0, 400, "{name}");
    }
    for path in [
        "/acme/gate-a/resolve/main/../../../secret.txt",
        "/acme/gate-a/resolve/main/..%2f..%2f..%2fsecret.txt",
        "/acme/gate-a/resolve/main/%2e%2e/%2e%2e/%2e%2e/secret.txt",
        "/acme/gate-a/resolve/main//etc/passwd",
        "/acme/gate-a/resolve/main/config.json%00",
        "/acme%2f..%2f/gate-a/resolve/main/config.json",
    ] {
        let response = hub.get(&hub.alice, path);
        assert_eq!(response.status(), 404, "{path}");
    }
    let (status, code, _) = told(hub.get(&hub.alice, "/acme/gate-a/resolve/main/none.json"));
    assert_eq!((status, code.as_str()), (404, "EntryNotFound"));
    let (status, code, _) = told(hub.get(&hub.alice, "/acme/gate-a/resolve/v9/config.json"));
    assert_eq!((status, code.as_str()), (404, "RevisionNotFound"));
    let bad = hub.service.get(GATE).bearer_auth("nonsense").send().unwrap();
    assert_eq!(bad.headers()["x-error-message"], "Invalid credentials in Authorization header");
    assert_eq!(told(bad).0, 401);
    let many: serde_json::Map<String, Value> = (0..33).map(|number| (format!("f{number}"), "x".into())).collect();
    gate(&hub, &json!("manual"));
    for body in [Value::Object(many), json!({ "f": "x".repeat(5_000) }), json!({ "f": 1 }), json!([1])] {
        assert_eq!(sent(hub.post(&hub.bob, &format!("{GATE}/ask-access"), &body)).0, 400);
    }
    let huge = "x".repeat(2 * 1024 * 1024);
    // Whoever sends on and on is cut off, perhaps before they have read the answer.
    // The connection is not used again.
    let refused = reqwest::blocking::Client::new()
        .post(hub.service.url(&format!("{GATE}/ask-access")))
        .bearer_auth(&hub.bob)
        .header("content-type", "application/json")
        .body(json!({ "f": huge }).to_string())
        .send();
    assert!(refused.is_ok_and(|response| response.status() != 413).not());
    assert_eq!(told(hub.get(&hub.rita, &format!("{GATE}/user-access-request/pending"))).2, json!([]));
}

/// With authentication set up, settings are for those who say who they are; every change stands in the log with what was before.
#[test]
fn settings_want_a_credential_and_leave_a_record() {
    let hub = Hub::of(
        crate::service::Setup::new(&super::policy())
            .settings("state = \"state\"\n[audit]\ndurability = \"sync\"")
            .start(),
    );
    gate(&hub, &json!("manual"));
    gate(&hub, &json!(false));
    let log = Command::new(env!("CARGO_BIN_EXE_policyc"))
        .args(["audit", "export", "--format", "jsonl", "--state", "state"])
        .current_dir(hub.service.folder.path())
        .output()
        .unwrap();
    let records: Vec<Value> =
        String::from_utf8(log.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let changes: Vec<&Value> =
        records.iter().map(|line| &line["record"]).filter(|record| record["event"] == "change").collect();
    let opened = &changes.last().unwrap()["change"];
    assert_eq!((&opened["before"]["gated"], &opened["after"]["gated"]), (&json!("manual"), &json!(false)), "{opened}");
    assert_eq!(changes.last().unwrap()["caller"]["id"], "alice");

    let strict = crate::service::Setup::new(&super::policy()).settings("[auth]\nmanaged_keys = true").start();
    let url = strict.url("/api/models/acme/guard-7b/settings");
    let response = strict.client.put(url).body("{\"gated\": false}").send().unwrap();
    assert_eq!(response.status(), 401);
    assert!(response.headers().contains_key("x-error-message"));
}

/// The shipped policies keep a build machine in its namespace.
#[test]
fn a_build_machine_makes_gates_and_deletes_in_its_namespace() {
    let hub = Hub::of(crate::service::Setup::shipped("hub-gating").start());
    let machine = policyc(&hub.service, &["--dev-token", "service ci-runner", "--config", "serve.toml"]).0;
    let machine = machine.trim();
    let run = json!({ "name": "run-17", "organization": "ci-sandbox" });
    assert_eq!(sent(hub.post(machine, "/api/repos/create", &run)).0, 200);
    assert_eq!(sent(hub.put(machine, "/api/models/ci-sandbox/run-17/settings", &json!({ "gated": "manual" }))).0, 200);
    let (status, code, _) = told(hub.get(&hub.bob, "/api/models/ci-sandbox/run-17"));
    assert_eq!((status, code.as_str()), (404, "RepoNotFound"), "for others the sandbox is not there");
    assert_eq!(sent(hub.delete(machine, "/api/repos/delete", &run)).0, 200);
    let outside = json!({ "name": "run-17", "organization": "acme" });
    assert_eq!(sent(hub.post(machine, "/api/repos/create", &outside)).0, 403);
}

/// Two who change different settings of a repository at the same time both have what they want.
#[test]
fn settings_that_are_changed_at_once_are_all_kept() {
    let hub = Hub::start();
    for round in 0..10 {
        let repo = json!({ "name": format!("both-{round}"), "organization": "acme", "type": "model" });
        assert_eq!(sent(hub.post(&hub.alice, "/api/repos/create", &repo)).0, 200);
        let path = format!("/api/models/acme/both-{round}/settings");
        let wanted = [
            (&hub.alice, json!({ "gated": "auto" })),
            (&hub.carol, json!({ "private": true })),
            (&hub.alice, json!({ "gatedFields": ["Why?"] })),
        ];
        let requests = wanted.map(|(who, settings)| hub.put(who, &path, &settings));
        for writing in requests.map(|request| std::thread::spawn(move || sent(request))) {
            let (status, _, answer) = writing.join().unwrap();
            assert_eq!(status, 200, "{answer}");
        }
        // A change of nothing shows what there is.
        let (_, _, kept) = sent(hub.put(&hub.alice, &path, &json!({})));
        assert_eq!((&kept["gated"], &kept["private"]), (&json!("auto"), &json!(true)), "round {round}: {kept}");
        assert_eq!(kept["questions"], json!(["Why?"]), "round {round}: {kept}");
    }
}
