//! Files written whole or not at all.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};
use tempfile::Builder;

/// Puts a text into a file, whatever becomes of the program meanwhile: it is written beside the file and takes its place.
/// The file's permissions are kept; where the path is a link, its target is written.
///
/// # Errors
/// If the file cannot be written, or is marked as one that should not be.
pub(super) fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let target = match path.canonicalize() {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    let existing = fs::metadata(&target).ok();
    if existing.as_ref().is_some_and(|data| !data.is_file()) {
        // A pipe or a device has no place to take.
        return fs::OpenOptions::new().write(true).open(&target)?.write_all(text);
    }
    if existing.as_ref().is_some_and(|data| data.permissions().readonly()) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
    }
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = Builder::new();
    builder.prefix(".policyc-");
    usual_permissions(&mut builder);
    fs::metadata(folder)?;
    // The library's words name a file that nobody asked for.
    let mut file = builder.tempfile_in(folder).map_err(|error| io::Error::from(error.kind()))?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    if let Some(data) = existing {
        fs::set_permissions(file.path(), data.permissions())?;
    }
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

/// A new file may be read by those who may read any new file, not by its owner only.
#[cfg(unix)]
fn usual_permissions(builder: &mut Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn usual_permissions(_: &mut Builder<'_, '_>) {}
