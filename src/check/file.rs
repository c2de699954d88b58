//! What one file comes to: its rules, claims and tests, and what was found in it.

use super::{
    Meaning,
    infer::{Checker, Used},
    ir::{Claim, Effect, FileNames, Rule, Test},
    lint,
    resolve::{Mentions, with_inner},
    suppress::{Suppression, suppressions},
};
use crate::{
    ast::{Ast, Item, ItemKind, Name, Selector},
    report::Diagnostic,
    source::{FileId, Sources},
};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};
use std::sync::Arc;

/// How many statements of a file are lowered together at most.
const LOWERED_TOGETHER: usize = 1024;

/// A file as it was parsed, its statements sorted into those of the vocabulary and others.
pub struct Parsed {
    pub(super) file: FileId,
    /// Whether it is a catalog.
    pub(super) data: bool,
    pub(super) vocabulary: Vec<Item>,
    pub(super) mentions: Mentions,
    /// Rules, claims and tests.
    others: Vec<Item>,
    found: Vec<Diagnostic>,
    suppressions: Vec<Suppression>,
}

/// What is kept of a file that has been checked. Its rules, claims and tests are no longer needed as trees.
pub(super) struct OfFile {
    pub(super) file: FileId,
    pub(super) data: bool,
    pub(super) vocabulary: Vec<Item>,
    pub(super) mentions: Mentions,
    pub(super) labels: Box<[Name]>,
    pub(super) rules: Arc<[Rule]>,
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

impl Parsed {
    /// Sorts a file's statements; `found` is what was found when it was parsed.
    #[must_use]
    pub fn new(ast: Ast, found: Vec<Diagnostic>, sources: &Sources) -> Self {
        let suppressions = suppressions(&ast, sources);
        let (vocabulary, others) = if ast.items.iter().any(is_vocabulary) {
            ast.items.into_iter().partition(is_vocabulary)
        } else {
            (Vec::new(), ast.items)
        };
        let mentions = Mentions::default();
        Self { file: ast.file, data: ast.data, vocabulary, mentions, others, found, suppressions }
    }

    /// Notes the actions and roles that its rules and claims name.
    pub(super) fn mention(&mut self) {
        self.mentions = Mentions::of(&self.others);
    }

    /// Gives its rules, claims and tests their meaning.
    pub(super) fn lower(self, meaning: &Meaning, sources: &Sources) -> OfFile {
        let source = sources.get(self.file);
        let (given, short) = source.map(|source| (source.name().into(), source.short().into())).unwrap_or_default();
        let names = Arc::new(FileNames { given, short });
        let mut parts: Vec<Lowered> =
            in_parts(self.others).into_par_iter().map(|items| Lowered::of(&items, &names, meaning, sources)).collect();
        let mut lowered = if parts.len() > 1 { Lowered::join(parts) } else { parts.pop().unwrap_or_default() };
        let mut found = self.found;
        found.append(&mut lowered.found);
        lint::statements(self.vocabulary.iter(), &meaning.vocabulary, &mut found);
        if let Some(source) = source {
            lint::text(self.file, source.text(), &mut found);
        }
        OfFile {
            file: self.file,
            data: self.data,
            vocabulary: self.vocabulary,
            mentions: self.mentions,
            labels: lowered.labels.into(),
            attaches: lowered.rules.iter().any(|rule| matches!(rule.effect, Effect::Oblige(_))),
            rules: lowered.rules.into(),
            claims: lowered.claims.into(),
            tests: lowered.tests.into(),
            wanted_rules: lowered.wanted_rules.into(),
            wanted_duties: lowered.wanted_duties.into(),
            used: lowered.used,
            found,
            suppressions: self.suppressions,
        }
    }
}

/// Whether a statement can change what others mean.
fn is_vocabulary(item: &Item) -> bool {
    match &item.kind {
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
        | ItemKind::Declaration(_) => true,
        ItemKind::On { .. } | ItemKind::Rule(_) | ItemKind::Invariant(_) | ItemKind::Test(_) => false,
    }
}

/// Statements in parts of bearable size: each part goes when it is lowered, and parts are lowered in parallel.
fn in_parts(mut items: Vec<Item>) -> Vec<Vec<Item>> {
    let mut parts = Vec::new();
    while let Some(start) = items.len().checked_sub(LOWERED_TOGETHER).filter(|start| *start > 0) {
        parts.push(items.split_off(start));
    }
    items.shrink_to_fit();
    parts.push(items);
    parts.reverse();
    parts
}

/// What some statements of a file come to.
#[derive(Default)]
struct Lowered {
    labels: Vec<Name>,
    rules: Vec<Rule>,
    claims: Vec<Claim>,
    tests: Vec<Test>,
    wanted_rules: Vec<Name>,
    wanted_duties: Vec<Name>,
    used: Used,
    found: Vec<Diagnostic>,
}

impl Lowered {
    fn of(items: &[Item], file: &Arc<FileNames>, meaning: &Meaning, sources: &Sources) -> Self {
        let mut lowered = Self { rules: Vec::with_capacity(items.len()), ..Self::default() };
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

    /// Parts of a file, in order, as one.
    fn join(parts: Vec<Self>) -> Self {
        let rules = parts.iter().map(|part| part.rules.len()).sum();
        let mut all = Self { rules: Vec::with_capacity(rules), ..Self::default() };
        for part in parts {
            all.labels.extend(part.labels);
            all.rules.extend(part.rules);
            all.claims.extend(part.claims);
            all.tests.extend(part.tests);
            all.wanted_rules.extend(part.wanted_rules);
            all.wanted_duties.extend(part.wanted_duties);
            all.used.merge(part.used);
            all.found.extend(part.found);
        }
        all
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
