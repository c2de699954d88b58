//! The service: one process that answers what proxies, gateways and clients ask, each in its own convention.
//!
//! In go connections, out come answers; in between every surface takes the same way: who asks (`identity`) → a request →
//! the running set (`policy`) decides, in memory → the decision is recorded (`audit`) → the answer, in the surface's words.
//! Each surface is a folder with its `routes()`; none knows another, and none decides by itself. What the service is told at
//! its start are [`Settings`]; what it holds while it runs is the `App`.

mod acl;
mod admin;
mod app;
pub(crate) mod audit;
mod authzen;
mod decide;
mod forward;
mod gateway;
mod http;
pub(crate) mod hub;
mod identity;
mod limits;
pub(crate) mod managed;
mod ops;
pub(crate) mod outbound;
mod policy;
mod projects;
mod settings;
mod web;

pub use app::Failure;
pub use http::TlsFiles;
pub use identity::{development_token, new_key};
pub use ops::{Format as LogFormat, Level as LogLevel, Log, Trace};
pub use policy::Origin as PolicyOrigin;
pub use settings::{Faulty, Settings};

use crate::store::Stores;
use app::App;
use axum::{Router, middleware::from_fn_with_state};
use futures_util::FutureExt;
use ops::announce;
use std::{future::Future, io::Write, sync::Arc, time::Duration};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Serves until the process is told to end (SIGTERM or SIGINT): no new connection is taken then, and what is under way is
/// finished. `stores` are those on other machines that the settings may name; `out` is told where the service listens, once
/// it does.
///
/// # Errors
/// If the service cannot start: the set is not valid, an address is taken, a key cannot be read.
pub fn run(
    settings: Settings,
    origin: PolicyOrigin,
    stores: &Stores,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let threads = settings.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.max(1))
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    settings.validate().map_err(Failure::Settings)?;
    let observer = ops::observe(settings.log, &settings.trace).map_err(Failure::Settings)?;
    let served = runtime.block_on(serve(settings, origin, stores, out));
    observer.stop();
    served
}

async fn serve(
    settings: Settings,
    origin: PolicyOrigin,
    stores: &Stores,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let listener = http::Listener::bind(settings.listen, &settings).await?;
    let grpc = match settings.grpc_listen {
        Some(address) => Some(http::Listener::bind(address, &settings).await?),
        None => None,
    };
    let (format, watched) = (settings.log.format, origin.watched.clone());
    let app = Arc::new(App::start(settings, origin, stores, &listener.url()).await?);
    announce(out, format, &format!("listening on {}", listener.url()));
    let grpc_remark = grpc.iter().map(|grpc| format!("listening for gRPC on {}", grpc.url()));
    for remark in grpc_remark.chain(app.remarks()) {
        announce(out, format, &remark);
    }
    let is_loaded = app.policies.managed().is_loaded();
    if is_loaded {
        offer_first_key(&app, out, format);
    }
    let _watcher = policy::watch(&app.policies, &watched).map_err(Failure::Settings)?;
    let tasks = [
        tokio::spawn(reload_on_hangup(app.clone())),
        tokio::spawn(tidy(app.clone())),
        tokio::spawn(seek(app.clone())),
        tokio::spawn(policy::follow(app.policies.clone())),
    ];
    let end = told_to_end(app.clone()).map_err(Failure::Runtime)?.shared();
    let serve_grpc = async {
        if let Some(grpc) = grpc {
            grpc.serve(forward::grpc_routes(&app), app.clone(), end.clone()).await;
        }
    };
    let offer_late = async {
        if !is_loaded && loaded(&app, end.clone()).await {
            offer_first_key(&app, out, format);
        }
    };
    tokio::join!(listener.serve(routes(&app), app.clone(), end.clone()), serve_grpc, offer_late);
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    app.stop().await;
    tracing::info!("ended as it was told to");
    Ok(())
}

/// Tells the token that the first managed key can be made with, as long as there is none.
fn offer_first_key(app: &App, out: &mut (dyn Write + Send), format: LogFormat) {
    if let Some(token) = app.bootstrap_token() {
        announce(out, format, &format!("bootstrap token: {token} (makes the first API key: POST /v1/admin/keys)"));
    }
}

/// Waits until documents have been read, or the service ends; whether they have.
async fn loaded(app: &App, end: impl Future<Output = ()>) -> bool {
    let is_loaded = async {
        while !app.policies.managed().is_loaded() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = is_loaded => true,
        () = end => false,
    }
}

/// Keeps in bounds what was counted between two looks at it, and looks whether what was out of order is so still.
async fn tidy(app: Arc<App>) {
    // Often: no request waits long for what was counted meanwhile.
    let mut time = tokio::time::interval(Duration::from_secs(1));
    loop {
        time.tick().await;
        app.metrics.tidy();
        // Those that several services share are looked at all the time.
        if app.health.has_lost(ops::Dependency::Documents) && !app.policies.managed().is_shared() {
            let probing = app.clone();
            let can_keep = tokio::task::spawn_blocking(move || probing.policies.managed().can_keep()).await;
            if can_keep.unwrap_or_default() {
                app.health.regain(ops::Dependency::Documents);
            }
        }
    }
}

/// Asks a store of limits that was lost whether it is there again, as long as no decision does.
async fn seek(app: Arc<App>) {
    let mut time = tokio::time::interval(Duration::from_secs(1));
    loop {
        time.tick().await;
        if app.health.has_lost(ops::Dependency::Limits) {
            app.seek_limits().await;
        }
    }
}

/// All surfaces.
fn routes(app: &Arc<App>) -> Router {
    let change_documents = [managed::routes(), acl::routes(), hub::routes(), admin::routes(), projects::routes()];
    let change_documents = change_documents.into_iter().fold(Router::new(), Router::merge);
    Router::new()
        .merge(change_documents.layer(from_fn_with_state(app.clone(), managed::everywhere)))
        .merge(ops::routes())
        .merge(policy::routes())
        .merge(authzen::routes())
        .merge(gateway::routes(app))
        .merge(forward::routes(&app.settings.forward))
        .merge(web::routes())
        .fallback(web::front_door)
        .method_not_allowed_fallback(http::wrong_method)
        .with_state(app.clone())
}

/// Ends once the process is told to, and whoever sends requests has had time to see that.
fn told_to_end(app: Arc<App>) -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        app.readiness.drain();
        tracing::info!("told to end: requests under way are finished");
        tokio::time::sleep(Duration::from_secs(app.settings.http.drain_delay_seconds)).await;
    })
}

/// Reads the policy set, the keys and the certificate again at each SIGHUP.
async fn reload_on_hangup(app: Arc<App>) {
    let Ok(mut hangup): std::io::Result<Signal> = signal(SignalKind::hangup()) else { return };
    while hangup.recv().await.is_some() {
        if let Some(tls) = &app.tls {
            tls.reload();
        }
        app.identity.reload();
        app.policies.reload("SIGHUP").await;
    }
}
