//! Target groups: created once for each name, their attributes, listed, deleted.

use std::sync::Arc;

use super::Elb;
use super::state::GroupRecord;
use super::target_group::{
    ALGORITHM, Attributes, CreateTargetGroup, DEREGISTRATION_DELAY, DescribeTargetGroups, TargetGroup,
};
use super::validation::{check_health_check, check_name, check_tags, invalid};
use crate::engine::audit::Origin;
use crate::engine::error::{Outcome, SimError};
use crate::engine::query::Page;
use crate::engine::visibility::{Path, ReadView, Versions};

impl Elb<'_> {
    /// CreateTargetGroup. As with load balancers, the name is the token.
    pub fn create_target_group(&mut self, request: &CreateTargetGroup) -> Outcome<TargetGroup> {
        let outcome = self.create_group(request);
        let name = &request.name;
        match &outcome {
            Ok(group) => self.engine.tell(format!("CreateTargetGroup {name} -> {}", group.arn)),
            Err(error) => self.engine.tell(format!("CreateTargetGroup {name} refused: {error}")),
        }
        outcome.map(|group| self.with_users(&group))
    }

    fn create_group(&mut self, request: &CreateTargetGroup) -> Outcome<Arc<TargetGroup>> {
        check_name("target group", &request.name)?;
        check_tags(&request.tags)?;
        check_health_check(&request.health_check)?;
        if request.port == 0 {
            return Err(invalid("Port '0' must be between '1' and '65535' inclusive"));
        }
        if !self.ec2().vpcs_now().iter().any(|vpc| vpc.id == request.vpc_id) {
            return Err(invalid(format!("The VPC ID '{}' is not found", request.vpc_id)));
        }
        if let Some(existing) = self.state.all_target_groups().find(|one| one.name == request.name) {
            return self.repeated_group(existing, request);
        }
        let made = self.state.all_target_groups().count();
        if self.settings.load_balancing.group_quota.is_some_and(|quota| made >= quota as usize) {
            let message = "The maximum number of target groups has been reached";
            return Err(SimError::new("TooManyTargetGroups", message));
        }
        *self.state.made.target_groups.entry(request.name.clone()).or_default() += 1;
        Ok(self.add_target_group(request, Origin::Called))
    }

    fn repeated_group(&self, existing: &Arc<TargetGroup>, request: &CreateTargetGroup) -> Outcome<Arc<TargetGroup>> {
        let has_equal_settings = existing.port == request.port
            && existing.vpc_id == request.vpc_id
            && existing.health_check == request.health_check;
        let has_equal_tags = !self.settings.load_balancing.tags_are_settings || existing.tags == request.tags;
        if has_equal_settings && has_equal_tags {
            return Ok(existing.clone());
        }
        let message =
            format!("A target group with the same name '{}' exists, but with different settings", request.name);
        Err(SimError::new("DuplicateTargetGroupName", message))
    }

    pub(super) fn add_target_group(&mut self, request: &CreateTargetGroup, origin: Origin) -> Arc<TargetGroup> {
        let id = self.state.new_id();
        let arn = self.arn(&format!("targetgroup/{}/{id}", request.name));
        let group = TargetGroup {
            arn: arn.clone(),
            origin,
            name: request.name.clone(),
            port: request.port,
            vpc_id: request.vpc_id.clone(),
            health_check: request.health_check.clone(),
            attributes: default_attributes(),
            load_balancer_arns: Vec::new(),
            tags: request.tags.clone(),
        };
        let lag = self.draw_lag();
        let made = Arc::new(group.clone());
        let seen = Versions::new(group, self.engine.now(), lag);
        self.state.groups.insert(arn, GroupRecord { seen, used_until: None });
        self.state.version += 1;
        made
    }

    pub(super) fn update_target_group(&mut self, arn: &str, change: impl FnOnce(&mut TargetGroup)) {
        let (now, lag) = (self.engine.now(), self.draw_lag());
        let Some(record) = self.state.groups.get_mut(arn) else { return };
        let Some(truth) = record.seen.truth() else { return };
        let mut changed = TargetGroup::clone(truth);
        change(&mut changed);
        record.seen.push(Some(changed), now, lag);
        self.state.version += 1;
    }

    /// DescribeTargetGroups. An ARN or name that is not there refuses all of it.
    pub fn describe_target_groups(&mut self, request: &DescribeTargetGroups) -> Outcome<Page<TargetGroup>> {
        let DescribeTargetGroups { load_balancer_arn, arns, names, page } = request;
        let asked = [load_balancer_arn.is_some(), !arns.is_empty(), !names.is_empty()];
        if asked.into_iter().filter(|is_asked| *is_asked).count() > 1 {
            return Err(invalid("Only one of load balancer ARN, target group ARNs or names can be specified"));
        }
        let view = self.read_view(if arns.is_empty() { Path::Tag } else { Path::Id });
        let forgotten_at = self.engine.forgotten_at(self.settings.stale_reads);
        self.state.groups.retain(|_, record| !record.seen.is_forgotten(forgotten_at));
        self.list(page, &[arns, names], |elb| {
            if let Some(arn) = load_balancer_arn {
                elb.shown_balancer(arn, ReadView { path: Path::Id, ..view })?;
            }
            let here = elb.state.groups.values().filter(|_| !elb.is_elsewhere());
            let all: Vec<_> = here.filter_map(|record| record.seen.seen(view)).cloned().collect();
            let no_arn = arns.iter().find(|arn| !all.iter().any(|group| group.arn == **arn));
            let no_name = names.iter().find(|name| !all.iter().any(|group| group.name == **name));
            if no_arn.or(no_name).is_some() {
                return Err(group_not_found());
            }
            let is_named = |one: &TargetGroup| {
                arns.is_empty() && names.is_empty() || arns.contains(&one.arn) || names.contains(&one.name)
            };
            let shown = all.iter().filter(|group| is_named(group)).map(|group| elb.with_users(group));
            let of_balancer = |group: &TargetGroup| {
                load_balancer_arn.as_ref().is_none_or(|arn| group.load_balancer_arns.contains(arn))
            };
            Ok(shown.filter(of_balancer).collect())
        })
    }

    /// With the load balancers that use it.
    fn with_users(&self, group: &TargetGroup) -> TargetGroup {
        let users = self.state.users_of(&group.arn).into_iter().map(|balancer| balancer.arn.clone()).collect();
        TargetGroup { load_balancer_arns: users, ..group.clone() }
    }

    /// The target group that a caller who names it sees.
    pub(super) fn shown_target_group(&self, arn: &str, view: ReadView) -> Outcome<Arc<TargetGroup>> {
        let record = self.state.groups.get(arn).filter(|_| !self.is_elsewhere());
        record.and_then(|record| record.seen.seen(view)).cloned().ok_or_else(group_not_found)
    }

    /// DescribeTargetGroupAttributes.
    pub fn describe_target_group_attributes(&mut self, arn: &str) -> Outcome<Attributes> {
        let view = self.read_view(Path::Id);
        Ok(self.shown_target_group(arn, view)?.attributes.clone())
    }

    /// ModifyTargetGroupAttributes. All of them, or none; the answer has all attributes of the group.
    pub fn modify_target_group_attributes(&mut self, arn: &str, to: &Attributes) -> Outcome<Attributes> {
        let view = self.read_view(Path::Id);
        self.shown_target_group(arn, view)?;
        let Some(group) = self.state.target_group(arn).cloned() else { return Err(group_not_found()) };
        for (key, value) in to {
            check_attribute(key, value)?;
        }
        self.engine.touch(group.origin, || format!("ModifyTargetGroupAttributes {}", group.name));
        let text: Vec<String> = to.iter().map(|(key, value)| format!("{key}={value}")).collect();
        self.engine.tell(format!("ModifyTargetGroupAttributes {} {}", group.name, text.join(" ")));
        self.update_target_group(arn, |group| group.attributes.extend(to.clone()));
        let attributes = self.state.target_group(arn).map(|group| group.attributes.clone());
        attributes.ok_or_else(group_not_found)
    }

    /// DeleteTargetGroup. One that is not there, or that this call does not see yet, is a success; one that a rule or a
    /// listener names cannot be deleted. Its targets go with it.
    pub fn delete_target_group(&mut self, arn: &str) -> Outcome<()> {
        if !arn.contains(":targetgroup/") {
            return Err(invalid(format!("'{arn}' is not a valid target group ARN")));
        }
        let view = self.read_view(Path::Id);
        let shown = self.shown_target_group(arn, view).ok().and(self.state.target_group(arn)).cloned();
        let Some(group) = shown else {
            self.engine.tell(format!("DeleteTargetGroup {arn}: there is none"));
            return Ok(());
        };
        self.engine.touch(group.origin, || format!("DeleteTargetGroup {}", group.name));
        let used_until = self.state.groups.get(arn).and_then(|record| record.used_until);
        let lingers = used_until.is_some_and(|until| self.engine.now() < until);
        if lingers || !self.state.users_of(arn).is_empty() {
            self.engine.tell(format!("DeleteTargetGroup {} refused: a rule names it", group.name));
            let message = format!("Target group '{arn}' is currently in use by a listener or a rule");
            return Err(SimError::new("ResourceInUse", message));
        }
        self.engine.tell(format!("DeleteTargetGroup {}", group.name));
        let (now, lag) = (self.engine.now(), self.draw_lag());
        if let Some(record) = self.state.groups.get_mut(arn) {
            record.seen.push(None, now, lag);
        }
        self.state.targets.retain(|(of, _), _| of != arn);
        self.state.version += 1;
        Ok(())
    }
}

pub(super) fn group_not_found() -> SimError {
    SimError::new("TargetGroupNotFound", "One or more target groups not found")
}

/// API reference, TargetGroupAttribute: the defaults of target groups of Application Load Balancers.
fn default_attributes() -> Attributes {
    let pairs = [
        (DEREGISTRATION_DELAY, "300"),
        (ALGORITHM, "round_robin"),
        ("load_balancing.algorithm.anomaly_mitigation", "off"),
        ("load_balancing.cross_zone.enabled", "use_load_balancer_configuration"),
        ("slow_start.duration_seconds", "0"),
        ("stickiness.enabled", "false"),
        ("stickiness.type", "lb_cookie"),
        ("stickiness.lb_cookie.duration_seconds", "86400"),
        ("stickiness.app_cookie.cookie_name", ""),
        ("stickiness.app_cookie.duration_seconds", "86400"),
        ("target_group_health.dns_failover.minimum_healthy_targets.count", "1"),
        ("target_group_health.dns_failover.minimum_healthy_targets.percentage", "off"),
        ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1"),
        ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off"),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Only the two that are simulated may be changed: others would be kept and not acted on.
fn check_attribute(key: &str, value: &str) -> Outcome<()> {
    let is_good = match key {
        DEREGISTRATION_DELAY => value.parse::<u32>().is_ok_and(|seconds| seconds <= 3600),
        ALGORITHM => planner::ports::Algorithm::parse(value).is_some(),
        _ => return Err(invalid(format!("Target group attribute key '{key}' is not simulated"))),
    };
    if is_good { Ok(()) } else { Err(invalid(format!("'{value}' is not a valid value for '{key}'"))) }
}
