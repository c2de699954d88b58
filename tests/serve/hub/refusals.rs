//! What the hub says where it does not do what it is asked: the clients take it from a status, a code and a message.

use super::{Hub, sent, told};
use crate::service::Setup;
use reqwest::blocking::Response;
use serde_json::{Value, json};

const GATE: &str = "/api/models/acme/gate-a";

fn made(hub: &Hub, settings: &Value) {
    let named = json!({ "name": "gate-a", "organization": "acme" });
    assert_eq!(sent(hub.post(&hub.alice, "/api/repos/create", &named)).0, 200);
    assert_eq!(sent(hub.put(&hub.alice, &format!("{GATE}/settings"), settings)).0, 200);
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// Every refusal has an object with `error`, a message or a code, and a request to quote.
#[test]
fn every_refusal_says_what_the_clients_read() {
    let hub = Hub::start();
    made(&hub, &json!({ "gated": "manual" }));
    let get = |who: &str, path: &str| hub.get(who, path);
    for (response, status, code) in [
        (get(&hub.bob, "/acme/gate-a/resolve/main/config.json"), 403, "GatedRepo"),
        (get(&hub.bob, &format!("{GATE}/tree/main")), 403, "GatedRepo"),
        (get(&hub.bob, &format!("{GATE}/auth-check")), 403, "GatedRepo"),
        (hub.service.get(&format!("{GATE}/tree/main")).send().unwrap(), 401, "GatedRepo"),
        (get(&hub.bob, &format!("{GATE}/auth-check/write")), 403, ""),
        (get(&hub.bob, &format!("{GATE}/user-access-request/accepted")), 403, ""),
        (get(&hub.rita, &format!("{GATE}/user-access-request/refused")), 404, ""),
        (get(&hub.bob, "/api/models/acme/none"), 404, "RepoNotFound"),
        (get(&hub.bob, "/api/datasets/acme/gate-a"), 404, "RepoNotFound"),
        (get(&hub.bob, "/api/spaces/acme/none/auth-check"), 404, "RepoNotFound"),
        (get(&hub.bob, "/api/models/acme/..%2fgate-a"), 404, "RepoNotFound"),
        (hub.service.get("/api/models/acme/none").send().unwrap(), 401, "RepoNotFound"),
        (get(&hub.alice, &format!("{GATE}/revision/v9")), 404, "RevisionNotFound"),
        (get(&hub.alice, "/acme/gate-a/resolve/main/none"), 404, "EntryNotFound"),
        (hub.service.get("/api/whoami-v2").send().unwrap(), 401, ""),
        (hub.service.bare_post("/acme/gate-a/ask-access").send().unwrap(), 401, ""),
    ] {
        let path = response.url().path().to_owned();
        assert!(!header(&response, "x-request-id").is_empty(), "{path}");
        assert!(!header(&response, "x-error-message").is_empty(), "{path}");
        let (is, found, body) = told(response);
        assert_eq!((is, found.as_str()), (status, code), "{path}: {body}");
        assert!(body["error"].is_string(), "{path}: {body}");
    }
    let response = get(&hub.bob, "/acme/gate-a/resolve/main/config.json");
    let message = header(&response, "x-error-message");
    assert!(message.starts_with("Access to model acme/gate-a is restricted and you are not in the authorized list."));
}

/// Bodies that say nothing that can be understood, and methods that there are not, change nothing.
#[test]
fn malformed_bodies_and_other_methods_are_refused() {
    let hub = Hub::start();
    made(&hub, &json!({ "gated": "manual" }));
    let settings = format!("{GATE}/settings");
    for body in
        ["", "{", "[]", "null", "{\"gated\": true}", "{\"gated\": \"auto\", \"gated\": false}", "{\"private\": 1}"]
    {
        let put = hub.service.client.put(hub.service.url(&settings)).bearer_auth(&hub.alice);
        let (status, _, told) = sent(put.header("content-type", "application/json").body(body));
        assert_eq!(status, 400, "{body}: {told}");
    }
    for (path, body) in [
        ("/api/repos/create", "{}"),
        ("/api/repos/create", "{\"name\": \"x\", \"type\": \"bucket\"}"),
        ("/api/repos/create", "{\"name\": 1}"),
        (&*format!("{GATE}/user-access-request/handle"), "{\"user\": \"bob\"}"),
        (&*format!("{GATE}/user-access-request/handle"), "{\"user\": \"bob\", \"status\": \"maybe\"}"),
        (&*format!("{GATE}/user-access-request/grant"), "{}"),
    ] {
        let (status, _, told) = sent(hub.service.post(path, body).bearer_auth(&hub.alice));
        assert_eq!(status, 400, "{path} {body}: {told}");
    }
    for (path, allowed) in [
        (settings.as_str(), "PUT"),
        ("/api/repos/create", "POST"),
        ("/api/repos/delete", "DELETE"),
        (&*format!("{GATE}/ask-access"), "POST"),
    ] {
        let response = hub.service.client.patch(hub.service.url(path)).bearer_auth(&hub.alice).send().unwrap();
        assert_eq!((response.status().as_u16(), header(&response, "allow")), (405, allowed), "{path}");
    }
    assert_eq!(told(hub.get(&hub.bob, GATE)).2["gated"], "manual", "as it was");
}

/// Whoever names a version changes that one or nothing.
#[test]
fn settings_are_changed_as_they_were_seen() {
    let hub = Hub::start();
    made(&hub, &json!({ "gated": "manual" }));
    let put = |tag: &str, gated: Value| {
        hub.put(&hub.alice, &format!("{GATE}/settings"), &json!({ "gated": gated }))
            .header("if-match", tag)
            .send()
            .unwrap()
    };
    let first = hub.put(&hub.alice, &format!("{GATE}/settings"), &json!({ "gated": "auto" })).send().unwrap();
    let tag = header(&first, "etag").to_owned();
    let second = put(&tag, json!("manual"));
    assert_eq!(second.status(), 200);
    assert_ne!(header(&second, "etag"), tag);
    assert_eq!(put(&tag, json!(false)).status(), 412, "it is another by now");
    assert_eq!(put("any", json!(false)).status(), 400);
    assert_eq!(told(hub.get(&hub.bob, GATE)).2["gated"], "manual");
}

/// What policies say of disabled repositories and of too many downloads is told as the clients know it.
#[test]
fn the_disabled_and_the_limited_are_told_apart() {
    let policy = format!(
        "{}\nmodel \"acme/gone\" {{ org: \"acme\"; tags: [\"disabled\"]; }}\nmodel \"acme/busy\" {{ org: \"acme\"; }}\n\
         deny anyone to download on tag disabled else DISABLED 403 \"Gone.\";\n\
         per_minute: limit anyone to download on \"acme/busy\" at most 1 per minute by principal \
         else TOO_MANY 429 \"Too many.\";\n",
        super::policy()
    );
    let hub = Hub::of(Setup::new(&policy).start());
    let gone = hub.get(&hub.bob, "/api/models/acme/gone/auth-check");
    assert_eq!(header(&gone, "x-error-message"), "Access to this resource is disabled.");
    assert_eq!(told(gone).0, 403);
    let check = || hub.get(&hub.bob, "/api/models/acme/busy/auth-check");
    assert_eq!(check().status(), 200);
    let limited = check();
    assert_eq!(limited.status(), 429);
    assert!(header(&limited, "ratelimit").starts_with("\"per_minute\";r=0;t="), "{:?}", limited.headers());
    assert_eq!(header(&limited, "ratelimit-policy"), "\"per_minute\";q=1;w=60");
    assert!(header(&limited, "retry-after").parse::<u64>().is_ok_and(|seconds| seconds <= 60));
}

/// Names and reasons are texts, whatever they look like.
#[test]
fn texts_cannot_be_more_than_texts() {
    let hub = Hub::start();
    made(&hub, &json!({ "gated": "manual" }));
    let grant =
        |user: &str| sent(hub.post(&hub.rita, &format!("{GATE}/user-access-request/grant"), &json!({ "user": user })));
    let list = |status: &str| told(hub.get(&hub.rita, &format!("{GATE}/user-access-request/{status}"))).2;
    for user in ["*", "b*", "bob\" or \"1", "../bob", "<script>", "b\u{1}b"] {
        grant(user);
    }
    assert_eq!(hub.get(&hub.bob, "/acme/gate-a/resolve/main/config.json").status(), 403, "no name is a pattern");
    sent(hub.post(&hub.bob, &format!("{GATE}/ask-access"), &json!({ "why": "\r\nX-Error-Code: none" })));
    let answer = json!({ "user": "bob", "status": "rejected", "rejectionReason": "no\r\nX-Injected: yes" });
    let response = hub.post(&hub.rita, &format!("{GATE}/user-access-request/handle"), &answer).send().unwrap();
    assert!(response.status() == 200 && response.headers().get("x-injected").is_none());
    let rejected = list("rejected");
    assert_eq!(
        (&rejected[0]["user"]["user"], &rejected[0]["fields"]["why"]),
        (&json!("bob"), &json!("\r\nX-Error-Code: none"))
    );
}

/// A page begins behind the one before, and one author's repositories are a part of the list.
#[test]
fn a_list_of_one_author_is_whole() {
    let hub = Hub::start();
    for (name, organization) in [("a", "acm"), ("a", "acme"), ("z", "acme"), ("a", "acme-labs"), ("a", "zeta")] {
        let named = json!({ "name": name, "organization": organization });
        sent(hub.service.post("/api/repos/create", &named.to_string()));
    }
    let ids = |query: &str| -> Vec<String> {
        let list = told(hub.get(&hub.bob, &format!("/api/models?{query}"))).2;
        list.as_array().unwrap().iter().map(|repo| repo["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = ids("");
    let own: Vec<String> = all.iter().filter(|id| id.starts_with("acme/")).cloned().collect();
    assert!(own.len() > 2 && own.len() < all.len(), "{all:?}");
    assert_eq!(ids("author=acme"), own);
    assert_eq!(ids("author=acme&cursor=acme%2Fa"), own[1..].to_vec());
    assert_eq!(ids("author=nobody"), Vec::<String>::new());
}
