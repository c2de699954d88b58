//! Who looks at a page, and what they may see there.

use super::{
    cookie,
    fault::{Fault, Reason},
    fields::Fields,
    index::Index,
    look::Look,
    session::Sessions,
    shell::Shell,
};
use crate::{
    engine::{Engine, Spend},
    request::{Request, Resource},
    server::{
        app::App,
        decide::{NoDecision, Surface},
        identity::{Caller, Origin},
        managed::{Refused, Unchanged},
    },
};
use ::http::{
    HeaderMap, HeaderValue,
    header::{AUTHORIZATION, HeaderName},
    request::Parts,
};
use axum::extract::FromRequestParts;
use std::sync::Arc;

pub(super) use crate::server::policy::{candidate, running};

/// The cookie of a session.
pub(super) const SESSION: &str = "policyc_session";
/// The cookie of a browser without one.
const VISITOR: &str = "policyc_visitor";
const KEY: HeaderName = HeaderName::from_static("x-api-key");

/// A look at a page.
pub(super) struct Visit {
    pub(super) app: Arc<App>,
    pub(super) caller: Caller,
    /// The set that the page speaks of and is decided by.
    pub(super) engine: Arc<Engine>,
    pub(super) shell: Shell,
    /// The fields of the address.
    pub(super) fields: Fields,
    /// What forms are tied to: a session, or a browser without one.
    pub(super) name: String,
    /// Whether cookies go over TLS only.
    pub(super) is_secure: bool,
}

impl Visit {
    /// Finds out who looks. A credential that a session holds is verified as any other.
    pub(super) async fn of(app: &Arc<App>, parts: &Parts) -> Result<Self, Fault> {
        let headers = &parts.headers;
        let is_secure = app.tls.is_some() || app.url.starts_with("https://");
        let session = cookie::value(headers, SESSION);
        let held = session.and_then(|name| app.web.sessions.credential(name, app.clock.now()));
        let own = headers.contains_key(AUTHORIZATION) || headers.contains_key(KEY);
        let (name, set) = match (session, &held) {
            (Some(name), Some(_)) => (name.to_owned(), None),
            _ => visitor(headers, app.web.sessions.seconds, is_secure),
        };
        let mut shell = Shell::new(Look::of(headers), parts.uri.clone(), app.web.sessions.token(&name), set);
        let Some(origin) = parts.extensions.get::<Origin>().cloned() else {
            return Err(shell.fault(Reason::Bad("the connection is not known")));
        };
        let shown = match &held {
            Some(credential) if !own => &HeaderMap::from_iter([(AUTHORIZATION, credential.clone())]),
            _ => headers,
        };
        let caller = match app.caller(shown, origin, Surface::Web).await {
            Ok(caller) => caller,
            Err(reason) => {
                if let (Some(name), NoDecision::Unauthenticated(error)) = (session, &reason)
                    && error.status() != ::http::StatusCode::SERVICE_UNAVAILABLE
                {
                    app.web.sessions.end(name);
                }
                return Err(shell.fault(reason.into()));
            }
        };
        shell.who = (caller.principal.id.is_some()).then(|| caller.name());
        shell.is_session = held.is_some() && !own;
        let fields = Fields::read(parts.uri.query().unwrap_or_default().as_bytes());
        let engine = app.policies.current();
        Ok(Self { app: app.clone(), caller, engine, shell, fields, name, is_secure })
    }

    pub(super) const fn look(&self) -> Look {
        self.shell.look
    }

    /// Whether whoever looks may do something. Only a refusal is recorded.
    pub(super) async fn may(&self, action: &'static str, resource: &Resource) -> Result<bool, NoDecision> {
        if self.caller.is_trusted {
            return Ok(true);
        }
        let denial = self.app.may(&self.engine, &self.caller, action, resource, Surface::Web).await?;
        Ok(denial.is_none())
    }

    /// As [`may`](Self::may); a page says what is missing.
    pub(super) async fn must(&self, action: &'static str, resource: &Resource) -> Result<(), Fault> {
        if self.caller.is_trusted {
            return Ok(());
        }
        match self.app.may(&self.engine, &self.caller, action, resource, Surface::Web).await {
            Ok(None) => Ok(()),
            Ok(Some(decision)) => Err(self.missing(action, resource, &decision)),
            Err(reason) => Err(self.shell.fault(reason.into())),
        }
    }

    /// As [`must`](Self::must), of what changes something: it is recorded in any case, as over the admin API.
    pub(super) async fn must_to_change(&self, action: &'static str, resource: &Resource) -> Result<(), Fault> {
        if self.caller.is_trusted {
            return Ok(());
        }
        let request =
            Request::new(self.caller.principal.clone(), action, resource.clone()).ip(self.caller.origin.client);
        match self.app.decide(&self.engine, &self.caller, request, Surface::Web, Spend::Charge).await {
            Ok(decision) if decision.is_allow() => Ok(()),
            Ok(decision) => Err(self.missing(action, resource, &decision)),
            Err(reason) => Err(self.shell.fault(reason.into())),
        }
    }

    /// That whoever looks has said who they are, as far as somebody must here.
    pub(super) fn must_be_known(&self) -> Result<(), Fault> {
        let is_known = self.caller.is_trusted || self.caller.principal.id.is_some();
        if is_known { Ok(()) } else { Err(self.shell.fault(Reason::SignIn)) }
    }

    /// Why documents were not changed, as far as no page has something of its own to say about it.
    pub(super) fn refused(&self, action: &'static str, resource: &Resource, reason: Refused) -> Fault {
        match reason {
            Refused::NotAllowed(decision) => self.missing(action, resource, &decision),
            Refused::NoDecision(reason) => self.shell.fault(reason.into()),
            Refused::Unchanged(Unchanged::Unkept(reason) | Unchanged::InDoubt(reason)) => {
                tracing::error!(%reason, "a managed document cannot be kept");
                self.shell.fault(Reason::Unkept)
            }
            Refused::Unchanged(Unchanged::Bad(refusal)) => self.shell.fault(Reason::Failed(refusal.to_string())),
            Refused::Unchanged(Unchanged::Set(error)) => self.shell.fault(Reason::Failed(error.to_string())),
            Refused::Unchanged(Unchanged::Conflict(_))
            | Refused::Unconfirmed(_)
            | Refused::Protected(_)
            | Refused::NoProposal => self.shell.fault(Reason::Failed("the document is another one by now".to_owned())),
        }
    }

    fn missing(&self, action: &'static str, resource: &Resource, decision: &crate::decision::Decision) -> Fault {
        let code = decision.denial().map_or_else(String::new, |denial| denial.code.to_string());
        let message = decision.denial().and_then(|denial| denial.message.clone());
        let resource = format!("{} {:?}", resource.kind, resource.id);
        self.shell.fault(Reason::Missing { action, resource, code, message })
    }

    /// The running set, as pages speak of it.
    pub(super) async fn index(&self) -> Result<Arc<Index>, Fault> {
        self.app.web.index.of(&self.engine).await.map_err(|reason| self.shell.fault(reason))
    }
}

/// The name of a browser without a session, and the cookie that keeps it if it is new.
fn visitor(headers: &HeaderMap, seconds: u32, is_secure: bool) -> (String, Option<HeaderValue>) {
    let is_name = |name: &&str| name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    match cookie::value(headers, VISITOR).filter(is_name) {
        Some(name) => (name.to_owned(), None),
        None => {
            let name = Sessions::name();
            let set = cookie::set(VISITOR, &name, seconds, is_secure);
            (name, set)
        }
    }
}

/// The audit log.
pub(super) fn log() -> Resource {
    Resource::new("audit", "log")
}

impl FromRequestParts<Arc<App>> for Visit {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Fault> {
        Self::of(app, parts).await
    }
}
