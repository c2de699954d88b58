//! What a principal holds to the policies, compared with another: whether somebody could give away something that is not theirs.

use crate::{
    check::vocabulary::{Attribute, Owner, Vocabulary, builtin},
    eval::facts::Facts,
    request::{Principal, Refusal, Request, Resource},
    value::{HeldRole, Value},
};
use std::collections::BTreeSet;

/// What one principal holds that another does not, in the words of a vocabulary.
///
/// # Errors
/// What the principal is said to hold does not fit the vocabulary.
pub(super) fn beyond(
    vocabulary: &Vocabulary,
    principal: &Principal,
    giver: &Principal,
) -> Result<Vec<String>, Refusal> {
    let asked = [principal, giver].map(|who| Request::new(who.clone(), super::MANAGE, Resource::new("keys", "")));
    let [wanted, held] = &asked;
    let wanted = Facts::new(vocabulary, wanted, false)?;
    let held = Facts::new(vocabulary, held, false)?;
    let mut beyond = Vec::new();
    for (attribute, row) in vocabulary.attributes.pairs().filter(|(_, row)| row.owner == Owner::Principal) {
        // Who it is, its caller looks at; to whom access was granted, nobody says of themselves.
        if builtin::ALWAYS_GIVEN.contains(&attribute) || attribute == builtin::PRINCIPAL_GRANTED {
            continue;
        }
        match (wanted.get(attribute), held.get(attribute)) {
            (Some(Value::Roles(wanted)), held) => beyond.extend(roles_beyond(wanted, held)),
            (wanted, held) if !covers(row, wanted, held) => beyond.push(row.name.to_string()),
            _ => {}
        }
    }
    // What the vocabulary does not know has no say today, and may have one tomorrow.
    let own = |name: &String| giver.properties.get(name) == principal.properties.get(name);
    let unknown = principal.properties.keys().filter(|name| vocabulary.attribute(Owner::Principal, name).is_none());
    beyond.extend(unknown.filter(|name| !own(name)).cloned());
    Ok(beyond)
}

fn roles_beyond(wanted: &BTreeSet<HeldRole>, held: Option<&Value>) -> Vec<String> {
    let is_held = |wanted: &HeldRole| match held {
        Some(Value::Roles(held)) => {
            let everywhere = HeldRole { role: wanted.role.clone(), org: None };
            held.contains(wanted) || held.contains(&everywhere)
        }
        _ => false,
    };
    let name = |wanted: &HeldRole| match &wanted.org {
        Some(org) => format!("role {} in {org}", wanted.role),
        None => format!("role {}", wanted.role),
    };
    wanted.iter().filter(|wanted| !is_held(wanted)).map(name).collect()
}

/// Whether a value is the giver's own, or at most that, or what everybody has who says nothing.
fn covers(row: &Attribute, wanted: Option<&Value>, held: Option<&Value>) -> bool {
    match (wanted, held) {
        (None | Some(Value::None), _) => true,
        (Some(Value::Tier(wanted)), Some(Value::Tier(held))) => wanted <= held,
        (Some(wanted), held) => held == Some(wanted) || row.default.as_ref() == Some(wanted),
    }
}
