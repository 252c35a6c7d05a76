//! Cost of right answers behind queues: less is better, what is not known is no number, an upper bound proves one side only, and
//! two equal scaled clusters are not told apart.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "support/burst.rs"]
mod burst;
mod support;

use burst::{Burst, benchmark};
use stats::{Findings, Metric, Results, Rules, compare, conclude, self_test, thresholds};
use support::noise::random;
use support::sample::material;
use wire::{
    CallPrices, ClusterFacts, ClusterReport, Comparison, Direction, Limit, Pairs, Price, QueueCalls, QueueCost, Report,
    RoundReport, SelfTestOutcome, Size, Target, Threshold, ThresholdOutcome, Validity, WarningKind,
};

const PER_THOUSAND: Rules = Rules {
    metric: Metric::UsdMicrosPerThousand,
    looks: wire::Looks::AtTheEnd,
    pairs: Pairs::AgainstFirst,
    arrivals: stats::Arrivals::Closed,
    demands: stats::Demands::Own,
    gap_percent: 5.0,
    users: Some([100, 100]),
    objective: None,
};
const SEED: u64 = 20_261_201;

/// A cluster that gave 100 right answers for so many billionths of a US dollar.
fn measured(name: &str, usd_nanos: Option<u64>) -> ClusterReport {
    let cost = QueueCost { usd_nanos, ..QueueCost::default() };
    ClusterReport {
        cluster: name.to_owned(),
        requests: 100,
        load_micros: 10_000_000,
        queue_cost: Some(cost),
        ..ClusterReport::default()
    }
}

fn round(number: u32, clusters: Vec<ClusterReport>) -> RoundReport {
    RoundReport { clusters, ..support::round(number, wire::RoundOutcome::Counted, &[]) }
}

/// Ten rounds of cluster1, about 0.0012 USD each, and of cluster2, which costs `ratio` times as much.
fn rounds(ratio: f64) -> Vec<RoundReport> {
    (1..=10_u32)
        .map(|number| {
            let first = 1_200_000 + u64::from(number * 97 % 11) * 6_000;
            let second = (ratio * (1_200_000 + u64::from(number * 61 % 13) * 6_000) as f64) as u64;
            round(number, vec![measured("cluster1", Some(first)), measured("cluster2", Some(second))])
        })
        .collect()
}

fn compared(rounds: &[RoundReport]) -> Comparison {
    compare(&PER_THOUSAND, rounds, &["cluster1", "cluster2"]).remove(0)
}

fn column(comparison: &Comparison) -> String {
    conclude(&Findings { comparisons: std::slice::from_ref(comparison), ..Findings::default() }).summary
}

#[test]
fn less_is_faster_and_the_ratio_is_of_costs() {
    let less = compared(&rounds(0.5));
    assert_eq!((less.direction, less.metric), (Direction::Faster, Metric::UsdMicrosPerThousand));
    insta::assert_snapshot!(less.sentence, @"A right answer of cluster2 costs 0.50x [0.49, 0.51] as much as one of cluster1: 0.0062 against 0.0123 USD a thousand (95.1 % interval over 10 rounds).");
    insta::assert_snapshot!(column(&less), @"cluster2 costs 0.50x [0.49, 0.51]");
    let more = compared(&rounds(2.0));
    assert_eq!(more.direction, Direction::Slower);
    insta::assert_snapshot!(more.sentence, @"A right answer of cluster2 costs 2.0x [2.0, 2.0] as much as one of cluster1: 0.025 against 0.012 USD a thousand (95.1 % interval over 10 rounds).");
    insta::assert_snapshot!(column(&more), @"cluster2 costs 2.0x [2.0, 2.0]");
    let costs = more.per_thousand.unwrap();
    let [second, first] = costs.usd_micros;
    // 100 answers for about 0.00123 USD are 0.0123 USD for a thousand.
    assert!((12_000..12_700).contains(&first) && (24_000..25_400).contains(&second), "{first} {second}");
    assert_eq!((costs.is_at_most, costs.is_at_fixed_rate, more.per_usd), ([false; 2], false, None));
}

#[test]
fn equal_and_undecided_are_said_of_costs() {
    let equal = compared(&rounds(1.0));
    assert_eq!((equal.direction, equal.size), (Direction::NoDifferenceShown, Size::EquivalentWithin5Percent));
    insta::assert_snapshot!(equal.sentence, @"cluster2 and cluster1 are equivalent within 5 % by the cost of a right answer: one of cluster2 costs between 0.988x and 1.024x as much as one of cluster1 (95.1 % interval over 10 rounds).");
    insta::assert_snapshot!(column(&equal), @"cluster2: cost within 5 % [0.988, 1.024]");
    let few = compared(&rounds(0.5)[..2]);
    assert_eq!(few.direction, Direction::Undecided);
    insta::assert_snapshot!(few.sentence, @"A right answer of cluster2 cost 0.50x as much as one of cluster1 in 2 rounds; too few rounds to tell a difference from noise (6 give the first interval, 10 a useful one), so there is no verdict.");
    insta::assert_snapshot!(column(&few), @"cluster2 costs 0.50x, no verdict");
    let open = Rules { arrivals: stats::Arrivals::Open, ..PER_THOUSAND };
    let at_a_rate = compare(&open, &rounds(0.5), &["cluster1", "cluster2"]).remove(0);
    assert_eq!(at_a_rate.direction, Direction::Faster);
    assert!(at_a_rate.sentence.contains("as much as one of cluster1 at this rate: "), "{}", at_a_rate.sentence);
    assert!(at_a_rate.warnings.is_empty(), "{:?}", at_a_rate.warnings);
}

#[test]
fn a_cost_that_is_not_known_is_not_compared() {
    let unknown: [fn(&mut ClusterReport); 3] = [
        |cluster| cluster.queue_cost.as_mut().unwrap().usd_nanos = None,
        |cluster| cluster.queue_cost.as_mut().unwrap().usd_nanos = Some(0),
        |cluster| cluster.queue_cost = None,
    ];
    for change in unknown {
        let mut once = rounds(0.5);
        change(&mut once[4].clusters[1]);
        let found = compared(&once);
        assert_eq!(
            (found.direction, found.per_thousand.is_none()),
            (Direction::NotComparable, found.per_thousand.is_none())
        );
        assert_eq!(
            found.sentence,
            "cluster2 and cluster1 are not comparable: it is not known what right answers of cluster2 cost."
        );
        let [warning] = &found.warnings[..] else { panic!("{:?}", found.warnings) };
        assert_eq!(warning.kind, WarningKind::NoPrice);
    }
    let mut nothing = rounds(0.5);
    nothing[4].clusters[1].failures.timeout = 100;
    let found = compared(&nothing);
    assert_eq!(found.direction, Direction::NotComparable);
    assert!(found.why.starts_with("failures or requests still open reached cost of a thousand"), "{}", found.why);
}

#[test]
fn an_upper_bound_proves_one_side_only() {
    let found = |ratio: f64, bounds: [bool; 2]| {
        let mut rounds = rounds(ratio);
        for round in &mut rounds {
            let both = round.clusters.iter_mut().zip(bounds);
            both.for_each(|(cluster, bound)| cluster.queue_cost.as_mut().unwrap().is_at_most = bound);
        }
        compared(&rounds)
    };
    let (first, second) = ([true, false], [false, true]);
    assert_eq!(found(0.5, second).direction, Direction::Faster, "it costs less, if anything");
    assert_eq!(found(2.0, second).direction, Direction::NotComparable);
    assert_eq!(found(1.0, second).direction, Direction::Undecided);
    assert_eq!(found(2.0, first).direction, Direction::Slower);
    assert_eq!(found(0.5, first).direction, Direction::NotComparable);
    assert!([0.5, 1.0, 2.0].iter().all(|ratio| found(*ratio, [true; 2]).direction == Direction::NotComparable));
    assert_eq!(found(1.0, second).size, Size::Open);
    insta::assert_snapshot!(found(0.5, second).sentence, @"A right answer of cluster2 costs at most 0.50x [0.49, 0.51] as much as one of cluster1: at most 0.0062 against 0.0123 USD a thousand (95.1 % interval over 10 rounds).");
    insta::assert_snapshot!(column(&found(0.5, second)), @"cluster2 costs at most 0.50x [0.49, 0.51]");
}

/// The longest name, and what takes most room beside it.
#[test]
fn a_column_takes_the_longest_name() {
    let name = "c".repeat(32);
    let shown = |direction, size, percents: [f64; 3], is_at_most| {
        let mut one = compared(&rounds(0.5));
        one.cluster.clone_from(&name);
        (one.direction, one.size) = (direction, size);
        one.per_thousand.as_mut().unwrap().is_at_most = is_at_most;
        (one.faster_percent, one.interval_percent) = (Some(percents[1]), Some([percents[0], percents[2]]));
        column(&one)
    };
    let (near, far) = ([-2.7, 0.3, 2.1], [-92.0, -91.3, -90.1]);
    for column in [
        shown(Direction::NoDifferenceShown, Size::EquivalentWithin5Percent, near, [false; 2]),
        shown(Direction::NoDifferenceShown, Size::Open, near, [false; 2]),
        shown(Direction::Slower, Size::Open, far, [false; 2]),
        shown(Direction::Faster, Size::Open, [1.3, 2.1, 3.4], [true, false]),
        shown(Direction::Undecided, Size::Open, near, [true, true]),
    ] {
        assert!(column.ends_with(']') || column.ends_with("no verdict"), "{column}");
        assert!(column.chars().count() <= 68, "{}: {column}", column.chars().count());
    }
}

fn outcome(limit: Limit, change: impl Fn(&mut ClusterReport)) -> (ThresholdOutcome, String) {
    let mut rounds = rounds(0.5);
    rounds.iter_mut().flat_map(|round| &mut round.clusters).for_each(change);
    let names = ["cluster1", "cluster2"];
    let clusters: Vec<ClusterReport> = names
        .iter()
        .map(|name| stats::sum(name, stats::counted_of(&rounds, name)).unwrap())
        .map(|mut sum| {
            // Histograms that are not there make no counts.
            (sum.requests, sum.failures) = (1_000, sum.failures);
            sum
        })
        .collect();
    let asked = Threshold { cluster: "cluster2".into(), metric: Metric::UsdMicrosPerThousand, limit };
    let results = Results { validity: Validity::Valid, clusters: &clusters, rounds: &rounds, rules: &PER_THOUSAND };
    let one = thresholds(&[asked], &results).remove(0);
    (one.outcome, one.sentence)
}

#[test]
fn thresholds_take_the_cost() {
    let exact = |limit| outcome(limit, |_| ());
    let (met, sentence) = exact(Limit::AtMost(7_000));
    assert_eq!(met, ThresholdOutcome::Met);
    insta::assert_snapshot!(sentence, @"cost of a thousand right answers of cluster2 is 6198 millionths of a USD, at most 7000 millionths of a USD is asked");
    assert_eq!(exact(Limit::AtMost(5_000)).0, ThresholdOutcome::NotMet);
    assert_eq!(exact(Limit::AtLeast(5_000)).0, ThresholdOutcome::Met);
    let bounded = |limit| outcome(limit, |cluster| cluster.queue_cost.as_mut().unwrap().is_at_most = true).0;
    assert_eq!(bounded(Limit::AtMost(7_000)), ThresholdOutcome::Met, "at most so much is at most more");
    assert_eq!(bounded(Limit::AtMost(5_000)), ThresholdOutcome::Undecided);
    assert_eq!(bounded(Limit::AtLeast(7_000)), ThresholdOutcome::NotMet);
    assert_eq!(bounded(Limit::AtLeast(5_000)), ThresholdOutcome::Undecided);
    let unknown = outcome(Limit::AtMost(7_000), |cluster| cluster.queue_cost = None);
    assert_eq!(unknown.0, ThresholdOutcome::Undecided);
    insta::assert_snapshot!(unknown.1, @"cost of a thousand right answers of cluster2: it is not known what it cost");
    let against = |percent| Limit::FasterThan { cluster: "cluster1".into(), percent };
    let (half, sentence) = exact(against(90));
    assert_eq!(half, ThresholdOutcome::Met, "a bit more than half of it is asked");
    insta::assert_snapshot!(sentence, @"a right answer of cluster2 costs [0.49, 0.51] times as much as one of cluster1, at most 0.53x is asked");
    assert_eq!(exact(against(110)).0, ThresholdOutcome::NotMet);
}

/// A run whose clusters are at most ten instances behind queues, as a generator tells it.
fn scaled(change: impl FnOnce(&mut stats::Material)) -> Report {
    let mut material = material(2, 10, 200);
    let facts = |name: &str, hourly| ClusterFacts {
        cluster: name.into(),
        instance_type: "c7g.medium".into(),
        vcpus: 1,
        price: Some(Price {
            instances: 10,
            instance_usd_micros: hourly,
            extras_usd_micros: 900,
            least: Some(1),
            calls: Some(CallPrices {
                sqs_usd_micros: 400_000,
                s3_put_usd_micros: 5_000_000,
                s3_get_usd_micros: 400_000,
                basis: "calls of a test".into(),
            }),
            basis: "on-demand of a test".into(),
            ..Price::default()
        }),
        ..ClusterFacts::default()
    };
    material.spec.facts.clusters = vec![facts("cluster1", 36_000), facts("cluster2", 72_000)];
    material.environment.clusters = Vec::new();
    material.finished_at = material.started_at + jiff::SignedDuration::from_secs(3_600);
    for cluster in material.rounds.iter_mut().flat_map(|round| &mut round.clusters) {
        let calls = QueueCalls { sqs: 840, s3_puts: 400, s3_gets: 200 };
        let cost = QueueCost { millis: 100_000, instance_millis: 300_000, starts: 4, calls, ..QueueCost::default() };
        (cluster.queue_cost, cluster.hourly_usd_micros, cluster.speed) = (Some(cost), None, None);
    }
    material.rules.metric = Metric::UsdMicrosPerThousand;
    change(&mut material);
    stats::report(material).unwrap()
}

#[test]
fn a_report_has_the_cost_of_each_round_and_of_all() {
    let report = scaled(|_| ());
    let (round, all) = (&report.rounds[0].clusters[0], &report.clusters[0]);
    // 36,900 millionths an hour for 300 s, and 0.002416 USD of calls.
    let nanos = 36_900 * 300_000 / 3_600 + 336_000 + 2_000_000 + 80_000;
    assert_eq!(round.queue_cost.unwrap().usd_nanos, Some(nanos));
    let cost = all.queue_cost.unwrap();
    assert_eq!((cost.usd_nanos, cost.calls_usd_nanos, cost.starts), (Some(10 * nanos), Some(24_160_000), 40));
    assert_eq!((cost.instance_millis, all.hourly_usd_micros), (3_000_000, None));
    // 199 of 200 are right.
    let answers = all.answer_cost.unwrap();
    assert_eq!(answers.usd_micros_per_million, (nanos as f64 * 1_000.0 / 199.0).round() as u64);
    let comparison = &report.comparisons[0];
    assert_eq!(comparison.per_thousand.as_ref().unwrap().basis, "on-demand of a test; calls of a test");
    insta::assert_snapshot!(comparison.sentence, @"A right answer of cluster2 costs 1.5x [1.5, 1.5] as much as one of cluster1: 0.043 against 0.028 USD a thousand (95.1 % interval over 10 rounds; on-demand of a test; calls of a test).");
    assert!(report.further_comparisons.iter().any(|one| one.metric == Metric::RequestsPerSecond));
    // By another metric it is beside the headline.
    let by_latency = scaled(|material| material.rules.metric = Metric::P50);
    assert!(by_latency.further_comparisons.iter().any(|one| one.metric == Metric::UsdMicrosPerThousand));
}

#[test]
fn the_run_costs_its_rounds_and_rest_between_them() {
    let cost = scaled(|material| material.rounds[3].outcome = wire::RoundOutcome::Voided).cost.unwrap();
    let parts: Vec<(&str, u64)> = cost.parts.iter().map(|part| (part.what.as_str(), part.usd_micros)).collect();
    // Ten rounds of 300 instance-seconds in 100 s each, voided ones too, and one instance for the other 2,600 s.
    let instances = |hourly: u64| (hourly * (3_000 + 2_600) * 1_000).div_ceil(3_600_000);
    assert_eq!(parts[0], ("cluster1", instances(36_900)));
    assert_eq!(parts[1], ("cluster2", instances(72_900)));
    assert_eq!(parts[2], ("calls of SQS and S3 in rounds", 20 * 2_416));
    assert!(cost.unpriced.is_empty() && !cost.is_at_most);
}

#[test]
fn without_a_price_the_type_is_named() {
    let report = scaled(|material| {
        material.spec.facts.place.region = "eu-west-1".into();
        material.environment.place = wire::Place::default();
        let facts = &mut material.spec.facts.clusters[1];
        (facts.instance_type, facts.price) = ("t9.large".into(), None);
    });
    let comparison = &report.comparisons[0];
    assert_eq!(comparison.direction, Direction::NotComparable);
    assert_eq!(
        comparison.warnings.iter().find(|one| one.kind == WarningKind::NoPrice).unwrap().sentence,
        "what right answers cost is not compared: no price for t9.large in eu-west-1"
    );
    assert!(report.cost.unwrap().unpriced.contains(&"t9.large".to_owned()));
    assert_eq!(report.clusters[1].answer_cost, None);
}

#[test]
fn a_twin_of_a_scaled_cluster_is_no_other_also_where_only_the_most_is_known() {
    let report = scaled(|material| {
        for target in &mut material.spec.targets {
            *target = Target { url: "http://10.0.0.1:8080/cluster1".into(), ..target.clone() };
        }
        let facts = &mut material.spec.facts.clusters[0];
        facts.price.as_mut().unwrap().surplus_usd_micros = Some(50_000);
    });
    let test = report.self_test.unwrap();
    assert_eq!(test.outcome, SelfTestOutcome::Passed, "{}", test.sentence);
    assert_eq!(test.comparisons[0].metric, Metric::UsdMicrosPerThousand);
    assert!(report.clusters[0].queue_cost.unwrap().is_at_most);
}

#[test]
fn a_report_of_a_former_version_is_read() {
    let mut value = serde_json::to_value(scaled(|_| ())).unwrap();
    for cluster in value["clusters"].as_array_mut().unwrap() {
        cluster.as_object_mut().unwrap().remove("queueCost").unwrap();
    }
    for comparison in value["comparisons"].as_array_mut().unwrap() {
        comparison.as_object_mut().unwrap().remove("perThousand").unwrap();
    }
    let read: Report = serde_json::from_value(value).unwrap();
    assert_eq!((read.clusters[0].queue_cost, read.comparisons[0].per_thousand.is_none()), (None, true));
}

/// Two scaled clusters that are the same, in benchmarks of ten rounds of a burst: a cost difference is found in one of twenty at
/// most. `cargo xtask bench statistics` plays more of them.
#[test]
fn two_equal_scaled_clusters_show_no_cost_difference() {
    println!("seed {SEED}");
    let mut random = random(SEED);
    for burst in Burst::ALL {
        let benchmarks = 400;
        let none = (0..benchmarks)
            .filter(|_| {
                let found = compare(&PER_THOUSAND, &benchmark(burst, 10, &mut random), &["cluster1", "cluster2"]);
                found[0].direction == Direction::NoDifferenceShown
            })
            .count();
        println!("{}: no difference in {none} of {benchmarks}", burst.name());
        assert!(none * 1_000 >= benchmarks * 940, "{}: {none} of {benchmarks}", burst.name());
    }
}

#[test]
fn self_test_of_nothing_is_none() {
    assert_eq!(self_test(&PER_THOUSAND, &rounds(1.0), &[]), None);
}
