//! The stage that provisions: security groups first, then launches, then the removal of instances that are too many.

pub(crate) mod absence;
mod addressing;
mod complete;
pub(crate) mod finished;
mod hint;
pub(crate) mod known_fields;
pub mod own_vpc;
pub mod placement;
pub mod prices;
pub mod rehearsal;
pub mod removal;
pub(crate) mod security_groups;
mod series;
mod subnets;
pub mod zone_fallback;
mod zones;

use std::collections::BTreeSet;

use api::{ConditionType, Placement};
use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::balance::application::front;
use crate::balance::queues;
use crate::budget;
use crate::conditions::{ConditionStatus, Reason};
use crate::control;
use crate::counts::{Counts, Decision, decision, length};
use crate::desired::role::Role;
use crate::desired::{self, NoRecipe, PoolSpec, Recipe};
use crate::instances::{alive, readiness};
use crate::plan::{MOVING, Plan};
use crate::ports::{Instance, InstanceState};
use crate::runs;
use crate::scale::pool::{self, starts_and_stops};
use crate::time_left;
use crate::world::ledger::{self, Refusal};
use crate::world::{Facet, World};
use rehearsal::Draft;
use series::Series;

/// While clusters follow their queues: the rule was tried with looks of this distance.
pub(crate) const SCALING: SignedDuration = SignedDuration::from_secs(2);

/// `false`: the placement does not do for the spec (yet). Then what stands in front is not told anything either.
pub(crate) fn plan(world: &World, placement: &Placement, plan: &mut Plan) -> bool {
    if let Some(message) = known_fields::refusal(&world.object.spec, placement) {
        let why = format!("see Accepted: {message}");
        plan.refuse(Reason::ProgramsTooOld, message);
        return held(plan, why);
    }
    let closed = addressing::refusal(world, placement).map(|message| (Reason::NoEgress, message));
    if let Some((reason, message)) = control::refusal(world, placement).or(closed) {
        let why = format!("see Accepted: {message}");
        plan.refuse(reason, message);
        return held(plan, why);
    }
    zone_fallback::say_where(placement, plan);
    let instances = match &world.cloud.instances {
        Facet::Known(instances) => instances,
        Facet::Unknown(why) => {
            plan.conditions.unknown(ConditionType::Provisioned, Some(why));
            plan.wake_within(MOVING * 5);
            return true;
        }
    };
    if let Some(left) = zone_fallback::leave(world, placement) {
        zone_fallback::say_where(&left, plan);
        let message = format!("{}: moving all to another zone", zone_fallback::why(&left));
        plan.conditions.provisioned(ConditionStatus::False, Reason::Moving, message);
        plan.placement = Some(left);
        plan.wake = SignedDuration::ZERO;
        return true;
    }
    if let Some(why) = front::place(world, placement, plan).or_else(|| queues::place(world, placement, plan)) {
        return held(plan, why);
    }
    compare(world, placement, plan, instances);
    true
}

/// Nothing is changed meanwhile.
fn held(plan: &mut Plan, why: String) -> bool {
    plan.conditions.provisioned(ConditionStatus::False, Reason::Waiting, why.as_str());
    plan.conditions.deployed(ConditionStatus::False, Reason::Waiting, why);
    false
}

fn compare(world: &World, placement: &Placement, plan: &mut Plan, instances: &[Instance]) {
    let group_ids = security_groups::plan(world, placement, plan);
    let pools = desired::pools(&world.object.spec);
    let mut causes = Causes::default();
    // A load balancer reaches the members and is reached by the generators, as our own balancer is.
    let of_front = group_ids.as_ref().map(|ids| ids.of(Role::Balancer));
    causes.front = front::plan(world, placement, plan, of_front);
    if let Some((reason, message)) = queues::plan(world, placement, plan) {
        causes.add(message.clone(), reason);
        (causes.front, causes.lacks_queues) = (Some((reason, message)), true);
    }
    // Before anything ends for it: what the budget does not pay replaces nothing that runs.
    let unpaid = budget::unpaid(world, placement, &plan.ledger);
    // Workers that one launch of a run has measured go in any case: they would be paid and measure nothing.
    causes.may_replace = unpaid.is_none() || runs::is_of_several_launches(world);
    let mut drafts = Vec::new();
    let subnets = placement.subnets();
    for pool in &pools {
        let recipe = |subnet| desired::recipe(world, placement, pool, subnet);
        let recipes: Result<Vec<Recipe<'_>>, NoRecipe> = subnets.iter().map(recipe).collect();
        match recipes {
            Ok(recipes) => {
                let mut work = PoolWork { world, placement, instances, plan, causes: &mut causes };
                let is_early = work.causes.lacks_queues && matches!(pool.role, Role::Front | Role::Worker);
                work.compare(pool, &recipes, group_ids.as_ref().filter(|_| !is_early), &mut drafts);
            }
            Err(NoRecipe::UnknownType(_)) if world.types.known().is_none() => causes.unclear = true,
            Err(why) => {
                causes.stall(format!("pool {}: {why}", pool.name), Reason::NoRecipe);
            }
        }
    }
    // Without one of the pools nothing is measured: the others would be paid for nothing.
    if causes.list.iter().any(|(reason, _)| *reason == Reason::NoRecipe) {
        drafts.clear();
    }
    remove_strangers(world, &pools, instances, plan);
    if pool::is_any_scaled(&world.object.spec) {
        plan.wake_within(SCALING);
    }
    if let Some((reason, message)) = unpaid.filter(|_| causes.is_kept || !drafts.is_empty()) {
        drafts.clear();
        causes.add("what is missing is not launched, see Accepted".to_owned(), Reason::Waiting);
        plan.conditions.accepted(ConditionStatus::False, reason, message);
        if reason != Reason::Pending {
            plan.conditions.stall(ConditionType::Accepted);
        }
    }
    if let Some(message) = time_left::in_vain(world).filter(|_| !drafts.is_empty()) {
        drafts.clear();
        causes.add("what is missing is not launched, see Accepted".to_owned(), Reason::Waiting);
        plan.conditions.accepted(ConditionStatus::False, Reason::TooLong, message);
        plan.conditions.stall(ConditionType::Accepted);
    }
    if rehearsal::write_down(world, drafts, plan).is_some() {
        causes.add("what is missing is not launched, see Accepted".to_owned(), Reason::Waiting);
    }
    if causes.unclear {
        // Whether what runs is what the spec asks for cannot be told: nothing is measured on it.
        plan.conditions.unknown(ConditionType::Provisioned, world.types.unknown());
        plan.wake_within(MOVING * 5);
    } else {
        let refusals = plan.refusals(world, instances);
        judge(world, &pools, instances, &causes, &refusals, plan);
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
    /// Queues or bucket are not there yet: whoever uses them is not launched.
    lacks_queues: bool,
    /// It is not known of some pool what its instances should be.
    unclear: bool,
    /// Whether the budget pays others instead of those that are not what the spec asks for, and whether some are kept for
    /// that.
    may_replace: bool,
    is_kept: bool,
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
    plan: &'a mut Plan,
    causes: &'a mut Causes,
}

impl PoolWork<'_> {
    /// Zone by zone: removes, sends what is written down, and drafts what is missing.
    fn compare(
        &mut self,
        pool: &PoolSpec,
        recipes: &[Recipe<'_>],
        group_ids: Option<&security_groups::GroupIds>,
        drafts: &mut Vec<Draft>,
    ) {
        let spec = &self.world.object.spec;
        // The most that may be there, where a cluster is scaled.
        let wanted = Counts::of_spec(spec);
        let by_zone = wanted.by_zone(pool, recipes.len());
        let scaled = decision(self.world, &pool.name);
        let scaled = scaled.as_ref();
        self.mark_failed_boots(&pool.name);
        let mut coming = Vec::new();
        for (zone, recipe) in recipes.iter().enumerate() {
            let mut series = self.series(zone, recipe, by_zone[zone], scaled);
            series.remove();
            coming.push(series.send_lines(group_ids));
        }
        let growth = scaled.filter(|_| !starts_and_stops(spec, &pool.name)).map(|decision| &decision.launch);
        for (zone, recipe) in recipes.iter().enumerate() {
            let drafted = drafts.iter().filter(|draft| draft.line.pool == pool.name).map(|draft| draft.request.count);
            let alive = alive(spec, &self.plan.ledger, self.instances, &pool.name).len();
            let taken = alive + coming.iter().sum::<usize>() + length(drafted.sum());
            let room = length(wanted.of(&pool.name)).saturating_sub(taken);
            let growth = growth.map_or(usize::MAX, |growth| growth.get(zone).copied().map_or(0, length));
            let series = &mut self.series(zone, recipe, by_zone[zone], scaled);
            series.launch((coming[zone], room.min(growth)), group_ids, drafts);
        }
    }

    /// Notes in the ledger which launches brought an instance that did not get ready, or that EC2 gave up.
    fn mark_failed_boots(&mut self, pool: &str) {
        let (world, placement, instances) = (self.world, self.placement, self.instances);
        let lines = self.plan.ledger.iter_mut().filter(|line| line.pool == pool && !ledger::is_refused(line));
        for line in lines {
            let mut of_line = instances.iter().filter(|instance| ledger::is_from(line, instance));
            if let Some(failed) = of_line.find_map(|instance| readiness::failed_boot(world, placement, instance)) {
                line.reason = failed.reason.name().to_owned();
                line.message = failed.message;
                line.closed_at = Some(Time(world.now));
            }
        }
    }

    fn series<'b>(
        &'b mut self,
        zone: usize,
        recipe: &'b Recipe<'b>,
        count: u32,
        scaled: Option<&'b Decision>,
    ) -> Series<'b> {
        let Self { world, placement, instances, .. } = *self;
        Series { world, placement, instances, recipe, zone, count, scaled, plan: self.plan, causes: self.causes }
    }
}

/// Instances of ours that belong to no pool of the spec (any more).
fn remove_strangers(world: &World, pools: &[PoolSpec], instances: &[Instance], plan: &mut Plan) {
    let owner = world.owner();
    let doomed: BTreeSet<String> = instances
        .iter()
        .filter(|instance| !matches!(instance.state, InstanceState::ShuttingDown | InstanceState::Terminated))
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
    world: &World,
    pools: &[PoolSpec],
    instances: &[Instance],
    causes: &Causes,
    refusals: &[String],
    plan: &mut Plan,
) {
    let spec = &world.object.spec;
    let needed = complete::counts(spec);
    let wanted = length(needed.total());
    let serves =
        |instance: &&&Instance| complete::is_there(spec, plan, instance) && !plan.doomed.contains(&instance.id);
    let running_of = |pool: &PoolSpec| {
        let running = alive(spec, &plan.ledger, instances, &pool.name).iter().filter(serves).count();
        running.min(length(needed.of(&pool.name)))
    };
    let running: usize = pools.iter().map(running_of).sum();
    let mut counts = format!("{running} of {wanted} instances {}{}", complete::word(spec), complete::scaled(spec));
    if !refusals.is_empty() {
        counts = format!("{counts}; not terminated: {}", refusals.join(", "));
    }
    let is_incomplete = |pool: &&PoolSpec| running_of(pool) < length(needed.of(&pool.name));
    let failed_boot = pools.iter().filter(is_incomplete).find_map(|pool| {
        let mut lines = plan.ledger.iter().rev().filter(|line| line.pool == pool.name);
        lines.find(|line| ledger::refusal(line) == Some(Refusal::BootFailed)).map(|line| format!("; {}", line.message))
    });
    let failed_boot = failed_boot.unwrap_or_default();
    let front = causes.front.as_ref();
    match causes.list.first().or(front.filter(|_| running == wanted)) {
        _ if running == wanted && !causes.stalled && front.is_none() => {
            // What a cluster lacks for its queue is no change of what the spec asks for.
            let lack = causes.list.first().filter(|_| pool::is_any_scaled(spec));
            let counts = lack.map_or(counts.clone(), |(_, message)| format!("{counts}; {message}"));
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
    let is_for_people = |reason: &Reason| matches!(reason, Reason::BalancerFailed | Reason::ChangedByHand);
    let has_failed = running == wanted && front.is_some_and(|(reason, _)| is_for_people(reason));
    if causes.stalled || has_failed {
        plan.conditions.stall(ConditionType::Provisioned);
    }
}
