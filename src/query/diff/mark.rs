//! What a rule says, as a number that two policy sets can compare.

use super::content;
use crate::{
    check::ir::{Atom, Cond, CondKind, Effect, Members, Rule},
    query::space::Side,
    value::Value,
};
use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
};

/// What a rule says, as two numbers that are the same just where it says the same.
pub(super) type Mark = (u64, u64);

/// Two hashers that are told the same.
struct Twins(DefaultHasher, DefaultHasher);

impl Twins {
    fn new() -> Self {
        let mut other = DefaultHasher::new();
        other.write_u8(1);
        Self(DefaultHasher::new(), other)
    }
}

impl Hasher for Twins {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
        self.1.write(bytes);
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

/// What a rule says: what it does, and when.
pub(super) fn mark(side: &Side<'_>, rule: &Rule) -> Mark {
    let mut twins = Twins::new();
    effect(side, rule, &mut twins);
    for part in &rule.parts {
        cond(side, &part.cond, &mut twins);
    }
    (twins.0.finish(), twins.1.finish())
}

fn effect(side: &Side<'_>, rule: &Rule, hasher: &mut impl Hasher) {
    let vocabulary = side.vocabulary();
    std::mem::discriminant(&rule.effect).hash(hasher);
    match &rule.effect {
        Effect::Allow => {}
        Effect::Deny(refusal) => content::refusal(vocabulary, refusal).hash(hasher),
        Effect::Gate(mode, refusal) => {
            mode.name().hash(hasher);
            content::refusal(vocabulary, refusal).hash(hasher);
        }
        Effect::Limit(limit, refusal) => content::limit(vocabulary, limit, refusal).hash(hasher),
        Effect::Oblige(duties) => {
            format!("{:?}", duties.upon).hash(hasher);
            let words: BTreeSet<String> = duties.duties.iter().map(|duty| content::duty(vocabulary, duty)).collect();
            words.hash(hasher);
        }
    }
}

/// A condition. Its depth is bounded by the checker.
fn cond(side: &Side<'_>, of: &Cond, hasher: &mut impl Hasher) {
    std::mem::discriminant(of.kind()).hash(hasher);
    match of.kind() {
        CondKind::Const(value) => value.hash(hasher),
        CondKind::Not(inner) => cond(side, inner, hasher),
        CondKind::All(inner) | CondKind::Any(inner) => {
            inner.len().hash(hasher);
            inner.iter().for_each(|inner| cond(side, inner, hasher));
        }
        CondKind::Atom(of) => atom(side, of, hasher),
    }
}

fn atom(side: &Side<'_>, of: &Atom, hasher: &mut impl Hasher) {
    std::mem::discriminant(of).hash(hasher);
    of.attributes().iter().for_each(|attr| side.key(*attr).hash(hasher));
    match of {
        Atom::IsTrue(_) | Atom::Has(_) | Atom::ContainsValue(..) | Atom::OverlapsResource(..) => {}
        Atom::Compare(_, op, value) => {
            op.symbol().hash(hasher);
            constant(side, value, hasher);
        }
        Atom::CompareResource { op, offset, .. } => (op.symbol(), offset).hash(hasher),
        Atom::In(_, of) => members(side, of, hasher),
        Atom::During(_, window) => {
            window.zone.name().hash(hasher);
            window.spans.iter().for_each(|span| (span.days, span.start, span.end).hash(hasher));
        }
        Atom::Like(_, glob) => (glob.is_of_resources(), glob.pattern()).hash(hasher),
        Atom::Contains(_, text) => text.hash(hasher),
        Atom::Overlaps(_, texts) => texts.hash(hasher),
        Atom::Holds(role) => side.vocabulary().roles[*role].name.hash(hasher),
    }
}

fn constant(side: &Side<'_>, value: &Value, hasher: &mut impl Hasher) {
    match value {
        Value::Tier(tier) => side.vocabulary().tier_name(*tier).hash(hasher),
        Value::None
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Text(_)
        | Value::Ip(_)
        | Value::Time(_)
        | Value::Texts(_)
        | Value::Roles(_) => value.hash(hasher),
    }
}

fn members(side: &Side<'_>, of: &Members, hasher: &mut impl Hasher) {
    std::mem::discriminant(of).hash(hasher);
    match of {
        Members::Texts(texts) => texts.hash(hasher),
        Members::Ints(ints) => ints.hash(hasher),
        Members::Tiers(tiers) => tiers.iter().for_each(|tier| side.vocabulary().tier_name(*tier).hash(hasher)),
        Members::Nets(nets) => nets.hash(hasher),
        Members::Spans(spans) => spans.hash(hasher),
    }
}
