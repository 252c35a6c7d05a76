//! Fronts and workers of clusters that follow their queue, as all processes share them, and what one operator heard of them last.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::{SignedDuration, Timestamp};
use wire::{Membership, QueueStatus, RunSpec};

use crate::stage::agents::FakeAgents;
use crate::stage::judge::{Judge, Rule};
use crate::stage::sight::Sight;
use crate::stage::work::{Book, Load, Work};

/// Clones share the work; each operator hears for itself.
#[derive(Clone, Default)]
pub(crate) struct Tier {
    work: Arc<Mutex<Work>>,
    /// Loads as they were when this process heard of them last, by cluster.
    heard: Arc<Mutex<BTreeMap<String, Load>>>,
    /// Members that any of them let go last, by cluster.
    drained: Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>,
    sight: Sight,
}

impl Tier {
    /// That of another process.
    pub(super) fn seen_by(&self, sight: Sight) -> Self {
        Self { work: self.work.clone(), drained: self.drained.clone(), sight, ..Self::default() }
    }

    /// All work in words.
    pub(super) fn moment(&self) -> Vec<String> {
        self.work().moment()
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap()
    }

    /// What a front says of its clusters, and how many requests each of their members has.
    pub(super) fn of_front(
        &self,
        book: &Book,
        membership: &Membership,
        up: &BTreeSet<String>,
        now: Timestamp,
    ) -> (Vec<QueueStatus>, BTreeMap<String, u64>) {
        let (work, clusters) = (self.work(), &membership.clusters);
        let queues = clusters.iter().map(|cluster| work.status(book, cluster, up, now)).collect();
        let members = clusters.iter().flat_map(|one| one.members.iter().map(|member| (&one.name, &member.id)));
        let in_flight = members.map(|(cluster, id)| (id.clone(), work.in_flight(cluster, id)));
        (queues, in_flight.collect())
    }

    /// An operator asked its front: it answered with this membership, or not at all.
    pub(super) fn hears(&self, answer: Option<&Membership>, now: Timestamp) {
        self.sight.hears(answer.is_some());
        let (work, mut heard) = (self.work(), self.heard.lock().unwrap());
        heard.clear();
        for cluster in answer.into_iter().flat_map(|membership| &membership.clusters) {
            heard.insert(cluster.name.clone(), work.load(&cluster.name, now));
        }
    }

    /// A run is started: of a cluster that follows its queue at rest, as far as its front has just told.
    pub(super) fn begins(&self, judge: &Judge, run: &RunSpec) {
        let heard = self.heard.lock().unwrap();
        let open = |name: &String| heard.get(name).map_or(0, |load| load.unanswered);
        let scaled = run.targets.iter().filter(|target| target.scaled);
        if let Some(target) = scaled.into_iter().find(|target| open(&target.cluster) > 0) {
            let what = format!(
                "run {} begins while {} requests of {} have no answer",
                run.id,
                open(&target.cluster),
                target.cluster
            );
            judge.convict(Rule::FromRest, what);
        }
    }

    /// A front is told its members: the last one of a cluster is not let go while requests wait or are worked on, as far as the
    /// front has just told.
    pub(super) fn tells(&self, judge: &Judge, to: &Membership) {
        let (heard, mut drained) = (self.heard.lock().unwrap(), self.drained.lock().unwrap());
        for cluster in &to.clusters {
            let Some(scaling) = &cluster.scaling else { continue };
            let before = drained.insert(cluster.name.clone(), scaling.drain.clone()).unwrap_or_default();
            let lets_go = scaling.drain.iter().any(|id| !before.contains(id));
            let stays = cluster.members.iter().any(|member| !scaling.drain.contains(&member.id));
            let open = heard.get(&cluster.name).map_or(0, |load| load.unanswered);
            if lets_go && !stays && scaling.starting == 0 && open > 0 {
                let what =
                    format!("the last ones of {} are let go while {open} of its requests have no answer", cluster.name);
                judge.convict(Rule::AsItsQueueAsks, what);
            }
        }
    }
}

impl FakeAgents {
    /// Members work on each request for so long.
    pub(crate) fn serve_for(&self, service: SignedDuration) {
        self.tier.work().service = service;
    }

    pub(crate) fn load(&self, cluster: &str) -> Load {
        self.tier.work().load(cluster, self.sim.now())
    }

    /// Members of a cluster that their front was told to let go.
    pub(crate) fn leaving(&self, cluster: &str) -> BTreeSet<String> {
        let agents = self.agents.lock().unwrap();
        let clusters = agents.values().flat_map(|agent| &agent.membership.clusters).filter(|one| one.name == cluster);
        clusters.flat_map(|one| &one.scaling).flat_map(|scaling| &scaling.drain).cloned().collect()
    }

    /// Requests come to a cluster, if a front is up that serves it and follows its queue.
    pub(crate) fn arrive(&self, cluster: &str, count: u64) {
        let (up, now) = (self.up(), self.sim.now());
        let (mut agents, mut work) = (self.agents.lock().unwrap(), self.tier.work());
        for (_, agent) in agents.iter_mut().filter(|(id, _)| up.contains(*id)) {
            let mut served = agent.membership.clusters.iter();
            if served.any(|one| one.name == cluster && one.scaling.is_some()) {
                work.arrive(&mut agent.book, cluster, count, now);
                self.judge.has(cluster, work.load(cluster, now), now);
            }
        }
    }

    /// Workers of every front go on.
    pub(crate) fn work(&self) {
        let (up, now) = (self.up(), self.sim.now());
        let (mut agents, mut work) = (self.agents.lock().unwrap(), self.tier.work());
        let mut answers = Vec::new();
        for (_, agent) in agents.iter_mut().filter(|(id, _)| up.contains(*id)) {
            let clusters = &agent.membership.clusters;
            if !clusters.is_empty() {
                work.meet(&mut agent.book, now);
            }
            answers.extend(work.go_on(clusters, &up, now));
            for cluster in clusters.iter().filter(|cluster| cluster.scaling.is_some()) {
                let (finished, working) = work.split(cluster, &up);
                self.judge.works(&cluster.name, finished, working, now);
                self.judge.has(&cluster.name, work.load(&cluster.name, now), now);
            }
            for cluster in clusters {
                let drain = cluster.scaling.iter().flat_map(|scaling| &scaling.drain).cloned().collect();
                self.judge.lets_go(&cluster.name, drain);
            }
        }
        for (cluster, sender) in answers {
            agents.values_mut().for_each(|agent| agent.book.answered(&cluster, sender));
        }
    }

    /// The process of every front begins anew on its instance.
    pub(crate) fn restart_fronts(&self) {
        let mut agents = self.agents.lock().unwrap();
        for agent in agents.values_mut().filter(|agent| !agent.membership.clusters.is_empty()) {
            (agent.version, agent.membership, agent.book) = (0, Membership::default(), Book::default());
        }
    }
}
