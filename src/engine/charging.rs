//! The step between what the rules say and the answer: limits are charged, or only looked at.

use crate::{
    check::ir::{Effect, RuleId},
    compile::heads::Heads,
    eval::{
        answer::Charged,
        charges,
        told::Known,
        verdict::{Outcome, Verdict},
    },
    store::limits::{Charge, LimitStore, Outage, Room},
};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// Whether limits are charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spend {
    /// A deciding call: they are.
    Charge,
    /// A question: they are only looked at.
    Look,
}

/// Charges the limits that fire: all or none. A limit whose key or cost is unknown, and a store that cannot be reached,
/// have no room.
pub(super) fn charge(
    heads: &Heads,
    limits: &dyn LimitStore,
    known: &impl Known,
    verdict: &Verdict,
    now: DateTime<Utc>,
    spend: Spend,
) -> Charged {
    if verdict.limits.is_empty() && verdict.shadow.is_empty() {
        return Charged::default();
    }
    let wanted = |id: &RuleId| (*id, charge_of(heads, *id, known, now));
    let binding: Vec<(RuleId, Option<Charge>)> = verdict.limits.iter().map(wanted).collect();
    let complete = binding.iter().all(|(_, charge)| charge.is_some());
    let counters = ask(limits, now, &binding, if complete { spend } else { Spend::Look });
    let room = |charge: &Charge| counters.get(&charge.counter).copied();
    let rooms = binding.iter().map(|(id, charge)| (*id, charge.as_ref().and_then(room))).collect();
    let mut charged = Charged { rooms, ..Charged::default() };
    let fits = charged.rooms.iter().all(|(_, room)| room.is_some_and(|room| room.fits));
    if fits && matches!(verdict.outcome, Outcome::Allow(_)) {
        let is_limit = |id: &&RuleId| heads.find(**id).is_some_and(|head| matches!(head.effect, Effect::Limit(..)));
        let mut seen: BTreeMap<String, bool> = BTreeMap::new();
        for (id, charge) in verdict.shadow.iter().filter(is_limit).map(wanted) {
            // One by one: a shadow limit without room holds up no other.
            let fits = charge.is_some_and(|charge| {
                let counter = charge.counter.clone();
                let ask = || ask(limits, now, &[(id, Some(charge))], spend).values().any(|room| room.fits);
                *seen.entry(counter).or_insert_with(ask)
            });
            if !fits {
                charged.shadow.insert(id);
            }
        }
    }
    charged
}

/// What a limit would charge; nothing where its key or cost is unknown.
pub(super) fn charge_of(heads: &Heads, id: RuleId, known: &impl Known, now: DateTime<Utc>) -> Option<Charge> {
    let head = heads.find(id)?;
    let Effect::Limit(limit, _) = &head.effect else { return None };
    charges::charge(limit, head.shadow, known, now)
}

/// How the counters stand. A rule that is written twice has one counter, and a request counts there once.
fn ask(
    limits: &dyn LimitStore,
    now: DateTime<Utc>,
    wanted: &[(RuleId, Option<Charge>)],
    spend: Spend,
) -> BTreeMap<String, Room> {
    let charges: BTreeMap<&str, &Charge> =
        wanted.iter().filter_map(|(_, charge)| charge.as_ref()).map(|charge| (&*charge.counter, charge)).collect();
    let charges: Vec<Charge> = charges.into_values().cloned().collect();
    let rooms: Result<Vec<Room>, Outage> = match spend {
        Spend::Charge => limits.charge(now, &charges),
        Spend::Look => limits.peek(now, &charges),
    };
    charges.into_iter().map(|charge| charge.counter).zip(rooms.unwrap_or_default()).collect()
}
