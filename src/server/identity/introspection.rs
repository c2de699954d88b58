//! Tokens that only their issuer understands: it is asked (RFC 7662).

use super::{
    cache::{Proof, Proved},
    claims::Mapping,
    jwt::{meant_for, within},
    refusal::Unauthenticated,
    secret::{Secret, SecretSource},
};
use crate::{
    request::{Input, Properties},
    server::{
        outbound::{self, Address, Outbound},
        settings::Faulty,
    },
    wire::json,
};
use ::http::{
    StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use chrono::{DateTime, TimeDelta, Utc};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Who is asked, and what the answers mean: `[auth.introspection]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Where it is asked.
    pub endpoint: String,
    /// As whom the service asks.
    pub client_id: String,
    /// By which secret.
    pub client_secret: SecretSource,
    /// What answers say in `iss`, where it matters.
    #[serde(default)]
    pub issuer: Option<String>,
    /// Whom tokens may be meant for (`aud`), where it matters.
    #[serde(default)]
    pub audience: Vec<String>,
    /// By how much the clocks may differ.
    #[serde(default)]
    pub leeway_seconds: u32,
    /// What the answers mean.
    #[serde(default)]
    pub claims: Mapping,
}

/// What the settings call the secret.
const SECRET: &str = "auth.introspection.client_secret";

impl Settings {
    /// Makes paths relative to the settings' folder.
    pub(super) fn paths(&mut self, below: &impl Fn(&Path) -> PathBuf) {
        self.client_secret.paths(below);
    }

    pub(super) fn validate(&self, outbound: &outbound::Settings) -> Result<(), String> {
        let wrong = |wrong| format!("`auth.introspection.endpoint`: {wrong}");
        outbound.address(&self.endpoint).map_err(wrong)?;
        if self.client_id.is_empty() {
            return Err("`auth.introspection.client_id` cannot be empty".to_owned());
        }
        self.claims.validate("auth.introspection.claims")
    }

    /// The client's secret.
    pub(super) fn read(&self) -> Result<Secret, Faulty> {
        self.client_secret.read(SECRET, 1)
    }
}

/// Asks about tokens.
#[derive(Debug)]
pub(super) struct Introspection {
    settings: Settings,
    endpoint: Address,
    secret: Secret,
    outbound: Outbound,
}

impl Introspection {
    pub(super) fn open(settings: &Settings, outbound: &Outbound) -> Result<Self, Faulty> {
        let endpoint = outbound.address(&settings.endpoint).map_err(Faulty)?;
        Ok(Self { settings: settings.clone(), endpoint, secret: settings.read()?, outbound: outbound.clone() })
    }

    /// What an operator should know.
    pub(super) fn remark(&self) -> Option<String> {
        self.settings.client_secret.remark(SECRET)
    }

    /// Whom a token stands for, and until when at the latest.
    ///
    /// # Errors
    /// It does not hold; or who knows is out of reach.
    pub(super) async fn prove(&self, token: &str, now: DateTime<Utc>) -> Result<Proved, Unauthenticated> {
        let answer = self.ask(token).await.map_err(|wrong| {
            tracing::warn!("a token was not introspected: {wrong}");
            Unauthenticated::unavailable("the token cannot be verified at the moment: its issuer is out of reach")
        })?;
        let answer = answer.ok_or_else(|| Unauthenticated::invalid("the token is not active"))?;
        let settings = &self.settings;
        let until = within(&answer, TimeDelta::seconds(settings.leeway_seconds.into()), now)?;
        if let Some(issuer) = &settings.issuer
            && answer.get("iss") != Some(&Input::Text(issuer.clone()))
        {
            return Err(Unauthenticated::invalid("the token is of an issuer that is not known here"));
        }
        if !settings.audience.is_empty() {
            meant_for(&answer, &settings.audience)?;
        }
        let principal = settings.claims.principal(&answer).map_err(Unauthenticated::invalid)?;
        Ok(Proved { principal, by: Proof::Introspection, until: until.unwrap_or(DateTime::<Utc>::MAX_UTC) })
    }

    /// What is said of a token, if it is active.
    async fn ask(&self, token: &str) -> Result<Option<Properties>, String> {
        let encoded = |bytes: &[u8]| percent_encoding::percent_encode(bytes, NON_ALPHANUMERIC).to_string();
        let request = self
            .outbound
            .post(&self.endpoint)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            // RFC 6749, section 2.3.1: both are encoded before they are joined.
            .basic_auth(encoded(self.settings.client_id.as_bytes()), Some(encoded(self.secret.expose())))
            .body(format!("token={}&token_type_hint=access_token", utf8_percent_encode(token, NON_ALPHANUMERIC)));
        let answer = self.outbound.send(request).await.map_err(|error| error.to_string())?;
        if answer.status != StatusCode::OK {
            return Err(format!("the status is {}", answer.status));
        }
        let Ok(Input::Object(answer)) = json::read(&answer.body) else {
            return Err("the answer is no object in JSON".to_owned());
        };
        match answer.get("active") {
            Some(Input::Bool(true)) => Ok(Some(answer)),
            Some(Input::Bool(false)) => Ok(None),
            Some(_) | None => Err("the answer does not say whether the token is active".to_owned()),
        }
    }
}
