//! What rules say besides where they fire, in words that mean the same in every policy set.
//!
//! Names stand for what a set's own numbers stand for, so that two sets say the same just where the words are the same.
//! What a limit's counters are called is left out: a limit says the same under another name.

use super::ChangeKind;
use crate::{
    check::{
        Ir,
        ir::{Arg, Duty, Effect, Limit, Piece, Refusal, Rule, RuleId, Template},
        vocabulary::{AttrId, Vocabulary},
    },
    eval::{
        answer::{NO_RULE, UNKNOWN_ACTION},
        verdict::{Outcome, Verdict, comes_upon},
    },
    value::{GateMode, Value},
};
use std::{collections::BTreeSet, fmt::Write, sync::Arc};

/// What a limit says: how much of what, in which time, counted by what, and what a denial by it says.
pub(super) fn limit(vocabulary: &Vocabulary, limit: &Limit, refused: &Refusal) -> String {
    let unit = limit.unit.map(|attr| path(vocabulary, attr));
    let mut by: Vec<&str> = limit.by.iter().map(|key| key.name()).collect();
    by.sort_unstable();
    format!("{} {unit:?} {:?} {by:?} {}", limit.amount, limit.window, refusal(vocabulary, refused))
}

/// What a duty says.
pub(super) fn duty(vocabulary: &Vocabulary, duty: &Duty) -> String {
    let mut text = format!("{:?}", duty.name);
    for (name, arg) in &duty.args {
        let _ = match arg {
            Arg::Value(Value::Tier(tier)) => write!(text, " {name:?} {:?}", vocabulary.tier_name(*tier)),
            Arg::Value(value) => write!(text, " {name:?} {value:?}"),
            Arg::Attribute(attr) => write!(text, " {name:?} {{{}}}", path(vocabulary, *attr)),
        };
    }
    text
}

/// What a denial says.
pub(super) fn refusal(vocabulary: &Vocabulary, refusal: &Refusal) -> String {
    let [message, hint] =
        [&refusal.message, &refusal.hint].map(|text| text.as_ref().map(|text| words(vocabulary, text)));
    format!("{:?} {} {message:?} {hint:?}", refusal.code, refusal.status)
}

fn words(vocabulary: &Vocabulary, template: &Template) -> Vec<String> {
    let word = |piece: &Piece| match piece {
        Piece::Text(text) => format!("{text:?}"),
        Piece::Attribute(attr) => path(vocabulary, *attr).to_owned(),
        Piece::RetryAfter => "retry_after".to_owned(),
    };
    template.pieces.iter().map(word).collect()
}

fn path(vocabulary: &Vocabulary, attr: AttrId) -> &str {
    &vocabulary.attributes[attr].path
}

/// What a decision says, in words that mean the same in every policy set.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decided {
    pub(super) allows: bool,
    pub(super) limits: BTreeSet<String>,
    pub(super) duties: BTreeSet<String>,
    /// What a denial says.
    pub(super) words: String,
    /// The gate that a request for access would go through.
    pub(super) gate: Option<GateMode>,
}

impl Decided {
    /// What a verdict comes to.
    pub(super) fn new(ir: &Ir, verdict: &Verdict) -> Self {
        let vocabulary = &*ir.vocabulary;
        let rule = |id: RuleId| ir.rules.find(id);
        let refused = |rule: &Rule| match &rule.effect {
            Effect::Deny(refusal) | Effect::Gate(_, refusal) => Some(refusal.clone()),
            Effect::Allow | Effect::Limit(..) | Effect::Oblige(_) => None,
        };
        let mode = |rule: &Rule| match rule.effect {
            Effect::Gate(mode, _) => Some(mode),
            Effect::Allow | Effect::Deny(_) | Effect::Limit(..) | Effect::Oblige(_) => None,
        };
        let (words, code, gate): (String, Option<Arc<str>>, _) = match verdict.outcome {
            Outcome::Allow(_) => (String::new(), None, None),
            Outcome::NoRule => (NO_RULE.to_owned(), Some(NO_RULE.into()), None),
            Outcome::UnknownAction => (UNKNOWN_ACTION.to_owned(), Some(UNKNOWN_ACTION.into()), None),
            Outcome::Deny(id) => {
                let refusal = rule(id).and_then(refused);
                let through = rule(id).and_then(mode);
                let highest = || verdict.prohibitions.iter().filter_map(|id| mode(rule(*id)?)).max();
                let words = refusal.as_ref().map(|says| self::refusal(vocabulary, says)).unwrap_or_default();
                (words, refusal.map(|refusal| refusal.code.clone()), through.and_then(|_| highest()))
            }
        };
        let limits = verdict.limits.iter().filter_map(|id| match &rule(*id)?.effect {
            Effect::Limit(says, refusal) => Some(limit(vocabulary, says, refusal)),
            Effect::Allow | Effect::Deny(_) | Effect::Gate(..) | Effect::Oblige(_) => None,
        });
        let limits = limits.collect();
        let mut duties = BTreeSet::new();
        for id in &verdict.duties {
            if let Some(Effect::Oblige(says)) = rule(*id).map(|rule| &rule.effect)
                && comes_upon(&says.upon, code.as_deref())
            {
                duties.extend(says.duties.iter().map(|says| duty(vocabulary, says)));
            }
        }
        let allows = matches!(verdict.outcome, Outcome::Allow(_));
        Self { allows, limits, duties, words, gate }
    }

    /// Whether another decision is different in a way.
    pub(super) fn changes(&self, other: &Self, kind: ChangeKind) -> bool {
        let both = |allow: bool| self.allows == allow && other.allows == allow;
        match kind {
            ChangeKind::Gained => !self.allows && other.allows,
            ChangeKind::Lost => self.allows && !other.allows,
            ChangeKind::Limit => both(true) && self.limits != other.limits,
            ChangeKind::Duty => self.allows == other.allows && self.duties != other.duties,
            ChangeKind::Gate => both(false) && self.gate != other.gate,
            ChangeKind::Reason => both(false) && self.words != other.words,
        }
    }
}
