//! State behind traits: what a decision point remembers between requests.
//!
//! In go the charges of an allowed request, out comes whether there is room; in go documents that somebody has written, out
//! come those of all who share them; in go records of what was decided, out come the same, in their order. Nothing here knows policies, and nothing here asks for the time: the caller says what time
//! it is.

pub mod audit;
pub mod documents;
pub mod limits;
mod networked;
mod outage;

pub use networked::{Address, OpenAudit, OpenDocuments, OpenLimits, Stores, Unopened};
pub use outage::Outage;
