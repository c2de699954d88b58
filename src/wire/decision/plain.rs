//! Decisions that say no more than most do, written without much ado: a service writes one for each request.

use crate::{decision::Decision, wire::plain::special};

/// Whether a decision comes without duties, limits and other rules, so that [`write`] says all of it.
pub(super) const fn can_write(decision: &Decision) -> bool {
    let Decision { obligations, others, shadow, limits, ignored, .. } = decision;
    obligations.is_empty() && others.is_empty() && shadow.is_empty() && limits.is_empty() && ignored.is_empty()
}

/// Writes such a decision, with its members in the order that all have.
pub(super) fn write(decision: &Decision, out: &mut Vec<u8>) {
    out.extend_from_slice(if decision.is_allow() {
        b"{\"decision\":true,\"context\":{"
    } else {
        b"{\"decision\":false,\"context\":{"
    });
    let mut members = Members { out, is_first: true };
    let denial = decision.denial();
    members.text("code", denial.map(|denial| &*denial.code));
    members.number("status", denial.map(|denial| denial.status.into()));
    members.text("message", denial.and_then(|denial| denial.message.as_deref()));
    members.text("hint", denial.and_then(|denial| denial.hint.as_deref()));
    members.text("rule", decision.rule.as_ref().map(|rule| &*rule.name));
    members.text("at", decision.rule.as_ref().map(|rule| &*rule.at));
    members.text("gate", denial.and_then(|denial| denial.gate).map(|mode| mode.name()));
    members.number("retry_after", denial.and_then(|denial| denial.retry_after));
    members.text("revision", Some(&*decision.revision).filter(|revision| !revision.is_empty()));
    out.extend_from_slice(b"}}");
}

/// Whether a text stands in JSON as it is.
fn is_plain(text: &str) -> bool {
    let (eights, rest) = text.as_bytes().as_chunks();
    eights.iter().all(|eight| special(u64::from_le_bytes(*eight)) == 0)
        && rest.iter().all(|byte| !matches!(byte, b'"' | b'\\' | ..b' '))
}

/// The members of an object that is written.
struct Members<'a> {
    out: &'a mut Vec<u8>,
    is_first: bool,
}

impl Members<'_> {
    fn name(&mut self, name: &str) {
        self.out.extend_from_slice(if self.is_first { b"\"" } else { b",\"" });
        self.is_first = false;
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn text(&mut self, name: &str, text: Option<&str>) {
        let Some(text) = text else { return };
        self.name(name);
        if !is_plain(text) {
            // Nothing here can fail to be written to memory.
            let _ = serde_json::to_writer(&mut *self.out, text);
        } else {
            self.out.push(b'"');
            self.out.extend_from_slice(text.as_bytes());
            self.out.push(b'"');
        }
    }

    fn number(&mut self, name: &str, number: Option<u64>) {
        let Some(number) = number else { return };
        self.name(name);
        let _ = serde_json::to_writer(&mut *self.out, &number);
    }
}
