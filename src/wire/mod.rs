//! JSON forms of requests and decisions, and the other documents that become statements.
//!
//! In go texts that others write (JSON, JSON Lines, CSV), out come requests and [`Ast`](crate::ast::Ast) items; and the
//! other way round. The core types are not serialisable: the formats that others depend on live here, as types of this
//! stage with explicit conversions. This stage knows shapes only: whether a name is declared or a value fits its
//! attribute is for [`check`](crate::check) and the engine.
//!
//! | module | format |
//! | --- | --- |
//! | [`json`] | strict JSON, as everything here is read |
//! | [`request`] | a request: an OpenID AuthZEN evaluation request |
//! | [`evaluations`] | AuthZEN evaluations: one request, or many that share what they do not say |
//! | [`search`] | AuthZEN searches: a request with one part open |
//! | [`decision`] | a decision: an AuthZEN evaluation response; and a refusal, `{"error": …, "at": …}` |
//! | [`explanation`] | the whole story of a decision |
//! | [`acl`] | a model's access-control list, and the grant of one model to one user |
//! | [`catalog`] | resources and principals with their attributes, in JSON, JSON Lines or CSV |

pub mod acl;
pub mod catalog;
pub mod decision;
pub mod evaluations;
pub mod explanation;
mod fields;
pub mod json;
pub(crate) mod pattern;
pub(crate) mod plain;
pub mod request;
pub mod search;
pub(crate) mod write;
