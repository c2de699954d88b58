//! A policy set as pages speak of it: its rules as texts, and the names that there are. Made once for each set.

use super::{fault::Reason, sentence::unlabelled};
use crate::{
    check::ir::{PartKind, Rule},
    engine::Engine,
    examine::{
        docs::{self, Docs, ReviewDate},
        text::one_line,
    },
    source::Span,
};
use arc_swap::ArcSwapOption;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The set that was looked at last.
#[derive(Default)]
pub(super) struct Indexes(ArcSwapOption<Index>);

/// A policy set as pages speak of it.
#[derive(Debug, Default)]
pub(super) struct Index {
    revision: String,
    pub(super) rules: Vec<Sheet>,
    pub(super) files: BTreeSet<String>,
    pub(super) owners: BTreeSet<String>,
    /// Declared resources by kind and id, sorted.
    pub(super) resources: Vec<(Arc<str>, Arc<str>)>,
    pub(super) resource_kinds: Vec<Arc<str>>,
    /// Declared principals by kind and id, sorted.
    pub(super) principals: Vec<(Arc<str>, Arc<str>)>,
    pub(super) principal_kinds: Vec<Arc<str>>,
    pub(super) roles: Vec<Arc<str>>,
    pub(super) actions: Vec<Arc<str>>,
    pub(super) tiers: Vec<Arc<str>>,
}

/// A rule, to be read.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) line: u32,
    /// The word it begins with.
    pub(super) word: &'static str,
    pub(super) is_shadow: bool,
    /// What the block that it stands in is about.
    pub(super) within: Option<String>,
    pub(super) text: String,
    pub(super) docs: Vec<String>,
    pub(super) owner: Option<String>,
    pub(super) review: Option<String>,
    /// All that can be searched for, in small letters.
    haystack: String,
}

impl Sheet {
    /// Whether all words of a search stand in it.
    pub(super) fn has(&self, words: &[String]) -> bool {
        words.iter().all(|word| self.haystack.contains(word))
    }
}

impl Indexes {
    /// That of a set. It is made where no answer waits, the first time.
    pub(super) async fn of(&self, engine: &Arc<Engine>) -> Result<Arc<Index>, Reason> {
        if let Some(index) = self.0.load_full().filter(|index| index.revision == engine.revision()) {
            return Ok(index);
        }
        let engine = engine.clone();
        let made = tokio::task::spawn_blocking(move || Arc::new(Index::of(&engine))).await;
        let index = made.map_err(|error| Reason::Failed(error.to_string()))?;
        self.0.store(Some(index.clone()));
        Ok(index)
    }
}

impl Index {
    fn of(engine: &Engine) -> Self {
        let ir = engine.ir();
        let vocabulary = &ir.vocabulary;
        let docs = docs::of(engine);
        let mut last = None;
        // An `allow` with `at most` is two rules with one text.
        let rules = ir.rules.iter().filter(|rule| last.replace(rule.at) != Some(rule.at));
        let rules: Vec<Sheet> = rules.map(|rule| sheet(engine, rule, &docs)).collect();
        Self {
            revision: engine.revision().to_owned(),
            files: rules.iter().map(|rule| rule.file.clone()).collect(),
            owners: rules.iter().filter_map(|rule| rule.owner.clone()).collect(),
            rules,
            resources: vocabulary.resources.exact().map(|(id, entity)| (entity.kind.clone(), id.clone())).collect(),
            resource_kinds: vocabulary.resource_kinds.iter().cloned().collect(),
            principals: vocabulary.principals.exact().map(|(id, entity)| (entity.kind.clone(), id.clone())).collect(),
            principal_kinds: vocabulary.principal_kinds.iter().cloned().collect(),
            roles: vocabulary.roles.iter().map(|role| role.name.clone()).collect(),
            actions: vocabulary.actions.iter().cloned().collect(),
            tiers: vocabulary.tiers.clone(),
        }
    }
}

fn sheet(engine: &Engine, rule: &Rule, docs: &BTreeMap<Span, Docs>) -> Sheet {
    let sources = engine.sources();
    let Docs { text: docs, owner, review } = docs.get(&rule.at).cloned().unwrap_or_default();
    let written = one_line(sources.slice(rule.at));
    let text = unlabelled(&written, rule.label.as_deref()).to_owned();
    let around = rule.parts.iter().find(|part| part.kind == PartKind::On && rule.at.to(part.at) != rule.at);
    let within = around.map(|part| one_line(sources.slice(part.at)));
    let review = review.map(|review| match review {
        ReviewDate::Day(day) => day.to_string(),
        ReviewDate::Wrong(text) => text,
    });
    let name = rule.name().to_string();
    let haystack = [&name, &text, within.as_deref().unwrap_or_default(), owner.as_deref().unwrap_or_default()];
    let haystack = format!("{} {}", haystack.join(" "), docs.join(" ")).to_lowercase();
    Sheet {
        name,
        file: rule.file.short.to_string(),
        line: rule.line,
        word: rule.word(),
        is_shadow: rule.shadow,
        within,
        text,
        docs,
        owner,
        review,
        haystack,
    }
}
