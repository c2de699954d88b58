//! Where a request came from: which connection, which client behind the proxies before us, and what the request is called.

use ::http::HeaderMap;
use ipnet::IpNet;
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use uuid::Uuid;

/// How a request is called in answers, logs and the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestId(Arc<str>);

/// The longest name that a caller may give a request.
const LONGEST_ID: usize = 128;

impl RequestId {
    /// The caller's own name of a request where it has one (`X-Request-ID`), else a new one (RFC 9562, version 7). A name
    /// that is long, or has other than visible ASCII, is not taken.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let given = headers.get("x-request-id").and_then(|value| value.to_str().ok());
        let given = given
            .filter(|id| !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(|byte| byte.is_ascii_graphic()));
        Self(given.map_or_else(|| Uuid::now_v7().to_string().into(), Into::into))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a request came from. It stands in the request's extensions from the first moment on.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// What the request is called.
    pub(crate) id: RequestId,
    /// The other end of the connection.
    pub(crate) peer: IpAddr,
    /// The client: the other end, or, where that is a trusted proxy, whom it says it asks for.
    pub(crate) client: IpAddr,
    /// Whether the other end is a trusted proxy, which may say what its clients asked.
    pub(crate) is_proxied: bool,
}

impl Origin {
    /// Where a request with these headers came from.
    pub(crate) fn of(headers: &HeaderMap, peer: SocketAddr, trusted: &[IpNet]) -> Self {
        let peer = peer.ip().to_canonical();
        let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
        let is_proxied = is_trusted(&peer);
        let client = if is_proxied { forwarded(headers, is_trusted).unwrap_or(peer) } else { peer };
        Self { id: RequestId::of(headers), peer, client, is_proxied }
    }
}

/// The right-most address in `X-Forwarded-For` that is no trusted proxy. What stands left of it, anybody can have written. An
/// entry that is no address ends the search: the last address before it is all that is known.
fn forwarded(headers: &HeaderMap, is_trusted: impl Fn(&IpAddr) -> bool) -> Option<IpAddr> {
    let mut last = None;
    let lines: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let entry = entry.trim();
        let address =
            entry.parse::<IpAddr>().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
        let Some(address) = address.map(|address| address.to_canonical()) else { break };
        last = Some(address);
        if !is_trusted(&address) {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::Origin;
    use ::http::HeaderMap;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "127.0.0.1/32".parse().unwrap()];
        Origin::of(&headers, format!("{peer}:1").parse().unwrap(), &trusted).client.to_string()
    }

    #[test]
    fn the_client_is_the_right_most_untrusted_address() {
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), "192.0.2.1", "an untrusted peer is the client");
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(client("127.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("127.0.0.1", &["203.0.113.9, 198.51.100.7, 10.1.1.1"]), "198.51.100.7");
        assert_eq!(client("127.0.0.1", &["203.0.113.9", "198.51.100.7"]), "198.51.100.7", "lines are one list");
        assert_eq!(client("127.0.0.1", &["198.51.100.7, nonsense, 10.1.1.1"]), "10.1.1.1");
        assert_eq!(client("127.0.0.1", &["nonsense"]), "127.0.0.1");
        assert_eq!(client("127.0.0.1", &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(client("[::ffff:127.0.0.1]", &["::ffff:198.51.100.7"]), "198.51.100.7");
    }
}
