//! The laws of the language, over random policy sets and requests.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::wildcard_enum_match_arm,
    reason = "a test that panics has failed, as it should"
)]

mod batch;
mod bundle;
mod conditions;
mod decide;
mod findings;
mod graph;
mod json;
mod laws;
mod limits;
mod live;
mod requests;
mod sets;
mod words;
mod workspace;
