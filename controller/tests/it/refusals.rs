//! Launches that are refused, before and after they are paid for.

use cloudsim::ec2::{Action, IMAGE_WITH_DATA};
use cloudsim::{BootFailure, Plan, Settings, SimError};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::stage::play::{Play, spec};
use crate::stories::{calm, small_on_a_calm_day, tell};

fn condition(play: &Play, kind: &str) -> Condition {
    let conditions = play.store.status().unwrap().conditions;
    conditions.into_iter().find(|condition| condition.type_ == kind).unwrap()
}

fn is_refused(play: &Play) -> bool {
    play.store.status().is_some_and(|status| {
        status.conditions.iter().any(|condition| condition.type_ == "Accepted" && condition.status == "False")
    })
}

/// A permission that is missing shows before anything is paid, and its return goes unasked.
#[test]
fn a_launch_without_permission_pays_nothing() {
    tell(async || {
        let mut play = small_on_a_calm_day();
        let refusal = SimError::new("UnauthorizedOperation", "You are not authorized to perform this operation.");
        play.sim.lock().refuse(Action::RunInstances, Some(refusal));
        play.until(50, is_refused).await.unwrap();
        for _ in 0..20 {
            play.step().await.unwrap();
        }
        let accepted = condition(&play, "Accepted");
        assert_eq!(accepted.reason, "Unauthorized");
        let words = ["pool a: the launch of 1 x t2.large", "UnauthorizedOperation", "LaunchInstancesMarkedAsOurs"];
        assert!(words.iter().all(|word| accepted.message.contains(word)), "{}", accepted.message);
        assert_eq!(play.phase(), "Stalled");
        let ledger = play.sim.lock().audit();
        assert_eq!((ledger.launched, ledger.calls.get(&Action::RunInstances.into())), (0, None), "asked, never made");
        assert!(play.store.status().unwrap().launches.is_empty(), "no line is open for what was never sent");
        play.sim.lock().refuse(Action::RunInstances, None);
        play.until(300, Play::is_ready).await.unwrap();
        assert_eq!(play.sim.lock().audit().launched, 5);
    });
}

/// One pool of several cannot be had: the others are not paid for meanwhile.
#[test]
fn one_pool_that_is_refused_holds_back_all() {
    tell(async || {
        // On the free plan t3.micro may be launched, and neither the other cluster's type nor the balancer's.
        let knobs = Settings { plan: Plan::Free, ..calm() };
        let mut play = Play::new(7, knobs, spec(&[("a", "t3.micro", 1), ("b", "t3.large", 2)]), 1);
        play.until(50, is_refused).await.unwrap();
        for _ in 0..20 {
            play.step().await.unwrap();
        }
        let accepted = condition(&play, "Accepted");
        assert!(accepted.message.starts_with("pool b: the launch of 2 x t3.large"), "{}", accepted.message);
        assert!(accepted.message.contains("Free Tier"), "{}", accepted.message);
        assert_eq!((accepted.reason.as_str(), play.sim.lock().audit().launched), ("Rejected", 0));
        play.store.delete(play.now());
        play.until(900, Play::is_gone).await.unwrap();
    });
}

/// What was heard is forgotten with the process, and asked again: a rehearsal makes nothing, however often.
#[test]
fn a_new_process_rehearses_again() {
    tell(async || {
        let mut play = small_on_a_calm_day();
        while play.sim.lock().audit().dry_runs == 0 {
            play.step().await.unwrap();
        }
        assert_eq!(play.sim.lock().audit().dry_runs, 4);
        play.replace_operator(0, 1);
        play.until(300, Play::is_ready).await.unwrap();
        let ledger = play.sim.lock().audit();
        assert_eq!((ledger.dry_runs, ledger.launched), (8, 5));
    });
}

/// EC2 takes a launch and gives it up while it is pending, for want of capacity: everything moves, as if it had said so.
#[test]
fn capacity_that_is_missing_after_the_launch_moves_the_benchmark() {
    tell(async || {
        let knobs = Settings { boot_failures: [BootFailure::NoCapacity].into(), ..calm() };
        let mut play = Play::new(7, knobs, spec(&[("a", "t2.large", 1), ("b", "t3.large", 2)]), 1);
        play.sim.lock().let_fail_at_boot(1);
        play.until(900, Play::is_ready).await.unwrap();
        let placement = play.store.status().unwrap().placement.unwrap();
        assert_eq!(placement.zone, "eu-west-1b");
        let accepted = condition(&play, "Accepted");
        assert_eq!(accepted.message, "the spec can be placed; eu-west-1a had no capacity for t2.large");
        let zones: Vec<String> =
            play.sim.lock().truth().ec2.live_instances().iter().map(|one| one.zone.clone()).collect();
        assert_eq!(zones, vec!["eu-west-1b"; 5]);
    });
}

/// The code is one that nobody listed, and the status says that the request is at fault: refused, not unknown.
#[test]
fn an_unknown_refusal_of_the_only_send_closes_the_launch() {
    tell(async || {
        let mut play = small_on_a_calm_day();
        while play.store.status().is_none_or(|status| status.launches.is_empty()) {
            play.step().await.unwrap();
        }
        let refusal = SimError::new("SomethingNew", "words");
        assert_eq!(refusal.status, 400);
        play.sim.lock().refuse(Action::RunInstances, Some(refusal));
        let is_over = |play: &Play| play.store.status().unwrap().launches.iter().all(|line| line.state == "Closed");
        play.until(10, is_over).await.unwrap();
        let launches = play.store.status().unwrap().launches;
        let said: Vec<_> = launches.iter().map(|line| (line.state.as_str(), line.reason.as_str())).collect();
        assert_eq!(said, [("Closed", "Rejected"); 4]);
        play.sim.lock().refuse(Action::RunInstances, None);
        play.until(600, Play::is_ready).await.unwrap();
        assert_eq!(play.sim.lock().audit().launched, 5);
    });
}

/// An image that keeps its data volumes leaves none: each launch says otherwise of each of them.
#[test]
fn no_volume_is_left_of_an_image_that_keeps_its_own() {
    tell(async || {
        let mut spec = spec(&[("a", "t2.large", 1), ("b", "t3.large", 2)]);
        spec.image = Some(api::Image { alias: None, id: Some(IMAGE_WITH_DATA.to_owned()) });
        let mut play = Play::new(7, calm(), spec, 1);
        play.until(300, Play::is_ready).await.unwrap();
        {
            let sim = play.sim.lock();
            let volumes = sim.truth().ec2.live_volumes();
            assert_eq!(volumes.len(), 5 * 3);
            assert!(volumes.iter().all(|volume| volume.encrypted && volume.volume_type == "gp3"), "{volumes:?}");
        }
        play.store.delete(play.now());
        play.until(300, Play::is_gone).await.unwrap();
        let ledger = play.sim.lock().audit();
        assert_eq!((ledger.launched, ledger.terminated, ledger.volumes), (5, 5, 0));
    });
}
