//! Capacities: how they are judged, what is said of each cluster, and of how many instances carry a rate.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use stats::{Rules, compare, report};
use support::noise::{NAMES, Noise, Order, Shape, random};
use support::searched::{at_least, found, one, round, rounds, rules, said, search, searched, twice};
use wire::{
    AloneReport, AskedRate, CapacityOutcome, ClusterReport, Direction, Limit, Looks, Metric, Report, RoundReport,
    Sizing, Speed, Threshold, ThresholdOutcome, Validity, WarningKind, Way, WayOutcome,
};

#[test]
fn capacities_are_compared_as_ratios_at_half_the_usual_level() {
    let comparison = one(&rules(), &twice(10));
    insta::assert_snapshot!(comparison.sentence, @"cluster2 answers 2.1x [2.0, 2.2] as many requests at p99 <= 50 ms as cluster1 (98.0 % interval over 10 rounds).");
    assert_eq!(comparison.direction, Direction::Faster);
    assert_eq!(comparison.metric, Metric::Capacity);
    // The next step of the distribution is above half of 5 %, and of 2.21 %.
    let confidence = |looks| one(&Rules { looks, ..rules() }, &twice(10)).confidence_percent.unwrap();
    assert!((confidence(Looks::AtTheEnd) - 98.05).abs() < 0.01, "{}", confidence(Looks::AtTheEnd));
    assert!((confidence(Looks::Auto) - 99.02).abs() < 0.01, "{}", confidence(Looks::Auto));
    let usual = Rules { objective: None, ..rules() };
    assert!(one(&usual, &twice(10)).confidence_percent.unwrap() < 95.2);
    // An interval takes one round more, and says so before.
    assert_eq!(one(&rules(), &twice(7)).interval_percent.map(|_| ()), Some(()));
    insta::assert_snapshot!(one(&rules(), &twice(6)).sentence, @"cluster2 answered 2.1x as many requests at p99 <= 50 ms as cluster1 in 6 rounds; too few rounds to tell a difference from noise (7 give the first interval, 11 a useful one), so there is no verdict.");
    let line = stats::comparison_line(&comparison, true);
    insta::assert_snapshot!(line, @"cluster2 2.1x capacity [2.0, 2.2]");
    assert!(line.replacen("cluster2", &"x".repeat(32), 1).chars().count() <= 68, "{line}");
}

#[test]
fn equal_capacities_show_no_difference_or_are_equivalent() {
    let same = rounds((0..20).map(|number| (700.0 + f64::from(number % 5), 702.0 - f64::from(number % 3))));
    insta::assert_snapshot!(one(&rules(), &same).sentence, @"cluster2 and cluster1 are equivalent within 5 % by capacity: cluster2 answers between 0.997x and 1.000x as many requests at p99 <= 50 ms as cluster1 (97.6 % interval over 20 rounds).");
    let far = rounds((0..8).map(|number| (700.0 + 40.0 * f64::from(number % 5), 760.0 - 30.0 * f64::from(number % 3))));
    insta::assert_snapshot!(one(&rules(), &far).sentence, @"No difference is shown between cluster2 and cluster1 by capacity: cluster2 answers between 0.89x and 1.04x as many requests at p99 <= 50 ms as cluster1 (97.7 % interval over 8 rounds); 8 rounds show nothing smaller than about 8 %; a gap of 5 % would take about 42 rounds.");
}

/// Simulated capacities of equal clusters, with the drift of a cloud: what the search itself adds is measured where it is simulated.
#[test]
fn equal_clusters_are_called_different_at_half_the_usual_level() {
    const CAMPAIGNS: u32 = 2_000;
    let mut random = random(20_261_201);
    let shape = Shape { speeds: &[0.0, 0.0], rounds: 10, launches: 1, order: Order::Shuffled };
    let campaigns = (0..CAMPAIGNS).filter(|_| {
        let logs = shape.logs(&Noise::DRIFT, &mut random);
        let rounds: Vec<RoundReport> = (1..)
            .zip(&logs)
            .map(|(number, logs)| {
                let of = |(log, name): (&f64, &str)| searched(name, Some(found(700.0 * (-log).exp())), None);
                round(number, logs.iter().zip(NAMES).map(of).collect())
            })
            .collect();
        let comparison = compare(&rules(), &rounds, &NAMES[..2]).remove(0);
        matches!(comparison.direction, Direction::Faster | Direction::Slower)
    });
    let wrong = campaigns.count() as f64 / f64::from(CAMPAIGNS);
    assert!((0.012..=0.032).contains(&wrong), "{wrong} of campaigns");
}

#[test]
fn what_each_cluster_answers_is_said_with_its_worst_round_and_what_it_costs() {
    let report = said(search(twice(10)));
    insta::assert_snapshot!(report.verdict.replace(". ", ".\n"), @"
    cluster2 answers 2.1x [2.0, 2.2] as many requests at p99 <= 50 ms as cluster1 (98.0 % interval over 10 rounds).
    cluster1: 740 requests/s [666, 821] at p99 <= 50 ms, 655 in its worst round; 0.12 USD per million requests [0.11, 0.13].
    cluster2: 1,553 requests/s [1,420, 1,706] at p99 <= 50 ms, 1,375 in its worst round; 0.14 USD per million requests [0.12, 0.15].
    This is about these instances, not about the instance types.
    ");
    insta::assert_snapshot!(report.summary, @"cluster2 2.1x capacity [2.0, 2.2]");
    let [per_usd] = &report.further_comparisons[..] else { panic!("{:?}", report.further_comparisons) };
    insta::assert_snapshot!(per_usd.sentence, @"cluster2 answers 0.86x [0.83, 0.90] as many requests per dollar at p99 <= 50 ms as cluster1 (98.0 % interval over 10 rounds; on-demand, eu-west-1, 2026-07-20). It holds while cluster2 costs more than 0.69 USD an hour; it costs 0.77.");
    assert!(!report.verdict.contains("sustain"));
    let capacity = report.clusters[0].capacity.as_ref().unwrap();
    let (milli, [low, high]) = (capacity.milli_rps.unwrap() as f64, capacity.interval.unwrap().map(|end| end as f64));
    // 3 % beyond what the rounds alone say, at both ends.
    let logs: Vec<f64> =
        report.rounds.iter().map(|round| way(round, 0).capacity_milli_rps.unwrap() as f64).map(f64::ln).collect();
    let own = stats::interval(&logs, 0.025).unwrap();
    assert!((low * 1.03 / own.low.exp() - 1.0).abs() < 1e-5 && (high / 1.03 / own.high.exp() - 1.0).abs() < 1e-5);
    assert!((milli / stats::hodges_lehmann(&logs).unwrap().exp() - 1.0).abs() < 1e-5);
    let lowest = report.rounds.iter().map(|round| way(round, 0).capacity_milli_rps.unwrap()).min();
    assert_eq!(capacity.lowest_milli_rps, lowest);
    assert_eq!((capacity.outcome, capacity.is_balancer_bound, capacity.sizing), (CapacityOutcome::Found, false, None));
    // What a million cost at that rate.
    let cost = report.clusters[0].answer_cost.unwrap();
    let expected = 4.0 * 78_400.0 / 3_600.0 / (milli / 1e3) * 1e6;
    assert!((cost.usd_micros_per_million as f64 / expected - 1.0).abs() < 0.001, "{cost:?}");
}

fn way(round: &RoundReport, place: usize) -> &Way {
    round.clusters[place].way.as_ref().unwrap()
}

#[test]
fn requests_per_dollar_at_the_capacity_are_a_headline_of_their_own() {
    let mut material = search(twice(10));
    material.spec.judging.metric = Metric::RequestsPerUsd;
    material.rules = Rules::of(&material.spec);
    let report = said(material.clone());
    insta::assert_snapshot!(report.comparisons[0].sentence, @"cluster2 answers 0.86x [0.83, 0.90] as many requests per dollar at p99 <= 50 ms as cluster1 (98.0 % interval over 10 rounds; on-demand, eu-west-1, 2026-07-20). It holds while cluster2 costs more than 0.69 USD an hour; it costs 0.77.");
    insta::assert_snapshot!(report.summary, @"cluster2 0.86x per dollar [0.83, 0.90]");
    assert_eq!(report.further_comparisons[0].metric, Metric::Capacity);
    // Nothing costs nothing: without a price the capacities are compared.
    material.environment.clusters[1].price = None;
    material.environment.clusters[1].instance_type = "x9.huge".into();
    let report = said(material);
    assert_eq!(report.comparisons[0].metric, Metric::Capacity);
    let [warning] = &report.comparisons[0].warnings[..] else { panic!("{:?}", report.comparisons[0].warnings) };
    insta::assert_snapshot!(warning.sentence, @"capacities are compared, and not requests per dollar: no price for x9.huge in eu-west-1");
    assert_eq!((warning.kind, report.further_comparisons.len()), (WarningKind::NoPrice, 0));
    assert_eq!(report.clusters[1].answer_cost, None);
}

#[test]
fn a_price_of_nothing_is_no_price() {
    let mut material = search(twice(10));
    material.environment.clusters[0].price.as_mut().unwrap().instance_usd_micros = 0;
    let report = said(material);
    assert!(report.further_comparisons.is_empty(), "{:?}", report.further_comparisons);
    assert_eq!(report.clusters[0].answer_cost, None);
}

#[test]
fn a_cluster_that_keeps_no_rate_is_compared_with_none() {
    let rounds = (1..=10).map(|number| {
        let clusters = vec![searched("cluster1", None, None), searched("cluster2", Some(found(1_556.0)), None)];
        round(number, clusters)
    });
    let mut material = search(rounds.collect());
    let alone = AloneReport { requests: 160, slow: 12, quantile_micros: Some(61_000), is_unmet: true, failed: 0 };
    material.alone.insert("cluster1".into(), alone);
    let report = said(material.clone());
    let comparison = &report.comparisons[0];
    assert_eq!(comparison.direction, Direction::NotComparable);
    insta::assert_snapshot!(comparison.sentence, @"cluster2 and cluster1 are not comparable: no rate meets p99 <= 50 ms on cluster1.");
    insta::assert_snapshot!(report.verdict.replace(". ", ".\n"), @"
    cluster2 and cluster1 are not comparable: no rate meets p99 <= 50 ms on cluster1.
    cluster1: no rate meets p99 <= 50 ms: one request at a time already has 61.0 ms.
    cluster2: 1,556 requests/s [1,511, 1,603] at p99 <= 50 ms, 1,556 in its worst round; 0.14 USD per million requests [0.13, 0.14].
    This is about these instances, not about the instance types.
    ");
    insta::assert_snapshot!(report.summary, @"cluster2: not comparable, no rate meets p99 <= 50 ms on cluster1");
    let capacity = report.clusters[0].capacity.as_ref().unwrap();
    assert_eq!((capacity.outcome, capacity.milli_rps, capacity.interval), (CapacityOutcome::Unmet, None, None));
    // A cluster of which nothing was in time because it failed.
    let failed = AloneReport { requests: 1_600, failed: 12, is_unmet: true, ..AloneReport::default() };
    material.alone.insert("cluster1".into(), failed);
    let verdict = said(material).verdict;
    assert!(verdict.contains("no rate meets p99 <= 50 ms: of 1,600 requests one at a time 12 failed."), "{verdict}");
}

/// Ten capacities near 6,180.
fn rates() -> [f64; 10] {
    std::array::from_fn(|number| 6_100.0 + 40.0 * (number % 5) as f64)
}

fn bounded(first: [f64; 10], bound: u64) -> Vec<RoundReport> {
    let of_round = |(number, rate): (u32, f64)| {
        let mut clusters = vec![searched("cluster1", Some(found(rate)), None)];
        // After two bounds the search of a cluster ends: it is in no further round.
        if number <= 2 {
            clusters.push(searched("cluster2", Some(at_least(bound + u64::from(number))), None));
        }
        round(number, clusters)
    };
    (1..).zip(first).map(of_round).collect()
}

#[test]
fn a_bound_is_said_as_one_and_compared_where_it_decides_alone() {
    let report = said(search(bounded(rates(), 9_400)));
    insta::assert_snapshot!(report.verdict.replace(". ", ".\n"), @"
    cluster2 answers at least 1.46x as many requests at p99 <= 50 ms as cluster1: at least 9,402 requests/s against 6,180; how many times exactly is not known.
    cluster1: 6,180 requests/s [5,942, 6,427] at p99 <= 50 ms, 6,100 in its worst round; 0.014 USD per million requests [0.014, 0.015].
    cluster2: at least 9,402 requests/s at p99 <= 50 ms: the generator (c6i.large) could send no more.
    This is about these instances, not about the instance types.
    ");
    insta::assert_snapshot!(report.summary, @"cluster2 at least 1.46x capacity");
    assert_eq!(report.comparisons[0].direction, Direction::NotComparable);
    let capacity = report.clusters[1].capacity.as_ref().unwrap();
    assert_eq!((capacity.outcome, capacity.milli_rps), (CapacityOutcome::AtLeast, Some(9_401_500)));
    assert_eq!((capacity.interval, report.clusters[1].answer_cost), (None, None));
    // It is below what the other one is shown to answer: nothing is decided.
    let report = said(search(bounded(rates(), 5_000)));
    insta::assert_snapshot!(report.comparisons[0].sentence, @"cluster2 and cluster1 are not comparable: cluster2 answers at least 5,002 requests/s: the generator (c6i.large) could send no more.");
    // The other way round it is an upper bound.
    let mut rounds = report.rounds.clone();
    rounds.iter_mut().for_each(|round| round.clusters.iter_mut().for_each(swap));
    rounds.iter_mut().flat_map(|round| &mut round.clusters).filter_map(|one| one.way.as_mut()).for_each(|way| {
        if way.outcome == WayOutcome::AtLeast {
            way.capacity_milli_rps = Some(9_400_000);
        }
    });
    insta::assert_snapshot!(one(&rules(), &rounds).sentence, @"cluster2 answers at most 0.69x as many requests at p99 <= 50 ms as cluster1: 6,180 requests/s against at least 9,400; how many times exactly is not known.");
}

#[test]
fn a_bound_decides_the_thresholds_that_are_on_its_other_side() {
    let judged = |cluster: &str, other: &str, percent| {
        let mut material = search(bounded(rates(), 9_400));
        let limit = Limit::FasterThan { cluster: other.into(), percent };
        material.thresholds = vec![Threshold { cluster: cluster.into(), metric: Metric::Capacity, limit }];
        let mut report = said(material);
        let result = report.thresholds.remove(0);
        (result.outcome, result.sentence)
    };
    let (outcome, sentence) = judged("cluster2", "cluster1", 40);
    assert_eq!(outcome, ThresholdOutcome::Met);
    insta::assert_snapshot!(sentence, @"at least 1.40x is asked; cluster2 answers at least 1.46x as many requests at p99 <= 50 ms as cluster1: at least 9,402 requests/s against 6,180; how many times exactly is not known.");
    assert_eq!(judged("cluster2", "cluster1", 50).0, ThresholdOutcome::Undecided, "it may be more than the bound");
    assert_eq!(judged("cluster1", "cluster2", 0).0, ThresholdOutcome::NotMet, "it is at most 0.69x");
    assert_eq!(judged("cluster1", "cluster2", -40).0, ThresholdOutcome::Undecided, "it may be 0.65x");
}

fn swap(cluster: &mut ClusterReport) {
    cluster.cluster = if cluster.cluster == "cluster1" { "cluster2".into() } else { "cluster1".into() };
}

#[test]
fn one_bad_moment_of_the_generator_costs_one_round() {
    let mut rounds = twice(11);
    rounds[3].clusters[1].way = Some(at_least(1_300));
    let report = said(search(rounds));
    assert_eq!((report.comparisons[0].rounds, report.comparisons[0].direction), (10, Direction::Faster));
    assert_eq!(report.clusters[1].capacity.as_ref().unwrap().outcome, CapacityOutcome::Found);
    let note = report.environment.notes.iter().find(|note| note.starts_with("round 4 ")).unwrap();
    insta::assert_snapshot!(note, @"round 4 is in no capacity of cluster2: only a lower bound was found: the generator (c6i.large) could send no more");
}

#[test]
fn a_round_in_which_no_rate_was_kept_forbids_the_comparison_and_is_the_worst() {
    let mut rounds = twice(10);
    rounds[6].clusters[0].way = Some(Way { outcome: WayOutcome::Nothing, ..Way::default() });
    let report = said(search(rounds));
    insta::assert_snapshot!(report.comparisons[0].sentence, @"cluster2 and cluster1 are not comparable: cluster1 met p99 <= 50 ms at no rate in 1 round.");
    let capacity = report.clusters[0].capacity.as_ref().unwrap();
    assert_eq!((capacity.lowest_milli_rps, capacity.outcome), (Some(0), CapacityOutcome::Found));
    assert!(report.verdict.contains(" 0 in its worst round; no rate was kept in 1 round."), "{}", report.verdict);
    assert_eq!(report.clusters[0].answer_cost, None, "answers that cost everything are no number");
}

#[test]
fn other_numbers_of_a_search_are_not_compared() {
    let comparison = one(&Rules { metric: Metric::P99, ..rules() }, &twice(10));
    assert_eq!(comparison.direction, Direction::NotComparable);
    insta::assert_snapshot!(comparison.why, @"a search asks each cluster for its own rates, at which p99 latency of all requests says nothing; capacities and requests per dollar are compared");
}

#[test]
fn two_speeds_are_two_machines_and_no_capacity() {
    let mut rounds = twice(10);
    for (number, round) in rounds.iter_mut().enumerate() {
        round.clusters[0].speed = Some(if number < 4 { Speed::Burst } else { Speed::Baseline });
    }
    let report = report(search(rounds.clone())).unwrap();
    assert_eq!(report.validity, Validity::Invalid);
    assert!(
        report.reasons[0].contains("cluster1 ran 4 rounds on credits and 6 at its baseline"),
        "{:?}",
        report.reasons
    );
    let capacity = report.clusters[0].capacity.as_ref().unwrap();
    assert_eq!((capacity.milli_rps, capacity.interval), (None, None));
    assert_eq!(one(&rules(), &rounds).direction, Direction::NotComparable);
    // On credits in every round, the capacity lasts as long as they do.
    rounds.iter_mut().for_each(|round| round.clusters[0].speed = Some(Speed::Burst));
    let report = said(search(rounds));
    assert!(report.further_comparisons[0].sentence.contains(" while the CPU credits of cluster1 last ("));
}

#[test]
fn a_balancer_without_room_is_named() {
    let mut rounds = twice(10);
    let ways = |place: usize, busy| {
        move |round: &mut RoundReport| {
            round.clusters[place].way.as_mut().unwrap().balancer_busy_per_mille = Some(busy);
        }
    };
    rounds.iter_mut().for_each(ways(0, 400));
    rounds.iter_mut().for_each(ways(1, 912));
    let report = said(search(rounds));
    let [warning] = &report.comparisons[0].warnings[..] else { panic!("{:?}", report.comparisons[0].warnings) };
    insta::assert_snapshot!(warning.sentence, @"the balancer was 91.2 % busy at the capacity of cluster2, which may be the balancer's: choose a larger balancer.instanceType");
    assert_eq!(warning.kind, WarningKind::BalancerBound);
    let bound: Vec<bool> =
        report.clusters.iter().map(|cluster| cluster.capacity.as_ref().unwrap().is_balancer_bound).collect();
    assert_eq!(bound, [false, true]);
}

#[test]
fn so_many_instances_carry_the_rate_that_is_asked_for() {
    let sized = |requests_per_second, spare| {
        let mut material = search(twice(10));
        material.spec.search.as_mut().unwrap().sizing = Some(AskedRate { requests_per_second, spare });
        said(material)
    };
    let report = sized(1_450, 1);
    let sizing =
        |report: &Report| report.clusters.iter().map(|one| one.capacity.as_ref().unwrap().sizing).collect::<Vec<_>>();
    let last = |report: &Report| {
        report.verdict.split(". ").find(|one| one.contains("requests/s at p99 <= 50 ms: ")).map(str::to_owned)
    };
    let of_four = Sizing { spare: 1, measured: 4, ..Sizing::default() };
    let one = Sizing { instances: 8, is_extrapolated: true, hourly_usd_micros: Some(9 * 78_400), ..of_four };
    let other = Sizing { instances: 4, hourly_usd_micros: Some(5 * 191_300), ..of_four };
    assert_eq!(sizing(&report), [Some(one), Some(other)]);
    let sentence = report.verdict.split(". ").find(|one| one.starts_with("1,450 requests/s")).unwrap().to_owned();
    insta::assert_snapshot!(sentence, @"1,450 requests/s at p99 <= 50 ms: 8 + 1 x c7g.large, 0.71 USD an hour (extrapolated from 4); 4 + 1 x c7i.xlarge, 0.96");
    assert!(last(&report).is_some());
    // Never fewer than half of what was measured, and never more than four times as many.
    let few = sized(10, 0);
    assert!(sizing(&few).iter().all(|one| one.is_some_and(|one| one.instances == 2 && one.is_extrapolated)), "{few:?}");
    let sentence = few.verdict.split(". ").find(|one| one.starts_with("10 requests/s")).unwrap();
    insta::assert_snapshot!(sentence, @"10 requests/s at p99 <= 50 ms: 2 x c7g.large, 0.16 USD an hour (extrapolated from 4; nothing is said of fewer than half); 2 x c7i.xlarge, 0.38 (extrapolated from 4; nothing is said of fewer than half)");
    // Half that carry it are what it takes.
    let half = sized(369, 0);
    assert!(half.verdict.contains(": 2 x c7g.large, 0.16 USD an hour (extrapolated from 4); 2 x "), "{}", half.verdict);
    let many = sized(5_000, 0);
    assert_eq!(sizing(&many)[0], None);
    let sentence = many.verdict.split(". ").find(|one| one.starts_with("5,000 requests/s")).unwrap();
    insta::assert_snapshot!(sentence, @"5,000 requests/s at p99 <= 50 ms: more than 4 times the 4 x c7g.large that were measured; 13 x c7i.xlarge, 2.49 USD an hour (extrapolated from 4)");
}

#[test]
fn a_lower_bound_says_how_many_instances_are_enough() {
    let mut material = search(bounded(rates(), 9_400));
    material.spec.search.as_mut().unwrap().sizing = Some(AskedRate { requests_per_second: 9_000, spare: 1 });
    let report = said(material);
    let sizing = report.clusters[1].capacity.as_ref().unwrap().sizing.unwrap();
    assert!((sizing.instances, sizing.is_at_most) == (4, true), "{sizing:?}");
    let sentence = report.verdict.split(". ").find(|one| one.starts_with("9,000 requests/s")).unwrap();
    insta::assert_snapshot!(sentence, @"9,000 requests/s at p99 <= 50 ms: 6 + 1 x c7g.large, 0.55 USD an hour (extrapolated from 4); at most 4 + 1 x c7i.xlarge, at most 0.96");
}

#[test]
fn surplus_credits_are_in_the_price_and_said() {
    let mut rounds = twice(10);
    rounds.iter_mut().for_each(|round| {
        round.clusters[1].surplus_per_mille = Some(4_800);
        round.clusters[1].hourly_usd_micros = Some(4 * 92_100 + 240_000);
    });
    let mut material = search(rounds);
    let facts = &mut material.environment.clusters[1];
    facts.instance_type = "t3.large".into();
    let price = facts.price.as_mut().unwrap();
    (price.instance_usd_micros, price.surplus_usd_micros) = (91_200, Some(50_000));
    let report = said(material);
    let sentence = report.verdict.split(". ").find(|one| one.contains("surplus")).unwrap();
    insta::assert_snapshot!(sentence, @"cluster2 (4 x t3.large) uses 4.8 surplus vCPUs at this rate: 0.61 USD an hour, not 0.37");
    // The list price alone would make a cheaper one of it.
    let cost = report.clusters[1].answer_cost.unwrap().usd_micros_per_million as f64;
    let at_list = 4.0 * 92_100.0 / 3_600.0 / 1_556.0 * 1e6;
    assert!(cost > 1.5 * at_list, "{cost} against {at_list}");
}

#[test]
fn limits_are_judged_on_the_capacity_and_on_what_it_costs() {
    let judged = |cluster: &str, metric, limit| {
        let mut material = search(twice(10));
        material.thresholds = vec![Threshold { cluster: cluster.into(), metric, limit }];
        let result = said(material).thresholds.remove(0);
        (result.outcome, result.sentence)
    };
    let (outcome, sentence) = judged("cluster1", Metric::Capacity, Limit::AtLeast(700));
    assert_eq!(outcome, ThresholdOutcome::Met);
    insta::assert_snapshot!(sentence, @"capacity of cluster1 is 739.7, at least 700.0 is asked");
    assert_eq!(judged("cluster1", Metric::Capacity, Limit::AtLeast(800)).0, ThresholdOutcome::NotMet);
    let (outcome, sentence) =
        judged("cluster2", Metric::Capacity, Limit::FasterThan { cluster: "cluster1".into(), percent: 50 });
    assert_eq!(outcome, ThresholdOutcome::Met);
    insta::assert_snapshot!(sentence, @"cluster2 answers [2.0, 2.2] times as many requests at p99 <= 50 ms as cluster1, at least 1.5x is asked");
    // 741 a second for 0.3136 USD an hour.
    let (outcome, _) = judged("cluster1", Metric::RequestsPerUsd, Limit::AtLeast(8_000_000));
    assert_eq!(outcome, ThresholdOutcome::Met);
    assert_eq!(judged("cluster1", Metric::RequestsPerUsd, Limit::AtLeast(9_000_000)).0, ThresholdOutcome::NotMet);
    // No rate is less than any that is asked for.
    let mut material = search(twice(10));
    material.alone.get_mut("cluster1").unwrap().is_unmet = true;
    let limit = Limit::AtLeast(1);
    material.thresholds = vec![Threshold { cluster: "cluster1".into(), metric: Metric::Capacity, limit }];
    assert_eq!(said(material).thresholds[0].outcome, ThresholdOutcome::NotMet);
}

#[test]
fn one_cluster_alone_has_its_capacity_as_the_result() {
    let mut material = search(twice(10));
    material.spec.targets.truncate(1);
    material.environment.clusters.truncate(1);
    material.rounds.iter_mut().for_each(|round| round.clusters.truncate(1));
    let report = said(material);
    insta::assert_snapshot!(report.summary, @"cluster1: 740 requests/s [666, 821] at p99 <= 50 ms");
    insta::assert_snapshot!(report.verdict.replace(". ", ".\n"), @"
    cluster1: 740 requests/s [666, 821] at p99 <= 50 ms, 655 in its worst round; 0.12 USD per million requests [0.11, 0.13].
    There is nothing to compare with.
    This is about these instances, not about the instance types.
    ");
    let parts = stats::parts(&report);
    assert_eq!(parts.headlines[0].claim, report.summary);
    assert!(parts.rest.starts_with(|first: char| first.is_ascii_digit()), "{}", parts.rest);
}

#[test]
fn rounds_of_which_most_kept_no_rate_are_counted() {
    let mut rounds = twice(10);
    for round in &mut rounds[..6] {
        round.clusters[0].way = Some(Way { outcome: WayOutcome::Nothing, ..Way::default() });
    }
    let report = said(search(rounds));
    let sentence = "cluster1: no rate meets p99 <= 50 ms: not one request a second was kept in 6 of 10 rounds.";
    assert!(report.verdict.contains(sentence), "{}", report.verdict);
}

#[test]
fn steps_are_the_last_that_a_long_report_gives_up_of_its_rounds() {
    let mut material = search(twice(40));
    material.planned_rounds = 40;
    let whole = said(material);
    let length = serde_json::to_vec(&whole).unwrap().len();
    let cut = |limit: usize| -> Report {
        serde_json::from_slice(&stats::document_within(whole.clone(), limit).unwrap().0).unwrap()
    };
    let shorter = (1..length / 1_000)
        .map(|step| cut(length - 1_000 * step))
        .find(|report| {
            report
                .rounds
                .iter()
                .all(|round| round.clusters.iter().all(|one| one.way.as_ref().is_none_or(|way| way.steps.is_empty())))
        })
        .unwrap();
    assert!(shorter.rounds.iter().any(|round| !round.clusters.is_empty()), "what each round found is there");
    assert!(shorter.environment.notes.iter().any(|note| note.starts_with("the steps of single rounds were left out")));
    assert_eq!(shorter.clusters, whole.clusters);
}
