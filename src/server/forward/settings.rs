//! `[forward]`: which requests mean which action on which resource.

use super::{
    original::{Asked, Body},
    path::{Path, Template},
};
use crate::{
    request::{Input, Resource},
    server::{
        forward::answer::{Errors, Refused},
        settings::Faulty,
    },
    wire::json,
};
use ::http::{HeaderMap, HeaderName, Method, StatusCode};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What proxies ask before they let a request through: `[forward]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// What requests mean; the first that fits decides.
    pub route: Vec<Route>,
    /// The header that names the model for routes with `from = "header"`. Whatever a client puts there, the proxy must replace.
    pub model_header: Option<String>,
    /// Attributes of the context, each with the header that it comes from. Whatever a client puts there, the proxy
    /// must replace.
    pub attributes: BTreeMap<String, String>,
    /// Whether `X-Policy-Charge: none` is believed. Whatever a client puts there, the proxy must remove.
    pub charge_header: bool,
    /// In which form denials are told to clients.
    pub errors: Errors,
    /// For how many seconds a denial can be asked for again at `/authz/explain`.
    pub explain_seconds: u32,
    /// How many denials are kept for that at most.
    pub explain_kept: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            route: Vec::new(),
            model_header: None,
            attributes: BTreeMap::new(),
            charge_header: false,
            errors: Errors::default(),
            explain_seconds: 30,
            explain_kept: 10_000,
        }
    }
}

/// What requests of one form mean.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Route {
    /// The form of the path.
    pub path: Template,
    /// By which methods; none: by all.
    #[serde(default)]
    pub methods: Vec<String>,
    /// The action.
    pub action: String,
    /// The kind of the resource.
    pub resource: String,
    /// Where its id comes from.
    #[serde(default)]
    pub from: From,
    /// Its id, where it is always the same.
    pub name: Option<String>,
}

/// Where the id of a resource comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// The variable of the path that is called as the resource's kind.
    #[default]
    Path,
    /// The header that `model_header` names.
    Header,
    /// The member `model` of the JSON body, which only Envoy shows.
    Body,
}

impl Settings {
    /// # Errors
    /// The first route that cannot name a resource, or a header's name that is none.
    pub(in crate::server) fn validate(&self) -> Result<(), Faulty> {
        let model = self.model_header.iter().map(|header| ("model_header".to_owned(), header));
        let attributes = self.attributes.iter().map(|(name, header)| (format!("attributes.{name}"), header));
        for (key, header) in model.chain(attributes) {
            if header.parse::<HeaderName>().is_err() {
                return Err(Faulty(format!("`forward.{key}`: `{header}` is no name of a header")));
            }
        }
        for (index, route) in (1..).zip(&self.route) {
            let fault = |what: String| Err(Faulty(format!("`forward.route` {index}: {what}")));
            if let Some(bad) = route.methods.iter().find(|method| !is_method(method)) {
                return fault(format!("`{bad}` is no method; methods are in capitals, as `POST`"));
            }
            match (&route.name, route.from) {
                (Some(_), From::Path) => {}
                (Some(_), From::Header | From::Body) => return fault("either `name` or `from`, not both".to_owned()),
                (None, From::Path) if !route.path.has(&route.resource) => {
                    return fault(format!("the path has no variable `{{{}}}`, and there is no `name`", route.resource));
                }
                (None, From::Header) if self.model_header.is_none() => {
                    return fault("`from = \"header\"` needs `forward.model_header`".to_owned());
                }
                (None, From::Path | From::Header | From::Body) => {}
            }
        }
        Ok(())
    }

    /// What a request means: an action on a resource.
    pub(super) fn target(&self, asked: &Asked, headers: &HeaderMap) -> Result<(&str, Resource), Refused> {
        let path = Path::parse(&asked.target).map_err(|what| {
            Refused::new(StatusCode::BAD_REQUEST, "BAD_PATH", format!("{what}; it is not decided upon"))
        })?;
        let found = self.route.iter().filter(|route| route.takes(&asked.method)).find_map(|route| {
            let variable = route.path.read(&path, &route.resource)?;
            Some((route, variable))
        });
        let Some((route, variable)) = found else {
            return Err(Refused::new(StatusCode::FORBIDDEN, "NO_ROUTE", "The service knows no such route."));
        };
        let id = match (&route.name, route.from) {
            (Some(name), _) => name.clone(),
            (None, From::Path) => variable.ok_or_else(no_model)?,
            (None, From::Header) => self.model_in_header(headers)?,
            (None, From::Body) => model_in_body(&asked.body)?,
        };
        Ok((&route.action, Resource::new(&route.resource, id)))
    }

    /// What the proxy tells of the circumstances. What stands in several headers, or in none, is not known.
    pub(super) fn circumstances<'h>(&'h self, headers: &'h HeaderMap) -> impl Iterator<Item = (&'h str, &'h str)> {
        self.attributes.iter().filter_map(|(name, header)| Some((name.as_str(), only(headers, header)?)))
    }

    fn model_in_header(&self, headers: &HeaderMap) -> Result<String, Refused> {
        let name = self.model_header.as_deref().unwrap_or_default();
        only(headers, name).map(str::to_owned).ok_or_else(no_model)
    }
}

/// The text of a header that is there once, and not empty.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    value.to_str().ok().filter(|value| !value.is_empty())
}

fn is_method(text: &str) -> bool {
    !text.bytes().any(|byte| byte.is_ascii_lowercase()) && text.parse::<Method>().is_ok()
}

impl Route {
    fn takes(&self, method: &Method) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|taken| taken == method.as_str())
    }
}

/// The member `model` of a body that is whole. A second member that a careless reader takes for it is refused.
fn model_in_body(body: &Body) -> Result<String, Refused> {
    let bytes = match body {
        Body::None => return Err(no_model()),
        Body::Partial => {
            let message = "The request is too large to read the model's name from it.";
            return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "PARTIAL_BODY", message));
        }
        Body::Whole(bytes) => bytes,
    };
    let value = json::read(bytes).map_err(|refusal| {
        Refused::new(StatusCode::BAD_REQUEST, "BAD_BODY", format!("The body is no JSON: {refusal}"))
    })?;
    let Input::Object(members) = value else { return Err(no_model()) };
    if members.keys().filter(|name| name.eq_ignore_ascii_case("model")).count() > 1 {
        return Err(Refused::new(StatusCode::BAD_REQUEST, "BAD_BODY", "The body names the model more than once."));
    }
    match members.get("model") {
        Some(Input::Text(model)) if !model.is_empty() => Ok(model.clone()),
        Some(_) | None => Err(no_model()),
    }
}

fn no_model() -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, "NO_MODEL", "The request does not name a model.")
}

#[cfg(test)]
mod tests {
    use super::{Body, model_in_body};
    use bytes::Bytes;

    fn model(text: &'static str) -> Option<String> {
        model_in_body(&Body::Whole(Bytes::from_static(text.as_bytes()))).ok()
    }

    #[test]
    fn a_body_names_one_model() {
        assert_eq!(
            model(r#"{"temperature": 0.5, "model": "qwen3", "messages": [{"model": "x"}]}"#).as_deref(),
            Some("qwen3")
        );
        let bad = [
            "",
            "{",
            "[]",
            "{}",
            r#"{"model": ""}"#,
            r#"{"model": 1}"#,
            r#"{"model": "a", "model": "b"}"#,
            r#"{"model": "a", "Model": "b"}"#,
            r#"{"model": "a", "mod\u0065l": "b"}"#,
            r#"{"MODEL": "a"}"#,
        ];
        for text in bad {
            assert_eq!(model(text), None, "{text}");
        }
        assert!(model_in_body(&Body::Partial).is_err() && model_in_body(&Body::None).is_err());
    }
}
