//! A command as a process: its arguments, its streams, its exit code.

use super::{Io, run};
use crate::store::Stores;
use anstream::{AutoStream, ColorChoice};
use std::{
    io::{self, BufWriter, IsTerminal},
    process::ExitCode,
};

/// Runs the command that the process was started with. `stores` are those on other machines that the service can use.
#[must_use]
pub fn main(stores: &Stores) -> ExitCode {
    let (mut input, mut out, mut err) = (io::stdin(), io::stdout(), io::stderr());
    let mut io = Io {
        color_out: AutoStream::choice(&out) != ColorChoice::Never,
        color_err: AutoStream::choice(&err) != ColorChoice::Never,
        interactive: err.is_terminal(),
        width: textwrap::termwidth(),
        input: &mut input,
        out: &mut BufWriter::new(&mut out),
        err: &mut err,
    };
    ExitCode::from(run(std::env::args_os(), stores, &mut io).code())
}
