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
use std::sync::Arc;

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
        let mut lowered = Lowered { rules: Vec::with_capacity(self.others.len()), ..Lowered::default() };
        let names = sources.get(self.file).map(|source| (source.name().into(), source.short().into()));
        let (given, short) = names.unwrap_or_default();
        lowered.names = Arc::new(FileNames { given, short });
        let mut checker = Checker::new(&meaning.vocabulary, &meaning.names, &meaning.defined, sources);
        for item in &self.others {
            if let ItemKind::On { selector, items } = &item.kind {
                items.iter().for_each(|inner| lowered.item(inner, Some(selector), &mut checker));
            } else {
                lowered.item(item, None, &mut checker);
            }
        }
        let Checker { diagnostics, used, wanted_rules, wanted_duties, .. } = checker;
        let mut found = self.found;
        found.extend(diagnostics);
        let statements = self.vocabulary.iter().chain(&self.others);
        lint::statements(statements.flat_map(with_inner), &meaning.vocabulary, &mut found);
        lint::rules(&lowered.rules, meaning, &mut found);
        if let Some(source) = sources.get(self.file) {
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
            wanted_rules: wanted_rules.into(),
            wanted_duties: wanted_duties.into(),
            used,
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

#[derive(Default)]
struct Lowered {
    names: Arc<FileNames>,
    labels: Vec<Name>,
    rules: Vec<Rule>,
    claims: Vec<Claim>,
    tests: Vec<Test>,
}

impl Lowered {
    fn item<'a>(&mut self, item: &'a Item, on: Option<&'a Selector>, checker: &mut Checker<'a>) {
        match &item.kind {
            ItemKind::Rule(rule) => {
                self.labels.extend(rule.label.clone());
                checker.rule(rule, item.at.0, on, &self.names, &mut self.rules);
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
