//! `.policyc.toml`: what a project says once instead of with every command.
//!
//! In goes the first path of a command, out comes what the nearest file says, in its folder or above. What it says is
//! checked here, so that a slip of the pen is an error and not a default; what it is for, the verbs know.

use super::levels::{self, Levels};
use crate::{check::names::list, source::Source};
use std::{
    borrow::Cow,
    env, fs,
    ops::Range,
    path::{Component, Path, PathBuf},
};
use toml::de::{DeTable, DeValue};

/// The name of the file.
pub(super) const FILE: &str = ".policyc.toml";

const KEYS: [&str; 6] = ["allow", "catalog", "coverage_threshold", "deny", "paths", "sets"];

/// What a project has decided. Without a file, nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Config {
    /// The folder of the file, relative to the current one where that can be; none without a file.
    folder: Option<PathBuf>,
    paths: Vec<PathBuf>,
    catalog: Vec<PathBuf>,
    sets: Vec<String>,
    levels: Levels,
    coverage_threshold: Option<f64>,
}

/// What is wrong with the file.
#[derive(Debug)]
pub(super) struct Fault {
    /// What is wrong, and where.
    pub(super) message: String,
    /// What to do about it.
    pub(super) help: Option<String>,
}

impl Config {
    /// What the nearest file says: in the folder of `first` or above, or, where there is no such path, in the current
    /// folder or above.
    ///
    /// # Errors
    /// If that file cannot be read or says what it may not say.
    pub(super) fn find(first: Option<&Path>) -> Result<Self, Fault> {
        let start = first.filter(|path| *path != Path::new("-")).unwrap_or(Path::new("."));
        let Ok(here) = env::current_dir() else { return Ok(Self::default()) };
        let start = start.canonicalize().unwrap_or_else(|_| here.join(start));
        let here = here.canonicalize().unwrap_or(here);
        for folder in start.ancestors() {
            if folder.join(FILE).is_file() {
                return Self::read(&shown(folder, &here));
            }
        }
        Ok(Self::default())
    }

    /// What the file in a folder itself says, if there is one.
    ///
    /// # Errors
    /// If it cannot be read or says what it may not say.
    pub(super) fn of_folder(folder: &Path) -> Result<Option<Self>, Fault> {
        if folder.join(FILE).is_file() { Self::read(folder).map(Some) } else { Ok(None) }
    }

    fn read(folder: &Path) -> Result<Self, Fault> {
        let file = folder.join(FILE);
        let name = file.to_string_lossy();
        let text = fs::read_to_string(&file)
            .map_err(|error| Fault { message: format!("cannot read `{name}`: {error}"), help: None })?;
        Reader { source: Source::new(&name, &name, &text), folder }.read()
    }

    /// The folder of the file, if there is one.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// What a command is about: its own paths, else those of the file, else the folder of the file.
    pub(super) fn paths(&self, given: &[PathBuf]) -> Vec<PathBuf> {
        match (given, self.paths.as_slice()) {
            ([], []) => self.folder.iter().cloned().collect(),
            ([], paths) => paths.to_vec(),
            _ => given.to_vec(),
        }
    }

    /// The catalogs: those of the command, else those of the file.
    pub(super) fn catalogs(&self, given: &[PathBuf]) -> Vec<PathBuf> {
        if given.is_empty() { self.catalog.clone() } else { given.to_vec() }
    }

    /// Which warnings the project denies and allows.
    pub(super) const fn levels(&self) -> &Levels {
        &self.levels
    }

    /// How many percent of what is asked for the tests are to show.
    pub(super) const fn coverage_threshold(&self) -> Option<f64> {
        self.coverage_threshold
    }

    /// Patterns for the folders that are policy sets of their own, and the folder that they are relative to.
    pub(super) fn sets(&self) -> Option<(&Path, &[String])> {
        let folder = self.folder.as_deref()?;
        (!self.sets.is_empty()).then_some((folder, self.sets.as_slice()))
    }
}

/// A folder as a person would write it: relative to the current one, if it is below or above it.
fn shown(folder: &Path, here: &Path) -> PathBuf {
    let relative = if let Ok(below) = folder.strip_prefix(here) {
        below.to_owned()
    } else if let Ok(above) = here.strip_prefix(folder) {
        above.components().map(|_| Component::ParentDir).collect()
    } else {
        folder.to_owned()
    };
    if relative.as_os_str().is_empty() { PathBuf::from(".") } else { relative }
}

/// A path of the file, which is relative to the file's folder.
pub(super) fn join(folder: &Path, path: &str) -> PathBuf {
    if folder == Path::new(".") { PathBuf::from(path) } else { folder.join(path) }
}

/// The word that was probably meant, as help.
pub(super) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near = known
        .into_iter()
        .map(|other| (strsim::osa_distance(&word.to_lowercase(), &other.to_lowercase()), other))
        .filter(|(distance, other)| *distance <= other.len().div_ceil(3))
        .min()?;
    Some(format!("did you mean `{}`?", near.1))
}

struct Reader<'a> {
    source: Source,
    folder: &'a Path,
}

impl Reader<'_> {
    fn read(&self) -> Result<Config, Fault> {
        let table = DeTable::parse(self.source.text()).map_err(|error| {
            let at = error.span().unwrap_or_default();
            self.fault(&at, &error.message().replace('\n', "; "), None)
        })?;
        let mut config = Config { folder: Some(self.folder.to_owned()), ..Config::default() };
        for (key, value) in table.get_ref() {
            let (name, at, value) = (key.get_ref().as_ref(), value.span(), value.get_ref());
            match name {
                "paths" => config.paths = self.paths(name, value, &at)?,
                "catalog" => config.catalog = self.paths(name, value, &at)?,
                "sets" => config.sets = self.texts(name, value, &at)?.into_iter().map(|(text, _)| text).collect(),
                "deny" => {
                    for (text, at) in self.texts(name, value, &at)? {
                        config.levels.deny(levels::denied(&text).map_err(|error| self.fault(&at, &error, None))?);
                    }
                }
                "allow" => {
                    for (text, at) in self.texts(name, value, &at)? {
                        config.levels.allow(levels::allowed(&text).map_err(|error| self.fault(&at, &error, None))?);
                    }
                }
                "coverage_threshold" => config.coverage_threshold = Some(self.percentage(name, value, &at)?),
                unknown => {
                    let help = did_you_mean(unknown, KEYS).unwrap_or_else(|| format!("known are {}", list(KEYS)));
                    return Err(self.fault(&key.span(), &format!("unknown key `{unknown}`"), Some(help)));
                }
            }
        }
        config.levels.consistent().map_err(|error| self.fault(&(0..0), &error, None))?;
        Ok(config)
    }

    fn paths(&self, key: &str, value: &DeValue<'_>, at: &Range<usize>) -> Result<Vec<PathBuf>, Fault> {
        Ok(self.texts(key, value, at)?.iter().map(|(path, _)| join(self.folder, path)).collect())
    }

    /// A list of texts with their places; a single text is a list of one.
    fn texts(&self, key: &str, value: &DeValue<'_>, at: &Range<usize>) -> Result<Vec<(String, Range<usize>)>, Fault> {
        let wrong = |at: &Range<usize>, value: &DeValue<'_>| {
            self.fault(at, &format!("`{key}` is a list of texts, not {}", kind(value)), None)
        };
        if let Some(text) = value.as_str() {
            return Ok(vec![(text.to_owned(), at.clone())]);
        }
        let list = value.as_array().ok_or_else(|| wrong(at, value))?;
        list.iter()
            .map(|item| {
                let text = item.get_ref().as_str().ok_or_else(|| wrong(&item.span(), item.get_ref()))?;
                Ok((text.to_owned(), item.span()))
            })
            .collect()
    }

    fn percentage(&self, key: &str, value: &DeValue<'_>, at: &Range<usize>) -> Result<f64, Fault> {
        let number = value.as_integer().map(|number| Cow::from(number.as_str()));
        let number = number.or_else(|| value.as_float().map(|number| Cow::from(number.as_str())));
        let number = number.and_then(|number| number.parse::<f64>().ok()).filter(|n| (0.0..=100.0).contains(n));
        let message = format!("`{key}` is a number from 0 to 100");
        number.ok_or_else(|| self.fault(at, &message, None))
    }

    fn fault(&self, at: &Range<usize>, message: &str, help: Option<String>) -> Fault {
        let line = self.source.line(u32::try_from(at.start).unwrap_or(u32::MAX));
        Fault { message: format!("{}:{line}: {message}", self.source.name()), help }
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
