//! Rules: created, listed, deleted. A priority that is taken refuses a rule, also one that is equal to the one there.

use std::sync::Arc;

use super::Elb;
use super::listener::{CreateRule, DescribeRules, Rule, RuleAction};
use super::validation::{check_paths, check_tags, invalid};
use crate::engine::error::{Outcome, SimError};
use crate::engine::query::Page;
use crate::engine::visibility::{Path, ReadView, Versions};

/// Rules of one load balancer, default ones left out (user guide, "Quotas for your Application Load Balancers").
const RULES: usize = 100;
/// API reference, CreateRule: Priority.
const PRIORITIES: std::ops::RangeInclusive<u32> = 1..=50_000;

impl Elb<'_> {
    /// CreateRule.
    pub fn create_rule(&mut self, request: &CreateRule) -> Outcome<Arc<Rule>> {
        let outcome = self.new_rule(request);
        let (priority, paths) = (request.priority, request.paths.join(" "));
        match &outcome {
            Ok(rule) => self.engine.tell(format!("CreateRule {priority} {paths} -> {}", rule.arn)),
            Err(error) => self.engine.tell(format!("CreateRule {priority} {paths} refused: {error}")),
        }
        outcome
    }

    fn new_rule(&mut self, request: &CreateRule) -> Outcome<Arc<Rule>> {
        let view = self.read_view(Path::Id);
        check_tags(&request.tags)?;
        check_paths(&request.paths)?;
        if !PRIORITIES.contains(&request.priority) {
            return Err(invalid(format!("Priority '{}' must be between '1' and '50000' inclusive", request.priority)));
        }
        let arn = &request.listener_arn;
        self.shown_listener(arn, view)?;
        let gone = || SimError::new("ListenerNotFound", format!("One or more listeners not found: {arn}"));
        let listener = self.state.listener(arn).cloned().ok_or_else(gone)?;
        let balancer = self.state.load_balancer(&listener.load_balancer_arn).cloned().ok_or_else(gone)?;
        self.check_action(&request.action, &balancer.arn, view)?;
        let is_taken = |rule: &&Arc<Rule>| rule.listener_arn == *arn && rule.priority == Some(request.priority);
        if self.state.all_rules().any(|rule| is_taken(&rule)) {
            let message = format!("Priority '{}' is currently in use", request.priority);
            return Err(SimError::new("PriorityInUse", message));
        }
        let of_balancer = |rule: &&Arc<Rule>| {
            let owner = self.state.load_balancer_of(rule);
            rule.priority.is_some() && owner.is_some_and(|owner| owner.arn == balancer.arn)
        };
        if self.state.all_rules().filter(of_balancer).count() >= RULES {
            return Err(SimError::new("TooManyRules", "The maximum number of rules has been reached"));
        }
        self.engine.touch(listener.origin, || format!("CreateRule of {}", balancer.name));
        *self.state.made.rules.entry(balancer.name.clone()).or_default() += 1;
        let rule = Rule {
            arn: self.new_rule_arn(arn),
            origin: listener.origin,
            listener_arn: arn.clone(),
            priority: Some(request.priority),
            paths: request.paths.clone(),
            action: request.action.clone(),
            tags: request.tags.clone(),
        };
        let (now, lag) = (self.engine.now(), self.draw_lag());
        let key = rule.arn.clone();
        let made = Arc::new(rule.clone());
        let seen = Versions::new(rule, now, lag);
        self.state.rules.insert(key, seen);
        self.state.version += 1;
        self.used(&request.action);
        Ok(made)
    }

    /// `listener-rule/app/NAME/ID/LISTENER/RULE`.
    pub(super) fn new_rule_arn(&mut self, listener_arn: &str) -> String {
        format!("{}/{}", listener_arn.replacen(":listener/", ":listener-rule/", 1), self.state.new_id())
    }

    /// Target groups are used from now on: what was `unused` is checked.
    pub(super) fn used(&mut self, action: &RuleAction) {
        for arn in action.target_groups() {
            self.check_targets(arn);
        }
    }

    /// DescribeRules.
    pub fn describe_rules(&mut self, request: &DescribeRules) -> Outcome<Page<Arc<Rule>>> {
        let DescribeRules { listener_arn, arns, page } = request;
        if listener_arn.is_some() != arns.is_empty() {
            return Err(invalid("You must specify either listener rule ARNs or a listener ARN"));
        }
        let view = self.read_view(if arns.is_empty() { Path::Tag } else { Path::Id });
        let forgotten_at = self.engine.forgotten_at(self.settings.stale_reads);
        self.state.rules.retain(|_, rule| !rule.is_forgotten(forgotten_at));
        self.list(page, &[arns], |elb| {
            if let Some(arn) = listener_arn {
                elb.shown_listener(arn, ReadView { path: Path::Id, ..view })?;
                let all = elb.state.rules.values().filter_map(|rule| rule.seen(view));
                return Ok(all.filter(|rule| rule.listener_arn == *arn).cloned().collect());
            }
            arns.iter().map(|arn| elb.shown_rule(arn, view)).collect()
        })
    }

    /// The rule that a caller who names it sees. A new one can be unknown for a minute (terraform-provider-aws#6154).
    pub(super) fn shown_rule(&self, arn: &str, view: ReadView) -> Outcome<Arc<Rule>> {
        let record = self.state.rules.get(arn).filter(|_| !self.is_elsewhere());
        record.and_then(|record| record.seen(view)).cloned().ok_or_else(|| rule_not_found(arn))
    }

    /// DeleteRule.
    pub fn delete_rule(&mut self, arn: &str) -> Outcome<()> {
        let view = self.read_view(Path::Id);
        self.shown_rule(arn, view)?;
        let rule = self.state.rules.get(arn).and_then(Versions::truth).cloned();
        let rule = rule.ok_or_else(|| rule_not_found(arn))?;
        if rule.priority.is_none() {
            let message = format!("Default rule '{arn}' cannot be deleted");
            return Err(SimError::new("OperationNotPermitted", message));
        }
        self.engine.touch(rule.origin, || format!("DeleteRule {arn}"));
        self.engine.tell(format!("DeleteRule {} {}", rule.priority.unwrap_or_default(), rule.paths.join(" ")));
        self.remove_rule(&rule);
        Ok(())
    }

    pub(super) fn remove_rule(&mut self, rule: &Rule) {
        let (now, lag) = (self.engine.now(), self.draw_lag());
        if let Some(record) = self.state.rules.get_mut(&rule.arn) {
            record.push(None, now, lag);
        }
        self.state.version += 1;
        for arn in rule.action.target_groups() {
            self.released(arn);
            self.check_targets(arn);
        }
    }
}

fn rule_not_found(arn: &str) -> SimError {
    SimError::new("RuleNotFound", format!("One or more rules not found: {arn}"))
}
