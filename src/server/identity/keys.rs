//! API keys: texts that whoever holds them shows, kept as keyed hashes alone.
//!
//! A key is `pk_ID_SECRET`. The id finds its entry; whether the whole is the key, its hash says, compared in constant time. A
//! key that is not proved learns nothing of its entry.

use super::{
    claims::{Constant, is_name},
    credential::KEY_PREFIX,
    refusal::Unauthenticated,
    secret::Secret,
};
use crate::{
    request::{Input, Principal, insert},
    server::settings::Faulty,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use hmac::Mac;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fs, net::IpAddr, path::Path};

/// A file of keys, as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    key: Vec<Entry>,
}

/// One key, as it is written: in a file, or in a managed document.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) hash: String,
    /// The hash of the secret before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) previous_hash: Option<String>,
    /// Until when that secret holds, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) previous_until: Option<String>,
    /// For whom it stands; none: for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) principal: Option<Named>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) roles: Vec<Held>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) org: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tier: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) attributes: BTreeMap<String, Constant>,
    /// Where it may be used from; none: from anywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) networks: Vec<IpNet>,
    /// Until when, as RFC 3339 writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<String>,
    #[serde(default = "enabled")]
    pub(crate) enabled: bool,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
}

const fn enabled() -> bool {
    true
}

/// A principal, as a key names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    pub(crate) kind: String,
    pub(crate) id: String,
}

/// A role, as a key has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a role, or `{ role = \"…\", org = \"…\" }`")]
pub(crate) enum Held {
    Everywhere(String),
    Within { role: String, org: String },
}

/// A key that may be shown.
#[derive(Debug)]
pub(super) struct Key {
    hash: Vec<u8>,
    /// The secret before, and until when it holds.
    previous: Option<(Vec<u8>, DateTime<Utc>)>,
    principal: Principal,
    networks: Vec<IpNet>,
    expires: Option<DateTime<Utc>>,
    is_enabled: bool,
}

/// All keys, by their ids.
#[derive(Debug, Default)]
pub(super) struct Keys(BTreeMap<String, Key>);

/// How a hash begins: what it is.
const HASH_PREFIX: &str = "hmac-sha256:";
/// How many bytes a hash has.
const HASH_BYTES: usize = 32;
/// The longest id of a key.
const LONGEST_ID: usize = 64;

impl Keys {
    /// Reads a file of keys: JSON if its name says so, else TOML.
    pub(super) fn read(file: &Path) -> Result<Self, Faulty> {
        let name = file.display();
        let faulty = |wrong: &str| Faulty(format!("`auth.keys`: {name}: {wrong}"));
        let text = fs::read_to_string(file).map_err(|error| faulty(&error.to_string()))?;
        let written: File = if file.extension().is_some_and(|extension| extension == "json") {
            serde_json::from_str(&text).map_err(|error| faulty(&error.to_string()))?
        } else {
            toml::from_str(&text).map_err(|error| faulty(error.message()))?
        };
        let mut keys = BTreeMap::new();
        for entry in written.key {
            let id = entry.id.clone();
            let key = entry.key().map_err(|wrong| faulty(&format!("the key `{id}` {wrong}")))?;
            if keys.insert(id.clone(), key).is_some() {
                return Err(faulty(&format!("the key `{id}` is there twice")));
            }
        }
        Ok(Self(keys))
    }

    /// A key by its id.
    pub(super) fn get(&self, id: &str) -> Option<&Key> {
        self.0.get(id)
    }
}

/// The id in the text of a key.
pub(super) fn id(text: &str) -> Option<&str> {
    text.strip_prefix(KEY_PREFIX)?.split_once('_').map(|(id, _)| id)
}

impl Key {
    /// For whom it stands, where this text that is shown from an address is the key.
    ///
    /// # Errors
    /// It is another, or may not be used so.
    pub(super) fn prove(
        &self,
        text: &str,
        secret: &Secret,
        from: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<Principal, Unauthenticated> {
        let is = |hash: &[u8]| secret.keyed_hash().chain_update(text).verify_slice(hash).is_ok();
        let before = self.previous.as_ref().filter(|(_, until)| now < *until);
        if !is(&self.hash) && !before.is_some_and(|(hash, _)| is(hash)) {
            return Err(unknown());
        }
        if !self.is_enabled {
            return Err(Unauthenticated::invalid("the API key is disabled"));
        }
        if self.expires.is_some_and(|end| end <= now) {
            return Err(Unauthenticated::expired("the API key has expired"));
        }
        if !self.networks.is_empty() && !self.networks.iter().any(|network| network.contains(&from)) {
            return Err(Unauthenticated::invalid("the API key may not be used from this address"));
        }
        Ok(self.principal.clone())
    }
}

/// The refusal of a key of which nothing is told.
pub(super) fn unknown() -> Unauthenticated {
    Unauthenticated::invalid("the API key is not known")
}

/// The bytes of a hash as it is written.
fn hash(text: &str) -> Option<Vec<u8>> {
    let hash = text.strip_prefix(HASH_PREFIX).and_then(|hash| URL_SAFE_NO_PAD.decode(hash).ok());
    hash.filter(|hash| hash.len() == HASH_BYTES)
}

/// An instant as RFC 3339 writes it; none where there is no text.
fn instant(name: &str, text: Option<&str>) -> Result<Option<DateTime<Utc>>, String> {
    let instant = text.map(str::parse::<DateTime<Utc>>).transpose();
    instant.map_err(|_| format!("needs an instant as `{name}`, such as \"2027-01-31T00:00:00Z\""))
}

impl Entry {
    /// For whom it stands.
    ///
    /// # Errors
    /// It can be no key.
    pub(crate) fn principal(&self) -> Result<Principal, String> {
        self.clone().key().map(|key| key.principal)
    }

    /// The key that it stands for.
    ///
    /// # Errors
    /// It can be none.
    pub(super) fn key(self) -> Result<Key, String> {
        if !is_id(&self.id) {
            return Err(format!("needs an id of at most {LONGEST_ID} small letters, digits and `-`"));
        }
        let current = hash(&self.hash).ok_or("needs a `hash` as `policyc serve --new-key` prints it")?;
        let before = self.previous_hash.as_deref().and_then(hash);
        let previous = before.zip(instant("previous_until", self.previous_until.as_deref())?);
        let expires = instant("expires", self.expires.as_deref())?;
        let principal = self.principal.unwrap_or(Named { kind: "key".to_owned(), id: self.id });
        if principal.kind == "anonymous" || !is_name(&principal.kind) || !is_name(&principal.id) {
            return Err("needs a `principal` with a kind and an id, and not `anonymous`".to_owned());
        }
        let mut principal = Principal::new(principal.kind, principal.id);
        if !self.roles.is_empty() {
            principal = principal.roles(self.roles.into_iter().map(Held::input));
        }
        for (name, value) in [("org", self.org), ("tier", self.tier)] {
            if let Some(value) = value {
                principal = principal.with(name, value);
            }
        }
        for (name, value) in &self.attributes {
            if matches!(name.as_str(), "granted" | "roles" | "org" | "tier") {
                return Err(format!("cannot have `{name}` among its attributes"));
            }
            insert(&mut principal.properties, name, value.input());
        }
        Ok(Key { hash: current, previous, principal, networks: self.networks, expires, is_enabled: self.enabled })
    }
}

impl Held {
    fn input(self) -> Input {
        match self {
            Self::Everywhere(role) => Input::Text(role),
            Self::Within { role, org } => {
                Input::Object(BTreeMap::from([("role".to_owned(), role.into()), ("org".to_owned(), org.into())]))
            }
        }
    }
}

/// A new key: the text that is shown once, and its entry for the file.
pub(super) fn make(id: &str, secret: &Secret) -> Result<(String, String), Faulty> {
    if !is_id(id) {
        return Err(Faulty(format!("the id of a key has at most {LONGEST_ID} small letters, digits and `-`")));
    }
    let (text, hash) = text(id, secret)?;
    Ok((text, format!("[[key]]\nid = \"{id}\"\nhash = \"{hash}\"\n")))
}

/// A text that nobody can guess, as the key of an id, and its hash as it is written.
pub(super) fn text(id: &str, secret: &Secret) -> Result<(String, String), Faulty> {
    let text = format!("{KEY_PREFIX}{id}_{}", URL_SAFE_NO_PAD.encode(Secret::random()?.expose()));
    let hash = URL_SAFE_NO_PAD.encode(secret.keyed_hash().chain_update(&text).finalize().into_bytes());
    Ok((text, format!("{HASH_PREFIX}{hash}")))
}

fn is_id(id: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Given {
        folder: tempfile::TempDir,
        secret: Secret,
        key: String,
        entry: String,
    }

    fn given() -> Given {
        let secret = Secret::new(vec![7; 32]);
        let (key, entry) = make("ci", &secret).unwrap();
        Given { folder: tempfile::tempdir().unwrap(), secret, key, entry }
    }

    impl Given {
        fn keys(&self, more: &str) -> Result<Keys, Faulty> {
            let file = self.folder.path().join("keys.toml");
            fs::write(&file, format!("{}{more}", self.entry)).unwrap();
            Keys::read(&file)
        }

        fn prove(&self, more: &str, key: &str) -> Result<Principal, String> {
            let now = "2026-11-27T12:00:00Z".parse().unwrap();
            let keys = self.keys(more).unwrap();
            let known = id(key).and_then(|id| keys.get(id)).ok_or_else(|| unknown().message)?;
            known.prove(key, &self.secret, IpAddr::from([10, 1, 2, 3]), now).map_err(|refusal| refusal.message)
        }
    }

    #[test]
    fn a_key_stands_for_itself_or_for_whom_it_names() {
        let given = given();
        assert_eq!(given.prove("", &given.key).unwrap(), Principal::key("ci"));
        let more = r#"
principal = { kind = "user", id = "alice" }
roles = ["researcher", { role = "lead", org = "alpha" }]
org = "alpha"
tier = "seed"
attributes = { level = 3 }
networks = ["10.0.0.0/8"]
expires = "2026-11-27T12:00:01Z"
"#;
        let lead = BTreeMap::from([("role".to_owned(), "lead".into()), ("org".to_owned(), "alpha".into())]);
        let expected = Principal::user("alice")
            .roles([Input::from("researcher"), Input::Object(lead)])
            .org("alpha")
            .tier("seed")
            .with("level", 3);
        assert_eq!(given.prove(more, &given.key).unwrap(), expected);
    }

    #[test]
    fn a_key_that_may_not_be_used_says_why_to_its_holder_alone() {
        let given = given();
        let refused = |more: &str| given.prove(more, &given.key).unwrap_err();
        assert_eq!(refused("enabled = false"), "the API key is disabled");
        assert_eq!(refused("expires = \"2026-11-27T12:00:00Z\""), "the API key has expired");
        assert_eq!(refused("networks = [\"192.0.2.0/24\"]"), "the API key may not be used from this address");
        let (forged, _) = make("ci", &given.secret).unwrap();
        let (other, _) = make("cd", &given.secret).unwrap();
        let cut = given.key.strip_suffix(|_: char| true).unwrap();
        for key in [forged.as_str(), &other, cut, "pk_", "pk_ci", "pk_ci_", "pk__x"] {
            assert_eq!(given.prove("enabled = false", key).unwrap_err(), "the API key is not known", "{key}");
        }
        let another = Given { secret: Secret::new(vec![8; 32]), ..given };
        assert_eq!(another.prove("", &another.key).unwrap_err(), "the API key is not known", "another server's secret");
    }

    #[test]
    fn files_that_cannot_be_are_named() {
        let given = given();
        let wrong = |more: &str| given.keys(more).unwrap_err().to_string();
        assert!(wrong(&given.entry).ends_with("the key `ci` is there twice"));
        assert!(wrong("rolls = []").contains("unknown field `rolls`"));
        assert!(wrong("principal = { kind = \"anonymous\", id = \"x\" }").contains("not `anonymous`"));
        assert!(wrong("attributes = { granted = true }").contains("cannot have `granted`"));
        assert!(wrong("[[key]]\nid = \"A\"\nhash = \"\"").contains("the key `A` needs an id"));
        assert!(wrong("[[key]]\nid = \"a\"\nhash = \"sha256:abc\"").contains("the key `a` needs a `hash`"));
        assert!(
            Keys::read(Path::new("nowhere.toml")).unwrap_err().to_string().starts_with("`auth.keys`: nowhere.toml:")
        );
    }

    #[test]
    fn keys_may_be_in_json() {
        let given = given();
        let hash = given.entry.split('"').nth(3).unwrap();
        let file = given.folder.path().join("keys.json");
        fs::write(
            &file,
            format!(r#"{{"key": [{{"id": "ci", "hash": "{hash}", "expires": "2027-01-01T00:00:00Z"}}]}}"#),
        )
        .unwrap();
        assert_eq!(Keys::read(&file).unwrap().0.len(), 1);
    }
}
