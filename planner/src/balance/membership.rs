//! The membership of our balancer: it is told its members, and waited for until every one of them answers.

use api::{ConditionType, Placement};
use wire::{Cluster, Health, Member, Membership};

use crate::conditions::ConditionStatus;
use crate::desired::{self, BALANCER, CONTROL_PORT, GENERATOR};
use crate::effect::Action;
use crate::instances::readiness::ready;
use crate::instances::{alive, control, single};
use crate::owner;
use crate::plan::{MOVING, Plan};
use crate::ports::{Instance, InstanceState};
use crate::scale::{counts, length};
use crate::world::{Facet, World};

/// Every running instance of every cluster, and those that serve already and are not seen to end: a list from the past
/// may show one of them as pending, or not at all, and what is being measured does not change for that.
pub fn membership(world: &World) -> Membership {
    let spec = &world.object.spec;
    let clusters = spec.clusters.iter().map(|cluster| {
        let vcpus = world.instance_type(&cluster.instance_type).map(|fact| fact.vcpus);
        let mut members: Vec<Member> = running(world, cluster)
            .chain(serving(world, cluster))
            .map(|(id, address)| Member { id: id.to_owned(), address, vcpus })
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
    Membership { clusters: clusters.collect() }
}

/// Id and address of each instance of a cluster that a list shows as running. One too many that the cloud refuses to
/// terminate is paid for and serves nobody.
fn running<'a>(world: &'a World, cluster: &api::Cluster) -> impl Iterator<Item = (&'a str, String)> {
    let (instances, port) = (seen(world), world.object.spec.worker.port);
    let mut running = alive(&world.object.status.launches, instances, &cluster.name);
    running
        .retain(|instance| instance.state == InstanceState::Running && instance.instance_type == cluster.instance_type);
    let mut surplus = running.len().saturating_sub(length(counts(world).of(&cluster.name)));
    running.retain(|instance| {
        let is_left = surplus > 0 && world.memory.denials.contains_key(&instance.id);
        surplus -= usize::from(is_left);
        !is_left
    });
    running
        .into_iter()
        .filter_map(move |instance| Some((instance.id.as_str(), format!("{}:{port}", instance.private_address?))))
}

/// Id and address of each member that the balancer has, that our ledger knows, and that no list shows to end.
fn serving<'a>(world: &'a World, cluster: &api::Cluster) -> impl Iterator<Item = (&'a str, String)> {
    let status = world.balancer.as_ref().and_then(Facet::known);
    let told = status.into_iter().flat_map(|status| &status.clusters).filter(|told| told.name == cluster.name);
    let is_launched = |id: &String| {
        let launches = &world.object.status.launches;
        launches.iter().any(|line| {
            line.pool == cluster.name && line.instance_type == cluster.instance_type && line.instance_ids.contains(id)
        })
    };
    let is_unclear = |id: &String| {
        let shown = seen(world).iter().find(|instance| instance.id == *id);
        shown.is_none_or(|instance| instance.state == InstanceState::Pending)
    };
    told.flat_map(|told| &told.members)
        .filter(move |member| is_launched(&member.id) && is_unclear(&member.id))
        .map(|member| (member.id.as_str(), member.address.clone()))
}

fn seen(world: &World) -> &[Instance] {
    world.cloud.instances.known().map(Vec::as_slice).unwrap_or_default()
}

pub(crate) fn plan(world: &World, placement: &Placement, plan: &mut Plan) {
    let waiting = |plan: &mut Plan, message: String| {
        plan.conditions.set(ConditionType::Deployed, ConditionStatus::False, "Waiting", message);
        plan.wake_within(MOVING);
    };
    if world.cloud.instances.known().is_none() {
        plan.conditions.unknown(ConditionType::Deployed, world.cloud.instances.unknown());
        return;
    }
    if placement.public_key != world.settings.public_key {
        let message = "the operator's control key is not the one that balancer and generator were launched with: delete the benchmark and create it again";
        plan.conditions.set(ConditionType::Deployed, ConditionStatus::False, "ControlKeyChanged", message);
        plan.conditions.stall(ConditionType::Deployed);
        return;
    }
    let Some(balancer) = single(world, BALANCER) else {
        return waiting(plan, "the balancer's instance does not run yet".to_owned());
    };
    let status = match &world.balancer {
        Some(Facet::Known(status)) => {
            plan.memory.absent_since.remove(&unreachable_key(BALANCER));
            status
        }
        Some(Facet::Unknown(why)) => return unreachable(world, plan, BALANCER, &why.message),
        None => return waiting(plan, "the balancer's instance does not run yet".to_owned()),
    };
    let wanted = membership(world);
    if status.membership_sha256 != wanted.sha256() {
        if let Some(control) = control(balancer) {
            let count = |clusters: &[Cluster]| clusters.iter().map(|cluster| cluster.members.len()).sum::<usize>();
            let served: usize = status.clusters.iter().map(|cluster| cluster.members.len()).sum();
            let because =
                format!("{} members are wanted, the balancer has {served} or others", count(&wanted.clusters));
            let (instance_id, expect) = (balancer.id.clone(), status.version.clone());
            plan.act(Action::SetMembership { control, instance_id, expect, to: wanted }, because);
        }
        return waiting(plan, "the balancer is being told its members".to_owned());
    }
    let counts = counts(world);
    let total: usize = world.object.spec.clusters.iter().map(|cluster| length(counts.of(&cluster.name))).sum();
    let members =
        || status.clusters.iter().flat_map(|cluster| cluster.members.iter().map(move |member| (cluster, member)));
    let healthy = members().filter(|(_, member)| member.health == Health::Healthy).count();
    if healthy < total || members().count() != total {
        let worst = members().find(|(_, member)| member.health != Health::Healthy).map(|(cluster, member)| {
            let console = world
                .consoles
                .get(&member.id)
                .map(|word| format!("; its console ends with: {word}"))
                .unwrap_or_default();
            format!("; {} of {} does not answer GET /health on {}{console}", member.id, cluster.name, member.address)
        });
        waiting(plan, format!("{healthy} of {total} members are healthy{}", worst.unwrap_or_default()));
        if lasts(world, plan, UNHEALTHY) {
            let message = plan.conditions.get(ConditionType::Deployed).message.clone();
            plan.conditions.set(ConditionType::Deployed, ConditionStatus::False, "Unhealthy", message);
            plan.conditions.stall(ConditionType::Deployed);
        }
        return;
    }
    plan.memory.absent_since.remove(UNHEALTHY);
    if matches!(&world.runs, Some(Facet::Known(_))) {
        plan.memory.absent_since.remove(&unreachable_key(GENERATOR));
    }
    match &world.runs {
        Some(Facet::Known(_)) => plan.conditions.set(
            ConditionType::Deployed,
            ConditionStatus::True,
            "Healthy",
            format!("{healthy} of {total} members are healthy, balancer and generator answer"),
        ),
        Some(Facet::Unknown(why)) => unreachable(world, plan, GENERATOR, &why.message),
        None => waiting(plan, "the generator's instance does not run yet".to_owned()),
    }
}

/// What is waited for while members are not healthy.
const UNHEALTHY: &str = "health of all members";

fn unreachable_key(pool: &str) -> String {
    format!("answer of {pool}")
}

/// Whether something has been so for longer than a boot may take, as far as this process saw.
fn lasts(world: &World, plan: &mut Plan, what: &str) -> bool {
    let first = *plan.memory.absent_since.entry(what.to_owned()).or_insert(world.now);
    world.now.duration_since(first) > world.settings.boot_deadline
}

/// From, to, port and rule; the console tells whether the program was started at all.
fn unreachable(world: &World, plan: &mut Plan, pool: &str, why: &str) {
    let instance = single(world, pool);
    let console = instance
        .and_then(|instance| world.consoles.get(&instance.id))
        .map(|word| format!("; its console ends with: {word}"))
        .unwrap_or_default();
    let started = lasts(world, plan, &unreachable_key(pool));
    let sources: Vec<String> = world.settings.control_sources.iter().map(ToString::to_string).collect();
    let sources = sources.join(", ");
    let reason = if started { "ControlUnreachable" } else { "Waiting" };
    let message =
        format!("{pool} does not answer yet: {why} (port {CONTROL_PORT} is open to {sources} in group edge){console}");
    plan.conditions.set(ConditionType::Deployed, ConditionStatus::False, reason, message);
    if started {
        plan.conditions.stall(ConditionType::Deployed);
    }
    plan.wake_within(MOVING);
}

/// Instances that should be ready by now and are not: their consoles are worth a look.
pub fn slow_instances(world: &World) -> Vec<String> {
    let Some(instances) = world.cloud.instances.known() else { return Vec::new() };
    let ready = ready(world);
    let owner = world.owner();
    instances
        .iter()
        .filter(|instance| owner.owns(&instance.tags) && instance.tags.contains_key(owner::POOL))
        .filter(|instance| instance.state == InstanceState::Running && !ready.contains(instance.id.as_str()))
        .filter(|instance| world.now.duration_since(instance.launched_at) > SLOW_BOOT)
        .map(|instance| instance.id.clone())
        .collect()
}

/// A boot with a fetch from nearby takes less; EC2 takes longer than this to show a console anyway.
const SLOW_BOOT: jiff::SignedDuration = jiff::SignedDuration::from_secs(5);
