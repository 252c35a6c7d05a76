//! Every connection is an open file, and the limit of 1,024 that processes start with is a soft one.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises this process' soft limit of open files to the hard one. Where that is refused, the limit stays.
pub fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}

/// How many files this process may have open at the same time.
pub fn open_files_limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
