//! What the gateway is told: `[gateway]` in the settings. Every key stands in `docs/serve/gateway.md`.

use super::headers;
use crate::{check::vocabulary::Vocabulary, glob::Glob, server::settings::Faulty};
use ::http::HeaderName;
use reqwest::Url;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

/// The gateway before models: `[gateway]`. Without an upstream there is none.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Who answers: the first that serves a model.
    #[serde(rename = "upstream")]
    pub upstreams: Vec<Upstream>,
    /// Other names of models.
    pub aliases: BTreeMap<String, String>,
    /// What becomes of a model that the policy set does not declare.
    pub undeclared: Undeclared,
    /// What a route asks the policies for.
    pub actions: Actions,
    /// How tokens are counted.
    pub tokens: Tokens,
    /// What upstreams are told about a request, by which headers.
    pub headers: Headers,
    /// The duties that the record of a decision fulfils.
    pub recorded: Vec<String>,
    /// How many bytes a body may be.
    pub body_bytes: usize,
    /// In how many seconds an upstream must take a connection.
    pub connect_seconds: u64,
    /// How many seconds an upstream may be silent.
    pub wait_seconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            upstreams: Vec::new(),
            aliases: BTreeMap::new(),
            undeclared: Undeclared::default(),
            actions: Actions::default(),
            tokens: Tokens::default(),
            headers: Headers::default(),
            recorded: vec!["log".to_owned()],
            body_bytes: 32 * 1024 * 1024,
            connect_seconds: 10,
            wait_seconds: 600,
        }
    }
}

/// A server of models: `[[gateway.upstream]]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Upstream {
    /// How it is called in answers and logs.
    pub name: String,
    /// Where it is, without `/v1`.
    pub url: String,
    /// Patterns of the models that it serves; none: all.
    pub models: Vec<String>,
    /// A file with the key that is sent to it.
    pub key_file: Option<PathBuf>,
    /// An environment variable with that key.
    pub key_env: Option<String>,
    /// Whether it is sent the client's own `Authorization` instead.
    pub pass_authorization: bool,
    /// Whether plain HTTP may be spoken with it beyond loopback.
    pub insecure: bool,
    /// The duties that it carries out.
    pub obligations: Vec<String>,
}

/// What becomes of a model that the policy set does not declare.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Undeclared {
    /// There is no such model.
    #[default]
    Refuse,
    /// The policies decide.
    Decide,
}

/// What each route asks the policies for: `[gateway.actions]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Actions {
    /// `/v1/chat/completions`.
    pub chat: String,
    /// `/v1/completions`.
    pub completions: String,
    /// `/v1/embeddings`.
    pub embeddings: String,
    /// `/v1/responses`.
    pub responses: String,
    /// `/v1/images/generations`.
    pub images: String,
    /// `/v1/audio/…`.
    pub audio: String,
    /// `/v1/models/{model}/infer` and `/infer/`.
    pub infer: String,
    /// What a caller must be allowed for a model to be listed.
    pub models: String,
}

impl Default for Actions {
    fn default() -> Self {
        let infer = || "infer".to_owned();
        Self {
            chat: infer(),
            completions: infer(),
            embeddings: infer(),
            responses: infer(),
            images: infer(),
            audio: infer(),
            infer: infer(),
            models: infer(),
        }
    }
}

impl Actions {
    /// All that are asked for.
    pub(in crate::server) fn names(&self) -> impl Iterator<Item = &str> {
        self.all().into_iter().map(|(_, action)| action)
    }

    /// All, by their keys.
    fn all(&self) -> [(&'static str, &str); 8] {
        [
            ("chat", &self.chat),
            ("completions", &self.completions),
            ("embeddings", &self.embeddings),
            ("responses", &self.responses),
            ("images", &self.images),
            ("audio", &self.audio),
            ("infer", &self.infer),
            ("models", &self.models),
        ]
    }
}

/// How tokens are counted before they are known: `[gateway.tokens]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Tokens {
    /// The attribute of the context that limits count by.
    pub attribute: String,
    /// How many bytes of a body are reckoned as one token.
    pub bytes_per_token: u64,
    /// What an attachment is reckoned as: a `data:` URL, or a file.
    pub attachment: u64,
    /// What an answer is reckoned as whose request sets no maximum.
    pub output: u64,
}

impl Default for Tokens {
    fn default() -> Self {
        Self { attribute: "tokens".to_owned(), bytes_per_token: 4, attachment: 1_024, output: 1_024 }
    }
}

/// By which headers upstreams are told about a request: `[gateway.headers]`. What a client sends under these names is not
/// handed on.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Headers {
    /// Who asks: `user:alice`, or `anonymous`.
    pub principal: String,
    /// Its organisation.
    pub org: String,
    /// Its tier.
    pub tier: String,
    /// The rule that allowed the request.
    pub rule: String,
    /// The duties that the upstream carries out.
    pub obligation: String,
}

impl Default for Headers {
    fn default() -> Self {
        Self {
            principal: "x-policy-principal".to_owned(),
            org: "x-policy-org".to_owned(),
            tier: "x-policy-tier".to_owned(),
            rule: "x-policy-rule".to_owned(),
            obligation: "x-policy-obligation".to_owned(),
        }
    }
}

impl Headers {
    /// All, by their keys.
    pub(super) fn all(&self) -> [(&'static str, &str); 5] {
        [
            ("principal", &self.principal),
            ("org", &self.org),
            ("tier", &self.tier),
            ("rule", &self.rule),
            ("obligation", &self.obligation),
        ]
    }
}

impl FromStr for Upstream {
    type Err = Faulty;

    /// Reads `NAME=URL`: an upstream that serves all models.
    fn from_str(text: &str) -> Result<Self, Faulty> {
        let Some((name, url)) = text.split_once('=') else {
            return Err(Faulty(format!("an upstream is said as `NAME=URL`, and `{text}` is not")));
        };
        Ok(Self { name: name.to_owned(), url: url.to_owned(), ..Self::default() })
    }
}

impl Settings {
    /// Makes paths relative to the settings' folder.
    pub(in crate::server) fn paths(&mut self, below: impl Fn(&Path) -> PathBuf) {
        for file in self.upstreams.iter_mut().filter_map(|upstream| upstream.key_file.as_mut()) {
            *file = below(file);
        }
    }

    pub(in crate::server) fn validate(&self) -> Result<(), Faulty> {
        let mut names = BTreeSet::new();
        for upstream in &self.upstreams {
            upstream.validate()?;
            if !names.insert(&upstream.name) {
                return Err(Faulty(format!("two upstreams are called `{}`", upstream.name)));
            }
        }
        for (alias, model) in &self.aliases {
            if alias.is_empty() || model.is_empty() {
                return Err(Faulty("`gateway.aliases` has an empty name".to_owned()));
            }
            if self.aliases.contains_key(model) {
                return Err(Faulty(format!(
                    "`gateway.aliases`: `{alias}` stands for `{model}`, which is an alias too"
                )));
            }
        }
        for (key, name) in self.headers.all() {
            let name = HeaderName::from_str(name)
                .map_err(|_| Faulty(format!("`gateway.headers.{key}`: `{name}` is no name of a header")))?;
            if headers::is_of_the_connection(&name) || headers::OF_REQUESTS.contains(&name) {
                return Err(Faulty(format!("`gateway.headers.{key}`: `{name}` has a meaning of its own")));
            }
        }
        if self.tokens.bytes_per_token == 0 {
            return Err(Faulty("`gateway.tokens.bytes_per_token` is at least 1".to_owned()));
        }
        Ok(())
    }

    /// Says what cannot be in the files that hold upstreams' keys.
    pub(in crate::server) fn check(&self) -> Result<(), Faulty> {
        self.upstreams.iter().try_for_each(|upstream| upstream.key().map(drop))
    }

    /// Whether the policy set knows what the routes ask for.
    pub(in crate::server) fn suit(&self, vocabulary: &Vocabulary) -> Result<(), Faulty> {
        if self.upstreams.is_empty() {
            return Ok(());
        }
        match self.actions.all().into_iter().find(|(_, action)| !vocabulary.action_ids.contains_key(*action)) {
            None => Ok(()),
            Some((key, action)) => {
                Err(Faulty(format!("`gateway.actions.{key}` is `{action}`, and the policy set knows no such action")))
            }
        }
    }
}

impl Upstream {
    fn validate(&self) -> Result<(), Faulty> {
        let Self { name, .. } = self;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return Err(Faulty(format!("an upstream has a name of letters, digits, `-`, `_` and `.`, not `{name}`")));
        }
        if self.key_file.is_some() && self.key_env.is_some() {
            return Err(Faulty(format!("upstream `{name}`: its key is in a file or in the environment, not in both")));
        }
        if self.pass_authorization && (self.key_file.is_some() || self.key_env.is_some()) {
            return Err(Faulty(format!("upstream `{name}`: it gets its own key or the client's, not both")));
        }
        self.base()?;
        self.globs()?;
        Ok(())
    }

    /// Where it is, without the slash and the `/v1` that an address of OpenAI's clients ends with.
    pub(super) fn base(&self) -> Result<String, Faulty> {
        let Self { name, url, .. } = self;
        let parsed = Url::parse(url).map_err(|error| Faulty(format!("upstream `{name}`: `{url}`: {error}")))?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(Faulty(format!(
                "upstream `{name}`: a key is said by `key_file` or `key_env`, not in the address"
            )));
        }
        if parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(Faulty(format!("upstream `{name}`: an address ends with its path")));
        }
        let host = parsed.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let is_loopback = host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback());
        match parsed.scheme() {
            "https" => {}
            "http" if is_loopback || self.insecure => {}
            "http" => {
                return Err(Faulty(format!(
                    "upstream `{name}`: `{url}` sends keys and prompts in the clear: write `https`, or `insecure = true` \
                     where the network sees to it"
                )));
            }
            scheme => return Err(Faulty(format!("upstream `{name}`: `{scheme}` is not spoken, only https and http"))),
        }
        let base = parsed.as_str().trim_end_matches('/');
        Ok(base.strip_suffix("/v1").unwrap_or(base).to_owned())
    }

    /// The patterns of its models.
    pub(super) fn globs(&self) -> Result<Vec<Glob>, Faulty> {
        let glob = |pattern: &String| {
            Glob::resource(pattern)
                .map_err(|error| Faulty(format!("upstream `{}`: model `{pattern}`: {error}", self.name)))
        };
        self.models.iter().map(glob).collect()
    }

    /// The key that is sent to it.
    pub(super) fn key(&self) -> Result<Option<String>, Faulty> {
        let Self { name, .. } = self;
        let key = match (&self.key_file, &self.key_env) {
            (Some(file), _) => std::fs::read_to_string(file)
                .map_err(|error| Faulty(format!("upstream `{name}`: cannot read `{}`: {error}", file.display())))?,
            (None, Some(variable)) => std::env::var(variable)
                .map_err(|_| Faulty(format!("upstream `{name}`: there is no `{variable}` in the environment")))?,
            (None, None) => return Ok(None),
        };
        let key = key.trim();
        if key.is_empty() {
            return Err(Faulty(format!("upstream `{name}`: its key is empty")));
        }
        Ok(Some(key.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Settings, Upstream};

    #[test]
    fn an_upstream_is_spoken_with_safely() {
        let base = |text: &str| text.parse::<Upstream>().and_then(|upstream| upstream.base()).map_err(|error| error.0);
        assert_eq!(base("a=https://models.example.com/v1/").unwrap(), "https://models.example.com");
        assert_eq!(base("a=http://127.0.0.1:8000").unwrap(), "http://127.0.0.1:8000");
        assert_eq!(base("a=http://[::1]:8000/openai/v1").unwrap(), "http://[::1]:8000/openai");
        assert_eq!(base("a=http://localhost:1/x").unwrap(), "http://localhost:1/x");
        for wrong in
            ["a", "a=", "a=http://10.0.0.7:8000", "a=ftp://x", "a=https://u:p@x", "a=https://x?y", "a=https://x#y"]
        {
            assert!(base(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_is_said() {
        let said = |text: &str| {
            let settings: Settings = serde_json::from_str(text).unwrap();
            settings.validate().map_err(|faulty| faulty.0).unwrap_err()
        };
        let upstream = |more: &str| said(&format!(r#"{{"upstream": [{{"name": "a", "url": "https://x"{more}}}]}}"#));
        insta::assert_snapshot!(
            [
                said(r#"{"upstream": [{"name": "a b"}]}"#),
                upstream(r#"}, {"name": "a", "url": "https://y""#),
                said(r#"{"upstream": [{"name": "a", "url": "http://models"}]}"#),
                upstream(r#", "key_env": "A", "key_file": "b""#),
                upstream(r#", "key_env": "A", "pass_authorization": true"#),
                upstream(r#", "models": ["x\\y"]"#),
                said(r#"{"aliases": {"a": "b", "b": "c"}}"#),
                said(r#"{"headers": {"org": "connection"}}"#),
                said(r#"{"headers": {"org": "x y"}}"#),
                said(r#"{"tokens": {"bytes_per_token": 0}}"#),
            ]
            .join("\n"),
            @r"
        an upstream has a name of letters, digits, `-`, `_` and `.`, not `a b`
        two upstreams are called `a`
        upstream `a`: `http://models` sends keys and prompts in the clear: write `https`, or `insecure = true` where the network sees to it
        upstream `a`: its key is in a file or in the environment, not in both
        upstream `a`: it gets its own key or the client's, not both
        upstream `a`: model `x\y`: a backslash must be followed by `*`, `?` or `\`
        `gateway.aliases`: `a` stands for `b`, which is an alias too
        `gateway.headers.org`: `connection` has a meaning of its own
        `gateway.headers.org`: `x y` is no name of a header
        `gateway.tokens.bytes_per_token` is at least 1
        "
        );
    }
}
