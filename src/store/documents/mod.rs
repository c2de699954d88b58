//! Documents: what each says, who wrote it when, and all that it ever said.
//!
//! In go writes, out come the documents of all who share a store. A store knows nothing of what documents mean: a key is three
//! texts, a body is a text of JSON. What it does know is the order of writes.
//!
//! # The mark
//!
//! Every write raises the store's *mark*, a number that never goes back; whoever has read everything up to a mark asks for the
//! [changes since](DocumentStore::since) it. A write names the mark that its writer has seen. If somebody else has written
//! since, the store refuses it ([`Unwritten::Behind`]): so what the writer found out about the change is true of the documents
//! that it is put upon. Each key counts its own versions, also over its deletion: they only rise.
//!
//! # What does not suit policy files
//!
//! Which documents are suspended under some policy files takes long to find out, so it is kept: for each revision of the files by
//! itself, with the mark of the documents that it was found out about. It is a cache. A write that was proved under a
//! revision keeps what is known under that one up to date; under all others it makes what is known one of an earlier mark.
//!
//! `policyc::conformance` (with the feature of that name) holds a store against all this.

mod memory;
mod shared;

pub use super::Outage;
pub use memory::MemoryDocuments;
pub(crate) use shared::Shared;

use chrono::{DateTime, Utc};
use std::{fmt, time::Duration};

/// The number of a store's last change.
pub type Mark = u64;

/// Which document: any three texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Key {
    /// What kind it is of.
    pub kind: String,
    /// What it is about.
    pub of: String,
    /// For whom.
    pub part: String,
}

/// One version of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Counts the changes of its key, from 1 on.
    pub version: u32,
    /// What it says: a text of JSON; none where the document was deleted.
    pub body: Option<String>,
    /// Who wrote it.
    pub by: String,
    /// When, to the microsecond.
    pub at: DateTime<Utc>,
}

/// The last version of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Last {
    /// Which document.
    pub key: Key,
    /// How it stands.
    pub version: Version,
}

/// What was read, and how far it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// All changes up to this mark are in it.
    pub mark: Mark,
    /// Each document once, in no order.
    pub documents: Vec<Last>,
}

/// What one document says from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Which document.
    pub key: Key,
    /// A text of JSON; none: it is deleted.
    pub body: Option<String>,
}

/// Some writes that are made together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writing<'a> {
    /// The mark that the writer has seen.
    pub seen: Mark,
    /// The revision of the policy files under which they were proved: under it, none of these documents is suspended
    /// afterwards.
    pub revision: &'a str,
    /// What is written, one after the other.
    pub writes: &'a [Write],
    /// Who writes.
    pub by: &'a str,
    /// When.
    pub at: DateTime<Utc>,
}

/// What came of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The mark from now on; the one before where nothing was to be written.
    pub mark: Mark,
    /// The version of each document, in the order of the writes.
    pub versions: Vec<u32>,
}

/// Why nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unwritten {
    /// Somebody else wrote since the mark that the writer has seen.
    Behind,
    /// The store cannot be asked; nothing was written.
    Outage(Outage),
    /// The store cannot be asked any more: whether it was written, whoever reads later will see.
    InDoubt(Outage),
}

impl From<Outage> for Unwritten {
    fn from(outage: Outage) -> Self {
        Self::Outage(outage)
    }
}

impl fmt::Display for Unwritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Behind => f.write_str("somebody else wrote since"),
            Self::Outage(outage) => outage.fmt(f),
            Self::InDoubt(outage) => write!(f, "{outage}; whether it was written is not known"),
        }
    }
}

impl std::error::Error for Unwritten {}

/// Which documents are suspended under a revision of policy files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspended {
    /// This is so of the documents up to this mark.
    pub mark: Mark,
    /// In no order.
    pub keys: Vec<Key>,
}

/// One of those who share a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is called: no two are called the same.
    pub name: String,
    /// What it decides by goes up to this mark.
    pub mark: Mark,
    /// How long ago it said so, by the store's clock.
    pub age: Duration,
}

/// Where documents are kept. No call waits longer than the store's patience, which is given where it is opened.
pub trait DocumentStore: Send + Sync {
    /// All documents that there are.
    ///
    /// # Errors
    /// The store cannot be asked.
    fn all(&self) -> Result<Read, Outage>;

    /// What was changed since a mark: each key once, as it was changed last, also where that was its deletion. If the mark that
    /// comes back is less than `seen`, the store is not the one that was read before.
    ///
    /// # Errors
    /// The store cannot be asked.
    fn since(&self, seen: Mark) -> Result<Read, Outage>;

    /// All versions of a document, the last first.
    ///
    /// # Errors
    /// The store cannot be asked.
    fn history(&self, key: &Key) -> Result<Vec<Version>, Outage>;

    /// Writes documents, all or none.
    ///
    /// # Errors
    /// Somebody else wrote meanwhile, or the store cannot be asked.
    fn write(&self, writing: &Writing<'_>) -> Result<Written, Unwritten>;

    /// Whether a write would succeed, as far as can be told without one.
    ///
    /// # Errors
    /// Why it would not.
    fn can_write(&self) -> Result<(), Outage>;

    /// What was found out under a revision of policy files, if anything was.
    ///
    /// # Errors
    /// The store cannot be asked.
    fn suspended(&self, revision: &str) -> Result<Option<Suspended>, Outage>;

    /// Keeps what was found out under a revision, unless something is kept about a later mark. What was kept longest ago may be
    /// forgotten.
    ///
    /// # Errors
    /// The store cannot be asked.
    fn suspend(&self, revision: &str, suspended: &Suspended) -> Result<(), Outage>;

    /// Waits until something may have been written since a mark, at most for a time. Whether something was, reading tells.
    fn wait(&self, seen: Mark, most: Duration);

    /// Says that a node decides by all changes up to a mark.
    ///
    /// # Errors
    /// The store cannot be asked.
    fn report(&self, node: &str, mark: Mark) -> Result<(), Outage>;

    /// Forgets a node.
    ///
    /// # Errors
    /// The store cannot be asked.
    fn leave(&self, node: &str) -> Result<(), Outage>;

    /// The nodes that have said how far they are, in the order of their names. One that has said nothing for an hour may be
    /// forgotten.
    ///
    /// # Errors
    /// The store cannot be asked.
    fn nodes(&self) -> Result<Vec<Node>, Outage>;
}
