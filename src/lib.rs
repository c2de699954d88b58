//! A declarative policy engine: who may do what with which AI model, under which circumstances.
//!
//! Policies are texts that read like the sentences a team would have written. The crate is the pipeline from such a text
//! to a decision; each stage is a module, and knows only those before it:
//!
//! | module | verb | from | to |
//! | --- | --- | --- | --- |
//! | [`ast`] | [`parse`](ast::parse) | a [`Source`](source::Source) | an [`Ast`](ast::Ast): the text as a tree |
//! | [`check`] | [`check`](check::check) | the trees of a policy set | an [`Ir`](check::Ir): what the text means |
//! | [`compile`] | [`compile`](compile::compile) | the meaning | a [`Graph`](compile::Graph): the meaning as numbers |
//! | [`eval`] | [`decide`](Engine::decide) | the graph and a [`Request`](request::Request) | a [`Decision`](decision::Decision) |
//!
//! Around them stand [`report`] (what is wrong, and how that is shown), [`examine`] (tests, and why a decision came out as
//! it did), [`wire`] (JSON, JSON Lines, CSV), [`store`] (what limits remember) and [`load`] (files). [`Engine`] puts it
//! all together:
//!
//! ```
//! use policyc::{
//!     Engine,
//!     request::{Principal, Request, Resource},
//! };
//!
//! let engine = Engine::builder()
//!     .text(
//!         "lab.policy",
//!         r#"
//!             allow role researcher to infer;
//!             deny anyone to infer on tag sensitive unless ip in [10.0.0.0/8]
//!                 else OUTSIDE 403 "{model.id} can only be used from the intranet." hint "Connect to the VPN.";
//!         "#,
//!     )
//!     .load()?;
//!
//! let alice = Principal::user("alice").roles(["researcher"]);
//! let medical = Resource::model("qwen3-medical").with("tags", ["sensitive"]);
//! let request = Request::new(alice, "infer", medical);
//! assert!(engine.decide(&request.clone().with("ip", "10.1.2.3")).is_allow());
//!
//! // Nobody said where this one comes from. What is unknown never lifts a prohibition.
//! let decision = engine.decide(&request);
//! let denial = decision.denial().expect("denied");
//! assert_eq!((&*denial.code, denial.status), ("OUTSIDE", 403));
//! assert_eq!(denial.message.as_deref(), Some("qwen3-medical can only be used from the intranet."));
//! # Ok::<(), policyc::LoadError>(())
//! ```
//!
//! Evaluation is total and pure: no policy raises an error at run time, time arrives in the request, and charging limits is
//! a step after the decision. An [`Engine`] is immutable; share it between threads, and swap it for another one when the
//! policies change.
//!
//! With `default-features = false` the crate is this pipeline and nothing else; the feature `cli` adds the command line,
//! and `conformance` what stores of other crates are held against.

pub mod ast;
pub mod check;
pub mod clock;
pub mod compile;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod decision;
pub mod engine;
pub mod eval;
pub mod examine;
pub mod glob;
pub mod ids;
pub mod load;
#[cfg(feature = "cli")]
mod policyc;
pub mod query;
pub mod report;
pub mod request;
#[cfg(feature = "server")]
pub mod server;
pub mod source;
pub mod store;
pub mod value;
pub mod wire;
pub mod zone;

pub use engine::{Claims, Engine, EngineBuilder, LiveEngine, LoadError};
#[cfg(feature = "cli")]
pub use policyc::{Exit, Io, main, run};

/// The examples of the README, compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
