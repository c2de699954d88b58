//! Random policy sets with claims, small enough that all requests which can make a difference can be written down.
//!
//! A set is made of a few topics. Each has statements of the vocabulary, tests, and for some attributes the values that
//! can make a difference: each constant, one or two others, `none`, unknown and absent.

use policyc::request::{Input, Principal, Properties, Request, Resource};
use proptest::{collection, option, prelude::*, sample};
use std::collections::BTreeMap;

/// What a set can be about.
pub(crate) struct Topic {
    vocabulary: &'static [&'static str],
    /// Declarations and other statements, each of which may be left out.
    optional: &'static [&'static str],
    who: &'static [&'static str],
    on: &'static [&'static str],
    tests: &'static [&'static str],
    /// Attributes, and what a request says of each.
    values: &'static [(&'static str, &'static [&'static str])],
}

/// No topic of its own: what all sets have.
const EVERY: Topic = Topic {
    vocabulary: &["actions view, use;", "tiers low < mid < high;", "kinds gizmo;", "kinds of principal robot;"],
    optional: &[],
    who: &["anyone", "anyone", "anyone", "anonymous"],
    on: &["any", "any", "any model"],
    tests: &["action.name == view"],
    values: &[],
};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        vocabulary: &["role a;", "role b includes a;", "role c;"],
        optional: &["attribute principal.roles = [];", "attribute principal.roles = [c, b@\"x\"];"],
        who: &["role a", "role b", "role c"],
        on: &[],
        tests: &[
            "roles overlaps [a, c]",
            "\"b\" in principal.roles",
            "has principal.roles",
            "roles overlaps model.tags",
            "model.org in principal.roles",
        ],
        values: &[
            (
                "principal.roles",
                &[
                    "absent", "unknown", "none", "[]", "[a]", "[b]", "[c]", "[b c]", "[a@x]", "[b@x]", "[c@y]",
                    "[a c@x]",
                ],
            ),
            ("model.org", &["absent", "none", "\"x\"", "\"y\"", "\"a\"", "\"b\"", "\"z\""]),
            ("model.tags", &["absent", "[]", "[a]", "[b]", "[c]"]),
        ],
    },
    Topic {
        vocabulary: &[],
        optional: &[
            "attribute principal.org = none;",
            "attribute principal.org = \"y\";",
            "attribute model.org = \"x\";",
        ],
        who: &["org \"x\"", "org \"y\""],
        on: &["org \"x\""],
        tests: &[
            "principal.org == model.org",
            "principal.org != model.org",
            "model.org in [\"x\", \"w\"]",
            "has principal.org",
            "principal.org like \"?\"",
        ],
        values: &[
            ("principal.org", &["absent", "unknown", "none", "\"x\"", "\"y\"", "\"w\"", "\"zz\"", "\"z\""]),
            ("model.org", &["absent", "unknown", "none", "\"x\"", "\"y\"", "\"w\"", "\"zz\"", "\"z\""]),
        ],
    },
    Topic {
        vocabulary: &[],
        optional: &["attribute principal.tier = mid;", "attribute model.tier = mid;"],
        who: &["tier >= mid", "tier == low", "tier < high"],
        on: &[],
        tests: &[
            "tier >= model.tier",
            "tier < model.tier",
            "model.tier in [low, high]",
            "model.tier != mid",
            "tier == model.tier",
        ],
        values: &[
            ("principal.tier", &["absent", "unknown", "none", "\"low\"", "\"mid\"", "\"high\"", "\"odd\""]),
            ("model.tier", &["absent", "unknown", "none", "\"low\"", "\"mid\"", "\"high\""]),
        ],
    },
    Topic {
        vocabulary: &[
            "attribute risk: int 0..4;",
            "attribute principal.rank: int 1..4;",
            "attribute model.rank: int -1..3;",
        ],
        optional: &[],
        who: &[],
        on: &[],
        tests: &[
            "risk < 2",
            "risk in [1, 3]",
            "risk >= model.rank",
            "risk == model.rank",
            "risk != model.rank",
            "principal.rank > model.rank",
            "principal.rank <= model.rank",
            "has risk",
            "model.rank == 2",
        ],
        values: &[
            ("risk", &["absent", "none", "0", "1", "2", "3", "4"]),
            ("principal.rank", &["absent", "none", "1", "2", "3", "4"]),
            ("model.rank", &["absent", "none", "-1", "0", "1", "2", "3"]),
        ],
    },
    Topic {
        vocabulary: &["attribute principal.home: ip;", "attribute model.host: ip;"],
        optional: &["attribute ip = 10.0.0.1;"],
        who: &[],
        on: &[],
        tests: &[
            "ip in [10.0.0.0/8]",
            "ip in [10.0.0.0/15, ::/0]",
            "ip in [::ffff:10.0.0.0/104]",
            "ip in [::/90, 2001:db8::/32]",
            "principal.home == model.host",
            "principal.home != model.host",
            "ip == model.host",
            "model.host in [10.0.0.1]",
        ],
        values: &[
            (
                "ip",
                &[
                    "absent",
                    "none",
                    "\"10.0.0.1\"",
                    "\"::ffff:10.0.0.2\"",
                    "\"10.2.0.0\"",
                    "\"11.0.0.0\"",
                    "\"::1\"",
                    "\"2001:db8::1\"",
                    "\"9000::1\"",
                    "\"9000::2\"",
                ],
            ),
            ("principal.home", &["absent", "none", "\"10.0.0.1\"", "\"10.0.0.2\"", "\"::1\""]),
            (
                "model.host",
                &[
                    "absent",
                    "none",
                    "\"10.0.0.1\"",
                    "\"10.0.0.2\"",
                    "\"10.2.0.0\"",
                    "\"11.0.0.0\"",
                    "\"::1\"",
                    "\"2001:db8::1\"",
                    "\"9000::1\"",
                ],
            ),
        ],
    },
    Topic {
        vocabulary: &["attribute note: text;", "attribute model.label: text;"],
        optional: &["attribute note: text = \"ab\";"],
        who: &[],
        on: &[],
        tests: &[
            "note like \"a*\"",
            "note like \"*b\"",
            "note like \"ab\"",
            "note like \"?b\"",
            "note == \"ab\"",
            "note in [\"ab\", \"c\"]",
            "note == model.label",
            "note != model.label",
            "model.label like \"*b\"",
            "model.label == \"c\"",
        ],
        values: &[
            (
                "note",
                &[
                    "absent", "unknown", "none", "\"ab\"", "\"axb\"", "\"ax\"", "\"xb\"", "\"yb\"", "\"xxb\"", "\"c\"",
                    "\"q\"", "\"r\"",
                ],
            ),
            (
                "model.label",
                &[
                    "absent", "none", "\"ab\"", "\"axb\"", "\"ax\"", "\"xb\"", "\"yb\"", "\"xxb\"", "\"c\"", "\"q\"",
                    "\"r\"",
                ],
            ),
        ],
    },
    Topic {
        vocabulary: &[
            "attribute principal.teams: set of text;",
            "attribute model.teams: set of text;",
            "attribute team: text;",
        ],
        optional: &["attribute principal.teams: set of text = [r];"],
        who: &[],
        on: &[],
        tests: &[
            "principal.teams overlaps model.teams",
            "\"r\" in principal.teams",
            "model.teams overlaps [r, s]",
            "principal.teams overlaps []",
            "has model.teams",
            "has principal.teams",
            "team in model.teams",
            "principal.id in model.teams",
            "team == \"r\"",
        ],
        values: &[
            ("principal.teams", &["absent", "unknown", "none", "[]", "[r]", "[s]", "[q]", "[r q]"]),
            (
                "model.teams",
                &[
                    "absent",
                    "none",
                    "[]",
                    "[r]",
                    "[s]",
                    "[q]",
                    "[r s]",
                    "[bob]",
                    "[q bob zed]",
                    "[zed al@p t]",
                    "[k bob al@p zed q]",
                    "[t]",
                    "[q t]",
                    "[r t]",
                ],
            ),
            ("team", &["absent", "none", "\"r\"", "\"t\"", "\"q\""]),
        ],
    },
    Topic {
        vocabulary: &["attribute model.teams: set of text;", "role a;"],
        optional: &[
            "user \"bob\" { roles: [a]; org: \"x\"; }",
            "user \"*@p\" { tier: high; org: none; }",
            "key \"k\" { roles: [a@\"x\"]; tier: mid; }",
        ],
        who: &[
            "user \"bob\"",
            "user \"*@p\"",
            "key \"k\"",
            "user \"b*\"",
            "robot \"*\"",
            "role a",
            "org \"x\"",
            "tier >= mid",
        ],
        on: &[],
        tests: &[
            "principal.id == \"bob\"",
            "principal.kind == user",
            "principal.id like \"*o*\"",
            "principal.org == model.org",
            "tier >= model.tier",
            "has principal.id",
        ],
        values: &[
            ("principal.org", &["absent", "none", "\"x\"", "\"zz\""]),
            ("principal.tier", &["absent", "\"low\"", "\"mid\"", "\"high\""]),
            ("principal.roles", &["absent", "[]", "[a]", "[a@x]"]),
            ("model.org", &["absent", "none", "\"x\"", "\"zz\""]),
            ("model.tier", &["absent", "\"low\"", "\"mid\"", "\"high\""]),
        ],
    },
    Topic {
        vocabulary: &["attribute model.stage: one of dev | live = dev;"],
        optional: &[
            "model \"m\" { tags: [t]; org: \"x\"; }",
            "model \"acme/*\" { tier: mid; stage: live; }",
            "dataset \"d\" { tier: high; }",
            "model \"acme/x\" { tags: [u]; tier: low; }",
        ],
        who: &[],
        on: &[
            "\"m\"",
            "\"acme/*\"",
            "\"**\"",
            "\"*\"",
            "dataset \"d\"",
            "tag t",
            "tag u",
            "any dataset",
            "\"acme/x\"",
            "gizmo \"m\"",
        ],
        tests: &[
            "model.stage == live",
            "tier >= model.tier",
            "principal.org == model.org",
            "resource.id like \"*m*\"",
            "resource.kind != model",
            "\"t\" in model.tags",
            "has model.tags",
        ],
        values: &[
            ("principal.org", &["absent", "none", "\"x\"", "\"zz\""]),
            ("principal.tier", &["absent", "\"mid\"", "\"high\""]),
            ("model.org", &["absent", "\"x\"", "\"zz\""]),
            ("model.tier", &["absent", "\"low\"", "\"mid\"", "\"high\""]),
            ("model.tags", &["absent", "[]", "[t]", "[u]", "[t u]", "[v]"]),
            ("model.stage", &["absent", "none", "\"dev\"", "\"live\""]),
        ],
    },
    Topic {
        vocabulary: &[],
        optional: &["attribute principal.granted = true;", "attribute principal.granted = none;"],
        who: &[],
        on: &[],
        tests: &["principal.granted", "has principal.granted", "degraded"],
        values: &[
            ("principal.granted", &["absent", "unknown", "none", "false", "true", "\"auto\"", "\"manual\""]),
            ("degraded", &["absent", "unknown", "none", "false", "true"]),
        ],
    },
    Topic {
        vocabulary: &[
            "attribute soft: bool;",
            "attribute model.open: bool;",
            "attribute context.phase: one of p | q;",
            "attribute model.phase: one of p | q;",
        ],
        optional: &["attribute soft: bool = true;", "attribute context.phase: one of p | q = q;"],
        who: &[],
        on: &[],
        tests: &[
            "soft",
            "soft == model.open",
            "context.phase == model.phase",
            "context.phase != model.phase",
            "context.phase == p",
            "model.open",
            "has soft",
        ],
        values: &[
            ("soft", &["absent", "unknown", "none", "false", "true"]),
            ("model.open", &["absent", "none", "false", "true"]),
            ("phase", &["absent", "unknown", "none", "\"p\"", "\"q\""]),
            ("model.phase", &["absent", "none", "\"p\"", "\"q\""]),
        ],
    },
    Topic {
        vocabulary: &[
            "attribute model.released: time;",
            "window office = mon..fri 09:00..17:00 in \"Europe/Berlin\";",
            "window night = 22:00..06:00 in \"Europe/Berlin\";",
            "window weekend = (sat, sun) in \"UTC\";",
            "set days = [2026-03-29, 2026-04-01];",
        ],
        optional: &[],
        who: &[],
        on: &[],
        tests: &[
            "time in office",
            "time in night",
            "time in weekend",
            "time in days",
            "time < model.released + 7d",
            "time >= model.released",
            "time < 2026-03-29T06:00:00Z",
            "model.released > 2026-03-28",
            "model.released in office",
        ],
        values: &[("time", &["absent", "none", "hours"]), ("model.released", &["absent", "none", "days"])],
    },
];

/// A set with claims.
#[derive(Clone)]
pub(crate) struct Set {
    topics: Vec<usize>,
    pub(crate) statements: Vec<String>,
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
    let topics = sample::subsequence((0..TOPICS.len()).collect::<Vec<_>>(), 1..=2);
    topics.prop_flat_map(|topics| {
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
        (Just(topics), Just(vocabulary), optional, collection::vec(statement, 1..=6), open).prop_map(
            |(topics, vocabulary, optional, statements, open)| {
                // A declaration with a default takes the place of the one without.
                let subject =
                    |statement: &str| statement.split([':', '=']).next().unwrap_or_default().trim().to_owned();
                let replaced: Vec<String> = optional.iter().map(|statement| subject(statement)).collect();
                let vocabulary = vocabulary.into_iter().filter(|statement| !replaced.contains(&subject(statement)));
                let statements = vocabulary.chain(optional).chain(statements.into_iter().flatten());
                // Where nothing is allowed, nothing is seen of much else.
                let open = open.then(|| "allow anyone to any;".to_owned());
                Set { topics, statements: statements.chain(open).collect() }
            },
        )
    })
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

// ---- Requests --------------------------------------------------------------------------------------------------------

const PRINCIPALS: &[(&str, &str)] = &[
    ("anonymous", ""),
    ("user", "zed"),
    ("user", "bob"),
    ("user", "al@p"),
    ("user", "bo"),
    ("user", "yo"),
    ("user", "bo@p"),
    ("user", "k"),
    ("key", "k"),
    ("key", "bob"),
    ("key", "zed"),
    ("key", "q"),
    ("user", "q"),
    ("robot", "k"),
    ("robot", "zed"),
    ("alien", "zed"),
    ("alien", "bob"),
];

const RESOURCES: &[(&str, &str)] = &[
    ("model", "n"),
    ("model", "m"),
    ("model", "acme/n"),
    ("model", "acme/x"),
    ("model", "acme/xm"),
    ("model", "a/b/c"),
    ("model", "am"),
    ("model", "am/m/m"),
    ("dataset", "d"),
    ("dataset", "n"),
    ("dataset", "m"),
    ("dataset", "am"),
    ("gizmo", "m"),
    ("gizmo", "n"),
    ("gizmo", "acme/x"),
    ("thing", "m"),
    ("thing", "n"),
];

/// All requests that can make a difference; of more than so many, some, evenly spread.
pub(crate) fn requests(set: &Set, most: usize) -> impl Iterator<Item = Request> {
    let text = set.text();
    let mut values: BTreeMap<&str, Vec<Option<Input>>> = BTreeMap::new();
    for (path, inputs) in set.topics.iter().flat_map(|topic| TOPICS[*topic].values) {
        let name = path.strip_prefix("principal.").or(path.strip_prefix("model.")).unwrap_or(path);
        let spoken_of = set.statements.iter().any(|text| !text.starts_with("attribute ") && text.contains(name));
        let selectors = match name {
            "tags" => text.contains("tag "),
            "org" => text.contains("org ") || text.contains('@'),
            "roles" => text.contains("role "),
            "granted" => text.contains("gate "),
            "tier" => text.contains("tier"),
            _ => false,
        };
        if spoken_of || selectors {
            let known = values.entry(path).or_default();
            for input in inputs.iter().flat_map(|input| parsed(input)) {
                if !known.contains(&input) {
                    known.push(input);
                }
            }
        }
    }
    let any = |marks: &[&str]| marks.iter().any(|mark| text.contains(mark));
    let people = any(&["user ", "key ", "robot \"", "principal.id", "principal.kind"]);
    let things = any(&["\"m\"", "acme", "dataset", "\"*\"", "**", "any model", "gizmo \"", "resource."]);
    let principals = if people { PRINCIPALS } else { &PRINCIPALS[..2] };
    let resources = if things { RESOURCES } else { &RESOURCES[..1] };
    let count = values.values().map(Vec::len).product::<usize>() * principals.len() * resources.len() * 2;
    // A step that has no factor in common with any of the numbers of values.
    let step = if count > most { (count / most) | 1 } else { 1 };
    let step = [0, 2, 4, 6, 8, 10, 12]
        .map(|more| step + more)
        .into_iter()
        .find(|step| step % 3 != 0 && step % 5 != 0 && step % 7 != 0);
    let step = if count > most { step.unwrap_or(1) } else { 1 };
    (0..count).step_by(step).filter_map(move |mut index| {
        let mut digit = |of: usize| {
            let digit = index % of;
            index /= of;
            digit
        };
        let (kind, id) = principals[digit(principals.len())];
        let principal = if kind == "anonymous" { Principal::anonymous() } else { Principal::new(kind, id) };
        let (resource_kind, resource) = resources[digit(resources.len())];
        let action = ["view", "use"][digit(2)];
        let mut request = Request::new(principal, action, Resource::new(resource_kind, resource));
        for (path, inputs) in &values {
            request = given(request, path, inputs[digit(inputs.len())].clone())?;
        }
        Some(request)
    })
}

/// A request with an attribute more; none if it cannot have it.
fn given(mut request: Request, path: &str, input: Option<Input>) -> Option<Request> {
    let Some(input) = input else { return Some(request) };
    let properties: &mut Properties = match path.split_once('.') {
        Some(("principal", _)) if request.principal.kind == "anonymous" => return None,
        Some(("principal", _)) => &mut request.principal.properties,
        Some(("model", _)) => &mut request.resource.properties,
        _ => &mut request.context,
    };
    let name = path.split_once('.').map_or(path, |(_, name)| name);
    properties.insert(name.to_owned(), input);
    Some(request)
}

/// What a request says, as the tables write it.
fn parsed(text: &str) -> Vec<Option<Input>> {
    let one = match text {
        "absent" => return vec![None],
        // Each half hour of some weeks around a change of the clocks in Europe.
        "hours" => return instants(1_774_569_600, 2 * 86_400 / 1_800, 1_800),
        "days" => return instants(1_774_137_600, 16, 43_200),
        "unknown" => Input::Unknown,
        "none" => Input::None,
        "true" => Input::Bool(true),
        "false" => Input::Bool(false),
        list if list.starts_with('[') => {
            let members = list.trim_matches(['[', ']']).split_whitespace();
            let member = |member: &str| match member.split_once('@') {
                Some((role, org)) if org.len() == 1 && role.len() == 1 => {
                    let pairs = [("role", role), ("org", org)].map(|(name, text)| (name.to_owned(), text.into()));
                    Input::Object(BTreeMap::from(pairs))
                }
                Some(_) | None => member.into(),
            };
            Input::List(members.map(member).collect())
        }
        text if text.starts_with('"') => text.trim_matches('"').into(),
        int => Input::Int(int.parse().unwrap()),
    };
    vec![Some(one)]
}

fn instants(start: i64, count: i64, step: i64) -> Vec<Option<Input>> {
    (0..count)
        .flat_map(|index| [0, -1].map(|more| start + index * step + more))
        .map(|second| Some(chrono::DateTime::from_timestamp(second, 0).unwrap().into()))
        .collect()
}
