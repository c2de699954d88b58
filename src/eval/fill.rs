//! A typed request, prepared.

use super::{
    draft::{Draft, Misfit, Set},
    facts::lookup,
};
use crate::{
    check::vocabulary::{Owner, builtin},
    request::{Given, Input, Request},
};
use smallvec::SmallVec;

/// Prepares a request.
///
/// # Errors
/// Where it does not fit the vocabulary. [`Facts`](super::facts::Facts) say why.
pub(crate) fn fill(draft: &mut Draft, set: Set<'_>, request: &Request) -> Result<(), Misfit> {
    let principal = &request.principal;
    draft.principal(set, &principal.kind, principal.id.as_deref());
    let without_id = principal.id.is_none();
    if without_id != (draft.is_anonymous() || principal.kind.is_empty()) && !principal.kind.is_empty() {
        return Err(Misfit);
    }
    if draft.is_anonymous() && !principal.properties.is_empty() {
        return Err(Misfit);
    }
    give_all(draft, set, request, Owner::Principal)?;
    draft.end_of_principal();
    draft.ask(set, &request.action, &request.resource.kind, &request.resource.id, None);
    for owner in [Owner::Resource, Owner::Action, Owner::Context] {
        give_all(draft, set, request, owner)?;
    }
    Ok(())
}

/// Gives all values of an owner's attributes.
fn give_all(draft: &mut Draft, set: Set<'_>, request: &Request, owner: Owner) -> Result<(), Misfit> {
    let properties = match owner {
        Owner::Principal => &request.principal.properties,
        Owner::Resource => &request.resource.properties,
        Owner::Action => &request.action_properties,
        Owner::Context => &request.context,
    };
    if properties.is_empty() {
        return Ok(());
    }
    for (attr, row) in set.vocabulary.attributes.pairs() {
        if row.owner != owner || builtin::ALWAYS_GIVEN.contains(&attr) {
            continue;
        }
        let Some(input) = lookup(properties, &row.name) else { continue };
        let roles = attr == builtin::PRINCIPAL_ROLES;
        match input {
            Input::Unknown => draft.give(set, attr, Given::Unknown)?,
            Input::None => draft.give(set, attr, Given::None)?,
            Input::Bool(value) => draft.give(set, attr, Given::Bool(*value))?,
            Input::Int(value) => draft.give(set, attr, Given::Int(*value))?,
            Input::Text(text) => draft.give(set, attr, Given::Text(text))?,
            Input::List(members) if roles => {
                let held: SmallVec<[_; 8]> = members.iter().map(role).collect::<Option<_>>().ok_or(Misfit)?;
                draft.give(set, attr, Given::Roles(&held))?;
            }
            Input::List(members) => {
                let texts: SmallVec<[_; 8]> = members.iter().map(text).collect::<Option<_>>().ok_or(Misfit)?;
                draft.give(set, attr, Given::Texts(&texts))?;
            }
            Input::Float(_) | Input::Object(_) => return Err(Misfit),
        }
    }
    Ok(())
}

fn text(input: &Input) -> Option<&str> {
    if let Input::Text(text) = input { Some(text) } else { None }
}

/// `"admin"` or `{"role": "admin", "org": "alpha"}`.
fn role(input: &Input) -> Option<(&str, Option<&str>)> {
    match input {
        Input::Text(role) => Some((role, None)),
        Input::Object(members) if members.len() == 2 => {
            Some((text(members.get("role")?)?, Some(text(members.get("org")?)?)))
        }
        Input::Unknown
        | Input::None
        | Input::Bool(_)
        | Input::Int(_)
        | Input::Float(_)
        | Input::List(_)
        | Input::Object(_) => None,
    }
}
