//! Policy sets as a command line names them.
//!
//! In go paths, out come the policy sets to work on, one after the other, and their [`Engine`]s. Usually that is one set;
//! where `.policyc.toml` says `sets = ["*"]`, each folder of that pattern is a set of its own.

use super::{
    Config, Exit, Io, config,
    levels::Levels,
    style::{cause, complain, failed},
};
use crate::{
    engine::{Claims, Engine, EngineBuilder, LoadError},
    glob::Glob,
    load::{
        Loader, Unreadable,
        bundle::{BadBundle, BundleError, is_bundle},
        hex,
    },
    report::terminal,
};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// What stands for standard input.
const STDIN: &str = "-";
/// What standard input is called.
pub(super) const STDIN_NAME: &str = "<stdin>";

/// What one policy set is made of.
#[derive(Debug, Clone)]
pub(super) struct SetArgs {
    /// Its folder, where it is one of several; else empty.
    pub(super) name: String,
    /// Which warnings its project denies and allows.
    pub(super) levels: Levels,
    inputs: Vec<Input>,
    catalogs: Vec<PathBuf>,
}

#[derive(Debug, Clone)]
enum Input {
    Path(PathBuf),
    Stdin(String),
}

impl SetArgs {
    /// To load it with other than the usual settings. Its claims are not looked at.
    pub(super) fn builder(&self) -> EngineBuilder {
        let builder = Engine::builder().claims(Claims::Unproved);
        let builder = self.inputs.iter().fold(builder, |builder, input| match input {
            Input::Path(path) => builder.path(path),
            Input::Stdin(text) => builder.text(STDIN_NAME, text),
        });
        self.catalogs.iter().fold(builder, EngineBuilder::catalog)
    }

    /// Its bundle, if it is nothing else.
    pub(super) fn bundle(&self) -> Option<&Path> {
        match (self.inputs.as_slice(), self.catalogs.as_slice()) {
            ([Input::Path(path)], []) if is_bundle(path) => Some(path),
            _ => None,
        }
    }

    /// To read its texts and trees.
    pub(super) fn loader(&self) -> Loader {
        let mut loader = Loader::default();
        for input in &self.inputs {
            match input {
                Input::Path(path) => loader.path(path),
                Input::Stdin(text) => loader.text(STDIN_NAME, text),
            }
        }
        self.catalogs.iter().for_each(|catalog| loader.catalog(catalog));
        loader
    }
}

/// The policy sets that a command is about, in the order of their folders: those of its arguments, else those of the
/// configuration. Standard input is read where a path is `-`.
///
/// # Errors
/// If there is none, or it is not clear which files make up a set; what is wrong has been said.
pub(super) fn sets(
    paths: &[PathBuf],
    catalogs: &[PathBuf],
    io: &mut Io<'_>,
    config: &Config,
) -> Result<Vec<SetArgs>, Exit> {
    let paths = config.paths(paths);
    if paths.is_empty() {
        let help = format!("give a file or a folder, or `{STDIN}` for standard input");
        return Err(failed(io, "no policies to work on", Some(&help)));
    }
    let plan = Plan::new(&paths, config).map_err(|fault| failed(io, &fault.message, fault.help.as_deref()))?;
    let mut stdin = Some(());
    let mut sets = Vec::new();
    for (folder, paths) in plan.groups {
        let mut inputs = Vec::new();
        for path in paths {
            if path != Path::new(STDIN) {
                inputs.push(Input::Path(path));
            } else if stdin.take().is_some() {
                inputs.push(Input::Stdin(read_stdin(io)?));
            } else {
                return Err(failed(io, "standard input can be read only once", Some("give only one `-`")));
            }
        }
        let own = folder.as_deref().map(Config::of_folder).transpose();
        let own = own.map_err(|fault| failed(io, &fault.message, fault.help.as_deref()))?.flatten();
        let config = own.as_ref().unwrap_or(config);
        let name = folder.map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default();
        sets.push(SetArgs { name, levels: config.levels().clone(), inputs, catalogs: config.catalogs(catalogs) });
    }
    if let [only] = sets.as_mut_slice() {
        only.name.clear();
    }
    Ok(sets)
}

/// The policy set that a command is about, where it can be about one only.
///
/// # Errors
/// As [`sets`], and if there are several.
pub(super) fn one(paths: &[PathBuf], catalogs: &[PathBuf], io: &mut Io<'_>, config: &Config) -> Result<SetArgs, Exit> {
    let mut sets = sets(paths, catalogs, io, config)?;
    match (sets.pop(), sets.as_slice()) {
        (Some(only), []) => Ok(only),
        (last, others) => {
            let names: Vec<String> = others.iter().chain(&last).map(|set| format!("`{}`", set.name)).collect();
            let message = format!("these are {} policy sets, and this command works on one", names.len());
            Err(failed(io, &message, Some(&format!("give one of {}", names.join(", ")))))
        }
    }
}

/// Loads a policy set. Warnings are not shown; `check` does that.
///
/// # Errors
/// If a file cannot be read, or the set is not valid; what is wrong has been said.
pub(super) fn load(builder: EngineBuilder, io: &mut Io<'_>) -> Result<Engine, Exit> {
    builder.load().map_err(|error| not_loaded(error, io))
}

/// Says why a policy set was not loaded.
pub(super) fn not_loaded(error: LoadError, io: &mut Io<'_>) -> Exit {
    match error {
        LoadError::Unreadable(files) => unreadable(&files, io),
        LoadError::TooLarge(limit) => failed(io, &limit.to_string(), None),
        LoadError::Bundle(bad) => bad_bundle(&bad, io),
        LoadError::Invalid(invalid) => {
            let text = terminal::render(&invalid.diagnostics, &invalid.sources, io.color_err, io.width);
            let _ = io.err.write_all(text.as_bytes());
            Exit::Invalid
        }
    }
}

/// A key as it is shown.
pub(super) fn key_text(key: &[u8; 32]) -> String {
    format!("ed25519:{}", hex(key))
}

/// Says why a bundle is not taken.
fn bad_bundle(bad: &BadBundle, io: &mut Io<'_>) -> Exit {
    let path = bad.path.display();
    let (message, help, exit) = match &bad.error {
        BundleError::Unreadable(error) => (cause(error), None, Exit::Failed),
        BundleError::Unsigned(why) => {
            complain(io, &format!("`{path}` is not to be trusted: {why}"), None);
            return Exit::Negative;
        }
        BundleError::Foreign(what) => (what.clone(), Some("build the bundle anew from its texts"), Exit::Invalid),
        BundleError::Damaged(what) => {
            (format!("the bundle is damaged: {what}"), Some("copy it again, or build it anew"), Exit::Invalid)
        }
    };
    complain(io, &format!("cannot read `{path}`: {message}"), help);
    exit
}

/// Names the files that cannot be read.
pub(super) fn unreadable(files: &[Unreadable], io: &mut Io<'_>) -> Exit {
    let mut exit = Exit::Invalid;
    for file in files {
        complain(io, &unreadable_message(file), None);
        // What can be read and is not whole is not valid.
        if file.error.kind() != io::ErrorKind::InvalidData {
            exit = Exit::Failed;
        }
    }
    exit
}

fn unreadable_message(file: &Unreadable) -> String {
    format!("cannot read `{}`: {}", file.path.display(), cause(&file.error))
}

/// The text of standard input.
///
/// # Errors
/// If it cannot be read or is not UTF-8; that has been said.
pub(super) fn read_stdin(io: &mut Io<'_>) -> Result<String, Exit> {
    let mut bytes = Vec::new();
    if let Err(error) = io.input.read_to_end(&mut bytes) {
        return Err(failed(io, &format!("cannot read `{STDIN_NAME}`: {error}"), None));
    }
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let message = format!("`{STDIN_NAME}` is not UTF-8: the byte at offset {offset} belongs to no character");
        complain(io, &message, None);
        Exit::Invalid
    })
}

/// Which paths belong to which set.
struct Plan {
    /// By the sets' folders; none for what lies in no such folder.
    groups: BTreeMap<Option<PathBuf>, Vec<PathBuf>>,
}

impl Plan {
    fn new(paths: &[PathBuf], config: &Config) -> Result<Self, config::Fault> {
        let mut groups: BTreeMap<Option<PathBuf>, Vec<PathBuf>> = BTreeMap::new();
        let Some((base, patterns)) = config.sets() else {
            groups.insert(None, paths.to_vec());
            return Ok(Self { groups });
        };
        let folders = folders(base, patterns)?;
        let mut loose = Vec::new();
        for path in paths {
            let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
            if let Some(folder) = folders.iter().find(|folder| whole.starts_with(&folder.whole)) {
                groups.entry(Some(folder.shown.clone())).or_default().push(path.clone());
                continue;
            }
            let below: Vec<&Folder> = folders.iter().filter(|folder| folder.whole.starts_with(&whole)).collect();
            if below.is_empty() {
                loose.push(path.clone());
                continue;
            }
            no_stray_files(path, &below, base)?;
            for folder in below {
                groups.entry(Some(folder.shown.clone())).or_default().push(folder.shown.clone());
            }
        }
        match groups.values_mut().collect::<Vec<_>>().as_mut_slice() {
            _ if loose.is_empty() => {}
            [] => {
                groups.insert(None, loose);
            }
            // What lies in no set goes with the only one there is.
            [only] => only.extend(loose),
            _ => {
                let names: Vec<String> = loose.iter().map(|path| format!("`{}`", path.display())).collect();
                return Err(config::Fault {
                    message: format!("it is not clear to which policy set {} belongs", names.join(", ")),
                    help: Some(format!("`{}` makes several sets; give one of them", base.join(config::FILE).display())),
                });
            }
        }
        Ok(Self { groups })
    }
}

/// A folder that is a policy set.
struct Folder {
    /// As a person would write it.
    shown: PathBuf,
    /// Without links and `..`.
    whole: PathBuf,
}

/// The folders that patterns name, in order; only those that hold policies.
fn folders(base: &Path, patterns: &[String]) -> Result<Vec<Folder>, config::Fault> {
    let mut found = BTreeMap::new();
    for pattern in patterns {
        let mut places = vec![base.to_owned()];
        for segment in pattern.split('/').filter(|segment| !matches!(*segment, "" | ".")) {
            let glob = Glob::text(segment).map_err(|error| config::Fault {
                message: format!("{}: `sets`: {}", base.join(config::FILE).display(), error.message()),
                help: None,
            })?;
            places = places.iter().flat_map(|place| inside(place, &glob)).collect();
        }
        for shown in places {
            let whole = shown.canonicalize().unwrap_or_else(|_| shown.clone());
            // A folder that cannot be looked into is a set, too: loading it says why.
            if files_in(&shown).is_ok_and(|files| files.is_empty()) {
                continue;
            }
            found.insert(whole, shown);
        }
    }
    Ok(found.into_iter().map(|(whole, shown)| Folder { shown, whole }).collect())
}

/// The folders in a folder whose names match; hidden ones only if the pattern begins with a dot, too.
fn inside(folder: &Path, glob: &Glob) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let names = names.filter(|name| glob.is_match(name) && (!name.starts_with('.') || glob.pattern().starts_with('.')));
    names.map(|name| config::join(folder, &name)).filter(|path| path.is_dir()).collect()
}

/// The policy files of a folder.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>, Vec<Unreadable>> {
    let mut loader = Loader::default();
    loader.path(folder);
    loader.files()
}

/// Every policy file of a folder that holds sets must belong to one of them, or it would be left out unseen.
fn no_stray_files(folder: &Path, sets: &[&Folder], base: &Path) -> Result<(), config::Fault> {
    let stray = |path: &Path| {
        let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        !sets.iter().any(|set| whole.starts_with(&set.whole) || path.starts_with(&set.shown))
    };
    match files_in(folder) {
        Ok(files) => match files.into_iter().find(|file| stray(file)) {
            None => Ok(()),
            Some(file) => Err(config::Fault {
                message: format!("`{}` belongs to no policy set", file.display()),
                help: Some(format!("`sets` in `{}` names none that holds it", base.join(config::FILE).display())),
            }),
        },
        // What cannot be read in a set, loading it says.
        Err(errors) => match errors.into_iter().find(|error| stray(&error.path)) {
            None => Ok(()),
            Some(error) => Err(config::Fault { message: unreadable_message(&error), help: None }),
        },
    }
}
