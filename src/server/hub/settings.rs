//! The settings of the hub: `[hub]`.

use crate::server::settings::Faulty;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The model hub.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Where the files of repositories are, as in `models/acme/chat-7b/config.json`; none: there are no files.
    pub files: Option<PathBuf>,
}

impl Settings {
    pub(in crate::server) fn paths(&mut self, place: impl Fn(&Path) -> PathBuf) {
        self.files = self.files.as_deref().map(place);
    }

    pub(in crate::server) fn check(&self) -> Result<(), Faulty> {
        match &self.files {
            Some(files) if !files.is_dir() => {
                Err(Faulty(format!("`hub.files`: `{}` is not a folder", files.display())))
            }
            Some(_) | None => Ok(()),
        }
    }
}
