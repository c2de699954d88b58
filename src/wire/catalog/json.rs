//! Catalogs in JSON and JSON Lines.

use super::{Catalog, Constant, Value};
use crate::{
    report::codes,
    request::{Input, Refusal},
    wire::{
        fields::{self, Fields, refusal, unknown},
        json::{self, Fault},
    },
};
use std::{collections::BTreeMap, ops::Range};

/// The members that an object of two lists may have, and the kind of an entity in them that does not say its own.
const LISTS: [(&str, &str); 2] = [("resources", "model"), ("principals", "user")];

/// An array of entities, one entity, entities a line, or an object of two lists.
pub(super) fn value(catalog: &mut Catalog, text: &str) {
    let ranges = match json::split(text) {
        Ok(ranges) => ranges,
        Err(fault) => return report(catalog, text, &fault),
    };
    if let [only] = ranges.as_slice()
        && let Ok(members) = json::members(text, only.clone())
        && LISTS.iter().any(|(name, _)| members.contains_key(*name))
    {
        return lists(catalog, text, only, &members);
    }
    entities(catalog, text, ranges, "model");
}

/// Entities, one a line.
pub(super) fn lines(catalog: &mut Catalog, text: &str) {
    entities(catalog, text, json::lines(text), "model");
}

fn lists(catalog: &mut Catalog, text: &str, whole: &Range<usize>, members: &BTreeMap<String, Range<usize>>) {
    for (name, range) in members {
        let Some((_, kind)) = LISTS.iter().find(|(known, _)| known == name) else {
            let message = unknown("member", name, &LISTS.map(|(known, _)| known));
            let span = catalog.span(if range.is_empty() { whole } else { range });
            catalog.report(codes::BAD_DECLARATION, span, message);
            continue;
        };
        match json::elements(text, range.clone()) {
            Ok(ranges) => entities(catalog, text, ranges, kind),
            Err(_) => {
                let span = catalog.span(range);
                catalog.report(codes::BAD_DECLARATION, span, format!("`{name}` is not a list"));
            }
        }
    }
}

fn entities(catalog: &mut Catalog, text: &str, ranges: Vec<Range<usize>>, kind: &str) {
    for range in ranges {
        match json::parse_range(text, range.clone()) {
            Err(fault) => report(catalog, text, &fault),
            Ok(value) => {
                let span = catalog.span(&range);
                match entity(value, kind) {
                    Ok(entity) => catalog.declare(span, &entity.kind, &entity.id, entity.members),
                    Err((code, refusal)) => catalog.report(code, span, refusal.to_string()),
                }
            }
        }
    }
}

/// A fault at the character where it showed.
fn report(catalog: &mut Catalog, text: &str, fault: &Fault) {
    let next = text.get(fault.offset..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    let span = catalog.span(&(fault.offset..fault.offset.saturating_add(next)));
    catalog.report(codes::SYNTAX, span, fault.refusal.to_string());
}

struct Entity {
    kind: String,
    id: String,
    members: Vec<(String, Value)>,
}

type Refused = (crate::report::Code, Refusal);

fn shape(refusal: Refusal) -> Refused {
    (codes::BAD_DECLARATION, refusal)
}

fn entity(value: Input, kind: &str) -> Result<Entity, Refused> {
    let mut fields = Fields::of(value, "").map_err(shape)?;
    let kind = fields.text("type").map_err(shape)?.unwrap_or_else(|| kind.to_owned());
    let id = fields.required_text("id").map_err(shape)?;
    let properties = fields.object("properties").map_err(shape)?;
    fields.nothing_else(&["type", "id", "properties"]).map_err(shape)?;
    let mut members = Vec::new();
    attributes("", "/properties", properties, &mut members)?;
    Ok(Entity { kind, id, members })
}

/// Nested members as dotted ones. The text's nesting was limited when it was read.
fn attributes(
    prefix: &str,
    at: &str,
    values: BTreeMap<String, Input>,
    members: &mut Vec<(String, Value)>,
) -> Result<(), Refused> {
    for (name, value) in values {
        let at = format!("{at}/{}", json::escape(&name));
        let name = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        let value = match value {
            Input::Object(inner) => {
                attributes(&name, &at, inner, members)?;
                continue;
            }
            Input::None | Input::Unknown => Value::None,
            Input::List(values) => {
                let elements = values.into_iter().zip(0usize..);
                Value::Set(
                    elements
                        .map(|(value, index)| element(value, &format!("{at}/{index}")))
                        .collect::<Result<_, _>>()?,
                )
            }
            Input::Bool(_) | Input::Int(_) | Input::Float(_) | Input::Text(_) => Value::One(constant(value, &at)?),
        };
        members.push((name, value));
    }
    Ok(())
}

/// An element of a list: a constant, or a role held in an organisation.
fn element(value: Input, at: &str) -> Result<Constant, Refused> {
    if !matches!(value, Input::Object(_)) {
        return constant(value, at);
    }
    let held = |value| {
        let mut fields = Fields::of(value, at.to_owned())?;
        let (role, org) = (fields.required_text("role")?, fields.required_text("org")?);
        fields.nothing_else(&["role", "org"])?;
        Ok(Constant::Held(role, org))
    };
    held(value).map_err(shape)
}

fn constant(value: Input, at: &str) -> Result<Constant, Refused> {
    match value {
        Input::Bool(value) => Ok(Constant::Bool(value)),
        Input::Int(value) => Ok(Constant::Int(value)),
        Input::Text(text) => Ok(Constant::Text(text)),
        Input::Float(_) => Err((codes::BAD_LITERAL, refusal("not a whole number, or too large a one", at))),
        Input::Unknown | Input::None | Input::List(_) | Input::Object(_) => {
            Err((codes::BAD_LITERAL, fields::mismatch("a text, a number or a bool", &value, at)))
        }
    }
}
