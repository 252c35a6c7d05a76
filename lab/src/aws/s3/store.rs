//! The bytes of objects: files of a directory, or memory where there is none.
//!
//! An object of the simulation holds a handle to its bytes; when the last one goes, the file goes.

use std::any::Any;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use cloudsim::s3::Body;
use cloudsim::{Outcome, SimError};

/// Keeps bytes.
#[derive(Debug, Default)]
pub(crate) struct Store {
    directory: OnceLock<PathBuf>,
    count: AtomicU64,
}

/// Bytes in a file of their own.
#[derive(Debug)]
struct Kept {
    path: PathBuf,
}

impl Drop for Kept {
    fn drop(&mut self) {
        // The whole directory goes with its lab.
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "the bytes of an object that is gone stay");
        }
    }
}

impl Store {
    /// From now on, and for good, bytes go to this directory, which is there.
    pub(crate) fn use_directory(&self, directory: &Path) {
        if self.directory.set(directory.to_owned()).is_err() {
            tracing::warn!(directory = %directory.display(), "objects have a directory already");
        }
    }

    /// Keeps bytes until what is returned is dropped.
    pub(crate) fn keep(&self, bytes: &[u8]) -> Outcome<Arc<dyn Any + Send + Sync>> {
        let Some(directory) = self.directory.get() else { return Ok(Arc::new(Bytes::copy_from_slice(bytes))) };
        let path = directory.join(self.count.fetch_add(1, Ordering::Relaxed).to_string());
        fs::write(&path, bytes).map_err(|error| broken(&error))?;
        Ok(Arc::new(Kept { path }))
    }
}

/// The bytes of an object, or these of them: first and last.
pub(super) fn bytes(body: &Body, range: Option<(u64, u64)>) -> Outcome<Bytes> {
    if let Some(kept) = body.kept::<Kept>() {
        return read(&kept.path, range).map(Bytes::from).map_err(|error| broken(&error));
    }
    let whole = body.kept::<Bytes>().map(|bytes| Bytes::clone(&bytes));
    let whole = whole.or_else(|| body.kept::<Vec<u8>>().map(|bytes| Bytes::copy_from_slice(&bytes)));
    let whole = whole.ok_or_else(|| broken(&io::Error::from(io::ErrorKind::NotFound)))?;
    Ok(match range {
        Some((first, last)) => whole.slice(first as usize..=last as usize),
        None => whole,
    })
}

fn read(path: &Path, range: Option<(u64, u64)>) -> io::Result<Vec<u8>> {
    let Some((first, last)) = range else { return fs::read(path) };
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(first))?;
    let mut bytes = Vec::new();
    file.take(last - first + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn broken(error: &io::Error) -> SimError {
    SimError::new("InternalError", format!("the lab cannot keep or read the bytes of an object: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_hold_the_bytes_and_go_with_the_last_handle() {
        let directory = std::env::temp_dir().join(format!("lab-store-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let store = Store::default();
        store.use_directory(&directory);
        let body = Body::new(b"hello", &[], store.keep(b"hello").unwrap());
        let files = || fs::read_dir(&directory).unwrap().count();
        assert_eq!(
            (&*bytes(&body, None).unwrap(), &*bytes(&body, Some((1, 3))).unwrap()),
            (&b"hello"[..], &b"ell"[..])
        );
        let again = body.clone();
        drop(body);
        assert_eq!(files(), 1);
        drop(again);
        assert_eq!(files(), 0);
        fs::remove_dir(&directory).unwrap();
    }

    #[test]
    fn without_a_directory_bytes_stay_in_memory() {
        let body = Body::new(b"hello", &[], Store::default().keep(b"hello").unwrap());
        assert_eq!(&*bytes(&body, Some((4, 4))).unwrap(), b"o");
        assert_eq!(&*bytes(&Body::in_memory(b"planted".to_vec(), &[]), None).unwrap(), b"planted");
    }
}
