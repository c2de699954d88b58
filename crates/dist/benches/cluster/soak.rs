//! Half an hour of everything at once: three services that share limits and documents and record each decision, asked by
//! enforcement points, and changed by an administrator. Nothing may gather, and nothing may fail.
//!
//! `POLICYC_SOAK_MINUTES` (30) says for how long. It goes on at 70 % of what the machine can do at the moment it begins.

use crate::{
    client::{memory, percentile},
    postgres,
    redis::{self, PROGRAMS},
    service::{Service, Setup},
};
use reqwest::{Method, blocking::Client};
use serde_json::{Value, json};
use std::{
    env,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

const POLICY: &str = r#"
    actions view, infer, manage;
    role researcher;
    kinds keys;
    allow anyone to view, manage;
    allow role researcher to infer on "open";
    deny anyone to infer when ip in [10.0.0.0/8] else OUTSIDE 403 "only from elsewhere";
    limit role researcher to infer at most 20 per minute by principal;
    model "open" {}
"#;
const SETTINGS: &str = "[audit]\ndurability = \"sync\"\nkeep_days = 1";
const NODES: usize = 3;
const CLIENTS: u64 = 12;
const SHARE: f64 = 0.7;
const MINUTE: Duration = Duration::from_secs(60);
/// How long it is tried what the machine can do.
const TRIAL: Duration = Duration::from_secs(10);

/// What clients share.
#[derive(Default)]
struct Shared {
    next: AtomicU64,
    failures: AtomicU64,
    ends: AtomicBool,
}

pub(crate) fn table() {
    let minutes = env::var("POLICYC_SOAK_MINUTES").map_or(30, |minutes| minutes.parse().unwrap());
    let (database, limits) = (postgres::Server::start(), redis::Server::of(&PROGRAMS["redis-server"], false));
    let args = ["--store", &database.url(), "--limits", &limits.url()];
    let nodes: Vec<Service> = (0..NODES).map(|_| Setup::new(POLICY).settings(SETTINGS).args(&args).start()).collect();
    let urls: Vec<String> = nodes.iter().map(|node| node.url("")).collect();
    let shared = Shared::default();
    let able = load(&urls, &shared, TRIAL, None).len() as f64 / TRIAL.as_secs_f64();
    let rate = able * SHARE;
    println!("{able:.0} requests a second at most, {rate:.0} from now on\n");
    println!(
        "| minute | requests | failures | 50 % | 99 % | MiB of each service |\n| ---: | ---: | ---: | ---: | ---: | --- |"
    );
    let mut held = Vec::new();
    for minute in 1..=minutes {
        let mut times = load(&urls, &shared, MINUTE, Some(rate));
        times.sort_unstable();
        let now: Vec<f64> = nodes.iter().map(|node| memory(node.id())).collect();
        let shown: Vec<String> = now.iter().map(|mebibytes| format!("{mebibytes:.1}")).collect();
        let [half, most] = [50, 99].map(|percent| percentile(&times, percent).as_secs_f64() * 1_000.0);
        let failures = shared.failures.load(Ordering::Relaxed);
        println!("| {minute} | {} | {failures} | {half:.1} ms | {most:.1} ms | {} |", times.len(), shown.join(", "));
        held.push(now.iter().sum::<f64>());
    }
    let fifth = held.len().div_ceil(5);
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (early, late) =
        (mean(&held[fifth.min(held.len() - 1)..(2 * fifth).min(held.len())]), mean(&held[held.len() - fifth..]));
    println!("\nmemory in the last fifth against the second: {:.2} ×", late / early);
}

/// Asks for a while, at a rate or as fast as it goes; how long each answer took.
fn load(urls: &[String], shared: &Shared, time: Duration, rate: Option<f64>) -> Vec<Duration> {
    shared.ends.store(false, Ordering::Relaxed);
    let end = Instant::now() + time;
    thread::scope(|scope| {
        let changes = scope.spawn(|| change(urls, shared));
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| client(urls, shared, end, rate))).collect();
        let times = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        shared.ends.store(true, Ordering::Relaxed);
        changes.join().unwrap();
        times
    })
}

fn client(urls: &[String], shared: &Shared, end: Instant, rate: Option<f64>) -> Vec<Duration> {
    let http = Client::new();
    let pause = rate.map(|rate| Duration::from_secs_f64(CLIENTS as f64 / rate));
    let mut due = Instant::now();
    let mut times = Vec::new();
    while due < end && Instant::now() < end {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        let (path, body) = question(number);
        let url = format!("{}{path}", urls[usize::try_from(number).unwrap() % urls.len()]);
        let start = Instant::now();
        let answer = http.post(url).json(&body).send();
        times.push(start.elapsed());
        if !answer.is_ok_and(|answer| answer.status().is_success() && answer.bytes().is_ok()) {
            shared.failures.fetch_add(1, Ordering::Relaxed);
        }
        due = pause.map_or_else(Instant::now, |pause| due + pause);
    }
    times
}

/// What the `number`th request asks: mostly one decision, some of them under a limit, now and then many, or a search.
fn question(number: u64) -> (&'static str, Value) {
    let subject = json!({ "type": "user", "id": format!("user-{}", number.wrapping_mul(7919) % 100_000),
        "properties": { "roles": ["researcher"] } });
    let [action, resource] = match number % 5 {
        0 => ["infer", "open"],
        1 | 2 => ["infer", "changed"],
        _ => ["view", "open"],
    };
    let model = json!({ "type": "model", "id": resource });
    let action = json!({ "name": action });
    let context = json!({ "ip": format!("10.0.0.{}", number % 250) });
    match number % 50 {
        7 => (
            "/access/v1/search/resource",
            json!({ "subject": subject, "action": action, "resource": { "type": "model" } }),
        ),
        11 | 31 => {
            let items: Vec<Value> =
                (0..20).map(|item| json!({ "resource": { "type": "model", "id": format!("model-{item}") } })).collect();
            let many = json!({ "subject": subject, "action": action, "context": context, "evaluations": items });
            ("/access/v1/evaluations", many)
        }
        other if other % 2 == 0 => {
            ("/access/v1/evaluation", json!({ "subject": subject, "action": action, "resource": model }))
        }
        _ => (
            "/access/v1/evaluation",
            json!({ "subject": subject, "action": action, "resource": model, "context": context }),
        ),
    }
}

/// Changes a list twice a second, at one service after the other.
fn change(urls: &[String], shared: &Shared) {
    let http = Client::new();
    for (number, url) in urls.iter().cycle().enumerate() {
        if shared.ends.load(Ordering::Relaxed) {
            return;
        }
        let user = format!("user-{}", number % 100);
        let list = json!({ "model": "changed", "rules": [
            { "principal": { "type": "user", "value": user }, "operations": ["infer"] },
        ] });
        let answer = http.request(Method::PUT, format!("{url}/v1/acl/model")).json(&list).send();
        if !answer.is_ok_and(|answer| answer.status().is_success()) {
            shared.failures.fetch_add(1, Ordering::Relaxed);
        }
        thread::sleep(Duration::from_millis(500));
    }
}
