//! Requests: OpenID AuthZEN evaluation requests.
//!
//! ```json
//! {"subject":  {"type": "user", "id": "alice@company.com", "properties": {"roles": ["researcher"]}},
//!  "action":   {"name": "infer"},
//!  "resource": {"type": "model", "id": "qwen3-7b-chat", "properties": {}},
//!  "context":  {"ip": "10.1.2.3", "time": "2025-03-28T10:00:00Z"}}
//! ```
//!
//! A resource's `type` may be left out and is then `model`; a subject may be `{"type": "anonymous"}`. Members that AuthZEN
//! does not know are ignored, as it demands, and listed. Whether attributes fit the vocabulary is not known here.

use super::{
    fields::{Fields, refusal},
    json,
    write::{Members, flag, list, other, text as quoted},
};
use crate::request::{Input, Principal, Properties, Refusal, Request, Resource};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use std::borrow::Cow;

/// A request as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The request.
    pub request: Request,
    /// Members that were ignored, as JSON pointers, sorted.
    pub ignored: Vec<String>,
}

/// Reads one request.
///
/// # Errors
///
/// A refusal that names the place, where the text is not strict JSON or not a request.
pub fn decode(text: &str) -> Result<Decoded, Refusal> {
    from_value(json::parse(text)?)
}

/// Reads requests: one object, an array of them, or one a line. As many as there are come out: none of an empty text or
/// array, one of a one-element array or a single line. A faulty one is a refusal in its place, without its index.
///
/// # Errors
///
/// A refusal for all where an array is not JSON.
pub fn decode_many(text: &str) -> Result<Vec<Result<Decoded, Refusal>>, Refusal> {
    let text = json::without_mark(text);
    let ranges = json::split(text).map_err(|fault| fault.refusal)?;
    let one = |range| json::parse_range(text, range).map_err(|fault| fault.refusal).and_then(from_value);
    Ok(ranges.into_iter().map(one).collect())
}

/// Reads the request in one line of JSON Lines, whose number is for the words of a refusal.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_line(line: &[u8], number: usize) -> Result<Decoded, Refusal> {
    from_value(json::read_line(line, number)?)
}

/// Whether a line is a JSON object by itself, as in JSON Lines but not inside one large value.
#[must_use]
pub fn is_a_line(line: &[u8]) -> bool {
    line.first() == Some(&b'{') && serde_json::from_slice::<&serde_json::value::RawValue>(line).is_ok()
}

/// Reads a request from JSON that was already parsed.
///
/// # Errors
///
/// A refusal that names the place.
pub fn from_value(value: Input) -> Result<Decoded, Refusal> {
    let mut top = Fields::of(value, "")?;
    let mut ignored = Vec::new();
    let principal = principal(top.required("subject", "an object")?, "/subject", &mut ignored)?;
    let (action, action_properties) = action(top.required("action", "an object")?, "/action", &mut ignored)?;
    let resource = resource(top.required("resource", "an object")?, "/resource", &mut ignored)?;
    let context = top.object("context")?;
    ignored.extend(top.rest());
    ignored.sort();
    Ok(Decoded { request: Request { principal, action, action_properties, resource, context }, ignored })
}

/// The part of a request whose JSON pointer is `at`.
pub(super) fn principal(
    value: Input,
    at: impl Into<Cow<'static, str>>,
    ignored: &mut Vec<String>,
) -> Result<Principal, Refusal> {
    let mut fields = Fields::of(value, at)?;
    let kind = fields.required_text("type")?;
    let id = if kind == "anonymous" {
        if fields.take("id").is_some() {
            return Err(refusal("`anonymous` has no id", fields.pointer("id")));
        }
        None
    } else {
        Some(fields.required_text("id")?)
    };
    let properties = fields.object("properties")?;
    if id.is_none() && !properties.is_empty() {
        return Err(refusal("`anonymous` has no properties", fields.pointer("properties")));
    }
    ignored.extend(fields.rest());
    Ok(Principal { kind, id, properties })
}

/// The part of a request whose JSON pointer is `at`.
pub(super) fn action(
    value: Input,
    at: impl Into<Cow<'static, str>>,
    ignored: &mut Vec<String>,
) -> Result<(String, Properties), Refusal> {
    let mut fields = Fields::of(value, at)?;
    let name = fields.required_text("name")?;
    let properties = fields.object("properties")?;
    ignored.extend(fields.rest());
    Ok((name, properties))
}

/// The part of a request whose JSON pointer is `at`.
pub(super) fn resource(
    value: Input,
    at: impl Into<Cow<'static, str>>,
    ignored: &mut Vec<String>,
) -> Result<Resource, Refusal> {
    let mut fields = Fields::of(value, at)?;
    let kind = fields.text("type")?.unwrap_or_else(|| "model".to_owned());
    let id = fields.required_text("id")?;
    let properties = fields.object("properties")?;
    ignored.extend(fields.rest());
    Ok(Resource { kind, id, properties })
}

/// A request as JSON. Reading it again gives the same request, but for attributes that are [`Input::Unknown`], which
/// JSON cannot say: they are left out.
#[must_use]
pub fn encode(request: &Request) -> serde_json::Value {
    serde_json::to_value(view(request)).unwrap_or_default()
}

/// A request as a JSON text, with its members in AuthZEN's order; like [`encode`] in all else.
#[must_use]
pub fn text(request: &Request) -> String {
    let mut out = Vec::new();
    write(request, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// As [`text`], behind what is written already.
pub(crate) fn write(request: &Request, out: &mut Vec<u8>) {
    let Request { principal, action, action_properties, resource, context } = request;
    let mut parts = Members::open(out);
    let mut subject = parts.object("subject");
    subject.text("type", &*principal.kind);
    subject.text("id", principal.id.as_deref());
    write_properties(&mut subject, "properties", &principal.properties);
    subject.close();
    let mut asked = parts.object("action");
    asked.text("name", &**action);
    write_properties(&mut asked, "properties", action_properties);
    asked.close();
    let mut about = parts.object("resource");
    about.text("type", &*resource.kind);
    about.text("id", &*resource.id);
    write_properties(&mut about, "properties", &resource.properties);
    about.close();
    write_properties(&mut parts, "context", context);
    parts.close();
}

/// Named values, if there are some.
fn write_properties(members: &mut Members<'_>, name: &'static str, properties: &Properties) {
    if !properties.is_empty() {
        write_object(members.member(name), properties, json::MAX_DEPTH);
    }
}

/// Named values, nested so many levels more at most.
fn write_object(out: &mut Vec<u8>, properties: &Properties, levels: usize) {
    let mut members = Members::open(out);
    for (name, value) in properties.iter().filter(|(_, value)| !matches!(value, Input::Unknown)) {
        write_value(members.named(name), value, levels.saturating_sub(1));
    }
    members.close();
}

fn write_value(out: &mut Vec<u8>, value: &Input, levels: usize) {
    match value {
        Input::Text(value) => quoted(out, value),
        Input::Bool(value) => flag(out, *value),
        Input::List(_) | Input::Object(_) if levels == 0 => out.extend_from_slice(b"null"),
        Input::List(values) => {
            list(out, values, |out, value| write_value(out, value, levels.saturating_sub(1)));
        }
        Input::Object(members) => write_object(out, members, levels),
        Input::Unknown | Input::None | Input::Int(_) | Input::Float(_) => other(out, &InputView(value, levels)),
    }
}

/// A request as a part of a larger JSON text, with its members in AuthZEN's order.
pub fn view(request: &Request) -> impl Serialize {
    RequestView {
        subject: EntityView {
            kind: Some(&request.principal.kind),
            id: request.principal.id.as_deref(),
            name: None,
            properties: PropertiesView(&request.principal.properties, json::MAX_DEPTH),
        },
        action: EntityView {
            kind: None,
            id: None,
            name: Some(&request.action),
            properties: PropertiesView(&request.action_properties, json::MAX_DEPTH),
        },
        resource: EntityView {
            kind: Some(&request.resource.kind),
            id: Some(&request.resource.id),
            name: None,
            properties: PropertiesView(&request.resource.properties, json::MAX_DEPTH),
        },
        context: PropertiesView(&request.context, json::MAX_DEPTH),
    }
}

#[derive(serde::Serialize)]
struct RequestView<'a> {
    subject: EntityView<'a>,
    action: EntityView<'a>,
    resource: EntityView<'a>,
    #[serde(skip_serializing_if = "PropertiesView::is_empty")]
    context: PropertiesView<'a>,
}

#[derive(serde::Serialize)]
struct EntityView<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "PropertiesView::is_empty")]
    properties: PropertiesView<'a>,
}

/// Named values, and how many levels may still follow: a request that a program made may be nested at will.
struct PropertiesView<'a>(&'a Properties, usize);

impl PropertiesView<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for PropertiesView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.0.iter().filter(|(_, value)| !matches!(value, Input::Unknown)) {
            map.serialize_entry(name, &InputView(value, self.1.saturating_sub(1)))?;
        }
        map.end()
    }
}

struct InputView<'a>(&'a Input, usize);

impl Serialize for InputView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Input::Unknown | Input::None => serializer.serialize_none(),
            Input::Bool(value) => serializer.serialize_bool(*value),
            Input::Int(value) => serializer.serialize_i64(*value),
            Input::Float(value) => serializer.serialize_f64(*value),
            Input::Text(value) => serializer.serialize_str(value),
            Input::List(_) | Input::Object(_) if self.1 == 0 => serializer.serialize_none(),
            Input::List(values) => {
                let mut seq = serializer.serialize_seq(None)?;
                for value in values {
                    seq.serialize_element(&InputView(value, self.1.saturating_sub(1)))?;
                }
                seq.end()
            }
            Input::Object(members) => PropertiesView(members, self.1).serialize(serializer),
        }
    }
}
