//! What the service itself asks of others: keys, discovery, introspection, and whatever else is fetched or told.
//!
//! Addresses come from the settings alone, and are an [`Address`] before anything is sent there: https, or http to this machine.
//! Redirects are not followed. A name that leads inside the network is not gone to, unless the settings list where; that is
//! asked of the resolved address, so no name can lead elsewhere later. Every answer has a time and a size that it must keep.

use super::settings::Faulty;
use ::http::{HeaderValue, StatusCode, header::ETAG};
use bytes::{Bytes, BytesMut};
use ipnet::IpNet;
use reqwest::{
    Certificate, Client, RequestBuilder, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use serde::Deserialize;
use std::{
    error::Error,
    fmt, fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How the service asks others: `[outbound]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Where inside the network it may go.
    pub allow: Vec<IpNet>,
    /// Who signs certificates there, besides those whom the system knows: a file in PEM.
    pub ca: Option<PathBuf>,
    /// In how many seconds a connection must be made.
    pub connect_seconds: u64,
    /// In how many seconds an answer must have come whole.
    pub seconds: u64,
    /// How many bytes the body of an answer may be.
    pub body_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { allow: Vec::new(), ca: None, connect_seconds: 5, seconds: 10, body_bytes: 1024 * 1024 }
    }
}

/// An address that may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address(Url);

impl Settings {
    /// Makes paths relative to the settings' folder.
    pub(super) fn paths(&mut self, below: impl Fn(&Path) -> PathBuf) {
        self.ca = self.ca.as_deref().map(below);
    }

    pub(super) fn validate(&self) -> Result<(), Faulty> {
        let zero = [
            ("connect_seconds", self.connect_seconds == 0),
            ("seconds", self.seconds == 0),
            ("body_bytes", self.body_bytes == 0),
        ];
        match zero.iter().find(|(_, is_zero)| *is_zero) {
            Some((key, _)) => Err(Faulty(format!("`outbound.{key}` must be more than 0"))),
            None => Ok(()),
        }
    }

    /// The address that a text names, or why it may not be asked.
    pub(crate) fn address(&self, text: &str) -> Result<Address, String> {
        self.checked(text, false)
    }

    /// As [`address`](Self::address), for what proves itself however it came: `http://` may be to other machines, too.
    pub(crate) fn address_without_tls(&self, text: &str) -> Result<Address, String> {
        self.checked(text, true)
    }

    fn checked(&self, text: &str, may_be_plain: bool) -> Result<Address, String> {
        let url = Url::parse(text).map_err(|error| format!("`{text}` is no address: {error}"))?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err("an address may have neither a user nor a fragment".to_owned());
        }
        let host = url.host_str().unwrap_or_default();
        match url.scheme() {
            "https" => {}
            "http" if may_be_plain || is_this_machine(host) => {}
            _ => return Err(format!("`{text}` must begin with `https://`; `http://` is for loopback alone")),
        }
        match literal(host) {
            Some(ip) if !may_go(ip, host, &self.allow) => {
                Err(format!("`{text}` leads inside the network; `outbound.allow` says where that may be"))
            }
            Some(_) | None => Ok(Address(url)),
        }
    }
}

impl Address {
    /// As it may be told: what stands behind `?` may be a secret.
    pub(crate) fn shown(&self) -> String {
        let mut url = self.0.clone();
        url.set_query(None);
        url.into()
    }
}

/// Asks others. Copies share their connections.
#[derive(Debug, Clone)]
pub(crate) struct Outbound {
    client: Client,
    settings: Arc<Settings>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    /// How its server marks what came.
    pub(crate) etag: Option<HeaderValue>,
}

/// Why nothing came back, for the operator.
#[derive(Debug)]
pub(crate) struct Unreachable(pub(crate) String);

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<reqwest::Error> for Unreachable {
    fn from(error: reqwest::Error) -> Self {
        // The address may hold what is nobody's business; the error beneath says what happened.
        Self(with_causes(&error.without_url()))
    }
}

/// An error with those beneath it, which say what happened.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut beneath = error.source();
    while let Some(error) = beneath {
        text.push_str(": ");
        text.push_str(&error.to_string());
        beneath = error.source();
    }
    text
}

impl Outbound {
    pub(super) fn new(settings: &Settings) -> Result<Self, Faulty> {
        let faulty = |error: &dyn fmt::Display| Faulty(format!("`outbound.ca`: {error}"));
        let mut certificates = Vec::new();
        if let Some(file) = &settings.ca {
            let pem = fs::read(file).map_err(|error| faulty(&format!("cannot read `{}`: {error}", file.display())))?;
            certificates = Certificate::from_pem_bundle(&pem).map_err(|error| faulty(&error))?;
        }
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(settings.connect_seconds))
            .timeout(Duration::from_secs(settings.seconds))
            .user_agent(concat!("policyc/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Resolver { allow: settings.allow.clone().into() })
            .tls_certs_merge(certificates)
            .build()
            .map_err(|error| faulty(&error))?;
        Ok(Self { client, settings: Arc::new(settings.clone()) })
    }

    /// The address that a text names, or why it may not be asked.
    pub(crate) fn address(&self, text: &str) -> Result<Address, String> {
        self.settings.address(text)
    }

    pub(crate) fn get(&self, address: &Address) -> RequestBuilder {
        self.client.get(address.0.clone())
    }

    pub(crate) fn post(&self, address: &Address) -> RequestBuilder {
        self.client.post(address.0.clone())
    }

    /// Sends a request and reads the answer, whatever its status.
    ///
    /// # Errors
    /// Nobody answers, or not in time, or with too much.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer, Unreachable> {
        self.fetch(request, self.settings.body_bytes).await
    }

    /// As [`send`](Self::send), where the answer may have so many bytes.
    ///
    /// # Errors
    /// Nobody answers, or not in time, or with too much.
    pub(crate) async fn fetch(&self, request: RequestBuilder, most: usize) -> Result<Answer, Unreachable> {
        let mut response = request.send().await?;
        let (status, etag) = (response.status(), response.headers().get(ETAG).cloned());
        let mut body = BytesMut::new();
        while let Some(piece) = response.chunk().await? {
            if body.len().saturating_add(piece.len()) > most {
                return Err(Unreachable(format!("the answer is larger than {most} bytes")));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer { status, body: body.freeze(), etag })
    }
}

/// Finds the addresses of a name, without those where the service may not go.
struct Resolver {
    allow: Arc<[IpNet]>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow = self.allow.clone();
        Box::pin(async move {
            let host = name.as_str();
            let found = tokio::net::lookup_host((host, 0)).await?;
            let may: Vec<SocketAddr> = found.filter(|address| may_go(address.ip(), host, &allow)).collect();
            if may.is_empty() {
                return Err("the name leads inside the network, and `outbound.allow` does not list where".into());
            }
            Ok(Box::new(may.into_iter()) as Addrs)
        })
    }
}

/// The address that a host is written as.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Whether a host is this machine by the way it is written; no other name is, wherever it leads.
fn is_this_machine(host: &str) -> bool {
    host == "localhost" || literal(host).is_some_and(|ip| ip.is_loopback())
}

fn may_go(ip: IpAddr, host: &str, allow: &[IpNet]) -> bool {
    let ip = ip.to_canonical();
    !is_inside(ip) || (ip.is_loopback() && is_this_machine(host)) || allow.iter().any(|net| net.contains(&ip))
}

/// Whether an address is other than one of the public network.
fn is_inside(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, third, _] = ip.octets();
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_multicast()
                || ip.is_documentation()
                || matches!(
                    (first, second, third),
                    (0 | 240.., _, _) | (100, 64..=127, _) | (192, 0, 0) | (198, 18 | 19, _)
                )
        }
        IpAddr::V6(ip) => {
            // Public is 2000::/3 alone, and of that neither the documentation's part nor those that hold addresses of IPv4.
            let [first, second, ..] = ip.segments();
            !matches!((first, second), (0x2000..=0x3fff, _))
                || matches!((first, second), (0x2001, 0 | 0x0db8) | (0x2002, _) | (0x3fff, _))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str, allow: &[&str]) -> Result<Address, String> {
        let allow = allow.iter().map(|net| net.parse().unwrap()).collect();
        Settings { allow, ..Settings::default() }.address(text)
    }

    #[test]
    fn only_https_is_asked_and_http_on_this_machine() {
        for text in ["https://idp.example.com/keys", "http://127.0.0.1:8080/", "http://localhost/", "http://[::1]:80/"]
        {
            assert!(address(text, &[]).is_ok(), "{text}");
        }
        for text in
            ["http://idp.example.com/", "ftp://127.0.0.1/", "file:///etc/passwd", "keys", "https://u:p@a.example/"]
        {
            assert!(address(text, &[]).is_err(), "{text}");
        }
    }

    #[test]
    fn inside_the_network_is_asked_only_what_is_listed() {
        for host in
            ["10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "[fd00::1]", "[::ffff:10.1.2.3]", "0.0.0.0"]
        {
            assert!(address(&format!("https://{host}/"), &[]).is_err(), "{host}");
        }
        assert!(address("https://10.1.2.3/", &["10.1.0.0/16"]).is_ok());
        assert!(address("http://10.1.2.3/", &["10.1.0.0/16"]).is_err(), "but not without TLS");
        assert!(address("https://8.8.8.8/", &[]).is_ok() && address("https://[2606:4700::1]/", &[]).is_ok());
    }

    #[test]
    fn a_public_name_does_not_lead_to_this_machine() {
        let loopback = IpAddr::from([127, 0, 0, 1]);
        assert!(may_go(loopback, "localhost", &[]) && !may_go(loopback, "idp.example.com", &[]));
        assert!(may_go(loopback, "idp.example.com", &["127.0.0.0/8".parse().unwrap()]));
    }
}
