//! Idle connections to one member.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;

use crate::policy::Nanos;

/// Most idle connections kept per member and shard; more than a worker of any size serves at the same time.
const CAPACITY: usize = 256;
/// An idle connection is dropped after this: below the 30 s and more after which servers close theirs, so that a
/// request is not written into a connection that is being closed.
const IDLE: Duration = Duration::from_secs(25);

/// Each shard has its own, last in, first out: the rest grow old and go. A lock is taken by its shard for a push or a
/// pop, and once a second for the old ones: nobody waits for it.
#[derive(Debug)]
pub(crate) struct Pool(Box<[Mutex<IdleConnections>]>);

#[derive(Debug, Default)]
struct IdleConnections {
    idle: Vec<(TcpStream, Nanos)>,
    is_closed: bool,
}

impl Pool {
    pub(crate) fn new(shards: usize) -> Self {
        Self((0..shards.max(1)).map(|_| Mutex::default()).collect())
    }

    fn of(&self, shard: usize) -> MutexGuard<'_, IdleConnections> {
        self.0[shard % self.0.len()].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection that was used last, if it is still open.
    pub(crate) fn take(&self, shard: usize, now: Nanos) -> Option<TcpStream> {
        let mut connections = self.of(shard);
        loop {
            let (connection, since) = connections.idle.pop()?;
            if is_young(since, now) && is_quiet(&connection) {
                return Some(connection);
            }
        }
    }

    /// Gives back a connection whose request and response are complete.
    pub(crate) fn put(&self, shard: usize, connection: TcpStream, now: Nanos) {
        let mut connections = self.of(shard);
        if !connections.is_closed && connections.idle.len() < CAPACITY {
            connections.idle.push((connection, now));
        }
    }

    /// Drops what is closed or too old.
    pub(crate) fn reap(&self, now: Nanos) {
        for shard in 0..self.0.len() {
            self.of(shard).idle.retain(|(connection, since)| is_young(*since, now) && is_quiet(connection));
        }
    }

    /// Drops the one that has been idle for longest, of the shard that has most; `false`: there was none.
    pub(crate) fn drop_one(&self) -> bool {
        let fullest = (0..self.0.len()).max_by_key(|shard| self.of(*shard).idle.len());
        let mut connections = self.of(fullest.unwrap_or_default());
        let is_any = !connections.idle.is_empty();
        connections.idle.drain(..usize::from(is_any));
        is_any
    }

    /// Drops all, now and whenever one is given back.
    pub(crate) fn close(&self) {
        for shard in 0..self.0.len() {
            let mut connections = self.of(shard);
            connections.is_closed = true;
            connections.idle.clear();
        }
    }

    /// Number of idle connections.
    pub(crate) fn idle(&self) -> usize {
        (0..self.0.len()).map(|shard| self.of(shard).idle.len()).sum()
    }
}

fn is_young(since: Nanos, now: Nanos) -> bool {
    u128::from(now.since(since).0) < IDLE.as_nanos()
}

/// Nothing has come on it: neither its end nor bytes that nobody asked for, which would be taken for the response to the
/// next request. A system call only when something did.
fn is_quiet(connection: &TcpStream) -> bool {
    matches!(connection.try_read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn one_at_a_time_is_dropped_the_one_that_was_idle_for_longest() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let pool = Pool::new(2);
        for (shard, moment) in [(0, 1), (1, 2), (1, 3), (1, 4)] {
            pool.put(shard, TcpStream::connect(address).await.unwrap(), Nanos(moment));
        }
        assert!(pool.drop_one());
        let since: Vec<Vec<u64>> =
            [0, 1].map(|shard| pool.of(shard).idle.iter().map(|(_, since)| since.0).collect()).to_vec();
        assert_eq!(since, [vec![1], vec![3, 4]]);
        assert_eq!([(); 4].map(|()| pool.drop_one()), [true, true, true, false]);
        assert_eq!(pool.idle(), 0);
    }
}
