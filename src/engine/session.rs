//! Many requests by one caller: working memory that is used again and again.

use super::{Compiled, json::Json};
use crate::{
    check::vocabulary::{AttrId, builtin},
    compile::graph::{BlockRef, NONE},
    decision::RuleRef,
    eval::{
        draft::{Class, Draft, Misfit, Set},
        graph::{decide, foresee},
        prepared::Prepared,
        verdict::Outcome,
    },
    request::{Given, Refusal},
};
use chrono::{DateTime, Utc};
use lru::LruCache;
use std::{fmt, hash::RandomState, net::IpAddr, num::NonZeroUsize, sync::Arc};

/// How many names of resources that no rule names a session remembers.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(1_024).expect("more than none");

/// The blocks of so many requests are fetched at once.
const AT_ONCE: usize = 16;

/// One caller's working memory: the principal is said once, then asks many times. After the first few requests nothing is
/// allocated. It belongs to the policy set that it was made for, however often that is exchanged meanwhile.
///
/// ```
/// # use policyc::Engine;
/// let engine = Engine::builder().text("lab.policy", r#"allow role researcher to infer when ip in [10.0.0.0/8];"#).load()?;
/// let mut session = engine.session();
/// session.principal("user", "alice").roles(&["researcher"])?;
/// for (ip, allowed) in [([10, 1, 2, 3], true), ([192, 168, 0, 1], false)] {
///     assert_eq!(session.ask("infer", "model", "qwen3").ip(ip.into()).evaluate().is_allow(), allowed);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Session {
    pub(super) set: Arc<Compiled>,
    pub(super) draft: Draft,
    /// What is known of resources that have no number: found by their kinds and ids, which callers choose.
    classes: LruCache<Box<str>, Remembered, RandomState>,
    name: String,
    pub(super) json: Json,
    /// Whether a request in JSON with an attribute that the vocabulary does not know is refused.
    pub(super) strict: bool,
}

/// What is known of a resource that has no number.
struct Remembered {
    entity: u32,
    found: Box<[BlockRef]>,
}

/// A principal that is being said; see [`Session::principal`].
pub struct Caller<'s>(&'s mut Session);

/// A request that is being asked; see [`Session::ask`].
pub struct Ask<'s>(pub(super) &'s mut Session);

/// What the rules say of a request, before limits are charged: numbers only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ruling {
    /// Allow or deny, and by which rule.
    pub outcome: Outcome,
}

impl Ruling {
    /// Whether the rules allow it.
    #[must_use]
    pub const fn is_allow(self) -> bool {
        matches!(self.outcome, Outcome::Allow(_))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("revision", &self.set.revision).finish_non_exhaustive()
    }
}

impl Session {
    pub(super) fn new(set: Arc<Compiled>, strict: bool) -> Self {
        let classes = LruCache::with_hasher(REMEMBERED, RandomState::new());
        let mut session =
            Self { set, draft: Draft::default(), classes, name: String::new(), json: Json::default(), strict };
        session.nobody();
        session
    }

    /// From now on nobody in particular asks.
    pub(super) fn nobody(&mut self) {
        self.principal("anonymous", "");
    }

    /// The principal that asks from now on; what was said of another is forgotten. A kind `anonymous` has no id.
    pub fn principal(&mut self, kind: &str, id: &str) -> Caller<'_> {
        let id = (kind != "anonymous").then_some(id);
        self.draft.principal(self.set.set(), kind, id);
        Caller(self)
    }

    /// Asks: may the principal do this with that resource?
    pub fn ask(&mut self, action: &str, kind: &str, id: &str) -> Ask<'_> {
        self.begin(action, kind, id);
        Ask(self)
    }

    /// Begins a request by the principal.
    #[inline]
    pub(super) fn begin(&mut self, action: &str, kind: &str, id: &str) {
        let Self { set, draft, classes, name, .. } = self;
        let graph = &set.graph;
        draft.ask(set.set(), action, kind, id, |number| {
            name.clear();
            name.push_str(kind);
            // No kind has this character.
            name.push('\n');
            name.push_str(id);
            if classes.get(name.as_str()).is_none() {
                let entity = number.map_or(NONE, |kind| graph.declared_resource(kind, id));
                let mut found = Vec::new();
                graph.matching(id, &mut Vec::new(), &mut found);
                classes.put(name.as_str().into(), Remembered { entity, found: found.into() });
            }
            classes.get(name.as_str()).map(|held| Class { entity: held.entity, found: &held.found })
        });
    }

    /// What the rules say of a request that was prepared by a session of the same policy set.
    #[must_use]
    #[inline]
    pub fn evaluate(&self, request: &Prepared) -> Ruling {
        Ruling { outcome: decide(&self.set.graph, request) }
    }

    /// What the rules say of many requests that were prepared by a session of the same policy set, in their order: as
    /// [`evaluate`](Self::evaluate) of each, in less time where the set is larger than the processor's cache.
    ///
    /// ```
    /// # use policyc::Engine;
    /// let engine = Engine::builder().text("lab.policy", "allow anyone to infer when ip in [10.0.0.0/8];").load()?;
    /// let mut session = engine.session();
    /// let ips = [[10, 1, 2, 3], [192, 168, 0, 1]];
    /// let requests = ips.map(|ip| session.ask("infer", "model", "qwen3").ip(ip.into()).prepare());
    /// let mut rulings = Vec::new();
    /// session.evaluate_many(&requests, &mut rulings);
    /// assert!(rulings[0].is_allow() && !rulings[1].is_allow());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn evaluate_many(&self, requests: &[Prepared], rulings: &mut Vec<Ruling>) {
        let graph = &self.set.graph;
        rulings.clear();
        rulings.reserve(requests.len());
        for some in requests.chunks(AT_ONCE) {
            // What they will read is on its way together, before the first needs it.
            some.iter().for_each(|request| foresee(graph, request));
            rulings.extend(some.iter().map(|request| self.evaluate(request)));
        }
    }

    /// The name and place of the rule that decided.
    #[must_use]
    pub fn rule(&self, ruling: Ruling) -> Option<RuleRef> {
        let (Outcome::Allow(id) | Outcome::Deny(id)) = ruling.outcome else { return None };
        let head = self.set.graph.heads.find(id)?;
        Some(RuleRef { name: head.name, at: head.at })
    }

    /// An attribute by its path, such as `principal.tier` or `risk`.
    #[must_use]
    pub fn attribute(&self, path: &str) -> Option<AttrId> {
        self.set.set().vocabulary.attributes.pairs().find(|(_, row)| *row.path == *path).map(|(attr, _)| attr)
    }

    fn give(&mut self, attr: AttrId, given: Given<'_>) -> Result<(), Box<Refusal>> {
        let set = self.set.set();
        self.draft.give(set, attr, given).map_err(|Misfit| misfit(set, attr))
    }
}

#[cold]
fn misfit(set: Set<'_>, attr: AttrId) -> Box<Refusal> {
    let row = &set.vocabulary.attributes[attr];
    Box::new(Refusal { error: format!("`{}` must be {}", row.path, row.ty.words()), at: String::new() })
}

impl Caller<'_> {
    /// With the value of an attribute of the principal.
    ///
    /// # Errors
    /// If the value does not fit the attribute, or `anonymous` is given one.
    pub fn with<'g>(self, attr: AttrId, given: impl Into<Given<'g>>) -> Result<Self, Box<Refusal>> {
        self.0.give(attr, given.into())?;
        self.0.draft.end_of_principal();
        Ok(self)
    }

    /// With roles that are held everywhere.
    ///
    /// # Errors
    /// As for [`with`](Self::with).
    pub fn roles(self, roles: &[&str]) -> Result<Self, Box<Refusal>> {
        let set = self.0.set.set();
        let taken = self.0.draft.hold_everywhere(set, roles);
        taken.map_err(|Misfit| misfit(set, builtin::PRINCIPAL_ROLES))?;
        self.0.draft.end_of_principal();
        Ok(self)
    }

    /// With a tier.
    ///
    /// # Errors
    /// As for [`with`](Self::with).
    pub fn tier(self, tier: &str) -> Result<Self, Box<Refusal>> {
        let set = self.0.set.set();
        let taken = self.0.draft.has_tier(set, tier);
        taken.map_err(|Misfit| misfit(set, builtin::PRINCIPAL_TIER))?;
        self.0.draft.end_of_principal();
        Ok(self)
    }

    /// With an organisation.
    ///
    /// # Errors
    /// As for [`with`](Self::with).
    pub fn org(self, org: &str) -> Result<Self, Box<Refusal>> {
        self.with(builtin::PRINCIPAL_ORG, org)
    }
}

impl Ask<'_> {
    /// With the value of an attribute of the resource, the action or the context.
    ///
    /// # Errors
    /// If the value does not fit the attribute.
    pub fn with<'g>(self, attr: AttrId, given: impl Into<Given<'g>>) -> Result<Self, Box<Refusal>> {
        self.0.give(attr, given.into())?;
        Ok(self)
    }

    /// From an address.
    #[must_use]
    pub fn ip(self, ip: IpAddr) -> Self {
        self.0.draft.ip(self.0.set.set(), ip);
        self
    }

    /// At an instant.
    #[must_use]
    pub fn time(self, time: DateTime<Utc>) -> Self {
        self.0.draft.time(self.0.set.set(), time);
        self
    }

    /// What the rules say.
    #[must_use]
    pub fn evaluate(self) -> Ruling {
        let session = self.0;
        let request = session.draft.settle(session.set.set());
        Ruling { outcome: decide(&session.set.graph, request) }
    }

    /// The request, to be evaluated later and as often as one likes.
    #[must_use]
    pub fn prepare(self) -> Prepared {
        let session = self.0;
        session.draft.settle(session.set.set()).clone()
    }
}
