//! Tokens for trying things out, where no way of authentication is set up.
//!
//! They are signed with a secret in the state folder, which is made with the first of them; a service on the same folder takes
//! them while it listens on loopback and has no `[auth]`.

use super::{claims::is_name, jwt::within, refusal::Unauthenticated, secret::Secret};
use crate::{
    request::{Input, Principal},
    server::settings::Faulty,
    wire::json,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::Mac;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// How every such token begins, so that none is mistaken for another's.
const PREFIX: &str = "dev_";
/// Where the secret is, in the state folder.
const SECRET: &str = "development-secret";
/// How long a token holds.
const LIFETIME: TimeDelta = TimeDelta::days(1);

/// Takes such tokens, by the secret as it is when one comes.
#[derive(Debug)]
pub(super) struct Development {
    /// Where that is; nowhere if nothing is kept.
    secret: Option<PathBuf>,
}

impl Development {
    pub(super) fn new(state: Option<&Path>) -> Self {
        Self { secret: state.map(|state| state.join(SECRET)) }
    }

    /// For whom a token stands.
    ///
    /// # Errors
    /// It is none, or it has expired.
    pub(super) fn prove(&self, token: &str, now: DateTime<Utc>) -> Result<Principal, Unauthenticated> {
        let unknown = || {
            Unauthenticated::invalid(
                "the credential is not known: no `[auth]` is set up, and this is no token of `policyc serve --dev-token`",
            )
        };
        let (claims, signature) =
            token.strip_prefix(PREFIX).and_then(|rest| rest.split_once('.')).ok_or_else(unknown)?;
        let secret = self.secret.as_deref().and_then(|file| Secret::at(file).ok()).ok_or_else(unknown)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| unknown())?;
        secret.keyed_hash().chain_update(claims).verify_slice(&signature).map_err(|_| unknown())?;
        let claims = URL_SAFE_NO_PAD.decode(claims).ok().and_then(|claims| json::read(&claims).ok());
        let Some(Input::Object(mut claims)) = claims else { return Err(unknown()) };
        within(&claims, TimeDelta::zero(), now)?;
        match (claims.remove("kind"), claims.remove("id"), claims.remove("properties")) {
            (Some(Input::Text(kind)), Some(Input::Text(id)), Some(Input::Object(properties))) => {
                Ok(Principal { kind, id: Some(id), properties })
            }
            _ => Err(unknown()),
        }
    }
}

/// A token for a principal in words: `user alice roles=researcher,lead tier=seed org=alpha`.
pub(super) fn make(state: &Path, words: &str, now: DateTime<Utc>) -> Result<String, Faulty> {
    let wrong = |what: &str| Faulty(format!("`--dev-token` {what}, as in `user alice roles=researcher tier=seed`"));
    let mut words = words.split_whitespace();
    let (Some(kind), Some(id)) = (words.next(), words.next()) else { return Err(wrong("needs a kind and an id")) };
    if kind == "anonymous" || !is_name(kind) || !is_name(id) {
        return Err(wrong("needs a kind other than `anonymous` and an id"));
    }
    let mut properties = Map::new();
    for word in words {
        let (name, value) = word
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| wrong(&format!("needs attributes with a value; `{word}` has none")))?;
        properties.insert(name.to_owned(), value_of(name, value));
    }
    let exp = now.checked_add_signed(LIFETIME).unwrap_or(now).timestamp();
    let claims = json!({ "kind": kind, "id": id, "properties": properties, "exp": exp });
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    let secret = Secret::kept(&state.join(SECRET))?;
    let signature = secret.keyed_hash().chain_update(&claims).finalize().into_bytes();
    Ok(format!("{PREFIX}{claims}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// Roles are a list, each with the organisation that it is held in after an `@`; of other values, whole numbers and truths are
/// what they look like.
fn value_of(name: &str, value: &str) -> Value {
    if name == "roles" {
        let role = |role: &str| match role.split_once('@') {
            Some((role, org)) => json!({ "role": role, "org": org }),
            None => Value::from(role),
        };
        return value.split(',').filter(|role| !role.is_empty()).map(role).collect();
    }
    match (name, value.parse::<i64>(), value.parse::<bool>()) {
        ("org" | "tier", _, _) | (_, Err(_), Err(_)) => Value::from(value),
        (_, Ok(number), _) => Value::from(number),
        (_, Err(_), Ok(truth)) => Value::from(truth),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_token_stands_for_whom_it_was_made_until_the_next_day() {
        let folder = tempfile::tempdir().unwrap();
        let now = DateTime::UNIX_EPOCH;
        let words = "user alice roles=researcher,lead@alpha tier=seed org=7 level=3 trusted=true";
        let token = make(folder.path(), words, now).unwrap();
        let lead = BTreeMap::from([("role".to_owned(), "lead".into()), ("org".to_owned(), "alpha".into())]);
        let expected = Principal::user("alice")
            .roles([Input::from("researcher"), Input::Object(lead)])
            .tier("seed")
            .org("7")
            .with("level", 3)
            .with("trusted", true);
        let here = Development::new(Some(folder.path()));
        assert_eq!(here.prove(&token, now).unwrap(), expected);
        assert_eq!(here.prove(&token, now + LIFETIME).unwrap_err().message, "the token has expired");
        let elsewhere = Development::new(None);
        for (service, token) in
            [(&elsewhere, token.as_str()), (&here, "dev_e30.e30"), (&here, "eyJh.e30.e30"), (&here, "")]
        {
            assert!(
                service.prove(token, now).unwrap_err().message.starts_with("the credential is not known"),
                "{token}"
            );
        }
    }

    #[test]
    fn words_that_name_nobody_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for words in ["", "user", "anonymous x", "user alice roles"] {
            assert!(make(folder.path(), words, DateTime::UNIX_EPOCH).is_err(), "{words}");
        }
        assert!(!folder.path().join(SECRET).exists());
    }
}
