//! Load balancers.

use std::collections::BTreeMap;
use std::sync::Arc;

use planner::owner::Tags;
use planner::ports::{
    Algorithm, Answer, Listener, ListenerRequest, ListenerRule, LoadBalancer, LoadBalancerRequest, LoadBalancers,
    NAME_PREFIX, RuleRequest, Target, TargetGroup, TargetGroupAttributes, TargetGroupRequest,
};
use planner::{CloudError, Failure};

use super::SharedSim;
use crate::elb::{
    self, ALGORITHM, About, Action, Attributes, CreateListener, CreateLoadBalancer, CreateRule, CreateTargetGroup,
    DEREGISTRATION_DELAY, DescribeListeners, DescribeLoadBalancers, DescribeRules, DescribeTargetGroups, Elb,
    LoadBalancerKind, RuleAction,
};
use crate::engine::error::Outcome;
use crate::engine::query::{Page, PageRequest};
use crate::sim::Call;

/// Resources of one DescribeTags call.
const TAGGED: usize = 20;

impl LoadBalancers for SharedSim {
    async fn load_balancers(&self) -> Answer<Vec<LoadBalancer>> {
        let list = |elb: &mut Elb<'_>, page: &PageRequest| {
            elb.describe_load_balancers(&DescribeLoadBalancers {
                page: page.clone(),
                ..DescribeLoadBalancers::default()
            })
        };
        let mut found = self.all_of_elb(Action::DescribeLoadBalancers, list)?;
        found.retain(|one| one.kind == LoadBalancerKind::Application && one.name.starts_with(NAME_PREFIX));
        let mut tags = self.tags_of(found.iter().map(|one| one.arn.clone()).collect())?;
        let shown = |one: Arc<elb::LoadBalancer>| LoadBalancer {
            arn: one.arn.clone(),
            name: one.name.clone(),
            state: one.state,
            state_reason: one.state_reason.clone(),
            dns_name: one.dns_name.clone(),
            scheme: one.scheme,
            vpc_id: one.vpc_id.clone(),
            subnet_ids: one.subnets.iter().map(|at| at.subnet_id.clone()).collect(),
            group_ids: one.group_ids.clone(),
            created_at: one.created_at,
            tags: tags.remove(&one.arn).unwrap_or_default(),
        };
        Ok(found.into_iter().map(shown).collect())
    }

    async fn target_groups(&self) -> Answer<Vec<TargetGroup>> {
        let list = |elb: &mut Elb<'_>, page: &PageRequest| {
            elb.describe_target_groups(&DescribeTargetGroups { page: page.clone(), ..DescribeTargetGroups::default() })
        };
        let mut found = self.all_of_elb(Action::DescribeTargetGroups, list)?;
        found.retain(|one| one.name.starts_with(NAME_PREFIX));
        let mut tags = self.tags_of(found.iter().map(|one| one.arn.clone()).collect())?;
        let shown = |one: elb::TargetGroup| TargetGroup {
            tags: tags.remove(&one.arn).unwrap_or_default(),
            arn: one.arn,
            name: one.name,
            port: one.port,
            vpc_id: one.vpc_id,
            health_check: one.health_check,
            load_balancer_arns: one.load_balancer_arns,
        };
        Ok(found.into_iter().map(shown).collect())
    }

    async fn listeners(&self, load_balancer_arn: &str) -> Answer<Vec<Listener>> {
        let arn = load_balancer_arn.to_owned();
        let list = move |elb: &mut Elb<'_>, page: &PageRequest| {
            let load_balancer_arn = Some(arn.clone());
            elb.describe_listeners(&DescribeListeners { load_balancer_arn, arns: Vec::new(), page: page.clone() })
        };
        let mut listeners = Vec::new();
        for listener in self.all_of_elb(Action::DescribeListeners, list)? {
            let rules = self.rules(&listener.arn)?;
            listeners.push(Listener { arn: listener.arn.clone(), port: listener.port, rules });
        }
        Ok(listeners)
    }

    async fn attributes(&self, target_group_arn: &str) -> Answer<TargetGroupAttributes> {
        let arn = target_group_arn.to_owned();
        let call = Call::new(Action::DescribeTargetGroupAttributes);
        let found = self.call(call, move |sim, now| sim.elb(now).describe_target_group_attributes(&arn))?;
        let algorithm = found.get(ALGORITHM).and_then(|name| Algorithm::parse(name));
        let delay = found.get(DEREGISTRATION_DELAY).and_then(|seconds| seconds.parse().ok());
        let attributes = algorithm.zip(delay).map(|(algorithm, deregistration_delay_seconds)| TargetGroupAttributes {
            algorithm,
            deregistration_delay_seconds,
        });
        let unreadable = || CloudError::new(Failure::Unreachable, "Unreadable", "attributes without a meaning here");
        attributes.ok_or_else(unreadable)
    }

    async fn targets(&self, target_group_arn: &str) -> Answer<Vec<Target>> {
        let arn = target_group_arn.to_owned();
        let call = Call::new(Action::DescribeTargetHealth);
        let found = self.call(call, move |sim, now| sim.elb(now).describe_target_health(&arn, &[]))?;
        let shown = |target: elb::TargetHealth| Target {
            instance_id: target.instance_id,
            state: target.state,
            reason: target.reason,
            description: target.description,
        };
        Ok(found.into_iter().map(shown).collect())
    }

    async fn create_load_balancer(&self, request: &LoadBalancerRequest) -> Answer<()> {
        CloudError::too_late(request.not_after, self.now())?;
        let request = Arc::new(CreateLoadBalancer {
            name: request.name.clone(),
            scheme: request.scheme,
            subnet_ids: request.subnet_ids.clone(),
            group_ids: request.group_ids.clone(),
            tags: request.tags.clone(),
        });
        let call = Call::about(About::NewLoadBalancer(request.clone()));
        self.call(call, move |sim, now| sim.elb(now).create_load_balancer(&request)).map(drop)
    }

    async fn create_target_group(&self, request: &TargetGroupRequest) -> Answer<()> {
        CloudError::too_late(request.not_after, self.now())?;
        let request = Arc::new(CreateTargetGroup {
            name: request.name.clone(),
            port: request.port,
            vpc_id: request.vpc_id.clone(),
            health_check: request.health_check.clone(),
            tags: request.tags.clone(),
        });
        let call = Call::about(About::NewTargetGroup(request.clone()));
        self.call(call, move |sim, now| sim.elb(now).create_target_group(&request)).map(drop)
    }

    async fn set_attributes(&self, target_group_arn: &str, to: &TargetGroupAttributes) -> Answer<()> {
        let to = Attributes::from([
            (ALGORITHM.to_owned(), to.algorithm.name().to_owned()),
            (DEREGISTRATION_DELAY.to_owned(), to.deregistration_delay_seconds.to_string()),
        ]);
        let change = move |elb: &mut Elb<'_>, arn: &str| elb.modify_target_group_attributes(arn, &to).map(drop);
        self.change(Action::ModifyTargetGroupAttributes, target_group_arn, change)
    }

    async fn create_listener(&self, request: &ListenerRequest) -> Answer<()> {
        CloudError::too_late(request.not_after, self.now())?;
        let not_found =
            RuleAction::FixedResponse { status: 404, content_type: "text/plain".into(), body: String::new() };
        let request = Arc::new(CreateListener {
            load_balancer_arn: request.load_balancer_arn.clone(),
            port: request.port,
            default_action: not_found,
            tags: request.tags.clone(),
        });
        let call = Call::about(About::NewListener(request.clone()));
        self.call(call, move |sim, now| sim.elb(now).create_listener(&request)).map(drop)
    }

    async fn create_rule(&self, request: &RuleRequest) -> Answer<()> {
        CloudError::too_late(request.not_after, self.now())?;
        let request = Arc::new(CreateRule {
            listener_arn: request.listener_arn.clone(),
            priority: request.priority,
            paths: request.paths.clone(),
            action: RuleAction::Forward(request.forward.clone()),
            tags: request.tags.clone(),
        });
        let call = Call::about(About::NewRule(request.clone()));
        self.call(call, move |sim, now| sim.elb(now).create_rule(&request)).map(drop)
    }

    async fn delete_rule(&self, rule_arn: &str) -> Answer<()> {
        match self.change(Action::DeleteRule, rule_arn, |elb, arn| elb.delete_rule(arn)) {
            Err(error) if error.failure == Failure::NotFound => Ok(()),
            answer => answer,
        }
    }

    async fn register(&self, target_group_arn: &str, instance_ids: &[String]) -> Answer<()> {
        let ids = instance_ids.to_vec();
        self.change(Action::RegisterTargets, target_group_arn, move |elb, arn| elb.register_targets(arn, &ids))
    }

    async fn deregister(&self, target_group_arn: &str, instance_ids: &[String]) -> Answer<()> {
        let ids = instance_ids.to_vec();
        self.change(Action::DeregisterTargets, target_group_arn, move |elb, arn| elb.deregister_targets(arn, &ids))
    }

    async fn delete_load_balancer(&self, arn: &str) -> Answer<()> {
        self.change(Action::DeleteLoadBalancer, arn, |elb, arn| elb.delete_load_balancer(arn))
    }

    async fn delete_target_group(&self, arn: &str) -> Answer<()> {
        self.change(Action::DeleteTargetGroup, arn, |elb, arn| elb.delete_target_group(arn))
    }
}

impl SharedSim {
    /// A call that changes or deletes one thing.
    fn change(
        &self,
        action: Action,
        arn: &str,
        operation: impl FnOnce(&mut Elb<'_>, &str) -> Outcome<()> + Send + 'static,
    ) -> Answer<()> {
        let arn = arn.to_owned();
        let call = Call::about(About::Thing(action, arn.clone()));
        self.call(call, move |sim, now| operation(&mut sim.elb(now), &arn))
    }

    /// All pages of a list of ELBv2. A page that comes twice is an error, not an end.
    fn all_of_elb<T: Send + 'static>(
        &self,
        action: Action,
        read: impl Fn(&mut Elb<'_>, &PageRequest) -> Outcome<Page<T>> + Clone + Send + 'static,
    ) -> Answer<Vec<T>> {
        /// ELBv2's largest page.
        const PAGE_SIZE: usize = 400;
        let mut items = Vec::new();
        let mut page = PageRequest { max_results: Some(PAGE_SIZE), next_token: None };
        loop {
            let (read, asked) = (read.clone(), page.clone());
            let found = self.call(Call::new(action), move |sim, now| read(&mut sim.elb(now), &asked))?;
            items.extend(found.items);
            let Some(token) = found.next_token else { return Ok(items) };
            if page.next_token.as_ref() == Some(&token) {
                return Err(CloudError::new(Failure::Unreachable, "RepeatedPage", "the same page token came twice"));
            }
            page.next_token = Some(token);
        }
    }

    /// Rules of a listener in the order of their priority, without the default one.
    fn rules(&self, listener_arn: &str) -> Answer<Vec<ListenerRule>> {
        let arn = listener_arn.to_owned();
        let list = move |elb: &mut Elb<'_>, page: &PageRequest| {
            let listener_arn = Some(arn.clone());
            elb.describe_rules(&DescribeRules { listener_arn, arns: Vec::new(), page: page.clone() })
        };
        let shown = |rule: &Arc<elb::Rule>| {
            let mut paths = rule.paths.clone();
            paths.sort();
            let forward = match &rule.action {
                RuleAction::Forward(weights) => weights.clone(),
                RuleAction::FixedResponse { .. } => BTreeMap::new(),
            };
            Some(ListenerRule { arn: rule.arn.clone(), priority: rule.priority?, paths, forward })
        };
        let mut rules: Vec<_> = self.all_of_elb(Action::DescribeRules, list)?.iter().filter_map(shown).collect();
        rules.sort_by_key(|rule| rule.priority);
        Ok(rules)
    }

    /// Tags by ARN. One thing that is not there any more fails all: no list is complete without its tags.
    fn tags_of(&self, arns: Vec<String>) -> Answer<BTreeMap<String, Tags>> {
        let mut all = BTreeMap::new();
        for some in arns.chunks(TAGGED) {
            let some = some.to_vec();
            let call = Call::new(Action::DescribeTags);
            all.extend(self.call(call, move |sim, now| sim.elb(now).describe_tags(&some))?);
        }
        Ok(all)
    }
}
