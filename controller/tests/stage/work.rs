//! The work of clusters that follow their queue: messages, which outlive every front, members that take them, who has finished, and
//! what a front knows of all that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use api::ClusterBenchmarkSpec;
use jiff::{SignedDuration, Timestamp};
use planner::owner::POOL;
use planner::ports::InstanceState;
use planner::scale::pool::{scaled, starts_and_stops};
use wire::{Cluster, Member, QueueStatus, ScalingStatus};

use crate::stage::play::Play;

/// How long a member works on a request, where no script says otherwise. Each works on one at a time.
pub(crate) const SERVICE: SignedDuration = SignedDuration::from_secs(4);
/// Age from which on a front knows what it inherited (`queue/src/front/inherited.rs`).
const PROVEN_AFTER: SignedDuration = SignedDuration::from_secs(120);
/// Stretches of arrivals that a front tells, in seconds, and how many.
const STRETCH: i64 = 10;
const STRETCHES: usize = 6;

/// Messages and who works on them, by cluster: what SQS and the workers are.
pub(crate) struct Work {
    pub(crate) service: SignedDuration,
    queues: BTreeMap<String, Queue>,
    /// Processes of fronts so far.
    fronts: u64,
    /// Members that are not up, and since when.
    silent: BTreeMap<String, Timestamp>,
}

#[derive(Debug, Default)]
struct Queue {
    /// Processes that sent the messages which nobody has, the oldest first.
    waiting: VecDeque<u64>,
    /// Members with a message: when they are done, and which process sent it.
    busy: BTreeMap<String, (Timestamp, u64)>,
    arrivals: VecDeque<(Timestamp, u64)>,
}

/// The knowledge of the process of a front. Another one begins anew.
#[derive(Debug, Default)]
pub(crate) struct Book {
    process: u64,
    begun: Option<Timestamp>,
    clusters: BTreeMap<String, Own>,
}

#[derive(Debug, Default)]
struct Own {
    accepted: u64,
    answered: u64,
    /// Since when something waits.
    since: Option<Timestamp>,
}

/// The load of a cluster, as it is and not as anybody is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) unanswered: u64,
    /// Seconds of work of each.
    pub(crate) service: i64,
    /// Requests come in half of the last stretches: a rule that counts on more does right.
    pub(crate) is_flow: bool,
}

impl Default for Work {
    fn default() -> Self {
        Self { service: SERVICE, queues: BTreeMap::new(), fronts: 0, silent: BTreeMap::new() }
    }
}

impl Work {
    /// A line for each queue and each silent member.
    pub(crate) fn moment(&self) -> Vec<String> {
        let queues = self.queues.iter().map(|(name, queue)| format!("queue {name} {queue:?}"));
        queues.chain(self.silent.iter().map(|silent| format!("silent {silent:?}"))).collect()
    }

    /// The process of a front is there, from now on if it was not.
    pub(crate) fn meet(&mut self, book: &mut Book, now: Timestamp) {
        if book.begun.is_none() {
            self.fronts += 1;
            (book.begun, book.process) = (Some(now), self.fronts);
        }
    }

    /// So many requests come to the front that keeps this book.
    pub(crate) fn arrive(&mut self, book: &mut Book, cluster: &str, count: u64, now: Timestamp) {
        self.meet(book, now);
        let own = book.clusters.entry(cluster.to_owned()).or_default();
        own.accepted += count;
        own.since.get_or_insert(now);
        let queue = self.queues.entry(cluster.to_owned()).or_default();
        queue.waiting.extend((0..count).map(|_| book.process));
        queue.arrivals.push_back((now, count));
    }

    /// Time has passed: who is done answers and takes the next message, unless it was told to take no more. What a member had that
    /// is not up any more waits again. The answers, by cluster and by the process that sent the request.
    pub(crate) fn go_on(&mut self, clusters: &[Cluster], up: &BTreeSet<String>, now: Timestamp) -> Vec<(String, u64)> {
        let mut answers = Vec::new();
        for cluster in clusters {
            let Some(scaling) = &cluster.scaling else { continue };
            let queue = self.queues.entry(cluster.name.clone()).or_default();
            let lost: Vec<String> = queue.busy.keys().filter(|id| !up.contains(*id)).cloned().collect();
            for id in lost {
                queue.waiting.extend(queue.busy.remove(&id).map(|(_, sender)| sender));
            }
            queue.busy.retain(|_, (at, sender)| {
                if *at <= now {
                    answers.push((cluster.name.clone(), *sender));
                }
                *at > now
            });
            let takes = |id: &String| up.contains(id) && !scaling.drain.contains(id);
            for member in cluster.members.iter().filter(|member| takes(&member.id)) {
                if !queue.busy.contains_key(&member.id)
                    && let Some(sender) = queue.waiting.pop_front()
                {
                    queue.busy.insert(member.id.clone(), (now + self.service, sender));
                }
            }
            for Member { id, .. } in &cluster.members {
                if up.contains(id) {
                    self.silent.remove(id);
                } else {
                    self.silent.entry(id.clone()).or_insert(now);
                }
            }
        }
        answers
    }

    pub(crate) fn in_flight(&self, cluster: &str, id: &str) -> u64 {
        self.queues.get(cluster).is_some_and(|queue| queue.busy.contains_key(id)).into()
    }

    pub(crate) fn load(&self, cluster: &str, now: Timestamp) -> Load {
        let Some(queue) = self.queues.get(cluster) else { return Load::default() };
        let stretches = queue.stretches(now);
        let is_flow = stretches.iter().filter(|count| **count > 0).count() >= STRETCHES / 2;
        Load { unanswered: queue.unanswered(), service: self.service.as_secs(), is_flow }
    }

    /// Members that have finished, and those that take requests or still have one.
    pub(crate) fn split(&self, cluster: &Cluster, up: &BTreeSet<String>) -> (BTreeSet<String>, BTreeSet<String>) {
        let Some(scaling) = &cluster.scaling else { return Default::default() };
        let ids = cluster.members.iter().map(|member| member.id.clone()).filter(|id| up.contains(id));
        ids.partition(|id| scaling.drain.contains(id) && self.in_flight(&cluster.name, id) == 0)
    }

    /// What the front that keeps this book says of a cluster.
    pub(crate) fn status(&self, book: &Book, cluster: &Cluster, up: &BTreeSet<String>, now: Timestamp) -> QueueStatus {
        let (no_queue, nothing) = (Queue::default(), Own::default());
        let queue = self.queues.get(&cluster.name).unwrap_or(&no_queue);
        let own = book.clusters.get(&cluster.name).unwrap_or(&nothing);
        let open = own.accepted - own.answered;
        let others = queue.unanswered().saturating_sub(open);
        let is_proven = book.begun.is_some_and(|at| now.duration_since(at) >= PROVEN_AFTER);
        let (inherited, unclear) = if is_proven { (others, 0) } else { (0, others) };
        let (drained, _) = self.split(cluster, up);
        let age = own.since.map_or(0, |since| now.duration_since(since).as_millis());
        let silent = |Member { id, .. }: &Member| {
            Some((id.clone(), u64::try_from(now.duration_since(*self.silent.get(id)?).as_millis()).ok()?))
        };
        QueueStatus {
            cluster: cluster.name.clone(),
            running: u64::try_from(cluster.members.len()).unwrap(),
            accepted: own.accepted,
            answered: own.answered,
            outputs: own.answered,
            open,
            inherited,
            unclear,
            waiting: queue.waiting.len() as u64,
            in_flight: queue.busy.len() as u64,
            oldest_millis: u64::try_from(age).unwrap_or(0),
            arrivals: queue.stretches(now).to_vec(),
            service_micros: (own.answered > 0).then(|| u64::try_from(self.service.as_micros()).unwrap()),
            scaling: cluster.scaling.as_ref().map(|scaling| ScalingStatus {
                least: scaling.least,
                starting: scaling.starting,
                draining: scaling.drain.iter().filter(|id| !drained.contains(*id)).cloned().collect(),
                silent: cluster.members.iter().filter_map(silent).collect(),
                drained,
                lacking: scaling.lacking,
                ..ScalingStatus::default()
            }),
            ..QueueStatus::default()
        }
    }
}

impl Book {
    /// A request of this cluster got its answer, if this process sent it.
    pub(crate) fn answered(&mut self, cluster: &str, sender: u64) {
        if let Some(own) = self.clusters.get_mut(cluster).filter(|_| self.process == sender) {
            own.answered += 1;
            if own.answered == own.accepted {
                own.since = None;
            }
        }
    }
}

impl Queue {
    fn unanswered(&self) -> u64 {
        (self.waiting.len() + self.busy.len()) as u64
    }

    /// Arrivals of the last stretches, the newest last.
    fn stretches(&self, now: Timestamp) -> [u64; STRETCHES] {
        let mut all = [0; STRETCHES];
        for (at, count) in &self.arrivals {
            let stretch = usize::try_from(now.duration_since(*at).as_secs() / STRETCH).unwrap_or(0);
            if let Some(place) = STRETCHES.checked_sub(1 + stretch) {
                all[place] += count;
            }
        }
        all
    }
}

impl Play {
    /// Instances that live, without those that a pool has stopped and starts again.
    pub(crate) fn serving(&self, spec: &ClusterBenchmarkSpec) -> usize {
        let rests = |instance: &cloudsim::ec2::Instance| {
            let pool = instance.tags.get(POOL).map(String::as_str).unwrap_or_default();
            matches!(instance.state, InstanceState::Stopping | InstanceState::Stopped) && starts_and_stops(spec, pool)
        };
        self.sim.lock().truth().ec2.live_instances().iter().filter(|instance| !rests(instance)).count()
    }

    /// Whether every message of a cluster that follows its queue got its answer, whichever front sent it.
    pub(crate) fn is_worked_off(&self) -> bool {
        let server = self.store.server();
        let Some(object) = &server.object else { return true };
        scaled(&object.spec).all(|(cluster, _)| self.agents.load(&cluster.name).unanswered == 0)
    }
}
