//! A policy set that has been checked, and can be checked again where it has changed.

use super::{
    Meaning,
    duties::{Findings, attached},
    file::OfFile,
    ir::{Chunks, Claim, Ir, Rules, Test, TooManyRules},
    lint,
    parsed::{Faulty, Parsed},
    resolve::Mentions,
    suppress::{silenced, suppress},
    uses::Uses,
    wanted::{self, Labels},
};
use crate::{
    report::{self, Diagnostic, codes},
    source::{FileId, Sources, Span},
};
use rayon::prelude::{IndexedParallelIterator, IntoParallelRefIterator, IntoParallelRefMutIterator, ParallelIterator};
use std::{collections::BTreeSet, sync::Arc};

/// A policy set that has been checked, with what is needed to check it again when a file changes.
pub struct Checked {
    /// By id.
    files: Vec<OfFile>,
    meaning: Meaning,
    rules: Result<Rules, TooManyRules>,
    claims: Chunks<Claim>,
    tests: Chunks<Test>,
    labels: Labels,
    uses: Uses,
    duties: Findings,
}

/// A change that cannot be looked at by itself: all files are to be checked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllAnew;

impl Checked {
    /// Checks a policy set: all files of `sources`, in source order.
    #[must_use]
    pub fn new(mut parsed: Vec<Parsed>, sources: &Sources) -> Self {
        let (meaning, mut files) = loop {
            let meaning = Meaning::of_files(&mut parsed, sources);
            if let Ok(files) = lower(&mut parsed, &meaning, sources) {
                break (meaning, files);
            }
            // Faulty texts have been read as a whole now, and may have come to another vocabulary.
        };
        parsed.into_iter().zip(&mut files).for_each(|(parsed, file)| parsed.complete(file));
        let mut uses = Uses::default();
        uses.add_used(&meaning.used);
        files.iter().for_each(|file| uses.add(file));
        let rules = rules(&files);
        let mut checked = Self {
            rules,
            claims: files.iter().map(|file| &file.claims).collect(),
            tests: files.iter().map(|file| &file.tests).collect(),
            labels: Labels::of(&files),
            duties: Findings::of(&files),
            files,
            meaning,
            uses,
        };
        checked.mark_units();
        checked
    }

    /// The meaning if there is no error, and every error and warning in source order.
    #[must_use]
    pub fn result(&self) -> (Option<Ir>, Vec<Diagnostic>) {
        let mut diagnostics = self.diagnostics();
        report::sort(&mut diagnostics);
        if diagnostics.iter().any(Diagnostic::is_error) {
            return (None, diagnostics);
        }
        let ir = self.rules.as_ref().ok().map(|rules| Ir {
            vocabulary: self.meaning.vocabulary.clone(),
            rules: rules.clone(),
            claims: self.claims.clone(),
            tests: self.tests.clone(),
            silenced: silenced(self.files.iter().flat_map(|file| &file.suppressions)),
        });
        (ir, diagnostics)
    }

    fn diagnostics(&self) -> Vec<Diagnostic> {
        let Meaning { vocabulary, names, found, .. } = &self.meaning;
        let mut all: Vec<Diagnostic> = self.files.iter().flat_map(|file| &file.found).chain(found).cloned().collect();
        all.extend(self.labels.clashes.iter().cloned());
        if let Err(error) = &self.rules {
            all.push(Diagnostic::new(codes::TOO_LARGE, Span::default(), error.to_string()));
        }
        wanted::rules(&self.files, &self.labels, &mut all);
        wanted::duties(&self.files, &self.uses.duties, &mut all);
        // What is broken may use anything.
        if !all.iter().any(Diagnostic::is_error) {
            lint::unused(vocabulary, names, &self.uses, &mut all);
        }
        let first = self.files.iter().find_map(|file| file.rules().next());
        if let Some(rule) = first.filter(|_| vocabulary.actions.is_empty()) {
            all.push(lint::no_actions(rule));
        }
        all.extend(self.duties.iter().cloned());
        suppress(all, self.files.iter().flat_map(|file| &file.suppressions))
    }

    /// What limits count by is never negative in a request.
    fn mark_units(&mut self) {
        let is_unit = |attr| self.uses.units.has(&attr);
        let wrong = |vocabulary: &Arc<super::Vocabulary>| {
            let mut attributes = vocabulary.attributes.pairs();
            attributes.find(|(attr, row)| row.is_unit != is_unit(*attr)).map(|(attr, _)| attr)
        };
        while let Some(attr) = wrong(&self.meaning.vocabulary) {
            if let Some(row) = Arc::make_mut(&mut self.meaning.vocabulary).attributes.get_mut(attr) {
                row.is_unit = !row.is_unit;
            }
        }
    }

    /// Exchanges one file, adds it, or takes it away (none). `sources` are those of the set as it is now.
    ///
    /// # Errors
    /// If the change reaches beyond the file's own rules, claims and tests: the vocabulary is another one.
    pub fn change(&mut self, file: FileId, mut parsed: Option<Parsed>, sources: &Sources) -> Result<(), AllAnew> {
        let place = self.files.binary_search_by_key(&file, |of_file| of_file.file);
        let new = loop {
            self.prepare(place, file, parsed.as_mut(), sources)?;
            let Some(new) = &mut parsed else { break None };
            match new.lower(&self.meaning, sources) {
                Ok(lowered) => break Some(lowered),
                Err(Faulty) => new.read_whole(sources),
            }
        };
        let new = parsed.zip(new).map(|(parsed, mut lowered)| {
            parsed.complete(&mut lowered);
            lowered
        });
        self.put(place, new);
        Ok(())
    }

    /// Looks whether a file, or none, can take the place of one, as far as others are concerned.
    fn prepare(
        &mut self,
        place: Result<usize, usize>,
        file: FileId,
        mut new: Option<&mut Parsed>,
        sources: &Sources,
    ) -> Result<(), AllAnew> {
        let names = &self.meaning.names;
        if names.open_actions || names.open_roles {
            new.iter_mut().for_each(|new| new.mention(sources));
        }
        let new = new.as_deref();
        let old = place.ok().and_then(|place| self.files.get(place));
        if !same_vocabulary(old, new) || !self.same_mentions(place, old, new) {
            return Err(AllAnew);
        }
        if let (Some(new), Some(_)) = (new, old.filter(|old| !old.vocabulary.is_empty())) {
            // The same statements, perhaps at other places: what they mean is told where they stand now.
            if self.others_point_to(file) {
                return Err(AllAnew);
            }
            self.look_anew(new, sources);
        }
        Ok(())
    }

    /// Whether the actions and roles that rules declare stay the same, and stay in order, where rules declare any.
    fn same_mentions(&self, place: Result<usize, usize>, old: Option<&OfFile>, new: Option<&Parsed>) -> bool {
        let none = Mentions::default();
        let (old, new) = (old.map_or(&none, |old| &old.mentions), new.map_or(&none, |new| &new.mentions));
        let names = &self.meaning.names;
        let (Ok(position) | Err(position)) = place;
        let (before, _) = self.files.split_at_checked(position).unwrap_or((&self.files, &[]));
        let others = self.files.iter().enumerate().filter(|(other, _)| Ok(*other) != place).map(|(_, file)| file);
        // What a file before names has its place in the order from there.
        let before = |name: &Arc<str>| before.iter().any(|file| file.mentions.actions.contains(name));
        let known = |name: &Arc<str>| others.clone().any(|file| file.mentions.roles.contains(name));
        let actions = old.actions == new.actions || old.actions.iter().chain(&new.actions).all(before);
        let roles = old.roles.symmetric_difference(&new.roles).all(known);
        (actions || !names.open_actions) && (roles || !names.open_roles)
    }

    /// Whether a finding in another file shows a place in this one.
    fn others_point_to(&self, file: FileId) -> bool {
        let others = self.files.iter().filter(|of_file| of_file.file != file);
        let mut labels = others.flat_map(|of_file| &of_file.found).flat_map(Diagnostic::labels);
        labels.any(|(at, _)| at.file == file)
    }

    /// Looks at the vocabulary statements of all files again, with those of one as they stand now.
    fn look_anew(&mut self, parsed: &Parsed, sources: &Sources) {
        let statements: Vec<_> = self
            .files
            .iter()
            .map(|file| (if file.file == parsed.file { &*parsed.vocabulary } else { &*file.vocabulary }, file))
            .map(|(vocabulary, file)| (vocabulary, file.data, &file.mentions))
            .collect();
        let meaning = Meaning::of(statements.iter().copied(), sources);
        self.uses.remove_used(&self.meaning.used);
        self.uses.add_used(&meaning.used);
        self.meaning = meaning;
    }

    /// Puts a file where it belongs, or takes it out; `place` is where it is, or would be.
    fn put(&mut self, place: Result<usize, usize>, new: Option<OfFile>) {
        let (Ok(position) | Err(position)) = place;
        let end = position.saturating_add(usize::from(place.is_ok()));
        let added = new.is_some();
        let old: Vec<OfFile> = self.files.splice(position..end, new).collect();
        let new = self.files.get(position).filter(|_| added);
        old.iter().for_each(|old| self.uses.remove(old));
        new.iter().for_each(|new| self.uses.add(new));
        let labels = |file: Option<&OfFile>| file.map(|file| file.labels.clone()).unwrap_or_default();
        self.labels.replace(&labels(old.first()), &labels(new), &self.files);
        let names = old.iter().chain(new).filter(|file| file.attaches).flat_map(|file| file.rules().flat_map(attached));
        let names: BTreeSet<Arc<str>> = names.cloned().collect();
        if !added {
            old.iter().for_each(|old| self.duties.forget(old.file));
        }
        self.duties.renew(&self.files, position, &names);
        if old.iter().chain(new).any(|file| !file.claims.is_empty()) {
            self.claims = self.files.iter().map(|file| &file.claims).collect();
        }
        if old.iter().chain(new).any(|file| !file.tests.is_empty()) {
            self.tests = self.files.iter().map(|file| &file.tests).collect();
        }
        let Some(file) = new.or(old.first()).map(|file| file.file) else { return };
        self.rules = match &self.rules {
            Ok(rules) => rules.with(file, new.map_or(&[], |new| &new.rules)),
            Err(_) => rules(&self.files),
        };
        self.mark_units();
    }
}

/// The rules of all files.
fn rules(files: &[OfFile]) -> Result<Rules, TooManyRules> {
    Rules::new(files.iter().flat_map(|file| file.rules.iter().map(|rules| (file.file, rules.clone()))))
}

/// Lowers files. Where texts turn out to be faulty, they are read as a whole instead.
fn lower(files: &mut [Parsed], meaning: &Meaning, sources: &Sources) -> Result<Vec<OfFile>, Faulty> {
    let lowered: Vec<Result<OfFile, Faulty>> = files.par_iter().map(|file| file.lower(meaning, sources)).collect();
    let faulty = files.par_iter_mut().zip(&lowered).filter(|(_, lowered)| lowered.is_err());
    faulty.for_each(|(file, _)| file.read_whole(sources));
    lowered.into_iter().collect()
}

/// Whether a file's own vocabulary statements stay the same.
fn same_vocabulary(old: Option<&OfFile>, new: Option<&Parsed>) -> bool {
    let old = old.map_or((&[][..], false), |old| (&*old.vocabulary, old.data));
    let new = new.map_or((&[][..], false), |new| (&*new.vocabulary, new.data));
    old == new
}
