//! Whether all is as it must be: in goes what everybody was told in a round, and the cluster that is well again.

use crate::{
    cluster::{Cluster, PACE, TOTAL, list},
    load::{Asked, Changed, Outcome, Story, ask},
    postgres::until,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Asks until the limit of the round's user has no room, and looks whether more were admitted than there was room for.
pub(crate) fn limits_hold(cluster: &Cluster, round: &str, story: &mut Story) {
    let (callers, user) = (cluster.nodes.iter().map(|node| node.caller()), format!("user-{round}"));
    for (number, caller) in callers.enumerate() {
        for question in 0..=TOTAL {
            let last = ask(&caller, format!("{round}-rest-{number}-{question}"), &user, "counted");
            let is_admitted = last.decided == Some(true);
            story.asked.push(last);
            if !is_admitted {
                break;
            }
        }
    }
    let admitted = |model: &str| -> Vec<&Asked> {
        story.asked.iter().filter(|asked| asked.model == model && asked.decided == Some(true)).collect()
    };
    let total = admitted("counted").len();
    assert!(total <= TOTAL, "{total} were admitted where {TOTAL} may be");
    let mut spans: Vec<(Instant, Instant)> =
        admitted("paced").iter().map(|asked| (asked.sent, asked.received)).collect();
    spans.sort_unstable();
    for (number, (first, _)) in spans.iter().enumerate() {
        // Each of these was counted within one second for certain.
        let end = *first + Duration::from_secs(1);
        let within = spans[number..].iter().take_while(|(sent, _)| *sent < end).filter(|(_, told)| *told < end).count();
        assert!(within <= PACE, "{within} were admitted within a second where {PACE} may be");
    }
}

/// Each answered decision and each accepted change is in one log, once, as it was told; and all logs hold.
pub(crate) fn everything_is_recorded(cluster: &mut Cluster, story: &Story) {
    let mut recorded: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    let mut changes: BTreeMap<String, usize> = BTreeMap::new();
    for node in &mut cluster.nodes {
        node.audit(&["verify"]);
        for line in node.audit(&["export", "--format", "jsonl"]).lines() {
            let told: Value = serde_json::from_str(line).unwrap();
            let (seq, record) = (told["seq"].as_u64().unwrap(), &told["record"]);
            if seq <= node.read {
                continue;
            }
            assert_eq!(seq, node.read + 1, "records have numbers in a row");
            node.read = seq;
            let id = || record["id"].as_str().unwrap().to_owned();
            if record["event"] == "decision" {
                recorded.entry(id()).or_default().push(record["answer"]["decision"].as_bool().unwrap());
            } else if record["event"] == "change" {
                *changes.entry(id()).or_default() += 1;
            }
        }
    }
    let found = |id: &String| recorded.get(id).map(Vec::as_slice).unwrap_or_default();
    for Asked { id, decided, .. } in &story.asked {
        match decided {
            Some(decided) => assert_eq!(found(id), [*decided], "{id} was answered, and is in the log as such, once"),
            None => assert!(found(id).len() < 2, "{id} was not answered, and is in the log at most once"),
        }
    }
    for Changed { id, outcome, .. } in &story.changed {
        let times = [found(id).len(), changes.get(id).copied().unwrap_or_default()];
        let may_be = match outcome {
            Outcome::Accepted => times == [1, 1],
            Outcome::Refused => times[0] <= 1 && times[1] == 0,
            Outcome::Unknown => times[0] <= 1 && times[1] <= times[0],
        };
        assert!(may_be, "{id} was {outcome:?}; its decision and its change are in the log {times:?} times");
    }
}

/// What was accepted is there, in its order; what was refused is not; and all services say so.
pub(crate) fn changes_are_kept(cluster: &Cluster, story: &Story) {
    everybody_knows(cluster);
    let callers: Vec<_> = cluster.nodes.iter().map(|node| node.caller()).collect();
    let mut models: BTreeMap<&str, Vec<&Changed>> = BTreeMap::new();
    for changed in &story.changed {
        models.entry(&changed.model).or_default().push(changed);
    }
    for (model, changes) in models {
        let (status, history) = callers[0].text(&format!("/v1/acl/model/{model}?history=true")).unwrap();
        let history: Value = if status == 404 { Value::Null } else { serde_json::from_str(&history).unwrap() };
        let mut kept: Vec<Option<String>> = history["data"].as_array().into_iter().flatten().map(user_of).collect();
        kept.reverse();
        let mut rest = kept.as_slice();
        for Changed { id, user, outcome, .. } in changes {
            let is_next = rest.first() == Some(user);
            assert!(*outcome != Outcome::Accepted || is_next, "{id} was accepted; what is there: {kept:?}");
            if is_next && *outcome != Outcome::Refused {
                rest = &rest[1..];
            }
        }
        assert!(rest.is_empty(), "nobody was told that {rest:?} would be there: {kept:?}");
        // Who was let in last still is, and nobody who was before.
        let last = kept.last().cloned().flatten();
        for (number, caller) in callers.iter().enumerate() {
            let (status, _) = caller.text(&format!("/v1/acl/model/{model}")).unwrap();
            assert_eq!(status == 200, last.is_some(), "service {number} has a list of {model}");
            for user in kept.iter().flatten().rev().take(3) {
                let id = format!("{model}-{user}-at-{number}");
                let is_in = Some(user) == last.as_ref();
                assert_eq!(caller.decides(&id, user, "infer", model), Some(is_in), "service {number} of {user}");
            }
        }
    }
}

fn user_of(version: &Value) -> Option<String> {
    version["document"]["rules"][0]["principal"]["value"].as_str().map(str::to_owned)
}

/// A change that waits for all does not wait in vain.
fn everybody_knows(cluster: &Cluster) {
    let caller = cluster.nodes[0].caller();
    until("all services know the last change", || {
        let answer = caller.send("all", "PUT", "/v1/acl/model?wait=all", &list("all", "nobody"))?;
        (answer.headers().get("x-policy-applied")? == "all").then_some(())
    });
}
