//! Idle connections to one member.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::client::conn::http1::SendRequest;

use crate::policy::Nanos;
use crate::upload::Upload;

/// Most idle connections kept per member; more than a worker of any size serves at the same time.
const CAPACITY: usize = 256;
/// An idle connection is dropped after this: below the 30 s and more after which servers close theirs, so that a
/// request is not written into a connection that is being closed.
const IDLE: Duration = Duration::from_secs(25);

/// Last in, first out: the rest grow old and go. The lock is held for a push or a pop and belongs to one member;
/// a data path of several shards gives each its own pools.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<Connections>);

#[derive(Debug, Default)]
struct Connections {
    idle: Vec<(SendRequest<Upload>, Nanos)>,
    is_closed: bool,
}

impl Pool {
    /// The connection that was used last, if it is still open.
    pub(crate) fn take(&self, now: Nanos) -> Option<SendRequest<Upload>> {
        let mut connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let (connection, since) = connections.idle.pop()?;
            if is_young(since, now) && !connection.is_closed() {
                return Some(connection);
            }
        }
    }

    /// Gives back a connection whose request and answer are complete.
    pub(crate) fn put(&self, connection: SendRequest<Upload>, now: Nanos) {
        let mut connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !connections.is_closed && connections.idle.len() < CAPACITY && !connection.is_closed() {
            connections.idle.push((connection, now));
        }
    }

    /// Drops what is closed or too old.
    pub(crate) fn reap(&self, now: Nanos) {
        let mut connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        connections.idle.retain(|(connection, since)| is_young(*since, now) && !connection.is_closed());
    }

    /// Drops all, now and whenever one is given back.
    pub(crate) fn close(&self) {
        let mut connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        connections.is_closed = true;
        connections.idle.clear();
    }
}

fn is_young(since: Nanos, now: Nanos) -> bool {
    u128::from(now.since(since).0) < IDLE.as_nanos()
}
