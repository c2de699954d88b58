//! Secrets: read from a file or from the environment, and never shown.

use crate::server::settings::Faulty;
use hmac::{Hmac, KeyInit};
use serde::Deserialize;
use sha2::Sha256;
use std::{
    fmt, fs,
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// Bytes that only who needs them sees.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How many bytes a secret has that the service makes itself.
const RANDOM_BYTES: usize = 32;

impl Secret {
    pub(super) fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// One that nobody can guess.
    pub(crate) fn random() -> Result<Self, Faulty> {
        let mut bytes = [0; RANDOM_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| Faulty(format!("the system gives no random numbers: {error}")))?;
        Ok(Self(bytes.into()))
    }

    /// HMAC with SHA-256 (RFC 2104), keyed with it.
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    pub(crate) fn keyed_hash(&self) -> Hmac<Sha256> {
        Hmac::new_from_slice(&self.0).expect("a key of any length")
    }

    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The secret in a file of the state folder, which is made if it is not there.
    pub(super) fn kept(file: &Path) -> Result<Self, Faulty> {
        let faulty = |error| Faulty(format!("cannot keep a secret in `{}`: {error}", file.display()));
        match Self::at(file) {
            Ok(secret) => return Ok(secret),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(faulty(error)),
        }
        if let Some(folder) = file.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(faulty)?;
        }
        let secret = Self::random()?;
        // Of two processes that begin at once, both take the secret of the one whose file stands first: it comes by a link,
        // whole or not at all.
        let draft = file.with_extension(format!("{}.new", std::process::id()));
        let made = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft);
        made.and_then(|mut draft| draft.write_all(&secret.0)).map_err(faulty)?;
        let linked = fs::hard_link(&draft, file);
        let _ = fs::remove_file(&draft);
        match linked {
            Ok(()) => Ok(secret),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Self::at(file).map_err(faulty),
            Err(error) => Err(faulty(error)),
        }
    }

    /// The secret in a file that was made by [`kept`](Self::kept).
    pub(super) fn at(file: &Path) -> Result<Self, std::io::Error> {
        fs::read(file).map(Self::new)
    }
}

/// Where the settings say a secret is: `{ file = "…" }` or `{ env = "…" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    /// In a file; a line's end after it is not part of it.
    File(PathBuf),
    /// In a variable of the environment.
    Env(String),
}

impl SecretSource {
    /// Makes its path relative to the settings' folder.
    pub(super) fn paths(&mut self, below: &impl Fn(&Path) -> PathBuf) {
        match self {
            Self::File(file) => *file = below(file),
            Self::Env(_) => {}
        }
    }

    /// Reads it. `key` is what the settings call it.
    pub(super) fn read(&self, key: &str, least: usize) -> Result<Secret, Faulty> {
        let mut bytes = match self {
            Self::File(file) => {
                fs::read(file).map_err(|error| Faulty(format!("`{key}`: cannot read `{}`: {error}", file.display())))?
            }
            Self::Env(name) => std::env::var(name)
                .map_err(|_| Faulty(format!("`{key}`: the environment has no text `{name}`")))?
                .into_bytes(),
        };
        while matches!(bytes.last(), Some(b'\n' | b'\r')) {
            bytes.pop();
        }
        if bytes.len() < least {
            return Err(Faulty(format!("`{key}`: the secret has {} bytes, and needs at least {least}", bytes.len())));
        }
        Ok(Secret(bytes))
    }

    /// What an operator should know of it.
    pub(super) fn remark(&self, key: &str) -> Option<String> {
        match self {
            Self::File(file) => is_open_to_others(file)
                .then(|| format!("warning: `{key}`: every user of this machine can read `{}`", file.display())),
            Self::Env(_) => None,
        }
    }
}

fn is_open_to_others(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|about| about.permissions().mode() & 0o004 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        fs::write(&file, "hunter2\n").unwrap();
        let source = SecretSource::File(file.clone());
        assert_eq!(source.read("auth.x", 7).unwrap().expose(), b"hunter2");
        let error = source.read("auth.x", 32).unwrap_err().to_string();
        assert_eq!(error, "`auth.x`: the secret has 7 bytes, and needs at least 32");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(source.remark("auth.x"), None);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(source.remark("auth.x").unwrap().contains("every user"));
    }

    #[test]
    fn a_secret_that_is_kept_stays_the_same_and_is_the_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state/secret");
        let first = Secret::kept(&file).unwrap();
        assert_eq!(first.expose().len(), RANDOM_BYTES);
        assert_eq!(Secret::kept(&file).unwrap(), first);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
