//! Directories that are made, and files that are held by one process at a time.

use std::fs::{self, File};
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
