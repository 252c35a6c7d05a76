//! Listeners: created once for each port, listed, gone with their load balancer.

use std::sync::Arc;

use super::Elb;
use super::listener::{CreateListener, DescribeListeners, Listener, Rule, RuleAction};
use super::validation::{check_tags, invalid};
use crate::engine::audit::Origin;
use crate::engine::error::{Outcome, SimError};
use crate::engine::query::Page;
use crate::engine::visibility::{Path, ReadView, Versions};

/// User guide, "Quotas for your Application Load Balancers".
const LISTENERS: usize = 50;

impl Elb<'_> {
    /// CreateListener: documented to be idempotent, when all settings are equal.
    pub fn create_listener(&mut self, request: &CreateListener) -> Outcome<Arc<Listener>> {
        let outcome = self.new_listener(request);
        let (arn, port) = (&request.load_balancer_arn, request.port);
        match &outcome {
            Ok(listener) => self.engine.tell(format!("CreateListener {port} -> {}", listener.arn)),
            Err(error) => self.engine.tell(format!("CreateListener {port} of {arn} refused: {error}")),
        }
        outcome
    }

    fn new_listener(&mut self, request: &CreateListener) -> Outcome<Arc<Listener>> {
        let view = self.read_view(Path::Id);
        check_tags(&request.tags)?;
        if request.port == 0 {
            return Err(invalid("Port '0' must be between '1' and '65535' inclusive"));
        }
        let arn = &request.load_balancer_arn;
        self.shown_balancer(arn, view)?;
        let Some(balancer) = self.state.load_balancer(arn).cloned() else {
            return Err(super::balancers::balancer_not_found(arn));
        };
        self.check_action(&request.default_action, arn, view)?;
        let of_balancer: Vec<_> =
            self.state.live_listeners().into_iter().filter(|one| one.load_balancer_arn == *arn).collect();
        if let Some(existing) = of_balancer.iter().find(|one| one.port == request.port) {
            let is_equal = existing.default_action == request.default_action
                && (!self.settings.load_balancing.tags_are_settings || existing.tags == request.tags);
            let message = "A listener already exists on this port for this load balancer";
            let duplicate = || SimError::new("DuplicateListener", message);
            return is_equal.then(|| existing.clone()).ok_or_else(duplicate);
        }
        if of_balancer.len() >= LISTENERS {
            return Err(SimError::new("TooManyListeners", "The maximum number of listeners has been reached"));
        }
        self.engine.touch(balancer.origin, || format!("CreateListener {}", balancer.name));
        *self.state.made.listeners.entry(balancer.name.clone()).or_default() += 1;
        let id = self.state.new_id();
        let listener = Listener {
            arn: self.arn(&format!("listener/{}/{id}", balancer.dimension())),
            origin: balancer.origin,
            load_balancer_arn: arn.clone(),
            port: request.port,
            default_action: request.default_action.clone(),
            tags: request.tags.clone(),
        };
        Ok(self.add_listener(listener))
    }

    /// A listener with its default rule.
    pub(super) fn add_listener(&mut self, listener: Listener) -> Arc<Listener> {
        let default = Rule {
            arn: self.new_rule_arn(&listener.arn),
            origin: listener.origin,
            listener_arn: listener.arn.clone(),
            priority: None,
            paths: Vec::new(),
            action: listener.default_action.clone(),
            tags: Default::default(),
        };
        let (now, lag) = (self.engine.now(), self.draw_lag());
        self.state.rules.insert(default.arn.clone(), Versions::new(default.clone(), now, lag));
        let arn = listener.arn.clone();
        let made = Arc::new(listener.clone());
        let seen = Versions::new(listener, now, lag);
        self.state.listeners.insert(arn, seen);
        self.state.version += 1;
        self.used(&default.action);
        made
    }

    /// Target groups of an action must be seen by the caller, lie in the VPC of the load balancer, and be used by no
    /// other one (user guide, "Quotas": one load balancer for each target group).
    pub(super) fn check_action(&self, action: &RuleAction, balancer_arn: &str, view: ReadView) -> Outcome<()> {
        /// Target groups that one load balancer may use, and that one action may name.
        const GROUPS_PER_BALANCER: usize = 100;
        const GROUPS_PER_ACTION: usize = 5;
        let named: Vec<&str> = action.target_groups().collect();
        if let RuleAction::Forward(weights) = action {
            if named.is_empty() || named.len() > GROUPS_PER_ACTION {
                return Err(invalid(format!("A forward action must name 1 to {GROUPS_PER_ACTION} target groups")));
            }
            if weights.values().any(|weight| *weight > 999) {
                return Err(invalid("The weight of a target group must be between '0' and '999' inclusive"));
            }
        }
        let balancer = self.state.load_balancer(balancer_arn);
        for arn in &named {
            let group = self.shown_target_group(arn, view)?;
            if self.state.target_group(arn).is_none() {
                return Err(super::target_groups::group_not_found());
            }
            if balancer.is_some_and(|balancer| balancer.vpc_id != group.vpc_id) {
                let message = format!("The target group '{arn}' is in another VPC than the load balancer");
                return Err(SimError::new("InvalidConfigurationRequest", message));
            }
            if self.state.users_of(arn).iter().any(|user| user.arn != balancer_arn) {
                let message = format!("The target group '{arn}' is associated with another load balancer");
                return Err(SimError::new("TargetGroupAssociationLimit", message));
            }
        }
        let is_of_balancer = |arn: &str| self.state.users_of(arn).iter().any(|user| user.arn == balancer_arn);
        let used = self.state.all_target_groups().filter(|group| is_of_balancer(&group.arn)).count();
        let new = named.iter().filter(|arn| !is_of_balancer(arn)).count();
        if used + new > GROUPS_PER_BALANCER {
            let message = "The maximum number of target groups per load balancer has been reached";
            return Err(SimError::new("TooManyUniqueTargetGroupsPerLoadBalancer", message));
        }
        Ok(())
    }

    /// DescribeListeners.
    pub fn describe_listeners(&mut self, request: &DescribeListeners) -> Outcome<Page<Arc<Listener>>> {
        let DescribeListeners { load_balancer_arn, arns, page } = request;
        if load_balancer_arn.is_some() != arns.is_empty() {
            return Err(invalid("You must specify either listener ARNs or a load balancer ARN"));
        }
        // Listeners of a load balancer are a list: they come later than it does (aws-load-balancer-controller#1472).
        let view = self.read_view(if arns.is_empty() { Path::Tag } else { Path::Id });
        let forgotten_at = self.engine.forgotten_at(self.settings.stale_reads);
        self.state.listeners.retain(|_, listener| !listener.is_forgotten(forgotten_at));
        self.list(page, &[arns], |elb| {
            if let Some(arn) = load_balancer_arn {
                elb.shown_balancer(arn, ReadView { path: Path::Id, ..view })?;
                let all = elb.state.listeners.values().filter_map(|listener| listener.seen(view));
                return Ok(all.filter(|listener| listener.load_balancer_arn == *arn).cloned().collect());
            }
            arns.iter().map(|arn| elb.shown_listener(arn, view)).collect()
        })
    }

    /// The listener that a caller who names it sees.
    pub(super) fn shown_listener(&self, arn: &str, view: ReadView) -> Outcome<Arc<Listener>> {
        let record = self.state.listeners.get(arn).filter(|_| !self.is_elsewhere());
        let not_found = || SimError::new("ListenerNotFound", format!("One or more listeners not found: {arn}"));
        record.and_then(|record| record.seen(view)).cloned().ok_or_else(not_found)
    }

    /// It goes with its rules.
    pub(super) fn remove_listener(&mut self, arn: &str) {
        for rule in self.state.live_rules().iter().filter(|rule| rule.listener_arn == arn) {
            self.remove_rule(rule);
        }
        let (now, lag) = (self.engine.now(), self.draw_lag());
        if let Some(record) = self.state.listeners.get_mut(arn) {
            record.push(None, now, lag);
        }
        self.state.version += 1;
    }

    /// Plants a listener of somebody else.
    pub fn plant_listener(&mut self, load_balancer_arn: &str, port: u16) -> Option<String> {
        let balancer = self.state.load_balancer(load_balancer_arn)?.clone();
        let id = self.state.new_id();
        let listener = Listener {
            arn: self.arn(&format!("listener/{}/{id}", balancer.dimension())),
            origin: Origin::Planted,
            load_balancer_arn: load_balancer_arn.to_owned(),
            port,
            default_action: RuleAction::FixedResponse {
                status: 503,
                content_type: "text/plain".into(),
                body: String::new(),
            },
            tags: Default::default(),
        };
        Some(self.add_listener(listener).arn.clone())
    }
}
