//! What a managed document is: its key, what it says, and since when.

use super::project::Project;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;
use std::{collections::BTreeMap, fmt};
use uuid::Uuid;

/// What a document is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// A resource that was registered, and how it is gated.
    Resource,
    /// A model's access-control list.
    Acl,
    /// What one user may do with one model.
    Grant,
    /// One principal's request for access to one resource, and what became of it.
    Access,
    /// An API key.
    ApiKey,
    /// A change that waits for its confirmation.
    Proposal,
    /// What the members of a project may not use, and how much of the rest.
    Project,
}

impl Kind {
    const ALL: [Self; 7] =
        [Self::Resource, Self::Acl, Self::Grant, Self::Access, Self::ApiKey, Self::Proposal, Self::Project];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Acl => "acl",
            Self::Grant => "grant",
            Self::Access => "access",
            Self::ApiKey => "api-key",
            Self::Proposal => "proposal",
            Self::Project => "project",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether documents of this kind say something of requests.
    pub(super) const fn is_fact(self) -> bool {
        match self {
            Self::Resource | Self::Access => true,
            Self::Acl | Self::Grant | Self::ApiKey | Self::Proposal | Self::Project => false,
        }
    }

    /// Whether documents of this kind are policy.
    pub(super) const fn is_policy(self) -> bool {
        match self {
            Self::Resource | Self::Acl | Self::Grant | Self::Project => true,
            Self::Access | Self::ApiKey | Self::Proposal => false,
        }
    }

    /// Whether a document of this kind governs many resources. Such documents only prohibit.
    pub(super) const fn is_wide(self) -> bool {
        match self {
            Self::Project => true,
            Self::Resource | Self::Acl | Self::Grant | Self::Access | Self::ApiKey | Self::Proposal => false,
        }
    }
}

/// Which document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) kind: Kind,
    /// What it governs: a resource as `KIND ID`, a project as `project ID`, or the id of a key or proposal.
    pub(crate) of: String,
    /// For whom, as `KIND ID`; empty where it is for all.
    pub(crate) part: String,
}

impl Key {
    pub(crate) fn resource(kind: &str, id: &str) -> Self {
        Self { kind: Kind::Resource, of: entity(kind, id), part: String::new() }
    }

    pub(crate) fn acl(model: &str) -> Self {
        Self { kind: Kind::Acl, of: entity("model", model), part: String::new() }
    }

    pub(crate) fn grant(model: &str, user: &str) -> Self {
        Self { kind: Kind::Grant, of: entity("model", model), part: entity("user", user) }
    }

    pub(crate) fn access(resource: (&str, &str), principal: (&str, &str)) -> Self {
        Self { kind: Kind::Access, of: entity(resource.0, resource.1), part: entity(principal.0, principal.1) }
    }

    pub(crate) fn api_key(id: &str) -> Self {
        Self { kind: Kind::ApiKey, of: id.to_owned(), part: String::new() }
    }

    pub(crate) fn proposal(digest: &str) -> Self {
        Self { kind: Kind::Proposal, of: digest.to_owned(), part: String::new() }
    }

    pub(crate) fn project(id: &str) -> Self {
        Self { kind: Kind::Project, of: entity("project", id), part: String::new() }
    }

    /// No key comes before this one.
    pub(super) const fn first() -> Self {
        Self { kind: Kind::Resource, of: String::new(), part: String::new() }
    }

    /// The kind and id of what it governs; of a key or proposal, no kind.
    pub(crate) fn governs(&self) -> (&str, &str) {
        split(&self.of)
    }

    /// The kind and id of whom it is for.
    pub(crate) fn principal(&self) -> (&str, &str) {
        split(&self.part)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.name(), self.of)?;
        if self.part.is_empty() { Ok(()) } else { write!(f, " for {}", self.part) }
    }
}

/// A kind and an id as one text. Kinds are single words, so no two give the same.
pub(super) fn entity(kind: &str, id: &str) -> String {
    format!("{kind} {id}")
}

/// And back.
pub(super) fn split(entity: &str) -> (&str, &str) {
    entity.split_once(' ').unwrap_or(("", entity))
}

/// A document as it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    pub(crate) key: Key,
    /// Counts the changes of this key, also those before it was deleted and made anew.
    pub(crate) version: u32,
    pub(crate) body: Body,
    /// Who wrote it.
    pub(crate) by: String,
    pub(crate) at: DateTime<Utc>,
}

impl Document {
    /// Its version as an entity tag.
    pub(crate) fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }

    /// What it says of a request for access, if it is one.
    pub(crate) const fn access(&self) -> Option<&Access> {
        if let Body::Access(access) = &self.body { Some(access) } else { None }
    }
}

/// What a document says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    Resource(Registered),
    /// As it was sent, and understood.
    Acl(Value),
    /// As it was sent, and understood.
    Grant(Value),
    Access(Access),
    /// An entry as a file of keys has it.
    ApiKey(Value),
    Proposal(Proposal),
    Project(Project),
}

impl Body {
    /// What it says of a resource, if it is about one.
    pub(crate) const fn registered(&self) -> Option<&Registered> {
        if let Self::Resource(registered) = self { Some(registered) } else { None }
    }

    /// The change that waits, if it is one.
    pub(crate) const fn proposal(&self) -> Option<&Proposal> {
        if let Self::Proposal(proposal) = self { Some(proposal) } else { None }
    }

    /// What it says of a project, if it is about one.
    pub(crate) const fn project(&self) -> Option<&Project> {
        if let Self::Project(project) = self { Some(project) } else { None }
    }

    pub(super) fn read(kind: Kind, text: &str) -> serde_json::Result<Self> {
        Ok(match kind {
            Kind::Resource => Self::Resource(serde_json::from_str(text)?),
            Kind::Acl => Self::Acl(serde_json::from_str(text)?),
            Kind::Grant => Self::Grant(serde_json::from_str(text)?),
            Kind::Access => Self::Access(serde_json::from_str(text)?),
            Kind::ApiKey => Self::ApiKey(serde_json::from_str(text)?),
            Kind::Proposal => Self::Proposal(serde_json::from_str(text)?),
            Kind::Project => Self::Project(serde_json::from_str(text)?),
        })
    }

    /// As anybody may be told: without hashes of secrets.
    pub(crate) fn told(&self) -> Value {
        let mut told = self.json();
        if let (Self::ApiKey(_), Some(members)) = (self, told.as_object_mut()) {
            members.retain(|name, _| !name.contains("hash"));
        }
        told
    }

    /// As JSON, with all that is kept.
    pub(crate) fn json(&self) -> Value {
        let json = match self {
            Self::Resource(registered) => serde_json::to_value(registered),
            Self::Acl(value) | Self::Grant(value) | Self::ApiKey(value) => Ok(value.clone()),
            Self::Access(access) => serde_json::to_value(access),
            Self::Proposal(proposal) => serde_json::to_value(proposal),
            Self::Project(project) => serde_json::to_value(project),
        };
        json.unwrap_or_default()
    }
}

/// How access to a resource is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Gated {
    /// It need not be.
    #[default]
    No,
    /// Whoever asks has it.
    Auto,
    /// A reviewer answers.
    Manual,
}

impl Gated {
    /// As a grant names it; none where there is no gate.
    pub(crate) const fn name(self) -> Option<&'static str> {
        match self {
            Self::No => None,
            Self::Auto => Some("auto"),
            Self::Manual => Some("manual"),
        }
    }
}

impl Serialize for Gated {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.name() {
            None => serializer.serialize_bool(false),
            Some(name) => serializer.serialize_str(name),
        }
    }
}

impl<'de> Deserialize<'de> for Gated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let said = Value::deserialize(deserializer)?;
        match said.as_str() {
            Some("auto") => Ok(Self::Auto),
            Some("manual") => Ok(Self::Manual),
            None if said == false => Ok(Self::No),
            Some(_) | None => Err(de::Error::custom("expected `\"auto\"`, `\"manual\"` or `false`")),
        }
    }
}

/// A resource that was registered.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Registered {
    pub(crate) gated: Gated,
    /// Whether it does not exist but for its organisation.
    pub(crate) private: bool,
    /// What it is like, in the words of the vocabulary.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) attributes: BTreeMap<String, Value>,
    /// What whoever asks for access must say of themselves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) questions: Vec<String>,
    /// Since when it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created: Option<DateTime<Utc>>,
}

/// Where a request for access stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Pending,
    Accepted,
    Rejected,
}

/// One principal's request for access.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Access {
    /// By what the request is called.
    pub(crate) id: String,
    pub(crate) status: Status,
    /// The mode of the gate when it was accepted.
    #[serde(default)]
    pub(crate) mode: Gated,
    /// When it was made.
    pub(crate) asked: DateTime<Utc>,
    /// Whether access was given without a request.
    #[serde(default)]
    pub(crate) unasked: bool,
    /// What they said of themselves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) fields: BTreeMap<String, String>,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

impl Access {
    /// A new request, or access that is given without one.
    pub(crate) fn new(status: Status, mode: Gated, now: DateTime<Utc>, unasked: bool) -> Self {
        Self {
            id: Uuid::now_v7().simple().to_string(),
            status,
            mode,
            asked: now,
            unasked,
            fields: BTreeMap::new(),
            reason: None,
        }
    }

    /// Under which gate's mode access was given, if it is.
    pub(crate) fn granted(&self) -> Option<&'static str> {
        match self.status {
            Status::Accepted => self.mode.name(),
            Status::Pending | Status::Rejected => None,
        }
    }
}

/// A change that waits for its confirmation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Proposal {
    /// Who proposed it.
    pub(crate) proposer: String,
    /// Their id.
    pub(crate) proposer_id: String,
    /// Which action it takes.
    pub(crate) action: String,
    /// Until when it can be confirmed.
    pub(crate) lapses: DateTime<Utc>,
    pub(crate) changes: Vec<Proposed>,
}

/// One change of a proposal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Proposed {
    pub(crate) kind: String,
    pub(crate) of: String,
    pub(crate) part: String,
    /// The version that it takes the place of; 0: of nothing.
    pub(crate) version: u32,
    /// What is said then; none: the document is deleted.
    pub(crate) body: Option<Value>,
}
