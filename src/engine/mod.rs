//! The façade: a policy set, ready to decide.
//!
//! In go policy files and requests, out come decisions. How a request is evaluated is for `eval`, where limits are kept
//! for `store`.

#[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "only the command line decides records anew"))]
mod anew;
mod batch;
mod bundle;
mod charging;
mod claims;
mod compiled;
#[cfg_attr(not(feature = "server"), expect(dead_code, reason = "only the service takes requests part by part"))]
mod desk;
mod json;
mod list;
mod live;
mod session;
mod settling;
#[cfg(test)]
mod tests;
#[cfg_attr(not(feature = "server"), expect(dead_code, reason = "only the service tries texts on a set"))]
mod trial;
mod variant;

#[cfg_attr(not(feature = "cli"), expect(unused_imports, reason = "only the command line decides records anew"))]
pub(crate) use anew::Anew;
pub use bundle::{About, inspect};
pub(crate) use charging::Spend;
pub use claims::Claims;
#[cfg_attr(
    not(feature = "server"),
    expect(unused_imports, reason = "only the service takes requests part by part")
)]
pub(crate) use desk::{Decided, Desk};
pub use list::Usable;
pub use live::LiveEngine;
pub use session::{Ask, Caller, Ruling, Session};
pub use settling::Used;
#[cfg_attr(not(feature = "server"), expect(unused_imports, reason = "only the service tries texts on a set"))]
pub(crate) use trial::Trial;

use crate::{
    check::{
        Ir,
        ir::{Effect, LimitWindow},
    },
    clock::{Clock, SystemClock},
    compile::{Graph, TooLarge, block::Section, compile},
    decision::{Decision, Denial, Effect as Outcome},
    eval::{
        answer::{Charged, answer},
        charges::counter,
        draft::{Draft, Set},
        facts::ignored,
        fill::fill,
        graph::{firing, survey},
        told::{Names, Told},
        verdict::Verdict,
    },
    load::{
        Loader, PolicySet, Unreadable,
        bundle::{BadBundle, PublicKey},
    },
    report::Diagnostic,
    request::{Refusal, Request},
    source::Sources,
    store::limits::{LimitStore, MemoryLimits},
};
use charging::charge;
use chrono::{DateTime, Utc};
use compiled::{Compiled, Meaning};
use std::{collections::BTreeSet, fmt, path::Path, sync::Arc};

/// A policy set, ready to decide. Immutable; share it between threads. A clone is the same set with the same limits.
#[derive(Clone)]
pub struct Engine {
    set: Arc<Compiled>,
    clock: Arc<dyn Clock>,
    limits: Arc<dyn LimitStore>,
    strict: bool,
}

/// A request, and what the rules say of it.
struct Surveyed {
    draft: Draft,
    /// What the vocabulary does not know of it.
    ignored: Vec<String>,
    verdict: Verdict,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("revision", &self.set.revision)
            .field("rules", &self.set.graph.heads.len())
            .finish()
    }
}

/// Why a policy set was not loaded.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// Files that cannot be read.
    Unreadable(Vec<Unreadable>),
    /// The set is not valid.
    Invalid(Invalid),
    /// The set is larger than a decision graph can be.
    TooLarge(TooLarge),
    /// A bundle that is not taken.
    Bundle(BadBundle),
}

/// A policy set that is not valid, with what is wrong.
#[derive(Debug)]
pub struct Invalid {
    /// Every error and warning, in source order.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts they speak of.
    pub sources: Sources,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(files) => {
                for file in files {
                    writeln!(f, "{file}")?;
                }
                Ok(())
            }
            Self::Invalid(invalid) => {
                for diagnostic in invalid.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()) {
                    let place = invalid.sources.place(diagnostic.span());
                    writeln!(f, "{place}: error[{}]: {}", diagnostic.code().id(), diagnostic.message())?;
                }
                Ok(())
            }
            Self::TooLarge(limit) => limit.fmt(f),
            Self::Bundle(bad) => bad.fmt(f),
        }
    }
}

impl std::error::Error for LoadError {}

/// Loads a policy set with other than the usual settings.
#[derive(Default)]
pub struct EngineBuilder {
    loader: Loader,
    clock: Option<Arc<dyn Clock>>,
    limits: Option<Arc<dyn LimitStore>>,
    strict: bool,
    trusted: Option<PublicKey>,
    claims: Claims,
}

impl EngineBuilder {
    /// With a policy file, all `*.policy` files of a folder, or the texts that a bundle was built from.
    #[must_use]
    pub fn path(mut self, path: impl AsRef<Path>) -> Self {
        self.loader.path(path.as_ref());
        self
    }

    /// With a policy text; `name` stands for its path.
    #[must_use]
    pub fn text(mut self, name: &str, text: &str) -> Self {
        self.loader.text(name, text);
        self
    }

    /// With a catalog of resources and principals: JSON, JSON Lines or CSV.
    #[must_use]
    pub fn catalog(mut self, path: impl AsRef<Path>) -> Self {
        self.loader.catalog(path.as_ref());
        self
    }

    /// With another clock than the system's: it dates what is charged, and requests that have no `time`.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// With another store of limits than one in memory.
    #[must_use]
    pub fn limits(mut self, limits: Arc<dyn LimitStore>) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Whether a request with an attribute that the vocabulary does not know is refused; else the attribute is ignored
    /// and listed.
    #[must_use]
    pub const fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// With something else asked of the set's claims than that each is proved.
    #[must_use]
    pub const fn claims(mut self, claims: Claims) -> Self {
        self.claims = claims;
        self
    }

    /// Reads and checks the set, and proves its claims.
    ///
    /// # Errors
    /// If a file cannot be read, or the set is not valid. A set is not valid, either, if a claim of it is not true of
    /// every request.
    pub fn load(mut self) -> Result<Engine, LoadError> {
        let loader = std::mem::take(&mut self.loader);
        self.of_loader(loader)
    }

    /// The same with what a loader has collected.
    pub(crate) fn of_loader(self, loader: Loader) -> Result<Engine, LoadError> {
        let set = loader.load().map_err(LoadError::Unreadable)?;
        self.of(set)
    }

    /// The engine of a set.
    fn of(self, set: PolicySet) -> Result<Engine, LoadError> {
        let (mut meaning, revision) = Meaning::of(set).map_err(LoadError::Invalid)?;
        self.claims.hold(&mut meaning)?;
        let graph = compile(&meaning.ir).map_err(LoadError::TooLarge)?;
        Ok(self.with(Compiled::new(graph, meaning, revision)))
    }

    /// The engine of a compiled set.
    fn with(self, set: Compiled) -> Engine {
        Engine {
            set: Arc::new(set),
            clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock)),
            limits: self.limits.unwrap_or_else(|| Arc::new(MemoryLimits::default())),
            strict: self.strict,
        }
    }
}

impl Engine {
    /// Loads a policy set from files and folders, and proves its claims.
    ///
    /// # Errors
    /// If a file cannot be read, or the set is not valid.
    pub fn load<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Self, LoadError> {
        paths.into_iter().fold(Self::builder(), EngineBuilder::path).load()
    }

    /// For other than the usual settings.
    #[must_use]
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// The revision of the set: a digest of its texts and of the time-zone rules.
    #[must_use]
    pub fn revision(&self) -> &str {
        &self.set.revision
    }

    /// The warnings that loading gave.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.set.meaning().warnings
    }

    /// The texts of the set.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.set.meaning().sources
    }

    /// The meaning of the set.
    #[must_use]
    pub fn ir(&self) -> &Ir {
        &self.set.meaning().ir
    }

    /// The set, compiled.
    pub(crate) fn graph(&self) -> &Graph {
        &self.set.graph
    }

    /// Where its limits are counted.
    #[cfg_attr(not(feature = "server"), expect(dead_code, reason = "only the service shows and resets counters"))]
    pub(crate) fn counters(&self) -> &dyn LimitStore {
        &*self.limits
    }

    /// The same set with another store of limits and another clock.
    #[must_use]
    pub fn with_state(&self, clock: Arc<dyn Clock>, limits: Arc<dyn LimitStore>) -> Self {
        Self { set: self.set.clone(), clock, limits, strict: self.strict }
    }

    /// Working memory for many requests.
    #[must_use]
    pub fn session(&self) -> Session {
        Session::new(self.set.clone(), self.strict)
    }

    /// Decides a request and charges its limits. A request that does not fit the vocabulary is denied:
    /// `INVALID_REQUEST`, 400.
    #[must_use]
    pub fn decide(&self, request: &Request) -> Decision {
        self.try_decide(request).unwrap_or_else(|refusal| self.refused(&refusal))
    }

    /// Decides a request and charges its limits.
    ///
    /// # Errors
    /// If the request does not fit the vocabulary; nothing is charged then.
    pub fn try_decide(&self, request: &Request) -> Result<Decision, Refusal> {
        let now = self.clock.now();
        self.answer_at(request, Some(now), now, Spend::Charge)
    }

    /// Decides a request as it is, without adding a `time`, and charges its limits at an instant.
    ///
    /// # Errors
    /// If the request does not fit the vocabulary; nothing is charged then.
    pub fn decide_at(&self, request: &Request, now: DateTime<Utc>) -> Result<Decision, Refusal> {
        self.answer_at(request, None, now, Spend::Charge)
    }

    /// Decides a request, dated at an instant unless it has a `time` of its own.
    ///
    /// # Errors
    /// If the request does not fit the vocabulary; nothing is charged then.
    pub(crate) fn decide_dated(
        &self,
        request: &Request,
        now: DateTime<Utc>,
        spend: Spend,
    ) -> Result<Decision, Refusal> {
        self.answer_at(request, Some(now), now, spend)
    }

    /// What the decision would be: as [`decide_at`](Self::decide_at), but nothing is charged, and limits are given as they
    /// stand before.
    ///
    /// # Errors
    /// If the request does not fit the vocabulary.
    pub fn preview(&self, request: &Request, now: DateTime<Utc>) -> Result<Decision, Refusal> {
        self.answer_at(request, None, now, Spend::Look)
    }

    /// What the decision would be if every limit had room: nothing is charged, and no limit is looked at.
    ///
    /// # Errors
    /// If the request does not fit the vocabulary.
    pub fn unlimited(&self, request: &Request) -> Result<Decision, Refusal> {
        let Surveyed { draft, ignored, verdict } = self.survey(request, None)?;
        let Compiled { graph, revision, .. } = &*self.set;
        let told = told(self.set.set(), &draft, request);
        Ok(answer(&graph.heads, &told, &verdict, &Charged::default(), ignored, revision))
    }

    /// What the rules say of a request, before limits are charged and the answer is put into words.
    ///
    /// # Errors
    /// If the request does not fit the vocabulary.
    pub fn verdict(&self, request: &Request) -> Result<Verdict, Refusal> {
        self.survey(request, None).map(|surveyed| surveyed.verdict)
    }

    /// A request as numbers, and what the vocabulary does not know of it. With a `date`, it has that time unless it has
    /// its own.
    fn prepare(&self, request: &Request, date: Option<DateTime<Utc>>) -> Result<(Draft, Vec<String>), Refusal> {
        let mut draft = Draft::default();
        let set = self.set.set();
        fill(&mut draft, set, request)?;
        if let Some(date) = date.filter(|_| !request.context.contains_key("time")) {
            draft.time(set, date);
        }
        draft.settle(set);
        Ok((draft, ignored(set.vocabulary, request, self.strict)?))
    }

    fn answer_at(
        &self,
        request: &Request,
        date: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
        spend: Spend,
    ) -> Result<Decision, Refusal> {
        self.survey(request, date).map(|surveyed| self.answer(request, surveyed, now, spend))
    }

    /// What the rules say of a request.
    fn survey(&self, request: &Request, date: Option<DateTime<Utc>>) -> Result<Surveyed, Refusal> {
        let (draft, ignored) = self.prepare(request, date)?;
        let verdict = survey(&self.set.graph, &draft.request);
        Ok(Surveyed { draft, ignored, verdict })
    }

    /// What is answered to a request, once its limits are charged.
    fn answer(&self, request: &Request, surveyed: Surveyed, now: DateTime<Utc>, spend: Spend) -> Decision {
        let Surveyed { draft, ignored, verdict } = surveyed;
        self.answer_told(&told(self.set.set(), &draft, request), &verdict, ignored, now, spend)
    }

    /// What is answered, once limits are charged, where this is known of the request.
    fn answer_told(
        &self,
        told: &Told<'_>,
        verdict: &Verdict,
        ignored: Vec<String>,
        now: DateTime<Utc>,
        spend: Spend,
    ) -> Decision {
        let Compiled { graph, revision, .. } = &*self.set;
        let charged = charge(&graph.heads, &*self.limits, told, verdict, now, spend);
        answer(&graph.heads, told, verdict, &charged, ignored, revision)
    }

    /// Gives back leases of the `at once` limits that a request holds, up to `count` of each.
    ///
    /// # Errors
    /// If the request does not fit the vocabulary.
    pub fn release(&self, request: &Request, count: u64, now: DateTime<Utc>) -> Result<(), Refusal> {
        let (draft, _) = self.prepare(request, None)?;
        let told = told(self.set.set(), &draft, request);
        let graph = &self.set.graph;
        let [limits, shadows] =
            [Section::Limits, Section::Shadows].map(|section| firing(graph, &draft.request, section));
        let rules = limits.into_iter().chain(shadows).filter_map(|id| graph.heads.find(id));
        let counters: BTreeSet<String> = rules
            .filter_map(|head| {
                let Effect::Limit(limit, _) = &head.effect else { return None };
                let leases = matches!(limit.window, LimitWindow::AtOnce(_));
                leases.then(|| counter(limit, head.shadow, &told)).flatten()
            })
            .collect();
        for counter in counters {
            // A store that cannot be reached lets the lease lapse by itself.
            let _ = self.limits.release(now, &counter, count);
        }
        Ok(())
    }

    fn refused(&self, refusal: &Refusal) -> Decision {
        Decision {
            effect: Outcome::Deny(Denial {
                code: "INVALID_REQUEST".into(),
                status: 400,
                message: Some(refusal.to_string()),
                hint: None,
                gate: None,
                retry_after: None,
                limit: None,
            }),
            rule: None,
            obligations: Vec::new(),
            others: Vec::new(),
            shadow: Vec::new(),
            limits: Vec::new(),
            charged: None,
            ignored: Vec::new(),
            revision: self.set.revision.clone(),
        }
    }
}

/// What is known of a request that was prepared.
fn told<'a>(set: Set<'a>, draft: &'a Draft, request: &'a Request) -> Told<'a> {
    let Request { principal, action, resource, .. } = request;
    let names = Names {
        principal: (&principal.kind, principal.id.as_deref()),
        action,
        resource: (&resource.kind, &resource.id),
    };
    Told { set, draft, names }
}
