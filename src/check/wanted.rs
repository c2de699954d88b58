//! Names that must be unique, or must be there, over all files of a set: labels of rules and claims, and what tests name.

use super::{file::OfFile, names::suggestion, resolve::twice, uses::Counts};
use crate::{
    ast::Name,
    report::{Diagnostic, codes},
    source::Span,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry},
    sync::Arc,
};

/// The labels of a set.
#[derive(Default)]
pub(super) struct Labels {
    /// Where each stands first.
    places: HashMap<Arc<str>, Span>,
    /// That some stand more than once.
    pub(super) clashes: Vec<Diagnostic>,
}

impl Labels {
    /// Those of some files.
    pub(super) fn of(files: &[OfFile]) -> Self {
        let mut labels = Self::default();
        for label in files.iter().flat_map(|file| &file.labels) {
            labels.add(label);
        }
        labels
    }

    fn add(&mut self, label: &Name) {
        match self.places.entry(label.text.clone()) {
            Entry::Vacant(entry) => drop(entry.insert(label.at.0)),
            Entry::Occupied(entry) => self.clashes.push(twice("label", &label.text, label.at.0, *entry.get())),
        }
    }

    /// Exchanges the labels of one file. Where one stands twice, before or after, all are collected anew.
    pub(super) fn replace(&mut self, old: &[Name], new: &[Name], files: &[OfFile]) {
        if self.clashes.is_empty() {
            for label in old {
                self.places.remove(&label.text);
            }
            new.iter().for_each(|label| self.add(label));
        }
        if !self.clashes.is_empty() {
            *self = Self::of(files);
        }
    }

    fn has(&self, label: &str) -> bool {
        self.places.contains_key(label)
    }
}

/// Tests name rules by their labels or places. A rule with an error of its own has a label, but no meaning.
pub(super) fn rules(files: &[OfFile], labels: &Labels, diagnostics: &mut Vec<Diagnostic>) {
    let mut by_short: BTreeMap<&str, Vec<&OfFile>> = BTreeMap::new();
    let wanted = || files.iter().flat_map(|file| &file.wanted_rules).filter(|name| !labels.has(&name.text));
    if wanted().next().is_none() {
        return;
    }
    for file in files {
        if let Some(rule) = file.rules().next() {
            by_short.entry(&rule.file.short).or_default().push(file);
        }
    }
    let stands_at = |place: &str| {
        let Some((short, line)) = place.rsplit_once(':') else { return false };
        let number = line.parse::<u32>().ok().filter(|number| number.to_string() == line);
        let mut rules = by_short.get(short).into_iter().flatten().flat_map(|file| file.rules());
        rules.any(|rule| rule.label.is_none() && Some(rule.line) == number)
    };
    let unknown: Vec<&Name> = wanted().filter(|name| !stands_at(&name.text)).collect();
    if unknown.is_empty() {
        return;
    }
    let known: BTreeSet<Arc<str>> = files.iter().flat_map(|file| file.rules()).map(|rule| rule.name()).collect();
    for name in unknown {
        let message = format!("unknown rule `{}`", name.text);
        let help = suggestion(&name.text, known.iter().map(|name| &**name));
        diagnostics.push(Diagnostic::new(codes::UNKNOWN_RULE, name.at.0, message).maybe_help(help));
    }
}

/// Tests name duties that rules attach.
pub(super) fn duties(files: &[OfFile], attached: &Counts<Arc<str>>, diagnostics: &mut Vec<Diagnostic>) {
    for name in files.iter().flat_map(|file| &file.wanted_duties).filter(|name| !attached.has(&name.text)) {
        let message = format!("no rule attaches the duty `{}`", name.text);
        let help = suggestion(&name.text, attached.iter().map(|name| &**name));
        diagnostics.push(Diagnostic::new(codes::BAD_TEST, name.at.0, message).maybe_help(help));
    }
}
