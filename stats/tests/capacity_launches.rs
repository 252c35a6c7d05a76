//! Capacities of several launches: what is said of one that differs from launch to launch.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use support::searched::{said, search, twice};
use wire::{AloneReport, CapacityOutcome, Direction, Limit, Metric, Report, Threshold, ThresholdOutcome};

/// A launch of so many rounds, in which one request at a time is too slow for cluster2, or not.
fn launch(capacities: u32, is_unmet: bool) -> Report {
    let mut rounds = twice(capacities);
    if is_unmet {
        rounds.iter_mut().for_each(|round| round.clusters.truncate(1));
    }
    let mut material = search(rounds);
    if is_unmet {
        let alone = AloneReport { slow: 12, quantile_micros: Some(61_000), is_unmet, ..material.alone["cluster2"] };
        material.alone.insert("cluster2".into(), alone);
    }
    material.spec.rounds.count = capacities;
    said(material)
}

#[test]
fn launches_of_which_one_met_no_rate_have_no_capacity_and_say_in_how_many() {
    let joined = stats::join_launches(&[launch(4, false), launch(4, true), launch(4, false)]).unwrap();
    insta::assert_snapshot!(joined.comparisons[0].sentence, @"cluster2 and cluster1 are not comparable: in 1 of 3 launches no rate met p99 <= 50 ms on cluster2; it differs from launch to launch.");
    let sentence = joined.verdict.split(". ").find(|one| one.starts_with("cluster2: ")).unwrap();
    insta::assert_snapshot!(sentence, @"cluster2: no capacity at p99 <= 50 ms is known: in 1 of 3 launches no rate met it (one request at a time already has 61.0 ms); the cluster differs from launch to launch");
    assert!(joined.clusters[0].capacity.as_ref().unwrap().milli_rps.is_some(), "cluster1 met rates in all of them");
    let of = |report: &Report| report.clusters[1].capacity.clone().unwrap();
    let found = of(&joined);
    assert_eq!((found.outcome, found.milli_rps, found.interval), (CapacityOutcome::Found, None, None));
    assert!(!found.alone.unwrap().is_unmet, "that is said of the whole");
    assert_eq!(joined.clusters[1].answer_cost, None, "of launches that found a capacity alone it would be too low");
    let further = &joined.further_comparisons;
    assert!(further.iter().all(|one| one.direction == Direction::NotComparable), "{further:?}");
    // A launch in which nobody met a rate has no round, and is one all the same.
    let mut nobody = launch(4, true);
    let unmet = nobody.clusters[1].capacity.clone();
    nobody.rounds.clear();
    nobody.gates.clear();
    nobody.run.rounds.count = 0;
    nobody.clusters.iter_mut().for_each(|cluster| cluster.capacity.clone_from(&unmet));
    let joined = stats::join_launches(&[launch(8, false), nobody]).unwrap();
    let verdict = &joined.verdict;
    assert!(verdict.contains("no rate met p99 <= 50 ms on cluster2, and in 1 of 2 launches no rate met "), "{verdict}");
    assert!(verdict.contains(" on cluster1; they differ from launch to launch."), "{verdict}");
    assert_eq!(joined.clusters[0].capacity.as_ref().unwrap().milli_rps, None);
    // Where none did in any, none does.
    let joined = stats::join_launches(&[launch(4, true), launch(4, true)]).unwrap();
    assert_eq!(of(&joined).outcome, CapacityOutcome::Unmet);
    assert!(
        joined.verdict.contains("cluster2: no rate meets p99 <= 50 ms: one request at a time already has 61.0 ms.")
    );
}

#[test]
fn a_limit_on_a_capacity_that_differs_from_launch_to_launch_is_undecided_with_the_reason() {
    let judged = |limit: Limit| {
        let mut parts = [launch(8, false), launch(8, true)];
        for part in &mut parts {
            let threshold = Threshold { cluster: "cluster2".into(), metric: Metric::Capacity, limit: limit.clone() };
            part.run.judging.thresholds = vec![threshold];
        }
        let result = stats::join_launches(&parts).unwrap().thresholds.remove(0);
        assert_eq!(result.outcome, ThresholdOutcome::Undecided);
        result.sentence
    };
    insta::assert_snapshot!(judged(Limit::AtLeast(1)), @"capacity of cluster2: in 1 of 2 launches no rate met it (one request at a time already has 61.0 ms); the cluster differs from launch to launch");
    let than = Limit::FasterThan { cluster: "cluster1".into(), percent: 50 };
    insta::assert_snapshot!(judged(than), @"at least 1.5x is asked; the capacity of cluster2 is not known: in 1 of 2 launches no rate met it (one request at a time already has 61.0 ms); the cluster differs from launch to launch");
}

#[test]
fn launches_of_a_search_are_joined() {
    let joined = stats::join_launches(&[launch(4, false), launch(4, false)]).unwrap();
    assert_eq!((joined.comparisons[0].metric, joined.comparisons[0].rounds), (Metric::Capacity, 8));
    assert_eq!(joined.clusters[0].capacity.as_ref().unwrap().outcome, CapacityOutcome::Found);
    assert!(joined.verdict.contains(" in its worst round; "), "{}", joined.verdict);
    let mut other = launch(4, false);
    other.run.search.as_mut().unwrap().objective.at_most_micros += 1;
    assert!(stats::join_launches(&[launch(4, false), other]).is_err());
}

/// An exact interval of a search needs seven values: with six launches of two rounds it is that of the twelve rounds, and says so.
#[test]
fn six_launches_have_an_interval_of_their_rounds_and_seven_one_about_the_types() {
    let joined = |count: usize| stats::join_launches(&vec![launch(2, false); count]).unwrap();
    let [six, seven] = [6, 7].map(joined);
    let about = |report: &Report| (report.comparisons[0].about, report.comparisons[0].interval_percent.is_some());
    assert_eq!(about(&six), (wire::About::TheseInstances, true));
    assert_eq!(about(&seven), (wire::About::InstanceTypes, true));
    for report in [six, seven] {
        assert!(report.clusters.iter().all(|cluster| cluster.capacity.as_ref().unwrap().interval.is_some()));
    }
}
