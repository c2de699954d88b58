//! The running policy set, and how another takes its place.
//!
//! In go files, uploads and the wishes of administrators, out comes the set that decides. Whatever the way, a set is parsed,
//! checked and its claims are proved before it decides anything, on a thread of its own; one that does not pass changes
//! nothing. Every set that has decided is kept ([`revisions`]), so that it can again. A candidate can decide beside the
//! running set without anyone being answered by it ([`shadow`]), and be compared with it over all requests ([`difference`]).
//! A set can come from a signed bundle at an address, too ([`bundle`]).

mod admin;
mod bundle;
mod difference;
mod fault;
mod revisions;
mod shadow;
mod upload;
mod watch;

pub(super) use admin::routes;
pub(super) use bundle::{checked, follow};
pub(super) use difference::Comparing;
pub(super) use fault::{diagnostics, first_errors};
pub(super) use revisions::Entry;
pub(super) use shadow::{Candidate, Report};
pub(super) use upload::Upload;
pub(super) use watch::watch;

use super::{
    Settings as All,
    app::Failure,
    managed::Managed,
    ops::{Change as Outcome, Metrics},
    outbound::Outbound,
    settings::Faulty,
};
use crate::{
    clock::Clock,
    engine::{Claims, Engine, EngineBuilder, LiveEngine, LoadError},
    request::Resource,
    store::{
        documents::DocumentStore,
        limits::{LimitStore, MemoryLimits},
    },
};
use bundle::{Followed, Offered, Refused};
use chrono::{DateTime, Utc};
use difference::Last;
use revisions::{How, Revisions};
use serde::Deserialize;
use shadow::Shadow;
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// How policy sets are kept and compared: `[policy]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// How many sets that have decided are kept.
    pub revisions: usize,
    /// How many decisions that a candidate would have made otherwise are kept; all are counted.
    pub differences: usize,
    /// How many bytes an uploaded set may be.
    pub upload_bytes: usize,
    /// The signed bundle that the set comes from; without one, it comes from files.
    pub bundle: bundle::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self { revisions: 20, differences: 100, upload_bytes: 32 * 1024 * 1024, bundle: bundle::Settings::default() }
    }
}

/// Where the policy set comes from.
#[non_exhaustive]
pub struct Origin {
    /// How it is loaded.
    pub builder: EngineBuilder,
    /// What uploaded sets have besides: resources and principals with their attributes.
    pub catalogs: Vec<PathBuf>,
    /// A candidate that decides beside it; none where empty.
    pub shadow: Vec<PathBuf>,
    /// The files and folders that are read again as soon as they change; none where empty.
    pub watched: Vec<PathBuf>,
}

impl Origin {
    /// A set that is loaded so.
    #[must_use]
    pub const fn new(builder: EngineBuilder) -> Self {
        Self { builder, catalogs: Vec::new(), shadow: Vec::new(), watched: Vec::new() }
    }

    /// With another store of limits than one in memory.
    pub(in crate::server) fn limits(mut self, store: Arc<dyn LimitStore>) -> Self {
        self.builder = self.builder.limits(store);
        self
    }

    /// With catalogs, which uploaded sets have, too.
    #[must_use]
    pub fn catalogs(mut self, paths: Vec<PathBuf>) -> Self {
        self.catalogs = paths;
        self
    }

    /// With a candidate that decides beside the set.
    #[must_use]
    pub fn shadow(mut self, paths: Vec<PathBuf>) -> Self {
        self.shadow = paths;
        self
    }

    /// With files that are read again as soon as they change.
    #[must_use]
    pub fn watched(mut self, paths: Vec<PathBuf>) -> Self {
        self.watched = paths;
        self
    }
}

/// What is wanted of the running set.
pub(crate) enum Change {
    /// Its files are read again, and those of the candidate.
    Reload,
    /// A bundle that came takes its place.
    Offer(Offered),
    /// The candidate takes its place; with a revision, only if it is that one.
    Promote(Option<Arc<str>>),
    /// One that decided before does so again.
    Rollback(String),
    /// It follows its files again, from the next reload on.
    Unpin,
}

/// Why nothing was changed.
#[derive(Debug)]
pub(crate) enum Unchanged {
    /// The set cannot be used.
    Set(Box<LoadError>),
    /// A revision was chosen, and files do not take its place by themselves.
    Pinned(Arc<str>),
    /// There is no candidate.
    NoCandidate,
    /// The candidate is another one than was meant.
    OtherCandidate,
    /// No such revision is kept.
    NoRevision,
    /// No revision was chosen.
    NotPinned,
    /// A bundle is not taken, or none came.
    Bundle(Refused),
    /// What must outlive the process cannot be written.
    Unkept(std::io::Error),
}

impl From<LoadError> for Unchanged {
    fn from(error: LoadError) -> Self {
        Self::Set(Box::new(error))
    }
}

impl From<std::io::Error> for Unchanged {
    fn from(error: std::io::Error) -> Self {
        Self::Unkept(error)
    }
}

/// The running set, those before it, and the candidate beside it.
pub(crate) struct Policies {
    /// The set of the files, or the one that was chosen.
    live: LiveEngine,
    /// That set with managed documents behind it.
    managed: Managed,
    settings: Settings,
    /// The bundle that the set comes from; none: it comes from files.
    followed: Option<Followed>,
    /// Whether there is no set yet. What decides then denies everything.
    is_waiting: AtomicBool,
    catalogs: Vec<PathBuf>,
    shadow_paths: Vec<PathBuf>,
    /// Held by whoever changes something, so that changes come one after the other.
    revisions: Mutex<Revisions>,
    shadow: Shadow,
    /// What a set that decided before would change.
    difference: Last,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
}

impl Policies {
    /// Reads the set that was chosen, else that of the files, or of the bundle that was taken last. Documents that several services
    /// share are not read yet: `node` is what this service is called among those.
    pub(super) fn load(
        origin: Origin,
        settings: &All,
        outbound: &Outbound,
        (documents, node): (Arc<dyn DocumentStore>, Option<String>),
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Failure> {
        let Origin { builder, catalogs, shadow, watched: _ } = origin;
        let state = (!settings.is_in_memory()).then_some(settings.state.as_path());
        let unkept = |error| Failure::Settings(Faulty(format!("cannot keep policy sets: {error}")));
        let mut revisions = Revisions::open(state, settings.policy.revisions).map_err(unkept)?;
        let unusable = |error| Failure::Policies(Box::new(error));
        let (followed, offer) = Followed::open(settings, outbound).map_err(Failure::Settings)?.unzip();
        let mut is_waiting = false;
        let live = match (revisions.pinned(), &followed) {
            (None, None) => builder.live().map_err(unusable)?,
            (None, Some(followed)) => {
                let first = followed.first(offer.flatten(), &revisions);
                is_waiting = first.is_none();
                builder.live_from(first.map_or_else(|| proving().load(), Ok).map_err(unusable)?)
            }
            (Some(pinned), _) => {
                let kept = revisions.find(pinned, proving()).map_err(unusable)?;
                let missing =
                    || Failure::Settings(Faulty(format!("the chosen policy set {pinned} is not kept any more")));
                builder.live_from(kept.ok_or_else(missing)?)
            }
        };
        let base = ((*live.engine()).clone(), is_waiting);
        let managed = Managed::new(settings, base, clock.clone(), documents, node);
        if !managed.is_shared() {
            let unreadable = |why| Failure::Settings(Faulty(format!("the managed documents cannot be read: {why}")));
            managed.load().map_err(unreadable)?;
        }
        if !is_waiting {
            let now = clock.now();
            revisions.keep(&live.engine(), How::Start, "the service", now).map_err(unkept)?;
            metrics.loaded(now.timestamp());
        }
        let policies = Self {
            live,
            managed,
            settings: settings.policy.clone(),
            followed,
            is_waiting: is_waiting.into(),
            catalogs,
            shadow_paths: shadow,
            revisions: Mutex::new(revisions),
            shadow: Shadow::new(metrics.clone()),
            difference: Last::default(),
            metrics,
            clock,
        };
        policies.read_candidate();
        Ok(policies)
    }

    /// The set as it is now: take it once for each answer.
    pub(crate) fn current(&self) -> Arc<Engine> {
        self.managed.engine()
    }

    /// Whether there is no set yet: nothing can be decided.
    pub(crate) fn is_waiting(&self) -> bool {
        self.is_waiting.load(Ordering::Acquire)
    }

    /// What came through the service's interfaces.
    pub(crate) const fn managed(&self) -> &Managed {
        &self.managed
    }

    /// What decides beside the running set, and what it would have decided otherwise.
    pub(crate) fn shadow(&self) -> &Shadow {
        &self.shadow
    }

    /// What a person who starts the service should know.
    pub(super) fn remarks(&self) -> Vec<String> {
        if self.is_waiting() {
            return vec![
                "warning: there is no policy set yet; requests are answered with 503 until a bundle comes".to_owned(),
            ];
        }
        let mut remarks = vec![format!("policy revision {}", self.current().revision())];
        remarks.extend(self.counter().map(|counter| format!("policy bundle {counter}")));
        if self.lock().pinned().is_some() {
            remarks
                .push("this revision was chosen (promoted, or rolled back to); policy files are not read".to_owned());
        }
        let candidate = self.shadow.candidate();
        remarks.extend(candidate.map(|candidate| format!("shadow revision {}", candidate.revision())));
        remarks
    }

    /// Changes the running set, and says so in the log. `by` is who wants it.
    pub(crate) async fn change(self: &Arc<Self>, change: Change, by: String) -> Result<Arc<str>, Unchanged> {
        let policies = self.clone();
        let Some(followed) = &self.followed else {
            return blocking(move || policies.change_now(change, &by)).await;
        };
        match change {
            Change::Reload => {
                blocking(move || {
                    policies.read_candidate();
                    Ok(())
                })
                .await?;
                self.poll(followed, Some(&by)).await
            }
            Change::Unpin => {
                let changed = blocking(move || policies.change_now(Change::Unpin, &by)).await;
                followed.forget().await;
                changed
            }
            change @ (Change::Offer(_) | Change::Promote(_) | Change::Rollback(_)) => {
                blocking(move || policies.change_now(change, &by)).await
            }
        }
    }

    /// Reads the files again. A set that cannot be used is refused, and the running one stays; the log tells.
    pub(super) async fn reload(self: &Arc<Self>, by: &str) {
        // What is wrong was said.
        let _ = self.change(Change::Reload, by.to_owned()).await;
    }

    fn change_now(&self, change: Change, by: &str) -> Result<Arc<str>, Unchanged> {
        let before = self.current();
        let mut revisions = self.lock();
        let changed = self.try_change(&mut revisions, change, by);
        drop(revisions);
        match &changed {
            Ok(revision) if **revision == *before.revision() => {
                self.metrics.changed(Outcome::Same);
                tracing::info!(%revision, by, "the policy set stays as it is");
            }
            Ok(revision) => {
                self.metrics.changed(Outcome::Changed);
                self.difference.forget();
                self.metrics.loaded(self.clock.now().timestamp());
                tracing::info!(%revision, before = before.revision(), by, "another policy set decides");
            }
            Err(reason) => {
                self.metrics.changed(Outcome::Refused);
                tracing::error!(%reason, revision = before.revision(), by, "the policy set is not exchanged");
            }
        }
        changed
    }

    fn try_change(&self, revisions: &mut Revisions, change: Change, by: &str) -> Result<Arc<str>, Unchanged> {
        let now = self.clock.now();
        match change {
            Change::Reload => {
                self.read_candidate();
                if let Some(pinned) = revisions.pinned() {
                    return Err(Unchanged::Pinned(pinned.clone()));
                }
                self.live.reload()?;
                self.managed.rebase(self.live.engine())?;
                // The set decides already: that it is not kept is said, and takes nothing back.
                if let Err(error) = revisions.keep(&self.live.engine(), How::Reload, by, now) {
                    tracing::error!(%error, "the running policy set cannot be kept");
                }
            }
            Change::Offer(offered) => self.take(revisions, offered, by)?,
            Change::Promote(meant) => {
                let candidate = self.shadow.candidate().ok_or(Unchanged::NoCandidate)?;
                if meant.is_some_and(|meant| *meant != *candidate.revision()) {
                    return Err(Unchanged::OtherCandidate);
                }
                self.choose(revisions, candidate.engine(), How::Promote, by)?;
                self.shadow.set(None);
            }
            Change::Rollback(wanted) => {
                let wanted = revisions.named(&wanted).ok_or(Unchanged::NoRevision)?;
                let kept = revisions.find(&wanted, proving())?.ok_or(Unchanged::NoRevision)?;
                self.choose(revisions, &kept, How::Rollback, by)?;
            }
            Change::Unpin => {
                if revisions.pinned().is_none() {
                    return Err(Unchanged::NotPinned);
                }
                revisions.pin(None)?;
            }
        }
        Ok(self.current().revision().into())
    }

    /// Lets a set decide, also after the next start.
    fn choose(&self, revisions: &mut Revisions, engine: &Engine, how: How, by: &str) -> Result<(), Unchanged> {
        revisions.keep(engine, how, by, self.clock.now())?;
        revisions.pin(Some(engine.revision().into()))?;
        self.live.adopt(engine);
        self.managed.rebase(self.live.engine())?;
        if let Some(followed) = &self.followed {
            followed.set_aside();
        }
        Ok(())
    }

    /// Loads a set that was sent, and leaves it at that.
    pub(super) async fn load_upload(self: &Arc<Self>, upload: Upload) -> Result<Engine, Unchanged> {
        let policies = self.clone();
        blocking(move || upload.load(proving(), &policies.catalogs)).await
    }

    /// Makes a set the candidate.
    pub(super) fn stage(&self, engine: Engine, by: &str) {
        tracing::info!(revision = engine.revision(), by, "a candidate decides beside the policy set");
        let running = self.current();
        let engine = engine.with_state(self.clock.clone(), Arc::new(MemoryLimits::default()));
        self.shadow.set(Some(Candidate::new(engine, running.revision(), self.clock.now(), self.settings.differences)));
    }

    /// Reads the candidate's files again, where it has some. Files that cannot be used leave it as it is; the log tells.
    fn read_candidate(&self) {
        if self.shadow_paths.is_empty() {
            return;
        }
        let builder = self.catalogs.iter().fold(proving(), EngineBuilder::catalog);
        match self.shadow_paths.iter().fold(builder, EngineBuilder::path).load() {
            Err(error) => tracing::error!(reason = %first_errors(&error), "the candidate is not exchanged"),
            Ok(engine) if self.shadow.candidate().is_some_and(|old| *old.revision() == *engine.revision()) => {}
            Ok(engine) => self.stage(engine, "its files"),
        }
    }

    /// A set that was kept, by its whole revision. Its claims were proved when it decided.
    fn kept(&self, revision: &str) -> Result<Option<Engine>, LoadError> {
        let kept = self.told(|revisions| revisions.kept(revision));
        kept.map_or(Ok(None), |kept| kept.load(Engine::builder()))
    }

    /// What decided when, the last first, and whether it decides whatever the files say.
    pub(super) fn history(&self) -> (Vec<Entry>, bool) {
        self.told(|revisions| (revisions.history().to_vec(), revisions.pinned().is_some()))
    }

    /// When the running set began to decide, and by which revision it is pinned, and those before it.
    fn told<T>(&self, tell: impl FnOnce(&Revisions) -> T) -> T {
        tell(&self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Revisions> {
        self.revisions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The running policies, as what somebody may manage.
pub(super) fn running() -> Resource {
    Resource::new("policies", "running")
}

/// The candidate beside them.
pub(super) fn candidate() -> Resource {
    Resource::new("policies", "candidate")
}

/// How a set is loaded that is to decide: its claims must be proved.
fn proving() -> EngineBuilder {
    Engine::builder().claims(Claims::default())
}

/// Does what takes long where no answer waits for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Unchanged> + Send + 'static,
) -> Result<T, Unchanged> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(Unchanged::Unkept(std::io::Error::other(error))),
    }
}

/// How an instant is written.
fn instant(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
