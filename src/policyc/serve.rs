//! `policyc serve`: the service.

use super::{Config, Exit, Io, set, style::failed};
use crate::{
    engine::Claims,
    server::{self, Failure, PolicyOrigin, Settings},
};
use std::{net::SocketAddr, path::PathBuf};

/// Answer what proxies, gateways and clients ask
///
/// One process that needs no other: it decides in memory, by the policies it is given. What flags do not say, `serve.toml`
/// does.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 ended as it was told to; 1 usage, settings, or an address that is taken; 3 the policy set is not valid.

Example:
  policyc serve policies/tiers
  policyc serve policies --config serve.toml --check-config")]
pub(super) struct Args {
    /// Policy files, folders and bundles
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The settings
    #[arg(long, env = "POLICYC_SERVE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen; port 0 is any that is free
    #[arg(long, env = "POLICYC_SERVE_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where to keep what outlives the process: a folder, or `memory` for nowhere
    #[arg(long, env = "POLICYC_SERVE_STATE", value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// Listen beyond loopback without TLS
    #[arg(long, env = "POLICYC_SERVE_INSECURE")]
    insecure: bool,
    /// How many threads answer, instead of one for each processor
    #[arg(long, env = "POLICYC_SERVE_WORKERS", value_name = "N")]
    workers: Option<usize>,
    /// Resources and principals with their attributes: JSON, JSON Lines or CSV
    #[arg(long, env = "POLICYC_SERVE_CATALOG", value_name = "FILE")]
    catalog: Vec<PathBuf>,
    /// Only check the settings and the policy set
    #[arg(long, env = "POLICYC_SERVE_CHECK_CONFIG")]
    check_config: bool,
}

impl Args {
    /// What the file says, and the flags instead.
    fn settings(&self) -> Result<Settings, server::Faulty> {
        let mut settings = self.config.as_deref().map_or_else(|| Ok(Settings::default()), Settings::read)?;
        if let Some(listen) = self.listen {
            settings.listen = listen;
        }
        if let Some(state) = &self.state {
            settings.state.clone_from(state);
        }
        settings.insecure |= self.insecure;
        settings.workers = self.workers.or(settings.workers);
        settings.validate()?;
        Ok(settings)
    }
}

pub(super) fn run(args: &Args, io: &mut Io<'_>, config: &Config) -> Exit {
    match try_run(args, io, config) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn try_run(args: &Args, io: &mut Io<'_>, config: &Config) -> Result<Exit, Exit> {
    let settings = args.settings().map_err(|error| failed(io, &error.to_string(), None))?;
    let set = set::one(&args.paths, &args.catalog, io, config)?;
    let builder = set.builder().claims(Claims::default());
    if args.check_config {
        set::load(builder, io)?;
        let _ = writeln!(io.out, "the settings and the policy set are fine");
        return Ok(Exit::Fine);
    }
    match server::run(settings, PolicyOrigin::new(builder), io.err) {
        Ok(()) => Ok(Exit::Fine),
        Err(Failure::Policies(error)) => Err(set::not_loaded(*error, io)),
        Err(failure) => Err(failed(io, &failure.to_string(), None)),
    }
}
