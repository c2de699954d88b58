//! A hub that is asked over HTTP, patiently: what may pass is tried again, as long as the hub says or a little longer each time.

use super::wanted::{Visibility, Wanted};
use crate::server::{
    hub::{KINDS, Repo},
    managed::Gated,
    outbound::with_causes,
};
use reqwest::{
    Certificate, Method, StatusCode, Url,
    blocking::{Client, Response},
    header::{HeaderMap, RETRY_AFTER},
    redirect::Policy,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{error::Error, fmt, io::Read, net::IpAddr, thread, time::Duration};

/// In which time an answer must have come.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest wait before the next try. A hub that says longer is not waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The longest answer that is read.
const LONGEST_ANSWER: u64 = 16 * 1024 * 1024;

/// A hub, and who asks it.
pub(super) struct Endpoint {
    url: Url,
    client: Client,
    token: String,
    retries: u32,
}

/// What a repository is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) gated: Gated,
    pub(super) visibility: Visibility,
}

/// What the hub says of a repository, as far as it matters here.
#[derive(Deserialize)]
struct Card {
    gated: Gated,
    private: bool,
}

/// Why the hub does not do what it is asked.
#[derive(Debug)]
pub(super) struct Refused {
    message: String,
    status: Option<StatusCode>,
    /// Whether there is no such repository, as far as whoever asks may know.
    pub(super) is_missing: bool,
}

impl Refused {
    fn new(message: String) -> Self {
        Self { message, status: None, is_missing: false }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Why one try has failed.
struct Failure {
    refused: Refused,
    /// Whether another may not.
    passes: bool,
    /// When, if the hub says so.
    wait: Option<Duration>,
}

impl Endpoint {
    /// A hub at an address. `certificates` are of those who sign for it, besides those whom the system knows: PEM.
    ///
    /// # Errors
    /// The address would give the token away, or is none.
    pub(super) fn new(text: &str, token: String, retries: u32, certificates: Option<&[u8]>) -> Result<Self, String> {
        let url = address(text)?;
        let certificates =
            certificates.map(Certificate::from_pem_bundle).transpose().map_err(|error| with_causes(&error))?;
        let client = Client::builder()
            // A redirect would take the settings elsewhere.
            .redirect(Policy::none())
            .timeout(PATIENCE)
            .user_agent(concat!("policyc/", env!("CARGO_PKG_VERSION")))
            .tls_certs_merge(certificates.unwrap_or_default())
            .build()
            .map_err(|error| with_causes(&error))?;
        Ok(Self { url, client, token, retries })
    }

    /// What a repository is like now.
    ///
    /// # Errors
    /// It is not there, or the hub does not say.
    pub(super) fn find(&self, repo: &Repo) -> Result<Found, Refused> {
        let body = self.ask(&Method::GET, &path(repo, ""), None)?;
        let card: Card = serde_json::from_slice(&body)
            .map_err(|error| Refused::new(format!("the hub's answer is not understood: {error}")))?;
        let visibility = if card.private { Visibility::Private } else { Visibility::Public };
        Ok(Found { gated: card.gated, visibility })
    }

    /// Makes a repository that is not there. If somebody has made it meanwhile, that will do.
    ///
    /// # Errors
    /// The hub does not.
    pub(super) fn create(&self, wanted: &Wanted) -> Result<(), Refused> {
        let (namespace, name) = wanted.repo.id.split_once('/').unwrap_or_default();
        let named = json!({ "name": name, "organization": namespace, "type": wanted.repo.kind });
        // Hubs say who may know of it in one way or in the other.
        let visibility = wanted
            .visibility
            .map(|visibility| json!({ "visibility": visibility, "private": visibility == Visibility::Private }));
        let sdk = wanted.sdk.as_ref().filter(|_| wanted.repo.kind == "space").map(|sdk| json!({ "sdk": sdk }));
        let parts = [Some(named), visibility, sdk].into_iter().flatten();
        let named: Map<String, Value> = parts.filter_map(|part| part.as_object().cloned()).flatten().collect();
        match self.ask(&Method::POST, "repos/create", Some(&named.into())) {
            Err(refused) if refused.status == Some(StatusCode::CONFLICT) && self.find(&wanted.repo).is_ok() => Ok(()),
            Err(refused) => Err(refused),
            Ok(_) => Ok(()),
        }
    }

    /// Makes a repository what it is wanted to be. To do so twice is to do so once.
    ///
    /// # Errors
    /// The hub does not.
    pub(super) fn configure(&self, wanted: &Wanted) -> Result<(), Refused> {
        let gated = wanted.gated.map(|gated| ("gated".to_owned(), json!(gated)));
        let visibility = wanted.visibility.map(|visibility| ("visibility".to_owned(), json!(visibility)));
        let settings: Map<String, Value> = gated.into_iter().chain(visibility).collect();
        self.ask(&Method::PUT, &path(&wanted.repo, "/settings"), Some(&settings.into())).map(drop)
    }

    /// Asks until there is an answer, or no hope of one.
    fn ask(&self, method: &Method, call: &str, body: Option<&Value>) -> Result<Vec<u8>, Refused> {
        let mut wait = Duration::from_secs(1);
        let mut left = self.retries;
        loop {
            let failure = match self.ask_once(method, call, body) {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let next = failure.wait.unwrap_or(wait);
            if !failure.passes || left == 0 || next > LONGEST_WAIT {
                return Err(failure.refused);
            }
            left = left.saturating_sub(1);
            thread::sleep(next);
            wait = wait.saturating_mul(2).min(LONGEST_WAIT);
        }
    }

    fn ask_once(&self, method: &Method, call: &str, body: Option<&Value>) -> Result<Vec<u8>, Failure> {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/api/{call}", url.path().trim_end_matches('/')));
        let mut request = self.client.request(method.clone(), url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let unreachable =
            |error: &dyn Error| Failure { refused: Refused::new(with_causes(error)), passes: true, wait: None };
        let response = request.send().map_err(|error| unreachable(&error.without_url()))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let answer = whole(response).map_err(|error| unreachable(&error))?;
        if status.is_success() { Ok(answer) } else { Err(refused(status, &headers, &answer)) }
    }
}

/// The path of a call about a repository.
fn path(repo: &Repo, call: &str) -> String {
    let kinds = KINDS.iter().find(|(kind, _)| *kind == repo.kind).map_or("", |(_, kinds)| kinds);
    format!("{kinds}/{}{call}", repo.id)
}

/// The address of a hub: https, or http to this machine, as a token goes there.
fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("`{text}` is no address: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("the address of a hub has no user, no query and no fragment".to_owned());
    }
    let host = url.host_str().unwrap_or_default();
    let literal: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
    let is_this_machine = host == "localhost" || literal.is_some_and(|ip| ip.is_loopback());
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_this_machine => Ok(url),
        _ => Err(format!("`{text}` must begin with `https://`; `http://` is for loopback alone")),
    }
}

fn whole(response: Response) -> std::io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    response.take(LONGEST_ANSWER).read_to_end(&mut answer)?;
    Ok(answer)
}

/// Why the hub refuses, in its own words.
fn refused(status: StatusCode, headers: &HeaderMap, answer: &[u8]) -> Failure {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let body: Value = serde_json::from_slice(answer).unwrap_or_default();
    let in_body = || body.get("error").and_then(|error| error.as_str().or_else(|| error.get("message")?.as_str()));
    let why = header("x-error-message").or_else(in_body).map(|why| format!(": {why}")).unwrap_or_default();
    let digest = body.get("digest").and_then(Value::as_str).map(|digest| format!(" ({digest})")).unwrap_or_default();
    let may_pass =
        status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    let wait = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok()).map(Duration::from_secs);
    let is_missing = status == StatusCode::NOT_FOUND && header("x-error-code") == Some("RepoNotFound");
    Failure {
        refused: Refused { message: format!("{}{why}{digest}", status.as_u16()), status: Some(status), is_missing },
        passes: may_pass && header("x-should-retry") != Some("false"),
        wait,
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn a_token_goes_only_where_nobody_listens_in() {
        for text in
            ["https://hub.example.com", "https://hub.example.com/hub/", "http://127.0.0.1:8181", "http://[::1]:1"]
        {
            assert!(address(text).is_ok(), "{text}");
        }
        for text in [
            "http://hub.example.com",
            "http://127.0.0.1.example.com",
            "http://10.1.2.3",
            "ftp://127.0.0.1",
            "https://me:secret@hub.example.com",
            "https://hub.example.com?x=1",
            "hub.example.com",
        ] {
            assert!(address(text).is_err(), "{text}");
        }
    }
}
