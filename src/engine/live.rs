//! An engine that follows its files: a changed set takes the place of the one before while requests are decided.

use super::{Claims, Compiled, Engine, EngineBuilder, LoadError, Meaning};
use crate::{
    compile::{compile, update},
    load::{Loader, PolicySet, Workspace},
};
use arc_swap::ArcSwap;
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// An [`Engine`] whose policy set can be exchanged. Requests in flight finish on the set that they began with; what limits
/// have counted stays. A set that is not valid never takes the place of one that is, nor does one of whose claims not all
/// are proved.
///
/// ```
/// # use policyc::{Engine, request::{Principal, Request, Resource}};
/// let live = Engine::builder().text("lab.policy", "allow role researcher to infer;").live()?;
/// let request = Request::new(Principal::user("alice").roles(["researcher"]), "infer", Resource::model("qwen3"));
/// assert!(live.engine().decide(&request).is_allow());
///
/// live.change("lab.policy", "allow role researcher to infer; deny user \"alice\" to infer;")?;
/// assert!(!live.engine().decide(&request).is_allow());
///
/// assert!(live.change("lab.policy", "allow everybody to infer;").is_err());
/// assert!(!live.engine().decide(&request).is_allow());
/// # Ok::<(), policyc::LoadError>(())
/// ```
pub struct LiveEngine {
    engine: ArcSwap<Engine>,
    loader: Loader,
    claims: Claims,
    /// The files as they were read last; none while a set decides that was not read from them.
    space: Mutex<Option<Workspace>>,
}

impl fmt::Debug for LiveEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LiveEngine").field(&self.engine()).finish()
    }
}

impl EngineBuilder {
    /// Reads and checks the set, to be read again when it changes.
    ///
    /// # Errors
    /// If a file cannot be read, or the set is not valid.
    pub fn live(self) -> Result<LiveEngine, LoadError> {
        let loader = self.loader.clone();
        let space = self.loader.clone().open().map_err(LoadError::Unreadable)?;
        let claims = self.claims;
        let engine = self.of(space.set())?;
        Ok(LiveEngine { engine: ArcSwap::from_pointee(engine), loader, claims, space: Mutex::new(Some(space)) })
    }

    /// As [`live`](Self::live), but the set of another engine decides until the files are read: [`LiveEngine::reload`] does.
    /// A clock and a store of limits that this builder was given take the place of those of the engine.
    #[must_use]
    pub fn live_from(self, engine: Engine) -> LiveEngine {
        let (loader, claims) = (self.loader, self.claims);
        let clock = self.clock.unwrap_or_else(|| engine.clock.clone());
        let engine = engine.with_state(clock, self.limits.unwrap_or_else(|| engine.limits.clone()));
        LiveEngine { engine: ArcSwap::from_pointee(engine), loader, claims, space: Mutex::new(None) }
    }
}

impl LiveEngine {
    /// The engine as it is now. It stays as it is, however often the set is exchanged: take it once for each request.
    #[must_use]
    pub fn engine(&self) -> Arc<Engine> {
        self.engine.load_full()
    }

    /// Reads the files again. Only what has changed is looked at.
    ///
    /// # Errors
    /// If a file cannot be read, or the set is not valid any more; then the engine stays as it is.
    pub fn reload(&self) -> Result<(), LoadError> {
        let mut space = self.space.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *space {
            Some(space) => {
                space.update(self.loader.clone()).map_err(LoadError::Unreadable)?;
                self.exchange(space.set())
            }
            None => self.follow(&mut space, self.open()?),
        }
    }

    /// Gives a file, by its path as it was given or found, another text until it is read again. A file that is not there
    /// stays away.
    ///
    /// # Errors
    /// If the set is not valid any more; then the engine stays as it is.
    pub fn change(&self, name: &str, text: &str) -> Result<(), LoadError> {
        let change = |space: &mut Workspace| {
            if let Some(file) = space.file(name) {
                space.change(file, text);
            }
        };
        let mut space = self.space.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(space) = &mut *space {
            change(space);
            return self.exchange(space.set());
        }
        let mut read = self.open()?;
        change(&mut read);
        self.follow(&mut space, read)
    }

    /// Gives some files other texts, all or none, as [`change`](Self::change) does. `keep` is called once it is known that the
    /// set is valid, before it decides.
    ///
    /// # Errors
    /// If the set is not valid any more, or `keep` says no; then everything stays as it is.
    #[cfg_attr(not(feature = "server"), expect(dead_code, reason = "only the service changes several texts"))]
    pub(crate) fn change_all<E: From<LoadError>>(
        &self,
        texts: &[(&str, &str)],
        keep: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let mut space = self.space.lock().unwrap_or_else(PoisonError::into_inner);
        let space = match &mut *space {
            Some(space) => space,
            none => none.insert(self.open()?),
        };
        let mut before = Vec::new();
        for (name, text) in texts {
            let Some(file) = space.file(name) else { continue };
            before.extend(space.text(file).map(|old| (file, old.to_owned())));
            space.change(file, text);
        }
        let changed = self.next(space.set()).map_err(E::from).and_then(|next| keep().map(|()| next));
        match changed {
            Ok(next) => {
                self.put(next);
                Ok(())
            }
            Err(error) => {
                before.iter().for_each(|(file, text)| space.change(*file, text));
                Err(error)
            }
        }
    }

    /// Lets the set of another engine decide until the files are read again. What limits have counted stays.
    pub fn adopt(&self, other: &Engine) {
        let mut space = self.space.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.engine();
        self.engine.store(Arc::new(other.with_state(old.clock.clone(), old.limits.clone())));
        *space = None;
    }

    fn open(&self) -> Result<Workspace, LoadError> {
        self.loader.clone().open().map_err(LoadError::Unreadable)
    }

    /// Puts the set of the files in the place of one that has nothing to do with them.
    fn follow(&self, space: &mut Option<Workspace>, read: Workspace) -> Result<(), LoadError> {
        let (mut meaning, revision) = Meaning::of(read.set()).map_err(LoadError::Invalid)?;
        self.claims.hold(&mut meaning)?;
        let graph = compile(&meaning.ir).map_err(LoadError::TooLarge)?;
        self.put(Compiled::new(graph, meaning, revision));
        *space = Some(read);
        Ok(())
    }

    /// Puts a set in the place of the one before. Whoever calls holds the workspace, so that sets come one after the other.
    fn exchange(&self, set: PolicySet) -> Result<(), LoadError> {
        self.next(set).map(|next| self.put(next))
    }

    /// A set, compiled from the one before.
    fn next(&self, set: PolicySet) -> Result<Compiled, LoadError> {
        let (mut meaning, revision) = Meaning::of(set).map_err(LoadError::Invalid)?;
        self.claims.hold(&mut meaning)?;
        let old = self.engine();
        let graph = update(&old.set.graph, old.ir(), &meaning.ir).map_err(LoadError::TooLarge)?;
        let mut set = Compiled::new(graph, meaning, revision);
        set.is_whole = false;
        Ok(set)
    }

    fn put(&self, set: Compiled) {
        let old = self.engine();
        let (clock, limits) = (old.clock.clone(), old.limits.clone());
        self.engine.store(Arc::new(Engine { set: Arc::new(set), clock, limits, strict: old.strict }));
    }
}
