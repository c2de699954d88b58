//! What there is to find: for each rule that fires differently, the requests for which that makes a difference.
//!
//! Each question is anchored at one rule, so that its answer says what has changed, and a rule that both sets have stands
//! for itself: nothing is asked about it. For access that is newly allowed there are three sorts of anchors: a prohibition
//! that is gone, where something is allowed now; an `allow` that is new, where nothing allowed before; and an action that
//! was not known. Access that is lost is the same with the sets exchanged.

use super::{
    ChangeKind, NEW, OLD,
    both::{Both, Fires, Sayings},
};
use crate::{
    check::ir::RuleId,
    query::{search::Lit, space::SideId},
};
use std::collections::HashSet;

/// What a change is found at: a rule of one of the sets, or what that set does not say where it has no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Anchor {
    pub(super) kind: ChangeKind,
    pub(super) side: SideId,
    pub(super) rule: Option<RuleId>,
}

/// Something to find, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goal {
    pub(super) anchor: Anchor,
    /// Where the anchor's rule fires.
    pub(super) fires: Lit,
    /// Where it makes the difference.
    pub(super) lit: Lit,
}

/// Access that one set denies and the other allows.
pub(super) fn access(both: &mut Both<'_>, kind: ChangeKind, from: SideId, to: SideId) -> Vec<Goal> {
    let lits = |fires: &[Fires<'_>]| -> Vec<Lit> { fires.iter().map(|fires| fires.lit).collect() };
    let before = lits(&both.sides[from].allows);
    let known: HashSet<Lit> = before.iter().copied().collect();
    let still: HashSet<Lit> = lits(&both.sides[to].denies).into_iter().collect();
    let (allowed, knew) = (both.sides[to].allowed, both.sides[from].knows);
    let nothing_before = both.all(before.into_iter().map(|lit| !lit));
    let gone: Vec<Fires<'_>> =
        both.sides[from].denies.iter().filter(|rule| !still.contains(&rule.lit)).copied().collect();
    let new: Vec<Fires<'_>> = both.sides[to].allows.iter().filter(|rule| !known.contains(&rule.lit)).copied().collect();
    let mut goals = Vec::new();
    for Fires { id, lit: fires, .. } in gone {
        let lit = both.all([fires, allowed]);
        goals.push(Goal { anchor: Anchor { kind, side: from, rule: Some(id) }, fires, lit });
    }
    let mut otherwise = vec![allowed, !knew];
    for Fires { id, lit: fires, .. } in new {
        let lit = both.all([fires, allowed, nothing_before]);
        otherwise.push(!lit);
        goals.push(Goal { anchor: Anchor { kind, side: to, rule: Some(id) }, fires, lit });
    }
    let lit = both.all(otherwise);
    goals.push(Goal { anchor: Anchor { kind, side: to, rule: None }, fires: lit, lit });
    goals.retain(|goal| goal.lit != Lit::FALSE);
    goals
}

/// Limits that come with the same allow.
pub(super) fn limits(both: &mut Both<'_>) -> Vec<Goal> {
    let [old, new] = [OLD, NEW].map(|side| both.limits(side));
    let allowed = both.agree(true);
    sayings(both, ChangeKind::Limit, allowed, &old, &new)
}

/// Duties that come with the same decision.
pub(super) fn duties(both: &mut Both<'_>) -> Vec<Goal> {
    let mut goals = Vec::new();
    for allow in [true, false] {
        let [old, new] = [OLD, NEW].map(|side| both.duties(side, allow));
        let decided = both.agree(allow);
        goals.extend(sayings(both, ChangeKind::Duty, decided, &old, &new));
    }
    goals
}

/// What is said by one set only. What the old one said is looked at last, and only where nothing that the new one says has
/// taken its place: a limit with another amount is one change.
fn sayings(both: &mut Both<'_>, kind: ChangeKind, decided: Lit, old: &Sayings, new: &Sayings) -> Vec<Goal> {
    let mut goals: Vec<Goal> = Vec::new();
    for (side, said, other) in [(NEW, new, old), (OLD, old, new)] {
        let replaced: Vec<Lit> = goals.iter().map(|goal| !goal.lit).collect();
        let mut of_side: Vec<Goal> = Vec::new();
        for (words, rules) in said {
            let others: Vec<Lit> = other.get(words).into_iter().flatten().map(|(_, lit)| *lit).collect();
            let alike: HashSet<Lit> = others.iter().copied().collect();
            for (rule, fires) in rules.iter().filter(|(_, lit)| !alike.contains(lit)) {
                let not_others = others.iter().map(|lit| !*lit);
                let lit = both.all([*fires, decided].into_iter().chain(not_others).chain(replaced.iter().copied()));
                let anchor = Anchor { kind, side, rule: Some(*rule) };
                match of_side.iter_mut().find(|goal| goal.anchor == anchor) {
                    Some(goal) => goal.lit = both.any([goal.lit, lit]),
                    None => of_side.push(Goal { anchor, fires: *fires, lit }),
                }
            }
        }
        goals.extend(of_side);
    }
    goals.retain(|goal| goal.lit != Lit::FALSE);
    goals
}

/// Requests that both sets deny, for another reason or through another gate: where, and what to leave out once it has been
/// found.
pub(super) struct Otherwise {
    pub(super) lit: Lit,
    /// The rules that can decide, of each set, and where they do.
    pub(super) deciding: Vec<(SideId, Option<RuleId>, Lit)>,
}

/// Denials by another gate, and denials that say something else.
pub(super) fn reasons(both: &mut Both<'_>) -> [(ChangeKind, Otherwise); 2] {
    let [old, new] = [OLD, NEW].map(|side| both.denials(side));
    let denied = both.agree(false);
    let [before, after] = [(OLD, &old), (NEW, &new)].map(|(side, denials)| both.gates(side, denials));
    let mut gates = Vec::new();
    for (before, after) in before.into_iter().zip(after) {
        gates.push(both.all([before, !after]));
        gates.push(both.all([after, !before]));
    }
    let gates = both.any(gates);
    let mut words = Vec::new();
    for says in new.iter().map(|denial| &denial.words).collect::<std::collections::BTreeSet<_>>() {
        let [before, after] = [&old, &new].map(|denials| {
            let same = denials.iter().filter(|denial| denial.words == *says).map(|denial| denial.lit);
            both.any(same.collect::<Vec<_>>())
        });
        words.push(both.all([after, !before]));
    }
    let words = both.any(words);
    let deciding: Vec<(SideId, Option<RuleId>, Lit)> = [(NEW, &new), (OLD, &old)]
        .into_iter()
        .flat_map(|(side, denials)| denials.iter().map(move |denial| (side, denial.rule, denial.lit)))
        .collect();
    [(ChangeKind::Gate, gates), (ChangeKind::Reason, words)].map(|(kind, differs)| {
        let lit = both.all([denied, differs]);
        (kind, Otherwise { lit, deciding: deciding.clone() })
    })
}
