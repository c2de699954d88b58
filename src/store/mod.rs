//! State behind traits: what a decision point remembers between requests.
//!
//! In go the charges of an allowed request, out comes whether there is room. Nothing here knows policies, and nothing
//! here asks for the time: the caller says what time it is.

pub mod limits;
mod networked;

pub use networked::{Address, OpenLimits, Stores, Unopened};
