//! `policyc serve`: the service.

use super::{Config, Exit, Io, set, style::failed};
use crate::{
    engine::{Claims, Engine, EngineBuilder},
    server::{self, Failure, LogFormat, PolicyOrigin, Settings, TlsFiles},
    store::{Address, Stores},
};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// Answer what proxies, gateways and clients ask
///
/// One process that needs no other: it decides in memory, by the policies it is given. What flags do not say, `serve.toml`
/// does.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 ended as it was told to; 1 usage, settings, or an address that is taken; 3 the policy set is not valid.

Example:
  policyc serve policies/tiers
  policyc serve policies --config serve.toml --check-config
  policyc serve https://policies.example.com/hub.bundle --bundle-key hub.pem
  policyc serve --dev-token 'user alice roles=researcher tier=seed'
  policyc serve --config serve.toml --new-key ci >> keys.toml")]
pub(super) struct Args {
    /// Policy files, folders and bundles; or the address of a signed bundle
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The public key that the bundle must be signed by, in a PEM file; then an older one than before is not taken, either
    #[arg(long, env = "POLICYC_SERVE_BUNDLE_KEY", value_name = "FILE")]
    bundle_key: Option<PathBuf>,
    /// Take this revision of the signed bundle and no other; its first digits are enough
    #[arg(long, env = "POLICYC_SERVE_PIN", value_name = "REVISION")]
    pin: Option<String>,
    /// What this node is called among others, instead of the machine's name: it tells who takes a canary, and whose an audit log is
    #[arg(long, env = "POLICYC_SERVE_NODE", value_name = "NAME")]
    node: Option<String>,
    /// The settings
    #[arg(long, env = "POLICYC_SERVE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen; port 0 is any that is free
    #[arg(long, env = "POLICYC_SERVE_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where to listen for gRPC (Envoy's `ext_authz`)
    #[arg(long, env = "POLICYC_SERVE_GRPC_ADDR", value_name = "ADDRESS")]
    grpc_addr: Option<SocketAddr>,
    /// Where to keep what outlives the process: a folder, or `memory` for nowhere
    #[arg(long, env = "POLICYC_SERVE_STATE", value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// Where to count limits: an address such as `redis://127.0.0.1:6379`, or `memory` for this process
    #[arg(long, env = "POLICYC_SERVE_LIMITS", value_name = "ADDRESS", hide_env_values = true)]
    limits: Option<String>,
    /// Where to keep managed documents that several services share: an address such as `postgres://127.0.0.1/policyc`; without it,
    /// in the state folder
    #[arg(long, env = "POLICYC_SERVE_STORE", value_name = "ADDRESS", hide_env_values = true)]
    store: Option<String>,
    /// Where to keep the audit log, among those of other services: an address such as `postgres://127.0.0.1/policyc`; without it, in
    /// the state folder
    #[arg(long, env = "POLICYC_SERVE_AUDIT", value_name = "ADDRESS", hide_env_values = true)]
    audit: Option<String>,
    /// Listen beyond loopback without TLS
    #[arg(long, env = "POLICYC_SERVE_INSECURE")]
    insecure: bool,
    /// How many threads answer, instead of one for each processor
    #[arg(long, env = "POLICYC_SERVE_WORKERS", value_name = "N")]
    workers: Option<usize>,
    /// Servers of models that the gateway stands before, as NAME=URL; they come before those in the settings
    #[arg(long, env = "POLICYC_SERVE_UPSTREAM", value_name = "NAME=URL", value_delimiter = ' ')]
    upstream: Vec<String>,
    /// Resources and principals with their attributes: JSON, JSON Lines or CSV
    #[arg(long, env = "POLICYC_SERVE_CATALOG", value_name = "FILE")]
    catalog: Vec<PathBuf>,
    /// Candidate policies, which decide beside the set without anyone being answered by them; what they would decide otherwise
    /// is reported
    #[arg(long, env = "POLICYC_SERVE_SHADOW", value_name = "PATH")]
    shadow: Vec<PathBuf>,
    /// Read the policies again as soon as a file changes: for development, as a half-copied folder is a policy set, too
    #[arg(long, env = "POLICYC_SERVE_WATCH")]
    watch: bool,
    /// The certificate, and those that lead to a root: PEM
    #[arg(long, env = "POLICYC_SERVE_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key: PEM
    #[arg(long, env = "POLICYC_SERVE_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// How the log is written
    #[arg(long, env = "POLICYC_SERVE_LOG_FORMAT", value_name = "FORMAT", value_parser = ["text", "json"])]
    log_format: Option<String>,
    /// Only check the settings and the policy set
    #[arg(long, env = "POLICYC_SERVE_CHECK_CONFIG")]
    check_config: bool,
    /// Only print a token for trying things out, for a service on the same state folder that has no `[auth]`
    #[arg(long, env = "POLICYC_SERVE_DEV_TOKEN", value_name = "PRINCIPAL", conflicts_with_all = ["check_config", "new_key"])]
    dev_token: Option<String>,
    /// Only make an API key: its entry for `auth.keys` is printed, and the key itself is shown this once, on standard error
    #[arg(long, env = "POLICYC_SERVE_NEW_KEY", value_name = "ID", conflicts_with = "check_config")]
    new_key: Option<String>,
}

impl Args {
    /// What the file says, and the flags instead.
    fn settings(&self) -> Result<Settings, server::Faulty> {
        let mut settings = self.config.as_deref().map_or_else(|| Ok(Settings::default()), Settings::read)?;
        if let Some(listen) = self.listen {
            settings.listen = listen;
        }
        settings.grpc_listen = self.grpc_addr.or(settings.grpc_listen);
        if let Some(state) = &self.state {
            settings.state.clone_from(state);
        }
        if let Some(limits) = &self.limits {
            settings.limits.store = Address::from(limits.clone());
        }
        if let Some(store) = &self.store {
            settings.managed.store = Some(Address::from(store.clone()));
        }
        if let Some(audit) = &self.audit {
            settings.audit.store = Some(Address::from(audit.clone()));
        }
        if let (Some(cert), Some(key)) = (&self.tls_cert, &self.tls_key) {
            settings.tls = Some(TlsFiles::new(cert.clone(), key.clone()));
        }
        if let Some(format) = &self.log_format {
            settings.log.format = if format == "json" { LogFormat::Json } else { LogFormat::Text };
        }
        settings.insecure |= self.insecure;
        settings.workers = self.workers.or(settings.workers);
        let upstreams = self.upstream.iter().map(|text| text.parse()).collect::<Result<Vec<_>, _>>()?;
        settings.gateway.upstreams.splice(..0, upstreams);
        settings.node = self.node.clone().or(settings.node);
        self.bundle(&mut settings)?;
        settings.validate()?;
        Ok(settings)
    }

    /// Which signed bundle is followed, if one is: an address, or the one file that a key was given for.
    fn bundle(&self, settings: &mut Settings) -> Result<(), server::Faulty> {
        let bundle = &mut settings.policy.bundle;
        bundle.key = self.bundle_key.clone().or(bundle.key.take());
        bundle.pin = self.pin.clone().or(bundle.pin.take());
        let Some(first) = self.paths.first() else { return Ok(()) };
        let first = first.display();
        if bundle.is_followed() {
            return Err(server::Faulty(format!("the policies are `{first}`, and `[policy.bundle]` names others")));
        }
        match self.paths.as_slice() {
            [only] if is_url(only) => bundle.url = Some(first.to_string()),
            [only] if bundle.key.is_some() && !only.is_dir() => bundle.file = Some(only.clone()),
            paths if paths.iter().any(|path| is_url(path)) => {
                return Err(server::Faulty(
                    "a bundle at an address is a whole policy set: nothing goes with it".to_owned(),
                ));
            }
            _ => {}
        }
        if bundle.is_followed() && !self.catalog.is_empty() {
            return Err(server::Faulty("a signed bundle brings its catalogs with it".to_owned()));
        }
        Ok(())
    }
}

/// Whether a path is an address.
fn is_url(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.starts_with("https://") || path.starts_with("http://"))
}

pub(super) fn run(args: &Args, io: &mut Io<'_>, config: &Config, stores: &Stores) -> Exit {
    match try_run(args, io, config, stores) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn try_run(args: &Args, io: &mut Io<'_>, config: &Config, stores: &Stores) -> Result<Exit, Exit> {
    let settings = args.settings().map_err(|error| failed(io, &error.to_string(), None))?;
    if args.dev_token.is_some() || args.new_key.is_some() {
        return credential(args, &settings, io).map_err(|error| failed(io, &error.to_string(), None));
    }
    let is_bundled = settings.policy.bundle.is_followed();
    let builder =
        if is_bundled { Engine::builder() } else { set::one(&args.paths, &args.catalog, io, config)?.builder() };
    let builder = builder.claims(Claims::default());
    if args.check_config {
        return checked(&settings, builder, stores, io);
    }
    let catalogs = config.catalogs(&args.catalog);
    let watched = match &settings.policy.bundle.file {
        _ if !args.watch => Vec::new(),
        Some(file) => vec![file.clone()],
        None if is_bundled => Vec::new(),
        None => config.paths(&args.paths).into_iter().chain(catalogs.iter().cloned()).collect(),
    };
    let origin = PolicyOrigin::new(builder).catalogs(catalogs).shadow(args.shadow.clone()).watched(watched);
    match server::run(settings, origin, stores, io.err) {
        Ok(()) => Ok(Exit::Fine),
        Err(failure) => Err(not_served(failure, io)),
    }
}

/// Only checks the settings and the policy set. An address is not asked.
fn checked(settings: &Settings, builder: EngineBuilder, stores: &Stores, io: &mut Io<'_>) -> Result<Exit, Exit> {
    settings.check(stores).map_err(|error| failed(io, &error.to_string(), None))?;
    let engine = if settings.policy.bundle.is_followed() {
        settings.bundled().map_err(|failure| not_served(failure, io))?
    } else {
        Some(set::load(builder, io)?)
    };
    let Some(engine) = engine else {
        let _ = writeln!(io.out, "the settings are fine; the policy set was not fetched");
        return Ok(Exit::Fine);
    };
    settings.suit(&engine).map_err(|error| failed(io, &error.to_string(), None))?;
    let _ = writeln!(io.out, "the settings and the policy set are fine");
    Ok(Exit::Fine)
}

/// Says why the service does not start.
fn not_served(failure: Failure, io: &mut Io<'_>) -> Exit {
    if let Failure::Policies(error) = failure {
        return set::not_loaded(*error, io);
    }
    failed(io, &failure.to_string(), None)
}

/// Makes a token or a key, and shows it.
fn credential(args: &Args, settings: &Settings, io: &mut Io<'_>) -> Result<Exit, server::Faulty> {
    if let Some(words) = &args.dev_token {
        let token = server::development_token(settings, words)?;
        let _ = writeln!(io.out, "{token}");
    }
    if let Some(id) = &args.new_key {
        let (key, entry) = server::new_key(settings, id)?;
        let _ = write!(io.out, "{entry}");
        let _ = writeln!(io.err, "policyc: the key, shown this once: {key}");
    }
    Ok(Exit::Fine)
}
