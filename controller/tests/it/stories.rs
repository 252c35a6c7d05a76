//! Golden stories: what happens in EC2, line by line, for one benchmark on a calm day and for days that go wrong.

use std::time::Duration;

use cloudsim::ec2::Action;
use cloudsim::{CapacityPool, Fault, Settings, Span};
use insta::assert_snapshot;

use crate::stage::chaos::Moment;
use crate::stage::play::{Play, spec};

pub(crate) fn calm() -> Settings {
    Settings {
        boot: Span::seconds(10, 10),
        stop: Span::seconds(10, 10),
        interface_linger: Span::seconds(5, 5),
        ..Settings::default()
    }
}

pub(crate) fn small_on_a_calm_day() -> Play {
    small(calm())
}

fn small(knobs: Settings) -> Play {
    Play::new(7, knobs, spec(&[("a", "t2.large", 1), ("b", "t3.large", 2)]), 1)
}

pub(crate) fn tell<T>(tale: impl AsyncFnOnce() -> T) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(tale())
}

async fn to_the_end(play: &mut Play) -> String {
    play.until(300, Play::is_ready).await.unwrap();
    play.store.delete(play.now());
    play.until(300, Play::is_gone).await.unwrap();
    play.story()
}

#[test]
fn a_calm_day() {
    let (story, started) = tell(async || {
        let mut play = small(calm());
        let story = to_the_end(&mut play).await;
        let started = play.agents.started.lock().unwrap().len();
        (story, started)
    });
    assert_eq!(started, 1);
    assert_snapshot!(story, @"
      0s  CreateSecurityGroup clusterbench-uid-1-members -> sg#0
      0s  CreateSecurityGroup clusterbench-uid-1-edge -> sg#1
      0s  - create group clusterbench-uid-1-members: no list shows it; create group clusterbench-uid-1-edge: no list shows it
      1s  AuthorizeSecurityGroupIngress sg#0 tcp 0-65535 from sg#0
      1s  AuthorizeSecurityGroupIngress sg#1 tcp 8081-8081 from 10.0.0.0/8
      2s  RunInstances (DryRun) 1 x t2.large at subnet-0de0fa170000000a0 would be taken
      2s  RunInstances (DryRun) 2 x t3.large at subnet-0de0fa170000000a0 would be taken
      2s  RunInstances (DryRun) 1 x c6i.large at subnet-0de0fa170000000a0 would be taken
      2s  RunInstances (DryRun) 1 x c6i.large at subnet-0de0fa170000000a0 would be taken
      3s  RunInstances 1 x t2.large at subnet-0de0fa170000000a0, token token#2 -> i#3
      3s  - launch 1 x t2.large for a: 1 wanted, 0 alive, launch 1 is written down
      3s  RunInstances 2 x t3.large at subnet-0de0fa170000000a0, token token#4 -> i#5 i#6
      3s  - launch 2 x t3.large for b: 2 wanted, 0 alive, launch 1 is written down
      3s  RunInstances 1 x c6i.large at subnet-0de0fa170000000a0, token token#7 -> i#8
      3s  - launch 1 x c6i.large for balancer: 1 wanted, 0 alive, launch 1 is written down
      4s  RunInstances 1 x c6i.large at subnet-0de0fa170000000a0, token token#9 -> i#10
      4s  - launch 1 x c6i.large for generator: 1 wanted, 0 alive, launch 1 is written down
     13s  i#3 is running
     13s  i#5 is running
     13s  i#6 is running
     13s  i#8 is running
     14s  i#10 is running
     86s  TerminateInstances i#6 i#8 i#10 i#3 i#5
     86s  - terminate 5 instances: nothing is wanted any more
     96s  i#6 is terminated
     96s  i#8 is terminated
     96s  i#10 is terminated
     96s  i#3 is terminated
     96s  i#5 is terminated
     96s  DeleteSecurityGroup sg#0 refused: eni#11 uses it
     96s  DeleteSecurityGroup sg#1 refused: eni#11 uses it
     97s  DeleteSecurityGroup sg#1 refused: eni#11 uses it
     97s  DeleteSecurityGroup sg#0 refused: eni#11 uses it
     99s  DeleteSecurityGroup sg#0 refused: eni#11 uses it
     99s  DeleteSecurityGroup sg#1 refused: eni#11 uses it
    101s  eni#12 is gone
    101s  eni#13 is gone
    101s  eni#11 is gone
    101s  eni#14 is gone
    101s  eni#15 is gone
    103s  DeleteSecurityGroup sg#0
    103s  DeleteSecurityGroup sg#1
    103s  - delete group sg#0: every instance is terminated; delete group sg#1: every instance is terminated
    ");
}

/// The operator dies after RunInstances was sent and before it learns the answer: the same call is made again, with
/// the same token, and nothing is launched twice.
#[test]
fn death_while_a_launch_is_in_flight() {
    let (story, ledger) = tell(async || {
        let mut play = small(calm());
        let mut died = false;
        while !died {
            let launching = play.store.status().is_some_and(|status| !status.launches.is_empty());
            let wake = play.pass(0, launching.then_some((0, Moment::After))).await.unwrap();
            died = play.crashes > 0;
            play.wait(wake.max(Duration::from_millis(200)));
        }
        let story = to_the_end(&mut play).await;
        (story, play.sim.lock().audit())
    });
    assert_eq!((ledger.launched, ledger.terminated), (5, 5));
    assert_snapshot!(story, @"
      0s  CreateSecurityGroup clusterbench-uid-1-members -> sg#0
      0s  CreateSecurityGroup clusterbench-uid-1-edge -> sg#1
      0s  - create group clusterbench-uid-1-members: no list shows it; create group clusterbench-uid-1-edge: no list shows it
      1s  AuthorizeSecurityGroupIngress sg#0 tcp 0-65535 from sg#0
      1s  AuthorizeSecurityGroupIngress sg#1 tcp 8081-8081 from 10.0.0.0/8
      2s  RunInstances (DryRun) 1 x t2.large at subnet-0de0fa170000000a0 would be taken
      2s  RunInstances (DryRun) 2 x t3.large at subnet-0de0fa170000000a0 would be taken
      2s  RunInstances (DryRun) 1 x c6i.large at subnet-0de0fa170000000a0 would be taken
      2s  RunInstances (DryRun) 1 x c6i.large at subnet-0de0fa170000000a0 would be taken
      3s  RunInstances 1 x t2.large at subnet-0de0fa170000000a0, token token#2 -> i#3
      3s  - operator 0 dies at RunInstances
     12s  RunInstances 2 x t3.large at subnet-0de0fa170000000a0, token token#4 -> i#5 i#6
     12s  RunInstances 1 x c6i.large at subnet-0de0fa170000000a0, token token#7 -> i#8
     12s  RunInstances 1 x c6i.large at subnet-0de0fa170000000a0, token token#9 -> i#10
     12s  - launch 2 x t3.large for b: 2 wanted, 0 alive, launch 1 is written down; launch 1 x c6i.large for balancer: 1 wanted, 0 alive, launch 1 is written down; launch 1 x c6i.large for generator: 1 wanted, 0 alive, launch 1 is written down
     13s  i#3 is running
     22s  i#5 is running
     22s  i#6 is running
     22s  i#8 is running
     22s  i#10 is running
     94s  TerminateInstances i#6 i#8 i#10 i#3 i#5
     94s  - terminate 5 instances: nothing is wanted any more
    104s  i#6 is terminated
    104s  i#8 is terminated
    104s  i#10 is terminated
    104s  i#3 is terminated
    104s  i#5 is terminated
    104s  DeleteSecurityGroup sg#0 refused: eni#11 uses it
    104s  DeleteSecurityGroup sg#1 refused: eni#11 uses it
    105s  DeleteSecurityGroup sg#1 refused: eni#11 uses it
    105s  DeleteSecurityGroup sg#0 refused: eni#11 uses it
    107s  DeleteSecurityGroup sg#0 refused: eni#11 uses it
    107s  DeleteSecurityGroup sg#1 refused: eni#11 uses it
    109s  eni#12 is gone
    109s  eni#13 is gone
    109s  eni#11 is gone
    109s  eni#14 is gone
    109s  eni#15 is gone
    111s  DeleteSecurityGroup sg#0
    111s  DeleteSecurityGroup sg#1
    111s  - delete group sg#0: every instance is terminated; delete group sg#1: every instance is terminated
    ");
}

/// The answer to RunInstances is lost: repeated, adopted, not doubled.
#[test]
fn a_lost_answer() {
    let launched = tell(async || {
        let mut play = small(calm());
        play.sim.lock().inject_next(Action::RunInstances, Fault::LostAnswer);
        to_the_end(&mut play).await;
        play.sim.lock().audit().launched
    });
    assert_eq!(launched, 5);
}

/// The call times out and is executed four minutes later, after the object was deleted: the finalizer waits for it.
#[test]
fn a_launch_that_comes_after_the_deletion() {
    tell(async || {
        let mut play = small(calm());
        play.sim.lock().inject_next(Action::RunInstances, Fault::LateExecution(240));
        while play.sim.lock().late_calls() == 0 {
            play.step().await.unwrap();
        }
        // Another launch keeps the groups: without any the late call finds none and makes nothing.
        play.until(20, |play| play.live() > 0).await.unwrap();
        play.store.delete(play.now());
        play.until(600, Play::is_gone).await.unwrap();
        let ledger = play.sim.lock().audit();
        assert_eq!((ledger.live, ledger.groups), (0, 0));
        assert!(ledger.launched >= 1, "the late call was executed: {ledger:?}");
    });
}

/// `spec.region` names a zone: that is said at once, nobody is asked in a region that is none, and deletion is not held up.
#[test]
fn a_region_that_is_none() {
    tell(async || {
        for (region, reason) in
            [("eu-west-1a", "UnknownRegion"), ("us-east-1", "UnknownRegion"), ("ap-east-1", "RegionNotEnabled")]
        {
            let wanted = api::ClusterBenchmarkSpec { region: Some(region.into()), ..spec(&[("a", "t2.large", 1)]) };
            let mut play = Play::new(7, calm(), wanted, 1);
            for _ in 0..20 {
                play.step().await.unwrap();
            }
            let status = play.store.status().unwrap();
            let of = |kind: &str| status.conditions.iter().find(|condition| condition.type_ == kind).unwrap();
            assert_eq!((of("Accepted").status.as_str(), of("Accepted").reason.as_str()), ("False", reason));
            assert!(of("Accepted").message.starts_with(&format!("region: {region}")) || reason == "UnknownRegion");
            assert_eq!(of("Stalled").status, "True");
            let calls = play.sim.lock().audit().calls;
            assert_eq!(calls.keys().map(|action| action.name()).collect::<Vec<_>>(), ["DescribeRegions"], "{region}");
            play.store.delete(play.now());
            play.until(300, Play::is_gone).await.unwrap();
        }
    });
}

/// Whether there is such a region cannot be asked, under a policy that is older than the question: it is tried all the same,
/// and what fails names the field.
#[test]
fn a_region_that_cannot_be_asked_about() {
    tell(async || {
        let denied = std::collections::BTreeSet::from([Action::DescribeRegions.into()]);
        let wanted =
            |region: &str| api::ClusterBenchmarkSpec { region: Some(region.into()), ..spec(&[("a", "t2.large", 1)]) };
        let mut play = Play::new(7, Settings { denied: denied.clone(), ..calm() }, wanted("us-east-1"), 1);
        for _ in 0..20 {
            play.step().await.unwrap();
        }
        let status = play.store.status().unwrap();
        let accepted = status.conditions.iter().find(|condition| condition.type_ == "Accepted").unwrap();
        assert_eq!(accepted.status, "Unknown");
        assert!(accepted.message.contains("spec.region is us-east-1"), "{}", accepted.message);
        play.store.delete(play.now());
        play.until(300, Play::is_gone).await.unwrap();
    });
}

/// No capacity for one cluster: nothing is measured, the message says why, and deletion still cleans.
#[test]
fn no_capacity() {
    tell(async || {
        let pool = |zone: &str| CapacityPool { instance_type: "t3.large".into(), zone: zone.into(), count: 1 };
        let capacity = ["eu-west-1a", "eu-west-1b", "eu-west-1c"].map(pool).to_vec();
        let mut play = small(Settings { capacity, ..calm() });
        let provisioned = |play: &Play| {
            let conditions = play.store.status()?.conditions;
            conditions.into_iter().find(|condition| condition.type_ == "Provisioned")
        };
        let turned = |play: &Play| {
            let left =
                play.store.status().and_then(|status| status.placement).map_or(0, |placement| placement.left.len());
            let is_refused = |message: &str| message.contains("the other zones had none either");
            left == 1 && provisioned(play).is_some_and(|condition| is_refused(&condition.message))
        };
        // The third zone has no t2 at all.
        play.until(200, turned).await.unwrap();
        let provisioned = provisioned(&play).unwrap();
        assert_eq!((provisioned.status.as_str(), provisioned.reason.as_str()), ("False", "NoCapacity"));
        assert!(provisioned.message.contains("t3.large"), "{}", provisioned.message);
        assert!(play.agents.started.lock().unwrap().is_empty());
        play.store.delete(play.now());
        play.until(300, Play::is_gone).await.unwrap();
        assert_eq!(play.live(), 0);
    });
}

/// Deleted at every single pass of a calm day in turn: nothing is ever left.
#[test]
fn deletion_at_every_pass() {
    tell(async || {
        let mut deepest = 0;
        for at in 0.. {
            let mut play = small(calm());
            for _ in 0..at {
                play.step().await.unwrap();
            }
            let ready = play.is_ready();
            play.store.delete(play.now());
            play.until(600, Play::is_gone).await.unwrap();
            let ledger = play.sim.lock().audit();
            assert_eq!(
                (ledger.live, ledger.groups, ledger.launched),
                (0, 0, ledger.terminated),
                "deleted at pass {at}"
            );
            deepest = deepest.max(ledger.launched);
            if ready {
                break;
            }
        }
        assert_eq!(deepest, 5);
    });
}

/// The operator dies at every single effect of a calm day in turn, before it and after it.
#[test]
fn death_at_every_effect() {
    tell(async || {
        for moment in [Moment::Before, Moment::After] {
            let mut deaths = 0;
            for nth in 0.. {
                let mut play = small(calm());
                play.doom(nth, moment);
                play.survive(400).await.unwrap_or_else(|broken| panic!("death {moment:?} effect {nth}: {broken}"));
                let ledger = play.sim.lock().audit();
                assert_eq!((ledger.launched, ledger.live), (5, 5), "death {moment:?} effect {nth}");
                assert_eq!(play.agents.started.lock().unwrap().len(), 1, "death {moment:?} effect {nth}");
                if play.crashes == 0 {
                    break;
                }
                deaths += 1;
            }
            // Status, finalizer, groups, rules, launches, membership, run, report: a day has at least so many effects.
            assert!(deaths >= 15, "{deaths}");
        }
    });
}

/// A wiped status: what exists goes first, then everything begins anew under higher numbers.
#[test]
fn a_wiped_status() {
    tell(async || {
        let mut play = small(calm());
        play.until(300, Play::is_ready).await.unwrap();
        play.wipe_status();
        play.until(900, |play| play.is_ready() && play.sim.lock().audit().launched == 10).await.unwrap();
        assert!(play.holds_finalizer());
        let status = play.store.status().unwrap();
        assert!(status.pools.iter().all(|pool| pool.last_launch >= 2), "{:?}", status.pools);
    });
}
