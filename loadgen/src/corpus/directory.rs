//! Files of a directory, and a table from anywhere.

use std::fs;
use std::io;
use std::path::Path;

use super::files::NoFiles;
use super::{MOST_BYTES, MOST_FILES};

fn unreadable(what: &str, path: &Path, error: &io::Error) -> NoFiles {
    NoFiles::Unreadable(format!("{what} {} cannot be read: {error}", path.display()))
}

/// The bytes of the table.
pub(super) fn table(path: &Path) -> Result<Vec<u8>, NoFiles> {
    fs::read(path).map_err(|error| NoFiles::Table(format!("{} cannot be read: {error}", path.display())))
}

/// Names and contents of the files in `directory`: without `table`, directories, and names that begin with a dot.
pub(super) fn files(directory: &Path, table: &Path) -> Result<Vec<(String, Vec<u8>)>, NoFiles> {
    let unread = |error: io::Error| unreadable("the directory", directory, &error);
    let table = fs::canonicalize(table).ok();
    let (mut files, mut bytes) = (Vec::new(), 0);
    for entry in fs::read_dir(directory).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(NoFiles::Unreadable(format!("{} has a name that is not UTF-8: rename it", path.display())));
        };
        if name.starts_with('.') || path.is_dir() || table.is_some() && fs::canonicalize(&path).ok() == table {
            continue;
        }
        let content = fs::read(&path).map_err(|error| unreadable("the file", &path, &error))?;
        bytes += content.len() as u64;
        files.push((name.to_owned(), content));
        if files.len() > MOST_FILES || bytes > MOST_BYTES {
            return Err(NoFiles::TooMuch);
        }
    }
    Ok(files)
}
