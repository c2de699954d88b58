//! The command line: arguments in, text and an exit code out.
//!
//! `main.rs` is the program, and `program` what its process is to it; everything else is here, so that tests can run a command
//! without one. Each verb is a file with its arguments and `run(args, io, config) -> Exit`; `cli` says which verbs there are, `config` and `set` what a
//! policy set is made of. Nothing here decides a request or knows the language.

mod asked;
mod audit;
mod build;
mod check;
mod claims;
mod cli;
mod completions;
mod config;
mod diff;
mod eval;
mod explain;
mod export;
mod fmt;
mod graph;
mod hub;
mod import;
mod init;
mod inspect;
mod io;
mod levels;
mod list;
mod man;
mod markdown;
mod program;
mod prove;
mod replace;
mod requests;
mod review;
mod serve;
mod set;
mod show;
mod style;
mod test;
mod verify;
mod watch;
mod who;

pub use cli::run;
pub use io::{Exit, Io};
pub use program::main;

use config::Config;
