//! What the service says of itself, line by line on standard error. Never a credential: neither headers nor bodies nor what
//! stands behind `?` in an address is ever said.

use super::trace::{self, Trace};
use crate::{
    clock::{Clock, SystemClock},
    server::settings::Faulty,
};
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde::Deserialize;
use std::io::{self, IsTerminal, Write};
use tracing_subscriber::{EnvFilter, Layer, Registry, filter::FilterExt, fmt, layer::SubscriberExt};

/// What is logged: `[log]`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Log {
    /// How a line is written.
    pub format: Format,
    /// What is important enough.
    pub level: Level,
    /// Whether each request is a line.
    pub access: bool,
}

/// How a line is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// A JSON document on each line.
    Json,
}

/// How important a line is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What an operator must see to.
    Error,
    /// And what may become so.
    Warn,
    /// And what has changed.
    #[default]
    Info,
    /// And how things go.
    Debug,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// Carries what is said to where it goes, until it is stopped.
#[derive(Debug)]
pub(in crate::server) struct Observer(Option<SdkTracerProvider>);

/// Logs and traces from now on. Where the process logs already, it goes on as it does.
pub(in crate::server) fn observe(log: Log, traced: &Trace) -> Result<Observer, Faulty> {
    // Other crates say what only they know, and some of it is what came over the wire.
    let filter = EnvFilter::new(format!("warn,policyc={}", log.level.name()));
    let filter = filter.and(tracing_subscriber::filter::filter_fn(|about| !about.is_span()));
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match log.format {
        Format::Text => Box::new(lines.with_target(false).with_filter(filter)),
        Format::Json => Box::new(lines.json().flatten_event(true).with_target(false).with_filter(filter)),
    };
    let mut layers = vec![lines];
    let provider = trace::provider(traced)?;
    layers.extend(provider.as_ref().map(trace::layer));
    let _ = tracing::subscriber::set_global_default(Registry::default().with(layers));
    Ok(Observer(provider))
}

impl Observer {
    /// Sends what is still held in memory.
    pub(in crate::server) fn stop(self) {
        if let Some(Err(error)) = self.0.map(|provider| provider.shutdown()) {
            tracing::warn!(%error, "the last traces were not taken");
        }
    }
}

/// Says something that whoever started the service waits for, in the format of the log.
pub(in crate::server) fn announce(out: &mut (dyn Write + Send), format: Format, what: &str) {
    // Whoever reads this may be gone; the service serves all the same.
    let _ = match format {
        Format::Text => writeln!(out, "policyc: {what}"),
        Format::Json => {
            let timestamp = SystemClock.now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
            writeln!(out, "{}", serde_json::json!({ "timestamp": timestamp, "level": "INFO", "message": what }))
        }
    }
    .and_then(|()| out.flush());
}
