//! The same decisions by several engines, side by side in one run: what they cost, and that they agree.
//!
//! `benches/peers/run` runs it, and writes `benches/RESULTS.md`, which explains the rows of its tables.

pub mod engines;
pub mod hashers;
pub mod loading;
pub mod oracle;
pub mod report;
pub mod timing;
pub mod work;
