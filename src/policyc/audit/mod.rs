//! `policyc audit`: the log of the service.

mod columns;
mod export;
mod filter;
mod key;
mod replay;
mod search;
mod verify;

use super::{Config, Exit, Io, style::failed};
use crate::{
    server::audit::{Entry, Fault, Log},
    store::{Address, Stores},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{path::PathBuf, time::Duration};

/// What is said where a log cannot be read.
const HELP: &str = "`--state` is the folder that the service keeps its state in";
/// How long a store on another machine has for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Check, search and export what the service has decided
///
/// The log lies in the folder of the service's state, or in a store that several services share, and can be read while they
/// run. Every record is there as it was decided: who asked, what for, from where, and what the answer was.
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
    /// The store that several services keep their logs in, instead of a folder: an address such as
    /// `postgres://127.0.0.1/policyc`
    #[arg(long, env = "POLICYC_AUDIT_STORE", value_name = "ADDRESS", hide_env_values = true, conflicts_with = "state")]
    store: Option<String>,
    /// Only the log of this node, of those in the store
    #[arg(long, env = "POLICYC_AUDIT_NODE", value_name = "NAME", requires = "store")]
    node: Option<String>,
}

impl State {
    fn open(&self, stores: &Stores, io: &mut Io<'_>) -> Result<Log, Exit> {
        let Some(address) = &self.store else {
            return Log::open(&self.state).map_err(|fault| self.unusable(&fault, io));
        };
        let store = stores.open_audit(&Address::from(address.clone()), PATIENCE);
        let store = store.map_err(|error| failed(io, &format!("`--store`: {error}"), None))?;
        Log::shared(&*store, self.node.as_deref()).map_err(|fault| self.unusable(&fault, io))
    }

    const fn is_shared(&self) -> bool {
        self.store.is_some()
    }

    /// Says why a log cannot be used.
    fn unusable(&self, fault: &Fault, io: &mut Io<'_>) -> Exit {
        failed(io, &fault.to_string(), (!self.is_shared()).then_some(HELP))
    }

    /// A bar that shows a person how many records were looked at.
    fn bar(&self, what: &str, log: &Log, io: &mut Io<'_>) -> Result<ProgressBar, Exit> {
        if !io.interactive {
            return Ok(ProgressBar::hidden());
        }
        let records = log.count().map_err(|fault| self.unusable(&fault, io))?;
        Ok(progress(what, u64::try_from(records).unwrap_or_default(), io))
    }
}

pub(super) fn run(args: &Args, io: &mut Io<'_>, config: &Config, stores: &Stores) -> Exit {
    let result = match &args.what {
        What::Verify(args) => verify::run(args, stores, io),
        What::Search(args) => search::run(args, stores, io),
        What::Export(args) => export::run(args, stores, io),
        What::Replay(args) => replay::run(args, stores, io, config),
        What::Key(args) => key::run(args, stores, io),
    };
    match result {
        Ok(exit) | Err(exit) => exit,
    }
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

/// What a record keeps of a request and its decision, in JSON, as it stands there.
#[derive(Debug, Default)]
struct Kept<'a> {
    request: Option<&'a str>,
    answer: Option<&'a str>,
}

impl<'a> Kept<'a> {
    fn of(entry: &'a Entry) -> Self {
        #[derive(Default, Deserialize)]
        struct Raw<'a> {
            #[serde(borrow)]
            request: Option<&'a RawValue>,
            #[serde(borrow)]
            answer: Option<&'a RawValue>,
        }
        let Raw { request, answer } = serde_json::from_str(&entry.body).unwrap_or_default();
        Self { request: request.map(RawValue::get), answer: answer.map(RawValue::get) }
    }
}

/// Tells a bar where it is.
fn at(bar: &ProgressBar, records: i64) {
    bar.set_position(u64::try_from(records).unwrap_or_default());
}
