//! Rules under what they are filed under, as code.

use super::{
    block::{self, Packed, Section},
    code,
    encode::Encoder,
    keys::{self, Key},
    names::TooLarge,
    shape::{Known, Shape, shape},
    tables::Interner,
};
use crate::{
    check::{
        ir::{Cond, Effect, PartKind, Rule, RuleId},
        vocabulary::{AttrId, Vocabulary, builtin},
    },
    value::GateMode,
};
use std::collections::BTreeMap;

/// What rules are filed under, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Place {
    Everywhere,
    Resource(u32),
    Principal(u32),
    Pattern(u32),
    Tag(u32),
    PrincipalOrg(u32),
    ResourceOrg(u32),
    UnknownPrincipal,
    UnknownTag,
    UnknownPrincipalOrg,
    UnknownResourceOrg,
}

impl Place {
    /// The attribute whose value leads there, if it is not a name.
    const fn found_by(self) -> Option<AttrId> {
        match self {
            Self::Tag(_) | Self::UnknownTag => Some(builtin::RESOURCE_TAGS),
            Self::PrincipalOrg(_) | Self::UnknownPrincipalOrg => Some(builtin::PRINCIPAL_ORG),
            Self::ResourceOrg(_) | Self::UnknownResourceOrg => Some(builtin::RESOURCE_ORG),
            Self::Everywhere | Self::Resource(_) | Self::Principal(_) | Self::Pattern(_) | Self::UnknownPrincipal => {
                None
            }
        }
    }
}

/// Files a rule under each of its keys.
pub(super) fn file(
    vocabulary: &Vocabulary,
    id: RuleId,
    rule: &Rule,
    tables: &mut Interner,
    filed: &mut Vec<(Place, Packed)>,
) -> Result<(), TooLarge> {
    let (actions, exact) = actions(rule);
    let conds: Vec<&Cond> =
        rule.parts.iter().filter(|part| !(exact && part.kind == PartKind::To)).map(|part| &part.cond).collect();
    let possible = !matches!(rule.effect, Effect::Allow);
    let (section, hides, gate) = role(rule);
    let mut put = |place: Place, known: Known<'_>, tables: &mut Interner| -> Result<(), TooLarge> {
        let shape = shape(&conds, known);
        if matches!(shape, Shape::Const(false)) {
            return Ok(());
        }
        let code = Encoder::new(vocabulary, tables).encode(&shape, gate)?;
        filed.push((place, Packed { rule: id.0, section, hides, actions, code }));
        Ok(())
    };
    let keys = keys::keys(&conds);
    if keys.is_empty() {
        return put(Place::Everywhere, Known::default(), tables);
    }
    let mut unknown = BTreeMap::new();
    for key in keys {
        let none = Known::default();
        match key {
            Key::Resource(kind, name) => {
                let place = Place::Resource(tables.resource(kind, name)?);
                put(place, Known { resource: Some((kind, name)), ..none }, tables)?;
            }
            Key::Principal(kind, name) => {
                let place = Place::Principal(tables.principal(kind, name)?);
                put(place, Known { principal: Some((kind, name)), ..none }, tables)?;
                unknown.insert(Place::UnknownPrincipal, ());
            }
            Key::Pattern(glob) => {
                put(Place::Pattern(tables.glob(glob)?), Known { pattern: Some(glob), ..none }, tables)?;
            }
            Key::Tag(tag) => {
                put(Place::Tag(tables.text(tag)?), Known { tag: Some(tag), ..none }, tables)?;
                unknown.insert(Place::UnknownTag, ());
            }
            Key::PrincipalOrg(org) => {
                put(Place::PrincipalOrg(tables.text(org)?), Known { principal_org: Some(org), ..none }, tables)?;
                unknown.insert(Place::UnknownPrincipalOrg, ());
            }
            Key::ResourceOrg(org) => {
                put(Place::ResourceOrg(tables.text(org)?), Known { resource_org: Some(org), ..none }, tables)?;
                unknown.insert(Place::UnknownResourceOrg, ());
            }
        }
    }
    // What fires on the unknown is found where the key is not known, too.
    for place in unknown.into_keys().filter(|_| possible) {
        put(place, Known::default(), tables)?;
    }
    Ok(())
}

/// The actions of a rule as bits, and whether they say all: actions beyond the bits share the last one.
fn actions(rule: &Rule) -> (u32, bool) {
    let Some(actions) = &rule.actions else { return (u32::MAX, true) };
    let bits = actions.iter().fold(0, |bits, action| bits | block::action_bit(action.0));
    (bits, actions.iter().all(|action| action.0 < 31))
}

/// The section of a rule, whether it is a prohibition that decides before others, and the gate that it is.
fn role(rule: &Rule) -> (Section, bool, Option<GateMode>) {
    let (section, hides, gate) = match &rule.effect {
        Effect::Allow if rule.shadow => (Section::ShadowAllows, false, None),
        Effect::Allow => (Section::Allows, false, None),
        Effect::Deny(refusal) => (Section::Prohibitions, refusal.status == 404, None),
        Effect::Gate(mode, refusal) => (Section::Prohibitions, refusal.status == 404, Some(*mode)),
        Effect::Limit(..) => (Section::Limits, false, None),
        Effect::Oblige(..) => (Section::Duties, false, None),
    };
    match (rule.shadow, section) {
        (true, Section::Prohibitions | Section::Limits | Section::Duties) => (Section::Shadows, false, gate),
        _ => (section, hides, gate),
    }
}

/// Notes the attributes that rules read, and those that lead to them.
pub(super) fn read_by(filed: &[(Place, Packed)], read: &mut [bool]) {
    for (place, rule) in filed {
        reads(&rule.code, read);
        if let Some(attr) = place.found_by() {
            note(read, attr);
        }
    }
}

/// Notes the attributes that code reads.
fn reads(code: &[u32], read: &mut [bool]) {
    for (test, operands) in block::tests(code) {
        if test.op == code::Op::Code {
            reads(operands, read);
        }
        let own = test.op.reads().then_some(test.slot);
        for attr in [own, test.op.is_pair().then_some(test.immediate)].into_iter().flatten() {
            note(read, AttrId(u32::from(attr)));
        }
    }
}

pub(super) fn note(read: &mut [bool], attr: AttrId) {
    if let Some(read) = read.get_mut(attr.0 as usize) {
        *read = true;
    }
}
