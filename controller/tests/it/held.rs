//! Somebody's security group names ours: the deletion waits for them, says which one it is, and leaves it alone.

use planner::Severity;
use planner::owner::Tags;

use api::BalancerKind;
use cloudsim::Span;

use crate::stage::play::{Play, spec};
use crate::stories::{calm, small_on_a_calm_day, tell};

/// What the object is about: phase, reason and message of why nothing moves.
fn stalled(play: &Play) -> Option<(String, String, String)> {
    let status = play.store.status()?;
    let stalled = status.conditions.into_iter().find(|condition| condition.type_ == "Stalled")?;
    Some((status.phase.unwrap_or_default(), stalled.reason, stalled.message))
}

#[test]
fn a_deletion_that_waits_for_somebody_elses_rule_says_whose_and_goes_on_when_it_is_gone() {
    tell(async || {
        let mut play = small_on_a_calm_day();
        play.until(300, Play::is_ready).await.unwrap();
        let now = play.now();
        let theirs = play.sim.lock().ec2(now).plant_group("theirs", Tags::new()).unwrap();
        let groups = play.sim.lock().truth().ec2.live_groups();
        let ours = groups.iter().find(|group| group.name.ends_with("-members")).unwrap().id.clone();
        play.sim.lock().ec2(now).let_in_by_hand(&theirs, &ours);
        play.store.delete(play.now());
        // First it may be an interface of our own that lingers.
        play.until(300, |play| stalled(play).is_some()).await.unwrap();
        assert!(play.now().duration_since(now).as_secs() > 120);
        let (phase, reason, message) = stalled(&play).unwrap();
        assert_eq!((phase.as_str(), reason.as_str()), ("Deleting", "GroupInUse"));
        let way_out = format!(
            "security group {theirs} (theirs) has a rule that names {ours}: remove that rule; still there: {ours} "
        );
        assert!(message.starts_with(&way_out), "{message}");
        let events = planner::events(&api::Status::default(), &play.store.status().unwrap());
        let told = events.into_iter().find(|event| event.reason == "GroupInUse").unwrap();
        assert_eq!((told.severity, told.note), (Severity::Warning, message));
        for _ in 0..5 {
            play.step().await.unwrap();
            assert!(stalled(&play).is_some(), "it is said as long as it lasts");
        }
        play.sim.lock().ec2(play.now()).shut_out_by_hand(&theirs, &ours);
        play.until(300, Play::is_gone).await.unwrap();
        assert_eq!(play.sim.lock().audit().foreign_touched, [""; 0]);
    });
}

/// ELB keeps the interfaces of a load balancer that is deleted for minutes, and they keep its security group.
#[test]
fn a_deletion_waits_for_the_interfaces_of_a_load_balancer_and_leaves_nothing() {
    tell(async || {
        let mut knobs = calm();
        knobs.load_balancing.interface_linger = Span::seconds(600, 600);
        let mut wanted = spec(&[("a", "t2.large", 1), ("b", "t3.large", 2)]);
        wanted.balancer.kind = BalancerKind::Application;
        let mut play = Play::new(7, knobs, wanted, 1);
        play.until(300, Play::is_ready).await.unwrap();
        play.store.delete(play.now());
        let balancers = |play: &Play| play.sim.lock().audit().load_balancers;
        play.until(300, |play| balancers(play) == 0).await.unwrap();
        let deleted = play.now();
        play.until(600, Play::is_gone).await.unwrap();
        let held = play.now().duration_since(deleted).as_secs();
        assert!((595..900).contains(&held), "the finalizer went {held} s after the load balancer");
        let left = play.sim.lock().audit();
        assert_eq!((left.live, left.groups, left.load_balancers, left.target_groups, left.interfaces), (0, 0, 0, 0, 0));
    });
}
