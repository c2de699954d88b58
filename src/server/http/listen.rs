//! Connections: taken up to a limit, each with its time-outs, finished in peace when the service ends.

use super::Limits;
use crate::server::{
    app::{App, Failure},
    forward,
    identity::Origin,
    settings::Settings,
};
use ::http::{HeaderValue, Request, StatusCode, header::HOST, uri::Authority};
use axum::{Router, response::Response};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use std::{
    convert::Infallible,
    future::Future,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpListener, sync::Semaphore, time};
use tower::util::ServiceExt;

/// How long is waited after the system has refused to give a connection: it is out of files or memory.
const BREATH: Duration = Duration::from_millis(50);

/// A socket that connections come from.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    pub(crate) async fn bind(address: SocketAddr) -> Result<Self, Failure> {
        let failed = |error| Failure::Listen(address, error);
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address })
    }

    /// Where it listens, as an address that a browser would take.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers connections until `end`, then lets those under way finish.
    pub(crate) async fn serve(self, router: Router, app: Arc<App>, end: impl Future<Output = ()>) {
        let limits = &app.settings.http;
        let builder = builder(limits);
        let places = Arc::new(Semaphore::new(limits.connections));
        let graceful = GracefulShutdown::new();
        let hosts: Arc<Hosts> = Arc::new(Hosts::of(&app.settings, self.address));
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
            let (router, app, hosts) = (router.clone(), app.clone(), hosts.clone());
            let answer = hyper::service::service_fn(move |request: Request<Incoming>| {
                answer(router.clone(), app.clone(), hosts.clone(), peer, request)
            });
            let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), answer).into_owned());
            tokio::spawn(async move {
                // A client that goes away in the middle is nobody's fault.
                let _ = connection.await;
                drop(place);
            });
        }
        drop(self.socket);
        let _ = time::timeout(Duration::from_secs(limits.drain_seconds), graceful.shutdown()).await;
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
    let origin = Origin::of(request.headers(), peer, &app.settings.trusted_proxies);
    let name = HeaderValue::from_str(origin.id.as_str());
    // A proxy that asks for its client may also pass on what the client called the proxy.
    let is_passed_on = origin.is_proxied && forward::is_asked_at(request.uri().path());
    let mut response = if is_passed_on || hosts.know(&request) {
        request.extensions_mut().insert(origin);
        let Ok(response) = router.oneshot(request).await;
        response
    } else {
        super::error(
            StatusCode::MISDIRECTED_REQUEST,
            "the service is not called so; `hosts` in its settings says how it may be",
        )
    };
    if let Ok(name) = name {
        response.headers_mut().insert("x-request-id", name);
    }
    Ok(response)
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
