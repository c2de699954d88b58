//! Connections: taken up to a limit, each with its time-outs, finished in peace when the service ends.

use super::{Limits, preface::Hurried};
use crate::server::{
    app::{App, Failure},
    forward,
    identity::Origin,
    ops::{self, Stopwatch},
    settings::Settings,
};
use ::http::{
    HeaderValue, Request, StatusCode,
    header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING},
    uri::Authority,
};
use axum::{Router, response::Response};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use std::{
    convert::Infallible,
    future::Future,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time,
};
use tower::util::ServiceExt;
use tracing::{Instrument, field::Empty};

/// How long is waited after the system has refused to give a connection: it is out of files or memory.
const BREATH: Duration = Duration::from_millis(50);

/// A socket that connections come from.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    is_secure: bool,
}

impl Listener {
    pub(crate) async fn bind(address: SocketAddr, settings: &Settings) -> Result<Self, Failure> {
        let failed = |error| Failure::Listen(address, error);
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address, is_secure: settings.tls.is_some() })
    }

    /// Where it listens, as an address that a browser would take.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", if self.is_secure { "https" } else { "http" }, self.address)
    }

    /// Answers connections until `end`, then lets those under way finish.
    pub(crate) async fn serve(self, router: Router, app: Arc<App>, end: impl Future<Output = ()>) {
        let limits = &app.settings.http;
        let places = Arc::new(Semaphore::new(limits.connections));
        let graceful = GracefulShutdown::new();
        let hosts = Arc::new(Hosts::of(&app.settings, self.address));
        let visit = Arc::new(Reception { builder: builder(limits), router, hosts, app: app.clone() });
        let mut end = std::pin::pin!(end);
        loop {
            let connected = async {
                let place = places.clone().acquire_owned().await;
                (place, self.socket.accept().await)
            };
            let (place, accepted) = tokio::select! {
                connected = connected => connected,
                () = &mut end => break,
            };
            let Ok((stream, peer)) = accepted else {
                time::sleep(BREATH).await;
                continue;
            };
            // An answer is one small write: it must not wait for the one before to be acknowledged.
            let _ = stream.set_nodelay(true);
            let (visit, watcher) = (visit.clone(), graceful.watcher());
            tokio::spawn(async move {
                let _connected = visit.app.metrics.connected();
                visit.receive(stream, peer, watcher).await;
                drop(place);
            });
        }
        drop(self.socket);
        let drained = time::timeout(Duration::from_secs(limits.drain_seconds), graceful.shutdown()).await;
        if drained.is_err() {
            tracing::warn!(seconds = limits.drain_seconds, "requests under way did not finish in time");
        }
    }
}

/// What every connection needs.
struct Reception {
    builder: auto::Builder<TokioExecutor>,
    router: Router,
    hosts: Arc<Hosts>,
    app: Arc<App>,
}

impl Reception {
    /// Answers what comes over a connection, in TLS where the service speaks it.
    async fn receive(&self, stream: TcpStream, peer: SocketAddr, watcher: Watcher) {
        let Some(tls) = &self.app.tls else { return self.answer(stream, peer, watcher).await };
        let limit = Duration::from_secs(self.app.settings.http.handshake_seconds);
        match time::timeout(limit, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.answer(stream, peer, watcher).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
            Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
        }
    }

    async fn answer(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
        watcher: Watcher,
    ) {
        let (router, app, hosts) = (self.router.clone(), self.app.clone(), self.hosts.clone());
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            answer(router.clone(), app.clone(), hosts.clone(), peer, request)
        });
        let stream = Hurried::new(stream, Duration::from_secs(self.app.settings.http.header_seconds));
        let connection = self.builder.serve_connection(TokioIo::new(stream), service).into_owned();
        // A client that goes away in the middle is nobody's fault.
        let _ = watcher.watch(connection).await;
    }
}

fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(limits.header_seconds))
        .max_headers(limits.headers)
        .max_buf_size(limits.header_bytes.max(8 * 1024));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(200)
        .keep_alive_interval(Duration::from_secs(30));
    builder
}

/// Answers one request: what it is called and where it came from is settled first, and the answer carries its name.
async fn answer(
    router: Router,
    app: Arc<App>,
    hosts: Arc<Hosts>,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let began = Stopwatch::start();
    let origin = Origin::of(request.headers(), peer, &app.settings.trusted_proxies);
    let name = origin.id.clone();
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        http.request.method = %request.method(),
        url.path = request.uri().path(),
        http.response.status_code = Empty,
        request.id = %name,
    );
    ops::join(&span, request.headers());
    let line = app.settings.log.access.then(|| Line::of(&request, &origin));
    // A proxy that asks for its client may also pass on what the client called the proxy.
    let is_passed_on = origin.is_proxied && forward::is_asked_at(request.uri().path());
    let misdirected = || if is_passed_on { None } else { hosts.refuse(&request) };
    let early = || early(&app, request.uri().path());
    let mut response = match doubtful(&request).or_else(misdirected).or_else(early) {
        Some(refusal) => refusal,
        None => {
            request.extensions_mut().insert(origin);
            let Ok(response) = router.oneshot(request).instrument(span.clone()).await;
            response
        }
    };
    app.metrics.responded(response.status());
    span.record("http.response.status_code", response.status().as_u16());
    if let Some(line) = line {
        line.log(name.as_str(), response.status(), began);
    }
    if let Ok(name) = HeaderValue::from_str(name.as_str()) {
        response.headers_mut().insert("x-request-id", name);
    }
    Ok(response)
}

/// Refuses what is asked before there is a policy set, unless that is whether there is one.
fn early(app: &App, path: &str) -> Option<Response> {
    let is_early = app.policies.is_waiting() && !ops::tells_of_itself(path);
    is_early.then(|| super::error(StatusCode::SERVICE_UNAVAILABLE, "there is no policy set yet"))
}

/// What the log says of a request. What stands behind `?` may be a secret, and is not said.
struct Line {
    method: ::http::Method,
    path: String,
    client: IpAddr,
    peer: IpAddr,
}

impl Line {
    fn of<B>(request: &Request<B>, origin: &Origin) -> Self {
        let Origin { client, peer, .. } = *origin;
        Self { method: request.method().clone(), path: request.uri().path().to_owned(), client, peer }
    }

    fn log(&self, id: &str, status: StatusCode, began: Stopwatch) {
        let Self { method, path, client, peer } = self;
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::info!(%method, path, status = status.as_u16(), micros, %client, %peer, id, "request");
    }
}

/// Refuses a request that others on its way may read otherwise: whose end is said twice, or whose host is.
fn doubtful<B>(request: &Request<B>) -> Option<Response> {
    let headers = request.headers();
    let lengths = headers.get_all(CONTENT_LENGTH).iter().count();
    if lengths > 1 || lengths == 1 && headers.contains_key(TRANSFER_ENCODING) {
        return Some(super::error(StatusCode::BAD_REQUEST, "the length of the body is said twice"));
    }
    if headers.get_all(HOST).iter().count() > 1 {
        return Some(super::error(StatusCode::BAD_REQUEST, "`Host` is said twice"));
    }
    None
}

/// By which names the service may be called. A page of somebody else's, whose name leads to this machine, calls it by its own
/// name and gets nothing.
#[derive(Debug)]
struct Hosts {
    named: Vec<String>,
    address: IpAddr,
}

impl Hosts {
    fn of(settings: &Settings, address: SocketAddr) -> Self {
        let outside = settings.url.as_deref().and_then(|url| url.parse::<::http::Uri>().ok());
        let outside = outside.as_ref().and_then(|url| url.host()).map(str::to_ascii_lowercase);
        let named = settings.hosts.iter().map(|host| host.to_ascii_lowercase()).chain(outside).collect();
        Self { named, address: address.ip() }
    }

    /// Refuses a request that calls the service by a name it does not have.
    fn refuse<B>(&self, request: &Request<B>) -> Option<Response> {
        let message = "the service is not called so; `hosts` in its settings says how it may be";
        (!self.know(request)).then(|| super::error(StatusCode::MISDIRECTED_REQUEST, message))
    }

    /// Whether a request calls the service by one of its names: those it was told, its address, and `localhost` where that
    /// is its own. A request of HTTP/1.0 without a name is answered.
    fn know<B>(&self, request: &Request<B>) -> bool {
        let header = request
            .headers()
            .get(HOST)
            .map(|value| value.to_str().ok().and_then(|text| text.parse::<Authority>().ok()));
        let authority = match (request.uri().authority(), header) {
            (Some(authority), _) => authority.clone(),
            (None, Some(Some(authority))) => authority,
            (None, Some(None)) => return false,
            (None, None) => return true,
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if let Ok(address) = host.parse::<IpAddr>() {
            return address == self.address || self.address.is_unspecified() || address.is_loopback();
        }
        self.named.contains(&host) || host == "localhost"
    }
}
