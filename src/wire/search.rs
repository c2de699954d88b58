//! AuthZEN searches: who may, on what, or what at all
//! (<https://openid.net/specs/authorization-api-1_0.html>, "Search APIs").
//!
//! ```json
//! {"subject": {"type": "user"}, "action": {"name": "read"}, "resource": {"type": "model", "id": "qwen3"},
//!  "page": {"limit": 100}}
//! ```
//!
//! A search is a request with one part open. What it says of that part, but its type, is what every candidate has besides its
//! own; an `id` of it is ignored.

use super::{
    evaluations::{context, typed},
    fields::{Fields, mismatch, refusal},
    json,
    request::{action, principal},
};
use crate::request::{Input, Principal, Properties, Refusal, Request, Resource};

/// Which part of a request is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Who may.
    Subject,
    /// What it may be done to.
    Resource,
    /// What may be done.
    Action,
}

/// A search.
#[derive(Debug)]
pub struct Search {
    /// The request; its open part has the type and the properties of every candidate, and no name yet.
    pub request: Request,
    /// Which page of the answer is wanted.
    pub page: Page,
    /// A digest of all that was asked but the page, so that a token is used for nothing else.
    pub subject_of_token: String,
}

/// Which page of an answer is wanted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Where the page before ended; none for the first.
    pub token: Option<String>,
    /// How many results there may be on it.
    pub limit: Option<usize>,
}

/// Reads a search.
///
/// # Errors
/// A refusal that names the place, where the text is not strict JSON or not such a search.
pub fn decode(text: &str, wanted: Wanted) -> Result<Search, Refusal> {
    let mut top = Fields::of(json::parse(text)?, "")?;
    let page = page(&mut top)?;
    let mut ignored = Vec::new();
    let subject = top.required("subject", "an object")?;
    let principal = match wanted {
        Wanted::Subject => open_subject(subject)?,
        Wanted::Resource | Wanted::Action => principal(subject, "/subject", &mut ignored)?,
    };
    let (action, action_properties) = match wanted {
        // Should a search for actions name one, that is ignored.
        Wanted::Action => (String::new(), Properties::new()),
        Wanted::Subject | Wanted::Resource => action(top.required("action", "an object")?, "/action", &mut ignored)?,
    };
    let resource = top.required("resource", "an object")?;
    let resource = match wanted {
        Wanted::Resource => open_resource(resource)?,
        Wanted::Subject | Wanted::Action => typed(resource, "/resource", &mut ignored)?,
    };
    let context = top.take("context").map_or_else(|| Ok(Properties::new()), |value| context(value, "/context"))?;
    let request = Request { principal, action, action_properties, resource, context };
    let subject_of_token = format!("{wanted:?} {}", super::request::text(&request));
    Ok(Search { request, page, subject_of_token })
}

fn open_subject(value: Input) -> Result<Principal, Refusal> {
    let mut fields = Fields::of(value, "/subject")?;
    let kind = fields.required_text("type")?;
    Ok(Principal { kind, id: None, properties: fields.object("properties")? })
}

fn open_resource(value: Input) -> Result<Resource, Refusal> {
    let mut fields = Fields::of(value, "/resource")?;
    let kind = fields.required_text("type")?;
    Ok(Resource { kind, id: String::new(), properties: fields.object("properties")? })
}

fn page(top: &mut Fields) -> Result<Page, Refusal> {
    let Some(value) = top.take("page") else { return Ok(Page::default()) };
    let mut fields = Fields::of(value, "/page")?;
    let token = match fields.take("token") {
        None => None,
        // The first page has no token before it.
        Some(Input::Text(token)) if token.is_empty() => None,
        Some(Input::Text(token)) => Some(token),
        Some(other) => return Err(mismatch("a text", &other, "/page/token")),
    };
    let limit = match fields.take("limit") {
        None => None,
        Some(Input::Int(limit)) => Some(usize::try_from(limit).map_err(|_| negative())?),
        Some(other) => return Err(mismatch("a number of results", &other, "/page/limit")),
    };
    Ok(Page { token, limit })
}

fn negative() -> Refusal {
    refusal("a page cannot have fewer than 0 results", "/page/limit")
}

#[cfg(test)]
mod tests {
    use super::{Page, Wanted, decode};

    #[test]
    fn the_open_part_keeps_its_type_alone() {
        let json = r#"{"subject": {"type": "user", "id": "ignored"}, "action": {"name": "read"},
            "resource": {"type": "model", "id": "m"}, "page": {"limit": 1, "token": ""}}"#;
        let search = decode(json, Wanted::Subject).unwrap();
        assert_eq!((search.request.principal.kind.as_str(), search.request.principal.id), ("user", None));
        assert_eq!(search.page, Page { token: None, limit: Some(1) });
        let search = decode(json, Wanted::Resource).unwrap();
        assert_eq!((search.request.resource.kind.as_str(), search.request.resource.id.as_str()), ("model", ""));
        assert_eq!(decode(json, Wanted::Action).unwrap().request.action, "");
    }

    #[test]
    fn the_page_is_no_part_of_what_a_token_is_for() {
        let with = |page: &str| {
            let json = format!(
                r#"{{"subject": {{"type": "user"}}, "action": {{"name": "read"}}, "resource": {{"type": "model", "id": "m"}}{page}}}"#
            );
            decode(&json, Wanted::Subject).unwrap().subject_of_token
        };
        assert_eq!(with(""), with(r#", "page": {"limit": 3}"#));
        assert_ne!(with(""), with(r#", "context": {"ip": "10.0.0.1"}"#));
    }

    #[test]
    fn what_is_wrong() {
        let wrong = |json: &str, wanted| decode(json, wanted).unwrap_err().to_string();
        insta::assert_snapshot!(wrong(r#"{"subject": {"type": "user"}}"#, Wanted::Subject), @"/action: missing; expected an object");
        insta::assert_snapshot!(wrong(r#"{"subject": {"id": "a"}}"#, Wanted::Subject), @"/subject/type: missing; expected a text");
        insta::assert_snapshot!(wrong(r#"{"subject": {"type": "user"}}"#, Wanted::Action), @"/subject/id: missing; expected a text");
        insta::assert_snapshot!(wrong(r#"{"page": {"limit": -1}}"#, Wanted::Action), @"/page/limit: a page cannot have fewer than 0 results");
        insta::assert_snapshot!(wrong(r#"{"page": {"limit": 1.5}}"#, Wanted::Action), @"/page/limit: expected a number of results, found a number");
    }
}
