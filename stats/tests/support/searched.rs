//! Rounds of a search as tests write them.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use stats::{Material, Rules, compare, report};
use wire::{
    AloneReport, ClusterReport, Comparison, Metric, Objective, Price, Report, RoundReport, Search, Step, StepOutcome,
    Validity, Way, WayOutcome,
};

use super::sample::material;

pub(crate) const P99: Objective = Objective { metric: Metric::P99, at_most_micros: 50_000, max_failed_per_mille: 1 };

pub(crate) fn rules() -> Rules {
    Rules { metric: Metric::Capacity, objective: Some(P99), ..Rules::default() }
}

/// A way that found this many requests a second.
pub(crate) fn found(rate: f64) -> Way {
    let step = |share: f64, slow, outcome| Step {
        requests_per_second: (share * rate) as u32,
        requests: (10.0 * share * rate) as u64,
        slow,
        failed: 0,
        millis: 10_000,
        outcome,
    };
    Way {
        outcome: WayOutcome::Found,
        capacity_milli_rps: Some((1e3 * rate).round() as u64),
        steps: vec![step(0.97, 40, StepOutcome::Met), step(1.03, 120, StepOutcome::Missed)],
        ..Way::default()
    }
}

pub(crate) fn at_least(rate: u64) -> Way {
    Way {
        outcome: WayOutcome::AtLeast,
        capacity_milli_rps: Some(1_000 * rate),
        reason: "the generator (c6i.large) could send no more".into(),
        ..Way::default()
    }
}

pub(crate) fn searched(name: &str, way: Option<Way>, hourly_usd_micros: Option<u64>) -> ClusterReport {
    let requests = if way.is_some() { 7_000 } else { 0 };
    let load_micros = if way.is_some() { 10_000_000 } else { 0 };
    ClusterReport { cluster: name.into(), requests, load_micros, hourly_usd_micros, way, ..ClusterReport::default() }
}

pub(crate) fn round(number: u32, clusters: Vec<ClusterReport>) -> RoundReport {
    RoundReport::counted(number, u64::from(number), clusters)
}

/// Rounds in which two clusters have these capacities.
pub(crate) fn rounds(capacities: impl IntoIterator<Item = (f64, f64)>) -> Vec<RoundReport> {
    let pair = |(number, (one, other))| {
        let clusters =
            vec![searched("cluster1", Some(found(one)), None), searched("cluster2", Some(found(other)), None)];
        round(number, clusters)
    };
    (1..).zip(capacities).map(pair).collect()
}

/// About 741 and about twice that, as a cloud gives them.
pub(crate) fn twice(count: u32) -> Vec<RoundReport> {
    rounds((0..count).map(|number| {
        let own = |seed: u32| 1.0 + 0.02 * (f64::from((number * seed) % 7) - 3.0);
        let common = 1.0 + 0.03 * (f64::from(number % 5) - 2.0);
        (741.0 * common * own(3), 1_556.0 * common * own(5))
    }))
}

pub(crate) fn one(rules: &Rules, rounds: &[RoundReport]) -> Comparison {
    compare(rules, rounds, &["cluster1", "cluster2"]).remove(0)
}

/// A search of two clusters whose rounds these are.
pub(crate) fn search(rounds: Vec<RoundReport>) -> Material {
    let mut material = material(2, 1, 200);
    material.spec.search = Some(Search { objective: P99, most_requests_per_second: None, sizing: None });
    material.spec.judging.metric = Metric::Capacity;
    material.planned_rounds = rounds.len() as u32;
    material.rules = Rules::of(&material.spec);
    (material.rounds, material.thresholds) = (rounds, Vec::new());
    let alone = AloneReport { requests: 900, quantile_micros: Some(9_000), ..AloneReport::default() };
    material.alone = ["cluster1", "cluster2"].map(|name| (name.to_owned(), alone)).into();
    for (facts, (instance_type, micros)) in
        material.environment.clusters.iter_mut().zip([("c7g.large", 77_500), ("c7i.xlarge", 190_400)])
    {
        facts.instance_type = instance_type.into();
        facts.credits = None;
        facts.price = Some(Price {
            instances: 4,
            instance_usd_micros: micros,
            extras_usd_micros: 900,
            basis: "on-demand, eu-west-1, 2026-07-20".into(),
            ..Price::default()
        });
    }
    material
}

pub(crate) fn said(material: Material) -> Report {
    let report = report(material).unwrap();
    assert_eq!(report.validity, Validity::Valid, "{:?}", report.reasons);
    report
}
