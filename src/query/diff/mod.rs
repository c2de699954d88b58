//! Two policy sets compared: every difference in access, each with a request that shows it.
//!
//! A request is compared as both sets see it: each with its own defaults, declarations and roles. Attributes that only one
//! of them knows make a difference to that one alone, and values that only one of them takes are left out; what only one
//! knows is reported besides ([`only_one_knows`]).
//!
//! What comes out is anchored at rules ([`goals`]): a general rule that has changed is one change and not one for each
//! resource, and a resource that is declared otherwise is one for each rule that this matters for. Where neither a general
//! rule has changed ([`changed`]) nor anything about a resource, nothing is asked about it.

mod both;
mod changed;
mod content;
mod except;
mod goals;
mod known;
mod look;
mod mark;

pub use known::{OnlyOne, only_one_knows};

use super::{
    budget::Budget,
    space::{Case, Frame, SideId},
};
use crate::{
    check::{Ir, ir::RuleId},
    eval::verdict::Verdict,
    ids::IdVec,
    query::prove::Progress,
    request::Request,
};
use changed::Changed;
use goals::Anchor;
use look::{Looked, Looker, Outcome};
use rayon::prelude::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};
use std::{collections::HashMap, sync::Arc};

/// The two sets, in the order in which they are compared.
const OLD: SideId = SideId(0);
const NEW: SideId = SideId(1);

/// How many cases are looked at together before it is seen what has been found.
const CASES: usize = 16;

/// One of two policy sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Which {
    /// The one before.
    Old,
    /// The one after.
    New,
}

impl Which {
    const fn of(side: SideId) -> Self {
        if side.0 == OLD.0 { Self::Old } else { Self::New }
    }
}

/// What is different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// What was denied is allowed.
    Gained,
    /// What was allowed is denied.
    Lost,
    /// What is allowed is limited otherwise.
    Limit,
    /// Other duties come with the same decision.
    Duty,
    /// What is denied can be asked for through another gate.
    Gate,
    /// What is denied is denied with other words.
    Reason,
}

impl ChangeKind {
    /// All, in the order in which they are reported.
    pub const ALL: [Self; 6] = [Self::Gained, Self::Lost, Self::Limit, Self::Duty, Self::Gate, Self::Reason];

    /// In one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gained => "gained",
            Self::Lost => "lost",
            Self::Limit => "limit",
            Self::Duty => "duty",
            Self::Gate => "gate",
            Self::Reason => "reason",
        }
    }
}

/// A rule of one of two sets.
pub type RuleOf = (Which, RuleId);

/// A difference between two policy sets.
#[derive(Debug, Clone)]
pub struct Change {
    /// What is different.
    pub kind: ChangeKind,
    /// The rule that makes the difference, where it fires; none where an action is known to one set only, or where no rule
    /// decides.
    pub rule: Option<RuleOf>,
    /// The rules that leave everything as it was where they fire, too: what was allowed before and still is, and what is
    /// still denied. At most a few are named.
    pub except: Vec<RuleOf>,
    /// Whether there may be more of those.
    pub more: bool,
    /// The resources it was found at, where it comes from how they are declared: by kind and id.
    pub resources: Vec<(Arc<str>, Arc<str>)>,
    /// A request that shows it, with no more than it needs, confirmed by the reference evaluator.
    pub witness: Request,
    /// What the old set says of it.
    pub before: Verdict,
    /// What the new set says of it.
    pub after: Verdict,
}

/// A comparison of two policy sets.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// What is different: by kind, then in source order.
    pub changes: Vec<Change>,
    /// What was neither found nor excluded within the budget, by kind and rule.
    pub inconclusive: Vec<(ChangeKind, Option<RuleOf>)>,
    /// What only one of the sets knows.
    pub only_one: Vec<OnlyOne>,
}

/// Compares two policy sets as to some kinds of changes. Each rule's question has the whole budget. Tells how far it is,
/// again and again.
#[must_use]
pub fn diff(
    old: &Ir,
    new: &Ir,
    kinds: &[ChangeKind],
    budget: Budget,
    progress: impl Fn(Progress) + Sync,
) -> Comparison {
    let frame = Frame::new(&[old, new]);
    let changed = Changed::new(&frame);
    let mut found = Findings { budget, states: HashMap::new() };
    // The rest first: a general rule is shown best by a resource that nobody has named.
    let cases = frame.cases_where(|id, declared| changed.general || changed.touches(id, declared));
    let is_touched = |case: &&Case<'_>| changed.touches(case.id.as_ref(), &case.declared);
    let (touched, others): (Vec<&Case<'_>>, Vec<_>) = cases.par_iter().rev().partition(is_touched);
    let mut others: Vec<(&Case<'_>, bool)> = others.into_iter().map(|case| (case, false)).collect();
    others.extend(touched.into_iter().map(|case| (case, true)));
    let all = others.len();
    let mut done = 0_usize;
    // Where resources are declared alike, there is nothing more to find once all has been found that there can be.
    let behind: Vec<_> = kinds.iter().map(|kind| (*kind, changed.behind(*kind))).collect();
    for some in others.chunks(CASES) {
        let open: Vec<ChangeKind> = behind
            .iter()
            .filter(|(kind, rules)| !found.has_all(*kind, rules.as_deref()))
            .map(|(kind, _)| *kind)
            .collect();
        let looked: Vec<Vec<Looked>> = some
            .par_iter()
            .map(|(case, touched)| {
                let kinds = if *touched { kinds } else { &open };
                let looker = Looker { frame: &frame, changed: &changed, found: &found, kinds, touched: *touched };
                if kinds.is_empty() { Vec::new() } else { looker.look(case) }
            })
            .collect();
        looked.into_iter().flatten().for_each(|looked| found.take(looked));
        done = done.saturating_add(some.len());
        progress(Progress { done, all });
    }
    found.comparison(&frame)
}

/// What has been found out so far.
struct Findings {
    budget: Budget,
    states: HashMap<Anchor, State>,
}

/// What has been found out about an anchor.
struct State {
    left: Budget,
    change: Option<Box<Change>>,
    is_inconclusive: bool,
}

impl Findings {
    /// What is left for an anchor's question.
    fn left(&self, anchor: &Anchor) -> Budget {
        self.states.get(anchor).map_or(self.budget, |state| state.left)
    }

    fn is_found(&self, anchor: &Anchor) -> bool {
        self.states.get(anchor).is_some_and(|state| state.change.is_some())
    }

    /// Whether changes of a kind have been found at all of some rules.
    fn has_all(&self, kind: ChangeKind, rules: Option<&[(SideId, RuleId)]>) -> bool {
        let is_found =
            |(side, rule): &(SideId, RuleId)| self.is_found(&Anchor { kind, side: *side, rule: Some(*rule) });
        rules.is_some_and(|rules| rules.iter().all(is_found))
    }

    fn take(&mut self, looked: Looked) {
        let new = || State { left: self.budget, change: None, is_inconclusive: false };
        let state = self.states.entry(looked.anchor).or_insert_with(new);
        // Steps are counted as if one case came after the other.
        let enough = state.left.spend_all(looked.steps);
        match (looked.outcome, &mut state.change) {
            (Outcome::Nothing, _) => state.is_inconclusive |= !enough,
            (Outcome::Inconclusive, _) => state.is_inconclusive = true,
            (Outcome::Found(change), Some(known)) => known.resources.extend(change.resources),
            (Outcome::Found(change), empty @ None) => *empty = Some(change),
        }
    }

    fn comparison(self, frame: &Frame<'_>) -> Comparison {
        let mut states: Vec<(Anchor, State)> = self.states.into_iter().collect();
        states.sort_by_key(|(anchor, _)| (anchor.kind, anchor.side, anchor.rule));
        let mut changes = Vec::new();
        let mut inconclusive = Vec::new();
        for (anchor, state) in states {
            match state.change {
                Some(change) => changes.push(*change),
                None if state.is_inconclusive => {
                    inconclusive.push((anchor.kind, anchor.rule.map(|rule| (Which::of(anchor.side), rule))));
                }
                None => {}
            }
        }
        let sides: IdVec<SideId, &Ir> = frame.sides.iter().map(|side| side.ir).collect();
        let only_one = only_one_knows(sides[OLD], sides[NEW]);
        Comparison { changes, inconclusive, only_one }
    }
}
