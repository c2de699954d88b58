//! State behind traits: what a decision point remembers between requests.
//!
//! In go the charges of an allowed request, out comes whether there is room. Nothing here knows policies.

pub mod limits;
