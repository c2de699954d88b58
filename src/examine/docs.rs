//! What the documentation of rules says: its text, and for reviewers `/// @owner TEAM` and `/// @review DATE`.

use crate::{
    ast::{self, Item, ItemKind},
    engine::Engine,
    source::{FileId, Span},
};
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};

/// What is said of a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Docs {
    /// What it says in words, line by line.
    pub text: Vec<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// By when it is to be looked at.
    pub review: Option<ReviewDate>,
}

/// What stands after `@review`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReviewDate {
    /// A date.
    Day(NaiveDate),
    /// Something else.
    Wrong(String),
}

/// The documentation of all rules, by the rules' places.
#[must_use]
pub fn of(engine: &Engine) -> BTreeMap<Span, Docs> {
    let mut found = BTreeMap::new();
    let files: BTreeSet<FileId> = engine.ir().rules.iter().map(|rule| rule.at.file).collect();
    for file in files {
        if let Some(source) = engine.sources().get(file) {
            collect(&ast::parse(file, source).0.items, &Docs::default(), &mut found);
        }
    }
    found
}

/// What is said of an `on` block is said of each rule in it that does not say otherwise.
fn collect(items: &[Item], around: &Docs, found: &mut BTreeMap<Span, Docs>) {
    for item in items {
        let docs = Docs::read(item, around);
        if let ItemKind::On { items, .. } = &item.kind {
            collect(items, &docs, found);
        } else if let ItemKind::Rule(_) = &item.kind {
            found.insert(item.at.0, docs);
        }
    }
}

impl Docs {
    fn read(item: &Item, around: &Self) -> Self {
        let after = |tag: &str| {
            let mut lines = item.docs.iter().map(|line| line.text.trim());
            let rest = lines.find_map(|line| line.strip_prefix(tag).filter(|rest| rest.starts_with([' ', '\t'])))?;
            Some(rest.trim().to_owned())
        };
        let review = after("@review").map(|text| match text.parse() {
            Ok(day) => ReviewDate::Day(day),
            Err(_) => ReviewDate::Wrong(text),
        });
        let lines = item.docs.iter().map(|line| line.text.trim()).filter(|line| !line.starts_with('@'));
        Self {
            text: around.text.iter().cloned().chain(lines.map(str::to_owned)).collect(),
            owner: after("@owner").or_else(|| around.owner.clone()),
            review: review.or_else(|| around.review.clone()),
        }
    }
}
