//! Things whose benchmark is gone, and the kill switch.

use jiff::Timestamp;
use planner::owner::{self, Owner, Tags};
use planner::sweep::Memory;

use crate::stage::{Reads, Stage};
use crate::{minutes, ready, tell};

/// Takes the object away as somebody does who removes the finalizer by hand.
fn lose(stage: &Stage, name: &str) {
    stage.server.lock().objects.remove(name);
}

/// Rounds two minutes apart while the operator goes on; how many things were removed in each.
async fn rounds(stage: &mut Stage, memory: &mut Memory, count: usize) -> Vec<usize> {
    let mut removed = Vec::new();
    for _ in 0..count {
        stage.play(minutes(2), |_| false).await;
        removed.push(stage.reconciler.sweep("eu-west-1", memory).await.removed.len());
    }
    removed
}

#[test]
fn orphans_go_and_their_neighbours_stay() {
    tell(async || {
        let mut stage = ready(3).await;
        plant(&stage);
        lose(&stage, "bench-1");
        let removed = rounds(&mut stage, &mut Memory::default(), 20).await;
        assert_eq!(removed.iter().sum::<usize>(), 4 + 2, "{removed:?}");
        let ledger = stage.sim.lock().audit();
        assert_eq!((ledger.live, ledger.groups, ledger.foreign_touched), (8, 4, Vec::<String>::new()));
        let text = stage.metrics_text();
        assert!(text.contains(r#"clusterbench_swept_total{kind="instance",result="removed"} 4"#), "{text}");
    });
}

/// `None`: the metrics tell of no lists.
fn age_of_lists(stage: &Stage) -> Option<i64> {
    let text = stage.metrics_text();
    let at =
        text.lines().find_map(|line| line.strip_prefix("clusterbench_listed_at_seconds{region=\"eu-west-1\"} "))?;
    Some(stage.sim.now().as_second() - at.parse::<i64>().unwrap())
}

/// The chart's alert is about lists that are older than ten minutes.
#[test]
fn lists_that_nobody_needs_are_not_old() {
    tell(async || {
        let mut stage = ready(2).await;
        stage.play(minutes(30), |_| false).await;
        assert!(age_of_lists(&stage).is_some_and(|age| age < 200));
        lose(&stage, "bench-0");
        stage.play(minutes(30), |_| false).await;
        assert!(age_of_lists(&stage).is_some_and(|age| age < 200), "another one needs them");
        lose(&stage, "bench-1");
        stage.play(minutes(30), |_| false).await;
        assert_eq!(age_of_lists(&stage), None);
        stage.reconciler.sweep("eu-west-1", &mut Memory::default()).await;
        assert!(age_of_lists(&stage).is_some_and(|age| age < 10), "the sweeper needs them as well");
    });
}

#[test]
fn what_cannot_be_read_is_not_swept() {
    tell(async || {
        let mut stage = ready(2).await;
        let mut memory = Memory::default();
        stage.play(minutes(30), |_| false).await;
        // No passes any more: only the sweeper's own reads tell.
        stage.server.lock().reads = Reads::Forbidden;
        for _ in 0..20 {
            tokio::time::sleep(minutes(2)).await;
            let swept = stage.reconciler.sweep("eu-west-1", &mut memory).await;
            assert_eq!(swept, Default::default());
        }
        // They are read again, and live.
        stage.server.lock().reads = Reads::Answered;
        for _ in 0..5 {
            tokio::time::sleep(minutes(2)).await;
            stage.reconciler.sweep("eu-west-1", &mut memory).await;
        }
        assert_eq!(stage.sim.lock().audit().live, 8);
    });
}

/// Near misses: another installation, another Kubernetes cluster, no owner, other spelling.
fn plant(stage: &Stage) {
    let ours = Owner {
        installation: "bench".into(),
        kubernetes_cluster: "k8s-uid".into(),
        benchmark_uid: "uid-lost".into(),
        namespace: "default".into(),
        name: "lost".into(),
    };
    let owners = [
        Owner { installation: "other".into(), ..ours.clone() },
        Owner { kubernetes_cluster: "other".into(), ..ours.clone() },
        Owner { benchmark_uid: String::new(), ..ours.clone() },
        Owner { namespace: String::new(), ..ours.clone() },
    ];
    let mut all: Vec<Tags> = owners.iter().map(|owner| owner.tags(&Tags::new())).collect();
    let mut managed_by_others = ours.tags(&Tags::new());
    managed_by_others.insert(owner::MANAGED_BY.into(), "ClusterBench".into());
    all.push(managed_by_others);
    let long_ago = stage.sim.now();
    for (index, tags) in all.into_iter().enumerate() {
        stage.sim.lock().ec2(long_ago).plant_instance(tags.clone());
        stage.sim.lock().ec2(long_ago).plant_group(&format!("near-miss-{index}"), tags);
    }
}

#[test]
fn the_kill_switch_removes_all_of_an_installation_without_kubernetes() {
    tell(async || {
        let stage = ready(3).await;
        let held = controller::inventory(&stage.sim, "bench", None).await.unwrap();
        let text = held.text("eu-west-1", stage.sim.now());
        assert!(text.ends_with("in all 12 instances, 6 groups, 0.7098 USD an hour\n"), "{text}");
        let mut told = Vec::new();
        let left = controller::remove(&stage.sim, "bench", None, |line| told.push(line)).await.unwrap();
        assert!(left.is_empty(), "{}", left.text("eu-west-1", Timestamp::UNIX_EPOCH));
        let ledger = stage.sim.lock().audit();
        assert_eq!((ledger.launched, ledger.live, ledger.groups), (12, 0, 0));
        assert_eq!(told.iter().filter(|line| line.contains(" delete sg-")).count(), 6, "{told:?}");
        assert!(controller::inventory(&stage.sim, "bench", None).await.unwrap().is_empty());
    });
}
