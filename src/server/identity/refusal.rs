//! Why nobody is proved to ask, and the challenges that say what would prove it.

use super::Caller;
use crate::server::http;
use ::http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{RETRY_AFTER, WWW_AUTHENTICATE},
};
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

/// A credential that is there and proves nothing. Each surface tells it in its own words, with [`status`](Self::status) and
/// [`headers`](Self::headers).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unauthenticated {
    /// What is wrong with it, without any of its own text.
    pub(crate) message: String,
    fault: Fault,
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The request's: it has more than one credential, or not one at all where it begins one.
    Malformed,
    /// The credential's.
    Invalid,
    /// The credential's, which held until it ended.
    Expired,
    /// Whoever could tell is out of reach.
    Unavailable,
    /// The documents', which nobody could read for a while, or yet: by this code.
    Unread(&'static str),
    /// The page's that a browser sends it for.
    Elsewhere,
}

impl Unauthenticated {
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self { message: message.into(), fault: Fault::Malformed }
    }

    pub(in crate::server) fn invalid(message: impl Into<String>) -> Self {
        Self { message: message.into(), fault: Fault::Invalid }
    }

    pub(super) fn expired(message: impl Into<String>) -> Self {
        Self { message: message.into(), fault: Fault::Expired }
    }

    pub(super) fn unavailable(message: impl Into<String>) -> Self {
        Self { message: message.into(), fault: Fault::Unavailable }
    }

    /// It is kept in documents of which nothing was heard for too long.
    pub(in crate::server) fn stale() -> Self {
        let message = "the store of managed documents cannot be asked, and this key is not believed any more";
        Self { message: message.to_owned(), fault: Fault::Unread("DOCUMENTS_STALE") }
    }

    /// No documents have been read yet, so nobody is anybody.
    pub(in crate::server) fn unread() -> Self {
        let message = "the managed documents have not been read yet";
        Self { message: message.to_owned(), fault: Fault::Unread("DOCUMENTS_UNREAD") }
    }

    /// The code of its own that it has, if any.
    pub(crate) const fn code(&self) -> Option<&'static str> {
        match self.fault {
            Fault::Unread(code) => Some(code),
            Fault::Malformed | Fault::Invalid | Fault::Expired | Fault::Unavailable | Fault::Elsewhere => None,
        }
    }

    /// A browser sends this for a page that is not the service's own: whoever sits before it has not asked.
    pub(in crate::server) fn elsewhere() -> Self {
        Self { message: "the request comes from a page of another site".to_owned(), fault: Fault::Elsewhere }
    }

    /// The status that tells it.
    pub(crate) const fn status(&self) -> StatusCode {
        match self.fault {
            Fault::Malformed => StatusCode::BAD_REQUEST,
            Fault::Invalid | Fault::Expired => StatusCode::UNAUTHORIZED,
            Fault::Unavailable | Fault::Unread(_) => StatusCode::SERVICE_UNAVAILABLE,
            Fault::Elsewhere => StatusCode::FORBIDDEN,
        }
    }

    /// Whether it is a credential that held until it ended.
    pub(crate) const fn is_expired(&self) -> bool {
        matches!(self.fault, Fault::Expired)
    }

    /// The headers that go with it (RFC 6750, section 3).
    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let error = match self.fault {
            Fault::Malformed => "invalid_request",
            Fault::Invalid | Fault::Expired => "invalid_token",
            Fault::Unavailable | Fault::Unread(_) => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
                return headers;
            }
            Fault::Elsewhere => return headers,
        };
        let parts = [("error", error.to_owned()), ("error_description", self.message.clone())];
        headers.insert(WWW_AUTHENTICATE, challenge(&parts));
        headers
    }
}

/// What proves more, by the code of the denial that wants it: `[auth.step_up]`.
pub(crate) type Proofs = BTreeMap<String, Proof>;

/// What a known principal must prove (RFC 9470, section 3).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Proof {
    /// One of these ways to sign in, the first as the best.
    acr_values: Vec<String>,
    /// So many seconds ago at most.
    max_age: Option<u64>,
}

impl Caller {
    /// What goes with a denial by 401: who is known already must prove it better.
    pub(crate) fn challenge(&self, code: &str, message: &str) -> HeaderValue {
        if self.principal.id.is_none() {
            return HeaderValue::from_static("Bearer");
        }
        step_up(message, self.proofs.get(code).unwrap_or(&Proof::default()))
    }
}

fn step_up(message: &str, proof: &Proof) -> HeaderValue {
    let mut parts =
        vec![("error", "insufficient_user_authentication".to_owned()), ("error_description", message.to_owned())];
    if !proof.acr_values.is_empty() {
        parts.push(("acr_values", proof.acr_values.join(" ")));
    }
    parts.extend(proof.max_age.map(|seconds| ("max_age", seconds.to_string())));
    challenge(&parts)
}

/// A challenge of the scheme `Bearer`. What may not stand in a quoted text there is a `?`.
fn challenge(parts: &[(&str, String)]) -> HeaderValue {
    let quoted = |text: &str| -> String {
        text.chars()
            .map(|char| match char {
                '`' | '"' => '\'',
                ' ' | '!' | '#'..='[' | ']'..='~' => char,
                _ => '?',
            })
            .collect()
    };
    let parts: Vec<String> = parts.iter().map(|(name, text)| format!("{name}=\"{}\"", quoted(text))).collect();
    HeaderValue::from_str(&format!("Bearer {}", parts.join(", "))).unwrap_or(HeaderValue::from_static("Bearer"))
}

/// In the words that most surfaces use: `{"error": …}`.
impl IntoResponse for Unauthenticated {
    fn into_response(self) -> Response {
        let mut response = match self.code() {
            None => http::error(self.status(), &self.message),
            Some(code) => (self.status(), Json(json!({ "error": self.message, "code": code }))).into_response(),
        };
        response.headers_mut().extend(self.headers());
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_as_rfc_6750_wants_it() {
        let told = |refusal: &Unauthenticated| {
            let headers = refusal.headers();
            let header = headers.get(WWW_AUTHENTICATE).or(headers.get(RETRY_AFTER)).unwrap();
            format!("{} {}", refusal.status().as_u16(), header.to_str().unwrap())
        };
        let invalid = Unauthenticated::invalid("the claim `exp` is\nmissing \\");
        assert_eq!(
            told(&invalid),
            r#"401 Bearer error="invalid_token", error_description="the claim 'exp' is?missing ?""#
        );
        assert!(told(&Unauthenticated::malformed("twice")).starts_with(r#"400 Bearer error="invalid_request""#));
        assert_eq!(told(&Unauthenticated::unavailable("gone")), "503 5");
    }

    #[test]
    fn a_step_up_challenge_says_what_would_do() {
        let proof = Proof { acr_values: vec!["urn:mfa".to_owned(), "phr".to_owned()], max_age: Some(300) };
        assert_eq!(
            step_up("Sign in with a second factor.", &proof),
            r#"Bearer error="insufficient_user_authentication", error_description="Sign in with a second factor.", acr_values="urn:mfa phr", max_age="300""#
        );
    }
}
