//! One cluster behind its queues: its members, and what stays of it from one membership to the next.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use wire::{ClusterStatus, Health, QueueStatus};

use super::book::Book;
use super::member::Member;
use crate::message::AnswerMessage;
use crate::ports::Counts;

/// A cluster as one membership document says. The next document makes a new one, which shares [`ClusterState`] with it.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) path: String,
    pub(super) policy: wire::Policy,
    /// Members in the order of the document.
    pub(super) members: Vec<Arc<Member>>,
    pub(super) state: Arc<ClusterState>,
}

/// The part of a cluster that stays.
#[derive(Debug)]
pub(super) struct ClusterState {
    pub(super) name: String,
    pub(super) request_queue: String,
    pub(super) answer_queue: String,
    book: Mutex<Book<Waiter>>,
    messages: Mutex<Messages>,
    /// Requests of clients.
    pub(super) requests: AtomicU64,
    /// Those that were answered with 5xx, or not at all.
    pub(super) failures: AtomicU64,
}

/// Who waits for an answer.
pub(super) type Waiter = oneshot::Sender<Told>;

/// An answer, as it is told to who waits for it.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) message: AnswerMessage,
    /// When it was sent, by the clock of the queues. 0: not known.
    pub(super) sent_millis: u64,
}

/// SQS's numbers, as they were last answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Messages {
    pub(super) requests: Counts,
    pub(super) answers: Counts,
}

impl ClusterState {
    /// `stem` is what the names of all queues begin with.
    pub(super) fn new(name: &str, stem: &str) -> Self {
        Self {
            name: name.to_owned(),
            request_queue: format!("{stem}{name}-in"),
            answer_queue: format!("{stem}{name}-out"),
            book: Mutex::new(Book::new()),
            messages: Mutex::default(),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book<Waiter>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_messages(&self, messages: Messages) {
        *self.messages.lock().unwrap_or_else(PoisonError::into_inner) = messages;
    }

    fn messages(&self) -> Messages {
        *self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cluster {
    /// The member that this answer is of, if it is still one.
    pub(super) fn member(&self, id: &str) -> Option<&Arc<Member>> {
        self.members.iter().find(|member| member.id == id)
    }

    pub(super) fn status(&self) -> ClusterStatus {
        let total = self.members.iter().map(|member| member.record.requests()).sum();
        ClusterStatus {
            name: self.state.name.clone(),
            path: self.path.clone(),
            policy: self.policy,
            requests: self.state.requests.load(Relaxed),
            failures: self.state.failures.load(Relaxed),
            members: self.members.iter().map(|member| member.status(total)).collect(),
        }
    }

    /// State of its queues, at so many milliseconds since the start.
    pub(super) fn queue_status(&self, now: u64) -> QueueStatus {
        let messages = self.state.messages();
        let running = self.members.iter().filter(|member| member.health() == Health::Healthy).count();
        let mut book = self.state.book();
        let counts = book.counts;
        QueueStatus {
            cluster: self.state.name.clone(),
            accepted: counts.accepted,
            answered: counts.answered,
            failed: counts.failed,
            duplicates: counts.duplicates,
            unknown: counts.unknown,
            waiting: messages.requests.visible,
            in_flight: messages.requests.in_flight,
            answers_waiting: messages.answers.visible,
            inputs: counts.inputs,
            outputs: counts.outputs,
            oldest_millis: book.oldest(now),
            arrivals: book.arrivals(now),
            service_micros: book.service(),
            running: running as u64,
        }
    }
}
