//! Where a rule that makes a difference fires, and makes none.

use super::{ChangeKind, NEW, OLD, RuleOf, Which, both::Both, goals::Anchor};
use crate::query::{
    ask::Answer,
    budget::Budget,
    search::{Known, Lit},
};

/// How many exceptions are named.
const NAMED: usize = 4;
/// How many rules are looked at for that.
const TRIED: usize = 24;
/// What each look may cost.
const STEPS: Budget = Budget::new(2_000);

/// The rules that leave everything as it was where they fire together with an anchor's, and whether there may be more. Of
/// what is newly allowed that is what was allowed before, and what is denied still.
pub(super) fn exceptions(both: &mut Both<'_>, anchor: &Anchor, fires: Lit) -> (Vec<RuleOf>, bool) {
    let (from, to) = match anchor.kind {
        ChangeKind::Gained => (OLD, NEW),
        ChangeKind::Lost => (NEW, OLD),
        ChangeKind::Limit | ChangeKind::Duty | ChangeKind::Gate | ChangeKind::Reason => return (Vec::new(), false),
    };
    if anchor.rule.is_none() {
        return (Vec::new(), false);
    }
    let mut rules: Vec<(RuleOf, Lit)> = Vec::new();
    if anchor.side == to {
        rules.extend(both.sides[from].allows.iter().map(|rule| ((Which::of(from), rule.id), rule.lit)));
    }
    rules.extend(both.sides[to].denies.iter().map(|rule| ((Which::of(to), rule.id), rule.lit)));
    let lits: Vec<Lit> = rules.iter().map(|(_, lit)| *lit).collect();
    let known = both.asked.scene.search.given(fires, &lits);
    let possible = rules.into_iter().zip(known).filter(|(_, known)| *known != Known::False);
    let (mut except, mut more) = (Vec::new(), false);
    for (tried, ((rule, lit), _)) in possible.enumerate() {
        if tried == TRIED || except.len() == NAMED {
            more = true;
            break;
        }
        let together = both.all([fires, lit]);
        match both.asked.find(together, &mut { STEPS }, |_| true) {
            Answer::Witness(_) => except.push(rule),
            Answer::Nothing => {}
            Answer::Inconclusive => more = true,
        }
    }
    (except, more)
}
