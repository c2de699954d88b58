//! A declarative policy engine: who may do what with which AI model.
pub mod ast;
pub mod check;
pub mod clock;
pub mod decision;
pub mod engine;
pub mod eval;
pub mod glob;
pub mod ids;
pub mod load;
#[cfg(feature = "cli")]
mod policyc;
pub mod query;
pub mod report;
pub mod request;
pub mod source;
pub mod store;
pub mod value;
pub mod wire;
pub mod zone;

pub use engine::{Engine, EngineBuilder, LoadError};
#[cfg(feature = "cli")]
pub use policyc::{Exit, Io, run};
