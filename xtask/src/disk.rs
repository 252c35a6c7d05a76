//! Directories that are made, and files that are held by one process at a time.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::Outcome;

/// Held until the returned file is dropped, or the process ends in whatever way.
pub(crate) fn lock(path: &Path, why: &str) -> Outcome<File> {
    if let Some(parent) = path.parent() {
        create(parent)?;
    }
    let describe = |error| format!("{} cannot be locked: {error}", path.display());
    let file = File::options().create(true).truncate(false).write(true).open(path).map_err(describe)?;
    if file.try_lock().is_err() {
        eprintln!("xtask: {why}, waiting for it");
        file.lock().map_err(describe)?;
    }
    Ok(file)
}

pub(crate) fn create(directory: &Path) -> Outcome {
    fs::create_dir_all(directory).map_err(|error| format!("{} cannot be made: {error}", directory.display()))
}

pub(crate) fn read(path: &Path) -> Outcome<Vec<u8>> {
    fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

/// Removes a directory with all that is in it, if it is there.
pub(crate) fn remove(directory: &Path) -> Outcome {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{} cannot be removed: {error}", directory.display()))
        }
        _ => Ok(()),
    }
}

/// Copies a file, if that has not been done. It replaces `to` at once: a program that runs from it keeps the file it was started from.
/// `fs::copy` does not keep the time of modification, which is what tells the next build that nothing changed.
pub(crate) fn copy(from: &Path, to: &Path) -> Outcome {
    let modified = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    if modified(from).is_some() && modified(from) == modified(to) {
        return Ok(());
    }
    let temporary = to.with_extension(format!("new{}", std::process::id()));
    fs::copy(from, &temporary)
        .and_then(|_| File::options().write(true).open(&temporary))
        .and_then(|file| file.set_modified(fs::metadata(from)?.modified()?))
        .and_then(|()| fs::rename(&temporary, to))
        .map_err(|error| format!("{} cannot be copied to {}: {error}", from.display(), to.display()))
}

/// Writes a file at once, if it does not have this content already.
pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) -> Outcome {
    if fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        create(parent)?;
    }
    let temporary = path.with_extension(format!("new{}", std::process::id()));
    fs::write(&temporary, bytes)
        .and_then(|()| fs::set_permissions(&temporary, fs::Permissions::from_mode(mode)))
        .and_then(|()| fs::rename(&temporary, path))
        .map_err(|error| format!("{} cannot be written: {error}", path.display()))
}
