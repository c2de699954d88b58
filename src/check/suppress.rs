//! `// policyc: allow P0102` silences a warning where it stands.
//!
//! At the end of a line it silences that line; on a line of its own, the statement that follows it.

use super::resolve::with_inner;
use crate::{
    ast::{Comments, Item, ItemKind},
    report::{Code, Diagnostic, Severity, codes},
    source::{FileId, Sources, Span},
};
use std::{collections::BTreeMap, sync::Arc};

/// A comment that silences a warning.
pub(super) struct Suppression {
    at: Span,
    code: String,
    /// The bytes in which the code is silenced.
    covers: Span,
}

/// Takes out the warnings that comments silence, and adds one for each comment that silences nothing.
pub(super) fn suppress<'a>(
    diagnostics: Vec<Diagnostic>,
    suppressions: impl Iterator<Item = &'a Suppression>,
) -> Vec<Diagnostic> {
    let mut by_file: BTreeMap<FileId, Vec<(&Suppression, bool)>> = BTreeMap::new();
    for suppression in suppressions {
        by_file.entry(suppression.at.file).or_default().push((suppression, false));
    }
    if by_file.is_empty() {
        return diagnostics;
    }
    let mut kept: Vec<Diagnostic> = Vec::new();
    for diagnostic in diagnostics {
        let mut silenced = false;
        for (suppression, used) in by_file.get_mut(&diagnostic.span().file).into_iter().flatten() {
            if suppression.silences(&diagnostic) {
                *used = true;
                silenced = true;
            }
        }
        if !silenced {
            kept.push(diagnostic);
        }
    }
    // Where there are errors, a warning may be missing that comes back when they are mended.
    let complete = !kept.iter().any(Diagnostic::is_error);
    let idle = by_file.values().flatten().filter(|(_, used)| !used).map(|(suppression, _)| *suppression);
    let idle = idle.filter(|suppression| !suppression.is_for_later());
    kept.extend(idle.filter(|suppression| complete || !suppression.is_of_warning()).map(Suppression::nothing));
    kept
}

/// A warning that is silenced before anybody looks for it, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silenced {
    /// The warning's code.
    pub code: Code,
    /// The bytes in which it is silenced.
    pub covers: Span,
}

/// The warnings that questions about all requests may give.
const LATER: [Code; 3] = [codes::NEVER_DECIDES, codes::REDUNDANT, codes::OPPOSITE];

/// What comments silence of those.
pub(super) fn silenced<'a>(suppressions: impl Iterator<Item = &'a Suppression>) -> Arc<[Silenced]> {
    let later = suppressions.filter_map(|suppression| {
        let code = LATER.into_iter().find(|code| suppression.code.eq_ignore_ascii_case(code.id()))?;
        Some(Silenced { code, covers: suppression.covers })
    });
    later.collect()
}

impl Suppression {
    fn is_for_later(&self) -> bool {
        LATER.iter().any(|code| self.code.eq_ignore_ascii_case(code.id()))
    }

    fn silences(&self, diagnostic: &Diagnostic) -> bool {
        let inside = (self.covers.start..=self.covers.end).contains(&diagnostic.span().start);
        inside && !diagnostic.is_error() && self.code.eq_ignore_ascii_case(diagnostic.code().id())
    }

    fn is_of_warning(&self) -> bool {
        Code::find(&self.code).is_some_and(|code| code.severity() == Severity::Warning)
    }

    fn nothing(&self) -> Diagnostic {
        let (message, help) = match Code::find(&self.code) {
            None => (format!("unknown code `{}`", self.code), "codes look like `P0102`".to_owned()),
            Some(code) if code.severity() == Severity::Error => {
                (format!("`{}` is an error and cannot be silenced", self.code), "correct the error".to_owned())
            }
            Some(_) => (format!("no `{}` to silence here", self.code), "remove the comment".to_owned()),
        };
        Diagnostic::new(codes::UNKNOWN_SUPPRESSION, self.at, message).help(help)
    }
}

/// The comments that silence warnings, among statements; `passed` are places of statements that are not among the items.
pub(super) fn suppressions(
    comments: &Comments,
    items: &[Item],
    passed: &[Span],
    sources: &Sources,
) -> Vec<Suppression> {
    let mut found = Vec::new();
    for comment in &comments.0 {
        let Some(codes) = comment.text.trim_start_matches('/').trim_start().strip_prefix("policyc: allow ") else {
            continue;
        };
        let at = comment.at.0;
        let covers = if comment.trailing { line(at, sources) } else { following(at, items, passed) };
        // Words after the codes are the reason.
        let codes = codes.split([',', ' ']).filter(|code| !code.is_empty());
        for code in codes.take_while(|code| code.starts_with(['P', 'p']) && code.len() == "P0102".len()) {
            found.push(Suppression { at, code: code.to_owned(), covers });
        }
    }
    found
}

/// The line that a comment ends.
fn line(at: Span, sources: &Sources) -> Span {
    let text = sources.get(at.file).map(|source| source.text()).unwrap_or_default();
    let before = text.get(..at.start as usize).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |newline| newline.saturating_add(1));
    Span { start: u32::try_from(start).unwrap_or(at.start), ..at }
}

/// The rest of the statement that a comment stands in, else what follows it, up to the end of the next statement.
fn following(at: Span, items: &[Item], passed: &[Span]) -> Span {
    let spans = |of: fn(&Item) -> bool| {
        items
            .iter()
            .flat_map(with_inner)
            .filter(move |item| of(item))
            .map(|item| item.at.0)
            .chain(passed.iter().copied())
    };
    let around =
        spans(|item| !matches!(item.kind, ItemKind::On { .. })).find(|item| item.start < at.start && at.end < item.end);
    if let Some(item) = around {
        return Span { end: item.end, ..at };
    }
    let next = spans(|_| true).filter(|item| item.start >= at.end).min_by_key(|item| item.start);
    Span { start: at.end, end: next.map_or(u32::MAX, |item| item.end), ..at }
}
