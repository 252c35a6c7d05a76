//! Clusters that follow their queue, by the real loop: from rest to as many as it takes, and back to rest.

use std::sync::Arc;

use api::{Scaling, ScalingPolicy, ScalingPool};
use cloudsim::Settings;
use jiff::SignedDuration;
use planner::ports::InstanceState;

use crate::stage::agents::Freshness;
use crate::stage::play::{Play, Ways, spec, with_queues};
use crate::stories::{calm, tell};

fn play_of(pool: ScalingPool, min: i32, knobs: Settings) -> Play {
    let mut spec = with_queues(spec(&[("a", "t2.large", 4)]));
    spec.clusters[0].scaling = Some(Scaling {
        policy: ScalingPolicy::QueueDepth,
        min: Some(min),
        target_seconds: None,
        messages_per_instance: Some(5),
        pool: Some(pool),
    });
    let pace = Freshness { boot: SignedDuration::from_secs(5), run: SignedDuration::from_secs(20), spread: None };
    Play::with(7, knobs, spec, 1, pace, Ways::default())
}

/// Instances of the cluster in one of these states.
fn workers_in(play: &Play, states: &[InstanceState]) -> Vec<String> {
    let all = play.sim.lock().truth().ec2.live_instances();
    let is_worker = |one: &&Arc<cloudsim::ec2::Instance>| one.tags["clusterbench.dev/pool"] == "a";
    all.iter().filter(is_worker).filter(|one| states.contains(&one.state)).map(|one| one.id.clone()).collect()
}

fn running(play: &Play) -> Vec<String> {
    workers_in(play, &[InstanceState::Running])
}

/// How many instances of the cluster run, and how many are stopped.
fn workers(play: &Play) -> (usize, usize) {
    (running(play).len(), workers_in(play, &[InstanceState::Stopping, InstanceState::Stopped]).len())
}

async fn to_the_end(play: &mut Play) {
    play.store.delete(play.now());
    play.until(900, Play::is_gone).await.unwrap();
    let audit = play.sim.lock().audit();
    assert_eq!(
        (audit.live, audit.groups, audit.queues, audit.buckets, audit.launched - audit.terminated),
        (0, 0, 0, 0, 0)
    );
}

#[test]
fn a_burst_from_none_is_answered_and_leaves_none() {
    tell(async || {
        let mut play = play_of(ScalingPool::Launch, 0, calm());
        play.until(900, |play| play.is_at_rest() && workers(play) == (0, 0)).await.unwrap();
        let before = play.sim.lock().audit().launched;
        play.agents.arrive("a", 60);
        play.until(200, |play| workers(play) == (4, 0)).await.unwrap();
        play.until(900, |play| play.is_at_rest() && workers(play) == (0, 0)).await.unwrap();
        assert_eq!(play.sim.lock().audit().launched, before + 4);
        to_the_end(&mut play).await;
    });
}

#[test]
fn a_pool_is_launched_once_and_its_instances_are_started_again() {
    tell(async || {
        let mut play = play_of(ScalingPool::StartStop, 1, calm());
        play.until(900, Play::is_ready).await.unwrap();
        assert_eq!(workers(&play), (1, 3));
        for _ in 0..2 {
            play.agents.arrive("a", 60);
            play.until(200, |play| workers(play) == (4, 0)).await.unwrap();
            play.until(900, |play| play.is_ready() && workers(play) == (1, 3)).await.unwrap();
        }
        assert_eq!(play.sim.lock().audit().launched, 6, "four workers, front and generator");
        to_the_end(&mut play).await;
    });
}

/// What lies in the queue when the front begins anew is in nobody's book, and with no fewest nobody is there to take it.
#[test]
fn what_a_front_left_is_worked_off_by_the_next_one_although_nobody_was_there() {
    tell(async || {
        let mut play = play_of(ScalingPool::Launch, 0, calm());
        play.until(900, |play| play.is_at_rest() && workers(play) == (0, 0)).await.unwrap();
        play.agents.arrive("a", 3);
        play.agents.restart_fronts();
        let began = play.now();
        // It may be an old count: for two minutes nobody is started for it.
        play.until(900, |play| workers(play).0 > 0).await.unwrap();
        assert!((100..160).contains(&play.now().duration_since(began).as_secs()));
        assert_eq!(workers(&play), (1, 0));
        play.until(900, |play| play.is_worked_off() && play.is_at_rest() && workers(play) == (0, 0)).await.unwrap();
        to_the_end(&mut play).await;
    });
}

/// It serves, and dies: another one comes at once where there is room, and after the longest time of a request it ends.
#[test]
fn a_member_that_dies_while_it_serves_is_made_up_for_and_ends() {
    for pool in [ScalingPool::Launch, ScalingPool::StartStop] {
        tell(async || {
            let mut play = play_of(pool, 2, calm());
            play.until(900, |play| play.is_at_rest() && workers(play).0 == 2).await.unwrap();
            let (dead, began) = (running(&play)[0].clone(), play.now());
            play.agents.ruin(&dead);
            play.until(60, |play| running(play).len() == 3).await.unwrap();
            assert!(running(&play).contains(&dead));
            play.until(300, |play| !running(play).contains(&dead)).await.unwrap();
            let took = play.now().duration_since(began).as_secs();
            assert!((85..120).contains(&took), "{took} s");
            play.until(900, |play| play.is_at_rest() && workers(play).0 == 2).await.unwrap();
            to_the_end(&mut play).await;
        });
    }
}

/// It never says that it has finished, and nobody works for it: after the longest time of a request it ends.
#[test]
fn a_member_that_dies_while_it_finishes_ends_all_the_same() {
    tell(async || {
        let mut play = play_of(ScalingPool::Launch, 0, calm());
        play.until(900, |play| play.is_at_rest() && workers(play) == (0, 0)).await.unwrap();
        play.agents.serve_for(SignedDuration::from_secs(300));
        play.agents.arrive("a", 20);
        play.until(200, |play| workers(play) == (4, 0)).await.unwrap();
        // Fewer are wanted, and all of them have work for minutes.
        play.store.edit(|spec| spec.clusters[0].count = 2);
        let drained = |play: &Play| -> Vec<String> { play.agents.leaving("a").into_iter().collect() };
        play.until(200, |play| drained(play).len() == 2).await.unwrap();
        let (dead, began) = (drained(&play)[0].clone(), play.now());
        play.agents.ruin(&dead);
        let lives = |play: &Play, id: &str| {
            let all = play.sim.lock().truth().ec2.live_instances();
            all.iter().any(|one| one.id == id && one.state == InstanceState::Running)
        };
        let other = drained(&play)[1].clone();
        play.until(900, |play| !lives(play, &dead)).await.unwrap();
        let took = play.now().duration_since(began).as_secs();
        assert!((85..110).contains(&took), "{took} s");
        assert!(lives(&play, &other), "it works");
        to_the_end(&mut play).await;
    });
}
