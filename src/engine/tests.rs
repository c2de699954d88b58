//! What an engine tells of requests, held against the reference evaluator's facts.

use super::{Anew, Engine, Used, told};
use crate::{
    check::{ir::StepKind, vocabulary::builtin},
    compile::graph::UNREAD,
    eval::{facts::Facts, told::Known},
    request::{Input, Principal, Request, Resource},
    store::limits::MemoryLimits,
};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// Rules that tell the value of every attribute, of every type.
const TELLING: &str = r#"
    tiers free < paid;
    actions view;
    role editor includes reader;
    role reader;
    attribute principal.teams: set of text;
    attribute risk: int;
    attribute model.stage: one of dev | stable = dev;
    attribute review: time;
    attribute soft: bool = false;
    model "known" { org: "alpha"; tier: paid; tags: [chat, risk]; }
    user "bob" { roles: [editor, reader@"beta"]; org: "alpha"; }
    say: deny anyone to view else SAY 403
        "{principal.kind} {principal.id} {principal.roles} {principal.org} {principal.tier} {principal.granted} {soft}"
        hint "{principal.teams} {resource.kind} {model.id} {model.org} {model.tier} {model.tags} {model.stage} {risk}";
    why: deny anyone to view else WHY 403 "{action.name} {ip} {time} {degraded} {review}";
"#;

fn requests() -> Vec<Request> {
    let scoped = Input::Object([("role", "editor"), ("org", "alpha")].map(|(k, v)| (k.to_owned(), v.into())).into());
    let alice = Principal::user("alice").with("roles", vec![Input::from("reader"), scoped]).org("alpha").tier("paid");
    let alice = alice.with("teams", ["b", "a", "b"]).with("granted", "auto");
    let principals = [
        Principal::anonymous(),
        Principal::user("bob"),
        Principal::user("nobody").with("org", Input::None).with("roles", Input::None).tier("unheard of"),
        Principal::service("bob").with("roles", Input::Unknown).with("granted", Input::Unknown),
        alice,
    ];
    let unknown = Resource::model("unknown").with("tags", ["x", "chat"]).with("org", "gamma").with("stage", "stable");
    let mut requests = Vec::new();
    for principal in &principals {
        for resource in [Resource::model("known"), unknown.clone(), Resource::new("thing", "known")] {
            let request = Request::new(principal.clone(), "view", resource);
            requests.push(request.clone().with("ip", "::ffff:10.1.2.3").with("time", "2025-03-28T10:00:00.25Z"));
            let risky = request.with("ip", "2001:db8::1").with("risk", -7).with("review", "2025-01-01T00:00Z");
            requests.push(risky.with("soft", true).with("degraded", Input::Unknown));
        }
    }
    requests
}

/// What is told of a request is what the reference evaluator knows of it.
fn agree(engine: &Engine, request: &Request) {
    let vocabulary = &engine.ir().vocabulary;
    let facts = Facts::new(vocabulary, request, false).unwrap();
    let (draft, ignored) = engine.prepare(request, None).unwrap();
    let told = told(engine.set.set(), &draft, request);
    assert_eq!(told.is_anonymous(), facts.anonymous);
    assert_eq!(ignored, facts.ignored);
    for (attr, row) in vocabulary.attributes.pairs() {
        let has_slot = engine.graph().slot_of.get(attr.0 as usize).is_some_and(|slot| *slot != UNREAD);
        if has_slot || builtin::ALWAYS_GIVEN.contains(&attr) {
            assert_eq!(told.value(attr).as_deref(), facts.get(attr), "{} of {request:?}", row.path);
        }
    }
}

#[test]
fn what_is_told_is_what_is_known() {
    let engine = Engine::builder().text("telling.policy", TELLING).load().unwrap();
    requests().iter().for_each(|request| agree(&engine, request));
}

#[test]
fn what_is_told_is_what_is_known_in_the_shipped_policies() {
    for set in ["authzen-todo", "hub-gating", "model-acl", "studio-rbac", "tiers"] {
        let engine = Engine::load([format!("policies/{set}")]).unwrap();
        for test in engine.ir().tests.iter() {
            for step in &test.steps {
                let (StepKind::Case { request, .. } | StepKind::Release { request, .. }) = &step.kind;
                agree(&engine, request);
            }
        }
    }
}

#[test]
fn a_set_that_changes_often_stays_small() {
    let text = |name: usize| format!("deny user \"user-{name}\" to view else D 403 \"number {name}\";");
    let rules = "allow role reader to view;\n".repeat(100);
    let live = Engine::builder().text("a.policy", &rules).text("b.policy", &text(0)).live().unwrap();
    for name in 1..2_000 {
        live.change("b.policy", &text(name)).unwrap();
    }
    let engine = live.engine();
    let names = &engine.graph().tables.principals;
    assert!(names.ids().len() < 1_500, "{} names are kept", names.ids().len());
    let alice = Request::new(Principal::user("user-1999"), "view", Resource::model("m"));
    assert_eq!(engine.decide(&alice).denial().and_then(|denial| denial.message.as_deref()), Some("number 1999"));
}

/// Of roles beyond the first 64 nothing is forgotten that may be held: a prohibition fires on what is not known.
#[test]
fn a_role_that_may_be_held_is_one_of_many() {
    let roles: String = (0..70).map(|role| format!("role r{role};\n")).collect();
    let denies: String = (0..70).map(|role| format!("deny role r{role} to view else NO{role};\n")).collect();
    let text = format!("{roles}{denies}allow anyone to view;");
    let engine = Engine::builder().text("a.policy", &text).load().unwrap();
    for role in [0, 63, 64, 69] {
        let scoped = [("role", format!("r{role}")), ("org", "alpha".to_owned())];
        let scoped = Input::Object(scoped.map(|(key, value)| (key.to_owned(), value.into())).into());
        let bob = Principal::user("bob").with("roles", vec![scoped]);
        let decided = |model: Resource| engine.decide(&Request::new(bob.clone(), "view", model));
        let code = format!("NO{role}");
        let denied = [Resource::model("m"), Resource::model("m").with("org", "alpha")].map(decided);
        assert!(
            denied.iter().all(|decision| decision.denial().is_some_and(|denial| *denial.code == *code)),
            "{denied:?}"
        );
        assert!(decided(Resource::model("m").with("org", "beta")).is_allow(), "of another organisation");
    }
}

/// A limit of each sort, by users.
const LIMITED: &str = r#"
    attribute tokens: int = 0;
    allow anyone to infer;
    day: limit anyone to infer at most 1000 tokens per calendar day;
    minute: limit anyone to infer at most 500 tokens per minute;
    asked: limit anyone to infer at most 5 per minute;
    held: limit anyone to infer at most 2 at once for 10m;
"#;

/// What is left of each limit of LIMITED at a time.
fn left(engine: &Engine, request: &Request, now: DateTime<Utc>) -> Vec<u64> {
    engine.limits(request, now).unwrap().into_iter().map(|limit| limit.remaining).collect()
}

#[test]
fn a_request_that_is_over_settles_what_it_reserved() {
    let engine = Engine::builder().text("a.policy", LIMITED).load().unwrap();
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let ask = |time, tokens: i64| {
        let request = Request::new(Principal::user("alice"), "infer", Resource::model("m")).time(at(time));
        let request = request.with("tokens", tokens);
        let decision = engine.decide_at(&request, at(time)).unwrap();
        assert!(decision.is_allow());
        (request, decision)
    };
    let used = |amount| Some(Used { unit: "tokens", amount });
    let made = "2025-01-01T23:59:30Z";
    let (request, decision) = ask(made, 400);
    assert_eq!(left(&engine, &request, at(made)), [600, 100, 4, 1]);
    let limits: Vec<_> =
        decision.limits.iter().map(|limit| (&*limit.name, limit.unit.as_deref(), limit.window)).collect();
    let tokens = Some("tokens");
    let kinds =
        [("day", tokens, Some(86_400)), ("minute", tokens, Some(60)), ("asked", None, Some(60)), ("held", None, None)];
    assert_eq!(limits, kinds);
    let end = at("2025-01-01T23:59:40Z");
    engine.settle(&request, &decision, at(made), end, used(150)).unwrap();
    assert_eq!(left(&engine, &request, end), [850, 350, 4, 2], "too much was reserved, and the lease is back");

    let (request, decision) = ask("2025-01-01T23:59:50Z", 10);
    let next = at("2025-01-02T00:00:10Z");
    engine.settle(&request, &decision, at("2025-01-01T23:59:50Z"), next, used(60)).unwrap();
    assert_eq!(
        left(&engine, &request, next),
        [950, 290, 3, 2],
        "the new day pays what was used beyond the reservation"
    );

    let (request, decision) = ask("2025-01-02T01:00:00Z", 10);
    engine.settle(&request, &decision, at("2025-01-02T01:00:00Z"), at("2025-01-02T01:00:01Z"), None).unwrap();
    assert_eq!(left(&engine, &request, at("2025-01-02T01:00:01Z")), [940, 490, 4, 2], "what is not known stands");

    let (request, decision) = ask("2025-01-02T02:00:00Z", 0);
    let (later, _) = ask("2025-01-02T02:09:00Z", 0);
    engine.settle(&request, &decision, at("2025-01-02T02:00:00Z"), at("2025-01-02T02:10:00Z"), used(0)).unwrap();
    assert_eq!(
        left(&engine, &later, at("2025-01-02T02:10:00Z")).last(),
        Some(&1),
        "a lapsed lease is not given back twice"
    );
}

/// A set that does not come from the files decides until they are read again; what limits have counted stays.
#[test]
fn a_live_engine_adopts_a_set_until_its_files_are_read() {
    let asked = Request::new(Principal::user("a"), "view", Resource::model("m"));
    let own = "actions view; allow anyone to view; limit anyone to view at most 2 per hour by principal;";
    let other = Engine::builder().text("b.policy", "actions view; deny anyone to view else OTHER;").load().unwrap();
    let live = Engine::builder().text("a.policy", own).live().unwrap();
    let first = live.engine().revision().to_owned();
    assert!(live.engine().decide(&asked).is_allow());
    live.adopt(&other);
    assert_eq!(&*live.engine().decide(&asked).denial().unwrap().code, "OTHER");
    live.reload().unwrap();
    assert_eq!(live.engine().revision(), first);
    assert!(live.engine().decide(&asked).is_allow());
    assert!(!live.engine().decide(&asked).is_allow(), "two are counted, one of them before");

    let live = Engine::builder().text("a.policy", own).live_from(other);
    assert!(!live.engine().decide(&asked).is_allow());
    live.change("a.policy", "actions view; allow anyone to view;").unwrap();
    assert!(live.engine().decide(&asked).is_allow());
}

/// Where a set comes from elsewhere, its limits are counted where the builder says.
#[test]
fn a_live_engine_counts_in_the_store_of_its_builder() {
    let asked = Request::new(Principal::user("a"), "view", Resource::model("m"));
    let own = "actions view; allow anyone to view; limit anyone to view at most 1 per hour by principal;";
    let builder = || Engine::builder().text("a.policy", own);
    let store: Arc<MemoryLimits> = Arc::default();
    assert!(builder().limits(store.clone()).load().unwrap().decide(&asked).is_allow());
    let live = builder().limits(store).live_from(builder().load().unwrap());
    assert!(!live.engine().decide(&asked).is_allow());
}

/// Whether as it stands in its text or at length, and with limits or without: what is decided anew is what is decided.
#[test]
fn anew_is_as_at_first() {
    let text = r#"
        actions view, edit, train;
        allow anyone to view until 2025-03-28;
        allow user "alice" to edit;
        deny anyone to edit when ip in [10.0.0.0/8] else INSIDE 403 "{ip}";
        limit user "alice" to edit at most 2 weight per minute;
        attribute weight: int = 1;
    "#;
    let engine = Engine::builder().text("a.policy", text).load().unwrap();
    let mut anew = Anew::new(&engine);
    let mut seen = std::collections::BTreeSet::new();
    for subject in
        [r#"{"type": "user", "id": "alice"}"#, r#"{"type": "anonymous"}"#, r#"{"type": "user", "id": "\u0062ob"}"#]
    {
        for action in [r#""view""#, r#""edit""#, r#""train""#, r#""none""#] {
            for context in [
                "{}",
                r#"{"ip": "10.1.2.3"}"#,
                r#"{"time": "2025-03-28T12:00:00Z"}"#,
                r#"{"ip": "9.1.2.3", "weight": 3}"#,
                r#"{"ip": "here"}"#,
            ] {
                let text = format!(
                    r#"{{"subject": {subject}, "action": {{"name": {action}}}, "resource": {{"type": "model", "id": "m"}}, "context": {context}}}"#
                );
                for now in ["2025-03-27T12:00:00Z", "2025-03-28T12:00:00Z"].map(|now| now.parse().unwrap()) {
                    let first =
                        anew.decide(&text, now).map(|decision| decision.denial().map(|denial| denial.code.clone()));
                    let code = anew.code(&text, now);
                    assert_eq!(code, first, "{text}");
                    seen.insert(code.map_or("refused".into(), |code| code.unwrap_or("allow".into())));
                }
            }
        }
    }
    let seen: Vec<&str> = seen.iter().map(|code| &**code).collect();
    assert_eq!(seen, ["INSIDE", "NO_RULE", "RATE_LIMITED", "UNKNOWN_ACTION", "allow", "refused"]);
}
