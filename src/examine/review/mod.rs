//! What whoever answers for a policy set wants to look at once a month.
//!
//! In go an [`Engine`] and an instant, out come findings: grants that time ends, rules that change nothing, broad grants,
//! principals that nothing else knows, rules without an owner, reviews that are due, and whom gates ask for a grant. What
//! time ends and what changes nothing is asked of all requests; what the documentation of rules says is for [`docs`].

pub mod json;
mod scope;
pub mod table;

use super::docs::{self, Docs, ReviewDate};
use crate::{
    check::ir::{Ir, Rule, RuleId},
    engine::Engine,
    query::{Budget, ExpiryState, Progress, expiries, idle, idle_findings},
    report::codes,
    source::Span,
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use std::{collections::BTreeMap, sync::Arc};

/// What a finding of a review is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A rule that time has ended.
    Expired,
    /// A rule that time ends soon.
    Expiring,
    /// A rule that never decides.
    NeverDecides,
    /// A rule whose work others do.
    Redundant,
    /// A grant to anyone, of any action, or on any resource.
    Broad,
    /// A principal that only one rule names, and no declaration.
    NamedOnce,
    /// A rule that nobody owns.
    Unowned,
    /// A rule whose review is due.
    ReviewDue,
    /// A rule whose date of review is none.
    ReviewDate,
    /// A gate, and whom it asks for a grant.
    Gate,
}

impl Kind {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 10] = [
        Self::Expired,
        Self::Expiring,
        Self::NeverDecides,
        Self::Redundant,
        Self::Broad,
        Self::NamedOnce,
        Self::Unowned,
        Self::ReviewDue,
        Self::ReviewDate,
        Self::Gate,
    ];

    /// What it is called: `never-decides`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Expiring => "expiring",
            Self::NeverDecides => "never-decides",
            Self::Redundant => "redundant",
            Self::Broad => "broad",
            Self::NamedOnce => "named-once",
            Self::Unowned => "unowned",
            Self::ReviewDue => "review-due",
            Self::ReviewDate => "review-date",
            Self::Gate => "gate",
        }
    }

    /// What such findings are, as a heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Expiring => "expiring soon",
            Self::NeverDecides => "never deciding",
            Self::Redundant => "not needed",
            Self::Broad => "broad grants",
            Self::NamedOnce => "principals named nowhere else",
            Self::Unowned => "without an owner",
            Self::ReviewDue => "review is due",
            Self::ReviewDate => "date of review is no date",
            Self::Gate => "gates",
        }
    }
}

/// What a review is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The instant of the review.
    pub at: DateTime<Utc>,
    /// How soon after it an end is one to speak of.
    pub within: TimeDelta,
    /// What each question about time may cost.
    pub budget: Budget,
    /// Whether rules that change nothing are looked for, which takes long for large sets.
    pub idle: bool,
}

/// What a review has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Review {
    /// By kind, then in source order.
    pub findings: Vec<Finding>,
    /// The names of rules of which it was not found out within the budget whether time ends them.
    pub inconclusive: Vec<Arc<str>>,
}

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub kind: Kind,
    /// The rule.
    pub id: RuleId,
    /// The rule's name.
    pub rule: Arc<str>,
    /// The rule's place.
    pub at: Arc<str>,
    /// Who owns the rule, by its `@owner`.
    pub owner: Option<String>,
    /// The day of review, or the last instant at which the rule can fire.
    pub date: Option<String>,
    /// What there is to say.
    pub message: String,
}

/// Reviews a policy set. Tells how far it is, again and again.
#[must_use]
pub fn review(engine: &Engine, asked: Asked, progress: impl Fn(Progress)) -> Review {
    let ir = engine.ir();
    let mut report = Report { docs: docs::of(engine), review: Review::default() };
    report.ends(ir, asked, progress);
    if asked.idle {
        report.idle(engine);
    }
    let mut last = None;
    let named = scope::named_once(ir);
    for (id, rule) in ir.rules.pairs() {
        report.scope(engine, (id, rule), &named);
        // An `allow` with `at most` is two rules with one text.
        if last.replace(rule.at) != Some(rule.at) {
            report.docs(ir, asked.at, id, rule);
        }
    }
    report.review.findings.sort_by_key(|found| (found.kind, found.id));
    report.review
}

/// A review while it is made.
struct Report {
    docs: BTreeMap<Span, Docs>,
    review: Review,
}

impl Report {
    fn add(&mut self, kind: Kind, (id, rule): (RuleId, &Rule), date: Option<String>, message: String) {
        let owner = self.docs.get(&rule.at).and_then(|docs| docs.owner.clone());
        self.review.findings.push(Finding { kind, id, rule: rule.name(), at: rule.place(), owner, date, message });
    }

    /// Rules that time ends.
    fn ends(&mut self, ir: &Ir, asked: Asked, progress: impl Fn(Progress)) {
        let soon = asked.at.checked_add_signed(asked.within).unwrap_or(DateTime::<Utc>::MAX_UTC);
        for expiry in expiries(ir, asked.at, soon, asked.budget, progress) {
            let Some(rule) = ir.rules.find(expiry.rule) else { continue };
            let date = expiry.last.map(|last| last.to_rfc3339_opts(SecondsFormat::Secs, true));
            let does = if rule.word() == "allow" { "allow" } else { "deny" };
            let (kind, message) = match (expiry.state, &date) {
                (ExpiryState::Inconclusive, _) => {
                    self.review.inconclusive.push(rule.name());
                    continue;
                }
                (ExpiryState::Expired, Some(date)) => (Kind::Expired, format!("can {does} nothing since {date}")),
                (ExpiryState::Expired, None) => (Kind::Expired, format!("can {does} nothing any more")),
                (ExpiryState::Expiring, Some(date)) => (Kind::Expiring, format!("can {does} nothing after {date}")),
                (ExpiryState::Expiring, None) => (Kind::Expiring, format!("can {does} nothing any more soon")),
            };
            self.add(kind, (expiry.rule, rule), date, message);
        }
    }

    /// Rules that change nothing, in the words of the warnings of `check`.
    fn idle(&mut self, engine: &Engine) {
        let ir = engine.ir();
        let idle = idle(ir);
        let rules: BTreeMap<Span, (RuleId, &Rule)> = ir.rules.pairs().map(|(id, rule)| (rule.at, (id, rule))).collect();
        for found in idle_findings(ir, &idle, &[]) {
            let Some(rule) = rules.get(&found.span()) else { continue };
            let kind = if found.code() == codes::REDUNDANT { Kind::Redundant } else { Kind::NeverDecides };
            let others = found.labels().iter().filter_map(|(at, _)| rules.get(at));
            let others: Vec<String> = others.map(|(_, other)| format!("`{}`", other.name())).collect();
            // Whom a rule contradicts its message says.
            let known = others.is_empty() || found.code() == codes::OPPOSITE;
            let because = if known { String::new() } else { format!(" ({})", others.join(", ")) };
            let message = format!("{}{because}", found.message());
            self.add(kind, *rule, None, message);
        }
    }

    /// Whom and what rules speak of.
    fn scope(&mut self, engine: &Engine, (id, rule): (RuleId, &Rule), named: &BTreeMap<RuleId, Vec<String>>) {
        if let Some(message) = scope::breadth(rule) {
            self.add(Kind::Broad, (id, rule), None, message);
        }
        for principal in named.get(&id).into_iter().flatten() {
            let message = format!("{principal} is named here only, and not declared");
            self.add(Kind::NamedOnce, (id, rule), None, message);
        }
        if let Some(message) = scope::gate(engine.ir(), engine.sources(), rule) {
            self.add(Kind::Gate, (id, rule), None, message);
        }
    }

    /// What the documentation of a rule says, or does not.
    fn docs(&mut self, ir: &Ir, at: DateTime<Utc>, id: RuleId, rule: &Rule) {
        let docs = self.docs.get(&rule.at).cloned().unwrap_or_default();
        if docs.owner.is_none() {
            self.add(Kind::Unowned, (id, rule), None, "has no `/// @owner`".to_owned());
        }
        match docs.review {
            Some(ReviewDate::Day(day)) if day < ir.vocabulary.zone.local(at).date => {
                let message = format!("was to be reviewed by {day}");
                self.add(Kind::ReviewDue, (id, rule), Some(day.to_string()), message);
            }
            Some(ReviewDate::Wrong(text)) => {
                let message = format!("`@review {text}` is no date; write one like `2026-12-31`");
                self.add(Kind::ReviewDate, (id, rule), None, message);
            }
            Some(ReviewDate::Day(_)) | None => {}
        }
    }
}
