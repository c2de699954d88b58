//! Limits over time, against a second reckoning: a list of all that was ever charged, searched anew for each request.

use crate::decide::load;
use chrono::{DateTime, TimeDelta, Utc};
use jiff::{Timestamp, tz::TimeZone};
use policyc::{
    Engine,
    clock::ManualClock,
    request::{Principal, Request, Resource},
    store::limits::MemoryLimits,
};
use proptest::{collection, prelude::*, sample::select, sample::subsequence};
use std::sync::Arc;

/// How a limit counts.
#[derive(Debug, Clone, Copy)]
enum Window {
    Sliding(i64),
    Calendar(&'static str, &'static str),
    AtOnce(i64),
}

#[derive(Debug, Clone)]
struct Limit {
    most: u64,
    /// Whether it counts `tokens`.
    tokens: bool,
    window: Window,
    keys: Vec<&'static str>,
    /// Whether it speaks of `infer` only.
    narrow: bool,
}

/// One thing that happens.
#[derive(Debug, Clone)]
struct Step {
    /// How many milliseconds after the one before.
    after: i64,
    who: usize,
    action: &'static str,
    what: &'static str,
    tokens: Option<i64>,
    /// Gives leases back instead of asking.
    release: Option<u64>,
}

/// One charge that was made.
#[derive(Debug, Clone)]
struct Charged {
    at: DateTime<Utc>,
    key: String,
    cost: u64,
    given_back: bool,
}

const USERS: [(&str, &str, &str); 5] = [
    ("user", "bob", "10.0.0.1"),
    ("user", "eve", "10.0.0.1"),
    ("anonymous", "", "10.0.0.2"),
    ("anonymous", "", "2001:db8::1"),
    ("anonymous", "", "2001:db8::2"),
];

impl Limit {
    fn text(&self) -> String {
        let (actions, unit) = (if self.narrow { "infer" } else { "any" }, if self.tokens { " tokens" } else { "" });
        let per = match self.window {
            Window::Sliding(seconds) => format!("per {seconds}s"),
            Window::Calendar(unit, zone) => format!("per calendar {unit} in \"{zone}\""),
            Window::AtOnce(seconds) => format!("at once for {seconds}s"),
        };
        let by = if self.keys.is_empty() { String::new() } else { format!(" by {}", self.keys.join(", ")) };
        format!("limit anyone to {actions} at most {}{unit} {per}{by};\n", self.most)
    }

    fn binds(&self, step: &Step) -> bool {
        !self.narrow || step.action == "infer"
    }

    /// Whose counter a request is charged to.
    fn key(&self, step: &Step) -> String {
        let (kind, id, ip) = USERS[step.who];
        // All addresses of version 6 here are of one /64.
        let network = if ip.contains(':') { "2001:db8::/64" } else { ip };
        let principal = if kind == "anonymous" { network } else { id };
        let keys: &[&str] = if self.keys.is_empty() { &["principal"] } else { &self.keys };
        let part = |key: &&str| match *key {
            "principal" => principal,
            "ip" => network,
            "resource" => step.what,
            _ => "",
        };
        keys.iter().map(part).collect::<Vec<_>>().join("|")
    }

    /// What a request costs; none where that is not known.
    fn cost(&self, step: &Step) -> Option<u64> {
        if self.tokens { step.tokens.map(|tokens| tokens.unsigned_abs()) } else { Some(1) }
    }

    /// Whether a charge still counts.
    fn counts(&self, charged: &Charged, now: DateTime<Utc>) -> bool {
        match self.window {
            Window::Sliding(seconds) => now - charged.at < TimeDelta::seconds(seconds),
            Window::AtOnce(seconds) => !charged.given_back && now - charged.at < TimeDelta::seconds(seconds),
            Window::Calendar(unit, zone) => period(unit, zone, charged.at) == period(unit, zone, now),
        }
    }

    fn used(&self, history: &[Charged], key: &str, now: DateTime<Utc>) -> u64 {
        history
            .iter()
            .filter(|charged| charged.key == key && self.counts(charged, now))
            .map(|charged| charged.cost)
            .sum()
    }

    /// Whether a request has room.
    fn fits(&self, history: &[Charged], step: &Step, now: DateTime<Utc>) -> bool {
        let used = self.used(history, &self.key(step), now);
        self.cost(step).is_some_and(|cost| cost == 0 || used + cost <= self.most)
    }

    /// The whole seconds until a request has room; none if it never will.
    fn wait(&self, history: &[Charged], step: &Step, now: DateTime<Utc>) -> Option<u64> {
        if self.cost(step).is_none_or(|cost| cost > self.most) {
            return None;
        }
        // Room comes back with time, so the first second that has some is found by halving.
        let (mut too_early, mut late_enough) = (0_i64, 40 * 86_400);
        while late_enough - too_early > 1 {
            let middle = too_early.midpoint(late_enough);
            if self.fits(history, step, now + TimeDelta::seconds(middle)) {
                late_enough = middle;
            } else {
                too_early = middle;
            }
        }
        u64::try_from(late_enough).ok()
    }
}

/// What a calendar and a clock on the wall call the period around an instant.
fn period(unit: &str, zone: &str, at: DateTime<Utc>) -> String {
    let zone = TimeZone::get(zone).unwrap();
    let local = Timestamp::from_second(at.timestamp()).unwrap().to_zoned(zone);
    match unit {
        "hour" => local.strftime("%F %H").to_string(),
        "day" => local.strftime("%F").to_string(),
        "week" => local.strftime("%G %V").to_string(),
        _ => local.strftime("%Y %m").to_string(),
    }
}

fn limit() -> impl Strategy<Value = Limit> {
    let window = prop_oneof![
        select(&[1, 30, 60, 3_600]).prop_map(Window::Sliding),
        (
            select(&["hour", "day", "week", "month"]),
            select(&["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York"])
        )
            .prop_map(|(unit, zone)| Window::Calendar(unit, zone)),
        select(&[10, 600]).prop_map(Window::AtOnce),
    ];
    let keys = subsequence(vec!["principal", "ip", "resource", "everyone"], 0..=2);
    (select(&[1, 2, 3, 10, 1_000, 1_500]), any::<bool>(), window, keys, any::<bool>())
        .prop_map(|(most, tokens, window, keys, narrow)| Limit { most, tokens, window, keys, narrow })
}

fn step() -> impl Strategy<Value = Step> {
    let after = prop_oneof![
        3 => select(&[0, 1, 500, 1_000]),
        3 => 0_i64..40_000,
        2 => select(&[59_999, 60_000, 600_000, 3_600_000]),
        1 => 0_i64..100_000_000,
    ];
    let action = prop_oneof![4 => Just("infer"), 2 => Just("view"), 1 => Just("train")];
    let tokens = prop_oneof![1 => Just(None), 8 => select(&[0, 1, 2, 400, 999, 1_600]).prop_map(Some)];
    let release = prop_oneof![4 => Just(None), 1 => (1_u64..=2).prop_map(Some)];
    (after, 0..USERS.len(), action, select(&["a", "b"]), tokens, release)
        .prop_map(|(after, who, action, what, tokens, release)| Step { after, who, action, what, tokens, release })
}

fn request(step: &Step) -> Request {
    let (kind, id, ip) = USERS[step.who];
    let principal = if kind == "anonymous" { Principal::anonymous() } else { Principal::new(kind, id) };
    let request = Request::new(principal, step.action, Resource::model(step.what)).with("ip", ip);
    match step.tokens {
        Some(tokens) => request.with("tokens", tokens),
        None => request,
    }
}

/// A set in which nothing but the limits stands in the way, save of `train`.
fn engine(limits: &[Limit]) -> Engine {
    let mut text = "actions infer, view, train;\nattribute tokens: int;\nattribute why: text;\n\
                    allow anyone to any;\ndeny anyone to train else NO 403 \"{why}\";\n"
        .to_owned();
    for (turn, limit) in limits.iter().enumerate() {
        // Labels keep the counters of equal limits apart.
        text.push_str(&format!("limit_{turn}: {}", limit.text()));
    }
    let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
    load(&text).with_state(clock, Arc::new(MemoryLimits::default()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn limits_admit_what_a_list_of_all_charges_admits(
        steps in collection::vec(step(), 1..=140),
        limits in collection::vec(limit(), 1..=3),
        // From a day before clocks change to one after.
        start in select(&[1_761_350_400_i64, 1_774_656_000, 1_767_200_000]),
    ) {
        let engine = engine(&limits);
        let mut now = DateTime::from_timestamp(start, 0).unwrap();
        let mut histories: Vec<Vec<Charged>> = vec![Vec::new(); limits.len()];
        for step in &steps {
            now += TimeDelta::milliseconds(step.after);
            if let Some(count) = step.release {
                engine.release(&request(step), count, now).unwrap();
                for (limit, history) in limits.iter().zip(&mut histories).filter(|(limit, _)| limit.binds(step)) {
                    let key = limit.key(step);
                    let held = history.iter_mut().filter(|charged| {
                        matches!(limit.window, Window::AtOnce(_))
                            && charged.key == key && charged.cost > 0 && limit.counts(charged, now)
                    });
                    let count = usize::try_from(count).unwrap();
                    held.take(count).for_each(|charged| charged.given_back = true);
                }
                continue;
            }
            let decision = engine.decide_at(&request(step), now).unwrap();
            let binding: Vec<usize> = (0..limits.len()).filter(|place| limits[*place].binds(step)).collect();
            // Above 1,000, charges are counted together and may come back late.
            let exact = binding.iter().all(|place| limits[*place].most <= 1_000 || !matches!(limits[*place].window, Window::Sliding(_)));
            let full: Vec<usize> =
                binding.iter().copied().filter(|place| !limits[*place].fits(&histories[*place], step, now)).collect();
            let fits = step.action != "train" && full.is_empty();
            prop_assert!(fits || !decision.is_allow(), "more than fits: {:?}", step);
            prop_assert!(!exact || decision.is_allow() == fits, "less than fits: {:?}: {:?}", step, decision);
            if decision.is_allow() {
                for place in binding {
                    let cost = limits[place].cost(step).unwrap();
                    histories[place].push(Charged { at: now, key: limits[place].key(step), cost, given_back: false });
                }
                prop_assert_eq!(decision.limits.len(), limits.iter().filter(|limit| limit.binds(step)).count());
                for state in decision.limits.iter().filter(|_| exact) {
                    let place: usize = state.name.trim_start_matches("limit_").parse().unwrap();
                    let limit = &limits[place];
                    prop_assert_eq!(state.remaining, limit.most - limit.used(&histories[place], &limit.key(step), now));
                }
            } else if exact && step.action != "train" {
                let waits: Vec<Option<u64>> =
                    full.iter().map(|place| limits[*place].wait(&histories[*place], step, now)).collect();
                // One that never has room decides, else the one with the longest wait; the first of several.
                let longest = waits.iter().copied().max().flatten().filter(|_| waits.iter().all(Option::is_some));
                let decides = waits.iter().position(|wait| *wait == longest).map(|place| full[place]);
                prop_assert_eq!(decision.denial().unwrap().retry_after, longest, "{:?}: {:?}", step, waits);
                prop_assert_eq!(decision.rule.map(|rule| rule.name.to_string()), decides.map(|place| format!("limit_{place}")));
            }
        }
        for (limit, history) in limits.iter().zip(&histories) {
            if let Window::Sliding(seconds) = limit.window {
                sliding(limit, seconds, history)?;
            }
        }
    }
}

/// No span `(t − P, t]` holds more than the limit. It is enough to look at those that end with a charge.
fn sliding(limit: &Limit, seconds: i64, history: &[Charged]) -> Result<(), TestCaseError> {
    for last in history {
        let begin = last.at - TimeDelta::seconds(seconds);
        let inside =
            history.iter().filter(|charged| charged.key == last.key && begin < charged.at && charged.at <= last.at);
        let sum: u64 = inside.map(|charged| charged.cost).sum();
        prop_assert!(sum <= limit.most, "{} in {:?} ending at {}", sum, limit, last.at);
    }
    Ok(())
}
