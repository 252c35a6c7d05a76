//! Every connection is an open file, and the usual limit of 1,024 is a soft one.

use rustix::process::{Resource, getrlimit, setrlimit};

/// What `getrlimit` calls unlimited.
const UNLIMITED: u64 = u64::MAX;

/// Raises the soft limit of this process to the hard one and returns what holds afterwards.
pub fn raise_open_files() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Refused: the limit stays as it was, and the check of the concurrency says so.
    let _refused = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current.unwrap_or(UNLIMITED)
}
