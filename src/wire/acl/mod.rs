//! A model's access-control list, and the grant of one model to one user.
//!
//! ```json
//! {"model": "qwen3-7b-chat",
//!  "rules": [{"principal": {"type": "role", "value": "researcher"},
//!             "operations": ["infer", "view"],
//!             "conditions": {"ip_range": ["10.0.0.0/8"], "rate_limit": "100req/min", "valid_until": "2025-12-31T23:59:59Z"}}]}
//! ```
//!
//! Every condition may be missing, all that are there must hold, and a request is granted by any rule that matches.
//! Values are literal: a `*` is a star. A document becomes one `on "model" { … }` block, each of its rules an `allow`.
//!
//! **Rate limits** need care, because in the policy language every limit binds, whichever rule allows. A rule's
//! `rate_limit` therefore binds nobody whom another rule of the document grants the same operation without one, for as
//! long as that other rule's conditions hold. Where no such rule exists the `allow` has an `at most`; else a `limit`
//! follows it, which exempts them: by `except` where the other rule grants all that this one does, else by `unless`. One
//! rule is one limit and one counter (by principal) in any case. Where two rules limit the same principal, both bind,
//! hence the stricter one; the import says so.
//!
//! What [`import`] makes, [`export`] turns back, but for: `ip_range` as a list in which no block is inside of another or
//! has host bits, addresses and instants in their canonical form, units as `s`, `min`, `hour`, `day`, no empty
//! `conditions`, nothing twice in `operations`, and no `rate_limit` that could never bind.

mod lower;
mod raise;
mod read;

pub use raise::Inexpressible;

use super::{fields, json};
use crate::{
    ast::{Item, PerUnit},
    request::{Input, Refusal},
};
use chrono::{DateTime, FixedOffset, SecondsFormat};
use ipnet::IpNet;
use serde::{Serialize, Serializer};
use std::{collections::BTreeSet, fmt, net::IpAddr};

/// What an import made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// One block for each document, in order.
    pub items: Vec<Item>,
    /// What the reader should know: where the statements are stricter than the documents, or say less.
    pub notes: Vec<String>,
}

/// Reads one document, an array of them, or one a line, as statements.
///
/// # Errors
///
/// A refusal that names the place, where the text is not strict JSON or says anything that is not understood; where there
/// are several documents, it starts with the number of the one concerned.
pub fn import(text: &str) -> Result<Imported, Refusal> {
    let mut imported = Imported { items: Vec::new(), notes: Vec::new() };
    let mut models = BTreeSet::new();
    for document in each(text, read::document)? {
        if !models.insert(document.model.clone()) {
            return Err(fields::refusal(
                format!("model `{}` has more than one document", fields::shown(&document.model)),
                "/model",
            ));
        }
        imported.items.push(lower::document(&document, &mut imported.notes));
    }
    Ok(imported)
}

/// Reads one grant document, an array of them, or one a line, as statements about `user`.
///
/// `{"model_id": "ff-2024-pro", "permissions": ["infer", "view"]}` names what one user may do with one model. A
/// permission is an action's name.
///
/// # Errors
///
/// As [`import`]; and where `user` is empty.
pub fn import_grant(text: &str, user: &str) -> Result<Imported, Refusal> {
    if user.is_empty() {
        return Err(fields::refusal("a grant needs a user", ""));
    }
    let mut models = BTreeSet::new();
    let mut items = Vec::new();
    for grant in each(text, read::grant)? {
        if !models.insert(grant.model.clone()) {
            return Err(fields::refusal(
                format!("model `{}` is granted more than once", fields::shown(&grant.model)),
                "/model_id",
            ));
        }
        items.push(lower::grant(&grant, user));
    }
    Ok(Imported { items, notes: Vec::new() })
}

/// A text as a part of a label. Two texts never give the same.
#[must_use]
pub fn identifier(text: &str) -> String {
    lower::identifier(text)
}

/// The operations that a list can allow.
#[must_use]
pub fn operations() -> [&'static str; 4] {
    Operation::ALL.map(Operation::name)
}

/// The types of those whom a list can allow something.
#[must_use]
pub fn principal_types() -> [&'static str; 4] {
    PrincipalKind::ALL.map(PrincipalKind::name)
}

/// Every document of a text; the first faulty one is the answer for all.
fn each<T>(text: &str, read: fn(Input) -> Result<T, Refusal>) -> Result<Vec<T>, Refusal> {
    let text = json::without_mark(text);
    let ranges = json::split(text).map_err(|fault| fault.refusal)?;
    let several = ranges.len() > 1;
    let one = |(range, number): (_, usize)| {
        json::parse_range(text, range).map_err(|fault| fault.refusal).and_then(read).map_err(|refusal| {
            let error = if several { format!("document {number}: {}", refusal.error) } else { refusal.error };
            Refusal { error, at: refusal.at }
        })
    };
    ranges.into_iter().zip(1..).map(one).collect()
}

/// Turns statements back into documents, one for each model, in the order of their first statement.
///
/// Vocabulary without bearing on who may do what (`actions`, `kinds`, `tiers`, `timezone`, roles that include no others),
/// tests and invariants are left out.
///
/// # Errors
///
/// Everything that the documents cannot express.
pub fn export(items: &[Item]) -> Result<Vec<Document>, Vec<Inexpressible>> {
    raise::documents(items)
}

/// What a model's list says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Document {
    model: String,
    rules: Vec<Rule>,
}

impl Document {
    /// The model that it is about.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The document as JSON, indented by two spaces, with its members in the order of the format's description.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

/// Who may do what, under which conditions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Rule {
    principal: Principal,
    operations: Vec<Operation>,
    #[serde(skip_serializing_if = "Conditions::is_empty")]
    conditions: Conditions,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Principal {
    #[serde(rename = "type")]
    kind: PrincipalKind,
    value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum PrincipalKind {
    User,
    Role,
    Key,
    Service,
}

impl PrincipalKind {
    const ALL: [Self; 4] = [Self::User, Self::Role, Self::Key, Self::Service];

    const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Role => "role",
            Self::Key => "key",
            Self::Service => "service",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Operation {
    Infer,
    Train,
    Download,
    View,
}

impl Operation {
    const ALL: [Self; 4] = [Self::Infer, Self::Train, Self::Download, Self::View];

    const fn name(self) -> &'static str {
        match self {
            Self::Infer => "infer",
            Self::Train => "train",
            Self::Download => "download",
            Self::View => "view",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Conditions {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ip_range: Vec<Block>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_text")]
    rate_limit: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_instant")]
    valid_until: Option<DateTime<FixedOffset>>,
}

impl Conditions {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One address, or a block of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Block {
    Address(IpAddr),
    Network(#[serde(serialize_with = "text")] IpNet),
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Network(network) => network.fmt(f),
        }
    }
}

/// `100req/min`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rate {
    count: i64,
    unit: PerUnit,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            PerUnit::Second => "s",
            PerUnit::Minute => "min",
            PerUnit::Hour => "hour",
            PerUnit::Day => "day",
            PerUnit::Week => "week",
        };
        write!(f, "{}req/{unit}", self.count)
    }
}

fn text<T: fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn some_text<T: fmt::Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        None => serializer.serialize_none(),
        Some(value) => serializer.collect_str(value),
    }
}

fn some_instant<S: Serializer>(value: &Option<DateTime<FixedOffset>>, serializer: S) -> Result<S::Ok, S::Error> {
    some_text(&value.map(|instant| instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)), serializer)
}

/// What one user may do with one model.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Grant {
    model: String,
    permissions: Vec<String>,
}
