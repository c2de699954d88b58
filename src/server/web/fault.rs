//! Why a page is not shown: a page, too.

use super::{shell::Shell, sign_in, visit::Visit};
use crate::server::{audit::Unrecorded, decide::NoDecision, http::BadBody, policy::Unchanged};
use ::http::{
    HeaderValue, StatusCode,
    header::{RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE},
};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

/// A page that says why another one is not shown.
pub(super) struct Fault {
    shell: Box<Shell>,
    reason: Reason,
}

pub(super) enum Reason {
    /// A credential is there that does not hold.
    Unauthenticated(StatusCode, String),
    /// The policies do not let whoever looks do this.
    Missing {
        action: &'static str,
        resource: String,
        code: String,
        message: Option<String>,
    },
    /// The form was not made here for this session.
    OtherSite,
    /// The request is not one that a page here sends.
    Bad(&'static str),
    Body(BadBody),
    /// Nobody has said who they are.
    SignIn,
    NothingHere,
    /// What happened cannot be recorded.
    Unrecorded,
    Unchanged(Unchanged),
    /// A document cannot be kept.
    Unkept,
    /// Something that should work did not.
    Failed(String),
    /// There are too many who watch.
    Crowded,
}

impl From<NoDecision> for Reason {
    fn from(reason: NoDecision) -> Self {
        match reason {
            NoDecision::Unauthenticated(error) => Self::Unauthenticated(error.status(), error.message),
            NoDecision::Refused(refusal) => Self::Failed(refusal.to_string()),
            NoDecision::Unrecorded(Unrecorded) => Self::Unrecorded,
        }
    }
}

impl Shell {
    pub(super) fn fault(&self, reason: Reason) -> Fault {
        Fault { shell: Box::new(self.clone()), reason }
    }
}

/// For addresses that no page has.
pub(super) async fn nothing_here(visit: Visit) -> Fault {
    visit.shell.fault(Reason::NothingHere)
}

impl Fault {
    fn status(&self) -> StatusCode {
        match &self.reason {
            Reason::Unauthenticated(status, _) => *status,
            Reason::SignIn => StatusCode::UNAUTHORIZED,
            Reason::Missing { .. } if self.shell.who.is_none() => StatusCode::UNAUTHORIZED,
            Reason::Missing { .. } | Reason::OtherSite => StatusCode::FORBIDDEN,
            Reason::Bad(_) => StatusCode::BAD_REQUEST,
            Reason::Body(bad) => bad.status,
            Reason::NothingHere => StatusCode::NOT_FOUND,
            Reason::Unrecorded | Reason::Unkept | Reason::Crowded => StatusCode::SERVICE_UNAVAILABLE,
            Reason::Unchanged(reason) => reason.status(),
            Reason::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn title(&self) -> &'static str {
        match &self.reason {
            Reason::Unauthenticated(..) => "fault.unauthenticated",
            Reason::Missing { .. } => "fault.missing",
            Reason::SignIn => "fault.sign_in",
            Reason::OtherSite => "fault.other_site",
            Reason::Bad(_) | Reason::Body(_) => "fault.bad",
            Reason::NothingHere => "fault.nothing_here",
            Reason::Unrecorded | Reason::Unkept | Reason::Crowded => "fault.unavailable",
            Reason::Unchanged(_) => "fault.unchanged",
            Reason::Failed(_) => "fault.failed",
        }
    }

    fn text(&self) -> Markup {
        let look = self.shell.look;
        html! {
            @match &self.reason {
                Reason::Missing { action, resource, code, message } => {
                    p { (look.say("fault.missing_action")) " " code { (action) } " " (look.say("fault.on")) " " code { (resource) } }
                    dl.facts {
                        dt { (look.say("fault.code")) } dd { code { (code) } }
                        @if let Some(who) = &self.shell.who { dt { (look.say("fault.you_are")) } dd { (who) } }
                        @if let Some(message) = message { dt { (look.say("try.message")) } dd { (message) } }
                    }
                }
                Reason::Unauthenticated(_, message) | Reason::Failed(message) => { p { (message) } }
                Reason::OtherSite => { p { (look.say("fault.other_site_text")) } }
                Reason::Bad(message) => { p { (message) } }
                Reason::Body(bad) => { p { (bad.message) } }
                Reason::NothingHere => { p { a href="/ui" { (look.say("fault.home")) } } }
                Reason::SignIn => {}
                Reason::Unkept => { p { (look.say("fault.unkept")) } }
                Reason::Unrecorded => { p { (Unrecorded::MESSAGE) } }
                Reason::Crowded => { p { (look.say("live.crowded")) } }
                Reason::Unchanged(reason) => { p { (reason) } }
            }
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = self.status();
        let asks = status == StatusCode::UNAUTHORIZED;
        let title = self.shell.look.say(self.title());
        let content = html! {
            section.fault role="alert" { h1 { (title) } (self.text()) }
            @if asks { (sign_in::form(&self.shell)) }
        };
        let mut response = self.shell.page(title, None, &content);
        *response.status_mut() = status;
        if asks {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        if matches!(self.reason, Reason::OtherSite) {
            // Nothing is remembered of what another site asked for.
            response.headers_mut().remove(SET_COOKIE);
        }
        response
    }
}
