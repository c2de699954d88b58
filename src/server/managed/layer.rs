//! The running set: policy files, and behind them what managed documents say.
//!
//! A document governs one resource, and stands in one of [`SHARDS`] texts, which its resource's name tells: so a change makes
//! only a small text anew. Whether the claims of the set still hold is asked of the files together with all that governs that
//! one resource, of the requests about it: what governs others has no say in them. What governs many resources stands in
//! texts of its own, which are always there; whether the claims hold with another such text is asked of everything together.

use super::{
    document::{Key, split},
    policy::Text,
};
use crate::engine::{Claims, Engine, LiveEngine, LoadError, Trial};
use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Into how many texts documents are spread.
const SHARDS: u16 = 1024;
/// Behind them, into how many texts documents are spread that govern many resources.
const WIDE_SHARDS: u16 = 16;
/// The names of what is tried.
const TRIED: &str = "managed.policy";
const TRIED_WIDE: &str = "managed-wide.policy";
const TRIED_CATALOG: &str = "managed.jsonl";

/// The set that decides.
pub(super) struct Layer {
    running: ArcSwap<Engine>,
    state: Mutex<State>,
}

struct State {
    base: Arc<Engine>,
    /// The files with all documents; none while there are none.
    live: Option<LiveEngine>,
    /// The files with the documents of one resource, which must prove its claims; none until something is tried.
    trial: Option<Trial>,
    documents: Documents,
}

/// Documents by the text that they stand in.
type Documents = BTreeMap<(u16, Key), Placed>;

/// A document in the set.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) text: Text,
    pub(super) standing: Standing,
}

/// How much of a document is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Whole,
    /// What it allows is suspended, as the files do not go with it.
    Strict,
    /// The files do not know any more what it speaks of: there is nothing that it could prohibit.
    Nothing,
}

impl Placed {
    pub(super) const fn whole(text: Text) -> Self {
        Self { text, standing: Standing::Whole }
    }

    fn says(&self) -> &str {
        match self.standing {
            Standing::Whole => &self.text.whole,
            Standing::Strict => &self.text.strict,
            Standing::Nothing => "",
        }
    }
}

/// What resources are like, each as a line of a catalog; none where files say so, or nobody does.
pub(super) type Declarations = BTreeMap<String, Option<String>>;

impl Layer {
    pub(super) fn new(base: Engine) -> Self {
        let base = Arc::new(base);
        let state = State { base: base.clone(), live: None, trial: None, documents: BTreeMap::new() };
        Self { running: ArcSwap::new(base), state: Mutex::new(state) }
    }

    /// The set as it is now.
    pub(super) fn engine(&self) -> Arc<Engine> {
        self.running.load_full()
    }

    /// The files alone.
    pub(super) fn base(&self) -> Arc<Engine> {
        self.lock().base.clone()
    }

    /// The documents that are suspended.
    pub(super) fn suspended(&self) -> Vec<Key> {
        let state = self.lock();
        let suspended = state.documents.iter().filter(|(_, placed)| placed.standing != Standing::Whole);
        suspended.map(|((_, key), _)| key.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts other files under the documents, all of which stand as they are said to.
    ///
    /// # Errors
    /// The whole is larger than a set can be, or not valid: then nothing is changed.
    pub(super) fn rebase(&self, base: Arc<Engine>, documents: Vec<(Key, Placed)>) -> Result<(), LoadError> {
        let documents = placed(documents);
        let mut state = self.lock();
        let live = if documents.is_empty() { None } else { Some(live(&base, &documents)?) };
        self.running.store(live.as_ref().map_or_else(|| base.clone(), LiveEngine::engine));
        *state = State { base, live, trial: None, documents };
        Ok(())
    }

    /// Asks whether the set is still valid, and its claims hold, once some documents of one resource say something else; a
    /// `declaration` says what the resource is like, where the files do not: that matters only where the claims do not hold
    /// whatever it is like.
    ///
    /// # Errors
    /// What does not hold.
    pub(super) fn prove(
        &self,
        of: &str,
        changes: &[(Key, Option<Text>)],
        declaration: Option<&str>,
    ) -> Result<(), LoadError> {
        let mut state = self.lock();
        let mut texts = state.of_resource(of);
        replace(&mut texts, changes.iter().filter(|(key, _)| key.of == of));
        let text: String = texts.into_values().collect();
        let wide: String = state.wide().map(|(_, text)| text).collect();
        let texts = [(TRIED, &*text), (TRIED_WIDE, &*wide)];
        let whatever_it_is_like = state.trial()?.prove(&texts, split(of));
        match (whatever_it_is_like, declaration) {
            (Ok(()), _) => Ok(()),
            (refuted, None) => refuted,
            // To declare one resource more, all declarations are read anew: so this is asked last.
            (Err(_), Some(declaration)) => {
                let set = state.base.with_texts(texts, [(TRIED_CATALOG, declaration)]).claims(Claims::default());
                set.trial()?.prove(&[], split(of))
            }
        }
    }

    /// Asks whether the claims hold once some documents that govern many resources say something else, whatever else is said of
    /// any resource. A change that only prohibits more leaves what is never allowed as it is, and one that only prohibits less
    /// what always is: then there is nothing to ask.
    ///
    /// # Errors
    /// What does not hold.
    pub(super) fn prove_wide(
        &self,
        changes: &[(Key, Option<Text>)],
        declarations: impl FnOnce() -> Declarations,
    ) -> Result<(), LoadError> {
        let state = self.lock();
        let (mut more, mut less) = (false, false);
        for (key, text) in changes.iter().filter(|(key, _)| key.kind.is_wide()) {
            let old = state.documents.get(&(shard(key), key.clone())).map_or("", Placed::says);
            let new = text.as_ref().map_or("", |text| &text.whole);
            let [old, new] = [old, new].map(|text| text.lines().collect::<BTreeSet<_>>());
            more |= !new.is_subset(&old);
            less |= !old.is_subset(&new);
        }
        let claims = &state.base.ir().claims;
        if !claims.iter().any(|claim| if claim.always { more } else { less }) {
            return Ok(());
        }
        // What is suspended does not go with the claims, whatever these documents say.
        let whole = state.documents.iter().filter(|(_, placed)| placed.standing == Standing::Whole);
        let mut texts: BTreeMap<Key, String> =
            whole.map(|((_, key), placed)| (key.clone(), placed.says().to_owned())).collect();
        replace(&mut texts, changes.iter());
        state.load(&texts, &declarations(), Claims::default()).map(drop)
    }

    /// As [`prove`](Self::prove), for many resources at once: what governs one has no say in another.
    ///
    /// # Errors
    /// What does not hold.
    pub(super) fn prove_all(
        &self,
        changes: &[(Key, Option<Text>)],
        declarations: &Declarations,
    ) -> Result<(), LoadError> {
        let state = self.lock();
        let mut texts = state.of_resources(declarations);
        replace(&mut texts, changes.iter());
        state.load(&texts, declarations, Claims::default()).map(drop)
    }

    /// The files with all documents of the resources that changes govern, as they are and as they would be.
    pub(super) fn before_and_after(
        &self,
        changes: &[(Key, Option<Text>)],
        declarations: &Declarations,
    ) -> Result<(Engine, Engine), LoadError> {
        let state = self.lock();
        let mut texts = state.of_resources(declarations);
        let before = state.load(&texts, declarations, Claims::Unproved)?;
        replace(&mut texts, changes.iter());
        Ok((before, state.load(&texts, declarations, Claims::Unproved)?))
    }

    /// Lets some documents say something else, or nothing, from now on. `keep` is called once it is known that they can, before
    /// they do.
    ///
    /// # Errors
    /// They cannot, or `keep` says no; then nothing is changed.
    pub(super) fn put<E: From<LoadError>>(
        &self,
        changes: Vec<(Key, Option<Text>)>,
        keep: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let mut state = self.lock();
        let mut before = Vec::new();
        for (key, text) in changes {
            let place = (shard(&key), key);
            let old = match text {
                Some(text) => state.documents.insert(place.clone(), Placed::whole(text)),
                None => state.documents.remove(&place),
            };
            before.push((place, old));
        }
        let shards: BTreeSet<u16> = before.iter().map(|((shard, _), _)| *shard).collect();
        let changed = state.renew(&shards, keep);
        match &changed {
            Ok(engine) => self.running.store(engine.clone()),
            Err(_) => {
                for (place, old) in before.into_iter().rev() {
                    match old {
                        Some(old) => drop(state.documents.insert(place, old)),
                        None => drop(state.documents.remove(&place)),
                    }
                }
            }
        }
        changed.map(drop)
    }
}

impl State {
    /// What is in force of each document of a resource.
    fn of_resource(&self, of: &str) -> BTreeMap<Key, String> {
        let own = in_shard(&self.documents, spread(of, SHARDS)).filter(|(key, _)| key.of == of);
        own.map(|(key, placed)| (key.clone(), placed.says().to_owned())).collect()
    }

    fn of_resources(&self, resources: &Declarations) -> BTreeMap<Key, String> {
        let wide = self.wide().map(|(key, text)| (key.clone(), text.to_owned()));
        resources.keys().flat_map(|of| self.of_resource(of)).chain(wide).collect()
    }

    /// What the documents say that govern many resources, and go with the files.
    fn wide(&self) -> impl Iterator<Item = (&Key, &str)> {
        let wide = self.documents.range((SHARDS, Key::first())..);
        let whole = wide.filter(|(_, placed)| placed.standing == Standing::Whole);
        whole.map(|((_, key), placed)| (key, placed.says()))
    }

    /// The files with some documents.
    fn load(
        &self,
        texts: &BTreeMap<Key, String>,
        declarations: &Declarations,
        claims: Claims,
    ) -> Result<Engine, LoadError> {
        let text: String = texts.values().map(String::as_str).collect();
        let catalog: Vec<&str> = declarations.values().flatten().map(String::as_str).collect();
        let set = self.base.with_texts([(TRIED, text.as_str())], [(TRIED_CATALOG, catalog.join("\n").as_str())]);
        set.claims(claims).load()
    }

    /// What is tried on: as it was tried last.
    fn trial(&mut self) -> Result<&mut Trial, LoadError> {
        let trial = match self.trial.take() {
            Some(trial) => trial,
            None => self.base.with_texts([(TRIED, ""), (TRIED_WIDE, "")], []).claims(Claims::default()).trial()?,
        };
        Ok(self.trial.insert(trial))
    }

    /// Makes some texts anew.
    fn renew<E: From<LoadError>>(
        &mut self,
        shards: &BTreeSet<u16>,
        keep: impl FnOnce() -> Result<(), E>,
    ) -> Result<Arc<Engine>, E> {
        if let Some(live) = &self.live {
            let texts: Vec<_> = shards.iter().map(|shard| (name(*shard), text(&self.documents, *shard))).collect();
            let texts: Vec<_> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
            live.change_all(&texts, keep)?;
            return Ok(live.engine());
        }
        let live = live(&self.base, &self.documents)?;
        keep()?;
        Ok(self.live.insert(live).engine())
    }
}

/// Puts what changes say in the place of what documents said.
fn replace<'a>(texts: &mut BTreeMap<Key, String>, changes: impl Iterator<Item = &'a (Key, Option<Text>)>) {
    for (key, text) in changes {
        match text {
            Some(text) => drop(texts.insert(key.clone(), text.whole.clone())),
            None => drop(texts.remove(key)),
        }
    }
}

/// Files with all documents, which stand as they are said to.
///
/// # Errors
/// The whole is larger than a set can be, or not valid.
pub(super) fn over(base: &Engine, documents: Vec<(Key, Placed)>) -> Result<Engine, LoadError> {
    Ok(Engine::clone(&live(base, &placed(documents))?.engine()))
}

/// Documents by the text that they stand in.
fn placed(documents: Vec<(Key, Placed)>) -> Documents {
    documents.into_iter().map(|(key, placed)| ((shard(&key), key), placed)).collect()
}

/// The files with all documents.
fn live(base: &Engine, documents: &Documents) -> Result<LiveEngine, LoadError> {
    let all = SHARDS.saturating_add(WIDE_SHARDS);
    let texts: Vec<_> = (0..all).map(|shard| (name(shard), text(documents, shard))).collect();
    let mut builder = base.with_texts(texts.iter().map(|(name, text)| (name.as_str(), text.as_str())), []);
    builder = builder.claims(Claims::Unproved);
    builder.live()
}

/// The name of a text.
fn name(shard: u16) -> String {
    format!("managed/{shard:04}.policy")
}

/// Whether a rule at a place is one of a document.
pub(crate) fn is_document(at: &str) -> bool {
    let number = at.strip_prefix("managed/").and_then(|rest| rest.split_once(".policy:")).map(|(number, _)| number);
    number.is_some_and(|number| number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What the documents in one text say.
fn text(documents: &Documents, shard: u16) -> String {
    in_shard(documents, shard).map(|(_, placed)| placed.says()).collect()
}

/// The documents in one text, in their order.
fn in_shard(documents: &Documents, shard: u16) -> impl Iterator<Item = (&Key, &Placed)> {
    let from = documents.range((shard, Key::first())..);
    from.take_while(move |((other, _), _)| *other == shard).map(|((_, key), placed)| (key, placed))
}

/// In which text a document stands: all of one resource in the same.
fn shard(key: &Key) -> u16 {
    if key.kind.is_wide() { SHARDS.saturating_add(spread(&key.of, WIDE_SHARDS)) } else { spread(&key.of, SHARDS) }
}

/// One of so many, by a name.
fn spread(of: &str, shards: u16) -> u16 {
    let digest: [u8; 32] = Sha256::digest(of).into();
    let [first, second, ..] = digest;
    u16::from_be_bytes([first, second]).checked_rem(shards).unwrap_or_default()
}
