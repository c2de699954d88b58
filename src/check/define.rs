//! Named windows and conditions.

use super::{
    infer::{Checker, Defined, Used},
    ir::{Cond, CondKind, Window, WindowSpan},
    resolve::{Declared, Names, Space, WindowDecl, break_circle, circle, reach, zone},
    vocabulary::Vocabulary,
};
use crate::{
    ast::{self, DayRange, Operand},
    report::{Diagnostic, codes},
    source::Sources,
    value::Weekday,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The most tests that a condition may come to, with the conditions it names put in.
const MAX_ATOMS: usize = 10_000;
/// The deepest nesting that a condition may come to, with the conditions it names put in.
const MAX_DEPTH: usize = 256;

/// Lowers the named windows and conditions, each after those it names.
pub(super) fn define(
    vocabulary: &Vocabulary,
    names: &Names,
    declared: &Declared<'_>,
    sources: &Sources,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Defined, Used) {
    let mut defined = Defined::default();
    for (name, decl) in &declared.windows {
        if let Some(window) = window(vocabulary, decl, diagnostics) {
            defined.windows.insert(name.clone(), Arc::new(window));
        }
    }
    let mentions: BTreeMap<&Arc<str>, Vec<Arc<str>>> =
        declared.conditions.iter().map(|(name, cond)| (name, mentioned(cond, names))).collect();
    let next = |name: &str| mentions.get(&Arc::from(name)).cloned().unwrap_or_default();
    let mut used = Used::default();
    let (mut broken, mut told) = (BTreeSet::new(), BTreeSet::new());
    for (name, cond) in &declared.conditions {
        if !reach(name, next).1 {
            continue;
        }
        broken.insert(name.clone());
        if let Some(way) = circle(name, next, &mut told) {
            let at = names.place(Space::Bare, name).unwrap_or(cond.at.0);
            let message = format!("condition `{name}` is defined by itself");
            diagnostics.push(Diagnostic::new(codes::CYCLE, at, message).help(break_circle(&way)));
        }
    }
    // Each round lowers the conditions that name none which is still open; a circle stays open.
    let mut open: BTreeSet<Arc<str>> =
        names.conditions.iter().filter(|name| !broken.contains(*name)).cloned().collect();
    while !open.is_empty() {
        let closed =
            |name: &Arc<str>| mentions.get(name).is_none_or(|names| names.iter().all(|name| !open.contains(name)));
        let (ready, later): (BTreeSet<_>, BTreeSet<_>) = open.iter().cloned().partition(closed);
        if ready.is_empty() {
            break;
        }
        for name in &ready {
            let Some(cond) = declared.conditions.get(name) else { continue };
            let mut checker = Checker::new(vocabulary, names, &defined, sources);
            let lowered = checker.condition(cond);
            diagnostics.append(&mut checker.diagnostics);
            used.merge(checker.used);
            if let Some(lowered) = lowered.filter(|lowered| small_enough(lowered, name, cond, diagnostics)) {
                defined.conditions.insert(name.clone(), lowered);
            }
        }
        open = later;
    }
    (defined, used)
}

fn small_enough(lowered: &Cond, name: &str, cond: &ast::Cond, diagnostics: &mut Vec<Diagnostic>) -> bool {
    let mut atoms = 0usize;
    lowered.atoms(&mut |_| atoms = atoms.saturating_add(1));
    let fits = atoms <= MAX_ATOMS && depth(lowered) <= MAX_DEPTH;
    if !fits {
        let message = format!("condition `{name}` is too large with the conditions it names put in");
        let help = format!("a condition may come to {MAX_ATOMS} tests, nested {MAX_DEPTH} deep");
        diagnostics.push(Diagnostic::new(codes::TOO_COMPLEX, cond.at.0, message).help(help));
    }
    fits
}

fn depth(cond: &Cond) -> usize {
    match cond.kind() {
        CondKind::Const(_) | CondKind::Atom(_) => 1,
        CondKind::Not(inner) => depth(inner).saturating_add(1),
        CondKind::All(inner) | CondKind::Any(inner) => {
            inner.iter().map(depth).max().unwrap_or_default().saturating_add(1)
        }
    }
}

/// The named conditions that a condition names.
fn mentioned(cond: &ast::Cond, names: &Names) -> Vec<Arc<str>> {
    let mut found = Vec::new();
    let mut open = vec![cond];
    while let Some(cond) = open.pop() {
        match &cond.kind {
            ast::CondKind::Or(inner) | ast::CondKind::And(inner) => open.extend(inner),
            ast::CondKind::Not(inner) => open.push(inner),
            ast::CondKind::Path(path) if names.conditions.contains(&path.text) => found.push(path.text.clone()),
            ast::CondKind::Path(_)
            | ast::CondKind::Compare { left: Operand::Path(..) | Operand::Literal(_), .. }
            | ast::CondKind::In { .. }
            | ast::CondKind::Like { .. }
            | ast::CondKind::Overlaps { .. }
            | ast::CondKind::Has(_) => {}
        }
    }
    found
}

fn window(vocabulary: &Vocabulary, decl: &WindowDecl<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Window> {
    let zone = match decl.zone.map(zone) {
        None => vocabulary.zone.clone(),
        Some(Ok(zone)) => zone,
        Some(Err(diagnostic)) => {
            diagnostics.push(diagnostic);
            return None;
        }
    };
    let first = decl.spans.first()?;
    let mut complete = true;
    let mut bad = |span: &ast::WindowSpan, message: &'static str, help: &'static str| {
        complete = false;
        diagnostics.push(Diagnostic::new(codes::BAD_WINDOW, span.at.0, message).help(help));
    };
    let mut spans = Vec::new();
    for span in decl.spans {
        if span.clock.is_some() != first.clock.is_some() {
            bad(
                span,
                "whole days and hours are mixed in one window",
                "write `00:00..24:00` for a whole day, or make two windows",
            );
        }
        let (start, end) = match span.clock {
            None => (0, 86_400),
            Some((start, end)) => (seconds(start), seconds(end)),
        };
        if start == end {
            bad(span, "this span is empty: it ends when it starts", "write `00:00..24:00` for a whole day");
        }
        let days = if span.days.is_empty() { 0x7f } else { days(&span.days) };
        spans.push(WindowSpan { days, start, end });
    }
    complete.then_some(Window { zone, spans })
}

fn seconds(clock: ast::Clock) -> u32 {
    u32::from(clock.0).saturating_mul(60)
}

/// The days as bits, Monday lowest; `fri..mon` wraps.
fn days(ranges: &[DayRange]) -> u8 {
    let mut bits = 0u8;
    for range in ranges {
        let mut inside = false;
        // Twice around the week, so that a range may wrap.
        for day in Weekday::ALL.into_iter().chain(Weekday::ALL) {
            inside |= day == range.first;
            if inside {
                bits |= 1u8.checked_shl(u32::from(day.index())).unwrap_or_default();
                if day == range.last.unwrap_or(range.first) {
                    break;
                }
            }
        }
    }
    bits
}
