//! A policy set that is loaded again and again, as its files change.

use super::{
    Loader, PolicySet, Unreadable,
    read::{Read, parsed},
    revision::{Revision, digest},
};
use crate::{
    ast::Matchers,
    check::{AllAnew, Checked, Parsed},
    source::{FileId, Source, Sources},
};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};
use std::collections::BTreeMap;

/// How far apart the ids of files are: so many less one can be put between two without a look at all files.
const APART: u32 = 16;
/// Of so many files at least one must stay as it was; else all are looked at anew, which then is quicker.
const FEW: usize = 4;

/// A policy set whose files change. It gives what a [`Loader`] would give for the files as they are now, but looks only at
/// what a change can make different: where the vocabulary stays, at the rules, claims and tests of the file that changed.
/// The sets it gives share all else.
pub struct Workspace {
    files: BTreeMap<FileId, File>,
    sources: Sources,
    checked: Checked,
    matchers: Matchers,
}

/// A file and the digest of it.
struct File {
    read: Read,
    digest: [u8; 32],
}

impl File {
    fn new(read: Read) -> Self {
        let digest = digest(&read.source);
        Self { read, digest }
    }
}

impl Workspace {
    /// The set of some files, in source order, with ids one after the other.
    pub(super) fn dense(files: Vec<Read>) -> Self {
        Self::of((0..).map(FileId).zip(files).collect())
    }

    /// The set of some files, in source order, with ids that leave room for others.
    pub(super) fn spread(files: Vec<Read>) -> Self {
        let id = |number: u32| FileId(number.saturating_mul(APART).saturating_add(APART / 2));
        Self::of((0..).map(id).zip(files).collect())
    }

    fn of(files: Vec<(FileId, Read)>) -> Self {
        let mut sources = Sources::default();
        files.iter().for_each(|(id, read)| sources.insert(*id, read.source.clone()));
        let matchers = Matchers::default();
        let read = |(id, read): (FileId, Read)| (parsed(id, &read, &sources, &matchers), (id, File::new(read)));
        let (parsed, files): (Vec<Parsed>, Vec<(FileId, File)>) = files.into_par_iter().map(read).unzip();
        let checked = Checked::new(parsed, &sources);
        Self { files: files.into_iter().collect(), sources, checked, matchers }
    }

    /// The set as it is now.
    #[must_use]
    pub fn set(&self) -> PolicySet {
        let (ir, diagnostics) = self.checked.result();
        let mut revision = Revision::default();
        self.files.values().for_each(|file| revision.add(&file.digest));
        let catalogs = self.files.values().filter(|file| file.read.is_catalog).count();
        PolicySet { sources: self.sources.clone(), catalogs, ir, diagnostics, revision: revision.finish() }
    }

    /// The file of a path as it was given or found.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<FileId> {
        self.sources.iter().find(|(_, source)| source.name() == name).map(|(id, _)| id)
    }

    /// What a file says.
    #[must_use]
    pub fn text(&self, file: FileId) -> Option<&str> {
        self.files.get(&file).map(|file| file.read.source.text())
    }

    /// Gives a file another text. A file that is not there stays away.
    pub fn change(&mut self, file: FileId, text: &str) {
        let Some(old) = self.files.get(&file) else { return };
        let source = Source::new(old.read.source.name(), old.read.source.short(), text);
        let read = Read { source, is_catalog: old.read.is_catalog, fault: None };
        if self.put(file, Some(read)).is_err() {
            self.look_anew();
        }
    }

    /// Looks again which files a loader's arguments name, and what they say.
    ///
    /// # Errors
    /// Every file that cannot be read; then nothing is changed.
    pub fn update(&mut self, loader: Loader) -> Result<(), Vec<Unreadable>> {
        let reads = loader.read()?;
        let Some(placed) = self.placed(&reads) else {
            *self = Self::spread(reads);
            return Ok(());
        };
        let new: BTreeMap<FileId, Read> = placed.into_iter().zip(reads).collect();
        let gone = self.files.keys().filter(|id| !new.contains_key(id)).map(|id| (*id, None));
        let mut changes: Vec<(FileId, Option<Read>)> = gone.collect();
        let is_old = |id: &FileId, read: &Read| self.files.get(id).is_some_and(|old| old.read == *read);
        let stay = new.iter().filter(|(id, read)| is_old(id, read)).count();
        if stay < new.len().checked_div(FEW).unwrap_or_default() {
            *self = Self::of(new.into_iter().collect());
            return Ok(());
        }
        let others: Vec<_> = new.into_iter().filter(|(id, read)| !is_old(id, read)).collect();
        changes.extend(others.into_iter().map(|(id, read)| (id, Some(read))));
        let mut all_anew = false;
        for (id, read) in changes {
            all_anew |= self.put(id, read).is_err();
        }
        if all_anew {
            self.look_anew();
        }
        Ok(())
    }

    /// Exchanges one file, adds it, or takes it away. An error is no failure: what the set means is then to be found anew.
    fn put(&mut self, id: FileId, read: Option<Read>) -> Result<(), AllAnew> {
        let Some(read) = read else {
            self.sources.remove(id);
            self.files.remove(&id);
            return self.checked.change(id, None, &self.sources);
        };
        self.sources.insert(id, read.source.clone());
        let parsed = parsed(id, &read, &self.sources, &self.matchers);
        self.files.insert(id, File::new(read));
        self.checked.change(id, Some(parsed), &self.sources)
    }

    fn look_anew(&mut self) {
        let files = std::mem::take(&mut self.files);
        *self = Self::of(files.into_iter().map(|(id, file)| (id, file.read)).collect());
    }

    /// An id for each file: the one it has, else one between those of its neighbours. None if there is no room, or if files
    /// are no longer in the same order.
    fn placed(&self, reads: &[Read]) -> Option<Vec<FileId>> {
        let mut known: BTreeMap<&str, FileId> = BTreeMap::new();
        for (id, file) in &self.files {
            if known.insert(file.read.source.name(), *id).is_some() {
                return None;
            }
        }
        let mut placed: Vec<FileId> = Vec::with_capacity(reads.len());
        let mut waiting = 0u32;
        for read in reads {
            let Some(id) = known.remove(read.source.name()) else {
                waiting = waiting.checked_add(1)?;
                continue;
            };
            fill(&mut placed, waiting, Some(id))?;
            waiting = 0;
            placed.push(id);
        }
        fill(&mut placed, waiting, None)?;
        Some(placed)
    }
}

/// Adds so many ids behind the last one, evenly up to a next one; none if they do not fit.
fn fill(placed: &mut Vec<FileId>, count: u32, next: Option<FileId>) -> Option<()> {
    // One past the last id.
    let start = placed.last().map_or(Some(0), |last| last.0.checked_add(1))?;
    let step = match next {
        Some(next) => next.0.checked_sub(start)?.checked_div(count.max(1))?.min(APART),
        None => APART,
    };
    if count > 0 && step == 0 {
        return None;
    }
    for number in 0..count {
        let distance = number.checked_mul(step)?.checked_add(step.checked_div(2)?)?;
        placed.push(FileId(start.checked_add(distance)?));
    }
    Some(())
}
