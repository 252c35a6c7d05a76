//! The document of a run: what is in it, how long it may be, and what is made of it.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use serde_json::Value;
use stats::{Latencies, document, hodges_lehmann, percent_faster, report, round_gains};
use support::sample::{material, spread};
use support::schema::violations;
use wire::{Asked, REPORT_LIMIT_BYTES, Report, RoundOutcome, SelfTestOutcome, Target, ThresholdOutcome, Validity};

fn schema() -> Value {
    serde_json::from_str(include_str!("../../docs/report.schema.json")).unwrap()
}

#[test]
fn the_document_is_what_the_committed_schema_says() {
    let mut material = material(2, 20, 300);
    spread(&mut material);
    let report = report(material).unwrap();
    let document: Value = serde_json::from_slice(&document(report).unwrap()).unwrap();
    assert_eq!(violations(&schema(), &document), [] as [String; 0]);
}

#[test]
fn the_checker_of_the_schema_finds_what_is_wrong() {
    let report = report(material(1, 1, 10)).unwrap();
    let mut document = serde_json::to_value(&report).unwrap();
    document["validity"] = "Maybe".into();
    document["clusters"][0]["requests"] = "ten".into();
    document["rounds"][0]["surprise"] = 1.into();
    document.as_object_mut().unwrap().remove("verdict");
    let found = violations(&schema(), &document);
    assert_eq!(found.len(), 4, "{found:?}");
}

#[test]
fn sixteen_clusters_in_twenty_rounds_fit_into_900_kib_with_every_histogram() {
    let report = report(material(16, 20, 3_000)).unwrap();
    let whole = serde_json::to_vec(&report).unwrap().len();
    let stored = document(report.clone()).unwrap();
    println!("{whole} bytes whole, {} stored", stored.len());
    assert!(stored.len() <= REPORT_LIMIT_BYTES, "{}", stored.len());
    let read: Report = serde_json::from_slice(&stored).unwrap();
    assert_eq!((&read.clusters, read.rounds.len()), (&report.clusters, 20), "totals stay whole");
    for (read, measured) in read.rounds.iter().zip(&report.rounds).flat_map(|(a, b)| a.clusters.iter().zip(&b.clusters))
    {
        let [read_all, measured_all] = [read, measured].map(|one| Latencies::decode(&one.histograms.response).unwrap());
        assert_eq!(read_all.count(), measured_all.count(), "no request of a round is lost");
        assert_eq!(read.latency, measured.latency, "numbers of rounds are not touched");
    }
    assert!(read.environment.notes.iter().all(|note| !note.contains("histograms of single rounds were left out")));
}

#[test]
fn a_report_that_cannot_fit_loses_details_of_rounds_and_says_so() {
    let mut material = material(2, 20, 300);
    spread(&mut material);
    let mut long = report(material).unwrap();
    long.rounds = (0..60).flat_map(|_| long.rounds.clone()).collect();
    let stored = document(long.clone()).unwrap();
    assert!(stored.len() <= REPORT_LIMIT_BYTES, "{}", stored.len());
    let read: Report = serde_json::from_slice(&stored).unwrap();
    assert_eq!((read.rounds.len(), &read.clusters), (1200, &long.clusters));
    let mut zones = read.rounds.iter().flat_map(|round| &round.clusters).flat_map(|cluster| &cluster.zones);
    assert!(zones.all(|zone| zone.histogram.is_empty()) && !read.clusters[0].zones[0].histogram.is_empty());
    assert!(read.environment.notes.iter().any(|note| note.contains("histograms")), "{:?}", read.environment.notes);
}

#[test]
fn totals_are_the_sums_of_the_rounds_and_voided_ones_are_not_in_them() {
    let mut material = material(2, 8, 1_000);
    material.rounds[3].outcome = RoundOutcome::Voided;
    material.rounds[3].reason = "i-1 of cluster1 was lost".into();
    material.planned_rounds = 7;
    let rounds = material.rounds.clone();
    let report = report(material).unwrap();
    let mut all = Latencies::new();
    for round in rounds.iter().filter(|round| round.outcome == RoundOutcome::Counted) {
        all.merge(&Latencies::decode(&round.clusters[0].histograms.response).unwrap());
    }
    let first = &report.clusters[0];
    assert_eq!((first.requests, first.failures.server_error, first.warmup_requests), (7_000, 7, 200));
    assert_eq!(first.latency, all.quantiles(7));
    assert_eq!(Latencies::decode(&first.histograms.response).unwrap(), all);
    assert_eq!((first.load_micros, first.requests_per_second), (7_000_000, 999));
    assert_eq!(report.comparisons[0].rounds, 7);
    assert_eq!(report.validity, Validity::Invalid, "1 of 8 rounds is more than a tenth");
}

#[test]
fn a_target_with_the_url_of_another_is_its_twin_and_not_compared_with_others() {
    let mut material = material(3, 20, 200);
    material.spec.targets[2] =
        Target { cluster: "cluster3".into(), url: material.spec.targets[0].url.clone(), ..Target::default() };
    let report = report(material).unwrap();
    let pairs: Vec<_> = report.comparisons.iter().map(|one| (one.cluster.as_str(), one.baseline.as_str())).collect();
    assert_eq!(pairs, [("cluster2", "cluster1")]);
    let test = report.self_test.unwrap();
    assert_eq!((test.comparisons[0].cluster.as_str(), test.outcome), ("cluster3", SelfTestOutcome::Passed));
    assert!(report.summary.ends_with("; self-test: no difference shown"), "{}", report.summary);
    assert!(
        report.verdict.contains("Self-test: no difference shown between cluster1 and itself"),
        "{}",
        report.verdict
    );
}

/// The third target: all members of the first two.
fn with_shared() -> stats::Material {
    let mut material = material(3, 20, 200);
    material.spec.targets[2] =
        Target { cluster: "shared".into(), url: "http://10.0.0.1:8080/".into(), shared: true, ..Target::default() };
    let third = |cluster: &&mut wire::ClusterReport| cluster.cluster == "cluster3";
    for cluster in material.rounds.iter_mut().flat_map(|round| &mut round.clusters).filter(third) {
        cluster.cluster = "shared".into();
        cluster.members = stats::shares([("i-1", 120), ("i-2", 80)].map(|(id, count)| (id.to_owned(), count)));
    }
    material.environment.clusters.truncate(2);
    for (facts, id) in material.environment.clusters.iter_mut().zip(["i-1", "i-2"]) {
        facts.members.truncate(1);
        facts.members[0].id = id.into();
    }
    material
}

#[test]
fn what_all_members_serve_together_is_said_to_be_no_cluster() {
    let mut material = with_shared();
    material.thresholds = vec![wire::Threshold {
        cluster: "shared".into(),
        metric: wire::Metric::P50,
        limit: wire::Limit::AtMost(1_000_000),
    }];
    let report = report(material).unwrap();
    let names: Vec<&str> = report.clusters.iter().map(|cluster| cluster.cluster.as_str()).collect();
    assert_eq!(names, ["cluster1", "cluster2", "shared"]);
    let all = report.comparisons.iter().chain(&report.further_comparisons);
    assert!(all.into_iter().all(|one| one.cluster == "cluster2" && one.baseline == "cluster1"));
    assert_eq!(report.thresholds[0].outcome, ThresholdOutcome::Undecided);
    assert_eq!(report.thresholds[0].sentence, "there is no cluster shared");
    assert_eq!(report.validity, Validity::Valid);
}

/// It has no members of its own that could be lost: that is no difference between clusters.
#[test]
fn voided_rounds_are_counted_for_clusters_only() {
    let mut material = with_shared();
    for round in &mut material.rounds[..6] {
        round.outcome = RoundOutcome::Voided;
        round.voided_by = ["cluster1", "cluster2"][usize::from(round.round % 2 == 0)].into();
    }
    let report = report(material).unwrap();
    assert_eq!(report.validity, Validity::Invalid, "6 of 20 are too many");
    assert!(report.reasons.iter().all(|reason| !reason.contains("another cluster")), "{:?}", report.reasons);
}

#[test]
fn its_sentence_says_whose_answers_they_were() {
    let report = report(with_shared()).unwrap();
    let (_, sentence) = report.verdict.split_once("shared: ").unwrap();
    assert!(sentence.starts_with("all members of cluster1 and cluster2 behind /: "), "{sentence}");
    assert!(sentence.contains("requests/s, p50 "), "{sentence}");
    let shares = "60 % of the answers from cluster1 and 40 % from cluster2; it is no cluster, and compared with none.";
    assert!(sentence.contains(shares), "{sentence}");
    assert!(!report.summary.contains("shared"), "{}", report.summary);
    // Of programs that do not name themselves nobody knows it.
    let mut unnamed = with_shared();
    unnamed.rounds.iter_mut().flat_map(|round| &mut round.clusters).for_each(|cluster| cluster.members.clear());
    let report = stats::report(unnamed).unwrap();
    assert!(
        report.verdict.contains("; it is no cluster") && !report.verdict.contains("of the answers from"),
        "{}",
        report.verdict
    );
}

#[test]
fn what_the_operator_told_the_run_is_in_the_report() {
    let mut material = material(2, 6, 200);
    let told = std::mem::take(&mut material.environment);
    material.environment.generators = told.generators.clone();
    material.environment.generators[0].instance_type.clear();
    material.rounds.iter_mut().flat_map(|round| &mut round.clusters).for_each(|cluster| cluster.slots = None);
    *material.spec.facts = wire::Facts {
        place: told.place.clone(),
        generator_type: "c6i.large".into(),
        clusters: told.clusters.clone(),
        versions: vec!["balancer 0.1.0".into()],
        settings: vec!["balancer: c6i.large, RoundRobin".into()],
        beside: Vec::new(),
        launch: 3,
        benchmark: Some(Asked { name: "a".into(), yaml: "spec: {}\n".into(), ..Asked::default() }),
    };
    let report = report(material).unwrap();
    assert_eq!(report.run.facts.benchmark.as_ref().unwrap().yaml, "spec: {}\n");
    assert_eq!((&report.environment.place, &report.environment.clusters), (&told.place, &told.clusters));
    assert_eq!(report.environment.generators[0].instance_type, "c6i.large");
    assert_eq!(report.environment.settings, ["balancer: c6i.large, RoundRobin"]);
    assert!(report.rounds.iter().all(|round| round.launch == 3 && round.clusters[0].slots == Some(4)));
    assert!(report.verdict.contains("cluster1 (t2.micro) has a baseline of 10 % of each vCPU"), "{}", report.verdict);
}

#[test]
fn thresholds_are_judged() {
    let report = report(material(2, 20, 1_000)).unwrap();
    let outcomes: Vec<ThresholdOutcome> = report.thresholds.iter().map(|result| result.outcome).collect();
    assert_eq!(outcomes, [ThresholdOutcome::Met, ThresholdOutcome::Met], "{:?}", report.thresholds);
}

#[test]
fn what_was_taken_from_members_is_a_share_of_all_the_time() {
    let round = |steal_per_mille, load_micros| wire::ClusterReport {
        steal_per_mille,
        load_micros,
        ..wire::ClusterReport::default()
    };
    let of = |rounds: &[wire::ClusterReport]| stats::sum("a", rounds).unwrap().steal_per_mille;
    // A second with a bad moment among nine of ten seconds each.
    let mut rounds = vec![round(Some(400), 1_000_000)];
    rounds.extend((0..9).map(|_| round(Some(2), 10_000_000)));
    assert_eq!(of(&rounds), Some(6));
    assert_eq!(of(&[round(None, 1_000_000), round(Some(30), 1_000_000)]), Some(30), "who is not known counts nothing");
    assert_eq!(of(&[round(None, 1_000_000)]), None);
}

#[test]
fn the_yaml_of_a_benchmark_is_given_up_before_what_was_measured_and_it_is_said() {
    let mut material = material(2, 6, 200);
    material.spec.facts.benchmark = Some(Asked { name: "a".into(), yaml: "#".repeat(1_000_000), ..Asked::default() });
    let long = report(material).unwrap();
    let read: wire::Report = serde_json::from_slice(&document(long.clone()).unwrap()).unwrap();
    let benchmark = read.run.facts.benchmark.unwrap();
    assert_eq!((benchmark.name.as_str(), benchmark.yaml.as_str()), ("a", ""));
    assert_eq!(read.environment.notes, ["the benchmark's YAML was left out: the report was too long"]);
    assert_eq!((read.rounds, read.clusters), (long.rounds, long.clusters));
}

#[test]
fn what_is_shown_of_each_round_is_what_the_comparison_is_made_of() {
    let mut material = material(2, 9, 200);
    material.rounds[2].outcome = RoundOutcome::Voided;
    material.rounds[4].clusters.reverse();
    let report = report(material).unwrap();
    let one = &report.comparisons[0];
    let gains = round_gains(one.metric, &report.rounds, &one.cluster, &one.baseline);
    assert_eq!(gains.iter().map(|gain| gain.place).collect::<Vec<_>>(), [0, 1, 3, 4, 5, 6, 7, 8]);
    assert_eq!(gains.iter().filter(|gain| gain.was_first).map(|gain| gain.place).collect::<Vec<_>>(), [4]);
    let logs: Vec<f64> = gains.iter().map(|gain| (gain.percent / 100.0).ln_1p()).collect();
    let estimate = percent_faster(hodges_lehmann(&logs).unwrap());
    assert!((estimate - one.faster_percent.unwrap()).abs() < 1e-9, "{estimate}");
}

#[test]
fn a_verdict_in_parts_says_no_more_and_no_less() {
    let report = |rounds, planned| {
        let mut material = material(2, rounds, 200);
        material.planned_rounds = planned;
        report(material).unwrap()
    };
    let valid = report(8, 8);
    let parts = stats::parts(&valid);
    assert_eq!(format!("{} {}", parts.headlines[0].claim, parts.headlines[0].basis), valid.comparisons[0].sentence);
    assert!(parts.headlines[0].basis.starts_with("(p50 latency of all requests, "), "{parts:?}");
    let all =
        [&parts.headlines[0].claim, &parts.headlines[0].basis, &parts.rest].map(String::len).iter().sum::<usize>();
    let notes: usize = parts.cautions.iter().map(|caution| "Note: . ".len() + caution.len()).sum();
    assert_eq!(all + 2 + notes, valid.verdict.len(), "{parts:?}\n{}", valid.verdict);
    let invalid = report(8, 80);
    let parts = stats::parts(&invalid);
    assert_eq!((parts.headlines[0].claim.as_str(), parts.cautions), (stats::NOT_VALID, invalid.reasons));
}
