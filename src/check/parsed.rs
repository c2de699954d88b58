//! Files before they are lowered: their vocabulary is known, what their rules, claims and tests mean is not.

use super::{
    Meaning,
    file::{Lowered, OfFile},
    ir::FileNames,
    lint,
    resolve::Mentions,
    suppress::{Suppression, suppressions},
};
use crate::{
    ast::{Ast, Item, ItemKind, Matchers, Outline, Section, Wanted},
    report::Diagnostic,
    source::{FileId, Source, Sources},
};
use rayon::prelude::{IntoParallelIterator, ParallelIterator, ParallelSlice};
use std::sync::Arc;

/// How many statements of a tree are lowered together at most.
const LOWERED_TOGETHER: usize = 1024;

/// A file whose statements of the vocabulary have been read.
pub struct Parsed {
    pub(super) file: FileId,
    /// Whether it is a catalog.
    pub(super) data: bool,
    pub(super) vocabulary: Vec<Item>,
    pub(super) mentions: Mentions,
    others: Others,
}

/// The rules, claims and tests of a file.
enum Others {
    /// As a tree.
    Read {
        items: Vec<Item>,
        /// What was found when the file was read.
        found: Vec<Diagnostic>,
        suppressions: Vec<Suppression>,
    },
    /// As a text with which nothing is wrong so far. Each section of it is read when it is lowered: trees are far larger
    /// than what they mean.
    Unread(Outline),
}

/// The text of a file turned out to be faulty, and has to be read as a whole to say why.
pub(super) struct Faulty;

impl Parsed {
    /// A file that has been read; `found` is what was found when it was parsed.
    #[must_use]
    pub fn new(ast: Ast, found: Vec<Diagnostic>, sources: &Sources) -> Self {
        let suppressions = suppressions(&ast.comments, &ast.items, &[], sources);
        let (vocabulary, items) = if ast.items.iter().any(is_vocabulary) {
            ast.items.into_iter().partition(is_vocabulary)
        } else {
            (Vec::new(), ast.items)
        };
        let others = Others::Read { items, found, suppressions };
        Self { file: ast.file, data: ast.data, vocabulary, mentions: Mentions::default(), others }
    }

    /// A policy file. Its rules, claims and tests are read only as they are lowered.
    #[must_use]
    pub fn read(file: FileId, source: &Source, sources: &Sources, matchers: &Matchers) -> Self {
        let outline = Outline::new(file, source, matchers);
        match sections(&outline, Wanted::Vocabulary, |section| section.items) {
            Ok(sections) => {
                let vocabulary = sections.into_iter().flatten().collect();
                let mentions = Mentions::default();
                Self { file, data: false, vocabulary, mentions, others: Others::Unread(outline) }
            }
            Err(Faulty) => Self::whole(&outline, sources),
        }
    }

    fn whole(outline: &Outline, sources: &Sources) -> Self {
        let (ast, found) = outline.parse();
        Self::new(ast, found, sources)
    }

    /// Reads it as a whole, with all that is wrong with it.
    pub(super) fn read_whole(&mut self, sources: &Sources) {
        if let Others::Unread(outline) = &self.others {
            *self = Self::whole(outline, sources);
        }
    }

    /// Notes the actions and roles that its rules and claims name.
    pub(super) fn mention(&mut self, sources: &Sources) {
        self.mentions = match &self.others {
            Others::Read { items, .. } => Mentions::of(items),
            Others::Unread(outline) => {
                match sections(outline, Wanted::Others, |section| Mentions::of(&section.items)) {
                    Ok(sections) => Mentions::join(sections),
                    Err(Faulty) => {
                        self.read_whole(sources);
                        return self.mention(sources);
                    }
                }
            }
        };
    }

    /// Gives its rules, claims and tests their meaning.
    pub(super) fn lower(&self, meaning: &Meaning, sources: &Sources) -> Result<OfFile, Faulty> {
        let source = sources.get(self.file);
        let (given, short) = source.map(|source| (source.name().into(), source.short().into())).unwrap_or_default();
        let names = Arc::new(FileNames { given, short });
        let lower = |items: &[Item]| Lowered::of(items, &names, meaning, sources);
        let parts = match &self.others {
            Others::Read { items, .. } => items.par_chunks(LOWERED_TOGETHER).map(lower).collect(),
            Others::Unread(outline) => sections(outline, Wanted::Others, |section| {
                let mut lowered = lower(&section.items);
                lowered.suppressions = suppressions(&section.comments, &section.items, &section.passed, sources);
                lowered
            })?,
        };
        let mut lowered = OfFile::of(self.file, self.data, parts);
        lint::statements(self.vocabulary.iter(), &meaning.vocabulary, &mut lowered.found);
        if let Some(source) = source {
            lint::text(self.file, source.text(), &mut lowered.found);
        }
        Ok(lowered)
    }

    /// Adds to what its rules, claims and tests came to what else is to be known of it.
    pub(super) fn complete(self, lowered: &mut OfFile) {
        lowered.vocabulary = self.vocabulary;
        lowered.mentions = self.mentions;
        if let Others::Read { found, suppressions, .. } = self.others {
            lowered.found.extend(found);
            lowered.suppressions.extend(suppressions);
        }
    }
}

/// What the sections of a text come to, each of which goes when it has been looked at.
fn sections<T: Send>(outline: &Outline, wanted: Wanted, look: impl Fn(Section) -> T + Sync) -> Result<Vec<T>, Faulty> {
    let ranges = outline.sections().ok_or(Faulty)?;
    let read = |range| outline.read(range, wanted).map(&look).ok_or(Faulty);
    ranges.into_par_iter().map(read).collect()
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
