//! A typed request, prepared.

use super::{
    draft::{Draft, Misfit, Set},
    facts::{check_principal, lookup, misfit},
};
use crate::{
    check::vocabulary::{AttrId, Owner, Vocabulary, builtin},
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
    give_each(draft, set, said(set.vocabulary, request, Owner::Principal))?;
    draft.end_of_principal();
    draft.ask(set, &request.action, &request.resource.kind, &request.resource.id, |_| None);
    give_each(draft, set, besides_principal(set.vocabulary, request))
}

/// What a request says of the attributes of its resource, its action and its circumstances.
pub(crate) fn besides_principal<'v, 'r>(
    vocabulary: &'v Vocabulary,
    request: &'r Request,
) -> impl Iterator<Item = (AttrId, &'r Input)> + use<'v, 'r> {
    let owners = [Owner::Resource, Owner::Action, Owner::Context].into_iter();
    owners.flat_map(|owner| said(vocabulary, request, owner))
}

/// Gives the values of attributes.
///
/// # Errors
/// Where one does not fit.
pub(crate) fn give_each<'r>(
    draft: &mut Draft,
    set: Set<'_>,
    given: impl IntoIterator<Item = (AttrId, &'r Input)>,
) -> Result<(), Refusal> {
    given.into_iter().try_for_each(|(attr, input)| {
        give(draft, set, attr, input).map_err(|Misfit| misfit(set.vocabulary, attr, input))
    })
}

/// What a request says of an owner's attributes.
fn said<'v, 'r>(
    vocabulary: &'v Vocabulary,
    request: &'r Request,
    owner: Owner,
) -> impl Iterator<Item = (AttrId, &'r Input)> + use<'v, 'r> {
    let properties = match owner {
        Owner::Principal => &request.principal.properties,
        Owner::Resource => &request.resource.properties,
        Owner::Action => &request.action_properties,
        Owner::Context => &request.context,
    };
    let rows = vocabulary.attributes.pairs().filter(|_| !properties.is_empty());
    let open = rows.filter(move |(attr, row)| row.owner == owner && !builtin::ALWAYS_GIVEN.contains(attr));
    open.filter_map(|(attr, row)| Some((attr, lookup(properties, &row.name)?)))
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
            let texts: Option<SmallVec<[_; 8]>> = members.iter().map(Input::as_text).collect();
            draft.give(set, attr, texts.as_deref().map_or(Given::Unfit, Given::Texts))
        }
        Input::Float(_) | Input::Object(_) => draft.give(set, attr, Given::Unfit),
    }
}

/// `"admin"` or `{"role": "admin", "org": "alpha"}`.
fn role(input: &Input) -> Option<(&str, Option<&str>)> {
    match input {
        Input::Text(role) => Some((role, None)),
        Input::Object(members) if members.len() == 2 => {
            Some((members.get("role")?.as_text()?, Some(members.get("org")?.as_text()?)))
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
