//! A typed request, prepared.

use super::{
    draft::{Draft, Misfit, Set},
    facts::{check_principal, lookup, misfit},
};
use crate::{
    check::vocabulary::{AttrId, Owner, builtin},
    request::{Given, Input, Refusal, Request},
};
use smallvec::SmallVec;

/// Prepares a request.
///
/// # Errors
/// Where it does not fit the vocabulary.
pub(crate) fn fill(draft: &mut Draft, set: Set<'_>, request: &Request) -> Result<(), Refusal> {
    let principal = &request.principal;
    check_principal(principal)?;
    draft.principal(set, &principal.kind, principal.id.as_deref());
    give_all(draft, set, request, Owner::Principal)?;
    draft.end_of_principal();
    draft.ask(set, &request.action, &request.resource.kind, &request.resource.id, |_| None);
    for owner in [Owner::Resource, Owner::Action, Owner::Context] {
        give_all(draft, set, request, owner)?;
    }
    Ok(())
}

/// Gives all values of an owner's attributes.
fn give_all(draft: &mut Draft, set: Set<'_>, request: &Request, owner: Owner) -> Result<(), Refusal> {
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
        give(draft, set, attr, input).map_err(|Misfit| misfit(set.vocabulary, attr, input))?;
    }
    Ok(())
}

fn give(draft: &mut Draft, set: Set<'_>, attr: AttrId, input: &Input) -> Result<(), Misfit> {
    match input {
        Input::Unknown => draft.give(set, attr, Given::Unknown),
        Input::None => draft.give(set, attr, Given::None),
        Input::Bool(value) => draft.give(set, attr, Given::Bool(*value)),
        Input::Int(value) => draft.give(set, attr, Given::Int(*value)),
        Input::Text(text) => draft.give(set, attr, Given::Text(text)),
        Input::List(members) if attr == builtin::PRINCIPAL_ROLES => {
            let held: Option<SmallVec<[_; 8]>> = members.iter().map(role).collect();
            draft.give(set, attr, held.as_deref().map_or(Given::Unfit, Given::Roles))
        }
        Input::List(members) => {
            let texts: Option<SmallVec<[_; 8]>> = members.iter().map(text).collect();
            draft.give(set, attr, texts.as_deref().map_or(Given::Unfit, Given::Texts))
        }
        Input::Float(_) | Input::Object(_) => draft.give(set, attr, Given::Unfit),
    }
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
