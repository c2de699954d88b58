//! What one file comes to: its rules, claims and tests, and what was found in it.

use super::{
    Meaning,
    infer::{Checker, Used},
    ir::{Claim, Effect, FileNames, Rule, Test},
    lint,
    resolve::{Mentions, with_inner},
    suppress::Suppression,
};
use crate::{
    ast::{Item, ItemKind, Name, Selector},
    report::Diagnostic,
    source::{FileId, Sources},
};
use std::sync::Arc;

/// What is kept of a file that has been checked. Its rules, claims and tests are no longer needed as trees.
pub(super) struct OfFile {
    pub(super) file: FileId,
    pub(super) data: bool,
    pub(super) vocabulary: Vec<Item>,
    pub(super) mentions: Mentions,
    pub(super) labels: Box<[Name]>,
    /// In one slice, or in several if it is large.
    pub(super) rules: Vec<Arc<[Rule]>>,
    pub(super) claims: Arc<[Claim]>,
    pub(super) tests: Arc<[Test]>,
    /// Rules that its tests name.
    pub(super) wanted_rules: Box<[Name]>,
    /// Duties that its tests name.
    pub(super) wanted_duties: Box<[Name]>,
    /// Whether a rule of it attaches duties.
    pub(super) attaches: bool,
    pub(super) used: Used,
    /// What was found by looking at nothing but this file and the vocabulary, before anything is silenced.
    pub(super) found: Vec<Diagnostic>,
    pub(super) suppressions: Vec<Suppression>,
}

impl OfFile {
    /// A file of these parts, in order, without its vocabulary.
    pub(super) fn of(file: FileId, data: bool, parts: Vec<Lowered>) -> Self {
        let mut all = Lowered::default();
        let mut rules: Vec<Arc<[Rule]>> = Vec::with_capacity(parts.len().max(1));
        for part in parts {
            rules.push(part.rules.into());
            all.labels.extend(part.labels);
            all.claims.extend(part.claims);
            all.tests.extend(part.tests);
            all.wanted_rules.extend(part.wanted_rules);
            all.wanted_duties.extend(part.wanted_duties);
            all.used.merge(part.used);
            all.found.extend(part.found);
            all.suppressions.extend(part.suppressions);
        }
        if rules.is_empty() {
            rules.push(Arc::default());
        }
        Self {
            file,
            data,
            vocabulary: Vec::new(),
            mentions: Mentions::default(),
            labels: all.labels.into(),
            attaches: rules.iter().flat_map(|rules| rules.iter()).any(|rule| matches!(rule.effect, Effect::Oblige(_))),
            rules,
            claims: all.claims.into(),
            tests: all.tests.into(),
            wanted_rules: all.wanted_rules.into(),
            wanted_duties: all.wanted_duties.into(),
            used: all.used,
            found: all.found,
            suppressions: all.suppressions,
        }
    }

    /// Its rules, in order.
    pub(super) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().flat_map(|rules| rules.iter())
    }
}

/// What some statements of a file come to.
#[derive(Default)]
pub(super) struct Lowered {
    labels: Vec<Name>,
    rules: Vec<Rule>,
    claims: Vec<Claim>,
    tests: Vec<Test>,
    wanted_rules: Vec<Name>,
    wanted_duties: Vec<Name>,
    used: Used,
    found: Vec<Diagnostic>,
    pub(super) suppressions: Vec<Suppression>,
}

impl Lowered {
    /// Gives rules, claims and tests their meaning.
    pub(super) fn of(items: &[Item], file: &Arc<FileNames>, meaning: &Meaning, sources: &Sources) -> Self {
        let mut lowered =
            Self { rules: Vec::with_capacity(items.iter().flat_map(with_inner).count()), ..Self::default() };
        let mut checker = Checker::new(&meaning.vocabulary, &meaning.names, &meaning.defined, sources);
        for item in items {
            if let ItemKind::On { selector, items } = &item.kind {
                items.iter().for_each(|inner| lowered.item(inner, Some(selector), file, &mut checker));
            } else {
                lowered.item(item, None, file, &mut checker);
            }
        }
        lowered.found = checker.diagnostics;
        lowered.used = checker.used;
        lowered.wanted_rules = checker.wanted_rules;
        lowered.wanted_duties = checker.wanted_duties;
        lint::statements(items.iter().flat_map(with_inner), &meaning.vocabulary, &mut lowered.found);
        lint::rules(&lowered.rules, meaning, &mut lowered.found);
        lowered
    }

    fn item<'a>(&mut self, item: &'a Item, on: Option<&'a Selector>, file: &Arc<FileNames>, checker: &mut Checker<'a>) {
        match &item.kind {
            ItemKind::Rule(rule) => {
                self.labels.extend(rule.label.clone());
                checker.rule(rule, item.at.0, on, file, &mut self.rules);
            }
            ItemKind::Invariant(claim) => {
                self.labels.extend(claim.label.clone());
                self.claims.extend(checker.claim(claim, item.at.0, on));
            }
            ItemKind::Test(test) => {
                // What only a test names is not used by the policy.
                let used = std::mem::take(&mut checker.used);
                self.tests.push(checker.test(test, item.at.0));
                checker.used = used;
            }
            ItemKind::Timezone(_)
            | ItemKind::Tiers(_)
            | ItemKind::Actions(_)
            | ItemKind::ActionGroup { .. }
            | ItemKind::Kinds { .. }
            | ItemKind::Role { .. }
            | ItemKind::Attribute { .. }
            | ItemKind::Set { .. }
            | ItemKind::Window { .. }
            | ItemKind::Condition { .. }
            | ItemKind::Declaration(_)
            | ItemKind::On { .. } => {}
        }
    }
}
