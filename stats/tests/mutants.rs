//! Known faults of benchmarks, switched on one by one: each mutant is caught by the check that our way passes.
//!
//! A check states what must hold of a way to measure or to judge. It is run on ours, which calls the crate, and on the
//! mutant. A change of the crate that does what the mutant does fails the same check.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use stats::{CONFIDENCE_ALPHA, Latencies, Metric, Rules, compare, p_value};
use support::auto::auto;
use support::naive::{gains, paired_t, welch_on_requests};
use support::noise::{NAMES, Noise, Order, Shape, random};
use support::searched::{found, round, rules, searched};
use wire::{ClusterReport, Comparison, Direction, Looks, Pairs, Quantiles, RoundReport};

const SEED: u64 = 20_261_126;
const CAMPAIGNS: u32 = 1000;
/// With 1,000 campaigns a share of 5 % is measured as 3 to 7 %.
const MOST_WRONG: f64 = 0.07;
const EQUAL: Shape<'static> = Shape { speeds: &[0.0, 0.0], rounds: 20, launches: 1, order: Order::Shuffled };

fn passes(check: Result<(), String>) {
    assert_eq!(check, Ok(()));
}

fn is_caught(check: Result<(), String>) {
    println!("caught: {}", check.unwrap_err());
}

/// Equal clusters may be called different in one campaign of twenty.
fn wrong_in_one_of_twenty(mut is_wrong: impl FnMut(&mut ChaCha8Rng) -> bool) -> Result<(), String> {
    let mut random = random(SEED);
    let wrong = (0..CAMPAIGNS).filter(|_| is_wrong(&mut random)).count() as f64 / f64::from(CAMPAIGNS);
    if wrong <= MOST_WRONG { Ok(()) } else { Err(format!("{wrong} of campaigns of equal clusters find a difference")) }
}

fn is_decided(comparison: &Comparison) -> bool {
    matches!(comparison.direction, Direction::Faster | Direction::Slower)
}

/// A quantile of a whole is that of all its requests, whatever parts they came in.
fn quantiles_are_of_the_whole(p99: impl Fn(&[Latencies]) -> f64) -> Result<(), String> {
    let mut random = random(SEED);
    // Nine quick members and a slow one.
    let parts: Vec<Latencies> = (0..10)
        .map(|part| {
            let scale = if part == 0 { 500_000.0 } else { 10_000.0 };
            let mut latencies = Latencies::new();
            (0..1000).for_each(|_| latencies.record((scale * random.random::<f64>()) as u64));
            latencies
        })
        .collect();
    let mut whole = Latencies::new();
    parts.iter().for_each(|part| whole.merge(part));
    let (told, truth) = (p99(&parts), whole.quantile(990).unwrap() as f64);
    if (told / truth - 1.0).abs() < 0.01 { Ok(()) } else { Err(format!("p99 is {truth} us, told {told} us")) }
}

#[test]
fn averaging_quantiles_is_caught() {
    let p99 = |latencies: &Latencies| latencies.quantiles(0).p99_micros.unwrap() as f64;
    passes(quantiles_are_of_the_whole(|parts| {
        let mut whole = Latencies::new();
        parts.iter().for_each(|part| whole.merge(part));
        p99(&whole)
    }));
    is_caught(quantiles_are_of_the_whole(|parts| parts.iter().map(p99).sum::<f64>() / parts.len() as f64));
}

/// A server that stops for a minute in ten answers a tenth of its requests late, or not while we look.
fn slow_requests_are_seen(p99: impl Fn(&Latencies, u64, &Latencies) -> Quantiles) -> Result<(), String> {
    let mut answered = Latencies::new();
    (0..900).for_each(|_| answered.record(1_000));
    // The other hundred: fifty had timed out after 30 s, fifty were still open after 5 to 10 s when the run ended.
    let mut open = Latencies::new();
    (0..50u64).for_each(|late| open.record(5_000_000 + late * 100_000));
    let quantiles = p99(&answered, 50, &open);
    match quantiles.exact(quantiles.p99_micros) {
        Some(micros) => Err(format!("one request in ten was not answered for seconds, told p99 is {micros} us")),
        None => Ok(()),
    }
}

#[test]
fn dropping_censored_requests_is_caught() {
    passes(slow_requests_are_seen(|answered, failed, open| answered.quantiles_with_open(failed, open)));
    is_caught(slow_requests_are_seen(|answered, _, _| answered.quantiles(0)));
}

#[test]
fn dropping_open_requests_alone_is_caught() {
    let without_timeouts = |answered: &Latencies, open: &Latencies| answered.quantiles_with_open(0, open);
    passes(slow_requests_are_seen(|answered, _, open| without_timeouts(answered, open)));
    is_caught(slow_requests_are_seen(|answered, _, _| without_timeouts(answered, &Latencies::new())));
}

#[test]
fn measuring_all_of_one_and_then_all_of_the_other_is_caught() {
    let in_order = |order: Order| {
        wrong_in_one_of_twenty(|random| {
            let campaign = Shape { order, ..EQUAL }.campaign(&Noise::TREND, random);
            is_decided(&compare(&Rules::default(), &campaign, &NAMES[..2])[0])
        })
    };
    passes(in_order(Order::Shuffled));
    is_caught(in_order(Order::Blocks));
}

#[test]
fn looking_after_every_round_is_caught() {
    passes(wrong_in_one_of_twenty(|random| {
        let campaign = Shape { rounds: 40, ..EQUAL }.campaign(&Noise::OUTLIERS, random);
        is_decided(&auto(&Rules { looks: Looks::Auto, ..Rules::default() }, &campaign, &NAMES[..2]).0[0])
    }));
    is_caught(wrong_in_one_of_twenty(|random| {
        let gains = gains(&Shape { rounds: 40, ..EQUAL }.logs(&Noise::OUTLIERS, random));
        (6..=gains.len()).any(|rounds| p_value(&gains[..rounds]) <= CONFIDENCE_ALPHA)
    }));
}

#[test]
fn many_comparisons_without_correction_are_caught() {
    let shape = Shape { speeds: &[0.0; 4], ..EQUAL };
    let rules = Rules { pairs: Pairs::All, ..Rules::default() };
    let together = |random: &mut ChaCha8Rng| {
        let campaign = shape.campaign(&Noise::DRIFT, random);
        compare(&rules, &campaign, &NAMES[..4]).iter().any(is_decided)
    };
    let one_by_one = |random: &mut ChaCha8Rng| {
        let campaign: Vec<RoundReport> = shape.campaign(&Noise::DRIFT, random);
        let pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)];
        pairs.iter().any(|(a, b)| is_decided(&compare(&Rules::default(), &campaign, &[NAMES[*a], NAMES[*b]])[0]))
    };
    passes(wrong_in_one_of_twenty(together));
    is_caught(wrong_in_one_of_twenty(one_by_one));
}

#[test]
fn an_interval_from_single_requests_is_caught() {
    passes(wrong_in_one_of_twenty(|random| {
        is_decided(&compare(&Rules::default(), &EQUAL.campaign(&Noise::DRIFT, random), &NAMES[..2])[0])
    }));
    is_caught(wrong_in_one_of_twenty(|random| welch_on_requests(1_000, 0.06, random)));
}

#[test]
fn a_claim_about_types_from_one_launch_is_caught() {
    let shape = Shape { launches: 10, ..EQUAL };
    passes(wrong_in_one_of_twenty(|random| {
        is_decided(&compare(&Rules::default(), &shape.campaign(&Noise::INSTANCES, random), &NAMES[..2])[0])
    }));
    // The same rounds taken for independent ones.
    is_caught(wrong_in_one_of_twenty(|random| {
        let gains = gains(&Shape { rounds: 40, ..shape }.logs(&Noise::INSTANCES, random));
        p_value(&gains) <= CONFIDENCE_ALPHA
    }));
}

/// A gap of 5 % must be found in two campaigns of three, noise with outliers, 20 rounds.
fn finds_gaps_among_outliers(finds: impl Fn(&[f64]) -> bool) -> Result<(), String> {
    let mut random = random(SEED);
    let shape = Shape { speeds: &[0.0, 0.048_790], ..EQUAL };
    let found = (0..CAMPAIGNS).filter(|_| finds(&gains(&shape.logs(&Noise::OUTLIERS, &mut random)))).count();
    let share = found as f64 / f64::from(CAMPAIGNS);
    if share > 0.66 { Ok(()) } else { Err(format!("a true gap of 5 % was found in {share} of campaigns")) }
}

#[test]
fn means_that_one_outlier_moves_are_caught() {
    passes(finds_gaps_among_outliers(|gains| p_value(gains) <= CONFIDENCE_ALPHA));
    is_caught(finds_gaps_among_outliers(paired_t));
}

/// The second of two clusters carries twice as much: at the same price it answers more for a dollar, and without a price that is not
/// said.
fn names_no_winner_without_a_price(winner: impl Fn(&[RoundReport]) -> Option<String>) -> Result<(), String> {
    let priced = |prices: [Option<u64>; 2]| -> Vec<RoundReport> {
        let of = |number: u32, place: usize| {
            let rate = (place + 1) as f64 * (700.0 + f64::from(number * 31 % 7));
            searched(NAMES[place], Some(found(rate)), prices[place])
        };
        (1..=10).map(|number| round(number, vec![of(number, 0), of(number, 1)])).collect()
    };
    let known = winner(&priced([Some(100_000); 2]));
    if known.as_deref() != Some(NAMES[1]) {
        return Err(format!("at the same price {} answers more for a dollar, told {known:?}", NAMES[1]));
    }
    match winner(&priced([Some(100_000), None])) {
        Some(winner) => Err(format!("{winner} is said to answer more for a dollar, and has no price")),
        None => Ok(()),
    }
}

#[test]
fn an_unknown_price_that_is_taken_for_nothing_is_caught() {
    let rules = Rules { metric: Metric::RequestsPerUsd, ..rules() };
    passes(names_no_winner_without_a_price(|rounds| {
        let found = compare(&rules, rounds, &NAMES[..2]).remove(0);
        (found.metric == Metric::RequestsPerUsd && found.direction == Direction::Faster).then_some(found.cluster)
    }));
    // A script divides capacities by prices, of which one is not in its table.
    is_caught(names_no_winner_without_a_price(|rounds| {
        let capacity = |one: &ClusterReport| one.way.as_ref().and_then(|way| way.capacity_milli_rps).unwrap_or(0);
        let per_usd = |one: &ClusterReport| capacity(one) as f64 / one.hourly_usd_micros.unwrap_or(0) as f64;
        let clusters = rounds[0].clusters.iter();
        clusters.max_by(|one, other| per_usd(one).total_cmp(&per_usd(other))).map(|best| best.cluster.clone())
    }));
}
