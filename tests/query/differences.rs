//! Differences between random policy sets against all requests that can make one.

use crate::{
    random::{Set, pair},
    requests::requests,
};
use policyc::{
    Claims, Engine, EngineBuilder,
    check::{
        Ir,
        ir::{Effect, RuleId},
    },
    eval::{
        facts::Facts,
        reference::{decides, evaluate},
        verdict::Outcome,
    },
    query::{Budget, Change, ChangeKind, Comparison, RuleOf, Which, diff},
    request::Request,
};
use proptest::{
    prelude::*,
    test_runner::{TestCaseError, TestRunner},
};
use std::{cell::RefCell, collections::BTreeSet};

/// How many pairs of sets are compared, unless `POLICYC_DIFFS` says how many.
const PAIRS: usize = 30;
/// As many requests at most are looked at for each pair; where there are more, some of them.
const MOST: usize = 3_000;
const SOME: usize = 200;

/// What has been compared.
#[derive(Debug, Default)]
struct Tally {
    /// How many pairs, where *all* requests that can make a difference were looked at.
    pairs: usize,
    /// How many pairs besides, where some were.
    besides: usize,
    /// How many pairs were proved to be the same.
    same: usize,
    changes: usize,
    requests: usize,
}

fn load(text: &str) -> Engine {
    let builder = EngineBuilder::default().text("set.policy", text).claims(Claims::Unproved);
    builder.load().unwrap_or_else(|error| panic!("the set is not valid: {error}\n{text}"))
}

fn compare_sets(old: &Ir, new: &Ir) -> Comparison {
    diff(old, new, &ChangeKind::ALL, Budget::USUAL, |_| {})
}

/// What a set says of a request: whether it allows, and the words of all that comes with it.
#[derive(Debug, PartialEq)]
struct Said {
    allows: bool,
    limits: BTreeSet<String>,
    duties: BTreeSet<String>,
    gate: Option<String>,
    words: String,
}

fn said(engine: &Engine, request: &Request) -> Said {
    let ir = engine.ir();
    let facts = Facts::new(&ir.vocabulary, request, false).unwrap();
    let verdict = evaluate(ir, &facts);
    let limit = |id: &RuleId| {
        let effect = &ir.rules.find(*id).unwrap().effect;
        let Effect::Limit(limit, refusal) = effect else { panic!("no limit: {effect:?}") };
        format!("{} {refusal:?}", limit.amount)
    };
    let decision = engine.unlimited(request).unwrap();
    assert_eq!(decision.is_allow(), matches!(verdict.outcome, Outcome::Allow(_)));
    let denial = decision.denial();
    Said {
        allows: decision.is_allow(),
        limits: verdict.limits.iter().map(limit).collect(),
        duties: decision.obligations.iter().map(ToString::to_string).collect(),
        gate: denial.and_then(|denial| denial.gate).map(|gate| format!("{gate:?}")),
        words: denial
            .map(|denial| {
                // What an action is called that is not known is no reason.
                let message = denial.message.clone().filter(|_| &*denial.code != "UNKNOWN_ACTION");
                let is_ours = ["NO_RULE", "UNKNOWN_ACTION"].contains(&&*denial.code);
                let more = (!is_ours).then_some((denial.status, message));
                format!("{} {more:?}", denial.code)
            })
            .unwrap_or_default(),
    }
}

/// Whether two sets differ about a request in a way.
fn differs(before: &Said, after: &Said, kind: ChangeKind) -> bool {
    match kind {
        ChangeKind::Gained => !before.allows && after.allows,
        ChangeKind::Lost => before.allows && !after.allows,
        ChangeKind::Limit => before.allows && after.allows && before.limits != after.limits,
        ChangeKind::Duty => before.allows == after.allows && before.duties != after.duties,
        ChangeKind::Gate => !before.allows && !after.allows && before.gate != after.gate,
        ChangeKind::Reason => !before.allows && !after.allows && before.words != after.words,
    }
}

/// Whether the rule of a change fires.
fn fires(engines: [&Engine; 2], change: &Change, request: &Request) -> bool {
    let Some((which, id)) = change.rule else { return true };
    let ir = engines[usize::from(which == Which::New)].ir();
    let facts = Facts::new(&ir.vocabulary, request, false).unwrap();
    decides(ir.rules.find(id).unwrap(), &facts)
}

fn compare((before, after): &(Set, Set), tally: &mut Tally) -> Result<(), TestCaseError> {
    let engines = [before, after].map(|set| load(&set.text()));
    let [old, new] = &engines;
    let found = compare_sets(old.ir(), new.ir());
    prop_assert!(found.inconclusive.is_empty(), "{:?}", found.inconclusive);
    for change in &found.changes {
        let [before, after] = [old, new].map(|engine| said(engine, &change.witness));
        prop_assert!(differs(&before, &after, change.kind), "{change:#?}\n{before:?}\n{after:?}");
        prop_assert!(fires([old, new], change, &change.witness), "{change:#?}");
    }
    let mut statements = before.statements.clone();
    statements.extend(after.statements.iter().cloned());
    let all = Set { topics: before.topics.clone(), statements, names: 0 };
    let (requests, are_all) = requests(&all, MOST, SOME);
    for request in requests {
        tally.requests += 1;
        let [before, after] = [old, new].map(|engine| said(engine, &request));
        for kind in ChangeKind::ALL.into_iter().filter(|kind| differs(&before, &after, *kind)) {
            let mut of_kind = found.changes.iter().filter(|change| change.kind == kind);
            let by_rule = [ChangeKind::Gained, ChangeKind::Lost].contains(&kind);
            let is_found = of_kind.any(|change| !by_rule || fires([old, new], change, &request));
            prop_assert!(is_found, "{kind:?} is not found: {request:#?}\n{before:?}\n{after:?}\n{:#?}", found.changes);
        }
    }
    tally.changes += found.changes.len();
    tally.same += usize::from(found.changes.is_empty());
    *if are_all { &mut tally.pairs } else { &mut tally.besides } += 1;
    Ok(())
}

#[test]
fn differences_are_found_just_where_a_request_shows_them() {
    let pairs = std::env::var("POLICYC_DIFFS").ok().map_or(PAIRS, |pairs| pairs.parse().unwrap());
    let tally = RefCell::new(Tally::default());
    while tally.borrow().pairs < pairs {
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(50) };
        let compared = TestRunner::new(config).run(&pair(), |pair| compare(&pair, &mut tally.borrow_mut()));
        compared.unwrap_or_else(|error| panic!("{error}"));
    }
    println!("{:?}", tally.into_inner());
}

/// The changes of a kind, by rule.
fn rules(found: &Comparison, kind: ChangeKind) -> BTreeSet<Option<RuleOf>> {
    found.changes.iter().filter(|change| change.kind == kind).map(|change| change.rule).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn a_set_does_not_differ_from_itself((set, _) in pair()) {
        let (old, new) = (load(&set.text()), load(&set.text()));
        let found = compare_sets(old.ir(), new.ir());
        prop_assert!(found.changes.is_empty() && found.inconclusive.is_empty() && found.only_one.is_empty(), "{found:#?}");
    }

    #[test]
    fn what_one_way_is_gained_the_other_way_is_lost((old, new) in pair()) {
        let (old, new) = (load(&old.text()), load(&new.text()));
        let (there, back) = (compare_sets(old.ir(), new.ir()), compare_sets(new.ir(), old.ir()));
        let turned = |(which, id): RuleOf| (if which == Which::Old { Which::New } else { Which::Old }, id);
        for (one, other) in [(ChangeKind::Gained, ChangeKind::Lost), (ChangeKind::Lost, ChangeKind::Gained)] {
            let turned: BTreeSet<_> = rules(&back, other).into_iter().map(|rule| rule.map(turned)).collect();
            prop_assert_eq!(rules(&there, one), turned);
        }
        let same = |kind| (rules(&there, kind).is_empty(), rules(&back, kind).is_empty());
        for kind in [ChangeKind::Limit, ChangeKind::Duty, ChangeKind::Gate, ChangeKind::Reason] {
            let (there, back) = same(kind);
            prop_assert_eq!(there, back, "{:?}", kind);
        }
    }

    #[test]
    fn a_prohibition_more_gains_nothing((set, other) in pair()) {
        let more = other.statements[other.names..].iter().filter(|text| text.starts_with("deny"));
        let text = more.fold(set.text(), |text, deny| format!("{text}\n{deny}"));
        let (old, new) = (load(&set.text()), load(&text));
        let found = compare_sets(old.ir(), new.ir());
        prop_assert!(rules(&found, ChangeKind::Gained).is_empty(), "{found:#?}");
        prop_assert!(rules(&found, ChangeKind::Limit).is_empty(), "{found:#?}");
    }
}
