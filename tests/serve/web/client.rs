//! A browser as far as forms and cookies go.

use crate::service::{PATIENCE, Service};
use policyc::clock::{Clock, SystemClock};
use reqwest::{
    Method,
    blocking::{Client, Response},
    redirect::Policy,
};
use std::collections::BTreeMap;

/// The laboratory that pages are shown with.
pub(crate) const LAB: &str = include_str!("lab.policy");

/// A set beside it: some may more, and some less.
pub(crate) fn candidate() -> String {
    let text = LAB.replace("tier >= flower", "tier >= seed").replace("role guest to view, infer", "role guest to view");
    serde_json::json!({ "files": { "lab.policy": text } }).to_string()
}

/// A token of a principal, for a service without `[auth]`.
pub(crate) fn token(service: &Service, principal: &str) -> String {
    let (token, _) = crate::identity::policyc(service, &["--config", "serve.toml", "--dev-token", principal]);
    token.trim().to_owned()
}

#[derive(Clone)]
pub(crate) struct Browser {
    client: Client,
    url: String,
    cookies: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    /// What forms of the page say that was opened last.
    pub(crate) token: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) location: String,
    pub(crate) cookies: Vec<String>,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Page {
    /// What a hidden field says.
    pub(crate) fn field(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let rest = self.body.split(&start).nth(1).unwrap_or_default();
        rest.split('"').next().unwrap_or_default().to_owned()
    }
}

impl Browser {
    pub(crate) fn new(service: &Service) -> Self {
        let client = Client::builder().timeout(PATIENCE).redirect(Policy::none()).build().unwrap();
        let (cookies, headers) = (BTreeMap::new(), BTreeMap::new());
        Self { client, url: service.url(""), cookies, headers, token: String::new() }
    }

    /// With a header from now on.
    pub(crate) fn header(&mut self, name: &str, value: &str) -> &mut Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn with_token(&mut self, token: &str) -> &mut Self {
        token.clone_into(&mut self.token);
        self
    }

    /// Opens a page, and remembers what its forms say.
    pub(crate) fn open(&mut self, path: &str) -> Page {
        let page = self.send("GET", path);
        let token = page.field("token");
        if !token.is_empty() {
            self.token = token;
        }
        page
    }

    /// Sends a form.
    pub(crate) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.token.clone();
        let fields = [("token", token.as_str())].into_iter().chain(fields.iter().copied());
        let body: Vec<String> = fields.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        self.ask("POST", path, Some(body.join("&")))
    }

    /// Sends a form with files.
    pub(crate) fn upload(&mut self, path: &str, files: &[(&str, &str)]) -> Page {
        let token = self.token.clone();
        let mut body = format!("--edge\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n{token}\r\n");
        for (name, text) in files {
            body.push_str(&format!(
                "--edge\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\n{text}\r\n"
            ));
        }
        self.clone().header("content-type", "multipart/form-data; boundary=edge").ask(
            "POST",
            path,
            Some(format!("{body}--edge--\r\n")),
        )
    }

    pub(crate) fn send(&mut self, method: &str, path: &str) -> Page {
        self.ask(method, path, None)
    }

    fn ask(&mut self, method: &str, path: &str, body: Option<String>) -> Page {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request =
            self.client.request(method, format!("{}{path}", self.url)).header("cookie", cookies.join("; "));
        if let Some(body) = body {
            let kind = "application/x-www-form-urlencoded";
            let kind = self.headers.get("content-type").map_or(kind, String::as_str);
            request = request.header("content-type", kind).body(body);
        }
        for (name, value) in self.headers.iter().filter(|(name, _)| *name != "content-type") {
            request = request.header(name, value);
        }
        self.read(request.send().unwrap())
    }

    fn read(&mut self, answer: Response) -> Page {
        let of = |name: &str| -> Vec<String> {
            answer.headers().get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
        };
        let (cookies, location) = (of("set-cookie"), of("location").concat());
        for cookie in &cookies {
            let (name, rest) = cookie.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), rest.split(';').next().unwrap().to_owned());
        }
        let (status, headers) = (answer.status().as_u16(), format!("{:?}", answer.headers()));
        // A stream has no end.
        let body = if headers.contains("text/event-stream") { String::new() } else { answer.text().unwrap() };
        Page { status, location, cookies, headers, body }
    }

    /// Tries again until something is so.
    pub(crate) fn until(&mut self, is_so: impl Fn(&mut Self) -> bool) {
        let end = SystemClock.now() + PATIENCE;
        while !is_so(self) {
            assert!(SystemClock.now() < end, "it never is so");
        }
    }
}

/// As a form writes it.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
