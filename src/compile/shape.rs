//! Conditions with all that is known beforehand put in: negations pushed down to the tests, the names of principals and
//! resources put together from their kinds and ids, and constants folded.

use crate::{
    check::{
        ir::{Atom, Cond, CondKind, Members},
        vocabulary::{AttrId, builtin},
    },
    glob::Glob,
    value::{Cmp, Value},
};

/// What is known of the requests that code is made for: what they are found by.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Known<'a> {
    /// The resource's kind and id.
    pub(crate) resource: Option<(&'a str, &'a str)>,
    /// The principal's kind and id.
    pub(crate) principal: Option<(&'a str, &'a str)>,
    /// The principal's organisation.
    pub(crate) principal_org: Option<&'a str>,
    /// The resource's organisation.
    pub(crate) resource_org: Option<&'a str>,
    /// One of the resource's tags.
    pub(crate) tag: Option<&'a str>,
    /// A pattern that matches the resource's id.
    pub(crate) pattern: Option<&'a Glob>,
}

/// A condition in negation normal form.
#[derive(Debug, Clone)]
pub(crate) enum Shape<'a> {
    /// Always true, or always false.
    Const(bool),
    /// A test, or its negation.
    Atom(&'a Atom, bool),
    /// The principal is, or is not, the one of this kind and id.
    Principal(&'a str, &'a str, bool),
    /// The resource is, or is not, the one of this kind and id.
    Resource(&'a str, &'a str, bool),
    /// All of them.
    All(Vec<Shape<'a>>),
    /// One of them.
    Any(Vec<Shape<'a>>),
}

/// All of some conditions.
pub(super) fn shape<'a>(conds: &[&'a Cond], known: Known<'_>) -> Shape<'a> {
    let mut items = Vec::new();
    conds.iter().for_each(|cond| flatten(cond, &mut items));
    all(items.into_iter(), false, known)
}

/// The conditions that must all hold for one: itself, if it is no `All`.
pub(super) fn flatten<'a>(cond: &'a Cond, items: &mut Vec<&'a Cond>) {
    match cond.kind() {
        CondKind::All(inner) => items.extend(inner),
        CondKind::Const(_) | CondKind::Not(_) | CondKind::Any(_) | CondKind::Atom(_) => items.push(cond),
    }
}

/// The constant of a condition that is a test for one text.
fn equals(cond: &Cond, wanted: AttrId) -> Option<&str> {
    match cond.kind() {
        CondKind::Atom(Atom::Compare(attr, Cmp::Eq, Value::Text(text))) if *attr == wanted => Some(text),
        CondKind::Const(_) | CondKind::Not(_) | CondKind::All(_) | CondKind::Any(_) | CondKind::Atom(_) => None,
    }
}

/// The first text that one of some conditions wants an attribute to be.
pub(super) fn wants<'a>(items: &[&'a Cond], attr: AttrId) -> Option<&'a str> {
    items.iter().find_map(|cond| equals(cond, attr))
}

/// All of some conditions, or with `negated` one of their negations. A kind and an id side by side are one test: a
/// request gives both or neither.
fn all<'a>(items: impl Iterator<Item = &'a Cond> + Clone, negated: bool, known: Known<'_>) -> Shape<'a> {
    let pair = |kind, id| {
        let kind = items.clone().find_map(|cond| equals(cond, kind))?;
        Some((kind, items.clone().find_map(|cond| equals(cond, id))?))
    };
    let principal = pair(builtin::PRINCIPAL_KIND, builtin::PRINCIPAL_ID);
    let resource = pair(builtin::RESOURCE_KIND, builtin::RESOURCE_ID);
    let stands_in = |cond: &Cond, whole: Option<(&str, &str)>, kind, id| {
        whole.is_some_and(|(k, i)| equals(cond, kind) == Some(k) || equals(cond, id) == Some(i))
    };
    let mut shapes = Vec::new();
    if let Some((kind, id)) = principal {
        shapes.push(named(known.principal, (kind, id), negated, Shape::Principal(kind, id, negated)));
    }
    if let Some((kind, id)) = resource {
        shapes.push(named(known.resource, (kind, id), negated, Shape::Resource(kind, id, negated)));
    }
    let rest = items.clone().filter(|cond| {
        !stands_in(cond, principal, builtin::PRINCIPAL_KIND, builtin::PRINCIPAL_ID)
            && !stands_in(cond, resource, builtin::RESOURCE_KIND, builtin::RESOURCE_ID)
    });
    shapes.extend(rest.map(|cond| of(cond, negated, known)));
    join(shapes, !negated)
}

/// A test for a name, where the name may be known.
fn named<'a>(known: Option<(&str, &str)>, name: (&str, &str), negated: bool, open: Shape<'a>) -> Shape<'a> {
    known.map_or(open, |known| Shape::Const((known == name) != negated))
}

fn of<'a>(cond: &'a Cond, negated: bool, known: Known<'_>) -> Shape<'a> {
    match cond.kind() {
        CondKind::Const(value) => Shape::Const(*value != negated),
        CondKind::Not(inner) => of(inner, !negated, known),
        CondKind::All(inner) => all(inner.iter(), negated, known),
        CondKind::Any(inner) => join(inner.iter().map(|cond| of(cond, negated, known)).collect(), negated),
        CondKind::Atom(atom) => match decided(atom, known) {
            Some(value) => Shape::Const(value != negated),
            None => Shape::Atom(atom, negated),
        },
    }
}

/// All (or with `conjunction` false one) of some shapes, flat and free of constants.
fn join(shapes: Vec<Shape<'_>>, conjunction: bool) -> Shape<'_> {
    let mut flat = Vec::with_capacity(shapes.len());
    for shape in shapes {
        match shape {
            Shape::Const(value) if value == conjunction => {}
            Shape::Const(value) => return Shape::Const(value),
            Shape::All(inner) if conjunction => flat.extend(inner),
            Shape::Any(inner) if !conjunction => flat.extend(inner),
            Shape::Atom(..) | Shape::Principal(..) | Shape::Resource(..) | Shape::All(_) | Shape::Any(_) => {
                flat.push(shape);
            }
        }
    }
    if flat.len() > 1 {
        return if conjunction { Shape::All(flat) } else { Shape::Any(flat) };
    }
    flat.pop().unwrap_or(Shape::Const(conjunction))
}

/// What a test comes to, if all it asks is known.
fn decided(atom: &Atom, known: Known<'_>) -> Option<bool> {
    let text = |attr: AttrId| match attr {
        builtin::RESOURCE_KIND => known.resource.map(|(kind, _)| kind),
        builtin::RESOURCE_ID => known.resource.map(|(_, id)| id),
        builtin::PRINCIPAL_KIND => known.principal.map(|(kind, _)| kind),
        builtin::PRINCIPAL_ID => known.principal.map(|(_, id)| id),
        builtin::PRINCIPAL_ORG => known.principal_org,
        builtin::RESOURCE_ORG => known.resource_org,
        _ => None,
    };
    match atom {
        Atom::Compare(attr, Cmp::Eq, Value::Text(wanted)) => text(*attr).map(|text| *text == **wanted),
        Atom::Compare(attr, Cmp::Ne, Value::Text(wanted)) => text(*attr).map(|text| *text != **wanted),
        Atom::In(attr, members) => match &**members {
            Members::Texts(texts) => text(*attr).map(|text| texts.contains(text)),
            Members::Ints(_) | Members::Tiers(_) | Members::Nets(_) | Members::Spans(_) => None,
        },
        Atom::Like(attr, glob) => match text(*attr) {
            Some(text) => Some(glob.is_match(text)),
            None => {
                (*attr == builtin::RESOURCE_ID && known.pattern.is_some_and(|known| *known == **glob)).then_some(true)
            }
        },
        Atom::Has(attr) => text(*attr).map(|_| true),
        Atom::Contains(builtin::RESOURCE_TAGS, tag) => known.tag.filter(|known| *known == &**tag).map(|_| true),
        Atom::Overlaps(builtin::RESOURCE_TAGS, tags) => known.tag.filter(|known| tags.contains(*known)).map(|_| true),
        Atom::IsTrue(_)
        | Atom::Compare(..)
        | Atom::CompareResource { .. }
        | Atom::During(..)
        | Atom::Contains(..)
        | Atom::ContainsValue(..)
        | Atom::Overlaps(..)
        | Atom::OverlapsResource(..)
        | Atom::Holds(_) => None,
    }
}
