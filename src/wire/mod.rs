//! JSON forms of requests and decisions, and the other documents that become statements.
//!
//! The core types are not serialisable; this stage has the formats that others depend on, and explicit conversions.
