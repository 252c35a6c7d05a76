//! The stage that provisions: security groups first, then launches, then the removal of instances that are too many.

pub(crate) mod absence;
mod hint;
pub mod placement;
pub mod rehearsal;
pub mod removal;
pub(crate) mod security_groups;
pub mod zone_fallback;

use std::collections::BTreeSet;

use api::{ConditionType, Launch, Placement};
use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::balance::application::front;
use crate::conditions::{ConditionStatus, Reason};
use crate::desired::role::Role;
use crate::desired::{self, NoRecipe, PoolSpec, Recipe};
use crate::effect::Action;
use crate::instances::{alive, highest_number, readiness};
use crate::owner;
use crate::plan::{MOVING, Plan, SLOW};
use crate::ports::{Instance, InstanceState, LaunchRequest};
use crate::scale::{Counts, counts, length};
use crate::world::ledger::{self, LineState, Refusal, Step};
use crate::world::{Facet, Settings, World};
use hint::hint;
use rehearsal::Draft;

/// Launches of a pool, of the same revision, after which a failed boot is believed to fail again: in an hour, in all.
const LAUNCHES_PER_HOUR: usize = 3;
const LAUNCHES_IN_ALL: usize = 5;
/// Age of a line that another process wrote, from which on it is taken over. Whoever wrote it sends it at its next look.
const TAKEN_OVER_AFTER: SignedDuration = SignedDuration::from_secs(10);

pub(crate) fn plan(world: &World, placement: &Placement, plan: &mut Plan) {
    zone_fallback::say_where(placement, plan);
    let instances = match &world.cloud.instances {
        Facet::Known(instances) => instances,
        Facet::Unknown(why) => {
            plan.conditions.unknown(ConditionType::Provisioned, Some(why));
            plan.wake_within(MOVING * 5);
            return;
        }
    };
    if let Some(left) = zone_fallback::leave(world, placement) {
        zone_fallback::say_where(&left, plan);
        let message = format!("{}: moving all to another zone", zone_fallback::why(&left));
        plan.conditions.provisioned(ConditionStatus::False, Reason::Moving, message);
        plan.placement = Some(left);
        plan.wake = SignedDuration::ZERO;
        return;
    }
    if !front::place(world, placement, plan) {
        return;
    }
    let group_ids = security_groups::plan(world, placement, plan);
    let (pools, counts) = (desired::pools(&world.object.spec), counts(world));
    let mut causes = Causes::default();
    // A load balancer reaches the members and is reached by the generators, as our own balancer is.
    let of_front = group_ids.as_ref().map(|ids| ids.of(Role::Balancer));
    causes.front = front::plan(world, placement, plan, of_front);
    let mut drafts = Vec::new();
    for pool in &pools {
        match desired::recipe(world, placement, pool) {
            Ok(recipe) => {
                let count = counts.of(&pool.name);
                let mut work =
                    PoolWork { world, placement, instances, recipe: &recipe, count, plan, causes: &mut causes };
                work.remove();
                drafts.extend(work.launch(group_ids.as_ref()));
            }
            Err(NoRecipe::UnknownType(_)) if world.types.known().is_none() => causes.unclear = true,
            Err(why) => {
                causes.stall(format!("pool {}: {why}", pool.name), Reason::NoRecipe);
            }
        }
    }
    remove_strangers(world, &pools, instances, plan);
    if rehearsal::write_down(world, drafts, plan).is_some() {
        causes.add("what is missing is not launched, see Accepted".to_owned(), Reason::Waiting);
    }
    if causes.unclear {
        // Whether what runs is what the spec asks for cannot be told: nothing is measured on it.
        plan.conditions.unknown(ConditionType::Provisioned, world.types.unknown());
        plan.wake_within(MOVING * 5);
    } else {
        let refusals = plan.refusals(world, instances);
        judge(&pools, &counts, instances, &causes, &refusals, plan);
        plan.leftovers.extend(refusals);
    }
}

/// What keeps pools from being complete.
#[derive(Default)]
struct Causes {
    list: Vec<(Reason, String)>,
    stalled: bool,
    /// What keeps what stands in front from serving.
    front: Option<(Reason, String)>,
    /// It is not known of some pool what its instances should be.
    unclear: bool,
}

impl Causes {
    fn add(&mut self, message: String, reason: Reason) {
        self.list.push((reason, message));
    }

    fn stall(&mut self, message: String, reason: Reason) {
        self.list.insert(0, (reason, message));
        self.stalled = true;
    }
}

/// The comparison of one pool.
struct PoolWork<'a> {
    world: &'a World,
    placement: &'a Placement,
    instances: &'a [Instance],
    recipe: &'a Recipe<'a>,
    /// Instances that are wanted.
    count: u32,
    plan: &'a mut Plan,
    causes: &'a mut Causes,
}

impl PoolWork<'_> {
    fn pool(&self) -> &PoolSpec {
        self.recipe.pool
    }

    /// Instances of the pool that may still work, lowest launch first.
    fn alive(&self) -> Vec<&Instance> {
        alive(&self.plan.ledger, self.instances, &self.pool().name)
    }

    fn count(&self) -> usize {
        length(self.count)
    }

    /// Terminates instances that are not what the spec asks for, did not boot, or are too many.
    fn remove(&mut self) {
        let mut doomed = BTreeSet::new();
        let (mut kept, mut outdated, mut failed) = (0, 0, 0);
        for instance in self.alive() {
            let is_outdated = instance.tags.get(owner::REVISION) != Some(&self.recipe.revision);
            let has_failed = readiness::failed_boot(self.world, self.placement, instance).is_some();
            (outdated, failed) = (outdated + usize::from(is_outdated), failed + usize::from(has_failed));
            if is_outdated || has_failed || kept == self.count() {
                doomed.insert(instance.id.clone());
            } else {
                kept += 1;
            }
        }
        self.mark_failed_boots();
        // A stopped instance never serves again for us, and its volume is billed.
        let name = &self.pool().name;
        doomed.extend(
            self.instances
                .iter()
                .filter(|instance| ledger::pool_of(&self.plan.ledger, instance) == Some(name))
                .filter(|instance| matches!(instance.state, InstanceState::Stopping | InstanceState::Stopped))
                .map(|instance| instance.id.clone()),
        );
        let because = format!(
            "pool {}: {} wanted, {kept} kept; {outdated} are not what the spec asks for, {failed} did not boot",
            self.pool().name,
            self.count()
        );
        removal::terminate(self.world, self.instances, self.plan, doomed, &because);
    }

    /// Notes in the ledger which launches brought an instance that did not get ready, or that EC2 gave up.
    fn mark_failed_boots(&mut self) {
        let (world, placement, instances) = (self.world, self.placement, self.instances);
        let name = self.recipe.pool.name.clone();
        for line in self.plan.ledger.iter_mut().filter(|line| line.pool == name && !ledger::is_refused(line)) {
            let failure = instances
                .iter()
                .filter(|instance| ledger::is_from(line, instance))
                .find_map(|instance| readiness::failed_boot(world, placement, instance));
            if let Some(failed) = failure {
                line.reason = failed.reason.name().to_owned();
                line.message = failed.message;
                line.closed_at = Some(Time(world.now));
            }
        }
    }

    /// Sends what is written down, and drafts what is missing.
    fn launch(&mut self, group_ids: Option<&security_groups::GroupIds>) -> Option<Draft> {
        let name = self.pool().name.clone();
        let mut coming = 0;
        for index in 0..self.plan.ledger.len() {
            if self.plan.ledger[index].pool != name {
                continue;
            }
            let Plan { ledger, memory, .. } = &mut *self.plan;
            let unaccounted = absence::unaccounted(self.world, memory, self.instances, &mut ledger[index]);
            let line = self.plan.ledger[index].clone();
            let is_wanted = self.alive().len() + coming + unaccounted <= self.count();
            coming += unaccounted;
            if ledger::is_open(&line) && is_wanted && ledger::step(&line, self.world.now) == Step::Send {
                self.take_over(index);
            }
            let line = self.plan.ledger[index].clone();
            if ledger::is_open(&line) && !(is_wanted && self.send(&line, group_ids)) {
                self.plan.wake_within(MOVING * 5);
            }
            if ledger::is_open(&line) && !line.message.is_empty() {
                let reason = ledger::refusal(&line).map_or(Reason::Launching, Refusal::reason);
                let hint = hint(self.world, &line.instance_type, &line.message);
                self.causes.add(format!("launch {name}/{}: {}{hint}", line.number, line.message), reason);
            }
        }
        let missing = self.count().saturating_sub(self.alive().len() + coming);
        if !self.is_understood() || missing == 0 || !self.may_launch() {
            return None;
        }
        let because = format!("{} wanted, {} alive, {coming} coming", self.count(), self.alive().len());
        self.draft(missing, group_ids?, because)
    }

    /// Whether the ledger holds no word of the pool that this version does not know. Says so if one is in the way.
    fn is_understood(&mut self) -> bool {
        let name = &self.recipe.pool.name;
        let mut strange = self.plan.ledger.iter().filter(|line| line.pool == *name && !ledger::is_understood(line));
        let Some(Launch { number, state, reason, .. }) = strange.next() else { return true };
        if self.alive().len() < self.count() {
            let message = format!(
                "launch {name}/{number} has state \"{state}\" and reason \"{reason}\" in status.launches, which this version of the operator does not know: nothing is launched for the pool until one runs that does"
            );
            self.causes.stall(message, Reason::NotUnderstood);
        }
        false
    }

    /// Makes a line ours that another process wrote and may not send any more: it has ended, or it stands still. The call
    /// is made when status was seen to say so. Whoever it was taken from can no longer write down what became of its own
    /// call, and so cannot take a refusal for the only answer.
    fn take_over(&mut self, index: usize) {
        let Settings { process, launch_window, .. } = &self.world.settings;
        let line = &mut self.plan.ledger[index];
        let written = line.not_after.as_ref().map(|at| at.0 - *launch_window);
        let is_due = written.is_none_or(|at| self.world.now.duration_since(at) >= TAKEN_OVER_AFTER);
        if line.sender != *process && is_due {
            line.sender.clone_from(process);
            self.plan.wake = SignedDuration::ZERO;
        }
    }

    /// Plans the call of an open line, if it is ours, may still be sent and can be rebuilt exactly.
    fn send(&mut self, line: &Launch, group_ids: Option<&security_groups::GroupIds>) -> bool {
        let Some(group_ids) = group_ids else { return false };
        if ledger::step(line, self.world.now) != Step::Send || !is_ours(self.world, line) {
            return false;
        }
        let count = u32::try_from(line.count).unwrap_or(0);
        let ids = group_ids.of(self.pool().role);
        let request = self.recipe.request(ids, line.number, count, line.token.clone());
        let Ok(request) = request else { return false };
        let sha256 = ledger::request_sha256(&request);
        let token = ledger::token(self.world, &line.pool, line.number, &sha256);
        if sha256 != line.request_sha256 || token != line.token {
            return false;
        }
        let Some(not_after) = &line.not_after else { return false };
        let because =
            format!("{} wanted, {} alive, launch {} is written down", self.count(), self.alive().len(), line.number);
        self.plan.act(Action::Launch(LaunchRequest { not_after: not_after.0, ..request }), because);
        true
    }

    /// Whether another launch of this pool is worth paying for now.
    fn may_launch(&mut self) -> bool {
        let (name, revision, now) = (&self.recipe.pool.name, &self.recipe.revision, self.world.now);
        let lines: Vec<&Launch> =
            self.plan.ledger.iter().filter(|line| line.pool == *name && line.revision == *revision).collect();
        if let Some(failed) = lines.iter().rev().find(|line| ledger::refusal(line) == Some(Refusal::BootFailed)) {
            let hour = SignedDuration::from_hours(1);
            let recent = |line: &&&Launch| line.closed_at.as_ref().is_none_or(|at| now.duration_since(at.0) < hour);
            if lines.len() >= LAUNCHES_IN_ALL || lines.iter().filter(recent).count() >= LAUNCHES_PER_HOUR {
                let message = format!(
                    "pool {name}: {} launches, and instances do not get ready: {}; change the spec to try again",
                    lines.len(),
                    failed.message
                );
                self.causes.stall(message, Reason::BootFailed);
                self.plan.wake_within(SLOW);
                return false;
            }
        }
        let Some(last) = lines.last() else { return true };
        let Some(Refusal::Call(failure)) = ledger::refusal(last) else { return true };
        let pause = self.world.settings.refusal_pause;
        if last.closed_at.as_ref().is_some_and(|at| now.duration_since(at.0) < pause) {
            let outlook = zone_fallback::outlook(self.world, self.placement, last).unwrap_or("trying again in a while");
            let hint = hint(self.world, &last.instance_type, &last.message);
            let message = format!(
                "pool {name}: {} x {} in {}: {}{hint}; {outlook}",
                self.count, self.recipe.pool.instance_type, self.placement.zone, last.message
            );
            self.causes.add(message, failure.into());
            self.plan.wake_within(MOVING * 5);
            return false;
        }
        true
    }

    /// A new line: the next number, the whole request, and until when it may be sent.
    fn draft(&mut self, missing: usize, group_ids: &security_groups::GroupIds, because: String) -> Option<Draft> {
        let name = self.recipe.pool.name.clone();
        let number = 1 + highest_number(self.world, &self.plan.ledger, self.instances, &name);
        let count = u32::try_from(missing).unwrap_or(u32::MAX);
        let ids = group_ids.of(self.recipe.pool.role);
        let request = match self.recipe.request(ids.clone(), number, count, String::new()) {
            Ok(request) => request,
            Err(why) => {
                self.causes.stall(format!("pool {name}: {why}"), Reason::NoRecipe);
                return None;
            }
        };
        let sha256 = ledger::request_sha256(&request);
        let line = Launch {
            token: ledger::token(self.world, &name, number, &sha256),
            pool: name,
            number,
            instance_type: request.instance_type.clone(),
            sender: self.world.settings.process.clone(),
            subnet_id: request.subnet_id.clone(),
            image_id: request.image_id.clone(),
            group_ids: ids,
            count: i32::try_from(count).unwrap_or(i32::MAX),
            revision: self.recipe.revision.clone(),
            request_sha256: sha256,
            state: LineState::Open.name().to_owned(),
            reason: String::new(),
            message: String::new(),
            closed_at: None,
            not_after: Some(Time(self.world.now + self.world.settings.launch_window)),
            instance_ids: Vec::new(),
        };
        Some(Draft { line, request, because })
    }
}

/// Whether status was seen to say that this process makes the call.
fn is_ours(world: &World, line: &Launch) -> bool {
    let process = &world.settings.process;
    world.object.status.launches.iter().any(|seen| seen.token == line.token && seen.sender == *process)
}

/// Instances of ours that belong to no pool of the spec (any more).
fn remove_strangers(world: &World, pools: &[PoolSpec], instances: &[Instance], plan: &mut Plan) {
    let owner = world.owner();
    let doomed: BTreeSet<String> = instances
        .iter()
        .filter(|instance| !instance.state.is_dead())
        .filter(|instance| owner.owns(&instance.tags) || ledger::is_in(&plan.ledger, instance))
        .filter(|instance| {
            ledger::pool_of(&plan.ledger, instance).is_none_or(|name| !pools.iter().any(|pool| pool.name == name))
        })
        .map(|instance| instance.id.clone())
        .collect();
    removal::terminate(world, instances, plan, doomed, "no pool of the spec has them");
    // Launches of pools that are gone are never sent again; they may still have to be waited for.
    for line in plan.ledger.iter_mut().filter(|line| !pools.iter().any(|pool| pool.name == line.pool)) {
        absence::unaccounted(world, &mut plan.memory, instances, line);
    }
}

fn judge(
    pools: &[PoolSpec],
    wanted_in: &Counts,
    instances: &[Instance],
    causes: &Causes,
    refusals: &[String],
    plan: &mut Plan,
) {
    let wanted = length(wanted_in.total());
    let serves =
        |instance: &&&Instance| instance.state == InstanceState::Running && !plan.doomed.contains(&instance.id);
    let running_of = |pool: &PoolSpec| {
        let running = alive(&plan.ledger, instances, &pool.name).iter().filter(serves).count();
        running.min(length(wanted_in.of(&pool.name)))
    };
    let running: usize = pools.iter().map(running_of).sum();
    let mut counts = format!("{running} of {wanted} instances run");
    if !refusals.is_empty() {
        counts = format!("{counts}; not terminated: {}", refusals.join(", "));
    }
    let is_incomplete = |pool: &&PoolSpec| running_of(pool) < length(wanted_in.of(&pool.name));
    let failed_boot = pools.iter().filter(is_incomplete).find_map(|pool| {
        let mut lines = plan.ledger.iter().rev().filter(|line| line.pool == pool.name);
        lines.find(|line| ledger::refusal(line) == Some(Refusal::BootFailed)).map(|line| format!("; {}", line.message))
    });
    let failed_boot = failed_boot.unwrap_or_default();
    let front = causes.front.as_ref();
    match causes.list.first().or(front.filter(|_| running == wanted)) {
        _ if running == wanted && !causes.stalled && front.is_none() => {
            plan.conditions.provisioned(ConditionStatus::True, Reason::Running, counts);
        }
        Some((reason, message)) => {
            plan.conditions.provisioned(ConditionStatus::False, *reason, format!("{counts}; {message}"));
        }
        None if !refusals.is_empty() => {
            plan.conditions.provisioned(ConditionStatus::False, Reason::TerminationDenied, counts);
        }
        None if !plan.doomed.is_empty() => {
            let message = format!("{counts}; {} being terminated{failed_boot}", plan.doomed.len());
            plan.conditions.provisioned(ConditionStatus::False, Reason::Replacing, message);
            plan.wake_within(MOVING);
        }
        None => {
            let message = format!("{counts}{failed_boot}");
            plan.conditions.provisioned(ConditionStatus::False, Reason::Launching, message);
            plan.wake_within(MOVING);
        }
    }
    let has_failed = running == wanted && front.is_some_and(|(reason, _)| *reason == Reason::BalancerFailed);
    if causes.stalled || has_failed {
        plan.conditions.stall(ConditionType::Provisioned);
    }
}
