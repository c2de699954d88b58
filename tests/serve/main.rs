//! The service, as those who ask it see it: the program itself is started, on a free port of loopback, and asked over HTTP.
//!
//! `service.rs` starts and ends it. Each surface is a file of its own.

#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "a test that panics has failed, as it should")]
#![expect(clippy::disallowed_methods, reason = "how long the service waits is measured")]

mod acl;
mod admin;
mod audit;
mod authzen;
mod bundle;
mod conformance;
mod forward;
mod gateway;
mod hostile;
mod hub;
mod identity;
mod idp;
mod keys;
mod openapi;
mod ops;
mod pages;
mod policy;
mod projects;
mod python;
mod service;
mod studio;
mod surfaces;
mod tls;
mod upstream;
mod web;

/// The program that `service.rs` starts.
const PROGRAM: &str = env!("CARGO_BIN_EXE_policyc");
