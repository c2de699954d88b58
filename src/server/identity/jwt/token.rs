//! A JWT in its parts (RFC 7519), before anything of it is believed.

use crate::{
    request::{Input, Properties},
    wire::json,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;

/// A token that can be read. Headers that say where a key might be (`jku`, `x5u`, `jwk`, `x5c`) are not looked at.
#[derive(Debug)]
pub(super) struct Token<'t> {
    pub(super) algorithm: Algorithm,
    /// Which key it says to be signed with.
    pub(super) key: Option<String>,
    pub(super) claims: Properties,
    /// What is signed.
    pub(super) message: &'t str,
    pub(super) signature: &'t str,
}

/// Whether a token is, or is meant to be, a JWT: three parts, of which the first is an object in JSON.
pub(in crate::server::identity) fn is_jwt(token: &str) -> bool {
    token.starts_with("ey") && token.matches('.').count() == 2
}

impl<'t> Token<'t> {
    /// Reads a token, or says why it is none.
    pub(super) fn read(text: &'t str) -> Result<Self, &'static str> {
        const MALFORMED: &str = "the token is malformed";
        let (message, signature) = text.rsplit_once('.').ok_or(MALFORMED)?;
        let (header, claims) = message.split_once('.').ok_or(MALFORMED)?;
        if signature.contains('.') || claims.contains('.') {
            return Err(MALFORMED);
        }
        let header = object(header).ok_or(MALFORMED)?;
        if header.contains_key("crit") {
            return Err("the token has a `crit` header, of which nothing is understood here");
        }
        let algorithm = match header.get("alg") {
            Some(Input::Text(name)) => algorithm(name).ok_or("the token's algorithm is not taken")?,
            Some(_) | None => return Err(MALFORMED),
        };
        let key = match header.get("kid") {
            None => None,
            Some(Input::Text(key)) => Some(key.clone()),
            Some(_) => return Err(MALFORMED),
        };
        Ok(Self { algorithm, key, claims: object(claims).ok_or(MALFORMED)?, message, signature })
    }

    /// The text of a claim.
    pub(super) fn text(&self, claim: &str) -> Option<&str> {
        match self.claims.get(claim) {
            Some(Input::Text(text)) => Some(text),
            Some(_) | None => None,
        }
    }
}

/// The algorithms that are taken. `none` is not one.
fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "HS256" => Some(Algorithm::HS256),
        "RS256" => Some(Algorithm::RS256),
        "ES256" => Some(Algorithm::ES256),
        "EdDSA" => Some(Algorithm::EdDSA),
        _ => None,
    }
}

/// One part of a token: base64url without padding, JSON, an object, no member twice.
fn object(part: &str) -> Option<Properties> {
    match json::read(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()? {
        Input::Object(members) => Some(members),
        Input::Unknown
        | Input::None
        | Input::Bool(_)
        | Input::Int(_)
        | Input::Float(_)
        | Input::Text(_)
        | Input::List(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str, claims: &str) -> Result<(Algorithm, Option<String>), &'static str> {
        let text = format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        Token::read(&text).map(|token| (token.algorithm, token.key))
    }

    #[test]
    fn what_is_no_token_of_ours_is_refused_before_any_key_is_looked_for() {
        assert_eq!(read(r#"{"alg":"ES256","kid":"a"}"#, "{}"), Ok((Algorithm::ES256, Some("a".to_owned()))));
        for alg in ["none", "None", "NONE", "", "HS512", "PS256", "RS1", "es256"] {
            let header = format!(r#"{{"alg":"{alg}"}}"#);
            assert_eq!(read(&header, "{}"), Err("the token's algorithm is not taken"), "{alg}");
        }
        for (header, claims) in [
            ("{}", "{}"),
            (r#"{"alg":1}"#, "{}"),
            (r#"{"alg":"ES256","kid":1}"#, "{}"),
            (r#"{"alg":"ES256","alg":"none"}"#, "{}"),
            (r#"["ES256"]"#, "{}"),
            (r#"{"alg":"ES256"}"#, "[]"),
            (r#"{"alg":"ES256"}"#, r#"{"sub":"a","sub":"b"}"#),
            (r#"{"alg":"ES256"}"#, "{"),
        ] {
            assert_eq!(read(header, claims), Err("the token is malformed"), "{header} {claims}");
        }
        for text in ["", ".", "..", "a.b", "a.b.c.d", "eyJh.e30=.x"] {
            assert_eq!(Token::read(text).map(|_| ()), Err("the token is malformed"), "{text}");
        }
        assert!(read(r#"{"alg":"ES256","crit":["b64"],"b64":false}"#, "{}").unwrap_err().contains("`crit`"));
        assert!(is_jwt("eyJhbGciOiJub25lIn0.e30.") && !is_jwt("opaque") && !is_jwt("a.b.c"));
    }
}
