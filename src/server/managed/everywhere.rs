//! `?wait=all`: a change that is answered once all services which share the documents have it in force.
//!
//! In goes any request that may change documents, out comes its answer, with a header that says for whom it holds. What the
//! change itself says knows nothing of this.

use crate::server::{app::App, http, ops::Stopwatch};
use ::http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use std::{sync::Arc, thread, time::Duration};

/// Whether the change is in force everywhere: `all`, `some`, or `unknown`.
const APPLIED: HeaderName = HeaderName::from_static("x-policy-applied");
/// The services where it is not.
const BEHIND: HeaderName = HeaderName::from_static("x-policy-behind");
/// How often it is asked who is behind.
const PAUSE: Duration = Duration::from_millis(20);

/// Waits, where a request asks for it.
pub(in crate::server) async fn everywhere(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    match wanted(request.method(), request.uri()) {
        Ok(None) => return next.run(request).await,
        Ok(Some(uri)) => *request.uri_mut() = uri,
        Err(why) => return http::error(StatusCode::BAD_REQUEST, why),
    }
    let mut response = next.run(request).await;
    if response.status().is_success() {
        let waiting = app.clone();
        let behind = tokio::task::spawn_blocking(move || waiting.wait_for_all()).await.unwrap_or_default();
        let (applied, names) = match behind {
            None => ("unknown", None),
            Some(names) if names.is_empty() => ("all", None),
            Some(names) => ("some", HeaderValue::from_str(&names.join(", ")).ok()),
        };
        response.headers_mut().insert(APPLIED, HeaderValue::from_static(applied));
        response.headers_mut().extend(names.map(|names| (BEHIND, names)));
    }
    response
}

/// The address without the wish to wait, where it has one.
fn wanted(method: &Method, uri: &Uri) -> Result<Option<Uri>, &'static str> {
    let is_wish = |part: &&str| part.split('=').next() == Some("wait");
    let query = uri.query().unwrap_or_default();
    if method.is_safe() || !query.split('&').any(|part| is_wish(&part)) {
        return Ok(None);
    }
    let (wishes, others): (Vec<&str>, Vec<&str>) = query.split('&').partition(is_wish);
    if wishes != ["wait=all"] {
        return Err("`wait` can only be `all`");
    }
    let mut parts = uri.clone().into_parts();
    let path = if others.is_empty() { uri.path().to_owned() } else { format!("{}?{}", uri.path(), others.join("&")) };
    parts.path_and_query = path.parse().ok();
    Uri::from_parts(parts).map(Some).map_err(|_| "the address cannot be read")
}

impl App {
    /// Waits until all have in force what is in force here, and gives those who have not in time; none where nobody can tell.
    fn wait_for_all(&self) -> Option<Vec<String>> {
        let (managed, began) = (self.policies.managed(), Stopwatch::start());
        loop {
            let behind = managed.those_behind().ok()?;
            if behind.is_empty() || began.elapsed() > managed.settings.patience() {
                return Some(behind);
            }
            thread::sleep(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::wanted;
    use ::http::Method;

    #[test]
    fn the_wish_is_taken_out_of_the_address() {
        let put = |uri: &str| wanted(&Method::PUT, &uri.parse().unwrap()).map(|uri| uri.map(|uri| uri.to_string()));
        assert_eq!(put("/v1/acl/model"), Ok(None));
        assert_eq!(put("/v1/acl/model?waiting=all"), Ok(None));
        assert_eq!(put("/v1/acl/model?wait=all"), Ok(Some("/v1/acl/model".to_owned())));
        assert_eq!(put("/x?a=1&wait=all&b=2"), Ok(Some("/x?a=1&b=2".to_owned())));
        for bad in ["/x?wait", "/x?wait=some", "/x?wait=all&wait=all"] {
            assert!(put(bad).is_err(), "{bad}");
        }
        assert_eq!(wanted(&Method::GET, &"/x?wait=all".parse().unwrap()), Ok(None), "nothing is changed");
    }
}
