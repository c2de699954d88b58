//! A vocabulary as words, without what it declares: declarations stand in the graph.

use crate::{
    check::vocabulary::{AttrId, Attribute, Owner, Role, RoleId, Type, Vocabulary},
    compile::{
        code::halves,
        flat::{Reader, Writer},
        names::TooLarge,
        tables::number,
    },
    ids::IdVec,
    zone::Zone,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

const OWNERS: [Owner; 4] = [Owner::Principal, Owner::Resource, Owner::Action, Owner::Context];

/// The zone; tiers; actions; roles, each with those that it includes; kinds of principals and of resources; attributes, each
/// with its owner and whether it is a unit, its name, its type and its default.
pub(super) fn write(vocabulary: &Vocabulary, out: &mut Writer) -> Result<Vec<u32>, TooLarge> {
    let mut words = vec![out.text(vocabulary.zone.name())?];
    names(&vocabulary.tiers, out, &mut words)?;
    names(vocabulary.actions.iter(), out, &mut words)?;
    words.push(number(vocabulary.roles.len(), "roles")?);
    for role in vocabulary.roles.iter() {
        words.extend([out.text(&role.name)?, number(role.closure.len(), "roles")?]);
        words.extend(role.closure.iter().map(|included| included.0));
    }
    names(&vocabulary.principal_kinds, out, &mut words)?;
    names(&vocabulary.resource_kinds, out, &mut words)?;
    words.push(number(vocabulary.attributes.len(), "attributes")?);
    for row in vocabulary.attributes.iter() {
        let owner = OWNERS.iter().position(|owner| *owner == row.owner).unwrap_or_default();
        words.extend([owner as u32 | u32::from(row.is_unit) << 8, out.text(&row.name)?]);
        ty(&row.ty, out, &mut words)?;
        words.push(u32::from(row.default.is_some()));
        if let Some(default) = &row.default {
            out.value(default, &mut words)?;
        }
    }
    Ok(words)
}

fn names<'a>(
    names: impl IntoIterator<Item = &'a Arc<str>>,
    out: &mut Writer,
    words: &mut Vec<u32>,
) -> Result<(), TooLarge> {
    let ids = names.into_iter().map(|name| out.text(name)).collect::<Result<Vec<u32>, _>>()?;
    words.push(number(ids.len(), "names")?);
    words.extend(ids);
    Ok(())
}

fn ty(ty: &Type, out: &mut Writer, words: &mut Vec<u32>) -> Result<(), TooLarge> {
    match ty {
        Type::Bool => words.push(0),
        Type::Int(least, most) => {
            words.push(1);
            words.extend(halves(least.cast_unsigned()));
            words.extend(halves(most.cast_unsigned()));
        }
        Type::Text => words.push(2),
        Type::Ip => words.push(3),
        Type::Time => words.push(4),
        Type::Tier => words.push(5),
        Type::Texts => words.push(6),
        Type::OneOf(constants) => {
            words.push(7);
            names(constants.iter(), out, words)?;
        }
        Type::Kind => words.push(8),
        Type::Action => words.push(9),
        Type::Roles => words.push(10),
    }
    Ok(())
}

/// The vocabulary of some words; nothing where they say none.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Vocabulary> {
    let zone = Zone::find(reader.text()?)?;
    let tiers: Vec<Arc<str>> = read_names(reader)?;
    let actions: IdVec<_, Arc<str>> = read_names(reader)?;
    let mut roles: IdVec<RoleId, Role> = IdVec::new();
    let count = reader.count(2)?;
    for _ in 0..count {
        let name = reader.shared()?;
        let closure: BTreeSet<RoleId> =
            (0..reader.count(1)?).map(|_| reader.word().map(RoleId)).collect::<Option<_>>()?;
        closure.iter().all(|role| role.0 < count).then_some(())?;
        roles.push(Role { name, closure });
    }
    let mut vocabulary = Vocabulary {
        zone,
        tiers,
        action_ids: actions.pairs().map(|(id, name)| (name.clone(), id)).collect(),
        actions,
        role_ids: roles.pairs().map(|(id, role)| (role.name.clone(), id)).collect(),
        roles,
        principal_kinds: read_names(reader)?,
        resource_kinds: read_names(reader)?,
        attributes: IdVec::new(),
        attribute_ids: BTreeMap::new(),
        ..Vocabulary::default()
    };
    for _ in 0..reader.count(4)? {
        let row = attribute(reader)?;
        let of_owner: &mut HashMap<Arc<str>, AttrId> = vocabulary.attribute_ids.entry(row.owner).or_default();
        let name = row.name.clone();
        of_owner.insert(name, vocabulary.attributes.push(row)).is_none().then_some(())?;
    }
    // Those that are built in stand at their places.
    let built_in = Vocabulary::default();
    let same =
        |(held, row): (&Attribute, &Attribute)| held.owner == row.owner && held.name == row.name && held.ty == row.ty;
    let enough = vocabulary.attributes.len() >= built_in.attributes.len();
    (enough && vocabulary.attributes.iter().zip(built_in.attributes.iter()).all(same)).then_some(vocabulary)
}

fn attribute(reader: &mut Reader<'_>) -> Option<Attribute> {
    let first = reader.word()?;
    let owner = *OWNERS.get(first as usize & 0xff)?;
    let name = reader.shared()?;
    let ty = read_type(reader)?;
    let default = if reader.word()? == 1 { Some(reader.value()?) } else { None };
    Some(Attribute { owner, path: owner.path(&name).into(), name, ty, default, is_unit: first >> 8 & 1 == 1, at: None })
}

fn read_names<T: FromIterator<Arc<str>>>(reader: &mut Reader<'_>) -> Option<T> {
    let count = reader.count(1)?;
    (0..count).map(|_| reader.shared()).collect()
}

fn read_type(reader: &mut Reader<'_>) -> Option<Type> {
    Some(match reader.word()? {
        0 => Type::Bool,
        1 => Type::Int(reader.long()?.cast_signed(), reader.long()?.cast_signed()),
        2 => Type::Text,
        3 => Type::Ip,
        4 => Type::Time,
        5 => Type::Tier,
        6 => Type::Texts,
        7 => Type::OneOf(read_names::<Vec<Arc<str>>>(reader)?.into()),
        8 => Type::Kind,
        9 => Type::Action,
        10 => Type::Roles,
        _ => return None,
    })
}
