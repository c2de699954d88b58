//! `policyc audit`: the log of the service.

mod columns;
mod export;
mod filter;
mod key;
mod replay;
mod search;
mod verify;

use super::{Config, Exit, Io, style::failed};
use crate::server::audit::{Fault, Log};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::path::PathBuf;

/// What is said where a log cannot be read.
const HELP: &str = "`--state` is the folder that the service keeps its state in";

/// Check, search and export what the service has decided
///
/// The log lies in the folder of the service's state, and can be read while the service runs. Every record is there as it was
/// decided: who asked, what for, from where, and what the answer was.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 fine; 1 usage, reading or writing failed; 2 the log was tampered with, or a decision would change; 3 the \
policy set is not valid.

Example:
  policyc audit verify --state policyc-state
  policyc audit search --principal alice@company.com --decision deny")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Verify(verify::Args),
    Search(search::Args),
    Export(export::Args),
    Replay(replay::Args),
    Key(key::Args),
}

/// Where the log is.
#[derive(Debug, clap::Args)]
struct State {
    /// The folder that the service keeps its state in
    #[arg(long, env = "POLICYC_AUDIT_STATE", value_name = "FOLDER", default_value = "policyc-state")]
    state: PathBuf,
}

impl State {
    fn open(&self, io: &mut Io<'_>) -> Result<Log, Exit> {
        Log::open(&self.state).map_err(|fault| unusable(&fault, io))
    }
}

pub(super) fn run(args: &Args, io: &mut Io<'_>, config: &Config) -> Exit {
    let result = match &args.what {
        What::Verify(args) => verify::run(args, io),
        What::Search(args) => search::run(args, io),
        What::Export(args) => export::run(args, io),
        What::Replay(args) => replay::run(args, io, config),
        What::Key(args) => key::run(args, io),
    };
    match result {
        Ok(exit) | Err(exit) => exit,
    }
}

/// Says why a log cannot be used.
fn unusable(fault: &Fault, io: &mut Io<'_>) -> Exit {
    failed(io, &fault.to_string(), Some(HELP))
}

/// A bar that shows a person how many records of a log were looked at.
fn bar(what: &str, log: &Log, io: &mut Io<'_>) -> Result<ProgressBar, Exit> {
    if !io.interactive {
        return Ok(ProgressBar::hidden());
    }
    let span = log.span().map_err(|fault| unusable(&fault, io))?;
    let records = span.map_or(0, |(first, last)| last.saturating_sub(first).saturating_add(1));
    Ok(progress(what, u64::try_from(records).unwrap_or_default(), io))
}

/// A bar that shows a person how many records were looked at.
fn progress(what: &str, records: u64, io: &Io<'_>) -> ProgressBar {
    if !io.interactive {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(records), ProgressDrawTarget::stderr_with_hz(4));
    let shown = format!("{what} {{bar:40}} {{human_pos}} of {{human_len}} records, {{elapsed}}, {{per_sec}}");
    match ProgressStyle::with_template(&shown) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Tells a bar where it is.
fn at(bar: &ProgressBar, records: i64) {
    bar.set_position(u64::try_from(records).unwrap_or_default());
}
