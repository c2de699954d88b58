//! What the service does without at the moment. Policies see it as `degraded`, and say what that means.
//!
//! A store that cannot be reached is found out by whoever needs it; an administrator can say so of anything else, by
//! `/v1/admin/degraded`.

use crate::server::{
    app::App,
    decide::Surface,
    http::{self, BadBody},
    identity::Origin,
    managed::{Manager, Refused},
    policy::running,
};
use ::http::{HeaderMap, StatusCode};
use axum::{
    Extension, Json, Router,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/admin/degraded", get(show).put(declare).delete(lift))
}

/// Something that the service depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dependency {
    /// The store of audit logs.
    Audit,
    /// The store of managed documents.
    Documents,
    /// The store of limits.
    Limits,
    /// Whatever an administrator says.
    Declared,
}

impl Dependency {
    const fn name(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Documents => "documents",
            Self::Limits => "limits",
            Self::Declared => "declared",
        }
    }
}

/// What is out of order, each with the reason.
#[derive(Debug, Default)]
pub(crate) struct Health {
    lost: Mutex<BTreeMap<Dependency, String>>,
    is_degraded: AtomicBool,
}

impl Health {
    /// Whether anything is out of order.
    pub(crate) fn is_degraded(&self) -> bool {
        self.is_degraded.load(Ordering::Relaxed)
    }

    /// Something is out of order from now on.
    pub(crate) fn lose(&self, what: Dependency, why: &str) {
        let mut lost = self.lock();
        let is_new = lost.insert(what, why.to_owned()).is_none();
        self.is_degraded.store(true, Ordering::Relaxed);
        // Whoever reads this can rely on it already.
        if is_new {
            tracing::error!(what = what.name(), why, "the service is degraded");
        }
    }

    /// Something is in order again.
    pub(crate) fn regain(&self, what: Dependency) {
        if !self.is_degraded() {
            return;
        }
        let mut lost = self.lock();
        let was_lost = lost.remove(&what).is_some();
        self.is_degraded.store(!lost.is_empty(), Ordering::Relaxed);
        if was_lost {
            tracing::info!(what = what.name(), "is in order again");
        }
    }

    /// Whether something is out of order.
    pub(crate) fn has_lost(&self, what: Dependency) -> bool {
        self.is_degraded() && self.lock().contains_key(&what)
    }

    /// What is out of order, for people.
    pub(super) fn told(&self) -> BTreeMap<&'static str, String> {
        self.lock().iter().map(|(what, why)| (what.name(), why.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Dependency, String>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a caller may manage the running service.
async fn manager(app: &App, headers: &HeaderMap, origin: Origin) -> Result<(), Refused> {
    let caller = app.caller(headers, origin, Surface::Admin).await?;
    app.may_manage(Manager { caller: &caller, surface: Surface::Admin, action: "manage", resource: running() }).await
}

fn state(app: &App) -> Json<Value> {
    Json(json!({ "degraded": app.health.is_degraded(), "reasons": app.health.told() }))
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    manager(&app, &headers, origin).await?;
    Ok(state(&app).into_response())
}

/// Why the service is to be degraded.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Declaration {
    reason: String,
}

async fn declare(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    manager(&app, &headers, origin).await?;
    let declared = http::json_body(&headers, body, &app.settings.http).await.and_then(|text| {
        serde_json::from_str::<Declaration>(&text)
            .map_err(|error| BadBody::new(StatusCode::BAD_REQUEST, error.to_string()))
    });
    match declared {
        Err(bad) => Ok(http::error(bad.status, &bad.message)),
        Ok(declared) => {
            app.health.lose(Dependency::Declared, &declared.reason);
            Ok(state(&app).into_response())
        }
    }
}

async fn lift(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    manager(&app, &headers, origin).await?;
    app.health.regain(Dependency::Declared);
    Ok(state(&app).into_response())
}
