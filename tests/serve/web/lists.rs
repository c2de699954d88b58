//! The pages of those who keep access lists.

use super::client::{Browser, LAB, token};
use crate::service::{Service, Setup};
use serde_json::{Value, json};

const LIST: &str = "/ui/lists/qwen3-8b";

fn as_who(service: &Service, who: &str) -> Browser {
    let mut browser = Browser::new(service);
    browser.header("authorization", &format!("Bearer {}", token(service, who)));
    browser.open("/ui/lists");
    browser
}

fn form<'a>(step: &'a str, version: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![("step", step), ("version", version), ("rows", "3")];
    fields.extend([("rule-0-type", "role"), ("rule-0-value", "guest"), ("rule-0-train", "yes")]);
    fields.extend(more);
    fields
}

#[test]
fn a_list_is_made_shown_first_and_saved_once() {
    let service = Setup::new(LAB).settings("state = \"state\"").start();
    let kept = || service.get("/v1/acl/model/qwen3-8b").send().unwrap().json::<Value>().unwrap();
    let mut alice = as_who(&service, "user alice roles=security");
    assert_eq!(alice.open("/ui/lists?model=acme/a b").location, "/ui/lists/acme%2Fa%20b");
    let new = alice.open(LIST);
    assert!(new.status == 200 && new.field("version") == "0" && new.field("rows") == "2", "{}", new.body);
    let conditions = [("rule-0-ip", "10.0.0.0/8 192.0.2.1"), ("rule-0-rate", "5req/min"), ("rule-2-type", "user")];
    let more = alice.post(LIST, &form("edit", "0", &conditions));
    assert_eq!((more.status, more.field("rows").as_str()), (200, "3"));
    assert!(more.body.contains("value=\"10.0.0.0/8 192.0.2.1\""), "{}", more.body);

    let preview = alice.post(LIST, &form("preview", "0", &conditions));
    assert_eq!(preview.status, 200, "{}", preview.body);
    assert!(preview.body.contains("Access gained") && !preview.body.contains("Access lost"), "{}", preview.body);
    assert!(preview.field("rule-0-value") == "guest" && preview.field("rule-0-train") == "yes");
    assert_eq!(kept()["error"], "there is no such document", "nothing is changed by looking");

    let saved = alice.post(LIST, &form("save", "0", &conditions));
    assert_eq!((saved.status, saved.location.as_str()), (303, "/ui/lists/qwen3%2D8b"), "{saved:?}");
    let rule = json!({ "principal": { "type": "role", "value": "guest" }, "operations": ["train"],
        "conditions": { "ip_range": ["10.0.0.0/8", "192.0.2.1"], "rate_limit": "5req/min" } });
    assert_eq!(kept(), json!({ "model": "qwen3-8b", "rules": [rule] }));
    assert!(alice.open("/ui/lists").body.contains(">qwen3-8b</a>"));

    let late = alice.post(LIST, &form("save", "0", &[]));
    assert_eq!(late.status, 409, "{}", late.body);
    assert!(late.body.contains("<dd>1</dd>") && late.body.contains("alice"), "{}", late.body);
    assert_eq!(alice.post(LIST, &form("preview", "0", &[])).status, 409);
    let narrower = alice.post(LIST, &[("step", "preview"), ("version", "1"), ("rows", "0")]);
    assert!(narrower.body.contains("Access lost") && narrower.body.contains("allows nobody"), "{}", narrower.body);
    assert!(alice.post(LIST, &form("preview", "1", &conditions)).body.contains("Nobody gains or loses anything"));
    assert_eq!(kept()["rules"], json!([rule]));
}

#[test]
fn a_list_that_cannot_be_is_not_saved() {
    let service = Setup::new(&format!("{LAB}\nnever allow role guest to train;")).settings("state = \"state\"").start();
    let mut alice = as_who(&service, "user alice roles=security");
    for step in ["preview", "save"] {
        let bad = alice.post(LIST, &form(step, "0", &[("rule-0-rate", "often")]));
        assert!(bad.status == 400 && bad.body.contains("/rules/0/conditions/rate_limit"), "{}", bad.body);
        assert!(bad.body.contains("value=\"often\""), "what was entered is still there");
        let refuted = alice.post(LIST, &form(step, "0", &[]));
        assert!(refuted.status == 422 && refuted.body.contains("is refuted"), "{}", refuted.body);
    }
    for wrong in [form("leap", "0", &[]), form("save", "", &[]), Vec::new()] {
        assert_eq!(alice.post(LIST, &wrong).status, 400, "{wrong:?}");
    }
    assert_eq!(service.get("/v1/acl/model/qwen3-8b").send().unwrap().status(), 404);
}

#[test]
fn lists_are_for_those_who_manage_the_model() {
    let service = Setup::new(LAB).settings("state = \"state\"").start();
    let (mut alice, mut bob) =
        (as_who(&service, "user alice roles=security"), as_who(&service, "user bob roles=guest"));
    assert_eq!(alice.clone().with_token("").post(LIST, &form("save", "0", &[])).status, 403, "no token");
    assert_eq!(alice.clone().with_token(&bob.token).post(LIST, &form("save", "0", &[])).status, 403, "another's token");
    assert_eq!(alice.post(LIST, &form("save", "0", &[])).status, 303);
    assert!(!bob.open("/ui/lists").body.contains("qwen3-8b"));
    assert_eq!(bob.open(LIST).status, 403);
    for step in ["edit", "preview", "save"] {
        let refused = bob.post(LIST, &form(step, "1", &[]));
        assert!(refused.status == 403 && refused.body.contains("<code>manage</code>"), "{step}: {}", refused.body);
    }
}

#[test]
fn names_in_lists_are_texts() {
    let service = Setup::new(LAB).settings("state = \"state\"").start();
    let mut alice = as_who(&service, "user alice roles=security");
    let evil = "\"><img src=x onerror=alert(1)>";
    let path = "/ui/lists/%3Cimg%20src=x%20onerror=alert(1)%3E";
    let named = [("rule-1-type", "user"), ("rule-1-value", evil), ("rule-1-view", "yes"), ("rule-0-until", "")];
    let bad = [("rule-1-type", evil), ("rule-1-value", evil), ("rule-1-rate", evil)];
    let pages = [
        alice.post(path, &form("edit", "0", &named)),
        alice.post(path, &form("preview", "0", &named)),
        alice.post(path, &form("preview", "0", &bad)),
        alice.post(path, &form("save", "0", &named)),
        alice.open(path),
        alice.open("/ui/lists"),
    ];
    for page in &pages {
        assert!(!page.body.contains("<img src=x"), "{}", page.body);
    }
    assert_eq!((pages[1].status, pages[3].status), (200, 303), "{}", pages[1].body);
    assert!(pages[5].body.contains("&lt;img src=x"), "{}", pages[5].body);
}

#[test]
fn a_protected_model_waits_for_somebody_else() {
    let policy = format!("{LAB}\nattribute resource.protected: bool = false;\nmodel \"vault\" {{ protected: true; }}");
    let service = Setup::new(&policy).settings("state = \"state\"").start();
    let mut alice = as_who(&service, "user alice roles=security");
    let waits = alice.post("/ui/lists/vault", &form("save", "0", &[]));
    assert!(waits.status == 202 && waits.body.contains("href=\"/ui/changes\""), "{}", waits.body);
    let mut carol = as_who(&service, "user carol roles=security");
    let shown = carol.open("/ui/changes");
    let digest = shown.field("digest");
    assert!(waits.body.contains(&digest) && digest.len() == 64, "{}", shown.body);
    for wanted in
        ["model <q>vault</q>", "<b>allow</b> role guest <b>to</b> train", "Access gained", "user &quot;alice&quot;"]
    {
        assert!(shown.body.contains(wanted), "{wanted}: {}", shown.body);
    }
    let answer = |answer| vec![("digest", digest.as_str()), ("answer", answer)];
    let own = alice.open("/ui/changes");
    assert!(own.body.contains("Withdraw the change") && !own.body.contains("Confirm the change"), "{}", own.body);
    assert_eq!(alice.post("/ui/changes/answer", &answer("confirm")).status, 409, "not by who proposed it");
    let mut bob = as_who(&service, "user bob roles=guest");
    assert!(!bob.open("/ui/changes").body.contains(&digest));
    assert_eq!(bob.post("/ui/changes/answer", &answer("reject")).status, 403);
    assert_eq!(carol.clone().with_token(&bob.token).post("/ui/changes/answer", &answer("confirm")).status, 403);
    assert_eq!(carol.post("/ui/changes/answer", &answer("perhaps")).status, 400);
    assert_eq!(carol.post("/ui/changes/answer", &answer("confirm")).location, "/ui/changes");
    assert_eq!(carol.post("/ui/changes/answer", &answer("confirm")).status, 409, "once");
    assert_eq!(alice.open("/ui/lists/vault").field("version"), "1");

    let more = [("rule-1-type", "user"), ("rule-1-value", "mallory"), ("rule-1-train", "yes")];
    for (who, by) in [("carol", "rejected"), ("alice", "withdrawn")] {
        assert_eq!(alice.post("/ui/lists/vault", &form("save", "1", &more)).status, 202);
        let mut who = as_who(&service, &format!("user {who} roles=security"));
        let digest = who.open("/ui/changes").field("digest");
        assert_eq!(who.post("/ui/changes/answer", &[("digest", &digest), ("answer", "reject")]).status, 303, "{by}");
        assert!(who.open("/ui/changes").body.contains("No change"), "{by}");
    }
    // A document that has changed meanwhile is not overwritten.
    assert_eq!(alice.post("/ui/lists/vault", &form("save", "1", &more)).status, 202);
    let digest = carol.open("/ui/changes").field("digest");
    assert_eq!(alice.post("/ui/lists/vault", &[("step", "save"), ("version", "1"), ("rows", "0")]).status, 303);
    assert!(carol.open("/ui/changes").body.contains("cannot be made any more"));
    assert_eq!(carol.post("/ui/changes/answer", &[("digest", &digest), ("answer", "confirm")]).status, 409);
}
