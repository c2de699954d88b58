//! Files that are read again as soon as they change. Meant for development: a folder that is half copied is a valid set, too,
//! and another one.

use super::Policies;
use crate::server::settings::Faulty;
use notify::{
    EventKind, RecommendedWatcher, RecursiveMode,
    event::{CreateKind, ModifyKind, RemoveKind},
};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::sync::mpsc;

/// How long a burst of changes is waited out, as when an editor saves several files.
const QUIET: Duration = Duration::from_millis(100);

/// Watches as long as it is kept.
pub(crate) type Watcher = Debouncer<RecommendedWatcher, RecommendedCache>;

/// Reads the set again whenever something changes below the paths; nothing is watched where there are none.
pub(crate) fn watch(policies: &Arc<Policies>, paths: &[PathBuf]) -> Result<Option<Watcher>, Faulty> {
    if paths.is_empty() {
        return Ok(None);
    }
    let (changed, mut changes) = mpsc::channel(1);
    let policies = policies.clone();
    tokio::spawn(async move {
        while changes.recv().await.is_some() {
            policies.reload("a changed file").await;
        }
    });
    let watcher = watcher(paths, move || {
        // One that waits is enough for all changes before it is taken.
        let _ = changed.try_send(());
    });
    watcher.map(Some).map_err(|error| Faulty(format!("cannot watch: {error}")))
}

/// Watches folders as a whole, and files by the folder they are in: editors put a new file in the place of the old one.
fn watcher(paths: &[PathBuf], changed: impl Fn() + Send + 'static) -> notify::Result<Watcher> {
    let named: BTreeSet<PathBuf> = paths.iter().filter_map(|path| path.canonicalize().ok()).collect();
    let mut watcher = new_debouncer(QUIET, None, move |result: DebounceEventResult| {
        if result.unwrap_or_default().iter().any(|event| matters(event.kind, &event.paths, &named)) {
            changed();
        }
    })?;
    for path in paths {
        let whole = path.canonicalize()?;
        let folder = whole.parent().unwrap_or(Path::new("/"));
        if whole.is_dir() {
            watcher.watch(&whole, RecursiveMode::Recursive)?;
        } else {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
    }
    Ok(watcher)
}

/// Whether something happened to a policy file, a folder, or a file that was named.
fn matters(kind: EventKind, paths: &[PathBuf], named: &BTreeSet<PathBuf>) -> bool {
    if matches!(kind, EventKind::Access(_)) {
        return false;
    }
    let moved = matches!(
        kind,
        EventKind::Create(CreateKind::Folder)
            | EventKind::Remove(RemoveKind::Folder)
            | EventKind::Modify(ModifyKind::Name(_))
    );
    paths.iter().any(|path| {
        let extension = path.extension();
        extension.is_some_and(|extension| extension == "policy") || named.contains(path) || moved && extension.is_none()
    })
}
