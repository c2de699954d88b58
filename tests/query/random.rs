//! Random policy sets with claims, small enough that all requests which can make a difference can be written down.

use crate::topics::{EVERY, TOPICS, Topic};
use proptest::{collection, option, prelude::*, sample};

/// A set with claims.
#[derive(Clone)]
pub(crate) struct Set {
    pub(crate) topics: Vec<usize>,
    pub(crate) statements: Vec<String>,
    /// How many of them are its vocabulary.
    pub(crate) names: usize,
}

impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\n{}\n", self.text())
    }
}

impl Set {
    pub(crate) fn text(&self) -> String {
        self.statements.join("\n")
    }
}

/// A random set.
pub(crate) fn set() -> impl Strategy<Value = Set> {
    topics().prop_flat_map(|topics| set_about(&topics, statement))
}

/// A random set, and one that is like it in part.
pub(crate) fn pair() -> impl Strategy<Value = (Set, Set)> {
    let pair = |topics: Vec<usize>| {
        let set = || set_about(&topics, rule);
        (set(), set(), collection::vec(0..6_u8, 8), prop::bool::weighted(0.5))
    };
    topics().prop_flat_map(pair).prop_map(|(old, other, picks, same_names)| {
        let (names, rules) = old.statements.split_at(old.names);
        let (other_names, other_rules) = other.statements.split_at(other.names);
        let mut mixed: Vec<String> = if same_names { names } else { other_names }.to_vec();
        let count = mixed.len();
        let mut new = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            match picks.get(index) {
                Some(0) => {}
                Some(1) => new.extend(other_rules.get(index).cloned()),
                Some(2) => new.insert(0, rule.clone()),
                Some(_) | None => new.push(rule.clone()),
            }
        }
        mixed.extend(new);
        let new = Set { topics: old.topics.clone(), statements: mixed, names: count };
        (old, new)
    })
}

fn topics() -> impl Strategy<Value = Vec<usize>> {
    sample::subsequence((0..TOPICS.len()).collect::<Vec<_>>(), 1..=2)
}

/// A random set about some topics, with random statements.
fn set_about<S: Strategy<Value = Vec<String>> + 'static>(
    topics: &[usize],
    statement: impl Fn(BoxedStrategy<String>, BoxedStrategy<String>, BoxedStrategy<String>) -> S,
) -> BoxedStrategy<Set> {
    let topics = topics.to_vec();
    {
        let all = || topics.iter().map(|index| &TOPICS[*index]).chain([&EVERY]);
        let mut vocabulary: Vec<String> = Vec::new();
        for statement in all().flat_map(|topic| topic.vocabulary) {
            if !vocabulary.iter().any(|known| known == statement) {
                vocabulary.push((*statement).to_owned());
            }
        }
        let optional: Vec<String> = all().flat_map(|topic| topic.optional).map(|text| (*text).to_owned()).collect();
        let count = optional.len();
        let optional = sample::subsequence(optional, 0..=count.min(3)).prop_map(|mut chosen| {
            // An attribute has one default.
            let mut seen = Vec::new();
            chosen.retain(|statement| {
                let subject = statement.split(['=', '{']).next().unwrap_or_default().to_owned();
                let new = !seen.contains(&subject);
                seen.push(subject);
                new
            });
            chosen
        });
        let pick = |of: fn(&Topic) -> &'static [&'static str]| {
            let words: Vec<&str> = all().flat_map(of).copied().collect();
            sample::select(words).boxed()
        };
        let who = alternatives(pick(|topic| topic.who));
        let on = alternatives(pick(|topic| topic.on));
        let test = condition(pick(|topic| topic.tests));
        let statement = statement(who, on, test);
        let open = prop::bool::weighted(0.6);
        (Just(topics), Just(vocabulary), optional, collection::vec(statement, 1..=6), open)
            .prop_map(|(topics, vocabulary, optional, statements, open)| {
                // A declaration with a default takes the place of the one without.
                let subject =
                    |statement: &str| statement.split([':', '=']).next().unwrap_or_default().trim().to_owned();
                let replaced: Vec<String> = optional.iter().map(|statement| subject(statement)).collect();
                let vocabulary = vocabulary.into_iter().filter(|statement| !replaced.contains(&subject(statement)));
                let mut all: Vec<String> = vocabulary.chain(optional).collect();
                let names = all.len();
                // Where nothing is allowed, nothing is seen of much else.
                let open = open.then(|| "allow anyone to any;".to_owned());
                all.extend(statements.into_iter().flatten().chain(open));
                Set { topics, statements: all, names }
            })
            .boxed()
    }
}

fn alternatives(term: BoxedStrategy<&'static str>) -> BoxedStrategy<String> {
    let all = collection::vec(term.clone(), 1..=2).prop_map(|terms| terms.join(" and "));
    let any = collection::vec(all, 1..=2).prop_map(|rows| rows.join(", "));
    (any, option::weighted(0.3, term))
        .prop_map(|(any, except)| any + &except.map(|except| format!(" except {except}")).unwrap_or_default())
        .boxed()
}

fn condition(test: BoxedStrategy<&'static str>) -> BoxedStrategy<String> {
    let leaf = (test, prop::bool::weighted(0.25))
        .prop_map(|(test, not)| if not { format!("not ({test})") } else { test.to_owned() });
    leaf.prop_recursive(2, 6, 3, |inner| {
        let join = |word: &'static str| {
            move |parts: Vec<String>| {
                let parts: Vec<String> = parts.iter().map(|part| format!("({part})")).collect();
                parts.join(word)
            }
        };
        prop_oneof![
            collection::vec(inner.clone(), 2..=3).prop_map(join(" and ")),
            collection::vec(inner, 2..=3).prop_map(join(" or ")),
        ]
    })
    .boxed()
}

/// A rule, often with a claim that is close to it.
fn statement(
    who: BoxedStrategy<String>,
    on: BoxedStrategy<String>,
    test: BoxedStrategy<String>,
) -> impl Strategy<Value = Vec<String>> {
    let actions = sample::select(&["any", "view", "use", "view, use"][..]);
    let clause =
        (sample::select(&["when", "unless"][..]), test.clone()).prop_map(|(word, test)| format!("{word} {test}"));
    let clauses = collection::vec(clause, 0..=2).prop_map(|clauses| clauses.join(" "));
    let scope = (who.clone(), actions, option::weighted(0.5, on), clauses.clone());
    let kind = sample::select(&["allow", "allow", "deny", "deny", "require", "gate", "never", "always", "shadow"][..]);
    let claim = (prop::bool::weighted(0.7), option::weighted(0.3, (who, clauses)));
    (scope, kind, test, sample::select(&["auto", "manual"][..]), claim).prop_map(
        |((who, actions, on, clauses), kind, test, mode, (with_claim, other))| {
            let on = on.map(|on| format!(" on {on}")).unwrap_or_default();
            let scope = |who: &str, clauses: &str| format!("{who} to {actions}{on} {clauses}");
            let (claim_who, claim_clauses) = other.clone().unwrap_or((who.clone(), clauses.clone()));
            let near = scope(&claim_who, &claim_clauses);
            let mut statements = match kind {
                "allow" => vec![format!("allow {};", scope(&who, &clauses)), format!("always allow {near};")],
                "deny" => vec![format!("deny {};", scope(&who, &clauses)), format!("never allow {near};")],
                "shadow" => vec![format!("shadow deny {};", scope(&who, &clauses)), format!("never allow {near};")],
                "require" => vec![
                    format!("require {test} to {actions}{on} of {who} {clauses};"),
                    format!("never allow {near} unless {test};"),
                ],
                "gate" => vec![
                    format!("gate {mode} to {actions}{on} of {who} {clauses};"),
                    format!("never allow {near} unless principal.granted;"),
                ],
                claim => vec![format!("{claim} allow {near};"), format!("allow {};", scope(&who, &clauses))],
            };
            if !with_claim {
                statements.truncate(1);
            }
            statements
        },
    )
}

/// A rule that decides, or says something of decisions.
fn rule(
    who: BoxedStrategy<String>,
    on: BoxedStrategy<String>,
    test: BoxedStrategy<String>,
) -> impl Strategy<Value = Vec<String>> {
    let actions = sample::select(&["any", "view", "use", "view, use"][..]);
    let clause =
        (sample::select(&["when", "unless"][..]), test.clone()).prop_map(|(word, test)| format!("{word} {test}"));
    let clauses = collection::vec(clause, 0..=2).prop_map(|clauses| clauses.join(" "));
    let kinds = ["allow", "allow", "allow", "deny", "deny", "require", "gate", "limit", "oblige", "shadow"];
    let word = sample::select(&["", "", " else X 403 \"no\"", " else Y 404", " else X 401"][..]);
    let mode = sample::select(&["auto", "manual"][..]);
    let small = (sample::select(&["allow", "deny", "deny X", "any"][..]), 1..=2_u8);
    (who, actions, option::weighted(0.5, on), clauses, sample::select(kinds.to_vec()), test, (word, mode, small))
        .prop_map(|(who, actions, on, clauses, kind, test, (word, mode, (upon, number)))| {
            let on = on.map(|on| format!(" on {on}")).unwrap_or_default();
            let scope = format!("{who} to {actions}{on} {clauses}");
            vec![match kind {
                "allow" => format!("allow {scope};"),
                "deny" => format!("deny {scope}{word};"),
                "shadow" => format!("shadow deny {scope};"),
                "require" => format!("require {test} to {actions}{on} of {who} {clauses}{word};"),
                "gate" => format!("gate {mode} to {actions}{on} of {who} {clauses}{word};"),
                "limit" => format!("limit {scope} at most {number} per day by principal{word};"),
                _ => format!("oblige log(level = {number}) upon {upon} to {actions}{on} of {who} {clauses};"),
            }]
        })
}
