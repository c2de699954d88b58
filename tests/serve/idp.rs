//! An issuer of tokens for tests: it signs with keys that stand beside it, and tells them over HTTP as an identity provider does.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// A key to sign with.
pub(crate) struct Signer {
    pub(crate) name: &'static str,
    pub(crate) algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    pub(crate) fn rsa() -> Self {
        let key = EncodingKey::from_rsa_pem(include_bytes!("keys/rsa.pem")).unwrap();
        Self { name: "rsa", algorithm: Algorithm::RS256, key }
    }

    pub(crate) fn ec() -> Self {
        let key = EncodingKey::from_ec_pem(include_bytes!("keys/ec.pem")).unwrap();
        Self { name: "ec", algorithm: Algorithm::ES256, key }
    }

    pub(crate) fn ed() -> Self {
        let key = EncodingKey::from_ed_pem(include_bytes!("keys/ed.pem")).unwrap();
        Self { name: "ed", algorithm: Algorithm::EdDSA, key }
    }

    /// A token with these claims, that names this key.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.name.to_owned()), ..Header::new(self.algorithm) };
        encode(&header, claims, &self.key).unwrap()
    }

    /// The public key, as a key set has it.
    pub(crate) fn public(&self) -> Value {
        let mut key = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        key.common.key_id = Some(self.name.to_owned());
        serde_json::to_value(key).unwrap()
    }
}

/// What the issuer tells.
#[derive(Default)]
struct Told {
    /// Whether it answers at all.
    is_down: bool,
    keys: Vec<Value>,
    /// What it knows of tokens that only it understands.
    tokens: BTreeMap<String, Value>,
    /// The paths that it was asked for.
    asked: Vec<String>,
}

/// An issuer that listens.
pub(crate) struct Idp {
    pub(crate) url: String,
    told: Arc<Mutex<Told>>,
}

impl Idp {
    pub(crate) fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let told: Arc<Mutex<Told>> = Arc::default();
        let (issuer, known) = (url.clone(), told.clone());
        thread::spawn(move || socket.incoming().flatten().for_each(|stream| answer(&stream, &issuer, &known)));
        Self { url, told }
    }

    /// Has other keys from now on.
    pub(crate) fn keys(&self, signers: &[&Signer]) {
        self.told.lock().unwrap().keys = signers.iter().map(|signer| signer.public()).collect();
    }

    /// Knows something else of a token from now on.
    pub(crate) fn token(&self, token: &str, about: Value) {
        self.told.lock().unwrap().tokens.insert(token.to_owned(), about);
    }

    /// Is out of order, or in it again.
    pub(crate) fn down(&self, is_down: bool) {
        self.told.lock().unwrap().is_down = is_down;
    }

    /// How often it was asked for a path.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.told.lock().unwrap().asked.iter().filter(|asked| *asked == path).count()
    }
}

/// Answers one request.
fn answer(stream: &TcpStream, issuer: &str, told: &Mutex<Told>) {
    let mut lines = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line == "\r\n" {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let header = |wanted: &str| {
        head.iter().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case(wanted).then(|| value.to_owned())
        })
    };
    let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
    lines.read_exact(&mut body).unwrap();
    let path = head[0].split(' ').nth(1).unwrap().to_owned();
    let mut told = told.lock().unwrap();
    told.asked.push(path.clone());
    let body = String::from_utf8(body).unwrap();
    let is_client = header("authorization").as_deref() == Some("Basic cG9saWN5YzpodW50ZXIy"); // policyc:hunter2
    let (status, answer) = match path.as_str() {
        _ if told.is_down => ("503 Service Unavailable", json!({})),
        "/jwks" => ("200 OK", json!({ "keys": told.keys })),
        "/.well-known/openid-configuration" => {
            ("200 OK", json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/jwks") }))
        }
        "/moved" => ("302 Found\r\nLocation: /jwks", json!({})),
        "/introspect" if is_client => {
            let token = body.strip_prefix("token=").unwrap().split('&').next().unwrap();
            ("200 OK", told.tokens.get(token).cloned().unwrap_or_else(|| json!({ "active": false })))
        }
        _ => ("401 Unauthorized", json!({})),
    };
    let answer = answer.to_string();
    let length = answer.len();
    let mut stream = stream;
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}"
    );
}
