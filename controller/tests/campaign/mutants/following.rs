//! Operators that break the rules of clusters that follow their queue.

use std::collections::BTreeSet;

use api::{Cluster, Scaling};
use planner::counts::decision;
use planner::scale::pool::{scaled, starts_and_stops};
use planner::world::Facet;
use planner::{Action, Plan, World, balance};
use wire::{BalancerStatus, QueueStatus, ScalingStatus};

use super::with;

type Planner = fn(&World) -> Plan;

/// Each by its name, with how it plans.
pub(super) const ALL: [(&str, Planner); 5] = [
    ("in flight not counted", in_flight_not_counted),
    ("busy ones ended", busy_ones_ended),
    ("unknown front scales", unknown_front_scales),
    ("starting ones ignored", starting_ones_ignored),
    ("a burst is a rate", a_burst_is_a_rate),
];

fn told(world: &mut World) -> impl Iterator<Item = &mut QueueStatus> {
    let status = match &mut world.balancer {
        Some(Facet::Known(status)) => Some(status),
        _ => None,
    };
    status.into_iter().flat_map(|status| &mut status.queues)
}

/// What a worker has taken is taken for answered: only what is visible in the queue counts.
fn in_flight_not_counted(world: &World) -> Plan {
    with(world, |world| {
        for queue in told(world) {
            (queue.open, queue.inherited) = (queue.unanswered().0, 0);
        }
    })
}

/// Who is to go is ended at once, whatever it works on.
fn busy_ones_ended(world: &World) -> Plan {
    let (mut plan, spec) = (planner::plan(world), &world.object.spec);
    let Some(Facet::Known(front)) = &world.balancer else { return plan };
    let working = front.clusters.iter().flat_map(|cluster| &cluster.members).filter(|member| member.in_flight > 0);
    let working: BTreeSet<&String> = working.map(|member| &member.id).collect();
    for (cluster, _) in scaled(spec) {
        let drain = decision(world, &cluster.name).map(|decision| decision.drain).unwrap_or_default();
        let ends: BTreeSet<String> = drain.into_iter().filter(|id| working.contains(id)).collect();
        if !ends.is_empty() {
            let is_stopped = starts_and_stops(spec, &cluster.name);
            let action = if is_stopped { Action::Stop(ends) } else { Action::Terminate(ends) };
            plan.effects.push(action.into());
        }
    }
    plan
}

/// A front that gives no answer is taken for one that has too much to do.
fn unknown_front_scales(world: &World) -> Plan {
    let Some(Facet::Unknown(_)) = &world.balancer else { return planner::plan(world) };
    let busy = |(cluster, _): (&Cluster, &Scaling)| QueueStatus {
        cluster: cluster.name.clone(),
        open: 999,
        scaling: Some(ScalingStatus::default()),
        ..QueueStatus::default()
    };
    let status = BalancerStatus {
        instance_id: String::new(),
        kernel_boot: String::new(),
        busy_per_mille: None,
        version: String::new(),
        membership_sha256: balance::membership::membership(world).sha256(),
        clusters: Vec::new(),
        shared: None,
        departing: Vec::new(),
        queues: scaled(&world.object.spec).map(busy).collect(),
    };
    with(world, |world| world.balancer = Some(Facet::Known(status)))
}

/// Instances on their way are left out: what waits is wanted once more at each look.
fn starting_ones_ignored(world: &World) -> Plan {
    let more = |(cluster, scaling): (&Cluster, &Scaling)| {
        let booting = u64::from(decision(world, &cluster.name)?.booting);
        // What each of them is for.
        let each = scaling.messages_per_instance.or(scaling.target_seconds)?;
        Some((cluster.name.clone(), booting * u64::try_from(each).ok()?))
    };
    let more: Vec<(String, u64)> = scaled(&world.object.spec).filter_map(more).collect();
    with(world, |world| {
        for queue in told(world).filter(|queue| queue.all_unanswered() > 0) {
            queue.open += more.iter().filter(|(name, _)| *name == queue.cluster).map(|(_, more)| more).sum::<u64>();
        }
    })
}

/// What came within ten seconds comes in all of them.
fn a_burst_is_a_rate(world: &World) -> Plan {
    with(world, |world| {
        for queue in told(world) {
            let most = queue.arrivals.iter().max().copied().unwrap_or(0);
            queue.arrivals.fill(most);
        }
    })
}
