//! Questions to a policy set: its tests, and why a decision came out as it did.
//!
//! In go an [`Engine`](crate::Engine) and a question, out comes an answer that a person or a program reads. Nothing here
//! changes a set or charges its limits.

pub mod explain;
mod permit;
pub mod test;
pub mod text;
