//! What the service is told at its start: `serve.toml`, and the flags that go before it.
//!
//! Each part of the service has its own table here, read by its own type in its own folder. What is misspelt or does not fit
//! is an error that names the line; nothing is a default by mistake.

use super::{
    Failure, audit, authzen, forward, gateway, http, hub, identity, limits, managed, ops, outbound, policy, web,
};
use crate::{engine::Engine, store::Stores};
use ipnet::IpNet;
use serde::Deserialize;
use std::{
    env, fmt, fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

/// What the service is told at its start.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Where it listens. A port of 0 is any that is free.
    pub listen: SocketAddr,
    /// Where it listens for gRPC; none: nowhere.
    pub grpc_listen: Option<SocketAddr>,
    /// Where it keeps its state: a folder, or `memory` for nowhere.
    pub state: PathBuf,
    /// What this node is called among others; none: as its machine.
    pub node: Option<String>,
    /// What it is called from outside, as in `https://pdp.example.com`; none: where it listens.
    pub url: Option<String>,
    /// By which names it may be called (`Host`), besides its addresses and the name in `url`.
    pub hosts: Vec<String>,
    /// Whose word on where a request comes from is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether it may listen beyond loopback without TLS.
    pub insecure: bool,
    /// How many threads answer; none: one for each processor.
    pub workers: Option<usize>,
    /// How much a connection may ask of it.
    pub http: http::Limits,
    /// Who asks, and how that is proved.
    pub auth: identity::Settings,
    /// How it asks others.
    pub outbound: outbound::Settings,
    /// By which certificate it is known; none: it speaks no TLS.
    pub tls: Option<http::TlsFiles>,
    /// How policy sets are kept and compared.
    pub policy: policy::Settings,
    /// The model hub.
    pub hub: hub::Settings,
    /// What comes through its interfaces.
    pub managed: managed::Settings,
    /// Where limits are counted.
    pub limits: limits::Settings,
    /// What it says of itself.
    pub log: ops::Log,
    /// Where it sends traces.
    pub trace: ops::Trace,
    /// What is recorded.
    pub audit: audit::Settings,
    /// What enforcement points ask over AuthZEN.
    pub authzen: authzen::Settings,
    /// What stands before models.
    pub gateway: gateway::Settings,
    /// What proxies ask before they let a request through.
    pub forward: forward::Settings,
    /// Pages for people.
    pub web: web::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8181),
            grpc_listen: None,
            state: PathBuf::from("policyc-state"),
            node: None,
            url: None,
            hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            insecure: false,
            workers: None,
            http: http::Limits::default(),
            auth: identity::Settings::default(),
            outbound: outbound::Settings::default(),
            tls: None,
            policy: policy::Settings::default(),
            hub: hub::Settings::default(),
            managed: managed::Settings::default(),
            limits: limits::Settings::default(),
            log: ops::Log::default(),
            trace: ops::Trace::default(),
            audit: audit::Settings::default(),
            authzen: authzen::Settings::default(),
            gateway: gateway::Settings::default(),
            forward: forward::Settings::default(),
            web: web::Settings::default(),
        }
    }
}

/// What is wrong with the settings, with the place of it.
#[derive(Debug)]
pub struct Faulty(pub String);

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Faulty {}

impl Settings {
    /// Reads `serve.toml`. Paths in it are relative to its folder.
    ///
    /// # Errors
    /// If it cannot be read, is not TOML, or says what it may not say.
    pub fn read(file: &Path) -> Result<Self, Faulty> {
        let name = file.display();
        let text = fs::read_to_string(file).map_err(|error| Faulty(format!("cannot read `{name}`: {error}")))?;
        let mut settings: Self = toml::from_str(&text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count().saturating_add(1);
            let column = before.chars().rev().take_while(|char| *char != '\n').count().saturating_add(1);
            Faulty(format!("{name}:{line}:{column}: {}", error.message().replace('\n', "; ")))
        })?;
        let folder = file.parent().unwrap_or(Path::new(""));
        settings.state = below(folder, &settings.state);
        settings.policy.bundle.paths(|path| below(folder, path));
        settings.auth.paths(|path| below(folder, path));
        settings.outbound.paths(|path| below(folder, path));
        settings.gateway.paths(|path| below(folder, path));
        settings.hub.paths(|path| below(folder, path));
        if let Some(tls) = &mut settings.tls {
            tls.paths(|path| below(folder, path));
        }
        Ok(settings)
    }

    /// Says what cannot be: what each table says may be fine alone and wrong together.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), Faulty> {
        if let Some(address) = self.beyond_loopback()
            && !self.insecure
            && self.tls.is_none()
        {
            return Err(Faulty(format!(
                "listening on {address} needs `[tls]`; or say `insecure = true` where something before the service sees to it"
            )));
        }
        self.limits.validate()?;
        self.managed.validate(self)?;
        self.trace.validate()?;
        self.audit.validate(self)?;
        self.outbound.validate()?;
        self.policy.bundle.validate(&self.outbound, self.node().as_deref())?;
        self.forward.validate()?;
        self.auth.validate(self)?;
        self.gateway.validate()
    }

    /// Says what cannot be, in the settings and in the files that they name, for a service with these stores. Nobody is asked,
    /// and nothing is written.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, stores: &Stores) -> Result<(), Faulty> {
        self.validate()?;
        self.limits.open(stores)?;
        self.managed.shared(stores)?;
        self.audit.shared(stores)?;
        if let Some(files) = &self.tls {
            http::Tls::open(files)?;
        }
        outbound::Outbound::new(&self.outbound)?;
        self.auth.check()?;
        self.hub.check()?;
        self.gateway.check()
    }

    /// Says what does not fit a policy set.
    ///
    /// # Errors
    /// The first thing that the set does not know.
    pub fn suit(&self, engine: &Engine) -> Result<(), Faulty> {
        self.gateway.suit(&engine.ir().vocabulary)
    }

    /// What this node is called among others.
    pub(crate) fn node(&self) -> Option<String> {
        let name = || fs::read_to_string(HOST_NAME).ok().or_else(|| env::var("HOSTNAME").ok());
        let name = self.node.clone().or_else(name)?.trim().to_owned();
        (!name.is_empty()).then_some(name)
    }

    /// The set of the signed bundle that is followed, as the service would take it at its first start; none where it is at an
    /// address, which is not asked.
    ///
    /// # Errors
    /// It would not be taken.
    pub fn bundled(&self) -> Result<Option<Engine>, Failure> {
        policy::checked(&self.policy.bundle)
    }

    /// Where it listens beyond loopback, if it does.
    pub(crate) fn beyond_loopback(&self) -> Option<SocketAddr> {
        [Some(self.listen), self.grpc_listen].into_iter().flatten().find(|address| !address.ip().is_loopback())
    }

    /// Whether nothing outlives the process.
    pub(crate) fn is_in_memory(&self) -> bool {
        self.state == Path::new(MEMORY)
    }
}

/// Where the system says what the machine is called.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";
/// What stands for no folder.
const MEMORY: &str = "memory";

/// A path of the file, which is relative to the file's folder.
fn below(folder: &Path, path: &Path) -> PathBuf {
    if path == Path::new(MEMORY) { path.to_owned() } else { folder.join(path) }
}
