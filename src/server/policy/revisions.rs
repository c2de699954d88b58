//! Policy sets that have decided, so that each can again: as bundles in the state folder, by their revisions, or in memory
//! where nothing outlives the process.
//!
//! ```text
//! revisions/HEX.bundle     a set, by its revision without `sha256:`
//! revisions/history.json   what decided when, and who wanted it, the last first
//! revisions/pinned         the revision that decides whatever the files say; missing where they decide
//! ```
//!
//! Each file is written whole or not at all.

use super::instant;
use crate::engine::{Engine, EngineBuilder, LoadError};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    fs, io,
    io::Write,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// How a set came to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::server) enum How {
    Start,
    Reload,
    Bundle,
    Promote,
    Rollback,
}

/// A set that has decided.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::server) struct Entry {
    pub(in crate::server) revision: Arc<str>,
    /// Since when.
    pub(in crate::server) since: String,
    pub(super) how: How,
    /// Who wanted it.
    pub(in crate::server) by: String,
}

/// The sets that have decided.
pub(super) struct Revisions {
    place: Place,
    /// How many different ones are kept.
    most: usize,
    /// What decided when, the last first.
    history: Vec<Entry>,
    pinned: Option<Arc<str>>,
}

enum Place {
    Folder(PathBuf),
    Memory(Vec<Engine>),
}

/// A set that was kept. It is loaded without the others waiting for it.
pub(super) enum Kept {
    File(PathBuf),
    Loaded(Engine),
}

impl Kept {
    /// None if it is not there any more.
    pub(super) fn load(self, builder: EngineBuilder) -> Result<Option<Engine>, LoadError> {
        match self {
            Self::File(path) if path.is_file() => builder.path(&path).load().map(Some),
            Self::File(_) => Ok(None),
            Self::Loaded(engine) => Ok(Some(engine)),
        }
    }
}

impl Revisions {
    /// Those of a state folder; without one, none yet.
    pub(super) fn open(state: Option<&Path>, most: usize) -> io::Result<Self> {
        let most = most.max(1);
        let Some(state) = state else {
            return Ok(Self { place: Place::Memory(Vec::new()), most, history: Vec::new(), pinned: None });
        };
        let folder = state.join("revisions");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let history = match read(&folder.join(HISTORY))? {
            None => Vec::new(),
            Some(text) => serde_json::from_str(&text)
                .map_err(|error| io::Error::other(format!("`{}`: {error}", folder.join(HISTORY).display())))?,
        };
        let pinned = read(&folder.join(PINNED))?.map(|text| text.trim().into());
        Ok(Self { place: Place::Folder(folder), most, history, pinned })
    }

    /// The revision that decides whatever the files say.
    pub(super) const fn pinned(&self) -> Option<&Arc<str>> {
        self.pinned.as_ref()
    }

    /// What decided when, the last first.
    pub(super) fn history(&self) -> &[Entry] {
        &self.history
    }

    /// The revision that was kept and begins so, if there is one only; `sha256:` may be left out.
    pub(super) fn named(&self, beginning: &str) -> Option<Arc<str>> {
        let beginning = digits(beginning);
        let found: BTreeSet<&Arc<str>> = self
            .history
            .iter()
            .map(|entry| &entry.revision)
            .filter(|revision| !beginning.is_empty() && digits(revision).starts_with(beginning))
            .collect();
        found.first().filter(|_| found.len() == 1).map(|only| Arc::clone(only))
    }

    /// Loads a set that was kept, as a builder says; none if it is not there any more. Where the rules of time zones are no
    /// longer what they were, its revision is another.
    pub(super) fn find(&self, revision: &str, builder: EngineBuilder) -> Result<Option<Engine>, LoadError> {
        self.kept(revision).map_or(Ok(None), |kept| kept.load(builder))
    }

    /// Where a set that was kept is.
    pub(super) fn kept(&self, revision: &str) -> Option<Kept> {
        match &self.place {
            Place::Memory(engines) => {
                let engine = engines.iter().find(|engine| *engine.revision() == *revision);
                engine.cloned().map(Kept::Loaded)
            }
            Place::Folder(folder) => Some(Kept::File(folder.join(file(revision)))),
        }
    }

    /// Keeps a set that decides from now on.
    pub(super) fn keep(&mut self, engine: &Engine, how: How, by: &str, now: DateTime<Utc>) -> io::Result<()> {
        let revision: Arc<str> = engine.revision().into();
        match &mut self.place {
            Place::Memory(engines) if engines.iter().any(|kept| *kept.revision() == *revision) => {}
            Place::Memory(engines) => engines.push(engine.clone()),
            Place::Folder(folder) => {
                let path = folder.join(file(&revision));
                if !path.is_file() {
                    write(&path, |out| engine.bundle(None, out))?;
                }
            }
        }
        if self.history.first().is_some_and(|last| last.revision == revision) {
            return Ok(());
        }
        self.history.insert(0, Entry { revision, since: instant(now), how, by: by.to_owned() });
        self.forget();
        if let Place::Folder(folder) = &self.place {
            let text = serde_json::to_string_pretty(&self.history)?;
            write(&folder.join(HISTORY), |out| out.write_all(text.as_bytes()))?;
        }
        Ok(())
    }

    /// Lets a revision decide whatever the files say; none: the files.
    pub(super) fn pin(&mut self, revision: Option<Arc<str>>) -> io::Result<()> {
        if let Place::Folder(folder) = &self.place {
            let path = folder.join(PINNED);
            match &revision {
                Some(revision) => write(&path, |out| writeln!(out, "{revision}"))?,
                None => fs::remove_file(&path)?,
            }
        }
        self.pinned = revision;
        Ok(())
    }

    /// Lets go of the oldest sets, where there are too many.
    fn forget(&mut self) {
        let mut kept: BTreeSet<Arc<str>> = self.pinned.iter().cloned().collect();
        let mut end = self.history.len();
        for (place, entry) in self.history.iter().enumerate() {
            if !kept.contains(&entry.revision) && kept.len() >= self.most {
                end = place;
                break;
            }
            kept.insert(entry.revision.clone());
        }
        self.history.truncate(end.min(MOST_ENTRIES));
        match &mut self.place {
            Place::Memory(engines) => engines.retain(|engine| kept.contains(engine.revision())),
            Place::Folder(folder) => {
                let names: BTreeSet<String> = kept.iter().map(|revision| file(revision)).collect();
                for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    if name.ends_with(".bundle") && !names.contains(&name) {
                        // What cannot be removed now is tried again the next time.
                        let _ = fs::remove_file(entry.path());
                    }
                }
            }
        }
    }
}

const HISTORY: &str = "history.json";
const PINNED: &str = "pinned";
/// How many changes the history tells of: sets that alternate are few, and their changes many.
const MOST_ENTRIES: usize = 1_000;

/// A revision without its prefix.
fn digits(revision: &str) -> &str {
    revision.strip_prefix("sha256:").unwrap_or(revision)
}

fn file(revision: &str) -> String {
    // What was pinned is text from a file, and must not lead out of the folder.
    let name: String = digits(revision).chars().filter(char::is_ascii_hexdigit).collect();
    format!("{name}.bundle")
}

/// What a file says, if it is there.
fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a file whole or not at all.
pub(super) fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = io::BufWriter::new(fs::File::create(&beside)?);
    fill(&mut file)?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(&beside, path)?;
    // The folder's entry must outlive the machine, too.
    path.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}
