//! From what a token claims to a principal.
//!
//! Which claim means what, the settings say. A claim that is there and of another type than its meaning has is an error, never
//! left out: a principal without the attribute that it should have may be allowed more.

use crate::request::{Input, Principal, Properties, insert};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{
        MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use std::{collections::BTreeMap, fmt};

/// Which claim means what: `[auth.jwt.claims]`, `[auth.introspection.claims]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mapping {
    kind: Source,
    id: Source,
    org: Option<Source>,
    tier: Option<Source>,
    roles: Option<Source>,
    attributes: BTreeMap<String, Source>,
}

impl Default for Mapping {
    fn default() -> Self {
        Self {
            kind: Source { value: Some(Constant::Text("user".to_owned())), ..Source::default() },
            id: Source { claim: Some(Path(vec!["sub".to_owned()])), ..Source::default() },
            org: None,
            tier: None,
            roles: None,
            attributes: BTreeMap::new(),
        }
    }
}

/// Where a meaning comes from: the path of a claim, or a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Source {
    claim: Option<Path>,
    /// What holds where the claim is missing.
    default: Option<Constant>,
    /// What always holds.
    value: Option<Constant>,
    /// Where a text falls apart into a list, as `scope` does at spaces.
    split: Option<String>,
}

/// The names on the way to a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Path(Vec<String>);

impl Path {
    fn dotted(text: &str) -> Self {
        Self(text.split('.').map(str::to_owned).collect())
    }

    fn find<'c>(&self, claims: &'c Properties) -> Option<&'c Input> {
        let (last, way) = self.0.split_last()?;
        let mut members = claims;
        for name in way {
            members = members.get(name)?.as_object()?;
        }
        members.get(last).filter(|value| !matches!(value, Input::None | Input::Unknown))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// A path as the settings write it: `a.b`, or `["a", "b"]` where a name has a dot in it.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a path such as `realm_access.roles`, or a list of names")]
enum WrittenPath {
    Dotted(String),
    Names(Vec<String>),
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match WrittenPath::deserialize(deserializer)? {
            WrittenPath::Dotted(text) => Self::dotted(&text),
            WrittenPath::Names(names) => Self(names),
        })
    }
}

/// A value in the settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a text, a whole number, `true`, `false` or a list of texts")]
pub(crate) enum Constant {
    Bool(bool),
    Int(i64),
    Text(String),
    Texts(Vec<String>),
}

impl Constant {
    pub(super) fn input(&self) -> Input {
        match self {
            Self::Bool(value) => Input::Bool(*value),
            Self::Int(value) => Input::Int(*value),
            Self::Text(text) => Input::Text(text.clone()),
            Self::Texts(texts) => texts.clone().into(),
        }
    }
}

/// A source that is a table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    claim: Option<Path>,
    default: Option<Constant>,
    value: Option<Constant>,
    split: Option<String>,
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;
        impl<'de> Visitor<'de> for Written {
            type Value = Source;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the path of a claim, or a table with `claim` (and `default`, `split`) or `value`")
            }

            fn visit_str<E>(self, text: &str) -> Result<Source, E> {
                Ok(Source { claim: Some(Path::dotted(text)), ..Source::default() })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, names: A) -> Result<Source, A::Error> {
                let names = Vec::deserialize(SeqAccessDeserializer::new(names))?;
                Ok(Source { claim: Some(Path(names)), ..Source::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Source, A::Error> {
                let Table { claim, default, value, split } = Table::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Source { claim, default, value, split })
            }
        }
        deserializer.deserialize_any(Written)
    }
}

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// A text that is not empty.
    Text,
    /// A list of texts, or of roles that are held in an organisation.
    Roles,
    /// Whatever the vocabulary may declare.
    Any,
}

/// The longest text that names a principal or its organisation, in bytes.
const LONGEST_NAME: usize = 256;

/// What a mapping is not asked for: it has a key of its own, or only the service knows it.
const NO_ATTRIBUTES: &[&str] = &["id", "kind", "org", "roles", "tier", "granted"];

impl Mapping {
    fn sources(&self) -> impl Iterator<Item = (&str, &Source, Shape)> {
        let named =
            [("org", &self.org, Shape::Text), ("tier", &self.tier, Shape::Text), ("roles", &self.roles, Shape::Roles)];
        let named = named.into_iter().filter_map(|(name, source, shape)| Some((name, source.as_ref()?, shape)));
        named.chain(self.attributes.iter().map(|(name, source)| (name.as_str(), source, Shape::Any)))
    }

    /// Says what cannot be; `key` is what the settings call the mapping.
    pub(super) fn validate(&self, key: &str) -> Result<(), String> {
        for name in self.attributes.keys() {
            if let Some(name) = NO_ATTRIBUTES.iter().find(|own| name.split('.').next() == Some(**own)) {
                return Err(format!("`{key}.attributes`: `{name}` is no attribute that a claim can give here"));
            }
        }
        let own = [("kind", &self.kind, Shape::Text), ("id", &self.id, Shape::Text)];
        for (name, source, shape) in own.into_iter().chain(self.sources()) {
            source.validate(shape).map_err(|wrong| format!("`{key}`: `{name}` {wrong}"))?;
        }
        Ok(())
    }

    /// The principal that claims describe, or what is wrong with them.
    pub(super) fn principal(&self, claims: &Properties) -> Result<Principal, String> {
        let kind = name(&self.kind, "kind", claims)?;
        if kind == "anonymous" {
            return Err("the token stands for `anonymous`, who has no token".to_owned());
        }
        let mut principal = Principal::new(kind, name(&self.id, "id", claims)?);
        for (name, source, shape) in self.sources() {
            if let Some(value) = source.value(shape, claims)? {
                insert(&mut principal.properties, name, value);
            }
        }
        Ok(principal)
    }
}

/// A text that there must be.
fn name(source: &Source, meaning: &str, claims: &Properties) -> Result<String, String> {
    match source.value(Shape::Text, claims)? {
        Some(Input::Text(text)) => Ok(text),
        _ => Err(format!("the token does not say the `{meaning}`: {} is missing", source.shown())),
    }
}

impl Source {
    fn validate(&self, shape: Shape) -> Result<(), &'static str> {
        match self {
            Self { claim: Some(_), value: None, .. } => {}
            Self { claim: None, value: Some(_), default: None, split: None } => {}
            _ => return Err("needs either `claim`, with `default` and `split` where wanted, or `value` alone"),
        }
        let path_is_empty = |path: &Path| path.0.is_empty() || path.0.iter().any(String::is_empty);
        if self.claim.as_ref().is_some_and(path_is_empty) {
            return Err("has a path with an empty name");
        }
        if self.split.as_deref() == Some("") {
            return Err("has an empty `split`");
        }
        if self.split.is_some() && shape == Shape::Text {
            return Err("is one text, and cannot be `split`");
        }
        for constant in [&self.default, &self.value].into_iter().flatten() {
            fit(shape, &constant.input()).map_err(|_| "has a constant of the wrong type")?;
        }
        Ok(())
    }

    fn shown(&self) -> String {
        self.claim.as_ref().map_or("it".to_owned(), |path| format!("the claim `{path}`"))
    }

    /// What it means for these claims; nothing where the claim is missing.
    fn value(&self, shape: Shape, claims: &Properties) -> Result<Option<Input>, String> {
        let found = self.claim.as_ref().and_then(|path| path.find(claims));
        let Some(found) = found else {
            return Ok(self.value.as_ref().or(self.default.as_ref()).map(Constant::input));
        };
        let wrong = |expected: &str| format!("{} must be {expected}", self.shown());
        match (&self.split, found) {
            (Some(at), Input::Text(text)) => {
                let parts: Vec<&str> = text.split(at.as_str()).filter(|part| !part.is_empty()).collect();
                Ok(Some(parts.into()))
            }
            (Some(_), _) => Err(wrong("a text")),
            (None, found) => fit(shape, found).map(|()| Some(found.clone())).map_err(wrong),
        }
    }
}

/// Whether a value has a shape, else what that is.
fn fit(shape: Shape, value: &Input) -> Result<(), &'static str> {
    let is_text = |value: &Input| matches!(value, Input::Text(_));
    let is_role = |value: &Input| match value {
        Input::Text(_) => true,
        Input::Object(members) => {
            members.len() == 2 && ["role", "org"].iter().all(|name| members.get(*name).is_some_and(is_text))
        }
        Input::Unknown | Input::None | Input::Bool(_) | Input::Int(_) | Input::Float(_) | Input::List(_) => false,
    };
    match (shape, value) {
        (Shape::Text, Input::Text(text)) if is_name(text) => Ok(()),
        (Shape::Text, _) => Err("a text that is not empty, not long, and without control characters"),
        (Shape::Roles, Input::List(roles)) if roles.iter().all(is_role) => Ok(()),
        (Shape::Roles, _) => Err("a list of texts"),
        (Shape::Any, Input::Bool(_) | Input::Int(_) | Input::Text(_)) => Ok(()),
        (Shape::Any, Input::List(texts)) if texts.iter().all(is_text) => Ok(()),
        (Shape::Any, _) => Err("a text, a whole number, true or false, or a list of texts"),
    }
}

/// Whether a text can name someone, also in a log.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_NAME && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json;

    fn mapping(toml: &str) -> Mapping {
        toml::from_str(toml).unwrap()
    }

    fn principal(mapping: &Mapping, claims: &str) -> Result<Principal, String> {
        let Ok(Input::Object(claims)) = json::parse(claims) else { panic!("no object: {claims}") };
        mapping.principal(&claims)
    }

    #[test]
    fn who_says_nothing_gets_users_by_their_subject() {
        let found = principal(&Mapping::default(), r#"{"sub": "alice", "roles": ["admin"], "org": "beta"}"#).unwrap();
        assert_eq!(found, Principal::user("alice"), "what is not mapped does not count");
    }

    #[test]
    fn claims_mean_what_the_settings_say() {
        let mapping = mapping(
            r#"
            kind = { claim = "typ", default = "user" }
            id = "preferred_username"
            org = ["https://example.com/org", "name"]
            tier = { claim = "tier", default = "free" }
            roles = "realm_access.roles"
            [attributes]
            clearance = "clearance"
            scopes = { claim = "scope", split = " " }
            "site.name" = { value = "lab" }
            "#,
        );
        assert_eq!(mapping.validate("auth.jwt[0].claims"), Ok(()));
        let found = principal(
            &mapping,
            r#"{"preferred_username": "alice", "https://example.com/org": {"name": "alpha"}, "clearance": 3, "scope": "read  write",
                "realm_access": {"roles": ["researcher", {"role": "lead", "org": "alpha"}]}}"#,
        )
        .unwrap();
        let lead = BTreeMap::from([("role".to_owned(), "lead".into()), ("org".to_owned(), "alpha".into())]);
        let expected = Principal::user("alice")
            .org("alpha")
            .tier("free")
            .roles([Input::from("researcher"), Input::Object(lead)])
            .with("clearance", 3)
            .with("scopes", ["read", "write"])
            .with("site.name", "lab");
        assert_eq!(found, expected);
    }

    #[test]
    fn a_claim_of_the_wrong_type_is_never_left_out() {
        let mapping = mapping("org = \"org\"\ntier = \"tier\"\nroles = \"roles\"\nattributes.level = \"level\"");
        let wrong = |claims: &str| principal(&mapping, claims).unwrap_err();
        assert_eq!(wrong("{}"), "the token does not say the `id`: the claim `sub` is missing");
        assert!(wrong(r#"{"sub": 7}"#).starts_with("the claim `sub` must be a text"));
        assert!(wrong(r#"{"sub": ""}"#).starts_with("the claim `sub` must be a text that is not empty"));
        assert!(wrong(r#"{"sub": "a\nb"}"#).contains("control characters"));
        assert!(wrong(r#"{"sub": "a", "org": ["alpha"]}"#).starts_with("the claim `org` must be a text"));
        assert!(wrong(r#"{"sub": "a", "tier": 3}"#).starts_with("the claim `tier` must be a text"));
        assert_eq!(wrong(r#"{"sub": "a", "roles": "admin"}"#), "the claim `roles` must be a list of texts");
        assert_eq!(wrong(r#"{"sub": "a", "roles": [1]}"#), "the claim `roles` must be a list of texts");
        assert!(wrong(r#"{"sub": "a", "level": 1.5}"#).starts_with("the claim `level` must be a text, a whole number"));
        assert!(wrong(r#"{"sub": "a", "level": {"a": 1}}"#).starts_with("the claim `level` must be"));
        assert!(principal(&mapping, r#"{"sub": "a", "org": null}"#).is_ok(), "null is missing");
    }

    #[test]
    fn nobody_is_anonymous_by_a_token() {
        let wrong = principal(&mapping("kind = \"kind\""), r#"{"sub": "a", "kind": "anonymous"}"#).unwrap_err();
        assert_eq!(wrong, "the token stands for `anonymous`, who has no token");
    }

    #[test]
    fn mappings_that_cannot_be_are_named() {
        let wrong = |toml: &str| mapping(toml).validate("auth.jwt[0].claims").unwrap_err();
        assert_eq!(
            wrong("attributes.granted = \"g\""),
            "`auth.jwt[0].claims.attributes`: `granted` is no attribute that a claim can give here"
        );
        assert!(wrong("id = { claim = \"sub\", value = \"x\" }").contains("`id` needs either `claim`"));
        assert!(wrong("org = { default = \"x\" }").contains("`org` needs either"));
        assert!(wrong("org = \"a..b\"").contains("`org` has a path with an empty name"));
        assert!(wrong("tier = { value = 3 }").contains("`tier` has a constant of the wrong type"));
        assert!(wrong("id = { claim = \"sub\", split = \" \" }").contains("cannot be `split`"));
        assert!(toml::from_str::<Mapping>("rolls = \"roles\"").is_err(), "a misspelt key");
        assert!(toml::from_str::<Mapping>("org = { clam = \"o\" }").is_err(), "a misspelt key of a table");
    }
}
