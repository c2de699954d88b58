//! A declarative policy engine: who may do what with which AI model.
pub mod ast;
pub mod clock;
pub mod decision;
pub mod glob;
pub mod report;
pub mod request;
pub mod source;
pub mod store;
pub mod value;
pub mod wire;
pub mod zone;
