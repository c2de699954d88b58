//! The shipped policies of the studio, over AuthZEN: its queue asks before a task enters and again before it runs, and its
//! security desk hears of what should not be.

use crate::{
    audit::{audit, receive},
    service::{Service, Setup},
};
use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};
use std::{fs, net::TcpListener, thread};

/// Somebody as the studio describes people: who works on the project.
fn artist(name: &str) -> Value {
    let properties = json!({ "org": "alpha", "roles": ["developer"], "projects": ["heroes"], "two_factor": true });
    json!({ "type": "user", "id": name, "properties": properties })
}

/// The question whether somebody may do something.
fn question(service: &Service, subject: &Value, action: &Value, resource: &Value, id: &str) -> RequestBuilder {
    let context = json!({ "scheme": "https", "risk": 5, "usage_ratio": 1, "country": "CN" });
    let body = json!({ "subject": subject, "action": action, "resource": resource, "context": context }).to_string();
    service.post("/access/v1/evaluation", &body).header("x-request-id", id)
}

fn answer(question: RequestBuilder) -> Value {
    question.send().unwrap().json().unwrap()
}

fn may_infer(service: &Service, subject: &Value, model: &str) -> RequestBuilder {
    question(service, subject, &json!({ "name": "infer" }), &json!({ "type": "model", "id": model }), "r-1")
}

fn infer(service: &Service, subject: &Value, model: &str) -> Value {
    answer(may_infer(service, subject, model))
}

/// The shipped policies as one text, so that they can be changed.
fn policy() -> String {
    ["vocabulary", "people", "registry", "roles", "boundaries", "circumstances", "exports", "quotas"]
        .map(|name| fs::read_to_string(format!("policies/studio-rbac/{name}.policy")).unwrap())
        .join("\n")
}

/// What is allowed enters the queue; what runs was asked about again, as its user stands then.
#[test]
fn a_task_is_decided_before_the_queue_and_again_before_it_runs() {
    let service = Setup::new(&policy()).start();
    let wanted = [("ivy", "ff-2024-pro"), ("ivy", "bg-swap"), ("max", "ff-2024-pro"), ("ivy", "ff-villains")];
    let mut queue = Vec::new();
    for (user, model) in wanted {
        if infer(&service, &artist(user), model)["decision"] == true {
            queue.push((user, model));
        }
    }
    assert_eq!(queue, [("ivy", "ff-2024-pro"), ("max", "ff-2024-pro")], "only legal tasks enter");

    // Before they run, Max leaves the project, and then the studio suspends Ivy.
    let mut max = artist("max");
    max["properties"]["projects"] = json!([]);
    let ivy = artist("ivy");
    assert_eq!(infer(&service, &ivy, "ff-2024-pro")["decision"], true);
    let refused = infer(&service, &max, "ff-2024-pro");
    assert_eq!((&refused["decision"], &refused["context"]["code"]), (&json!(false), &json!("NOT_A_MEMBER")));
    let suspended = format!("{}\ndeny user \"ivy\" to executing else SUSPENDED;\n", policy());
    fs::write(service.folder.path().join("policies/main.policy"), suspended).unwrap();
    service.signal("HUP");
    service.says("another policy set decides");
    let refused = infer(&service, &ivy, "ff-2024-pro");
    assert_eq!(refused["context"]["code"], "SUSPENDED");
    assert_eq!(refused["context"]["retry_after"], Value::Null, "trying again is no use");
}

/// What it takes to look at a model's weights is not what it takes to carry them away; and who tries is told on.
#[test]
fn a_bulk_export_is_refused_and_told_to_the_security_desk() {
    let desk = TcpListener::bind("127.0.0.1:0").unwrap();
    let alert = format!(
        "[[audit.alert]]\nname = \"bulk export\"\ncode = \"BULK_EXPORT\"\ncount = 1\nwindow = \"1m\"\nby = \"principal\"\n\
         webhook = \"http://{}/\"",
        desk.local_addr().unwrap()
    );
    let service = Setup::shipped("studio-rbac").settings(&format!("state = \"state\"\n{alert}")).start();
    let mut director = artist("dora");
    director["properties"]["roles"] = json!(["admin"]);
    let weights = json!({ "type": "weights", "id": "ff-2024-lite" });
    let export = |items: u32| {
        let action = json!({ "name": "export", "properties": { "items": items } });
        answer(question(&service, &director, &action, &weights, "r-7"))
    };
    assert_eq!(export(1)["decision"], true);
    let refused = export(50);
    assert_eq!(refused["context"]["code"], "BULK_EXPORT");
    assert_eq!(refused["context"]["obligations"][0]["id"], "alert", "{refused}");
    let report: Value = serde_json::from_str(&receive(&desk)).unwrap();
    assert_eq!((&report["alert"], &report["by"]), (&json!("bulk export"), &json!("dora")));
    // The request's id leads to who it was.
    let (_, log) =
        audit(&service.folder.path().join("state"), &["export", "--format", "jsonl", "--code", "BULK_EXPORT"]);
    let record = &serde_json::from_str::<Value>(log.lines().next().unwrap()).unwrap()["record"];
    assert_eq!((&record["id"], &record["request"]["subject"]["id"]), (&json!("r-7"), &json!("dora")));
    assert_eq!(record["answer"]["context"]["rule"], "bulk_export");
    assert!(record["answer"]["context"]["revision"].as_str().unwrap().starts_with("sha256:"), "{record}");
}

/// Alerts that somebody answers with a rule: what was sensed decides what comes next.
#[test]
fn what_was_sensed_is_answered_by_the_next_decisions() {
    let desk = TcpListener::bind("127.0.0.1:0").unwrap();
    let alert = format!(
        "[[audit.alert]]\nname = \"denials\"\ndecision = \"deny\"\ncount = 3\nwindow = \"1m\"\nby = \"principal\"\nwebhook = \"http://{}/\"",
        desk.local_addr().unwrap()
    );
    let service = Setup::new(&policy()).settings(&alert).start();
    let eve = artist("eve");
    assert_eq!(infer(&service, &eve, "ff-2024-pro")["decision"], true);
    for _ in 0..3 {
        assert_eq!(infer(&service, &eve, "bg-swap")["decision"], false);
    }
    let report: Value = serde_json::from_str(&receive(&desk)).unwrap();
    let who = report["by"].as_str().unwrap();
    let answer = format!("{}\ndeny user \"{who}\" to executing, export else RESTRICTED;\n", policy());
    fs::write(service.folder.path().join("policies/main.policy"), answer).unwrap();
    service.signal("HUP");
    service.says("another policy set decides");
    assert_eq!(infer(&service, &eve, "ff-2024-pro")["context"]["code"], "RESTRICTED");
    assert_eq!(infer(&service, &artist("ivy"), "ff-2024-pro")["decision"], true, "and nobody else's");
}

/// What went in and what came out is in the log by whatever reference the studio tells with its requests.
#[test]
fn records_refer_to_what_went_in_and_came_out() {
    let words = "actions infer, deliver;\nattribute input: text;\nattribute output: text;\nallow role artist to infer, deliver;\n";
    let service = Setup::new(words).settings("state = \"state\"").start();
    for (action, name) in [("infer", "input"), ("deliver", "output")] {
        let context = json!({ name: "sha256:3f2a" });
        let subject = json!({ "type": "user", "id": "ivy", "properties": { "roles": ["artist"] } });
        let body = json!({ "subject": subject, "action": { "name": action }, "resource": { "type": "model", "id": "m" }, "context": context });
        let request = service.post("/access/v1/evaluation", &body.to_string()).header("x-request-id", "task-7");
        assert_eq!(request.send().unwrap().json::<Value>().unwrap()["decision"], true);
    }
    let (_, log) = audit(&service.again(&["policies"]).folder.path().join("state"), &["export", "--format", "jsonl"]);
    let told: Vec<Value> = log
        .lines()
        .map(|line| {
            let record = &serde_json::from_str::<Value>(line).unwrap()["record"];
            assert!(record["time"].is_string() && record["id"] == "task-7", "{record}");
            let (request, decision) = (&record["request"], &record["answer"]["decision"]);
            assert_eq!(
                (&request["subject"]["id"], &request["resource"]["id"], decision),
                (&json!("ivy"), &json!("m"), &json!(true))
            );
            json!([request["action"]["name"], request["context"]["input"], request["context"]["output"]])
        })
        .collect();
    assert_eq!(told, [json!(["infer", "sha256:3f2a", null]), json!(["deliver", null, "sha256:3f2a"])]);
}

/// Many at once: everybody has a share of their own, exactly.
#[test]
fn people_work_side_by_side_and_nobody_takes_what_is_anothers() {
    const PEOPLE: usize = 8;
    const SHARE: usize = 20;
    let limited =
        policy().replace("at most 200 per calendar day by principal", "at most 20 per calendar day by principal");
    let service = Setup::new(&limited).start();
    let work = (0..PEOPLE).map(|number| {
        let who = artist(&format!("artist-{number}"));
        let questions: Vec<_> = (0..SHARE + 10).map(|_| may_infer(&service, &who, "ff-2024-pro")).collect();
        thread::spawn(move || questions.into_iter().map(answer).filter(|answer| answer["decision"] == true).count())
    });
    let work: Vec<_> = work.collect();
    let allowed: Vec<usize> = work.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(allowed, [SHARE; PEOPLE]);
}

/// Once the studio is declared degraded, its policies let people look and nothing else.
#[test]
fn in_read_only_mode_work_stays_readable_and_nothing_changes() {
    let service = Setup::new(&policy()).start();
    let ivy = artist("ivy");
    let read = || {
        let model = json!({ "type": "model", "id": "ff-2024-pro" });
        answer(question(&service, &ivy, &json!({ "name": "model:read" }), &model, "r-9"))["decision"] == true
    };
    assert!(infer(&service, &ivy, "ff-2024-pro")["decision"] == true && read());
    let url = service.url("/v1/admin/degraded");
    let declare = |body: &str| {
        let request = service.client.put(&url).header("content-type", "application/json").body(body.to_owned());
        request.send().unwrap()
    };
    assert_eq!(declare("{\"reason\": 7}").status(), 400);
    let told: Value = declare(r#"{"reason": "the render farm's storage is down"}"#).json().unwrap();
    assert_eq!(told, json!({ "degraded": true, "reasons": { "declared": "the render farm's storage is down" } }));
    let refused = infer(&service, &ivy, "ff-2024-pro");
    assert_eq!((&refused["context"]["code"], &refused["context"]["status"]), (&json!("READ_ONLY"), &json!(503)));
    assert!(read());
    let ready = service.get("/readyz").send().unwrap().text().unwrap();
    assert!(ready.starts_with("degraded: declared\nready, revision "), "{ready}");
    assert!(service.get("/metrics").send().unwrap().text().unwrap().contains("policyc_degraded 1"));
    assert_eq!(service.client.delete(&url).send().unwrap().json::<Value>().unwrap()["degraded"], false);
    assert_eq!(infer(&service, &ivy, "ff-2024-pro")["decision"], true);
}
