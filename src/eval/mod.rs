//! Requests decided.
//!
//! In go a [`Graph`](crate::compile::Graph) and a request, out comes a decision. Pure: no I/O, no clock, no randomness; time
//! arrives in the request, and charging limits is a step that the caller takes between the two halves:
//! [`Verdict`](verdict::Verdict) is what the rules say, [`answer`] puts it into words.
//!
//! There are two ways to a verdict, which always agree. `draft` makes numbers of a request ([`Prepared`](prepared::Prepared)),
//! and `graph` decides by them, with `bits` for few rules and `wide` for many. [`facts`] and [`reference`](mod@reference) say
//! the same to be read: they are what the language means.

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
pub mod told;
mod truth;
pub mod verdict;
mod wide;
