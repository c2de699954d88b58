//! The audit log: what was decided, one chain of records for each node.
//!
//! In go groups of records that are encoded, chained and signed already, out come the same bytes. A store knows nothing of what
//! records say, and proves nothing: hashes and signatures are there to be held against the records by whoever reads them. What
//! it does know is the order: a group is put behind the record that its writer names, wholly and once, however often that is
//! asked for.
//!
//! Records are numbered from 1 in each log, without a gap. Those that were written together stand together, in *chunks*. A
//! *checkpoint* says what the hash of a record was; an *anchor* is one behind which the log goes on where older records were
//! removed. Times are microseconds since 1970, texts have no NUL in them.
//!
//! `policyc::conformance` (with the feature of that name) holds a store against all this.

pub use super::Outage;

use std::{
    fmt,
    ops::{ControlFlow, Range, RangeInclusive},
};

/// Whose log it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What the node is called; empty where there is one only.
    pub name: String,
    /// The public key (Ed25519) that vouches for its log, and tells it from all others.
    pub key: [u8; 32],
}

/// A place in a log: a record's number, and the hash that covers it and all before it. Before the first record the number is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The number.
    pub seq: i64,
    /// The hash.
    pub hash: [u8; 32],
}

/// A place that was signed: a checkpoint or an anchor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The number of the last record that it covers.
    pub seq: i64,
    /// The hash there.
    pub hash: [u8; 32],
    /// When it was signed, as the signature covers it.
    pub time: String,
    /// The signature (Ed25519).
    pub signature: [u8; 64],
}

/// Records that were written together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The first one's number.
    pub first: i64,
    /// The last one's number.
    pub last: i64,
    /// When the earliest of them was made.
    pub earliest: i64,
    /// When the latest was.
    pub latest: i64,
    /// The records, in UTF-8, with a line break between them; none has one inside.
    pub bodies: &'a [u8],
    /// Their hashes, one behind the other.
    pub hashes: &'a [u8],
}

/// The decisions of an hour with one outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// When the hour began.
    pub hour: i64,
    /// The code of the denials; empty of what was allowed.
    pub code: String,
    /// How many there were.
    pub count: u64,
}

/// What is written together.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    /// What its writer holds to be last in the log.
    pub after: Place,
    /// The records, in their order; there may be none.
    pub chunks: &'a [Chunk<'a>],
    /// What is last with them.
    pub end: Place,
    /// A checkpoint of the end. It takes the place of another one there.
    pub checkpoint: Option<&'a Checkpoint>,
    /// How much there is more of each outcome; each hour and code once.
    pub tally: &'a [Counted],
}

/// Which comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The oldest.
    Oldest,
    /// The newest.
    Newest,
}

/// Why a log is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// The store cannot be asked.
    Outage(Outage),
    /// What it holds is nothing that was ever written there; what, in words.
    Spoilt(String),
}

impl From<Outage> for Unreadable {
    fn from(outage: Outage) -> Self {
        Self::Outage(outage)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outage(outage) => outage.fmt(f),
            Self::Spoilt(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Unreadable {}

/// Where logs are kept. No call waits much longer than the store's patience, which is given where it is opened.
pub trait AuditStore: Send + Sync {
    /// Those who have a log here, in the order of their names.
    ///
    /// # Errors
    /// It cannot be read.
    fn nodes(&self) -> Result<Vec<Node>, Unreadable>;

    /// The log of a node, to read it while it is written or not. That of a node which there is not is empty.
    ///
    /// # Errors
    /// It cannot be read.
    fn log(&self, node: &str) -> Result<Box<dyn AuditLog>, Unreadable>;

    /// Takes the log of a key for one writer, until that is dropped or its process ends. If there is none, one begins, with the
    /// node's name; otherwise it goes on, and is called as it was at its beginning.
    ///
    /// # Errors
    /// Another writer has it, another key has a log of this name, or the store cannot be asked.
    fn take(&self, node: &Node) -> Result<Box<dyn AuditWriter>, Outage>;
}

/// The log of one node, as it is read.
pub trait AuditLog: Send {
    /// The numbers between which all records are that were made in some time. There may be others between them, but none of
    /// the first and the last is missing where the time has no bounds (`i64::MIN..i64::MAX`).
    ///
    /// # Errors
    /// It cannot be read.
    fn span(&self, times: Range<i64>) -> Result<Option<(i64, i64)>, Unreadable>;

    /// Goes through the chunks that have records with these numbers, whole and in their order, until `each` breaks off.
    ///
    /// # Errors
    /// They cannot be read.
    fn read(
        &self,
        numbers: RangeInclusive<i64>,
        order: Order,
        each: &mut dyn FnMut(Chunk<'_>) -> ControlFlow<()>,
    ) -> Result<(), Unreadable>;

    /// The checkpoints, in the order of their numbers.
    ///
    /// # Errors
    /// They cannot be read.
    fn checkpoints(&self) -> Result<Vec<Checkpoint>, Unreadable>;

    /// Up to where records were removed.
    ///
    /// # Errors
    /// It cannot be read.
    fn anchor(&self) -> Result<Option<Checkpoint>, Unreadable>;

    /// How many decisions came out how in the hour of an instant and later, by hour and code.
    ///
    /// # Errors
    /// They cannot be read.
    fn counted(&self, since: i64) -> Result<Vec<Counted>, Unreadable>;
}

/// The log of one node, as it is written.
pub trait AuditWriter: Send {
    /// What the node is called here.
    fn node(&self) -> &str;

    /// Writes a group, all of it or nothing. Where the log ends with it already, because an answer was lost, nothing is written
    /// and all is well. So is a group of nothing, if the log ends where it says.
    ///
    /// # Errors
    /// The log ends elsewhere, or the store cannot be asked: then it may be written or not, and asking again finds out.
    fn append(&mut self, group: &Group<'_>) -> Result<(), Outage>;

    /// Up to where records can be removed because all of them are older than an instant: always the end of a chunk, and never of
    /// the last one. A store may keep more for the time being, or have them removed in several steps.
    ///
    /// # Errors
    /// The store cannot be asked.
    fn removable(&mut self, before: i64) -> Result<Option<Place>, Outage>;

    /// Removes records up to an anchor at such a place, with the checkpoints before it and the tally of hours that were over
    /// before the instant. All or nothing.
    ///
    /// # Errors
    /// The store cannot be asked.
    fn remove(&mut self, anchor: &Checkpoint, before: i64) -> Result<(), Outage>;
}

/// An hour.
pub const HOUR: i64 = 3_600_000_000;

/// When the hour of an instant began.
#[must_use]
pub const fn hour(instant: i64) -> i64 {
    instant.saturating_sub(instant.rem_euclid(HOUR))
}
