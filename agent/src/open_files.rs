//! The limit of open files: every connection is one, and the limit of 1,024 that processes start with is a soft one.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the soft limit of this process to the hard one, and returns the number of files that it may have open
/// afterwards. Where raising is refused, the limit stays and a warning is logged.
pub fn raise_open_files() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    // `None` is what getrlimit calls unlimited.
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
