//! Reports of several generators, and of several launches, as one.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use stats::{Answers, Latencies, NotOneRun, join_generators, join_launches, report, zone_shares};
use support::sample::material;
use wire::{About, ClusterReport, Report, RoundOutcome, RunZone, Slice, Validity};

/// A run of `rounds` rounds as generator `index` of two made it.
fn half(rounds: u32, index: u32) -> Report {
    let mut material = material(2, rounds, 400);
    material.spec.slice = Slice { index, count: 2 };
    material.environment.generators[0].instance_id = format!("i-generator{index}");
    report(material).unwrap()
}

fn counts(report: &Report, cluster: usize) -> u64 {
    Latencies::decode(&report.clusters[cluster].histograms.response).unwrap().count()
}

#[test]
fn two_generators_add_their_requests_round_by_round_in_the_same_time() {
    let halves = [half(8, 0), half(8, 1)];
    let whole = join_generators(&halves).unwrap();
    assert_eq!((whole.rounds.len(), whole.run.slice), (8, Slice { index: 0, count: 1 }));
    assert_eq!(whole.rounds.iter().map(|round| round.round).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
    assert_eq!(counts(&whole, 0), counts(&halves[0], 0) + counts(&halves[1], 0));
    let (one, both) = (&halves[0].rounds[0].clusters[0], &whole.rounds[0].clusters[0]);
    assert_eq!((both.requests, both.load_micros), (2 * one.requests, one.load_micros));
    assert!(both.requests_per_second.abs_diff(2 * 998) <= 2, "{}", both.requests_per_second);
    assert_eq!(whole.environment.generators.len(), 2);
    assert_eq!((whole.validity, whole.comparisons[0].rounds), (Validity::Valid, 8), "{:?}", whole.reasons);
}

#[test]
fn a_round_that_one_generator_voided_or_did_not_measure_is_void() {
    let mut halves = [half(12, 0), half(12, 1)];
    halves[1].rounds[4].outcome = RoundOutcome::Voided;
    halves[1].rounds[4].reason = "i-1 of cluster1 was lost".into();
    halves[0].rounds.pop();
    let whole = join_generators(&halves).unwrap();
    let voided: Vec<(u32, &str)> = whole
        .rounds
        .iter()
        .filter(|round| round.outcome == RoundOutcome::Voided)
        .map(|round| (round.round, round.reason.as_str()))
        .collect();
    assert_eq!(voided, [(5, "i-1 of cluster1 was lost"), (12, "1 of 2 generators did not measure it")]);
    assert_eq!((whole.comparisons[0].rounds, whole.validity), (10, Validity::Invalid));
}

#[test]
fn launches_follow_each_other_and_from_six_on_the_claim_is_about_the_types() {
    let launches = |count: usize| vec![half(2, 0); count];
    let five = join_launches(&launches(5)).unwrap();
    assert_eq!((five.comparisons[0].about, five.comparisons[0].launches), (About::TheseInstances, 5));
    let six = join_launches(&launches(6)).unwrap();
    assert_eq!((six.comparisons[0].about, six.comparisons[0].launches), (About::InstanceTypes, 6));
    assert!(six.verdict.contains("about the instance types"), "{}", six.verdict);
    let numbers: Vec<(u32, u32)> = six.rounds.iter().map(|round| (round.launch, round.round)).collect();
    assert_eq!(numbers[..4], [(1, 1), (1, 2), (2, 3), (2, 4)]);
    assert_eq!((six.validity, six.run.rounds.count), (Validity::Valid, 12), "{:?}", six.reasons);
    assert_eq!(six.clusters[0].warmup_requests, 6 * 200);
}

/// A part whose members have so many answers of so many microseconds in each of two zones and in every of two rounds.
fn zoned(index: u32, member: &str, zones: [(&str, u64, u64); 2]) -> Report {
    let mut material = material(1, 2, 100);
    material.spec.slice = Slice { index, count: 2 };
    let members =
        |(zone, ..): (&str, u64, u64)| RunZone { zone: zone.to_owned(), members: vec![format!("{member} of {zone}")] };
    material.spec.zones = zones.map(members).to_vec();
    for cluster in material.rounds.iter_mut().flat_map(|round| &mut round.clusters) {
        cluster.zones = zone_shares(zones.map(|(zone, count, micros)| {
            let mut answers = Answers::default();
            (0..count).for_each(|_| answers.add(Some(micros)));
            (zone.to_owned(), answers)
        }));
    }
    report(material).unwrap()
}

fn zones(cluster: &ClusterReport) -> Vec<(&str, u64, u32, Option<u64>)> {
    cluster.zones.iter().map(|one| (one.zone.as_str(), one.requests, one.share_per_mille, one.p50_micros)).collect()
}

#[test]
fn zones_of_two_generators_are_added_and_their_medians_are_not_averaged() {
    let parts =
        [zoned(0, "i-1", [("a", 3, 1_000), ("b", 3, 2_000)]), zoned(1, "i-1", [("a", 1, 1_500), ("b", 3, 1_800)])];
    assert_eq!(zones(&parts[0].clusters[0]), [("a", 6, 500, Some(1_000)), ("b", 6, 500, Some(2_000))]);
    let whole = join_generators(&parts).unwrap();
    assert_eq!(zones(&whole.clusters[0]), [("a", 8, 400, Some(1_000)), ("b", 12, 600, Some(1_800))]);
    assert_eq!(zones(&whole.rounds[1].clusters[0]), [("a", 4, 400, Some(1_000)), ("b", 6, 600, Some(1_800))]);
    assert_eq!(whole.run.zones, parts[0].run.zones);
}

#[test]
fn zones_of_two_launches_are_added_and_have_the_members_of_both() {
    let parts = [zoned(0, "i-1", [("a", 3, 1_000), ("b", 3, 2_000)]), zoned(0, "i-2", [("a", 2, 1_700), ("b", 0, 0)])];
    let whole = join_launches(&parts).unwrap();
    assert_eq!(zones(&whole.clusters[0]), [("a", 10, 625, Some(1_000)), ("b", 6, 375, Some(2_000))]);
    let members: Vec<_> = whole.run.zones.iter().map(|zone| (zone.zone.as_str(), zone.members.join(", "))).collect();
    assert_eq!(members, [("a", "i-1 of a, i-2 of a".to_owned()), ("b", "i-1 of b, i-2 of b".to_owned())]);
}

/// A benchmark that found no capacity moves between two launches.
#[test]
fn a_report_of_several_launches_names_the_zones_of_all_of_them_once() {
    let launch = |place: &str, zones: &str| {
        let mut material = material(1, 2, 100);
        material.environment.place.zone = place.into();
        material.environment.clusters.iter_mut().for_each(|facts| facts.zones = zones.into());
        report(material).unwrap()
    };
    let first = || launch("a (az1), b (az2)", "2 in a and 2 in b");
    let whole = join_launches(&[first(), launch("b (az2), c (az3)", "2 in b and 2 in c"), first()]).unwrap();
    assert_eq!(whole.environment.place.zone, "a (az1), b (az2), c (az3)");
    let said: Vec<&str> = whole.environment.clusters.iter().map(|facts| facts.zones.as_str()).collect();
    assert_eq!(said, ["2 in a and 2 in b, then 2 in b and 2 in c"]);
    let alike = join_launches(&[first(), first()]).unwrap();
    assert_eq!(alike.environment.place.zone, "a (az1), b (az2)");
    assert_eq!(alike.environment.clusters[0].zones, "2 in a and 2 in b");
    // One zone needs no words of its own for each cluster: the place says it.
    let moved = join_launches(&[launch("a (az1)", ""), launch("b (az2)", "")]).unwrap();
    assert_eq!(
        (moved.environment.place.zone.as_str(), moved.environment.clusters[0].zones.as_str()),
        ("a (az1), b (az2)", "")
    );
}

#[test]
fn what_a_part_failed_the_whole_fails() {
    let mut late = half(6, 0);
    let lag = late.gates.iter_mut().find(|gate| gate.kind == wire::GateKind::SendLag).unwrap();
    (lag.outcome, lag.reason) = (wire::GateOutcome::Failed, "cluster1: late".into());
    let whole = join_launches(&[late, half(6, 0)]).unwrap();
    assert_eq!((whole.validity, &whole.reasons[..]), (Validity::Invalid, &["cluster1: late".to_owned()][..]));
}

#[test]
fn reports_of_other_runs_are_refused() {
    let first = half(6, 0);
    let mut other = half(6, 1);
    other.run.targets[1].cluster = "x".into();
    assert!(matches!(join_launches(&[first.clone(), other]), Err(NotOneRun::OtherClusters(2))));
    let mut other = half(6, 1);
    other.run.judging.gap_percent = 10;
    assert!(matches!(join_launches(&[first.clone(), other.clone()]), Err(NotOneRun::OtherLoad(2))));
    other = half(6, 1);
    other.run.seed += 1;
    assert!(matches!(join_generators(&[first, other]), Err(NotOneRun::OtherLoad(2))));
    assert!(matches!(join_generators(&[]), Err(NotOneRun::Nothing)));
}
