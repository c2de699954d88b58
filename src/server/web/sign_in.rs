//! Signing in with a token or an API key, and out again.

use super::{
    cookie,
    fault::{Fault, Reason},
    look::own,
    parts::prose,
    posted::Posted,
    shell::Shell,
    visit::{SESSION, Visit},
};
use crate::server::{app::App, decide::Surface};
use ::http::{
    HeaderMap, HeaderValue,
    header::{AUTHORIZATION, SET_COOKIE},
};
use axum::{
    Router,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use maud::{Markup, html};
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/ui/sign-in", get(page).post(sign_in)).route("/ui/sign-out", post(sign_out))
}

async fn page(visit: Visit) -> Response {
    let look = visit.look();
    let title = look.say("sign_in.title");
    let content = html! {
        h1 { (title) }
        @if visit.caller.is_trusted { p.note { (prose(look.say("sign_in.open"))) } }
        (form(&visit.shell))
    };
    visit.shell.page(title, None, &content)
}

/// The form that takes a credential.
pub(super) fn form(shell: &Shell) -> Markup {
    let look = shell.look;
    let fields = html! {
        @if shell.path() != "/ui/sign-in" { (shell.back()) }
        label for="credential" { (look.say("sign_in.credential")) }
        input #credential name="credential" type="password" required autocomplete="off" spellcheck="false"
            aria-describedby="credential-hint";
        p.hint #credential-hint { (look.say("sign_in.hint")) }
        button.primary { (look.say("shell.sign_in")) }
    };
    html! { div.card.narrow { (shell.form("/ui/sign-in", &fields)) } }
}

/// Begins a session with a credential that holds. It has a new name: what a browser was called before is known to others,
/// perhaps.
async fn sign_in(posted: Posted) -> Result<Response, Fault> {
    let Posted { visit, fields } = posted;
    let credential = HeaderValue::from_str(&format!("Bearer {}", fields.get("credential")));
    let Ok(mut credential) = credential else {
        return Err(visit.shell.fault(Reason::Bad("the credential is not ASCII")));
    };
    credential.set_sensitive(true);
    let shown = HeaderMap::from_iter([(AUTHORIZATION, credential.clone())]);
    let proved = visit.app.caller(&shown, visit.caller.origin.clone(), Surface::Web).await;
    proved.map_err(|reason| visit.shell.fault(reason.into()))?;
    let sessions = &visit.app.web.sessions;
    sessions.end(&visit.name);
    let name = sessions.begin(credential, visit.app.clock.now());
    let mut response = Redirect::to(own(fields.get("back"))).into_response();
    if let Some(cookie) = cookie::set(SESSION, &name, sessions.seconds, visit.is_secure) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

async fn sign_out(posted: Posted) -> Response {
    let visit = posted.visit;
    visit.app.web.sessions.end(&visit.name);
    let mut response = Redirect::to("/ui/sign-in").into_response();
    if let Some(cookie) = cookie::set(SESSION, "", 0, visit.is_secure) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
