//! What is known of a request: its claims, checked against the vocabulary, with declarations and defaults filled in.

use crate::{
    check::{
        entity::Entity,
        vocabulary::{ActionId, AttrId, Attribute, Owner, Type, Vocabulary, builtin},
    },
    request::{Input, Principal, Properties, Refusal, Request},
    value::{HeldRole, Tier, Value},
};
use std::{collections::BTreeSet, sync::Arc};

/// Whether the principal holds an accepted access grant for the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Grant {
    /// It holds none.
    #[default]
    No,
    /// One that was given automatically.
    Auto,
    /// One that a reviewer gave.
    Manual,
    /// Not known.
    Unknown,
}

/// What is known of a request.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// What the names stand for.
    pub vocabulary: &'a Vocabulary,
    /// The value of each attribute of the vocabulary; `None` where it is unknown.
    values: Vec<Option<Value>>,
    /// The action; `None` where the vocabulary does not know it.
    pub action: Option<ActionId>,
    /// The access grant.
    pub grant: Grant,
    /// Whether the principal is `anonymous`.
    pub anonymous: bool,
    /// Attributes that the vocabulary does not know, as JSON pointers, in order.
    pub ignored: Vec<String>,
}

impl<'a> Facts<'a> {
    /// The facts of a request.
    ///
    /// # Errors
    /// Where a value does not fit its attribute's type, or the principal is malformed; with `strict` also where the
    /// request has an attribute that the vocabulary does not know.
    pub fn new(vocabulary: &'a Vocabulary, request: &Request, strict: bool) -> Result<Self, Refusal> {
        check_principal(&request.principal)?;
        let principal = &request.principal;
        let entity = principal.id.as_ref().and_then(|id| vocabulary.principals.find(&principal.kind, id));
        let resource = vocabulary.resources.find(&request.resource.kind, &request.resource.id);
        let mut facts = Self {
            vocabulary,
            values: vec![None; vocabulary.attributes.len()],
            action: vocabulary.action_ids.get(&*request.action).copied(),
            grant: Grant::No,
            anonymous: principal.kind == "anonymous",
            ignored: Vec::new(),
        };
        for owner in [Owner::Principal, Owner::Resource, Owner::Action, Owner::Context] {
            for (attr, row) in vocabulary.attributes.pairs().filter(|(_, row)| row.owner == owner) {
                let value = facts.value(attr, row, request, entity, resource)?;
                if let Some(held) = facts.values.get_mut(attr.0 as usize) {
                    *held = value;
                }
            }
        }
        facts.ignored = ignored(vocabulary, request, strict)?;
        Ok(facts)
    }

    /// The value of an attribute; `None` where it is unknown.
    #[must_use]
    pub fn get(&self, attr: AttrId) -> Option<&Value> {
        self.values.get(attr.0 as usize)?.as_ref()
    }

    /// What a request always gives; else what a declaration fixes, what the request gives, or the default.
    fn value(
        &mut self,
        attr: AttrId,
        row: &Attribute,
        request: &Request,
        principal: Option<&Entity>,
        resource: Option<&Entity>,
    ) -> Result<Option<Value>, Refusal> {
        let vocabulary = self.vocabulary;
        // Only tests leave out the principal.
        let nobody = request.principal.kind.is_empty();
        match attr {
            builtin::PRINCIPAL_KIND => return Ok((!nobody).then(|| Value::text(&request.principal.kind))),
            builtin::PRINCIPAL_ID if self.anonymous => return Ok(Some(Value::None)),
            builtin::PRINCIPAL_ID => return Ok(request.principal.id.as_deref().map(Value::text)),
            builtin::RESOURCE_KIND => return Ok(Some(Value::text(&request.resource.kind))),
            builtin::RESOURCE_ID => return Ok(Some(Value::text(&request.resource.id))),
            builtin::ACTION_NAME => return Ok(Some(Value::text(&request.action))),
            builtin::PRINCIPAL_ROLES if self.anonymous => return Ok(Some(Value::Roles(BTreeSet::new()))),
            builtin::PRINCIPAL_ORG if self.anonymous => return Ok(Some(Value::None)),
            builtin::PRINCIPAL_TIER if self.anonymous => return Ok(Some(Value::Tier(Tier(0)))),
            builtin::PRINCIPAL_GRANTED if self.anonymous => return Ok(Some(Value::Bool(false))),
            _ => {}
        }
        let (entity, properties) = match row.owner {
            Owner::Principal => (principal, &request.principal.properties),
            Owner::Resource => (resource, &request.resource.properties),
            Owner::Action => (None, &request.action_properties),
            Owner::Context => (None, &request.context),
        };
        if let Some(fixed) = entity.and_then(|entity| entity.values.get(&attr)) {
            return Ok(Some(close_roles(vocabulary, fixed.clone())));
        }
        let no_tiers = row.ty == Type::Tier && vocabulary.tiers.is_empty();
        if let Some(input) = lookup(properties, &row.name).filter(|_| !no_tiers) {
            if attr == builtin::PRINCIPAL_GRANTED {
                let (grant, value) = granted(input)?;
                self.grant = grant;
                return Ok(value.map(Value::Bool));
            }
            return read(vocabulary, attr, row, input).map(|value| value.map(|value| close_roles(vocabulary, value)));
        }
        // Of a resource that nobody declared, nothing is taken for granted.
        let undeclared = row.owner == Owner::Resource && resource.is_none();
        if attr == builtin::PRINCIPAL_GRANTED && row.default == Some(Value::Bool(true)) {
            self.grant = Grant::Manual;
        }
        Ok(row.default.clone().filter(|_| !undeclared).map(|value| close_roles(vocabulary, value)))
    }
}

/// Whether a principal has an id if it is one, and nothing if it is nobody.
pub(crate) fn check_principal(principal: &Principal) -> Result<(), Refusal> {
    let anonymous = principal.kind == "anonymous";
    // Only tests leave out the principal.
    let nobody = principal.kind.is_empty();
    match principal.id {
        Some(_) if anonymous => Err(refusal("`anonymous` has no id", "/subject/id")),
        None if !anonymous && !nobody => Err(refusal("expected the subject's id", "/subject/id")),
        Some(_) | None if anonymous && !principal.properties.is_empty() => {
            Err(refusal("`anonymous` has no properties", "/subject/properties"))
        }
        Some(_) | None => Ok(()),
    }
}

/// An access grant as a request gives it, and whether it is one, where that is known.
fn granted(input: &Input) -> Result<(Grant, Option<bool>), Refusal> {
    Ok(match input {
        Input::Bool(false) | Input::None => (Grant::No, Some(false)),
        Input::Bool(true) => (Grant::Manual, Some(true)),
        Input::Text(mode) if mode == "auto" => (Grant::Auto, Some(true)),
        Input::Text(mode) if mode == "manual" => (Grant::Manual, Some(true)),
        Input::Unknown => (Grant::Unknown, None),
        Input::Text(_) | Input::Int(_) | Input::Float(_) | Input::List(_) | Input::Object(_) => {
            let error = format!("expected `true`, `false`, `\"auto\"` or `\"manual\"`, found {}", words(input));
            return Err(refusal(&error, "/subject/properties/granted"));
        }
    })
}

/// Why a value does not fit its attribute.
pub(super) fn misfit(vocabulary: &Vocabulary, attr: AttrId, input: &Input) -> Refusal {
    let row = &vocabulary.attributes[attr];
    let error = if attr == builtin::PRINCIPAL_GRANTED {
        granted(input).err()
    } else {
        read(vocabulary, attr, row, input).err()
    };
    let at = || pointer(row.owner, &row.name);
    error.unwrap_or_else(|| refusal(&format!("expected {}", row.ty.words()), &at()))
}

/// What a request says and the vocabulary does not know, as JSON pointers; with `strict`, that is refused.
pub(crate) fn ignored(vocabulary: &Vocabulary, request: &Request, strict: bool) -> Result<Vec<String>, Refusal> {
    let mut ignored = Vec::new();
    for (owner, properties) in [
        (Owner::Principal, &request.principal.properties),
        (Owner::Action, &request.action_properties),
        (Owner::Resource, &request.resource.properties),
        (Owner::Context, &request.context),
    ] {
        for (name, input) in properties {
            unknown(vocabulary, owner, name, input, &mut ignored);
        }
    }
    match ignored.first() {
        Some(pointer) if strict => Err(refusal("the vocabulary does not know this attribute", pointer)),
        _ => Ok(ignored),
    }
}

/// Notes an attribute, or those inside of it, if the vocabulary does not know it. Requests are nested as deep as their
/// reader takes them, and followed only as far as names of the vocabulary are.
fn unknown(vocabulary: &Vocabulary, owner: Owner, name: &str, input: &Input, ignored: &mut Vec<String>) {
    let attr = vocabulary.attribute(owner, name).filter(|attr| !builtin::ALWAYS_GIVEN.contains(attr));
    let known = attr.map(|attr| &vocabulary.attributes[attr].ty);
    if known.is_some_and(|ty| *ty != Type::Tier || !vocabulary.tiers.is_empty()) {
        return;
    }
    let inner = format!("{name}.");
    let leads = || vocabulary.attributes.iter().any(|row| row.owner == owner && row.name.starts_with(&inner));
    if let Input::Object(members) = input
        && leads()
    {
        for (member, input) in members {
            unknown(vocabulary, owner, &format!("{inner}{member}"), input, ignored);
        }
    } else {
        ignored.push(pointer(owner, name));
    }
}

fn refusal(error: &str, at: &str) -> Refusal {
    Refusal { error: error.to_owned(), at: at.to_owned() }
}

/// Where an attribute stands in a request.
fn pointer(owner: Owner, name: &str) -> String {
    let base = match owner {
        Owner::Principal => "/subject/properties",
        Owner::Resource => "/resource/properties",
        Owner::Action => "/action/properties",
        Owner::Context => "/context",
    };
    let escaped: Vec<String> = name.split('.').map(|part| part.replace('~', "~0").replace('/', "~1")).collect();
    format!("{base}/{}", escaped.join("/"))
}

/// The value at a dotted name.
pub(crate) fn lookup<'a>(properties: &'a Properties, name: &str) -> Option<&'a Input> {
    let mut members = properties;
    let mut rest = name;
    while let Some((first, inner)) = rest.split_once('.') {
        let Input::Object(next) = members.get(first)? else { return None };
        members = next;
        rest = inner;
    }
    members.get(rest)
}

/// The value that an attribute is given; `None` where the request says that it is not known.
fn read(vocabulary: &Vocabulary, attr: AttrId, row: &Attribute, input: &Input) -> Result<Option<Value>, Refusal> {
    read_value(vocabulary, attr, row, input).map_err(|error| refusal(&error, &pointer(row.owner, &row.name)))
}

fn read_value(vocabulary: &Vocabulary, attr: AttrId, row: &Attribute, input: &Input) -> Result<Option<Value>, String> {
    let expected = || format!("expected {}, found {}", row.ty.words(), words(input));
    let value = match (&row.ty, input) {
        (_, Input::Unknown) => return Ok(None),
        (Type::Tier, Input::None) if attr == builtin::PRINCIPAL_TIER => Value::Tier(Tier(0)),
        (_, Input::None) => Value::None,
        (Type::Tier, Input::Text(name)) if attr == builtin::PRINCIPAL_TIER => {
            // A tier that is not in the order grants nothing more than the lowest.
            Value::Tier(vocabulary.tier(name).unwrap_or_default())
        }
        (Type::Bool, Input::Bool(value)) => Value::Bool(*value),
        (Type::Int(..), Input::Int(value)) if row.is_unit && *value < 0 => {
            return Err(format!("a cost is never negative, found {value}"));
        }
        (Type::Int(min, max), Input::Int(value)) if (*min..=*max).contains(value) => Value::Int(*value),
        (Type::Texts, Input::List(members)) => Value::Texts(members.iter().map(text).collect::<Result<_, _>>()?),
        (Type::Roles, Input::List(members)) => Value::Roles(members.iter().map(role).collect::<Result<_, _>>()?),
        (Type::Bool | Type::Int(..) | Type::Texts | Type::Roles, _) => return Err(expected()),
        (ty, Input::Text(text)) => vocabulary.read_text(ty, text)?,
        _ => return Err(expected()),
    };
    Ok(Some(value))
}

fn text(input: &Input) -> Result<Arc<str>, String> {
    if let Input::Text(text) = input {
        return Ok(text.as_str().into());
    }
    Err(format!("expected a set of texts, found {} in it", words(input)))
}

/// `"admin"` or `{"role": "admin", "org": "alpha"}`.
fn role(input: &Input) -> Result<HeldRole, String> {
    let wrong = || format!("expected a role or `{{\"role\": …, \"org\": …}}`, found {}", words(input));
    match input {
        Input::Text(role) => Ok(HeldRole { role: role.as_str().into(), org: None }),
        Input::Object(members) if members.len() == 2 => match (members.get("role"), members.get("org")) {
            (Some(Input::Text(role)), Some(Input::Text(org))) => {
                Ok(HeldRole { role: role.as_str().into(), org: Some(org.as_str().into()) })
            }
            _ => Err(wrong()),
        },
        Input::Unknown
        | Input::None
        | Input::Bool(_)
        | Input::Int(_)
        | Input::Float(_)
        | Input::List(_)
        | Input::Object(_) => Err(wrong()),
    }
}

/// Roles with all that they include; those that the vocabulary does not know are left out.
pub(crate) fn close_roles(vocabulary: &Vocabulary, value: Value) -> Value {
    let Value::Roles(held) = value else { return value };
    let mut closed = BTreeSet::new();
    for HeldRole { role, org } in held {
        let known = vocabulary.role_ids.get(&role).map(|id| &vocabulary.roles[*id]);
        for included in known.into_iter().flat_map(|role| &role.closure) {
            closed.insert(HeldRole { role: vocabulary.roles[*included].name.clone(), org: org.clone() });
        }
    }
    Value::Roles(closed)
}

/// What an input is, in words.
fn words(input: &Input) -> String {
    match input {
        Input::Unknown => "nothing".to_owned(),
        Input::None => "`null`".to_owned(),
        Input::Bool(value) => format!("`{value}`"),
        Input::Int(value) => format!("`{value}`"),
        Input::Float(value) => format!("`{value}`"),
        Input::Text(text) => format!("`\"{text}\"`"),
        Input::List(_) => "a list".to_owned(),
        Input::Object(_) => "an object".to_owned(),
    }
}
