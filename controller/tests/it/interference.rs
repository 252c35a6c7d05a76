//! Interference of people and clocks with a benchmark in the middle of things: statuses wiped and torn, specs edited, lifetimes
//! that end. Each of these once leaked, measured the wrong thing or lost a result.

use std::time::Duration;

use cloudsim::Fault;
use cloudsim::ec2::{Action, Permission, PermissionSource};
use serde_json::json;

use crate::stage::chaos::Moment;
use crate::stage::play::Play;
use crate::stories::{small_on_a_calm_day, tell};

async fn ready() -> Play {
    let mut play = small_on_a_calm_day();
    play.until(300, Play::is_ready).await.unwrap();
    play
}

async fn measuring() -> Play {
    let mut play = small_on_a_calm_day();
    while play.agents.started.lock().unwrap().is_empty() {
        play.step().await.unwrap();
    }
    play.step().await.unwrap();
    play
}

async fn gone_without_a_trace(mut play: Play) {
    play.store.delete(play.now());
    play.until(900, Play::is_gone).await.unwrap();
    // What was still on its way has come by then.
    play.wait(Duration::from_secs(3_600));
    let ledger = play.sim.lock().audit();
    assert_eq!((ledger.live, ledger.groups), (0, 0));
}

#[test]
fn a_wiped_status_and_a_failed_list_let_nothing_go() {
    tell(async || {
        let mut play = ready().await;
        play.wipe_status();
        play.sim.lock().inject_next(Action::DescribeSecurityGroups, Fault::Status500);
        gone_without_a_trace(play).await;
    });
}

#[test]
fn a_wiped_status_does_not_forget_groups_that_come_late() {
    tell(async || {
        let mut play = small_on_a_calm_day();
        play.sim.lock().inject_next(Action::CreateSecurityGroup, Fault::LateExecution(100));
        play.sim.lock().inject_next(Action::CreateSecurityGroup, Fault::LateExecution(100));
        while play.sim.lock().late_calls() == 0 {
            play.step().await.unwrap();
        }
        play.wipe_status();
        gone_without_a_trace(play).await;
    });
}

/// What was proven before things were made again proves nothing afterwards.
#[test]
fn a_second_wipe_is_proven_anew() {
    tell(async || {
        let mut play = small_on_a_calm_day();
        let slow_lists = cloudsim::Lag { tag: cloudsim::Span::seconds(50, 60), ..cloudsim::Lag::default() };
        let knobs = cloudsim::Settings { lag: slow_lists, ..play.sim.lock().settings().clone() };
        play.sim.lock().set_settings(knobs);
        for _ in 0..2 {
            while play.sim.lock().audit().groups < 2 {
                play.step().await.unwrap();
            }
            play.wipe_status();
            play.until(900, |play| play.sim.lock().audit().groups == 0).await.unwrap();
        }
        while play.sim.lock().audit().groups < 2 {
            play.step().await.unwrap();
        }
        play.wipe_status();
        gone_without_a_trace(play).await;
    });
}

#[test]
fn a_torn_status_is_a_lost_one() {
    tell(async || {
        let play = ready().await;
        if let Some(status) = play.store.server().object.as_mut().and_then(|object| object.status.as_mut()) {
            status.placement = None;
        }
        gone_without_a_trace(play).await;
    });
}

/// The new spec is measured on new instances, not on those that are being replaced.
#[test]
fn an_edited_worker_is_measured_on_its_own_instances() {
    tell(async || {
        let mut play = ready().await;
        let before: Vec<String> =
            play.sim.lock().truth().ec2.live_instances().iter().map(|instance| instance.id.clone()).collect();
        play.store.edit(|spec| {
            spec.worker =
                serde_json::from_value(json!({ "work": { "profile": "Sleep", "meanMicros": 2000 } })).unwrap();
        });
        while play.agents.started.lock().unwrap().len() < 2 {
            play.step().await.unwrap();
        }
        let alive = play.sim.lock().truth().ec2.live_instances();
        let old = alive
            .iter()
            .filter(|instance| before.contains(&instance.id) && instance.tags["clusterbench.dev/pool"].len() == 1);
        assert_eq!(old.count(), 0, "the second run began while workers of the first were alive");
        play.until(300, Play::is_ready).await.unwrap();
        let server = play.store.server();
        assert_eq!(server.reports.len(), 2);
        let new = server.reports.values().map(|report| &report.spec.measured);
        let told: Vec<_> =
            new.filter(|lines| lines.contains(&"worker: ours, sleep:deterministic:2000us".to_owned())).collect();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0][0], "cluster a: 1 x t2.large at /a");
        assert!(told[0].iter().any(|line| line.starts_with("place: account 000000000000, eu-west-1")), "{told:?}");
    });
}

#[test]
fn an_edited_tag_replaces_nothing() {
    tell(async || {
        let mut play = measuring().await;
        play.store.edit(|spec| spec.tags = serde_json::from_value(json!([{ "key": "team", "value": "x" }])).unwrap());
        play.until(400, Play::is_ready).await.unwrap();
        assert_eq!((play.agents.started.lock().unwrap().len(), play.sim.lock().audit().launched), (1, 5));
    });
}

/// A run that the lifetime cuts short is stopped in time; what it measured is kept and it is not called valid.
#[test]
fn expiry_keeps_what_was_measured() {
    tell(async || {
        let mut play = small_on_a_calm_day();
        play.store.edit(|spec| spec.lifecycle.max_lifetime_seconds = 600);
        while play.store.status().and_then(|status| status.placement).is_none() {
            play.step().await.unwrap();
        }
        // So late that a run of a minute does not fit before the last call, two minutes before the end.
        while play.agents.started.lock().unwrap().is_empty() {
            play.step().await.unwrap();
        }
        let expires = play.store.status().unwrap().placement.unwrap().expires_at.unwrap().0;
        let until_last_call = expires.duration_since(play.now()).as_secs() - 121;
        play.agents.lengthen_runs();
        play.wait(Duration::from_secs(u64::try_from(until_last_call).unwrap()));
        play.until(900, |play| play.store.status().is_some_and(|s| s.phase.as_deref() == Some("Expired")))
            .await
            .unwrap();
        let status = play.store.status().unwrap();
        assert_eq!(status.runs.iter().map(|run| run.outcome.as_str()).collect::<Vec<_>>(), ["Aborted"]);
        assert_eq!((play.store.server().reports.len(), play.live()), (1, 0));
    });
}

/// Networks that the control port is open to.
fn let_in(play: &Play) -> Vec<String> {
    let groups = play.sim.lock().truth().ec2.live_groups();
    let rules = groups.iter().flat_map(|group| &group.ingress).filter_map(|rule| match &rule.permission {
        Permission { ports: Some((8081, 8081)), source: PermissionSource::Cidr(network), .. } => {
            Some(network.to_string())
        }
        _ => None,
    });
    rules.collect()
}

/// A laptop at another address, whose operator dies at every effect in turn and is at a third one then: nobody is let in any more at the
/// former ones, and no rule of anybody else is touched.
#[test]
fn the_control_port_is_closed_to_networks_that_the_operator_is_told_no_more() {
    tell(async || {
        for nth in 0.. {
            let mut play = ready().await;
            let tell = |play: &mut Play, network: &str| play.control_sources = vec![network.parse().unwrap()];
            let edge = play.sim.lock().truth().ec2.live_groups().iter().find(|one| one.name.ends_with("edge")).cloned();
            let strange = Permission::tcp(8081, 8081, PermissionSource::Cidr("198.51.100.0/24".parse().unwrap()));
            let now = play.now();
            play.sim.lock().ec2(now).authorize_ingress(&edge.unwrap().id, &[(strange, None)]).unwrap();
            assert_eq!(let_in(&play), ["10.0.0.0/8", "198.51.100.0/24"]);
            tell(&mut play, "203.0.113.7/32");
            play.replace_operator(0, 1);
            play.doom(nth, Moment::After);
            tell(&mut play, "203.0.113.8/32");
            let mut expected = "203.0.113.7/32";
            for _ in 0..300 {
                if play.crashes > 0 {
                    expected = "203.0.113.8/32";
                }
                if let_in(&play) == ["198.51.100.0/24", expected] {
                    break;
                }
                let wake = play.pass_on(0).await.unwrap();
                play.wait(wake.max(Duration::from_secs(1)));
            }
            assert_eq!(let_in(&play), ["198.51.100.0/24", expected], "death at effect {nth}");
            assert_eq!(play.phase(), "Ready", "nothing else happened");
            if play.crashes == 0 {
                assert!(nth >= 3, "{nth}");
                break;
            }
        }
    });
}
