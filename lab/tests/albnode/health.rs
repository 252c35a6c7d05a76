//! Health checks.

use std::sync::atomic::Ordering;

use super::backend::{CLOSE, HANG};
use super::*;

/// The next change of a target: state and reason code.
fn change(node: &mut Node) -> (HealthState, String) {
    node.until("a change of health", |event| match event {
        Event::Health(health) => {
            assert_eq!((health.group.as_str(), health.target.as_str()), ("all", "a"));
            assert_eq!(health.reason.is_some(), health.description.is_some());
            Some((health.state, health.reason.clone().unwrap_or_default()))
        }
        _ => None,
    })
}

#[test]
fn each_change_is_told_once_with_its_reason() {
    use HealthState::{Healthy, Initial, Unhealthy};
    let a = Backend::new("a");
    let mut node = Node::start(&[]);
    let mut config = one_group(Algorithm::RoundRobin, &[&a]);
    config.groups[0].health_check.timeout_millis = 300;
    config.version = 1;
    node.say(&serde_json::to_string(&config).unwrap());
    let mut is = |state, reason: &str| assert_eq!(change(&mut node), (state, reason.to_owned()));
    is(Initial, "Elb.InitialHealthChecking");
    is(Healthy, "");
    a.is_checked_with(503);
    is(Unhealthy, "Target.ResponseCodeMismatch");
    a.is_checked_with(200);
    is(Healthy, "");
    a.is_checked_with(CLOSE);
    is(Unhealthy, "Target.FailedHealthChecks");
    a.is_checked_with(HANG);
    is(Unhealthy, "Target.Timeout");
    a.is_checked_with(204);
    is(Healthy, "");
    config.groups[0].targets[0].reachable = false;
    config.version = 2;
    node.say(&serde_json::to_string(&config).unwrap());
    assert_eq!(change(&mut node), (Unhealthy, "Target.Timeout".to_owned()));
}

#[test]
fn thresholds_are_counted_in_checks() {
    let a = Backend::new("a");
    a.is_checked_with(404);
    let mut node = Node::start(&[]);
    let mut config = one_group(Algorithm::RoundRobin, &[&a]);
    config.groups[0].health_check.unhealthy_count = 5;
    config.version = 1;
    node.say(&serde_json::to_string(&config).unwrap());
    node.until_all(HealthState::Unhealthy, vec!["a"]);
    assert!(a.checks.load(Ordering::SeqCst) >= 5);
    // A matcher that takes this status: the settings change, what is known of the target stays.
    config.groups[0].health_check.statuses = "200,404".to_owned();
    config.version = 2;
    node.say(&serde_json::to_string(&config).unwrap());
    assert_eq!(change(&mut node).0, HealthState::Healthy);
}

#[test]
fn two_nodes_judge_each_on_their_own() {
    let a = Backend::new("a");
    let mut nodes = [(); 2].map(|()| serving(&[], Algorithm::RoundRobin, &[&a]).0);
    let mut hidden = one_group(Algorithm::RoundRobin, &[&a]);
    hidden.groups[0].health_check.timeout_millis = 50;
    hidden.groups[0].targets[0].reachable = false;
    nodes[0].version += 1;
    hidden.version = nodes[0].version;
    nodes[0].say(&serde_json::to_string(&hidden).unwrap());
    assert_eq!(change(&mut nodes[0]), (HealthState::Unhealthy, "Target.Timeout".to_owned()));
    let [first, second] = nodes.map(|node| node.end().groups["all"].clone());
    assert_eq!((first.healthy, first.unhealthy), (0, 1));
    assert_eq!((second.healthy, second.unhealthy), (1, 0));
}
