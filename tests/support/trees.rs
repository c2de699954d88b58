//! Arbitrary trees: everything that the grammar can say, and nothing else. Their places are dummies.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, TimeZone};
use ipnet::IpNet;
use policyc::{
    ast::{
        Actions, Arg, Assign, AssignKind, Assigned, Ast, At, AtMost, Clause, ClauseKind, Clock, Cond, CondKind,
        DayRange, Declaration, Duration, DurationUnit, Duty, Effect, Else, Expect, Instant, InstantKind, Int,
        Invariant, Item, ItemKind, Literal, LiteralKind, Name, Offset, Operand, Path, Per, PerUnit, Rule, Scope,
        Selector, SelectorKind, SelectorTerm, SetExpr, Step, StepKind, Test, Type, TypeKind, Upon, Who, WhoKind,
        WhoTerm, WindowSpan,
    },
    value::{Calendar, Cmp, GateMode, LimitKey, Weekday},
};
use proptest::{
    collection::vec,
    option::of,
    prelude::{BoxedStrategy, Just, Strategy, any},
    prop_oneof,
    sample::select,
    string::string_regex,
};
use std::{net::IpAddr, sync::Arc};

/// Words that the grammar gives a meaning to in some places, and that are names in others.
const CONTEXTUAL: [&str; 24] = [
    "actions", "after", "any", "anyone", "auto", "calendar", "everyone", "given", "includes", "int", "key", "minute",
    "model", "mon", "most", "once", "open", "release", "repeat", "set", "test", "tier", "upon", "view",
];

/// Words that are names only in quotes.
const RESERVED: [&str; 34] = [
    "allow", "always", "and", "at", "by", "deny", "else", "except", "false", "from", "gate", "has", "hint", "in",
    "like", "limit", "never", "none", "not", "oblige", "of", "on", "or", "overlaps", "per", "require", "shadow", "to",
    "true", "unknown", "unless", "until", "when", "with",
];

/// Words that no kind can be called.
const NO_KINDS: [&str; 9] = ["role", "org", "tier", "tag", "test", "any", "anyone", "anonymous", "principal"];

/// Whole files.
pub(crate) fn asts() -> BoxedStrategy<Ast> {
    vec(items(), 0..6).prop_map(|items| Ast { items, ..Ast::default() }).boxed()
}

// ---- Names and constants ---------------------------------------------------------------------------------------

fn name(text: impl Into<Arc<str>>) -> Name {
    Name { text: text.into(), at: At::default() }
}

/// Texts that match a regular expression.
fn matching(regex: &str) -> BoxedStrategy<String> {
    string_regex(regex).expect("a regular expression").boxed()
}

fn identifiers() -> BoxedStrategy<String> {
    prop_oneof![
        4 => matching("[a-zA-Z_][a-zA-Z0-9_]{0,7}(-[a-zA-Z0-9_]{1,5})?"),
        1 => select(&CONTEXTUAL[..]).prop_map(str::to_owned),
    ]
    .prop_filter("reserved", |text| !RESERVED.contains(&text.as_str()))
    .boxed()
}

fn idents() -> BoxedStrategy<Name> {
    identifiers().prop_map(name).boxed()
}

fn kinds() -> BoxedStrategy<Name> {
    idents().prop_filter("no kind", |name| !NO_KINDS.contains(&&*name.text)).boxed()
}

fn texts() -> BoxedStrategy<String> {
    prop_oneof![
        4 => matching("[a-z@*/. ]{0,12}"),
        2 => matching("[ -~]{0,10}"),
        1 => any::<String>().prop_map(|text| text.chars().take(8).collect()),
        1 => matching("[\"\\\\\n\t\u{7}\u{ad}\u{200b}\u{202e}\u{a0}é漢]{0,5}"),
    ]
    .boxed()
}

fn strings() -> BoxedStrategy<Name> {
    texts().prop_map(name).boxed()
}

/// Names that are identifiers, words that have to be quoted, and other texts.
fn names() -> BoxedStrategy<Name> {
    prop_oneof![
        6 => idents(),
        1 => select(&RESERVED[..]).prop_map(name),
        2 => strings(),
    ]
    .boxed()
}

fn codes() -> BoxedStrategy<Name> {
    matching("[A-Z][A-Z0-9_]{0,9}").prop_map(name).boxed()
}

fn paths() -> BoxedStrategy<Path> {
    let word = prop_oneof![3 => identifiers(), 1 => select(&RESERVED[..]).prop_map(str::to_owned)];
    (identifiers(), vec(word, 0..3))
        .prop_map(|(first, rest)| {
            let words: Vec<String> = std::iter::once(first).chain(rest).collect();
            Path { text: words.join(".").into(), at: At::default() }
        })
        .boxed()
}

fn ints() -> BoxedStrategy<Int> {
    let value = prop_oneof![any::<i64>(), -10_i64..2_000];
    (value, any::<bool>())
        .prop_map(|(value, grouped)| Int { value, grouped: grouped && value.unsigned_abs() >= 1_000 })
        .boxed()
}

fn durations() -> BoxedStrategy<Duration> {
    (any::<u32>(), select(&DurationUnit::ALL[..])).prop_map(|(amount, unit)| Duration { amount, unit }).boxed()
}

fn offsets() -> BoxedStrategy<Offset> {
    (any::<bool>(), durations()).prop_map(|(minus, duration)| Offset { minus, duration }).boxed()
}

fn dates() -> BoxedStrategy<NaiveDate> {
    (1_i32..=9_998, 1_u32..=366).prop_filter_map("no such day", |(year, day)| NaiveDate::from_yo_opt(year, day)).boxed()
}

fn instants() -> BoxedStrategy<DateTime<FixedOffset>> {
    let nanosecond = prop_oneof![Just(0), 0_u32..1_000_000_000];
    let minutes = prop_oneof![Just(0), -1_439_i32..1_440];
    (dates(), 0_u32..86_400, nanosecond, minutes)
        .prop_filter_map("no such time", |(date, second, nanosecond, minutes)| {
            let time = NaiveTime::from_num_seconds_from_midnight_opt(second, nanosecond)?;
            FixedOffset::east_opt(minutes.checked_mul(60)?)?.from_local_datetime(&date.and_time(time)).single()
        })
        .boxed()
}

fn blocks() -> BoxedStrategy<IpNet> {
    (any::<IpAddr>(), prop_oneof![0_u8..=32, 0_u8..=128])
        .prop_filter_map("no such prefix", |(ip, length)| IpNet::new(ip, length).ok())
        .boxed()
}

/// Constants that mean one also where a bare name is a path.
fn plain_constants() -> BoxedStrategy<LiteralKind> {
    prop_oneof![
        texts().prop_map(|text| LiteralKind::Text(text.into())),
        ints().prop_map(LiteralKind::Int),
        any::<bool>().prop_map(LiteralKind::Bool),
        any::<IpAddr>().prop_map(LiteralKind::Ip),
        blocks().prop_map(LiteralKind::Cidr),
        instants().prop_map(LiteralKind::Instant),
        dates().prop_map(LiteralKind::Date),
        durations().prop_map(LiteralKind::Duration),
    ]
    .boxed()
}

fn literal(kind: LiteralKind) -> Literal {
    Literal { kind, at: At::default() }
}

/// What a list may hold, lists included.
fn members() -> BoxedStrategy<Literal> {
    let leaf = prop_oneof![
        plain_constants(),
        identifiers().prop_map(|text| LiteralKind::Ident(text.into())),
        (names().prop_map(Box::new), strings().prop_map(Box::new))
            .prop_map(|(role, org)| LiteralKind::Held { role, org }),
    ];
    leaf.prop_map(literal)
        .prop_recursive(2, 8, 4, |inner| vec(inner, 0..4).prop_map(|list| literal(LiteralKind::List(list))))
        .boxed()
}

fn lists() -> BoxedStrategy<Vec<Literal>> {
    vec(members(), 0..6).boxed()
}

/// Constants where a bare name is a path.
fn constants() -> BoxedStrategy<Literal> {
    prop_oneof![5 => plain_constants(), 1 => lists().prop_map(LiteralKind::List)].prop_map(literal).boxed()
}

/// Constants where a bare name is one.
fn literals() -> BoxedStrategy<Literal> {
    prop_oneof![5 => constants(), 1 => identifiers().prop_map(|text| literal(LiteralKind::Ident(text.into())))].boxed()
}

fn values() -> BoxedStrategy<Assigned> {
    prop_oneof![4 => literals().prop_map(Assigned::Literal), 1 => Just(Assigned::None(At::default()))].boxed()
}

// ---- Conditions ------------------------------------------------------------------------------------------------

fn cond(kind: CondKind) -> Cond {
    Cond { kind, at: At::default() }
}

fn operands() -> BoxedStrategy<Operand> {
    prop_oneof![
        3 => (paths(), of(offsets())).prop_map(|(path, offset)| Operand::Path(path, offset)),
        2 => constants().prop_map(Operand::Literal),
    ]
    .boxed()
}

fn sets() -> BoxedStrategy<SetExpr> {
    prop_oneof![lists().prop_map(|list| SetExpr::List(list, At::default())), paths().prop_map(SetExpr::Path)].boxed()
}

fn comparisons() -> BoxedStrategy<CondKind> {
    prop_oneof![
        (operands(), select(&Cmp::ALL[..]), operands()).prop_map(|(left, op, right)| CondKind::Compare {
            left,
            op,
            right
        }),
        (operands(), any::<bool>(), sets()).prop_map(|(operand, negated, set)| CondKind::In { operand, negated, set }),
        (operands(), any::<bool>(), strings()).prop_map(|(operand, negated, pattern)| CondKind::Like {
            operand,
            negated,
            pattern
        }),
        (paths(), sets()).prop_map(|(path, set)| CondKind::Overlaps { path, set }),
        paths().prop_map(CondKind::Has),
        paths().prop_map(CondKind::Path),
    ]
    .boxed()
}

fn conds() -> BoxedStrategy<Cond> {
    comparisons()
        .prop_map(cond)
        .prop_recursive(5, 12, 3, |inner| {
            prop_oneof![
                vec(inner.clone(), 2..4).prop_map(CondKind::Or),
                vec(inner.clone(), 2..4).prop_map(CondKind::And),
                inner.prop_map(|inner| CondKind::Not(Box::new(inner))),
            ]
            .prop_map(cond)
        })
        .boxed()
}

// ---- Rules -----------------------------------------------------------------------------------------------------

fn who_terms() -> BoxedStrategy<WhoTerm> {
    prop_oneof![
        Just(WhoKind::Anyone),
        Just(WhoKind::Anonymous),
        names().prop_map(WhoKind::Role),
        strings().prop_map(WhoKind::Org),
        (select(&Cmp::ALL[..]), idents()).prop_map(|(op, tier)| WhoKind::Tier(op, tier)),
        (kinds(), strings()).prop_map(|(kind, id)| WhoKind::Principal { kind, id }),
    ]
    .prop_map(|kind| WhoTerm { kind, at: At::default() })
    .boxed()
}

fn whos() -> BoxedStrategy<Who> {
    let all = || vec(who_terms(), 1..3);
    (vec(all(), 1..4), vec(all(), 0..3)).prop_map(|(any, except)| Who { any, except, at: At::default() }).boxed()
}

fn selector_terms() -> BoxedStrategy<SelectorTerm> {
    prop_oneof![
        of(kinds()).prop_map(SelectorKind::Any),
        (of(kinds()), strings()).prop_map(|(kind, id)| SelectorKind::Resource { kind, id }),
        names().prop_map(SelectorKind::Tag),
        strings().prop_map(SelectorKind::Org),
    ]
    .prop_map(|kind| SelectorTerm { kind, at: At::default() })
    .boxed()
}

fn selectors() -> BoxedStrategy<Selector> {
    let all = || vec(selector_terms(), 1..3);
    (vec(all(), 1..4), vec(all(), 0..3)).prop_map(|(any, except)| Selector { any, except, at: At::default() }).boxed()
}

/// Scopes; inside a block they have no `on`.
fn scopes(in_block: bool) -> BoxedStrategy<Scope> {
    let on = of(selectors()).prop_map(move |on| on.filter(|_| !in_block));
    (whos(), vec(names(), 0..4), on)
        .prop_map(|(who, names, on)| Scope {
            who: Some(who),
            actions: Actions { names, at: At::default() },
            on: on.map(Box::new),
        })
        .boxed()
}

fn moments() -> BoxedStrategy<Instant> {
    prop_oneof![
        instants().prop_map(InstantKind::Instant),
        (dates(), of(strings())).prop_map(|(date, zone)| InstantKind::Date(date, zone)),
        (paths(), of(offsets())).prop_map(|(path, offset)| InstantKind::Path(path, offset)),
    ]
    .prop_map(|kind| Instant { kind, at: At::default() })
    .boxed()
}

fn clauses() -> BoxedStrategy<Vec<Clause>> {
    let clause = prop_oneof![
        conds().prop_map(ClauseKind::When),
        conds().prop_map(ClauseKind::Unless),
        moments().prop_map(ClauseKind::From),
        moments().prop_map(ClauseKind::Until),
    ];
    vec(clause.prop_map(|kind| Clause { kind, at: At::default() }), 0..3).boxed()
}

fn at_mosts() -> BoxedStrategy<AtMost> {
    let per = prop_oneof![
        durations().prop_map(Per::Duration),
        select(&PerUnit::ALL[..]).prop_map(Per::Unit),
        (select(&Calendar::ALL[..]), of(strings())).prop_map(|(calendar, zone)| Per::Calendar(calendar, zone)),
        of(durations()).prop_map(Per::AtOnce),
    ];
    (ints(), of(idents()), per, vec(select(&LimitKey::ALL[..]), 0..3))
        .prop_map(|(amount, unit, per, by)| AtMost {
            amount,
            amount_at: At::default(),
            unit,
            per,
            by,
            at: At::default(),
        })
        .boxed()
}

fn elses() -> BoxedStrategy<Else> {
    (codes(), of(ints()), of(strings()), of(strings()))
        .prop_map(|(code, status, message, hint)| Else {
            code,
            status: status.map(|status| (status, At::default())),
            message,
            hint,
            at: At::default(),
        })
        .boxed()
}

fn duties() -> BoxedStrategy<Duty> {
    let arg = prop_oneof![constants().prop_map(Arg::Literal), paths().prop_map(Arg::Path)];
    // A test's `obliges nothing` says that there is no duty.
    let name = idents().prop_filter("no duty", |name| &*name.text != "nothing");
    (name, vec((idents(), arg), 0..3)).prop_map(|(name, args)| Duty { name, args, at: At::default() }).boxed()
}

fn effects() -> BoxedStrategy<Effect> {
    let upon = prop_oneof![Just(Upon::Allow), of(codes()).prop_map(Upon::Deny), Just(Upon::Any)];
    prop_oneof![
        2 => Just(Effect::Allow),
        2 => Just(Effect::Deny),
        1 => Just(Effect::Limit),
        1 => conds().prop_map(|cond| Effect::Require(Box::new(cond))),
        1 => select(&[GateMode::Auto, GateMode::Manual][..]).prop_map(Effect::Gate),
        1 => (vec(duties(), 1..3), of(upon)).prop_map(|(duties, upon)| Effect::Oblige { duties, upon: upon.map(Box::new) }),
    ]
    .boxed()
}

fn rules(in_block: bool) -> BoxedStrategy<Rule> {
    let head = (of(idents()), any::<bool>(), effects());
    let scope = scopes(in_block);
    (head, scope, any::<bool>(), clauses(), at_mosts(), of(at_mosts()), of(elses()))
        .prop_map(|((label, shadow, effect), mut scope, no_who, clauses, at_most, maybe_at_most, otherwise)| {
            let (at_most, otherwise) = match &effect {
                Effect::Allow => (maybe_at_most.clone(), otherwise.filter(|_| maybe_at_most.is_some())),
                Effect::Limit => (Some(at_most), otherwise),
                Effect::Deny | Effect::Require(_) | Effect::Gate(_) => (None, otherwise),
                Effect::Oblige { .. } => (None, None),
            };
            if no_who && !matches!(effect, Effect::Allow | Effect::Deny | Effect::Limit) {
                scope.who = None;
            }
            let (at_most, otherwise) = (at_most.map(Box::new), otherwise.map(Box::new));
            Rule { label, shadow, effect, scope, clauses, at_most, otherwise }
        })
        .boxed()
}

fn invariants(in_block: bool) -> BoxedStrategy<Invariant> {
    (of(idents()), any::<bool>(), scopes(in_block), clauses())
        .prop_map(|(label, always, scope, clauses)| Invariant { label, always, scope, clauses })
        .boxed()
}

// ---- Tests -----------------------------------------------------------------------------------------------------

fn assigns() -> BoxedStrategy<Assign> {
    let value = prop_oneof![4 => values(), 1 => Just(Assigned::Unknown(At::default()))];
    let path = paths().prop_filter("the principal itself", |path| &*path.text != "principal");
    prop_oneof![
        1 => of((kinds(), strings())).prop_map(AssignKind::Principal),
        4 => (path, value).prop_map(|(path, value)| AssignKind::Attribute(path, value)),
    ]
    .prop_map(|kind| Assign { kind, at: At::default() })
    .boxed()
}

fn expects() -> BoxedStrategy<Expect> {
    let denial = (of(codes()), of(ints()));
    (of(denial), of(names()), of(vec(duties(), 0..3)), of(names()))
        .prop_map(|(denial, by, obliges, shadow)| {
            let allow = denial.is_none();
            let (code, status) = denial.unwrap_or_default();
            let status = status.map(|status| (status, At::default()));
            Expect { allow, code, status, by, obliges, shadow, at: At::default() }
        })
        .boxed()
}

fn steps() -> BoxedStrategy<Step> {
    let timing = (of(durations()), of(ints()));
    let case = (timing, names(), of(kinds()), strings(), vec(assigns(), 0..3), expects()).prop_map(
        |((after, repeat), action, kind, id, with, expect)| StepKind::Case {
            after,
            repeat,
            action,
            kind,
            id,
            with,
            expect,
        },
    );
    let release = (of(ints()), names(), of(kinds()), strings())
        .prop_map(|(count, action, kind, id)| StepKind::Release { count, action, kind, id });
    prop_oneof![4 => case, 1 => release].prop_map(|kind| Step { kind, at: At::default() }).boxed()
}

fn tests() -> BoxedStrategy<Test> {
    (strings(), vec(assigns(), 0..4), vec(steps(), 0..4))
        .prop_map(|(name, given, steps)| Test { name, given, steps })
        .boxed()
}

// ---- Statements ------------------------------------------------------------------------------------------------

fn types() -> BoxedStrategy<Type> {
    prop_oneof![
        select(
            &[
                TypeKind::Bool,
                TypeKind::Int(None),
                TypeKind::Text,
                TypeKind::Ip,
                TypeKind::Time,
                TypeKind::Tier,
                TypeKind::SetOfText,
            ][..]
        ),
        (ints(), ints()).prop_map(|range| TypeKind::Int(Some(range))),
        vec(idents(), 1..4).prop_map(TypeKind::OneOf),
    ]
    .prop_map(|kind| Type { kind, at: At::default() })
    .boxed()
}

fn spans() -> BoxedStrategy<WindowSpan> {
    let day = || select(&Weekday::ALL[..]);
    let range = (day(), of(day())).prop_map(|(first, last)| DayRange { first, last });
    let clock = (0_u16..1_440, 0_u16..=1_440).prop_map(|(start, end)| (Clock(start), Clock(end)));
    (vec(range, 0..4), clock, any::<bool>())
        .prop_map(|(days, clock, whole)| {
            let clock = Some(clock).filter(|_| !whole || days.is_empty());
            WindowSpan { days, clock, at: At::default() }
        })
        .boxed()
}

fn vocabulary() -> BoxedStrategy<ItemKind> {
    prop_oneof![
        strings().prop_map(ItemKind::Timezone),
        vec(idents(), 2..6).prop_map(ItemKind::Tiers),
        vec(names(), 1..6).prop_map(ItemKind::Actions),
        (idents(), vec(names(), 1..4)).prop_map(|(name, members)| ItemKind::ActionGroup { name, members }),
        (any::<bool>(), vec(kinds(), 1..4)).prop_map(|(of_principal, names)| ItemKind::Kinds { of_principal, names }),
        (names(), vec(names(), 0..3)).prop_map(|(name, includes)| ItemKind::Role { name, includes }),
        (paths(), of(types().prop_map(Box::new)), of(values().prop_map(Box::new)))
            .prop_map(|(path, ty, default)| ItemKind::Attribute { path, ty, default }),
        (idents(), lists()).prop_map(|(name, members)| ItemKind::Set { name, members }),
        (idents(), vec(spans(), 1..4), of(strings().prop_map(Box::new)))
            .prop_map(|(name, spans, zone)| ItemKind::Window { name, spans, zone }),
        (idents(), conds().prop_map(Box::new)).prop_map(|(name, cond)| ItemKind::Condition { name, cond }),
    ]
    .boxed()
}

fn declarations() -> BoxedStrategy<Declaration> {
    (kinds(), strings(), vec((idents(), values()), 0..6))
        .prop_map(|(kind, id, members)| Declaration { kind, id, members })
        .boxed()
}

/// Rules and invariants.
fn claims(in_block: bool) -> BoxedStrategy<ItemKind> {
    prop_oneof![
        4 => rules(in_block).prop_map(|rule| ItemKind::Rule(Box::new(rule))),
        1 => invariants(in_block).prop_map(|invariant| ItemKind::Invariant(Box::new(invariant))),
    ]
    .boxed()
}

/// Statements with documentation.
fn documented(kind: BoxedStrategy<ItemKind>) -> BoxedStrategy<Item> {
    let line = matching("[ -~é]{0,20}").prop_map(|line| name(line.trim_end()));
    let docs = prop_oneof![3 => Just(Vec::new()), 1 => vec(line, 1..3)];
    (docs, kind).prop_map(|(docs, kind)| Item { docs, kind, at: At::default() }).boxed()
}

fn items() -> BoxedStrategy<Item> {
    let block = (selectors().prop_map(Box::new), vec(documented(claims(true)), 0..3))
        .prop_map(|(selector, items)| ItemKind::On { selector, items });
    documented(
        prop_oneof![
            4 => vocabulary(),
            1 => declarations().prop_map(Box::new).prop_map(ItemKind::Declaration),
            4 => claims(false),
            1 => block,
            2 => tests().prop_map(Box::new).prop_map(ItemKind::Test),
        ]
        .boxed(),
    )
    .boxed()
}
