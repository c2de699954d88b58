//! What was decided, for whom, when and why: one record for each decision.
//!
//! In go records ([`record`]), out comes a log that shows whether it was changed. A record is encoded on the thread of its
//! decision and handed to a [`queue`]; the thread behind it ([`writer`]) fetches what has come ([`gather`]), chains records
//! ([`chain`]), counts them for alerts ([`alert`]), puts them into the [`store`] and signs a [`checkpoint`] now and then. Where that keeps them is an
//! [`AuditStore`](crate::store::audit::AuditStore): a file ([`sqlite`]), or what comes from outside. Whoever reads the log, the
//! service or the command line, does so by [`read`]; how many decisions came out how in each hour stands in a [`tally`] beside
//! it; [`verify`] holds it against its chain, and [`export`] writes it for other systems.

mod alert;
mod chain;
mod checkpoint;
mod chunk;
mod digits;
mod export;
mod fault;
mod gather;
mod key;
mod merge;
mod queue;
mod read;
mod record;
mod records;
mod settings;
mod sqlite;
mod store;
mod tally;
#[cfg(test)]
mod tests;
mod told;
mod verify;
mod webhook;
mod writer;

pub(crate) use crate::store::audit::{Counted, HOUR, Order};
pub(crate) use export::{Exporter, Format, Pseudonyms, Row, exporter};
pub(crate) use fault::Fault;
pub(crate) use key::PublicKey;
pub(crate) use queue::{Audit, Unrecorded};
pub(crate) use read::{Entry, Log, Outcome, Source, Unread, checkpoints};
pub(crate) use record::{Answer, Asked, Record};
pub(crate) use settings::Settings;
pub(crate) use told::{Asked as Said, Filter, Traits};
pub(crate) use verify::{Tampered, Verified};
