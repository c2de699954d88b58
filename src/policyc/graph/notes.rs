//! What was found out about rules, for whoever looks at their graph.

use super::super::{check::MOST_RULES, review::At};
use crate::{
    check::ir::RuleId,
    engine::Engine,
    examine::{
        graph::Note,
        review::{Asked, Kind, review},
    },
    query::{Budget, idle, idle_findings},
    source::Span,
};
use chrono::TimeDelta;
use std::collections::BTreeMap;

/// The warnings that `check` gives about rules, by rule; and what time has ended, where an instant is given.
pub(super) fn of(engine: &Engine, at: Option<At>) -> BTreeMap<RuleId, Vec<Note>> {
    let ir = engine.ir();
    let mut warnings = engine.warnings().to_vec();
    if ir.rules.len() <= MOST_RULES {
        warnings.extend(idle_findings(ir, &idle(ir), &warnings));
    }
    let mut notes: BTreeMap<RuleId, Vec<Note>> = BTreeMap::new();
    let mut rules: BTreeMap<Span, Vec<RuleId>> = BTreeMap::new();
    for (id, rule) in ir.rules.pairs() {
        rules.entry(rule.at).or_default().push(id);
    }
    for warning in &warnings {
        let at = warning.span();
        // The rule that it stands in begins last of those that begin before it.
        let before = rules.range(..=Span { end: u32::MAX, ..at }).next_back();
        let around = before.filter(|(rule, _)| rule.file == at.file && at.end <= rule.end);
        for id in around.into_iter().flat_map(|(_, ids)| ids) {
            let note = Note { kind: warning.code().id(), message: warning.message().to_owned() };
            notes.entry(*id).or_default().push(note);
        }
    }
    if let Some(at) = at {
        let asked =
            Asked { at: at.instant(&ir.vocabulary), within: TimeDelta::zero(), budget: Budget::USUAL, idle: false };
        let found = review(engine, asked, |_| {}).findings;
        for found in found.into_iter().filter(|found| found.kind == Kind::Expired) {
            notes.entry(found.id).or_default().push(Note { kind: found.kind.name(), message: found.message });
        }
    }
    notes
}
