//! Decisions that say no more than most do, written without much ado: a service writes one for each request.

use crate::{decision::Decision, wire::write::Members};

/// Whether a decision comes without duties, limits and other rules, so that [`write`] says all of it.
pub(super) const fn can_write(decision: &Decision) -> bool {
    let Decision { obligations, others, shadow, limits, ignored, .. } = decision;
    obligations.is_empty() && others.is_empty() && shadow.is_empty() && limits.is_empty() && ignored.is_empty()
}

/// Writes such a decision, with its members in the order that all have.
pub(super) fn write(decision: &Decision, out: &mut Vec<u8>) {
    let denial = decision.denial();
    let mut answer = Members::open(out);
    answer.flag("decision", decision.is_allow());
    let mut context = answer.object("context");
    context.text("code", denial.map(|denial| &*denial.code));
    context.number("status", denial.map(|denial| denial.status.into()));
    context.text("message", denial.and_then(|denial| denial.message.as_deref()));
    context.text("hint", denial.and_then(|denial| denial.hint.as_deref()));
    context.text("rule", decision.rule.as_ref().map(|rule| &*rule.name));
    context.text("at", decision.rule.as_ref().map(|rule| &*rule.at));
    context.text("gate", denial.and_then(|denial| denial.gate).map(|mode| mode.name()));
    context.number("retry_after", denial.and_then(|denial| denial.retry_after));
    context.text("revision", Some(&*decision.revision).filter(|revision| !revision.is_empty()));
    context.close();
    answer.close();
}
