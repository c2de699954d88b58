//! Administration over HTTP: limits, the audit log, the review, the queue of access requests.

use crate::{
    identity::policyc,
    service::{Service, Setup},
};
use reqwest::{Method, blocking::Response};
use serde_json::{Value, json};

const LAB: &str = r#"actions infer, manage, audit, evaluate, assert, approve;
kinds limits;
role admin;
role auditor;
role researcher;

admins: allow role admin to manage, evaluate, approve;
auditors: allow role auditor to audit;
work: allow role researcher to infer;
daily: limit role researcher to infer at most 5 per 1d by principal else QUOTA 429;
mine: deny role admin to manage on limits "*bob*" else PRIVATE;
unused: allow user "nobody" to infer on model "x" until 2020-01-01T00:00:00Z;
"#;

struct Lab {
    service: Service,
    admin: String,
    auditor: String,
    researcher: String,
}

fn told(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

impl Lab {
    fn start() -> Self {
        let service = Setup::new(LAB).start();
        let [admin, auditor, researcher] =
            ["user ann roles=admin", "user aud roles=auditor", "user rob roles=researcher"]
                .map(|words| policyc(&service, &["--dev-token", words, "--config", "serve.toml"]).0.trim().to_owned());
        Self { service, admin, auditor, researcher }
    }

    fn ask(&self, method: Method, path: &str, who: &str) -> (u16, Value) {
        told(self.service.client.request(method, self.service.url(path)).bearer_auth(who).send().unwrap())
    }

    fn get(&self, path: &str, who: &str) -> (u16, Value) {
        self.ask(Method::GET, path, who)
    }

    /// Whether somebody may infer, which counts.
    fn infers(&self, who: &str) -> bool {
        let request = json!({
            "subject": { "type": "user", "id": who, "properties": { "roles": ["researcher"] } },
            "action": { "name": "infer" },
            "resource": { "type": "model", "id": "m" },
        });
        let answer = self.service.post("/access/v1/evaluation", &request.to_string()).send().unwrap();
        answer.json::<Value>().unwrap()["decision"] == true
    }
}

#[test]
fn counters_are_inspected_and_reset() {
    let lab = Lab::start();
    assert_eq!((0..6).filter(|_| lab.infers("alice")).count(), 5);
    assert!(lab.infers("alice2") && lab.infers("bob"));
    let (status, answer) = lab.get("/v1/admin/limits?principal=user:alice", &lab.admin);
    let counter = answer["data"][0]["counter"].as_str().unwrap_or_default().to_owned();
    assert_eq!((status, answer["data"].as_array().map(Vec::len), &answer["complete"]), (200, Some(1), &json!(true)));
    let one = &answer["data"][0];
    assert_eq!((&one["rule"], &one["used"], &one["limit"]), (&json!("daily"), &json!(5), &json!(5)), "{one}");
    assert!(one["reset"].as_u64().is_some_and(|reset| (86_000..=86_400).contains(&reset)), "{one}");
    let (_, all) = lab.get("/v1/admin/limits", &lab.admin);
    assert_eq!(all["data"].as_array().unwrap().len(), 2, "not bob's, which the policies do not show");
    assert_eq!(lab.get("/v1/admin/limits", &lab.researcher).1["data"], json!([]));

    let path = |counter: &str| {
        let mut url = reqwest::Url::parse("http://x/v1/admin/limits/").unwrap();
        url.path_segments_mut().unwrap().pop_if_empty().push(counter);
        url.path().to_owned()
    };
    let reset = |counter: &str, who: &str| lab.ask(Method::DELETE, &path(counter), who).0;
    assert_eq!(reset(&counter, &lab.researcher), 403);
    assert_eq!(reset(&counter.replace("5:alice", "3:bob"), &lab.admin), 403);
    assert_eq!(reset("limit:1:x/y%z", &lab.admin), 404);
    assert!(!lab.infers("alice"));
    assert_eq!(reset(&counter, &lab.admin), 204);
    assert!(lab.infers("alice"));
    for query in ["principal=alice", "who=x", "counter=a&counter=b"] {
        let (status, answer) = lab.get(&format!("/v1/admin/limits?{query}"), &lab.admin);
        assert!(status == 400 && answer["error"].is_string(), "{query}: {answer}");
    }
    assert_eq!(lab.get("/v1/admin/limits", "nonsense").0, 401);
}

#[test]
fn the_log_is_searched_page_by_page_and_exported() {
    let lab = Lab::start();
    for who in ["alice", "bob", "alice", "carol", "alice", "alice", "alice", "alice"] {
        lab.infers(who);
    }
    // What was decided is written soon.
    let search = |query: &str| lab.get(&format!("/v1/admin/audit?{query}"), &lab.auditor);
    let all = (0..200).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        let (status, answer) = search("principal=alice&resource=m");
        assert_eq!(status, 200, "{answer}");
        (answer["data"].as_array().unwrap().len() == 6).then_some(answer)
    });
    let all = all.unwrap();
    assert_eq!(all["data"][0]["record"]["answer"]["context"]["code"], "QUOTA", "the newest first");
    assert_eq!(search("code=QUOTA").1["data"].as_array().unwrap().len(), 1);
    assert_eq!(search("code=QUOTA&decision=allow").1["data"], json!([]));
    assert_eq!(search("principal=alice&until=2020-01-01T00:00:00Z").1["data"], json!([]));

    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let (_, page) = search(&format!("principal=alice&limit=4{cursor}"));
        found.extend(page["data"].as_array().unwrap().iter().map(|one| one["seq"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let wanted: Vec<Value> = all["data"].as_array().unwrap().iter().map(|one| one["seq"].clone()).collect();
    assert_eq!(found, wanted);

    let export = |query: &str| {
        let url = lab.service.url(&format!("/v1/admin/audit/export?{query}"));
        lab.service.client.get(url).bearer_auth(&lab.auditor).send().unwrap()
    };
    for (format, kind) in [
        ("csv", "text/csv"),
        ("jsonl", "application/x-ndjson"),
        ("cef", "text/plain"),
        ("ocsf", "application/x-ndjson"),
    ] {
        let response = export(&format!("format={format}&principal=alice"));
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with(kind));
        let text = response.text().unwrap();
        assert_eq!(text.lines().count(), if format == "csv" { 7 } else { 6 }, "{text}");
        assert!(text.contains("alice"));
    }
    assert!(!export("format=csv&pseudonymise=true").text().unwrap().contains("alice"));
    for query in ["format=xml", "", "format=csv&since=yesterday", "format=csv&format=cef", "format=csv&limit=many"] {
        assert_eq!(export(query).status().as_u16(), 400, "{query}");
    }
    for path in ["/v1/admin/audit", "/v1/admin/audit/export?format=csv"] {
        assert_eq!((lab.get(path, &lab.admin).0, lab.get(path, "nonsense").0), (403, 401), "{path}");
    }
}

#[test]
fn without_a_log_there_is_nothing_to_search() {
    let service = Setup::new(LAB).settings("state = \"memory\"").start();
    assert_eq!(service.get("/v1/admin/audit").send().unwrap().status().as_u16(), 404);
}

#[test]
fn the_review_finds_what_time_has_ended_and_keys_that_end() {
    let service = Setup::new(LAB).settings("[auth]\nmanaged_keys = true").start();
    let line = service.says("bootstrap token: ");
    let token = line.split("bootstrap token: ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let make = |key: &str, body: Value| {
        told(service.client.post(service.url("/v1/admin/keys")).bearer_auth(key).json(&body).send().unwrap())
    };
    let (status, first) = make(&token, json!({ "id": "root", "roles": ["admin", "auditor", "researcher"] }));
    assert_eq!(status, 201, "{first}");
    let root = first["key"].as_str().unwrap();
    for (id, expires) in
        [("gone", "2026-11-01T00:00:00Z"), ("soon", "2026-12-20T00:00:00Z"), ("later", "2027-06-01T00:00:00Z")]
    {
        assert_eq!(make(root, json!({ "id": id, "expires": expires, "roles": ["researcher"] })).0, 201);
    }
    let get = |path: &str| service.get(path).bearer_auth(root).send().unwrap();
    let (status, review) = told(get("/v1/admin/review?at=2026-12-01T00:00:00Z"));
    assert_eq!(status, 200, "{review}");
    let keys: Vec<_> =
        review["keys"].as_array().unwrap().iter().map(|one| (one["key"].as_str(), one["kind"].as_str())).collect();
    assert_eq!(keys, [(Some("gone"), Some("key-expired")), (Some("soon"), Some("key-expiring"))]);
    let expired = review["findings"].as_array().unwrap().iter().find(|one| one["kind"] == "expired").unwrap();
    assert_eq!(expired["rule"], "unused");
    let table = get("/v1/admin/review?at=2026-12-01T00:00:00Z&format=csv").text().unwrap();
    assert!(table.contains("key-expired,key gone,") && table.contains("expired,unused,"), "{table}");
    assert_eq!(
        (get("/v1/admin/review?at=soon").status().as_u16(), get("/v1/admin/review?format=xml").status().as_u16()),
        (400, 400)
    );

    let forgetful = LAB.replace("role researcher", "role scientist");
    std::fs::write(service.folder.path().join("policies/main.policy"), forgetful).unwrap();
    service.signal("HUP");
    service.says("another policy set decides");
    let (_, review) = told(get("/v1/admin/review?at=2026-12-01T00:00:00Z"));
    assert!(review["keys"].as_array().unwrap().iter().any(|one| one["kind"] == "key-role"), "{review}");
    assert_eq!(service.get("/v1/admin/review").bearer_auth("nonsense").send().unwrap().status().as_u16(), 401);
}

#[test]
fn the_queue_of_access_requests_is_one_over_all_resources() {
    let lab = Lab::start();
    let path = lab.service.folder.path().join("policyc-state/documents.sqlite");
    let database = rusqlite::Connection::open(path).unwrap();
    for (of, part, status) in [
        ("model a/b", "user bob", "pending"),
        ("dataset d", "user cy", "pending"),
        ("model a/b", "user dan", "accepted"),
    ] {
        let body =
            json!({ "id": "1", "status": status, "asked": "2026-11-27T00:00:00Z", "fields": { "Company": "X" } })
                .to_string();
        for (table, more) in [("documents", ""), ("history", ", 1")] {
            let insert = format!("INSERT INTO {table} VALUES ('access', ?1, ?2, 1, ?3, ?2, 0{more})");
            database.execute(&insert, [of, part, &body]).unwrap();
        }
    }
    drop(database);
    let lab = Lab { service: lab.service.again(&["policies"]), ..lab };
    let who = |query: &str| {
        let (status, answer) = lab.get(&format!("/v1/admin/access-requests{query}"), &lab.admin);
        assert_eq!(status, 200, "{answer}");
        let data = answer["data"].as_array().unwrap();
        let ids: Vec<String> = data.iter().map(|one| one["principal"]["id"].as_str().unwrap().to_owned()).collect();
        (ids, answer["next"].as_str().map(str::to_owned))
    };
    assert_eq!(who("").0, ["cy", "bob", "dan"]);
    assert_eq!(who("?status=pending").0, ["cy", "bob"]);
    let (first, next) = who("?status=pending&limit=1");
    let mut url = reqwest::Url::parse("http://x/?status=pending").unwrap();
    url.query_pairs_mut().append_pair("cursor", &next.unwrap());
    assert_eq!((first, who(&format!("?{}", url.query().unwrap())).0), (vec!["cy".to_owned()], vec!["bob".to_owned()]));
    assert_eq!(lab.get("/v1/admin/access-requests", &lab.researcher).1["data"], json!([]));
    assert_eq!(lab.get("/v1/admin/access-requests?status=lost", &lab.admin).0, 400);
    assert_eq!(lab.get("/v1/admin/access-requests?cursor=x", &lab.admin).0, 400);
}
