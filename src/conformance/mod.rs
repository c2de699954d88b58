//! What stores of other crates are held against: the suites that the stores of this one pass.
//!
//! In goes a way to make an empty store, out comes nothing; a store that does otherwise than its trait says ends the test in a
//! panic that tells what was wanted. Nothing here knows how a store keeps what it keeps.

pub mod audit;
pub mod documents;
pub mod limits;
