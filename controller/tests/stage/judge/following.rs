//! The growth of clusters that follow their queue: only while somebody hears their front, and no more than their queue asks for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use api::{ClusterBenchmark, Scaling, ScalingPolicy, ScalingPool};
use cloudsim::Sim;
use jiff::{SignedDuration, Timestamp};
use planner::owner::POOL;
use planner::ports::{InstanceState, LaunchRequest};
use planner::scale::pool::scaled;

use super::{Book, Broken, Judge, Rule};
use crate::stage::work::Load;

/// What was decided on a load takes effect within this time: a line is sent for two minutes, a call is late by three, and an operator
/// stands still for some.
const LATE: SignedDuration = SignedDuration::from_mins(20);
/// Seconds of work that every start is good for, if no boot takes longer than the rule's prior: the minute that it costs, from the moment
/// on that it is paid (`planner/src/scale/rule.rs`).
const LEAST_USEFUL: i64 = 22;
/// Below this target a burst is overdue while instances boot, and a rule may start one for each request.
const LONG_TARGET: i32 = 120;

#[derive(Debug, Default)]
pub(super) struct Following {
    /// Clusters of the spec that follow their queue, with their fewest.
    scaled: BTreeMap<String, (Scaling, usize)>,
    /// Loads of late, by cluster, the oldest first.
    loads: BTreeMap<String, VecDeque<(Timestamp, Load)>>,
    /// Members that are to finish, as the front was last told.
    drain: BTreeMap<String, BTreeSet<String>>,
    /// Members whose process is dead: they run, and another one is wanted in the place of each.
    dead: BTreeSet<String>,
    /// Boots that were seen, by instance.
    boots: BTreeMap<String, Timestamp>,
}

impl Judge {
    /// The load of a cluster is this from now on.
    pub(crate) fn has(&self, cluster: &str, load: Load, now: Timestamp) {
        let mut book = self.book();
        let following = &mut book.following;
        let loads = following.loads.entry(cluster.to_owned()).or_default();
        while loads.len() > 1 && loads.get(1).is_some_and(|(at, _)| now.duration_since(*at) > LATE) {
            loads.pop_front();
        }
        if loads.back().is_none_or(|(_, last)| *last != load) {
            loads.push_back((now, load));
        }
    }

    /// A front was told who is to finish.
    pub(crate) fn lets_go(&self, cluster: &str, drain: BTreeSet<String>) {
        self.book().following.drain.insert(cluster.to_owned(), drain);
    }

    /// What runs on an instance has died.
    pub(crate) fn dies(&self, id: &str) {
        self.book().following.dead.insert(id.to_owned());
    }

    /// A launch is asked about by somebody who is deaf: asked the front in vain.
    pub(crate) fn grows(&self, sim: &Sim, launch: &LaunchRequest, is_deaf: bool) {
        let Some(pool) = launch.tags.get(POOL).filter(|_| is_deaf) else { return };
        let mut book = self.book();
        let Some((scaling, least)) = book.following.scaled.get(pool) else { return };
        // Those that are stopped and started are launched before anybody can say anything.
        if scaling.pool == Some(ScalingPool::StartStop) || book.abandoned {
            return;
        }
        let there = book.running(sim, pool).count();
        let more = usize::try_from(launch.count).unwrap();
        if there + more > *least {
            let what =
                format!("{more} more of {pool} are asked for, of which {there} run, and the front was not heard");
            book.broken.get_or_insert(Broken::new(Rule::HeardBefore, what));
        }
    }

    /// Stopped instances are started, by somebody who may be deaf.
    pub(crate) fn starts(&self, sim: &Sim, ids: &[String], is_deaf: bool) {
        let mut book = self.book();
        let live = sim.truth().ec2.live_instances();
        let first = live.iter().find(|one| ids.contains(&one.id)).and_then(|one| one.token.clone());
        let pool = first.and_then(|token| book.lines.get(&token)).map(|line| line.pool.clone());
        let Some(pool) = pool.filter(|_| is_deaf) else { return };
        let Some((_, least)) = book.following.scaled.get(&pool) else { return };
        let there = book.running(sim, &pool).filter(|(id, _)| !ids.contains(id)).count();
        if there + ids.len() > *least {
            let what =
                format!("{} of {pool} are started, of which {there} run, and the front was not heard", ids.len());
            book.broken.get_or_insert(Broken::new(Rule::HeardBefore, what));
        }
    }
}

impl Book {
    /// Instances of a pool that run or are about to, with the start of their boots. Of a former spec none.
    fn running(&self, sim: &Sim, pool: &str) -> impl Iterator<Item = (String, Timestamp)> {
        let is_on = |state| matches!(state, InstanceState::Pending | InstanceState::Running);
        let of_pool = |instance: &cloudsim::ec2::Instance| {
            let token = instance.token.as_deref().unwrap_or_default();
            self.lines.get(token).is_some_and(|line| line.pool == pool) && !self.former.contains(token)
        };
        let live = sim.truth().ec2.live_instances();
        let all: Vec<_> = live
            .iter()
            .filter(|one| is_on(one.state) && of_pool(one))
            .map(|one| (one.id.clone(), one.launched_at))
            .collect();
        all.into_iter()
    }

    /// The object asks for this.
    pub(super) fn follows(&mut self, object: &ClusterBenchmark) {
        let of = |(cluster, scaling): (&api::Cluster, &Scaling)| {
            let least = usize::try_from(scaling.min.unwrap_or(0)).unwrap_or(0);
            (cluster.name.clone(), (scaling.clone(), least))
        };
        self.following.scaled = scaled(&object.spec).map(of).collect();
    }

    /// Whenever one more boots: not one more than the load of late asks for.
    pub(super) fn as_its_queue_asks(&mut self, sim: &Sim) -> Result<(), Broken> {
        let names: Vec<String> = self.following.scaled.keys().cloned().collect();
        for name in names {
            let running: Vec<_> = self.running(sim, &name).collect();
            let is_new = |(id, since): &(String, Timestamp)| self.following.boots.get(id) != Some(since);
            let has_grown = running.iter().any(is_new);
            self.following.boots.extend(running.iter().cloned());
            let Some((scaling, least)) = self.following.scaled.get(&name).filter(|_| has_grown) else { continue };
            // A pool that is stopped and started is launched as a whole.
            let is_first = |id: &String| scaling.pool == Some(ScalingPool::StartStop) && !self.has_finished(id);
            let drain = self.following.drain.get(&name);
            let is_dead = |id: &String| self.following.dead.contains(id);
            let stays = |id: &String| drain.is_none_or(|drain| !drain.contains(id)) && !is_first(id) && !is_dead(id);
            let there = running.iter().filter(|(id, _)| stays(id)).count();
            let Some(asked) = self.following.asked(&name, scaling) else { continue };
            if there > asked.max(*least) {
                let what = format!("{there} of {name} run, and what waited asked for {asked}");
                return Err(Broken::new(Rule::AsItsQueueAsks, what));
            }
        }
        Ok(())
    }

    /// Whether a front ever saw it finish.
    fn has_finished(&self, id: &str) -> bool {
        self.finishing.has_finished(id)
    }
}

impl Following {
    /// Whether any cluster follows its queue.
    pub(super) fn is_needed(&self) -> bool {
        !self.scaled.is_empty()
    }

    /// The most instances that the loads of late ask for. `None`: it cannot be told.
    fn asked(&self, cluster: &str, scaling: &Scaling) -> Option<usize> {
        let mut most = 0;
        for (_, load) in self.loads.get(cluster).into_iter().flatten() {
            let unanswered = i64::try_from(load.unanswered).ok()?;
            let asked = match scaling.policy {
                ScalingPolicy::QueueDepth => {
                    unanswered.unsigned_abs().div_ceil(scaling.messages_per_instance?.unsigned_abs().into())
                }
                ScalingPolicy::LatencyTarget if scaling.target_seconds? >= LONG_TARGET && !load.is_flow => {
                    let work = unanswered * load.service;
                    // Of what came while others were booting a part is rounded up again.
                    work.unsigned_abs().div_ceil(LEAST_USEFUL.unsigned_abs()) + 2
                }
                ScalingPolicy::LatencyTarget => return None,
            };
            most = most.max(usize::try_from(asked).ok()?);
        }
        Some(most)
    }
}
