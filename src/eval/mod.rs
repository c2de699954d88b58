//! Requests decided.
//!
//! In go an [`Ir`](crate::check::Ir) and a request's facts, out comes a decision. Pure: no I/O, no clock, no randomness;
//! time arrives in the request, and charging limits is a step that the caller takes between the two halves:
//! [`Verdict`](verdict::Verdict) is what the rules say, [`answer`] puts it into words.

pub mod answer;
mod bits;
pub mod charges;
pub(crate) mod draft;
pub mod facts;
pub(crate) mod fill;
pub(crate) mod graph;
pub mod kleene;
pub mod prepared;
pub mod reference;
pub mod verdict;
mod wide;
