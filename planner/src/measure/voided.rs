//! The runs that count no more, because their balancer has ended. A run is of one balancer: its document names the address, and what is
//! measured through another one cannot be compared with it. When that balancer has ended, the run is stopped, its rounds
//! are void, and it begins anew through the next one.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use wire::{RunBalancer, RunState, RunStatus};

use super::records::{lose, note_running};
use super::slices::{Slice, collect};
use crate::balance::application;
use crate::conditions::{ConditionStatus, Reason};
use crate::desired;
use crate::instances::{control, single};
use crate::plan::{MOVING, Plan};
use crate::ports::{Instance, InstanceState};
use crate::run_key::RunKey;
use crate::runs::answer;
use crate::world::{Facet, World, ledger};

/// How it is with the balancer that a run measures through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Through {
    /// It answers, or it was never told which one it is.
    There,
    /// Neither has it answered us now, nor does a list show its end: lists are late.
    Silent,
    /// It has ended; in words.
    Gone(String),
}

/// Why nothing of the run counts, if so: it had not come to its end when its balancer came to its own.
pub(crate) fn why(world: &World, status: &RunStatus) -> Option<String> {
    match (status.state, through(world, status)) {
        (RunState::Finished, _) => None,
        (_, Through::Gone(why)) => Some(why),
        _ => None,
    }
}

/// Why nothing of this launch counts, by whatever one of its generators says.
pub(crate) fn why_of(world: &World, key: &RunKey) -> Option<String> {
    key.slices().find_map(|slice| why(world, answer(world, &slice)?))
}

/// Whether a run that ended early may have done so because its balancer had ended: lists show that late. It is waited
/// for as long as they may be.
pub(crate) fn is_unclear(world: &World, plan: &mut Plan, status: &RunStatus) -> bool {
    if through(world, status) != Through::Silent {
        plan.memory.absent_since.remove(SILENT);
        return false;
    }
    let first = *plan.memory.absent_since.entry(SILENT.to_owned()).or_insert(world.now);
    world.cloud.listed_at.duration_since(first) < world.settings.settle
}

/// What is waited for when a run ended early and its balancer is silent.
const SILENT: &str = "balancer of a run that ended early";

/// Stops what is on. What one generator has comes home, as aborted; of several nothing is recorded, and all measure
/// again. Launches before this one, which ended through the balancer that they began with, stay.
pub(crate) fn plan(world: &World, plan: &mut Plan, key: &RunKey, slices: &[Slice<'_>], why: &str) {
    for (slice, status) in slices.iter().filter_map(|slice| Some((slice, slice.answer?))) {
        match status.state {
            RunState::Running => plan.act(slice.stop(), why),
            _ if key.generators == 1 => collect(plan, slice, status),
            _ => {}
        }
    }
    if key.generators > 1 {
        let began = slices.iter().filter_map(|slice| Some(slice.answer?.started_at)).min();
        note_running(plan, key, began.map(Time));
        lose(world, plan, key, why);
    }
    let message =
        format!("{why}: the run is stopped, its rounds are void, and it begins anew through the next balancer");
    plan.conditions.measured(ConditionStatus::False, Reason::BalancerGone, message);
    plan.wake_within(MOVING);
}

pub(crate) fn through(world: &World, status: &RunStatus) -> Through {
    let Some(of) = &status.balancer else { return Through::There };
    let Some(pool) = desired::agent_in_front(&world.object.spec) else {
        return through_load_balancer(world, of);
    };
    let now = single(world, pool);
    if let (Some(Facet::Known(answer)), Some(now)) = (&world.balancer, now) {
        let is_its_address = is_at(now, of);
        if is_its_address && (of.instance_id.is_empty() || of.instance_id == answer.instance_id) {
            return Through::There;
        }
        if is_its_address {
            return Through::Gone(replaced(&of.instance_id, &answer.instance_id));
        }
    }
    let Some(instances) = world.cloud.instances.known() else { return Through::Silent };
    let is_own = |instance: &&Instance| {
        if of.instance_id.is_empty() { is_at(instance, of) } else { instance.id == of.instance_id }
    };
    let own = instances.iter().find(is_own);
    match (own, now) {
        (Some(own), _) if !is_alive(own) => Through::Gone(format!("{pool} {} is {}", own.id, own.state.name())),
        // What no list shows may still be there, as long as the ledger does not say that it has ended.
        (None, Some(now)) if !is_in_ledger(world, pool, &of.instance_id) => {
            Through::Gone(replaced(&of.instance_id, &now.id))
        }
        _ => Through::Silent,
    }
}

/// A load balancer that is made again, after somebody deleted it, has another DNS name.
fn through_load_balancer(world: &World, of: &RunBalancer) -> Through {
    match application::endpoint(world) {
        Some(now) if now == of.control => Through::There,
        Some(now) => Through::Gone(format!("the load balancer at {} was replaced by the one at {now}", of.control)),
        None => Through::Silent,
    }
}

fn replaced(from: &str, to: &str) -> String {
    if from.is_empty() {
        format!("balancer {to} has another address")
    } else {
        format!("balancer {from} was replaced by {to}")
    }
}

fn is_at(instance: &Instance, of: &RunBalancer) -> bool {
    control(instance).is_some_and(|control| of.control == format!("http://{control}"))
}

fn is_alive(instance: &Instance) -> bool {
    matches!(instance.state, InstanceState::Pending | InstanceState::Running)
}

fn is_in_ledger(world: &World, pool: &str, id: &String) -> bool {
    let has_id = |line: &api::Launch| line.instance_ids.contains(id) || !ledger::is_closed(line) && line.pool == pool;
    world.object.status.launches.iter().any(has_id)
}
