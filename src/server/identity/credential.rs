//! The one credential of a request.

use super::{jwt::is_jwt, refusal::Unauthenticated};
use ::http::{HeaderMap, header::AUTHORIZATION};

/// What a request shows of who sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credential<'h> {
    /// Nothing.
    None,
    /// A token: a JWT, or one that only its issuer understands.
    Token(&'h str),
    /// An API key of this service.
    Key(&'h str),
}

/// How every API key begins.
pub(super) const KEY_PREFIX: &str = "pk_";

impl<'h> Credential<'h> {
    /// The credential in `Authorization: Bearer` or `X-API-Key`.
    ///
    /// # Errors
    /// There are several, or what is there is none.
    pub(super) fn of(headers: &'h HeaderMap) -> Result<Self, Unauthenticated> {
        let bearer = only(headers, AUTHORIZATION.as_str())?.map(bearer).transpose()?;
        let key = only(headers, "x-api-key")?.map(str::trim);
        match (bearer, key) {
            (None, None) => Ok(Self::None),
            (Some(bearer), Some(key)) if bearer != key => {
                Err(Unauthenticated::malformed("`Authorization` and `X-API-Key` say different things: send one"))
            }
            (Some(text), _) if text.starts_with(KEY_PREFIX) => Ok(Self::Key(text)),
            (None, Some(text)) if text.starts_with(KEY_PREFIX) => Ok(Self::Key(text)),
            (Some(text), None) => Ok(Self::Token(text)),
            (_, Some(_)) => Err(Unauthenticated::invalid("`X-API-Key` is no API key of this service")),
        }
    }
}

/// The one value of a header.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Unauthenticated> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Unauthenticated::malformed(format!("there is more than one header `{name}`")));
    }
    match value.to_str() {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(Unauthenticated::invalid(format!("the header `{name}` is not ASCII"))),
    }
}

/// The token after `Bearer`. Some clients send a JWT without that word; no scheme looks like one.
fn bearer(value: &str) -> Result<&str, Unauthenticated> {
    let value = value.trim();
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if token.is_empty() && is_jwt(scheme) && scheme.chars().all(|char| char.is_ascii_graphic()) {
        return Ok(scheme);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Unauthenticated::invalid("`Authorization` must be of the scheme `Bearer`"));
    }
    let token = token.trim_start();
    if token.is_empty() || token.contains(|char: char| !char.is_ascii_graphic()) {
        return Err(Unauthenticated::invalid("there is no token after `Bearer`, or more than one"));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[(&'static str, &str)]) -> Result<String, (u16, String)> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        match Credential::of(&headers) {
            Ok(credential) => Ok(format!("{credential:?}")),
            Err(refusal) => Err((refusal.status().as_u16(), refusal.message)),
        }
    }

    #[test]
    fn a_request_has_one_credential_or_none() {
        assert_eq!(read(&[]).unwrap(), "None");
        assert_eq!(read(&[("authorization", "Bearer abc")]).unwrap(), r#"Token("abc")"#);
        assert_eq!(read(&[("authorization", "bearer  abc")]).unwrap(), r#"Token("abc")"#);
        assert_eq!(read(&[("authorization", "eyJ.e30.c2ln")]).unwrap(), r#"Token("eyJ.e30.c2ln")"#);
        assert_eq!(read(&[("authorization", "Bearer pk_a_b")]).unwrap(), r#"Key("pk_a_b")"#);
        assert_eq!(read(&[("x-api-key", "pk_a_b")]).unwrap(), r#"Key("pk_a_b")"#);
        assert_eq!(read(&[("x-api-key", "pk_a_b"), ("authorization", "Bearer pk_a_b")]).unwrap(), r#"Key("pk_a_b")"#);
    }

    #[test]
    fn what_is_no_credential_is_not_nothing() {
        let status = |lines: &[(&'static str, &str)]| read(lines).unwrap_err().0;
        assert_eq!(status(&[("authorization", "Bearer a"), ("authorization", "Bearer a")]), 400, "twice");
        assert_eq!(status(&[("x-api-key", "pk_a_b"), ("x-api-key", "pk_a_b")]), 400, "twice");
        assert_eq!(status(&[("x-api-key", "pk_a_b"), ("authorization", "Bearer t")]), 400, "they disagree");
        assert_eq!(status(&[("authorization", "Basic YTpi")]), 401, "another scheme");
        assert_eq!(status(&[("authorization", "")]), 401, "no scheme");
        assert_eq!(status(&[("authorization", "eyJ.e30")]), 401, "no JWT, and no scheme");
        assert_eq!(status(&[("authorization", "eyJ.e30.c2ln more")]), 401, "something behind it");
        assert_eq!(status(&[("authorization", "Bearer")]), 401, "no token");
        assert_eq!(status(&[("authorization", "Bearer a b")]), 401, "two tokens");
        assert_eq!(status(&[("x-api-key", "abc")]), 401, "no API key");
        assert_eq!(status(&[("x-api-key", "")]), 401, "an empty one");
    }
}
