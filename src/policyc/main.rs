//! The command line.

use anstream::{AutoStream, ColorChoice};
use policyc::Io;
use std::{
    io::{self, BufWriter, IsTerminal},
    process::ExitCode,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
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
    ExitCode::from(policyc::run(std::env::args_os(), &mut io).code())
}
