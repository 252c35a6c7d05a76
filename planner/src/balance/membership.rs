//! The membership of our balancer, or of the front: it is told its members, and waited for until every one of them answers.

use api::BalancerKind;
use wire::{BalancerStatus, Cluster, ClusterScaling, Health, HealthCheck, Member, Membership, SharedPath};

use super::generators::{self, unreachable, unreachable_key};
use super::updates::{self, updates};
use super::{health, scaling};
use super::{unfinished, waiting};
use crate::counts::{self, Decision, counts, length};
use crate::desired::{self, FRONT, PULLER_PORT};
use crate::effect::Action;
use crate::instances::members::{running, still_serves};
use crate::instances::{dialled, single};
use crate::plan::Plan;
use crate::ports::{Instance, InstanceState};
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
            health: check(spec, &cluster.name),
            scaling: told(world, cluster, &members),
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

/// What a front is told of a cluster whose number of instances follows its queue.
fn told(world: &World, cluster: &api::Cluster, members: &[Member]) -> Option<ClusterScaling> {
    let Decision { least, starting, lacking, mut drain, .. } = counts::decision(world, &cluster.name)?;
    drain.retain(|id| members.iter().any(|member| member.id == *id));
    let since =
        members.iter().filter_map(|member| Some((member.id.clone(), counts::since(world, cluster, &member.id)?)));
    Some(ClusterScaling { least, starting, lacking, drain, since: since.collect() })
}

/// What the members of a cluster are asked, where the spec says it. Behind queues these are the pullers, who ask the programs.
fn check(spec: &api::ClusterBenchmarkSpec, cluster: &str) -> Option<HealthCheck> {
    let asked = desired::health(spec, cluster).filter(|_| spec.balancer.kind != BalancerKind::Queue)?;
    Some(HealthCheck { path: asked.path.clone(), status: asked.status.and_then(|status| u16::try_from(status).ok()) })
}

/// The same in words.
fn check_text(spec: &api::ClusterBenchmarkSpec, cluster: &str) -> String {
    let check = check(spec, cluster).unwrap_or_default();
    let status = check.status.map(|status| format!(" with {status}")).unwrap_or_default();
    format!("GET {}{status}", check.path)
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
        set(world, plan, (name, balancer), status, &wanted);
        // A cluster that scales is another one at many looks, and serves all the time.
        if !scaling::is_all_that_differs(world, &wanted, status) {
            return waiting(plan, format!("the {name} is being told its members"));
        }
    }
    if unfinished::are_in_the_way(world, plan, &updates) || unfinished::are_unclear(world, plan, &updates) {
        return;
    }
    if let Some(message) = scaling::lacking(world) {
        return health::incomplete(world, plan, message);
    }
    let counts = counts(world);
    let fixed = |name: &str| !is_scaled(world, name);
    let clusters = world.object.spec.clusters.iter().filter(|cluster| fixed(&cluster.name));
    let total: usize = clusters.map(|cluster| length(counts.of(&cluster.name))).sum();
    let members = || {
        let clusters = status.clusters.iter().filter(|cluster| fixed(&cluster.name));
        clusters.flat_map(|cluster| cluster.members.iter().map(move |member| (cluster, member)))
    };
    let healthy = members().filter(|(_, member)| member.health == Health::Healthy).count();
    if healthy < total || members().count() != total {
        let worst = members().find(|(_, member)| member.health != Health::Healthy).map(|(cluster, member)| {
            let console = health::console(world, &member.id);
            let asked = check_text(&world.object.spec, &cluster.name);
            let way_out = health::way_out(world, &cluster.name);
            format!(
                "; {} of {} does not answer {asked} on {}{console}{way_out}",
                member.id, cluster.name, member.address
            )
        });
        let message = format!("{healthy} of {total} members are healthy{}", worst.unwrap_or_default());
        return health::incomplete(world, plan, message);
    }
    health::complete(plan);
    let of_fixed = if total > 0 { format!("{healthy} of {total} members are healthy, ") } else { String::new() };
    let so_far = format!("{of_fixed}{}{name}", scaling::said(world));
    generators::plan(world, plan, &so_far);
}

/// While `spec.paused` is true: the front is told who finishes and what is lacking, and who has ended or come since. Not while what
/// it serves is to be something else, by an edit of the clusters.
pub(crate) fn keep(world: &World, plan: &mut Plan) {
    let (Some(front), Some(Facet::Known(status))) = (single(world, FRONT), &world.balancer) else { return };
    let wanted = membership(world);
    let is_any_out = updates(world).values().any(|update| !update.batch.is_empty() || update.unclear() > 0);
    let instances = world.cloud.instances.known().map(Vec::as_slice).unwrap_or_default();
    let is_running = |id: &str| instances.iter().any(|one| one.id == id && one.state == InstanceState::Running);
    if status.membership_sha256 != wanted.sha256() && !is_any_out && scaling::is_of_these(&wanted, status, is_running) {
        set(world, plan, (FRONT, front), status, &wanted);
    }
}

fn set(world: &World, plan: &mut Plan, (name, agent): (&str, &Instance), status: &BalancerStatus, wanted: &Membership) {
    let Some(control) = dialled(world, agent) else { return };
    let count = |clusters: &[Cluster]| clusters.iter().map(|cluster| cluster.members.len()).sum::<usize>();
    let served: usize = status.clusters.iter().map(|cluster| cluster.members.len()).sum();
    let because = format!("{} members are wanted, the {name} has {served} or others", count(&wanted.clusters));
    let (instance_id, expect) = (agent.id.clone(), status.version.clone());
    plan.act(Action::SetMembership { control, instance_id, expect, to: wanted.clone() }, because);
}

fn is_scaled(world: &World, cluster: &str) -> bool {
    crate::scale::pool::scaling(&world.object.spec, cluster).is_some()
}
