//! The service, as those who ask it see it: the program itself is started, on a free port of loopback, and asked over HTTP.
//!
//! `service.rs` starts and ends it. Each surface is a file of its own.

#![cfg(test)]

mod audit;
mod authzen;
mod conformance;
mod forward;
mod gateway;
mod identity;
mod idp;
mod openapi;
mod service;
mod upstream;
