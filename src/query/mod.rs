//! Questions to a policy set: its tests, why a decision came out as it did, and what its decision graph looks like.
//!
//! In go an [`Engine`](crate::Engine) and a question, out comes an answer that a person or a program reads. Nothing here
//! changes a set or charges its limits.

pub mod explain;
pub mod graph;
mod permit;
pub mod test;
pub mod text;
