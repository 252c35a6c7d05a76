//! Health of targets: who is checked, what checks find, and what a target comes to by it.
//!
//! Where machines are driven, the nodes of load balancers check real programs and report each result
//! ([`Elb::report_check`]). Where they are imagined, checks are imagined too: an instance that runs answers once its
//! program has started, and nothing is checked that cannot change by itself.

use std::collections::BTreeMap;

use jiff::Timestamp;
use planner::ports::{HealthCheck, InstanceState};
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::Elb;
use super::nodes::SHORTEST_PAUSE_MILLIS;
use super::state::{Event, Tally};
use super::target::{Check, CheckFailure, Health, Registration};
use super::validation::Statuses;
use crate::engine::span::Span;
use crate::engine::visibility::later;
use crate::settings::Machines;

/// Target group and instance.
pub(super) type TargetKey = (String, String);

/// The use that a target group, and one of its zones, is put to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// No rule names the group.
    Unnamed,
    /// The target's zone is not enabled for the load balancer.
    ZoneNotEnabled,
    /// The load balancer does not route yet.
    NotRouting,
    Routed,
}

/// The node of imagined checks.
const ANY_NODE: &str = "";

impl Elb<'_> {
    pub(super) fn use_of(&self, group_arn: &str, zone: &str) -> Use {
        use planner::ports::LoadBalancerState::{Active, ActiveImpaired};
        let users = self.state.users_of(group_arn);
        let routing = users.iter().find(|user| matches!(user.state, Active | ActiveImpaired));
        match (users.first(), routing) {
            (None, _) => Use::Unnamed,
            (Some(user), _) if !user.has_zone(zone) => Use::ZoneNotEnabled,
            (Some(_), None) => Use::NotRouting,
            (Some(_), Some(_)) => Use::Routed,
        }
    }

    /// Looks again at all targets of a target group: what uses it changed.
    pub(super) fn check_targets(&mut self, group_arn: &str) {
        let instances: Vec<String> = self.state.records_of(group_arn).map(|(id, _)| id.to_owned()).collect();
        for instance in instances {
            self.look_at(&(group_arn.to_owned(), instance));
        }
    }

    pub(super) fn check_targets_of_balancer(&mut self, balancer_arn: &str) {
        let uses = |arn: &str| self.state.users_of(arn).iter().any(|user| user.arn == balancer_arn);
        let groups: Vec<String> =
            self.state.all_target_groups().filter(|group| uses(&group.arn)).map(|group| group.arn.clone()).collect();
        for group in groups {
            self.check_targets(&group);
        }
    }

    fn look_at_instance(&mut self, instance_id: &str) {
        let keys: Vec<TargetKey> = self.state.targets.keys().filter(|(_, id)| id == instance_id).cloned().collect();
        for key in keys {
            self.look_at(&key);
        }
    }

    /// Begins checks where there is something to find out, and forgets what they found where nobody checks.
    pub(super) fn look_at(&mut self, key: &TargetKey) {
        let Some(truth) = self.registration(key) else { return };
        if matches!(truth.health, Health::Draining | Health::InvalidState(_)) {
            return;
        }
        if self.use_of(&key.0, &truth.zone) != Use::Routed {
            if let Some(record) = self.state.targets.get_mut(key) {
                record.tallies.clear();
            }
            self.set_health(key, Health::Initial);
            return;
        }
        let is_settled = truth.health == Health::Healthy && self.answers(key, &truth);
        let is_imagined = self.settings.machines == Machines::Imagined;
        if is_imagined && !is_settled {
            // Checks of a target begin at some moment of the interval.
            let interval = self.interval_millis(&key.0);
            let first = self.state.random.times.random_range(0..=interval);
            self.check_after(key, first);
        }
    }

    fn check_after(&mut self, key: &TargetKey, millis: u64) {
        let Some(record) = self.state.targets.get_mut(key).filter(|record| !record.is_checking) else { return };
        record.is_checking = true;
        let number = record.number;
        self.after(millis, Event::Check { target: key.clone(), number });
    }

    /// An imagined check.
    pub(super) fn check(&mut self, key: &TargetKey, number: u64) {
        let Some(record) = self.state.targets.get_mut(key).filter(|record| record.number == number) else { return };
        record.is_checking = false;
        let Some(truth) = self.registration(key) else { return };
        let is_over = matches!(truth.health, Health::Draining | Health::InvalidState(_));
        if is_over || self.use_of(&key.0, &truth.zone) != Use::Routed {
            return;
        }
        let answers = self.answers(key, &truth);
        self.count_check(key, ANY_NODE, if answers { Ok(()) } else { Err(CheckFailure::Timeout) });
        let health = self.registration(key).map(|truth| truth.health);
        let interval = self.interval_millis(&key.0);
        match health {
            Some(Health::Healthy) if answers => (),
            // Nothing changes by itself until somebody lets it speak.
            Some(Health::Unhealthy(_)) if self.state.silent.contains(&key.1) => (),
            Some(Health::Unhealthy(_)) if !answers => {
                let wait = self.answers_again(key).map_or(0, |at| millis_until(self.engine.now(), at));
                self.check_after(key, wait.div_ceil(interval).max(1) * interval);
            }
            Some(_) => self.check_after(key, interval),
            None => (),
        }
    }

    /// Whether an imagined check finds an answer now.
    fn answers(&mut self, key: &TargetKey, truth: &Registration) -> bool {
        let is_running = self.ec2.instance(&truth.instance_id).is_some_and(|one| one.state == InstanceState::Running);
        let is_silent = self.state.silent.contains(&truth.instance_id);
        let from = self.answers_again(key);
        is_running && !is_silent && from.is_some_and(|from| from <= self.engine.now())
    }

    /// When its program answers, and its checks do not fail for other reasons. `None`: its instance never ran.
    fn answers_again(&mut self, key: &TargetKey) -> Option<Timestamp> {
        let starts = match self.state.answers_from.get(&key.1) {
            Some(known) => *known,
            None => {
                let running_since = self.ec2.running_since(&key.1)?;
                let span = self.settings.load_balancing.program_start;
                let starts = later(running_since, self.draw(span, |random| &mut random.times));
                self.state.answers_from.insert(key.1.clone(), starts);
                starts
            }
        };
        let flaps_until = self.state.targets.get(key).and_then(|record| record.flaps_until);
        Some(flaps_until.map_or(starts, |until| until.max(starts)))
    }

    fn interval_millis(&self, group_arn: &str) -> u64 {
        let group = self.state.target_group(group_arn);
        group.map_or(SHORTEST_PAUSE_MILLIS, |group| u64::from(group.health_check.interval_seconds) * 1000)
    }

    /// The result of one check, as the node in a zone found it. Only where machines are driven does it count.
    pub fn report_check(&mut self, group_arn: &str, instance_id: &str, node_zone: &str, found: Check) {
        let key = (group_arn.to_owned(), instance_id.to_owned());
        let Some(truth) = self.registration(&key) else { return };
        let is_over = matches!(truth.health, Health::Draining | Health::InvalidState(_));
        if is_over || self.settings.machines != Machines::Driven || self.use_of(group_arn, &truth.zone) != Use::Routed {
            return;
        }
        let Some(group) = self.state.target_group(group_arn) else { return };
        let statuses = Statuses::parse(&group.health_check.statuses);
        let flaps_until = self.state.targets.get(&key).and_then(|record| record.flaps_until);
        let result = match found {
            _ if flaps_until.is_some_and(|until| self.engine.now() < until) => Err(CheckFailure::Timeout),
            Check::Answered(status) if statuses.as_ref().is_some_and(|some| some.contain(status)) => Ok(()),
            Check::Answered(status) => Err(CheckFailure::ResponseCodeMismatch(status)),
            Check::Timeout => Err(CheckFailure::Timeout),
            Check::Failed => Err(CheckFailure::FailedHealthChecks),
        };
        self.count_check(&key, node_zone, result);
    }

    fn count_check(&mut self, key: &TargetKey, node: &str, result: Result<(), CheckFailure>) {
        let Some(group) = self.state.target_group(&key.0).cloned() else { return };
        let zones: Vec<String> = match self.settings.machines {
            Machines::Imagined => vec![ANY_NODE.to_owned()],
            Machines::Driven => {
                let users = self.state.users_of(&key.0);
                users.iter().flat_map(|user| user.subnets.iter().map(|at| at.zone.clone())).collect()
            }
        };
        let Some(record) = self.state.targets.get_mut(key) else { return };
        record.tallies.entry(node.to_owned()).or_default().count(result, &group.health_check);
        if let Some(health) = joint_health(&record.tallies, &zones) {
            self.set_health(key, health);
        }
    }

    pub(super) fn registration(&self, key: &TargetKey) -> Option<Registration> {
        self.state.targets.get(key).and_then(|record| record.seen.truth()).map(|truth| Registration::clone(truth))
    }

    pub(super) fn set_health(&mut self, key: &TargetKey, health: Health) {
        if self.registration(key).is_none_or(|truth| truth.health == health) {
            return;
        }
        let name = self.state.target_group(&key.0).map(|group| group.name.clone()).unwrap_or_default();
        let word = match health {
            Health::Initial => "initial",
            Health::Healthy => "healthy",
            Health::Unhealthy(failure) => failure.reason(),
            Health::Draining => "draining",
            Health::InvalidState(_) => "in no state to serve",
        };
        self.engine.tell(format!("{} of {name} is {word}", key.1));
        let (now, lag) = (self.engine.now(), self.draw_lag());
        let Some(record) = self.state.targets.get_mut(key) else { return };
        let Some(truth) = record.seen.truth() else { return };
        let changed = Registration { health, ..Registration::clone(truth) };
        record.seen.push(Some(changed), now, lag);
        self.state.version += 1;
    }

    /// Follows what became of instances: one that stopped gets no traffic, and one that is no longer listed is no
    /// target.
    pub(crate) fn follow_instances(&mut self) {
        for id in self.ec2.take_moved() {
            let keys: Vec<TargetKey> = self.state.targets.keys().filter(|(_, of)| *of == id).cloned().collect();
            if keys.is_empty() {
                continue;
            }
            let state = self.ec2.instance(&id).map(|instance| instance.state);
            for key in keys {
                match state {
                    None => self.remove_target(&key),
                    Some(InstanceState::Pending | InstanceState::Running) => (),
                    Some(InstanceState::ShuttingDown | InstanceState::Terminated) => self.lose(&key, "terminated"),
                    Some(_) => self.lose(&key, "stopped"),
                }
            }
            self.state.version += 1;
        }
    }

    fn lose(&mut self, key: &TargetKey, state: &'static str) {
        if self.registration(key).is_some_and(|truth| truth.health != Health::Draining) {
            self.set_health(key, Health::InvalidState(state));
        }
    }

    /// From now on the program on an instance answers no imagined check, or answers again.
    pub fn silence(&mut self, instance_id: &str, is_silent: bool) {
        if is_silent {
            self.state.silent.insert(instance_id.to_owned());
        } else {
            self.state.silent.remove(instance_id);
        }
        self.look_at_instance(instance_id);
    }

    /// Checks of a target fail for so long, whatever it answers.
    pub fn flap(&mut self, group_arn: &str, instance_id: &str, millis: u64) {
        let key = (group_arn.to_owned(), instance_id.to_owned());
        let until = later(self.engine.now(), millis);
        let Some(record) = self.state.targets.get_mut(&key) else { return };
        record.flaps_until = Some(until);
        self.engine.count("target flapped");
        self.look_at(&key);
    }

    /// Puts the next flap on the agenda, if there is to be one.
    pub(super) fn expect_flap(&mut self) {
        let every = self.settings.load_balancing.flaps;
        if every == Span::NONE || self.state.flap_is_due {
            return;
        }
        self.state.flap_is_due = true;
        let wait = self.draw(every, |random| &mut random.accidents).max(SHORTEST_PAUSE_MILLIS);
        self.after(wait, Event::Flap);
    }

    pub(super) fn flap_any(&mut self) {
        self.state.flap_is_due = false;
        if self.settings.load_balancing.flaps == Span::NONE {
            return;
        }
        let is_healthy = |key: &&TargetKey| self.registration(key).is_some_and(|one| one.health == Health::Healthy);
        let healthy: Vec<TargetKey> = self.state.targets.keys().filter(is_healthy).cloned().collect();
        if let Some(key) = healthy.choose(&mut self.state.random.accidents).cloned() {
            let group = self.state.target_group(&key.0);
            let unhealthy_count = group.map_or(2, |group| group.health_check.unhealthy_count);
            // Long enough to be seen, and over soon after.
            let millis = self.interval_millis(&key.0) * u64::from(unhealthy_count + 1);
            self.flap(&key.0, &key.1, millis);
        }
        self.expect_flap();
    }
}

impl Tally {
    /// A new target needs one success; others as many as the target group says (user guide, "Health checks for your
    /// target groups").
    fn count(&mut self, result: Result<(), CheckFailure>, rules: &HealthCheck) {
        match result {
            Ok(()) => (self.successes, self.failures) = (self.successes + 1, 0),
            Err(_) => (self.successes, self.failures) = (0, self.failures + 1),
        }
        let is_new = self.verdict.is_none();
        let needed = if is_new { 1 } else { rules.healthy_count };
        match result {
            Ok(()) if self.successes >= needed => self.verdict = Some(Ok(())),
            Err(failure) if self.failures >= rules.unhealthy_count => self.verdict = Some(Err(failure)),
            _ => (),
        }
    }
}

/// Healthy when every node says so, unhealthy when any does; `None`: they do not know yet.
fn joint_health(tallies: &BTreeMap<String, Tally>, nodes: &[String]) -> Option<Health> {
    let failure = tallies.values().find_map(|tally| tally.verdict?.err());
    let is_healthy = |node: &String| tallies.get(node).is_some_and(|tally| tally.verdict == Some(Ok(())));
    match failure {
        Some(failure) => Some(Health::Unhealthy(failure)),
        None => nodes.iter().all(is_healthy).then_some(Health::Healthy),
    }
}

fn millis_until(now: Timestamp, at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond() - now.as_millisecond()).unwrap_or(0)
}
