//! What the service holds while it runs.

use super::{
    PolicyOrigin, Settings,
    audit::Audit,
    gateway::Gateway,
    http::Tls,
    identity::{Documents, Identity, Secret, Unauthenticated},
    limits::Shared,
    managed::{Key, Kind, follow, own},
    ops::{Health, Metrics, Readiness},
    outbound::Outbound,
    policy::Policies,
    settings::Faulty,
    web::Web,
};
use crate::{
    clock::{Clock, SystemClock},
    engine::LoadError,
    store::Stores,
};
use hmac::Hmac;
use sha2::Sha256;
use std::{fmt, io, net::SocketAddr, sync::Arc};
use uuid::Uuid;

/// All that a request needs: made once, shared by all.
pub(crate) struct App {
    pub(crate) settings: Settings,
    pub(crate) policies: Arc<Policies>,
    pub(crate) identity: Identity,
    pub(crate) audit: Audit,
    pub(crate) gateway: Option<Gateway>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) readiness: Readiness,
    pub(crate) health: Arc<Health>,
    pub(crate) web: Web,
    /// How connections are secured; none: not at all.
    pub(crate) tls: Option<Tls>,
    /// What the service is called from outside, without a slash at its end.
    pub(crate) url: String,
    /// What tokens of pages are signed with, until the service ends.
    pub(crate) page_key: Hmac<Sha256>,
}

impl App {
    /// Loads the set, opens what is kept, reads the keys.
    pub(super) async fn start(
        settings: Settings,
        mut origin: PolicyOrigin,
        stores: &Stores,
        listens: &str,
    ) -> Result<Self, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let metrics = Arc::new(Metrics::default());
        let tls = settings.tls.as_ref().map(Tls::open).transpose().map_err(Failure::Settings)?;
        let (readiness, health) = (Readiness::default(), Arc::new(Health::default()));
        let shared = settings.limits.open(stores).map_err(Failure::Settings)?;
        let is_shared = shared.is_some();
        if let Some(store) = shared {
            let on_outage = settings.limits.on_outage;
            origin = origin.limits(Arc::new(Shared { store, health: health.clone(), on_outage }));
        }
        let url = settings.url.as_deref().unwrap_or(listens).trim_end_matches('/').to_owned();
        let documents = match settings.managed.shared(stores).map_err(Failure::Settings)? {
            Some(shared) => (shared, Some(format!("{url} {}", Uuid::now_v7().simple()))),
            None => (own(&settings).map_err(Failure::Settings)?, None),
        };
        let outbound = Outbound::new(&settings.outbound).map_err(Failure::Settings)?;
        let policies =
            Arc::new(Policies::load(origin, &settings, &outbound, documents, metrics.clone(), clock.clone())?);
        policies.begin().await?;
        if !policies.is_waiting() {
            settings.suit(&policies.current()).map_err(Failure::Settings)?;
        }
        let documents = key_documents(policies.clone());
        let identity = Identity::open(&settings, &outbound, clock.clone(), documents).await;
        let identity = identity.map_err(Failure::Settings)?;
        let audit = Audit::open(&settings, &outbound, stores, &health).map_err(Failure::Settings)?;
        let gateway = Gateway::open(&settings.gateway, clock.now().timestamp()).map_err(Failure::Settings)?;
        let page_key = Secret::random().map_err(Failure::Settings)?.keyed_hash();
        let web = Web::open(&settings.web).map_err(Failure::Settings)?;
        let app = Self {
            settings,
            policies,
            identity,
            audit,
            gateway,
            clock,
            metrics,
            readiness,
            health,
            web,
            tls,
            url,
            page_key,
        };
        if is_shared {
            app.seek_limits().await;
        }
        if app.policies.managed().is_shared() {
            app.follow().await.map_err(Failure::Runtime)?;
        }
        Ok(app)
    }

    /// Reads the documents that several services share, and from then on what others write. What cannot be read yet is read
    /// later: until then nothing is decided.
    async fn follow(&self) -> io::Result<()> {
        let (policies, health) = (self.policies.clone(), self.health.clone());
        // What it found is known to those whom it concerns.
        let _ = tokio::task::spawn_blocking(move || policies.managed().look(&health)).await;
        follow(self.policies.clone(), self.health.clone())
    }

    /// Finds out whether the store of limits can be asked.
    pub(super) async fn seek_limits(&self) {
        let (engine, now) = (self.policies.current(), self.clock.now());
        // The store takes note of it itself.
        let _ = tokio::task::spawn_blocking(move || engine.counters().peek(now, &[])).await;
    }

    /// What a person who starts the service should know.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut remarks = self.policies.remarks();
        remarks.extend(self.identity.remarks());
        remarks
    }

    /// The token that the first managed key can be made with, as long as there is none. Each call makes another.
    pub(super) fn bootstrap_token(&self) -> Option<String> {
        let keys = self.identity.managed_keys().filter(|_| !self.has_managed_keys())?;
        keys.begin().inspect_err(|error| tracing::error!(%error, "no bootstrap token can be made")).ok()
    }

    /// Whether there is a managed key.
    pub(crate) fn has_managed_keys(&self) -> bool {
        !self.policies.managed().list(Kind::ApiKey, None, 1).is_empty()
    }

    /// Puts away what is still held in memory.
    pub(super) async fn stop(&self) {
        self.audit.close().await;
        let policies = self.policies.clone();
        let _ = tokio::task::spawn_blocking(move || policies.managed().leave()).await;
    }
}

/// What managed documents say of keys. Somebody may have revoked one, where the store was not heard of for long.
fn key_documents(policies: Arc<Policies>) -> Documents {
    Arc::new(move |id| {
        let document = policies.managed().get(&Key::api_key(id));
        match document {
            Some(_) if policies.managed().is_stale() => Err(Unauthenticated::stale()),
            document => Ok(document.map(|document| document.body.json())),
        }
    })
}

/// Why the service did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// What it was told cannot be.
    Settings(Faulty),
    /// The policy set cannot be used.
    Policies(Box<LoadError>),
    /// An address cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// The system gives no threads or signals.
    Runtime(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(faulty) => faulty.fmt(f),
            Self::Policies(error) => error.fmt(f),
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Runtime(error) => write!(f, "cannot start: {error}"),
        }
    }
}

impl std::error::Error for Failure {}
