//! Forms that change something: only those that a page here was made with for the same session.

use super::{
    fault::{Fault, Reason},
    fields::Fields,
    visit::Visit,
};
use crate::server::{app::App, http};
use ::http::{HeaderMap, header::CONTENT_TYPE};
use axum::extract::{FromRequest, Request};
use std::sync::Arc;

/// A form that was sent from a page of the session.
pub(super) struct Posted {
    pub(super) visit: Visit,
    pub(super) fields: Fields,
}

/// The field that ties a form to its session.
pub(super) const TOKEN: &str = "token";
const FORM: &str = "application/x-www-form-urlencoded";

impl FromRequest<Arc<App>> for Posted {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let visit = Visit::of(app, &parts).await?;
        if http::is_of_another_site(&parts.headers) || is_fetched_elsewhere(&parts.headers) {
            return Err(visit.shell.fault(Reason::OtherSite));
        }
        let kind = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(FORM) {
            return Err(visit.shell.fault(Reason::Bad("the body must be a form")));
        }
        let body = http::read_body(body, app.settings.http.body_bytes, &app.settings.http).await;
        let body = body.map_err(|bad| visit.shell.fault(Reason::Body(bad)))?;
        let fields = Fields::read(&body);
        if !app.web.sessions.is_token(&visit.name, fields.get(TOKEN)) {
            return Err(visit.shell.fault(Reason::OtherSite));
        }
        Ok(Self { visit, fields })
    }
}

/// Whether a browser says that another page than one of the service's own asks.
fn is_fetched_elsewhere(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"))
}
