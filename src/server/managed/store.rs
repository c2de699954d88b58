//! Documents as a store keeps them, and as they are understood here.

use super::{
    Change,
    document::{Body, Document, Key, Kind},
};
use crate::store::documents::{self, Last, Write};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

/// One version of a document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Version {
    pub(crate) version: u32,
    /// What it said; none where it was deleted.
    pub(crate) body: Option<Body>,
    pub(crate) by: String,
    pub(crate) at: DateTime<Utc>,
}

impl Version {
    /// As JSON, for people and tools.
    pub(crate) fn json(&self) -> Value {
        json!({
            "version": self.version,
            "by": self.by,
            "at": self.at.to_rfc3339_opts(SecondsFormat::Millis, true),
            "document": self.body.as_ref().map(Body::told),
        })
    }

    /// As it is kept.
    ///
    /// # Errors
    /// It says nothing that can be understood.
    pub(super) fn read(key: &Key, kept: documents::Version) -> Result<Self, String> {
        let documents::Version { version, body, by, at } = kept;
        let body = body.map(|text| Body::read(key.kind, &text)).transpose();
        let body = body.map_err(|error| format!("the document `{key}` cannot be read: {error}"))?;
        Ok(Self { version, body, by, at })
    }

    /// The document that this is; none where it was deleted.
    pub(super) fn of(self, key: Key) -> Option<Document> {
        let Self { version, body, by, at } = self;
        body.map(|body| Document { key, version, body, by, at })
    }
}

/// The last version of a document, as it is kept.
///
/// # Errors
/// This program knows no such documents, or cannot understand it.
pub(super) fn read(Last { key, version }: Last) -> Result<(Key, Version), String> {
    let key = self::key(key)?;
    let version = Version::read(&key, version)?;
    Ok((key, version))
}

/// A key, as it is understood here.
///
/// # Errors
/// This program knows no such documents.
pub(super) fn key(kept: documents::Key) -> Result<Key, String> {
    let documents::Key { kind, of, part } = kept;
    let kind = Kind::named(&kind).ok_or_else(|| format!("this program knows no documents of the kind `{kind}`"))?;
    Ok(Key { kind, of, part })
}

/// A key, as it is kept.
pub(super) fn name(key: &Key) -> documents::Key {
    documents::Key { kind: key.kind.name().to_owned(), of: key.of.clone(), part: key.part.clone() }
}

/// A change, as it is kept.
pub(super) fn write(change: &Change) -> Write {
    Write { key: name(&change.key), body: change.body.as_ref().map(|body| body.json().to_string()) }
}
