//! API keys that are made, rotated and revoked while the service runs.

use crate::service::{Service, Setup};
use reqwest::{
    Method,
    blocking::{RequestBuilder, Response},
};
use serde_json::{Value, json};

const LAB: &str = r#"tiers seed < grow < scale;
kinds keys;
actions infer, manage, evaluate, assert;
role researcher;
role lead includes researcher;
role admin;
role pep;
attribute principal.level: int = 0;

admins: allow role admin to manage;
points: allow role pep, role admin to evaluate;
locked: deny anyone to manage on keys "root" else LOCKED;
may_infer: allow role researcher to infer on model "m";
own: allow user "alice@company.com" to manage on keys "hers";
"#;

const MANAGED: &str = "[auth]\nmanaged_keys = true";

struct Keys {
    service: Service,
    ann: String,
}

fn bootstrap_token(service: &Service) -> String {
    let line = service.says("bootstrap token: ");
    line.split("bootstrap token: ").nth(1).unwrap().split(' ').next().unwrap().to_owned()
}

fn told(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn ask(service: &Service, method: Method, path: &str, key: &str, body: &Value) -> RequestBuilder {
    let request = service.client.request(method, service.url(path)).bearer_auth(key);
    if body.is_null() { request } else { request.json(body) }
}

fn admin() -> Value {
    json!({ "id": "ann", "principal": { "kind": "user", "id": "ann" }, "tier": "grow", "org": "alpha",
            "roles": ["admin", { "role": "lead", "org": "alpha" }] })
}

impl Keys {
    fn start() -> Self {
        let service = Setup::new(LAB).settings(MANAGED).start();
        let token = bootstrap_token(&service);
        let (status, answer) = told(ask(&service, Method::POST, "/v1/admin/keys", &token, &admin()).send().unwrap());
        assert_eq!(status, 201, "{answer}");
        let ann = answer["key"].as_str().unwrap().to_owned();
        Self { service, ann }
    }

    fn send(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        told(ask(&self.service, method, path, &self.ann, body).send().unwrap())
    }

    fn make(&self, body: &Value) -> (u16, Value) {
        self.send(Method::POST, "/v1/admin/keys", body)
    }

    fn key(&self, body: &Value) -> String {
        let (status, answer) = self.make(body);
        assert_eq!(status, 201, "{answer}");
        answer["key"].as_str().unwrap().to_owned()
    }
}

/// The status of a question of whoever shows a key: 401, or not.
fn status(service: &Service, key: &str) -> u16 {
    ask(service, Method::GET, "/v1/admin/keys", key, &Value::Null).send().unwrap().status().as_u16()
}

#[test]
fn the_first_key_is_made_with_a_token_that_holds_once() {
    let service = Setup::new(LAB).settings(MANAGED).start();
    let old = bootstrap_token(&service);
    let service = service.again(&["policies"]);
    let token = bootstrap_token(&service);
    let make =
        |token: &str, body: &Value| told(ask(&service, Method::POST, "/v1/admin/keys", token, body).send().unwrap());
    assert_eq!(make(&old, &admin()).0, 401, "each start has its own");
    assert_eq!(status(&service, &token), 401, "it is good for nothing else");
    assert_eq!(make(&token, &json!({ "roles": ["nobody"] })).0, 400);
    assert_eq!(make(&token, &admin()).0, 201, "what was refused has not used it up");
    assert_eq!(make(&token, &json!({ "id": "another" })).0, 401, "once");
    let service = service.again(&["policies"]);
    service.says("policy revision");
    assert_eq!(told(ask(&service, Method::POST, "/v1/admin/keys", &token, &admin()).send().unwrap()).0, 401);
}

#[test]
fn of_many_who_show_the_token_at_once_one_makes_a_key() {
    let service = Setup::new(LAB).settings(MANAGED).start();
    let token = bootstrap_token(&service);
    let (client, url) = (&service.client, &service.url("/v1/admin/keys"));
    let one = |id: usize| {
        let request = client.post(url).bearer_auth(&token).json(&json!({ "id": format!("k{id}") }));
        request.send().unwrap().status().as_u16()
    };
    let made = std::thread::scope(|scope| {
        let one = &one;
        let all: Vec<_> = (0..8).map(|id| scope.spawn(move || one(id))).collect();
        all.into_iter().map(|one| one.join().unwrap()).filter(|status| *status == 201).count()
    });
    assert_eq!(made, 1);
}

#[test]
fn a_key_resolves_to_whom_it_stands_for_and_its_secret_is_told_once() {
    let lab = Keys::start();
    let (created, answer) = lab.make(&json!({ "id": "ci", "roles": ["lead"], "description": "builds" }));
    assert_eq!((created, &answer["code"]), (403, &json!("BEYOND_CREATOR")), "{answer}");
    let within = json!({ "id": "ci", "roles": [{ "role": "researcher", "org": "alpha" }], "description": "builds" });
    let response = ask(&lab.service, Method::POST, "/v1/admin/keys", &lab.ann, &within).send().unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    let (_, answer) = told(response);
    let key = answer["key"].as_str().unwrap();
    assert!(key.starts_with("pk_ci_") && status(&lab.service, key) == 200);
    let texts = [
        lab.send(Method::GET, "/v1/admin/keys", &Value::Null),
        lab.send(Method::GET, "/v1/admin/keys/ci", &Value::Null),
        lab.send(Method::GET, "/v1/admin/keys/ci?history=true", &Value::Null),
        lab.make(&within),
    ];
    for (told, wanted) in texts.iter().zip([200, 200, 200, 409]) {
        assert_eq!(told.0, wanted, "{}", told.1);
        assert!(!told.1.to_string().contains("hash") && !told.1.to_string().contains("pk_"), "{}", told.1);
    }
    let database = std::fs::read(lab.service.folder.path().join("policyc-state/documents.sqlite-wal")).unwrap();
    let secret = key.rsplit_once('_').map_or(key, |(_, secret)| secret);
    assert!(!database.windows(secret.len()).any(|window| window == secret.as_bytes()), "only its hash is kept");

    let again = lab.service.again(&["policies"]);
    assert_eq!(status(&again, key), 200, "it is there after a restart");
}

/// Whoever shows the key is the person that it stands for: what is allowed to them, and no more.
#[test]
fn a_key_may_stand_for_a_person() {
    let service = Setup::new(LAB).settings(MANAGED).start();
    let token = bootstrap_token(&service);
    let body = json!({ "principal": { "kind": "user", "id": "alice@company.com" } });
    let (_, answer) = told(ask(&service, Method::POST, "/v1/admin/keys", &token, &body).send().unwrap());
    let key = answer["key"].as_str().unwrap();
    let sees = |id: &str| {
        let path = format!("/v1/admin/keys/{id}");
        ask(&service, Method::GET, &path, key, &Value::Null).send().unwrap().status().as_u16()
    };
    assert_eq!((sees("hers"), sees("other")), (404, 403));
    assert_eq!(
        told(ask(&service, Method::POST, "/v1/admin/keys", key, &json!({ "id": "hers" })).send().unwrap()).1["by"],
        "user \"alice@company.com\""
    );
}

#[test]
fn a_revoked_key_stops_at_once_and_a_rotated_one_when_it_is_told_to() {
    let lab = Keys::start();
    let key = lab.key(&json!({ "id": "ci" }));
    let (rotated, answer) = lab.send(Method::POST, "/v1/admin/keys/ci/rotate", &json!({ "overlap_seconds": 3600 }));
    let second = answer["key"].as_str().unwrap().to_owned();
    assert_eq!((rotated, status(&lab.service, &key), status(&lab.service, &second)), (200, 200, 200));
    let (_, answer) = lab.send(Method::POST, "/v1/admin/keys/ci/rotate", &Value::Null);
    let third = answer["key"].as_str().unwrap().to_owned();
    for (key, wanted) in [(&key, 401), (&second, 401), (&third, 200)] {
        assert_eq!(status(&lab.service, key), wanted);
    }
    assert_eq!(lab.send(Method::DELETE, "/v1/admin/keys/ci", &Value::Null).0, 204);
    assert_eq!(status(&lab.service, &third), 401);
    assert_eq!(lab.send(Method::DELETE, "/v1/admin/keys/ci", &Value::Null).0, 404);
    let expired = lab.key(&json!({ "id": "old", "expires": "2020-01-01T00:00:00Z" }));
    let elsewhere = lab.key(&json!({ "id": "far", "networks": ["192.0.2.0/24"] }));
    assert_eq!((status(&lab.service, &expired), status(&lab.service, &elsewhere)), (401, 401));
    assert_eq!(lab.send(Method::GET, "/v1/admin/keys/old", &Value::Null).1["expired"], true);
}

#[test]
fn a_key_never_carries_more_than_its_creator_holds() {
    let lab = Keys::start();
    let beyond = |body: &Value, wanted: &str| {
        let (status, answer) = lab.make(body);
        assert_eq!((status, &answer["beyond"]), (403, &json!([wanted])), "{answer}");
    };
    beyond(&json!({ "roles": ["pep"] }), "role pep");
    beyond(&json!({ "roles": ["researcher"] }), "role researcher");
    beyond(&json!({ "roles": [{ "role": "researcher", "org": "beta" }] }), "role researcher in beta");
    beyond(&json!({ "tier": "scale" }), "tier");
    beyond(&json!({ "org": "beta" }), "org");
    beyond(&json!({ "attributes": { "level": 5 } }), "level");
    beyond(&json!({ "attributes": { "clearance": "high" } }), "clearance");
    beyond(&json!({ "principal": { "kind": "user", "id": "bob" } }), "user bob");
    beyond(&json!({ "id": "x", "principal": { "kind": "key", "id": "y" } }), "key y");
    let own = json!({ "roles": [{ "role": "admin", "org": "beta" }], "tier": "seed", "org": "alpha",
                      "principal": { "kind": "user", "id": "ann" } });
    let narrow = lab.key(&own);
    assert_eq!(lab.make(&json!({ "id": "root" })).1["code"], "LOCKED", "and only where the policies let them");
    assert_eq!(lab.key(&json!({ "tier": "grow" })).len(), narrow.len());

    // A key whose secret is given anew is held by whoever did that.
    let plain = lab.key(&json!({ "id": "plain", "roles": ["admin"] }));
    let rotate = ask(&lab.service, Method::POST, "/v1/admin/keys/ann/rotate", &plain, &Value::Null);
    let (status, answer) = told(rotate.send().unwrap());
    assert_eq!((status, &answer["code"]), (403, &json!("BEYOND_CREATOR")), "{answer}");
}

#[test]
fn what_cannot_be_makes_no_key() {
    let lab = Keys::start();
    let bad = |body: &Value, wanted: &str| {
        let (status, answer) = lab.make(body);
        assert_eq!(status, 400, "{answer}");
        assert!(answer["error"].as_str().unwrap().contains(wanted), "{wanted}: {answer}");
    };
    bad(&json!({ "id": "A" }), "needs an id");
    bad(&json!({ "rolls": [] }), "unknown field `rolls`");
    bad(&json!({ "roles": ["nobody"] }), "role `nobody`");
    bad(&json!({ "tier": "gold" }), "tier `gold`");
    bad(&json!({ "principal": { "kind": "robot", "id": "x" } }), "kind `robot`");
    bad(&json!({ "principal": { "kind": "anonymous", "id": "x" } }), "not `anonymous`");
    bad(&json!({ "attributes": { "granted": true } }), "cannot have `granted`");
    bad(&json!({ "attributes": { "level": "high" } }), "");
    bad(&json!({ "expires": "tomorrow" }), "instant as `expires`");
    bad(&json!({ "networks": ["10.0.0.0/99"] }), "");
    bad(&json!({ "description": "x".repeat(2000) }), "longer");
    bad(&json!([]), "");
    let send = |body: String| {
        let request = lab.service.client.post(lab.service.url("/v1/admin/keys")).bearer_auth(&lab.ann);
        told(request.header("content-type", "application/json").body(body).send().unwrap()).0
    };
    assert_eq!(send("{".to_owned()), 400);
    assert_eq!(send("[".repeat(100_000)), 400);
    assert_eq!(send("{\"id\":\"a\",\"id\":\"b\"}".to_owned()), 400);
    assert_eq!(send(" ".repeat((1 << 20) + 1)), 413);
    let untyped = lab.service.bare_post("/v1/admin/keys").bearer_auth(&lab.ann).body("{}").send().unwrap();
    assert_eq!(untyped.status().as_u16(), 400);
    assert_eq!(lab.service.post("/v1/admin/keys", "{}").send().unwrap().status().as_u16(), 401, "by nobody");
    let powerless = lab.key(&json!({ "id": "powerless" }));
    for (method, path) in [
        (Method::POST, "/v1/admin/keys"),
        (Method::GET, "/v1/admin/keys/ann"),
        (Method::POST, "/v1/admin/keys/ann/rotate"),
        (Method::DELETE, "/v1/admin/keys/ann"),
        (Method::DELETE, "/v1/admin/keys/nobody"),
    ] {
        let body = if path.ends_with("keys") { json!({}) } else { Value::Null };
        assert_eq!(told(ask(&lab.service, method, path, &powerless, &body).send().unwrap()).0, 403, "{path}");
    }
    assert_eq!(lab.send(Method::GET, "/v1/admin/keys", &Value::Null).1["data"].as_array().unwrap().len(), 2);
    assert_eq!(lab.send(Method::POST, "/v1/admin/keys/nobody/rotate", &Value::Null).0, 404);
}

#[test]
fn a_database_that_cannot_be_written_leaves_everything_as_it_is() {
    let lab = Keys::start();
    let path = lab.service.folder.path().join("policyc-state/documents.sqlite");
    let locked = rusqlite::Connection::open(path).unwrap();
    locked.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(lab.make(&json!({ "id": "ci" })).0, 503);
    assert_eq!(lab.send(Method::DELETE, "/v1/admin/keys/ann", &Value::Null).0, 503);
    assert_eq!(lab.send(Method::POST, "/v1/admin/keys/ann/rotate", &Value::Null).0, 503);
    assert_eq!(lab.send(Method::GET, "/v1/admin/keys/ci", &Value::Null).0, 404, "nothing half-written");
    assert_eq!(status(&lab.service, &lab.ann), 200);
    locked.execute_batch("ROLLBACK").unwrap();
    let key = lab.key(&json!({ "id": "ci" }));
    let service = lab.service.killed(&["policies"]);
    assert_eq!((status(&service, &key), status(&service, &lab.ann)), (200, 200));
}

#[test]
fn without_the_setting_there_are_no_managed_keys() {
    let service = Setup::new(LAB).start();
    for path in ["/v1/admin/keys", "/v1/admin/keys/ann"] {
        assert_eq!(service.get(path).send().unwrap().status().as_u16(), 404);
    }
    assert_eq!(service.post("/v1/admin/keys", "{}").send().unwrap().status().as_u16(), 404);
}
