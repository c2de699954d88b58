//! Traces: how long a request took, and its decision in it, for a collector of OpenTelemetry.

use crate::server::settings::Faulty;
use ::http::HeaderMap;
use opentelemetry::{
    propagation::{Extractor, TextMapPropagator},
    trace::TracerProvider,
};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider},
};
use serde::Deserialize;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, Registry, filter::filter_fn};

/// Where traces go: `[trace]`. They are off without an endpoint.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Trace {
    /// The collector, as in `http://127.0.0.1:4318/v1/traces`: OTLP over HTTP.
    pub endpoint: Option<String>,
    /// How many of the requests are traced that nobody before the service has decided on.
    pub ratio: f64,
}

impl Default for Trace {
    fn default() -> Self {
        Self { endpoint: None, ratio: 1.0 }
    }
}

impl Trace {
    pub(in crate::server) fn validate(&self) -> Result<(), Faulty> {
        let Some(endpoint) = &self.endpoint else { return Ok(()) };
        let url: ::http::Uri =
            endpoint.parse().map_err(|error| Faulty(format!("`trace.endpoint` is no address: {error}")))?;
        if !matches!(url.scheme_str(), Some("http" | "https")) {
            return Err(Faulty("`trace.endpoint` must begin with `http://` or `https://`".to_owned()));
        }
        Ok(())
    }
}

/// Sends spans to the collector; none without one.
pub(super) fn provider(trace: &Trace) -> Result<Option<SdkTracerProvider>, Faulty> {
    let Some(endpoint) = &trace.endpoint else { return Ok(None) };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(endpoint)
        .with_protocol(Protocol::HttpBinary)
        .build()
        .map_err(|error| Faulty(format!("`trace.endpoint` cannot be used: {error}")))?;
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(trace.ratio)));
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(sampler)
        .with_resource(Resource::builder().with_service_name("policyc").build());
    Ok(Some(provider.build()))
}

/// Takes spans of the service, and no one else's: the sending of spans would be traced, too.
pub(super) fn layer(provider: &SdkTracerProvider) -> Box<dyn Layer<Registry> + Send + Sync> {
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("policyc"));
    Box::new(layer.with_filter(filter_fn(|about| about.is_span() && about.target().starts_with("policyc"))))
}

/// Makes a span part of the trace that the caller has begun, if it says so (`traceparent`).
pub(in crate::server) fn join(span: &tracing::Span, headers: &HeaderMap) {
    if !span.is_disabled() && headers.contains_key("traceparent") {
        let _ = span.set_parent(TraceContextPropagator::new().extract(&Headers(headers)));
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(::http::HeaderName::as_str).collect()
    }
}
