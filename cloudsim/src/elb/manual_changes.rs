//! Changes that people make with a console of their own, and things of others.

use planner::owner::{BENCHMARK_UID, INSTALLATION, KUBERNETES_CLUSTER, MANAGED_BY, Tags};
use planner::ports::{LoadBalancerState, Scheme};
use rand::seq::IndexedRandom;

use super::Elb;
use super::load_balancer::{CreateLoadBalancer, LoadBalancerKind, ZoneSubnet};
use super::nodes::SHORTEST_PAUSE_MILLIS;
use super::state::Event;
use super::target_group::{CreateTargetGroup, default_health_check};
use crate::engine::audit::Origin;
use crate::engine::span::Span;
use crate::engine::visibility::Versions;

/// Tags by which a thing is known to be somebody's.
const PROOF: [&str; 4] = [MANAGED_BY, INSTALLATION, KUBERNETES_CLUSTER, BENCHMARK_UID];

impl Elb<'_> {
    /// Gives a load balancer, by its ARN, other tags. `false`: it is not there.
    pub fn retag_balancer_by_hand(&mut self, arn: &str, change: impl FnOnce(&mut Tags)) -> bool {
        let is_there = self.state.load_balancer(arn).is_some();
        if is_there {
            self.engine.tell(format!("BY HAND tags of {arn}"));
            self.update_balancer(arn, |balancer| change(&mut balancer.tags));
        }
        is_there
    }

    /// Gives a target group, by its ARN, other tags. `false`: it is not there.
    pub fn retag_target_group_by_hand(&mut self, arn: &str, change: impl FnOnce(&mut Tags)) -> bool {
        let is_there = self.state.target_group(arn).is_some();
        if is_there {
            self.engine.tell(format!("BY HAND tags of {arn}"));
            self.update_target_group(arn, |group| change(&mut group.tags));
        }
        is_there
    }

    /// Deletes a rule, by its ARN. `false`: it is not there.
    pub fn delete_rule_by_hand(&mut self, arn: &str) -> bool {
        let rule = self.state.rules.get(arn).and_then(Versions::truth).cloned();
        if let Some(rule) = &rule {
            self.engine.tell(format!("BY HAND DeleteRule {arn}"));
            self.remove_rule(rule);
        }
        rule.is_some()
    }

    /// Takes a target out. `false`: the target group is not there.
    pub fn deregister_by_hand(&mut self, group_arn: &str, instance_id: &str) -> bool {
        let group = self.state.target_group(group_arn).cloned();
        if let Some(group) = &group {
            self.engine.tell(format!("BY HAND DeregisterTargets {instance_id} of {}", group.name));
            self.drain(group, (group_arn.to_owned(), instance_id.to_owned()));
        }
        group.is_some()
    }

    /// Plants an active load balancer of somebody else in the first two zones; its ARN.
    pub fn plant_load_balancer(&mut self, name: &str, kind: LoadBalancerKind, tags: Tags) -> Option<String> {
        let subnets = self.ec2.network().subnets.iter().take(2);
        let subnets: Vec<_> =
            subnets.map(|subnet| ZoneSubnet { zone: subnet.zone.clone(), subnet_id: subnet.id.clone() }).collect();
        let vpc_id = self.vpc_of(&subnets);
        let group_ids = self.ec2().default_group_of(&vpc_id).into_iter().collect();
        let request = CreateLoadBalancer {
            name: name.to_owned(),
            scheme: Scheme::Internal,
            subnet_ids: Vec::new(),
            group_ids: Vec::new(),
            tags,
        };
        let balancer = self.add_balancer(&request, kind, subnets, group_ids, Origin::Planted);
        self.update_balancer(&balancer.arn, |balancer| balancer.state = LoadBalancerState::Active);
        Some(balancer.arn.clone())
    }

    /// Plants a target group of somebody else in the first VPC; its ARN.
    pub fn plant_target_group(&mut self, name: &str, tags: Tags) -> Option<String> {
        let vpc_id = self.ec2.network().vpcs.first()?.id.clone();
        let health_check = default_health_check();
        let request = CreateTargetGroup { name: name.to_owned(), port: 80, vpc_id, health_check, tags };
        Some(self.add_target_group(&request, Origin::Planted).arn.clone())
    }

    /// Puts the next change on the agenda, if there is to be one.
    pub(super) fn expect_manual_change(&mut self) {
        let every = self.settings.load_balancing.manual_changes;
        if every == Span::NONE || self.state.manual_change_is_due {
            return;
        }
        self.state.manual_change_is_due = true;
        let wait = self.draw(every, |random| &mut random.manual_changes).max(SHORTEST_PAUSE_MILLIS);
        self.after(wait, Event::ManualChange);
    }

    /// One of these, on something that a call made: other tags of a load balancer or a target group, a rule deleted, a
    /// target taken out.
    pub(super) fn change_by_hand(&mut self) {
        self.state.manual_change_is_due = false;
        if self.settings.load_balancing.manual_changes == Span::NONE {
            return;
        }
        let balancers: Vec<String> = self.state.live_load_balancers().iter().map(|one| one.arn.clone()).collect();
        let groups: Vec<String> = self.state.live_target_groups().iter().map(|one| one.arn.clone()).collect();
        let is_ours = |origin: Origin| origin == Origin::Called;
        let rules = self.state.all_rules().filter(|rule| rule.priority.is_some() && is_ours(rule.origin));
        let rules: Vec<String> = rules.map(|rule| rule.arn.clone()).collect();
        let in_our_group = |(arn, _): &&(String, String)| groups.contains(arn);
        let targets: Vec<(String, String)> = self.state.targets.keys().filter(in_our_group).cloned().collect();
        let random = &mut self.state.random.manual_changes;
        let key = PROOF.choose(random).copied().unwrap_or(MANAGED_BY);
        let deed = [0, 1, 2, 3].choose(random).copied().unwrap_or(0);
        let (balancer, group) = (balancers.choose(random).cloned(), groups.choose(random).cloned());
        let (rule, target) = (rules.choose(random).cloned(), targets.choose(random).cloned());
        let is_done = match deed {
            0 => balancer.is_some_and(|arn| self.retag_balancer_by_hand(&arn, |tags| drop(tags.remove(key)))),
            1 => group.is_some_and(|arn| self.retag_target_group_by_hand(&arn, |tags| drop(tags.remove(key)))),
            2 => rule.is_some_and(|arn| self.delete_rule_by_hand(&arn)),
            _ => target.is_some_and(|(group, id)| self.deregister_by_hand(&group, &id)),
        };
        if is_done {
            self.engine.count("manual change of a load balancer");
        }
        self.expect_manual_change();
    }
}
