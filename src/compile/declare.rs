//! Attributes, roles and declarations, as numbers.

use super::{
    code::halves,
    graph::{EntityPattern, Form, Graph, Home, NONE, Read, Slot, State, UNREAD},
    names::{Names, TooLarge},
    paths::Paths,
    tables::{Interner, number, plain},
};
use crate::{
    check::{
        entity::{Entities, Entity},
        vocabulary::{AttrId, Owner, Type, Vocabulary, builtin},
    },
    glob::Glob,
    value::Value,
};
use std::sync::Arc;

/// The words of one value of a declaration.
pub(crate) const FIXED: usize = 5;

/// Gives the attributes that tests read their slots. A request also has one for what limits and gates look at.
pub(super) fn slots(
    vocabulary: &Vocabulary,
    read: &[bool],
    tables: &mut Interner,
    graph: &mut Graph,
) -> Result<(), TooLarge> {
    graph.slot_of = vec![UNREAD; vocabulary.attributes.len()];
    // The principal's come first: they stay while the rest changes with each request.
    let principal = |owner: Owner| owner != Owner::Principal;
    let mut order: Vec<AttrId> = vocabulary.attributes.ids().collect();
    order.sort_by_key(|attr| principal(vocabulary.attributes[*attr].owner));
    for attr in order {
        let row = &vocabulary.attributes[attr];
        if !read.get(attr.0 as usize).is_some_and(|read| *read) {
            continue;
        }
        let default = match &row.default {
            Some(value) => slot(value, vocabulary, tables)?,
            None => Slot::UNKNOWN,
        };
        if let (Some(place), Ok(slot)) = (graph.slot_of.get_mut(attr.0 as usize), u16::try_from(graph.slots.len())) {
            *place = slot;
        }
        if row.owner == Owner::Principal {
            graph.of_principal = graph.of_principal.saturating_add(1);
        }
        // What a resource has by default is only of those that are declared.
        graph.blank.push(if row.owner == Owner::Resource { Slot::UNKNOWN } else { default });
        graph.slots.push(Read { attr, owner: row.owner, form: form(&row.ty), default });
    }
    graph.reads_names = builtin::ALWAYS_GIVEN.iter().any(|attr| read.get(attr.0 as usize).is_some_and(|read| *read));
    Ok(())
}

/// How values of a type are kept.
pub(super) const fn form(ty: &Type) -> Form {
    match ty {
        Type::Bool | Type::Int(..) | Type::Tier | Type::Ip => Form::Plain,
        Type::Text | Type::OneOf(_) | Type::Kind | Type::Action => Form::Text,
        Type::Time => Form::Time,
        Type::Texts => Form::Set,
        Type::Roles => Form::Roles,
    }
}

/// Numbers roles, actions, tiers and the names of attributes.
pub(super) fn words(vocabulary: &Vocabulary, tables: &mut Interner, graph: &mut Graph) -> Result<(), TooLarge> {
    let default = |attr: AttrId, tables: &mut Interner| match &vocabulary.attributes[attr].default {
        Some(value) => slot(value, vocabulary, tables),
        None => Ok(Slot::UNKNOWN),
    };
    graph.default_tier = default(builtin::PRINCIPAL_TIER, tables)?;
    graph.default_ip = default(builtin::IP, tables)?;
    graph.default_time = default(builtin::TIME, tables)?;
    graph.has_default_circumstances = [graph.default_ip, graph.default_time].iter().any(|slot| *slot != Slot::UNKNOWN);
    graph.default_roles = default(builtin::PRINCIPAL_ROLES, tables)?;
    graph.default_org = default(builtin::RESOURCE_ORG, tables)?;
    graph.granted = default(builtin::PRINCIPAL_GRANTED, tables)? == Slot::known(1, 0);
    graph.paths = Paths::new(vocabulary)?;
    for action in vocabulary.actions.iter() {
        graph.actions.add(0, action)?;
    }
    for tier in &vocabulary.tiers {
        graph.tiers.add(0, tier)?;
    }
    for role in vocabulary.roles.iter() {
        graph.role_names.add(0, &role.name)?;
        graph.roles.push(tables.text(&role.name)?);
    }
    let words = graph.roles.len().div_ceil(64);
    graph.role_words = words;
    for role in vocabulary.roles.iter() {
        let mut bits = vec![0_u64; words];
        for included in &role.closure {
            if let Some(word) = bits.get_mut((included.0 >> 6) as usize) {
                *word |= 1 << (included.0 & 63);
            }
        }
        graph.closures.extend(bits);
    }
    Ok(())
}

/// Numbers what is declared.
pub(super) fn entities(vocabulary: &Vocabulary, tables: &mut Interner, graph: &mut Graph) -> Result<(), TooLarge> {
    // No declaration: how many values it fixes.
    graph.entities.push(0);
    let (principals, patterns) =
        declared(&vocabulary.principals, vocabulary, tables, &mut graph.entities, Interner::principal)?;
    graph.principal_patterns = patterns;
    declare_names(&mut tables.tables.principals, &principals);
    let (resources, patterns) =
        declared(&vocabulary.resources, vocabulary, tables, &mut graph.entities, Interner::resource)?;
    graph.resource_patterns = patterns;
    declare_names(&mut tables.tables.resources, &resources);
    Ok(())
}

/// Numbers of names, and where the values of their declarations stand.
type Exact = Vec<(u32, u32)>;

fn declared(
    entities: &Entities,
    vocabulary: &Vocabulary,
    tables: &mut Interner,
    words: &mut Vec<u32>,
    name: impl Fn(&mut Interner, &str, &str) -> Result<u32, TooLarge>,
) -> Result<(Exact, Vec<EntityPattern>), TooLarge> {
    let (mut exact, mut patterns) = (Vec::new(), Vec::new());
    for (id, entity) in entities.exact() {
        exact.push((name(tables, &entity.kind, id)?, values(entity, vocabulary, tables, words)?));
    }
    for (glob, entity) in entities.patterns() {
        let kind = tables.text(&entity.kind)?;
        let glob = tables.glob(&Arc::new(glob.clone()))?;
        patterns.push(EntityPattern { kind, glob, entity: values(entity, vocabulary, tables, words)? });
    }
    Ok((exact, patterns))
}

/// What is known by name: the declaration of just this name, else that of the pattern which matches.
/// Notes at names where the values of their declarations stand.
fn declare_names(names: &mut Names<Home>, exact: &Exact) {
    for (id, entity) in exact {
        if let Some(home) = names.home_mut(*id) {
            home.entity = *entity;
        }
    }
}

/// Notes at names from a number on where the values of the declarations stand that match them, if they have none of their
/// own.
pub(super) fn declare_matching(names: &mut Names<Home>, from: u32, patterns: &[EntityPattern], globs: &[Arc<Glob>]) {
    if patterns.is_empty() {
        return;
    }
    for id in from..names.ids().end {
        let is_open = names.home(id).is_some_and(|home| home.entity == NONE);
        let (true, Some(kind), Some(text)) = (is_open, names.tag(id), names.text(id)) else { continue };
        let entity = Graph::declared(patterns, globs, kind, text);
        if let Some(home) = names.home_mut(id) {
            home.entity = entity;
        }
    }
}

/// Where the values that a declaration fixes stand.
fn values(
    entity: &Entity,
    vocabulary: &Vocabulary,
    tables: &mut Interner,
    words: &mut Vec<u32>,
) -> Result<u32, TooLarge> {
    if entity.values.is_empty() {
        return Ok(0);
    }
    let at = number(words.len(), "values of declarations")?;
    words.push(number(entity.values.len(), "values of a declaration")?);
    for (attr, value) in &entity.values {
        let Slot { state, a, b } = slot(value, vocabulary, tables)?;
        words.push(attr.0 & 0xffff | (state as u32) << 16);
        words.extend(halves(a).into_iter().chain(halves(b)));
    }
    Ok(at)
}

/// A value as a slot. Of roles the pool has each with all that it includes: its number, and that of the organisation's
/// text plus one, or 0 where it is held everywhere.
fn slot(value: &Value, vocabulary: &Vocabulary, tables: &mut Interner) -> Result<Slot, TooLarge> {
    Ok(match value {
        Value::None => Slot::NONE,
        Value::Text(text) => Slot::known(u64::from(tables.text(text)?), 0),
        Value::Texts(texts) => {
            let ids = texts.iter().map(|text| tables.text(text)).collect::<Result<Vec<_>, _>>()?;
            pooled(ids, tables)?
        }
        Value::Roles(held) => {
            let mut words = Vec::new();
            for held in held {
                let org = held.org.as_ref().map(|org| tables.text(org)).transpose()?;
                let role = vocabulary.role_ids.get(&held.role).map(|id| &vocabulary.roles[*id]);
                for included in role.into_iter().flat_map(|role| &role.closure) {
                    words.extend([included.0, org.map_or(0, |org| org.saturating_add(1))]);
                }
            }
            pooled(words, tables)?
        }
        Value::Bool(_) | Value::Int(_) | Value::Tier(_) | Value::Ip(_) | Value::Time(_) => {
            plain(value).map_or(Slot::UNKNOWN, |(a, b)| Slot::known(a, b))
        }
    })
}

fn pooled(words: Vec<u32>, tables: &mut Interner) -> Result<Slot, TooLarge> {
    let count = number(words.len(), "members of a set")?;
    let at = tables.table(words)?;
    Ok(Slot::pooled(at.saturating_add(1), count))
}

/// What a declaration fixes: attributes with their values.
pub(crate) fn fixed(entities: &[u32], at: u32) -> impl Iterator<Item = (AttrId, Slot)> {
    let row = entities.get(at as usize..).unwrap_or_default();
    let (count, rest) = row.split_first().map_or((0, row), |(count, rest)| (*count as usize, rest));
    let (rows, _) = rest.as_chunks::<FIXED>();
    rows.iter().take(count).map(|[head, a, b, c, d]| {
        let state = match head >> 16 {
            0 => State::Unknown,
            1 => State::None,
            _ => State::Known,
        };
        let slot = Slot { state, a: super::code::joined(*a, *b), b: super::code::joined(*c, *d) };
        (AttrId(head & 0xffff), slot)
    })
}
