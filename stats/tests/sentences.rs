//! The sentences that a user reads, word by word.

mod support;

use stats::{Findings, Metric, Rules, conclude};
use support::{cluster, pairs, round};
use wire::{ClusterFacts, Comparison, Direction, Environment, RoundOutcome, RoundReport};

fn compare(rounds: &[RoundReport], clusters: &[&str]) -> Vec<Comparison> {
    stats::compare(&Rules::default(), rounds, clusters)
}

fn both(rounds: &[RoundReport]) -> (Comparison, String, String) {
    let comparisons = compare(rounds, &["cluster1", "cluster2"]);
    let conclusion = conclude(&Findings { comparisons: &comparisons, ..Findings::default() });
    (comparisons[0].clone(), conclusion.summary, conclusion.verdict)
}

/// Twenty rounds around a ratio of 1.14.
fn faster() -> Vec<RoundReport> {
    pairs(&(0..20u64).map(|i| (11_400 + (i * 97) % 1000, 10_000 + (i * 389) % 900)).collect::<Vec<_>>())
}

#[test]
fn faster_with_an_interval() {
    let (comparison, summary, verdict) = both(&faster());
    assert_eq!(comparison.direction, Direction::Faster);
    assert_eq!(comparison.metric, Metric::P50);
    assert!(comparison.confidence_percent.unwrap() >= 95.0);
    insta::assert_snapshot!(summary, @"cluster2 14 % faster [12, 15]");
    insta::assert_snapshot!(verdict, @"cluster2 is faster than cluster1 by 14 % [12, 15] (p50 latency of all requests, 95.2 % interval over 20 rounds). This is about these instances, not about the instance types.");
}

#[test]
fn slower_is_said_without_minus_signs() {
    let swapped: Vec<RoundReport> = faster()
        .into_iter()
        .map(|mut round| {
            round.clusters[0].cluster = "cluster2".into();
            round.clusters[1].cluster = "cluster1".into();
            round
        })
        .collect();
    let (comparison, summary, verdict) = both(&swapped);
    assert_eq!(comparison.direction, Direction::Slower);
    assert!(comparison.faster_percent.unwrap() < 0.0 && comparison.interval_percent.unwrap()[1] < 0.0);
    insta::assert_snapshot!(summary, @"cluster2 12 % slower [11, 13]");
    insta::assert_snapshot!(verdict, @"cluster2 is slower than cluster1 by 12 % [11, 13] (p50 latency of all requests, 95.2 % interval over 20 rounds). This is about these instances, not about the instance types.");
}

#[test]
fn no_difference_shown() {
    let wide: Vec<(u64, u64)> =
        (0..8u64).map(|i| if i % 2 == 0 { (10_000 + i * 210, 11_000) } else { (11_000, 10_100 + i * 90) }).collect();
    let (comparison, summary, verdict) = both(&pairs(&wide));
    assert_eq!(comparison.direction, Direction::NoDifferenceShown);
    insta::assert_snapshot!(summary, @"cluster2: no difference shown [-5, 6]");
    insta::assert_snapshot!(verdict, @"No difference is shown between cluster2 and cluster1: cluster2 is between 5 % slower and 6 % faster (p50 latency of all requests, 96.1 % interval over 8 rounds); 8 rounds show nothing smaller than about 6 %; a gap of 5 % would take about 20 rounds. This is about these instances, not about the instance types.");
}

#[test]
fn equivalent_within_five_percent() {
    let close: Vec<(u64, u64)> = (0..20u64).map(|i| (10_000 + (i % 3) * 80, 10_000 + (i % 4) * 60)).collect();
    let (comparison, summary, verdict) = both(&pairs(&close));
    assert_eq!(comparison.direction, Direction::NoDifferenceShown);
    insta::assert_snapshot!(summary, @"cluster2: equivalent within 5 % [-0.6, 0.4]");
    insta::assert_snapshot!(verdict, @"cluster2 and cluster1 are equivalent within 5 %: cluster2 is between 0.6 % slower and 0.4 % faster (p50 latency of all requests, 95.2 % interval over 20 rounds). This is about these instances, not about the instance types.");
}

#[test]
fn a_small_difference_is_not_printed_as_zero() {
    let small: Vec<(u64, u64)> = (0..20u64).map(|i| (100_300 + i * 10, 100_000 + (i * 7) % 11)).collect();
    let (comparison, summary, verdict) = both(&pairs(&small));
    assert_eq!(comparison.direction, Direction::Faster);
    insta::assert_snapshot!(summary, @"cluster2 0.4 % faster [0.4, 0.4]");
    insta::assert_snapshot!(verdict, @"cluster2 is faster than cluster1 by 0.4 % [0.4, 0.4] (p50 latency of all requests, 95.2 % interval over 20 rounds); the difference is real, and the two are equivalent within 5 %. This is about these instances, not about the instance types.");
}

#[test]
fn one_round_is_no_verdict() {
    let (comparison, summary, verdict) = both(&pairs(&[(11_200, 10_000)]));
    assert_eq!((comparison.direction, comparison.interval_percent), (Direction::Undecided, None));
    assert!((comparison.faster_percent.unwrap() - 12.0).abs() < 1e-9);
    insta::assert_snapshot!(summary, @"cluster2 12 % faster, no interval (1 round)");
    insta::assert_snapshot!(verdict, @"cluster2 was 12 % faster than cluster1 in 1 round (p50 latency of all requests); run-to-run noise is unknown (6 rounds give the first interval, 10 a useful one), so there is no verdict. This is about these instances, not about the instance types.");
}

#[test]
fn failures_that_reach_the_median_leave_it_undecided() {
    let mut rounds = faster();
    rounds[3].clusters[1] = cluster("cluster2", None);
    let (comparison, summary, verdict) = both(&rounds);
    assert_eq!((comparison.direction, comparison.faster_percent), (Direction::NotComparable, None));
    insta::assert_snapshot!(summary, @"cluster2: not comparable, failures or requests still open reached p50 latency of all requests in 1 of 20 rounds");
    insta::assert_snapshot!(verdict, @"cluster2 and cluster1 are not comparable: failures or requests still open reached p50 latency of all requests in 1 of 20 rounds; cluster2 answered 97 % of its requests, cluster1 100 %. This is about these instances, not about the instance types.");
}

#[test]
fn voided_rounds_are_not_compared() {
    let mut rounds = faster();
    rounds.push(round(3, RoundOutcome::Voided, &[("cluster1", Some(1)), ("cluster2", Some(1_000_000))]));
    assert_eq!(both(&rounds).0, both(&faster()).0);
    let only_voided = [round(1, RoundOutcome::Voided, &[])];
    insta::assert_snapshot!(both(&only_voided).1, @"cluster2: not compared, no round counted");
}

#[test]
fn three_clusters_need_a_seventh_round_and_are_corrected() {
    let rounds = |count: u32| -> Vec<RoundReport> {
        (1..=count)
            .map(|number| {
                let wobble = u64::from(number * 37 % 11) * 20;
                round(
                    number,
                    RoundOutcome::Counted,
                    &[
                        ("a", Some(10_000 + wobble)),
                        ("b", Some(9_000)),
                        ("c", Some(10_100)),
                        ("d", Some(12_000 - wobble)),
                    ],
                )
            })
            .collect()
    };
    let names = ["a", "b", "c", "d"];
    assert!(compare(&rounds(6), &names).iter().all(|c| c.direction == Direction::Undecided));
    let comparisons = compare(&rounds(7), &names);
    assert_eq!(comparisons[0].direction, Direction::Faster);
    assert_eq!(comparisons[2].direction, Direction::Slower);
    insta::assert_snapshot!(conclude(&Findings { comparisons: &comparisons, ..Findings::default() }).summary, @"b 12 % faster [11, 13]; c: equivalent within 5 % [-1, 1]; d 15 % slower [14, 16]");
    insta::assert_snapshot!(comparisons[0].sentence, @"b is faster than a by 12 % [11, 13] (p50 latency of all requests, 98.4 % interval over 7 rounds, corrected for 3 comparisons).");
    insta::assert_snapshot!(compare(&rounds(6), &names)[0].sentence, @"b was 12 % faster than a in 6 rounds (p50 latency of all requests); too few rounds to tell a difference from noise (7 give the first interval, 11 a useful one), so there is no verdict.");
}

#[test]
fn rates_are_compared_the_other_way_round() {
    let rules = Rules { metric: Metric::RequestsPerSecond, ..Rules::default() };
    let by_rate = stats::compare(&rules, &faster(), &["cluster1", "cluster2"]);
    assert_eq!(by_rate[0].direction, Direction::Faster);
    assert_eq!(by_rate[0].metric, Metric::RequestsPerSecond);
}

#[test]
fn one_cluster_and_an_invalid_run() {
    let alone = [cluster("cluster1", Some(12_346))];
    let conclusion = conclude(&Findings { clusters: &alone, ..Findings::default() });
    insta::assert_snapshot!(conclusion.summary, @"cluster1: 8099 requests/s, p50 12.35 ms, p99 none");
    insta::assert_snapshot!(conclusion.verdict, @"cluster1: 8099 requests/s, p50 12.35 ms, p99 none; there is nothing to compare with. This is about these instances, not about the instance types.");
    let reasons = ["the clock stepped by 3 s".to_owned(), "the generator was at 97 % CPU".to_owned()];
    let invalid = conclude(&Findings { clusters: &alone, invalid: &reasons, ..Findings::default() });
    insta::assert_snapshot!(invalid.summary, @"invalid: the clock stepped by 3 s");
    insta::assert_snapshot!(invalid.verdict, @"This run is not valid: the clock stepped by 3 s; the generator was at 97 % CPU. Its numbers are kept for reading and must not be quoted.");
}

/// The verdict with clusters that are in these zones.
fn spread(zones: &[(&str, &str)]) -> String {
    let facts = |(cluster, zones): &(&str, &str)| ClusterFacts {
        cluster: (*cluster).to_owned(),
        zones: (*zones).to_owned(),
        ..ClusterFacts::default()
    };
    let environment = Environment { clusters: zones.iter().map(facts).collect(), ..Environment::default() };
    let alone = [cluster("cluster1", Some(12_346))];
    conclude(&Findings { clusters: &alone, environment: Some(&environment), ..Findings::default() }).verdict
}

#[test]
fn where_the_instances_are_is_said_of_several_zones_and_nothing_of_the_zones() {
    let both = "4 in us-east-1a and 4 in us-east-1b";
    insta::assert_snapshot!(spread(&[("cluster1", both), ("cluster2", both)]), @"cluster1: 8099 requests/s, p50 12.35 ms, p99 none; there is nothing to compare with. The clusters have their instances in several zones, 4 in us-east-1a and 4 in us-east-1b each. This is about these instances, not about the instance types.");
    insta::assert_snapshot!(spread(&[("cluster1", both)]), @"cluster1: 8099 requests/s, p50 12.35 ms, p99 none; there is nothing to compare with. cluster1 has its instances in several zones, 4 in us-east-1a and 4 in us-east-1b. This is about these instances, not about the instance types.");
    let uneven = spread(&[("cluster1", both), ("cluster2", "2 in us-east-1a and 2 in us-east-1b"), ("cluster3", "")]);
    insta::assert_snapshot!(uneven, @"cluster1: 8099 requests/s, p50 12.35 ms, p99 none; there is nothing to compare with. cluster1 has its instances in several zones, 4 in us-east-1a and 4 in us-east-1b. cluster2 has its instances in several zones, 2 in us-east-1a and 2 in us-east-1b. This is about these instances, not about the instance types.");
    assert!(!spread(&[("cluster1", ""), ("cluster2", "")]).contains("zones"));
}
