//! Files of repositories, from a folder: who may download them gets them, everybody else learns where to ask.

use super::{
    Fault, KINDS, Repo,
    repos::{At, caller},
};
use crate::{
    load::hex,
    server::{app::App, identity::Origin},
};
use ::http::{HeaderMap, HeaderName, HeaderValue, Request, header::ETAG};
use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeSet,
    path::{Component, Path as FilePath, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};
use tower::ServiceExt;
use tower_http::services::ServeFile;

const COMMIT: HeaderName = HeaderName::from_static("x-repo-commit");
/// The name of the only revision there is.
const MAIN: &str = "main";
/// How many digits the digest of a commit or a file has.
const DIGITS: usize = 40;

/// A file of a repository.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// Below the repository.
    pub(super) path: String,
    size: u64,
    /// What tells this content from another.
    id: String,
}

/// The files of a repository as they are now.
#[derive(Debug, Clone, Default)]
pub(super) struct Listing {
    folder: Option<PathBuf>,
    /// A digest of all that is there.
    pub(super) commit: String,
    pub(super) files: Vec<File>,
}

impl Listing {
    /// Looks what there is.
    pub(super) async fn read(files: Option<&FilePath>, repo: &Repo) -> Result<Self, Fault> {
        let kinds = KINDS.iter().find(|(kind, _)| *kind == repo.kind).map_or("", |(_, kinds)| kinds);
        let folder = files.map(|files| files.join(kinds).join(&repo.id));
        let read = tokio::task::spawn_blocking(move || Self::of(folder)).await;
        Ok(read.unwrap_or_default())
    }

    fn of(folder: Option<PathBuf>) -> Self {
        let mut hash = Sha256::new();
        let mut files = Vec::new();
        let entries = folder.iter().flat_map(|folder| walkdir::WalkDir::new(folder).sort_by_file_name());
        for entry in entries.filter_map(Result::ok).filter(|entry| entry.file_type().is_file()) {
            let Some(path) = folder.as_deref().and_then(|folder| entry.path().strip_prefix(folder).ok()?.to_str())
            else {
                continue;
            };
            let Ok(about) = entry.metadata() else { continue };
            let changed =
                about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
            let id = hex(&Sha256::digest(format!("{path}\n{}\n{}", about.len(), changed.as_nanos())));
            hash.update(&id);
            files.push(File { path: path.to_owned(), size: about.len(), id: first(&id) });
        }
        Self { folder, commit: first(&hex(&hash.finalize())), files }
    }

    /// What stands in a folder, or also in those below it: a folder is told once.
    fn below(&self, folder: &str, is_recursive: bool) -> Vec<Value> {
        let mut folders = BTreeSet::new();
        let mut told = Vec::new();
        for file in &self.files {
            let Ok(rest) = FilePath::new(&file.path).strip_prefix(folder) else { continue };
            let outer = rest.components().next().filter(|_| !is_recursive && rest.components().nth(1).is_some());
            match outer {
                None => told.push(json!({ "type": "file", "oid": file.id, "size": file.size, "path": file.path })),
                Some(outer) => {
                    let path = FilePath::new(folder).join(outer);
                    if folders.insert(path.clone()) {
                        let id = first(&hex(&Sha256::digest(path.to_string_lossy().as_bytes())));
                        told.push(json!({ "type": "directory", "oid": id, "size": 0, "path": path }));
                    }
                }
            }
        }
        told
    }

    /// Whether a revision is this one.
    pub(super) fn at(&self, revision: &str) -> Result<(), Fault> {
        if revision == MAIN || revision == self.commit { Ok(()) } else { Err(Fault::NoRevision) }
    }
}

fn first(digits: &str) -> String {
    digits.chars().take(DIGITS).collect()
}

/// The files of a revision, which only those see who may download them.
pub(super) async fn tree(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path(at): Path<Vec<(String, String)>>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let part = |name: &str| at.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value);
    let repo = Repo::at(part("kinds"), part("namespace"), part("name"))?;
    let caller = caller(&app, &headers, origin).await?;
    let engine = app.policies.current();
    app.repo_for(&engine, &caller, &repo).await?;
    app.may_take_files(&engine, &caller, "download", &repo).await?;
    let listing = Listing::read(app.settings.hub.files.as_deref(), &repo).await?;
    listing.at(part("revision"))?;
    let told = listing.below(part("path"), wanted.is_recursive());
    Ok(Json(told).into_response())
}

/// How much of a tree is wanted.
#[derive(Deserialize)]
pub(super) struct Wanted {
    /// Older clients write `True`.
    recursive: Option<String>,
}

impl Wanted {
    fn is_recursive(&self) -> bool {
        self.recursive.as_deref().is_some_and(|said| said.eq_ignore_ascii_case("true") || said == "1")
    }
}

/// The revisions that there are.
pub(super) async fn refs(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path((kinds, namespace, name)): At,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let repo = Repo::at(&kinds, &namespace, &name)?;
    let caller = caller(&app, &headers, origin).await?;
    app.repo_for(&app.policies.current(), &caller, &repo).await?;
    let listing = Listing::read(app.settings.hub.files.as_deref(), &repo).await?;
    let main = json!({ "name": MAIN, "ref": "refs/heads/main", "targetCommit": listing.commit });
    Ok(Json(json!({ "branches": [main], "tags": [], "converts": [] })).into_response())
}

/// One file.
pub(super) async fn resolve(
    kinds: &'static str,
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Path((namespace, name, revision, path)): Path<(String, String, String, String)>,
    request: Request<Body>,
) -> Result<Response, Fault> {
    let repo = Repo::at(kinds, &namespace, &name)?;
    let caller = caller(&app, request.headers(), origin).await?;
    let engine = app.policies.current();
    app.repo_for(&engine, &caller, &repo).await?;
    app.may_take_files(&engine, &caller, "download", &repo).await?;
    let listing = Listing::read(app.settings.hub.files.as_deref(), &repo).await?;
    listing.at(&revision)?;
    // Only what was found is served: a path that leads elsewhere is none of these.
    let file = listing.files.iter().find(|file| file.path == path).ok_or(Fault::NoEntry)?;
    let place = listing.folder.as_ref().map(|folder| folder.join(&file.path)).ok_or(Fault::NoEntry)?;
    let is_plain = FilePath::new(&file.path).components().all(|part| matches!(part, Component::Normal(_)));
    if !is_plain {
        return Err(Fault::NoEntry);
    }
    let Ok(served) = ServeFile::new(place).oneshot(request).await;
    let mut response = served.map(Body::new);
    let headers = response.headers_mut();
    let tags = [(COMMIT, listing.commit.clone()), (ETAG, format!("\"{}\"", file.id))];
    headers.extend(tags.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::from_str(&value).ok()?))));
    Ok(response)
}
