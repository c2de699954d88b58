//! Conditions in words: what the compiler made of them, written as the language writes tests.

use super::super::text::{name, quoted};
use crate::{
    check::{
        ir::{Atom, Members, Window, WindowSpan},
        vocabulary::{AttrId, RoleId, Type, Vocabulary, builtin},
    },
    compile::view::Shape,
    examine::explain::duration,
    value::{Cmp, Value, Weekday},
};
use chrono::{DateTime, SecondsFormat, Utc};

/// From how many members on a list is cut short.
const MANY: usize = 4;

/// Writes tests.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) vocabulary: &'a Vocabulary,
    /// What attributes of the resource begin with: `model` or `resource`.
    pub(super) resource: &'static str,
}

/// A condition whose tests are words.
enum Tree {
    Const(bool),
    Test(String),
    All(Vec<Tree>),
    Any(Vec<Tree>),
}

impl Words<'_> {
    /// What must hold, one text for each of the tests that all must; none where it never does. `known` says what a test
    /// comes to, where that is known.
    pub(super) fn conjuncts(self, shape: &Shape<'_>, known: &impl Fn(&Atom) -> Option<bool>) -> Option<Vec<String>> {
        match self.tree(shape, known) {
            Tree::Const(false) => None,
            Tree::Const(true) => Some(Vec::new()),
            Tree::All(trees) => Some(trees.iter().map(|tree| written(tree, true)).collect()),
            tree @ (Tree::Test(_) | Tree::Any(_)) => Some(vec![written(&tree, false)]),
        }
    }

    fn tree(self, shape: &Shape<'_>, known: &impl Fn(&Atom) -> Option<bool>) -> Tree {
        match shape {
            Shape::Const(value) => Tree::Const(*value),
            Shape::Principal(kind, id, negated) | Shape::Resource(kind, id, negated) => {
                Tree::Test(not(*negated, &format!("{kind} {}", quoted(id))))
            }
            Shape::Atom(atom, negated) => match known(atom) {
                Some(value) => Tree::Const(value != *negated),
                None => Tree::Test(self.atom(atom, *negated)),
            },
            Shape::All(shapes) => self.row(shapes, true, known),
            Shape::Any(shapes) => self.row(shapes, false, known),
        }
    }

    /// Shapes of which all must hold, or one.
    fn row(self, shapes: &[Shape<'_>], conjunction: bool, known: &impl Fn(&Atom) -> Option<bool>) -> Tree {
        let mut trees = Vec::new();
        let mut open = shapes;
        while let [first, rest @ ..] = open {
            // A kind beside a pattern of ids: `user "*@trial.example"`.
            let (tree, rest) = match (first, rest) {
                (Shape::Atom(kind, a), [Shape::Atom(id, b), rest @ ..]) if a == b && *a != conjunction => {
                    match pattern(kind, id).filter(|_| known(kind).is_none() && known(id).is_none()) {
                        Some(words) => (Tree::Test(not(*a, &words)), rest),
                        None => (self.tree(first, known), rest_of(open)),
                    }
                }
                _ => (self.tree(first, known), rest),
            };
            open = rest;
            match tree {
                Tree::Const(value) if value == conjunction => {}
                Tree::Const(value) => return Tree::Const(value),
                Tree::All(inner) if conjunction => trees.extend(inner),
                Tree::Any(inner) if !conjunction => trees.extend(inner),
                Tree::Test(_) | Tree::All(_) | Tree::Any(_) => trees.push(tree),
            }
        }
        match (trees.len(), conjunction) {
            (0, _) => Tree::Const(conjunction),
            (1, _) => trees.pop().unwrap_or(Tree::Const(conjunction)),
            (_, true) => Tree::All(trees),
            (_, false) => Tree::Any(trees),
        }
    }

    fn atom(self, atom: &Atom, negated: bool) -> String {
        let word = |plain: &'static str, opposite: &'static str| if negated { opposite } else { plain };
        match atom {
            Atom::IsTrue(attr) => not(negated, &self.path(*attr)),
            Atom::Has(attr) => not(negated, &format!("has {}", self.path(*attr))),
            Atom::Compare(attr, op, value) => self.compare(*attr, *op, value, negated),
            Atom::CompareResource { left, op, right, offset } => {
                let op = if negated { opposite(*op) } else { *op };
                format!("{} {op} {}{}", self.path(*left), self.path(*right), moved(*offset))
            }
            Atom::In(attr, members) => {
                format!("{} {} {}", self.path(*attr), word("in", "not in"), self.members(*attr, members))
            }
            Atom::During(attr, window) => {
                format!("{} {} {}", self.path(*attr), word("in", "not in"), self.window(window))
            }
            Atom::Like(attr, glob) => {
                format!("{} {} {}", self.path(*attr), word("like", "not like"), quoted(glob.pattern()))
            }
            Atom::Contains(builtin::RESOURCE_TAGS, tag) => not(negated, &format!("tag {}", name(tag))),
            Atom::Contains(attr, text) => {
                format!("{} {} {}", quoted(text), word("in", "not in"), self.path(*attr))
            }
            Atom::ContainsValue(set, element) => {
                format!("{} {} {}", self.path(*element), word("in", "not in"), self.path(*set))
            }
            Atom::Overlaps(attr, texts) => {
                let texts = texts.iter().map(|text| self.text(*attr, text));
                not(negated, &format!("{} overlaps {}", self.path(*attr), list(texts)))
            }
            Atom::OverlapsResource(left, right) => {
                not(negated, &format!("{} overlaps {}", self.path(*left), self.path(*right)))
            }
            Atom::Holds(role) => not(negated, &format!("role {}", self.role(*role))),
        }
    }

    fn compare(self, attr: AttrId, op: Cmp, value: &Value, negated: bool) -> String {
        let op = if negated { opposite(op) } else { op };
        match (attr, op, value) {
            (builtin::PRINCIPAL_ORG, Cmp::Eq | Cmp::Ne, Value::Text(org)) => {
                not(op == Cmp::Ne, &format!("org {}", quoted(org)))
            }
            (builtin::PRINCIPAL_KIND, Cmp::Eq | Cmp::Ne, Value::Text(kind)) if &**kind == "anonymous" => {
                not(op == Cmp::Ne, kind)
            }
            _ => format!("{} {op} {}", self.path(attr), self.value(attr, value)),
        }
    }

    /// An attribute by the path that rules usually call it by.
    pub(super) fn path(self, attr: AttrId) -> String {
        let path = &self.vocabulary.attributes[attr].path;
        match (attr, path.strip_prefix("resource.")) {
            (builtin::PRINCIPAL_TIER | builtin::PRINCIPAL_ROLES, _) => path.replacen("principal.", "", 1),
            // A path that would say the kind already.
            (builtin::RESOURCE_KIND, _) => path.to_string(),
            (_, Some(name)) => format!("{}.{name}", self.resource),
            (_, None) => path.to_string(),
        }
    }

    fn role(self, role: RoleId) -> String {
        name(&self.vocabulary.roles[role].name)
    }

    /// A value as the language writes it.
    pub(super) fn value(self, attr: AttrId, value: &Value) -> String {
        match value {
            Value::Text(text) => self.text(attr, text),
            Value::Tier(tier) => name(&self.vocabulary.tier_name(*tier)),
            Value::Time(at) => instant(*at),
            Value::Texts(texts) => list(texts.iter().map(|text| self.text(attr, text))),
            Value::None | Value::Bool(_) | Value::Int(_) | Value::Ip(_) | Value::Roles(_) => value.to_string(),
        }
    }

    fn text(self, attr: AttrId, text: &str) -> String {
        match self.vocabulary.attributes[attr].ty {
            Type::OneOf(_) | Type::Kind | Type::Action | Type::Roles => name(text),
            Type::Texts if attr == builtin::RESOURCE_TAGS => name(text),
            Type::Bool | Type::Int(..) | Type::Text | Type::Ip | Type::Time | Type::Tier | Type::Texts => quoted(text),
        }
    }

    fn members(self, attr: AttrId, members: &Members) -> String {
        match members {
            Members::Texts(texts) => list(texts.iter().map(|text| self.text(attr, text))),
            Members::Ints(ints) => list(ints.iter().map(i64::to_string)),
            Members::Tiers(tiers) => list(tiers.iter().map(|tier| name(&self.vocabulary.tier_name(*tier)))),
            Members::Nets(nets) => list(nets.iter().map(ToString::to_string)),
            Members::Spans(spans) => list(spans.iter().map(|(start, end)| self.span(*start, *end))),
        }
    }

    /// `2026-05-01` for a day of the set's zone, else both its ends.
    fn span(self, start: DateTime<Utc>, end: DateTime<Utc>) -> String {
        let zone = &self.vocabulary.zone;
        let date = zone.local(start).date;
        let next = date.succ_opt().map(|next| zone.start_of_day(next));
        let whole = zone.start_of_day(date) == start && next == Some(end);
        if whole { date.to_string() } else { format!("{}..{}", instant(start), instant(end)) }
    }

    fn window(self, window: &Window) -> String {
        let spans = list(window.spans.iter().map(hours));
        let spans = if window.spans.len() == 1 { spans.trim_matches(['[', ']']).to_owned() } else { spans };
        // A zone is said where it is not the set's own.
        let own = window.zone == self.vocabulary.zone;
        if own { spans } else { format!("{spans} in {}", quoted(window.zone.name())) }
    }
}

fn rest_of<T>(row: &[T]) -> &[T] {
    row.split_first().map_or(&[], |(_, rest)| rest)
}

/// A kind, and a pattern of that kind's ids.
fn pattern(kind: &Atom, id: &Atom) -> Option<String> {
    match (kind, id) {
        (
            Atom::Compare(builtin::PRINCIPAL_KIND | builtin::RESOURCE_KIND, Cmp::Eq, Value::Text(kind)),
            Atom::Like(builtin::PRINCIPAL_ID | builtin::RESOURCE_ID, glob),
        ) => Some(format!("{kind} {}", quoted(glob.pattern()))),
        _ => None,
    }
}

/// A tree on one line, in parentheses where it is a choice among other tests.
fn written(tree: &Tree, inside: bool) -> String {
    // As deep as the parser lets conditions be.
    let joined = |trees: &[Tree], word: &str| {
        let words: Vec<String> = trees.iter().map(|tree| written(tree, true)).collect();
        let words = words.join(word);
        if inside { format!("({words})") } else { words }
    };
    match tree {
        Tree::Const(value) => value.to_string(),
        Tree::Test(words) => words.clone(),
        Tree::All(trees) => joined(trees, " and "),
        Tree::Any(trees) => joined(trees, " or "),
    }
}

/// The words of a test, or of its opposite.
fn not(negated: bool, words: &str) -> String {
    match (negated, words.contains(" overlaps ")) {
        (false, _) => words.to_owned(),
        (true, true) => format!("not ({words})"),
        (true, false) => format!("not {words}"),
    }
}

/// The operator that holds where another does not. What is unknown or `none` stays so under both.
const fn opposite(op: Cmp) -> Cmp {
    match op {
        Cmp::Eq => Cmp::Ne,
        Cmp::Ne => Cmp::Eq,
        Cmp::Lt => Cmp::Ge,
        Cmp::Ge => Cmp::Lt,
        Cmp::Le => Cmp::Gt,
        Cmp::Gt => Cmp::Le,
    }
}

/// ` + 7d`
fn moved(offset: i64) -> String {
    match offset {
        0 => String::new(),
        _ => format!(" {} {}", if offset < 0 { '-' } else { '+' }, duration(offset.unsigned_abs())),
    }
}

/// `[a, b, …+3]`
fn list(members: impl ExactSizeIterator<Item = String>) -> String {
    let count = members.len();
    let shown = if count > MANY { MANY - 1 } else { count };
    let mut words: Vec<String> = members.take(shown).collect();
    if shown < count {
        words.push(format!("…+{}", count.saturating_sub(shown)));
    }
    format!("[{}]", words.join(", "))
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// `mon..fri 09:00..18:00`
fn hours(span: &WindowSpan) -> String {
    let whole = span.start == 0 && (span.end == 0 || span.end == 86_400);
    let clock = |second: u32| {
        let minute = second.div_euclid(60);
        format!("{:02}:{:02}", minute.div_euclid(60), minute.rem_euclid(60))
    };
    let hours = if whole { String::new() } else { format!("{}..{}", clock(span.start), clock(span.end)) };
    let days = days(span.days);
    let gap = if days.is_empty() || hours.is_empty() { "" } else { " " };
    format!("{days}{gap}{hours}")
}

/// `mon..fri`; nothing for every day.
fn days(bits: u8) -> String {
    if bits & 0x7f == 0x7f {
        return String::new();
    }
    let mut ranges: Vec<(Weekday, Weekday)> = Vec::new();
    for day in Weekday::ALL.into_iter().filter(|day| bits >> day.index() & 1 == 1) {
        match ranges.last_mut() {
            Some((_, last)) if last.index().saturating_add(1) == day.index() => *last = day,
            _ => ranges.push((day, day)),
        }
    }
    let words = ranges.into_iter().map(|(first, last)| match first == last {
        true => first.name().to_owned(),
        false => format!("{}..{}", first.name(), last.name()),
    });
    let words: Vec<String> = words.collect();
    if words.len() > 1 { format!("({})", words.join(", ")) } else { words.concat() }
}
