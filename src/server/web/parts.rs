//! Pieces that several pages have.

use super::{
    fields::{Fields, link},
    look::Look,
};
use crate::decision::Decision;
use chrono::{DateTime, SecondsFormat, Utc};
use maud::{Markup, html};

/// Which part of a list a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pager {
    /// From 1.
    page: usize,
    size: usize,
    all: usize,
}

impl Pager {
    /// The last page where there are fewer.
    pub(super) fn new(page: usize, size: usize, all: usize) -> Self {
        let last = all.div_ceil(size.max(1)).max(1);
        Self { page: page.clamp(1, last), size, all }
    }

    fn first(self) -> usize {
        self.page.saturating_sub(1).saturating_mul(self.size)
    }

    pub(super) fn slice<T>(self, items: &[T]) -> &[T] {
        let end = self.first().saturating_add(self.size).min(items.len());
        items.get(self.first()..end).unwrap_or_default()
    }

    /// What is shown, and the ways to the pages beside it. `field` says in the address which page it is.
    pub(super) fn links(self, look: Look, path: &str, fields: &Fields, field: &str) -> Markup {
        let last = self.all.div_ceil(self.size.max(1)).max(1);
        let end = self.first().saturating_add(self.size).min(self.all);
        let first = if self.all == 0 { 0 } else { self.first().saturating_add(1) };
        let to = |page: usize| fields.link(path, field, &page.to_string());
        let texts = [("first", first.to_string()), ("last", end.to_string()), ("all", self.all.to_string())];
        let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
        html! {
            nav.pager aria-label=(look.say("pager.pages")) {
                span { (look.fill("pager.shown", &texts)) }
                @if last > 1 {
                    @if self.page > 1 { a rel="prev" href=(to(self.page.saturating_sub(1))) { (look.say("pager.previous")) } }
                    @if self.page < last { a rel="next" href=(to(self.page.saturating_add(1))) { (look.say("pager.next")) } }
                }
            }
        }
    }
}

/// What a decision came to, as a mark with words. `code` is the denial's.
pub(super) fn verdict(look: Look, is_allow: bool, code: Option<&str>) -> Markup {
    html! {
        @if is_allow { span.verdict.allow { (look.say("verdict.allow")) } }
        @else { span.verdict.deny { (code.unwrap_or(look.say("verdict.deny"))) } }
    }
}

/// As [`verdict`], of a decision.
pub(super) fn decided(look: Look, decision: &Decision) -> Markup {
    verdict(look, decision.is_allow(), decision.denial().map(|denial| &*denial.code))
}

/// A way to a rule's text.
pub(super) fn rule(name: &str) -> Markup {
    html! { a.rule-link href=(link("/ui/policies", &[("q", name)])) { (name) } }
}

/// An instant, to the second.
pub(super) fn time(at: DateTime<Utc>) -> Markup {
    let exact = at.to_rfc3339_opts(SecondsFormat::Millis, true);
    html! { time datetime=(exact) title=(exact) { (at.format("%Y-%m-%d %H:%M:%S")) } }
}

/// A text in which names stand between backticks.
pub(super) fn prose(text: &str) -> Markup {
    html! {
        @for (place, piece) in text.split('`').enumerate() {
            @if place % 2 == 1 { code { (piece) } } @else { (piece) }
        }
    }
}

/// The lines of a text, such as what is wrong with a set.
pub(super) fn lines(text: &str) -> Markup {
    html! { ul { @for line in text.lines().filter(|line| !line.is_empty()) { li { (line) } } } }
}

/// The first digits of a revision.
pub(super) fn revision(revision: &str) -> Markup {
    let digits = revision.strip_prefix("sha256:").unwrap_or(revision);
    html! { code title=(revision) { (digits.get(..12).unwrap_or(digits)) } }
}

/// A choice among texts, with its name. The first is what an empty text stands for.
pub(super) fn select<'a>(
    name: &str,
    label: &str,
    chosen: &str,
    choices: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Markup {
    html! {
        div.field {
            label for=(name) { (label) }
            select id=(name) name=(name) {
                @for (value, words) in choices { option value=(value) selected[value == chosen] { (words) } }
            }
        }
    }
}

/// A line of text, with its name.
pub(super) fn input(name: &str, label: &str, value: &str, hint: &str) -> Markup {
    html! {
        div.field {
            label for=(name) { (label) }
            input id=(name) name=(name) value=(value) placeholder=(hint) autocomplete="off" spellcheck="false";
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pager;

    #[test]
    fn a_page_is_part_of_its_list() {
        let items: Vec<usize> = (0..95).collect();
        assert_eq!(Pager::new(1, 40, 95).slice(&items).len(), 40);
        assert_eq!(Pager::new(3, 40, 95).slice(&items), &items[80..]);
        assert_eq!(Pager::new(9, 40, 95).slice(&items), &items[80..], "the last");
        assert!(Pager::new(1, 40, 0).slice::<usize>(&[]).is_empty());
    }
}
