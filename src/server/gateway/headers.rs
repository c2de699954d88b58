//! Headers, both ways: what belongs to one connection stays there, what clients say of themselves is not believed, and what
//! the service knows is told.

use super::{quota::is_about_limits, settings::Headers};
use crate::{
    decision::{Decision, Obligation},
    request::{Input, Principal},
    server::identity::RequestId,
    value::Value,
};
use ::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, FORWARDED, HOST, LOCATION,
        PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SERVER, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    },
};
use std::fmt::Write;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What begins the names of headers by which the service speaks of identity. A client's are never handed on.
const OWN: &str = "x-policy-";

/// Headers of a client that are for the service, or that the service writes itself: credentials, where the request came
/// from, and how its body is framed.
pub(super) const OF_REQUESTS: [HeaderName; 15] = [
    ACCEPT_ENCODING,
    AUTHORIZATION,
    CONTENT_LENGTH,
    COOKIE,
    EXPECT,
    FORWARDED,
    HOST,
    REQUEST_ID,
    HeaderName::from_static("api-key"),
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-proto"),
];

/// Headers that a request has once at most: of two, one reader takes the first and another the last.
pub(super) const ONCE: [HeaderName; 5] =
    [AUTHORIZATION, ::http::header::CONTENT_TYPE, CONTENT_LENGTH, HOST, TRANSFER_ENCODING];

/// Whether a header speaks of one connection only (RFC 9110, section 7.6.1).
pub(super) fn is_of_the_connection(name: &HeaderName) -> bool {
    [
        CONNECTION,
        KEEP_ALIVE,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        PROXY_CONNECTION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ]
    .contains(name)
}

/// The headers that are no matter of one connection, nor named as such by `Connection`.
fn of_the_message(headers: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    let lines = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named: Vec<String> =
        lines.flat_map(|line| line.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect();
    headers
        .iter()
        .filter(move |(name, _)| !is_of_the_connection(name) && !named.iter().any(|named| *named == name.as_str()))
}

/// What an upstream gets of a client's headers.
pub(super) fn onward(client: &HeaderMap, names: &Headers) -> HeaderMap {
    // Some servers take `_` in a name for `-`.
    let written = |name: &str| name.to_ascii_lowercase().replace('_', "-");
    let own: Vec<String> = names.all().iter().map(|(_, name)| written(name)).collect();
    let is_own = |name: &HeaderName| {
        let name = written(name.as_str());
        name.starts_with(OWN) || own.contains(&name) || OF_REQUESTS.iter().any(|header| *header.as_str() == *name)
    };
    of_the_message(client)
        .filter(|(name, _)| !is_own(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// What a client gets of an upstream's headers.
pub(super) fn back(upstream: &HeaderMap) -> HeaderMap {
    let is_kept = |name: &HeaderName| {
        ![SET_COOKIE, SERVER, LOCATION, REQUEST_ID].contains(name)
            && !is_about_limits(name)
            && !name.as_str().starts_with(OWN)
    };
    of_the_message(upstream)
        .filter(|(name, _)| is_kept(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Tells an upstream who asks, by which rule, and what it must do.
pub(super) fn tell<'d>(
    headers: &mut HeaderMap,
    names: &Headers,
    principal: &Principal,
    decision: &Decision,
    duties: impl Iterator<Item = &'d Obligation>,
    id: &RequestId,
) {
    let mut put = |name: &str, value: &str| {
        let value = HeaderValue::try_from(value.to_owned());
        headers.extend(HeaderName::try_from(name).ok().zip(value.ok()));
    };
    let who = match &principal.id {
        Some(principal_id) => format!("{}:{}", principal.kind, visible(principal_id)),
        None => principal.kind.clone(),
    };
    put(&names.principal, &who);
    for (header, attribute) in [(&names.org, "org"), (&names.tier, "tier")] {
        if let Some(Input::Text(text)) = principal.properties.get(attribute) {
            put(header, &visible(text));
        }
    }
    if let Some(rule) = &decision.rule {
        put(&names.rule, &visible(&rule.name));
    }
    put(REQUEST_ID.as_str(), id.as_str());
    // Each on a line of its own.
    if let Ok(name) = HeaderName::try_from(&names.obligation) {
        for duty in duties.map(duty).filter_map(|duty| HeaderValue::try_from(duty).ok()) {
            headers.append(&name, duty);
        }
    }
}

/// A text with all but visible ASCII as `%` and two digits for each byte.
fn visible(text: &str) -> String {
    encoded(text, |byte| byte.is_ascii_graphic() && byte != b'%')
}

fn encoded(text: &str, is_plain: impl Fn(u8) -> bool) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if is_plain(byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02x}");
        }
        encoded
    })
}

/// A duty as an item with parameters (RFC 9651): `watermark; strength=2; user="alice"`.
fn duty(duty: &Obligation) -> String {
    let mut text = duty.id.to_string();
    for (name, value) in &duty.args {
        let value = match value {
            None => "unknown".to_owned(),
            Some(Value::None) => "none".to_owned(),
            Some(Value::Bool(value)) => if *value { "?1" } else { "?0" }.to_owned(),
            Some(Value::Int(value)) => value.to_string(),
            Some(Value::Text(text)) => string(text),
            Some(value @ (Value::Ip(_) | Value::Time(_) | Value::Tier(_) | Value::Texts(_) | Value::Roles(_))) => {
                string(value.to_string().trim_matches('"'))
            }
        };
        // Keys of parameters are in small letters.
        let _ = write!(text, "; {}={value}", name.to_ascii_lowercase());
    }
    text
}

/// A text as a string, or, where it has more than ASCII, as a display string.
fn string(text: &str) -> String {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    }
    format!("%\"{}\"", encoded(text, |byte| (b' '..=b'~').contains(&byte) && byte != b'%' && byte != b'"'))
}

#[cfg(test)]
mod tests {
    use super::{back, duty, onward, visible};
    use crate::{decision::Obligation, server::gateway::settings::Headers, value::Value};
    use ::http::{HeaderMap, HeaderName};

    fn kept(filter: impl Fn(&HeaderMap) -> HeaderMap, names: &[&'static str]) -> Vec<String> {
        let mut headers: HeaderMap =
            names.iter().map(|name| (HeaderName::from_static(name), "x".parse().unwrap())).collect();
        headers.insert("connection", "close, X-Hop".parse().unwrap());
        filter(&headers).keys().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_for_the_service_is_not_handed_on() {
        let names = Headers { org: "X-Team".to_owned(), ..Headers::default() };
        let sent = [
            "accept",
            "authorization",
            "cookie",
            "te",
            "x-hop",
            "x-policy-principal",
            "x_policy_tier",
            "x-policy-anything",
            "x-team",
            "x_team",
            "x-forwarded-for",
            "accept-encoding",
            "openai-beta",
            "api-key",
            "x_api_key",
            "content-length",
        ];
        assert_eq!(kept(|headers| onward(headers, &names), &sent), ["accept", "openai-beta"]);
    }

    #[test]
    fn what_is_the_upstreams_own_does_not_come_back() {
        let sent =
            ["content-type", "x-hop", "set-cookie", "x-ratelimit-limit-tokens", "x-policy-rule", "transfer-encoding"];
        assert_eq!(kept(back, &sent), ["content-type"]);
    }

    #[test]
    fn values_are_visible() {
        assert_eq!(visible("müller 100%"), "m%c3%bcller%20100%25");
        let arg = |name: &str, value| (name.into(), value);
        let args = vec![
            arg("strength", Some(Value::Int(2))),
            arg("user", Some(Value::Text("a \"b\" \\".into()))),
            arg("place", Some(Value::Text("K\u{f6}ln\r\n".into()))),
            arg("ip", Some(Value::Ip([10, 1, 2, 3].into()))),
            arg("hidden", Some(Value::Bool(true))),
            arg("who", None),
        ];
        let obligation = Obligation { id: "watermark".into(), args };
        assert_eq!(
            duty(&obligation),
            r#"watermark; strength=2; user="a \"b\" \\"; place=%"K%c3%b6ln%0d%0a"; ip="10.1.2.3"; hidden=?1; who=unknown"#
        );
    }
}
