//! Requests that were decided before, decided anew: each at the time that it was decided, and as if it was the first.
//!
//! In goes a request as it was recorded, out comes what it would be denied by. Most are taken as they stand in their text,
//! since there may be hundreds of millions of them.

use super::{Engine, Session, charging::Spend, desk::says_time};
use crate::{
    check::ir::RuleId,
    clock::ManualClock,
    compile::block::Section,
    decision::Decision,
    eval::{
        answer::{NO_RULE, UNKNOWN_ACTION, code_of},
        graph::{decide, firing},
        verdict::Outcome,
    },
    request::Refusal,
    store::limits::MemoryLimits,
    wire,
};
use chrono::{DateTime, Utc};
use std::{collections::HashMap, sync::Arc};

/// Decides requests anew by one set. It belongs to one thread.
pub(crate) struct Anew {
    /// Its limits are never charged.
    engine: Engine,
    session: Session,
    /// The codes of rules that denied so far.
    codes: HashMap<RuleId, Arc<str>>,
}

impl Anew {
    pub(crate) fn new(engine: &Engine) -> Self {
        let clock = ManualClock::new(DateTime::UNIX_EPOCH);
        let engine = engine.with_state(Arc::new(clock), Arc::new(MemoryLimits::new()));
        Self { session: engine.session(), engine, codes: HashMap::new() }
    }

    /// The code that a request would be denied by; none if it would be allowed.
    ///
    /// # Errors
    /// If the text is not a request, or it does not fit the vocabulary.
    pub(crate) fn code(&mut self, text: &str, now: DateTime<Utc>) -> Result<Option<Arc<str>>, Refusal> {
        if let Some(code) = self.code_of_plain(text, now) {
            return Ok(code);
        }
        let request = wire::request::decode(text)?.request;
        let decision = self.engine.decide_dated(&request, now, Spend::Look)?;
        Ok(decision.denial().map(|denial| denial.code.clone()))
    }

    /// The whole decision.
    ///
    /// # Errors
    /// As for [`code`](Self::code).
    pub(crate) fn decide(&self, text: &str, now: DateTime<Utc>) -> Result<Decision, Refusal> {
        let request = wire::request::decode(text)?.request;
        let first = self.engine.with_state(self.engine.clock.clone(), Arc::new(MemoryLimits::new()));
        first.decide_dated(&request, now, Spend::Charge)
    }

    /// The same as [`code`](Self::code) of a request that is plainly written and charges no limits; nothing of others.
    fn code_of_plain(&mut self, text: &str, now: DateTime<Utc>) -> Option<Option<Arc<str>>> {
        let Self { session, codes, .. } = self;
        session.take_plain(text)?;
        let Session { set, draft, json, .. } = session;
        if !says_time(&json.said, text) {
            draft.time(set.set(), now);
        }
        let request = draft.settle(set.set());
        Some(match decide(&set.graph, request) {
            Outcome::Allow(_) => firing(&set.graph, request, Section::Limits).is_empty().then_some(None)?,
            Outcome::Deny(rule) => Some(codes.entry(rule).or_insert_with(|| code_of(&set.graph.heads, rule)).clone()),
            Outcome::NoRule => Some(NO_RULE.into()),
            Outcome::UnknownAction => Some(UNKNOWN_ACTION.into()),
        })
    }
}
