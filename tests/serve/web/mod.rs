//! Pages for people: what they are sent with, who sees them, and what forms may do. `browser.rs` looks at them as people do.

mod access;
mod browser;
mod client;
mod lists;

use crate::service::Setup;
use client::{Browser, LAB, candidate, token};
use serde_json::Value;
use std::fs;

/// All pages.
const PAGES: [&str; 12] = [
    "/ui/policies",
    "/ui/graph",
    "/ui/matrix",
    "/ui/try",
    "/ui/audit",
    "/ui/live",
    "/ui/difference",
    "/ui/access",
    "/ui/lists",
    "/ui/changes",
    "/ui/sign-in",
    "/ui/no-such-page",
];

#[test]
fn every_answer_forbids_what_no_page_needs() {
    let service = Setup::new(LAB).start();
    for path in PAGES.into_iter().chain(["/ui", "/ui/style.css", "/ui/script.js", "/ui/icon.svg"]) {
        let answer = service.get(path).send().unwrap();
        let header = |name: &str| answer.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self';"), "{path}: {policy}");
        for wanted in ["form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(wanted), "{path}: {wanted}");
        }
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("referrer-policy"), "same-origin", "{path}");
        let html = answer.text().unwrap();
        assert!(!html.contains("<style") && !html.contains(" style=") && !html.contains("javascript:"), "{path}");
        // The namespace of SVG is no place that anything is taken from.
        let html = html.replace("http://www.w3.org/2000/svg", "");
        assert!(!html.contains(" onclick") && !html.contains("http://") && !html.contains("https://"), "{path}");
    }
    let picture = service.get("/ui/graph.svg").send().unwrap();
    assert_eq!(picture.headers()["content-type"], "image/svg+xml");
    assert!(picture.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
}

#[test]
fn files_are_sent_once() {
    let service = Setup::new(LAB).start();
    for path in ["/ui/style.css", "/ui/script.js", "/ui/icon.svg"] {
        let first = service.get(path).send().unwrap();
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();
        assert!(!first.text().unwrap().is_empty());
        let again = service.get(path).header("if-none-match", tag).send().unwrap();
        assert_eq!((again.status().as_u16(), again.text().unwrap().as_str()), (304, ""), "{path}");
    }
}

#[test]
fn a_session_begins_and_ends() {
    let service = Setup::new(LAB).settings("state = \"state\"").start();
    let mut browser = Browser::new(&service);
    let before = browser.open("/ui/sign-in");
    assert!(before.cookies[0].starts_with("policyc_visitor="), "{before:?}");
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/ui"] {
        assert!(before.cookies[0].contains(part), "{before:?}");
    }
    assert!(!before.cookies[0].contains("Secure"), "there is no TLS here");
    let wrong = browser.post("/ui/sign-in", &[("credential", "nonsense")]);
    assert_eq!((wrong.status, wrong.cookies.len()), (401, 0), "{wrong:?}");

    let alice = token(&service, "user alice roles=security");
    let right = browser.post("/ui/sign-in", &[("credential", &alice), ("back", "/ui/audit?code=NO_RULE")]);
    assert_eq!((right.status, right.location.as_str()), (303, "/ui/audit?code=NO_RULE"));
    let cookie = right.cookies[0].clone();
    assert!(cookie.starts_with("policyc_session=") && cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains(&alice) && !right.body.contains(&alice), "a credential is nowhere but in memory");
    assert!(browser.open("/ui/policies").body.contains("user &quot;alice&quot;"));

    assert_eq!(browser.post("/ui/sign-out", &[]).status, 303);
    browser.cookie("policyc_session", cookie.split([';', '=']).nth(1).unwrap());
    assert!(!browser.open("/ui/policies").body.contains("alice"), "what has ended does not begin again");
}

#[test]
fn cookies_go_over_tls_only_where_there_is_tls() {
    let service = Setup::new(LAB).settings("url = \"https://pdp.example.com\"").start();
    let opened = Browser::new(&service).open("/ui/sign-in");
    assert!(opened.cookies[0].contains("; Secure"), "{opened:?}");
}

#[test]
fn a_session_is_worth_no_more_than_its_credential() {
    let settings = "state = \"state\"\n[auth]\nkeys = \"keys.toml\"";
    let service = Setup::new(LAB).file("keys.toml", "").settings(settings).start();
    let (entry, said) = crate::identity::policyc(&service, &["--config", "serve.toml", "--new-key", "desk"]);
    let key = said.trim().rsplit(' ').next().unwrap().to_owned();
    let file = service.folder.path().join("keys.toml");
    let entry = format!("{entry}roles = [\"security\"]\n");
    let mut browser = Browser::new(&service);
    fs::write(&file, &entry).unwrap();
    service.signal("HUP");
    browser.until(|browser| {
        browser.open("/ui/sign-in");
        browser.post("/ui/sign-in", &[("credential", &key)]).status == 303
    });
    assert_eq!(browser.open("/ui/policies").status, 200);

    fs::write(&file, format!("{entry}enabled = false\n")).unwrap();
    service.signal("HUP");
    browser.until(|browser| browser.open("/ui/policies").status == 401);
    fs::write(&file, &entry).unwrap();
    service.signal("HUP");
    browser.until(|browser| browser.clone().header("x-api-key", &key).open("/ui/policies").status == 200);
    assert_eq!(browser.open("/ui/policies").status, 401, "the session itself has ended");
}

#[test]
fn sessions_end_by_time() {
    let settings = "state = \"state\"\n[web]\nsession_seconds = 1";
    let service = Setup::new(LAB).settings(settings).start();
    let mut browser = Browser::new(&service);
    browser.open("/ui/sign-in");
    browser.post("/ui/sign-in", &[("credential", &token(&service, "user alice roles=security"))]);
    browser.until(|browser| !browser.open("/ui/policies").body.contains("alice"));
}

#[test]
fn forms_are_taken_from_the_session_they_were_made_for() {
    let service = Setup::new(LAB).settings("state = \"state\"").start();
    service.post("/v1/admin/policies/shadow", &candidate()).send().unwrap();
    let (mut browser, mut other) = (Browser::new(&service), Browser::new(&service));
    let page = browser.open("/ui/difference");
    other.open("/ui/difference");
    let candidate = page.field("revision");
    let (promote, own) = ("/ui/difference/promote", service.url(""));
    let before = service.revision();
    let mut wanted = vec![("revision", candidate.as_str()), ("sure", "yes")];

    assert_eq!(browser.clone().with_token("").post(promote, &wanted).status, 403, "no token");
    assert_eq!(browser.clone().with_token("AAAA").post(promote, &wanted).status, 403, "a token of nobody");
    assert_eq!(browser.clone().with_token(&other.token).post(promote, &wanted).status, 403, "another's token");
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let refused = browser.clone().header(name, value).post(promote, &wanted);
        assert_eq!((refused.status, refused.cookies.len()), (403, 0), "{name}: {value}");
    }
    let json = browser.clone().header("content-type", "application/json").post(promote, &wanted);
    assert_eq!(json.status, 400, "no form");
    assert_eq!(browser.clone().post(promote, &[("revision", &candidate)]).status, 400, "not sure");
    assert_eq!(browser.clone().post(promote, &[("revision", "sha256:00"), ("sure", "yes")]).status, 409, "another one");
    assert_eq!(browser.send("GET", promote).status, 405);
    assert_eq!(service.revision(), before, "nothing was changed");

    wanted.push(("more", "x"));
    let done = browser.header("origin", &own).post(promote, &wanted);
    assert_eq!((done.status, done.location.as_str()), (303, "/ui/policies"), "{done:?}");
    assert_eq!(service.revision(), candidate);
}

#[test]
fn a_candidate_is_withdrawn() {
    let service = Setup::new(LAB).start();
    service.post("/v1/admin/policies/shadow", &candidate()).send().unwrap();
    let mut browser = Browser::new(&service);
    assert!(browser.open("/ui/difference").body.contains("Withdraw"));
    assert_eq!(browser.post("/ui/difference/withdraw", &[]).status, 303);
    assert!(browser.open("/ui/difference").body.contains("There is no candidate"));
}

/// A set is uploaded, looked at, lets decide, and the one before it comes back, by forms alone.
#[test]
fn a_set_comes_by_form_and_goes_back() {
    let service = Setup::new(LAB).settings("state = \"state\"").start();
    let first = service.revision();
    let mut browser = Browser::new(&service);
    assert!(browser.open("/ui/difference").body.contains("enctype=\"multipart/form-data\""));
    let files: Value = serde_json::from_str(&candidate()).unwrap();
    let text = files["files"]["lab.policy"].as_str().unwrap();
    let upload = "/ui/difference/upload";
    assert_eq!(browser.clone().with_token("").upload(upload, &[("lab.policy", text)]).status, 403, "no token");
    assert_eq!(browser.clone().header("origin", "https://evil.example").upload(upload, &[("a", text)]).status, 403);
    assert_eq!(browser.clone().post(upload, &[]).status, 400, "no form with files");
    assert_eq!(browser.upload(upload, &[("", "")]).status, 400, "no file");
    assert_eq!(browser.upload(upload, &[("a.policy", text), ("a.policy", text)]).status, 400, "two of one name");
    assert_eq!(browser.upload(upload, &[("a.bundle", "no bundle")]).status, 422);
    let broken = browser.upload(upload, &[("<b>.policy", "allow everybody to view;\n")]);
    assert!(broken.status == 422 && broken.body.contains("&lt;b&gt;.policy:1:"), "{}", broken.body);
    assert!(browser.open("/ui/difference").body.contains("There is no candidate"), "nothing was changed");

    assert_eq!(browser.upload(upload, &[("lab.policy", text)]).location, "/ui/difference");
    browser.until(|browser| browser.open("/ui/difference").body.contains("Access gained"));
    let second = browser.open("/ui/difference").field("revision");
    let sure = |revision: &str| vec![("revision", revision.to_owned()), ("sure", "yes".to_owned())];
    let send = |browser: &mut Browser, path: &str, fields: Vec<(&str, String)>| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post(path, &fields)
    };
    assert_eq!(send(&mut browser, "/ui/difference/promote", sure(&second)).status, 303);
    assert_eq!(service.revision(), second);

    let rollback = "/ui/difference/rollback";
    let history = browser.open("/ui/difference").body;
    let back = format!("{rollback}?revision={}", first.replace(':', "%3A"));
    assert!(history.contains(&back) && history.contains("decides now"), "{history}");
    browser.until(|browser| browser.open(&back).body.contains("Access lost"));
    assert_eq!(browser.open(&format!("{rollback}?revision=sha256%3A00")).status, 404);
    assert_eq!(browser.post(rollback, &[("revision", &first)]).status, 400, "not sure");
    let mut bob = browser.clone();
    bob.header("authorization", &format!("Bearer {}", token(&service, "user bob roles=guest")));
    assert_eq!(send(&mut bob, rollback, sure(&first)).status, 403);
    assert_eq!(bob.open(&back).status, 403);
    assert_eq!(service.revision(), second);
    assert_eq!(send(&mut browser, rollback, sure(&first)).status, 303);
    assert_eq!(service.revision(), first);
}

#[test]
fn the_front_door_leads_browsers_to_the_pages() {
    let service = Setup::new(LAB).start();
    let mut browser = Browser::new(&service);
    assert_eq!(browser.open("/").status, 404, "a program finds nothing");
    browser.header("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
    let led = browser.open("/");
    assert_eq!((led.status, led.location.as_str()), (303, "/ui/"));
    assert_eq!(browser.open("/nothing").status, 404);
    assert_eq!(browser.send("POST", "/").status, 404);
}

/// What a page needs, and how it says so.
#[test]
fn pages_are_decided_by_the_policies() {
    let service = Setup::new(LAB).settings("state = \"state\"").start();
    let needs = [
        ("/ui/policies", "manage", "policies &quot;running&quot;"),
        ("/ui/graph", "manage", "policies &quot;running&quot;"),
        ("/ui/graph.svg", "manage", "policies &quot;running&quot;"),
        ("/ui/matrix", "manage", "policies &quot;running&quot;"),
        ("/ui/try?action=infer&resource=qwen3-8b", "evaluate", "model &quot;qwen3-8b&quot;"),
        ("/ui/audit", "audit", "audit &quot;log&quot;"),
        ("/ui/audit/1", "audit", "audit &quot;log&quot;"),
        ("/ui/live", "audit", "audit &quot;log&quot;"),
        ("/ui/live/events", "audit", "audit &quot;log&quot;"),
        ("/ui/difference", "manage", "policies &quot;candidate&quot;"),
    ];
    let (alice, bob) = (token(&service, "user alice roles=security"), token(&service, "user bob roles=guest"));
    let as_who = |token: &str| {
        let mut browser = Browser::new(&service);
        browser.header("authorization", &format!("Bearer {token}"));
        browser
    };
    for (path, action, resource) in needs {
        let refused = as_who(&bob).open(path);
        assert_eq!(refused.status, 403, "{path}");
        for wanted in
            [format!("<code>{action}</code>"), format!("<code>{resource}</code>"), "<code>NO_RULE</code>".to_owned()]
        {
            assert!(refused.body.contains(&wanted), "{path}: {wanted}\n{}", refused.body);
        }
        if path != "/ui/live/events" && path != "/ui/audit/1" {
            assert_eq!(as_who(&alice).open(path).status, 200, "{path}");
        }
    }
    let log = as_who(&alice).open("/ui/audit?principal=bob&action=manage");
    assert!(log.body.contains("NO_RULE") && log.body.contains("policies running"), "a refusal is recorded");
    assert!(!as_who(&alice).open("/ui/audit?principal=alice").body.contains("user alice"), "looking is not");
}

#[test]
fn who_may_not_read_the_policies_is_not_told_them() {
    let service = Setup::new(LAB).settings("state = \"state\"").start();
    let mut browser = Browser::new(&service);
    browser.header("authorization", &format!("Bearer {}", token(&service, "user dan roles=helpdesk")));
    let told = browser.open("/ui/try?principal=linus&action=infer&resource=medical-chat");
    assert!(told.body.contains("OUTSIDE") && told.body.contains("Connect to the VPN."), "{}", told.body);
    for hidden in ["lab.policy", "main.policy", "What would permit it</h2>", "ai-platform", "grace"] {
        assert!(!told.body.contains(hidden), "{hidden}");
    }
}

#[test]
fn where_somebody_must_say_who_they_are_nobody_is_asked_to() {
    let settings = "state = \"state\"\n[auth]\nkeys = \"keys.toml\"";
    let service = Setup::new(LAB).file("keys.toml", "").settings(settings).start();
    let asked = Browser::new(&service).open("/ui/audit?code=A%22%3E");
    assert_eq!(asked.status, 401);
    assert!(asked.body.contains("name=\"credential\""), "the page asks for a credential itself");
    assert!(asked.body.contains("value=\"/ui/audit?code=A%22%3E\""), "and leads back: {}", asked.body);
}

#[test]
fn a_change_needs_more_than_a_look() {
    let service = Setup::new(LAB).settings("state = \"state\"").start();
    service.post("/v1/admin/policies/shadow", &candidate()).send().unwrap();
    let mut browser = Browser::new(&service);
    let revision = browser.open("/ui/difference").field("revision");
    let mut bob = browser.clone();
    bob.header("authorization", &format!("Bearer {}", token(&service, "user bob roles=guest")));
    let refused = bob.post("/ui/difference/promote", &[("revision", &revision), ("sure", "yes")]);
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("NO_RULE"));
    assert_eq!(bob.post("/ui/difference/withdraw", &[]).status, 403);
    assert!(browser.open("/ui/difference").body.contains(&revision));
}

/// Whatever names and messages say, they are texts.
#[test]
fn nothing_that_is_shown_is_markup() {
    let evil = "<img src=x onerror=alert(1)>";
    let policy = format!(
        "{LAB}\nmodel \"{evil}\" {{ }}\n/// {evil}\n/// @owner {evil}\nwall: deny user \"{evil}\" to any on any else EVIL 403 \"{evil} {{model.id}}\";"
    );
    let service = Setup::new(&policy).settings("state = \"state\"").start();
    let question = serde_json::json!({
        "subject": {"type": "user", "id": evil}, "action": {"name": "infer"}, "resource": {"type": "model", "id": evil},
    });
    service.post("/access/v1/evaluation", &question.to_string()).send().unwrap();
    let mut browser = Browser::new(&service);
    let escaped = "&lt;img src=x onerror=alert(1)&gt;";
    let encoded = "%3Cimg+src%3Dx+onerror%3Dalert%281%29%3E";
    let shows = [
        "/ui/policies".to_owned(),
        format!("/ui/policies?q={encoded}&owner=%22%3E{encoded}"),
        "/ui/matrix?by=principals".to_owned(),
        format!("/ui/graph?id={encoded}"),
        format!("/ui/try?principal={encoded}&action=infer&resource={encoded}&more={encoded}"),
        format!("/ui/try?principal={encoded}&action={encoded}&resource={encoded}"),
        format!("/ui/audit?resource={encoded}"),
        format!("/ui/audit?principal=%22%3E{encoded}"),
    ];
    for path in shows {
        browser.until(|browser| browser.open(&path).body.contains(escaped));
        let body = browser.open(&path).body;
        assert!(!body.contains("<img src=x"), "{path}\n{body}");
    }
    let record = browser.open("/ui/audit/1").body;
    assert!(record.contains("onerror") && !record.contains("<img src=x"), "{record}");
    assert!(!browser.open(&format!("/ui/graph.svg?id={encoded}")).body.contains("<img"));
}

#[test]
fn nothing_that_is_sent_is_a_header_or_leads_elsewhere() {
    let service = Setup::new(LAB).start();
    let mut browser = Browser::new(&service);
    browser.open("/ui/policies");
    for back in
        ["https://evil.example/", "//evil.example", "/ui\r\nx-evil: 1", "/ui/\\evil.example", "/\t/evil.example"]
    {
        let moved = browser.post("/ui/look", &[("language", "zh"), ("back", back)]);
        assert_eq!((moved.status, moved.location.as_str()), (303, "/ui"), "{back}");
        assert!(!moved.headers.contains("evil"), "{back}");
    }
    for value in ["zh; Domain=evil.example", "zh\r\nset-cookie: a=b", "fr"] {
        let refused = browser.post("/ui/look", &[("language", value), ("back", "/ui")]);
        assert_eq!((refused.status, refused.cookies.len()), (400, 0), "{value}");
    }
}

#[test]
fn pages_speak_the_language_and_wear_the_colours_that_are_wanted() {
    let service = Setup::new(LAB).start();
    let mut browser = Browser::new(&service);
    assert!(browser.open("/ui/policies").body.contains("<html lang=\"en\" data-theme=\"system\">"));
    let mut chinese = browser.clone();
    chinese.header("accept-language", "zh-CN,zh;q=0.9");
    assert!(chinese.open("/ui/policies").body.contains("<html lang=\"zh\""));
    let changed = browser.post("/ui/look", &[("language", "zh"), ("back", "/ui/matrix?by=roles")]);
    assert_eq!(changed.location, "/ui/matrix?by=roles");
    browser.post("/ui/look", &[("theme", "dark"), ("back", "/ui/matrix")]);
    assert!(browser.open("/ui/policies").body.contains("<html lang=\"zh\" data-theme=\"dark\">"));
}

#[test]
fn too_large_a_form_is_not_read() {
    let service = Setup::new(LAB).settings("[http]\nbody_bytes = 1000").start();
    let mut browser = Browser::new(&service);
    browser.open("/ui/sign-in");
    assert_eq!(browser.post("/ui/sign-in", &[("credential", &"a".repeat(2_000))]).status, 413);
    assert_eq!(browser.post("/ui/sign-in", &[("credential", "中文")]).status, 401);
}
