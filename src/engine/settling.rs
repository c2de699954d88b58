//! The step after the answer: what a request that is over gives back, and what it used beyond what it reserved.

use super::{
    Engine, Surveyed,
    charging::{Spend, charge, charge_of},
    told,
};
use crate::{
    check::ir::{Effect, RuleId},
    decision::{Decision, LimitState},
    eval::{answer::state, verdict::Verdict},
    request::{Refusal, Request},
    store::limits::{Charge, Window},
};
use chrono::{DateTime, TimeDelta, Utc};
use std::{collections::BTreeMap, sync::Arc};

/// What a request has used, once that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used<'a> {
    /// The attribute of the context that said what it would cost: the unit of limits, as in `tokens`.
    pub unit: &'a str,
    /// How much it came to.
    pub amount: u64,
}

impl Engine {
    /// How the limits of a request stand, in source order; nothing is charged.
    ///
    /// # Errors
    /// If the request does not fit the vocabulary.
    pub fn limits(&self, request: &Request, now: DateTime<Utc>) -> Result<Vec<LimitState>, Refusal> {
        let Surveyed { draft, verdict, .. } = self.survey(request, Some(now))?;
        let heads = &self.set.graph.heads;
        let told = told(self.set.set(), &draft, request);
        let charged = charge(heads, &*self.limits, &told, &verdict, now, Spend::Look);
        Ok(charged.rooms.iter().filter_map(|(id, room)| state(heads, &told, *id, room.as_ref()?)).collect())
    }

    /// Ends a request that `decision` allowed at `made`: leases that it still holds are given back, and limits that count
    /// by what it has `used` are settled. What it reserved too much is given back, what it used more is charged, whether it
    /// fits or not. Where nothing is said of what it used, what it reserved stands.
    ///
    /// The request is the one that was decided, with its `time`; else limits may be meant that never were charged.
    ///
    /// # Errors
    /// If the request does not fit the vocabulary.
    pub fn settle(
        &self,
        request: &Request,
        decision: &Decision,
        made: DateTime<Utc>,
        now: DateTime<Utc>,
        used: Option<Used<'_>>,
    ) -> Result<(), Refusal> {
        // What was let through while no store could be asked holds nothing.
        let Some(charged) = decision.charged else { return Ok(()) };
        // A store that cannot be reached keeps what was reserved, and lets leases lapse by themselves.
        for (counter, (id, charge)) in self.charged(request, decision, made)? {
            if let Window::AtOnce { lapse } = charge.window {
                // What has lapsed was given back then; another request may hold that place by now.
                if !has_passed(made, lapse, now) {
                    let _ = self.limits.release(now, &counter, 1);
                }
                continue;
            }
            let Some(used) = used.filter(|used| self.unit(id).as_deref() == Some(used.unit)) else { continue };
            if used.amount < charge.cost {
                let _ = self.limits.refund(now, charged, &charge, charge.cost.saturating_sub(used.amount));
            } else if let Some((_, today)) = self.charged(request, decision, now)?.remove(&counter) {
                // A period of the calendar may have ended meanwhile: this is charged to the one that is now.
                let cost = used.amount.saturating_sub(charge.cost);
                let _ = self.limits.overdraw(now, &Charge { cost, ..today });
            }
        }
        Ok(())
    }

    /// What a decision charged, by counter.
    fn charged(
        &self,
        request: &Request,
        decision: &Decision,
        made: DateTime<Utc>,
    ) -> Result<BTreeMap<String, (RuleId, Charge)>, Refusal> {
        let Surveyed { draft, verdict: Verdict { limits, shadow, .. }, .. } = self.survey(request, Some(made))?;
        let heads = &self.set.graph.heads;
        let told = told(self.set.set(), &draft, request);
        // A shadow limit that the decision names had no room, and was not charged.
        let spent = |id: &RuleId| heads.find(*id).is_some_and(|head| !decision.shadow.contains(&head.name));
        let charges = limits.into_iter().chain(shadow.into_iter().filter(spent));
        let charges = charges.filter_map(|id| Some((id, charge_of(heads, id, &told, made)?)));
        Ok(charges.map(|(id, charge)| (charge.counter.clone(), (id, charge))).collect())
    }

    /// The attribute that a limit counts by.
    fn unit(&self, id: RuleId) -> Option<Arc<str>> {
        let Effect::Limit(limit, _) = self.set.graph.heads.find(id)?.effect else { return None };
        Some(self.set.set().vocabulary.attributes[limit.unit?].path.clone())
    }
}

/// Whether so many seconds after an instant have passed.
fn has_passed(from: DateTime<Utc>, seconds: u64, now: DateTime<Utc>) -> bool {
    let span = i64::try_from(seconds).ok().and_then(TimeDelta::try_seconds);
    span.and_then(|span| from.checked_add_signed(span)).is_some_and(|end| end <= now)
}
