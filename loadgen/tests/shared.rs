//! A target that the members of all clusters serve together is measured like a cluster, and is none.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use support::{Asked, Backend, Reply, closed_loop, report, settings, spec, verdict};
use wire::{Expect, Members, RunSpec, Target};

/// A service of clusters `a` and `b`, of one member each, and of both in turn at `/`.
async fn service() -> Backend {
    Backend::start(|number, seen| {
        let backend = match seen.path.as_str() {
            "/a" => "i-1",
            "/b" => "i-2",
            _ => ["i-1", "i-2"][number % 2],
        };
        Reply::Fine { backend, boot: "a", after: std::time::Duration::ZERO }
    })
    .await
}

fn shared(service: &Backend) -> Target {
    Target { cluster: "shared".into(), url: service.url("/"), shared: true, ..Target::default() }
}

async fn run(service: &Backend) -> (RunSpec, [Asked; 2]) {
    let members = [Asked::fine().await, Asked::fine().await];
    let targets = vec![service.target("a"), service.target("b"), shared(service)];
    let mut run = spec(targets, 2, vec![closed_loop(1, 60)]);
    run.members = vec![members[0].member("a", "i-1"), members[1].member("b", "i-2")];
    run.request.expect = Expect { members: Members::Known, ..Expect::default() };
    (run, members)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_measured_in_every_round_and_in_no_comparison() {
    let service = service().await;
    let (run, members) = run(&service).await;
    let report = report(&run, &settings()).await;
    for round in &report.rounds {
        let mut names: Vec<&str> = round.clusters.iter().map(|cluster| cluster.cluster.as_str()).collect();
        names.sort_unstable();
        assert_eq!((names, round.reason.as_str()), (vec!["a", "b", "shared"], ""));
    }
    let shared = report.clusters.iter().find(|cluster| cluster.cluster == "shared").unwrap();
    let shares: Vec<_> = shared.members.iter().map(|share| (share.id.as_str(), share.share_per_mille)).collect();
    assert_eq!(shares, [("i-1", 500), ("i-2", 500)]);
    // Both members together serve twice as many requests at a time.
    assert_eq!(report.rounds[0].clusters.iter().filter_map(|one| one.slots).max(), Some(4));
    let compared: Vec<_> = report.comparisons.iter().map(|one| (&*one.cluster, &*one.baseline)).collect();
    assert_eq!(compared, [("b", "a")]);
    if let Some(verdict) = verdict(&report) {
        assert!(verdict.contains("shared: all members of a and b behind /: "), "{verdict}");
        assert!(verdict.contains("50 % of the answers from a and 50 % from b; it is no cluster"), "{verdict}");
    }
    // The same members, and not others of a third cluster.
    let facts: Vec<&str> = report.environment.clusters.iter().map(|facts| facts.cluster.as_str()).collect();
    assert_eq!(facts, ["a", "b"]);
    for member in &members {
        let calibrated = member.paths.lock().unwrap().iter().filter(|path| *path == "/calibration").count();
        assert_eq!(calibrated, 2, "before and after, each once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_lost_voids_what_all_serve_too() {
    let service = service().await;
    let (mut run, members) = run(&service).await;
    run.targets.remove(1);
    run.members.pop();
    drop(members);
    let report = report(&run, &settings()).await;
    assert!(report.rounds.iter().all(|round| round.outcome == wire::RoundOutcome::Voided), "{:?}", report.rounds);
}

#[test]
fn what_nobody_could_serve_together_is_refused() {
    let target = |cluster: &str, shared: bool| Target {
        cluster: cluster.into(),
        url: format!("http://127.0.0.1:1/{cluster}"),
        shared,
        ..Target::default()
    };
    let problem = |targets: Vec<Target>| {
        loadgen::validate(&spec(targets, 1, vec![closed_loop(1, 1)]), 100).err().map(|error| error.to_string())
    };
    assert_eq!(problem(vec![target("a", false), target("s", true)]), None);
    let alone = problem(vec![target("s", true)]).unwrap();
    assert!(alone.contains("targets: are all shared"), "{alone}");
    let several = problem(vec![target("a", false), target("s", true), target("t", true)]).unwrap();
    assert!(several.contains("targets: holds several that are shared"), "{several}");
}
