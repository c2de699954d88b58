//! A policy set looked at from outside: its tests run and tried, a decision explained, its decision graph drawn, its
//! rules reviewed.
//!
//! In go an [`Engine`](crate::Engine) and a question, out comes an answer that a person or a program reads. Nothing here
//! changes a set or charges its limits.

pub mod coverage;
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
