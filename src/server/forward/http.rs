//! Forward auth over HTTP: `/authz` for nginx, Caddy and Traefik, `/authz/envoy/…` for Envoy, `/authz/explain`.

use super::{
    answer::{Allowed, Answer, Denied, Refused, name},
    ask,
    explain::Explanations,
    original::{self, Asked, Convention},
};
use crate::server::{app::App, http as shared, identity::Origin};
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::{
    Extension,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use std::sync::Arc;
use uuid::Uuid;

/// Where Envoy asks: before the path that its client asked for.
pub(super) const ENVOY_PREFIX: &str = "/authz/envoy";

/// Which headers of the client Envoy takes out.
const REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");

/// nginx, Caddy, Traefik.
pub(super) async fn authz(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Extension(explanations): Extension<Arc<Explanations>>,
    headers: HeaderMap,
) -> Response {
    match original::from_headers(&headers) {
        Ok((asked, Convention::Forwarded)) => ask(&app, &headers, origin, &asked).await.into_response(),
        Ok((asked, Convention::Original)) => {
            let answer = ask(&app, &headers, origin, &asked).await;
            match answer {
                Answer::Allowed(_) => answer.into_response(),
                Answer::Denied(denied) => short(denied, &explanations, app.clock.now()),
            }
        }
        Err(refused) => Answer::from(refused).into_response(),
    }
}

/// A denial as nginx understands it: 401 or 403, and the id by which it gets the whole of it.
fn short(denied: Denied, explanations: &Explanations, now: DateTime<Utc>) -> Response {
    let status = if denied.status == StatusCode::UNAUTHORIZED { denied.status } else { StatusCode::FORBIDDEN };
    let id = explanations.keep(denied.clone(), now);
    let mut response = Answer::Denied(denied).into_response();
    *response.status_mut() = status;
    if let Ok(id) = HeaderValue::from_str(&id.simple().to_string()) {
        response.headers_mut().insert(name::EXPLAIN, id);
    }
    response
}

/// Tells a denial that was decided before. Nothing is decided here, and whatever is asked for, the answer is no.
pub(super) async fn explain(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Extension(explanations): Extension<Arc<Explanations>>,
    uri: Uri,
) -> Response {
    if !origin.is_proxied {
        return Answer::from(super::stranger(&origin)).into_response();
    }
    let id = uri.query().and_then(|query| query.strip_prefix("id=")).and_then(|id| Uuid::try_parse(id).ok());
    let denied = id.and_then(|id| explanations.take(id, app.clock.now()));
    let answer = denied.map_or_else(
        || Refused::new(StatusCode::FORBIDDEN, "DENIED", "The request was denied; why is no longer known.").into(),
        Answer::Denied,
    );
    answer.into_response()
}

/// Envoy, which asks with the client's own method, path and perhaps body.
pub(super) async fn envoy(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let limits = &app.settings.http;
    // Read beyond what is taken, so that Envoy is answered rather than cut off.
    let bytes = match shared::read_body(body, limits.body_bytes.saturating_mul(2), limits).await {
        Ok(bytes) => bytes,
        Err(bad) => return Answer::from(Refused::new(bad.status, "BAD_BODY", bad.message)).into_response(),
    };
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    let target = target.strip_prefix(ENVOY_PREFIX).unwrap_or_default().to_owned();
    let answer = match original::body(&headers, bytes, limits.body_bytes) {
        Ok(body) => ask(&app, &headers, origin, &Asked { method, target, body }).await,
        Err(refused) => refused.into(),
    };
    let remove = match &answer {
        Answer::Allowed(allowed) => HeaderValue::from_str(&allowed.without_value().join(", ")).ok(),
        Answer::Denied(_) => None,
    };
    let mut response = answer.into_response();
    response.headers_mut().extend(remove.map(|names| (REMOVE, names)));
    response
}

impl Allowed {
    /// Headers of the client's that must go since nothing takes their place. What has a value, Envoy replaces; and it removes
    /// after it has replaced, so those are not among them.
    pub(super) fn without_value(&self) -> Vec<&str> {
        let empty = self.upstream.iter().filter(|(_, value)| value.is_empty()).map(|(name, _)| name.as_str());
        empty.chain(name::OF_REQUESTS).collect()
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Allowed(Allowed { mut upstream, client, .. }) => {
                upstream.extend(client);
                // Nothing but 200 is a permission to all proxies.
                (StatusCode::OK, upstream).into_response()
            }
            Self::Denied(denied) => {
                let body = denied.body();
                (denied.status, denied.headers, body).into_response()
            }
        }
    }
}
