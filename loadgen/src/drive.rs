//! One stretch of closed-loop load on one thread: each user sends, waits for the whole answer, and sends again.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::{HeaderName, HeaderValue};
use tokio::task::JoinSet;

use crate::connection::{Answer, Connection, ExchangeError};
use crate::recording::{Failure, Recording};
use crate::{SEED_HEADER, Target};

/// How long a user waits after a connection was refused. Refusals take microseconds: without a pause a dead cluster
/// would turn the generator into a busy loop of millions of failures.
const AFTER_REFUSAL: Duration = Duration::from_millis(10);

/// The same for every thread and user of one stretch of load.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) target: Arc<Target>,
    pub(crate) seed: u64,
    /// Index of the next request; counts on from phase to phase within a round, so that each has its own.
    pub(crate) next: Arc<AtomicU64>,
    /// No request with this index or a higher one is sent.
    pub(crate) end: u64,
    /// No request is started at or after this moment.
    pub(crate) deadline: Option<Instant>,
    /// How long a request may take from start to end of the body.
    pub(crate) limit: Duration,
}

impl Load {
    /// The index of the next request to send, until there is none.
    fn claim(&self, now: Instant) -> Option<u64> {
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            return None;
        }
        // Relaxed: the number is all that is shared.
        Some(self.next.fetch_add(1, Ordering::Relaxed)).filter(|index| *index < self.end)
    }
}

/// Open connections that nobody uses, by authority; the last one used comes first.
pub(crate) type Idle = Rc<RefCell<HashMap<String, Vec<Connection>>>>;

/// Runs `users` users to the end of `load`. `None`: a user panicked.
///
/// # Cancellation
/// Dropping the future ends all users; their open requests are counted nowhere.
pub(crate) async fn drive(load: Arc<Load>, users: u32, idle: Idle) -> Option<Recording> {
    let recording = Rc::new(RefCell::new(Recording::default()));
    let mut running = JoinSet::new();
    for _ in 0..users {
        running.spawn_local(user(load.clone(), recording.clone(), idle.clone()));
    }
    while let Some(ended) = running.join_next().await {
        ended.ok()?;
    }
    Some(recording.take())
}

async fn user(load: Arc<Load>, recording: Rc<RefCell<Recording>>, idle: Idle) {
    let mut connection = idle.borrow_mut().get_mut(&load.target.authority).and_then(Vec::pop);
    let mut started = Instant::now();
    while let Some(index) = load.claim(started) {
        let outcome = match tokio::time::timeout(load.limit, attempt(&load, index, &mut connection)).await {
            Ok(outcome) => outcome,
            Err(_) if connection.is_none() => Err(Failure::Connect),
            Err(_) => Err(Failure::Timeout),
        };
        let mut ended = Instant::now();
        {
            let mut recording = recording.borrow_mut();
            recording.ended = recording.ended.max(Some(ended));
            match &outcome {
                Ok(answer) => recording.answered(answer.status, &answer.headers, ended - started),
                Err(failure) => recording.failed(*failure),
            }
        }
        if let Err(failure) = outcome {
            // After a timeout the answer may still come: it must not be taken for that of the next request.
            connection = None;
            if failure == Failure::Connect {
                tokio::time::sleep(AFTER_REFUSAL).await;
                ended = Instant::now();
            }
        }
        // The next request starts where this one ended: no third reading of the clock.
        started = ended;
    }
    if let Some(connection) = connection.filter(Connection::is_open) {
        idle.borrow_mut().entry(load.target.authority.clone()).or_default().push(connection);
    }
}

/// One request, over the kept connection or a new one. Opening a connection is part of the request's time.
async fn attempt(load: &Load, index: u64, connection: &mut Option<Connection>) -> Result<Answer, Failure> {
    let mut request = load.target.request();
    let seed = HeaderValue::try_from(format!("{}-{index}", load.seed)).map_err(|_| Failure::Broken)?;
    request.headers_mut().insert(HeaderName::from_static(SEED_HEADER), seed);
    loop {
        let kept = connection.is_some();
        let open = match connection {
            Some(open) => open,
            None => connection.insert(Connection::open(&load.target).await.map_err(|_| Failure::Connect)?),
        };
        match open.exchange(request).await {
            Ok(answer) => {
                if !open.is_open() {
                    *connection = None;
                }
                return Ok(answer);
            }
            // The server had closed the kept connection: that is its right, and no failure of this request.
            Err(ExchangeError::NotSent(unsent)) if kept => {
                request = *unsent;
                *connection = None;
            }
            Err(_) => return Err(Failure::Broken),
        }
    }
}
