//! Rounds in which a member was lost do not count and are repeated.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::time::Duration;

use support::{Backend, FINE, FakeBalancer, Reply, closed_loop, reasons, report, settings, spec, status, verdict};
use wire::{Health, Report, RoundOutcome, RunSpec, Validity};

const CLUSTERS: [&str; 2] = ["a", "b"];

async fn two_clusters(backend: &Backend, balancer: &FakeBalancer, rounds: u32) -> RunSpec {
    let mut run = spec(CLUSTERS.map(|name| backend.target(name)).to_vec(), rounds, vec![closed_loop(2, 10)]);
    run.balancer_control = Some(balancer.control());
    run
}

fn outcomes(report: &Report) -> Vec<(u32, RoundOutcome, &str)> {
    report.rounds.iter().map(|round| (round.round, round.outcome, round.reason.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_balancer_voids_nothing() {
    let backend = Backend::fine().await;
    let balancer = FakeBalancer::start(|_| Some(status(&CLUSTERS, 0, Health::Healthy))).await;
    let report = report(&two_clusters(&backend, &balancer, 3).await, &settings()).await;
    assert!(report.rounds.iter().all(|round| round.outcome == RoundOutcome::Counted));
    assert_eq!(backend.seen().len(), 60);
}

/// The self-test of an operator's run: a second name for the first cluster, behind a balancer that knows only one.
#[tokio::test(flavor = "multi_thread")]
async fn a_twin_is_measured_as_the_cluster_it_is() {
    let backend = Backend::fine().await;
    let balancer = FakeBalancer::start(|_| Some(status(&CLUSTERS, 0, Health::Healthy))).await;
    let mut run = two_clusters(&backend, &balancer, 8).await;
    run.targets.push(wire::Target { cluster: "a again".into(), ..run.targets[0].clone() });
    run.request.expect.members = wire::Members::Known;
    let report = report(&run, &settings()).await;
    assert_eq!(reasons(&report), [] as [&str; 0]);
    assert_eq!(report.clusters.iter().map(|one| one.requests).collect::<Vec<_>>(), [80; 3]);
    assert_eq!(report.comparisons.len(), 1, "only b is compared with a: {:?}", report.comparisons);
    let test = report.self_test.as_ref().unwrap();
    assert_eq!((test.comparisons[0].cluster.as_str(), test.comparisons[0].baseline.as_str()), ("a again", "a"));
    assert!(verdict(&report).is_none_or(|verdict| verdict.contains("Self-test")), "{}", report.verdict);
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_come_from_the_members_and_a_shared_machine_is_seen() {
    let backend = Backend::fine().await;
    let seen = |kernel_boot: String| {
        move |_| {
            let mut status = status(&CLUSTERS, 0, Health::Healthy);
            status.clusters[0].members[0].slots = Some(3);
            Some(wire::BalancerStatus { kernel_boot: kernel_boot.clone(), ..status })
        }
    };
    let told = wire::Place { kind: wire::PlaceKind::Aws, region: "r".into(), zone: "z".into() };
    for (boot, kind) in [(agent::kernel_boot(), wire::PlaceKind::Lab), ("another".into(), wire::PlaceKind::Aws)] {
        let balancer = FakeBalancer::start(seen(boot)).await;
        let mut run = two_clusters(&backend, &balancer, 1).await;
        run.facts.place = told.clone();
        let report = report(&run, &settings()).await;
        let slots = |name: &str| report.rounds[0].clusters.iter().find(|one| one.cluster == name).unwrap().slots;
        assert_eq!((slots("a"), slots("b")), (Some(3), None));
        assert_eq!(report.environment.place, wire::Place { kind, ..told.clone() });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_member_voids_the_round_which_is_repeated_with_a_new_seed() {
    let backend = Backend::fine().await;
    // Looks: before the round, after each of its clusters. Look 5 is after the second cluster of round 2.
    let balancer = FakeBalancer::start(|look| Some(status(&CLUSTERS, u64::from(look >= 6), Health::Healthy))).await;
    let report = report(&two_clusters(&backend, &balancer, 10).await, &settings()).await;
    assert_eq!(report.rounds.len(), 11);
    let lost = outcomes(&report)[1];
    assert_eq!((lost.0, lost.1), (2, RoundOutcome::Voided));
    assert!(["i-1 of a was lost", "i-1 of b was lost"].contains(&lost.2), "{}", lost.2);
    assert_eq!(outcomes(&report)[2], (2, RoundOutcome::Counted, ""));
    assert_ne!(report.rounds[1].seed, report.rounds[2].seed);
    assert_eq!(report.clusters[0].requests, 100, "the voided round is in no total");
    assert_eq!(backend.seen().len(), 220, "though it was sent");
    assert_eq!(reasons(&report), [] as [&str; 0], "1 of 10 is not more than 10 %");
    assert_eq!(report.comparisons[0].rounds, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_round_ends_at_the_first_loss() {
    let backend = Backend::fine().await;
    let balancer = FakeBalancer::start(|look| Some(status(&CLUSTERS, u64::from(look >= 2), Health::Healthy))).await;
    let report = report(&two_clusters(&backend, &balancer, 1).await, &settings()).await;
    assert_eq!(report.rounds[0].outcome, RoundOutcome::Voided);
    assert_eq!(report.rounds[0].clusters.len(), 1, "the other cluster would have been measured for nothing");
    assert_eq!(backend.seen().len(), 10 + 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_are_limited_and_too_many_make_the_run_invalid() {
    let backend = Backend::fine().await;
    let balancer = FakeBalancer::start(|look| Some(status(&CLUSTERS, look as u64, Health::Healthy))).await;
    let report = report(&two_clusters(&backend, &balancer, 6).await, &settings()).await;
    assert_eq!(report.rounds.len(), 4, "the first and three repeats, half of six");
    assert_eq!(report.validity, Validity::Invalid);
    assert_eq!(report.reasons[0], "only 0 of 6 rounds could be measured");
    assert!(
        report.reasons[1].starts_with("4 rounds were voided, more than 10 % of 6 (last: i-1 of "),
        "{:?}",
        report.reasons
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_voided_rounds_in_a_row_end_the_run_as_failed() {
    let backend = Backend::fine().await;
    let balancer = FakeBalancer::start(|_| Some(status(&CLUSTERS, 0, Health::Unhealthy))).await;
    let run = two_clusters(&backend, &balancer, 1000).await;
    let progress = loadgen::Progress::new(1000);
    let measured = loadgen::measure(&run, &settings(), &progress, |_| (), std::future::pending()).await.unwrap();
    assert!(measured.failed);
    let reasons = measured.report().unwrap().reasons;
    let why = "10 rounds in a row were voided, the last because i-1 of a is unhealthy after 0 of 1000 rounds";
    assert_eq!(reasons[0], why);
}

/// An address is given to the next instance when its own has ended: rounds through two balancers are no comparison.
#[tokio::test(flavor = "multi_thread")]
async fn another_balancer_at_the_same_address_ends_the_run_as_aborted() {
    let backend = Backend::fine().await;
    // Looks: one to meet the members, and of each round one before it and one after each of its clusters.
    let balancer = FakeBalancer::start(|look| {
        let id = if look < 4 { "i-b" } else { "i-c" };
        Some(wire::BalancerStatus { instance_id: id.into(), ..status(&CLUSTERS, 0, Health::Healthy) })
    })
    .await;
    let run = two_clusters(&backend, &balancer, 10).await;
    let progress = loadgen::Progress::new(10);
    let measured = loadgen::measure(&run, &settings(), &progress, |_| (), std::future::pending()).await.unwrap();
    assert!(!measured.failed, "the same can be measured anew");
    let report = measured.report().unwrap();
    let changed = "the balancer changed from i-b to i-c";
    assert_eq!(outcomes(&report), [(1, RoundOutcome::Counted, ""), (2, RoundOutcome::Voided, changed)]);
    assert_eq!(
        (report.validity, report.reasons[0].as_str()),
        (Validity::Invalid, &*format!("{changed} after 1 of 10 rounds"))
    );
    assert_eq!(report.environment.balancers, ["i-b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_that_nobody_vouches_for_is_void() {
    let backend = Backend::fine().await;
    let balancer = FakeBalancer::start(|look| (look != 2).then(|| status(&CLUSTERS, 0, Health::Healthy))).await;
    let report = report(&two_clusters(&backend, &balancer, 2).await, &settings()).await;
    let (_, outcome, reason) = outcomes(&report)[0];
    assert_eq!(outcome, RoundOutcome::Voided);
    assert!(reason.starts_with("the balancer's status could not be read: it answered 500"), "{reason}");
    assert_eq!(report.rounds.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_waits_for_a_member_to_come_back() {
    let backend = Backend::fine().await;
    let health = |look| if look < 2 { Health::Unhealthy } else { Health::Healthy };
    let balancer = FakeBalancer::start(move |look| Some(status(&CLUSTERS, 0, health(look)))).await;
    let run = two_clusters(&backend, &balancer, 1).await;
    let mut patient = settings();
    patient.recovery = Duration::from_secs(20);
    assert_eq!(outcomes(&report(&run, &patient).await), [(1, RoundOutcome::Counted, "")]);
    // Without patience the round is void and no request is wasted on it.
    let balancer = FakeBalancer::start(|_| Some(status(&CLUSTERS, 0, Health::Unhealthy))).await;
    let before = backend.seen().len();
    let run = two_clusters(&backend, &balancer, 1).await;
    let report = report(&run, &settings()).await;
    assert_eq!(outcomes(&report)[0], (1, RoundOutcome::Voided, "i-1 of a is unhealthy"));
    assert_eq!(backend.seen().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_boot_voids_without_any_balancer() {
    let backend = Backend::start(|number, _| {
        let boot = if number < 7 { "a" } else { "b" };
        Reply::Fine { backend: "i-9", boot, after: Duration::ZERO }
    })
    .await;
    let report = report(&spec(vec![backend.target("a")], 10, vec![closed_loop(2, 10)]), &settings()).await;
    assert_eq!(outcomes(&report)[0], (1, RoundOutcome::Voided, "i-9 of a was restarted"));
    assert_eq!(report.rounds.len(), 11);
    assert_eq!(reasons(&report), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_between_rounds_is_none_within_one() {
    let backend = Backend::start(|number, _| match number {
        0..10 => FINE,
        _ => Reply::Fine { backend: "i-1", boot: "b", after: Duration::ZERO },
    })
    .await;
    let report = report(&spec(vec![backend.target("a")], 2, vec![closed_loop(2, 10)]), &settings()).await;
    assert!(report.rounds.iter().all(|round| round.outcome == RoundOutcome::Counted));
}
