//! What holds for every policy set and every request.

use crate::{
    decide::{allows, decide, essence, fresh, identities, in_turn, load, load_files, noon, outline},
    requests::{Choices, given, many, mapped, unknown, without},
    sets::{Effect, Only, PolicySet, Rule, policy_set, rule},
    words::BLOCKS,
};
use policyc::{
    ast::print,
    load::Loader,
    request::{Input, Request},
};
use proptest::{collection, prelude::*};

/// How many sets a law is tried on; each with 128 requests on average.
const SETS: u32 = 100;

fn requests(choices: &[Choices]) -> Vec<Request> {
    choices.iter().map(Choices::request).collect()
}

/// The requests with the seconds that pass before each.
fn timed(choices: &[Choices]) -> Vec<(u8, Request)> {
    choices.iter().map(|choices| (choices.spare() / 4, choices.request())).collect()
}

/// A set with a rule put in, at any place.
fn with_rule(set: &PolicySet, rule: Rule, place: usize) -> PolicySet {
    let mut set = set.clone();
    set.rules.insert(place % (set.rules.len() + 1), rule);
    set
}

fn changed(set: &PolicySet, change: impl Fn(&Rule) -> Vec<Rule>) -> PolicySet {
    PolicySet { vocabulary: set.vocabulary.clone(), rules: set.rules.iter().flat_map(change).collect() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: SETS, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn a_printed_set_decides_as_the_set(choices in many(), set in policy_set(true)) {
        let text = set.text();
        let mut loader = Loader::default();
        loader.text("set.policy", &text);
        let parsed = loader.parse().unwrap();
        let printed = print::print(&parsed.files[0].0, parsed.sources.iter().next().map(|(_, source)| source));
        let (one, other) = (load(&text), load(&printed));
        prop_assert_eq!(identities(&one), identities(&other));
        let requests = timed(&choices);
        let answers = in_turn(&one, &requests, |decision| outline(&one, decision));
        let printed = in_turn(&other, &requests, |decision| outline(&other, decision));
        for ((before, after), (_, request)) in answers.into_iter().zip(printed).zip(requests) {
            prop_assert_eq!(before, after, "{:?}", request);
        }
    }

    /// Without `has`, whatever is not known denies.
    #[test]
    fn what_becomes_unknown_never_allows(choices in many(), set in policy_set(false), mask in any::<u64>()) {
        let engine = load(&set.text());
        for (turn, request) in requests(&choices).iter().enumerate() {
            let engine = fresh(&engine);
            // Other requests may have used up what there was.
            let _ = (engine.decide_at(request, noon()), engine.decide_at(request, noon()));
            // A request that does not fit the vocabulary is no question.
            if engine.decide_at(request, noon()).is_ok_and(|decision| decision.is_allow()) || decide(&engine, request).is_err() {
                continue;
            }
            let given = given(request);
            if given.is_empty() {
                continue;
            }
            let some: Vec<&str> =
                (0..).zip(&given).filter(|(place, _)| mask.rotate_left(*place) & 1 == 1).map(|(_, path)| *path).collect();
            for paths in [&given[turn % given.len()..][..1], &some, &given] {
                let less = unknown(request, paths);
                let allowed = engine.decide_at(&less, noon()).is_ok_and(|decision| decision.is_allow());
                prop_assert!(!allowed, "without {:?}: {:?}", paths, request);
            }
        }
    }

    /// An attribute without default that a request leaves out is as unknown as one that it says to be.
    #[test]
    fn what_is_absent_is_unknown(choices in many(), set in policy_set(true)) {
        let engine = load(&set.text());
        for (turn, request) in requests(&choices).iter().enumerate() {
            let defaulted = |path: &str| {
                ["tier", "degraded", "principal.granted"].contains(&path)
                    || set.vocabulary.iter().any(|statement| {
                        let declared = statement.strip_prefix("attribute ").unwrap_or_default();
                        declared.strip_prefix(path).is_some_and(|rest| !rest.starts_with('.')) && declared.contains('=')
                    })
            };
            let open: Vec<&str> = given(request).into_iter().filter(|path| !defaulted(path)).collect();
            if open.is_empty() {
                continue;
            }
            for paths in [&open[turn % open.len()..][..1], &open] {
                let said = decide(&engine, &unknown(request, paths));
                prop_assert_eq!(said, decide(&engine, &without(request, paths)), "{:?}: {:?}", paths, request);
            }
        }
    }

    #[test]
    fn one_more_deny_never_allows(
        choices in many(), set in policy_set(true), deny in rule(Only::Deny, true), place in any::<usize>(),
    ) {
        let (before, after) = (load(&set.text()), load(&with_rule(&set, deny, place).text()));
        for request in requests(&choices) {
            prop_assert!(allows(&before, &request) || !allows(&after, &request), "{:?}", request);
        }
    }

    #[test]
    fn one_allow_less_never_allows(choices in many(), set in policy_set(true), place in any::<usize>()) {
        let plain = |rule: &Rule| rule.effect == Effect::Allow && rule.at_most.is_none();
        let allows_at: Vec<usize> = (0..set.rules.len()).filter(|place| plain(&set.rules[*place])).collect();
        prop_assume!(!allows_at.is_empty());
        let mut less = set.clone();
        less.rules.remove(allows_at[place % allows_at.len()]);
        let (before, after) = (load(&set.text()), load(&less.text()));
        for request in requests(&choices) {
            prop_assert!(allows(&before, &request) || !allows(&after, &request), "{:?}", request);
        }
    }

    #[test]
    fn the_order_of_statements_and_files_allows_nothing(
        choices in many(), set in policy_set(true), keys in collection::vec(any::<u8>(), 1..=8),
    ) {
        let mut statements: Vec<(u8, String)> =
            keys.iter().copied().cycle().enumerate().map(|(turn, key)| key.rotate_left(turn as u32 / 3)).zip(set.statements()).collect();
        statements.sort_by_key(|(key, _)| *key);
        let (mut one, mut two) = (String::new(), String::new());
        for (key, statement) in statements {
            let file = if key % 2 == 0 { &mut one } else { &mut two };
            file.push_str(&statement);
            file.push('\n');
        }
        let requests = timed(&choices);
        let before = in_turn(&load(&set.text()), &requests, |decision| decision.is_allow());
        for files in [[("one", one.as_str()), ("two", two.as_str())], [("two", &two), ("one", &one)]] {
            let after = in_turn(&load_files(files), &requests, |decision| decision.is_allow());
            for ((before, after), (_, request)) in before.iter().zip(after).zip(&requests) {
                prop_assert_eq!(before.as_ref().ok(), after.as_ref().ok(), "{:?}", request);
            }
        }
    }

    #[test]
    fn a_shadow_rule_changes_nothing_else(
        choices in many(), set in policy_set(true), shadow in rule(Only::Shadow, true),
    ) {
        let (before, after) = (load(&set.text()), load(&with_rule(&set, shadow, set.rules.len()).text()));
        let requests = timed(&choices);
        let rules = before.ir().rules.len();
        let with = in_turn(&after, &requests, |decision| {
            let mut outline = outline(&after, decision);
            outline.shadow.retain(|rule| *rule < rules);
            outline
        });
        for ((before, after), (_, request)) in
            in_turn(&before, &requests, |decision| outline(&before, decision)).into_iter().zip(with).zip(&requests)
        {
            prop_assert_eq!(before, after, "{:?}", request);
        }
    }

    /// Only a request that does not fit the vocabulary is refused.
    #[test]
    fn evaluation_is_total(choices in many(), set in policy_set(true)) {
        let engine = load(&set.text());
        for (choices, request) in choices.iter().zip(requests(&choices)) {
            let decided = decide(&engine, &request);
            prop_assert_eq!(&decided, &decide(&engine, &request));
            let total = fresh(&engine).decide(&with_time(&request));
            match &decided {
                Ok(decision) => prop_assert_eq!(decision, &total),
                Err(_) => prop_assert_eq!(total.denial().map(|denial| denial.status), Some(400)),
            }
            if let Err(refusal) = &decided {
                prop_assert_eq!(request.context.get("tokens"), Some(&Input::Int(-1)), "{}: {:?}", refusal, request);
            }
            let given = given(&request);
            if !given.is_empty() {
                let odd = crate::requests::odd(&request, given[usize::from(choices.spare()) % given.len()], choices.spare());
                let _ = decide(&engine, &odd);
                prop_assert!(fresh(&engine).decide(&odd).denial().is_none_or(|denial| denial.status >= 400));
            }
        }
    }

    #[test]
    fn an_address_in_ipv6_form_is_the_ipv4_address(choices in many(), set in policy_set(true)) {
        let mut text = set.text();
        for (four, six) in [
            ("10.0.0.1", "::ffff:10.0.0.1"),
            ("192.168.1.7", "::ffff:c0a8:107"),
            ("203.0.113.9", "::FFFF:203.0.113.9"),
            (BLOCKS[0], "::ffff:10.0.0.0/104"),
            (BLOCKS[1], "::ffff:192.168.1.0/120"),
            (BLOCKS[4], "::ffff:0:0/96"),
        ] {
            let mut mapped = String::new();
            for (turn, piece) in text.split(four).enumerate() {
                if turn > 0 {
                    mapped.push_str(if mapped.ends_with("ffff:") { four } else { six });
                }
                mapped.push_str(piece);
            }
            text = mapped;
        }
        let (one, other) = (load(&set.text()), load(&text));
        for (_, request) in timed(&choices) {
            let before = decide(&one, &request);
            prop_assert_eq!(&before, &decide(&one, &mapped(&request)), "{:?}", request);
            prop_assert_eq!(before.map(essence), decide(&other, &request).map(essence), "{:?}", request);
        }
    }

    #[test]
    fn require_is_a_deny_when_not(choices in many(), set in policy_set(true)) {
        let denies = changed(&set, |rule| {
            let Effect::Require(condition) = &rule.effect else { return vec![rule.clone()] };
            let mut rule = Rule { effect: Effect::Deny, ..rule.clone() };
            rule.clauses.push(format!("when not ({condition})"));
            rule.otherwise = rule.otherwise.or(Some("else REQUIRED".to_owned()));
            vec![rule]
        });
        let (one, other) = (load(&set.text()), load(&denies.text()));
        for request in requests(&choices) {
            let before = decide(&one, &request).map(|decision| outline(&one, decision));
            let after = decide(&other, &request).map(|decision| outline(&other, decision));
            prop_assert_eq!(before, after, "{:?}", request);
        }
    }

    #[test]
    fn at_most_is_a_limit_of_its_own(choices in many(), set in policy_set(true)) {
        let apart = changed(&set, |rule| {
            if rule.effect != Effect::Allow || rule.at_most.is_none() {
                return vec![rule.clone()];
            }
            let allow = Rule { at_most: None, otherwise: None, ..rule.clone() };
            let label = rule.label.as_ref().map(|label| format!("{label}_limit"));
            vec![allow, Rule { effect: Effect::Limit, label, ..rule.clone() }]
        });
        same_in_turn(&set, &apart, &choices)?;
    }

    #[test]
    fn a_rule_twice_is_a_rule_once(choices in many(), set in policy_set(true), place in any::<usize>()) {
        let again = set.rules[place % set.rules.len()].clone();
        let label = again.label.as_ref().map(|label| format!("{label}_again"));
        let twice = with_rule(&set, Rule { label, ..again }, set.rules.len());
        same_in_turn(&set, &twice, &choices)?;
    }

    #[test]
    fn a_block_supplies_the_selector(choices in many(), set in policy_set(true)) {
        let blocks: Vec<String> = set.vocabulary.iter().cloned().chain(set.rules.iter().map(Rule::block)).collect();
        let (one, other) = (load(&set.text()), load(&blocks.join("\n")));
        prop_assert_eq!(identities(&one), identities(&other));
        for request in requests(&choices) {
            prop_assert_eq!(decide(&one, &request).map(drop_revision), decide(&other, &request).map(drop_revision));
        }
    }
}

fn drop_revision(mut decision: policyc::decision::Decision) -> policyc::decision::Decision {
    decision.revision = "".into();
    decision
}

fn with_time(request: &Request) -> Request {
    let mut request = request.clone();
    request.context.entry("time".to_owned()).or_insert(Input::Unknown);
    request
}

/// Both sets decide requests alike, one after the other.
fn same_in_turn(one: &PolicySet, other: &PolicySet, choices: &[Choices]) -> Result<(), TestCaseError> {
    let requests = timed(choices);
    let before = in_turn(&load(&one.text()), &requests, essence);
    let after = in_turn(&load(&other.text()), &requests, essence);
    for ((before, after), (_, request)) in before.into_iter().zip(after).zip(requests) {
        prop_assert_eq!(before, after, "{:?}", request);
    }
    Ok(())
}
