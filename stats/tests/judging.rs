//! Verdicts that are withheld or weakened, thresholds, and the self-test.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use stats::{Arrivals, Demands, Findings, Results, Rules, compare, conclude, self_test, thresholds};
use support::{pairs, round};
use wire::{
    ClusterReport, Comparison, Direction, Failures, Limit, Metric, Pairs, Quantiles, RoundOutcome, RoundReport,
    SelfTestOutcome, Speed, Threshold, ThresholdOutcome, Validity, WarningKind,
};

const BOTH: [&str; 2] = ["cluster1", "cluster2"];

/// Twenty rounds in which the second cluster is about 14 % faster.
fn faster() -> Vec<RoundReport> {
    pairs(&(0..20u64).map(|i| (11_400 + (i * 97) % 1000, 10_000 + (i * 389) % 900)).collect::<Vec<_>>())
}

fn changed(change: impl Fn(usize, &mut ClusterReport, &mut ClusterReport)) -> Vec<RoundReport> {
    let mut rounds = faster();
    for (index, round) in rounds.iter_mut().enumerate() {
        let [first, second] = &mut round.clusters[..] else { panic!("two clusters") };
        change(index, first, second);
    }
    rounds
}

fn one(rules: &Rules, rounds: &[RoundReport]) -> Comparison {
    compare(rules, rounds, &BOTH).remove(0)
}

fn by(metric: Metric) -> Rules {
    Rules { metric, ..Rules::default() }
}

#[test]
fn a_quantile_is_compared_only_when_every_round_carries_it() {
    let with = |requests: u64| {
        changed(move |_, first, second| {
            for cluster in [first, second] {
                cluster.requests = requests;
                cluster.latency.p99_micros = cluster.latency.p50_micros;
                cluster.latency.p999_micros = cluster.latency.p50_micros;
            }
        })
    };
    let direction = |rules: &Rules, requests: u64| one(rules, &with(requests)).direction;
    let shared = Rules { demands: Demands::Shared, ..by(Metric::P99) };
    for (rules, enough) in [(by(Metric::P99), 3_000), (shared, 1_000), (by(Metric::P999), 10_000)] {
        assert_eq!(direction(&rules, enough), Direction::Faster, "{rules:?}");
        assert_eq!(direction(&rules, enough - 1), Direction::NotComparable, "{rules:?}");
    }
    insta::assert_snapshot!(one(&by(Metric::P99), &with(500)).sentence, @"cluster2 and cluster1 are not comparable: a round had 500 requests, and p99 latency of all requests needs 3000 of them: what it shows is chance.");
}

#[test]
fn requests_that_were_still_open_are_no_value() {
    let rounds = changed(|index, _, second| {
        if index == 4 {
            second.latency.at_least_from_micros = Some(9_000);
            second.open_at_end = 20;
        }
    });
    let comparison = one(&Rules::default(), &rounds);
    assert_eq!(comparison.direction, Direction::NotComparable);
    insta::assert_snapshot!(comparison.sentence, @"cluster2 and cluster1 are not comparable: failures or requests still open reached p50 latency of all requests in 1 of 20 rounds; cluster2 answered 99.9 % of its requests, cluster1 100 %.");
}

#[test]
fn where_latencies_are_undecided_the_answered_shares_are_compared() {
    let rounds = changed(|index, _, second| {
        second.latency = Quantiles::default();
        second.failures = Failures { timeout: 600 + index as u64, ..Failures::default() };
    });
    let comparison = one(&Rules::default(), &rounds);
    let [low, high] = comparison.answered_interval_points.unwrap();
    assert!((-62.0..=-60.0).contains(&low) && (-62.0..=-60.0).contains(&high), "{low} {high}");
    assert_eq!(comparison.warnings[0].kind, WarningKind::UnequalFailures);
    insta::assert_snapshot!(comparison.warnings[0].sentence, @"cluster2 answered a smaller share of its requests, by 60.6 to 61.2 percentage points");
}

#[test]
fn rounds_on_credits_and_rounds_without_are_not_mixed() {
    let speeds = |switch: usize| {
        changed(move |index, first, _| {
            first.speed = Some(if index < switch { Speed::Burst } else { Speed::Baseline });
        })
    };
    let mixed = one(&Rules::default(), &speeds(12));
    assert_eq!(mixed.direction, Direction::NotComparable);
    insta::assert_snapshot!(mixed.sentence, @"cluster2 and cluster1 are not comparable: cluster1 ran 12 rounds at full speed and 8 rounds at its baseline: they are different machines; measure less, or wait until all credits are spent, or use credit mode Unlimited.");
    let burst = one(&Rules::default(), &speeds(20));
    assert_eq!(burst.direction, Direction::Faster);
    insta::assert_snapshot!(burst.warnings[0].sentence, @"cluster1 ran on credits, at a speed that lasts until they are spent");
}

#[test]
fn a_cluster_near_saturation_is_named_under_an_open_loop_only() {
    // Eight slots of 1 ms at 90 %: 7,200 requests/s wait 1.877 ms in the mean (M/M/8).
    let rounds = changed(|_, first, _| {
        first.slots = Some(8);
        first.requests = 7_200;
        first.load_micros = 1_000_000;
        first.latency_of_successes.mean_micros = Some(1_877);
    });
    let open = Rules { arrivals: Arrivals::Open, ..Rules::default() };
    let warning = one(&open, &rounds).warnings.remove(0);
    assert_eq!(warning.kind, WarningKind::NearSaturation);
    insta::assert_snapshot!(warning.sentence, @"near saturation: cluster1 was about 90 % busy, where waiting grows without bound and rounds differ by chance; a rate a fifth lower tells more in less time");
    assert_eq!(one(&Rules::default(), &rounds).warnings, []);
}

#[test]
fn outlier_rounds_of_one_cluster_are_said_instead_of_a_verdict_that_they_make() {
    // Equal but for noise; the second is 60 % slower in two rounds of five.
    let rounds: Vec<(u64, u64)> = (0..24u64)
        .map(|i| (10_000 + (i * 97) % 400, if i % 5 < 2 { 16_000 } else { 10_000 + (i * 61) % 420 }))
        .collect();
    let spoilt = one(&Rules::default(), &pairs(&rounds));
    assert_eq!(spoilt.direction, Direction::NotComparable);
    insta::assert_snapshot!(spoilt.sentence, @"cluster2 and cluster1 are not comparable: cluster2 had 10 outlier rounds and cluster1 had 0, of 24: these make the difference, the other rounds show none.");
    assert_eq!(spoilt.warnings[0].kind, WarningKind::UnequalOutliers);
    let truly_slower: Vec<(u64, u64)> = rounds.iter().map(|(first, second)| (*first, second * 13 / 10)).collect();
    let comparison = one(&Rules::default(), &pairs(&truly_slower));
    assert_eq!(comparison.direction, Direction::Slower, "the other rounds show it too");
}

#[test]
fn all_pairs_are_compared_on_request_and_corrected_together() {
    let rounds: Vec<RoundReport> = (1..=20u64)
        .map(|i| {
            let at = |base: u64| Some(base + (i * 7919) % 113);
            round(i as u32, RoundOutcome::Counted, &[("a", at(10_000)), ("b", at(9_000)), ("c", at(12_000))])
        })
        .collect();
    let comparisons = compare(&Rules { pairs: Pairs::All, ..Rules::default() }, &rounds, &["a", "b", "c"]);
    let pairs: Vec<(&str, &str)> =
        comparisons.iter().map(|one| (one.cluster.as_str(), one.baseline.as_str())).collect();
    assert_eq!(pairs, [("b", "a"), ("c", "a"), ("c", "b")]);
    assert!(comparisons.iter().all(|one| one.sentence.contains("corrected for 3 comparisons")));
    assert_eq!(compare(&Rules::default(), &rounds, &["a", "b", "c"]).len(), 2);
}

#[test]
fn a_ranking_is_one_of_groups_that_the_intervals_separate() {
    let rules = Rules { pairs: Pairs::All, ..Rules::default() };
    let rounds: Vec<RoundReport> = (1..=20u64)
        .map(|i| {
            let at = |base: u64, step: u64| Some(base + (i * step) % 113);
            let medians = [("a", at(10_000, 7)), ("b", at(9_000, 11)), ("c", at(10_005, 13)), ("d", at(12_000, 17))];
            round(i as u32, RoundOutcome::Counted, &medians)
        })
        .collect();
    let said = |names: &[&str]| {
        let comparisons = compare(&rules, &rounds, names);
        conclude(&Findings { comparisons: &comparisons, ..Findings::default() }).verdict
    };
    let verdict = said(&["a", "b", "c", "d"]);
    assert!(verdict.contains(" From the fastest: b; a and c (not told apart); d. "), "{verdict}");
    assert!(!said(&["a", "b"]).contains("From the fastest"));
}

#[test]
fn a_twin_that_differs_is_an_alarm() {
    let equal = pairs(&(0..20u64).map(|i| (10_000 + (i * 97) % 400, 10_000 + (i * 61) % 420)).collect::<Vec<_>>());
    let twins = [("cluster1", "cluster2")];
    let passed = self_test(&Rules::default(), &equal, &twins).unwrap();
    assert_eq!(passed.outcome, SelfTestOutcome::Passed);
    let alarm = self_test(&Rules::default(), &faster(), &twins).unwrap();
    assert_eq!(alarm.outcome, SelfTestOutcome::Alarm);
    insta::assert_snapshot!(alarm.sentence, @"Self-test failed: cluster2 is cluster1 measured twice, and still: cluster2 is faster than cluster1 by 14 % [12, 15] (p50 latency of all requests, 95.2 % interval over 20 rounds). The figures of this run cannot be trusted. One campaign in twenty fails so by chance: measure again, and if it fails again, do not believe this setup.");
    assert_eq!(self_test(&Rules::default(), &equal[..3], &twins).unwrap().outcome, SelfTestOutcome::Undecided);
    assert!(self_test(&Rules::default(), &equal, &[]).is_none());
}

fn judged(validity: Validity, clusters: &[ClusterReport], metric: Metric, limit: Limit) -> (ThresholdOutcome, String) {
    let threshold = Threshold { cluster: "cluster2".into(), metric, limit };
    let rounds = faster();
    let results = Results { validity, clusters, rounds: &rounds, rules: &Rules::default() };
    let result = thresholds(&[threshold], &results).remove(0);
    (result.outcome, result.sentence)
}

#[test]
fn limits_on_numbers() {
    use ThresholdOutcome::{Met, NotMet, Undecided};
    let measured = ClusterReport {
        cluster: "cluster2".into(),
        requests: 1_000,
        load_micros: 2_000_000,
        failures: Failures { timeout: 5, ..Failures::default() },
        latency: Quantiles { p50_micros: Some(10_000), p99_micros: Some(50_000), ..Quantiles::default() },
        ..ClusterReport::default()
    };
    let open = ClusterReport {
        latency: Quantiles { at_least_from_micros: Some(40_000), ..measured.latency },
        ..measured.clone()
    };
    let at = |cluster: &ClusterReport, metric: Metric, limit: Limit| {
        judged(Validity::Valid, std::slice::from_ref(cluster), metric, limit).0
    };
    for (metric, limit, outcome) in [
        (Metric::P99, Limit::AtMost(50_000), Met),
        (Metric::P99, Limit::AtMost(49_999), NotMet),
        (Metric::P999, Limit::AtMost(7_000_000), NotMet),
        (Metric::RequestsPerSecond, Limit::AtLeast(497), Met),
        (Metric::RequestsPerSecond, Limit::AtLeast(498), NotMet),
        (Metric::FailedPerMille, Limit::AtMost(5), Met),
        (Metric::FailedPerMille, Limit::AtMost(4), NotMet),
    ] {
        assert_eq!(at(&measured, metric, limit.clone()), outcome, "{metric:?} {limit:?}");
    }
    assert_eq!(at(&open, Metric::P99, Limit::AtMost(60_000)), Undecided, "it is at least 50 ms, and may be more");
    assert_eq!(at(&open, Metric::P99, Limit::AtMost(49_000)), NotMet);
    assert_eq!(
        at(&ClusterReport { cluster: "x".into(), ..measured.clone() }, Metric::P50, Limit::AtMost(1)),
        Undecided
    );
    let invalid = judged(Validity::Invalid, std::slice::from_ref(&measured), Metric::P99, Limit::AtMost(50_000));
    assert_eq!(invalid.0, Undecided);
    let limit = Limit::AtMost(49_999);
    insta::assert_snapshot!(judged(Validity::Valid, &[measured], Metric::P99, limit).1, @"p99 latency of all requests of cluster2 is 50.00 ms, at most 50.00 ms is asked");
}

#[test]
fn limits_between_clusters_are_met_by_the_whole_interval_or_not_at_all() {
    use ThresholdOutcome::{Met, NotMet, Undecided};
    let than = |percent: i32| {
        judged(Validity::Valid, &[], Metric::P50, Limit::FasterThan { cluster: "cluster1".into(), percent })
    };
    assert_eq!([10, 13, 30].map(|percent| than(percent).0), [Met, Undecided, NotMet]);
    insta::assert_snapshot!(than(13).1, @"cluster2 is [12, 15] % faster than cluster1 by p50 latency of all requests, at least 13 % faster is asked");
    insta::assert_snapshot!(than(-5).1, @"cluster2 is [12, 15] % faster than cluster1 by p50 latency of all requests, at most 5 % slower is asked");
    let result = |outcome| wire::ThresholdResult {
        threshold: Threshold { cluster: String::new(), metric: Metric::P50, limit: Limit::AtMost(1) },
        outcome,
        sentence: String::new(),
    };
    let together = |outcomes: &[ThresholdOutcome]| {
        ThresholdOutcome::of_all(&outcomes.iter().map(|outcome| result(*outcome)).collect::<Vec<_>>())
    };
    assert_eq!(together(&[Met, Undecided, NotMet]), NotMet);
    assert_eq!(together(&[Met, Undecided]), Undecided);
    assert_eq!(together(&[Met, Met]), Met);
}
