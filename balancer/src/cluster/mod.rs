//! One cluster: its members, where a request goes, and the counts of what came of it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

pub(crate) mod dispatcher;
pub(crate) mod health;
mod in_flight;
pub(crate) mod member;
mod neighbours;
mod pool;
pub(crate) mod routing;

pub(crate) use in_flight::InFlight;
pub(crate) use neighbours::Neighbours;

use crate::clock::Clock;
use crate::policy::{MemberKey, Nanos, Opinion, Outcome, Policy, Probes};
use dispatcher::{Decision, Dispatcher, Turn, Wait, Waiting};
use member::{Latency, Member};

/// A cluster as one membership document says. The next document makes a new one, which shares [`ClusterState`] with it.
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) policy: wire::Policy,
    /// Members in the order of the document.
    pub(crate) members: Vec<Arc<Member>>,
    pub(crate) state: Arc<ClusterState>,
    /// Whatever else sends requests to these members.
    pub(crate) neighbours: Neighbours,
}

/// The part of a cluster that stays from one membership to the next.
pub(crate) struct ClusterState {
    /// Requests of clients.
    pub(crate) requests: AtomicU64,
    /// Requests that were answered with 5xx or not at all, retries included in the judgement.
    pub(crate) failures: AtomicU64,
    /// Attempts beyond the first.
    pub(crate) retries: AtomicU64,
    /// Requests that were held back.
    pub(crate) parked: AtomicU64,
    /// Time from a request's head to the end of its response, everything included.
    pub(crate) duration: Latency,
    clock: Clock,
    dispatcher: Mutex<Dispatcher<Parked>>,
}

/// A request that the policy holds back.
struct Parked {
    cluster: Arc<Cluster>,
    seat: oneshot::Sender<Called>,
}

impl Waiting for Parked {
    fn is_gone(&self) -> bool {
        self.seat.is_closed()
    }
}

/// The word that a request gets when its turn has come.
pub(crate) enum Called {
    /// It is to be sent to this member.
    Send(InFlight),
    /// The members are to be probed for it first.
    Probe,
    /// There is no member that may be used.
    Nobody,
}

/// The place of a request that has just come.
pub(crate) enum Placed {
    Now(Called),
    Parked(oneshot::Receiver<Called>),
}

/// Work that is left for the moment when the lock is released.
#[derive(Default)]
struct After {
    /// Look at the queue then.
    alarm: Option<Nanos>,
    /// Requests whose client went away while they were being called: dropping them takes the lock again.
    _gone: Vec<Called>,
}

impl ClusterState {
    pub(crate) fn new(kind: wire::Policy, clock: Clock) -> Self {
        Self {
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            parked: AtomicU64::new(0),
            duration: Latency::default(),
            clock,
            dispatcher: Mutex::new(Dispatcher::new(kind)),
        }
    }

    /// Tells the policy who is a member now; `fresh` is a policy that replaces the one so far.
    pub(crate) fn change(self: &Arc<Self>, members: &[Arc<Member>], fresh: Option<Box<dyn Policy>>) {
        self.decide(|dispatcher, now| {
            dispatcher.change(now, members, fresh);
            ((), call(dispatcher, now))
        });
    }

    /// Looks at the queue: a member's health was checked, and who may be used may have changed.
    pub(crate) fn checked(self: &Arc<Self>) {
        self.decide(|dispatcher, now| ((), call(dispatcher, now)));
    }

    /// Tells the policy how a probe ended that it wanted.
    pub(crate) fn probed(self: &Arc<Self>, member: MemberKey, outcome: Outcome, latency: Nanos) {
        self.decide(|dispatcher, now| {
            dispatcher.policy.probed(now, member, outcome, latency);
            ((), call(dispatcher, now))
        });
    }

    /// The probes that the policy lives on.
    pub(crate) fn probes(&self) -> Option<Probes> {
        self.lock().policy.probes()
    }

    /// The policy's opinion of a member.
    pub(crate) fn opinion(&self, member: MemberKey) -> Opinion {
        self.lock().policy.opinion(self.clock.now(), member)
    }

    /// Number of requests that are being held back.
    pub(crate) fn parked_now(&self) -> usize {
        self.lock().parked()
    }

    pub(crate) fn now(&self) -> Nanos {
        self.clock.now()
    }

    /// A neighbour sent a request to `member`: the policy is told of it, and gives the note for its end.
    fn neighbour_sent(self: &Arc<Self>, member: &Member) -> u32 {
        self.decide(|dispatcher, now| (dispatcher.policy.sent(now, &member.candidate()), After::default()))
    }

    /// A request at `member` is over, whoever sent it there. True when the policy took the member out for it.
    fn finished(self: &Arc<Self>, member: &Member, note: u32, outcome: Outcome, latency: Nanos) -> bool {
        self.decide(|dispatcher, now| {
            dispatcher.policy.finished(now, member.key, note, outcome, latency);
            let after = if dispatcher.parked() == 0 { After::default() } else { call(dispatcher, now) };
            // Only a failure ejects, and failures are few: asking costs nothing.
            let is_ejected = outcome == Outcome::Failure && dispatcher.policy.opinion(now, member.key).is_ejected;
            (is_ejected, after)
        })
    }

    /// Makes one decision behind the lock, and does what follows from it after.
    fn decide<R>(self: &Arc<Self>, decision: impl FnOnce(&mut Dispatcher<Parked>, Nanos) -> (R, After)) -> R {
        let now = self.clock.now();
        let (result, after) = decision(&mut self.lock(), now);
        if let Some(alarm) = after.alarm {
            self.set_alarm(alarm, now);
        }
        result
    }

    fn set_alarm(self: &Arc<Self>, alarm: Nanos, now: Nanos) {
        // Without a runtime the process is ending, and whoever is parked with it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let state = Arc::clone(self);
        runtime.spawn(async move {
            tokio::time::sleep(Duration::from_nanos(alarm.since(now).0)).await;
            state.decide(|dispatcher, now| {
                dispatcher.rang(alarm);
                ((), call(dispatcher, now))
            });
        });
    }

    fn lock(&self) -> MutexGuard<'_, Dispatcher<Parked>> {
        // A panic inside a policy leaves at worst a bad measurement behind: carry on.
        self.dispatcher.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cluster {
    /// Places a client's request that came in.
    pub(crate) fn arrive(self: &Arc<Self>) -> Placed {
        self.state.requests.fetch_add(1, Relaxed);
        let placed = self.state.decide(|dispatcher, now| {
            dispatcher.arrived(now);
            self.join(dispatcher, now)
        });
        if matches!(placed, Placed::Parked(_)) {
            self.state.parked.fetch_add(1, Relaxed);
        }
        placed
    }

    /// Places a request once more that was probed for.
    pub(crate) fn again(self: &Arc<Self>) -> Placed {
        self.state.decide(|dispatcher, now| match dispatcher.probed(now) {
            Some(decision) => (Placed::Now(self.called(decision, now)), After::default()),
            // A first check may still bring a member.
            None => self.join(dispatcher, now),
        })
    }

    /// Places a request once more, on another member than the one that failed it, if the budget has a retry left; on the
    /// same one only where `or_same` says that nothing speaks against it.
    pub(crate) fn retry(self: &Arc<Self>, failed: MemberKey, or_same: bool) -> Option<InFlight> {
        let now = self.state.now();
        let (member, note) = self.state.lock().retry(failed, or_same, now)?;
        self.state.retries.fetch_add(1, Relaxed);
        Some(InFlight::new(self, member, note, now))
    }

    /// True while the first check of somebody who is a member now has not come back.
    pub(crate) fn awaits_checks(&self) -> bool {
        self.state.lock().awaits_checks()
    }

    /// Places a request at once, or in the queue behind those that wait already.
    fn join(self: &Arc<Self>, dispatcher: &mut Dispatcher<Parked>, now: Nanos) -> (Placed, After) {
        let wait = match dispatcher.join(now) {
            Ok(decision) => return (Placed::Now(self.called(decision, now)), After::default()),
            Err(wait) => wait,
        };
        let (seat, called) = oneshot::channel();
        dispatcher.park(Parked { cluster: Arc::clone(self), seat });
        let after = match wait {
            Wait::Until(until) => After { alarm: dispatcher.set_alarm(until), ..After::default() },
            Wait::InLine => call(dispatcher, now),
        };
        (Placed::Parked(called), after)
    }

    fn called(self: &Arc<Self>, decision: Decision, now: Nanos) -> Called {
        match decision {
            Decision::Send { member, note } => Called::Send(InFlight::new(self, member, note, now)),
            Decision::Probe => Called::Probe,
            Decision::Nobody => Called::Nobody,
        }
    }
}

/// Calls parked requests, first come first served, until the policy holds.
fn call(dispatcher: &mut Dispatcher<Parked>, now: Nanos) -> After {
    let mut after = After::default();
    loop {
        match dispatcher.next(now) {
            Turn::Called(Parked { cluster, seat }, decision) => {
                after._gone.extend(seat.send(cluster.called(decision, now)).err());
            }
            Turn::Held { alarm } => return After { alarm, ..after },
            Turn::Empty => return after,
        }
    }
}

#[cfg(test)]
mod tests;
