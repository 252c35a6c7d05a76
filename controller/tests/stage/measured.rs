//! Measurements of instances that differ from each other, as real instances of one type do.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use stats::{Material, Rules};
use wire::{ClusterReport, Quantiles, Report, RoundReport, RunSpec};

/// Ids of the instances of each cluster.
pub(crate) type Members = BTreeMap<String, Vec<String>>;

/// What a round does to all clusters, and to each of them alone: standard deviation of the logarithm.
const OF_ROUND: f64 = 0.05;
const OF_CLUSTER: f64 = 0.03;
const TYPICAL_MICROS: f64 = 4_000.0;

/// So many rounds of a run on these members through this balancer, whose speeds have this standard deviation, each instance its own for ever.
pub(crate) fn report(
    spec: &RunSpec,
    (members, rounds, balancer): (&Members, u32, &str),
    spread: f64,
    began: Timestamp,
    ended: Timestamp,
) -> Report {
    let mut random = StdRng::seed_from_u64(spec.seed);
    let material = Material {
        started_at: began,
        finished_at: ended,
        environment: wire::Environment { balancers: vec![balancer.to_owned()], ..wire::Environment::default() },
        rounds: (1..=rounds).map(|number| round(number, spec, members, spread, &mut random)).collect(),
        series: Vec::new(),
        planned_rounds: spec.rounds.count,
        alone: BTreeMap::new(),
        warmup_requests: BTreeMap::new(),
        warmup_load_millis: 0,
        phases: Vec::new(),
        elapsed_millis: 1_000,
        aborted: None,
        thresholds: spec.judging.thresholds.clone(),
        rules: Rules::of(spec),
        spec: spec.clone(),
    };
    stats::report(material).unwrap()
}

fn round(number: u32, spec: &RunSpec, members: &Members, spread: f64, random: &mut StdRng) -> RoundReport {
    let (seed, of_round) = (random.random(), OF_ROUND * normal(random));
    let clusters = spec.targets.iter().map(|target| {
        let log = of_round + OF_CLUSTER * normal(random) - mean_speed(members.get(&target.cluster), spread);
        let micros = (TYPICAL_MICROS * log.exp()).round() as u64;
        let requests = 1_000 / u64::from(spec.slice.count);
        let mut response = stats::Latencies::new();
        (0..requests).for_each(|_| response.record(micros));
        ClusterReport {
            cluster: target.cluster.clone(),
            requests,
            sent: requests,
            load_micros: 1_000_000,
            requests_per_second: 1_000,
            latency: Quantiles { p50_micros: Some(micros), p90_micros: Some(micros), ..Quantiles::default() },
            histograms: wire::Histograms { response: response.encode(), ..wire::Histograms::default() },
            ..ClusterReport::default()
        }
    });
    RoundReport::counted(number, seed, clusters.collect())
}

/// Logarithm of what a cluster of these instances gives.
fn mean_speed(ids: Option<&Vec<String>>, spread: f64) -> f64 {
    let Some(ids) = ids.filter(|ids| !ids.is_empty()) else { return 0.0 };
    let speed = |id: &String| {
        let digits = wire::sha256_hex(id.as_bytes());
        spread * normal(&mut StdRng::seed_from_u64(u64::from_str_radix(&digits[..16], 16).unwrap()))
    };
    ids.iter().map(speed).sum::<f64>() / ids.len() as f64
}

/// Standard normal (Box and Muller, 1958).
fn normal(random: &mut StdRng) -> f64 {
    let (radius, angle): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
    (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()
}
