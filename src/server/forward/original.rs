//! What the client asked of the proxy, as the proxy tells it.

use super::answer::Refused;
use ::http::{HeaderMap, Method, StatusCode};
use bytes::Bytes;

/// What a client asked of the proxy.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: Method,
    /// Path and query, as the client sent them.
    pub(super) target: String,
    pub(super) body: Body,
}

/// How much of the client's body is known.
#[derive(Debug, Clone)]
pub(super) enum Body {
    None,
    /// Only its beginning, for all that is known.
    Partial,
    Whole(Bytes),
}

/// How a proxy tells what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Convention {
    /// `X-Original-Method`, `X-Original-URI`: nginx, which understands no other denials than 401 and 403.
    Original,
    /// `X-Forwarded-Method`, `X-Forwarded-Uri`: Caddy and Traefik.
    Forwarded,
}

impl Convention {
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Original => ("x-original-method", "x-original-uri"),
            Self::Forwarded => ("x-forwarded-method", "x-forwarded-uri"),
        }
    }
}

/// What the headers of a proxy's request tell. A proxy passes on what it does not know, so headers of the other convention are
/// the client's own, or nobody knows whose: such a request is refused.
pub(super) fn from_headers(headers: &HeaderMap) -> Result<(Asked, Convention), Refused> {
    let has = |convention: Convention| {
        let (method, uri) = convention.names();
        headers.contains_key(method) || headers.contains_key(uri)
    };
    let convention = match (has(Convention::Original), has(Convention::Forwarded)) {
        (true, false) => Convention::Original,
        (false, true) => Convention::Forwarded,
        (true, true) => return Err(bad("both `X-Original-…` and `X-Forwarded-…` say what the request was")),
        (false, false) => return Err(bad("neither `X-Original-URI` nor `X-Forwarded-Uri` says what the request was")),
    };
    let (method, uri) = convention.names();
    let method = one(headers, method)?.parse().map_err(|_| bad("the original method is none"))?;
    let asked = Asked { method, target: one(headers, uri)?.to_owned(), body: Body::None };
    Ok((asked, convention))
}

/// The value of a header that must be there, once.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Refused> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().map_err(|_| bad(&format!("`{name}` is not visible ASCII"))),
        _ => Err(bad(&format!("`{name}` must be there, once"))),
    }
}

/// The body that Envoy passes on. Envoy says whether it is whole, but not always truly: a body that is cut off just where a
/// piece of it ended is told to be whole. So what is longer than `most`, which is where Envoy may cut at the earliest, is never
/// whole.
pub(super) fn body(headers: &HeaderMap, bytes: Bytes, most: usize) -> Result<Body, Refused> {
    if bytes.len() > most {
        return Ok(Body::Partial);
    }
    let mut said = headers.get_all("x-envoy-auth-partial-body").iter();
    match (said.next().map(|value| value.as_bytes()), said.next()) {
        (None, _) if bytes.is_empty() => Ok(Body::None),
        (Some(b"false"), None) if bytes.is_empty() => Ok(Body::None),
        (Some(b"false"), None) => Ok(Body::Whole(bytes)),
        (Some(b"true"), None) => Ok(Body::Partial),
        _ => Err(bad("`x-envoy-auth-partial-body` does not say whether the body is whole")),
    }
}

fn bad(message: &str) -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, "BAD_FORWARD", message)
}

#[cfg(test)]
mod tests {
    use super::{Body, Convention, body, from_headers};
    use ::http::{HeaderMap, HeaderName};
    use bytes::Bytes;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn one_convention_tells_all() {
        let nginx =
            headers(&[("x-original-method", "POST"), ("x-original-uri", "/a?b"), ("x-forwarded-proto", "http")]);
        let (asked, convention) = from_headers(&nginx).unwrap();
        assert_eq!((asked.method.as_str(), asked.target.as_str(), convention), ("POST", "/a?b", Convention::Original));
        let caddy = headers(&[("x-forwarded-method", "GET"), ("x-forwarded-uri", "/a")]);
        assert_eq!(from_headers(&caddy).unwrap().1, Convention::Forwarded);
    }

    #[test]
    fn headers_of_a_client_among_those_of_the_proxy_are_refused() {
        let caddy = [("x-forwarded-method", "GET"), ("x-forwarded-uri", "/secret")];
        for spoofed in [("x-original-uri", "/public"), ("x-original-method", "HEAD"), ("x-forwarded-uri", "/public")] {
            let lines: Vec<_> = caddy.into_iter().chain([spoofed]).collect();
            assert!(from_headers(&headers(&lines)).is_err(), "{spoofed:?}");
        }
        assert!(from_headers(&headers(&[])).is_err());
        assert!(from_headers(&headers(&[("x-original-uri", "/a")])).is_err(), "the method is not known");
    }

    #[test]
    fn part_of_a_body_is_not_taken_for_the_whole() {
        let read = |lines: &[(&'static str, &str)], text| body(&headers(lines), Bytes::from_static(text), 4);
        let name = "x-envoy-auth-partial-body";
        assert!(matches!(read(&[(name, "true")], b"{}"), Ok(Body::Partial)));
        assert!(matches!(read(&[(name, "false")], b"{}"), Ok(Body::Whole(_))));
        assert!(matches!(read(&[(name, "false")], b"{}   "), Ok(Body::Partial)), "Envoy may have cut here");
        assert!(matches!(read(&[], b""), Ok(Body::None)));
        for lines in [&[][..], &[(name, "maybe")], &[(name, "false"), (name, "true")]] {
            assert!(read(lines, b"{}").is_err(), "{lines:?}");
        }
    }
}
