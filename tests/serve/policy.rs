//! Changing policy while requests are decided.

use crate::service::{PATIENCE, Service, Setup};
use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Two sets that decide every request differently.
const FIRST: &str = r#"actions view;
allow user "alice" to view;
deny user "bob" to view else FIRST_SET;
"#;
const SECOND: &str = r#"actions view;
allow user "bob" to view;
deny user "alice" to view else SECOND_SET;
"#;
const BROKEN: &str = "allow everybody to view;\n";
/// It says itself what is not true of it.
const VIOLATING: &str = "actions view;\nallow anyone to view;\nnobody: never allow user \"alice\" to view;\n";

fn asks(who: &str) -> String {
    json!({ "subject": { "type": "user", "id": who }, "action": { "name": "view" }, "resource": { "type": "model", "id": "m" } })
        .to_string()
}

impl Service {
    fn may(&self, who: &str) -> bool {
        self.post("/access/v1/evaluation", &asks(who)).send().unwrap().json::<Value>().unwrap()["decision"] == true
    }

    fn write(&self, policy: &str) {
        let path = self.folder.path().join("policies/main.policy");
        fs::write(path.with_extension("new"), policy).unwrap();
        fs::rename(path.with_extension("new"), path).unwrap();
    }

    fn admin(&self, what: &str, body: &Value) -> (u16, Value) {
        answer(self.post(&format!("/v1/admin/policies/{what}"), &body.to_string()).send().unwrap())
    }

    fn stage(&self, policy: &str) -> (u16, Value) {
        self.admin("shadow", &json!({ "files": { "main.policy": policy } }))
    }

    /// Waits until a candidate has been compared with so many decisions.
    fn report(&self, compared: u64) -> Value {
        let began = Instant::now();
        loop {
            let report = self.json("/v1/admin/policies/shadow");
            if report["compared"].as_u64().unwrap() >= compared {
                return report;
            }
            assert!(began.elapsed() < PATIENCE, "not compared: {report}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn answer(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[test]
fn a_hangup_reads_the_files_again_and_a_set_that_cannot_be_used_changes_nothing() {
    let service = Setup::new(FIRST).start();
    let first = service.revision();
    assert!(service.may("alice") && !service.may("bob"));
    service.write(SECOND);
    service.signal("HUP");
    let line = service.says("another policy set decides");
    assert!(line.contains("SIGHUP") && line.contains(&service.revision()), "{line}");
    assert!(service.may("bob") && !service.may("alice"));

    for (policy, wanted) in [(BROKEN, "error[P0"), (VIOLATING, "error[P0401]")] {
        service.write(policy);
        service.signal("HUP");
        let line = service.says("the policy set is not exchanged");
        assert!(line.contains("ERROR") && line.contains(wanted) && line.contains("main.policy:"), "{line}");
        assert!(service.may("bob"));
        let (status, told) = service.admin("reload", &Value::Null);
        assert_eq!(status, 422, "{told}");
        assert!(told["errors"].as_u64().unwrap() > 0 && told["diagnostics"][0]["line"].is_u64(), "{told}");
        assert!(told["error"].as_str().unwrap().contains(wanted), "{told}");
        service.says("the policy set is not exchanged");
    }
    let metrics = service.get("/metrics").send().unwrap().text().unwrap();
    assert!(metrics.contains("policyc_policy_reloads_total{result=\"refused\"} 4"), "{metrics}");
    assert!(metrics.contains("policyc_policy_reloads_total{result=\"changed\"} 1"), "{metrics}");

    service.write(FIRST);
    assert_eq!(service.admin("reload", &Value::Null).1["revision"], first.as_str());
    let history = service.json("/v1/admin/policies")["history"].clone();
    let how: Vec<&str> = history.as_array().unwrap().iter().map(|entry| entry["how"].as_str().unwrap()).collect();
    assert_eq!(how, ["reload", "reload", "start"]);
}

#[test]
fn a_folder_is_exchanged_as_a_whole() {
    let setup = Setup::new(FIRST);
    let folder = setup.path().to_owned();
    fs::create_dir(folder.join("second")).unwrap();
    fs::write(folder.join("second/main.policy"), SECOND).unwrap();
    symlink("policies", folder.join("current")).unwrap();
    let service = setup.only_args(&["current"]).start();
    assert!(service.may("alice"));
    symlink("second", folder.join("next")).unwrap();
    fs::rename(folder.join("next"), folder.join("current")).unwrap();
    assert!(service.may("alice"), "only when it is told to");
    service.signal("HUP");
    service.says("another policy set decides");
    assert!(service.may("bob") && !service.may("alice"));
}

#[test]
fn changed_files_are_read_again_where_they_are_watched() {
    let service = Setup::new(FIRST).args(&["--watch"]).start();
    service.write(SECOND);
    service.says("another policy set decides");
    assert!(service.may("bob"));
}

/// Threads ask without a pause while the set is exchanged again and again: nothing is dropped, and each answer, and each answer
/// of a batch, is that of the one set that it names.
#[test]
fn an_answer_is_of_one_set_however_often_it_is_exchanged() {
    const SWAPS: usize = 200;
    let service = Setup::new(FIRST).start();
    let first = service.revision();
    service.write(SECOND);
    let second = service.admin("reload", &Value::Null).1["revision"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    let who = |name: &str| json!({ "subject": { "type": "user", "id": name } });
    let batch = json!({
        "action": { "name": "view" }, "resource": { "type": "model", "id": "m" },
        "evaluations": [who("alice"), who("bob"), who("alice"), who("bob")],
    })
    .to_string();
    let is_over = AtomicBool::new(false);
    let counts = Mutex::new(BTreeMap::<String, usize>::new());
    let url = service.url("/access/v1/evaluations");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let client = Client::new();
                while !is_over.load(Ordering::Relaxed) {
                    let request = client.post(&url).header("content-type", "application/json").body(batch.clone());
                    let response = request.send().expect("no request is dropped");
                    assert_eq!(response.status(), 200);
                    let told: Value = response.json().unwrap();
                    let answers = told["evaluations"].as_array().unwrap();
                    let revision = answers[0]["context"]["revision"].as_str().unwrap().to_owned();
                    let alice = revision == first;
                    assert!(alice || revision == second, "{told}");
                    for (place, one) in answers.iter().enumerate() {
                        assert_eq!(one["context"]["revision"], revision.as_str(), "two sets in one answer: {told}");
                        assert_eq!(one["decision"], alice == (place % 2 == 0), "not what {revision} decides: {told}");
                    }
                    *counts.lock().unwrap().entry(revision).or_default() += answers.len();
                }
            });
        }
        for swap in 0..SWAPS {
            service.write(if swap % 2 == 0 { FIRST } else { SECOND });
            let (status, told) = service.admin("reload", &Value::Null);
            assert_eq!(status, 200, "{told}");
            assert_eq!(told["revision"], if swap % 2 == 0 { first.as_str() } else { second.as_str() });
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let counts = counts.into_inner().unwrap();
    println!("{SWAPS} swaps; answers by revision: {counts:?}");
    assert_eq!(counts.len(), 2, "both sets have decided: {counts:?}");
}

#[test]
fn a_candidate_reports_what_it_would_decide_otherwise() {
    let service = Setup::new(FIRST).start();
    assert_eq!(service.get("/v1/admin/policies/shadow").send().unwrap().status(), 409);
    let (status, told) = service.stage(
        "actions view;\nallow user \"bob\" to view;\nallow user \"alice\" to view;\noblige log to view;\n\
         deny user \"eve\" to view else OTHERWISE 451;\n",
    );
    assert_eq!(status, 200, "{told}");
    for who in ["alice", "bob", "eve", "bob"] {
        let before = service.may(who);
        assert_eq!(before, who == "alice", "the candidate answers nobody");
    }
    let report = service.report(4);
    insta::assert_snapshot!("shadow_report", told_of(&service));
    assert_eq!(report["differing"], 4);
    assert_eq!(report["counts"], json!({ "allowed": 2, "denied": 0, "reasons": 1, "duties": 1 }));
    assert_eq!(report["differences"][1]["principal"], "user \"bob\"");
    assert_eq!(report["differences"][1]["before"]["code"], "FIRST_SET");
    let is_short = |instant: &Value| instant.as_str().is_some_and(|text| text.len() == 24 && text.ends_with('Z'));
    assert!(is_short(&report["since"]) && is_short(&report["differences"][1]["time"]), "{report}");
    let metrics = service.get("/metrics").send().unwrap().text().unwrap();
    assert!(metrics.contains("policyc_shadow_differing_total 4"), "{metrics}");
    assert_eq!(service.stage(BROKEN).0, 422);
    assert_eq!(service.report(4)["revision"], report["revision"], "what is broken changes nothing");
}

/// As `policyc diff` tells it: the same words, the same members.
#[test]
fn a_candidate_is_compared_over_all_requests() {
    let service = Setup::new(FIRST).file("candidate.policy", SECOND).start();
    let diff = |query: &str, accept: &str| {
        let path = format!("/v1/admin/policies/shadow/diff{query}");
        let answer = service.get(&path).header("accept", accept).send().unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        (answer.status().as_u16(), kind, answer.text().unwrap())
    };
    let (status, _, told) = diff("", "*/*");
    assert!(status == 409 && told.contains("there is no candidate"), "{told}");
    service.stage(SECOND);
    let command = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_policyc"));
        command.args(["diff", "policies/main.policy", "candidate.policy"]).args(more);
        String::from_utf8(command.current_dir(service.folder.path()).output().unwrap().stdout).unwrap()
    };
    // What is uploaded is called as it was sent.
    let same =
        |text: &str| text.replace("policies/main.policy", "main.policy").replace("candidate.policy", "main.policy");
    for (query, accept, more) in [
        ("", "*/*", vec!["--format", "json"]),
        ("?only=lost", "application/json", vec!["--format", "json", "--only", "lost"]),
        ("?format=markdown", "*/*", vec!["--format", "markdown"]),
        ("?only=gained", "text/markdown, */*;q=0.5", vec!["--format", "markdown", "--only", "gained"]),
    ] {
        let (status, kind, told) = diff(query, accept);
        let wanted = if more[1] == "json" { "application/json" } else { "text/markdown; charset=utf-8" };
        assert_eq!((status, kind.as_str()), (200, wanted), "{told}");
        let without = |text: &str| {
            text.split("sha256:")
                .map(|part| part.trim_start_matches(char::is_alphanumeric).to_owned())
                .collect::<String>()
        };
        assert_eq!(without(&same(&told)), without(&same(&command(&more))), "{query}");
    }
    let told: Value = serde_json::from_str(&diff("", "*/*").2).unwrap();
    assert_eq!((&told["gained"], &told["lost"]), (&json!(2), &json!(2)), "{told}");
    for query in ["?only=both", "?format=xml", "?budget=1"] {
        assert_eq!(diff(query, "*/*").0, 400, "{query}");
    }
    service.stage(FIRST);
    let told: Value = serde_json::from_str(&diff("", "*/*").2).unwrap();
    assert_eq!(told, json!({ "changes": [], "gained": 0, "lost": 0 }), "the same set changes nothing");
}

/// Managed documents stay where files change: what they allow is not lost by a candidate that says nothing of them.
#[test]
fn a_candidate_is_compared_with_all_documents_behind_it() {
    let policy = "actions view, infer, manage;\nallow anyone to manage;\n";
    let service = Setup::new(policy).start();
    let list = json!({ "model": "m", "rules": [{ "principal": { "type": "user", "value": "alice" }, "operations": ["infer"] }] });
    let put = service.client.put(service.url("/v1/acl/model")).body(list.to_string()).send().unwrap();
    assert!(put.status().is_success(), "{}", put.text().unwrap());
    service.stage(&format!("{policy}deny user \"eve\" to view;\n"));
    let told = service.json("/v1/admin/policies/shadow/diff?only=lost");
    assert_eq!(told["changes"], json!([]), "{told}");
    service.stage(&format!("{policy}deny user \"alice\" to infer;\n"));
    let told = service.json("/v1/admin/policies/shadow/diff?only=lost");
    assert_eq!(told["changes"][0]["witness"]["subject"]["id"], "alice", "{told}");
}

/// The report for people, without what differs from run to run.
fn told_of(service: &Service) -> String {
    let text = service.get("/v1/admin/policies/shadow").header("accept", "text/plain").send().unwrap().text().unwrap();
    let mut lines = Vec::new();
    for line in text.lines() {
        let line = match line.split_once("  (") {
            Some((before, _)) => before.to_owned(),
            None => {
                line.split_once("sha256:").map_or_else(|| line.to_owned(), |(before, _)| format!("{before}sha256:…"))
            }
        };
        lines.push(if line.starts_with("since") { "since …".to_owned() } else { line });
    }
    lines.join("\n")
}

#[test]
fn a_candidate_charges_no_limit() {
    let limited = "actions view;\nallow anyone to view;\nlimit anyone to view at most 2 per hour by principal;\n";
    let service = Setup::new(limited).file("candidate.policy", limited).args(&["--shadow", "candidate.policy"]).start();
    let decisions: Vec<bool> = (0..4).map(|_| service.may("alice")).collect();
    assert_eq!(decisions, [true, true, false, false]);
    let report = service.report(4);
    assert_eq!(report["differing"], 0, "{report}");
}

#[test]
fn what_was_chosen_decides_after_a_restart_too() {
    let service = Setup::new(FIRST).start();
    let first = service.revision();
    assert_eq!(service.admin("promote", &Value::Null).0, 409, "there is no candidate");
    service.stage(SECOND);
    let (status, told) = service.admin("promote", &Value::Null);
    assert_eq!((status, &told["pinned"], &told["shadow"]), (200, &json!(true), &Value::Null), "{told}");
    let second = service.revision();
    assert!(service.may("bob") && first != second);

    let (status, told) = service.admin("reload", &Value::Null);
    assert_eq!(status, 409, "{told}");
    assert!(told["error"].as_str().unwrap().contains("unpin"), "{told}");

    // The files are another set, and then none at all.
    service.write(BROKEN);
    let service = service.again(&["policies"]);
    service.says("this revision was chosen");
    assert_eq!(service.revision(), second);
    assert!(service.may("bob"));

    assert_eq!(service.admin("rollback", &json!({ "revision": "sha256:0000" })).0, 404);
    let (status, told) = service.admin("rollback", &json!({ "revision": &first[..20] }));
    assert_eq!(status, 200, "{told}");
    assert!(service.may("alice"));
    let service = service.again(&["policies"]);
    assert_eq!(service.revision(), first);
    assert_eq!(service.json("/v1/admin/policies")["history"][0]["how"], "rollback");

    assert_eq!(service.admin("unpin", &Value::Null).1["pinned"], false);
    assert_eq!(service.admin("reload", &Value::Null).0, 422, "the files are still broken");
    service.write(SECOND);
    assert_eq!(service.admin("reload", &Value::Null).1["revision"], second.as_str());
    let service = service.again(&["policies"]);
    assert_eq!(service.revision(), second);
}

#[test]
fn sets_are_rolled_back_in_memory_too_and_so_many_are_kept() {
    let service = Setup::new(FIRST).settings("state = \"memory\"\n[policy]\nrevisions = 2").start();
    let first = service.revision();
    for policy in [SECOND, FIRST, SECOND] {
        service.write(policy);
        assert_eq!(service.admin("reload", &Value::Null).0, 200);
    }
    assert_eq!(service.admin("rollback", &json!({ "revision": first })).0, 200);
    assert!(service.may("alice"));
    service.stage("actions view;\nallow anyone to view;\n");
    assert_eq!(service.admin("promote", &Value::Null).0, 200);
    let history = service.json("/v1/admin/policies")["history"].as_array().unwrap().len();
    assert_eq!(history, 2, "the set before the last two is forgotten");
}

#[test]
fn a_set_is_checked_without_changing_anything() {
    let service = Setup::new(FIRST).start();
    let validate = |kind: &str, body: Vec<u8>| {
        let request = service.bare_post("/v1/admin/policies/validate").header("content-type", kind).body(body);
        answer(request.send().unwrap())
    };
    let (status, told) = validate("text/plain", SECOND.into());
    assert_eq!((status, &told["valid"], &told["errors"]), (200, &json!(true), &json!(0)), "{told}");
    let (status, told) = validate("text/plain; charset=utf-8", VIOLATING.into());
    assert_eq!((status, &told["valid"]), (200, &json!(false)), "{told}");
    assert_eq!(told["diagnostics"][0]["code"], "P0401", "{told}");
    assert_eq!(told["diagnostics"][0]["file"], "upload.policy", "{told}");

    let bundle = service.folder.path().join("set.bundle");
    policyc::Engine::builder()
        .text("main.policy", FIRST)
        .load()
        .unwrap()
        .bundle(None, &mut fs::File::create(&bundle).unwrap())
        .unwrap();
    let (status, told) = validate("application/octet-stream", fs::read(bundle).unwrap());
    assert_eq!((status, told["revision"].as_str()), (200, Some(&*service.revision())), "{told}");

    assert_eq!(validate("application/octet-stream", b"nonsense".to_vec()).1["valid"], false);
    assert_eq!(validate("application/json", br#"{"file": {}}"#.to_vec()).0, 400);
    assert_eq!(validate("text/plain", vec![0xff]).0, 400);
    assert_eq!(validate("text/html", b"".to_vec()).0, 415);
    let foreign = service.post("/v1/admin/policies/reload", "").header("origin", "https://example.org").send().unwrap();
    assert_eq!(foreign.status(), 403, "a page of another site may not");
}

/// A token for trying things out names who asks; what they may is for the policies to say.
#[test]
fn policies_say_who_may_change_policies() {
    let rules = "kinds policies;\nactions view, manage;\nrole security;\nrole ci;\nallow role security to manage on any policies;\n\
                 allow role ci to manage on policies \"candidate\";\n";
    let service = Setup::new(rules).settings("state = \"state\"").start();
    let status = |role: &str, method: &str, what: &str| {
        let token = Command::new(env!("CARGO_BIN_EXE_policyc"))
            .args(["serve", "--config", "serve.toml", "--dev-token", &format!("user alice roles={role}")])
            .current_dir(service.folder.path())
            .output()
            .unwrap();
        let token = String::from_utf8(token.stdout).unwrap();
        let url = service.url(&format!("/v1/admin/policies{what}"));
        let request = service.client.request(method.parse().unwrap(), url).bearer_auth(token.trim());
        request.header("content-type", "text/plain").body(rules).send().unwrap().status().as_u16()
    };
    assert_eq!(status("security", "POST", "/reload"), 200);
    assert_eq!(status("security", "GET", ""), 200);
    for (method, what, candidate) in [
        ("POST", "/validate", 200),
        ("POST", "/shadow", 200),
        ("GET", "/shadow", 200),
        ("GET", "/shadow/diff", 200),
        ("DELETE", "/shadow", 204),
    ] {
        assert_eq!(status("ci", method, what), candidate, "{method} {what}");
        assert_eq!(status("nobody", method, what), 403, "{method} {what}");
    }
    for (method, what) in [("GET", ""), ("POST", "/reload"), ("POST", "/promote"), ("POST", "/unpin")] {
        assert_eq!(status("ci", method, what), 403, "{method} {what}");
    }
}
