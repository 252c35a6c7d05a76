//! Connections that the limit of open files leaves room for.

/// Files that the process has open besides its sockets: streams, files, its listener, and its connection to the balancer.
const OWN_OPEN_FILES: u64 = 64;
/// A thread waits for the sockets of each authority with a file for them and one for the time.
const FILES_OF_A_POLLER: u64 = 2;

/// Connections that `open_files` leave room for, with so many threads and authorities.
pub(crate) fn most_connections(open_files: u64, threads: usize, authorities: usize) -> u64 {
    let pollers = (threads as u64).saturating_mul(authorities as u64);
    open_files.saturating_sub(OWN_OPEN_FILES).saturating_sub(pollers.saturating_mul(FILES_OF_A_POLLER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_generator_needs_itself_is_not_promised_to_connections() {
        assert_eq!(most_connections(1024, 2, 1), 956);
        assert_eq!(most_connections(1024, 64, 4), 448);
        assert_eq!(most_connections(100, 64, 4), 0);
    }
}
