//! Meaning to answers: questions about all requests there can be, decided exactly or not at all.
//!
//! In go the [`Ir`](crate::check::Ir) of a policy set and a question, out comes a request that answers it, or the certainty
//! that there is none. A request is a point in a space of finitely many classes (`space`); what a set says of it is a
//! formula; `search` looks for a point where the formula is true, and `theory` makes a request of it. Each request is
//! confirmed by the [reference evaluator](crate::eval::reference) before anybody sees it, and what cannot be found out
//! within a [`Budget`] is called inconclusive.
//!
//! It knows nothing of decision graphs, engines and files.

mod ask;
mod budget;
mod classes;
mod diff;
mod expiry;
mod findings;
mod idle;
mod prove;
mod reach;
mod search;
mod shrink;
mod space;
mod theory;
mod who;

pub use budget::Budget;
pub use diff::{Change, ChangeKind, Comparison, OnlyOne, RuleOf, Which, diff, only_one_knows};
pub use expiry::{Expiry, ExpiryState, expiries};
pub use findings::{findings, idle_findings, unknown};
pub use idle::{Idle, IdleRule, idle};
pub(crate) use prove::prove_about;
pub use prove::{Counterexample, Finding, Progress, Proof, prove, prove_some};
pub use reach::{Hangs, Reached, Wish, has_a_say, reach};
pub use who::{Who, WhoCase, who};
