//! One cluster behind its queues: its members, and what stays of it from one membership to the next.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use wire::{ClusterScaling, ClusterStatus, Health, QueueStatus, ScalingStatus};

use super::account::Account;
use super::book::Book;
use super::inherited::Inherited;
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
    /// How it is with a number of members that follows the queue. `None`: it does not.
    pub(super) scaling: Option<ClusterScaling>,
    pub(super) state: Arc<ClusterState>,
}

/// The part of a cluster that stays.
#[derive(Debug)]
pub(super) struct ClusterState {
    pub(super) name: String,
    pub(super) request_queue: String,
    pub(super) answer_queue: String,
    pub(super) account: Arc<Account>,
    book: Mutex<Book<Waiter>>,
    /// `None`: SQS has not answered yet.
    messages: Mutex<Option<Messages>>,
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

/// For so long SQS's numbers are of use, in milliseconds: longer than from one question to the next.
const SAID_MILLIS: u64 = 10_000;

/// SQS's numbers, as they were answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Messages {
    pub(super) requests: Counts,
    pub(super) answers: Counts,
    /// What they prove, and when they did.
    inherited: Inherited,
    at: u64,
}

impl Messages {
    /// Numbers that were answered just now, when this cluster had at most so many of its own in the request queue.
    pub(super) fn new(requests: Counts, answers: Counts, own: u64, now: u64) -> Self {
        let inherited = Inherited::of(requests.visible + requests.in_flight, own, now);
        Self { requests, answers, inherited, at: now }
    }

    /// Whether they were answered a while ago: messages may have gone and come since.
    fn is_old(&self, now: u64) -> bool {
        now.saturating_sub(self.at) > SAID_MILLIS
    }
}

impl ClusterState {
    /// `stem` is what the names of all queues begin with.
    pub(super) fn new(name: &str, stem: &str) -> Self {
        Self {
            name: name.to_owned(),
            request_queue: format!("{stem}{name}-in"),
            answer_queue: format!("{stem}{name}-out"),
            account: Arc::default(),
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
        *self.messages.lock().unwrap_or_else(PoisonError::into_inner) = Some(messages);
    }

    fn messages(&self) -> Option<Messages> {
        *self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cluster {
    /// The member that this answer is of, if it is still one.
    pub(super) fn member(&self, id: &str) -> Option<&Arc<Member>> {
        self.members.iter().find(|member| member.id == id)
    }

    /// Whether one of its members is to take no more requests.
    pub(super) fn is_to_drain(&self, member: &Arc<Member>) -> bool {
        let is_told = self.scaling.as_ref().is_some_and(|scaling| scaling.drain.contains(&member.id));
        is_told && self.members.iter().any(|own| Arc::ptr_eq(own, member))
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
        let last = self.state.messages();
        let of_late = last.filter(|messages| !messages.is_old(now));
        let is_running = |member: &&Arc<Member>| member.health() == Health::Healthy && !member.is_to_drain();
        let running = self.members.iter().filter(is_running).count();
        let mut book = self.state.book();
        let counts = book.counts;
        let Inherited { proven: inherited, unclear } = of_late.map(|messages| messages.inherited).unwrap_or_default();
        let (requests, answers) = last.map(|messages| (messages.requests, messages.answers)).unwrap_or_default();
        QueueStatus {
            cluster: self.state.name.clone(),
            accepted: counts.accepted,
            answered: counts.answered,
            failed: counts.failed,
            open: counts.open,
            inherited,
            unclear,
            is_uncounted: of_late.is_none(),
            duplicates: counts.duplicates,
            unknown: counts.unknown,
            waiting: requests.visible,
            in_flight: requests.in_flight,
            answers_waiting: answers.visible,
            inputs: counts.inputs,
            outputs: counts.outputs,
            oldest_millis: book.oldest(now),
            arrivals: book.arrivals(now),
            service_micros: book.service(),
            running: running as u64,
            scaling: self.scaling.as_ref().map(|told| self.scaling_status(told, now)),
            calls: self.state.account.calls.calls(),
        }
    }

    /// Whoever is in `drain` and no member is the operator's matter.
    fn scaling_status(&self, told: &ClusterScaling, now: u64) -> ScalingStatus {
        let members = self.members.iter().filter(|member| told.drain.contains(&member.id));
        let (drained, draining): (Vec<_>, Vec<_>) = members.partition(|member| member.is_drained(now));
        let is_not_well = |member: &&Arc<Member>| member.health() == Health::Unhealthy && !member.is_drained(now);
        let silent = self.members.iter().filter(is_not_well);
        let silent = silent.map(|member| (member.id.clone(), member.record.silent(now))).collect();
        let ids = |members: Vec<&Arc<Member>>| members.into_iter().map(|member| member.id.clone()).collect();
        let boots = self.state.account.boots();
        ScalingStatus {
            least: told.least,
            starting: told.starting,
            draining: ids(draining),
            drained: ids(drained),
            silent,
            lacking: told.lacking,
            starts: boots.starts(),
            instance_millis: boots.millis(now),
            lost: boots.lost(),
            lacks: self.state.account.lacks(),
        }
    }
}
