//! Random conditions: every form, over every type.

use crate::words::{
    ACTIONS, Attribute, BLOCKS, BUILT_IN, COMPARISONS, DATES, DECLARED, DURATIONS, GLOBS, ROLES, TEAMS, Type, constants,
};
use proptest::{collection, prelude::*, sample::select};

pub(crate) type Text = BoxedStrategy<String>;

/// The named conditions; each may name those before it.
pub(crate) const NAMED: [&str; 2] = ["calm", "trusted"];

/// A condition that may name the first `named` of the named conditions; with or without `has`.
pub(crate) fn condition(named: usize, has: bool) -> Text {
    let leaf = leaf(named, has);
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 2..=3).prop_map(|sides| joined(&sides, " and ")),
            collection::vec(inner.clone(), 2..=3).prop_map(|sides| joined(&sides, " or ")),
            inner.prop_map(|inner| format!("not ({inner})")),
        ]
    })
    .boxed()
}

fn joined(sides: &[String], word: &str) -> String {
    sides.iter().map(|side| format!("({side})")).collect::<Vec<_>>().join(word)
}

fn leaf(named: usize, has: bool) -> Text {
    let mut forms = vec![(8, typed()), (2, identities()), (2, roles())];
    if named > 0 {
        forms.push((1, select(&NAMED[..named]).prop_map(str::to_owned).boxed()));
    }
    if has {
        let paths: Vec<&str> = DECLARED.iter().chain(&BUILT_IN).map(|attribute| attribute.path).collect();
        forms.push((1, select(paths).prop_map(|path| format!("has {path}")).boxed()));
    }
    proptest::strategy::Union::new_weighted(forms).boxed()
}

/// Attributes of a type: of the resource, or of all else.
fn paths(ty: Type, resource: bool) -> Vec<&'static str> {
    let fits = |attribute: &&Attribute| attribute.ty == ty && attribute.is_resource() == resource;
    DECLARED.iter().chain(&BUILT_IN).filter(fits).map(|attribute| attribute.path).collect()
}

fn typed() -> Text {
    prop_oneof![bools(), ints(), texts(), addresses(), times(), tiers(), sets(), stages()].boxed()
}

/// The attributes of one type, and how they are tested.
struct Tests {
    left: BoxedStrategy<&'static str>,
    right: BoxedStrategy<&'static str>,
    any: BoxedStrategy<&'static str>,
    constant: BoxedStrategy<&'static str>,
}

fn tests(ty: Type) -> Tests {
    let (left, right) = (paths(ty, false), paths(ty, true));
    Tests {
        any: select([left.clone(), right.clone()].concat()).boxed(),
        left: select(left).boxed(),
        right: select(right).boxed(),
        constant: select(constants(ty)).boxed(),
    }
}

impl Tests {
    /// With a constant on either side, or with an attribute of the resource.
    fn compared(&self, comparisons: &'static [&'static str]) -> Text {
        let op = || select(comparisons);
        let pair = (self.left.clone(), op(), self.right.clone());
        prop_oneof![
            (self.any.clone(), op(), self.constant.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            (self.constant.clone(), op(), self.any.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            (pair, any::<bool>()).prop_map(|((a, op, b), turned)| if turned {
                format!("{b} {op} {a}")
            } else {
                format!("{a} {op} {b}")
            }),
        ]
        .boxed()
    }

    /// One of a list, or of a named set.
    fn one_of(&self, member: BoxedStrategy<&'static str>, named: &'static str) -> Text {
        let list = collection::vec(member, 0..=3).prop_map(|members| format!("[{}]", members.join(", ")));
        (self.any.clone(), within(), prop_oneof![list, Just(named.to_owned())])
            .prop_map(|(path, within, set)| format!("{path} {within} {set}"))
            .boxed()
    }
}

fn within() -> impl Strategy<Value = &'static str> + Clone {
    prop_oneof![2 => Just("in"), 1 => Just("not in")]
}

fn bools() -> Text {
    let tests = tests(Type::Bool);
    prop_oneof![tests.any.clone().prop_map(str::to_owned), tests.compared(&COMPARISONS[..2])].boxed()
}

fn ints() -> Text {
    let tests = tests(Type::Int);
    prop_oneof![2 => tests.compared(&COMPARISONS), 1 => tests.one_of(tests.constant.clone(), "numbers")].boxed()
}

fn texts() -> Text {
    let tests = tests(Type::Text);
    let like = (tests.any.clone(), prop_oneof![2 => Just("like"), 1 => Just("not like")], select(&GLOBS));
    let (sets, others) = (paths(Type::Set, true), paths(Type::Set, false));
    prop_oneof![
        tests.compared(&COMPARISONS[..2]),
        tests.one_of(tests.constant.clone(), "countries"),
        like.prop_map(|(path, like, glob)| format!("{path} {like} \"{glob}\"")),
        (tests.left.clone(), within(), select(sets)).prop_map(|(a, within, set)| format!("{a} {within} {set}")),
        (tests.right.clone(), within(), select(others)).prop_map(|(a, within, set)| format!("{a} {within} {set}")),
    ]
    .boxed()
}

fn addresses() -> Text {
    let tests = tests(Type::Ip);
    let member = prop_oneof![select(&BLOCKS), tests.constant.clone()].boxed();
    prop_oneof![1 => tests.compared(&COMPARISONS[..2]), 2 => tests.one_of(member, "intranet")].boxed()
}

fn times() -> Text {
    let tests = tests(Type::Time);
    let member = prop_oneof![select(&DATES), tests.constant.clone()].boxed();
    let moved = (tests.left.clone(), select(&COMPARISONS), tests.right.clone(), offset(), any::<bool>());
    let fixed = (tests.right.clone(), offset(), select(&COMPARISONS), tests.constant.clone());
    prop_oneof![
        tests.compared(&COMPARISONS),
        (tests.any.clone(), select(&COMPARISONS[2..]), select(&DATES)).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        tests.one_of(member, "holidays"),
        (tests.any.clone(), within(), select(&["office", "night"])).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        moved.prop_map(|(a, op, b, offset, turned)| {
            if turned { format!("{b}{offset} {op} {a}") } else { format!("{a} {op} {b}{offset}") }
        }),
        fixed.prop_map(|(a, offset, op, b)| format!("{a}{offset} {op} {b}")),
    ]
    .boxed()
}

/// What a time attribute of the resource is moved by.
pub(crate) fn offset() -> impl Strategy<Value = String> + Clone {
    (select(&["+", "-"]), select(&DURATIONS)).prop_map(|(sign, by)| format!(" {sign} {by}"))
}

fn tiers() -> Text {
    let tests = tests(Type::Tier);
    prop_oneof![2 => tests.compared(&COMPARISONS), 1 => tests.one_of(tests.constant.clone(), "low")].boxed()
}

fn stages() -> Text {
    let tests = tests(Type::Stage);
    prop_oneof![2 => tests.compared(&COMPARISONS[..2]), 1 => tests.one_of(tests.constant.clone(), "early")].boxed()
}

fn sets() -> Text {
    let tests = tests(Type::Set);
    let list = collection::vec(select(&TEAMS), 0..=3).prop_map(|members| format!("[{}]", members.join(", ")));
    prop_oneof![
        (select(&TEAMS), within(), tests.any.clone()).prop_map(|(a, within, set)| format!("\"{a}\" {within} {set}")),
        (tests.any.clone(), prop_oneof![list, Just("colours".to_owned())])
            .prop_map(|(a, set)| format!("{a} overlaps {set}")),
        (tests.left, tests.right, any::<bool>()).prop_map(|(a, b, turned)| {
            if turned { format!("{b} overlaps {a}") } else { format!("{a} overlaps {b}") }
        }),
    ]
    .boxed()
}

/// What each request has: kinds, ids, actions.
fn identities() -> Text {
    let equal = || select(&COMPARISONS[..2]);
    prop_oneof![
        (equal(), select(&["user", "robot", "anonymous"])).prop_map(|(op, kind)| format!("principal.kind {op} {kind}")),
        (within(), Just("[user, key]")).prop_map(|(within, kinds)| format!("principal.kind {within} {kinds}")),
        (equal(), select(&["model", "dataset", "tool"])).prop_map(|(op, kind)| format!("resource.kind {op} {kind}")),
        (equal(), select(&ACTIONS)).prop_map(|(op, action)| format!("action.name {op} {action}")),
        select(&["*@partner.com", "b?b", "r*"]).prop_map(|glob| format!("principal.id like \"{glob}\"")),
        select(&["acme/*", "*d*"]).prop_map(|glob| format!("model.id not like \"{glob}\"")),
        Just("principal.id in model.teams".to_owned()),
        Just("principal.id == model.id".to_owned()),
    ]
    .boxed()
}

fn roles() -> Text {
    prop_oneof![
        (select(&ROLES), within()).prop_map(|(role, within)| format!("\"{role}\" {within} principal.roles")),
        collection::vec(select(&ROLES), 1..=2).prop_map(|roles| format!("roles overlaps [{}]", roles.join(", "))),
        Just("principal.roles overlaps model.teams".to_owned()),
        Just("model.country in principal.roles".to_owned()),
    ]
    .boxed()
}
