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
    store::limits::{Charge, LimitStore, Room},
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

/// In how many seconds a request is tried again that found no store to ask.
const RETRY: u64 = 1;

/// Charges the limits that fire, all or none, and those in shadow that have room. A limit whose key or cost is unknown has no
/// room; nor has any while the store cannot be asked, unless it fails open.
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
    let is_limit = |id: &&RuleId| heads.find(**id).is_some_and(|head| matches!(head.effect, Effect::Limit(..)));
    let binding: Vec<(RuleId, Option<Charge>)> = verdict.limits.iter().map(wanted).collect();
    let is_allowed = matches!(verdict.outcome, Outcome::Allow(_));
    let shadow = verdict.shadow.iter().filter(|_| is_allowed).filter(is_limit).map(wanted);
    let shadow: Vec<(RuleId, Option<Charge>)> = shadow.collect();
    let complete = binding.iter().all(|(_, charge)| charge.is_some());
    // A rule that is written twice has one counter, and a request counts there once.
    let charges: BTreeMap<&str, &Charge> = binding
        .iter()
        .chain(&shadow)
        .filter_map(|(_, charge)| charge.as_ref())
        .map(|charge| (&*charge.counter, charge))
        .collect();
    let charges: Vec<Charge> = charges.into_values().cloned().collect();
    let asked = match spend {
        _ if charges.is_empty() => Ok((None, Vec::new())),
        Spend::Charge if complete => limits.charge(now, &charges).map(|receipt| (Some(receipt.at), receipt.rooms)),
        Spend::Charge | Spend::Look => limits.peek(now, &charges).map(|rooms| (None, rooms)),
    };
    let Ok((at, rooms)) = asked else { return without_store(limits, binding) };
    let counters: BTreeMap<&str, Room> = charges.iter().map(|charge| &*charge.counter).zip(rooms).collect();
    let room = |charge: &Option<Charge>| counters.get(&*charge.as_ref()?.counter).copied();
    let rooms: Vec<(RuleId, Option<Room>)> = binding.iter().map(|(id, charge)| (*id, room(charge))).collect();
    let fits = |room: Option<Room>| room.is_some_and(|room| room.fits);
    let is_made = rooms.iter().all(|(_, room)| fits(*room));
    let full = shadow.iter().filter(|(_, charge)| is_made && !fits(room(charge)));
    Charged { at: at.filter(|_| is_made), shadow: full.map(|(id, _)| *id).collect(), rooms }
}

/// How limits stand while nobody can say.
fn without_store(limits: &dyn LimitStore, binding: Vec<(RuleId, Option<Charge>)>) -> Charged {
    let open = limits.fails_open();
    let later = Room { fits: false, remaining: 0, retry_after: Some(RETRY), reset: RETRY };
    // What is not known of a request keeps it from having room, whatever stores do.
    let rooms = binding.into_iter().filter(|(_, charge)| !open || charge.is_none());
    Charged { rooms: rooms.map(|(id, charge)| (id, charge.map(|_| later))).collect(), ..Charged::default() }
}

/// What a limit would charge; nothing where its key or cost is unknown.
pub(super) fn charge_of(heads: &Heads, id: RuleId, known: &impl Known, now: DateTime<Utc>) -> Option<Charge> {
    let head = heads.find(id)?;
    let Effect::Limit(limit, _) = &head.effect else { return None };
    charges::charge(limit, head.shadow, known, now)
}
