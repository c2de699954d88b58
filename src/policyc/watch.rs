//! `--watch`: a command again and again, each time after a file that matters has changed.

use super::{
    Config, Exit, Io, config,
    style::{Style, failed},
};
use notify::{
    EventKind, RecommendedWatcher, RecursiveMode,
    event::{CreateKind, ModifyKind, RemoveKind},
};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver, Sender},
    time::Duration,
};

/// How long a burst of changes is waited out, as when an editor saves several files.
const QUIET: Duration = Duration::from_millis(100);
/// Clears a terminal and what was scrolled off it.
const CLEAR: &str = "\u{1b}[2J\u{1b}[3J\u{1b}[H";
/// How many changed files are named.
const NAMED: usize = 3;

/// What is watched: the paths and catalogs that a command is given, else those of the configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch<'a> {
    pub(super) paths: &'a [PathBuf],
    pub(super) catalogs: &'a [PathBuf],
}

enum Event {
    /// Files have changed.
    Changed(BTreeSet<PathBuf>),
    /// The person has seen enough.
    Stop,
}

/// Runs a command, and again whenever a file of the policy set, a catalog or the configuration has changed, until it is
/// interrupted: it ends as the last run did.
pub(super) fn watch(
    watch: Watch<'_>,
    io: &mut Io<'_>,
    config: &Config,
    mut run: impl FnMut(&mut Io<'_>, &Config) -> Exit,
) -> Exit {
    let paths = config.paths(watch.paths);
    if paths.iter().any(|path| path == Path::new("-")) {
        return failed(io, "standard input cannot be watched", None);
    }
    let (sender, events) = mpsc::channel();
    let files: BTreeSet<PathBuf> = paths.iter().cloned().chain(config.catalogs(watch.catalogs)).collect();
    // Whatever changes during the first run is seen, too.
    let _watcher = match watcher(&files, config, &sender) {
        Ok(watcher) => watcher,
        Err(error) => return failed(io, &format!("cannot watch: {error}"), None),
    };
    let stop = sender;
    // In a process that has such a handler already, as in tests, the command goes on until nobody reads it.
    let _ = ctrlc::set_handler(move || {
        let _ = stop.send(Event::Stop);
    });
    let mut exit = run(io, config);
    loop {
        let style = Style::new(io.color_err);
        let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let status = format!("watching {} (Ctrl-C ends)", shown.join(", "));
        let written = writeln!(io.err, "{}", style.dim(&status));
        if written.and(io.out.flush()).and(io.err.flush()).is_err() {
            return exit;
        }
        let Some(changed) = next(&events) else { return exit };
        if io.interactive {
            let _ = io.err.write_all(CLEAR.as_bytes());
        }
        let _ = writeln!(io.err, "{} changed", style.hint(&list(&changed)));
        exit = match Config::find(watch.paths.first().map(PathBuf::as_path)) {
            Ok(config) => run(io, &config),
            Err(fault) => failed(io, &fault.message, fault.help.as_deref()),
        };
    }
}

type Watcher = Debouncer<RecommendedWatcher, RecommendedCache>;

/// Watches folders as a whole, and files by the folder they are in: editors put a new file in the place of the old one.
fn watcher(files: &BTreeSet<PathBuf>, config: &Config, sender: &Sender<Event>) -> notify::Result<Watcher> {
    let named: BTreeSet<PathBuf> = files.iter().filter_map(|path| path.canonicalize().ok()).collect();
    let sender = sender.clone();
    let mut watcher = new_debouncer(QUIET, None, move |result: DebounceEventResult| {
        let changed = changes(result, &named);
        if !changed.is_empty() {
            let _ = sender.send(Event::Changed(changed));
        }
    })?;
    for path in files {
        let whole = path.canonicalize()?;
        if whole.is_dir() {
            watcher.watch(&whole, RecursiveMode::Recursive)?;
        } else if let Some(folder) = whole.parent() {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
    }
    if let Some(folder) = config.folder() {
        watcher.watch(folder.canonicalize()?, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

/// The files that matter among those that something happened to.
fn changes(result: DebounceEventResult, named: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let events = result.unwrap_or_default();
    let events = events.into_iter().filter(|event| !matches!(event.kind, EventKind::Access(_)));
    events
        .flat_map(|event| {
            let moved = matches!(
                event.kind,
                EventKind::Create(CreateKind::Folder)
                    | EventKind::Remove(RemoveKind::Folder)
                    | EventKind::Modify(ModifyKind::Name(_))
            );
            let matters = move |path: &PathBuf| matters(path, named) || moved && path.extension().is_none();
            event.event.paths.into_iter().filter(matters)
        })
        .collect()
}

fn matters(path: &Path, named: &BTreeSet<PathBuf>) -> bool {
    let policy = path.extension().is_some_and(|extension| extension == "policy");
    let configuration = path.file_name().is_some_and(|name| name == config::FILE);
    policy || configuration || named.contains(path)
}

/// What has changed, all that is known by now; none if the command is to end.
fn next(events: &Receiver<Event>) -> Option<BTreeSet<PathBuf>> {
    let Event::Changed(mut changed) = events.recv().ok()? else { return None };
    while let Ok(event) = events.try_recv() {
        match event {
            Event::Changed(more) => changed.extend(more),
            Event::Stop => return None,
        }
    }
    Some(changed)
}

/// The names of the files, and how many more there are.
fn list(files: &BTreeSet<PathBuf>) -> String {
    let names = files.iter().filter_map(|file| file.file_name()).take(NAMED);
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    if let Some(more) = files.len().checked_sub(NAMED).filter(|more| *more > 0) {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}
