//! Making and removing of load balancer and target groups, as far as lists show them. It belongs to provisioning: they
//! come up beside the instances.

use std::collections::BTreeSet;

use api::{BalancerKind, PlacedBalancer, PlacedSubnet, Placement};
use jiff::SignedDuration;

use super::wanted::{load_balancer, target_groups};
use super::{TargetGroupSpec, by_hand, scheme};
use crate::conditions::Reason;
use crate::effect::Action;
use crate::owner::Tags;
use crate::plan::{MOVING, NoPlacement, Plan};
use crate::ports::{LoadBalancer, LoadBalancerRequest, LoadBalancerState, Subnet, TargetGroupRequest};
use crate::resources::creation::create;
use crate::resources::{ResourceKind, seeks_load_balancers};
use crate::world::{Facet, Site, World};

/// Addresses that a load balancer wants to find free in each of its subnets, and the smallest of these (ELB user guide,
/// "Subnets for your load balancer").
const FREE_ADDRESSES: u32 = 8;
const SMALLEST: u8 = 27;

/// How it is with what stands in front: `None` when it is as it is to be.
pub(crate) type Missing = Option<(Reason, String)>;

/// Makes what is missing, once its groups are seen, and removes what is not wanted (any more).
pub(crate) fn plan(world: &World, placement: &Placement, plan: &mut Plan, group_ids: Option<Vec<String>>) -> Missing {
    if !seeks_load_balancers(world) {
        return None;
    }
    let cloud = &world.cloud;
    let is_wanted = world.object.spec.balancer.kind == BalancerKind::Application;
    let (Facet::Known(balancers), Facet::Known(groups)) = (&cloud.load_balancers, &cloud.target_groups) else {
        plan.wake_within(MOVING * 5);
        // What is not wanted any more keeps nobody from measuring.
        if !is_wanted {
            return None;
        }
        let why = cloud.load_balancers.unknown().or(cloud.target_groups.unknown());
        let why = why.map(|why| why.message.clone()).unwrap_or_default();
        // What cannot be listed can be neither made nor removed.
        return Some((Reason::BalancerUnseen, format!("load balancers cannot be listed: {why}")));
    };
    let name = load_balancer(world).filter(|_| is_wanted);
    let wanted = if is_wanted { target_groups(world) } else { Vec::new() };
    let names: BTreeSet<&str> = wanted.iter().map(|group| group.name.as_str()).collect();
    for balancer in balancers.iter().filter(|balancer| name.as_ref() != Some(&balancer.name)) {
        let delete = Action::DeleteLoadBalancer { arn: balancer.arn.clone(), name: balancer.name.clone() };
        plan.act(delete, "the spec asks for another one, or for none");
    }
    let is_used = |arns: &[String]| balancers.iter().any(|balancer| arns.contains(&balancer.arn));
    for group in groups.iter().filter(|group| !names.contains(group.name.as_str())) {
        if !is_used(&group.load_balancer_arns) {
            let delete = Action::DeleteTargetGroup { arn: group.arn.clone(), name: group.name.clone() };
            plan.act(delete, "the spec asks for others, and no load balancer uses it");
        }
    }
    let name = name?;
    for group in wanted.iter().filter(|wanted| groups.iter().all(|group| group.name != wanted.name)) {
        create_target_group(world, placement, plan, group);
    }
    match balancers.iter().find(|balancer| balancer.name == name) {
        // A target group serves one load balancer only: the former one goes first.
        None if !balancers.is_empty() => {
            Some((Reason::BalancerProvisioning, "the former load balancer is being deleted".to_owned()))
        }
        None => {
            if let Some(group_ids) = group_ids {
                create_load_balancer(world, placement, plan, &name, group_ids);
            }
            Some((Reason::BalancerProvisioning, "the load balancer is being created".to_owned()))
        }
        // Requests of a generator that is not let in yet would fail.
        Some(_) if group_ids.is_none() && cloud.groups.known().is_some() && !scheme::callers(world).is_empty() => {
            Some((Reason::BalancerProvisioning, "the public addresses of the generators are being let in".to_owned()))
        }
        Some(balancer) => judge(balancer, plan).or_else(|| {
            let changed = by_hand::changed(world, placement.balancer.as_ref()?, balancer, group_ids.as_deref())?;
            Some((Reason::ChangedByHand, changed))
        }),
    }
}

fn judge(balancer: &LoadBalancer, plan: &mut Plan) -> Missing {
    let why = balancer.state_reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let name = &balancer.name;
    match balancer.state {
        LoadBalancerState::Active => None,
        LoadBalancerState::Provisioning => {
            plan.wake_within(MOVING * 5);
            let since = balancer.created_at.strftime("%H:%M:%S UTC");
            let message = format!("load balancer {name} is provisioning since {since}, which takes minutes{why}");
            Some((Reason::BalancerProvisioning, message))
        }
        LoadBalancerState::ActiveImpaired => {
            let message = format!("load balancer {name} routes requests and lacks what it needs to scale{why}");
            Some((Reason::BalancerImpaired, message))
        }
        LoadBalancerState::Failed => {
            let message = format!(
                "load balancer {name} could not be set up{why}; set balancer.kind Custom, or delete the benchmark and create it again"
            );
            Some((Reason::BalancerFailed, message))
        }
    }
}

fn create_load_balancer(world: &World, placement: &Placement, plan: &mut Plan, name: &str, group_ids: Vec<String>) {
    let Some(placed) = &placement.balancer else { return };
    create(world, placement, plan, (ResourceKind::LoadBalancer, name), |not_after| {
        Action::CreateLoadBalancer(LoadBalancerRequest {
            name: name.to_owned(),
            scheme: scheme::of_request(placed.scheme),
            subnet_ids: placed.subnet_ids.clone(),
            group_ids,
            tags: tags(world, placement),
            not_after,
        })
    });
}

fn create_target_group(world: &World, placement: &Placement, plan: &mut Plan, group: &TargetGroupSpec) {
    create(world, placement, plan, (ResourceKind::TargetGroup, &group.name), |not_after| {
        Action::CreateTargetGroup(TargetGroupRequest {
            name: group.name.clone(),
            port: group.port,
            vpc_id: placement.vpc_id.clone(),
            health_check: group.health_check.clone(),
            tags: tags(world, placement),
            not_after,
        })
    });
}

/// Tags of all that belongs to a load balancer. It cannot end itself: the expiry is for people and for whoever sweeps.
pub(super) fn tags(world: &World, placement: &Placement) -> Tags {
    let mut tags = world.tags();
    tags.entry("Name".to_owned()).or_insert_with(|| format!("clusterbench {}/balancer", world.object.name));
    if let Some(at) = &placement.expires_at {
        tags.insert(crate::owner::EXPIRES_AT.to_owned(), at.0.to_string());
    }
    tags
}

/// Whether subnets have to be chosen for the load balancer: there are none yet, the instances live elsewhere now, or it is to be
/// reached by others.
pub(crate) fn is_unplaced(world: &World, placement: &Placement) -> bool {
    let (own, asked) = (placement.subnets(), scheme::asked(&world.object.spec));
    let fits = |placed: &PlacedBalancer| {
        let is_there = own.iter().zip(&placed.subnet_ids).all(|(own, id)| own.subnet_id == *id);
        is_there && own.len() <= placed.subnet_ids.len() && placed.scheme == asked
    };
    world.object.spec.balancer.kind == BalancerKind::Application && !placement.balancer.as_ref().is_some_and(fits)
}

/// Whether a load balancer can have a node in this subnet, of which so many addresses are left for it.
pub(crate) fn suits(world: &World, subnet: &Subnet, left: u32) -> bool {
    has_room(subnet, left) && scheme::suits(scheme::asked(&world.object.spec), subnet)
}

/// Whether it finds the room that it wants.
fn has_room(subnet: &Subnet, left: u32) -> bool {
    left >= FREE_ADDRESSES && subnet.cidr.is_some_and(|cidr| cidr.prefix_len() <= SMALLEST)
}

/// The subnets of the instances, and where they are in one zone a subnet of another for the second node: a load balancer
/// has at least two.
pub(crate) fn choose(world: &World, site: &Site, placement: &Placement) -> Result<PlacedBalancer, NoPlacement> {
    let asked = scheme::asked(&world.object.spec);
    let subnets = match &site.subnets {
        Facet::Known(subnets) => subnets,
        Facet::Unknown(why) => return Err(NoPlacement::Unknown(why.clone())),
    };
    let refused = |reason, message| Err(NoPlacement::Refused { reason, message });
    let mut placed = placement.subnets();
    let is_own = |subnet: &&Subnet| placed.iter().any(|placed| placed.subnet_id == subnet.id);
    if let Some(own) = subnets.iter().filter(is_own).find(|own| !has_room(own, own.free_addresses)) {
        let message = format!(
            "network.subnetIds: {} has {} free addresses, and a load balancer wants {FREE_ADDRESSES} in a subnet of at least /{SMALLEST}: delete the benchmark and create it with a larger one, or set balancer.kind Custom",
            own.id, own.free_addresses
        );
        return refused(Reason::SubnetFull, message);
    }
    if let Some(refusal) = subnets.iter().filter(is_own).find_map(|own| scheme::refusal(asked, placement, own)) {
        return Err(refusal);
    }
    if placed.len() < 2 {
        let mut others: Vec<&Subnet> = subnets
            .iter()
            .filter(|subnet| {
                subnet.vpc_id == placement.vpc_id
                    && subnet.zone != placement.zone
                    && has_room(subnet, subnet.free_addresses)
            })
            .filter(|subnet| scheme::suits(asked, subnet))
            .collect();
        others.sort_by(|a, b| (&a.zone, &a.id).cmp(&(&b.zone, &b.id)));
        let Some(second) = others.first() else {
            let gateway = if asked == api::Scheme::Internal { "" } else { ", and a route to an internet gateway," };
            let message = format!(
                "balancer.kind: an Application Load Balancer needs subnets of two zones with {FREE_ADDRESSES} free addresses{gateway} each, and none at hand in {} is outside {}: delete the benchmark and create it with a second subnet in network.subnetIds, or set balancer.kind Custom",
                placement.vpc_id, placement.zone
            );
            return refused(Reason::NeedsSecondZone, message);
        };
        placed.push(PlacedSubnet {
            subnet_id: second.id.clone(),
            zone: second.zone.clone(),
            ..PlacedSubnet::default()
        });
    }
    let number = placement.balancer.as_ref().map_or(0, |former| former.number) + 1;
    let (subnet_ids, zones) = placed.into_iter().map(|subnet| (subnet.subnet_id, subnet.zone)).unzip();
    let was_internet_facing = scheme::was_reached_from_outside(placement);
    Ok(PlacedBalancer { number, subnet_ids, zones, scheme: asked, was_internet_facing })
}

/// Chooses the subnets of the load balancer where that is due. Why nothing else can be planned before: `None`, it can.
pub(crate) fn place(world: &World, placement: &Placement, plan: &mut Plan) -> Option<String> {
    if !is_unplaced(world, placement) {
        return None;
    }
    let Some(site) = &world.site else {
        plan.wake_within(MOVING);
        return Some("the subnets that the load balancer could have are being looked up".to_owned());
    };
    match choose(world, site, placement) {
        Ok(placed) => {
            let why = format!("the load balancer gets subnets in {}", placed.zones.join(" and "));
            plan.placement = Some(Placement { balancer: Some(placed), ..placement.clone() });
            plan.wake = SignedDuration::ZERO;
            Some(why)
        }
        Err(why) => {
            let said = match &why {
                NoPlacement::Refused { message, .. } => format!("see Accepted: {message}"),
                NoPlacement::Unknown(why) => format!("the subnets that the load balancer could have: {}", why.message),
            };
            plan.not_placed(why);
            Some(said)
        }
    }
}
