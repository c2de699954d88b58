//! How a bundle takes the place of the running set: asked for, judged, loaded, kept, and only then in force.

use super::{Followed, Offered, Refused, source::Source};
use crate::{
    engine::LoadError,
    server::{
        app::Failure,
        ops::Change as Outcome,
        policy::{
            Change, Policies, Unchanged, blocking, proving,
            revisions::{How, Revisions},
        },
        settings::Faulty,
    },
};
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::{Arc, atomic::Ordering};

/// Asks for the bundle again and again, where it is at an address.
pub(in crate::server) async fn follow(policies: Arc<Policies>) {
    let Some(followed) = policies.followed.as_ref().filter(|followed| followed.settings.url.is_some()) else { return };
    let mut failures: u32 = 0;
    loop {
        failures = match policies.poll(followed, None).await {
            Err(Unchanged::Bundle(Refused::Silent(..))) => failures.saturating_add(1),
            Ok(_) | Err(_) => 0,
        };
        tokio::time::sleep(followed.settings.pause(failures)).await;
    }
}

/// What came from a source, and what the source is called.
struct Came {
    from: usize,
    name: String,
    bytes: Bytes,
}

impl Policies {
    /// Looks at what is in a file, and asks an address where there is no set yet. What is in a file must be usable unless a set
    /// decides already; an address is asked again later.
    pub(in crate::server) async fn begin(self: &Arc<Self>) -> Result<(), Failure> {
        let Some(followed) = &self.followed else { return Ok(()) };
        let is_address = followed.settings.url.is_some();
        if is_address && !self.is_waiting() {
            return Ok(());
        }
        match self.poll(followed, Some("the start")).await {
            Ok(_) => Ok(()),
            Err(_) if is_address || !self.is_waiting() => Ok(()),
            Err(Unchanged::Set(error)) => Err(Failure::Policies(error)),
            Err(reason) => Err(Failure::Settings(Faulty(reason.to_string()))),
        }
    }

    /// Asks all sources, and takes the newest bundle that may be taken. With an `asker`, whatever comes is looked at; else only
    /// what is new.
    ///
    /// # Errors
    /// What is wrong with a source.
    pub(in crate::server::policy) async fn poll(
        self: &Arc<Self>,
        followed: &Followed,
        asker: Option<&str>,
    ) -> Result<Arc<str>, Unchanged> {
        let mut sources = followed.sources.lock().await;
        let mut failed = None;
        let mut came = Vec::new();
        for (from, source) in sources.iter_mut().enumerate() {
            if asker.is_some() {
                source.forget();
            }
            match source.ask(&followed.settings, &followed.outbound).await {
                Ok(bytes) => {
                    self.metrics.polled(self.clock.now().timestamp());
                    source.silent = None;
                    if let Some(bytes) = bytes {
                        source.refused = None;
                        came.push(Came { from, name: source.name.clone(), bytes });
                    }
                }
                Err(refused) => {
                    self.silent(source, &refused, asker.is_some());
                    failed = failed.or(Some(Unchanged::Bundle(refused)));
                }
            }
        }
        let (policies, asker) = (self.clone(), asker.map(str::to_owned));
        for (from, result) in blocking(move || Ok(policies.take_newest(came, asker.as_deref()))).await? {
            let (Some(source), Err(reason)) = (sources.get_mut(from), result) else { continue };
            source.refused = Some(reason.to_string());
            // A disk that is full says nothing of the bundle: it is tried again.
            if matches!(reason, Unchanged::Unkept(_)) {
                source.forget();
            }
            failed = failed.or(Some(reason));
        }
        let faults = sources.iter().flat_map(|source| source.refused.iter().chain(&source.silent));
        *followed.faults() = faults.cloned().collect();
        failed.map_or_else(|| Ok(self.current().revision().into()), Err)
    }

    /// Nothing comes from a source. The log tells once.
    fn silent(&self, source: &mut Source, refused: &Refused, is_asked: bool) {
        self.metrics.changed(Outcome::Silent);
        let reason = refused.to_string();
        if is_asked || source.silent.as_ref() != Some(&reason) {
            tracing::error!(reason, revision = self.current().revision(), "the policy set is not exchanged");
        }
        source.silent = Some(reason);
    }

    /// Takes the newest of some bundles that may be taken: what became of those that were looked at, by their sources.
    fn take_newest(&self, came: Vec<Came>, asker: Option<&str>) -> Vec<(usize, Result<Arc<str>, Unchanged>)> {
        let Some(followed) = &self.followed else { return Vec::new() };
        let read = |Came { from, name, bytes }: Came| (followed.read(from, &name, bytes), name);
        let mut offers: Vec<(Offered, String)> = came.into_iter().map(read).collect();
        offers.sort_by_key(|(offered, _)| std::cmp::Reverse(offered.counter()));
        let mut results = Vec::new();
        for (offered, name) in offers {
            let from = offered.from;
            if followed.is_canary && followed.taken().is_ahead(offered.counter(), from) {
                tracing::debug!(counter = offered.counter(), name, "the other address has a newer bundle");
                continue;
            }
            let result = self.change_now(Change::Offer(offered), asker.unwrap_or(&name));
            results.push((from, result));
        }
        results
    }

    /// Lets a bundle decide, if it may.
    pub(in crate::server::policy) fn take(
        &self,
        revisions: &mut Revisions,
        offered: Offered,
        by: &str,
    ) -> Result<(), Unchanged> {
        let Some(followed) = &self.followed else { return Ok(()) };
        let Offered { from, bytes, read } = offered;
        let offer = read.map_err(LoadError::Bundle)?;
        if let Some(pinned) = revisions.pinned() {
            return Err(Unchanged::Pinned(pinned.clone()));
        }
        let mut taken = followed.taken();
        taken.judge(&offer, &followed.settings).map_err(Unchanged::Bundle)?;
        if taken.decides(&offer.revision) {
            taken.came(from);
            return Ok(());
        }
        let engine = proving().of_loader(offer.loader)?;
        let suits = followed.gateway.suit(&engine.ir().vocabulary);
        suits.map_err(|Faulty(why)| Unchanged::Bundle(Refused::Unsuited(why)))?;
        // Whether it goes with managed documents is known before it is too late.
        self.managed.with_base(&engine)?;
        // Once it decides, nothing older may: not even after a fall of the machine in this moment.
        taken.keep(offer.counter, offer.revision, &bytes)?;
        self.live.adopt(&engine);
        self.managed.rebase(self.live.engine())?;
        taken.came(from);
        taken.runs = true;
        self.is_waiting.store(false, Ordering::Release);
        let by = format!("{by}, counter {}", offer.counter);
        if let Err(error) = revisions.keep(&engine, How::Bundle, &by, self.clock.now()) {
            tracing::error!(%error, "the running policy set cannot be kept");
        }
        Ok(())
    }

    /// The counter of the bundle that decides; none if another set does.
    pub(in crate::server) fn counter(&self) -> Option<u64> {
        self.followed.as_ref().and_then(|followed| followed.counter())
    }

    /// Whether what is offered is not taken, or nothing is offered.
    pub(in crate::server) fn is_behind(&self) -> bool {
        self.followed.as_ref().is_some_and(|followed| !followed.faults().is_empty())
    }

    /// What is known of the bundle, for administrators.
    pub(in crate::server::policy) fn followed_state(&self) -> Option<Value> {
        self.followed.as_ref().map(|followed| {
            json!({
                "node": followed.node,
                "canary": followed.is_canary,
                "pin": followed.settings.pin,
                "counter": followed.counter(),
                "taken": followed.taken().counter(),
                "faults": *followed.faults(),
            })
        })
    }
}
