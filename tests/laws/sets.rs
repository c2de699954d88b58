//! Random policy sets that are valid, as texts: statements of a vocabulary, and rules whose parts can be told apart.

use crate::{
    conditions::{NAMED, Text, condition, offset},
    words::{
        ACTIONS, Attribute, BLOCKS, COMPARISONS, DATES, DECLARED, GROUPS, ORGS, ROLES, TAGS, TEAMS, TIERS, Type, ZONES,
        constants,
    },
};
use proptest::{collection, option, prelude::*, sample::select, sample::subsequence};
use std::{fmt, ops::RangeInclusive};

/// A policy set.
#[derive(Clone)]
pub(crate) struct PolicySet {
    /// All but the rules, a statement each.
    pub(crate) vocabulary: Vec<String>,
    pub(crate) rules: Vec<Rule>,
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    Allow,
    Deny,
    Limit,
    Require(String),
    Gate(&'static str),
    Oblige(String),
}

/// A rule.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) label: Option<String>,
    pub(crate) shadow: bool,
    pub(crate) effect: Effect,
    /// Whom it speaks of; missing only where `of` may be left out.
    pub(crate) who: Option<String>,
    pub(crate) actions: String,
    pub(crate) on: Option<String>,
    pub(crate) clauses: Vec<String>,
    /// `at most …`
    pub(crate) at_most: Option<String>,
    /// `else …`
    pub(crate) otherwise: Option<String>,
}

/// Which rules a set has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Only {
    Any,
    Deny,
    Shadow,
}

impl Rule {
    /// The rule with its selector.
    pub(crate) fn text(&self) -> String {
        self.with(self.on.as_deref())
    }

    /// The rule in a block that supplies its selector.
    pub(crate) fn block(&self) -> String {
        match &self.on {
            None => self.text(),
            Some(on) => format!("on {on} {{ {} }}", self.with(None)),
        }
    }

    fn with(&self, on: Option<&str>) -> String {
        let label = self.label.as_ref().map(|label| format!("{label}: ")).unwrap_or_default();
        let shadow = if self.shadow { "shadow " } else { "" };
        let to = format!("to {}{}", self.actions, on.map(|on| format!(" on {on}")).unwrap_or_default());
        let who = self.who.as_deref().unwrap_or("anyone");
        let of = self.who.as_ref().map(|who| format!(" of {who}")).unwrap_or_default();
        let head = match &self.effect {
            Effect::Allow => format!("allow {who} {to}"),
            Effect::Deny => format!("deny {who} {to}"),
            Effect::Limit => format!("limit {who} {to}"),
            Effect::Require(condition) => format!("require {condition} {to}{of}"),
            Effect::Gate(mode) => format!("gate {mode} {to}{of}"),
            Effect::Oblige(duties) => format!("oblige {duties} {to}{of}"),
        };
        let rest = self.clauses.iter().chain(&self.at_most).chain(&self.otherwise);
        let rest: String = rest.map(|part| format!(" {part}")).collect();
        format!("{label}{shadow}{head}{rest};")
    }
}

impl PolicySet {
    /// All statements, the rules last.
    pub(crate) fn statements(&self) -> Vec<String> {
        self.vocabulary.iter().cloned().chain(self.rules.iter().map(Rule::text)).collect()
    }

    /// The whole text, a statement on each line.
    pub(crate) fn text(&self) -> String {
        self.statements().join("\n")
    }
}

impl fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}\n", self.text())
    }
}

/// A set of 1 to 12 rules; with or without `has`.
pub(crate) fn policy_set(has: bool) -> impl Strategy<Value = PolicySet> {
    policy_set_of(1..=12, has)
}

/// A set of so many rules; with or without `has`.
pub(crate) fn policy_set_of(rules: RangeInclusive<usize>, has: bool) -> impl Strategy<Value = PolicySet> {
    (vocabulary(has), collection::vec(rule(Only::Any, has), rules), any::<bool>(), any::<bool>()).prop_map(
        |(vocabulary, mut rules, labelled, open)| {
            // Where nothing is allowed, nothing is seen of much else.
            if open {
                rules.push(Rule::everything());
            }
            for (index, rule) in rules.iter_mut().enumerate().filter(|_| labelled) {
                rule.label = Some(format!("r{index}"));
            }
            PolicySet { vocabulary, rules }
        },
    )
}

impl Rule {
    /// `allow anyone to any`
    fn everything() -> Self {
        Self {
            label: None,
            shadow: false,
            effect: Effect::Allow,
            who: Some("anyone".to_owned()),
            actions: "any".to_owned(),
            on: None,
            clauses: Vec::new(),
            at_most: None,
            otherwise: None,
        }
    }
}

// ---- Rules -----------------------------------------------------------------------------------------------------------

/// A rule without label.
pub(crate) fn rule(only: Only, has: bool) -> impl Strategy<Value = Rule> {
    let shadow = match only {
        Only::Any => prop_oneof![8 => Just(false), 1 => Just(true)].boxed(),
        Only::Deny => Just(false).boxed(),
        Only::Shadow => Just(true).boxed(),
    };
    let effect = if only == Only::Deny { Just(Effect::Deny).boxed() } else { effect(has) };
    let clauses = prop_oneof![2 => Just(Vec::new()), 3 => collection::vec(clause(has), 1..=2)];
    let tail = (option::weighted(0.4, at_most()), option::of(otherwise()));
    (shadow, effect, option::weighted(0.6, who()), actions(), option::weighted(0.4, selector()), clauses, tail)
        .prop_map(|(shadow, effect, who, actions, on, clauses, (at_most, otherwise))| {
            let limits = matches!(effect, Effect::Limit) || (effect == Effect::Allow && at_most.is_some());
            let refuses = limits || !matches!(effect, Effect::Allow | Effect::Oblige(_));
            let at_most =
                if effect == Effect::Limit { at_most.or(Some("at most 2 per hour".to_owned())) } else { at_most };
            Rule {
                label: None,
                shadow,
                effect,
                who,
                actions,
                on,
                clauses,
                at_most: at_most.filter(|_| limits),
                otherwise: otherwise.filter(|_| refuses),
            }
        })
}

fn effect(has: bool) -> BoxedStrategy<Effect> {
    prop_oneof![
        8 => Just(Effect::Allow),
        3 => Just(Effect::Deny),
        3 => Just(Effect::Limit),
        2 => condition(NAMED.len(), has).prop_map(Effect::Require),
        2 => select(&["auto", "manual"]).prop_map(Effect::Gate),
        3 => oblige().prop_map(Effect::Oblige),
    ]
    .boxed()
}

fn oblige() -> Text {
    let duty = select(&[
        "log",
        "watermark(user = principal.id, strength = 2)",
        "delay(seconds = risk, tier = tier)",
        "notify(roles = principal.roles, moment = time, source = ip, teams = model.teams)",
        "keep(time = 7d, end = 2026-01-01, places = [a, \"b\"], net = 10.0.0.0/8, ip = ::ffff:10.0.0.1)",
    ]);
    let upon = select(&["", " upon allow", " upon deny", " upon any", " upon deny NO_RULE", " upon deny RATE_LIMITED"]);
    (collection::vec(duty, 1..=2), upon).prop_map(|(duties, upon)| format!("{}{upon}", duties.join(", "))).boxed()
}

/// Alternatives of terms that must all hold, and exceptions.
fn alternatives(term: Text) -> Text {
    let all = || collection::vec(term.clone(), 1..=2).prop_map(|terms| terms.join(" and "));
    let any = collection::vec(all(), 1..=2).prop_map(|rows| rows.join(", "));
    (any, option::weighted(0.25, all()))
        .prop_map(|(any, except)| any + &except.map(|except| format!(" except {except}")).unwrap_or_default())
        .boxed()
}

fn who() -> Text {
    let term = prop_oneof![
        8 => Just("anyone".to_owned()),
        1 => Just("anonymous".to_owned()),
        3 => select(&ROLES).prop_map(|role| format!("role {role}")),
        1 => select(&ORGS).prop_map(|org| format!("org \"{org}\"")),
        2 => (select(&COMPARISONS), select(&TIERS)).prop_map(|(op, tier)| format!("tier {op} {tier}")),
        2 => select(&["user \"bob\"", "user \"*@partner.com\"", "key \"k?\"", "robot \"r*\""]).prop_map(str::to_owned),
    ];
    alternatives(term.boxed())
}

fn selector() -> Text {
    let term = prop_oneof![
        4 => select(&["any", "any", "any dataset", "any model", "any tool"]).prop_map(str::to_owned),
        3 => select(&["\"acme/chat\"", "\"acme/*\"", "\"**\"", "model \"lab/**\"", "dataset \"d?\"", "tool \"t1\""])
            .prop_map(str::to_owned),
        2 => select(&TAGS).prop_map(|tag| format!("tag {tag}")),
        1 => select(&ORGS).prop_map(|org| format!("org \"{org}\"")),
    ];
    alternatives(term.boxed())
}

fn actions() -> Text {
    let names: Vec<&str> = ACTIONS.iter().chain(&GROUPS).copied().collect();
    prop_oneof![2 => Just("any".to_owned()), 1 => collection::vec(select(names), 1..=3).prop_map(|names| names.join(", ")),]
        .boxed()
}

fn clause(has: bool) -> Text {
    prop_oneof![
        4 => condition(NAMED.len(), has).prop_map(|condition| format!("when {condition}")),
        3 => condition(NAMED.len(), has).prop_map(|condition| format!("unless {condition}")),
        1 => (select(&["from", "until"]), instant()).prop_map(|(word, instant)| format!("{word} {instant}")),
    ]
    .boxed()
}

fn instant() -> Text {
    prop_oneof![
        select(constants(Type::Time)).prop_map(str::to_owned),
        (select(&DATES), option::of(select(&ZONES)))
            .prop_map(|(date, zone)| zone.map_or(date.to_owned(), |zone| format!("{date} in \"{zone}\""))),
        option::of(offset()).prop_map(|offset| format!("model.released{}", offset.unwrap_or_default())),
    ]
    .boxed()
}

fn at_most() -> Text {
    let zone =
        option::of(select(&ZONES)).prop_map(|zone| zone.map(|zone| format!(" in \"{zone}\"")).unwrap_or_default());
    let per = prop_oneof![
        select(&["per second", "per minute", "per 5m", "per hour", "per day", "per week"]).prop_map(str::to_owned),
        (select(&["hour", "day", "week", "month"]), zone).prop_map(|(unit, zone)| format!("per calendar {unit}{zone}")),
        select(&["at once", "at once for 2m"]).prop_map(str::to_owned),
    ];
    let keys = subsequence(&["principal", "org", "ip", "resource", "everyone"][..], 0..=2);
    (select(&["1", "2", "3", "60", "1_500"]), select(&["", "", "", " tokens"]), per, keys)
        .prop_map(|(amount, unit, per, keys)| {
            let by = if keys.is_empty() { String::new() } else { format!(" by {}", keys.join(", ")) };
            format!("at most {amount}{unit} {per}{by}")
        })
        .boxed()
}

fn otherwise() -> Text {
    let status = select(&["", " 401", " 402", " 403", " 404", " 409", " 410", " 423", " 429", " 451", " 503"]);
    let message = select(&[
        "",
        " \"No.\"",
        " \"{principal.tier} wants {model.id} at {time} from {ip}; {risk} {{not}} {retry_after}\"",
    ]);
    let hint = select(&["", " hint \"Ask {principal.org}.\""]);
    (select(&["DENIED", "RATE_LIMITED", "HIDDEN"]), status, message, hint)
        .prop_map(|(code, status, message, hint)| format!("else {code}{status}{message}{hint}"))
        .boxed()
}

// ---- Vocabulary ------------------------------------------------------------------------------------------------------

fn vocabulary(has: bool) -> impl Strategy<Value = Vec<String>> {
    let zone = option::of(select(&ZONES)).prop_map(|zone| zone.map(|zone| format!("timezone \"{zone}\";")));
    let conditions: Vec<Text> = (0..NAMED.len())
        .map(|index| {
            condition(index, has)
                .prop_map(move |condition| format!("condition {} = {condition};", NAMED[index]))
                .boxed()
        })
        .collect();
    (zone, roles(), attributes(), built_in(), sets(), windows(), conditions, declarations()).prop_map(
        |(zone, roles, attributes, built_in, sets, windows, conditions, declarations)| {
            let fixed = [
                format!("tiers {};", TIERS.join(" < ")),
                format!("actions {};", ACTIONS.join(", ")),
                "actions writing = train, download;".to_owned(),
                "actions most = view, writing;".to_owned(),
                "kinds tool;".to_owned(),
                "kinds of principal robot;".to_owned(),
            ];
            let varied = [roles, attributes, built_in, sets, windows, conditions, declarations];
            zone.into_iter().chain(fixed).chain(varied.into_iter().flatten()).collect()
        },
    )
}

fn roles() -> impl Strategy<Value = Vec<String>> {
    let flat: Vec<String> = ROLES.iter().map(|role| format!("role {role};")).collect();
    let deep =
        ["role viewer;", "role editor includes viewer;", "role admin includes editor, auditor;", "role auditor;"];
    select(vec![flat, deep.map(str::to_owned).to_vec()])
}

fn type_word(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::Int => "int 0..100",
        Type::Text => "text",
        Type::Ip => "ip",
        Type::Time => "time",
        Type::Tier => "tier",
        Type::Set => "set of text",
        Type::Stage => "one of dev | beta | live",
    }
}

/// The declared attributes; few have a default.
fn attributes() -> impl Strategy<Value = Vec<String>> {
    let statements: Vec<Text> = DECLARED
        .iter()
        .map(|Attribute { path, ty }| {
            let default = prop_oneof![1 => Just("none"), 3 => select(constants(*ty))];
            // What a request costs may be any number.
            let word = if *path == "tokens" { "int" } else { type_word(*ty) };
            option::weighted(0.15, default)
                .prop_map(move |default| {
                    let default = default.map(|default| format!(" = {default}")).unwrap_or_default();
                    format!("attribute {path}: {word}{default};")
                })
                .boxed()
        })
        .collect();
    statements
}

/// Defaults of built-in attributes.
fn built_in() -> impl Strategy<Value = Vec<String>> {
    let all = [
        "attribute principal.roles = [viewer, admin@\"alpha\"];",
        "attribute principal.org = none;",
        "attribute principal.tier = flower;",
        "attribute principal.granted = true;",
        "attribute model.org = \"alpha\";",
        "attribute ip = 10.0.0.1;",
        "attribute degraded = true;",
    ];
    prop_oneof![2 => Just(Vec::new()), 1 => subsequence(all.map(str::to_owned).to_vec(), 1..=2)]
}

fn list(name: &'static str, members: Vec<&'static str>) -> Text {
    subsequence(members, 0..=3).prop_map(move |members| format!("set {name} = [{}];", members.join(", "))).boxed()
}

fn sets() -> impl Strategy<Value = Vec<String>> {
    let with = |first: &[&'static str], second: &[&'static str]| [first, second].concat();
    vec![
        list("numbers", constants(Type::Int).to_vec()),
        list("countries", constants(Type::Text).to_vec()),
        list("intranet", with(&BLOCKS, constants(Type::Ip))),
        list("holidays", with(&DATES, constants(Type::Time))),
        list("low", TIERS.to_vec()),
        list("early", constants(Type::Stage).to_vec()),
        list("colours", TEAMS.to_vec()),
    ]
}

fn windows() -> impl Strategy<Value = Vec<String>> {
    let hours = [
        "09:00..18:00",
        "mon..fri 09:00..18:00",
        "22:00..06:00",
        "fri..mon 00:00..24:00",
        "(thu, sat..sun) 23:00..00:00",
    ];
    let days = ["mon..fri", "sat..tue", "(mon, wed, fri)", "thu"];
    let spans = || {
        prop_oneof![subsequence(hours.to_vec(), 1..=2), subsequence(days.to_vec(), 1..=2)]
            .prop_map(|spans| spans.join(", "))
    };
    let window = |name: &'static str| {
        (spans(), option::of(select(&ZONES)))
            .prop_map(move |(spans, zone)| {
                let zone = zone.map(|zone| format!(" in \"{zone}\"")).unwrap_or_default();
                format!("window {name} = {spans}{zone};")
            })
            .boxed()
    };
    vec![window("office"), window("night")]
}

/// Declared principals and resources, exactly and by pattern. Each sets a few attributes.
fn declarations() -> impl Strategy<Value = Vec<String>> {
    const PRINCIPAL: &[&str] =
        &["org: \"alpha\"", "org: none", "tier: fruit", "roles: [editor, admin@\"alpha\"]", "roles: []"];
    const RESOURCE: &[&str] = &["org: \"alpha\"", "org: none", "tier: fruit", "tags: [risk]", "tags: [chat, red]"];
    let entity = |head: &'static str, owner: &'static str, built_in: &'static [&'static str]| {
        let members: Vec<BoxedStrategy<String>> = DECLARED
            .iter()
            .filter_map(|attribute| Some((attribute.path.strip_prefix(owner)?, attribute.ty)))
            .map(|(name, ty)| select(constants(ty)).prop_map(move |value| format!("{name}: {value}")).boxed())
            .chain(built_in.iter().map(|member| Just((*member).to_owned()).boxed()))
            .collect();
        let members = collection::vec(proptest::strategy::Union::new(members), 0..=4);
        let statement = members.prop_map(move |mut members| {
            let name = |member: &String| member.split(':').next().unwrap_or_default().to_owned();
            members.sort_by_key(name);
            members.dedup_by_key(|member| name(member));
            let body: String = members.iter().map(|member| format!(" {member};")).collect();
            format!("{head} {{{body} }}")
        });
        option::of(statement).boxed()
    };
    vec![
        entity("model \"acme/chat\"", "model.", RESOURCE),
        entity("model \"acme/*\"", "model.", RESOURCE),
        entity("model \"lab/**\"", "model.", RESOURCE),
        entity("dataset \"d1\"", "model.", RESOURCE),
        entity("user \"bob\"", "principal.", PRINCIPAL),
        entity("user \"*@partner.com\"", "principal.", PRINCIPAL),
        entity("robot \"r*\"", "principal.", PRINCIPAL),
    ]
    .prop_map(|statements| statements.into_iter().flatten().collect())
}
