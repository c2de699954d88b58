//! Which page a browser sends a request for.

use ::http::{
    HeaderMap, HeaderValue, Uri,
    header::{HOST, ORIGIN},
};

/// Whether a browser sends this for a page that is not the service's own.
pub(crate) fn is_of_another_site(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let own = text(HOST.as_str());
    headers.contains_key(ORIGIN)
        && text(ORIGIN.as_str())
            .and_then(|origin| origin.parse::<Uri>().ok())
            .and_then(|uri| uri.authority().cloned())
            .is_none_or(|authority| own.is_none_or(|own| !authority.as_str().eq_ignore_ascii_case(own)))
}
