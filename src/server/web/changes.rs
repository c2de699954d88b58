//! What other policies would let people do, change by change, in the words of `policyc diff`.

use super::{
    look::Look,
    parts::{prose, verdict},
};
use crate::{
    decision::Decision,
    examine::diff::{Compared, words},
    query::{Change, ChangeKind, Which},
    wire,
};
use maud::{Markup, html};

/// How many changes a page shows.
const SHOWN: usize = 100;

/// The words around changes: where nothing changes, and where more does than is shown.
pub(super) struct Around {
    pub(super) same: &'static str,
    pub(super) more: &'static str,
    /// What stands before the rule that makes a change, by whether it is of the set before or after; none: rules are not named.
    pub(super) rules: Option<[&'static str; 2]>,
}

/// Of policy sets.
pub(super) const OF_SETS: Around = Around {
    same: "difference.same",
    more: "difference.more",
    rules: Some(["difference.rule_before", "difference.rule_after"]),
};

/// Of managed documents, whose rules nobody has named.
pub(super) const OF_DOCUMENTS: Around = Around { same: "lists.same", more: "lists.more_changes", rules: None };

/// What was found, and what could not be found out: that is never nothing.
pub(super) fn markup(look: Look, compared: &Compared, around: &Around) -> Markup {
    let found = compared.found();
    let more = found.changes.len().saturating_sub(SHOWN);
    html! {
        @if compared.is_same() { p.empty { (look.say(around.same)) } }
        @if !found.inconclusive.is_empty() {
            p.note { (look.fill("difference.inconclusive", &[("count", &found.inconclusive.len().to_string())])) }
            ul.open {
                @for (kind, rule) in found.inconclusive.iter().take(SHOWN) {
                    li { (look.say(kind_words(*kind))) @if let Some(rule) = rule { ": " b { (compared.name(*rule)) } } }
                }
            }
        }
        ol.changes { @for change in found.changes.iter().take(SHOWN) { li { (one(look, compared, change, around)) } } }
        @if more > 0 { p.note { (prose(&look.fill(around.more, &[("count", &more.to_string())]))) } }
    }
}

fn one(look: Look, compared: &Compared, change: &Change, around: &Around) -> Markup {
    let [before, after] = compared.decisions(change);
    html! {
        article.change.(change.kind.name()) {
            h3 { (look.say(kind_words(change.kind))) }
            p.sentence { (words::scope(compared, change)) }
            @if let (Some(rule), Some((which, _)), Some(words)) = (words::rule(compared, change), change.rule, around.rules) {
                p { (look.say(of(words, which))) " " b { (rule.name()) } " " span.place { (rule.place()) } }
            }
            p.example {
                (look.say("difference.example")) " " code { (words::request(compared, &change.witness)) } ": "
                (decided(look, before.as_ref())) " → " (decided(look, after.as_ref()))
            }
            details { summary { (look.say("try.as_json")) } pre { code { (wire::request::text(&change.witness)) } } }
        }
    }
}

const fn of([before, after]: [&'static str; 2], which: Which) -> &'static str {
    match which {
        Which::Old => before,
        Which::New => after,
    }
}

/// A request that does not fit a set's vocabulary is denied by it.
fn decided(look: Look, decision: Option<&Decision>) -> Markup {
    let denial = decision.and_then(Decision::denial);
    verdict(look, decision.is_some_and(Decision::is_allow), denial.map(|denial| &*denial.code))
}

const fn kind_words(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Gained => "difference.gained",
        ChangeKind::Lost => "difference.lost",
        ChangeKind::Limit => "difference.limit",
        ChangeKind::Duty => "difference.duty",
        ChangeKind::Gate => "difference.gate",
        ChangeKind::Reason => "difference.reason",
    }
}
