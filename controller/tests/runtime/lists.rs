//! One list for all, and what is made of it.

use std::collections::BTreeMap;
use std::time::Duration;

use cloudsim::Fault;
use cloudsim::ec2::Action;

use crate::stage::Stage;
use crate::{minutes, ready, tell};

/// Calls while `stage` plays on.
async fn calls_in(stage: &mut Stage, time: Duration) -> BTreeMap<&'static str, u64> {
    let before = stage.calls();
    stage.play(time, |_| false).await;
    let now = stage.calls();
    let new = |action: &&'static str| now[action] - before.get(action).copied().unwrap_or(0);
    now.keys().map(|action| (*action, new(action))).filter(|(_, count)| *count > 0).collect()
}

#[test]
fn idle_benchmarks_share_one_list_in_two_minutes_and_cause_no_other_call() {
    tell(async || {
        let mut stage = ready(20).await;
        stage.play(minutes(5), |_| false).await;
        let passes = stage.passes;
        let calls = calls_in(&mut stage, minutes(20)).await;
        assert!(stage.passes - passes >= 20 * 20, "they are looked at: {}", stage.passes - passes);
        // A list is taken up to an age of 120 s: one more than ten fits into twenty minutes.
        for (action, count) in &calls {
            let most = if *action == "GetCallerIdentity" { 22 } else { 11 };
            assert!(*count <= most, "{action}: {count}");
        }
        let names: Vec<_> = calls.keys().copied().collect();
        assert_eq!(names.len(), 3, "{names:?}");
    });
}

/// A load balancer costs no call of its own while nothing goes on: whether it is there, healthy and as it was is seen on
/// the same lists for all, each taken once in two minutes.
#[test]
fn idle_benchmarks_behind_load_balancers_share_one_list_of_each_kind() {
    tell(async || {
        let mut stage = Stage::new(7, crate::throttling(), 40);
        stage.edit(|spec| spec.balancer.kind = api::BalancerKind::Application);
        let converged = stage.play(minutes(30), Stage::all_ready).await;
        assert!(converged.is_some(), "{}", stage.worst());
        eprintln!("40 load balancers: all measured after {converged:?}, {} calls throttled", stage.throttled());
        assert_eq!(stage.sim.lock().audit().load_balancers, 40);
        stage.play(minutes(15), |_| false).await;
        let calls = calls_in(&mut stage, minutes(20)).await;
        for (action, count) in &calls {
            // Who we are is asked before and after; one call tells the tags of 20: of 40 load balancers and 80 target groups.
            let most = match *action {
                "GetCallerIdentity" => 22,
                "DescribeTags" => 66,
                _ => 11,
            };
            assert!(*count <= most, "{action}: {count} of {calls:?}");
        }
        assert!(calls.keys().all(|action| action.starts_with("Describe") || action.starts_with("Get")), "{calls:?}");
    });
}

/// The same of queues and buckets, whose tags are a call for each: nobody else lists them.
#[test]
fn idle_benchmarks_behind_queues_share_one_list_of_each_kind() {
    tell(async || {
        let mut stage = Stage::new(7, crate::throttling(), 10);
        stage.edit(|spec| {
            let queue =
                api::Queue { instance_profile: "clusterbench-queue".into(), visibility_seconds: 20, attempts: 3 };
            (spec.balancer.kind, spec.balancer.queue) = (api::BalancerKind::Queue, Some(queue));
        });
        let converged = stage.play(minutes(30), Stage::all_ready).await;
        assert!(converged.is_some(), "{}", stage.worst());
        let audit = stage.sim.lock().audit();
        let queues = audit.queues;
        assert!(queues >= 20, "{queues}");
        assert_eq!(audit.buckets, 10);
        stage.play(minutes(15), |_| false).await;
        let calls = calls_in(&mut stage, minutes(20)).await;
        for (action, count) in &calls {
            let most = match *action {
                "GetCallerIdentity" => 22,
                "ListQueueTags" => 11 * queues,
                "GetBucketTagging" => 110,
                _ => 11,
            };
            assert!(usize::try_from(*count).unwrap() <= most, "{action}: {count} of {calls:?}");
        }
    });
}

#[test]
fn benchmarks_that_are_made_together_launch_once_each_and_are_never_throttled() {
    tell(async || {
        let stage = ready(20).await;
        assert_eq!((stage.calls()["RunInstances"], stage.lines(), stage.throttled()), (80, 80, 0));
        let ledger = stage.sim.lock().audit();
        assert_eq!((ledger.launched, ledger.live), (80, 80));
    });
}

/// A list that failed is nobody's, and the next one is not put off.
#[test]
fn a_failed_list_is_not_kept() {
    tell(async || {
        let mut stage = ready(3).await;
        stage.play(minutes(5), |_| false).await;
        for fault in [Fault::Truncated, Fault::Status500, Fault::LostAnswer] {
            stage.sim.lock().inject_next(Action::DescribeInstances, fault);
        }
        let before = stage.sim.lock().audit();
        stage.play(minutes(10), |_| false).await;
        let after = stage.sim.lock().audit();
        assert_eq!((before.launched, before.terminated), (after.launched, after.terminated));
        assert!(stage.all_ready(), "{}", stage.worst());
        let text = stage.metrics_text();
        assert!(
            text.contains(r#"clusterbench_aws_calls_total{action="DescribeInstances",result="Unreachable"} 3"#),
            "{text}"
        );
    });
}

/// Credentials of another account show empty lists: nothing follows from them, not even for a benchmark that is deleted.
#[test]
fn lists_of_another_account_are_nobodys() {
    tell(async || {
        let mut stage = ready(2).await;
        let right = stage.sim.lock().settings().clone();
        let wrong = cloudsim::Settings { account: "999999999999".into(), ..right.clone() };
        stage.sim.lock().set_settings(wrong);
        stage.delete("bench-0");
        stage.play(minutes(30), |_| false).await;
        assert_eq!(stage.sim.lock().audit().terminated, 0);
        assert!(stage.server.lock().objects.contains_key("bench-0"));
        let said = stage.condition("bench-0", "Provisioned");
        assert_eq!((said.status.as_str(), said.reason.as_str()), ("Unknown", "WrongAccount"));
        stage.sim.lock().set_settings(right);
        stage.play(minutes(30), |stage| !stage.server.lock().objects.contains_key("bench-0")).await;
        let ledger = stage.sim.lock().audit();
        assert_eq!((ledger.live, ledger.groups), (4, 2));
    });
}

/// An instance that somebody terminates is noticed on a list that is at most two minutes old, and replaced once.
#[test]
fn an_idle_benchmark_learns_of_a_death_from_the_list() {
    tell(async || {
        let mut stage = ready(5).await;
        stage.play(minutes(5), |_| false).await;
        let victim = stage.sim.lock().truth().ec2.live_instances()[0].id.clone();
        let now = stage.sim.now();
        drop(stage.sim.lock().ec2(now).terminate_instances(&[victim]));
        let healed = stage.play(minutes(10), |stage| stage.sim.lock().audit().launched == 21).await;
        assert!(healed.is_some_and(|took| took < minutes(3)), "{healed:?}");
        stage.play(minutes(30), |_| false).await;
        let ledger = stage.sim.lock().audit();
        assert_eq!((ledger.launched, ledger.live), (21, 20));
    });
}

#[test]
fn each_new_reason_and_each_thing_made_is_one_event() {
    tell(async || {
        let mut stage = ready(1).await;
        stage.play(minutes(60), |_| false).await;
        let events = stage.server.lock().events.clone();
        assert_eq!(
            events,
            [
                "Normal Accepted Placed bench-0",
                "Normal Provisioned Launching bench-0",
                "Normal Deployed Waiting bench-0",
                "Normal Provisioned CreateGroup bench-0",
                "Normal Provisioned Launch bench-0",
                "Normal Provisioned Launch bench-0",
                "Normal Provisioned Launch bench-0",
                "Normal Provisioned Launch bench-0",
                "Normal Provisioned Running bench-0",
                "Normal Deployed Healthy bench-0",
                "Normal Measured Starting bench-0",
                "Normal Measured Running bench-0",
                "Normal Measured Valid bench-0",
            ]
        );
    });
}
