//! A request: who asks to do what with what, under which circumstances.
//!
//! It is what a caller claims, not yet checked against a policy set's vocabulary; an [`Engine`](crate::Engine) does that
//! and refuses what does not fit.

use chrono::{DateTime, Utc};
use std::{collections::BTreeMap, net::IpAddr};

/// A value as a caller gives it.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Not known, even where the vocabulary has a default.
    Unknown,
    /// Known to have no value (JSON `null`).
    None,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number that is not a whole one; never fits.
    Float(f64),
    /// A text; also an address, an instant, a tier, a constant of an enumeration.
    Text(String),
    /// Several values.
    List(Vec<Input>),
    /// Named values: nested attributes, or a role held in one organisation.
    Object(BTreeMap<String, Input>),
}

impl Input {
    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The members, if it is an object.
    #[must_use]
    pub const fn as_object(&self) -> Option<&BTreeMap<String, Self>> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }
}

impl From<bool> for Input {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Input {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Input {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Input {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<IpAddr> for Input {
    fn from(value: IpAddr) -> Self {
        Self::Text(value.to_string())
    }
}

impl From<DateTime<Utc>> for Input {
    fn from(value: DateTime<Utc>) -> Self {
        Self::Text(value.to_rfc3339())
    }
}

impl<T: Into<Input>> From<Vec<T>> for Input {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Input>, const N: usize> From<[T; N]> for Input {
    fn from(values: [T; N]) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Input>> From<Option<T>> for Input {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

/// A value as a caller gives it, borrowed and of a definite type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Given<'a> {
    /// Not known, even where the vocabulary has a default.
    Unknown,
    /// Known to have no value.
    None,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text; also an address, an instant, a tier, a constant of an enumeration.
    Text(&'a str),
    /// A set of texts, or roles that are held everywhere.
    Texts(&'a [&'a str]),
    /// Roles, each with the organisation that it is held in; `None` holds everywhere.
    Roles(&'a [(&'a str, Option<&'a str>)]),
    /// An address.
    Ip(IpAddr),
    /// An instant.
    Time(DateTime<Utc>),
    /// Something that fits no attribute: a number that is not a whole one, an object, a list of other things than texts.
    Unfit,
}

macro_rules! given {
    ($($ty:ty => $variant:ident),* $(,)?) => {$(
        impl<'a> From<$ty> for Given<'a> {
            fn from(value: $ty) -> Self {
                Self::$variant(value)
            }
        }
    )*};
}
given! {
    bool => Bool,
    i64 => Int,
    &'a str => Text,
    &'a [&'a str] => Texts,
    &'a [(&'a str, Option<&'a str>)] => Roles,
    IpAddr => Ip,
    DateTime<Utc> => Time,
}

impl<'a, const N: usize> From<&'a [&'a str; N]> for Given<'a> {
    fn from(texts: &'a [&'a str; N]) -> Self {
        Self::Texts(texts)
    }
}

/// Values by name.
pub type Properties = BTreeMap<String, Input>;

/// Who asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Principal {
    /// The kind: `user`, `service`, `key`, `agent`, `anonymous` or one that the vocabulary declares.
    pub kind: String,
    /// The id; only `anonymous` has none.
    pub id: Option<String>,
    /// Its attributes: `roles`, `org`, `tier`, `granted`, and those that the vocabulary declares.
    pub properties: Properties,
}

impl Principal {
    /// A principal of any kind.
    #[must_use]
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Self { kind: kind.into(), id: Some(id.into()), properties: Properties::new() }
    }

    /// A user.
    #[must_use]
    pub fn user(id: impl Into<String>) -> Self {
        Self::new("user", id)
    }

    /// A service account.
    #[must_use]
    pub fn service(id: impl Into<String>) -> Self {
        Self::new("service", id)
    }

    /// An API key.
    #[must_use]
    pub fn key(id: impl Into<String>) -> Self {
        Self::new("key", id)
    }

    /// Nobody in particular: no roles, no organisation, the lowest tier.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { kind: "anonymous".to_owned(), id: None, properties: Properties::new() }
    }

    /// With an attribute; a dotted name makes a nested one.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Input>) -> Self {
        insert(&mut self.properties, name, value.into());
        self
    }

    /// With roles held everywhere.
    #[must_use]
    pub fn roles<R: Into<Input>>(self, roles: impl IntoIterator<Item = R>) -> Self {
        self.with("roles", roles.into_iter().map(Into::into).collect::<Vec<Input>>())
    }

    /// With an organisation.
    #[must_use]
    pub fn org(self, org: &str) -> Self {
        self.with("org", org)
    }

    /// With a tier.
    #[must_use]
    pub fn tier(self, tier: &str) -> Self {
        self.with("tier", tier)
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// The kind: `model`, `dataset`, `space` or one that the vocabulary declares.
    pub kind: String,
    /// The id.
    pub id: String,
    /// Its attributes, as far as the policy set does not declare them.
    pub properties: Properties,
}

impl Resource {
    /// A resource of any kind.
    #[must_use]
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Self { kind: kind.into(), id: id.into(), properties: Properties::new() }
    }

    /// A model.
    #[must_use]
    pub fn model(id: impl Into<String>) -> Self {
        Self::new("model", id)
    }

    /// With an attribute; a dotted name makes a nested one.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Input>) -> Self {
        insert(&mut self.properties, name, value.into());
        self
    }
}

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Who asks.
    pub principal: Principal,
    /// What is asked.
    pub action: String,
    /// Attributes of the action.
    pub action_properties: Properties,
    /// What is asked for.
    pub resource: Resource,
    /// The circumstances: `ip`, `time`, `degraded`, and what the vocabulary declares.
    pub context: Properties,
}

impl Request {
    /// May `principal` do `action` with `resource`?
    #[must_use]
    pub fn new(principal: Principal, action: impl Into<String>, resource: Resource) -> Self {
        Self {
            principal,
            action: action.into(),
            action_properties: Properties::new(),
            resource,
            context: Properties::new(),
        }
    }

    /// With a circumstance; a dotted name makes a nested one.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Input>) -> Self {
        insert(&mut self.context, name, value.into());
        self
    }

    /// From an address.
    #[must_use]
    pub fn ip(self, ip: IpAddr) -> Self {
        self.with("ip", ip)
    }

    /// At an instant.
    #[must_use]
    pub fn time(self, time: DateTime<Utc>) -> Self {
        self.with("time", time)
    }
}

/// Puts a value at a dotted name, making the objects on the way.
pub(crate) fn insert(properties: &mut Properties, name: &str, value: Input) {
    match name.split_once('.') {
        None => {
            properties.insert(name.to_owned(), value);
        }
        Some((first, rest)) => {
            let entry = properties.entry(first.to_owned()).or_insert_with(|| Input::Object(BTreeMap::new()));
            if !matches!(entry, Input::Object(_)) {
                *entry = Input::Object(BTreeMap::new());
            }
            if let Input::Object(inner) = entry {
                insert(inner, rest, value);
            }
        }
    }
}

/// Why a request was not decided: it is malformed, or does not fit the vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong, in words.
    pub error: String,
    /// Where in the request: a JSON pointer such as `/context/ip`; empty for the whole.
    pub at: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.at.is_empty() { f.write_str(&self.error) } else { write!(f, "{}: {}", self.at, self.error) }
    }
}

impl std::error::Error for Refusal {}
