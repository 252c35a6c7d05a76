//! The load balancer of a spec as it is to be: names, target groups, rules.

use std::collections::BTreeMap;

use api::Algorithm as Asked;

use crate::counts::counts;
use crate::desired;
use crate::ports::{Algorithm, HealthCheck, TargetGroupAttributes};
use crate::resources::name::{load_balancer_name, target_group_name};
use crate::world::World;

/// The target group of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TargetGroupSpec {
    pub(crate) cluster: String,
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) port: u16,
    pub(crate) health_check: HealthCheck,
    pub(crate) attributes: TargetGroupAttributes,
}

/// Name of the load balancer, once its placement is chosen.
pub(super) fn load_balancer(world: &World) -> Option<String> {
    let placed = world.object.status.placement.as_ref()?.balancer.as_ref()?;
    Some(load_balancer_name(&world.owner(), placed.number))
}

/// The target groups, one for each cluster. Port and health check are part of the name: with other settings it is another
/// group, and no create call meets one that is not what it asks for.
pub(crate) fn target_groups(world: &World) -> Vec<TargetGroupSpec> {
    let (spec, owner) = (&world.object.spec, world.owner());
    let asked = spec.balancer.application.clone().unwrap_or_default();
    let port = u16::try_from(spec.worker.port).unwrap_or(0);
    let attributes = TargetGroupAttributes {
        algorithm: match asked.algorithm {
            Asked::RoundRobin => Algorithm::RoundRobin,
            Asked::LeastOutstandingRequests => Algorithm::LeastOutstandingRequests,
            Asked::WeightedRandom => Algorithm::WeightedRandom,
        },
        deregistration_delay_seconds: whole(asked.deregistration_delay_seconds),
    };
    let group = |cluster: &api::Cluster| {
        let health_check = health_check(&asked.health_check, desired::health(spec, &cluster.name));
        let HealthCheck { path, interval_seconds, timeout_seconds, healthy_count, unhealthy_count, statuses } =
            &health_check;
        let settings = format!(
            "{}\n{port}\n{path}\n{interval_seconds}\n{timeout_seconds}\n{healthy_count}\n{unhealthy_count}\n{statuses}",
            cluster.name
        );
        TargetGroupSpec {
            cluster: cluster.name.clone(),
            name: target_group_name(&owner, &settings),
            path: cluster.path(),
            port,
            health_check,
            attributes,
        }
    };
    spec.clusters.iter().map(group).collect()
}

/// What the worker says of itself goes before what is asked of all: its path, and its status if it names one (ELB user guide,
/// "Health checks for Application Load Balancer target groups": success codes).
fn health_check(asked: &api::HealthCheck, own: Option<&api::Health>) -> HealthCheck {
    let status = own.and_then(|own| own.status).map(|status| status.to_string());
    HealthCheck {
        path: own.map_or(&asked.path, |own| &own.path).clone(),
        interval_seconds: whole(asked.interval_seconds),
        timeout_seconds: whole(asked.timeout_seconds),
        healthy_count: whole(asked.healthy_count),
        unhealthy_count: whole(asked.unhealthy_count),
        statuses: status.unwrap_or_else(|| asked.statuses.clone()),
    }
}

/// The schema admits no negative numbers.
fn whole(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

/// A rule as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RuleSpec {
    /// Sorted.
    pub(super) paths: Vec<String>,
    pub(super) forward: BTreeMap<String, u32>,
}

/// A path and where its requests go: target groups by ARN, with their weights.
pub(super) struct Route {
    pub(super) path: String,
    pub(super) forward: BTreeMap<String, u32>,
}

/// The routes to target groups with these ARNs: one for each cluster, and one to the members of all together. Each group
/// then has a part of the requests as large as its part of the members: a load balancer draws the group by its weight, of at
/// most 999, and there are at most five groups (API reference, ForwardActionConfig and TargetGroupTuple).
pub(super) fn routes(world: &World, groups: &[(&TargetGroupSpec, &str)]) -> Vec<Route> {
    let counts = counts(world);
    let own = groups
        .iter()
        .map(|(group, arn)| Route { path: group.path.clone(), forward: BTreeMap::from([((*arn).to_owned(), 1)]) });
    // Of a single group no document says that its weight comes back as it was given.
    let weight = |group: &TargetGroupSpec| if groups.len() > 1 { counts.of(&group.cluster) } else { 1 };
    let shared = world.object.spec.balancer.shared.as_ref().map(|shared| Route {
        path: shared.path.clone(),
        forward: groups.iter().map(|(group, arn)| ((*arn).to_owned(), weight(group))).collect(),
    });
    own.chain(shared).collect()
}

/// The rules by priority. Our balancer takes the longest prefix, a listener the first match: longer paths come first. `/a` and
/// `/a/*` and not `/a*`, which would take `/ab` too.
pub(super) fn rules(mut routes: Vec<Route>) -> BTreeMap<u32, RuleSpec> {
    routes.sort_by(|one, other| (other.path.len(), &one.path).cmp(&(one.path.len(), &other.path)));
    let rule = |Route { path, forward }: Route| {
        let below = format!("{}/*", path.trim_end_matches('/'));
        RuleSpec { paths: vec![path, below], forward }
    };
    (1..).zip(routes.into_iter().map(rule)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_paths_come_first_and_no_path_takes_what_only_begins_like_it() {
        let route = |path: &str| Route { path: path.to_owned(), forward: BTreeMap::new() };
        let rules = rules(["/", "/a", "/a/b", "/ab"].map(route).into());
        let paths: Vec<_> = rules.iter().map(|(priority, rule)| (*priority, rule.paths.join(" "))).collect();
        assert_eq!(
            paths,
            [(1, "/a/b /a/b/*".into()), (2, "/ab /ab/*".into()), (3, "/a /a/*".into()), (4, "/ /*".into())]
        );
    }
}
