//! `// policyc: allow P0102` silences a warning where it stands.
//!
//! At the end of a line it silences that line; on a line of its own, the statement that follows it.

use super::resolve::items;
use crate::{
    ast::{Ast, Item, ItemKind},
    report::{Code, Diagnostic, Severity, codes},
    source::{Sources, Span},
};

struct Suppression {
    at: Span,
    code: String,
    /// The bytes in which the code is silenced.
    covers: Span,
    used: bool,
}

/// Takes out the warnings that comments silence, and adds one for each comment that silences nothing.
pub(super) fn suppress(diagnostics: Vec<Diagnostic>, asts: &[Ast], sources: &Sources) -> Vec<Diagnostic> {
    let mut suppressions: Vec<Suppression> = asts.iter().flat_map(|ast| of_file(ast, sources)).collect();
    if suppressions.is_empty() {
        return diagnostics;
    }
    let mut kept: Vec<Diagnostic> = Vec::new();
    for diagnostic in diagnostics {
        let at = diagnostic.span();
        let mut silenced = false;
        for suppression in &mut suppressions {
            let covers = suppression.covers;
            let inside = covers.file == at.file && (covers.start..=covers.end).contains(&at.start);
            if inside && !diagnostic.is_error() && suppression.code.eq_ignore_ascii_case(diagnostic.code().id()) {
                suppression.used = true;
                silenced = true;
            }
        }
        if !silenced {
            kept.push(diagnostic);
        }
    }
    // Where there are errors, a warning may be missing that comes back when they are mended.
    let complete = !kept.iter().any(Diagnostic::is_error);
    let idle = suppressions.iter().filter(|suppression| !suppression.used);
    kept.extend(idle.filter(|suppression| complete || !suppression.is_of_warning()).map(Suppression::nothing));
    kept
}

impl Suppression {
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

fn of_file(ast: &Ast, sources: &Sources) -> Vec<Suppression> {
    let mut found = Vec::new();
    for comment in &ast.comments.0 {
        let Some(codes) = comment.text.trim_start_matches('/').trim_start().strip_prefix("policyc: allow ") else {
            continue;
        };
        let at = comment.at.0;
        let covers = if comment.trailing { line(at, sources) } else { following(at, ast) };
        // Words after the codes are the reason.
        let codes = codes.split([',', ' ']).filter(|code| !code.is_empty());
        for code in codes.take_while(|code| code.starts_with(['P', 'p']) && code.len() == "P0102".len()) {
            found.push(Suppression { at, code: code.to_owned(), covers, used: false });
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
fn following(at: Span, ast: &Ast) -> Span {
    let block = |item: &Item| matches!(item.kind, ItemKind::On { .. });
    let around = items(ast).find(|item| !block(item) && item.at.0.start < at.start && at.end < item.at.0.end);
    if let Some(item) = around {
        return Span { end: item.at.0.end, ..at };
    }
    let next = items(ast).map(|item| item.at.0).filter(|item| item.start >= at.end).min_by_key(|item| item.start);
    Span { start: at.end, end: next.map_or(u32::MAX, |item| item.end), ..at }
}
