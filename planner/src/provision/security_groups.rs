//! The two security groups of a benchmark. They are flat (no rule names the other one), so that they can be deleted
//! in any order.

use std::collections::BTreeSet;

use api::{ConditionType, Placement};
use ipnet::Ipv4Net;

use crate::balance::application::scheme;
use crate::control;
use crate::desired::role::Role;
use crate::desired::{BALANCER_PORT, CONTROL_PORT};
use crate::effect::Action;
use crate::plan::{MOVING, Plan};
use crate::ports::{Group, GroupRequest, Rule, Source};
use crate::resources::ResourceKind;
use crate::resources::creation::create;
use crate::resources::name::{EDGE, MEMBERS, group_name};
use crate::runs;
use crate::world::{Facet, World};

/// Ids of the groups, known and with all their rules seen.
pub(crate) struct GroupIds {
    members: String,
    edge: String,
}

impl GroupIds {
    /// Groups of an instance, sorted.
    pub(crate) fn of(&self, role: Role) -> Vec<String> {
        let mut ids = match role {
            Role::Worker => vec![self.members.clone()],
            Role::Balancer | Role::Front | Role::Generator => vec![self.members.clone(), self.edge.clone()],
        };
        ids.sort();
        ids
    }
}

/// Creates what is missing. The ids, once both groups and all rules are *seen*: a launch that names a group too early
/// fails.
pub(crate) fn plan(world: &World, placement: &Placement, plan: &mut Plan) -> Option<GroupIds> {
    let groups = match &world.cloud.groups {
        Facet::Known(groups) => groups,
        Facet::Unknown(why) => {
            plan.conditions.unknown(ConditionType::Provisioned, Some(why));
            plan.wake_within(MOVING * 5);
            return None;
        }
    };
    let [members, edge_name] = [MEMBERS, EDGE].map(|purpose| group_name(&world.owner(), purpose));
    let members =
        group(world, placement, plan, groups, &members, "instances of one benchmark among themselves", |group| {
            BTreeSet::from([Rule { from_port: 0, to_port: 65535, source: Source::Group(group.id.clone()) }])
        });
    let edge =
        group(world, placement, plan, groups, &edge_name, "control by the operator, requests from outside", |_| {
            edge_rules(world, placement)
        });
    if let Some(edge) = groups.iter().find(|group| group.name == edge_name) {
        revoke(world, placement, plan, edge);
        revoke_control(world, placement, plan, edge);
    }
    Some(GroupIds { members: members?, edge: edge? })
}

fn edge_rules(world: &World, placement: &Placement) -> BTreeSet<Rule> {
    let control = control::sources(placement).into_iter().map(control_rule);
    let ingress = world.object.spec.network.iter().flat_map(|network| &network.ingress_cidrs);
    // The definition admits IPv4 networks only. One that is none lets nobody in.
    let ingress = ingress.filter_map(|text| text.parse().ok());
    let ingress = ingress.chain(scheme::callers(world));
    control.chain(ingress.map(|from| rule(BALANCER_PORT, from))).collect()
}

/// EC2 drops host bits, so a rule with them would never be seen.
fn rule(port: u16, from: Ipv4Net) -> Rule {
    Rule { from_port: port, to_port: port, source: Source::Cidr(from.trunc()) }
}

fn control_rule(from: Ipv4Net) -> Rule {
    rule(CONTROL_PORT, from)
}

/// Takes out the rules of networks that the operator's requests came from before it was told others: a laptop's former address is
/// somebody else's. Only those that status says were let in by us, and once all that are wanted are seen.
fn revoke_control(world: &World, placement: &Placement, plan: &mut Plan, edge: &Group) {
    let written = world.object.status.placement.as_ref().map(control::former_sources).unwrap_or_default();
    let wanted = edge_rules(world, placement);
    if !wanted.iter().all(|rule| edge.ingress.contains(rule)) {
        return;
    }
    let former: BTreeSet<Rule> = written.into_iter().map(control_rule).collect();
    for rule in former.into_iter().filter(|rule| edge.ingress.contains(rule) && !wanted.contains(rule)) {
        let (group_id, name) = (edge.id.clone(), edge.name.clone());
        plan.act(
            Action::RevokeIngress { group_id, name, rule },
            "the operator is told other networks (controlSources)",
        );
    }
}

/// Whether status was seen to say that a rule to the control port is ours, so that who comes later can close it.
fn is_written(world: &World, rule: &Rule) -> bool {
    let written = world.object.status.placement.as_ref().map(control::sources).unwrap_or_default();
    rule.from_port != CONTROL_PORT || written.into_iter().any(|from| control_rule(from) == *rule)
}

/// Takes out the rules of generators that are gone: their public addresses are somebody else's sooner or later. Only where
/// generators were ever let in so, else such a rule is somebody's own; where lists show every generator that is wanted; and not
/// while a run is on, because a list from the past shows former ones.
fn revoke(world: &World, placement: &Placement, plan: &mut Plan, edge: &Group) {
    if !runs::none_is_held(world)
        || !scheme::was_reached_from_outside(placement)
        || !scheme::all_callers_are_seen(world)
    {
        return;
    }
    let wanted = edge_rules(world, placement);
    for rule in edge.ingress.iter().filter(|rule| is_of_a_caller(rule) && !wanted.contains(rule)) {
        let (group_id, name, rule) = (edge.id.clone(), edge.name.clone(), rule.clone());
        plan.act(Action::RevokeIngress { group_id, name, rule }, "no generator of the spec has this address");
    }
}

/// Whether a rule lets in what only generators and `network.ingressCidrs` come by: one address, to the balancer's port.
fn is_of_a_caller(rule: &Rule) -> bool {
    let is_one = matches!(rule.source, Source::Cidr(network) if network.prefix_len() == network.max_prefix_len());
    (rule.from_port, rule.to_port) == (BALANCER_PORT, BALANCER_PORT) && is_one
}

/// Id of the group if it is there with all its rules.
fn group(
    world: &World,
    placement: &Placement,
    plan: &mut Plan,
    groups: &[Group],
    name: &str,
    description: &str,
    rules: impl Fn(&Group) -> BTreeSet<Rule>,
) -> Option<String> {
    let Some(group) = groups.iter().find(|group| group.name == name) else {
        create(world, placement, plan, (ResourceKind::SecurityGroup, name), |not_after| {
            Action::CreateGroup(GroupRequest {
                name: name.to_owned(),
                description: description.to_owned(),
                vpc_id: placement.vpc_id.clone(),
                tags: world.tags(),
                not_after,
            })
        });
        return None;
    };
    let missing: Vec<Rule> = rules(group).into_iter().filter(|rule| !group.ingress.contains(rule)).collect();
    let complete = missing.is_empty();
    if missing.iter().any(|rule| !is_written(world, rule)) {
        plan.wake_within(MOVING);
    }
    for rule in missing.into_iter().filter(|rule| is_written(world, rule)) {
        let (group_id, name) = (group.id.clone(), name.to_owned());
        plan.act(Action::AuthorizeIngress { group_id, name, rule }, "the group lacks it");
    }
    complete.then(|| group.id.clone())
}
