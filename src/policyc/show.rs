//! Requests, values and decisions in the words of the language, for a terminal.

use super::style::Style;
use crate::decision::Decision;

pub(super) use crate::examine::show::{Words, details, limit, quoted, request, scope};

/// A decision in one word: `allow`, or `deny CODE 403`.
pub(super) fn verdict(decision: &Decision, style: Style) -> String {
    match decision.denial() {
        None => style.good("allow"),
        Some(denial) => format!("{} {}", style.bad("deny"), style.bold(&format!("{} {}", denial.code, denial.status))),
    }
}
