//! The targets: instances that run are registered, others are taken out, and the health of all is waited for.

use std::collections::BTreeSet;

use super::wanted::TargetGroupSpec;
use super::{health, registered};
use crate::balance::updates::{self, Update, updates};
use crate::balance::{generators, unfinished, waiting};
use crate::counts::{counts, length};
use crate::effect::Action;
use crate::instances::members::{running, still_serves};
use crate::plan::Plan;
use crate::ports::{Target, TargetGroup, TargetState};
use crate::world::{Application, World};

pub(super) fn plan(
    world: &World,
    plan: &mut Plan,
    seen: &Application,
    groups: &[(&TargetGroupSpec, &TargetGroup)],
    routes_are_made: bool,
) {
    let (before, updates) = (plan.effects.len(), updates(world));
    for (wanted, group) in groups {
        register(world, plan, seen, (wanted, group), updates.get(&wanted.cluster));
    }
    let are_registered = plan.effects.len() == before;
    updates::tell(world, plan, &updates);
    let counts = counts(world);
    let total: usize = groups.iter().map(|(wanted, _)| length(counts.of(&wanted.cluster))).sum();
    let all = || groups.iter().flat_map(|(wanted, group)| registered(seen, group).map(move |one| (*wanted, one)));
    let healthy = all().filter(|(_, target)| target.state == TargetState::Healthy).count();
    if !routes_are_made {
        return waiting(plan, format!("routes are being made; {healthy} of {total} targets are healthy"));
    }
    if !are_registered {
        return waiting(plan, format!("targets are being registered; {healthy} of {total} are healthy"));
    }
    if unfinished::are_in_the_way(world, plan, &updates) || unfinished::are_unclear(world, plan, &updates) {
        return;
    }
    if healthy < total || all().count() != total {
        let worst = all().find(|(_, target)| target.state != TargetState::Healthy);
        let worst = worst.map(|(wanted, target)| said(world, wanted, target)).unwrap_or_default();
        return health::incomplete(world, plan, format!("{healthy} of {total} targets are healthy{worst}"));
    }
    health::complete(plan);
    generators::plan(world, plan, &format!("{healthy} of {total} targets are healthy, load balancer"));
}

fn register(
    world: &World,
    plan: &mut Plan,
    seen: &Application,
    (wanted, group): (&TargetGroupSpec, &TargetGroup),
    update: Option<&Update>,
) {
    let Some(cluster) = world.object.spec.clusters.iter().find(|cluster| cluster.name == wanted.cluster) else {
        return;
    };
    // An instance that does not run yet is refused (ELBv2 API reference, RegisterTargets: InvalidTarget).
    let is_out = |id: &str| update.is_some_and(|update| update.is_out(id));
    let running = running(world, cluster).map(|(id, _)| id.to_owned());
    let running: BTreeSet<String> = running.filter(|id| !is_out(id)).collect();
    let has: BTreeSet<String> = registered(seen, group).map(|target| target.instance_id.clone()).collect();
    let (arn, name) = (&group.arn, &group.name);
    let missing: BTreeSet<String> = running.difference(&has).cloned().collect();
    if !missing.is_empty() {
        let because = format!("cluster {}: {} run, {} are registered", wanted.cluster, running.len(), has.len());
        plan.act(Action::RegisterTargets { arn: arn.clone(), name: name.clone(), ids: missing }, because);
    }
    let goes_on = |id: &&String| still_serves(world, cluster, id);
    let strange: BTreeSet<String> = has.difference(&running).filter(|id| !goes_on(id)).cloned().collect();
    if !strange.is_empty() {
        let why =
            if strange.iter().any(|id| is_out(id)) { "they are to be updated" } else { "they do not run (any more)" };
        let because = format!("cluster {}: {why}", wanted.cluster);
        plan.act(Action::DeregisterTargets { arn: arn.clone(), name: name.clone(), ids: strange }, because);
    }
}

/// A target in AWS's words, and what its console says.
fn said(world: &World, wanted: &TargetGroupSpec, target: &Target) -> String {
    let reason = target.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let described = target.description.as_ref().map(|words| format!(": {words}")).unwrap_or_default();
    let console = health::console(world, &target.instance_id);
    let (id, cluster, state) = (&target.instance_id, &wanted.cluster, target.state.name());
    let way_out = if target.state == TargetState::Unhealthy { health::way_out(world, cluster) } else { String::new() };
    format!("; {id} of {cluster} is {state}{reason}{described}{console}{way_out}")
}
