//! A scaled cluster at one look: its instances as lists, ledger and front show them, and what is decided about them.
//!
//! Pure and repeatable: the history is read here and noted once, at the end of a pass. The front's word counts for this look
//! only; while it says nothing, nobody is started beyond the fewest, drained or ended.

use std::collections::{BTreeMap, BTreeSet};

use api::{Cluster, ClusterBenchmarkSpec, Launch, Placement, Scaling, ScalingPool};
use jiff::{SignedDuration, Timestamp};
use wire::{Health, MemberStatus, QueueStatus, ScalingStatus};

use super::listed::{alive, seen};
use super::zones;
use crate::desired;
use crate::ports::{Instance, InstanceState};
use crate::scale::history::{History, Seen};
use crate::scale::needs::{Bounds, Needs};
use crate::scale::pool;
use crate::scale::rule::{BOOT, Look, WARM_BOOT};
use crate::scale::step::{Stage, Staying, step};
use crate::world::ledger::{self, Refusal};
use crate::world::{Facet, World};

/// What is decided about a scaled cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Fewest and most instances.
    pub least: u32,
    pub most: u32,
    /// Nobody can say what waits.
    pub is_held: bool,
    /// Requests without an answer ([`QueueStatus::unanswered`]).
    pub unanswered: u64,
    /// The front does not know yet whether there are more.
    pub is_unclear: bool,
    /// SQS has not said how many messages there are, or not of late: that too is unclear.
    pub is_uncounted: bool,
    /// Instances that are wanted and cannot be had.
    pub lacking: u32,
    /// Instances that take requests.
    pub ready: u32,
    /// Instances that will, and those of them that do not run yet.
    pub booting: u32,
    pub starting: u32,
    /// Instances that take requests or will, as the rule wants them.
    pub wanted: u32,
    /// Members that take no more requests: those that were told before, those that are chosen now, and those that have been silent
    /// for longer than they can work on anything.
    pub drain: BTreeSet<String>,
    /// Those of them that have finished, by the front's word of this look, and end: terminated or stopped. Among the terminated
    /// are stopped ones that are more than the most.
    pub terminate: BTreeSet<String>,
    pub stop: BTreeSet<String>,
    /// Those of them that end because they were told to finish and have been silent for longer than they can work on anything.
    pub silent: BTreeSet<String>,
    /// More that are launched, by zone.
    pub launch: Vec<u32>,
    /// Stopped ones that are started.
    pub start: BTreeSet<String>,
    /// Instances that may work, and those that may still come, by zone.
    pub by_zone: Vec<u32>,
    /// A member that does not answer although it should.
    pub sick: Option<String>,
}

/// Instances that are wanted for longer than this and do not come cannot be had: a launch is asked about, written down and sent
/// within three looks of two seconds, and lists show it within some more.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);
/// Seconds that a puller may have to do with a request beside the time of its program: a poll of 5 s that was on, 30 s for
/// reads and writes with their repetitions (`queue/src/puller/job.rs`), and the next check.
const BESIDE_REQUEST: u64 = 60;

/// The history of a cluster that this process has not seen yet.
static NOTHING: History = History::new();

/// What is seen of a scaled cluster.
pub(super) struct Tier<'a> {
    world: &'a World,
    cluster: &'a Cluster,
    scaling: &'a Scaling,
    history: &'a History,
    front: Option<&'a QueueStatus>,
    members: BTreeMap<&'a str, &'a MemberStatus>,
    /// All that may work, stopped ones of a pool that starts them again among them.
    alive: Vec<&'a Instance>,
    /// Instances that may still come, by zone.
    coming: Vec<u32>,
}

impl<'a> Tier<'a> {
    pub(super) fn of(world: &'a World, cluster: &'a Cluster, scaling: &'a Scaling) -> Self {
        let status = world.balancer.as_ref().and_then(Facet::known);
        let told = status.into_iter().flat_map(|status| &status.clusters).filter(|told| told.name == cluster.name);
        let (lines, placement) = (&world.object.status.launches, world.object.status.placement.as_ref());
        let mut coming = vec![0; zones::count(placement)];
        for line in lines.iter().filter(|line| line.pool == cluster.name) {
            coming[zones::of_line(placement, line)] += ledger::unlisted(line, seen(world));
        }
        Self {
            world,
            cluster,
            scaling,
            history: world.memory.scaling.get(&cluster.name).unwrap_or(&NOTHING),
            front: status.and_then(|status| status.queues.iter().find(|queue| queue.cluster == cluster.name)),
            members: told.flat_map(|told| &told.members).map(|member| (member.id.as_str(), member)).collect(),
            alive: alive(&world.object.spec, lines, seen(world), &cluster.name),
            coming,
        }
    }

    fn placement(&self) -> Option<&'a Placement> {
        self.world.object.status.placement.as_ref()
    }

    /// Whether the front says how it is.
    pub(super) fn is_known(&self) -> bool {
        self.front.is_some() && self.world.cloud.instances.known().is_some()
    }

    fn is_start_stop(&self) -> bool {
        self.scaling.pool == Some(ScalingPool::StartStop)
    }

    /// Those that run or are about to. What the history knows to be over is shown by a list from the past.
    fn on(&self) -> impl Iterator<Item = &'a Instance> {
        let is_on = |one: &&'a Instance| matches!(one.state, InstanceState::Pending | InstanceState::Running);
        self.alive.iter().copied().filter(is_on).filter(|one| !self.history.is_over(&one.id, one.launched_at))
    }

    fn is_leaving(&self, instance: &Instance) -> bool {
        let scaling = self.front.and_then(|front| front.scaling.as_ref());
        let is_told = scaling
            .is_some_and(|scaling| scaling.draining.contains(&instance.id) || scaling.drained.contains(&instance.id));
        is_told || self.history.is_leaving(&instance.id, instance.launched_at)
    }

    /// Seconds that a boot takes, of an instance that is started as others will be.
    fn boot(&self) -> f64 {
        self.history.boot().unwrap_or(if self.is_start_stop() { WARM_BOOT } else { BOOT })
    }

    /// How far an instance is. `None`: it should serve, and does not.
    fn stage(&self, instance: &Instance) -> Option<Stage> {
        let Instance { id, launched_at, .. } = instance;
        if let Some(member) = self.members.get(id.as_str()).filter(|member| member.health == Health::Healthy) {
            return Some(if member.in_flight == 0 { Stage::Idle } else { Stage::Busy });
        }
        // It waits for its programs, and no other one would get them sooner.
        if self.world.loaders.contains_key(id) {
            return Some(Stage::Starting(BOOT));
        }
        let waited_until = self.world.memory.loading_at.get(id).copied().unwrap_or_default();
        let age = self.world.now.duration_since(waited_until.max(*launched_at));
        if self.has_served(instance) || age > self.world.settings.boot_deadline {
            return None;
        }
        let is_first = self.is_start_stop() && self.is_first_boot(instance);
        let boot = if is_first { BOOT } else { self.boot() };
        Some(Stage::Starting(boot - age.as_secs_f64()))
    }

    /// Whether it was well in its present boot: this process saw it, or the front did.
    fn has_served(&self, instance: &Instance) -> bool {
        let is_known = |member: &&MemberStatus| member.boot.is_some();
        self.history.has_served(&instance.id, instance.launched_at)
            || self.members.get(instance.id.as_str()).is_some_and(is_known)
    }

    fn is_first_boot(&self, instance: &Instance) -> bool {
        ledger::is_first_boot(&self.world.object.status.launches, instance)
    }

    /// What is decided at this look.
    pub(super) fn decision(&self) -> Decision {
        self.decide(&mut self.history.needs.clone())
    }

    /// The same; `needs` are those of the looks before, and then of this one too.
    fn decide(&self, needs: &mut Needs) -> Decision {
        let Bounds { least, most } = pool::bounds(self.cluster, self.scaling);
        let staying: Vec<&Instance> = self.on().filter(|one| !self.is_leaving(one)).collect();
        let is_ready = |one: &&&Instance| matches!(self.stage(one), Some(Stage::Idle | Stage::Busy));
        let is_booting = |one: &&&Instance| matches!(self.stage(one), Some(Stage::Starting(_)));
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let coming: u32 = self.coming.iter().sum();
        let mut by_zone = self.coming.clone();
        self.alive.iter().for_each(|one| by_zone[zones::of(self.placement(), one)] += 1);
        let pending = staying.iter().filter(|one| one.state == InstanceState::Pending).count();
        let sick = staying.iter().find(|one| self.stage(one).is_none());
        let mut decision = Decision {
            least,
            most,
            is_held: !self.is_known(),
            unanswered: self.front.map_or(0, QueueStatus::all_unanswered),
            is_unclear: self.front.is_some_and(|front| front.unclear > 0 || front.is_uncounted),
            is_uncounted: self.front.is_some_and(|front| front.is_uncounted),
            ready: count(staying.iter().filter(is_ready).count()),
            booting: coming + count(staying.iter().filter(is_booting).count()),
            starting: coming + count(pending),
            drain: self.on().filter(|one| self.is_leaving(one)).map(|one| one.id.clone()).collect(),
            sick: sick.map(|one| one.id.clone()),
            launch: vec![0; by_zone.len()],
            by_zone,
            ..Decision::default()
        };
        let there = count(staying.len()) + coming;
        let (alive, resting) = (count(self.alive.len()) + coming, self.startable());
        let room = if self.is_start_stop() { count(resting.len()) } else { most.saturating_sub(alive) };
        let more = if self.is_known() {
            let moved = step(
                needs,
                self.seconds(),
                (pool::rule(self.scaling), decision.bounds(), room),
                self.look(),
                &self.staying(&staying),
            );
            decision.wanted = moved.wanted;
            if decision.is_unclear {
                // For what only may wait nobody is started, and nobody is let go.
                decision.wanted = moved.wanted.max(there);
            } else {
                decision.drain.extend(moved.drain.into_iter().map(str::to_owned));
            }
            decision.drain.extend(staying.iter().filter(|one| self.is_dead(one)).map(|one| one.id.clone()));
            self.end(&mut decision, alive, &resting);
            moved.start
        } else {
            // The fewest are there whatever waits. Who is leaving is counted: nobody says that he is.
            let more = least.saturating_sub(count(self.on().count()) + coming).min(room);
            decision.wanted = there + more;
            more
        };
        self.place(&mut decision, more, &resting);
        decision.lacking = self.lacking(&decision);
        decision
    }

    /// How many of those that are to be started cannot be had: none came for a while, or EC2 has refused to launch some. While the
    /// benchmark is paused nobody is started, and who is on his way comes late or never: they are lacking at once, because what is
    /// measured meanwhile is not what the rule does.
    fn lacking(&self, decision: &Decision) -> u32 {
        let more = decision.more();
        if self.world.object.spec.paused {
            return if self.is_known() { more.saturating_add(decision.booting) } else { 0 };
        }
        let now = self.world.now;
        let is_of_late = |line: &Launch| {
            let closed_at = line.closed_at.as_ref().map(|at| now.duration_since(at.0));
            closed_at.is_some_and(|ago| ago < self.world.settings.refusal_pause)
        };
        let is_refused = |line: &Launch| {
            line.pool == self.cluster.name
                && matches!(ledger::refusal(line), Some(Refusal::Call(_)))
                && is_of_late(line)
        };
        let cannot_be_had =
            self.history.has_lacked_for(PATIENCE, now) || self.world.object.status.launches.iter().any(is_refused);
        if self.is_known() && cannot_be_had { more } else { 0 }
    }

    /// Whether a member gives no sign for longer than it can work on what it took. It may be there: then it has nothing to do,
    /// because who answers gives signs.
    fn is_silent(&self, scaling: &ScalingStatus, id: &str) -> bool {
        let longest = silent_millis(&self.world.object.spec);
        scaling.silent.get(id).is_some_and(|millis| *millis >= longest)
    }

    /// Whether a member that served gives no sign for so long: what it had is visible to others again, and others are started for
    /// it. One that never served is not ended for its silence: where nobody can be reached, the next one would be silent as well,
    /// and be paid for.
    fn is_dead(&self, instance: &Instance) -> bool {
        let scaling = self.front.and_then(|front| front.scaling.as_ref());
        scaling.is_some_and(|scaling| self.is_silent(scaling, &instance.id)) && self.has_served(instance)
    }

    /// Who ends: whom the front says to have finished in this look, and who has been silent for so long that he must have. Where they
    /// are stopped, and there are more than the most, those are terminated that are stopped already, highest launch first, and then as
    /// many of these.
    fn end(&self, decision: &mut Decision, alive: u32, resting: &[&Instance]) {
        let Some(scaling) = self.front.and_then(|front| front.scaling.as_ref()) else { return };
        // Who comes back is told to finish, and says how it is: so nobody is ended before that was tried.
        let is_told = |one: &Instance| scaling.draining.contains(&one.id);
        let is_silent = |one: &&Instance| is_told(one) && self.is_silent(scaling, &one.id);
        decision.silent = self.on().filter(is_silent).map(|one| one.id.clone()).collect();
        let is_drained = |one: &&Instance| scaling.drained.contains(&one.id) || is_silent(one);
        let drained = self.on().filter(is_drained).map(|one| one.id.clone());
        if !self.is_start_stop() {
            decision.terminate = drained.collect();
            return;
        }
        let too_many = usize::try_from(alive.saturating_sub(decision.most)).unwrap_or(usize::MAX);
        decision.terminate = resting.iter().rev().take(too_many).map(|one| one.id.clone()).collect();
        for id in drained {
            let ends = if decision.terminate.len() < too_many { &mut decision.terminate } else { &mut decision.stop };
            ends.insert(id);
        }
    }

    /// Where those come from that are started.
    fn place(&self, decision: &mut Decision, more: u32, resting: &[&Instance]) {
        if !self.is_start_stop() {
            let share = zones::shares(decision.most, decision.by_zone.len());
            decision.launch = zones::levelled(&decision.by_zone, &share, more);
            return;
        }
        let kept: Vec<&Instance> =
            resting.iter().copied().filter(|one| !decision.terminate.contains(&one.id)).collect();
        let mut on = vec![0; decision.by_zone.len()];
        self.on().for_each(|one| on[zones::of(self.placement(), one)] += 1);
        let mut limits = on.clone();
        kept.iter().for_each(|one| limits[zones::of(self.placement(), one)] += 1);
        for (zone, more) in zones::levelled(&on, &limits, more).into_iter().enumerate() {
            let here = kept.iter().filter(|one| zones::of(self.placement(), one) == zone);
            decision.start.extend(here.take(usize::try_from(more).unwrap_or(0)).map(|one| one.id.clone()));
        }
    }

    /// Stopped ones, lowest launch first; not those of which the front still speaks.
    fn startable(&self) -> Vec<&'a Instance> {
        let scaling = self.front.and_then(|front| front.scaling.as_ref());
        let is_spoken_of = |id: &String| {
            let is_drained = scaling.is_some_and(|all| all.draining.contains(id) || all.drained.contains(id));
            is_drained || self.members.get(id.as_str()).is_some_and(|member| member.health == Health::Healthy)
        };
        let is_at_rest = |one: &&&'a Instance| one.state == InstanceState::Stopped && !is_spoken_of(&one.id);
        self.alive.iter().filter(is_at_rest).copied().collect()
    }

    fn staying<'b>(&self, staying: &[&'b Instance]) -> Vec<Staying<&'b str>> {
        let here = staying.iter().filter_map(|one| {
            let age = self.world.now.duration_since(one.launched_at).as_secs_f64();
            Some(Staying { id: one.id.as_str(), age, stage: self.stage(one)? })
        });
        let coming = self.coming.iter().sum();
        let coming = (0..coming).map(|_| Staying { id: "", age: 0.0, stage: Stage::Starting(BOOT.max(self.boot())) });
        here.chain(coming).collect()
    }

    fn look(&self) -> Look {
        let Some(front) = self.front else { return Look::default() };
        Look {
            unanswered: front.all_unanswered(),
            oldest: seconds(front.oldest_millis, 1_000),
            arrivals: front.arrivals.clone(),
            service: front.service_micros.map(|micros| seconds(micros, 1_000_000)),
            slots: self.slots(),
            boot: self.boot(),
            ..Look::default()
        }
    }

    /// Requests that an instance works on at the same time: as its members say, or else one for each processor.
    fn slots(&self) -> u32 {
        let said = self.members.values().filter_map(|member| member.slots).filter(|slots| *slots > 0).min();
        let processors = || self.world.instance_type(&self.cluster.instance_type).map(|fact| fact.vcpus);
        said.or_else(processors).unwrap_or(1).max(1)
    }

    fn seconds(&self) -> f64 {
        self.world.now.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64()
    }

    /// The history with this look, for the next one.
    pub(super) fn noted(&self) -> History {
        let mut history = self.history.clone();
        if self.is_known() {
            let decision = self.decide(&mut history.needs);
            history.note_lack(decision.more(), decision.ready + decision.booting, self.world.now);
        }
        let lines = &self.world.object.status.launches;
        let of_pool = |one: &&Instance| ledger::pool_of(lines, one) == Some(self.cluster.name.as_str());
        for instance in seen(self.world).iter().filter(of_pool) {
            let is_on = matches!(instance.state, InstanceState::Pending | InstanceState::Running);
            let seen = match self.stage(instance) {
                _ if !is_on => Seen::Over,
                Some(Stage::Idle | Stage::Busy) => Seen::Serving,
                _ if !self.is_known() => Seen::Unclear,
                _ => Seen::Booting,
            };
            let counts = !self.is_start_stop() || !self.is_first_boot(instance);
            let boot = (instance.id.as_str(), instance.launched_at);
            history.note(boot, seen, (self.is_leaving(instance), counts), self.world.now);
        }
        let is_written = |id: &str| lines.iter().any(|line| line.instance_ids.iter().any(|one| one == id));
        history.retain(|id| is_written(id) || seen(self.world).iter().any(|one| one.id == id));
        history
    }
}

impl Decision {
    fn bounds(&self) -> Bounds {
        Bounds { least: self.least, most: self.most }
    }

    /// Instances that are to be launched or started.
    fn more(&self) -> u32 {
        self.launch.iter().sum::<u32>() + u32::try_from(self.start.len()).unwrap_or(u32::MAX)
    }
}

/// Longest time for which a member can be silent and still work on something: a request, and what comes before and after it.
pub(crate) fn silent_millis(spec: &ClusterBenchmarkSpec) -> u64 {
    let timeout = u64::try_from(desired::timeout_seconds(spec)).unwrap_or(0);
    (timeout + BESIDE_REQUEST) * 1_000
}

#[allow(clippy::cast_precision_loss, reason = "exact below 2^53")]
fn seconds(count: u64, in_a_second: u32) -> f64 {
    count as f64 / f64::from(in_a_second)
}
