//! Runs as a generator measures them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rand_chacha::ChaCha8Rng;
use stats::{Answers, Latencies, Material, Rules, shares, zone_shares};
use wire::{
    ClusterFacts, ClusterReport, CreditMode, Credits, Environment, Failures, GeneratorFacts, Histograms, Limit, Looks,
    MemberFacts, Metric, Place, PlaceKind, RoundReport, Rounds, RunSpec, RunZone, Speed, Target, Threshold,
};

use super::noise::{normal, random};

pub(crate) const SEED: u64 = 20_261_125;

/// `clusters` clusters in `rounds` rounds of `requests` lognormal latencies each, all three histograms recorded.
pub(crate) fn material(clusters: usize, rounds: u32, requests: u64) -> Material {
    println!("seed {SEED}");
    let mut random = random(SEED);
    let names: Vec<String> = (1..=clusters).map(|number| format!("cluster{number}")).collect();
    let round = |number: u32, random: &mut ChaCha8Rng| {
        let clusters = names.iter().map(|name| measured(name, requests, random));
        RoundReport::counted(number, u64::from(number), clusters.collect())
    };
    Material {
        spec: RunSpec {
            id: "run-1".into(),
            seed: 7,
            rounds: Rounds { count: rounds },
            targets: names
                .iter()
                .map(|name| Target {
                    cluster: name.clone(),
                    url: format!("http://10.0.0.1:8080/{name}"),
                    ..Target::default()
                })
                .collect(),
            ..RunSpec::default()
        },
        started_at: Timestamp::UNIX_EPOCH,
        finished_at: Timestamp::UNIX_EPOCH,
        environment: environment(&names),
        rounds: (1..=rounds).map(|number| round(number, &mut random)).collect(),
        series: Vec::new(),
        planned_rounds: rounds,
        alone: BTreeMap::new(),
        warmup_requests: names.iter().map(|name| (name.clone(), 200)).collect::<BTreeMap<_, _>>(),
        warmup_load_millis: 60_000,
        phases: Vec::new(),
        elapsed_millis: 600_000,
        aborted: None,
        thresholds: vec![
            Threshold { cluster: "cluster1".into(), metric: Metric::P99, limit: Limit::AtMost(1_000_000) },
            Threshold {
                cluster: "cluster2".into(),
                metric: Metric::P50,
                limit: Limit::FasterThan { cluster: "cluster1".into(), percent: -20 },
            },
        ],
        rules: Rules { looks: Looks::AtTheEnd, ..Rules::default() },
    }
}

/// About 10 ms, spread as services do (sigma 0.5), a generator that is 50 us late, and one failure.
fn measured(name: &str, requests: u64, random: &mut ChaCha8Rng) -> ClusterReport {
    let mut latencies = [(); 3].map(|()| Latencies::new());
    let [response, service, send_lag] = &mut latencies;
    let shift = 0.03 * normal(random);
    for _ in 1..requests {
        let took = 10_000.0 * (0.5 * normal(random) + shift).exp();
        let lag = 20.0 * (0.7 * normal(random)).exp();
        response.record((took + lag) as u64);
        service.record(took as u64);
        send_lag.record(lag as u64);
    }
    let failures = Failures { server_error: 1, ..Failures::default() };
    ClusterReport {
        cluster: name.to_owned(),
        requests,
        planned: requests,
        sent: requests,
        load_micros: requests * 1_000,
        connections: 64,
        slots: Some(8),
        speed: Some(Speed::Burst),
        steal_per_mille: Some(3),
        failures,
        requests_per_second: 1000,
        latency: response.quantiles(1),
        latency_of_successes: response.quantiles(0),
        members: shares((0..4).map(|member| (format!("i-0123456789abcde{member}"), requests / 4))),
        histograms: Histograms {
            response: response.encode(),
            service: service.encode(),
            send_lag: send_lag.encode(),
            ..Histograms::default()
        },
        ..ClusterReport::default()
    }
}

/// Puts the members of each cluster into two zones, of which the second is 2 ms slower.
pub(crate) fn spread(material: &mut Material) {
    let zone = |zone: &str, members: [u32; 2]| RunZone {
        zone: zone.into(),
        members: members.map(|member| format!("i-0123456789abcde{member}")).to_vec(),
    };
    material.spec.zones = vec![zone("eu-west-1a", [0, 1]), zone("eu-west-1b", [2, 3])];
    material.environment.place.zone = "eu-west-1a (euw1-az1), eu-west-1b (euw1-az2)".into();
    for facts in &mut material.environment.clusters {
        facts.zones = "2 in eu-west-1a and 2 in eu-west-1b".into();
    }
    for cluster in material.rounds.iter_mut().flat_map(|round| &mut round.clusters) {
        let answers = |from_micros: u64| {
            let mut answers = Answers::default();
            (0..cluster.requests / 2).for_each(|number| answers.add(Some(from_micros + number)));
            answers
        };
        cluster.zones =
            zone_shares([("eu-west-1a".to_owned(), answers(9_000)), ("eu-west-1b".to_owned(), answers(11_000))]);
    }
}

fn environment(names: &[String]) -> Environment {
    let member = |number: usize| MemberFacts {
        id: format!("i-0123456789abcde{number}"),
        launch: 1,
        cpu_model: "Intel(R) Xeon(R) CPU E5-2686 v4 @ 2.30GHz".into(),
        kernel: "6.1.0".into(),
        calibration_before_micros: Some(1_000_000),
        calibration_after_micros: Some(1_010_000),
    };
    Environment {
        place: Place { kind: PlaceKind::Aws, region: "eu-west-1".into(), zone: "eu-west-1b (euw1-az2)".into() },
        generators: vec![GeneratorFacts {
            instance_id: "i-0aaa".into(),
            instance_type: "c6i.large".into(),
            parallelism: 2,
            cpu_model: "Intel(R) Xeon(R)".into(),
            kernel: "6.1.0".into(),
            ..GeneratorFacts::default()
        }],
        clusters: names
            .iter()
            .map(|name| ClusterFacts {
                cluster: name.clone(),
                instance_type: "t2.micro".into(),
                vcpus: 1,
                image: "ami-0123".into(),
                credits: Some(Credits { mode: CreditMode::Standard, baseline_per_mille: 100 }),
                program: String::new(),
                zones: String::new(),
                price: None,
                members: (0..4).map(member).collect(),
            })
            .collect(),
        versions: vec!["loadgen 0.1.0".into(), "balancer 0.1.0".into()],
        settings: vec!["balancer: c6i.large, RoundRobin".into()],
        balancers: vec!["i-0bbb".into()],
        notes: Vec::new(),
    }
}
