//! AuthZEN evaluations: one request, or many that share what they do not say themselves
//! (<https://openid.net/specs/authorization-api-1_0.html>, "Access Evaluations API").
//!
//! ```json
//! {"subject": {"type": "user", "id": "alice"}, "action": {"name": "infer"},
//!  "options": {"evaluations_semantic": "deny_on_first_deny"},
//!  "evaluations": [{"resource": {"type": "model", "id": "a"}}, {"resource": {"type": "model", "id": "b"}}]}
//! ```
//!
//! What an item says replaces what stands at the top as a whole; nothing is merged. An item that is not a request is a
//! refusal in its place. Here, unlike on the command line, a resource says of which type it is.

use super::{
    fields::{Fields, mismatch, refusal, unknown},
    json,
    request::{action, principal, resource},
};
use crate::request::{Input, Principal, Properties, Refusal, Request, Resource};

/// What was asked.
#[derive(Debug)]
pub enum Asked {
    /// One request: there are no evaluations, or none in their list.
    One(Box<Request>),
    /// As many requests as there are evaluations, in their order.
    Many(Vec<Result<Request, Refusal>>, Semantic),
}

/// How far many requests are gone through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Semantic {
    /// All are answered.
    #[default]
    ExecuteAll,
    /// Up to the first that is denied or refused, this one included.
    DenyOnFirstDeny,
    /// Up to the first that is allowed, this one included.
    PermitOnFirstPermit,
}

/// What each is called.
pub(super) const SEMANTICS: [(&str, Semantic); 3] = [
    ("execute_all", Semantic::ExecuteAll),
    ("deny_on_first_deny", Semantic::DenyOnFirstDeny),
    ("permit_on_first_permit", Semantic::PermitOnFirstPermit),
];

impl Semantic {
    /// Whether nothing more is answered after this.
    #[must_use]
    pub const fn ends_with(self, is_allowed: bool) -> bool {
        match self {
            Self::ExecuteAll => false,
            Self::DenyOnFirstDeny => !is_allowed,
            Self::PermitOnFirstPermit => is_allowed,
        }
    }
}

/// Reads one request. Evaluations, should there be any, are not looked at.
///
/// # Errors
/// A refusal that names the place, where the text is not strict JSON or not a request.
pub fn decode_one(text: &str) -> Result<Request, Refusal> {
    let mut top = Fields::of(json::parse(text)?, "")?;
    Parts::of(&mut top, "").request(&Parts::default(), "")
}

/// Reads one request or many.
///
/// # Errors
/// A refusal of the whole, where the text is not strict JSON, or its evaluations or options are not what they must be. Where
/// there is one request only, also if it is none.
pub fn decode(text: &str) -> Result<Asked, Refusal> {
    let mut top = Fields::of(json::parse(text)?, "")?;
    let items = match top.take("evaluations") {
        None => Vec::new(),
        Some(Input::List(items)) => items,
        Some(other) => return Err(mismatch("a list", &other, top.pointer("evaluations"))),
    };
    let semantic = semantic(&mut top)?;
    let shared = Parts::of(&mut top, "");
    if items.is_empty() {
        return Ok(Asked::One(Box::new(shared.request(&Parts::default(), "")?)));
    }
    let item = |(index, item): (usize, Input)| {
        let at = format!("/evaluations/{index}");
        let mut fields = Fields::of(item, at.clone())?;
        Parts::of(&mut fields, &at).request(&shared, &at)
    };
    Ok(Asked::Many(items.into_iter().enumerate().map(item).collect(), semantic))
}

fn semantic(top: &mut Fields) -> Result<Semantic, Refusal> {
    let options = top.object("options")?;
    let at = "/options/evaluations_semantic";
    match options.get("evaluations_semantic") {
        None => Ok(Semantic::default()),
        Some(Input::Text(name)) => SEMANTICS
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, semantic)| *semantic)
            .ok_or_else(|| refusal(unknown("semantic", name, &SEMANTICS.map(|(known, _)| known)), at)),
        Some(other) => Err(mismatch("a text", other, at)),
    }
}

/// The parts of a request, as far as they are said; a part that is not what it must be is its refusal.
#[derive(Debug, Clone, Default)]
struct Parts {
    principal: Option<Result<Principal, Refusal>>,
    action: Option<Result<(String, Properties), Refusal>>,
    resource: Option<Result<Resource, Refusal>>,
    context: Option<Result<Properties, Refusal>>,
}

impl Parts {
    /// Takes the parts out of an object, whose JSON pointer is `at`.
    fn of(fields: &mut Fields, at: &str) -> Self {
        // What a request says besides is not understood, and that is no fault (AuthZEN, "unknown fields").
        let mut ignored = Vec::new();
        let pointer = |name: &str| format!("{at}/{name}");
        Self {
            principal: fields.take("subject").map(|value| principal(value, pointer("subject"), &mut ignored)),
            action: fields.take("action").map(|value| action(value, pointer("action"), &mut ignored)),
            resource: fields.take("resource").map(|value| typed(value, &pointer("resource"), &mut ignored)),
            context: fields.take("context").map(|value| context(value, &pointer("context"))),
        }
    }

    /// The request that these parts are, and where one is missing, the shared one.
    fn request(self, shared: &Self, at: &str) -> Result<Request, Refusal> {
        let missing = |name: &str| refusal("missing; expected an object", format!("{at}/{name}"));
        let (action, action_properties) =
            self.action.or_else(|| shared.action.clone()).unwrap_or_else(|| Err(missing("action")))?;
        Ok(Request {
            principal: self
                .principal
                .or_else(|| shared.principal.clone())
                .unwrap_or_else(|| Err(missing("subject")))?,
            action,
            action_properties,
            resource: self.resource.or_else(|| shared.resource.clone()).unwrap_or_else(|| Err(missing("resource")))?,
            context: self.context.or_else(|| shared.context.clone()).unwrap_or_else(|| Ok(Properties::new()))?,
        })
    }
}

/// A resource that says of which type it is.
pub(super) fn typed(value: Input, at: &str, ignored: &mut Vec<String>) -> Result<Resource, Refusal> {
    if let Input::Object(members) = &value
        && !members.contains_key("type")
    {
        return Err(refusal("missing; expected a text", format!("{at}/type")));
    }
    resource(value, at.to_owned(), ignored)
}

/// The circumstances. An instant without seconds, which AuthZEN's own examples have and RFC 3339 has not, is taken as the
/// start of its minute.
pub(super) fn context(value: Input, at: &str) -> Result<Properties, Refusal> {
    let Input::Object(mut context) = value else { return Err(mismatch("an object", &value, at)) };
    if let Some(Input::Text(time)) = context.get_mut("time")
        && let Some(whole) = with_seconds(time)
    {
        *time = whole;
    }
    Ok(context)
}

/// `2025-06-27T18:03-07:00` as `2025-06-27T18:03:00-07:00`.
fn with_seconds(time: &str) -> Option<String> {
    let (minute, offset) = time.split_at_checked("2025-06-27T18:03".len())?;
    let starts_an_offset = offset.starts_with(['Z', 'z', '+', '-']);
    starts_an_offset.then(|| format!("{minute}:00{offset}"))
}

#[cfg(test)]
mod tests {
    use super::{Asked, Semantic, decode, decode_one, with_seconds};
    use crate::wire::request::text;

    fn shown(json: &str) -> String {
        match decode(json) {
            Err(refusal) => format!("refused: {refusal}"),
            Ok(Asked::One(request)) => text(&request),
            Ok(Asked::Many(items, semantic)) => {
                let items = items.iter().map(|item| item.as_ref().map_or_else(|no| format!("refused: {no}"), text));
                format!("{semantic:?}\n{}", items.collect::<Vec<_>>().join("\n"))
            }
        }
    }

    #[test]
    fn an_item_replaces_a_part_as_a_whole() {
        insta::assert_snapshot!(shown(
            r#"{"subject": {"type": "user", "id": "a", "properties": {"org": "x"}}, "action": {"name": "read"},
                "context": {"time": "2025-06-27T18:03-07:00"},
                "evaluations": [
                    {"resource": {"type": "model", "id": "m"}},
                    {"resource": {"type": "model", "id": "n"}, "subject": {"type": "user", "id": "b"}, "context": {}},
                    {"resource": {"type": "model"}},
                    {"resource": {"id": "m"}},
                    {},
                    7
                ]}"#
        ), @r#"
        ExecuteAll
        {"subject":{"type":"user","id":"a","properties":{"org":"x"}},"action":{"name":"read"},"resource":{"type":"model","id":"m"},"context":{"time":"2025-06-27T18:03:00-07:00"}}
        {"subject":{"type":"user","id":"b"},"action":{"name":"read"},"resource":{"type":"model","id":"n"}}
        refused: /evaluations/2/resource/id: missing; expected a text
        refused: /evaluations/3/resource/type: missing; expected a text
        refused: /evaluations/4/resource: missing; expected an object
        refused: /evaluations/5: expected an object, found a number
        "#);
    }

    #[test]
    fn no_evaluations_are_one_request() {
        let one = r#""subject": {"type": "user", "id": "a"}, "action": {"name": "read"}, "resource": {"type": "m", "id": "m"}"#;
        assert_eq!(shown(&format!(r#"{{{one}}}"#)), shown(&format!(r#"{{{one}, "evaluations": []}}"#)));
        assert!(matches!(decode(&format!("{{{one}}}")), Ok(Asked::One(_))));
        assert!(decode_one(&format!(r#"{{{one}, "evaluations": 7}}"#)).is_ok());
    }

    #[test]
    fn what_is_wrong_with_the_whole() {
        insta::assert_snapshot!(shown(r#"{"evaluations": {}}"#), @"refused: /evaluations: expected a list, found an object");
        insta::assert_snapshot!(
            shown(r#"{"options": {"evaluations_semantic": "deny_sometimes"}, "evaluations": [{}]}"#),
            @"refused: /options/evaluations_semantic: unknown semantic `deny_sometimes`, expected one of `execute_all`, `deny_on_first_deny`, `permit_on_first_permit`"
        );
        insta::assert_snapshot!(shown(r#"{"options": [], "evaluations": [{}]}"#), @"refused: /options: expected an object, found a list");
        insta::assert_snapshot!(shown("{}"), @"refused: /action: missing; expected an object");
    }

    #[test]
    fn where_it_ends() {
        assert!(!Semantic::ExecuteAll.ends_with(true) && !Semantic::ExecuteAll.ends_with(false));
        assert!(Semantic::DenyOnFirstDeny.ends_with(false) && !Semantic::DenyOnFirstDeny.ends_with(true));
        assert!(Semantic::PermitOnFirstPermit.ends_with(true) && !Semantic::PermitOnFirstPermit.ends_with(false));
    }

    #[test]
    fn seconds_are_added_only_where_none_are() {
        assert_eq!(with_seconds("2025-06-27T18:03Z").as_deref(), Some("2025-06-27T18:03:00Z"));
        assert_eq!(with_seconds("2025-06-27T18:03:01Z"), None);
        assert_eq!(with_seconds("yesterday"), None);
        assert_eq!(with_seconds("2025-06-27T18:03"), None);
    }
}
