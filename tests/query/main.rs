//! Questions about all requests.
//!
//! `POLICYC_PROOFS=200000 cargo test --release --test query` compares that many pairs of a set and a claim with what all
//! requests say, one by one; `POLICYC_DIFFS` does the same for pairs of sets and their differences.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that panics has failed, as it should"
)]

mod brute;
mod comparisons;
mod differences;
mod expiry;
mod idle;
mod listed;
mod proofs;
mod random;
mod renamed;
mod requests;
mod topics;
mod traps;
mod tried;
mod whom;
