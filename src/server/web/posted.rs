//! Forms that change something: only those that a page here was made with for the same session.

use super::{
    fault::{Fault, Reason},
    fields::Fields,
    visit::Visit,
};
use crate::server::{
    app::App,
    http::{self, BadBody},
};
use ::http::{HeaderMap, StatusCode, header::CONTENT_TYPE, request::Parts};
use axum::{
    body::Body,
    extract::{FromRequest, Multipart, Request},
};
use bytes::Bytes;
use std::sync::Arc;

/// A form that was sent from a page of the session.
pub(super) struct Posted {
    pub(super) visit: Visit,
    pub(super) fields: Fields,
}

/// The field that ties a form to its session.
pub(super) const TOKEN: &str = "token";
const FORM: &str = "application/x-www-form-urlencoded";
const FORM_WITH_FILES: &str = "multipart/form-data";

impl FromRequest<Arc<App>> for Posted {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let visit = visit(app, &parts, FORM).await?;
        let body = http::read_body(body, app.settings.http.body_bytes, &app.settings.http).await;
        let body = body.map_err(|bad| visit.shell.fault(Reason::Body(bad)))?;
        let fields = Fields::read(&body);
        if !app.web.sessions.is_token(&visit.name, fields.get(TOKEN)) {
            return Err(visit.shell.fault(Reason::OtherSite));
        }
        Ok(Self { visit, fields })
    }
}

/// A form with files that was sent from a page of the session.
pub(super) struct PostedFiles {
    pub(super) visit: Visit,
    /// What the files are called, and what is in them.
    pub(super) files: Vec<(String, Bytes)>,
}

impl FromRequest<Arc<App>> for PostedFiles {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let visit = visit(app, &parts, FORM_WITH_FILES).await?;
        let body = http::read_body(body, app.settings.policy.upload_bytes, &app.settings.http).await;
        let body = body.map_err(|bad| visit.shell.fault(Reason::Body(bad)))?;
        let request = Request::from_parts(parts, Body::from(body));
        let (mut token, mut files) = (String::new(), Vec::new());
        let read = async {
            let mut form = Multipart::from_request(request, app).await.map_err(|error| error.body_text())?;
            while let Some(field) = form.next_field().await.map_err(|error| error.body_text())? {
                let name = field.file_name().map(str::to_owned);
                let is_token = field.name() == Some(TOKEN);
                let content = field.bytes().await.map_err(|error| error.body_text())?;
                match name {
                    None if is_token => token = String::from_utf8_lossy(&content).into_owned(),
                    // No file was chosen.
                    Some(name) if name.is_empty() => {}
                    Some(name) => files.push((name, content)),
                    None => {}
                }
            }
            Ok::<(), String>(())
        };
        if let Err(message) = read.await {
            return Err(visit.shell.fault(Reason::Body(BadBody::new(StatusCode::BAD_REQUEST, message))));
        }
        if !app.web.sessions.is_token(&visit.name, &token) {
            return Err(visit.shell.fault(Reason::OtherSite));
        }
        Ok(Self { visit, files })
    }
}

/// Who sends a form of a type, if a page here may have made it.
async fn visit(app: &Arc<App>, parts: &Parts, form: &str) -> Result<Visit, Fault> {
    let visit = Visit::of(app, parts).await?;
    if http::is_of_another_site(&parts.headers) || is_fetched_elsewhere(&parts.headers) {
        return Err(visit.shell.fault(Reason::OtherSite));
    }
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(form) {
        return Err(visit.shell.fault(Reason::Bad("the body must be a form")));
    }
    Ok(visit)
}

/// Whether a browser says that another page than one of the service's own asks.
fn is_fetched_elsewhere(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"))
}
