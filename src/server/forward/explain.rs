//! Denials that a proxy could not pass on itself, kept for a moment: nginx knows 401 and 403 only, and shows its own page. It
//! asks again, by an id, and gets the answer that was decided on, once.

use super::answer::Denied;
use chrono::{DateTime, TimeDelta, Utc};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
};
use uuid::Uuid;

/// Denials by ids that nobody can guess.
#[derive(Debug)]
pub(super) struct Explanations {
    kept: Mutex<Kept>,
    /// How many there are at most; then the oldest goes.
    most: usize,
    lifetime: TimeDelta,
}

#[derive(Debug, Default)]
struct Kept {
    denials: BTreeMap<Uuid, (DateTime<Utc>, Denied)>,
    /// In the order they came; some are asked for already.
    order: VecDeque<(DateTime<Utc>, Uuid)>,
}

impl Explanations {
    pub(super) fn new(most: usize, lifetime: TimeDelta) -> Self {
        Self { kept: Mutex::default(), most, lifetime }
    }

    /// Keeps a denial.
    pub(super) fn keep(&self, denied: Denied, now: DateTime<Utc>) -> Uuid {
        let id = Uuid::new_v4();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((since, oldest)) = kept.order.front().copied()
            && (kept.order.len() >= self.most.max(1) || self.is_over(since, now))
        {
            kept.order.pop_front();
            kept.denials.remove(&oldest);
        }
        kept.order.push_back((now, id));
        kept.denials.insert(id, (now, denied));
        id
    }

    /// Gives a denial away.
    pub(super) fn take(&self, id: Uuid, now: DateTime<Utc>) -> Option<Denied> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, denied) = kept.denials.remove(&id)?;
        (!self.is_over(since, now)).then_some(denied)
    }

    fn is_over(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        now.signed_duration_since(since) >= self.lifetime
    }
}

#[cfg(test)]
mod tests {
    use super::Explanations;
    use crate::server::forward::answer::{Answer, Denied, Refused};
    use ::http::StatusCode;
    use chrono::{DateTime, TimeDelta};

    fn denied() -> Denied {
        match Answer::from(Refused::new(StatusCode::FORBIDDEN, "NO", "no")) {
            Answer::Denied(denied) => denied,
            Answer::Allowed(_) => panic!("it is denied"),
        }
    }

    #[test]
    fn a_denial_is_told_once_and_in_time() {
        let store = Explanations::new(2, TimeDelta::seconds(30));
        let start = DateTime::UNIX_EPOCH;
        let id = store.keep(denied(), start);
        assert!(store.take(id, start).is_some());
        assert!(store.take(id, start).is_none(), "once");
        let id = store.keep(denied(), start);
        assert!(store.take(id, start + TimeDelta::seconds(30)).is_none(), "in time");
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let store = Explanations::new(2, TimeDelta::seconds(30));
        let start = DateTime::UNIX_EPOCH;
        let [first, second, third] = [0, 1, 2].map(|_| store.keep(denied(), start));
        assert!(store.take(first, start).is_none());
        assert!(store.take(second, start).is_some() && store.take(third, start).is_some());
    }
}
