//! The whole story of one decision: what every rule that speaks of the request made of it, and what would permit it.

pub use super::permit::{Change, Remedy};
use super::{permit, text::one_line};
use crate::{
    check::{
        ir::{Effect, Limit, LimitWindow, Part, PartKind, Rule},
        vocabulary::{AttrId, Vocabulary, builtin},
    },
    decision::Decision,
    engine::Engine,
    eval::{
        facts::Facts,
        kleene::Kleene,
        reference::{fires, opens, truth_of},
    },
    request::{Input, Refusal, Request},
    value::{LimitKey, Value},
};
use chrono::{DateTime, Utc};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The whole story of one decision.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The decision.
    pub decision: Decision,
    /// Every rule that speaks of the action and the resource, in source order.
    pub rules: Vec<RuleStory>,
    /// The smallest changes that would permit the request, each confirmed by deciding again; none of an allow.
    pub permit_by: Vec<Remedy>,
}

/// What a rule made of the request.
#[derive(Debug, Clone)]
pub struct RuleStory {
    /// Its name.
    pub rule: Arc<str>,
    /// Its place.
    pub at: Arc<str>,
    /// The word it begins with.
    pub effect: &'static str,
    /// Whether it is a shadow rule.
    pub shadow: bool,
    /// Whether it decided.
    pub decided: bool,
    /// Whether it fires; a limit that fires denies only where it has no room.
    pub fires: Kleene,
    /// What must hold for it, in source order.
    pub clauses: Vec<ClauseStory>,
}

/// What a clause made of the request.
#[derive(Debug, Clone)]
pub struct ClauseStory {
    /// Which clause it is.
    pub kind: ClauseKind,
    /// The clause as it is written, on one line.
    pub text: String,
    /// Whether it lets its rule fire: an `unless` does where its condition is false.
    pub value: Kleene,
    /// What it looked at; [`Input::Unknown`] where that is not known.
    pub saw: BTreeMap<Arc<str>, Input>,
}

/// Which clause of a rule it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClauseKind {
    /// One that is written out: who, `to`, `on`, `when`, …
    Part(PartKind),
    /// A gate's own: that the principal holds no grant that opens it.
    Grant,
    /// A limit's own: that what it counts by, and what the request costs, is known.
    Counting,
}

impl RuleStory {
    /// The clauses worth a line: not those that always hold, and not what makes all rules of a story speak of the action and
    /// the resource.
    pub fn shown(&self) -> impl Iterator<Item = &ClauseStory> {
        self.clauses.iter().filter(|clause| {
            let always = clause.saw.is_empty() && clause.value == Kleene::True;
            let named = clause.saw.keys().all(|path| matches!(&**path, "resource.id" | "resource.kind"));
            match clause.kind {
                ClauseKind::Part(PartKind::To) => false,
                ClauseKind::Part(PartKind::On) => !named,
                ClauseKind::Part(_) => !always,
                ClauseKind::Grant | ClauseKind::Counting => true,
            }
        })
    }

    /// Whether the rule had a part in the decision, or in its coming out so: where nothing allows, every `allow` that does not.
    #[must_use]
    pub fn matters(&self, decision: &Decision) -> bool {
        if self.decided {
            return true;
        }
        match self.effect {
            "allow" if self.shadow => self.fires == Kleene::True,
            "allow" => {
                decision.is_allow() == (self.fires == Kleene::True) && (decision.is_allow() || decision.rule.is_none())
            }
            "limit" if !self.shadow => decision.is_allow() && self.fires.possible(),
            _ => self.fires.possible(),
        }
    }
}

/// Explains the decision of a request as it is, at an instant, with limits as they stand in the engine's store. Nothing is
/// charged to them.
///
/// # Errors
/// If the request does not fit the vocabulary.
pub fn explain(engine: &Engine, request: &Request, now: DateTime<Utc>) -> Result<Explanation, Refusal> {
    let decision = engine.preview(request, now)?;
    let facts = Facts::new(&engine.ir().vocabulary, request, false)?;
    let rules = engine.ir().rules.iter().filter(|rule| in_scope(rule, &facts));
    let rules = rules.map(|rule| story(engine, rule, &facts, decided(rule, &decision))).collect();
    let permit_by = if decision.is_allow() { Vec::new() } else { permit::smallest(engine, request, now, &decision) };
    Ok(Explanation { decision, rules, permit_by })
}

/// Whether a rule is the one that decided. An `allow` with `at most` is two rules of one name: it decides an allow, its
/// limit a denial.
fn decided(rule: &Rule, decision: &Decision) -> bool {
    let named = decision.rule.as_ref().is_some_and(|by| by.name == rule.name() && by.at == rule.place());
    named && decision.is_allow() == matches!(rule.effect, Effect::Allow)
}

/// Whether a rule may speak of the request's action and resource.
fn in_scope(rule: &Rule, facts: &Facts<'_>) -> bool {
    let mut scope = rule.parts.iter().filter(|part| matches!(part.kind, PartKind::To | PartKind::On));
    facts.action.is_some() && scope.all(|part| truth_of(&part.cond, facts).possible())
}

fn story(engine: &Engine, rule: &Rule, facts: &Facts<'_>, decided: bool) -> RuleStory {
    let mut clauses: Vec<ClauseStory> = rule.parts.iter().map(|part| clause(engine, part, facts)).collect();
    match &rule.effect {
        Effect::Gate(mode, _) => clauses.push(ClauseStory {
            kind: ClauseKind::Grant,
            text: format!("no {} grant", mode.name()),
            value: !opens(*mode, facts.grant),
            saw: granted(facts),
        }),
        Effect::Limit(limit, _) => clauses.push(counting(limit, facts)),
        Effect::Allow | Effect::Deny(_) | Effect::Oblige(..) => {}
    }
    RuleStory {
        rule: rule.name(),
        at: rule.place(),
        effect: rule.word(),
        shadow: rule.shadow,
        decided,
        fires: fires(rule, facts),
        clauses,
    }
}

fn clause(engine: &Engine, part: &Part, facts: &Facts<'_>) -> ClauseStory {
    let written = one_line(engine.sources().slice(part.at));
    let text = match part.kind {
        PartKind::Who => written,
        // It fires where the condition does not hold.
        PartKind::Require if written.contains(' ') => format!("not ({written})"),
        PartKind::Require => format!("not {written}"),
        PartKind::To | PartKind::On | PartKind::When | PartKind::Unless | PartKind::From | PartKind::Until => {
            format!("{} {written}", part.kind.word())
        }
    };
    let mut attrs = BTreeSet::new();
    part.cond.atoms(&mut |atom| attrs.extend(atom.attributes()));
    let roles = facts.get(builtin::PRINCIPAL_ROLES).and_then(Value::as_roles);
    if attrs.contains(&builtin::PRINCIPAL_ROLES) && roles.into_iter().flatten().any(|held| held.org.is_some()) {
        // A role that is held in an organisation counts for its resources.
        attrs.insert(builtin::RESOURCE_ORG);
    }
    ClauseStory { kind: ClauseKind::Part(part.kind), text, value: truth_of(&part.cond, facts), saw: saw(facts, attrs) }
}

/// The mode of the grant, which conditions do not see.
fn granted(facts: &Facts<'_>) -> BTreeMap<Arc<str>, Input> {
    use crate::eval::facts::Grant;
    let mode = match facts.grant {
        Grant::No => Input::Bool(false),
        Grant::Auto => Input::from("auto"),
        Grant::Manual => Input::from("manual"),
        Grant::Unknown => Input::Unknown,
    };
    BTreeMap::from([(facts.vocabulary.attributes[builtin::PRINCIPAL_GRANTED].path.clone(), mode)])
}

fn counting(limit: &Limit, facts: &Facts<'_>) -> ClauseStory {
    let attrs = permit::counted(limit, facts.anonymous);
    let known = attrs.iter().all(|attr| facts.get(*attr).is_some());
    ClauseStory {
        kind: ClauseKind::Counting,
        text: at_most(limit, facts.vocabulary),
        value: if known { Kleene::True } else { Kleene::Unknown },
        saw: saw(facts, attrs),
    }
}

/// How much a limit allows, as the language writes it.
pub(crate) fn at_most(limit: &Limit, vocabulary: &Vocabulary) -> String {
    let unit = limit.unit.map(|unit| format!(" {}", vocabulary.attributes[unit].name)).unwrap_or_default();
    let by: Vec<&str> = limit.by.iter().map(|key| key.name()).collect();
    let by = if *limit.by == [LimitKey::Principal] { String::new() } else { format!(" by {}", by.join(", ")) };
    format!("at most {}{unit} {}{by}", limit.amount, period(&limit.window))
}

/// The time that a limit counts in, as the language writes it.
fn period(window: &LimitWindow) -> String {
    match window {
        LimitWindow::Sliding(1) => "per second".to_owned(),
        LimitWindow::Sliding(60) => "per minute".to_owned(),
        LimitWindow::Sliding(3_600) => "per hour".to_owned(),
        LimitWindow::Sliding(86_400) => "per day".to_owned(),
        LimitWindow::Sliding(604_800) => "per week".to_owned(),
        LimitWindow::Sliding(seconds) => format!("per {}", duration(*seconds)),
        LimitWindow::Calendar(calendar, zone) => format!("per calendar {} in \"{}\"", calendar.name(), zone.name()),
        LimitWindow::AtOnce(seconds) => format!("at once for {}", duration(*seconds)),
    }
}

/// A span of time as the language writes it: in the largest unit that it is a whole number of.
#[must_use]
pub fn duration(seconds: u64) -> String {
    let fits = |(unit, _): &(u64, &str)| seconds != 0 && seconds.checked_rem(*unit) == Some(0);
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let (unit, symbol) = units.into_iter().find(fits).unwrap_or((1, "s"));
    format!("{}{symbol}", seconds.checked_div(unit).unwrap_or(seconds))
}

fn saw(facts: &Facts<'_>, attrs: impl IntoIterator<Item = AttrId>) -> BTreeMap<Arc<str>, Input> {
    let seen = |attr: AttrId| {
        let value = facts.get(attr).map_or(Input::Unknown, |value| facts.vocabulary.input(value));
        (facts.vocabulary.attributes[attr].path.clone(), value)
    };
    attrs.into_iter().map(seen).collect()
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations() {
        assert_eq!([0, 1, 60, 90, 7_200, 172_800].map(duration), ["0s", "1s", "1m", "90s", "2h", "2d"]);
    }
}
