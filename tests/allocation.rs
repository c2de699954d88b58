//! Once a session is warm, a decision allocates nothing.
#![expect(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has failed, as it should")]

use allocation_counter::measure;
use chrono::{DateTime, TimeDelta, Utc};
use policyc::{Engine, engine::Session, eval::verdict::Outcome, wire};
use std::net::IpAddr;

/// Rules of all kinds of conditions, found through names, patterns, tags and organisations.
const SET: &str = r#"
    timezone "Europe/Berlin";
    tiers free < seed < pro;
    actions view, infer, download;
    role viewer; role researcher includes viewer;
    attribute device.trusted: bool;
    attribute risk: int;
    attribute purpose: text;
    attribute scopes: set of text;
    window office = mon..fri 08:00..18:00;
    on model "qwen3" {
        allow role researcher to infer, view when ip in [10.0.0.0/8] until 2030-01-01;
        deny anyone to download when risk > 7 else RISKY 403 "Too risky.";
    }
    on model "lab-*" { allow tier >= seed to infer when time in office; }
    allow anyone to view on tag open;
    allow org "alpha" to infer when device.trusted and purpose == "research" and scopes overlaps [models];
"#;

/// A request as a service has it at hand.
struct Asked {
    user: &'static str,
    roles: &'static [&'static str],
    tier: &'static str,
    org: &'static str,
    action: &'static str,
    model: &'static str,
    ip: IpAddr,
    time: DateTime<Utc>,
}

fn asked() -> impl Iterator<Item = Asked> {
    let models = ["qwen3", "lab-x", "unheard-of", "lab-a-name-that-is-longer-than-most-names-of-models-are"];
    let actions = ["view", "infer", "download"];
    let start: DateTime<Utc> = "2026-03-02T06:00:00Z".parse().unwrap();
    (0..96_u8).map(move |number| {
        let among = |count: usize| usize::from(number) % count;
        Asked {
            user: ["alice", "bob"].into_iter().cycle().nth(among(2)).unwrap(),
            roles: [&["researcher"][..], &[], &["viewer", "unheard-of"]].into_iter().nth(among(3)).unwrap(),
            tier: ["free", "seed", "pro"].into_iter().nth(among(3)).unwrap(),
            org: ["alpha", "beta"].into_iter().nth(among(2)).unwrap(),
            action: actions.into_iter().nth(among(3)).unwrap(),
            model: models.into_iter().nth(among(4)).unwrap(),
            ip: [number, 0, 0, 1].into(),
            time: start + TimeDelta::minutes(i64::from(number) * 97),
        }
    })
}

impl Asked {
    fn is_allowed(&self, session: &mut Session) -> bool {
        let caller = session.principal("user", self.user).roles(self.roles).unwrap();
        caller.tier(self.tier).unwrap().org(self.org).map(drop).unwrap();
        let ask = session.ask(self.action, "model", self.model).ip(self.ip).time(self.time);
        ask.evaluate().is_allow()
    }

    fn json(&self) -> String {
        let Self { user, roles, tier, org, action, model, ip, time } = self;
        let time = time.to_rfc3339();
        format!(
            r#"{{"subject": {{"type": "user", "id": "{user}", "properties": {{"roles": {roles:?}, "tier": "{tier}", "org": "{org}"}}}},
                "action": {{"name": "{action}"}},
                "resource": {{"type": "model", "id": "{model}", "properties": {{"tags": ["open", "café"], "size": -7}}}},
                "context": {{"ip": "{ip}", "time": "{time}", "risk": 3, "device": {{"trusted": true, "age": 0}},
                    "purpose": "research", "scopes": ["models", "data"], "note": [], "degraded": null}}}}"#
        )
    }
}

/// Fails unless all is decided without allocation the second time; how much of it is allowed.
fn count_allowed(mut decide: impl FnMut() -> usize) -> usize {
    let allowed = decide();
    let mut again = 0;
    let info = measure(|| again = decide());
    assert_eq!(info.count_total, 0, "{info:?}");
    assert_eq!(again, allowed);
    allowed
}

#[test]
fn a_warm_session_allocates_nothing() {
    let engine = Engine::builder().text("set.policy", SET).load().unwrap();
    let all: Vec<Asked> = asked().collect();
    let mut session = engine.session();
    let allowed = count_allowed(|| all.iter().filter(|asked| asked.is_allowed(&mut session)).count());
    assert!(allowed > 0 && allowed < all.len(), "{allowed}");

    let texts: Vec<String> = all.iter().map(Asked::json).collect();
    let by_json =
        count_allowed(|| texts.iter().filter(|text| session.ask_json(text).unwrap().evaluate().is_allow()).count());
    let at_length = |text: &&String| engine.verdict(&wire::request::decode(text).unwrap().request).unwrap();
    let wanted = texts
        .iter()
        .map(|text| at_length(&text))
        .filter(|verdict| matches!(verdict.outcome, Outcome::Allow(_)))
        .count();
    assert_eq!(by_json, wanted);

    let prepared: Vec<_> = texts.iter().map(|text| session.ask_json(text).unwrap().prepare()).collect();
    assert_eq!(
        count_allowed(|| prepared.iter().filter(|request| session.evaluate(request).is_allow()).count()),
        wanted
    );

    let mut rulings = Vec::new();
    let many = count_allowed(|| {
        session.evaluate_many(&prepared, &mut rulings);
        rulings.iter().filter(|ruling| ruling.is_allow()).count()
    });
    assert_eq!(many, wanted);
    let one_by_one: Vec<_> = prepared.iter().map(|request| session.evaluate(request)).collect();
    assert_eq!(rulings, one_by_one);
}
