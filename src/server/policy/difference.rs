//! What another set would change, proved over all requests: the candidate, or one that decided before. That takes long for
//! large sets: it is found out once for two sets, on a thread of its own, and everybody who asks waits for the same answer.
//!
//! Managed documents stay as they are whatever files are under them: so each set is looked at with all of them behind it.

use super::{Candidate, Policies, first_errors};
use crate::{
    engine::{Engine, LoadError},
    examine::diff::Compared,
    query::{Budget, ChangeKind},
};
use futures_util::future::{BoxFuture, FutureExt, Shared};
use std::sync::{Arc, Mutex, PoisonError};

/// A comparison that is under way, or over; or why there is none.
pub(in crate::server) type Comparing = Shared<BoxFuture<'static, Result<Arc<Compared>, Arc<str>>>>;

/// The comparison that was asked for last, by the revisions of its two sets.
#[derive(Default)]
pub(super) struct Last(Mutex<Option<([Arc<str>; 2], Comparing)>>);

impl Last {
    /// The comparison of two sets, begun if it was not asked for last.
    fn ask(&self, of: [Arc<str>; 2], begin: impl FnOnce() -> Comparing) -> Comparing {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((known, comparing)) if *known == of => comparing.clone(),
            Some(_) | None => {
                let comparing = begin();
                *last = Some((of, comparing.clone()));
                comparing
            }
        }
    }

    /// Lets go of it, and of its sets.
    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Policies {
    /// What would be different if a candidate decided.
    pub(in crate::server) fn with_candidate(self: &Arc<Self>, candidate: &Arc<Candidate>) -> Comparing {
        let running = self.current();
        let of = [running.revision().into(), candidate.revision().into()];
        let files = candidate.engine().clone();
        candidate.difference.ask(of, || self.compare(running, move || Ok(Some(files))))
    }

    /// What would be different if a set that was kept decided again.
    pub(in crate::server) fn with_revision(self: &Arc<Self>, revision: &Arc<str>) -> Comparing {
        let running = self.current();
        let of = [running.revision().into(), revision.clone()];
        let (policies, wanted) = (self.clone(), revision.clone());
        self.difference.ask(of, || self.compare(running, move || policies.kept(&wanted)))
    }

    /// Compares the running set with what would decide if other files were under the managed documents.
    fn compare(
        self: &Arc<Self>,
        running: Arc<Engine>,
        files: impl FnOnce() -> Result<Option<Engine>, LoadError> + Send + 'static,
    ) -> Comparing {
        let policies = self.clone();
        let work = tokio::task::spawn_blocking(move || {
            let Some(files) = files()? else { return Ok(None) };
            let other = policies.managed.with_base(&files)?;
            let running = Engine::clone(&running);
            Ok(Some(Compared::new(running, other, &ChangeKind::ALL, Budget::USUAL, |_| ())))
        });
        let comparing = async {
            match work.await {
                Ok(Ok(Some(compared))) => Ok(Arc::new(compared)),
                Ok(Ok(None)) => Err("no such revision is kept".into()),
                Ok(Err(error)) => Err(first_errors(&error).into()),
                Err(error) => Err(error.to_string().into()),
            }
        };
        comparing.boxed().shared()
    }
}
