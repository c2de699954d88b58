//! What `examine::explain` tells: against the engine itself, and against trying everything.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that panics has failed, as it should")]

use chrono::{DateTime, Utc};
use policyc::{
    Engine,
    check::ir::PartKind,
    clock::ManualClock,
    eval::kleene::Kleene,
    examine::explain::{Change, ClauseKind, Explanation, Remedy, explain},
    request::{Input, Principal, Request, Resource},
    store::limits::MemoryLimits,
};
use proptest::prelude::*;
use std::{collections::BTreeSet, sync::Arc};

const VOCABULARY: &str = r#"
tiers low < mid < high;
actions use, view;
role lead includes staff;
role staff;
role guest;
attribute country: text;
attribute risk: int 0..100;
attribute mfa: bool = false;
attribute units: int;
attribute principal.teams: set of text = [];
attribute model.teams: set of text;
set home = [10.0.0.0/8];
set lab = [10.9.0.0/16];
window office = mon..fri 09:00..18:00;
window lunch = mon..fri 12:00..13:00;
model "known" { tier: mid; tags: [hot]; teams: [a, b]; org: "alpha"; }
model "plain" { teams: [b]; }
"#;

const RULES: [&str; 24] = [
    "allow role staff to use;",
    "allow anyone to use;",
    "allow role lead to any when mfa;",
    "allow anyone to use on tag hot when ip in home;",
    "allow anyone to use when time in office until 2025-06-30;",
    "allow anyone to use from 2025-04-01T00:00:00Z when principal.teams overlaps model.teams;",
    "allow tier >= high to use when risk <= 30;",
    "allow role guest and tier < high to use unless country == \"DE\";",
    "allow org \"alpha\" to use when principal.org == model.org;",
    "deny anyone to use when ip in lab;",
    "deny anyone to use when risk > 70 and not mfa;",
    "deny role guest to use on \"known\";",
    "deny anyone except role lead to use when time in lunch;",
    "deny anyone to any on tag hot unless country in [\"CN\", \"HK\"];",
    "deny anyone to use when country like \"X*\" or degraded;",
    "deny anonymous to any when risk >= 50;",
    "require tier >= model.tier to use;",
    "require has country to use when not mfa;",
    "gate auto to use on \"plain\";",
    "gate manual to use on tag hot of role guest;",
    "limit anyone to use at most 10 units per day;",
    "limit role staff to use at most 5 per hour by org, ip;",
    "shadow deny anyone to any;",
    "deny anyone to view;",
];

/// Attributes with values to try, each as the search names it.
fn domain() -> Vec<(&'static str, Vec<Input>)> {
    let texts = |texts: &[&str]| texts.iter().map(|text| Input::from(*text)).collect::<Vec<_>>();
    let sets = |sets: &[&[&str]]| sets.iter().map(|set| Input::List(texts(set))).collect::<Vec<_>>();
    let ints = |ints: &[i64]| ints.iter().map(|int| Input::Int(*int)).collect::<Vec<_>>();
    let bools = vec![Input::Bool(true), Input::Bool(false)];
    vec![
        ("country", texts(&["CN", "DE", "XY", "FR"])),
        ("degraded", bools.clone()),
        ("ip", texts(&["10.0.0.1", "10.9.0.1", "192.0.2.1"])),
        ("mfa", bools),
        ("principal.granted", vec![Input::from("auto"), Input::from("manual"), Input::Bool(false)]),
        ("principal.org", texts(&["alpha", "beta"])),
        ("principal.roles", sets(&[&[], &["staff"], &["guest"], &["lead"], &["guest", "lead"]])),
        ("principal.teams", sets(&[&[], &["a"], &["b"]])),
        ("principal.tier", texts(&["low", "mid", "high"])),
        ("resource.org", texts(&["alpha", "beta"])),
        ("resource.tags", sets(&[&[], &["hot"]])),
        ("resource.teams", sets(&[&[], &["a"]])),
        ("resource.tier", texts(&["low", "mid", "high"])),
        ("risk", ints(&[0, 30, 31, 50, 71, 100])),
        (
            "time",
            texts(&[
                "2025-03-28T10:00:00Z",
                "2025-03-28T12:30:00Z",
                "2025-03-29T10:00:00Z",
                "2025-05-06T10:00:00Z",
                "2025-07-01T10:00:00Z",
            ]),
        ),
        ("units", ints(&[0, 10, 11])),
    ]
}

/// The request with other values; none where those are not a request's to give.
fn changed(request: &Request, path: &str, value: &Input) -> Option<Request> {
    let mut request = request.clone();
    match path.split_once('.') {
        Some(("principal", _)) if request.principal.id.is_none() => return None,
        Some(("principal", name)) => request.principal = request.principal.with(name, value.clone()),
        Some(("resource", name)) => request.resource = request.resource.with(name, value.clone()),
        _ => request = request.with(path, value.clone()),
    }
    Some(request)
}

fn now() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2025-03-28T10:00:00Z").unwrap().to_utc()
}

/// With limits that nobody used.
fn fresh(engine: &Engine) -> Engine {
    engine.with_state(Arc::new(ManualClock::new(now())), Arc::new(MemoryLimits::default()))
}

fn allows(engine: &Engine, request: &Request) -> bool {
    fresh(engine).decide_at(request, now()).is_ok_and(|decision| decision.is_allow())
}

fn applied<'a>(request: &Request, change: impl IntoIterator<Item = (&'a Arc<str>, &'a Input)>) -> Request {
    change.into_iter().fold(request.clone(), |request, (path, value)| changed(&request, path, value).unwrap())
}

fn engine(rules: &[&str]) -> Engine {
    let text = format!("{VOCABULARY}\n{}\n", rules.join("\n"));
    Engine::builder().text("a.policy", &text).load().unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The sets of attributes, of the fewest possible up to two, that permit a request with values of the domain.
fn by_trying(engine: &Engine, request: &Request) -> BTreeSet<Vec<String>> {
    // What a declaration fixes makes no difference, and so is no part of a smallest change.
    let domain = domain();
    let mut found = BTreeSet::new();
    for (path, values) in &domain {
        let works = values.iter().filter_map(|value| changed(request, path, value)).any(|one| allows(engine, &one));
        if works {
            found.insert(vec![(*path).to_owned()]);
        }
    }
    if !found.is_empty() {
        return found;
    }
    for (place, (first, values)) in domain.iter().enumerate() {
        for one in values.iter().filter_map(|value| changed(request, first, value)) {
            for (second, values) in domain.iter().skip(place.saturating_add(1)) {
                let works =
                    values.iter().filter_map(|value| changed(&one, second, value)).any(|two| allows(engine, &two));
                if works {
                    found.insert(vec![(*first).to_owned(), (*second).to_owned()]);
                }
            }
        }
    }
    found
}

fn sets(story: &Explanation) -> Vec<&Change> {
    let mut sets = Vec::new();
    for remedy in &story.permit_by {
        match remedy {
            Remedy::Set(change) => sets.push(change),
            Remedy::Wait(seconds) => panic!("nothing was charged, and yet it says to wait {seconds} s"),
        }
    }
    sets
}

prop_compose! {
    fn any_request()(
        anonymous in prop::bool::weighted(0.15),
        model in prop::sample::select(vec!["known", "plain", "foreign"]),
        action in prop::sample::select(vec!["use", "use", "use", "view"]),
        given in domain()
            .into_iter()
            .map(|(path, values)| (Just(path), prop::option::weighted(0.6, prop::sample::select(values))))
            .collect::<Vec<_>>(),
    ) -> Request {
        let principal = if anonymous { Principal::anonymous() } else { Principal::user("ann") };
        let request = Request::new(principal, action, Resource::model(model));
        given.iter().fold(request, |request, (path, value)| match value {
            Some(value) => changed(&request, path, value).unwrap_or(request),
            None => request,
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_smallest_changes_are_right(rules in prop::sample::subsequence(RULES.to_vec(), 1..8), request in any_request()) {
        let engine = engine(&rules);
        let story = explain(&fresh(&engine), &request, now()).unwrap();
        let changes = sets(&story);
        if story.decision.is_allow() {
            prop_assert!(changes.is_empty());
            return Ok(());
        }
        prop_assert!(changes.is_sorted_by(|a, b| a.keys().cmp(b.keys()).is_lt()));
        for change in &changes {
            prop_assert!(allows(&engine, &applied(&request, *change)), "{change:?} does not permit {request:?}");
            for left_out in change.keys() {
                let rest = change.iter().filter(|(path, _)| *path != left_out);
                prop_assert!(!allows(&engine, &applied(&request, rest)), "{change:?} without {left_out}");
            }
        }
        let tried = by_trying(&engine, &request);
        let told: BTreeSet<Vec<String>> =
            changes.iter().map(|change| change.keys().map(ToString::to_string).collect()).collect();
        // More than five are not told.
        let complete = told.len() < 5;
        prop_assert!(!complete || tried.is_subset(&told), "{tried:?} and not only {told:?} permit {request:?}");
        prop_assert!(tried.is_empty() || told.iter().all(|set| tried.iter().all(|other| set.len() <= other.len())));
    }

    #[test]
    fn stories_agree_with_the_decision(rules in prop::sample::subsequence(RULES.to_vec(), 1..12), request in any_request()) {
        let engine = engine(&rules);
        let story = explain(&fresh(&engine), &request, now()).unwrap();
        let decision = fresh(&engine).decide_at(&request, now()).unwrap();
        prop_assert_eq!(&story.decision.effect, &decision.effect);
        prop_assert_eq!(&story.decision.rule, &decision.rule);
        let decided: Vec<_> = story.rules.iter().filter(|rule| rule.decided).collect();
        prop_assert_eq!(decided.len(), usize::from(decision.rule.is_some()));
        for rule in &story.rules {
            let clauses = rule.clauses.iter().filter(|clause| clause.kind != ClauseKind::Counting);
            let fires = clauses.map(|clause| clause.value).fold(Kleene::True, Kleene::and);
            prop_assert_eq!(rule.fires, fires, "{}", rule.rule);
            prop_assert!(rule.clauses.iter().any(|clause| clause.kind == ClauseKind::Part(PartKind::To)));
        }
    }
}

fn story(rules: &[&str], request: Request) -> Explanation {
    explain(&fresh(&engine(rules)), &request, now()).unwrap()
}

fn ann() -> Request {
    Request::new(Principal::user("ann"), "use", Resource::model("known")).time(now())
}

/// Changes in a few words.
fn told(story: &Explanation) -> String {
    let value = |value: &Input| if let Input::Text(text) = value { text.clone() } else { format!("{value:?}") };
    let change = |change: &Change| {
        let parts: Vec<String> = change.iter().map(|(path, input)| format!("{path} = {}", value(input))).collect();
        parts.join(", ")
    };
    sets(story).into_iter().map(change).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_tier_just_high_enough() {
    let request = Request::new(Principal::user("ann").tier("low"), "use", Resource::model("known"));
    assert_eq!(
        told(&story(&["allow anyone to use;", "require tier >= model.tier to use;"], request)),
        "principal.tier = mid"
    );
}

#[test]
fn one_role_more() {
    let request = Request::new(Principal::user("ann").roles(["guest"]), "use", Resource::model("known"));
    let told = told(&story(&["allow role staff to use;"], request));
    assert_eq!(told, r#"principal.roles = List([Text("guest"), Text("staff")])"#);
}

#[test]
fn the_role_that_includes_another_is_the_one_to_lose() {
    let request = Request::new(Principal::user("ann").roles(["lead"]), "use", Resource::model("known"));
    let told = told(&story(&["allow anyone to use;", "deny role staff to use;"], request));
    assert_eq!(told, "principal.roles = List([])");
}

#[test]
fn an_address_inside_the_block_and_outside_of_another() {
    let rules = ["allow anyone to use when ip in home;", "deny anyone to use when ip in lab;"];
    assert_eq!(told(&story(&rules, ann().ip([192, 0, 2, 1].into()))), "ip = 10.0.0.1");
    assert_eq!(told(&story(&rules, ann().ip([10, 9, 0, 7].into()))), "ip = 10.0.0.1");
}

#[test]
fn the_next_time_that_a_window_opens() {
    let rules = ["allow anyone to use when time in office;", "deny anyone to use when time in lunch;"];
    let at = |text: &str| ann().with("time", text);
    // Friday at lunch, Friday night, and before the first of April.
    assert_eq!(told(&story(&rules, at("2025-03-28T12:10:00Z"))), "time = 2025-03-28T13:00:00Z");
    assert_eq!(told(&story(&rules, at("2025-03-28T19:00:00Z"))), "time = 2025-03-31T09:00:00Z");
    let later = ["allow anyone to use from 2025-07-05 when time in office;"];
    assert_eq!(told(&story(&later, at("2025-03-28T10:00:00Z"))), "time = 2025-07-07T09:00:00Z");
    let over = ["allow anyone to use until 2025-02-28T12:00:00Z when time in office;"];
    assert_eq!(told(&story(&over, at("2025-03-28T10:00:00Z"))), "time = 2025-02-28T12:00:00Z");
}

#[test]
fn a_window_opens_by_the_clock_on_the_wall() {
    let rules = ["window nights = 22:00..06:00 in \"Europe/Berlin\";", "allow anyone to use when time in nights;"];
    // On the night of 30 March 2025 the clocks in Berlin go forward.
    let at = |text: &str| ann().with("time", text);
    assert_eq!(told(&story(&rules, at("2025-03-29T12:00:00Z"))), "time = 2025-03-29T21:00:00Z");
    assert_eq!(told(&story(&rules, at("2025-03-30T12:00:00Z"))), "time = 2025-03-30T20:00:00Z");
}

#[test]
fn a_grant_that_opens_the_gate() {
    let rules = ["allow anyone to use;", "gate auto to use;"];
    assert_eq!(told(&story(&rules, ann())), "principal.granted = auto");
    let rules = ["allow anyone to use;", "gate manual to use;"];
    assert_eq!(told(&story(&rules, ann())), "principal.granted = manual");
}

#[test]
fn nothing_that_anonymous_cannot_change() {
    let request = Request::new(Principal::anonymous(), "use", Resource::model("known"));
    assert_eq!(told(&story(&["allow role staff to use;", "allow tier >= mid to use;"], request)), "");
}

#[test]
fn what_an_undeclared_vocabulary_cannot_mend() {
    assert_eq!(told(&story(&["allow anyone to use;", "deny user \"ann\" to use;"], ann())), "");
    assert_eq!(told(&story(&["allow anyone to use;"], Request { action: "fly".to_owned(), ..ann() })), "");
}

#[test]
fn a_cost_that_fits() {
    let rules = ["allow anyone to use;", "limit anyone to use at most 10 units per day;"];
    assert_eq!(told(&story(&rules, ann().with("units", 12))), "units = Int(10)");
    assert_eq!(told(&story(&rules, ann())), "units = Int(10)");
}

#[test]
fn where_only_a_limit_is_in_the_way_waiting_helps() {
    let rules = ["allow anyone to use when time in office;", "limit anyone to use at most 1 per minute;"];
    let engine = fresh(&engine(&rules));
    assert!(engine.decide_at(&ann(), now()).unwrap().is_allow());
    let story = explain(&engine, &ann(), now()).unwrap();
    assert_eq!(story.permit_by, [Remedy::Wait(60)]);
    // Asking did not charge anything.
    assert_eq!(explain(&engine, &ann(), now()).unwrap().permit_by, [Remedy::Wait(60)]);
    // Where waiting is too long for the office, it is not the answer.
    let late = DateTime::parse_from_rfc3339("2025-03-28T17:59:30Z").unwrap().to_utc();
    let request = ann().time(late);
    assert!(engine.decide_at(&request, late).unwrap().is_allow());
    assert_eq!(explain(&engine, &request, late).unwrap().permit_by, []);
}

#[test]
fn clauses_as_they_are_written() {
    let rules = [
        "allow role staff,\n  user \"a // b\" to use // a note\n  when country in [\n \"CN\", // home\n \"HK\",\n ] and mfa;",
    ];
    let story = story(&rules, ann());
    let texts: Vec<&str> =
        story.rules.iter().flat_map(|rule| &rule.clauses).map(|clause| clause.text.as_str()).collect();
    assert_eq!(texts, ["role staff, user \"a // b\"", "to use", "when country in [\"CN\", \"HK\"]", "when mfa"]);
}

#[test]
fn a_large_set_takes_no_longer_than_the_budget() {
    let rules: Vec<String> = (0..300)
        .map(|index| format!("allow role staff to use on \"known\" when country == \"C{index}\" and risk == {} and mfa and ip in [10.{}.0.0/16];", index % 100, index % 250))
        .collect();
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    // Five changes would be needed: the search ends without an answer.
    assert_eq!(told(&story(&rules, ann())), "");
}
