//! The page of those who answer requests for access.

use super::client::Browser;
use crate::hub::Hub;
use serde_json::{Value, json};

const ASK: &str = "/acme/gate-a/ask-access";
const FILE: &str = "/acme/gate-a/resolve/main/config.json";
const ANSWER: &str = "/ui/access/answer";
const EVIL: &str = "<img src=x onerror=alert(1)>";

/// A repository whose requests somebody answers.
pub(super) fn gate(hub: &Hub) {
    let named = json!({ "name": "gate-a", "organization": "acme" });
    assert_eq!(hub.post(&hub.alice, "/api/repos/create", &named).send().unwrap().status(), 200);
    let settings = hub.put(&hub.alice, "/api/models/acme/gate-a/settings", &json!({ "gated": "manual" }));
    assert_eq!(settings.send().unwrap().status(), 200);
}

fn asked() -> Hub {
    let hub = Hub::start();
    gate(&hub);
    let said = json!({ "Use": EVIL, EVIL: "yes" });
    assert_eq!(hub.post(&hub.bob, ASK, &said).send().unwrap().status(), 200);
    hub
}

fn as_who(hub: &Hub, token: &str) -> Browser {
    let mut browser = Browser::new(&hub.service);
    browser.header("authorization", &format!("Bearer {token}"));
    browser
}

fn form<'a>(version: &'a str, answer: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("resource", "model acme/gate-a"),
        ("principal", "user bob"),
        ("version", version),
        ("answer", answer),
        ("shown", "pending"),
    ]
}

#[test]
fn those_who_may_answer_see_who_has_asked() {
    let hub = asked();
    let shown = as_who(&hub, &hub.rita).open("/ui/access");
    assert_eq!(shown.status, 200);
    assert!(shown.body.contains("user <q>bob</q>") && shown.body.contains("model acme/gate-a"), "{}", shown.body);
    assert!(shown.body.contains("&lt;img src=x onerror=alert(1)&gt;") && !shown.body.contains("<img src=x"));
    assert_eq!((shown.field("version").as_str(), shown.field("principal").as_str()), ("1", "user bob"));
    let nothing = as_who(&hub, &hub.bob).open("/ui/access");
    assert!(nothing.status == 200 && !nothing.body.contains("acme/gate-a"), "{}", nothing.body);
    let status = |status: &str| as_who(&hub, &hub.rita).open(&format!("/ui/access?status={status}")).body;
    assert!(status("all").contains("<q>bob</q>") && !status("rejected").contains("<q>bob</q>"));
    assert_eq!(as_who(&hub, &hub.rita).open("/ui/access?after=nonsense").status, 400);
}

#[test]
fn a_request_is_answered_once() {
    let hub = asked();
    let download = || hub.get(&hub.bob, FILE).status().as_u16();
    let mut rita = as_who(&hub, &hub.rita);
    rita.open("/ui/access");
    let mut bob = as_who(&hub, &hub.bob);
    bob.open("/ui/access");
    let refused = bob.post(ANSWER, &form("1", "accepted"));
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("<code>approve</code>"), "{}", refused.body);
    assert_eq!(rita.clone().with_token("").post(ANSWER, &form("1", "accepted")).status, 403, "no token");
    assert_eq!(rita.clone().with_token(&bob.token).post(ANSWER, &form("1", "accepted")).status, 403, "another's");
    for wrong in [form("1", "pending"), form("1", "perhaps"), form("", "accepted"), Vec::new()] {
        assert_eq!(rita.post(ANSWER, &wrong).status, 400, "{wrong:?}");
    }
    assert_eq!(download(), 403, "nothing was changed");

    let answered = rita.post(ANSWER, &form("1", "accepted"));
    assert_eq!((answered.status, answered.location.as_str()), (303, "/ui/access?status=pending"), "{answered:?}");
    assert_eq!(download(), 200);
    let late = rita.post(ANSWER, &form("1", "rejected"));
    assert_eq!(late.status, 409);
    assert!(late.body.contains("accepted") && late.body.contains("rita"), "{}", late.body);
    assert_eq!(rita.post(ANSWER, &form("2", "accepted")).status, 409, "it stands so already");
    assert_eq!(download(), 200);

    let mut back = form("2", "rejected");
    back.push(("reason", EVIL));
    assert_eq!(rita.post(ANSWER, &back).status, 303);
    assert_eq!(download(), 403);
    let list = hub.get(&hub.rita, "/api/models/acme/gate-a/user-access-request/rejected").json::<Value>().unwrap();
    assert_eq!(list[0]["rejectionReason"], EVIL);
    let shown = rita.open("/ui/access?status=rejected").body;
    assert!(shown.contains("Approve</button>") && !shown.contains("Reject</button>") && !shown.contains("<img src=x"));
    let mut stranger = form("1", "accepted");
    stranger[1].1 = "user nobody";
    assert_eq!(rita.post(ANSWER, &stranger).status, 409, "nobody has asked");
}
