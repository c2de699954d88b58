//! A policy set looked at from outside: its tests run and tried, a decision explained, its decision graph drawn, its
//! rules reviewed, and what is different in another.
//!
//! In go an [`Engine`](crate::Engine) and a question, out comes an answer that a person or a program reads. Nothing here
//! changes a set or charges its limits.

pub mod coverage;
pub mod diff;
pub mod docs;
pub mod explain;
pub mod generate;
pub mod graph;
pub mod mutate;
mod permit;
pub mod review;
pub mod show;
pub mod test;
pub mod text;
mod written;
