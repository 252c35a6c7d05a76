//! The calls of the port: one request each for what changes something, whole lists for what is read.

use aws_sdk_elasticloadbalancingv2::types::{
    IpAddressType, LoadBalancerSchemeEnum, LoadBalancerTypeEnum, ProtocolEnum,
};
use aws_sdk_elasticloadbalancingv2::types::{TargetDescription, TargetTypeEnum};
use jiff::Timestamp;
use planner::CloudError;
use planner::ports::{
    Answer, Listener, ListenerRequest, LoadBalancer, LoadBalancerRequest, LoadBalancers, RuleRequest, Target,
    TargetGroup, TargetGroupAttributes, TargetGroupRequest,
};

use super::{listener, number, tags, target, target_group};
use crate::region::Region;
use crate::sdk::{gone, sent};

impl LoadBalancers for Region {
    /// *Guarantees*: every page was read to its end, each with all its tags; in the order of their ARNs, each once.
    /// *Errors*: `Unreachable` whenever the list could be shorter than the truth.
    /// *Cancellation*: safe, a read.
    async fn load_balancers(&self) -> Answer<Vec<LoadBalancer>> {
        self.tagged_twice(|| self.untagged_load_balancers(), |one| &one.arn, |one| &mut one.tags).await
    }

    /// *Guarantees*: as of the load balancers. Left out are groups of a kind that this port makes none of, by what AWS
    /// says of them: for Lambda functions, addresses, other protocols.
    /// *Errors*: `Unreachable` whenever the list could be shorter than the truth.
    /// *Cancellation*: safe, a read.
    async fn target_groups(&self) -> Answer<Vec<TargetGroup>> {
        self.tagged_twice(|| self.untagged_target_groups(), |one| &one.arn, |one| &mut one.tags).await
    }

    /// *Guarantees*: every page of listeners and of the rules of each was read to its end.
    /// *Errors*: `NotFound` also when a listener went while its rules were asked for.
    /// *Cancellation*: safe, a read.
    async fn listeners(&self, load_balancer_arn: &str) -> Answer<Vec<Listener>> {
        let mut listeners = Vec::new();
        for from in self.bare_listeners(load_balancer_arn).await? {
            let (arn, port) = listener::head(from)?;
            let rules = listener::rules(self.bare_rules(&arn).await?)?;
            listeners.push(Listener { arn, port, rules });
        }
        listeners.sort_by_key(|listener| listener.port);
        Ok(listeners)
    }

    /// *Errors*: `Unreachable` when one of the two is not told, or in a word that this version does not know.
    /// *Cancellation*: safe, a read.
    async fn attributes(&self, target_group_arn: &str) -> Answer<TargetGroupAttributes> {
        let call = self.elb_reads.describe_target_group_attributes().target_group_arn(target_group_arn);
        target_group::attributes(sent(call.send()).await?.attributes.unwrap_or_default())
    }

    /// *Guarantees*: the answer has no pages (API reference, DescribeTargetHealth).
    /// *Cancellation*: safe, a read.
    async fn targets(&self, target_group_arn: &str) -> Answer<Vec<Target>> {
        let call = self.elb_reads.describe_target_health().target_group_arn(target_group_arn);
        target::all(sent(call.send()).await?.target_health_descriptions.unwrap_or_default())
    }

    /// *Guarantees*: exactly one request is sent; tags are written with it, or nothing is.
    /// *Errors*: `Unreachable` = it may exist now. A success does not say who made it.
    /// *Cancellation*: like `Unreachable`.
    async fn create_load_balancer(&self, request: &LoadBalancerRequest) -> Answer<()> {
        let call = self
            .elb_effects
            .create_load_balancer()
            .name(&request.name)
            .r#type(LoadBalancerTypeEnum::Application)
            .ip_address_type(IpAddressType::Ipv4)
            .scheme(LoadBalancerSchemeEnum::from(request.scheme.name()))
            .set_subnets(Some(request.subnet_ids.clone()))
            .set_security_groups(Some(request.group_ids.clone()))
            .set_tags(tags::on(&request.tags));
        CloudError::too_late(request.not_after, Timestamp::now())?;
        sent(call.send()).await.map(drop)
    }

    /// *Guarantees*: exactly one request is sent; tags are written with it, or nothing is.
    /// *Errors*: `Unreachable` = it may exist now. A success does not say who made it.
    /// *Cancellation*: like `Unreachable`.
    async fn create_target_group(&self, request: &TargetGroupRequest) -> Answer<()> {
        let check = &request.health_check;
        let call = self
            .elb_effects
            .create_target_group()
            .name(&request.name)
            .target_type(TargetTypeEnum::Instance)
            .protocol(ProtocolEnum::Http)
            .protocol_version(target_group::HTTP1)
            .port(i32::from(request.port))
            .vpc_id(&request.vpc_id)
            .health_check_enabled(true)
            .health_check_protocol(ProtocolEnum::Http)
            .health_check_port(target_group::TRAFFIC_PORT)
            .health_check_path(&check.path)
            .health_check_interval_seconds(number(check.interval_seconds, "intervalSeconds")?)
            .health_check_timeout_seconds(number(check.timeout_seconds, "timeoutSeconds")?)
            .healthy_threshold_count(number(check.healthy_count, "healthyCount")?)
            .unhealthy_threshold_count(number(check.unhealthy_count, "unhealthyCount")?)
            .matcher(target_group::matcher(&check.statuses))
            .set_tags(tags::on(&request.tags));
        CloudError::too_late(request.not_after, Timestamp::now())?;
        sent(call.send()).await.map(drop)
    }

    /// *Guarantees*: exactly one request is sent.
    /// *Cancellation*: they may be set or not; the call can be repeated.
    async fn set_attributes(&self, target_group_arn: &str, to: &TargetGroupAttributes) -> Answer<()> {
        let call = self.elb_effects.modify_target_group_attributes().target_group_arn(target_group_arn);
        sent(call.set_attributes(Some(target_group::written(to))).send()).await.map(drop)
    }

    /// *Guarantees*: exactly one request is sent.
    /// *Errors*: `Unreachable` = it may exist now.
    /// *Cancellation*: like `Unreachable`.
    async fn create_listener(&self, request: &ListenerRequest) -> Answer<()> {
        let call = self
            .elb_effects
            .create_listener()
            .load_balancer_arn(&request.load_balancer_arn)
            .protocol(ProtocolEnum::Http)
            .port(i32::from(request.port))
            .default_actions(listener::not_found())
            .set_tags(tags::on(&request.tags));
        CloudError::too_late(request.not_after, Timestamp::now())?;
        sent(call.send()).await.map(drop)
    }

    /// *Guarantees*: exactly one request is sent.
    /// *Errors*: `Unreachable` = it may exist now.
    /// *Cancellation*: like `Unreachable`.
    async fn create_rule(&self, request: &RuleRequest) -> Answer<()> {
        let call = self
            .elb_effects
            .create_rule()
            .listener_arn(&request.listener_arn)
            .priority(number(request.priority, "priority")?)
            .conditions(listener::condition(&request.paths))
            .actions(listener::forward(&request.forward)?)
            .set_tags(tags::on(&request.tags));
        CloudError::too_late(request.not_after, Timestamp::now())?;
        sent(call.send()).await.map(drop)
    }

    /// *Guarantees*: exactly one request is sent.
    /// *Assumptions*: a rule that was just made may be unknown to this call (hashicorp/terraform-provider-aws#6154).
    /// *Cancellation*: it may be gone or not; the call can be repeated.
    async fn delete_rule(&self, rule_arn: &str) -> Answer<()> {
        gone(sent(self.elb_effects.delete_rule().rule_arn(rule_arn).send()).await)
    }

    /// *Guarantees*: exactly one request is sent, and none for no instances.
    /// *Cancellation*: they may be registered or not; the call can be repeated.
    async fn register(&self, target_group_arn: &str, instance_ids: &[String]) -> Answer<()> {
        if instance_ids.is_empty() {
            return Ok(());
        }
        let call = self.elb_effects.register_targets().target_group_arn(target_group_arn);
        sent(call.set_targets(Some(named(instance_ids))).send()).await.map(drop)
    }

    /// *Guarantees*: exactly one request is sent, and none for no instances.
    /// *Cancellation*: they may be out or not; the call can be repeated.
    async fn deregister(&self, target_group_arn: &str, instance_ids: &[String]) -> Answer<()> {
        if instance_ids.is_empty() {
            return Ok(());
        }
        let call = self.elb_effects.deregister_targets().target_group_arn(target_group_arn);
        sent(call.set_targets(Some(named(instance_ids))).send()).await.map(drop)
    }

    /// *Guarantees*: exactly one request is sent.
    /// *Cancellation*: it may be gone or not; the call can be repeated.
    async fn delete_load_balancer(&self, arn: &str) -> Answer<()> {
        gone(sent(self.elb_effects.delete_load_balancer().load_balancer_arn(arn).send()).await)
    }

    /// *Guarantees*: exactly one request is sent.
    /// *Cancellation*: it may be gone or not; the call can be repeated.
    async fn delete_target_group(&self, arn: &str) -> Answer<()> {
        gone(sent(self.elb_effects.delete_target_group().target_group_arn(arn).send()).await)
    }
}

/// Without a port of their own: the group's counts.
fn named(instance_ids: &[String]) -> Vec<TargetDescription> {
    instance_ids.iter().map(|id| TargetDescription::builder().id(id).build()).collect()
}
