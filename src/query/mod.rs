//! Questions about all requests.

mod ask;
mod budget;
mod classes;
mod prove;
mod search;
mod shrink;
mod space;
mod theory;

pub use budget::Budget;
pub use prove::{Counterexample, Finding, Progress, Proof, prove, prove_some};
