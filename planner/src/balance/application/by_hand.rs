//! Changes that somebody made with a console of their own and no call of ours sets back: each is said, with the way out.
//!
//! Attributes and rules are set right by themselves. A scheme cannot be changed at all, subnets and groups only by calls that
//! the operator has no permission for, and neither has it for the health check (ELBv2 API reference, SetSubnets,
//! SetSecurityGroups, ModifyTargetGroup).

use std::collections::BTreeSet;

use api::PlacedBalancer;

use super::wanted::TargetGroupSpec;
use super::{listed_group, scheme, target_groups};
use crate::ports::{HealthCheck, LoadBalancer};
use crate::world::World;

/// The first difference, for people. `group_ids`: its security groups, where they are known.
pub(super) fn changed(
    world: &World,
    placed: &PlacedBalancer,
    balancer: &LoadBalancer,
    group_ids: Option<&[String]>,
) -> Option<String> {
    of_balancer(placed, balancer, group_ids).or_else(|| target_groups(world).iter().find_map(|group| of(world, group)))
}

fn of_balancer(placed: &PlacedBalancer, balancer: &LoadBalancer, group_ids: Option<&[String]>) -> Option<String> {
    let scheme = scheme::of_request(placed.scheme);
    let difference = if balancer.scheme != scheme {
        Some(format!("is {} and not {}", balancer.scheme.name(), scheme.name()))
    } else {
        let subnets = other("subnets", &balancer.subnet_ids, &placed.subnet_ids);
        subnets.or_else(|| other("security groups", &balancer.group_ids, group_ids?))
    };
    difference.map(|difference| {
        format!(
            "load balancer {} {difference}, which is not the operator's doing: set it back, or delete the load balancer, and it is made again",
            balancer.name
        )
    })
}

/// Lists have no order that means anything.
fn other(what: &str, has: &[String], wanted: &[String]) -> Option<String> {
    let [has, wanted] = [has, wanted].map(|ids| ids.iter().map(String::as_str).collect::<BTreeSet<_>>());
    let words = |ids: BTreeSet<&str>| ids.into_iter().collect::<Vec<_>>().join(" and ");
    (has != wanted).then(|| format!("has the {what} {} and not {}", words(has), words(wanted)))
}

fn of(world: &World, wanted: &TargetGroupSpec) -> Option<String> {
    let group = listed_group(world, wanted)?;
    if group.health_check == wanted.health_check {
        return None;
    }
    Some(format!(
        "the health check of target group {} of {} is {} and not {}, which is not the operator's doing: set it back, or change balancer.application.healthCheck, which makes another target group",
        group.name,
        wanted.cluster,
        words(&group.health_check),
        words(&wanted.health_check)
    ))
}

/// `GET /health every 5 s within 2 s for 200-499, 2 times to be healthy and 2 to be unhealthy`
fn words(check: &HealthCheck) -> String {
    let HealthCheck { path, interval_seconds, timeout_seconds, healthy_count, unhealthy_count, statuses } = check;
    format!(
        "GET {path} every {interval_seconds} s within {timeout_seconds} s for {statuses}, {healthy_count} times to be healthy and {unhealthy_count} to be unhealthy"
    )
}
