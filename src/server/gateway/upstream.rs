//! A server of models, and how it is asked.

use super::{error::Fault, settings};
use crate::{decision::Obligation, glob::Glob, server::settings::Faulty};
use ::http::{HeaderMap, HeaderValue, StatusCode, header::AUTHORIZATION};
use bytes::Bytes;
use std::collections::BTreeSet;

/// A server of models.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) name: String,
    base: String,
    models: Vec<Glob>,
    /// What it is sent as `Authorization`.
    key: Option<HeaderValue>,
    pub(super) pass_authorization: bool,
    obligations: BTreeSet<String>,
}

impl Upstream {
    pub(super) fn open(settings: &settings::Upstream) -> Result<Self, Faulty> {
        let bearer = |key: String| {
            let mut value = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| {
                Faulty(format!("upstream `{}`: its key has characters that no header has", settings.name))
            })?;
            value.set_sensitive(true);
            Ok(value)
        };
        Ok(Self {
            name: settings.name.clone(),
            base: settings.base()?,
            models: settings.globs()?,
            key: settings.key()?.map(bearer).transpose()?,
            pass_authorization: settings.pass_authorization,
            obligations: settings.obligations.iter().cloned().collect(),
        })
    }

    /// Whether it serves a model.
    pub(super) fn serves(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|glob| glob.is_match(model))
    }

    /// The models that it is said to serve by their whole names.
    pub(super) fn named(&self) -> impl Iterator<Item = &str> {
        self.models.iter().filter_map(Glob::literal)
    }

    /// Whether it carries out a duty.
    pub(super) fn carries(&self, duty: &Obligation) -> bool {
        self.obligations.contains(&*duty.id)
    }

    /// Asks it. The answer has begun when this returns, and its body comes as it is read.
    pub(super) async fn ask(
        &self,
        client: &reqwest::Client,
        path: &str,
        mut headers: HeaderMap,
        authorization: Option<&HeaderValue>,
        body: Bytes,
    ) -> Result<reqwest::Response, Trouble> {
        let authorization = if self.pass_authorization { authorization } else { self.key.as_ref() };
        headers.extend(authorization.map(|value| (AUTHORIZATION, value.clone())));
        let request = client.post(format!("{}{path}", self.base)).headers(headers).body(body);
        let response = request.send().await.map_err(|error| self.trouble(&error))?;
        let status = response.status();
        let refuses_us = status == StatusCode::UNAUTHORIZED && !self.pass_authorization;
        if refuses_us || status.is_redirection() || status.is_informational() {
            let what = if refuses_us { "refuses the service's key" } else { "sends elsewhere" };
            return Err(self.bad_gateway(what, false));
        }
        Ok(response)
    }

    fn trouble(&self, error: &reqwest::Error) -> Trouble {
        if error.is_timeout() {
            let message = format!("The upstream `{}` did not answer in time.", self.name);
            let fault = Fault::Upstream { status: StatusCode::GATEWAY_TIMEOUT, message };
            return Trouble { fault, is_unasked: error.is_connect() };
        }
        self.bad_gateway(if error.is_connect() { "cannot be reached" } else { "broke off" }, error.is_connect())
    }

    fn bad_gateway(&self, what: &str, is_unasked: bool) -> Trouble {
        let message = format!("The upstream `{}` {what}.", self.name);
        Trouble { fault: Fault::Upstream { status: StatusCode::BAD_GATEWAY, message }, is_unasked }
    }
}

/// An upstream gave no answer.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) fault: Fault,
    /// Whether it never heard of the request, so that nothing can have been used.
    pub(super) is_unasked: bool,
}
