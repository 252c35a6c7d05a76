//! The membership of our balancer, or of the front: it is told its members, and waited for until every one of them answers.

use api::BalancerKind;
use wire::{Cluster, Health, Member, Membership, SharedPath};

use super::generators::{self, unreachable, unreachable_key};
use super::health;
use super::updates::{self, updates};
use super::{unfinished, waiting};
use crate::desired::{self, PULLER_PORT};
use crate::effect::Action;
use crate::instances::members::{running, still_serves};
use crate::instances::{control, single};
use crate::plan::Plan;
use crate::scale::{counts, length};
use crate::world::{Facet, World};

/// Every running instance of every cluster, and those that serve already and are not seen to end: a list from the past
/// may show one of them as pending, or not at all, and what is being measured does not change for that. Not those that are
/// out to be updated.
pub fn membership(world: &World) -> Membership {
    let (spec, updates) = (&world.object.spec, updates(world));
    let clusters = spec.clusters.iter().map(|cluster| {
        let vcpus = world.instance_type(&cluster.instance_type).map(|fact| fact.vcpus);
        let is_out = |id: &str| updates.get(&cluster.name).is_some_and(|update| update.is_out(id));
        let mut members: Vec<Member> = running(world, cluster)
            .chain(serving(world, cluster))
            .filter(|(id, _)| !is_out(id))
            .map(|(id, address)| Member { id: id.to_owned(), address: reached_at(spec, address), vcpus })
            .collect();
        members.sort_by(|a, b| a.id.cmp(&b.id));
        members.dedup_by(|a, b| a.id == b.id);
        Cluster {
            name: cluster.name.clone(),
            path: cluster.path(),
            policy: desired::policy(spec.balancer.policy),
            members,
        }
    });
    let shared = spec
        .balancer
        .shared
        .as_ref()
        .map(|shared| SharedPath { path: shared.path.clone(), policy: desired::policy(spec.balancer.policy) });
    Membership { clusters: clusters.collect(), shared, public_status: spec.balancer.public_status }
}

/// Address at which what stands in front reaches a member: of its service, or of the puller beside it.
fn reached_at(spec: &api::ClusterBenchmarkSpec, service: String) -> String {
    match (spec.balancer.kind, service.rsplit_once(':')) {
        (BalancerKind::Queue, Some((address, _))) => format!("{address}:{PULLER_PORT}"),
        _ => service,
    }
}

/// Id and address of each member that the balancer has, that our ledger knows, and that no list shows to end.
fn serving<'a>(world: &'a World, cluster: &api::Cluster) -> impl Iterator<Item = (&'a str, String)> {
    let status = world.balancer.as_ref().and_then(Facet::known);
    let told = status.into_iter().flat_map(|status| &status.clusters).filter(|told| told.name == cluster.name);
    told.flat_map(|told| &told.members)
        .filter(move |member| still_serves(world, cluster, &member.id))
        .map(|member| (member.id.as_str(), member.address.clone()))
}

/// Has the agent in front, of the pool `name`, serve all members.
pub(crate) fn plan(world: &World, name: &'static str, plan: &mut Plan) {
    let not_there = format!("the {name}'s instance does not run yet");
    let Some(balancer) = single(world, name) else {
        return waiting(plan, not_there);
    };
    let status = match &world.balancer {
        Some(Facet::Known(status)) => {
            plan.memory.absent_since.remove(&unreachable_key(name));
            status
        }
        Some(Facet::Unknown(why)) => return unreachable(world, plan, name, &why.message),
        None => return waiting(plan, not_there),
    };
    let (wanted, updates) = (membership(world), updates(world));
    updates::tell(world, plan, &updates);
    if status.membership_sha256 != wanted.sha256() {
        if let Some(control) = control(balancer) {
            let count = |clusters: &[Cluster]| clusters.iter().map(|cluster| cluster.members.len()).sum::<usize>();
            let served: usize = status.clusters.iter().map(|cluster| cluster.members.len()).sum();
            let because = format!("{} members are wanted, the {name} has {served} or others", count(&wanted.clusters));
            let (instance_id, expect) = (balancer.id.clone(), status.version.clone());
            plan.act(Action::SetMembership { control, instance_id, expect, to: wanted }, because);
        }
        return waiting(plan, format!("the {name} is being told its members"));
    }
    if unfinished::are_in_the_way(world, plan, &updates) || unfinished::are_unclear(world, plan, &updates) {
        return;
    }
    let counts = counts(world);
    let total: usize = world.object.spec.clusters.iter().map(|cluster| length(counts.of(&cluster.name))).sum();
    let members =
        || status.clusters.iter().flat_map(|cluster| cluster.members.iter().map(move |member| (cluster, member)));
    let healthy = members().filter(|(_, member)| member.health == Health::Healthy).count();
    if healthy < total || members().count() != total {
        let worst = members().find(|(_, member)| member.health != Health::Healthy).map(|(cluster, member)| {
            let console = health::console(world, &member.id);
            format!("; {} of {} does not answer GET /health on {}{console}", member.id, cluster.name, member.address)
        });
        let message = format!("{healthy} of {total} members are healthy{}", worst.unwrap_or_default());
        return health::incomplete(world, plan, message);
    }
    health::complete(plan);
    generators::plan(world, plan, &format!("{healthy} of {total} members are healthy, {name}"));
}
