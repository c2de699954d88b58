//! `policyc hub`: many repositories, as one file wants them.

use super::{Hub, sent};
use crate::upstream::{Exchange, Upstream};
use serde_json::{Value, json};
use std::{
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
};

/// `policyc hub`, in the folder of a test.
fn command(what: &str, file: &str, endpoint: &str, token: &str, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_policyc"));
    command.args(["hub", what, file, "--endpoint", endpoint]).current_dir(folder).env("HF_TOKEN", token);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Its exit code, results and diagnostics.
fn told(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

impl Hub {
    fn runs(&self, what: &str, file: &str, token: &str) -> (i32, String, String) {
        let folder = self.service.folder.path();
        told(command(what, file, &self.service.url(""), token, folder).output().unwrap())
    }

    fn has_file(&self, name: &str, text: &str) {
        std::fs::write(self.service.folder.path().join(name), text).unwrap();
    }
}

/// Dozens of repositories get the same gate from one file: it is shown, applied, and found to be so ever after.
#[test]
fn dozens_of_repositories_are_gated_by_one_file() {
    let hub = Hub::start();
    let mut table = String::from("id,gated,visibility\n");
    for number in 0..24 {
        let name = format!("model-{number}");
        let made = sent(hub.post(&hub.alice, "/api/repos/create", &json!({ "name": name, "organization": "acme" })));
        assert_eq!(made.0, 200);
        table.push_str(&format!("acme/{name},manual,\n"));
    }
    hub.has_file("gates.csv", &table);
    let (code, out, err) = hub.runs("plan", "gates.csv", &hub.alice);
    assert!(
        (code, err.as_str()) == (0, "") && out.starts_with("model acme/model-0: gated false → manual\n"),
        "{out}{err}"
    );
    assert!(out.ends_with("24 of 24 differ\n"), "{out}");
    assert_eq!(hub.runs("drift", "gates.csv", &hub.alice).0, 2, "a plan changes nothing");
    let (code, out, err) = hub.runs("apply", "gates.csv", &hub.alice);
    assert!(code == 0 && out.ends_with("24 of 24 changed\n"), "{out}{err}");
    assert_eq!(hub.runs("drift", "gates.csv", &hub.alice), (0, "0 of 24 differ\n".into(), String::new()));
    let (code, out, _) = hub.runs("apply", "gates.csv", &hub.alice);
    assert_eq!((code, out.as_str()), (0, "0 of 24 changed\n"), "twice is once");

    sent(hub.put(&hub.alice, "/api/models/acme/model-7/settings", &json!({ "gated": false })));
    let (code, out, _) = hub.runs("drift", "gates.csv", &hub.alice);
    assert_eq!((code, out.as_str()), (2, "model acme/model-7: gated false → manual\n1 of 24 differ\n"));
}

/// Each failure is told, what can be done is done, and the command fails.
#[test]
fn what_cannot_be_changed_is_told() {
    let hub = Hub::start();
    hub.has_file(
        "gates.toml",
        "[[repository]]\nid = \"acme/none\"\ngated = \"auto\"\n\
         [[repository]]\ntype = \"dataset\"\nid = \"acme/dialogues\"\nvisibility = \"private\"\n\
         [[repository]]\nid = \"acme/chat-7b\"\ngated = \"manual\"\n",
    );
    let (code, out, err) = hub.runs("apply", "gates.toml", &hub.alice);
    let wanted = "dataset acme/dialogues: visibility public → private\nmodel acme/chat-7b: gated auto → manual\n\
                  2 of 3 changed\n";
    assert_eq!((code, out.as_str()), (1, wanted), "{err}");
    assert_eq!(
        err,
        "error: model acme/none: 404: Repository not found; with `create = true` it is made\nerror: 1 of 3 failed\n"
    );

    hub.has_file("open.json", r#"[{"id": "acme/chat-7b", "gated": false}]"#);
    let (code, out, err) = hub.runs("apply", "open.json", &hub.bob);
    assert!(code == 1 && out == "0 of 1 changed\n" && err.contains("acme/chat-7b: 403"), "{out}{err}");
    assert!(hub.runs("drift", "open.json", "nonsense").2.contains("401: Invalid credentials"), "{err}");

    let mut quiet = command("plan", "open.json", &hub.service.url(""), &hub.alice, hub.service.folder.path());
    let (code, out, _) = told(quiet.args(["--format", "json"]).output().unwrap());
    let report: Value = serde_json::from_str(&out).unwrap();
    let change = json!({ "setting": "gated", "before": "manual", "after": false });
    let row = json!({ "type": "model", "id": "acme/chat-7b", "changes": [change] });
    assert_eq!((code, report), (0, json!({ "repositories": [row], "all": 1, "differing": 1, "failed": 0 })));
}

/// What is not there is made where the table says so, and then like all others; the table says once what holds for most.
#[test]
fn what_is_not_there_is_made() {
    let hub = Hub::start();
    hub.has_file(
        "gates.toml",
        "[defaults]\ngated = \"manual\"\ncreate = true\n\
         [[repository]]\nid = \"acme/new-a\"\n\
         [[repository]]\nid = \"acme/chat-7b\"\n\
         [[repository]]\ntype = \"space\"\nid = \"acme/new-room\"\nvisibility = \"private\"\nsdk = \"static\"\n\
         [[repository]]\ntype = \"dataset\"\nid = \"acme/new-b\"\ngated = false\n",
    );
    let told = "model acme/new-a: exists false → true, gated none → manual\n\
                model acme/chat-7b: gated auto → manual\n\
                space acme/new-room: exists false → true, gated none → manual, visibility none → private\n\
                dataset acme/new-b: exists false → true, gated none → false\n";
    let shown = |verb: &str| format!("{told}4 of 4 {verb}\n");
    assert_eq!(hub.runs("plan", "gates.toml", &hub.alice), (0, shown("differ"), String::new()));
    assert_eq!(hub.runs("drift", "gates.toml", &hub.alice).0, 2, "what is not there differs");
    assert_eq!(told_status(&hub, "/api/models/acme/new-a"), 404, "a plan makes nothing");
    assert_eq!(hub.runs("apply", "gates.toml", &hub.alice), (0, shown("changed"), String::new()));
    assert_eq!(hub.runs("apply", "gates.toml", &hub.alice), (0, "0 of 4 changed\n".into(), String::new()));
    assert_eq!(told_status(&hub, "/api/spaces/acme/new-room"), 200);
    assert_eq!(hub.get(&hub.bob, "/api/spaces/acme/new-room").status(), 404, "it was made private");

    hub.has_file("theirs.json", r#"[{"id": "bob/new", "create": true}, {"id": "elsewhere/new", "create": true}]"#);
    let (code, out, err) = hub.runs("apply", "theirs.json", &hub.alice);
    assert!(code == 1 && out == "0 of 2 changed\n" && err.contains("bob/new: 403"), "{out}{err}");
}

fn told_status(hub: &Hub, path: &str) -> u16 {
    hub.get(&hub.alice, path).status().as_u16()
}

/// For a pull request, and from the address that other clients have.
#[test]
fn a_plan_is_told_as_markdown() {
    let hub = Hub::start();
    hub.has_file("gates.json", r#"[{"id": "acme/chat-7b", "gated": "manual"}, {"id": "acme/none", "gated": "auto"}]"#);
    let run = |what: &str, own: Option<String>, theirs: Option<String>, more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_policyc"));
        command.args(["hub", what, "gates.json"]).args(more).env("HF_TOKEN", &hub.alice);
        command.env_remove("HF_ENDPOINT").env_remove("POLICYC_HUB_ENDPOINT");
        for (name, value) in [("POLICYC_HUB_ENDPOINT", own), ("HF_ENDPOINT", theirs)] {
            value.map(|value| command.env(name, value));
        }
        told(command.current_dir(hub.service.folder.path()).stdin(Stdio::null()).output().unwrap())
    };
    let (here, nowhere) = (|| Some(hub.service.url("")), || Some("http://127.0.0.1:1".to_owned()));
    let markdown = "## Repositories: 1 of 2 differ\n\n| repository | setting | now | wanted |\n| --- | --- | --- | --- |\n\
                    | model `acme/chat-7b` | gated | `auto` | `manual` |\n\n### Failed\n\n\
                    - model `acme/none`: `` 404: Repository not found; with `create = true` it is made ``\n";
    let (code, out, _) = run("drift", None, here(), &["--format", "markdown"]);
    assert_eq!((code, out.as_str()), (1, markdown));
    let retries = ["--retries", "0"];
    assert!(run("plan", here(), nowhere(), &retries).1.ends_with("1 of 2 differ\n"), "its own variable comes first");
    let flag = ["--retries", "0", "--endpoint", &hub.service.url("")];
    assert!(run("plan", nowhere(), nowhere(), &flag).1.ends_with("1 of 2 differ\n"), "and the flag before it");
    assert!(run("plan", Some(String::new()), here(), &[]).1.ends_with("1 of 2 differ\n"), "an empty one says nothing");
    let (code, out, err) = run("plan", None, None, &[]);
    assert!(code == 1 && out.is_empty() && err.contains("there is no hub") && err.contains("HF_ENDPOINT"), "{err}");
}

/// A protected repository waits for its second person, and the digest that they confirm is told.
#[test]
fn a_change_that_must_be_confirmed_says_so() {
    let hub = Hub::start();
    hub.has_file("gate.json", r#"[{"id": "acme/flagship-70b", "gated": "manual"}]"#);
    assert_eq!(hub.runs("apply", "gate.json", &hub.alice).0, 0, "a gate more only narrows");
    hub.has_file("open.json", r#"[{"id": "acme/flagship-70b", "gated": false}]"#);
    let (code, _, err) = hub.runs("apply", "open.json", &hub.alice);
    assert!(code == 1 && err.contains("409: this change widens access"), "{err}");
    let digest = err.split(['(', ')']).nth(1).unwrap();
    let confirm = format!("/v1/admin/changes/{digest}/confirm");
    assert_eq!(sent(hub.service.bare_post(&confirm).bearer_auth(&hub.carol)).0, 200);
    assert_eq!(hub.runs("drift", "open.json", &hub.alice).0, 0);
}

#[test]
fn what_is_not_understood_is_never_asked() {
    let hub = Upstream::start();
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("a.json"), r#"[{"id": "acme/a", "gated": "auto"}]"#).unwrap();
    std::fs::write(folder.path().join("b.json"), r#"[{"id": "acme/../../b", "gated": "auto"}]"#).unwrap();
    for (file, endpoint, token, wanted) in [
        ("b.json", hub.url(), "t", "is not the name of a repository"),
        ("none.json", hub.url(), "t", "cannot read `none.json`"),
        ("a.json", hub.url(), "", "there is no token"),
        ("a.json", hub.url(), "t\nHost: x", "there is no token"),
        ("a.json", "http://hub.example.com", "t", "must begin with `https://`"),
    ] {
        let (code, out, err) = told(command("apply", file, endpoint, token, folder.path()).output().unwrap());
        assert!(code == 1 && out.is_empty() && err.contains(wanted), "{file} {endpoint}: {err}");
    }
    assert_eq!(hub.count(), 0);
}

/// A hub that a test plays, and a program that asks it.
fn asked(answers: Vec<(&'static str, &'static str, &'static str)>) -> (i32, String, String, Vec<String>) {
    let hub = Upstream::start();
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("a.json"), r#"[{"id": "acme/a", "gated": "auto"}]"#).unwrap();
    let child: Child = command("apply", "a.json", hub.url(), "secret", folder.path()).spawn().unwrap();
    let ended = thread::spawn(|| told(child.wait_with_output().unwrap()));
    let mut calls: Vec<String> = Vec::new();
    for (status, headers, body) in answers {
        let exchange: Exchange = hub.next();
        assert_eq!(exchange.header("authorization"), Some("Bearer secret"));
        calls.push(String::from_utf8(exchange.body.clone()).unwrap());
        exchange.answer(status, headers, body);
    }
    let (code, out, err) = ended.join().unwrap();
    assert_eq!(hub.count(), calls.len(), "nothing else is asked: {err}");
    (code, out, err, calls)
}

/// Several are asked for at a time, as many as are wanted and no more, and are told in the order of the file.
#[test]
fn several_are_asked_for_at_a_time() {
    let hub = Upstream::start();
    let folder = tempfile::TempDir::new().unwrap();
    let names: Vec<String> = (0..6).map(|number| format!("acme/model-{number}")).collect();
    let entries: Vec<Value> = names.iter().map(|name| json!({ "id": name, "gated": "auto" })).collect();
    std::fs::write(folder.path().join("a.json"), json!(entries).to_string()).unwrap();
    let mut command = command("plan", "a.json", hub.url(), "secret", folder.path());
    let child = command.args(["--jobs", "3"]).spawn().unwrap();
    let ended = thread::spawn(|| told(child.wait_with_output().unwrap()));
    for _ in 0..2 {
        // None of the three is answered before all have come; then the last one first.
        let mut asked: Vec<Exchange> = (0..3).map(|_| hub.next()).collect();
        thread::sleep(std::time::Duration::from_millis(200));
        asked.reverse();
        for exchange in asked {
            exchange.answer("200 OK", "", "{\"gated\": false, \"private\": false}");
        }
    }
    let (code, out, err) = ended.join().unwrap();
    let wanted: String = names.iter().map(|name| format!("model {name}: gated false → auto\n")).collect();
    assert_eq!((code, out.as_str()), (0, format!("{wanted}6 of 6 differ\n").as_str()), "{err}");
}

/// What may pass is tried again, as long as the hub says; a change is looked at afterwards.
#[test]
fn a_busy_hub_is_asked_again() {
    let open = "{\"gated\": false, \"private\": false}";
    let gated = "{\"gated\": \"auto\", \"private\": false}";
    let (code, out, err, calls) = asked(vec![
        ("503 Service Unavailable", "retry-after: 0\r\n", "nonsense"),
        ("200 OK", "", open),
        ("429 Too Many Requests", "retry-after: 0\r\n", "{}"),
        ("200 OK", "", "{}"),
        ("200 OK", "", gated),
    ]);
    assert_eq!((code, err.as_str()), (0, ""), "{err}");
    assert_eq!(out, "model acme/a: gated false → auto\n1 of 1 changed\n");
    assert_eq!(calls, ["", "", "{\"gated\":\"auto\"}", "{\"gated\":\"auto\"}", ""]);
}

/// What does not pass is not tried again; what an answer says cannot steer a terminal.
#[test]
fn a_hub_that_says_no_is_not_asked_again() {
    let (code, _, err, _) =
        asked(vec![("429 Too Many Requests", "x-should-retry: false\r\n", "{\"error\": \"\\u001b[2J used up\"}")]);
    assert!(code == 1 && err.contains("429: \\u{1b}[2J used up"), "{err}");
    let (code, _, err, _) = asked(vec![("429 Too Many Requests", "retry-after: 86400\r\n", "{}")]);
    assert!(code == 1 && err.contains("acme/a: 429"), "{err}");
    let (code, _, err, _) = asked(vec![("302 Found", "location: http://127.0.0.1:1/\r\n", "")]);
    assert!(code == 1 && err.contains("acme/a: 302"), "the token goes nowhere else: {err}");
    let (code, _, err, _) = asked(vec![("200 OK", "", "[]")]);
    assert!(code == 1 && err.contains("is not understood"), "{err}");
    let still = "{\"gated\": false, \"private\": false}";
    let (code, out, err, _) = asked(vec![("200 OK", "", still), ("200 OK", "", "{}"), ("200 OK", "", still)]);
    assert!(code == 1 && out == "0 of 1 changed\n", "{out}");
    assert!(err.contains("the hub has taken the settings, but `gated` is still false"), "{err}");
}
