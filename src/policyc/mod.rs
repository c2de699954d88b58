//! The command line: arguments in, text and an exit code out.
//!
//! `main.rs` is the program; everything else is here, so that tests can run a command without a process. Each verb is a file
//! with its arguments and `run(args, io) -> Exit`.

mod io;

pub use io::{Exit, Io};
