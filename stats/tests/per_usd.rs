//! Requests per dollar: the interval of the rates, shifted by what both cost; the price up to which it holds; what is said
//! when a price is not known, or only its upper bound is.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use proptest::prelude::*;
use stats::{Findings, Metric, Results, Rules, compare, conclude, price, self_test, thresholds};
use support::noise::{NAMES, Noise, Order, Shape, random};
use support::sample::material;
use wire::{
    ClusterFacts, ClusterReport, Comparison, CreditMode, Credits, Direction, Limit, Pairs, Phase, Price, Report,
    RoundReport, Size, Threshold, ThresholdOutcome, Validity, WarningKind,
};

const PER_USD: Rules = Rules {
    metric: Metric::RequestsPerUsd,
    looks: wire::Looks::AtTheEnd,
    pairs: Pairs::AgainstFirst,
    arrivals: stats::Arrivals::Closed,
    demands: stats::Demands::Own,
    gap_percent: 5.0,
    users: Some([100, 100]),
    objective: None,
};
const BY_RATE: Rules = Rules { metric: Metric::RequestsPerSecond, ..PER_USD };
const SEED: u64 = 20_261_130;

/// A cluster that answered so many requests in ten seconds, and costs so much an hour.
fn measured(name: &str, answered: u64, hourly_usd_micros: Option<u64>) -> ClusterReport {
    ClusterReport {
        cluster: name.to_owned(),
        requests: answered,
        load_micros: 10_000_000,
        hourly_usd_micros,
        ..ClusterReport::default()
    }
}

fn round(number: u32, clusters: Vec<ClusterReport>) -> RoundReport {
    RoundReport { clusters, ..support::round(number, wire::RoundOutcome::Counted, &[]) }
}

/// Ten rounds of cluster1, about 1,000 requests a second, and cluster2, which answers `ratio` times as many.
fn rounds(ratio: f64, prices: [Option<u64>; 2]) -> Vec<RoundReport> {
    (1..=10_u32)
        .map(|number| {
            let first = 10_000 + u64::from(number * 97 % 11) * 60;
            let second = (ratio * (10_000 + u64::from(number * 61 % 13) * 60) as f64) as u64;
            round(number, vec![measured("cluster1", first, prices[0]), measured("cluster2", second, prices[1])])
        })
        .collect()
}

fn compared(rules: &Rules, rounds: &[RoundReport]) -> Comparison {
    compare(rules, rounds, &["cluster1", "cluster2"]).remove(0)
}

fn column(comparison: &Comparison) -> String {
    conclude(&Findings { comparisons: std::slice::from_ref(comparison), ..Findings::default() }).summary
}

#[test]
fn the_interval_is_that_of_the_rates_shifted_by_the_price_ratio() {
    let rounds = rounds(1.3, [Some(390_000), Some(195_000)]);
    let (by_rate, per_usd) = (compared(&BY_RATE, &rounds), compared(&PER_USD, &rounds));
    let ratio = |percent: f64| 1.0 + percent / 100.0;
    let same = |rate: f64, usd: f64| assert!((ratio(usd) / ratio(rate) - 2.0).abs() < 1e-9, "{rate} % and {usd} %");
    same(by_rate.faster_percent.unwrap(), per_usd.faster_percent.unwrap());
    let (by_rate, by_usd) = (by_rate.interval_percent.unwrap(), per_usd.interval_percent.unwrap());
    same(by_rate[0], by_usd[0]);
    same(by_rate[1], by_usd[1]);
    assert_eq!(per_usd.per_usd.unwrap().hourly_usd_micros, [195_000, 390_000]);
}

#[test]
fn more_for_a_dollar_is_said_with_the_price_up_to_which_it_holds() {
    let more = compared(&PER_USD, &rounds(1.3, [Some(390_000), Some(195_000)]));
    assert_eq!((more.direction, more.metric), (Direction::Faster, Metric::RequestsPerUsd));
    insta::assert_snapshot!(more.sentence, @"cluster2 answers 2.6x [2.6, 2.7] as many requests per dollar as cluster1 with 100 users (95.1 % interval over 10 rounds). It holds while cluster2 costs less than 0.49 USD an hour; it costs 0.20.");
    insta::assert_snapshot!(column(&more), @"cluster2 2.6x per dollar [2.6, 2.7]");
    let less = compared(&PER_USD, &rounds(1.3, [Some(195_000), Some(390_000)]));
    assert_eq!(less.direction, Direction::Slower);
    insta::assert_snapshot!(less.sentence, @"cluster2 answers 0.65x [0.64, 0.67] as many requests per dollar as cluster1 with 100 users (95.1 % interval over 10 rounds). It holds while cluster2 costs more than 0.27 USD an hour; it costs 0.39.");
    insta::assert_snapshot!(column(&less), @"cluster2 0.65x per dollar [0.64, 0.67]");
}

#[test]
fn equal_and_undecided_are_said_per_dollar() {
    let equal = compared(&PER_USD, &rounds(2.0, [Some(100_000), Some(200_000)]));
    assert_eq!((equal.direction, equal.size), (Direction::NoDifferenceShown, Size::EquivalentWithin5Percent));
    insta::assert_snapshot!(equal.sentence, @"cluster2 and cluster1 are equivalent within 5 % by requests per dollar: cluster2 answers between 0.99x and 1.03x as many requests per dollar as cluster1 with 100 users (95.1 % interval over 10 rounds).");
    insta::assert_snapshot!(column(&equal), @"cluster2: within 5 %/USD [0.99, 1.03]");
    assert_eq!(equal.per_usd.unwrap().break_even_usd_micros, None);
    let few = compared(&PER_USD, &rounds(2.0, [Some(100_000), Some(100_000)])[..2]);
    assert_eq!(few.direction, Direction::Undecided);
    insta::assert_snapshot!(few.sentence, @"cluster2 answered 2.0x as many requests per dollar as cluster1 with 100 users in 2 rounds; too few rounds to tell a difference from noise (6 give the first interval, 10 a useful one), so there is no verdict.");
    insta::assert_snapshot!(column(&few), @"cluster2 2.0x/USD, no verdict");
    let mut wide = rounds(2.0, [Some(100_000), Some(200_000)]);
    for (index, round) in wide.iter_mut().enumerate() {
        let (times, of) = if index % 2 == 0 { (5, 4) } else { (4, 5) };
        round.clusters[1].requests = round.clusters[1].requests * times / of;
    }
    let wide = compared(&PER_USD, &wide);
    assert_eq!((wide.direction, wide.size), (Direction::NoDifferenceShown, Size::Open));
    insta::assert_snapshot!(wide.sentence, @"No difference is shown between cluster2 and cluster1 by requests per dollar: cluster2 answers between 0.81x and 1.25x as many requests per dollar as cluster1 with 100 users (95.1 % interval over 10 rounds); a gap of 5 % would take about 397 rounds.");
}

#[test]
fn the_price_ratio_turns_the_winner() {
    let faster_and_dearer = rounds(1.5, [Some(100_000), Some(300_000)]);
    assert_eq!(compared(&BY_RATE, &faster_and_dearer).direction, Direction::Faster);
    assert_eq!(compared(&PER_USD, &faster_and_dearer).direction, Direction::Slower);
}

/// On-demand, Linux, of 2026-07-20, by the table of prices: t3.medium costs 0.0416 USD an hour in us-east-1 and 0.0448 in
/// ap-south-1, c7g.large 0.0725 and 0.0491. Graviton is cheap there.
#[test]
fn prices_of_two_regions_name_different_winners_each_right_for_its_place() {
    // c7g.large answers 1.4 times as many requests as t3.medium.
    let winner =
        |t3_medium: u64, c7g_large: u64| compared(&PER_USD, &rounds(1.4, [Some(t3_medium), Some(c7g_large)])).direction;
    assert_eq!(winner(41_600, 72_500), Direction::Slower, "us-east-1: 1.4 times as many for 1.74 times the price");
    assert_eq!(winner(44_800, 49_100), Direction::Faster, "ap-south-1: for 1.10 times the price");
}

#[test]
fn an_unknown_price_is_never_nothing() {
    for prices in [[Some(100_000), None], [Some(100_000), Some(0)], [None, None]] {
        let found = compared(&PER_USD, &rounds(1.3, prices));
        assert_eq!((found.metric, found.direction), (Metric::RequestsPerSecond, Direction::Faster), "{prices:?}");
        assert_eq!(found.per_usd, None);
        let [warning] = &found.warnings[..] else { panic!("{:?}", found.warnings) };
        assert_eq!(warning.kind, WarningKind::NoPrice);
        assert!(warning.sentence.contains("no price for cluster"), "{}", warning.sentence);
    }
    let by_rate = |ratio: f64| column(&compared(&PER_USD, &rounds(ratio, [Some(100_000), None])));
    insta::assert_snapshot!(by_rate(1.3), @"cluster2 31 % faster by rate [28, 34]");
    insta::assert_snapshot!(by_rate(1.0), @"cluster2: rates within 5 % [-1, 3]");
    // Of one round only.
    let mut once = rounds(1.3, [Some(100_000), Some(100_000)]);
    once[4].clusters[1].hourly_usd_micros = None;
    assert_eq!(compared(&PER_USD, &once).metric, Metric::RequestsPerSecond);
}

#[test]
fn an_upper_bound_proves_one_side_only() {
    let found = |ratio: f64, bounds: [bool; 2]| {
        let mut rounds = rounds(ratio, [Some(100_000), Some(100_000)]);
        for round in &mut rounds {
            round.clusters.iter_mut().zip(bounds).for_each(|(cluster, bound)| cluster.hourly_is_at_most = bound);
        }
        compared(&PER_USD, &rounds)
    };
    let first = [true, false];
    let second = [false, true];
    assert_eq!(found(2.0, second).direction, Direction::Faster, "it costs less, if anything: it answers more still");
    assert_eq!(found(0.5, second).direction, Direction::NotComparable);
    assert_eq!(found(1.0, second).direction, Direction::Undecided);
    assert_eq!(found(0.5, first).direction, Direction::Slower);
    assert_eq!(found(2.0, first).direction, Direction::NotComparable);
    let neither = [0.5, 1.0, 2.0].map(|ratio| found(ratio, [true, true]));
    assert!(neither.iter().all(|one| one.direction == Direction::NotComparable), "{neither:?}");
    assert_eq!(stats::next_look(10, &neither), stats::Next::Done, "more rounds show neither side");
    assert_eq!(stats::next_look(10, &[found(1.0, second)]), stats::Next::Until(20), "one side can be shown");
    assert!([0.5, 1.0, 2.0].iter().all(|ratio| found(*ratio, second).size == Size::Open));
    insta::assert_snapshot!(found(2.0, second).sentence, @"cluster2 answers at least 2.0x [2.0, 2.1] as many requests per dollar as cluster1 with 100 users (95.1 % interval over 10 rounds). It holds while cluster2 costs less than 0.19 USD an hour; it costs at most 0.10.");
    insta::assert_snapshot!(column(&found(2.0, second)), @"cluster2 at least 2.0x/USD [2.0, 2.1]");
    insta::assert_snapshot!(found(0.5, second).sentence, @"cluster2 and cluster1 are not comparable: members of cluster2 do not say how busy they are, so that only the most that they may cost is known.");
}

#[test]
fn under_a_fixed_rate_there_is_no_ratio() {
    let open = Rules { arrivals: stats::Arrivals::Open, ..PER_USD };
    let found = compared(&open, &rounds(1.0, [Some(100_000), Some(300_000)]));
    assert_eq!((found.direction, found.faster_percent), (Direction::NotComparable, None));
    insta::assert_snapshot!(found.sentence, @"cluster2 and cluster1 are not comparable: under a fixed rate all clusters answer the same; requests per dollar need closed loops.");
}

/// One reading that came late in one of forty rounds.
#[test]
fn few_rounds_without_readings_cost_no_verdict() {
    let surplus = |rounds: &mut [RoundReport], lacking: &[usize]| {
        for (index, round) in rounds.iter_mut().enumerate() {
            let cluster = &mut round.clusters[1];
            let is_lacking = lacking.contains(&index);
            (cluster.surplus_per_mille, cluster.hourly_is_at_most) = ((!is_lacking).then_some(1_000), is_lacking);
            cluster.hourly_usd_micros = Some(if is_lacking { 200_000 } else { 100_000 + index as u64 });
        }
    };
    // It answers half as many for the same price: what the bound of a single round would leave open.
    let found = |lacking: &[usize]| {
        let mut rounds = rounds(0.5, [Some(100_000), None]);
        surplus(&mut rounds, lacking);
        let notes = stats::settle(&mut rounds);
        assert_eq!(stats::settle(&mut rounds), [""; 0], "it is done once");
        (compared(&PER_USD, &rounds), notes, rounds)
    };
    let (one, notes, settled) = found(&[4]);
    assert_eq!((one.direction, one.per_usd.unwrap().is_at_most), (Direction::Slower, [false; 2]));
    assert_eq!(
        notes,
        [
            "in 1 of 10 rounds not every member of cluster2 said how busy it was: the highest cost of the others is taken"
        ]
    );
    let cluster = &settled[4].clusters[1];
    assert_eq!((cluster.hourly_usd_micros, cluster.surplus_per_mille), (Some(100_009), Some(1_000)));
    // Three of ten are too many.
    let (bound, notes, _) = found(&[1, 4, 7]);
    assert_eq!((bound.direction, notes.len()), (Direction::NotComparable, 0));
    insta::assert_snapshot!(bound.sentence, @"cluster2 and cluster1 are not comparable: in 3 of 10 rounds members of cluster2 do not say how busy they are, so that only the most that they may cost is known.");
    let (none, notes, _) = found(&[]);
    assert_eq!((none.direction, notes.len()), (Direction::Slower, 0));
    // Voided rounds are no reason, and a round that counts nothing has no cost.
    let mut voided = rounds(0.5, [Some(100_000), None]);
    surplus(&mut voided, &[0, 1, 2]);
    voided[..3].iter_mut().for_each(|round| round.outcome = wire::RoundOutcome::Voided);
    assert_eq!((stats::settle(&mut voided).len(), compared(&PER_USD, &voided).direction), (0, Direction::Slower));
}

/// The longest name, and what takes most room beside it.
#[test]
fn a_column_takes_the_longest_name() {
    let name = "c".repeat(32);
    let per_usd = |is_at_most| wire::PerUsd { is_at_most, ..wire::PerUsd::default() };
    let shown = |direction, size, percents: [f64; 3], per_usd: Option<wire::PerUsd>| {
        let mut one = compared(&PER_USD, &rounds(1.3, [Some(100_000), per_usd.as_ref().map(|_| 100_000)]));
        one.cluster.clone_from(&name);
        (one.direction, one.size, one.per_usd) = (direction, size, per_usd);
        (one.faster_percent, one.interval_percent) = (Some(percents[1]), Some([percents[0], percents[2]]));
        column(&one)
    };
    let (near, far) = ([-2.7, 0.3, 2.1], [90.0, 110.0, 1_130.0]);
    let exact = || Some(per_usd([false; 2]));
    let same = Size::EquivalentWithin5Percent;
    let all = [
        shown(Direction::NoDifferenceShown, same, near, exact()),
        shown(Direction::NoDifferenceShown, Size::Open, near, exact()),
        shown(Direction::Faster, Size::Open, [0.3, 0.4, 2.1], exact()),
        shown(Direction::Faster, Size::Open, far, exact()),
        shown(Direction::Faster, Size::Open, [1.3, 2.1, 3.4], Some(per_usd([true, false]))),
        shown(Direction::Undecided, Size::Open, near, Some(per_usd([false, true]))),
        shown(Direction::NoDifferenceShown, same, [-0.9, 0.3, 1.1], None),
        shown(Direction::NoDifferenceShown, Size::Open, [-10.0, 3.0, 11.0], None),
        shown(Direction::Faster, Size::Open, [103.0, 105.0, 109.0], None),
    ];
    for column in all {
        assert!(column.ends_with(']') || column.ends_with("no verdict"), "{column}");
        assert!(column.chars().count() <= 68, "{}: {column}", column.chars().count());
    }
}

#[test]
fn no_counted_round_has_no_cost() {
    let mut voided = rounds(1.3, [Some(100_000), Some(100_000)]);
    voided.iter_mut().for_each(|round| round.outcome = wire::RoundOutcome::Voided);
    let found = compared(&PER_USD, &voided);
    assert_eq!((found.direction, found.per_usd), (Direction::Undecided, None));
}

/// A standard T2 that spends its credits is ranked at its list price, at a speed that ends with them.
#[test]
fn what_runs_on_standard_credits_answers_so_many_while_they_last() {
    let mut rounds = rounds(1.3, [Some(390_000), Some(195_000)]);
    for round in &mut rounds {
        round.clusters[1].speed = Some(wire::Speed::Burst);
    }
    let burst = compared(&PER_USD, &rounds);
    assert_eq!(burst.per_usd.as_ref().unwrap().on_credits, [true, false]);
    let said = "as cluster1 with 100 users while the CPU credits of cluster2 last (95.1 %";
    assert!(burst.sentence.contains(said), "{}", burst.sentence);
    rounds.iter_mut().for_each(|round| round.clusters[1].speed = Some(wire::Speed::Baseline));
    let baseline = compared(&PER_USD, &rounds);
    assert!(!baseline.sentence.contains(" while the CPU credits"), "{}", baseline.sentence);
}

/// Two clusters of one price are called different as often as their rates are, and of two whose rates make up for their prices
/// it is the same: the shift is constant.
#[test]
fn equal_clusters_are_called_different_as_often_as_by_their_rates() {
    println!("seed {SEED}");
    let mut random = random(SEED);
    let shape = Shape { speeds: &[0.0, 0.0], rounds: 10, launches: 1, order: Order::Shuffled };
    let mut wrong = [0_u32; 3];
    for _ in 0..1_000 {
        let logs = shape.logs(&Noise::DRIFT, &mut random);
        let campaign = |price: u64| {
            let answered = |log: &f64, times: u64| (1_000_000.0 * (-log).exp()) as u64 * times;
            let of = |(index, logs): (usize, &Vec<f64>)| {
                let clusters = vec![
                    measured(NAMES[0], answered(&logs[0], 1), Some(100_000)),
                    measured(NAMES[1], answered(&logs[1], price), Some(100_000 * price)),
                ];
                round(index as u32 + 1, clusters)
            };
            logs.iter().enumerate().map(of).collect::<Vec<_>>()
        };
        let is_decided = |rules: &Rules, rounds: &[RoundReport]| {
            let direction = compare(rules, rounds, &NAMES[..2])[0].direction;
            u32::from(matches!(direction, Direction::Faster | Direction::Slower))
        };
        wrong[0] += is_decided(&BY_RATE, &campaign(1));
        wrong[1] += is_decided(&PER_USD, &campaign(1));
        wrong[2] += is_decided(&PER_USD, &campaign(3));
    }
    println!("wrong: {wrong:?}");
    assert_eq!(wrong, [wrong[0]; 3]);
    assert!((30..=70).contains(&wrong[0]), "{wrong:?} of 1,000");
}

proptest! {
    /// At the price up to which a comparison holds the nearer end of its interval is a ratio of 1: a cent more, and nothing is
    /// shown any more.
    #[test]
    fn at_the_break_even_price_the_interval_touches_one(
        ratio in prop_oneof![0.2..0.8_f64, 1.3..5.0_f64],
        prices in [50_000_u64..5_000_000, 50_000..5_000_000],
    ) {
        let [first, second] = prices;
        let found = compared(&PER_USD, &rounds(ratio, [Some(first), Some(second)]));
        prop_assume!(matches!(found.direction, Direction::Faster | Direction::Slower));
        let limit = found.per_usd.unwrap().break_even_usd_micros.unwrap();
        let at_limit = compared(&PER_USD, &rounds(ratio, [Some(first), Some(limit)]));
        let [low, high] = at_limit.interval_percent.unwrap();
        let end = if found.direction == Direction::Faster { low } else { high };
        // A millionth of a dollar is what the limit is rounded to.
        let rounding = 2.0 * 100.0 / limit as f64;
        prop_assert!(end.abs() <= rounding, "{end} % at {limit}");
        let beyond = if found.direction == Direction::Faster { limit + limit / 100 + 2 } else { limit - limit / 100 - 2 };
        let beyond = compared(&PER_USD, &rounds(ratio, [Some(first), Some(beyond)]));
        prop_assert_ne!(beyond.direction, found.direction);
    }
}

#[test]
fn thresholds_are_judged_in_requests_per_dollar() {
    use ThresholdOutcome::{Met, NotMet, Undecided};
    let judged = |prices: [Option<u64>; 2], limit: Limit| {
        let rounds = rounds(2.0, prices);
        let clusters: Vec<ClusterReport> = rounds[0].clusters.clone();
        let results = Results { validity: Validity::Valid, clusters: &clusters, rounds: &rounds, rules: &PER_USD };
        let threshold = Threshold { cluster: "cluster2".into(), metric: Metric::RequestsPerUsd, limit };
        let result = thresholds(&[threshold], &results).remove(0);
        (result.outcome, result.sentence)
    };
    let prices = [Some(100_000), Some(100_000)];
    let least = |limit| judged(prices, Limit::AtLeast(limit)).0;
    // 2,000 requests a second for a tenth of a dollar an hour: 72 million for a dollar, and a little more.
    assert_eq!([least(72_000_000), least(80_000_000)], [Met, NotMet]);
    let than = |percent| Limit::FasterThan { cluster: "cluster1".into(), percent };
    assert_eq!([50, 99, 150].map(|percent| judged(prices, than(percent)).0), [Met, Undecided, NotMet]);
    insta::assert_snapshot!(judged(prices, than(50)).1, @"cluster2 answers [2.0, 2.1] times as many requests per dollar as cluster1, at least 1.5x is asked");
    insta::assert_snapshot!(judged(prices, Limit::AtLeast(80_000_000)).1, @"requests per dollar of cluster2 is 75888000, at least 80000000 is asked");
    let unknown = [Some(100_000), None];
    assert_eq!(judged(unknown, than(50)).0, Undecided, "the rates decide no limit on dollars");
    assert_eq!(judged(unknown, Limit::AtLeast(1)).0, Undecided);
    insta::assert_snapshot!(judged(unknown, than(50)).1, @"at least 1.5x is asked; requests per second are compared, and not per dollar: no price for cluster2");
    insta::assert_snapshot!(judged(unknown, Limit::AtLeast(1)).1, @"requests per dollar of cluster2: no price of its instances is known");
}

#[test]
fn a_ranking_is_by_one_metric() {
    let rounds = |third: Option<u64>| -> Vec<RoundReport> {
        let of = |number: u32| {
            let answered = |base: u64| base + u64::from(number * 97 % 11);
            let clusters = vec![
                measured("a", answered(10_000), Some(100_000)),
                measured("b", answered(20_000), Some(400_000)),
                measured("c", answered(15_000), third),
            ];
            round(number, clusters)
        };
        (1..=10).map(of).collect()
    };
    let rules = Rules { pairs: Pairs::All, ..PER_USD };
    let verdict = |third| {
        let comparisons = compare(&rules, &rounds(third), &["a", "b", "c"]);
        conclude(&Findings { comparisons: &comparisons, ..Findings::default() }).verdict
    };
    let known = verdict(Some(100_000));
    assert!(known.contains(" From the most requests per dollar: c; a; b. "), "{known}");
    let unknown = verdict(None);
    assert!(!unknown.contains("From the "), "{unknown}");
    assert!(unknown.contains("no price for c"), "{unknown}");
}

#[test]
fn a_self_test_works_with_it_also_where_only_the_most_is_known() {
    let twins = [("cluster1", "cluster2")];
    let equal = rounds(1.0, [Some(100_000), Some(100_000)]);
    assert_eq!(self_test(&PER_USD, &equal, &twins).unwrap().outcome, wire::SelfTestOutcome::Passed);
    let mut bounds = equal.clone();
    bounds.iter_mut().flat_map(|round| &mut round.clusters).for_each(|cluster| cluster.hourly_is_at_most = true);
    assert_eq!(self_test(&PER_USD, &bounds, &twins).unwrap().outcome, wire::SelfTestOutcome::Passed);
    let differs = rounds(1.2, [Some(100_000), Some(100_000)]);
    let alarm = self_test(&PER_USD, &differs, &twins).unwrap();
    assert_eq!(alarm.outcome, wire::SelfTestOutcome::Alarm);
    assert_eq!(alarm.comparisons[0].per_usd.as_ref().unwrap().break_even_usd_micros, None);
    assert!(!alarm.sentence.contains("It holds while"), "the same instances have one price: {}", alarm.sentence);
}

fn facts(cluster: &str, instance_type: &str, instance_usd_micros: u64) -> ClusterFacts {
    ClusterFacts {
        cluster: cluster.into(),
        instance_type: instance_type.into(),
        vcpus: 2,
        price: Some(Price {
            instances: 1,
            instance_usd_micros,
            basis: "on-demand, eu-west-1, 2026-07-20".into(),
            ..Price::default()
        }),
        ..ClusterFacts::default()
    }
}

/// A closed loop of 100 users on t3.large and c7g.large in eu-west-1 (0.0912 and 0.0775 USD an hour, 2026-07-20).
fn priced(change: impl FnOnce(&mut [ClusterFacts])) -> Report {
    let mut material = material(2, 10, 200);
    material.spec.phases =
        vec![Phase::ClosedLoop(wire::ClosedLoop { concurrency: 100, stop: wire::Stop::Requests(200) })];
    material.spec.judging.metric = Metric::RequestsPerUsd;
    material.rules = Rules::of(&material.spec);
    material.environment.clusters = vec![facts("cluster1", "t3.large", 91_200), facts("cluster2", "c7g.large", 77_500)];
    change(&mut material.environment.clusters);
    for (index, cluster) in material.rounds.iter_mut().flat_map(|round| &mut round.clusters).enumerate() {
        cluster.load_micros += index as u64 * 97 % 1_000;
    }
    stats::report(material).unwrap()
}

#[test]
fn a_report_says_prices_with_their_basis_and_what_answers_cost() {
    let report = priced(|_| ());
    insta::assert_snapshot!(report.verdict, @"cluster2 answers 1.18x [1.18, 1.18] as many requests per dollar as cluster1 with 100 users while the CPU credits of cluster2 and cluster1 last (95.1 % interval over 10 rounds; on-demand, eu-west-1, 2026-07-20). It holds while cluster2 costs less than 0.091 USD an hour; it costs 0.078. Note: cluster2 ran on credits, at a speed that lasts until they are spent; cluster1 ran on credits, at a speed that lasts until they are spent. This is about these instances, not about the instance types.");
    let cost = report.clusters[0].answer_cost.unwrap();
    let [low, high] = cost.interval.unwrap();
    assert!(low <= cost.usd_micros_per_million && cost.usd_micros_per_million <= high, "{cost:?}");
    // 995 answers a second for 0.0912 USD an hour.
    assert!((25_000..26_000).contains(&cost.usd_micros_per_million), "{cost:?}");
    assert!(report.rounds.iter().all(|round| round.clusters.iter().all(|cluster| cluster.answer_cost.is_none())));
}

#[test]
fn an_unknown_price_is_named_with_type_and_place() {
    let report = priced(|facts| facts[1].price = None);
    let note = "Note: requests per second are compared, and not per dollar: no price for c7g.large in eu-west-1.";
    assert!(report.verdict.contains(note), "{}", report.verdict);
    assert_eq!(report.comparisons[0].metric, Metric::RequestsPerSecond);
    assert_eq!((report.clusters[1].answer_cost, report.clusters[1].hourly_usd_micros), (None, None));
    let is_headline = |one: &Comparison| one.metric == Metric::RequestsPerSecond;
    assert!(!report.further_comparisons.iter().any(is_headline), "once is enough");
    assert!(priced(|_| ()).further_comparisons.iter().any(is_headline), "beside those for a dollar");
    let free = priced(|facts| facts[1].price.as_mut().unwrap().instance_usd_micros = 0);
    assert!(free.verdict.contains(note), "a price of nothing is none: {}", free.verdict);
}

/// A surplus that is left out makes t3.large cheaper than it is by a third, and the verdict another one.
#[test]
fn surplus_is_in_the_price_of_an_unlimited_type() {
    let unlimited = |facts: &mut [ClusterFacts]| {
        facts[0].credits = Some(Credits { mode: CreditMode::Unlimited, baseline_per_mille: 300 });
        facts[0].price.as_mut().unwrap().surplus_usd_micros = Some(50_000);
    };
    // Members do not say how busy they are: two vCPUs above a baseline of 30 % of each.
    let silent = priced(unlimited);
    assert_eq!(silent.clusters[0].hourly_usd_micros, Some(91_200 + 70_000));
    assert!(silent.clusters[0].hourly_is_at_most && silent.clusters[0].answer_cost.unwrap().is_at_most);
    let left_out = priced(|_| ());
    assert!(left_out.clusters[0].answer_cost.unwrap().usd_micros_per_million < 26_000);
    assert!(silent.clusters[0].answer_cost.unwrap().usd_micros_per_million > 44_000);
    // 90 % busy: measured, and no bound.
    let mut cluster = ClusterReport { surplus_per_mille: Some(1_200), ..ClusterReport::default() };
    let mut facts = [facts("cluster1", "t3.large", 91_200)];
    unlimited(&mut facts);
    price(&mut cluster, &facts[0]);
    assert_eq!((cluster.hourly_usd_micros, cluster.hourly_is_at_most), (Some(151_200), false));
}

#[test]
fn reports_of_launches_are_joined_with_their_costs() {
    let whole = priced(|_| ());
    let joined = stats::join_launches(&[whole.clone(), whole.clone()]).unwrap();
    assert_eq!(joined.clusters[0].hourly_usd_micros, Some(91_200));
    assert_eq!(joined.comparisons[0].metric, Metric::RequestsPerUsd);
    assert!(joined.verdict.contains("on-demand, eu-west-1, 2026-07-20"), "{}", joined.verdict);
    let generators = stats::join_generators(&[whole.clone(), whole]).unwrap();
    assert_eq!(generators.clusters[0].hourly_usd_micros, Some(91_200), "two generators do not pay for it twice");
}
