//! State shared by all client connections: balancer, access log, counts, shutdown signal.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

use tokio::sync::Notify;

use super::access_log::AccessLog;
use crate::balancer::Balancer;
use crate::settings::Timeouts;

pub(crate) struct Connections {
    pub(crate) balancer: Arc<Balancer>,
    pub(crate) access_log: AccessLog,
    /// Client connections, tunnels included.
    pub(crate) open: AtomicUsize,
    pub(crate) tunnels: AtomicU64,
    /// Connections that were turned away because there were too many.
    pub(crate) turned_away: AtomicU64,
    is_draining: AtomicBool,
    /// One waker for each connection, to tell it of the shutdown. Touched when a connection opens and closes, not by
    /// requests.
    wakers: Mutex<HashMap<u64, Waker>>,
    /// Notified when a connection has closed.
    closed: Notify,
}

impl Connections {
    pub(crate) fn new(balancer: Arc<Balancer>) -> Arc<Self> {
        let per_mille = balancer.settings().access_log_per_mille;
        Arc::new(Self {
            balancer,
            access_log: AccessLog::new(per_mille, std::io::stdout()),
            open: AtomicUsize::new(0),
            tunnels: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            is_draining: AtomicBool::new(false),
            wakers: Mutex::default(),
            closed: Notify::new(),
        })
    }

    pub(crate) fn timeouts(&self) -> &Timeouts {
        &self.balancer.settings().timeouts
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Relaxed)
    }

    /// Makes every connection end with the request it is at.
    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Relaxed);
        let wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        wakers.values().for_each(Waker::wake_by_ref);
    }

    /// Resolves when no connection is open.
    pub(crate) async fn is_empty(&self) {
        loop {
            let closed = self.closed.notified();
            if self.open.load(Relaxed) == 0 {
                return;
            }
            closed.await;
        }
    }

    /// Wakes the connection of this number at the end.
    pub(crate) fn enter(&self, number: u64, waker: Waker) {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner).insert(number, waker);
    }

    pub(crate) fn leave(&self, number: u64) {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        self.open.fetch_sub(1, Relaxed);
        self.closed.notify_waiters();
    }
}
