//! `spec.paused`: nothing is begun or changed. A run that is on is held between two rounds, or finished where it cannot be
//! held. What has ended is still brought home, and deletion and expiry still end everything.
//!
//! A cluster that follows its queue does so in one direction: who is not needed finishes and ends, nobody is started, and the front
//! is told what is lacking, so that no round counts in which the rule could not act.

use std::collections::BTreeSet;

use api::ConditionType;

use crate::balance::{delivery, membership, unfinished};
use crate::conditions::{ConditionStatus, Reason};
use crate::counts;
use crate::measure;
use crate::plan::{MOVING, Plan};
use crate::ports::{Instance, InstanceState};
use crate::provision::{SCALING, finished, known_fields};
use crate::runs;
use crate::scale::pool;
use crate::world::{Facet, World};

const NOTHING_NEW: &str = "spec.paused is true: nothing is launched, replaced or measured anew until it is false; deletion and lifecycle.maxLifetimeSeconds still end everything";

const ONLY_FEWER: &str = "; of clusters that follow their queue, whoever is not needed finishes and ends, nobody is started, and a round that needs more is void";

pub(crate) fn plan(world: &World, plan: &mut Plan) {
    bring_home(world, plan);
    shrink(world, plan);
    let is_recorded = runs::recorded(world, &runs::wanted(world)).is_some();
    for kind in [ConditionType::Accepted, ConditionType::Provisioned, ConditionType::Deployed, ConditionType::Measured]
    {
        let says_more = says_more(plan.conditions.get(kind).reason);
        if !(kind == ConditionType::Measured && (is_recorded || says_more)) {
            // Who is out between two programs stays out: taken in again, it would serve the former one.
            let more = match kind {
                ConditionType::Deployed => unfinished::kept_out(world),
                ConditionType::Provisioned if pool::is_any_scaled(&world.object.spec) => ONLY_FEWER.to_owned(),
                _ => String::new(),
            };
            plan.conditions.set(kind, ConditionStatus::Unknown, Reason::Paused, format!("{NOTHING_NEW}{more}"));
        }
    }
    if !is_recorded {
        plan.conditions.stall(ConditionType::Accepted);
    }
}

/// Lets those of scaled clusters finish and end that their rules do not need. Who boots gets its program: it could do neither before.
fn shrink(world: &World, plan: &mut Plan) {
    let (spec, Some(placement)) = (&world.object.spec, &world.object.status.placement) else { return };
    let Facet::Known(instances) = &world.cloud.instances else { return };
    // What a former spec measures is stopped and collected before anything under it changes.
    let is_spoken_to = placement.public_key == world.settings.public_key && runs::former(world).is_empty();
    if !pool::is_any_scaled(spec) || !is_spoken_to || known_fields::refusal(spec, placement).is_some() {
        return;
    }
    delivery::plan(world, plan);
    membership::keep(world, plan);
    // Stopped ones that are more than the most were left so by a change of the spec.
    let is_running = |instance: &&Instance| instance.state == InstanceState::Running;
    let running: BTreeSet<String> = instances.iter().filter(is_running).map(|instance| instance.id.clone()).collect();
    for (cluster, _) in pool::scaled(spec) {
        let Some(mut decision) = counts::decision(world, &cluster.name) else { continue };
        // Those of a pool that stops and starts would else make up for the stopped ones.
        if pool::starts_and_stops(spec, &cluster.name) {
            decision.stop.append(&mut decision.terminate);
        }
        let because = format!("spec.paused is true, pool {}: {} wanted", cluster.name, decision.wanted);
        finished::end(world, instances, plan, (&decision, &running), &because);
        if decision.ready + decision.booting > decision.least || !decision.drain.is_empty() {
            plan.wake_within(SCALING);
        }
    }
}

/// Holds, stops or collects what is on, and begins nothing.
pub(crate) fn bring_home(world: &World, plan: &mut Plan) {
    if let Some(placement) = &world.object.status.placement {
        measure::plan(world, placement, plan);
        // What is stopped was not to go on: its time is over, or its balancer is gone, or nobody asks for it any more.
        plan.effects.retain(|effect| effect.action.nature().while_paused);
    }
}

/// What is waited for when a budget is spent at once.
const LAST: &str = "report of the run that the budget does not pay any more";

/// Whether a run is on that is stopped and brought home before everything ends. It is not waited for longer than the last
/// call of any other end.
pub(crate) fn last_call(world: &World, plan: &mut Plan) -> bool {
    let key = runs::wanted(world);
    // A generator that is silent just now may still have it.
    let is_there = match &world.runs {
        Some(Facet::Known(_)) => key.slices().any(|slice| runs::answer(world, &slice).is_some()),
        _ => runs::running(&world.object.status.runs, &key).is_some(),
    };
    let is_on = is_there && runs::recorded(world, &key).is_none();
    let first = *plan.memory.absent_since.entry(LAST.to_owned()).or_insert(world.now);
    if !is_on || world.now.duration_since(first) >= world.settings.last_call {
        return false;
    }
    bring_home(world, plan);
    plan.wake_within(MOVING);
    true
}

/// The budget pays again: another last call has its own time.
pub(crate) fn forget_last_call(plan: &mut Plan) {
    plan.memory.absent_since.remove(LAST);
}

/// Whether `Measured` says more for this reason than that the benchmark is paused.
fn says_more(reason: Reason) -> bool {
    use Reason::{BalancerGone, Collecting, Expiring, Paused, Pausing, Running};
    matches!(reason, Running | Pausing | Paused | BalancerGone | Collecting | Expiring)
}
